"""What a hostile server, proxy or signal can try, one promise a test; test_misbehaving has the catalogue by rows."""

from __future__ import annotations

import contextlib
import encodings
import gzip
import io
import select
import signal
import socket
import ssl
import threading
import zlib
from collections.abc import Iterator
from pathlib import Path
from time import monotonic
from typing import Any

import pytest

import requests_lite
from conftest import Certificates
from requests_lite import (
    ConnectionError,
    ContentDecodingError,
    HTTPDigestAuth,
    InvalidURL,
    ReadTimeout,
    Response,
    Retry,
    Session,
)
from requests_lite.adapters import proxy_of
from requests_lite.content import decode
from requests_lite.cookies import CookieJar
from requests_lite.exceptions import from_engine
from requests_lite.packages.poster import connect
from requests_lite.packages.poster.errors import CertificateError, ConnectionLost
from requests_lite.urls import split_url
from server import Expect, HalfClose, Pause, Peer, Send, Server, Step, Wait

OK = b"HTTP/1.1 200 OK\r\n"


class Take(Step):
    """Take content whose head was read before, and check it."""

    def __init__(self, content: bytes) -> None:
        self.content = content

    def play(self, peer: Peer) -> None:
        assert peer.take(len(self.content)) == self.content


def packed(content: bytes, codings: str = "gzip") -> Send:
    return Send(OK + b"Content-Encoding: %b\r\nContent-Length: %d\r\n\r\n" % (codings.encode(), len(content)) + content)


# Content that is work


def zeros_behind(content: bytes, size: int) -> bytes:
    """Return content gzipped, zeros behind it, and all that gzipped, by a stream so as not to hold the zeros."""
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    parts = [packer.compress(gzip.compress(content))]
    block = bytes(1 << 20)
    parts += [packer.compress(block) for _ in range(size >> 20)]
    return b"".join([*parts, packer.flush()])


@pytest.mark.parametrize(
    "trap",
    [zeros_behind(b"ok", 64 << 20), gzip.compress(gzip.compress(b"") * 200_000), gzip.compress(bytes(2 << 20))],
    ids=["zeros", "empty streams", "zeros from the start"],
)
def test_what_unpacks_to_nothing_is_given_up(trap: bytes) -> None:
    with Server([Expect(), packed(gzip.compress(trap), "gzip, gzip, gzip")]) as server:
        begun = monotonic()
        with pytest.raises(ContentDecodingError):
            requests_lite.get(server.url)
        assert monotonic() - begun < 5


def test_padding_of_a_tape_s_block_is_none() -> None:
    content = gzip.compress(b"ok") + bytes(512 * 1024)
    with Server([Expect(), packed(content)]) as server:
        assert requests_lite.get(server.url).content == b"ok"


@pytest.mark.parametrize("coding", ["gzip", "br", "zstd"])
def test_unpacking_keeps_the_deadline(coding: str) -> None:
    """It is looked at in each step, though nobody waits for the peer."""
    pieces = decode(endless(coding), [coding], monotonic() + 0.2)
    begun = monotonic()
    with pytest.raises(TimeoutError, match="total time"):
        for _ in pieces:
            pass
    assert monotonic() - begun < 5


def endless(coding: str) -> Iterator[bytes]:
    zeros = bytes(4 << 20)
    if coding == "gzip":
        packer: Any = zlib.compressobj(9, zlib.DEFLATED, 31)
        while True:
            yield packer.compress(zeros)
    if coding == "br":
        from importlib import import_module

        brotli: Any = import_module("brotli")

        packer = brotli.Compressor(quality=1)
        while True:
            yield packer.process(zeros) + packer.flush()
    from backports import zstd

    packer = zstd.ZstdCompressor()
    while True:
        yield packer.compress(zeros, packer.FLUSH_BLOCK)


def test_a_bomb_without_end_in_the_total_time() -> None:
    bomb = gzip.compress(gzip.compress(bytes(512 << 20)))
    with Server([Expect(), packed(bomb, "gzip, gzip")]) as server:
        begun = monotonic()
        with pytest.raises(ReadTimeout, match="not done in the total time"):
            requests_lite.get(server.url, timeout=(5, 5, 0.2))
        assert monotonic() - begun < 5


