"""One connection: what is sent, what is waited for and how long, and why it ends."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from collections.abc import Callable, Iterable, Iterator
from time import monotonic

import pytest

from conftest import Certificates
from requests_lite.packages.poster import connect as connect_module
from requests_lite.packages.poster import connection as connection_module
from requests_lite.packages.poster.connect import WRITE, SelectPoller, connect
from requests_lite.packages.poster.connection import Connection, Message
from requests_lite.packages.poster.errors import (
    ConnectionLost,
    IncompleteBody,
    ProtocolError,
    TransferError,
    TransferTimeout,
)
from requests_lite.packages.poster.sending import Block
from requests_lite.packages.poster.tls import secure
from server import Cut, Expect, HalfClose, Peer, Reset, Script, Send, Server, Step, Wait
from wire import CONNECTIONS, CONTINUE, OK, SURPLUS, SWITCHED, TWO, Row, answer

GET = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
POST = b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
TOO_BIG = b"HTTP/1.1 413 Content Too Large\r\nContent-Length: 7\r\n\r\ntoo big"
EARLY = "the answer came before the request was sent"
NOT_SENT = "the request was not sent to its end"
MIB = bytes(1 << 20)


class Client:
    """Makes connections to servers, and closes them when a test has ended."""

    def __init__(self, ca: str) -> None:
        self.ca = ca
        self.connections: list[Connection] = []
        self.home: list[Connection] = []

    def connect(self, server: Server) -> Connection:
        sock = connect(server.origin, monotonic() + 10)
        if server.tls:
            sock = secure(sock, server.origin, (self.ca, None), monotonic() + 10)
        return self.use(sock)

    def use(self, sock: socket.socket) -> Connection:
        sock.setblocking(False)
        self.connections.append(connection := Connection(sock, "key", "the peer", self.home.append))
        return connection

    def pair(self) -> tuple[Connection, socket.socket]:
        """Return a connection and the socket at its other end."""
        ours, peer = socket.socketpair()
        peer.settimeout(10)
        return self.use(ours), peer


@pytest.fixture
def client(certificates: Certificates) -> Iterator[Client]:
    client = Client(certificates.ca)
    yield client
    for connection in client.connections:
        connection.close("the test has ended")


@pytest.fixture(params=["http", "https"])
def tls(request: pytest.FixtureRequest, certificates: Certificates) -> ssl.SSLContext | None:
    """Return what a server puts on its connections: a test that takes this runs without and with TLS."""
    return certificates.server if request.param == "https" else None


def exchange(
    connection: Connection,
    blocks: Iterable[Block] = (),
    silence: float | None = 10.0,
    total: float | None = None,
    method: str = "GET",
) -> Message:
    """Send a GET, or a POST with blocks behind it."""
    head = GET if blocks == () else POST
    return connection.exchange(method, head, blocks, silence, None if total is None else monotonic() + total)


class Take(Step):
    """Receive so many bytes of content."""

    def __init__(self, size: int) -> None:
        self.size = size

    def play(self, peer: Peer) -> None:
        peer.take(self.size)


class Say(Step):
    """Tell the test that the script has come so far."""

    def __init__(self, event: threading.Event) -> None:
        self.event = event

    def play(self, peer: Peer) -> None:
        self.event.set()


class Repeat(Step):
    """Send data again and again, with pauses of so many seconds, until the client leaves."""

    def __init__(self, data: bytes, pause: float = 0) -> None:
        self.data = data
        self.pause = pause

    def play(self, peer: Peer) -> None:
        with contextlib.suppress(OSError):
            while not peer.stopping.wait(self.pause):
                peer.socket.sendall(self.data)


# Reuse and its end.


@pytest.mark.parametrize("row", CONNECTIONS, ids=str)
def test_why_a_connection_is_closed(row: Row, client: Client) -> None:
    """And that the server sees it closed, or can go on."""
    with Server([Expect(), Send(row.received), *([] if row.reason else [Expect(), Send(row.received)])]) as server:
        connection = client.connect(server)
        message = exchange(connection)
        assert connection.reason == ""  # the body is still to be read
        assert message.body.read_all() == row.content
        assert connection.reason == row.reason
        if row.reason:
            assert client.home == []
            assert server.closed_by_client()
        else:
            assert client.home == [connection]
            assert exchange(connection).body.read_all() == row.content


def test_exchanges_follow_each_other(client: Client, tls: ssl.SSLContext | None) -> None:
    """A connection remembers nothing of the last one."""
    responses = [
        OK + TWO + b"ok",
        CONTINUE + b"HTTP/1.1 204 No\r\n\r\n",
        answer(b"Transfer-Encoding: chunked") + b"2\r\nok\r\n0\r\nA: b\r\n\r\n",
        OK + TWO + b"ok",
    ]
    with Server([step for response in responses for step in (Expect(), Send(response))], tls=tls) as server:
        connection = client.connect(server)
        contents = [exchange(connection).body.read_all() for _ in responses]
        assert contents == [b"ok", b"", b"ok", b"ok"]
        assert connection.reason == ""
        assert client.home == [connection] * 4


def test_the_first_reason_stays(client: Client) -> None:
    connection, peer = client.pair()
    with peer:
        connection.close("one")
        connection.close("two")
        assert connection.reason == "one"
        assert peer.recv(1) == b""


def test_a_connection_that_nobody_holds_is_closed(client: Client) -> None:
    connection, peer = client.pair()
    client.connections.clear()
    del connection
    with peer:
        assert peer.recv(1) == b""
    Connection.__new__(Connection).__del__()  # one that never came to be


def test_a_switched_protocol_ends_the_connection(client: Client) -> None:
    with Server([Expect(), Send(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\nhello")]) as server:
        connection = client.connect(server)
        assert exchange(connection).status == 101
        assert connection.reason == SWITCHED
        assert server.closed_by_client()


def test_is_readable(client: Client) -> None:
    """With bytes, and with the end."""
    connection, peer = client.pair()
    with peer:
        assert not connection.is_readable()
        peer.send(b"x")
        assert connection.is_readable()
    connection, peer = client.pair()
    peer.close()
    assert connection.is_readable()


def test_bytes_before_the_request(client: Client) -> None:
    """They can't be an answer to it: whatever comes of them, the connection is not used again."""
    connection, peer = client.pair()
    with peer:
        peer.sendall(OK + TWO + b"ok")
        with contextlib.suppress(TransferError):
            exchange(connection).body.read_all()
        assert connection.reason
        assert client.home == []


