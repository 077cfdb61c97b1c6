"""Streams: what the manual of requests says of stream=True, of raw, and of content that is sent in pieces."""

from __future__ import annotations

import gzip
import io
import json
import pickle
import select
import shutil
import socket
import tarfile
import threading
import zlib
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pytest_httpbin.serve import Server as Httpbin
from test_session import GZIP, answer, chunked, moved

import requests_lite
from requests_lite import IncompleteRead, InvalidContent, RequestException, Response, Session, StreamConsumedError
from server import LIMIT, Cut, Expect, Send, Server, Step, Wait

MIB = 1 << 20
HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"

# By default the content is downloaded at once; stream=True leaves it where it is


def test_by_default_content_is_there_at_once() -> None:
    with Server([Expect(), answer(b"content"), Expect(), answer()]) as server, Session() as session:
        response = session.get(server.url)
        assert session.get(server.url).ok  # by the same connection, which has no content left on it
    assert response.content == b"content"


def test_with_stream_only_the_head_is_waited_for() -> None:
    go_on = threading.Event()
    with Server([Expect(), Send(HEAD % 7), Wait(go_on), Send(b"content")]) as server:
        with requests_lite.get(server.url, stream=True) as response:
            assert (response.status_code, response.headers["content-length"]) == (200, "7")
            go_on.set()
            assert response.content == b"content"


def test_with_stream_content_stays_on_the_wire() -> None:
    size = 64 * MIB
    went_out: list[int] = []
    stuck = threading.Event()

    def send(connection: socket.socket) -> None:
        """Send until the system takes no more, and when that is so, all the rest."""
        connection.sendall(HEAD % size)
        connection.setblocking(False)
        sent = 0
        while select.select([], [connection], [], 0.3)[1] and sent < size:
            sent += connection.send(bytes(min(MIB, size - sent)))
        went_out.append(sent)
        stuck.set()
        connection.settimeout(LIMIT)
        connection.sendall(bytes(size - sent))

    with Server([Expect(), send]) as server, requests_lite.get(server.url, stream=True) as response:
        assert stuck.wait(LIMIT)
        assert went_out[0] < size / 2
        assert sum(map(len, response.iter_content())) == size


@pytest.mark.parametrize(("length", "read"), [(10, True), (10**9, False)])
def test_whether_to_read_may_depend_on_the_head(length: int, read: bool) -> None:
    with Server([Expect(), Send(HEAD % length + b"0123456789"), Wait()]) as server:
        with requests_lite.get(server.url, stream=True) as response:
            content = response.content if int(response.headers["content-length"]) < 1000 else None
        assert content == (b"0123456789" if read else None)
        assert server.closed_by_client(timeout=LIMIT if not read else 0) is not read


def test_a_session_may_stream_by_default() -> None:
    endless = [Expect(), Send(HEAD % 10**9), Wait()]
    with Server(endless, endless, [Expect(), answer()]) as server, Session(stream=True) as session:
        with session.get(server.url) as response:
            assert response.ok
        with session.get(server.url) as response:
            assert response.ok
        assert session.get(server.url, stream=False).content == b"ok"


def test_a_response_with_nothing_to_come_streams_too() -> None:
    with Server([Expect(), Send(b"HTTP/1.1 204 No Content\r\n\r\n"), Expect(), answer()]) as server:
        with requests_lite.get(server.url, stream=True) as response:
            assert (list(response), response.content, response.raw.read()) == ([], b"", b"")
        assert requests_lite.head(server.url, stream=True).headers["content-length"] == "2"


def test_the_content_of_a_redirect_is_read_and_that_of_its_end_is_not() -> None:
    script = [Expect(b"GET /1"), moved("/2"), Expect(b"GET /2"), Send(HEAD % 10**9), Wait()]
    with Server(script) as server, requests_lite.get(server.url + "/1", stream=True) as response:
        assert response.url == server.url + "/2"
        assert response.history[0].content == b""


# The connection is back in the pool when the content was consumed, and closed when it was not

