"""A scripted server: a test states which bytes come over the wire, which go back, and how it all ends.

    script = [Expect(b"GET /x HTTP/1.1\r\n"), Send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")]
    with Server(script) as server:
        assert requests_lite.get(server.url + "/x").content == b"ok"
    assert server.received[0].endswith(b"\r\n\r\n")

Each accepted connection plays the next script. After its last step a connection stays open until the client
closes it or the `with` block ends; Cut and its kin end it earlier. What fails in a script is raised where the
block ends. No step waits longer than LIMIT.
"""

from __future__ import annotations

import contextlib
import itertools
import re
import select
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from urllib.parse import quote

LIMIT = 10.0  # seconds


class Gone(Exception):
    """The connection has ended, and so its script, without complaint."""


class ClientLeft(AssertionError):
    """The client closed, or the `with` block ended, where the script expected more from the client."""


class Peer:
    """One accepted connection, as the steps of a script see it."""

    def __init__(self, accepted: socket.socket, stopping: threading.Event) -> None:
        self.socket = accepted
        self.stopping = stopping  # set when the `with` block ends
        self.received = bytearray()
        self.taken = 0  # so many bytes of `received` were asked for by steps
        self.may_send_more = False  # whether it is fine if more comes than steps ask for
        self.closed_by_client = False
        self.ended = False

    def receive(self) -> None:
        """Add what comes next to `received`, or raise Gone."""
        try:
            block = self.socket.recv(1 << 16)
        except ConnectionError:
            block = b""
        if not block:
            self.closed_by_client = not self.stopping.is_set()
            raise Gone
        self.received += block

    def take(self, size: int) -> bytes:
        """Return the next size bytes."""
        while len(self.received) < self.taken + size:
            self.receive()
        self.taken += size
        return bytes(self.received[self.taken - size : self.taken])

    def take_until(self, end: bytes) -> bytes:
        """Return the next bytes up to end, and end with them."""
        while (found := self.received.find(end, self.taken)) < 0:
            self.receive()
        return self.take(found + len(end) - self.taken)

    def take_content(self, head: bytes) -> bytes:
        """Return the content that follows a head, chunks and trailers as they came."""
        if re.search(rb"(?i)\r\ntransfer-encoding:[^\r]*chunked", head):
            content = b""
            while size := int((line := self.take_until(b"\r\n")).split(b";")[0], 16):
                content += line + self.take(size + 2)
            content += line
            while line != b"\r\n":
                content += (line := self.take_until(b"\r\n"))
            return content
        length = re.search(rb"(?i)\r\ncontent-length:[ \t]*(\d+)", head)
        return self.take(int(length[1])) if length else b""

    def hold(self) -> None:
        """Receive until the client closes or the `with` block ends."""
        with contextlib.suppress(Gone):
            while True:
                if not self.may_send_more and len(self.received) > self.taken:
                    surplus = bytes(self.received[self.taken :][:1000])
                    raise AssertionError(f"more came than the script expects: {surplus!r}")
                with contextlib.suppress(TimeoutError):
                    self.receive()


class Step:
    """One thing that a script does with a connection."""

    def play(self, peer: Peer) -> None:
        """Do it. Any exception but Gone and OSError fails the test."""
        raise NotImplementedError


class Expect(Step):
    """Read one request and check that it contains each of `wanted`, and none of `without`.

    With content=False only the head is read, and whatever comes after it is fine.
    """

    def __init__(self, *wanted: bytes, without: Iterable[bytes] = (), content: bool = True) -> None:
        self.wanted = wanted
        self.without = tuple(without)
        self.content = content

    def play(self, peer: Peer) -> None:
        start = peer.taken
        try:
            request = peer.take_until(b"\r\n\r\n")
            if self.content:
                request += peer.take_content(request)
            else:
                peer.may_send_more = True
        except Gone:
            got = bytes(peer.received[start:])
            raise ClientLeft(f"expected a request with {self.wanted!r}, got the end after {got[:1000]!r}") from None
        for wanted in self.wanted:
            assert wanted in request, f"expected {wanted!r} in {request[:1000]!r}"
        for unwanted in self.without:
            assert unwanted not in request, f"did not expect {unwanted!r} in {request[:1000]!r}"


class Send(Step):
    """Send data: in one piece, or cut before each index in `at`, or in pieces of `every` bytes.

    The pieces travel apart (TCP_NODELAY), but a client slow to read may find several at once.
    """

    def __init__(self, data: bytes, *, at: Iterable[int] = (), every: int = 0) -> None:
        cuts = [0, *(range(every, len(data), every) if every else sorted(at)), len(data)]
        self.pieces = [data[start:end] for start, end in itertools.pairwise(cuts)]

    def play(self, peer: Peer) -> None:
        for piece in self.pieces:
            peer.socket.sendall(piece)


@dataclass
class Pause(Step):
    """Be silent for some seconds, for tests of timeouts, or until the `with` block ends."""

    seconds: float

    def play(self, peer: Peer) -> None:
        if peer.stopping.wait(self.seconds):
            raise Gone


@dataclass
class Wait(Step):
    """Go on when the event is set; without one, take in anything until the client or the server ends."""

    event: threading.Event | None = None

    def play(self, peer: Peer) -> None:
        if self.event is None:
            peer.may_send_more = True
            peer.hold()
            return
        limit = time.monotonic() + LIMIT
        while not self.event.wait(0.01):
            if peer.stopping.is_set():
                raise Gone
            assert time.monotonic() < limit, f"the event was not set within {LIMIT} seconds"