def test_a_zstd_frame_may_not_ask_for_more_than_8_mib() -> None:
    """RFC 9659."""
    from backports import zstd

    for window, fits in ((23, True), (27, False)):
        options: Any = {zstd.CompressionParameter.window_log: window, zstd.CompressionParameter.content_size_flag: 0}
        packer = zstd.ZstdCompressor(options=options)
        content = packer.compress(bytes(1 << 20), packer.FLUSH_BLOCK) + packer.flush()
        with Server([Expect(), packed(content, "zstd")]) as server:
            if fits:
                assert requests_lite.get(server.url).content == bytes(1 << 20)
            else:
                with pytest.raises(ContentDecodingError, match="not zstd"):
                    requests_lite.get(server.url)


# Answers before they were asked for


@pytest.mark.parametrize("said", [OK + b"Content-Length: 4\r\n\r\nevil", b"HTTP/1.1 100 Continue\r\n\r\n"])
def test_an_answer_over_tls_before_the_request(said: bytes, certificates: Certificates) -> None:
    """It may be what a front end had left of another's; whatever it is, the connection serves nobody else."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificates.authority.issue_cert("localhost", "127.0.0.1").configure_cert(context)
    context.num_tickets = 0  # so that what makes the socket readable is what the peer says
    heard = threading.Event()
    good = Send(OK + b"Content-Length: 2\r\n\r\nok")
    with Server([Send(said), Wait(heard), Expect(), good], [Expect(b"GET /next "), good], tls=context) as server:
        with Session(verify=certificates.ca) as session:
            session.mount(server.url, early := Late(heard))
            session.get(server.url)
            assert early.asked
            assert session.get(server.url + "/next").content == b"ok"
            assert server.connections == 2


class Late(requests_lite.HTTPAdapter):
    """Lets the peer speak before a request goes out on a new connection."""

    asked = False

    def __init__(self, heard: threading.Event) -> None:
        super().__init__()
        from requests_lite.packages.poster import connection

        self.heard, self.exchange = heard, connection.Connection.exchange

    def send(self, request: Any, *given: Any, **options: Any) -> Response:
        from requests_lite.packages.poster.connection import Connection

        def exchange(connection: Connection, *rest: Any) -> Any:
            if not self.asked:
                assert select.select([connection._sock], [], [], 5)[0]  # what the peer says is there
            self.asked = True
            self.heard.set()
            return self.exchange(connection, *rest)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Connection, "exchange", exchange)
            return super().send(request, *given, **options)


# Interrupts


class Interrupted(Exception):
    pass


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="there are no timers that send signals")
def test_content_that_was_interrupted_is_never_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    """A chunk-size line comes in halves, "1" and "0": what is left of it must not pass for the last chunk."""

    def interrupt(*_: object) -> None:
        raise Interrupted

    release = threading.Event()
    before = signal.signal(signal.SIGALRM, interrupt)
    script: list[Step] = [Expect(), Send(OK + b"Transfer-Encoding: chunked\r\n\r\n1"), Wait(release)]
    try:
        with Server([*script, Send(b"0\r\n0123456789abcdef\r\n0\r\n\r\n")]) as server:
            response = requests_lite.get(server.url, stream=True)
            signal.setitimer(signal.ITIMER_REAL, 0.1)
            with pytest.raises(Interrupted):
                _ = response.content
            release.set()
            with pytest.raises(ConnectionError, match="there is no more content"):
                _ = response.content
    finally:
        signal.signal(signal.SIGALRM, before)


# Proxies and names that keep us waiting


def test_a_socks_proxy_that_trickles_keeps_the_limit() -> None:
    """PySocks would give each byte the whole limit."""
    pytest.importorskip("socks")

    def trickle(sock: Any) -> None:
        with contextlib.suppress(OSError):
            sock.sendall(b"\x05\x00\x05\x00\x00\x03\xff")  # connected, to a name of 255 letters
            while not done.wait(0.05):
                sock.sendall(b"x")

    done = threading.Event()
    with Server([trickle]) as proxy:
        begun = monotonic()
        with pytest.raises(requests_lite.ConnectTimeout, match="no answer in time from the proxy"):
            requests_lite.get("http://x.test/", timeout=0.3, proxies={"all": f"socks5h://127.0.0.1:{proxy.port}"})
        assert monotonic() - begun < 5
        done.set()


@pytest.mark.parametrize("host", ["1.2.3.4.5", "999.999.999.999"])
def test_what_looks_like_an_address_is_looked_up_within_the_limit(host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    go_on, left = threading.Event(), threading.Event()
    real = socket.getaddrinfo

    def getaddrinfo(host: str, port: int, **more: Any) -> Any:
        if "flags" in more:
            return real(host, port, **more)
        go_on.wait(30)
        left.set()
        raise socket.gaierror(socket.EAI_NONAME, "not known")

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    with pytest.raises(requests_lite.ConnectTimeout, match="no answer in time"):
        requests_lite.get(f"http://{host}/", timeout=0.1)
    go_on.set()
    assert left.wait(10)


def test_no_thread_to_look_a_name_up(monkeypatch: pytest.MonkeyPatch) -> None:
    def start_new_thread(*_: object) -> int:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(connect, "start_new_thread", start_new_thread)
    with pytest.raises(ConnectionError, match="can't start new thread"):
        requests_lite.get("http://x.test/")


def test_an_ipv6_proxy_s_port_is_socks_own() -> None:
    assert proxy_of("socks5://[::1]")[:3] == ("socks5", "::1", 1080)
    assert proxy_of("socks5://ada:s@[::1]:9050")[2] == 9050


# What stands in fields


def test_links_take_time_by_their_length_alone() -> None:
    with Server([Expect(), Send(OK + b"Content-Length: 0\r\nLink: " + b"<" * 250_000 + b"\r\n\r\n")]) as server:
        begun = monotonic()
        assert requests_lite.get(server.url).links == {}
        assert monotonic() - begun < 2


def test_a_broken_link_hides_no_other() -> None:
    link = b"Link: <http://[>; rel=first, </ok>; rel=next"
    with Server([Expect(), Send(OK + b"Content-Length: 0\r\n" + link + b"\r\n\r\n")]) as server:
        assert requests_lite.get(server.url).links == {"next": {"url": server.url + "/ok", "rel": "next"}}


def test_a_location_with_a_password_that_is_no_url() -> None:
    """The standard library's words have the whole of it in them."""
    location = "Location: http://user:secret@\u2100/".encode()
    with Server([Expect(), Send(b"HTTP/1.1 302 Found\r\n" + location + b"\r\nContent-Length: 0\r\n\r\n")]) as server:
        with pytest.raises(InvalidURL) as caught:
            requests_lite.get(server.url)
        error: BaseException | None = caught.value
        while error is not None:
            assert "secret" not in str(error)
            error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)


