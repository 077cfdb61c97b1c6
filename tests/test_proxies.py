"""Through proxies: tinyproxy as it is, and scripted ones where the bytes matter; tunnels; SOCKS by PySocks."""

from __future__ import annotations

import io
import json
import shutil
import socket
import ssl
import subprocess
import sys
import traceback
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pytest_httpbin import certs
from pytest_httpbin.serve import Server as Httpbin

import requests_lite
from conftest import Certificates
from requests_lite import (
    ConnectionError,
    ConnectTimeout,
    InvalidHeader,
    InvalidProxyURL,
    ProxyError,
    RequestException,
    Session,
    SSLError,
)
from requests_lite.auth import HTTPProxyAuth
from requests_lite.packages.poster.streaminghttp import StreamingHTTPSHandler, get_handlers
from server import Cut, Expect, Reset, Script, Send, Server, Step, Wait
from wire import OK, TWO

RESPONSE = OK + TWO + b"ok"
CREDENTIALS = b"Proxy-Authorization: Basic YWRhOnNlY3JldA==\r\n"  # ada:secret
NO_CREDENTIALS = [b"roxy-", b"roxy_", b"YWRhOnNlY3JldA==", b"secret"]


def silent_about(error: BaseException) -> bool:
    """Tell whether neither an error nor what led to it shows the password."""
    lines = traceback.format_exception(type(error), error, None)  # without the lines of this file
    return not any(word in "".join(lines) for word in ("secret", "YWRhOnNlY3JldA"))


@pytest.fixture
def session() -> Iterator[Session]:
    with Session() as session:
        yield session


# A real one.


