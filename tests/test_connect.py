"""From an origin to a connected socket: addresses, and which of them wins. Only the resolver is played."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable, Iterator
from time import monotonic

import pytest

from requests_lite.packages.poster import connect as connect_module
from requests_lite.packages.poster.connect import READ, WRITE, SelectPoller, authority, connect, said, wait
from requests_lite.packages.poster.errors import ConnectError, TransferTimeout
from server import Server, Wait

Place = tuple[str, int]
Resolve = Callable[..., None]


@pytest.fixture
def resolve(monkeypatch: pytest.MonkeyPatch) -> Resolve:
    """Return a function that says which addresses, with their ports, the name x.test has."""

    def resolve(*places: Place) -> None:
        def getaddrinfo(host: str, port: int, *rest: object, **more: object) -> list[object]:
            assert host == "x.test"
            families = [socket.AF_INET6 if ":" in host else socket.AF_INET for host, _ in places]
            return [(family, socket.SOCK_STREAM, 0, "", place) for family, place in zip(families, places, strict=True)]

        monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)

    return resolve


@pytest.fixture
def refused() -> Iterator[int]:
    """Return a port at which nobody listens, on any address."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()[1]


@pytest.fixture
def silent() -> Iterator[Place]:
    """Return an address that answers no attempt to connect: its queue is full."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        clients = []
        try:
            for _ in range(3):
                clients.append(client := socket.socket())
                client.setblocking(False)
                client.connect_ex(listener.getsockname())
            yield listener.getsockname()
        finally:
            for client in clients:
                client.close()


def open_to(port: int = 1, limit: float | None = 10.0) -> socket.socket:
    return connect(("http", "x.test", port), None if limit is None else monotonic() + limit)


def refused_order(port: int) -> list[str]:
    """Return the addresses in the order in which they were tried, all in vain."""
    with pytest.raises(ConnectError) as caught:
        open_to(port)
    return [part.split(")")[0] for part in str(caught.value).split("(")[1:]]


def test_a_socket_that_is_ready() -> None:
    """Non-blocking, and it sends small pieces at once."""
    with Server([Wait()]) as server, connect(server.origin, None) as sock:
        assert not sock.getblocking()
        assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        assert sock.getpeername() == (server.host, server.port)


def test_ipv6() -> None:
    try:
        server = Server([Wait()], family=socket.AF_INET6).__enter__()
    except OSError:
        pytest.skip("no IPv6 here")
    with connect(server.origin, None) as sock:
        assert sock.getpeername()[:2] == ("::1", server.port)
    server.__exit__(None)


def test_refused(refused: int) -> None:
    with pytest.raises(ConnectError) as caught:
        connect(("http", "127.0.0.1", refused), None)
    assert str(caught.value) == f"cannot connect to 127.0.0.1:{refused} (127.0.0.1): connection refused"


def test_all_addresses_are_tried(resolve: Resolve, refused: int) -> None:
    places = ["127.0.0.1", "127.0.0.2", "127.0.0.3"]
    resolve(*((host, refused) for host in places))
    with pytest.raises(ConnectError) as caught:
        open_to(80)
    assert str(caught.value) == "cannot connect to x.test:80 " + "; ".join(
        f"({host}): connection refused" for host in places
    )


def test_what_is_refused_is_not_waited_for(resolve: Resolve, refused: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """The next address is tried at once."""
    monkeypatch.setattr(connect_module, "ATTEMPT_DELAY", 5)
    with Server([Wait()]) as server:
        resolve(("127.0.0.1", refused), ("127.0.0.2", refused), (server.host, server.port))
        begun = monotonic()
        with open_to() as sock:
            assert sock.getpeername() == (server.host, server.port)
        assert monotonic() - begun < 5


def test_families_alternate(resolve: Resolve, refused: int) -> None:
    """The resolver's favourite is first (RFC 8305 s4)."""
    six, four = ["::1", "::ffff:127.0.0.2", "::ffff:127.0.0.3"], ["127.0.0.1", "127.0.0.2", "127.0.0.3"]
    resolve(*((host, refused) for host in [*six, *four[:1]]))
    assert refused_order(refused) == [six[0], four[0], six[1], six[2]]
    resolve(*((host, refused) for host in [*four[:1], *six[:2], *four[1:]]))
    assert refused_order(refused) == [four[0], six[0], four[1], six[1], four[2]]


def test_an_address_that_fails_at_once(resolve: Resolve) -> None:
    """No byte leaves for a broadcast address over TCP; the next address is tried."""
    with Server([Wait()]) as server:
        resolve(("255.255.255.255", 1), (server.host, server.port))
        with open_to() as sock:
            assert sock.getpeername() == (server.host, server.port)
    resolve(("255.255.255.255", 1))
    with pytest.raises(ConnectError, match=r"\(255\.255\.255\.255\): "):
        open_to()


def test_no_address(resolve: Resolve) -> None:
    resolve()
    with pytest.raises(ConnectError, match="cannot connect to "):
        open_to()