CONSUMING: dict[str, Callable[[Response], object]] = {
    "content": lambda response: response.content,
    "text": lambda response: response.text,
    "json": lambda response: response.json(),
    "iteration": list,
    "iter_content": lambda response: list(response.iter_content(3)),
    "iter_lines": lambda response: list(response.iter_lines()),
    "iter_json": lambda response: list(response.iter_json()),
    "read": lambda response: response.read(),
    "raw.read": lambda response: response.raw.read(),
    "raw.stream": lambda response: list(response.raw.stream(2)),
    "copyfileobj": lambda response: shutil.copyfileobj(response.raw, io.BytesIO()),
    "pickle": pickle.dumps,
}
LEAVING: dict[str, Callable[[Response], object]] = {
    "nothing": lambda response: None,
    "read": lambda response: response.read(2),
    "raw": lambda response: response.raw.read(2),
    "next": lambda response: next(response.iter_content(1)),
    "iter_content": lambda response: response.iter_content(),
}


@pytest.mark.parametrize("reply", [answer(b"1234567"), chunked(b"1234", b"567")], ids=["length", "chunked"])
@pytest.mark.parametrize("how", CONSUMING)
def test_a_connection_serves_again_when_all_was_read(how: str, reply: Send) -> None:
    with Server([Expect(), reply, Expect(), answer()]) as server, Session() as session:
        CONSUMING[how](session.get(server.url, stream=True))
        assert session.get(server.url).content == b"ok"
        assert server.connections == 1


@pytest.mark.parametrize("reply", [answer(b"1234567"), chunked(b"1234", b"567")], ids=["length", "chunked"])
@pytest.mark.parametrize("how", LEAVING)
def test_a_connection_is_closed_when_something_was_left(how: str, reply: Send) -> None:
    with Server([Expect(), reply], [Expect(), answer()]) as server, Session() as session:
        response = session.get(server.url, stream=True)
        LEAVING[how](response)
        assert not server.closed_by_client(timeout=0)
        response.close()
        assert server.closed_by_client()
        response.close()
        assert session.get(server.url).content == b"ok"


@pytest.mark.parametrize("how", LEAVING)
def test_with_closes_whatever_happens(how: str) -> None:
    with Server([Expect(), answer(b"1234567")]) as server:
        with pytest.raises(ZeroDivisionError), requests_lite.get(server.url, stream=True) as response:
            LEAVING[how](response)
            raise ZeroDivisionError
        assert server.closed_by_client()


def test_the_last_byte_is_the_end() -> None:
    """Where the length is known nobody has to read b'' behind it."""
    with Server([Expect(), answer(b"1234567"), Expect(), answer()]) as server, Session() as session:
        assert session.get(server.url, stream=True).read(7) == b"1234567"
        assert session.get(server.url).ok


def test_streams_side_by_side() -> None:
    """Each holds its own connection, and what comes on one is not the other's."""
    with Server(*[[Expect(b"GET /%d" % n), answer(b"%d" % n * 7)] for n in range(3)]) as server:
        streams = [requests_lite.get(f"{server.url}/{n}", stream=True) for n in range(3)]
        pieces = [[stream.read(2) for stream in streams] for _ in range(4)]
        assert [b"".join(column) for column in zip(*pieces, strict=True)] == [b"0" * 7, b"1" * 7, b"2" * 7]


# Content in blocks


@pytest.mark.parametrize("size", [1, 2, 3, 7, 100])
@pytest.mark.parametrize("fields", [[], [GZIP]], ids=["plain", "gzip"])
def test_blocks_of_a_size(size: int, fields: list[str]) -> None:
    content = bytes(range(23))
    sent = gzip.compress(content) if fields else content
    with Server([Expect(), answer(sent, *fields, every=1)]) as server:
        with requests_lite.get(server.url, stream=True) as response:
            blocks = list(response.iter_content(size))
    assert blocks == [content[at : at + size] for at in range(0, 23, size)]


def test_chunks_come_one_by_one_when_no_size_is_given() -> None:
    came = threading.Event()
    with Server([Expect(), Send(CHUNKED + b"3\r\none\r\n"), Wait(came), Send(b"3\r\ntwo\r\n0\r\n\r\n")]) as server:
        with requests_lite.get(server.url, stream=True) as response:
            blocks = response.iter_content(chunk_size=None)
            assert next(blocks) == b"one"
            came.set()
            assert list(blocks) == [b"two"]


