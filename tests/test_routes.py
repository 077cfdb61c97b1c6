"""Ways to a server other than the usual: sockets of this machine, addresses given, slow resolvers; and what a
connection does before and after its requests: asking first, resuming TLS, saying why it ended."""

from __future__ import annotations

import gc
import http.server
import io
import logging
import os
import socket
import socketserver
import ssl
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from time import monotonic
from typing import Any

import pytest

import requests_lite
from conftest import Certificates
from requests_lite import ConnectionError, ConnectTimeout, HTTPDigestAuth, InvalidURL, ReadTimeout, Session, SSLError
from requests_lite.packages.poster import connection as connection_module
from requests_lite.packages.poster import tls as tls_module
from requests_lite.packages.poster.opener import SMALL
from requests_lite.redirects import next_request
from requests_lite.urls import join, split_url
from server import Cut, Expect, Script, Send, Server, Wait
from wire import OK, TWO

RESPONSE = OK + TWO + b"ok"

unix = pytest.mark.skipif(not hasattr(socket, "AF_UNIX"), reason="there are no Unix sockets here")


@pytest.fixture
def session() -> Iterator[Session]:
    with Session() as session:
        yield session


# Unix sockets.


@pytest.fixture
def folder() -> Iterator[str]:
    """Return a folder with a short name: the path of a socket has about 100 characters at most."""
    with tempfile.TemporaryDirectory() as folder:
        yield folder


def quoted(path: str) -> str:
    return path.replace("/", "%2F")


def test_the_url_of_a_socket() -> None:
    split = split_url("http+unix://%2Frun%2FX%20%c3%a9.sock/a/../b?c#d")
    assert split.origin == ("http+unix", "/run/X é.sock", 0)
    assert (split.target, split.fragment, split.userinfo) == ("/b?c", "#d", None)
    assert split.url == "http+unix://%2Frun%2FX%20%C3%A9.sock/b?c#d"
    assert split_url(split.url).origin == split.origin
    assert split_url("HTTP+UNIX://relative").url == "http+unix://relative/"
    assert split_url("http+unix://ada:secret@%2Fx/").userinfo == (b"ada", b"secret")
    assert split_url("http+unix://%2Fa%40b:80/").origin == ("http+unix", "/a@b:80", 0)


@pytest.mark.parametrize("url", ["http+unix:///run/x.sock/info", "http+unix://", "http+unix:/run", "http+unix:x"])
def test_a_url_without_a_socket(url: str) -> None:
    with pytest.raises(InvalidURL, match=r"has no host; a socket's path has to be encoded: http\+unix://%2Frun"):
        requests_lite.get(url)


@pytest.mark.parametrize(
    ("reference", "result"),
    [
        ("c", "http+unix://%2Fx.sock/a/c"),
        ("/c?d#e", "http+unix://%2Fx.sock/c?d#e"),
        ("../../c", "http+unix://%2Fx.sock/c"),
        ("?q", "http+unix://%2Fx.sock/a/b?q"),
        ("", "http+unix://%2Fx.sock/a/b"),
        ("http://localhost/c", "http+unix://%2Fx.sock/c"),  # so its Host says
        ("//LocalHost", "http+unix://%2Fx.sock"),
        ("http://localhost:80/c", "http://localhost:80/c"),
        ("http://localhost.evil.example/", "http://localhost.evil.example/"),
        ("//example.com/c", "http://example.com/c"),
        ("https://example.com/c", "https://example.com/c"),
    ],
)
def test_references_from_a_socket(reference: str, result: str) -> None:
    assert join("http+unix://%2Fx.sock/a/b", reference) == result
    assert join("http+unix://%2Fx.sock", "c") == "http+unix://%2Fx.sock/c"