@pytest.mark.parametrize("host", ["a..b", ".example.com", "x" * 64 + ".example.com"])
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_host_that_no_resolver_could_find(host: str, scheme: str) -> None:
    """Such a name reaches no proxy and no TLS either."""
    with pytest.raises(InvalidURL, match="no domain name"):
        requests_lite.get(f"{scheme}://{host}/", proxies={"all": "http://127.0.0.1:1"})
    with Session(resolve={host: "127.0.0.1"}) as session, pytest.raises(InvalidURL, match="no domain name"):
        session.get(f"{scheme}://{host}/")


@pytest.mark.parametrize("host", ["fa\u00df.de", "\u03b2\u03cc\u03bb\u03bf\u03c2.com", "a\u200db.com"])
def test_a_name_that_old_and_new_rules_read_in_two_ways(host: str) -> None:
    """IDNA 2003 takes the first for fass.de, which is somebody else's."""
    with pytest.raises(InvalidURL, match="xn--"):
        requests_lite.get(f"http://{host}/")


# Hooks, redirects


def test_a_hook_may_close_a_redirect() -> None:
    redirect = Send(b"HTTP/1.1 302 Found\r\nLocation: /x\r\nContent-Length: 2\r\n\r\nno")
    script: list[list[Step]] = [
        [Expect(), redirect, HalfClose()],
        [Expect(b"GET /x "), Send(OK + b"\r\nok"), HalfClose()],
    ]

    def close(response: Response, **_: object) -> None:
        if response.is_redirect:
            response.close()

    with Server(*script) as server:
        assert requests_lite.get(server.url, hooks={"response": close}).content == b"ok"


# TLS sessions, names


def test_a_context_that_was_tightened_takes_no_session_it_had_before(certificates: Certificates) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificates.authority.issue_cert("localhost", "127.0.0.1").configure_cert(context)
    mine = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    mine.check_hostname, mine.verify_mode = False, ssl.CERT_NONE
    with Server([Expect(), Send(OK + b"Content-Length: 2\r\n\r\nok")], [], tls=context) as server:
        with Session(verify=mine) as session:
            assert session.get(server.url).content == b"ok"
            session.close()
            mine.verify_mode = ssl.CERT_REQUIRED
            with pytest.raises(requests_lite.SSLError, match="not trusted"):
                session.get(server.url)


