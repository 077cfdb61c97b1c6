"""TLS: whom one trusts, under which name, and what is said when that fails."""

from __future__ import annotations

import contextlib
import gc
import socket
import ssl
import sys
import threading
from pathlib import Path
from time import monotonic

import pytest
import trustme

from conftest import Certificates
from requests_lite.packages.poster import connect as connect_module
from requests_lite.packages.poster import tls as tls_module
from requests_lite.packages.poster.connect import WRITE, Origin, SelectPoller, connect
from requests_lite.packages.poster.errors import (
    CertificateError,
    ConnectError,
    ConnectionLost,
    TLSError,
    TransferTimeout,
)
from requests_lite.packages.poster.headers import Headers
from requests_lite.packages.poster.opener import Opener
from requests_lite.packages.poster.tls import secure, tls_context
from server import Cut, Expect, Reset, Send, Server, Step, Wait

ANSWER = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok"


def get(origin: Origin, verify: object = True, cert: object = None) -> bytes:
    message = Opener().exchange(
        ("https", *origin[1:]), "GET", "/", Headers(), tls=(verify, cert), connect_limit=10, silence=10
    )
    return message.body.read_all()


def handshake(server: Server, context: ssl.SSLContext, limit: float = 10.0) -> ssl.SSLSocket:
    deadline = monotonic() + limit
    origin = ("https", "localhost", server.port)
    secured = secure(connect(server.origin, deadline), origin, (context, None), deadline)
    assert isinstance(secured, ssl.SSLSocket)
    return secured


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_an_authority_of_ones_own(host: str, certificates: Certificates) -> None:
    with Server([Expect(b"GET / "), Send(ANSWER)], tls=certificates.server) as server:
        assert get(("https", host, server.port), certificates.ca) == b"ok"


def test_a_path_object(certificates: Certificates) -> None:
    with Server([Expect(), Send(ANSWER)], tls=certificates.server) as server:
        assert get(server.origin, Path(certificates.ca)) == b"ok"


def test_a_context_of_ones_own(certificates: Certificates) -> None:
    context = ssl.create_default_context(cafile=certificates.ca)
    with Server([Expect(), Send(ANSWER)], tls=certificates.server) as server:
        assert get(server.origin, context) == b"ok"


@pytest.mark.parametrize("verify", [True, None])
def test_an_authority_that_is_not_trusted(verify: object, certificates: Certificates) -> None:
    """The system does not know the tests' own, and nothing is sent."""
    with Server([Expect(), Send(ANSWER)], tls=certificates.server) as server:
        with pytest.raises(CertificateError, match=f"the certificate of 127.0.0.1:{server.port} is not trusted: "):
            get(server.origin, verify)
    assert server.received == [b""]


def test_the_wrong_authority(certificates: Certificates, tmp_path: Path) -> None:
    trustme.CA().cert_pem.write_to_path(tmp_path / "other.pem")
    with Server([Expect()], tls=certificates.server) as server:
        with pytest.raises(CertificateError, match="is not trusted"):
            get(server.origin, str(tmp_path / "other.pem"))


def test_a_folder_of_authorities(certificates: Certificates, tmp_path: Path) -> None:
    """It is used instead of the system's; this one is empty."""
    with Server([Expect()], tls=certificates.server) as server:
        with pytest.raises(CertificateError, match="is not trusted"):
            get(server.origin, tmp_path)


def test_the_wrong_name(certificates: Certificates) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificates.authority.issue_cert("x.test").configure_cert(context)
    with Server([Expect()], [Expect()], tls=context) as server:
        for host in ("127.0.0.1", "localhost"):
            with pytest.raises(
                TLSError, match=f"the certificate of {host}:{server.port} is not trusted: .*mismatch|not valid"
            ):
                get(("https", host, server.port), certificates.ca)
    assert server.received == [b"", b""]


def test_no_verification(certificates: Certificates) -> None:
    """It is for one who asks for it, and never remembered for another."""
    with Server([Expect(), Send(ANSWER)], [Expect()], [Expect(), Send(ANSWER)], tls=certificates.server) as server:
        assert get(server.origin, False) == b"ok"
        with pytest.raises(TLSError):
            get(server.origin, True)
        assert get(server.origin, False) == b"ok"


def test_connections_are_kept_apart_by_their_verification(certificates: Certificates) -> None:
    """A connection made without a look at the certificate is not used by one who wants it checked."""
    answer = b"HTTP/1.1 204 No Content\r\n\r\n"
    opener = Opener()
    with Server([Expect(), Send(answer)], [Expect()], tls=certificates.server) as server:
        assert opener.exchange(server.origin, "GET", "/", Headers(), tls=(False, None)).status == 204
        with pytest.raises(TLSError):
            opener.exchange(server.origin, "GET", "/", Headers(), tls=(True, None))
        opener.pool.close()