@pytest.fixture(scope="module")
def tinyproxy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Run tinyproxy, for ada whose password is secret; return its host and port."""
    program = shutil.which("tinyproxy") or shutil.which("tinyproxy", path="/usr/sbin:/usr/local/sbin")
    if program is None:
        pytest.skip("tinyproxy is not installed (apt-get install tinyproxy)")
    folder = tmp_path_factory.mktemp("tinyproxy")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    (folder / "conf").write_text(
        f"Port {port}\nListen 127.0.0.1\nTimeout 30\nAllow 127.0.0.1\nBasicAuth ada secret\nLogLevel Info\n"
    )
    with open(folder / "log", "w") as log:
        process = subprocess.Popen([program, "-d", "-c", str(folder / "conf")], stdout=log, stderr=log)
        try:
            while "Accepting connections" not in (folder / "log").read_text():
                with pytest.raises(subprocess.TimeoutExpired):  # it has not given up
                    process.wait(0.02)
            yield f"127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait(10)


@pytest.fixture
def by(tinyproxy: str) -> dict[str, Any]:
    """Return the options that lead through tinyproxy, with credentials."""
    return {"proxies": {"all": f"http://ada:secret@{tinyproxy}"}, "verify": certs.where()}


def test_http(httpbin: Httpbin, by: dict[str, Any]) -> None:
    response = requests_lite.get(httpbin.url + "/get?a=b", **by)
    assert response.json()["args"] == {"a": "b"}
    assert "tinyproxy" in response.headers["Via"]
    assert not {"Proxy-Authorization", "Proxy-Connection"} & {*response.json()["headers"]}
    assert "Via" not in requests_lite.get(httpbin.url + "/get").headers


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_content_of_all_kinds(
    scheme: str, httpbin: Httpbin, httpbin_secure: Httpbin, by: dict[str, Any], tmp_path: Path
) -> None:
    url = (httpbin if scheme == "http" else httpbin_secure).url + "/post"
    assert requests_lite.post(url, json=[1, 2], **by).json()["json"] == [1, 2]
    path = tmp_path / "x.txt"
    path.write_bytes(b"0123456789abcdef" * 40_000)
    with open(path, "rb") as file:
        assert requests_lite.post(url, files={"f": file}, **by).json()["files"]["f"] == path.read_text()
    with open(path, "rb") as file:
        assert requests_lite.post(url, file, **by).json()["headers"]["Content-Length"] == "640000"


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_chunks(scheme: str, certificates: Certificates, by: dict[str, Any], session: Session) -> None:
    tls = certificates.server if scheme == "https" else None
    with Server([Expect(b"POST / ", b"\r\n\r\n1\r\na\r\n2\r\nbc\r\n0\r\n\r\n"), Send(RESPONSE)], tls=tls) as server:
        content = iter([b"a", b"bc"])
        by["verify"] = certificates.ca
        assert session.post(server.url, content, **by).content == b"ok"
        session.close()


def test_https(httpbin_secure: Httpbin, by: dict[str, Any]) -> None:
    """The proxy sees nothing of what goes through, and the server nothing of the proxy."""
    response = requests_lite.get(httpbin_secure.url + "/get", **by)
    assert response.status_code == 200
    assert "Via" not in response.headers
    assert not any("Proxy" in name for name in response.json()["headers"])


def test_a_tunnel_is_kept(certificates: Certificates, by: dict[str, Any], session: Session) -> None:
    by["verify"] = certificates.ca
    exchange = [Expect(without=NO_CREDENTIALS), Send(RESPONSE)]
    with Server([*exchange, *exchange], tls=certificates.server) as server:
        for _ in range(2):
            assert session.get(server.url, **by).content == b"ok"
        session.close()


def test_the_certificate_is_checked_through_a_tunnel(httpbin_secure: Httpbin, by: dict[str, Any]) -> None:
    with pytest.raises(SSLError, match="is not trusted"):
        requests_lite.get(httpbin_secure.url, proxies=by["proxies"])


def test_redirects_through_a_proxy(httpbin: Httpbin, by: dict[str, Any]) -> None:
    response = requests_lite.get(httpbin.url + "/redirect/2", **by)
    assert [one.status_code for one in (*response.history, response)] == [302, 302, 200]
    assert all("tinyproxy" in one.headers["Via"] for one in (*response.history, response))


@pytest.mark.parametrize("userinfo", ["", "ada:wrong@", "ada@"])
def test_credentials_that_are_missing_or_wrong(
    userinfo: str, tinyproxy: str, httpbin: Httpbin, httpbin_secure: Httpbin
) -> None:
    """For http the proxy's refusal is a response like any other; where a tunnel was wanted, it is none."""
    proxies = {"all": f"http://{userinfo}{tinyproxy}"}
    assert requests_lite.get(httpbin.url, proxies=proxies).status_code in (401, 407)  # tinyproxy: 401 if wrong
    with pytest.raises(ProxyError, match=f"the proxy {tinyproxy} made no tunnel to 127.0.0.1:.*: 40[17] ") as caught:
        requests_lite.get(httpbin_secure.url, proxies=proxies)
    assert ("; give credentials in the proxy's URL" in str(caught.value)) == (": 407" in str(caught.value))
    assert "wrong" not in str(caught.value)


def test_a_tunnel_that_is_refused(by: dict[str, Any]) -> None:
    with pytest.raises(ProxyError, match=r"made no tunnel to 127\.0\.0\.1:9: 500 Unable to connect") as caught:
        requests_lite.get("https://127.0.0.1:9/", **by)
    assert silent_about(caught.value)


def test_the_environment(httpbin: Httpbin, tinyproxy: str, monkeypatch: pytest.MonkeyPatch, session: Session) -> None:
    def via(**options: Any) -> bool:
        return "Via" in session.get(httpbin.url + "/get", **options).headers

    assert not via()
    monkeypatch.setenv("http_proxy", f"http://ada:secret@{tinyproxy}")
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:1")
    assert via()
    assert "Via" in requests_lite.get(httpbin.url + "/get").headers
    assert not via(proxies={})
    assert not via(proxies={"https": "http://127.0.0.1:1"})  # what the call says is all there is
    session.trust_env = False
    assert not via()
    session.trust_env = True
    monkeypatch.setenv("no_proxy", f"x.test, 127.0.0.1:{httpbin.port}")
    assert not via()
    monkeypatch.setenv("no_proxy", "127.0.0.1:1")
    assert via()
    monkeypatch.setenv("http_proxy", f"ada:secret@{tinyproxy}")  # as curl takes it
    assert via()