def test_a_name_with_a_dot_behind_is_checked_without_it(certificates: Certificates) -> None:
    """RFC 6066 s3: the name is sent "without a trailing dot"."""
    context, names = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), []
    certificates.authority.issue_cert("example.test").configure_cert(context)
    context.sni_callback = lambda sock, name, _: names.append(name)
    with Server([Expect(), Send(OK + b"Content-Length: 2\r\n\r\nok")], tls=context) as server:
        with Session(verify=certificates.ca, resolve={"example.test.": server.host}) as session:
            assert session.get(f"https://example.test.:{server.port}/").content == b"ok"
    assert names == ["example.test"]


def test_a_client_s_certificate_is_not_for_a_proxy(certificates: Certificates, tmp_path: Path) -> None:
    """It says who we are to the origin, whom it is meant for."""
    context, seen = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), []
    certificates.authority.issue_cert("localhost", "127.0.0.1").configure_cert(context)
    certificates.authority.configure_trust(context)
    context.verify_mode = ssl.CERT_OPTIONAL
    mine = tmp_path / "mine.pem"
    certificates.authority.issue_cert("me@example.test").private_key_and_cert_chain_pem.write_to_path(str(mine))
    good = Send(OK + b"Content-Length: 2\r\n\r\nok")

    def look(sock: Any) -> None:
        seen.append(bool(sock.getpeercert()))

    options: Any = {"verify": certificates.ca, "cert": str(mine)}
    with Server([look, Expect(), good], [look, Expect(b"GET http://x.test/ "), good], tls=context) as server:
        assert requests_lite.get(server.url, **options).content == b"ok"
        assert requests_lite.get("http://x.test/", proxies={"all": server.url}, **options).content == b"ok"
    assert seen == [True, False]


# Charsets


def test_a_charset_that_takes_time_squared_is_none() -> None:
    """Half a minute for a megabyte, by Python's own codec of that name."""
    content = b"a" * 1_000_000
    for charset in (b"punycode", b'"Puny' + b'code"', b" PUNYCODE "):
        kind = b"Content-Type: text/plain; charset=%b\r\nContent-Length: %d\r\n\r\n" % (charset, len(content))
        with Server([Expect(), Send(OK + kind + content)]) as server:
            response = requests_lite.get(server.url, timeout=10)
            begun = monotonic()
            assert response.text == content.decode()
            assert "".join(response.iter_content(decode_unicode=True)) == content.decode()
            assert monotonic() - begun < 5


def test_charsets_nobody_knows_are_not_kept() -> None:
    """Python keeps the name of each, however long."""
    response = Response()
    response._content = b"content"
    for number in range(3):
        name = f"x-{'y' * 1000}-{number}"
        response.headers["Content-Type"] = f"text/plain; charset={name}"
        assert response.text == "content"
        assert not any(known.startswith("x_yyy") for known in encodings._cache)


def test_hosts_that_no_name_can_be_are_not_kept() -> None:
    """RFC 1035 s2.3.4: a name has at most 255 octets."""
    for host in ("a." * 150_000 + "a", "[fe80::1%25" + "a" * 1000 + "]"):
        with pytest.raises(InvalidURL) as caught:
            requests_lite.get(f"http://{host}/")
        assert len(str(caught.value)) < 400


# What helps against an error of TLS


@pytest.mark.parametrize(
    ("code", "helps"), [(18, True), (19, True), (20, True), (10, False), (62, False), (23, False), (None, False)]
)
def test_an_authority_of_one_s_own_is_named_where_it_helps(code: int | None, helps: bool) -> None:
    """Not for a certificate that is over (10), revoked (23), or another's (62)."""
    error = CertificateError("the certificate of h is not trusted: so it is")
    error.__cause__ = ssl.SSLCertVerificationError()
    if code is not None:
        error.__cause__.verify_code = code
    assert ("verify=" in str(from_engine(error, None, "https://h/"))) == helps


def test_a_certificate_that_is_missing_is_named() -> None:
    """In TLS 1.3 the handshake is over when a server says so."""
    error = from_engine(ConnectionLost("lost before an answer came: tlsv13 alert certificate required"), None, "")
    assert isinstance(error, requests_lite.SSLError)
    assert "give the client's certificate in cert=" in str(error)


# Time, and memory


def drip(data: bytes) -> list[Step]:
    """Return what sends data byte by byte, some milliseconds apart."""
    return [step for byte in data for step in (Send(bytes([byte])), Pause(0.005))]