def test_a_silent_address_does_not_hold_up_the_next(resolve: Resolve, silent: Place) -> None:
    """It gets 250 ms ahead (RFC 8305 s5), and its socket is closed when another wins."""
    with Server([Wait()]) as server:
        resolve(silent, (server.host, server.port))
        begun = monotonic()
        with open_to() as sock:
            assert sock.getpeername() == (server.host, server.port)
        assert connect_module.ATTEMPT_DELAY <= monotonic() - begun < 3


def test_the_first_address_may_still_win(resolve: Resolve, silent: Place, refused: int) -> None:
    """A second one that is refused does not end the wait for the first."""
    resolve(silent, ("127.0.0.2", refused))
    with pytest.raises(TransferTimeout) as caught:
        open_to(80, 0.4)
    assert caught.value.phase == "connect"
    assert str(caught.value) == "cannot connect to x.test:80 (127.0.0.1): no answer in time"


@pytest.mark.parametrize("count", [1, 2, 3])
def test_nobody_answers_in_time(count: int, resolve: Resolve, silent: Place) -> None:
    """The limit is for all addresses together."""
    resolve(*[silent] * count)
    begun = monotonic()
    with pytest.raises(TransferTimeout, match="no answer in time") as caught:
        open_to(80, 0.35)
    assert 0.35 <= monotonic() - begun < 3
    assert caught.value.phase == "connect"


def test_a_deadline_that_has_passed(resolve: Resolve, silent: Place) -> None:
    resolve(silent)
    with pytest.raises(TransferTimeout):
        open_to(80, -1)


@pytest.mark.parametrize(
    "error",
    [
        socket.gaierror(socket.EAI_NONAME, "Name or service not known"),
        OSError("Odd"),
        UnicodeError("label too long"),
        UnicodeEncodeError("idna", "\u2603", 0, 1, "why"),
    ],
)
def test_a_name_without_address(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    def getaddrinfo(*arguments: object, **more: object) -> None:
        raise error

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    with pytest.raises(ConnectError, match=r"cannot find the address of x\.test: ") as caught:
        open_to()
    assert caught.value.__cause__ is error


@pytest.mark.parametrize("host", ["a" * 64 + ".test", "a..test", ".test", "\ud800.test"])
def test_names_that_are_none(host: str) -> None:
    """They don't get as far as the network."""
    with pytest.raises(ConnectError, match="cannot find the address"):
        connect(("http", host, 80), monotonic() + 5)


def test_authority() -> None:
    assert authority("x.org", 80) == "x.org:80"
    assert authority("::1", 8080) == "[::1]:8080"


def test_what_an_error_says() -> None:
    """In the middle of a sentence."""
    assert said(ConnectionRefusedError(111, "Connection refused")) == "connection refused"
    assert said(OSError("It broke")) == "it broke"
    assert said(ValueError("So what")) == "so what"
    assert said(TimeoutError()) == "timeoutError"
    assert said(ssl.SSLError(1, "[SSL] no")) == "[SSL] no"


@pytest.mark.parametrize("poller", [connect_module.new_poller, SelectPoller])
def test_pollers(poller: Callable[[], SelectPoller]) -> None:
    """select() and poll() say the same."""
    ours, peer = socket.socketpair()
    with ours, peer:
        polled = poller()
        polled.register(ours.fileno(), READ)
        assert polled.poll(0) == []
        assert polled.poll(1) == []
        peer.send(b"x")
        assert polled.poll() == [(ours.fileno(), READ)]
        polled.modify(ours.fileno(), WRITE)
        assert polled.poll(1000) == [(ours.fileno(), WRITE)]
        polled.modify(ours.fileno(), READ | WRITE)
        ready = {descriptor: 0 for descriptor, _ in polled.poll(0)}
        for descriptor, events in polled.poll(0):
            ready[descriptor] |= events
        assert ready == {ours.fileno(): READ | WRITE}
        polled.unregister(ours.fileno())
        assert polled.poll(0) == []


@pytest.mark.parametrize(
    ("silence", "left", "least", "most"),
    [(0.05, None, 0.05, 2), (0.05, 10, 0.05, 2), (10, 0.05, 0.05, 2), (10, -1, 0, 1)],
)
def test_wait_is_for_the_shorter_time(silence: float, left: float | None, least: float, most: float) -> None:
    ours, peer = socket.socketpair()
    with ours, peer:
        poller = connect_module.new_poller()
        poller.register(ours.fileno(), READ)
        begun = monotonic()
        assert wait(poller, silence, None if left is None else begun + left) == []
        assert least <= monotonic() - begun < most
        peer.send(b"x")
        assert wait(poller, None, None) == [(ours.fileno(), READ)]


def test_without_poll(monkeypatch: pytest.MonkeyPatch, resolve: Resolve, silent: Place, refused: int) -> None:
    """Windows has select() alone, which says in a way of its own that a connection failed."""
    monkeypatch.setattr(connect_module, "new_poller", SelectPoller)
    with Server([Wait()]) as server:
        resolve(("127.0.0.1", refused), silent, (server.host, server.port))
        with open_to() as sock:
            assert sock.getpeername() == (server.host, server.port)
    resolve(silent)
    with pytest.raises(TransferTimeout):
        open_to(80, 0.05)