def test_the_environment_for_https(httpbin_secure: Httpbin, tinyproxy: str, monkeypatch: pytest.MonkeyPatch) -> None:
    url = httpbin_secure.url + "/get"
    monkeypatch.setenv("https_proxy", f"http://{tinyproxy}")
    with pytest.raises(ProxyError, match="407"):
        requests_lite.get(url, verify=certs.where())
    monkeypatch.setenv("https_proxy", f"http://ada:secret@{tinyproxy}")
    assert requests_lite.get(url, verify=certs.where()).status_code == 200
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:1")
    monkeypatch.setenv("no_proxy", "127.0.0.0/8")
    assert requests_lite.get(url, verify=certs.where()).status_code == 200


def test_the_proxies_of_a_session(httpbin: Httpbin, tinyproxy: str, by: dict[str, Any]) -> None:
    with Session(proxies=by["proxies"]) as session:
        assert "Via" in session.get(httpbin.url).headers
        assert "Via" not in session.get(httpbin.url, proxies={}).headers


def test_urllib(httpbin: Httpbin, httpbin_secure: Httpbin, tinyproxy: str) -> None:
    """Its ProxyHandler, with our handlers doing the work."""
    context = ssl.create_default_context(cafile=certs.where())
    for userinfo in ("ada:secret@", ""):
        proxies = urllib.request.ProxyHandler(dict.fromkeys(("http", "https"), f"http://{userinfo}{tinyproxy}"))
        opener = urllib.request.build_opener(*get_handlers()[::2], StreamingHTTPSHandler(context), proxies)
        if userinfo:
            for url in (httpbin.url, httpbin_secure.url):
                data = urllib.request.Request(url + "/post", io.BytesIO(b"content"), {"Content-Length": "7"})
                with opener.open(data) as response:
                    assert json.load(response)["form"] == {"content": ""}
        else:
            with pytest.raises(urllib.error.HTTPError, match="407") as refused:
                opener.open(httpbin.url)
            refused.value.close()
            with pytest.raises(urllib.error.URLError, match=r"made no tunnel.*407"):
                opener.open(httpbin_secure.url)


# Scripted ones.


def tunnel(tls: ssl.SSLContext, seen: list[bytes], answer: bytes = b"HTTP/1.1 200 Here you are\r\n\r\n") -> Any:
    """Return the step of a script that makes a tunnel to a server which is the rest of the script."""

    def accept(connection: socket.socket) -> socket.socket:
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            head += connection.recv(1)
        seen.append(head)
        connection.sendall(answer)
        return tls.wrap_socket(connection, server_side=True)

    return accept


def test_a_request_for_a_proxy(session: Session) -> None:
    """The target is the whole URL, without fragment; Host and all else are as ever. The connection is kept."""
    first = Expect(b"GET http://example.test:81/a?b HTTP/1.1\r\nHost: example.test:81\r\n" + CREDENTIALS)
    then = Expect(b"POST http://example.test/ HTTP/1.1\r\nHost: example.test\r\n", CREDENTIALS, b"\r\n\r\ncontent")
    with Server([first, Send(RESPONSE), first, Send(RESPONSE)], [then, Send(RESPONSE)]) as proxy:
        proxies = {"http": proxy.url.replace("//", "//ada:secret@")}
        for _ in range(2):
            assert session.get("http://example.test:81/a?b#c", proxies=proxies).content == b"ok"
        assert session.post("http://example.test/", b"content", proxies=proxies).content == b"ok"
        session.close()


def test_a_request_for_a_tunnel(certificates: Certificates, session: Session) -> None:
    """The tunnel is asked for once, and nobody at its end hears of the proxy."""
    inside = Expect(b"GET / HTTP/1.1\r\nHost: localhost:444\r\n", without=NO_CREDENTIALS)
    seen: list[bytes] = []
    script: Script = [tunnel(certificates.server, seen), inside, Send(RESPONSE), inside, Send(RESPONSE)]
    with Server(script) as proxy:
        proxies = {"https": proxy.url.replace("//", "//ada:secret@")}
        for _ in range(2):
            response = session.get("https://localhost:444/", proxies=proxies, verify=certificates.ca)
            assert response.content == b"ok"
        session.close()
    assert seen == [b"CONNECT localhost:444 HTTP/1.1\r\nHost: localhost:444\r\n" + CREDENTIALS + b"\r\n"]


