"""A response in every form: whole, streamed, as text, as JSON, as a file; and what it says when that does not go."""

from __future__ import annotations

import gc
import gzip
import io
import json
import shutil
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

import requests_lite
from requests_lite import Response
from server import Cut, Expect, Send, Server, Wait


@contextmanager
def answered(content: bytes, *fields: str, status: str = "200 OK", stream: bool = False) -> Iterator[Response]:
    """Give the response that a server answering with content makes."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(content)}", *fields, "", ""]
    with Server([Expect(), Send("\r\n".join(lines).encode() + content)]) as server:
        with requests_lite.get(server.url + "/x", stream=stream) as response:
            yield response


def test_an_empty_response() -> None:
    response: Any = Response()
    assert (response.status_code, response.url, response.content, response.text) == (None, None, b"", "")
    assert list(response.iter_content()) == []
    assert response.raw.read() == b""
    assert not response
    assert repr(response) == "<Response [None]>"
    assert response.raise_for_status() is response
    response.raw.close()
    response.close()


@pytest.mark.parametrize(
    ("status", "ok"), [("200 OK", True), ("304 Not Modified", True), ("400 Bad", False), ("500 X", False)]
)
def test_the_truth_value_is_ok(status: str, ok: bool) -> None:
    with answered(b"", status=status) as response:
        assert bool(response) is response.ok is ok


def test_raise_for_status_says_what_the_server_said() -> None:
    content = b'{"error": "name is too long"}'
    with answered(content, "Content-Type: application/json", status="400 Bad Request") as response:
        with pytest.raises(requests_lite.HTTPError) as caught:
            response.raise_for_status()
        assert str(caught.value) == f"400 Bad Request for GET {response.url}: " + content.decode()
        assert caught.value.response is response
    with answered(b"\x89PNG", "Content-Type: image/png", status="404 Not Found") as response:
        with pytest.raises(requests_lite.HTTPError, match=r"^404 Not Found for GET http://[^ ]+$"):
            response.raise_for_status()


def test_json_and_what_is_none() -> None:
    with answered(b'{"a": 1}') as response:
        assert response.json() == {"a": 1}
    with answered('"ü"'.encode("utf-16")) as response:
        assert response.json() == "ü"
    with answered(b"<html>no</html>", "Content-Type: text/html") as response:
        with pytest.raises(
            requests_lite.JSONDecodeError, match=r"not JSON: text/html, 200, http://.*/x, starts with '<html>"
        ) as caught:
            response.json()
        assert isinstance(caught.value, ValueError)


def test_text_and_encoding() -> None:
    with answered("Grüße".encode(), "Content-Type: text/html") as response:
        assert response.encoding == "ISO-8859-1"  # as requests computes it
        assert response.text == "Grüße"  # but nobody declared that
        response.encoding = "latin-1"
        assert response.text == "GrÃ¼Ã\x9fe"
        assert response.encoding == "latin-1"
    with answered("Grüße".encode("latin-1"), "Content-Type: text/html; Charset=ISO-8859-1") as response:
        assert response.text == "Grüße"


def test_streamed_content_can_still_be_had_whole() -> None:
    with answered(b"content", stream=True) as response:
        assert response.content == b"content"
        assert list(response.iter_content(3)) == [b"con", b"ten", b"t"]
        assert list(response.iter_content()) == [b"content"]
        assert response.raw.read() == b""


def test_a_stream_goes_on_where_it_was_left_and_is_not_content() -> None:
    with answered(b"0123456789", stream=True) as response:
        assert next(response.iter_content(4)) == b"0123"
        with pytest.raises(requests_lite.StreamConsumedError):
            _ = response.content
        assert list(response.iter_content(4)) == [b"4567", b"89"]
        with pytest.raises(requests_lite.StreamConsumedError, match="to its end"):
            response.iter_content()
        with pytest.raises(TypeError):
            _ = response.content


@pytest.mark.parametrize("chunk_size", [0, -1, "5", 1.5])
def test_a_chunk_size_is_a_number_of_bytes(chunk_size: int) -> None:
    with answered(b"", stream=True) as response:
        with pytest.raises(requests_lite.InvalidContent, match="1 or more"):
            response.iter_content(chunk_size)


def test_compressed_content_streams_decoded_and_raw_does_not() -> None:
    content = bytes(range(256)) * 5000
    for chunk_size in (None, 1000, 10_000_000):
        with answered(gzip.compress(content), "Content-Encoding: gzip", stream=True) as response:
            blocks = list(response.iter_content(chunk_size))
        assert b"".join(blocks) == content
        assert chunk_size != 1000 or {len(block) for block in blocks} == {1000}
    with answered(gzip.compress(content), "Content-Encoding: gzip", stream=True) as response:
        assert gzip.decompress(response.raw.read()) == content


def test_a_compressed_stream_goes_on_where_it_was_left() -> None:
    with answered(gzip.compress(b"0123456789"), "Content-Encoding: gzip", stream=True) as response:
        assert next(response.iter_content(3)) == b"012"
        assert b"".join(response.iter_content(3)) == b"3456789"


def test_raw_is_a_binary_file() -> None:
    with answered(b'{"a": [1, 2]}', stream=True) as response:
        assert json.load(response.raw) == {"a": [1, 2]}
    with answered(b"erste\nzweite Zeile\n", stream=True) as response:
        assert list(io.TextIOWrapper(response.raw, "utf-8")) == ["erste\n", "zweite Zeile\n"]
    with answered(b"x" * 100_000, stream=True) as response:
        target = io.BytesIO()
        shutil.copyfileobj(response.raw, target)
        assert target.getvalue() == b"x" * 100_000
    with answered(b"0123456789", stream=True) as response:
        raw = response.raw
        room = bytearray(4)
        assert raw.readable()
        assert (raw.readinto(room), bytes(room)) == (4, b"0123")
        assert (raw.read(0), raw.read1(0), raw.read(3), raw.read()) == (b"", b"", b"456", b"789")
        assert (raw.read(5), raw.read1()) == (b"", b"")


def test_raw_reads_as_much_as_is_asked_for() -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"
    with Server([Expect(), Send(head + b"x" * 1000, every=7)]) as server:
        with requests_lite.get(server.url, stream=True) as response:
            assert [len(response.raw.read(300)) for _ in range(5)] == [300, 300, 300, 100, 0]


def test_chunked_content_comes_as_it_arrives() -> None:
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    first = b"5\r\nfirst\r\n"
    with Server([Expect(), Send(head + first), Wait()]) as server:
        with requests_lite.get(server.url, stream=True) as response:
            assert next(response.iter_content(1000)) == b"first"


def test_a_connection_serves_again_when_the_stream_was_read_and_not_when_it_was_closed() -> None:
    answer = Send(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nfirst")
    with Server([Expect(), answer] * 3, [Expect(), answer]) as server:
        for _ in range(2):
            with requests_lite.get(server.url, stream=True) as response:
                assert b"".join(response) == b"first"
        with requests_lite.get(server.url, stream=True):
            assert server.connections == 1
        assert requests_lite.get(server.url).content == b"first"
        assert server.connections == 2


def test_a_closed_stream_does_not_look_like_a_complete_one() -> None:
    with answered(b"content", stream=True) as response:
        blocks = response.iter_content(3)
        assert next(blocks) == b"con"
        response.close()
        with pytest.raises(requests_lite.ConnectionError, match="not read to its end"):
            list(blocks)
    with answered(b"content", stream=True) as response:
        response.raw.close()
        with pytest.raises(requests_lite.ConnectionError, match="not read to its end"):
            response.raw.read()


def test_a_cut_stream_stays_cut() -> None:
    with Server([Expect(), Send(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf"), Cut()]) as server:
        with requests_lite.get(server.url, stream=True) as response:
            with pytest.raises(requests_lite.IncompleteRead, match="got 4 of 9"):
                list(response.iter_content())
            with pytest.raises(requests_lite.IncompleteRead, match="got 4 of 9"):
                list(response.iter_content())
            with pytest.raises(requests_lite.RequestException):
                _ = response.content


def test_a_response_let_go_of_closes_its_connection_at_once() -> None:
    with Server([Expect(), Send(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf"), Wait()]) as server:
        gc.disable()
        try:
            response = requests_lite.get(server.url, stream=True)
            del response
            assert server.closed_by_client()
        finally:
            gc.enable()


def test_a_stream_that_broke_does_not_end_well_later() -> None:
    half = gzip.compress(bytes(range(256)) * 1000)[:-20]
    head = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(half)
    with Server([Expect(), Send(head + half)]) as server:
        with requests_lite.get(server.url, stream=True) as response:
            for _ in range(2):
                with pytest.raises(requests_lite.IncompleteRead):
                    list(response.iter_content())


def test_an_endless_error_page_is_not_read_for_its_first_words() -> None:
    head = b"HTTP/1.1 500 Oops\r\nContent-Type: text/plain\r\n\r\nendless"
    with Server([Expect(), Send(head), Wait()]) as server:
        with requests_lite.get(server.url, stream=True) as response:
            with pytest.raises(requests_lite.HTTPError, match=r"^500 Oops for GET http://[^ ]+$"):
                response.raise_for_status()


def test_json_too_deep_is_no_json() -> None:
    with answered(b"[" * 200_000) as response:
        with pytest.raises(requests_lite.JSONDecodeError):
            response.json()


def test_a_stream_half_read_and_let_go_of_closes_its_connection_at_once() -> None:
    with Server([Expect(), Send(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf"), Wait()]) as server:
        gc.disable()
        try:
            blocks = requests_lite.get(server.url, stream=True).iter_content()
            assert next(blocks) == b"half"
            del blocks
            assert server.closed_by_client()
        finally:
            gc.enable()


def test_an_interrupted_stream_does_not_end_well_later() -> None:
    def interrupt(number: int, frame: object) -> None:
        raise KeyboardInterrupt

    content = gzip.compress(bytes(range(256)) * 5000)
    head = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(content)
    before = signal.signal(signal.SIGALRM, interrupt)
    try:
        with Server([Expect(), Send(head + content[:1000]), Wait()]) as server:
            with requests_lite.get(server.url, stream=True) as response:
                signal.setitimer(signal.ITIMER_REAL, 0.2)
                with pytest.raises(KeyboardInterrupt):
                    list(response.iter_content())
                with pytest.raises(requests_lite.ConnectionError, match="interrupted"):
                    list(response.iter_content())
    finally:
        signal.signal(signal.SIGALRM, before)
