"""One exchange: how content is announced, what may go out twice, and whose answer one gets."""

from __future__ import annotations

import io
import os
import socket
import ssl
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from time import monotonic
from typing import Any

import pytest

from conftest import Certificates
from requests_lite.packages.poster.body import BLOCK
from requests_lite.packages.poster.connect import Origin
from requests_lite.packages.poster.connection import Connection, Message
from requests_lite.packages.poster.errors import (
    ConnectError,
    ConnectionLost,
    ContentMismatch,
    IncompleteBody,
    InvalidMessage,
    ProtocolError,
    TransferTimeout,
)
from requests_lite.packages.poster.headers import Headers, HeadersLike
from requests_lite.packages.poster.opener import IDEMPOTENT, SMALL, Opener, host_field, may_resend
from requests_lite.packages.poster.part import BLOCK_SIZE as FILE_BLOCK
from requests_lite.packages.poster.pool import Pool
from requests_lite.packages.poster.sending import Block, Content, FileContent
from server import Cut, Expect, Reset, Script, Send, Server, Step, Wait
from wire import OK, TWO, answer

RESPONSE = OK + TWO + b"ok"
BIG = os.urandom(3 * SMALL + 5)


@pytest.fixture
def opener() -> Iterator[Opener]:
    opener = Opener()
    yield opener
    opener.pool.close()


def send(
    opener: Opener,
    origin: Origin,
    method: str = "GET",
    headers: HeadersLike = (),
    content: bytes | Content | None = None,
    target: str = "/",
    **more: Any,
) -> Message:
    return opener.exchange(origin, method, target, Headers(headers), content, **{"silence": 5.0, **more})


def request(
    method: str, headers: HeadersLike = (), content: bytes | Content | None = None, opener: Opener | None = None
) -> tuple[bytes, bytes]:
    """Return the head, without its first two lines, and the content as they arrive at a server."""
    with Server([Expect(method.encode() + b" / HTTP/1.1\r\n"), Send(RESPONSE)]) as server:
        sender = opener or Opener()
        assert send(sender, server.origin, method, headers, content).body.read_all() == b"ok"
        sender.pool.close()
    head, _, body = server.received[0].partition(b"\r\n\r\n")
    lines = head.split(b"\r\n", 2)
    assert lines[:2] == [f"{method} / HTTP/1.1".encode(), f"Host: {server.host}:{server.port}".encode()]
    return (lines[2] if len(lines) > 2 else b""), body


def dechunked(body: bytes) -> bytes:
    """Return what is in chunks, which have to be whole."""
    content = b""
    while True:
        size, _, body = body.partition(b"\r\n")
        length = int(size, 16)
        content += body[:length]
        assert body[length : length + 2] == b"\r\n"
        body = body[length + 2 :]
        if not length:
            assert body == b""
            return content


# How content is announced.


@pytest.mark.parametrize("method", ["GET", "HEAD", "DELETE", "OPTIONS", "X"])
def test_no_content(method: str) -> None:
    """There is nothing to announce."""
    with Server([Expect(method.encode() + b" / "), Send(b"HTTP/1.1 204 No Content\r\n\r\n")]) as server:
        opener = Opener()
        send(opener, server.origin, method)
        opener.pool.close()
    assert server.received[0] == f"{method} / HTTP/1.1\r\nHost: {server.host}:{server.port}\r\n\r\n".encode()


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH"])
def test_no_content_where_some_is_awaited(method: str) -> None:
    """RFC 9110 s8.6."""
    assert request(method) == (b"Content-Length: 0", b"")
    assert request(method, {"Content-Length": "0"}) == (b"Content-Length: 0", b"")


@pytest.mark.parametrize("size", [0, 1, 1000, SMALL - 1, SMALL, SMALL + 1, 3 * SMALL, BLOCK + 1])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_bytes(size: int, method: str) -> None:
    content = os.urandom(size)
    assert request(method, (), content) == (f"Content-Length: {size}".encode(), content)


