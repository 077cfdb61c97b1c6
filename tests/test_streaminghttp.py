"""urllib.request on the engine: what its users rely on, against real servers."""

from __future__ import annotations

import http.client
import io
import json
import shutil
import socket
import ssl
import threading
import urllib.request
from collections.abc import Callable, Iterator
from http.cookiejar import CookieJar
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import BaseHandler, OpenerDirector, Request, build_opener, urlopen

import pytest
from pytest_httpbin import certs
from pytest_httpbin.serve import SecureServer as HttpbinSecure
from pytest_httpbin.serve import Server as Httpbin

from conftest import Certificates
from requests_lite.packages.poster import streaminghttp
from requests_lite.packages.poster.encode import multipart_encode
from requests_lite.packages.poster.errors import (
    ConnectError,
    ConnectionLost,
    ContentMismatch,
    InvalidMessage,
    ProtocolError,
    TLSError,
    UnrewindableContent,
)
from requests_lite.packages.poster.streaminghttp import (
    Response,
    StreamingHTTPConnection,
    StreamingHTTPHandler,
    StreamingHTTPRedirectHandler,
    StreamingHTTPSConnection,
    StreamingHTTPSHandler,
    get_handlers,
    register_openers,
)
from server import Cut, Expect, Pause, Send, Server, Step, Wait

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
CLOSING = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok"
UNAUTHORIZED = b'HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic realm="vault"\r\nContent-Length: 4\r\n\r\nshoo'
NUMBERS = b"".join(b"%07d\n" % number for number in range(20_000))


def moved(status: int, location: str) -> bytes:
    return b"HTTP/1.1 %d Moved\r\nLocation: %s\r\nContent-Length: 0\r\n\r\n" % (status, location.encode())