@pytest.mark.parametrize("surplus", [b"x", b"\r\n", OK + b"Content-Length: 4\r\n\r\nevil"])
@pytest.mark.parametrize(
    "pieces",
    [
        [OK + TWO + b"ok%b"],
        [OK + TWO, b"ok%b"],
        [OK + TWO + b"o", b"k%b"],
        [answer(b"Transfer-Encoding: chunked"), b"2\r\nok\r\n0\r\n\r\n%b"],
        [answer(b"Transfer-Encoding: chunked") + b"2\r\n", b"ok\r\n0\r\n\r\n%b"],
        [b"HTTP/1.1 204 No\r\n\r\n%b"],
    ],
)
def test_bytes_after_the_response(
    pieces: list[bytes], surplus: bytes, client: Client, tls: ssl.SSLContext | None
) -> None:
    """Nothing of them may become the answer to the next request, wherever they lie: the socket, or TLS's own buffer."""
    came = [threading.Event() for _ in pieces]
    script: list[Step] = [Expect()]
    for piece, event in zip(pieces, came, strict=True):
        script += [Send(piece.replace(b"%b", surplus)), Wait(event)]
    with Server(script, tls=tls) as server:
        connection = client.connect(server)
        message = exchange(connection)
        came[0].set()
        content = b""
        while block := message.body.read(2):
            content += block
            for event in came:
                event.set()
        assert content == (b"" if message.status == 204 else b"ok")
        assert connection.reason == SURPLUS or connection.is_readable()
        came[-1].set()