def test_what_stands_in_an_answer_to_connect_means_nothing(certificates: Certificates, session: Session) -> None:
    """RFC 9110 s9.3.6: a client ignores Content-Length and Transfer-Encoding there; and 1xx may come before."""
    answer = b"HTTP/1.1 103 x\r\n\r\nHTTP/1.0 299 x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n"
    with Server([tunnel(certificates.server, [], answer), Expect(b"GET / "), Send(RESPONSE)]) as proxy:
        proxies = {"https": proxy.url}
        assert session.get("https://localhost/", proxies=proxies, verify=certificates.ca).content == b"ok"
        session.close()


MISBEHAVIOURS: dict[str, tuple[Script, str]] = {
    "closes": ([Expect(), Cut()], "the connection to PROXY was lost before an answer came"),
    "resets": ([Expect(), Reset()], "the connection to PROXY was lost before an answer came"),
    "cut": ([Expect(), Send(b"HTTP/1.1 200"), Cut()], "was lost in the middle of the response's head"),
    "garbage": ([Expect(), Send(b"220 x ESMTP\r\n\r\n"), Cut()], "expected a status line"),
    "more": ([Expect(), Send(b"HTTP/1.1 200 OK\r\n\r\nx")], "bytes that are no tunnel's"),
    "switched": ([Expect(), Send(b"HTTP/1.1 101 x\r\n\r\n")], "bytes that are no tunnel's"),
    "redirect": ([Expect(), Send(b"HTTP/1.1 301 x\r\nLocation: http://h/\r\nContent-Length: 0\r\n\r\n")], "301 x"),
    "refused": ([Expect(), Send(b"HTTP/1.1 502 secret's out\r\nContent-Length: 10\r\n\r\n")], "502 secret's out"),
    "endless": ([Expect(), Send(b"HTTP/1.1 200 OK\r\n" + b"a: b\r\n" * 60_000), Wait()], "a head of at most"),
    "1xx for ever": ([Expect(), Send(b"HTTP/1.1 100 x\r\n\r\n" * 200), Wait()], "a final response, got more than 100"),
}


@pytest.mark.parametrize("kind", MISBEHAVIOURS)
def test_a_proxy_that_makes_no_tunnel(kind: str) -> None:
    """The user is told who failed, and its socket is closed."""
    script, words = MISBEHAVIOURS[kind]
    with Server(script) as proxy:
        name = f"{proxy.host}:{proxy.port}"
        with pytest.raises(ProxyError) as caught:
            requests_lite.get("https://x.test/", proxies={"https": f"http://ada:password@{name}"})
        assert str(caught.value).startswith(f"the proxy {name} made no tunnel to x.test:443: ")
        assert words.replace("PROXY", name) in str(caught.value)
        assert "password" not in "".join(traceback.format_exception(type(caught.value), caught.value, None))
        assert caught.value.request is not None
        assert caught.value.request.url == "https://x.test/"
        assert kind in ("closes", "resets", "cut", "garbage") or proxy.closed_by_client()


@pytest.mark.parametrize("said", [b"", b"HTTP/1.1 200 OK\r\n"], ids=["nothing", "a part"])
def test_a_proxy_that_is_silent(said: bytes) -> None:
    """The limit for connecting includes the tunnel."""
    with Server([Expect(), Send(said), Wait()]) as proxy:
        with pytest.raises(ConnectTimeout, match=r"made no tunnel to x\.test:443: no answer in time"):
            requests_lite.get("https://x.test/", proxies={"https": proxy.url}, timeout=(0.1, 30))
        assert proxy.closed_by_client()