@pytest.mark.parametrize("base", ["http://example.com/", "https://example.com/", "http+unix://%2Fy.sock/"])
@pytest.mark.parametrize("reference", ["http+unix://%2Fx.sock/a", " HTTP+unix://%2Fx.sock/a", "http+unix:x"])
def test_no_reference_leads_to_another_socket(base: str, reference: str) -> None:
    """What answers there may do all that the user may, and trusts whoever asks."""
    with pytest.raises(InvalidURL, match="no other socket"):
        next_request("GET", split_url(base), 302, reference)


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def address_string(self) -> str:
        return ""  # there is none

    def log_message(self, *arguments: object) -> None:
        pass

    def do_POST(self) -> None:
        if self.path == "/moved":
            self.send_response(307)
            self.send_header("Location", f"http://{self.headers['Host']}/there")
            self.send_header("Content-Length", "0")
            self.end_headers()
            self.rfile.read(int(self.headers["Content-Length"]))
            return
        content = self.path.encode() + b" " + self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.send_header("X-Authorization", str(self.headers["Authorization"]))
        self.end_headers()
        self.wfile.write(content)


@unix
def test_a_server_at_a_socket(folder: str, session: Session) -> None:
    """One of the standard library's, with all that a session does; connections are kept."""
    accepted = []

    class UnixServer(socketserver.ThreadingUnixStreamServer):
        def process_request(self, request: Any, client_address: Any) -> None:
            accepted.append(request)
            super().process_request(request, client_address)

    path = f"{folder}/a b.sock"
    with UnixServer(path, Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            url = f"http+unix://ada:secret@{quoted(path)}".replace(" ", "%20")
            response = session.post(url + "/x", b"content")
            assert response.content == b"/x content"
            assert response.headers["X-Authorization"] == "Basic YWRhOnNlY3JldA=="
            assert response.url == url.replace("ada:secret@", "") + "/x"
            response = session.post(url + "/moved", io.BytesIO(b"content"))
            assert response.content == b"/there content"
            assert response.url == url.replace("ada:secret@", "") + "/there"
            assert len(accepted) == 1
            session.close()
        finally:
            server.shutdown()
            thread.join(10)


@unix
def test_what_a_server_at_a_socket_reads(folder: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Host is localhost. No proxy is asked, no resolver, no address bound."""
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    monkeypatch.setenv("all_proxy", "http://127.0.0.1:1")
    lines = Expect(b"GET /v1/info?a HTTP/1.1\r\nHost: localhost\r\n", without=[b"roxy"])
    with Server([lines, Send(RESPONSE)], path=f"{folder}/x") as server:
        with Session(base_url=server.url + "/v1/", source_address="127.0.0.2", resolve={"localhost": "::"}) as session:
            headers = {"Proxy-Authorization": "x"}
            response = session.get("info", "a", proxies={"all": "http://127.0.0.1:1"}, headers=headers)
            assert response.content == b"ok"


@unix
def test_no_socket_there(folder: str) -> None:
    with pytest.raises(ConnectionError, match=f"cannot connect to {folder}/x .*: no such file or directory"):
        requests_lite.get(f"http+unix://{quoted(folder)}%2Fx/")
    Path(folder, "y").touch()
    with pytest.raises(ConnectionError, match=f"cannot connect to {folder}/y .*: connection refused"):
        requests_lite.get(f"http+unix://{quoted(folder)}%2Fy/")
    with pytest.raises(ConnectionError, match="too long"):
        requests_lite.get("http+unix://" + "x" * 200)


@unix
def test_errors_name_the_socket(folder: str) -> None:
    with Server([Expect(), Cut()], [Wait()], path=f"{folder}/x") as server:
        with pytest.raises(ConnectionError, match=f"the connection to {folder}/x was lost"):
            requests_lite.get(server.url)
        with pytest.raises(ReadTimeout, match=f"^{folder}/x sent no bytes for 0.1 seconds"):
            requests_lite.get(server.url, timeout=0.1)


@unix
def test_a_socket_whose_server_is_busy(folder: str) -> None:
    """The system says so at once, in the words that otherwise mean: under way."""
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(f"{folder}/x")
        listener.listen(0)
        clients = []
        try:
            with pytest.raises(BlockingIOError):
                for _ in range(10):
                    clients.append(client := socket.socket(socket.AF_UNIX))
                    client.setblocking(False)
                    client.connect(f"{folder}/x")
            with pytest.raises(ConnectionError, match="temporarily unavailable"):
                requests_lite.get(f"http+unix://{quoted(folder)}%2Fx/")
        finally:
            for client in clients:
                client.close()


@unix
def test_a_redirect_from_a_socket_leaves_its_credentials_there(folder: str, session: Session) -> None:
    with Server([Expect(without=[b"Authorization", b"Cookie"]), Send(RESPONSE)]) as elsewhere:
        moved = f"HTTP/1.1 302 x\r\nSet-Cookie: a=b\r\nContent-Length: 0\r\nLocation: {elsewhere.url}\r\n\r\n".encode()
        with Server([Expect(b"\r\nAuthorization: Basic "), Send(moved)], path=f"{folder}/x") as server:
            assert session.get(server.url, auth=("ada", "secret")).content == b"ok"
            session.close()


def test_a_system_without_unix_sockets(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is the system that says so, whatever Python knows."""
    monkeypatch.delattr(socket, "AF_UNIX", raising=False)
    with pytest.raises(ConnectionError, match="cannot connect to /nowhere"):
        requests_lite.get("http+unix://%2Fnowhere/")


# Addresses given.


def test_an_address_given() -> None:
    """No resolver is asked, and the server hears the name that was meant."""
    with Server([Expect(b"\r\nHost: example.test:"), Send(RESPONSE), Expect(), Send(RESPONSE)]) as server:
        with Session(resolve={"example.test": server.host}) as session:
            for host in ("example.test", "EXAMPLE.test"):
                assert session.get(f"http://{host}:{server.port}/").content == b"ok"


def test_an_address_for_one_port() -> None:
    with Server([Expect(), Send(RESPONSE)]) as server:
        with Session(resolve={f"nowhere.invalid:{server.port}": server.host}) as session:
            assert session.get(f"http://127.0.0.1:{server.port}/").content == b"ok"
            with pytest.raises(InvalidURL):
                session.get(f"http://a b:{server.port}/")
            with pytest.raises(ConnectionError, match="cannot find the address"):
                session.get("http://nowhere.invalid/")
    with Server([Expect(b"\r\nHost: x.test:"), Send(RESPONSE)]) as server:
        places = {"x.test": "127.0.0.1:1", f"x.test:{server.port}": server.host}  # the more exact one counts
        with Session(resolve=places) as session:
            assert session.get(f"http://x.test:{server.port}/").content == b"ok"


def test_the_name_is_checked_at_an_address_given(certificates: Certificates) -> None:
    """A certificate is for the name, and the name is what the server is asked for."""
    names = []
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificates.authority.issue_cert("example.test").configure_cert(context)
    context.sni_callback = lambda sock, name, _: names.append(name)
    with Server([Expect(b"\r\nHost: example.test:"), Send(RESPONSE)], [Expect()], tls=context) as server:
        places = {"example.test": server.host, "other.test": server.host}
        with Session(resolve=places, verify=certificates.ca) as session:
            assert session.get(f"https://example.test:{server.port}/").content == b"ok"
            with pytest.raises(SSLError, match=r"the certificate of other.test:.* is not trusted"):
                session.get(f"https://other.test:{server.port}/")
    assert names == ["example.test", "other.test"]


def test_an_address_given_that_refuses() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        with Session(resolve={"example.test": "127.0.0.1"}) as session:
            with pytest.raises(ConnectionError, match=rf"connect to example.test:{port} \(127.0.0.1\): .*refused"):
                session.get(f"http://example.test:{port}/")


def test_addresses_keep_connections_apart() -> None:
    """An adapter may be told another address between two requests."""
    with Server([Expect(), Send(RESPONSE)], [Expect(), Send(RESPONSE)]) as server:
        places = {"x.test": "127.0.0.1"}
        with Session(resolve=places) as session:
            session.get(f"http://x.test:{server.port}/")
            places["x.test"] = "localhost"
            session.get(f"http://x.test:{server.port}/")
            assert server.connections == 2


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux has all of 127.0.0.0/8")
@pytest.mark.parametrize("given", ["127.0.0.2", ("127.0.0.2", 0)])
def test_an_address_to_come_from(given: Any) -> None:
    seen = []
    with Server([lambda sock: seen.append(sock.getpeername()[0]), Expect(), Send(RESPONSE)]) as server:
        with Session(source_address=given) as session:
            assert session.get(server.url).content == b"ok"
    assert seen == ["127.0.0.2"]


def test_an_address_to_come_from_that_is_not_ours() -> None:
    for address in ("192.0.2.1", "::1"):
        with Session(source_address=address) as session, pytest.raises(ConnectionError, match="cannot connect to"):
            session.get("http://127.0.0.1:9/")


# A resolver that is slow, or does not know.


@pytest.fixture
def stuck(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """Have the resolver answer only once the event is set."""
    go_on, left = threading.Event(), threading.Semaphore(0)
    asked = []
    real = socket.getaddrinfo

    def getaddrinfo(host: str, port: int, **more: Any) -> Any:
        if "flags" in more:  # which say that it is no question
            return real(host, port, **more)
        asked.append(host)
        go_on.wait(30)
        left.release()
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    yield go_on
    go_on.set()
    for _ in asked:
        assert left.acquire(timeout=10)


def test_a_resolver_that_does_not_answer(stuck: threading.Event) -> None:
    begun = monotonic()
    with pytest.raises(ConnectTimeout, match=r"cannot find the address of x\.test: no answer in time"):
        requests_lite.get("http://x.test/", timeout=(0.1, 30))
    with pytest.raises(ConnectTimeout):
        requests_lite.get("http://x.test/", timeout=(None, None, 0.1))
    assert 0.2 <= monotonic() - begun < 5


def test_a_resolver_that_answers_late(stuck: threading.Event) -> None:
    with Server([Expect(b"\r\nHost: x.test:"), Send(RESPONSE)]) as server:
        threading.Timer(0.1, stuck.set).start()
        assert requests_lite.get(f"http://x.test:{server.port}/").content == b"ok"
        requests_lite.agent._adapter.close()


def test_look_ups_leave_no_more_threads_than_there_were(stuck: threading.Event) -> None:
    def threads() -> int:
        return len(os.listdir("/proc/self/task"))

    if not os.path.isdir("/proc/self/task"):
        pytest.skip("threads cannot be counted here")
    before = threads()
    for _ in range(10):
        with pytest.raises(ConnectTimeout):
            requests_lite.get("http://x.test/", timeout=(0.01, 30))
    assert threads() <= before + 10
    stuck.set()
    limit = monotonic() + 10
    while threads() > before:
        assert monotonic() < limit


def test_addresses_are_no_question(stuck: threading.Event) -> None:
    """For them no thread is started; nor is one when there is no limit."""
    stuck.set()
    before = threading.active_count()
    with Server([Expect(), Send(RESPONSE)], [Expect(), Send(RESPONSE)]) as server:
        with Session() as session:
            assert session.get(server.url).content == b"ok"
            assert session.get(f"http://x.test:{server.port}", timeout=None).content == b"ok"
    assert threading.active_count() == before


def test_a_name_that_is_not_known(monkeypatch: pytest.MonkeyPatch) -> None:
    def getaddrinfo(*arguments: object, **more: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    for timeout in (10, None):
        with pytest.raises(ConnectionError, match=r"cannot find the address of x\.test: name or service not known"):
            requests_lite.get("http://x.test/", timeout=timeout)


# Expect: 100-continue (RFC 9110 s10.1.1).

ASKING = {"Expect": "100-continue"}
GO_ON = b"HTTP/1.1 100 Continue\r\n\r\n"
CONTENTS: dict[str, Callable[[], Any]] = {
    "small": lambda: b"content",
    "large": lambda: b"0123456789" * (SMALL // 4),
    "file": lambda: io.BytesIO(b"content"),
    "large file": lambda: io.BytesIO(b"0123456789" * (SMALL // 4)),
    "generator": lambda: (block for block in (b"con", b"tent")),
    "form": lambda: {"a": "b"},
}


def content_of(kind: str) -> bytes:
    """Return what comes over the wire."""
    given = CONTENTS[kind]()
    if kind == "generator":
        return b"3\r\ncon\r\n4\r\ntent\r\n0\r\n\r\n"
    return b"a=b" if kind == "form" else given if isinstance(given, bytes) else given.read()


def nothing_yet(sock: socket.socket) -> None:
    """Look whether the client really waits."""
    sock.settimeout(0.05)
    with pytest.raises((TimeoutError, ssl.SSLError)):
        assert sock.recv(1) == b"", "content came unasked"
        pytest.fail("the client left")
    sock.settimeout(10)


@pytest.fixture(params=["http", "https"])
def tls(request: pytest.FixtureRequest, certificates: Certificates) -> ssl.SSLContext | None:
    return certificates.server if request.param == "https" else None


@pytest.fixture
def long_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection_module, "INVITATION_LIMIT", 30.0)


def head_alone(*wanted: bytes) -> Script:
    return [Expect(b"\r\nExpect: 100-continue\r\n", *wanted, content=False), nothing_yet]


def taken(size: int, into: list[bytes]) -> Callable[[socket.socket], None]:
    """Return a step that receives size bytes."""

    def take(sock: socket.socket) -> None:
        data = b""
        while len(data) < size and (block := sock.recv(size - len(data))):
            data += block
        into.append(data)

    return take


@pytest.mark.parametrize("kind", CONTENTS)
def test_content_that_is_asked_for(
    kind: str, tls: ssl.SSLContext | None, certificates: Certificates, session: Session, long_wait: None
) -> None:
    """It goes out then, and the connection is kept. TLS tickets are no answer."""
    content, got = content_of(kind), []  # type: tuple[bytes, list[bytes]]
    script = [*head_alone(), Send(GO_ON), taken(len(content), got), Send(RESPONSE)]
    with Server([*script, Expect(b"GET / "), Send(RESPONSE)], tls=tls) as server:
        response = session.post(server.url, CONTENTS[kind](), headers=ASKING, verify=certificates.ca)
        assert response.content == b"ok"
        assert session.get(server.url, verify=certificates.ca).content == b"ok"
        session.close()
    assert got == [content]


@pytest.mark.parametrize("kind", ["small", "large file", "generator"])
def test_a_server_that_does_not_know_expectations(
    kind: str, tls: ssl.SSLContext | None, certificates: Certificates, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a while the content goes out unasked, and the answer comes; a late invitation does no harm."""
    monkeypatch.setattr(connection_module, "INVITATION_LIMIT", 0.2)
    content, got = content_of(kind), []  # type: tuple[bytes, list[bytes]]
    script: Script = [*head_alone(), taken(len(content), got), Send(GO_ON + RESPONSE)]
    with Server(script, tls=tls) as server:
        begun = monotonic()
        response = session.post(server.url, CONTENTS[kind](), headers=ASKING, verify=certificates.ca)
        assert response.content == b"ok"
        assert 0.2 <= monotonic() - begun < 5
        session.close()
    assert got == [content]


@pytest.mark.parametrize("status", [b"417", b"401", b"413", b"200"])
@pytest.mark.parametrize("kind", ["small", "large", "file", "generator"])
def test_content_that_is_not_wanted(
    status: bytes, kind: str, tls: ssl.SSLContext | None, certificates: Certificates, session: Session, long_wait: None
) -> None:
    """It is not sent; and the connection, on which the server may still await it, is closed."""
    answer = b"HTTP/1.1 " + status + b" Said\r\nContent-Length: 2\r\n\r\nno"
    with Server([*head_alone(), Send(answer)], [Expect(), Send(RESPONSE)], tls=tls) as server:
        response = session.put(server.url, CONTENTS[kind](), headers=ASKING, verify=certificates.ca)
        assert (response.status_code, response.content) == (int(status), b"no")
        assert server.closed_by_client(0)
        assert session.get(server.url, verify=certificates.ca).content == b"ok"
        session.close()
    assert server.received[0].endswith(b"\r\n\r\n")


@pytest.mark.parametrize("value", ["100-Continue", "100-CONTINUE"])
def test_an_expectation_has_no_case(value: str, session: Session, long_wait: None) -> None:
    with Server([Expect(content=False), nothing_yet, Send(GO_ON), Wait()]) as server:
        with pytest.raises(ReadTimeout):
            session.post(server.url, b"content", headers={"Expect": value}, timeout=(5, 0.2))
    assert server.received[0].endswith(b"\r\n\r\ncontent")


@pytest.mark.parametrize("data", [None, b""])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_nothing_to_ask_for(method: str, data: bytes | None, session: Session, long_wait: None) -> None:
    with Server([Expect(), Send(RESPONSE)]) as server:
        begun = monotonic()
        assert session.request(method, server.url, data=data, headers=ASKING).content == b"ok"
        assert monotonic() - begun < 10
        session.close()


def test_another_expectation(session: Session, long_wait: None) -> None:
    """It is between the user and the server."""
    with Server([Expect(b"\r\nExpect: x\r\n", b"content"), Send(RESPONSE)]) as server:
        assert session.post(server.url, b"content", headers={"Expect": "x"}).content == b"ok"
        session.close()


def test_an_invitation_in_pieces(session: Session, long_wait: None) -> None:
    with Server([Expect(content=False), Send(GO_ON, every=5), Wait()]) as server:
        with pytest.raises(ReadTimeout):
            session.post(server.url, b"content", headers=ASKING, timeout=(5, 0.3))
    assert server.received[0].endswith(b"\r\n\r\ncontent")


def test_gone_instead_of_an_invitation(session: Session, long_wait: None) -> None:
    with Server([Expect(content=False), Cut()]) as server:
        with pytest.raises(ConnectionError, match="was lost before an answer came"):
            session.post(server.url, b"content", headers=ASKING)


def test_the_wait_for_an_invitation_and_the_deadline(session: Session, long_wait: None) -> None:
    with Server([Expect(content=False), Wait()]) as server:
        begun = monotonic()
        with pytest.raises(ReadTimeout, match="total time"):
            session.post(server.url, b"content", headers=ASKING, timeout=(5, 5, 0.2))
        assert monotonic() - begun < 5
    assert server.received[0].endswith(b"\r\n\r\n")


@pytest.mark.parametrize("kind", sorted(CONTENTS))
def test_asking_on_a_connection_that_is_gone(kind: str, session: Session, long_wait: None) -> None:
    """It is asked once more on a new one, and the content goes out whole."""
    content, got = content_of(kind), []  # type: tuple[bytes, list[bytes]]
    script: Script = [*head_alone(), Send(GO_ON), taken(len(content), got), Send(RESPONSE)]
    with Server([Expect(), Send(RESPONSE), Expect(content=False), Cut()], script) as server:
        session.get(server.url)
        assert session.put(server.url, CONTENTS[kind](), headers=ASKING).content == b"ok"
        session.close()
    assert got == [content]


def test_asking_on_a_connection_that_is_gone_for_a_post(session: Session, long_wait: None) -> None:
    """It is not even asked for twice."""
    with Server([Expect(), Send(RESPONSE), Expect(content=False), Cut()]) as server:
        session.get(server.url)
        with pytest.raises(ConnectionError, match="was lost"):
            session.post(server.url, data=b"content", headers=ASKING)


# TLS sessions (RFC 8446 s2.2).


@pytest.fixture
def server_context(certificates: Certificates) -> ssl.SSLContext:
    """Return a context of its own, whose tickets no other test has."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificates.authority.issue_cert("localhost", "127.0.0.1").configure_cert(context)
    return context


def resumption(resumed: list[bool | None]) -> Callable[[ssl.SSLSocket], None]:
    """Return a step that notes whether the connection resumed a session."""
    return lambda sock: resumed.append(sock.session_reused)


CLOSING = OK + b"Connection: close\r\n" + TWO + b"ok"


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_session_is_resumed(
    version: ssl.TLSVersion, server_context: ssl.SSLContext, certificates: Certificates, session: Session
) -> None:
    server_context.maximum_version = version
    resumed: list[bool | None] = []
    script: Any = [resumption(resumed), Expect(), Send(CLOSING)]
    with Server(*[script] * 3, tls=server_context) as server:
        for _ in range(3):
            assert session.get(server.url, verify=certificates.ca).content == b"ok"
    assert resumed == [False, True, True]


def test_sessions_are_for_one_origin_and_one_verification(
    server_context: ssl.SSLContext, certificates: Certificates, session: Session
) -> None:
    """Nobody's trust is another's: whoever resumes sees no certificate."""
    resumed: list[bool | None] = []
    script: Any = [resumption(resumed), Expect(), Send(CLOSING)]
    with Server(script, script, [Expect()], script, script, tls=server_context) as server:
        assert session.get(server.url, verify=False).content == b"ok"
        assert session.get(server.url, verify=certificates.ca).content == b"ok"
        with pytest.raises(SSLError, match="is not trusted"):
            session.get(server.url, verify=True)
        assert session.get(server.url.replace("127.0.0.1", "localhost"), verify=certificates.ca).content == b"ok"
        assert resumed == [False, False, False]
        assert session.get(server.url, verify=False).content == b"ok"
        assert resumed[3]


def test_a_session_that_is_of_no_use_any_more(
    server_context: ssl.SSLContext, certificates: Certificates, session: Session
) -> None:
    """A server that was restarted knows its tickets no more; the next ones are taken."""
    resumed: list[bool | None] = []
    script: Any = [resumption(resumed), Expect(), Send(CLOSING)]
    with Server(*[script] * 4, tls=server_context) as server:
        for connection in range(4):
            if connection == 2:
                server.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
                certificates.authority.issue_cert("localhost", "127.0.0.1").configure_cert(server.tls)
            assert session.get(server.url, verify=certificates.ca).content == b"ok"
    assert resumed == [False, True, False, True]


def test_sessions_are_not_kept_without_limit(
    server_context: ssl.SSLContext, certificates: Certificates, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept: dict[Any, Any] = dict.fromkeys(range(1000))
    monkeypatch.setattr(tls_module, "_sessions", kept)
    with Server([Expect(), Send(CLOSING)], tls=server_context) as server:
        assert session.get(server.url, verify=certificates.ca).content == b"ok"
    assert [origin for origin, *_ in kept] == [("https", "127.0.0.1", server.port)]


# A client's key that is encrypted.


@pytest.fixture
def encrypted(certificates: Certificates, tmp_path: Path) -> tuple[str, str]:
    """Return the paths of a client's certificate and of its key, encrypted with 'secret'."""
    from cryptography.hazmat.primitives import serialization as form

    pem = Path(certificates.client).read_bytes()
    key = form.load_pem_private_key(pem, None)
    lock = form.BestAvailableEncryption(b"secret")
    locked = key.private_bytes(form.Encoding.PEM, form.PrivateFormat.TraditionalOpenSSL, lock)
    (tmp_path / "key.pem").write_bytes(locked)
    return certificates.client, str(tmp_path / "key.pem")


@pytest.mark.parametrize("password", ["secret", b"secret"])
def test_an_encrypted_key(
    password: Any, encrypted: tuple[str, str], certificates: Certificates, session: Session
) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificates.authority.issue_cert("127.0.0.1").configure_cert(context)
    certificates.authority.configure_trust(context)
    context.verify_mode = ssl.CERT_REQUIRED
    with Server([Expect(), Send(RESPONSE)], tls=context) as server:
        cert: Any = (*encrypted, password)
        assert session.get(server.url, verify=certificates.ca, cert=cert).content == b"ok"
        session.close()


def test_an_encrypted_key_without_its_password(encrypted: tuple[str, str]) -> None:
    """Nobody is asked on a terminal; the program ends, and says what to do."""
    code = f"""
import requests_lite
try:
    requests_lite.get("https://127.0.0.1:9/", cert={encrypted!r})
except requests_lite.SSLError as error:
    print(error)
"""
    path = os.pathsep.join(filter(None, sys.path))
    environment = {**os.environ, "PYTHONPATH": path}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True,
        timeout=30, start_new_session=True,
    )  # fmt: skip
    assert done.stderr == ""
    assert "the key of the client certificate is encrypted: give cert=(certificate, key, password)" in done.stdout


@pytest.mark.parametrize("password", ["", None])
def test_an_empty_password(password: Any, encrypted: tuple[str, str]) -> None:
    with pytest.raises(SSLError, match="is encrypted: give cert="):
        requests_lite.get("https://127.0.0.1:9/", cert=(*encrypted, password))


def test_a_wrong_password(encrypted: tuple[str, str]) -> None:
    with pytest.raises(SSLError, match="cannot read the client certificate and its key in cert=") as caught:
        requests_lite.get("https://127.0.0.1:9/", cert=(*encrypted, "wrong password"))
    assert "wrong password" not in str(caught.value)


# Why a connection ended, for whoever wants to know.


def reasons(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.name == "requests_lite"]


def test_the_log(caplog: pytest.LogCaptureFixture, session: Session) -> None:
    caplog.set_level(logging.DEBUG, "requests_lite")
    with Server([Expect(), Send(RESPONSE)], [Expect(), Send(CLOSING)], [Expect(), Cut()]) as server:
        closed = f"connection to 127.0.0.1:{server.port} closed: "
        session.get(server.url)
        assert reasons(caplog) == []
        session.close()
        session.get(server.url)
        with pytest.raises(ConnectionError) as caught:
            session.get(server.url)
    assert reasons(caplog) == [
        closed + "the pool was closed",
        closed + "the server said Connection: close",
        closed + str(caught.value),
    ]
    assert {record.levelno for record in caplog.records if record.name == "requests_lite"} == {logging.DEBUG}


def test_the_log_of_a_response_that_was_forgotten(caplog: pytest.LogCaptureFixture, session: Session) -> None:
    caplog.set_level(logging.DEBUG, "requests_lite")
    with Server([Expect(), Send(OK + b"Content-Length: 3\r\n\r\nx"), Wait()]) as server:
        response = session.get(server.url, stream=True)
        del response
        gc.collect()
        assert reasons(caplog) == [f"connection to 127.0.0.1:{server.port} closed: nobody holds it any more"]


def test_who_does_not_log_loads_nothing(caplog: pytest.LogCaptureFixture, session: Session, monkeypatch: Any) -> None:
    monkeypatch.delitem(sys.modules, "logging")
    with Server([Expect(), Send(RESPONSE)]) as server:
        session.get(server.url)
        session.close()
        assert server.closed_by_client()
    assert "logging" not in sys.modules


def test_the_end_of_a_program_that_left_connections_open() -> None:
    """It is quiet."""
    with Server([Expect(), Send(RESPONSE)], [Expect(), Send(OK + b"Content-Length: 3\r\n\r\nx")]) as server:
        code = f"""
import logging, requests_lite
session = requests_lite.Session()
session.get({server.url!r})
response = session.get({server.url!r} + "/other", stream=True)
response.cycle = session.cycle = response
kept = session.get
"""
        code = code.replace("session.get(", "requests_lite.get(", 1)
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
        done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=30)
        assert (done.returncode, done.stderr) == (0, "")


@unix
def test_a_socket_s_server_challenges_redirects_and_is_busy(folder: str) -> None:
    """Cookies, credentials and tries are as with any server; its own name for itself leads back to it."""
    nonce = b'WWW-Authenticate: Digest realm="r", nonce="n", qop="auth"\r\nSet-Cookie: a=1; Secure\r\n'
    nothing = b"Content-Length: 0\r\n\r\n"
    script = [
        Expect(b"GET /x ", without=[b"Cookie", b"Authorization"]),
        Send(b"HTTP/1.1 401 Unauthorized\r\nSet-Cookie: b=2\r\n" + nonce + nothing),
        Expect(b"GET /x ", b"\r\nCookie: b=2\r\n", b"Digest "),
        Send(b"HTTP/1.1 302 Found\r\nLocation: http://localhost/y\r\nSet-Cookie: c=3; Path=/y\r\n" + nothing),
        Expect(b"GET /y ", b"\r\nCookie: c=3; b=2\r\n", b"nc=00000002"),
        Send(b"HTTP/1.1 503 Busy\r\nRetry-After: 0\r\nSet-Cookie: b=4\r\nConnection: close\r\n" + nothing),
    ]
    again = [Expect(b"GET /y ", b"\r\nCookie: c=3; b=4\r\n"), Send(RESPONSE)]
    with Server(script, again, path=f"{folder}/x") as server:
        with Session(auth=HTTPDigestAuth("ada", "secret"), retries=1) as session:
            response = session.get(server.url + "/x")
            assert (response.content, response.url) == (b"ok", server.url + "/y")
            assert [before.status_code for before in response.history] == [401, 302]