@pytest.mark.parametrize("falsy", ["", None])
def test_only_false_turns_verification_off(falsy: object) -> None:
    context = tls_context((falsy, None))
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname


@pytest.mark.parametrize("equal", [0, 0.0, 1])
def test_what_equals_a_truth_value_means_the_same_whatever_was_asked_before(equal: object) -> None:
    """0 == False, and they have the same hash."""
    modes = []
    for before in (True, False):
        tls_module._new_context.cache_clear()
        tls_context((before, None))
        modes.append(tls_context((equal, None)).verify_mode)
    assert modes[0] is modes[1]


def test_contexts() -> None:
    """Each is made once; a strict minimum holds for all."""
    for verify in (True, False):
        context = tls_context((verify, None))
        assert context is tls_context((verify, None))
        assert context.minimum_version == ssl.TLSVersion.TLSv1_2
    assert tls_context((True, None)) is not tls_context((False, None))


def test_a_client_certificate(certificates: Certificates, tmp_path: Path) -> None:
    """In one file, or the key apart."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificates.authority.issue_cert("127.0.0.1").configure_cert(context)
    certificates.authority.configure_trust(context)
    context.verify_mode = ssl.CERT_REQUIRED
    issued = certificates.authority.issue_cert("client@localhost")
    issued.private_key_pem.write_to_path(tmp_path / "key.pem")
    issued.cert_chain_pems[0].write_to_path(tmp_path / "cert.pem")
    with Server([Expect(), Send(ANSWER)], [Expect(), Send(ANSWER)], [], tls=context) as server:
        assert get(server.origin, certificates.ca, certificates.client) == b"ok"
        pair = str(tmp_path / "cert.pem"), str(tmp_path / "key.pem")
        assert get(server.origin, certificates.ca, pair) == b"ok"
        # With TLS 1.3 the server says no only when the handshake is over for the client.
        with pytest.raises((TLSError, ConnectionLost)):
            get(server.origin, certificates.ca)


@pytest.mark.parametrize("verify", ["/nowhere/ca.pem", Path("/nowhere/ca.pem"), __file__])
def test_authorities_that_cannot_be_read(verify: object) -> None:
    """No connection is made for that."""
    with pytest.raises(TLSError, match="cannot read the authorities in '/"):
        get(("https", "127.0.0.1", 1), verify)


@pytest.mark.parametrize("cert", ["/nowhere/client.pem", ("/nowhere/cert.pem", "/nowhere/key.pem"), __file__])
def test_a_client_certificate_that_cannot_be_read(cert: object) -> None:
    with pytest.raises(TLSError, match="cannot read the client certificate and its key in cert="):
        get(("https", "127.0.0.1", 1), True, cert)


def test_a_key_that_does_not_fit(certificates: Certificates, tmp_path: Path) -> None:
    certificates.authority.issue_cert("a@localhost").private_key_pem.write_to_path(tmp_path / "key.pem")
    with pytest.raises(TLSError, match="cannot read the client certificate"):
        get(("https", "127.0.0.1", 1), True, (certificates.client, str(tmp_path / "key.pem")))


def test_a_context_that_is_for_servers(certificates: Certificates) -> None:
    with Server([]) as server:
        with pytest.raises(TLSError):
            get(server.origin, certificates.server)


def test_what_is_offered(certificates: Certificates) -> None:
    """The name asked for, HTTP/1.1, and nothing older than TLS 1.2."""
    names = []
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificates.authority.issue_cert("localhost").configure_cert(context)
    context.set_alpn_protocols(["h2", "http/1.1"])
    context.sni_callback = lambda sock, name, _: names.append(name)
    with Server([], tls=context) as server, handshake(server, tls_context((certificates.ca, None))) as secured:
        assert secured.selected_alpn_protocol() == "http/1.1"
        assert secured.version() in ("TLSv1.2", "TLSv1.3")
        assert names == ["localhost"]
        assert not secured.getblocking()


@pytest.mark.parametrize("greeting", [b"HTTP/1.1 400 Bad Request\r\n\r\n", b"220 x ESMTP\r\n", b"\0" * 100])
def test_a_peer_that_speaks_something_else(greeting: bytes) -> None:
    with Server([lambda sock: sock.recv(1 << 16), Send(greeting), Cut()]) as server:
        with pytest.raises(TLSError, match=f"no TLS with 127.0.0.1:{server.port}: "):
            get(server.origin)


def test_a_peer_that_speaks_http_without_tls() -> None:
    """As what is at the port of a development server."""
    answer = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"
    with Server([lambda sock: sock.recv(1 << 16), Send(answer), Cut()]) as server:
        with pytest.raises(TLSError, match=r"; perhaps it speaks http$"):
            get(server.origin)


# Python before 3.13 leaves a socket open when the reset arrives within wrap_socket(), between two of its lines.
LOST = [pytest.mark.filterwarnings("ignore::ResourceWarning"), pytest.mark.may_leave_sockets("Python lost it")]


@pytest.mark.parametrize(
    "end",
    [
        pytest.param(Cut(), id="closed"),
        pytest.param(Reset(), id="reset", marks=LOST if sys.version_info < (3, 13) else []),
    ],
)
def test_a_peer_that_leaves(end: Step) -> None:
    """A reset may arrive before the handshake begins, and is no TLSError then."""
    with Server([end]) as server:
        with pytest.raises(ConnectError, match=f"(no TLS with|cannot connect to) 127.0.0.1:{server.port}"):
            get(server.origin)


@pytest.mark.parametrize("end", [Cut(), Reset()], ids=["closed", "reset"])
def test_a_peer_that_has_left_before_the_handshake(end: Step) -> None:
    """The socket is closed here, not when somebody collects garbage."""
    connected = threading.Event()
    with Server([Wait(connected), end]) as server:
        sock = connect(server.origin, monotonic() + 10)
        connected.set()
        assert not server.closed_by_client()  # it has waited for the end
        with pytest.raises(TLSError, match=f"no TLS with 127.0.0.1:{server.port}: ") as caught:
            secure(sock, server.origin, (True, None), monotonic() + 10)
        del caught
        gc.collect()


def test_a_peer_that_says_nothing() -> None:
    """The limit for connecting includes the handshake."""
    with Server([Wait()]) as server:
        begun = monotonic()
        with pytest.raises(TransferTimeout, match="the handshake did not end in time") as caught:
            Opener().exchange(("https", *server.origin[1:]), "GET", "/", Headers(), tls=(True, None), connect_limit=0.1)
        assert caught.value.phase == "connect"
        assert 0.1 <= monotonic() - begun < 3
        assert server.closed_by_client()


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
def test_a_peer_that_knows_only_old_versions(certificates: Certificates) -> None:
    """It is an error and no weaker connection."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificates.authority.issue_cert("127.0.0.1").configure_cert(context)
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.minimum_version = ssl.TLSVersion.TLSv1
    context.maximum_version = ssl.TLSVersion.TLSv1_1
    with Server([Expect()], tls=context) as server:
        with pytest.raises(TLSError, match=f"no TLS with 127.0.0.1:{server.port}: "):
            get(server.origin, certificates.ca)