CHALLENGED = (
    b'HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Digest realm="r", nonce="n"\r\nContent-Length: 999\r\n\r\n'
)
DRAGGING = {
    "the head": OK + b"A: b\r\n" * 50,
    "informational responses": b"HTTP/1.1 102 Processing\r\n\r\n" * 20,
    "a chunk's extension": OK + b"Transfer-Encoding: chunked\r\n\r\n1;" + b"x" * 300,
    "trailers": OK + b"Transfer-Encoding: chunked\r\n\r\n0\r\n" + b"A: b\r\n" * 50,
    "the content of a redirect": b"HTTP/1.1 302 Found\r\nLocation: /\r\nContent-Length: 999\r\n\r\n" + b"x" * 300,
    "the content of a challenge": CHALLENGED + b"x" * 300,
}


@pytest.mark.parametrize("what", DRAGGING)
@pytest.mark.parametrize("how", ["plainly", "with content that is asked for", "with retries"])
def test_whatever_drags_the_total_time_is_kept(what: str, how: str) -> None:
    options: dict[str, Any] = {"auth": HTTPDigestAuth("ada", "secret")}
    if how == "with content that is asked for":
        options |= {"data": io.BytesIO(b"content"), "headers": {"Expect": "100-continue"}}
    elif how == "with retries":
        options["retries"] = Retry(50, backoff=0.01)
    with Server([Expect(content=False), *drip(DRAGGING[what])], repeat=True) as server:
        begun = monotonic()
        with pytest.raises(ReadTimeout, match="total time"):
            requests_lite.put(server.url, timeout=(5, 5, 0.3), **options)
        assert 0.2 < monotonic() - begun < 2


def test_a_flood_of_cookies_takes_little_time() -> None:
    """As many as one head holds, from http, where each has to leave secure cookies alone."""
    jar = CookieJar()
    jar.set("sid", "1", domain="example.org", secure=True)
    lines = [f"{n}=1" for n in range(15_000)]
    begun = monotonic()
    jar.store(split_url("http://www.example.org/"), lines)
    assert monotonic() - begun < 5
    assert len(jar) < 200
    assert jar.get("sid") == "1"


def test_no_content_is_too_finely_cut() -> None:
    """Chunks of one byte; streams of one byte in gzip, one behind the other, each read with what is left of a block."""
    size = 50_000
    chunks = OK + b"Transfer-Encoding: chunked\r\n\r\n" + b"1;a=b\r\nx\r\n" * size + b"0\r\n\r\n"
    with Server([Expect(), Send(chunks), Expect(), packed(gzip.compress(b"x") * size)]) as server:
        begun = monotonic()
        assert requests_lite.get(server.url).content == b"x" * size
        assert requests_lite.get(server.url).content == b"x" * size
        assert monotonic() - begun < 10


# From end to end


def test_a_file_from_its_middle_by_way_of_all_that_sends_it_again() -> None:
    """Declined at first, challenged, moved, busy, and each time asked for: the same content from where it stood."""
    file = io.BytesIO(b"skipped" + b"content" * 20_000)
    file.seek(7)
    whole = b"\r\n\r\n" + b"content" * 20_000
    nonce = b'WWW-Authenticate: Digest realm="r", nonce="n", qop="auth"\r\nSet-Cookie: seen=1\r\n'
    nothing = b"Content-Length: 0\r\n\r\n"
    ready = Send(b"HTTP/1.1 103 Early Hints\r\nSet-Cookie: early=1\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n")
    script: list[Step] = [
        Expect(b"PUT / ", without=[b"Cookie"], content=False),
        Send(b"HTTP/1.1 401 Unauthorized\r\n" + nonce + nothing),
    ]
    again: list[Step] = []
    for target, status in [
        (b"/", b"308 Permanent Redirect\r\nLocation: /there"),
        (b"/there", b"503 Busy\r\nRetry-After: 0"),
        (b"/there", b"200 OK"),
    ]:
        head = Expect(b"PUT %b " % target, b"\r\nCookie: seen=1\r\n", b"Digest ", content=False)
        again += [head, ready, Take(whole[4:]), Send(b"HTTP/1.1 %b\r\n" % status + nothing)]
    told: list[int] = []
    with Server(script, again) as server, Session(auth=HTTPDigestAuth("ada", "secret"), retries=1) as session:
        response = session.put(
            server.url, file, headers={"Expect": "100-continue"}, progress=lambda done, _: told.append(done)
        )
        assert response.status_code == 200
        assert [before.status_code for before in response.history] == [401, 308]
        assert dict(session.cookies) == {"seen": "1"}  # not what came early
    assert told.count(140_000) == 3
