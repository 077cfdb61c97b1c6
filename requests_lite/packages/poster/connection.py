"""One connection: send, receive, reuse, close (RFC 9112 section 9).

`exchange` sends a request and reads the head of its response; the body that comes with it reads the content, at whose
end the connection goes home to its pool. The one other way out is `close(reason)`: a short sentence that says why.
"""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Callable, Iterable
from time import monotonic

from .body import BLOCK, Body, Source, framing
from .connect import READ, WRITE, new_poller, said, wait
from .errors import ConnectionLost, ProtocolError, TransferError, TransferTimeout
from .head import LIMIT, decode_head, find_end
from .headers import Headers
from .sending import Block

# A server that goes on with 1xx responses for ever would keep us for ever.
INFORMATIONAL_LIMIT = 100
# Most responses fit in one block of this size, and more room than that is dear to allocate each time.
HEAD_BLOCK = 64 * 1024
# RFC 9110 s10.1.1: a client that waits for 100 (Continue) "SHOULD NOT wait for an indefinite period".
INVITATION_LIMIT = 1.0

EARLY = "the answer came before the request was sent"

# Which process this is, behind it those it was forked from: a child must not speak on its parent's connections.
process = [object()]
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=lambda: process.insert(0, object()))


class Message:
    """A response as it came: version, status, reason, headers, and the body that is still to be read."""

    def __init__(self, version: str, status: int, reason: str, headers: Headers, body: Body) -> None:
        self.version, self.status, self.reason = version, status, reason
        self.headers, self.body = headers, body