def test_a_server_that_is_silent_in_a_tunnel() -> None:
    """The limit for connecting includes TLS, too."""

    def accept(connection: socket.socket) -> None:
        connection.recv(1 << 16)
        connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")

    with Server([accept, Wait()]) as proxy:
        with pytest.raises(ConnectTimeout, match=r"no TLS with x\.test:443: the handshake did not end in time"):
            requests_lite.get("https://x.test/", proxies={"https": proxy.url}, timeout=(0.1, 30))


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_no_proxy_there(scheme: str) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        name = f"127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(
            ProxyError, match=f"the proxy does not answer: cannot connect to {name} .*refused"
        ) as caught:
            requests_lite.get(f"{scheme}://x.test/", proxies={"all": f"http://ada:secret@{name}"})
    assert silent_about(caught.value)


def test_a_proxy_without_address() -> None:
    with pytest.raises(ProxyError, match=r"the proxy does not answer: cannot find the address of nowhere\.invalid"):
        requests_lite.get("http://x.test/", proxies={"all": "http://nowhere.invalid:3128"})


@pytest.mark.parametrize("url", ["ftp://ada:secret@h", "http://ada:secret@h:x", "http://", "socks6://ada:secret@h"])
def test_the_url_of_a_proxy_that_is_none(url: str) -> None:
    with pytest.raises(InvalidProxyURL) as caught:
        requests_lite.get("http://x.test/", proxies={"all": url})
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("proxies", ["socks5://127.0.0.1:1", "http://127.0.0.1:1", ["all"], {"all"}])
def test_proxies_that_are_no_mapping(proxies: Any) -> None:
    """In a str 'socks5://...' no key is found, and the request would go straight."""
    with Session() as session:
        with pytest.raises(InvalidProxyURL, match=f"proxies= is a mapping, .* not {type(proxies).__name__}$"):
            session.get("http://127.0.0.1:1/", proxies=proxies)
        with pytest.raises(InvalidProxyURL, match="proxies= is a mapping"):
            session.get_adapter("http://").send(
                session.prepare_request(requests_lite.Request("GET", "http://h/")), proxies=proxies
            )
    with pytest.raises(TypeError, match="not a mapping"):
        Session(proxies=proxies)


def test_the_answers_of_a_proxy_are_responses(session: Session) -> None:
    """Where nothing is hidden from the proxy, it answers in the server's place."""
    with Server([Expect(), Send(b"HTTP/1.1 407 Who?\r\nContent-Length: 0\r\n\r\n")]) as proxy:
        response = session.get("http://x.test/", proxies={"http": proxy.url})
        assert (response.status_code, response.reason) == (407, "Who?")
        session.close()


def test_an_idle_connection_that_the_proxy_closed(session: Session) -> None:
    """It is repaired as any other."""
    with Server([Expect(), Send(RESPONSE), Expect(), Cut()], [Expect(CREDENTIALS), Send(RESPONSE)]) as proxy:
        proxies = {"http": proxy.url.replace("//", "//ada:secret@")}
        assert session.get("http://x.test/", proxies=proxies).content == b"ok"
        assert session.get("http://x.test/", proxies=proxies).content == b"ok"
        session.close()


def test_who_shares_a_connection() -> None:
    """Not those who come by another proxy, with other credentials, or straight."""
    script = [Expect(), Send(RESPONSE)]
    with Server(script, script, script, script) as server:
        with Session(resolve={"x.test": server.host}) as other:
            url = f"http://x.test:{server.port}/"
            for proxies in ({}, *({"http": f"http://{who}127.0.0.1:{server.port}"} for who in ("", "a:b@", "a:c@"))):
                assert other.get(url, proxies=proxies).content == b"ok"
        assert server.connections == 4


def test_a_proxy_reached_over_tls(certificates: Certificates, session: Session) -> None:
    """For http URLs; its certificate is checked as a server's is."""
    script = [Expect(b"GET http://x.test/ ", CREDENTIALS), Send(RESPONSE)]
    with Server(script, [Expect()], tls=certificates.server) as proxy:
        proxies = {"all": proxy.url.replace("//", "//ada:secret@")}
        assert session.get("http://x.test/", proxies=proxies, verify=certificates.ca).content == b"ok"
        with pytest.raises(SSLError, match="is not trusted"):
            session.get("http://x.test/", proxies=proxies)
        with pytest.raises(ProxyError, match="TLS in TLS is not spoken"):
            session.get("https://x.test/", proxies=proxies, verify=certificates.ca)
        session.close()