@pytest.fixture(autouse=True)
def standard_urlopen(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Leave urllib.request as it was, and no connection idle."""
    monkeypatch.setattr(urllib.request, "_opener", None)
    yield
    streaminghttp._opener.pool.close()


@pytest.fixture
def opener() -> OpenerDirector:
    return register_openers()


def credentials(url: str) -> BaseHandler:
    handler = urllib.request.HTTPBasicAuthHandler()
    handler.add_password("vault", url, "ada", "secret")
    return handler


class Resettable:
    """Content that reset() takes back to its beginning."""

    def __init__(self) -> None:
        self.blocks: Iterator[bytes] = iter(())
        self.resets = 0

    def __iter__(self) -> Iterator[bytes]:
        return self.blocks

    def reset(self) -> None:
        self.resets += 1
        self.blocks = iter([NUMBERS[:100_000], NUMBERS[100_000:]])


class Pipe(io.BytesIO):
    """A file that cannot go back."""

    def tell(self) -> int:
        raise OSError("a pipe has no position")


# Uploads


def test_poster_as_its_manual_has_it(httpbin: Httpbin, tmp_path: Path) -> None:
    """register_openers(), multipart_encode(), urlopen()."""
    (tmp_path / "ada.png").write_bytes(b"\x89PNG" * 300_000)
    register_openers()
    with (tmp_path / "ada.png").open("rb") as file:
        datagen, headers = multipart_encode([("title", "Ada"), ("photo", file)])
        with urlopen(Request(httpbin.url + "/post", datagen, headers)) as response:
            answer = json.load(response)
    assert answer["form"] == {"title": "Ada"}
    assert answer["files"]["photo"].startswith("data:image/png;base64,iVBOR")
    assert answer["headers"]["Content-Length"] == headers["Content-Length"]
    assert answer["headers"]["Content-Type"] == headers["Content-Type"]
    assert answer["headers"]["User-Agent"].startswith("Python-urllib/")
    assert answer["headers"]["Accept-Encoding"] == "identity"


def test_register_openers_returns_what_urlopen_uses() -> None:
    """Handlers can be added to it; it has taken the place of the standard ones."""
    opener = register_openers()
    handlers: list[BaseHandler] = vars(opener)["handlers"]
    ours = [handler for handler in handlers if isinstance(handler, tuple(get_handlers()))]
    assert {type(handler) for handler in ours} == {
        StreamingHTTPHandler,
        StreamingHTTPRedirectHandler,
        StreamingHTTPSHandler,
    }
    kinds = (urllib.request.HTTPHandler, urllib.request.HTTPSHandler, urllib.request.HTTPRedirectHandler)
    assert [handler for handler in handlers if isinstance(handler, kinds) and handler not in ours] == []
    with Server([Expect(b"\r\nX-Seen: yes\r\n"), Send(OK)]) as server:

        class Seen(BaseHandler):
            def http_request(self, request: Request) -> Request:
                request.add_header("X-Seen", "yes")
                return request

        opener.add_handler(Seen())
        with urlopen(server.url) as response:
            assert response.read() == b"ok"


def test_the_handlers_win_over_standard_ones_that_are_there_already() -> None:
    """Added to any opener they do the work."""
    opener = build_opener()
    for handler in get_handlers():
        opener.add_handler(handler())
    with Server([Expect(), Send(OK), Expect(), Send(OK)]) as server:
        for _ in range(2):
            with opener.open(server.url) as response:
                assert response.read() == b"ok"
        assert server.connections == 1


def test_https_with_a_context(httpbin_secure: HttpbinSecure) -> None:
    """The context says whom to trust."""
    context = ssl.create_default_context(cafile=certs.where())
    opener = build_opener(StreamingHTTPHandler, StreamingHTTPSHandler(context=context))
    datagen, headers = multipart_encode({"name": "Grace"})
    with opener.open(Request(httpbin_secure.url + "/post", datagen, headers)) as response:
        assert json.load(response)["form"] == {"name": "Grace"}


@pytest.mark.usefixtures("opener")
def test_https_without_a_context_trusts_the_system_only(httpbin_secure: HttpbinSecure) -> None:
    """A certificate that nobody vouches for is an URLError whose cause is ssl's own error."""
    with pytest.raises(URLError) as raised:
        urlopen(httpbin_secure.url + "/get")
    assert isinstance(raised.value.reason, TLSError)
    assert isinstance(raised.value.reason.__cause__, ssl.SSLCertVerificationError)


@pytest.mark.parametrize(
    "data",
    [
        b"content",
        bytearray(b"content"),
        memoryview(b"content"),
        io.BytesIO(b"content"),
        io.StringIO("content"),
        [b"con", b"tent"],
        iter([b"con", b"tent"]),
        Pipe(b"content"),
    ],
    ids=lambda data: type(data).__name__,
)
def test_content_of_every_kind(opener: OpenerDirector, data: Any) -> None:
    """Whatever urllib.request takes goes out."""
    script = [Expect(b"POST / ", b"\r\nContent-Length: 7\r\n", b"\r\n\r\ncontent"), Send(OK)]
    with Server(script) as server:
        with opener.open(Request(server.url, data, {"Content-Length": "7"})) as response:
            assert response.read() == b"ok"


def test_a_file_is_sent_from_where_it_stands(opener: OpenerDirector) -> None:
    """What was read already is not content."""
    file = io.BytesIO(b"seen content")
    file.seek(5)
    with Server([Expect(b"\r\n\r\ncontent"), Send(CLOSING)]) as server:
        with opener.open(Request(server.url, file, {"Content-Length": "7"})):
            pass


@pytest.mark.parametrize("data", [io.BytesIO(b"content"), iter([b"content"])], ids=["file", "iterable"])
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_stream_needs_a_length(opener: OpenerDirector, scheme: str, data: Any) -> None:
    """Nothing goes out, not even a connection."""
    with Server() as server:
        with pytest.raises(ValueError, match="needs a Content-Length"):
            opener.open(Request(f"{scheme}://{server.host}:{server.port}/", data))
        assert server.connections == 0


def test_chunks_go_out_only_when_asked_for(opener: OpenerDirector) -> None:
    """Transfer-Encoding in the headers is as good as a Content-Length."""
    script = [Expect(b"\r\nTransfer-Encoding: chunked\r\n", b"\r\n\r\n3\r\ncon\r\n4\r\ntent\r\n0\r\n\r\n"), Send(OK)]
    with Server(script) as server:
        request = Request(server.url, iter([b"con", b"tent"]), {"Transfer-Encoding": "chunked"})
        with opener.open(request) as response:
            assert response.read() == b"ok"


def test_str_is_for_the_user_to_encode(opener: OpenerDirector) -> None:
    """urllib.request says so."""
    with pytest.raises(TypeError, match="bytes"):
        opener.open(Request("http://127.0.0.1:9/", "content"))  # type: ignore[arg-type]  # that is the point


def test_what_no_content_can_be_made_of() -> None:
    """A number is none."""
    with pytest.raises(TypeError, match="not int"):
        StreamingHTTPConnection("127.0.0.1", 9).request("POST", "/", 7, {"Content-Length": "1"})


def test_length_and_content_have_to_agree(opener: OpenerDirector) -> None:
    """Before a wrong frame goes out."""
    with Server() as server:
        with pytest.raises(ContentMismatch):
            opener.open(Request(server.url, io.BytesIO(b"content"), {"Content-Length": "8"}))
        assert server.connections == 0


def test_what_a_handler_makes_of_the_data_is_sent(opener: OpenerDirector) -> None:
    """Handlers may encode a request's data, as many recipes do."""

    class Encoder(BaseHandler):
        def http_request(self, request: Request) -> Request:
            request.data = b"encoded"
            return request

    opener.add_handler(Encoder())
    with Server([Expect(b"\r\n\r\nencoded"), Send(OK)]) as server:
        with opener.open(Request(server.url, b"original")) as response:
            assert response.status == 200


# A second sending


CONTENTS: dict[str, Callable[[], Any]] = {
    "multipart": lambda: multipart_encode({"file": io.BytesIO(NUMBERS)})[0],
    "reset": Resettable,
    "file": lambda: io.BytesIO(NUMBERS),
    "list": lambda: [NUMBERS],
    "bytes": lambda: NUMBERS,
}


@pytest.mark.parametrize("kind", CONTENTS)
def test_after_401_the_content_goes_out_again(opener: OpenerDirector, kind: str) -> None:
    """HTTPBasicAuthHandler opens the same Request once more."""
    data = CONTENTS[kind]()
    length = len(b"".join(CONTENTS[kind]())) if kind == "multipart" else len(NUMBERS)
    again = Expect(b"\r\nAuthorization: Basic YWRhOnNlY3JldA==\r\n", b"0000000\n", NUMBERS[-100_000:])
    scripts = [[Expect(), Send(UNAUTHORIZED)], [again, Send(CLOSING)]]
    with Server(*scripts) as server:
        opener.add_handler(credentials(server.url))
        with opener.open(Request(server.url, data, {"Content-Length": str(length)})) as response:
            assert response.read() == b"ok"


def test_a_file_goes_back_to_where_it_began(opener: OpenerDirector) -> None:
    """Which need not be its beginning."""
    file = io.BytesIO(b"seen content")
    file.seek(5)
    content = Expect(b"\r\nContent-Length: 7\r\n", b"\r\n\r\ncontent")
    with Server([content, Send(UNAUTHORIZED)], [content, Send(CLOSING)]) as server:
        opener.add_handler(credentials(server.url))
        with opener.open(Request(server.url, file, {"Content-Length": "7"})) as response:
            assert response.status == 200


class Broken(Resettable):
    """Content that can be reset only once."""

    def reset(self) -> None:
        super().reset()
        if self.resets > 1:
            raise ValueError("the second time is one too many")


ONCE: dict[str, Callable[[], Any]] = {
    "iterator": lambda: iter([NUMBERS]),
    "pipe": lambda: Pipe(NUMBERS),
    "reset": Broken,
}


@pytest.mark.parametrize("kind", ONCE)
def test_content_that_cannot_go_back_is_an_error(opener: OpenerDirector, kind: str) -> None:
    """Before a byte goes out for the second time."""
    request = Request("http://127.0.0.1/", ONCE[kind](), {"Content-Length": str(len(NUMBERS))})
    with Server([Expect(), Send(UNAUTHORIZED)]) as server:
        request.host = f"{server.host}:{server.port}"
        opener.add_handler(credentials("http://127.0.0.1/"))
        with pytest.raises(UnrewindableContent):
            opener.open(request)


def test_a_401_while_uploading_does_not_hang(opener: OpenerDirector) -> None:
    """The server answers after the head, reads nothing, and the client leaves the rest unsent."""
    size = 64 * 1024 * 1024  # more than the system's buffers hold

    def blocks() -> Iterator[bytes]:
        for _ in range(size // len(block)):
            sent.append(len(block))
            yield block

    block = bytes(1024 * 1024)
    sent: list[int] = []
    script = [Expect(b"Content-Length: 67108864", content=False), Send(UNAUTHORIZED), Wait()]
    with Server(script) as server:
        with pytest.raises(HTTPError) as raised:
            opener.open(Request(server.url, blocks(), {"Content-Length": str(size)}), timeout=10)
        with raised.value as response:
            assert response.code == 401
            assert response.read() == b"shoo"
    assert sum(sent) <= size


def test_a_request_may_be_opened_twice(opener: OpenerDirector) -> None:
    """Its content goes back first; other data is other content."""
    steps: list[Step] = [Expect(b"\r\n\r\none"), Send(OK), Expect(b"\r\n\r\none"), Send(OK)]
    with Server([*steps, Expect(b"\r\n\r\ntwo"), Send(OK)]) as server:
        request = Request(server.url, io.BytesIO(b"one"), {"Content-Length": "3"})
        for _ in range(2):
            with opener.open(request) as response:
                assert response.read() == b"ok"
        request.data = io.BytesIO(b"two")
        request.add_header("Content-Length", "3")
        with opener.open(request) as response:
            assert response.read() == b"ok"


# Responses


def test_a_response_is_what_users_of_urllib_expect(opener: OpenerDirector) -> None:
    """Every name of the manual, and Message-like headers with repeats apart."""
    head = b"HTTP/1.1 203 Fine\r\nContent-Length: 11\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\nX-Empty:\r\n\r\n"
    with Server([Expect(b"GET /x?y HTTP/1.1\r\n"), Send(head + b"one\ntwo\nend")]) as server:
        url = server.url + "/x?y"
        with opener.open(url) as response:
            assert isinstance(response, Response)
            assert (response.status, response.code, response.getcode()) == (203, 203, 203)
            assert (response.reason, response.msg, response.version) == ("Fine", "Fine", 11)
            assert response.url == response.geturl() == url
            assert response.info() is response.headers
            assert response.headers["set-cookie"] == "a=1"
            assert response.headers.get_all("Set-Cookie") == ["a=1", "b=2"]
            assert response.headers.get_content_type() == "text/plain"
            assert response.readable()
            assert not response.seekable()
            assert response.read(2) == b"on"
            assert response.readline() == b"e\n"
            assert response.peek(1)[:1] == b"t"
            buffer = bytearray(3)
            assert response.readinto(buffer) == 3
            assert buffer == b"two"
            assert list(response) == [b"\n", b"end"]
            assert response.read() == response.read(5) == b""
        assert response.closed
        response.close()


def test_a_response_is_a_binary_file(opener: OpenerDirector) -> None:
    """Text comes out of it through TextIOWrapper, and copyfileobj reads it."""
    chunks = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\n\xc3\xa4b\n\r\n2\r\nc\n\r\n0\r\n\r\n"
    with Server([Expect(), Send(chunks), Expect(), Send(chunks)]) as server:
        with opener.open(server.url) as response:
            assert list(io.TextIOWrapper(response, "utf-8")) == ["\u00e4b\n", "c\n"]
        copy = io.BytesIO()
        with opener.open(server.url) as response:
            shutil.copyfileobj(response, copy)
        assert copy.getvalue() == b"\xc3\xa4b\nc\n"
        assert server.connections == 1


def test_content_larger_than_all_buffers(opener: OpenerDirector) -> None:
    """read() brings everything, with and without a length."""
    head = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(NUMBERS)
    with Server(
        [Expect(), Send(head + NUMBERS), Expect(), Send(b"HTTP/1.0 200 OK\r\n\r\n" + NUMBERS), Cut()]
    ) as server:
        with opener.open(server.url) as response:
            assert response.readline() == b"0000000\n"
            assert response.read(None) == NUMBERS[8:]
        with opener.open(server.url) as response:
            assert response.version == 10
            assert response.read() == NUMBERS


def test_head_has_no_content(opener: OpenerDirector) -> None:
    """And its connection goes on at once."""
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"
    with Server([Expect(b"HEAD / "), Send(head), Expect(b"GET / "), Send(OK)]) as server:
        with opener.open(Request(server.url, method="HEAD")) as response:
            assert response.headers["Content-Length"] == "5"
            assert response.read() == b""
        with opener.open(server.url) as response:
            assert response.read() == b"ok"


def test_an_http_error_is_a_response(httpbin: Httpbin, opener: OpenerDirector) -> None:
    """It can be read, and closed."""
    with pytest.raises(HTTPError) as raised:
        opener.open(httpbin.url + "/status/418")
    with raised.value as error:
        assert error.code == error.status == 418
        assert error.reason == error.msg == "I'M A TEAPOT"
        assert error.headers["Content-Length"] == "135"
        assert error.geturl() == httpbin.url + "/status/418"
        assert b"teapot" in error.read()


# Connections


def test_a_connection_is_used_again_when_a_response_was_read_to_its_end(opener: OpenerDirector) -> None:
    """Five requests of all sizes and kinds, one connection."""
    steps: list[Step] = []
    for _ in range(5):
        steps += [Expect(without=[b"Connection:"]), Send(OK)]
    with Server(steps) as server:
        for size in (-1, 2, 1):
            with opener.open(server.url) as response:
                while response.read(size):
                    pass
        urlopen(server.url).read()
        with urlopen(Request(server.url, b"content")) as response:
            assert list(response) == [b"ok"]
        assert server.connections == 1


def test_a_response_left_unread_takes_its_connection_along(opener: OpenerDirector) -> None:
    """However it is left: closed, dropped, as an error, or by a handler that opens the Request again."""
    unfinished = b"HTTP/1.1 %d OK\r\nContent-Length: 1000000\r\n\r\nbegin"
    scripts = [[Expect(), Send(unfinished % status)] for status in (200, 200, 200, 404)]
    with Server(*scripts) as server:
        with opener.open(server.url) as response:
            assert response.read(5) == b"begin"
        assert server.closed_by_client(0)
        opener.open(server.url)
        assert server.closed_by_client(1)
        opener.open(server.url).close()
        assert server.closed_by_client(2)
        with pytest.raises(HTTPError) as raised:
            opener.open(server.url)
        raised.value.close()
        assert server.closed_by_client(3)
        assert len(streaminghttp._opener.pool) == 0


def test_contexts_do_not_share_connections(certificates: Certificates) -> None:
    """What one context trusts is not trusted for another."""
    trusting = ssl.create_default_context(cafile=certificates.ca)
    with Server([Expect(), Send(OK)], [], tls=certificates.server) as server:
        with build_opener(StreamingHTTPSHandler(trusting)).open(server.url) as response:
            assert response.read() == b"ok"
        with pytest.raises(URLError, match="not trusted"):
            build_opener(StreamingHTTPSHandler).open(server.url)


def test_one_opener_serves_many_threads(opener: OpenerDirector) -> None:
    """Each gets its own answers, on no more connections than there are threads."""

    def echo(connection: socket.socket) -> None:
        with connection.makefile("rb") as requests:
            while requests.readline():
                while requests.readline() != b"\r\n":
                    pass
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n" + requests.read(4))

    def fetch(thread: int) -> None:
        for number in range(20):
            content = b"%d-%02d" % (thread, number)
            with opener.open(Request(server.url, content)) as response:
                answers.append((content, response.read()))

    answers: list[tuple[bytes, bytes]] = []
    with Server([echo], repeat=True) as server:
        threads = [threading.Thread(target=fetch, args=[thread]) for thread in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(answers) == 80
        assert all(content == answer for content, answer in answers)
        assert server.connections <= 4
        streaminghttp._opener.pool.close()


# Errors


@pytest.mark.usefixtures("opener")
def test_nobody_listens() -> None:
    """An URLError, its reason an OSError that names the peer."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/"
        with pytest.raises(URLError, match="refused") as raised:
            urlopen(url)
    assert isinstance(raised.value.reason, ConnectError)


@pytest.mark.usefixtures("opener")
@pytest.mark.parametrize(("answer", "reason"), [(b"", ConnectionLost), (b"SSH-2.0-OpenSSH\r\n\r\n", ProtocolError)])
def test_no_answer_that_is_one(answer: bytes, reason: type[OSError]) -> None:
    """An URLError, too."""
    with Server([Expect(), Send(answer), Cut()]) as server:
        with pytest.raises(URLError) as raised:
            urlopen(server.url)
    assert isinstance(raised.value.reason, reason)


@pytest.mark.usefixtures("opener")
def test_an_answer_that_does_not_come_in_time() -> None:
    """A TimeoutError, as from a socket; the connection is gone."""
    with Server([Expect(), Wait()]) as server:
        with pytest.raises(TimeoutError, match=r"sent no bytes for 0\.05 seconds"):
            urlopen(server.url, timeout=0.05)
        assert server.closed_by_client()


@pytest.mark.usefixtures("opener")
def test_content_that_nobody_takes_in_time() -> None:
    """URLError with a TimeoutError for its reason, as users of urllib.request look for it."""
    with Server([Wait(threading.Event())]) as server:
        with pytest.raises(URLError) as raised:
            urlopen(Request(server.url, bytes(64 * 1024 * 1024)), timeout=0.1)
    assert isinstance(raised.value.reason, TimeoutError)


@pytest.mark.usefixtures("opener")
def test_the_default_timeout_of_sockets() -> None:
    """urlopen() without a timeout has that one."""
    before = socket.getdefaulttimeout()
    with Server([Expect(), Wait()], [Expect(), Wait()]) as server:
        socket.setdefaulttimeout(0.05)
        try:
            with pytest.raises(TimeoutError):
                urlopen(server.url)
            connection = StreamingHTTPConnection(server.host, server.port)
            with pytest.raises(TimeoutError):
                connection.request("GET", "/")
        finally:
            socket.setdefaulttimeout(before)


@pytest.mark.usefixtures("opener")
def test_timeout_none_is_no_limit() -> None:
    """Not that of sockets."""
    before = socket.getdefaulttimeout()
    with Server([Expect(), Pause(0.2), Send(OK)]) as server:
        socket.setdefaulttimeout(0.05)
        try:
            with urlopen(server.url, timeout=None) as response:
                assert response.read() == b"ok"
        finally:
            socket.setdefaulttimeout(before)


@pytest.mark.usefixtures("opener")
def test_content_that_stops_coming() -> None:
    """A TimeoutError, from all ways to read."""
    silent = [Expect(), Send(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nbegin"), Wait()]
    readers: list[Callable[[Any], object]] = [
        lambda response: response.read(),
        lambda response: response.read(10),
        lambda response: response.readline(),
        lambda response: response.readinto(bytearray(10)),
        list,
    ]
    with Server(silent, repeat=True) as server:
        for reader in readers:
            with pytest.raises(TimeoutError), urlopen(server.url, timeout=0.2) as response:
                reader(response)


@pytest.mark.usefixtures("opener")
@pytest.mark.parametrize(
    ("head", "missing"),
    [(b"Content-Length: 10\r\n\r\nbegin", 5), (b"Transfer-Encoding: chunked\r\n\r\n5\r\nbegin\r\n", None)],
)
def test_content_that_is_cut(head: bytes, missing: int | None) -> None:
    """IncompleteRead, with what came; never short content that looks whole."""
    script = [Expect(), Send(b"HTTP/1.1 200 OK\r\n" + head), Cut()]
    readers: list[Callable[[Any], object]] = [
        lambda response: response.read(10),
        lambda response: response.readline(),
        list,
    ]
    with Server(script, repeat=True) as server:
        with urlopen(server.url) as response, pytest.raises(http.client.IncompleteRead) as raised:
            response.read()
        assert raised.value.expected == missing
        with urlopen(server.url) as response:
            assert response.read(2) == b"be"
            with pytest.raises(http.client.IncompleteRead) as raised:
                response.read()
        assert raised.value.expected == missing
        for reader in readers:
            with urlopen(server.url) as response, pytest.raises(http.client.IncompleteRead):
                reader(response)


@pytest.mark.usefixtures("opener")
@pytest.mark.parametrize(
    "request_",
    [
        Request("http://127.0.0.1:9/", headers={"X-Bad": "a\r\nHost: b"}),
        Request("http://127.0.0.1:9/", headers={"X Bad": "a"}),
        Request("http://127.0.0.1:9/", method="GET /x"),
        Request("http://127.0.0.1:9/a b"),
        Request("http://127.0.0.1:9/\u2603"),
    ],
    ids=["value", "name", "method", "space", "snowman"],
)
def test_what_would_be_another_message_is_refused(request_: Request) -> None:
    """A ValueError, before a connection is made."""
    with pytest.raises(InvalidMessage):
        urlopen(request_)


HOSTS = ["ada:secret@127.0.0.1", "127.0.0.1:http", "127.0.0.1:65536", "a b", "a:b:c", "a\x7f"]


@pytest.mark.usefixtures("opener")
@pytest.mark.parametrize("host", HOSTS)
def test_an_authority_that_is_no_host(host: str) -> None:
    """InvalidURL, as from http.client; a password is not repeated."""
    with pytest.raises(http.client.InvalidURL) as raised:
        urlopen(f"http://{host}/")
    assert "secret" not in str(raised.value)


@pytest.mark.parametrize("host", [*HOSTS, "", "[::1", "a/b", "a\r\nb"])
def test_what_is_no_host_by_hand(host: str) -> None:
    """InvalidURL, too."""
    with pytest.raises(http.client.InvalidURL):
        StreamingHTTPConnection(host)
    with pytest.raises(http.client.InvalidURL):
        StreamingHTTPConnection("127.0.0.1", 65536)


# Redirects


@pytest.mark.parametrize("status", [301, 302, 303])
def test_a_redirected_post_becomes_get(opener: OpenerDirector, status: int) -> None:
    """Without its content and what the headers say about it."""
    without = [b"Content-", b"Transfer-", b"content"]
    script = [
        Expect(b"POST /a ", b"X-Kept: yes"),
        Send(moved(status, "/b c")),
        Expect(b"GET /b%20c ", b"X-Kept: yes", without=without),
        Send(OK),
    ]
    with Server(script) as server:
        headers = {"Content-Length": "7", "Content-Type": "text/plain", "Content-Encoding": "x", "X-Kept": "yes"}
        with opener.open(Request(server.url + "/a", iter([b"content"]), headers)) as response:
            assert response.read() == b"ok"
            assert response.geturl() == server.url + "/b%20c"
        assert server.connections == 1


@pytest.mark.parametrize("status", [307, 308])
def test_an_upload_is_not_sent_to_a_place_its_caller_did_not_name(opener: OpenerDirector, status: int) -> None:
    """HTTPError says where it should go."""
    with Server([Expect(b"POST "), Send(moved(status, "/b"))]) as server:
        with pytest.raises(HTTPError) as raised:
            opener.open(Request(server.url, b"content"))
        with raised.value as error:
            assert (error.code, error.headers["Location"]) == (status, "/b")
            assert error.read() == b""


@pytest.mark.parametrize("method", ["PUT", "DELETE"])
def test_other_methods_are_not_redirected(opener: OpenerDirector, method: str) -> None:
    """As in urllib.request."""
    with Server([Expect(method.encode()), Send(moved(302, "/b"))]) as server:
        with pytest.raises(HTTPError) as raised:
            opener.open(Request(server.url, method=method))
        raised.value.close()


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_get_and_head_follow_every_redirect(opener: OpenerDirector, status: int, method: str) -> None:
    """HEAD stays HEAD."""
    script = [Expect(method.encode() + b" / "), Send(moved(status, "/b")), Expect(method.encode() + b" /b ")]
    with Server([*script, Send(b"HTTP/1.1 204 Nothing\r\n\r\n")]) as server:
        with opener.open(Request(server.url + "/", method=method)) as response:
            assert response.status == 204


SECRETS = {"Authorization": "Basic YTpi", "Cookie": "a=1", "Proxy-Authorization": "Basic YTpi", "X-Kept": "yes"}


def test_credentials_stay_with_their_origin(opener: OpenerDirector) -> None:
    """Another port is another origin; and what is for a proxy is not for an origin at all."""
    wanted = [b"Authorization:", b"Cookie:", b"X-Kept: yes"]
    with Server([Expect(b"GET /c ", wanted[2], without=wanted[:2]), Send(OK)]) as other:
        here = Expect(*wanted, without=[b"Proxy-Authorization:"])
        script = [here, Send(moved(302, "/b")), here, Send(moved(302, other.url + "/c"))]
        with Server(script) as server:
            with opener.open(Request(server.url, headers=SECRETS)) as response:
                assert response.geturl() == other.url + "/c"
                assert response.read() == b"ok"


@pytest.mark.parametrize(
    ("old", "new", "stay"),
    [
        ("http://a/", "https://a/b", True),
        ("http://a:80/", "https://A:443/b", True),
        ("https://a/", "http://a/b", False),
        ("http://a:8080/", "https://a/b", False),
        ("http://a/", "https://a:8443/b", False),
        ("http://a/", "https://b.a/", False),
        ("http://a/", "ftp://a/b", False),
    ],
)
def test_which_credentials_a_redirect_keeps(old: str, new: str, stay: bool) -> None:
    """From http to https of the same host they may go along."""
    headers = http.client.HTTPMessage()
    following = StreamingHTTPRedirectHandler().redirect_request(
        Request(old, headers=SECRETS), io.BytesIO(), 302, "Found", headers, new
    )
    assert following.full_url == new
    assert following.unverifiable
    assert set(following.headers) == ({"X-kept"} if not stay else {name.capitalize() for name in SECRETS})


def test_a_loop_ends(opener: OpenerDirector) -> None:
    """urllib.request counts how often it comes to the same URL."""
    script: list[Step] = [Expect(), Send(moved(302, "/"))]
    with Server(script * 5) as server:
        with pytest.raises(HTTPError, match="infinite loop") as raised:
            opener.open(server.url + "/")
        raised.value.close()
        assert server.connections == 1


# Other handlers


def test_cookies(opener: OpenerDirector) -> None:
    """HTTPCookieProcessor finds each Set-Cookie and gives them back."""
    jar = CookieJar()
    opener.add_handler(urllib.request.HTTPCookieProcessor(jar))
    set_two = b"HTTP/1.1 200 OK\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2; Path=/\r\nContent-Length: 0\r\n\r\n"
    with Server([Expect(without=[b"Cookie"]), Send(set_two), Expect(b"\r\nCookie: a=1; b=2\r\n"), Send(OK)]) as server:
        opener.open(server.url + "/").read()
        opener.open(server.url + "/").read()
    assert {cookie.name: cookie.value for cookie in jar} == {"a": "1", "b": "2"}


def test_basic_and_digest(httpbin: Httpbin, opener: OpenerDirector) -> None:
    """The standard handlers answer the challenges."""
    manager = urllib.request.HTTPPasswordMgrWithDefaultRealm()
    manager.add_password(None, httpbin.url, "ada", "secret")
    opener.add_handler(urllib.request.HTTPBasicAuthHandler(manager))
    opener.add_handler(urllib.request.HTTPDigestAuthHandler(manager))
    for path in ("/basic-auth/ada/secret", "/digest-auth/auth/ada/secret"):
        with opener.open(httpbin.url + path) as response:
            assert json.load(response)["authenticated"] is True


def test_an_http_proxy(opener: OpenerDirector) -> None:
    """It is asked for the whole URL, without a fragment, on a connection that persists."""
    wanted = Expect(
        b"GET http://example.test/x?y HTTP/1.1\r\n",
        b"\r\nHost: example.test\r\n",
        b"\r\nProxy-Authorization: Basic YWRhOnNlY3JldA==\r\n",
    )
    with Server([wanted, Send(OK), wanted, Send(OK)]) as proxy:
        opener.add_handler(urllib.request.ProxyHandler({"http": f"http://ada:secret@{proxy.host}:{proxy.port}"}))
        for _ in range(2):
            with opener.open("http://example.test/x?y#z") as response:
                assert response.read() == b"ok"
                assert response.geturl() == "http://example.test/x?y#z"
        assert proxy.connections == 1


def test_an_http_proxy_spoken_to_over_tls(certificates: Certificates) -> None:
    """ProxyHandler opens the request anew, as https."""
    context = ssl.create_default_context(cafile=certificates.ca)
    with Server(
        [Expect(b"POST http://example.test/ ", b"\r\n\r\ncontent"), Send(OK)], tls=certificates.server
    ) as proxy:
        proxies = urllib.request.ProxyHandler({"http": proxy.url})
        opener = build_opener(StreamingHTTPHandler, StreamingHTTPSHandler(context), proxies)
        request = Request("http://example.test/", io.BytesIO(b"content"), {"Content-Length": "7"})
        with opener.open(request) as response:
            assert response.read() == b"ok"


def test_a_tunnel_for_https(certificates: Certificates) -> None:
    """CONNECT, TLS inside it, and a file that goes back to where it began after a 401."""

    def tunnel(connection: socket.socket) -> socket.socket:
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            head += connection.recv(1)
        asked.append(head)
        connection.sendall(b"HTTP/1.1 200 Go on\r\n\r\n")
        return certificates.server.wrap_socket(connection, server_side=True)

    asked: list[bytes] = []
    first: list[Any] = [tunnel, Expect(b"POST /x ", b"\r\n\r\ncontent"), Send(UNAUTHORIZED)]
    again: list[Any] = [tunnel, Expect(b"\r\nAuthorization: ", b"\r\n\r\ncontent"), Send(CLOSING)]
    context = ssl.create_default_context(cafile=certificates.ca)
    with Server(first, again, [tunnel, Expect(b"GET /"), Send(CLOSING)]) as proxy:
        proxies = urllib.request.ProxyHandler({"https": proxy.url})
        url = "https://localhost/x"
        opener = build_opener(StreamingHTTPSHandler(context), proxies, credentials(url))
        with opener.open(Request(url, io.BytesIO(b"content"), {"Content-Length": "7"})) as response:
            assert response.read() == b"ok"
        with opener.open("https://localhost/") as response:
            assert response.read() == b"ok"
    assert [head.split(b"\r\n")[0].split()[:2] for head in asked] == [[b"CONNECT", b"localhost:443"]] * 3


# By hand


def test_a_connection_by_hand() -> None:
    """request(), getresponse(), and once more on the same connection."""
    script: list[Step] = [Expect(b"PUT /x?y HTTP/1.1\r\n", b"\r\nX-A: b\r\n", "\r\n\r\nä".encode()), Send(OK)]
    script += [Expect(b"GET / ", b"\r\nAccept-Encoding: gzip\r\n", without=[b"identity", b"Content"]), Send(OK)]
    with Server(script) as server:
        connection = StreamingHTTPConnection(server.host, server.port, timeout=10)
        connection.request("PUT", "/x?y", "ä", {"X-A": "b"})
        response = connection.getresponse()
        assert response.headers is response.msg
        assert response.read() == b"ok"
        connection.request("GET", "", headers={"Accept-Encoding": "gzip"})
        assert connection.getresponse().read() == b"ok"
        assert server.connections == 1
        connection.close()
        assert server.closed_by_client()


@pytest.mark.parametrize("kind", CONTENTS)
def test_content_by_hand(kind: str) -> None:
    """It goes out again, when it can go back by itself or is given at its beginning."""
    data = CONTENTS[kind]()
    length = len(b"".join(CONTENTS[kind]())) if kind == "multipart" else len(NUMBERS)
    with Server([Expect(b"0000000\n", NUMBERS[-100_000:]), Send(OK)] * 2) as server:
        connection = StreamingHTTPConnection(f"{server.host}:{server.port}")
        for _ in range(2):
            connection.request("POST", "/", data, {"Content-Length": length})
            assert connection.getresponse().read() == b"ok"
            if kind == "file":
                data.seek(0)
        connection.close()


def test_content_by_send() -> None:
    """What the headers announce comes by send(), in one call."""
    with Server([Expect(b"\r\n\r\ncontent"), Send(OK), Expect(b"chunked", b"7\r\ncontent"), Send(OK)]) as server:
        connection = StreamingHTTPConnection(server.host, server.port)
        connection.request("POST", "/", headers={"Content-Length": "7"})
        with pytest.raises(http.client.ResponseNotReady):
            connection.getresponse()
        connection.send([b"con", b"tent"])
        assert connection.getresponse().read() == b"ok"
        with pytest.raises(http.client.CannotSendRequest):
            connection.send(b"more")
        connection.request("POST", "/", io.BytesIO(b"content"), {"Transfer-Encoding": "chunked"})
        assert connection.getresponse().read() == b"ok"
        with pytest.raises(http.client.ResponseNotReady):
            connection.getresponse()
        connection.close()


@pytest.mark.parametrize("data", [io.BytesIO(b"content"), iter([b"content"])], ids=["file", "iterable"])
def test_a_stream_by_hand_needs_a_length(data: Any) -> None:
    """As with urlopen()."""
    with Server() as server:
        with pytest.raises(ValueError, match="needs a Content-Length"):
            StreamingHTTPConnection(server.host, server.port).request("POST", "/", data)
        assert server.connections == 0


def test_closing_by_hand_closes_the_response() -> None:
    """Whatever is left of it; a connection that was closed opens again."""
    script = [Expect(), Send(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nbegin")]
    with Server(script, [Expect(), Send(OK)]) as server:
        connection = StreamingHTTPConnection(server.host, server.port)
        connection.close()
        connection.request("GET", "/")
        response = connection.getresponse()
        connection.close()
        assert server.closed_by_client()
        assert response.closed
        with pytest.raises(http.client.ResponseNotReady):
            connection.getresponse()
        connection.request("GET", "/")
        assert connection.getresponse().read() == b"ok"
        connection.close()


def test_errors_by_hand() -> None:
    """OSErrors, unwrapped."""
    with Server([Expect(), Cut()], [Expect(), Wait()]) as server:
        connection = StreamingHTTPConnection(server.host, server.port)
        with pytest.raises(ConnectionLost):
            connection.request("GET", "/")
        connection.timeout = 0.05
        with pytest.raises(TimeoutError):
            connection.request("GET", "/")


def test_https_by_hand(certificates: Certificates, httpbin_secure: HttpbinSecure) -> None:
    """With a context, and without one."""
    context = ssl.create_default_context(cafile=certificates.ca)
    with Server([Expect(b"Host: localhost:"), Send(OK)], tls=certificates.server) as server:
        secure = StreamingHTTPSConnection("localhost", server.port, context=context)
        secure.request("GET", "/")
        assert secure.getresponse().read() == b"ok"
        secure.close()
    with pytest.raises(TLSError):
        StreamingHTTPSConnection(urlsplit(httpbin_secure.url).netloc).request("GET", "/")


@pytest.mark.parametrize("host", ["::1", "[::1]"])
def test_ipv6_by_hand(host: str) -> None:
    """With brackets and without."""
    with Server([Expect(b"\r\nHost: [::1]:"), Send(OK)], family=socket.AF_INET6) as server:
        connection = StreamingHTTPConnection(host, server.port)
        connection.request("GET", "/")
        assert connection.getresponse().read() == b"ok"
        connection.close()
    with Server([Expect(), Send(OK)], family=socket.AF_INET6) as server:
        connection = StreamingHTTPConnection(f"[::1]:{server.port}")
        connection.request("GET", "/")
        assert connection.getresponse().read() == b"ok"
        connection.close()