def test_a_size_is_a_limit_for_chunks() -> None:
    with Server([Expect(), chunked(b"12345", b"6")]) as server:
        with requests_lite.get(server.url, stream=True) as response:
            blocks = list(response.iter_content(2))
    assert b"".join(blocks) == b"123456"
    assert max(map(len, blocks)) == 2


def test_a_file_written_block_by_block(tmp_path: Path) -> None:
    content = bytes(range(256)) * 4096
    with Server([Expect(), answer(content)]) as server, (tmp_path / "file").open("wb") as file:
        with requests_lite.get(server.url, stream=True) as response:
            for block in response.iter_content(chunk_size=1000):
                file.write(block)
    assert (tmp_path / "file").read_bytes() == content


def test_content_that_is_there_comes_in_blocks_as_often_as_one_likes() -> None:
    with Server([Expect(), answer(b"content")]) as server:
        response = requests_lite.get(server.url)
    assert list(response.iter_content(3)) == list(response.iter_content(3)) == [b"con", b"ten", b"t"]
    assert (list(response), response.read(3), response.read()) == ([b"content"], b"con", b"tent")


def test_a_stream_is_read_once() -> None:
    with Server([Expect(), answer(b"content")]) as server, requests_lite.get(server.url, stream=True) as response:
        assert b"".join(response) == b"content"
        for again in (response.iter_content, response.iter_lines, lambda: response.content, response.json):
            with pytest.raises(StreamConsumedError) as caught:
                list(again())
            assert caught.value.response is response


@pytest.mark.parametrize("coding", ["gzip", "deflate", "raw deflate", "br", "zstd"])
def test_codings_come_off_while_it_streams(coding: str) -> None:
    content = b"".join(b"%d\n" % number for number in range(20_000))
    raw = zlib.compressobj(wbits=-15)
    compress: dict[str, Callable[[bytes], bytes]] = {
        "gzip": gzip.compress,
        "deflate": zlib.compress,
        "raw deflate": lambda data: raw.compress(data) + raw.flush(),
        "br": lambda data: bytes(pytest.importorskip("brotli").compress(data)),
        "zstd": lambda data: bytes(zstd().compress(data)),
    }
    sent = compress[coding](content)
    field = f"Content-Encoding: {coding.split()[-1]}"
    with Server([Expect(coding.split()[-1].encode()), answer(sent, field, every=7000)] * 2) as server:
        with requests_lite.get(server.url, stream=True) as response:
            assert list(response.iter_lines()) == content.splitlines()
        with requests_lite.get(server.url, stream=True) as response:
            assert response.raw.read() == sent


def zstd() -> Any:
    try:
        return import_module("compression.zstd")
    except ImportError:
        return pytest.importorskip("backports.zstd")