class Cut(Step):
    """Close the connection; over TLS without a word of it. If bytes lie there unread, TCP resets it."""

    def play(self, peer: Peer) -> None:
        peer.socket.close()
        raise Gone


class Reset(Cut):
    """End the connection with a TCP reset."""

    def play(self, peer: Peer) -> None:
        peer.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        super().play(peer)


class HalfClose(Step):
    """Announce the end of what is sent from here; the script goes on, and can receive."""

    def play(self, peer: Peer) -> None:
        _shut_down(peer.socket, socket.SHUT_WR)


# A function is called with the connection's socket. If it returns another one, TLS put on for example, the
# script goes on with that. What it receives is not in `Server.received`.
Script = Sequence[Step | Callable[[socket.socket], object]]


class Server:
    """A server on the loopback interface that plays one script on each connection, in the order they come.

    A connection too many fails the test; with `repeat` it plays the last script again. `tls` is put on every
    connection. `family` may be AF_INET6; with `path` the server listens on a Unix socket instead.
    """

    def __init__(
        self,
        *scripts: Script,
        repeat: bool = False,
        tls: ssl.SSLContext | None = None,
        family: int = socket.AF_INET,
        path: str | None = None,
    ) -> None:
        self.scripts = scripts
        self.repeat = repeat
        self.tls = tls
        self.family = family if path is None else socket.AF_UNIX
        self.path = path
        self.host = "::1" if family == socket.AF_INET6 else "127.0.0.1"
        self.port = 0
        self._stopping = threading.Event()
        self._news = threading.Condition()
        self._peers: list[Peer] = []
        self._threads: list[threading.Thread] = []
        self._failures: list[Exception] = []

    def __enter__(self) -> Server:
        self._listener = socket.socket(self.family)
        self._listener.bind(self.path or (self.host, 0))
        self._listener.listen(128)
        if self.path is None:
            self.port = self._listener.getsockname()[1]
        self._wakes, self._waker = socket.socketpair()
        self._start(self._accept)
        return self

    def __exit__(self, kind: type[BaseException] | None, *rest: object) -> None:
        self._stopping.set()
        self._waker.close()
        self._threads[0].join(LIMIT)
        for peer in self._peers:
            _shut_down(peer.socket, socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(2 * LIMIT)
        self._listener.close()
        self._wakes.close()
        assert not any(thread.is_alive() for thread in self._threads), "a script does not end"
        # When the test itself has failed, it is no news that the client left early.
        failures = [failure for failure in self._failures if kind is None or not isinstance(failure, ClientLeft)]
        if failures:
            raise failures[0]

    @property
    def origin(self) -> tuple[str, str, int]:
        """Scheme, host and port."""
        return ("https" if self.tls else "http", self.host, self.port)

    @property
    def url(self) -> str:
        """The URL of the server, without the slash at its end."""
        if self.path is not None:
            return "http+unix://" + quote(self.path, safe="")
        scheme, host, port = self.origin
        return f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"

    @property
    def connections(self) -> int:
        """How many connections were accepted."""
        return len(self._peers)

    @property
    def received(self) -> list[bytes]:
        """All that each connection has sent; complete after the `with` block."""
        return [bytes(peer.received) for peer in self._peers]

    def closed_by_client(self, n: int = 0, timeout: float = LIMIT) -> bool:
        """Tell whether the client closes connection n within timeout seconds; ask inside the `with` block."""
        with self._news:
            self._news.wait_for(lambda: len(self._peers) > n and self._peers[n].ended, timeout)
            return len(self._peers) > n and self._peers[n].closed_by_client

    def _start(self, target: Callable[..., None], *arguments: object) -> None:
        thread = threading.Thread(target=target, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        # The listener is asked first, so that a client that came before the end is counted.
        while self._listener in select.select([self._listener, self._wakes], [], [])[0]:
            accepted = self._listener.accept()[0]
            accepted.settimeout(LIMIT)
            if self.path is None:
                accepted.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            peer = Peer(accepted, self._stopping)
            self._peers.append(peer)
            self._start(self._serve, peer, len(self._peers) - 1)

    def _serve(self, peer: Peer, n: int) -> None:
        try:
            known = len(self.scripts)
            assert n < known or self.repeat, f"connection {n} came, there are scripts for {known}"
            self._play(peer, self.scripts[min(n, known - 1)])
        except Gone:
            pass
        except TimeoutError:
            got = bytes(peer.received[-200:])
            self._failures.append(AssertionError(f"connection {n}: a step took over {LIMIT} seconds, after {got!r}"))
        except OSError:  # a client may close whenever it likes, or refuse a certificate
            peer.closed_by_client = not self._stopping.is_set()
        except Exception as failure:
            self._failures.append(failure)
        finally:
            peer.socket.close()
            with self._news:
                peer.ended = True
                self._news.notify_all()

    def _play(self, peer: Peer, script: Script) -> None:
        if self.tls:
            peer.socket = wrapped = self.tls.wrap_socket(peer.socket, True, do_handshake_on_connect=False)
            wrapped.do_handshake()
        for step in script:
            if isinstance(step, Step):
                step.play(peer)
            else:
                peer.may_send_more = True
                another = step(peer.socket)
                peer.socket = another if isinstance(another, socket.socket) else peer.socket
        peer.hold()


def _shut_down(connection: socket.socket, how: int) -> None:
    with contextlib.suppress(OSError):
        # Not by SSLSocket's own method, which also stops decrypting.
        socket.socket.shutdown(connection, how)