def test_tls_errors_are_connect_errors() -> None:
    """No byte of the request went out."""
    assert issubclass(TLSError, ConnectError)


def test_a_handshake_that_cannot_be_sent_at_once(certificates: Certificates, monkeypatch: pytest.MonkeyPatch) -> None:
    """It waits until the socket takes more."""
    ours, peer = socket.socketpair()
    ours.setblocking(False)
    stuffed = 0
    for size in (1 << 16, 1 << 8, 1):
        with contextlib.suppress(BlockingIOError):
            while True:
                stuffed += ours.send(bytes(size))
    waits = threading.Event()

    class Telling(SelectPoller):
        def modify(self, descriptor: int, events: int) -> None:
            super().register(descriptor, events)
            if events == WRITE:
                waits.set()

    def serve() -> None:
        assert waits.wait(10)
        left = stuffed
        while left:
            left -= len(peer.recv(left))
        with certificates.server.wrap_socket(peer, server_side=True) as secured:
            secured.recv(1)

    monkeypatch.setattr(tls_module, "new_poller", Telling)
    thread = threading.Thread(target=serve)
    thread.start()
    context = tls_context((certificates.ca, None))
    with secure(ours, ("https", "localhost", 443), (context, None), monotonic() + 10) as secured:
        assert secured.send(b"x") == 1
    thread.join(10)
    peer.close()


def test_without_poll(certificates: Certificates, monkeypatch: pytest.MonkeyPatch) -> None:
    """Windows has select() alone."""
    for module in (connect_module, tls_module):
        monkeypatch.setattr(module, "new_poller", SelectPoller)
    with Server([Expect(), Send(ANSWER)], tls=certificates.server) as server:
        assert get(server.origin, certificates.ca) == b"ok"