def test_content_that_fails_closes_the_connection(client: Client) -> None:
    """What is on its way is no whole request."""

    def blocks() -> Iterator[bytes]:
        yield b"1\r\na\r\n"
        raise KeyError("the caller's own")

    with Server([Expect(content=False)]) as server:
        connection = client.connect(server)
        with pytest.raises(KeyError):
            exchange(connection, blocks())
        assert connection.reason == "the request was interrupted"
        assert server.closed_by_client()


# Ends that come too early.


def test_closed_before_an_answer(client: Client, tls: ssl.SSLContext | None) -> None:
    with Server([Expect(), Cut()], tls=tls) as server:
        connection = client.connect(server)
        with pytest.raises(ConnectionLost, match="the connection to the peer was lost before an answer came") as caught:
            exchange(connection)
        assert (connection.sent, connection.answered) == (True, False)
        assert connection.reason == str(caught.value)


def test_closed_in_the_head(client: Client, tls: ssl.SSLContext | None) -> None:
    with Server([Expect(), Send(b"HTTP/1.1 200 OK\r\nA: b"), Cut()], tls=tls) as server:
        connection = client.connect(server)
        with pytest.raises(ConnectionLost, match="in the middle of the response's head"):
            exchange(connection)
        assert (connection.sent, connection.answered) == (True, True)


def test_closed_behind_an_informational_response(client: Client) -> None:
    with Server([Expect(), Send(CONTINUE), Cut()]) as server:
        connection = client.connect(server)
        with pytest.raises(ConnectionLost):
            exchange(connection)
        assert connection.answered


def test_reset_before_an_answer(client: Client) -> None:
    with Server([Expect(), Reset()]) as server:
        connection = client.connect(server)
        with pytest.raises(ConnectionLost, match="connection reset by peer"):
            exchange(connection)
        assert (connection.sent, connection.answered) == (True, False)


def test_gone_before_the_request(client: Client) -> None:
    """Nothing of it can have been acted upon."""
    connection, peer = client.pair()
    peer.close()
    with pytest.raises(ConnectionLost):
        exchange(connection)
    assert (connection.sent, connection.answered) == (False, False)


@pytest.mark.parametrize("end", [Cut(), Reset()], ids=["closed", "reset"])
@pytest.mark.parametrize(
    "response", [answer(b"Content-Length: 5") + b"abc", answer(b"Transfer-Encoding: chunked") + b"5\r\nabc"]
)
def test_a_body_that_is_cut(response: bytes, end: Step, client: Client, tls: ssl.SSLContext | None) -> None:
    with Server([Expect(), Send(response), end], tls=tls) as server:
        connection = client.connect(server)
        body = exchange(connection).body
        with pytest.raises(IncompleteBody) as caught:
            body.read_all()
        assert caught.value.got == 3
        assert connection.reason == "the body was cut"


def test_a_body_until_close(client: Client) -> None:
    with Server([Expect(), Send(OK + b"\r\nabc"), Cut()]) as server:
        assert exchange(client.connect(server)).body.read_all() == b"abc"


def test_a_body_until_close_that_is_reset(client: Client) -> None:
    """A reset is no end."""
    with Server([Expect(), Send(OK + b"\r\nabc"), Reset()]) as server:
        message = exchange(client.connect(server))
        with pytest.raises(IncompleteBody):
            message.body.read_all()
        with pytest.raises(ConnectionLost):
            message.body.read()


def say_goodbye(sock: socket.socket) -> None:
    assert isinstance(sock, ssl.SSLSocket)
    sock.unwrap()