@pytest.mark.parametrize("cut", [1, -1, -5, "half"])
def test_a_zstd_stream_that_is_cut(cut: Any) -> None:
    sent = zstd().compress(bytes(range(256)) * 100)
    with Server(
        [Expect(), answer(sent[: len(sent) // 2 if cut == "half" else cut], "Content-Encoding: zstd")]
    ) as server:
        with pytest.raises(IncompleteRead, match="the zstd stream was cut"):
            requests_lite.get(server.url)


def test_zstd_in_several_frames_and_in_none() -> None:
    several = zstd().compress(b"one ") + zstd().compress(b"two")
    field = "Content-Encoding: zstd"
    with Server(
        [Expect(), answer(several, field), Expect(), answer(b"", field), Expect(), answer(b"no", field)]
    ) as server:
        assert requests_lite.get(server.url).content == b"one two"
        assert requests_lite.get(server.url).content == b""
        with pytest.raises(requests_lite.ContentDecodingError, match="the content is not zstd"):
            requests_lite.get(server.url)


def test_a_bomb_of_zstd_comes_in_small_blocks() -> None:
    with Server([Expect(), answer(zstd().compress(bytes(64 * MIB)), "Content-Encoding: zstd")]) as server:
        with requests_lite.get(server.url, stream=True) as response:
            sizes = [len(block) for block in response.iter_content()]
    assert (sum(sizes), max(sizes) <= MIB) == (64 * MIB, True)


# Lines


class Pieces:
    """A file that gives what it holds in certain pieces."""

    def __init__(self, pieces: list[bytes]) -> None:
        self.pieces = [piece for piece in pieces if piece]

    def read(self, limit: int) -> bytes:
        piece = self.pieces.pop(0) if self.pieces else b""
        if piece[limit:]:
            self.pieces.insert(0, piece[limit:])
        return piece[:limit]


def in_pieces(pieces: list[bytes], content_type: str = "") -> Response:
    response = Response()
    response.status_code, response.raw = 200, Pieces(pieces)
    if content_type:
        response.headers["Content-Type"] = content_type
    return response


# Few letters, so that ends, halves of ends and delimiters come often.
PIECES = st.lists(st.binary(max_size=6) | st.text("ab\r\n|", max_size=6).map(str.encode), max_size=12)
SIZES = st.none() | st.integers(1, 8)
# Their decoders give the same for pieces as for the whole, whatever the bytes.
CHARSETS = ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-32", "iso-8859-1", "windows-1252", "ascii"]


@given(PIECES, SIZES)
@example([b"a\r", b"\nb"], None)
@example([b"\r"], None)
@example([b"a", b"\n", b"\n", b"b\n"], None)
@example([b"a\x0bb\x0cc\x1cd\xc2\x85e"], 1)  # ends in text, not in bytes
def test_lines_are_those_of_the_whole(pieces: list[bytes], size: int | None) -> None:
    assert list(in_pieces(pieces).iter_lines(size)) == b"".join(pieces).splitlines()


@given(PIECES, SIZES, st.text("ab\r\n|", min_size=1, max_size=3))
@example([b"aa", b"a"], None, "aa")
@example([b"|", b"|"], 1, "||")
@example([b"a\r", b"\nb\r\n"], None, "\r\n")
def test_lines_by_a_delimiter_are_those_of_the_whole(pieces: list[bytes], size: int | None, delimiter: str) -> None:
    expected = b"".join(pieces).split(delimiter.encode())
    expected = expected if expected[-1] else expected[:-1]  # behind the last delimiter there is no line
    assert list(in_pieces(pieces).iter_lines(size, delimiter=delimiter.encode())) == expected
    assert list(in_pieces(pieces).iter_lines(size, delimiter=delimiter)) == expected


TEXTS = st.lists(st.text("ab\r\n|ä€😀\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029", max_size=6), max_size=8).map("".join)


@given(st.sampled_from(CHARSETS), st.data(), SIZES)
def test_lines_of_text_are_those_of_the_whole(charset: str, data: st.DataObject, size: int | None) -> None:
    mark = "".encode(charset)  # a BOM, where the charset has to have one
    content = data.draw(
        TEXTS.map(lambda text: text.encode(charset, "replace")) | st.binary(max_size=40).map(mark.__add__)
    )
    cuts = sorted(data.draw(st.lists(st.integers(0, len(content)), max_size=6)))
    pieces = [content[start:end] for start, end in zip([0, *cuts], [*cuts, len(content)], strict=True)]
    kind = f"text/plain; charset={charset}"
    text = in_pieces(pieces, kind).text
    assert "".join(in_pieces(pieces, kind).iter_content(size, decode_unicode=True)) == text
    assert list(in_pieces(pieces, kind).iter_lines(size, decode_unicode=True)) == text.splitlines()
    for delimiter in ("|", b"|", "€"):
        expected = text.split(delimiter if isinstance(delimiter, str) else delimiter.decode())
        lines = list(in_pieces(pieces, kind).iter_lines(size, decode_unicode=True, delimiter=delimiter))
        assert lines == (expected if expected[-1] else expected[:-1])


@pytest.mark.parametrize("size", [None, 1, 3])
@pytest.mark.parametrize("charset", ["utf-16", "UTF-32"])
def test_text_without_the_mark_that_its_charset_wants(charset: str, size: int | None) -> None:
    content = "aä\nb".encode(charset)[len("".encode(charset)) :]
    response = in_pieces([content], f"text/plain; charset={charset}")
    assert list(response.iter_lines(size, decode_unicode=True)) == ["aä", "b"]


# What Python has a codec for is not always a charset.
CODECS = (
    "base64 hex zlib bz2 quopri uu rot13 undefined idna punycode utf-7 unicode_escape raw_unicode_escape mbcs".split()
)


@pytest.mark.parametrize("codec", CODECS)
def test_a_charset_that_is_none_is_no_error(codec: str) -> None:
    response = in_pieces([b"a\xc3", b"\xa4\nb"], f"text/plain; charset={codec}")
    texts = "".join(response.iter_content(decode_unicode=True)), in_pieces([b"a"], f"text/plain; charset={codec}").text
    assert all(text.startswith("a") for text in texts) or codec == "punycode"  # which some Pythons can read


def test_lines_however_the_wire_cuts_them() -> None:
    content = "eins\r\nzwei\n\nä€\rdrei".encode()
    whole = chunked(content[:9], content[9:17], content[17:]).pieces[0]
    for every in (1, 2, 3, 5):
        with Server([Expect(), Send(whole, every=every)]) as server:
            with requests_lite.get(server.url, stream=True) as response:
                assert list(response.iter_lines()) == content.splitlines()


def test_a_delimiter_is_not_empty() -> None:
    for delimiter in ("", b""):
        with pytest.raises(InvalidContent, match="a delimiter is not empty"):
            in_pieces([b"x"]).iter_lines(delimiter=delimiter)


def test_text_only_where_there_is_an_encoding() -> None:
    """As in requests: without one there are bytes, and a fallback can be set."""
    assert list(in_pieces([b"\xc3\xa4\n"]).iter_lines(decode_unicode=True)) == [b"\xc3\xa4"]
    response = in_pieces([b"\xe4\n"])
    if response.encoding is None:
        response.encoding = "latin-1"
    assert list(response.iter_lines(decode_unicode=True)) == ["ä"]
    assert list(in_pieces([b"\xc3", b"\xa4\n"], "text/html").iter_lines(decode_unicode=True)) == ["ä"]
    for unknown in ("nosuch", "a\0b"):
        response = in_pieces([b"\xc3", b"\xa4\n"], f"text/html; charset={unknown}")
        assert list(response.iter_lines(decode_unicode=True)) == ["ä"]


def test_a_stream_of_json_as_the_manual_reads_it(httpbin: Httpbin) -> None:
    with requests_lite.get(httpbin.url + "/stream/20", stream=True) as response:
        values = [json.loads(line.decode("utf-8")) for line in response.iter_lines() if line]
    assert [value["id"] for value in values] == list(range(20))


def test_lines_in_linear_time() -> None:
    pieces = [b"x" * 1000] * 5000
    assert [len(line) for line in in_pieces([*pieces, b"\n", *pieces]).iter_lines()] == [5 * 10**6] * 2


# raw is a binary file


def streamed(content: bytes, *fields: str) -> Any:
    """Return a server that answers with content in small pieces, and what to ask it for a raw file with."""
    return Server([Expect(), answer(content, *fields, every=max(1, len(content) // 5))])


def test_raw_has_the_manners_of_a_binary_file() -> None:
    with streamed(b"one\ntwo\nthree") as server, requests_lite.get(server.url, stream=True) as response:
        raw = response.raw
        assert isinstance(raw, io.BufferedIOBase)
        assert (raw.readable(), raw.writable(), raw.seekable(), raw.closed) == (True, False, False, False)
        assert raw is response.raw
        with pytest.raises(io.UnsupportedOperation):
            raw.fileno()
        with pytest.raises(io.UnsupportedOperation):
            raw.write(b"x")
        buffer = bytearray(6)
        assert (raw.read(0), raw.readinto(buffer), bytes(buffer)) == (b"", 6, b"one\ntw")
        assert raw.readline() == b"o\n"
        assert list(raw) == [b"three"]
        assert (raw.read(), raw.read(5), raw.readinto(buffer), raw.readline()) == (b"", b"", 0, b"")
        assert (raw.status, raw.reason, raw.headers) == (200, "OK", response.headers)


def test_raw_gives_what_is_there_or_what_is_asked_for() -> None:
    rest = threading.Event()
    with Server([Expect(), Send(HEAD % 6 + b"abc"), Wait(rest), Send(b"def")]) as server:
        with requests_lite.get(server.url, stream=True) as response:
            buffer = bytearray(9)
            assert (response.raw.readinto1(memoryview(buffer)[:2]), bytes(buffer[:2])) == (2, b"ab")
            assert response.raw.read1(100) == b"c"
            rest.set()
            assert response.raw.read(3) == b"def"


@pytest.mark.parametrize("length", [None, 0, 1, 5, 10**6])
def test_raw_goes_to_a_file_by_copyfileobj(length: int | None) -> None:
    content = bytes(range(256)) * 1000
    with streamed(content) as server, requests_lite.get(server.url, stream=True) as response:
        target = io.BytesIO()
        if length is None:
            shutil.copyfileobj(response.raw, target)
        else:
            shutil.copyfileobj(response.raw, target, length or -1)
    assert target.getvalue() == content


def test_raw_is_text_by_a_wrapper() -> None:
    text = "Zeile ä\r\nzweite €\nohne Ende"
    with streamed(text.encode()) as server, requests_lite.get(server.url, stream=True) as response:
        lines = io.TextIOWrapper(response.raw, encoding="utf-8", newline="")
        assert list(lines) == text.splitlines(keepends=True)


def test_raw_is_json_pickle_tar_and_gzip() -> None:
    value = {"a": [1, 2, {"b": "ä" * 1000}]}
    with streamed(json.dumps(value).encode()) as server, requests_lite.get(server.url, stream=True) as response:
        assert json.load(response.raw) == value
    with streamed(pickle.dumps([value] * 3)) as server, requests_lite.get(server.url, stream=True) as response:
        assert pickle.load(response.raw) == [value] * 3
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w:gz") as tar:
        tar.addfile(member := tarfile.TarInfo("name"), io.BytesIO())
        assert member.size == 0
    with streamed(archive.getvalue()) as server, requests_lite.get(server.url, stream=True) as response:
        with tarfile.open(fileobj=response.raw, mode="r|gz") as tar:
            assert tar.getnames() == ["name"]
    with streamed(gzip.compress(b"content"), GZIP) as server, requests_lite.get(server.url, stream=True) as response:
        assert response.raw.read(2) + b"" == b"\x1f\x8b"


def test_raw_takes_codings_off_when_it_is_told_to() -> None:
    """As users of requests have it: raw.decode_content = True, and copyfileobj."""
    sent = gzip.compress(b"content" * 1000)
    for how in ("attribute", "argument", "stream"):
        with streamed(sent, GZIP) as server, requests_lite.get(server.url, stream=True) as response:
            if how == "attribute":
                response.raw.decode_content = True
                target = io.BytesIO()
                shutil.copyfileobj(response.raw, target)
                content = target.getvalue()
            elif how == "argument":
                content = response.raw.read(5, decode_content=True) + response.raw.read()
            else:
                content = b"".join(response.raw.stream(100, decode_content=True))
        assert content == b"content" * 1000


@pytest.mark.parametrize("close", [lambda raw: raw.close(), lambda raw: raw.release_conn(), lambda raw: raw.__exit__()])
def test_raw_closed_is_the_connection_closed(close: Callable[[Any], object]) -> None:
    with Server([Expect(), Send(HEAD % 9 + b"half")]) as server:
        raw = requests_lite.get(server.url, stream=True).raw
        assert raw.read(1) == b"h"
        close(raw)
        assert (raw.closed, server.closed_by_client()) == (True, True)
        with pytest.raises((RequestException, ValueError)):
            raw.read()


@pytest.mark.parametrize("end", ["length", "chunk"])
@pytest.mark.parametrize("read", [lambda raw: raw.read(), lambda raw: raw.read(100), lambda raw: list(raw), json.load])
def test_a_raw_content_that_is_cut_says_so(read: Callable[[Any], object], end: str) -> None:
    start = HEAD % 99 + b"[1, 2" if end == "length" else CHUNKED + b"63\r\n[1, 2"
    with Server([Expect(), Send(start), Cut()]) as server, requests_lite.get(server.url, stream=True) as response:
        with pytest.raises(IncompleteRead, match=r"5 (of 99 )?bytes"):
            read(response.raw)


# Content sent in pieces


def content_of(received: bytes) -> bytes:
    """Return the content of a request, its chunks put together; its Content-Length has to be right."""
    head, _, body = received.partition(b"\r\n\r\n")
    if b"chunked" not in head:
        assert b"Content-Length: %d\r\n" % len(body) in head + b"\r\n"
        return body
    content = b""
    while size := int(body.partition(b"\r\n")[0], 16):
        body = body.partition(b"\r\n")[2]
        content, body = content + body[:size], body[size + 2 :]
    return content


def test_a_generator_goes_out_in_chunks_as_it_makes_them() -> None:
    got_first = threading.Event()

    def reads_first(connection: socket.socket) -> None:
        received = b""
        while b"\r\nfirst\r\n" not in received:
            received += connection.recv(1000)
        assert b"Transfer-Encoding: chunked\r\n" in received
        assert b"Content-Length" not in received
        got_first.set()
        while not received.endswith(b"\r\n0\r\n\r\n"):
            received += connection.recv(1000)
        assert received.partition(b"\r\n\r\n")[2] == b"5\r\nfirst\r\n6\r\nsecond\r\n0\r\n\r\n"

    def pieces() -> Iterator[bytes]:
        yield b"first"
        assert got_first.wait(LIMIT), "the first piece did not go out before the second was made"
        yield b""  # this would be the end, were it sent
        yield b"second"

    with Server([reads_first, answer()]) as server:
        assert requests_lite.post(server.url, data=pieces()).ok


@pytest.mark.parametrize(
    "pieces",
    [
        ["hi", "there"], [b"hi", b"there"], [bytearray(b"hi"), memoryview(b"there")], ["h", b"i", bytearray(b"there")],
        [b"hi", memoryview(b"ttheree")[1:-1]],
    ],
)  # fmt: skip
def test_pieces_of_every_kind(pieces: list[Any]) -> None:
    with Server([Expect(b"\r\n\r\n"), answer()]) as server:
        assert requests_lite.post(server.url, data=iter(pieces)).ok
    assert content_of(server.received[0]) == b"hithere"


@pytest.mark.parametrize("wrong", [5, None, ["x"]])
def test_pieces_that_are_no_bytes(wrong: Any) -> None:
    with Server([Expect(content=False)]) as server:
        with pytest.raises(InvalidContent, match="content is made of bytes or str, not of "):
            requests_lite.post(server.url, data=iter([b"good", wrong]))
        assert server.closed_by_client()


def test_a_file_goes_out_with_its_length(tmp_path: Path) -> None:
    path = tmp_path / "massive-body"
    path.write_bytes(bytes(range(256)) * 4096)
    without = [b"Transfer-Encoding"]
    with path.open("rb") as file, Server([Expect(b"Content-Length: 1048576\r\n", without=without), answer()]) as server:
        assert requests_lite.post(server.url, data=file).ok
    assert server.received[0].endswith(b"\r\n\r\n" + path.read_bytes())
    with path.open("rb") as file, Server([Expect(b"Content-Length: 6\r\n", without=without), answer()]) as server:
        file.seek(-6, io.SEEK_END)
        assert requests_lite.put(server.url, data=file).ok
    assert server.received[0].endswith(b"\r\n\r\n" + bytes(range(250, 256)))


def test_a_text_file_goes_out_whole(tmp_path: Path) -> None:
    """What requests warns of: a length in characters, or in bytes before line ends were translated."""
    path = tmp_path / "text"
    path.write_bytes("ä\r\nö\r\n".encode() * 1000)
    expected = "ä\nö\n".encode() * 1000
    with path.open(encoding="utf-8") as file, Server([Expect(), answer()]) as server:
        assert requests_lite.post(server.url, data=file).ok
    assert content_of(server.received[0]) == expected


def test_a_file_is_read_as_it_goes_out(tmp_path: Path) -> None:
    path = tmp_path / "large"
    with path.open("wb") as file:
        file.truncate(256 * MIB)
    told: list[int] = []
    early: list[Step] = [Expect(content=False), answer(b"too large", "Connection: close", status="413 Too Large")]
    with path.open("rb") as file, Server(early) as server:
        response = requests_lite.put(server.url, data=file, progress=lambda done, total: told.append(done))
        assert (response.status_code, response.content) == (413, b"too large")
        assert file.tell() < 256 * MIB
    assert max(told, default=0) < 256 * MIB


def test_a_stream_goes_on_to_another_server() -> None:
    """What comes in is sent on, never whole in memory: a response is a file to read from."""
    content = bytes(range(256)) * 8192
    with Server([Expect(), answer(content)]) as source, Server([Expect(), answer()], [Expect(), answer()]) as target:
        with requests_lite.get(source.url, stream=True) as response:
            assert requests_lite.put(target.url, data=response.raw).ok
    assert content_of(target.received[0]) == content