class Connection(Source):
    """A connected socket and what HTTP has to know of it.

    `reason` is why it was closed, '' while it is open; `sent` and `answered` tell whether any byte of the
    present request went out, any byte of its response came in.
    """

    def __init__(self, sock: socket.socket, key: object, name: str, go_home: Callable[[Connection], None]) -> None:
        super().__init__()
        self._sock = sock
        self.go_home = go_home  # to its pool
        self.key = key  # the pool's
        self.name = name  # of the peer, for messages
        self.reason = ""
        self.idle_since = 0.0
        self._process = process[0]
        self._poller = new_poller()
        self._poller.register(sock.fileno(), READ)
        # A TLS socket has errors of its own for "not now", and may have to read before it can write.
        self._turns: dict[type[OSError], int] = {}
        if type(sock) is not socket.socket:
            from ssl import SSLWantReadError, SSLWantWriteError

            self._turns = {SSLWantReadError: READ, SSLWantWriteError: WRITE}
        self._wants = tuple(self._turns) or (BlockingIOError,)

    def exchange(self, method: str, head: bytes, blocks: Iterable[Block], silence: float | None,
                 deadline: float | None, last: bool = False, ask: bool = False) -> Message:  # fmt: skip
        """Send a request, blocks behind its head, and read the head of the response.

        silence is the longest wait for the peer in seconds, deadline the moment by time.monotonic() at which the
        exchange, its body included, has to be over; last is for a request that says Connection: close, ask for one
        that says Expect: 100-continue. Raises TransferError; the connection is then closed.
        """
        self._silence = silence
        self.deadline = deadline
        early = not self.idle_since and self.is_readable()  # idle ones were probed by the pool
        if early and self._turns:  # over TLS it may be tickets for later sessions
            self.received = self._receive(self._sock.recv, BLOCK, patient=False) or b""
            early = self.received != b""
        self._close_after = EARLY if early else "the request said so" if last else ""
        self.sent = self.answered = False
        self._informational = 0
        try:
            if self._send(head) and not (ask and self._declined()):
                for block in blocks:
                    if self._answer_came() or not self._send(block):
                        break
            return self._read_response(method)
        except BaseException as error:
            self.close(str(error) if isinstance(error, TransferError) else "the request was interrupted")
            raise

    def _send(self, block: Block) -> bool:
        """Send block; False when the peer does not want it any more, and may have said why."""
        while True:
            if self.deadline is not None:
                self._check_time()
            try:
                count = self._sock.send(block)
            except self._wants as error:
                if self._wait(self._turns.get(type(error), WRITE) | READ) & READ and self._answer_came():
                    return False
                continue
            except OSError as error:
                # The peer may have answered before it went: what it said is worth more than a broken pipe.
                self.lost = said(error)
                self._close_after = "the request was not sent to its end"
                return False
            self.sent = True
            if count == len(block):
                return True
            block = memoryview(block)[count:]

    def _declined(self) -> bool:
        """Wait for the peer to ask for the content; False also when it says nothing, as older servers do."""
        # Over TLS it may be a ticket for later sessions that comes first.
        while not self.answered and wait(self._poller, INVITATION_LIMIT, self.deadline):
            if self._answer_came():
                return True
        return False

    def _answer_came(self) -> bool:
        """Look whether the peer answers, or is gone, before the request is whole; 1xx is no answer yet."""
        if not self.is_readable() or (block := self._receive(self._sock.recv, BLOCK, patient=False)) is None:
            return False
        self.answered = self.answered or bool(block)
        self.received += block
        if block and len(self.received) <= LIMIT and self._final_head() is None:
            return False
        self._close_after = EARLY
        return True

    def _read_response(self, method: str) -> Message:
        if self.received:
            self._close_after = EARLY
        else:
            if not self.lost:
                self._wait(READ)
            self.received = self._receive(self._sock.recv, HEAD_BLOCK) or b""
        self.answered = self.answered or self.received != b""
        while (head := self._final_head()) is None:
            self._receive_head()
        self.at, version, status, reason, headers = head
        delimitation, length, close_after = framing(method, status, headers)
        self._close_after = self._close_after or close_after or _close_reason(version, headers)
        return Message(version, status, reason, headers, delimitation(self, length))

    def _final_head(self) -> tuple[int, str, int, str, Headers] | None:
        """Return the head that is the answer, if it is there; informational ones (RFC 9110 s15.2) are passed over."""
        while True:
            end, _, status, _, _ = head = decode_head(self.received)
            if not end:
                return None
            if end > LIMIT:
                raise ProtocolError(f"a head of at most {LIMIT} bytes", f"{end} bytes")
            if status >= 200 or status == 101:
                return head
            self._informational += 1
            if self._informational > INFORMATIONAL_LIMIT:
                raise ProtocolError("a final response", f"more than {INFORMATIONAL_LIMIT} informational ones")
            self.received = self.received[end:]

    def _receive_head(self) -> None:
        """Receive until the head is whole."""
        head = bytearray(self.received)
        looked = 0
        while find_end(head, looked) < 0:
            if not b"HTTP/".startswith(bytes(head[:5])):
                raise ProtocolError("a status line like 'HTTP/1.1 200 OK'", repr(bytes(head[:20])))
            if len(head) > LIMIT:
                raise ProtocolError(f"a head of at most {LIMIT} bytes", "more")
            block = self.receive(BLOCK)
            if not block:
                when = "in the middle of the response's head" if head else "before an answer came"
                how = self.lost or "closed by the server"
                raise ConnectionLost(f"the connection to {self.name} was lost {when}: {how}")
            self.answered = True
            looked = len(head)
            head += block
        self.received = bytes(head)

    def receive(self, limit: int) -> bytes:
        return self._receive(self._sock.recv, limit) or b""

    def receive_into(self, view: memoryview) -> int:
        return self._receive(self._sock.recv_into, view) or 0  # type: ignore[arg-type, return-value]  # how many

    def _receive(self, receive: Callable[..., bytes], room: object, patient: bool = True) -> bytes | None:
        """Return what comes, b'' when the peer has closed or is lost; who is not patient gets None for nothing yet."""
        if self.deadline is not None:
            self._check_time()
        while True:
            try:
                return receive(room)
            except self._wants as error:
                if not patient:
                    return None
                self._wait(self._turns.get(type(error), READ))
            except OSError as error:
                self.lost = said(error)
                return b""

    def _wait(self, events: int) -> int:
        """Wait until the socket is ready and return for what. Raises TransferTimeout."""
        if events != READ:
            self._poller.modify(self._sock.fileno(), events)
        if self.deadline is None and self._silence is not None and 0 < self._silence < 1e6:
            ready = self._poller.poll(self._silence * 1000)
        else:
            ready = wait(self._poller, self._silence, self.deadline)
        if events != READ:
            self._poller.modify(self._sock.fileno(), READ)
        if ready:
            return ready[0][1]
        self._check_time()
        doing, phase = ("took", "send") if events & WRITE else ("sent", "read")
        raise self._timed_out(f"{self.name} {doing} no bytes for {self._silence:g} seconds", phase)

    def _check_time(self) -> None:
        # A peer that always has a byte more never makes us wait.
        if self.deadline is not None and monotonic() >= self.deadline:
            raise self._timed_out(f"{self.name} was not done in the total time allowed", "total")

    def _timed_out(self, message: str, phase: str) -> TransferTimeout:
        self.close(message)
        return TransferTimeout(message, phase)

    def is_readable(self) -> bool:
        """Tell whether bytes, or the peer's good-bye, have arrived."""
        return bool(self._poller.poll(0))

    def body_ended(self) -> None:
        if self._close_after:
            self.close(self._close_after)
        elif self.at < len(self.received) or (self._turns and self._sock.pending()):  # type: ignore[attr-defined]  # TLS
            self.close("bytes after the response")
        elif self._process is not process[0]:
            self.close("it belongs to the process that this one was forked from")
        else:
            self.received = b""
            self.at = 0
            self.go_home(self)

    def close(self, reason: str) -> None:
        """Close the socket; the first reason given stays."""
        if not self.reason:
            self.reason = reason
            self._sock.close()
            # Who wants to read it has loaded logging; for nobody it would only cost time.
            if logging := sys.modules.get("logging"):
                logging.getLogger("requests_lite").debug("connection to %s closed: %s", self.name, reason)

    def __del__(self) -> None:
        if hasattr(self, "reason"):
            self.close("nobody holds it any more")


def _close_reason(version: str, headers: Headers) -> str:
    """Return why the connection cannot be kept, or '' (RFC 9112 s9.3)."""
    value = headers.fields.get("connection")
    if version == "HTTP/1.1" and (value is None or value[1:] == ["keep-alive"]):
        return ""
    if has_option(headers, "close"):
        return "the server said Connection: close"
    if version == "HTTP/1.0" and (not has_option(headers, "keep-alive") or "transfer-encoding" in headers.fields):
        return "an HTTP/1.0 response without Connection: keep-alive, or with Transfer-Encoding"
    return ""


def has_option(headers: Headers, option: str) -> bool:
    """Tell whether Connection has an option (RFC 9110 s7.6.1)."""
    return option in (word.strip().lower() for word in headers.get("connection", "").split(","))