def test_a_body_until_close_over_tls(client: Client, certificates: Certificates) -> None:
    """It is whole when the peer says so; close_notify is what tells an end from a cut."""
    with Server([Expect(), Send(OK + b"\r\nabc"), say_goodbye], tls=certificates.server) as server:
        assert exchange(client.connect(server)).body.read_all() == b"abc"


def test_a_body_until_close_over_tls_without_a_good_bye(client: Client, certificates: Certificates) -> None:
    """Whoever can cut a TCP connection could cut the content."""
    with Server([Expect(), Send(OK + b"\r\nabc"), Cut()], tls=certificates.server) as server:
        body = exchange(client.connect(server)).body
        with pytest.raises(IncompleteBody):
            body.read_all()


# While a long request is being sent.


def blocks_of(block: bytes, count: int, taken: list[int]) -> Iterator[bytes]:
    for n in range(count):
        taken.append(n)
        yield block


@pytest.mark.parametrize(
    "end", [[HalfClose(), Wait()], [Cut()], [Reset()], [Wait()]], ids=["half-closed", "closed", "reset", "open"]
)
@pytest.mark.parametrize("run", range(10))
def test_an_early_answer(run: int, end: Script, client: Client) -> None:
    """It is returned, the rest of the content is spared, and the connection ends, however the server ends it."""
    taken: list[int] = []
    with Server([Expect(content=False), Send(TOO_BIG), *end]) as server:
        connection = client.connect(server)
        # A part of the runs sends one block, too large to be taken whole before the answer is noticed in it.
        blocks = [MIB * 256] if run % 2 else blocks_of(MIB, 1000, taken)
        message = exchange(connection, blocks)
        assert (message.status, message.body.read_all()) == (413, b"too big")
        assert connection.reason in (EARLY, NOT_SENT)
        assert len(taken) < 1000
        assert client.home == []