# Who hears Proxy-Authorization: the proxy, and nobody else.


def test_a_proxys_credentials_in_a_field(session: Session) -> None:
    """They go before those in its URL."""
    with Server(
        [Expect(b"\r\nProxy-Authorization: Mine\r\n", without=CREDENTIALS[:-2].split()[2:]), Send(RESPONSE)]
    ) as proxy:
        proxies = {"http": proxy.url.replace("//", "//ada:secret@")}
        headers = {"proxy-authorization": "Mine"}
        assert session.get("http://x.test/", proxies=proxies, headers=headers).content == b"ok"
        assert headers == {"proxy-authorization": "Mine"}
        session.close()


GIVEN: list[dict[str, Any]] = [
    {"headers": {"Proxy-Authorization": "Basic YWRhOnNlY3JldA=="}},
    {"auth": HTTPProxyAuth("ada", "secret")},
]


@pytest.mark.parametrize("given", GIVEN, ids=["field", "auth"])
def test_a_proxys_credentials_and_a_tunnel(given: dict[str, Any], certificates: Certificates, session: Session) -> None:
    seen: list[bytes] = []
    inside = Expect(b"GET / ", without=NO_CREDENTIALS)
    with Server([tunnel(certificates.server, seen), inside, Send(RESPONSE)]) as proxy:
        proxies = {"https": proxy.url}
        assert session.get("https://localhost/", proxies=proxies, verify=certificates.ca, **given).content == b"ok"
        session.close()
    assert CREDENTIALS in seen[0]


@pytest.mark.parametrize("given", GIVEN, ids=["field", "auth"])
def test_a_proxys_credentials_without_a_proxy(given: dict[str, Any], session: Session) -> None:
    with Server([Expect(without=NO_CREDENTIALS), Send(RESPONSE)]) as server:
        assert session.get(server.url, **given).content == b"ok"
        session.close()


@pytest.mark.parametrize("given", [{}, *GIVEN], ids=["url", "field", "auth"])
def test_a_proxys_credentials_and_a_redirect_that_leaves_it(given: dict[str, Any], session: Session) -> None:
    with Server([Expect(without=NO_CREDENTIALS), Send(RESPONSE)]) as server:
        moved = f"HTTP/1.1 302 Found\r\nContent-Length: 0\r\nLocation: {server.url}/\r\n\r\n".encode()
        with Server([Expect(CREDENTIALS), Send(moved)]) as proxy:
            userinfo = "" if given else "ada:secret@"
            proxies = {"http": proxy.url.replace("//", "//" + userinfo), "no_proxy": "127.0.0.1"}
            assert session.get("http://x.test/", proxies=proxies, **given).content == b"ok"
            session.close()


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize("value", ["Basic secret\r\nX-Evil: 1", "secret\n", "secret\0"])
def test_a_field_that_would_break_the_message(value: str, scheme: str) -> None:
    with pytest.raises(InvalidHeader, match="Proxy-Authorization holds CR, LF, NUL or a lone surrogate") as caught:
        requests_lite.get(
            f"{scheme}://x.test/", proxies={"all": "http://127.0.0.1:1"}, headers={"Proxy-Authorization": value}
        )
    assert silent_about(caught.value)


# SOCKS, whose server in these tests goes on as the origin.