@pytest.mark.parametrize("size", [0, 1, 1000, SMALL - 1, SMALL, SMALL + 1, FILE_BLOCK + 1])
def test_a_file(size: int, tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(content := os.urandom(size))
    for buffering in (0, -1):
        with (tmp_path / "a").open("rb", buffering) as file:
            content_of_file = FileContent(file)
            assert request("PUT", (), content_of_file) == (f"Content-Length: {size}".encode(), content)


@pytest.mark.parametrize("count", [1, SMALL // 3, SMALL // 3 + 1, SMALL])
def test_a_text_file(count: int, tmp_path: Path) -> None:
    """The length is that of the bytes that go out."""
    (tmp_path / "a").write_text("\N{SNOWMAN}" * count, encoding="utf-16")
    with (tmp_path / "a").open(encoding="utf-16") as file:
        head, content = request("PUT", (), FileContent(file))
    assert head == f"Content-Length: {3 * count}".encode()
    assert content == ("\N{SNOWMAN}" * count).encode()


def test_an_iterator() -> None:
    """Its length is not known, so it goes out in chunks; empty blocks would be the end and are skipped."""
    blocks: list[Block | str] = [b"ab", "", b"", "\u00fc", b"c" * 70_000, memoryview(b""), b"d"]
    head, content = request("POST", (), Content(iter(blocks)))
    assert head == b"Transfer-Encoding: chunked"
    assert content == b"2\r\nab\r\n2\r\n\xc3\xbc\r\n11170\r\n" + b"c" * 70_000 + b"\r\n1\r\nd\r\n0\r\n\r\n"


def test_an_iterator_of_nothing() -> None:
    assert request("POST", (), Content(iter(()))) == (b"Transfer-Encoding: chunked", b"0\r\n\r\n")


def test_a_pipe() -> None:
    reading, writing = os.pipe()
    os.write(writing, b"abc")
    os.close(writing)
    with open(reading, "rb") as pipe:
        head, content = request("POST", (), FileContent(pipe))
    assert (head, dechunked(content)) == (b"Transfer-Encoding: chunked", b"abc")


@pytest.mark.parametrize("size", [0, 3, SMALL, SMALL + 1, 3 * SMALL])
def test_a_length_given_for_an_iterator(size: int) -> None:
    """It wins over chunks."""
    blocks = [b"", b"a" * (size // 2), b"", b"b" * (size - size // 2), b""]
    assert request("POST", {"content-length": str(size)}, Content(iter(blocks))) == (
        f"content-length: {size}".encode(),
        b"".join(blocks),
    )


@pytest.mark.parametrize("announced", [3, SMALL, SMALL + 1, 3 * SMALL])
@pytest.mark.parametrize("difference", [-3, -1, 1, 3 * SMALL])
def test_a_length_given_that_is_wrong(announced: int, difference: int, opener: Opener) -> None:
    """The server never gets a byte too many, nor a connection on which it would wait for the next request's bytes."""
    blocks = [b"a" * (announced + difference - 1), b"b"] if announced + difference else []
    first = [Expect(), Send(RESPONSE), Wait()]
    with Server(first, [Expect(b"GET /next"), Send(RESPONSE)], []) as server:
        send(opener, server.origin).body.read_all()
        with pytest.raises(ContentMismatch):
            send(opener, server.origin, "POST", {"Content-Length": str(announced)}, Content(iter(blocks)))
        if announced > SMALL:
            assert server.closed_by_client(0)
            assert send(opener, server.origin, target="/next").body.read_all() == b"ok"
    if announced > SMALL:
        assert len(server.received[0].split(b"\r\n\r\n", 2)[2]) <= announced
    else:  # it was noticed before anything went out
        assert b"POST" not in server.received[0]


@pytest.mark.parametrize(
    "content", [b"abc", b"", None, FileContent(io.BytesIO(b"abc")), FileContent(io.StringIO("abc"))]
)
def test_a_length_given_that_is_seen_to_be_wrong(content: bytes | Content | None, opener: Opener) -> None:
    """No connection is made for it."""
    with pytest.raises(ContentMismatch):
        send(opener, ("http", "127.0.0.1", 1), "POST", {"Content-Length": "4"}, content)


def test_a_length_given_that_is_right() -> None:
    assert request("POST", {"Content-Length": "3"}, b"abc") == (b"Content-Length: 3", b"abc")
    assert request("POST", {"Content-Length": "4"}, FileContent(io.StringIO("\u00fc\u00fc")))[1] == b"\xc3\xbc" * 2
    assert request("GET", {"Content-Length": "0"}) == (b"Content-Length: 0", b"")


@pytest.mark.parametrize(
    "length", ["", " ", "x", "+3", "-3", "3.0", "0x3", "3 3", "3, 4", "\u0663", "\uff13", "\u00b3", "3\n", "9" * 19]
)
def test_a_length_given_that_is_none(length: str, opener: Opener) -> None:
    for content in (b"abc", Content(iter([b"abc"])), None):
        with pytest.raises(InvalidMessage) as caught:
            send(opener, ("http", "127.0.0.1", 1), "POST", {"Content-Length": length}, content)
        assert caught.value.part == "field"


def test_different_lengths_given(opener: Opener) -> None:
    with pytest.raises(InvalidMessage):
        send(opener, ("http", "127.0.0.1", 1), "POST", [("Content-Length", "3"), ("Content-Length", "4")], b"abc")


@pytest.mark.parametrize("coding", ["chunked", "Chunked", "CHUNKED"])
@pytest.mark.parametrize(
    "content", [b"abc", Content([b"a", b"bc"]), FileContent(io.BytesIO(b"abc")), FileContent(io.StringIO("abc"))]
)
def test_chunks_asked_for(coding: str, content: bytes | Content) -> None:
    if isinstance(content, Content):
        content.rewind()
    head, body = request("PUT", {"Transfer-Encoding": coding}, content)
    assert head == b"Transfer-Encoding: " + coding.encode()
    assert dechunked(body) == b"abc"


def test_chunks_asked_for_without_content() -> None:
    assert request("PUT", {"Transfer-Encoding": "chunked"}) == (b"Transfer-Encoding: chunked", b"0\r\n\r\n")


@pytest.mark.parametrize(
    "coding", ["gzip", "gzip, chunked", "chunked, gzip", "identity", "", "xchunked", "chunked;a=b"]
)
def test_a_transfer_coding_that_cannot_be_done(coding: str, opener: Opener) -> None:
    for content in (b"abc", None, Content(iter([b"abc"]))):
        with pytest.raises(InvalidMessage) as caught:
            send(opener, ("http", "127.0.0.1", 1), "POST", {"Transfer-Encoding": coding}, content)
        assert caught.value.part == "field"


def test_never_both(opener: Opener) -> None:
    """That is how requests are smuggled."""
    for content in (b"abc", None, Content(iter([b"abc"]))):
        with pytest.raises(InvalidMessage):
            headers = {"Transfer-Encoding": "chunked", "Content-Length": "3"}
            send(opener, ("http", "127.0.0.1", 1), "POST", headers, content)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="these sockets keep each send apart only on Linux")
@pytest.mark.parametrize("content", [None, b"abc", b"a" * SMALL, FileContent(io.BytesIO(b"a" * SMALL))])
def test_head_and_small_content_are_one_send(content: bytes | Content | None) -> None:
    """Two small packets would wait for each other."""
    ours, peer = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    ours.setblocking(False)
    peer.settimeout(5)
    opener = Opener()
    origin = ("http", "x.test", 80)
    connection = Connection(ours, (origin, None, None), "x.test", opener.pool.give)
    opener.pool.give(connection)
    sends: list[bytes] = []

    def serve() -> None:
        sends.append(peer.recv(1 << 20))
        peer.send(RESPONSE)

    thread = threading.Thread(target=serve)
    thread.start()
    assert send(opener, origin, "POST", (), content).body.read_all() == b"ok"
    thread.join(5)
    with peer:
        assert opener.pool.take((origin, None, None)) is connection
        connection.close("the test has ended")
        assert peer.recv(1 << 20) == b""
    head, _, body = sends[0].partition(b"\r\n\r\n")
    assert b"\r\nContent-Length: %d" % len(body) in head
    assert len(body) == (0 if content is None else 3 if content == b"abc" else SMALL)


# What never goes out.


@pytest.mark.parametrize(
    ("method", "target", "headers", "part"),
    [
        ("GET / HTTP/1.1\r\nX: y\r\n\r\nGET", "/", {}, "method"),
        ("GET ", "/", {}, "method"),
        ("", "/", {}, "method"),
        ("GET", "/ HTTP/1.1\r\nX: y\r\n\r\n", {}, "target"),
        ("GET", "/a b", {}, "target"),
        ("GET", "/\u00fc", {}, "target"),
        ("GET", "", {}, "target"),
        ("GET", "/", {"A\r\nX": "y"}, "field"),
        ("GET", "/", {"A:": "y"}, "field"),
        ("GET", "/", {"": "y"}, "field"),
        ("GET", "/", {"A": "b\r\nX: y"}, "field"),
        ("GET", "/", {"A": "b\n"}, "field"),
        ("GET", "/", {"A": "b\0"}, "field"),
        ("GET", "/", {"Host": "x\r\nX: y"}, "field"),
    ],
)
def test_nothing_is_sent_when_a_part_is_malformed(
    method: str, target: str, headers: dict[str, str], part: str, opener: Opener
) -> None:
    """An idle connection is not even taken for it."""
    with Server([Expect(), Send(RESPONSE), Expect(), Send(RESPONSE)]) as server:
        send(opener, server.origin).body.read_all()
        with pytest.raises(InvalidMessage) as caught:
            send(opener, server.origin, method, headers, b"abc", target)
        assert caught.value.part == part
        assert len(opener.pool) == 1
        send(opener, server.origin).body.read_all()
    assert server.connections == 1


@pytest.mark.parametrize(
    "host", ["127.0.0.1\r\nX: y", "127.0.0.1\n", "127.0.0.1\0x", "127.0.0.1 x", "", "\u2603", "\u00fc"]
)
def test_a_host_that_is_none(host: str, opener: Opener, monkeypatch: pytest.MonkeyPatch) -> None:
    """It would stand in the head as it is; nor is the resolver asked, which may stop at a NUL."""
    asked = []
    monkeypatch.setattr(socket, "getaddrinfo", lambda *arguments, **more: asked.append(arguments))
    with pytest.raises(InvalidMessage):
        send(opener, ("http", host, 80))
    assert asked == []


@pytest.mark.parametrize("port", [99999, 65536, 2**40, -1])
def test_a_port_that_is_none(port: int, opener: Opener) -> None:
    """The resolver would take it modulo 65536."""
    with Server([Wait()]) as server:
        for wrong in (port, server.port + 65536):
            with pytest.raises((InvalidMessage, ConnectError)):
                send(opener, ("http", "127.0.0.1", wrong))
    assert server.connections == 0


def test_the_host_field() -> None:
    """The port only when it is not the scheme's own (RFC 9110 s7.2)."""
    assert host_field(("http", "x.org", 80)) == "x.org"
    assert host_field(("https", "x.org", 443)) == "x.org"
    assert host_field(("http", "x.org", 443)) == "x.org:443"
    assert host_field(("https", "x.org", 80)) == "x.org:80"
    assert host_field(("http", "x.org", 8080)) == "x.org:8080"
    assert host_field(("http", "::1", 80)) == "[::1]"
    assert host_field(("http", "::1", 8080)) == "[::1]:8080"
    assert host_field(("http", "fe80::1%eth0", 80)) == "[fe80::1]"  # a zone is nobody else's business (RFC 6874)


@pytest.mark.parametrize(
    ("name", "method", "values"),
    [("Host", "GET", ["x", "x"]), ("Host", "GET", ["x", "y"]), ("Content-Length", "POST", ["3", "3"])],
)
def test_fields_that_may_stand_there_once(name: str, method: str, values: list[str], opener: Opener) -> None:
    """Two would be read in two ways (RFC 9112 s3.2, s6.3)."""
    with Server([Expect(), Send(RESPONSE)]) as server:
        content = b"abc" if method == "POST" else None
        try:
            send(opener, server.origin, method, [(name, value) for value in values], content).body.read_all()
        except InvalidMessage:
            assert server.connections == 0
    lines = b"".join(server.received).lower().split(b"\r\n")
    assert sum(line.startswith(name.lower().encode() + b":") for line in lines) <= 1


# What goes out twice.


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE", "POST", "PATCH", "X", "get"])
@pytest.mark.parametrize("sent", [False, True])
@pytest.mark.parametrize("answered", [False, True])
def test_may_resend(method: str, sent: bool, answered: bool) -> None:
    """Nothing came, and nothing went or it is harmless to do it twice (RFC 9110 s9.2.2)."""
    harmless = method in {"GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"}
    assert may_resend(method, sent, answered) == (not answered and (not sent or harmless))
    assert (method in IDEMPOTENT) == harmless


def warm(opener: Opener, server: Server) -> None:
    """Leave an idle connection to the server in the pool."""
    assert send(opener, server.origin, target="/warm").body.read_all() == b"ok"
    assert len(opener.pool) == 1


WARM: Script = [Expect(b"GET /warm "), Send(RESPONSE)]


@pytest.mark.parametrize("end", [Cut(), Reset()], ids=["closed", "reset"])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_an_idle_connection_that_the_server_closed(method: str, end: Cut, opener: Opener) -> None:
    """It is noticed before anything is sent, so even a POST takes a fresh one."""
    with Server([*WARM, end], [Expect(method.encode() + b" / "), Send(RESPONSE)]) as server:
        warm(opener, server)
        assert not server.closed_by_client(0)  # it has waited for the end
        assert send(opener, server.origin, method, (), b"abc").body.read_all() == b"ok"
        assert server.connections == 2


def test_an_idle_connection_on_which_the_server_spoke(opener: Opener) -> None:
    """That is no answer to what comes next."""
    idle, spoke = threading.Event(), threading.Event()
    late: list[Step | Callable[[socket.socket], object]] = [
        Wait(idle),
        Send(b"HTTP/1.1 408 Request Timeout\r\n\r\n"),
        lambda sock: spoke.set(),
        Wait(),
    ]
    with Server([*WARM, *late], [Expect(b"POST / "), Send(RESPONSE)]) as server:
        warm(opener, server)
        idle.set()
        assert spoke.wait(10)
        assert send(opener, server.origin, "POST", (), b"abc").status == 200
        assert server.connections == 2


ENDS = pytest.mark.parametrize("end", [Cut(), Reset()], ids=["closed", "reset"])
HARMLESS = pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "PUT", "DELETE"])


@ENDS
@HARMLESS
def test_lost_after_the_request_on_a_reused_connection(method: str, end: Cut, opener: Opener) -> None:
    """One silent repeat on a fresh connection, the same to the byte."""
    again = [Expect(method.encode() + b" / "), Send(b"HTTP/1.1 204 No Content\r\n\r\n")]
    with Server([*WARM, Expect(), end], again) as server:
        warm(opener, server)
        assert send(opener, server.origin, method, {"A": "b"}).status == 204
        assert server.connections == 2
    first, second = server.received
    assert first.partition(b"\r\n\r\n")[2] == second


@ENDS
@HARMLESS
def test_there_is_no_second_repeat(method: str, end: Cut, opener: Opener) -> None:
    with Server([*WARM, Expect(), end], [Expect(), end]) as server:
        warm(opener, server)
        with pytest.raises(ConnectionLost):
            send(opener, server.origin, method)
        assert server.connections == 2


@ENDS
@HARMLESS
def test_lost_on_a_fresh_connection(method: str, end: Cut, opener: Opener) -> None:
    """That is no idle connection's end but the server's answer: it is not asked again."""
    with Server([Expect(), end]) as server:
        with pytest.raises(ConnectionLost):
            send(opener, server.origin, method)
        assert server.connections == 1


@ENDS
@pytest.mark.parametrize("method", ["POST", "PATCH", "X"])
@pytest.mark.parametrize("content", [None, b"abc", BIG])
def test_what_may_have_been_acted_upon_is_not_repeated(
    method: str, content: bytes | None, end: Cut, opener: Opener
) -> None:
    with Server([*WARM, Expect(), end]) as server:
        warm(opener, server)
        with pytest.raises(ConnectionLost):
            send(opener, server.origin, method, (), content)
        assert server.connections == 1


@pytest.mark.parametrize("method", ["POST", "PATCH", "GET"])
@pytest.mark.parametrize("content", [b"abc", BIG, Content(iter([b"a", b"bc"])), Content([b"a", b"bc"])])
def test_what_did_not_go_out_at_all_is_sent_again(method: str, content: bytes | Content, opener: Opener) -> None:
    """Whatever it is: no server has seen a byte of it. (The pool looks at it a moment before the peer closes.)"""
    if isinstance(content, Content):
        content = Content(iter([b"a", b"bc"]) if content.source is iter(content.source) else [b"a", b"bc"])
    with Server([Expect(method.encode()), Send(RESPONSE)]) as server:
        ours, peer = socket.socketpair()
        ours.setblocking(False)

        class Late(Pool):
            def take(self, key: object) -> Connection | None:
                connection = super().take(key)
                peer.close()
                return connection

        opener.pool = Late()
        connection = Connection(ours, (server.origin, None, None), "the peer", opener.pool.give)
        opener.pool.give(connection)
        assert send(opener, server.origin, method, (), content).body.read_all() == b"ok"
        assert connection.reason
        assert not connection.sent
    assert server.received[0].endswith((b"\r\n\r\nabc", b"\r\n1\r\na\r\n2\r\nbc\r\n0\r\n\r\n", BIG))


@ENDS
@pytest.mark.parametrize("begun", [b"H", b"HTTP/1.1 2", b"HTTP/1.1 100 Continue\r\n\r\n"])
def test_once_an_answer_has_begun_there_is_no_repeat(begun: bytes, end: Cut, opener: Opener) -> None:
    with Server([*WARM, Expect(), Send(begun), end]) as server:
        warm(opener, server)
        with pytest.raises(ConnectionLost):
            send(opener, server.origin)
        assert server.connections == 1


@ENDS
def test_a_body_that_is_cut_is_no_reason_to_repeat(end: Cut, opener: Opener) -> None:
    with Server([*WARM, Expect(), Send(OK + TWO + b"o"), end]) as server:
        warm(opener, server)
        with pytest.raises(IncompleteBody):
            send(opener, server.origin).body.read_all()
        assert server.connections == 1


def test_garbage_is_no_reason_to_repeat(opener: Opener) -> None:
    with Server([*WARM, Expect(), Send(b"garbage\r\n\r\n")]) as server:
        warm(opener, server)
        with pytest.raises(ProtocolError):
            send(opener, server.origin)
        assert server.connections == 1


def test_silence_is_no_reason_to_repeat(opener: Opener) -> None:
    with Server([*WARM, Expect(), Wait()]) as server:
        warm(opener, server)
        with pytest.raises(TransferTimeout):
            send(opener, server.origin, silence=0.05)
        assert server.connections == 1


@ENDS
@pytest.mark.parametrize("headers", [{}, {"Transfer-Encoding": "chunked"}], ids=["as it is", "chunked"])
@pytest.mark.parametrize("size", [3, len(BIG)])
@pytest.mark.parametrize("kind", ["bytes", "file", "text", "list", "list with length"])
def test_content_is_repeated_whole(
    kind: str, size: int, headers: dict[str, str], end: Cut, opener: Opener, tmp_path: Path
) -> None:
    """A file is read again from where it stood."""
    data = b"x" * size
    (tmp_path / "a").write_bytes(b"before" + data)
    content: bytes | Content = data
    if kind == "list with length" and not headers:
        headers = {"Content-Length": str(size)}
    with (tmp_path / "a").open("rb") as file, (tmp_path / "a").open(encoding="utf-8") as text:
        if kind == "file":
            file.seek(6)
            content = FileContent(file)
        elif kind == "text":
            text.read(6)
            content = FileContent(text)
        elif kind.startswith("list"):
            content = Content([data[:2], data[2:]])
        with Server([*WARM, Expect(), end], [Expect(b"PUT / "), Send(RESPONSE)]) as server:
            warm(opener, server)
            assert send(opener, server.origin, "PUT", headers, content).body.read_all() == b"ok"
            assert server.connections == 2
    head, _, body = server.received[1].partition(b"\r\n\r\n")
    assert (dechunked(body) if b"chunked" in head else body) == data
    assert server.received[0].endswith(server.received[1])


def test_no_content_in_chunks_is_repeated_whole(opener: Opener) -> None:
    with Server([*WARM, Expect(), Cut()], [Expect(b"DELETE / "), Send(RESPONSE)]) as server:
        warm(opener, server)
        assert send(opener, server.origin, "DELETE", {"Transfer-Encoding": "chunked"}).body.read_all() == b"ok"
    assert server.received[1].endswith(b"\r\n\r\n0\r\n\r\n")


@ENDS
@pytest.mark.parametrize("headers", [{}, {"Content-Length": str(len(BIG))}], ids=["chunked", "length"])
def test_an_iterator_cannot_be_repeated(headers: dict[str, str], end: Cut, opener: Opener) -> None:
    """That it was lost is the error, not that there is no second; and no half of it goes out on another connection."""
    with Server([*WARM, Expect(), end]) as server:
        warm(opener, server)
        with pytest.raises(ConnectionLost):
            send(opener, server.origin, "PUT", headers, Content(iter([BIG[:9], BIG[9:]])))
        assert server.connections == 1


def test_a_small_iterator_with_a_length_can_be_repeated(opener: Opener) -> None:
    """It went into the head's piece, which is still there."""
    with Server([*WARM, Expect(), Cut()], [Expect(b"\r\n\r\nabc"), Send(RESPONSE)]) as server:
        warm(opener, server)
        message = send(opener, server.origin, "PUT", {"Content-Length": "3"}, Content(iter([b"a", b"bc"])))
        assert message.body.read_all() == b"ok"


def test_the_rest_of_the_pool_is_left_alone_by_a_repeat(opener: Opener) -> None:
    """The repeat goes to a fresh connection: the other idle ones are as old as the one that was lost."""
    scripts: list[Script] = [[*WARM, Wait()], [*WARM, Expect(b"GET / "), Cut()], [Expect(b"GET / "), Send(RESPONSE)]]
    with Server(*scripts) as server:
        messages = [send(opener, server.origin, target="/warm") for _ in range(2)]
        for message in messages:
            message.body.read_all()
        assert len(opener.pool) == 2
        assert send(opener, server.origin).body.read_all() == b"ok"
        assert server.connections == 3
        assert len(opener.pool) == 2


@ENDS
def test_a_repeat_keeps_to_the_deadline(end: Cut, opener: Opener) -> None:
    with Server([*WARM, Expect(), end], [Expect(), Wait()]) as server:
        warm(opener, server)
        begun = monotonic()
        with pytest.raises(TransferTimeout) as caught:
            send(opener, server.origin, deadline=monotonic() + 0.1)
        assert caught.value.phase == "total"
        assert monotonic() - begun < 3


# The pool, as the opener uses it.


def test_connections_are_reused(opener: Opener) -> None:
    with Server([Expect(), Send(RESPONSE)] * 5) as server:
        for _ in range(5):
            assert send(opener, server.origin).body.read_all() == b"ok"
        assert server.connections == 1


@pytest.mark.parametrize(
    "headers",
    [
        {"Connection": "close"},
        {"connection": "Close"},
        {"Connection": "foo, close"},
        [("Connection", "foo"), ("Connection", "close")],
    ],
)
def test_a_connection_that_the_request_wants_closed(headers: HeadersLike, opener: Opener) -> None:
    """Whether the server repeats it or not (RFC 9112 s9.6)."""
    with Server([Expect(), Send(RESPONSE), Wait()], [Expect(), Send(RESPONSE)]) as server:
        assert send(opener, server.origin, headers=headers).body.read_all() == b"ok"
        assert len(opener.pool) == 0
        assert server.closed_by_client(0)
        assert send(opener, server.origin).body.read_all() == b"ok"
        assert len(opener.pool) == 1


def test_a_connection_is_busy_until_its_body_has_ended(opener: Opener) -> None:
    with Server(*[[Expect(), Send(RESPONSE)]] * 2) as server:
        messages = [send(opener, server.origin) for _ in range(2)]
        assert server.connections == 2
        assert [message.body.read_all() for message in messages] == [b"ok"] * 2
        assert len(opener.pool) == 2


def test_a_body_that_is_given_up_closes_its_connection(opener: Opener) -> None:
    with Server([Expect(), Send(OK + TWO + b"o"), Wait()], [Expect(), Send(RESPONSE)]) as server:
        send(opener, server.origin).body.close()
        assert server.closed_by_client(0)
        assert send(opener, server.origin).body.read_all() == b"ok"


def test_a_body_that_is_forgotten_closes_its_connection(opener: Opener) -> None:
    with Server([Expect(), Send(OK + TWO + b"o"), Wait()]) as server:
        send(opener, server.origin)
        assert server.closed_by_client(0)


def test_a_failed_exchange_closes_its_connection(opener: Opener) -> None:
    with Server([Expect(), Send(b"garbage\r\n\r\n"), Wait()]) as server:
        with pytest.raises(ProtocolError):
            send(opener, server.origin)
        assert server.closed_by_client(0)
        assert len(opener.pool) == 0


def test_a_limit_for_connecting_is_not_one_for_the_answer(opener: Opener) -> None:
    with Server([Expect(), Wait()]) as server:
        with pytest.raises(TransferTimeout) as caught:
            send(opener, server.origin, connect_limit=0.05, silence=0.2)
        assert caught.value.phase == "read"


def test_no_limit_for_connecting(opener: Opener) -> None:
    with Server([Expect(), Send(RESPONSE)]) as server:
        assert send(opener, server.origin, connect_limit=None, silence=None).body.read_all() == b"ok"


@pytest.mark.parametrize("huge", [1e12, 1e300, float("inf")])
def test_limits_that_no_clock_can_count(huge: float, opener: Opener) -> None:
    with Server([Expect(), Send(RESPONSE, every=1)]) as server:
        message = send(opener, server.origin, connect_limit=huge, silence=huge, deadline=huge)
        assert message.body.read_all() == b"ok"


@pytest.mark.parametrize("none", [0, -1, float("nan")])
def test_no_time_at_all(none: float, opener: Opener) -> None:
    """It is no time without end."""
    with Server([Expect(), Wait()]) as server:
        with pytest.raises(TransferTimeout):
            send(opener, server.origin, silence=none)


@pytest.mark.parametrize("limit", [None, 10.0])
def test_the_deadline_holds_for_connecting(limit: float | None, opener: Opener, certificates: Certificates) -> None:
    with Server([Wait()]) as server:
        begun = monotonic()
        with pytest.raises(TransferTimeout):
            send(opener, server.origin, tls=(True, None), connect_limit=limit, deadline=begun + 0.1)
        assert monotonic() - begun < 3


def answer_each(peer: socket.socket | ssl.SSLSocket) -> None:
    """Answer requests for as long as they come, as their target says."""
    received = b""
    peer.settimeout(20)
    while True:
        while b"\r\n\r\n" not in received:
            try:
                block = peer.recv(1 << 16)
            except OSError:
                return
            if not block:
                return
            received += block
        head, _, received = received.partition(b"\r\n\r\n")
        target = head.split(b" ")[1]
        kind = target.split(b"/")[1]
        content = target * 50
        if kind == b"length":
            response = answer(b"Content-Length: %d" % len(content)) + content
        elif kind == b"chunked":
            response = answer(b"Transfer-Encoding: chunked") + b"%x\r\n%b\r\n0\r\n\r\n" % (len(content), content)
        elif kind == b"close":
            response = answer(b"Connection: close\r\nContent-Length: %d" % len(content)) + content
        elif kind == b"until":
            response = OK + b"\r\n" + content
        elif kind == b"cut":
            response = answer(b"Content-Length: %d" % (len(content) + 1)) + content
        elif kind == b"surplus":
            response = answer(b"Content-Length: %d" % len(content)) + content + OK + TWO + b"no"
        elif kind == b"garbage":
            response = b"garbage\r\n\r\n"
        elif kind == b"early":
            response = b"HTTP/1.1 103 Hm\r\n\r\n" + answer(b"Content-Length: %d" % len(content)) + content
        else:
            assert kind == b"gone"
            response = b""
        try:
            peer.sendall(response)
        except OSError:
            return
        if kind in (b"until", b"cut", b"garbage", b"gone"):
            peer.shutdown(socket.SHUT_RDWR)
            return


KINDS = ["length", "chunked", "early", "close", "until", "surplus", "cut", "garbage", "gone"]
FAULTS = {"cut": IncompleteBody, "garbage": ProtocolError, "gone": ConnectionLost}


def ask(opener: Opener, origin: Origin, target: str, **more: Any) -> None:
    """Check that the answer is the one to this request, or the error it has to be."""
    kind = target.split("/")[1]
    if kind in FAULTS:
        with pytest.raises(FAULTS[kind]):
            send(opener, origin, target=target, **more).body.read_all()
    else:
        assert send(opener, origin, target=target, **more).body.read_all() == target.encode() * 50


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_32_threads_on_one_opener(scheme: str, opener: Opener, certificates: Certificates) -> None:
    """Each gets the answers to its own requests, the good ones as the bad."""
    failures: list[BaseException] = []
    verify = (certificates.ca, None) if scheme == "https" else None
    turns = 12 if verify else 30

    with Server([answer_each], repeat=True, tls=certificates.server if verify else None) as server:

        def work(n: int) -> None:
            try:
                for turn in range(turns):
                    kind = KINDS[(n + turn) % len(KINDS)] if n % 2 else KINDS[turn % 3]
                    if verify and kind == "until":
                        continue  # without a good-bye it would be an error, as another test shows
                    ask(opener, server.origin, f"/{kind}/{n}/{turn}", tls=verify)
            except BaseException as failure:
                failures.append(failure)

        threads = [threading.Thread(target=work, args=(n,)) for n in range(32)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
        assert failures == []
        assert not any(thread.is_alive() for thread in threads)
        assert len(opener.pool) <= 10
        opener.pool.close()


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="descriptors cannot be counted here")
def test_descriptors_after_2000_exchanges(opener: Opener) -> None:
    """Good and bad ones: none is left behind."""

    def descriptors() -> int:
        return len(os.listdir("/proc/self/fd"))

    def others() -> Iterable[str]:
        for n in range(2000):
            yield f"/{KINDS[n % len(KINDS)] if n % 4 == 0 else 'length'}/{n}"

    before = descriptors()
    with Server([answer_each], repeat=True) as server:
        for target in others():
            ask(opener, server.origin, target)
        assert len(opener.pool) <= 1
        opener.pool.close()
    assert descriptors() <= before