@pytest.fixture
def blocked(monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    """Return an event that is set once a connection has to wait before it can send more."""
    event = threading.Event()

    class Telling(SelectPoller):
        def modify(self, descriptor: int, events: int) -> None:
            self.register(descriptor, events)
            if events & WRITE:
                event.set()

    monkeypatch.setattr(connection_module, "new_poller", Telling)
    return event


def test_a_block_that_cannot_be_sent_at_once(
    blocked: threading.Event, client: Client, tls: ssl.SSLContext | None
) -> None:
    """It goes on where it stopped."""
    content = bytes(range(256)) * (1 << 16)
    script = [Expect(content=False), Wait(blocked), Take(len(content)), Send(OK + TWO + b"ok")]
    with Server(script, tls=tls) as server:
        connection = client.connect(server)
        assert exchange(connection, [content]).body.read_all() == b"ok"
        assert (connection.reason, client.home) == ("", [connection])
    assert server.received[0].endswith(b"\r\n\r\n" + content)


def test_an_early_answer_in_the_middle_of_a_block(
    blocked: threading.Event, client: Client, tls: ssl.SSLContext | None
) -> None:
    """The server takes no more, so only the answer can end the wait."""
    over = threading.Event()
    with Server([Expect(content=False), Wait(blocked), Send(TOO_BIG), Wait(over)], tls=tls) as server:
        connection = client.connect(server)
        message = exchange(connection, [MIB * 64])
        assert (message.status, message.body.read_all()) == (413, b"too big")
        assert connection.reason == EARLY
        over.set()


def test_an_early_answer_over_tls(client: Client, certificates: Certificates) -> None:
    taken: list[int] = []
    with Server([Expect(content=False), Send(TOO_BIG), Wait()], tls=certificates.server) as server:
        connection = client.connect(server)
        message = exchange(connection, blocks_of(MIB, 1000, taken))
        assert (message.status, message.body.read_all()) == (413, b"too big")
        assert connection.reason == EARLY
        assert len(taken) < 1000


def test_an_early_answer_with_much_content(client: Client) -> None:
    """It is read to its end although sending was given up."""
    with Server([Expect(content=False), Send(answer(b"Content-Length: 3000000")), Send(bytes(3000000))]) as server:
        connection = client.connect(server)
        # The server reads nothing more: only the answer can end this.
        message = exchange(connection, blocks_of(MIB, 1000, []))
        assert message.body.read_all() == bytes(3000000)
        assert connection.reason == EARLY


@pytest.mark.parametrize(
    "pieces",
    [
        [CONTINUE],
        [CONTINUE, CONTINUE],
        [CONTINUE * 3],
        [CONTINUE[:3], CONTINUE[3:]],
        [CONTINUE[:12], CONTINUE[12:]],
        [CONTINUE[:-1], CONTINUE[-1:]],
        [b"HTTP/1.1 102 Processing\r\nA: b\r\n\r\n" + CONTINUE[:10], CONTINUE[10:]],
    ],
)
def test_informational_responses_while_sending(pieces: list[bytes], client: Client, tls: ssl.SSLContext | None) -> None:
    """They are no answer: the request goes on, and so does the connection."""
    events = [threading.Event() for _ in pieces]

    def blocks() -> Iterator[bytes]:
        for event in events:
            yield b"1\r\na\r\n"
            assert event.wait(10)
        yield b"1\r\nb\r\n"
        yield b"0\r\n\r\n"

    script: list[Step] = [Expect(b"POST", content=False)]
    for piece, event in zip(pieces, events, strict=True):
        script += [Take(6), Send(piece), Say(event)]
    with Server([*script, Take(11), Send(OK + TWO + b"ok")], tls=tls) as server:
        connection = client.connect(server)
        message = exchange(connection, blocks())
        assert (message.status, message.body.read_all()) == (200, b"ok")
        assert (connection.reason, client.home) == ("", [connection])
    assert server.received[0].endswith(b"\r\n\r\n" + b"1\r\na\r\n" * len(pieces) + b"1\r\nb\r\n0\r\n\r\n")


def test_101_while_sending_is_an_answer(client: Client) -> None:
    with Server([Expect(content=False), Send(b"HTTP/1.1 101 Switching Protocols\r\n\r\n"), Wait()]) as server:
        connection = client.connect(server)
        taken: list[int] = []
        assert exchange(connection, blocks_of(MIB, 1000, taken)).status == 101
        assert len(taken) < 1000


def test_an_answer_that_begins_while_sending(client: Client) -> None:
    """It answers a request that was not whole yet."""
    event = threading.Event()

    def blocks() -> Iterator[bytes]:
        yield b"1\r\na\r\n"
        assert event.wait(10)
        yield b"0\r\n\r\n"

    response = OK + TWO + b"ok"
    script = [Expect(content=False), Take(6), Send(response[:10]), Say(event), Take(5), Send(response[10:])]
    with Server(script) as server:
        connection = client.connect(server)
        assert exchange(connection, blocks()).body.read_all() == b"ok"
        assert connection.reason == EARLY


@pytest.mark.parametrize("garbage", [b"x", b"garbage, and more of it", bytes(400 * 1024)], ids=len)
def test_garbage_while_sending(garbage: bytes, client: Client) -> None:
    event = threading.Event()

    def blocks() -> Iterator[bytes]:
        yield b"1\r\na\r\n"
        assert event.wait(10)
        yield b"0\r\n\r\n"

    with Server([Expect(content=False), Send(garbage), Say(event), Wait()]) as server:
        connection = client.connect(server)
        with pytest.raises(ProtocolError, match="a status line"):
            exchange(connection, blocks())
        assert connection.reason


@pytest.mark.parametrize("end", [Cut(), Reset()], ids=["closed", "reset"])
def test_gone_while_sending(end: Step, client: Client, tls: ssl.SSLContext | None) -> None:
    with Server([Expect(content=False), end], tls=tls) as server:
        connection = client.connect(server)
        with pytest.raises(ConnectionLost):
            exchange(connection, blocks_of(MIB, 1000, []))
        assert (connection.sent, connection.answered) == (True, False)


@pytest.mark.parametrize("end", [Cut(), Reset()], ids=["closed", "reset"])
def test_gone_between_two_blocks(end: Step, client: Client) -> None:
    """It is noticed before the next block."""
    taken = []
    with Server([Expect(content=False), Take(6), end]) as server:
        connection = client.connect(server)

        def blocks() -> Iterator[bytes]:
            yield b"1\r\na\r\n"
            assert not server.closed_by_client()  # it has waited for the server's end
            for n in range(10):
                taken.append(n)
                yield b"1\r\na\r\n"

        with pytest.raises(ConnectionLost):
            exchange(connection, blocks())
        assert taken == [0]


# Time.


def timed_out(act: Callable[[], object], phase: str, at_most: float = 5.0) -> str:
    """Check that act times out in that phase, and not too late; return what the error says."""
    begun = monotonic()
    with pytest.raises(TransferTimeout) as caught:
        act()
    assert monotonic() - begun < at_most
    assert caught.value.phase == phase
    return str(caught.value)


STARTS = {
    "nothing": b"",
    "a part of a head": b"HTTP/1.1 200 OK\r\nA: b",
    "an informational response": CONTINUE,
    "a head": answer(b"Content-Length: 9"),
    "a part of the content": answer(b"Content-Length: 9") + b"abc",
    "a part of the chunks": answer(b"Transfer-Encoding: chunked") + b"3\r\nabc\r\n",
    "a part of a chunk": answer(b"Transfer-Encoding: chunked") + b"9\r\nabc",
    "a part of a size": answer(b"Transfer-Encoding: chunked") + b"9",
    "a part of the trailers": answer(b"Transfer-Encoding: chunked") + b"0\r\nA: b\r\n",
    "content until close": OK + b"\r\nabc",
}


@pytest.mark.parametrize("start", STARTS)
def test_silence(start: str, client: Client, tls: ssl.SSLContext | None) -> None:
    """In every place where one can wait; afterwards the connection is closed and the body has no end."""
    with Server([Expect(), Send(STARTS[start]), Wait()], tls=tls) as server:
        connection = client.connect(server)
        messages = []

        def get() -> None:
            messages.append(exchange(connection, silence=0.05))
            messages[0].body.read_all()

        assert timed_out(get, "read") == "the peer sent no bytes for 0.05 seconds"
        assert connection.reason == "the peer sent no bytes for 0.05 seconds"
        assert server.closed_by_client()
        if messages:
            with pytest.raises(TransferError):
                messages[0].body.read()


@pytest.mark.parametrize("start", STARTS)
@pytest.mark.parametrize("silence", [10.0, None])
def test_silence_until_the_deadline(start: str, silence: float | None, client: Client) -> None:
    with Server([Expect(), Send(STARTS[start]), Wait()]) as server:
        connection = client.connect(server)
        said = timed_out(lambda: exchange(connection, silence=silence, total=0.05).body.read_all(), "total")
        assert said == "the peer was not done in the total time allowed"
        assert connection.reason == said


def test_no_limit_on_silence(client: Client) -> None:
    """None waits for as long as it takes; a deadline holds all the same."""
    with Server([Expect(), Wait()]) as server:
        connection = client.connect(server)
        timed_out(lambda: exchange(connection, silence=None, total=0.05), "total")
    with Server([Expect(), Send(OK + TWO + b"ok", every=1)]) as server:
        connection = client.connect(server)
        assert exchange(connection, silence=None).body.read_all() == b"ok"


def test_the_shorter_limit_counts(client: Client) -> None:
    with Server([Expect(), Wait()]) as server:
        timed_out(lambda: exchange(client.connect(server), silence=0.05, total=10), "read")
    with Server([Expect(), Wait()]) as server:
        timed_out(lambda: exchange(client.connect(server), silence=10, total=0.05), "total")


TRICKLES = {
    "a head": (b"HTTP/1.1 200 OK\r\nA: ", b"a"),
    "fields": (b"HTTP/1.1 200 OK\r\n", b"A: b\r\n"),
    "content": (answer(b"Content-Length: 999999999"), b"a"),
    "chunks": (answer(b"Transfer-Encoding: chunked"), b"1\r\na\r\n"),
    "a chunk": (answer(b"Transfer-Encoding: chunked") + b"fffffff\r\n", b"a"),
    "an extension": (answer(b"Transfer-Encoding: chunked") + b"1;", b"a"),
    "trailers": (answer(b"Transfer-Encoding: chunked") + b"0\r\n", b"A: b\r\n"),
    "content until close": (OK + b"\r\n", b"a"),
}


@pytest.mark.parametrize("kind", TRICKLES)
def test_a_trickle_against_the_deadline(kind: str, client: Client) -> None:
    """No silence is ever long enough, but the time is up."""
    start, rest = TRICKLES[kind]
    with Server([Expect(), Send(start), Repeat(rest, 0.005)]) as server:
        connection = client.connect(server)
        timed_out(lambda: exchange(connection, silence=5, total=0.1).body.read_all(), "total", 2)


ENDLESS = {
    "content": (answer(b"Content-Length: 999999999999"), bytes(1 << 16)),
    "small chunks": (answer(b"Transfer-Encoding: chunked"), b"1\r\na\r\n" * 10_000),
    "large chunks": (answer(b"Transfer-Encoding: chunked"), b"100000\r\n" + MIB + b"\r\n"),
    "content until close": (OK + b"\r\n", bytes(1 << 16)),
}


@pytest.mark.parametrize("kind", ENDLESS)
@pytest.mark.parametrize("size", [1 << 18, 100])
@pytest.mark.parametrize("into", [False, True])
def test_an_endless_fast_server_against_the_deadline(kind: str, size: int, into: bool, client: Client) -> None:
    """It never lets one wait, and the time is up nevertheless."""
    start, rest = ENDLESS[kind]
    view = memoryview(bytearray(size))

    def get() -> None:
        body = exchange(client.connect(server), silence=5, total=0.1).body
        while body.readinto(view) if into else body.read(size):
            pass

    with Server([Expect(), Send(start), Repeat(rest)]) as server:
        timed_out(get, "total", 2)


def test_endless_informational_responses(client: Client) -> None:
    with Server([Expect(), Repeat(CONTINUE)]) as server:
        with pytest.raises(ProtocolError, match="informational"):
            exchange(client.connect(server))


def test_a_server_that_stops_reading(client: Client, tls: ssl.SSLContext | None) -> None:
    over = threading.Event()
    with Server([Expect(content=False), Wait(over)], tls=tls) as server:
        connection = client.connect(server)
        said = timed_out(lambda: exchange(connection, blocks_of(MIB, 1000, []), silence=0.1), "send")
        assert said == connection.reason == "the peer took no bytes for 0.1 seconds"
        over.set()


def test_a_server_that_stops_reading_against_the_deadline(client: Client) -> None:
    over = threading.Event()
    with Server([Expect(content=False), Wait(over)]) as server:
        connection = client.connect(server)
        timed_out(lambda: exchange(connection, blocks_of(MIB, 1000, []), total=0.1), "total")
        over.set()


class Sip(Step):
    """Take in little at a time, without end."""

    def play(self, peer: Peer) -> None:
        while not peer.stopping.wait(0.005):
            if not peer.socket.recv(1000):
                break


def test_a_server_that_reads_slowly_against_the_deadline(client: Client) -> None:
    with Server([Expect(content=False), Sip()]) as server:
        connection = client.connect(server)
        timed_out(lambda: exchange(connection, [MIB * 64], silence=5, total=0.1), "total", 2)


def test_endless_content_against_the_deadline(client: Client) -> None:
    """The server takes all of it at once, so there is never a wait."""
    end = monotonic() + 5

    def blocks() -> Iterator[bytes]:
        while monotonic() < end:
            yield b"1\r\na\r\n"

    with Server([Expect(content=False), Wait()]) as server:
        connection = client.connect(server)
        timed_out(lambda: exchange(connection, blocks(), total=0.1), "total", 2)


def test_a_deadline_that_has_passed(client: Client) -> None:
    """Not a byte goes out."""
    connection, peer = client.pair()
    with peer:
        timed_out(lambda: exchange(connection, total=-1), "total")
        assert not connection.sent
        assert peer.recv(1) == b""


# Large amounts, both ways, and over everything.


def test_much_in_both_directions(client: Client, tls: ssl.SSLContext | None) -> None:
    size = 5_000_000
    content = bytes(range(250)) * (size // 250)
    with Server(
        [
            Expect(content=False),
            Take(size),
            Send(answer(b"Content-Length: 5000000") + content),
            Expect(),
            Send(answer(b"Transfer-Encoding: chunked") + b"4c4b40\r\n" + content + b"\r\n0\r\n\r\n"),
        ],
        tls=tls,
    ) as server:
        connection = client.connect(server)
        blocks: list[Block] = [content[:1_000_000], memoryview(content)[1_000_000:]]
        assert exchange(connection, blocks, method="POST").body.read_all() == content
        assert exchange(connection).body.read_all() == content
        assert connection.reason == ""
    assert content in server.received[0]


def test_byte_by_byte_over_a_real_connection(client: Client, tls: ssl.SSLContext | None) -> None:
    """Over TLS each byte is a record."""
    response = CONTINUE + answer(b"Transfer-Encoding: chunked") + b"4;a=b\r\nWiki\r\n0\r\nA: b\r\n\r\n"
    with Server([Expect(), Send(response, every=1)], tls=tls) as server:
        message = exchange(client.connect(server))
        assert message.body.read_all() == b"Wiki"
        assert message.body.trailers == {"A": "b"}


def test_empty_blocks_over_a_real_connection(client: Client, tls: ssl.SSLContext | None) -> None:
    with Server([Expect(content=False), Take(2), Send(OK + TWO + b"ok")], tls=tls) as server:
        assert exchange(client.connect(server), [b"", b"a", b"", b"b", b""]).body.read_all() == b"ok"


def test_without_poll(client: Client, monkeypatch: pytest.MonkeyPatch, tls: ssl.SSLContext | None) -> None:
    """Windows has select() alone."""
    for module in (connect_module, connection_module):
        monkeypatch.setattr(module, "new_poller", SelectPoller)
    size = 5_000_000
    over = threading.Event()
    with Server(
        [Expect(), Send(OK + TWO + b"ok", every=1), Expect(content=False), Take(size), Send(OK + TWO + b"ok"), Wait()],
        [Expect(content=False), Send(TOO_BIG), Wait()],
        [Expect(content=False), Wait(over)],
        [Expect(), Cut()],
        tls=tls,
    ) as server:
        connection = client.connect(server)
        assert exchange(connection).body.read_all() == b"ok"
        assert not connection.is_readable()
        assert exchange(connection, [bytes(size)]).body.read_all() == b"ok"
        timed_out(lambda: exchange(connection, silence=0.05), "read")
        assert exchange(client.connect(server), blocks_of(MIB, 1000, [])).status == 413
        connection = client.connect(server)
        timed_out(lambda: exchange(connection, blocks_of(MIB, 1000, []), silence=0.1), "send")
        over.set()
        with pytest.raises(ConnectionLost):
            exchange(client.connect(server))