class Socks:
    """Steps of a script: the greeting of SOCKS4, 4a or 5, after which the rest of the script is the origin's.

    `seen` is what was asked for: (host or address, port, user and password).
    """

    def __init__(self, login: bytes = b"", status: int = 0) -> None:
        self.login, self.status = login, status
        self.seen: list[tuple[str, int, bytes]] = []

    def __call__(self, connection: socket.socket) -> None:
        def read(size: int) -> bytes:
            data = b""
            while len(data) < size:
                data += (block := connection.recv(size - len(data)))
                assert block
            return data

        def text() -> bytes:
            data = b""
            while (byte := read(1)) != b"\0":
                data += byte
            return data

        if read(1) == b"\4":
            assert read(1) == b"\1"
            port, address = int.from_bytes(read(2), "big"), read(4)
            user = text()
            host = text().decode() if address[:3] == bytes(3) else socket.inet_ntoa(address)
            reply = bytes([0, 0x5B if self.status else 0x5A]) + bytes(6)
        else:
            methods, user = read(read(1)[0]), b""
            if self.login:
                assert b"\2" in methods
                connection.sendall(b"\5\2")
                assert read(1) == b"\1"
                user = read(read(1)[0]) + b":" + read(read(1)[0])
                connection.sendall(b"\1" + bytes([user != self.login]))
                if user != self.login:
                    return
            else:
                connection.sendall(b"\5\0")
            assert read(3) == b"\5\1\0"
            kind = read(1)
            host = read(read(1)[0]).decode() if kind == b"\3" else socket.inet_ntoa(read(4))
            port = int.from_bytes(read(2), "big")
            reply = bytes([5, self.status, 0, 1]) + bytes(6)
        self.seen.append((host, port, user))
        connection.sendall(reply)


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Have this machine's resolver know x.test, and return the names that it is asked for."""
    pytest.importorskip("socks", reason="PySocks is not installed")
    asked = []
    real = socket.getaddrinfo

    def getaddrinfo(host: str, port: int, *rest: Any, **more: Any) -> Any:
        if "flags" in more:  # which say that it is no question
            return real(host, port, *rest, **more)
        asked.append(host)
        if host == "x.test":
            six = (socket.AF_INET6, socket.SOCK_STREAM, 6, "", ("2001:db8::7", port, 0, 0))
            return [six, (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("192.0.2.7", port))]
        return real(host, port, *rest, **more)

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    return asked


@pytest.mark.parametrize(
    ("scheme", "host"), [("socks5", "192.0.2.7"), ("socks5h", "x.test"), ("socks4", "192.0.2.7"), ("socks4a", "x.test")]
)
def test_who_looks_names_up(scheme: str, host: str, names: list[str], session: Session) -> None:
    socks = Socks()
    with Server(
        [socks, Expect(b"GET /a HTTP/1.1\r\nHost: x.test\r\n"), Send(RESPONSE), Expect(), Send(RESPONSE)]
    ) as proxy:
        for _ in range(2):
            proxies = {"all": f"{scheme}://127.0.0.1:{proxy.port}"}
            assert session.get("http://x.test/a", proxies=proxies).content == b"ok"
        session.close()
    assert socks.seen == [(host, 80, b"")]
    assert ("x.test" in names) == (host != "x.test")


@pytest.mark.parametrize("scheme", ["socks5", "socks5h"])
def test_https_by_socks(scheme: str, names: list[str], certificates: Certificates, session: Session) -> None:
    socks = Socks(b"ada:secret")

    def encrypt(connection: socket.socket) -> socket.socket:
        return certificates.server.wrap_socket(connection, server_side=True)

    with Server([socks, encrypt, Expect(b"GET / ", without=NO_CREDENTIALS), Send(RESPONSE)]) as proxy:
        proxies = {"https": f"{scheme}://ada:secret@127.0.0.1:{proxy.port}"}
        headers = {"Proxy-Authorization": "Basic YWRhOnNlY3JldA=="}
        response = session.get("https://localhost/", proxies=proxies, verify=certificates.ca, headers=headers)
        assert response.content == b"ok"
        session.close()
    assert socks.seen == [("localhost" if scheme == "socks5h" else "127.0.0.1", 443, b"ada:secret")]


def test_an_address_given_holds_for_socks(names: list[str]) -> None:
    socks, sources = Socks(), []
    with Server(
        [lambda sock: sources.append(sock.getpeername()[0]), socks, Expect(b"\r\nHost: y.test\r\n"), Send(RESPONSE)]
    ) as proxy:
        with Session(resolve={"y.test": "192.0.2.9"}, source_address="127.0.0.1") as session:
            proxies = {"http": f"socks5h://127.0.0.1:{proxy.port}"}
            assert session.get("http://y.test/", proxies=proxies).content == b"ok"
    assert socks.seen == [("192.0.2.9", 80, b"")]
    assert sources == ["127.0.0.1"]


@pytest.mark.parametrize(
    ("steps", "words"),
    [
        ([Socks(status=5)], "Connection refused"),
        ([Socks(status=2)], "not allowed by ruleset"),
        ([Socks(login=b"ada:other")], "authentication failed"),
        ([Cut()], ""),
        ([lambda sock: sock.recv(99), Send(b"HTTP/1.1 400 x\r\n\r\n")], "invalid data"),
    ],
)
def test_a_socks_proxy_that_refuses(steps: Script, words: str, names: list[str]) -> None:
    with Server(steps) as proxy:
        with pytest.raises(ProxyError, match=f"the proxy 127.0.0.1:{proxy.port}: .*{words}") as caught:
            requests_lite.get("http://x.test/", proxies={"all": f"socks5://ada:secret@127.0.0.1:{proxy.port}"})
        assert silent_about(caught.value)


def test_socks4_that_refuses(names: list[str]) -> None:
    with Server([Socks(status=1)]) as proxy:
        with pytest.raises(ProxyError, match="rejected or failed"):
            requests_lite.get("http://x.test/", proxies={"all": f"socks4a://127.0.0.1:{proxy.port}"})


@pytest.mark.parametrize("proxy", ["127.0.0.1:1", "nowhere.invalid:1"])
def test_no_socks_proxy_there(proxy: str, names: list[str]) -> None:
    with pytest.raises(ProxyError, match=f"the proxy {proxy}: ") as caught:
        requests_lite.get("http://x.test/", proxies={"all": f"socks5h://ada:secret@{proxy}"})
    assert silent_about(caught.value)


def test_a_name_that_socks_cannot_look_up(names: list[str]) -> None:
    with pytest.raises(ConnectionError, match=r"cannot find the address of nowhere\.invalid"):
        requests_lite.get("http://nowhere.invalid/", proxies={"all": "socks5://127.0.0.1:1"})


def test_a_password_that_is_no_text(names: list[str]) -> None:
    with pytest.raises(ProxyError, match="decode"):
        requests_lite.get("http://x.test/", proxies={"all": "socks5://ada:%FF@127.0.0.1:1"})


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize("steps", [[], [Socks()]], ids=["at once", "after the greeting"])
def test_silence_by_socks(steps: list[Step], scheme: str, names: list[str]) -> None:
    """The limit for connecting holds; what comes after it is as anywhere."""
    with Server([*steps, Wait()]) as proxy:
        with pytest.raises(requests_lite.Timeout) as caught:
            proxies = {"all": f"socks5h://127.0.0.1:{proxy.port}"}
            requests_lite.get(f"{scheme}://x.test/", proxies=proxies, timeout=(0.2, 0.3))
        assert isinstance(caught.value, ConnectTimeout) == (not steps or scheme == "https")
        assert proxy.closed_by_client()


def test_no_limit_by_socks(names: list[str], session: Session) -> None:
    with Server([Socks(), Expect(), Send(RESPONSE)]) as proxy:
        proxies = {"all": f"socks5h://127.0.0.1:{proxy.port}"}
        assert session.get("http://x.test/", proxies=proxies, timeout=None).content == b"ok"
        session.close()


def test_without_pysocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "socks", None)
    with pytest.raises(ProxyError, match=r"takes PySocks, the extra requests_lite\[socks\]"):
        requests_lite.get("http://x.test/", proxies={"all": "socks5://127.0.0.1:1"})


def test_errors_of_proxies_are_those_of_connections() -> None:
    """Nothing was sent to the server."""
    assert issubclass(ProxyError, ConnectionError)
    assert issubclass(ConnectionError, RequestException)
