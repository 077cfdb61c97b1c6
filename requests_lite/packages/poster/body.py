"""Where the body of a response ends (RFC 9112 sections 6 to 8): in one of four ways."""

from __future__ import annotations

import io
import re

from .errors import ConnectionLost, IncompleteBody, ProtocolError
from .head import decode_fields
from .headers import Headers

# Large enough that the system call is cheap beside the copy, small enough to stay in the processor's cache.
BLOCK = 256 * 1024
# A chunk-size line with its extensions, and a trailer section: no honest peer comes near.
LINE_LIMIT = 8 * 1024
TRAILER_LIMIT = 64 * 1024
# 1*HEXDIG, and no sign, prefix or underscore, which int() would take; a bare CR hides a second line.
_CHUNK_SIZE = re.compile(rb"([0-9A-Fa-f]{1,16})[ \t]*(?:;[^\r]*)?\r\n")


class Source:
    """Where the bytes of bodies come from and who hears that one has ended: what a Connection is to a body.

    As it stands here it is content that was received already, to be read once more as if it came from the wire.
    """

    def __init__(self, received: bytes = b"") -> None:
        self.deadline: float | None = None  # when all has to be over, by time.monotonic()
        self.received = received  # came with the head or with an earlier block
        self.at = 0  # how much of `received` has been taken
        self.lost = ""  # how the connection broke; a peer that closes in good order does not break it

    def receive(self, limit: int) -> bytes:
        """Wait for bytes and return at most limit of them; b'' when the peer has closed."""
        return b""

    def receive_into(self, view: memoryview) -> int:
        """Wait for bytes and put them into view; 0 when the peer has closed."""
        return 0

    def body_ended(self) -> None:
        """Take note that the message is complete: the connection may go home."""

    def close(self, reason: str) -> None:
        """Give the connection up, with a reason."""

    def take(self, limit: int) -> bytes:
        """Return at most limit bytes, those received already first; b'' when the peer has closed."""
        if self.at == len(self.received):
            return self.receive(limit)
        block = self.received[self.at : self.at + limit]
        self.at += len(block)
        return block

    def fill(self) -> bool:
        """Wait for bytes behind those that have all been taken; False when the peer has closed."""
        self.received, self.at = self.receive(BLOCK), 0
        return bool(self.received)

    def take_line(self, limit: int) -> bytes:
        """Return a line up to its LF, which is missing when the peer closed or limit bytes held none."""
        line = b""
        while len(line) < limit and (self.at < len(self.received) or self.fill()):
            at = self.at
            end = self.received.find(b"\n", at, at + limit - len(line)) + 1
            if end:
                self.at = end
                return line + self.received[at:end]
            line += self.take(limit - len(line))
        return line


def framing(method: str, status: int, headers: Headers) -> tuple[type[Body], int, str]:
    """Return how a response's body ends, its length, and why to close the connection then or '' (RFC 9112 s6.3)."""
    fields = headers.fields
    if method == "HEAD" or status < 200 or status == 204 or status == 304:
        return NoBody, 0, "the protocol was switched" if status == 101 else ""
    if method == "CONNECT" and status < 300:
        return NoBody, 0, "a tunnel"
    length, close_after = fields.get("content-length"), ""
    if "transfer-encoding" in fields:
        # Both fields at once is how requests are smuggled: Transfer-Encoding wins and the connection ends.
        close_after = "Content-Length beside Transfer-Encoding" if length else ""
        # Empty ones are ignored (RFC 9110 s5.6.1.2).
        codings = [coding for part in headers["transfer-encoding"].split(",") if (coding := part.strip(" \t").lower())]
        if codings == ["chunked"]:
            return Chunked, -1, close_after
        if codings != ["identity"]:  # of RFC 2616, and gone since
            # No other was offered in TE; handed on as content it would look like success.
            raise ProtocolError("the transfer coding chunked", repr(headers["transfer-encoding"][:60]))
    if length:
        plain = len(length) == 2 and len(length[1]) <= 18 and length[1].isdecimal()
        return LengthDelimited, int(length[1]) if plain else content_length(length[1:]), close_after
    return CloseDelimited, -1, "a body that ends with the connection"


def content_length(values: list[str]) -> int:
    """Return Content-Length from its lines; repeated equal ones are one (RFC 9112 s6.3). Raises ProtocolError."""
    value = values[0]
    if len(values) > 1 or "," in value:
        apart = {part.strip(" \t") for line in values for part in line.split(",")}
        if len(apart) > 1:
            raise ProtocolError("one Content-Length", f"{len(apart)} different ones")
        value = apart.pop()
    if not (value.isascii() and value.isdecimal()) or len(value) > 18:
        raise ProtocolError("a Content-Length of at most 18 digits", repr(value[:40]))
    return int(value)


class Body:
    """The content of a message while it comes in.

    Blocks are bytes as they travelled, content codings still on. At the end of the content the
    connection goes home by itself; `close()` before that gives it up.
    """

    def __init__(self, source: Source, length: int) -> None:
        self.source = source
        self.deadline = source.deadline  # when its end is taken, the connection may have another already
        self.length = length  # of the content; of what is left of a chunk; -1 when it is not known
        self.got = 0  # bytes of content taken so far
        self.trailers: Headers | None = None
        self.ended = False
        self.failure = ""  # why the rest will never come
        if not length:
            self._end()

    def read(self, limit: int = BLOCK) -> bytes:
        """Return what has arrived, at most limit (at least 1) bytes; b'' at the end. Raises TransferError."""
        if self.failure:  # content that was given up has no end to be behind
            raise ConnectionLost(f"there is no more content: {self.failure}")
        return b""

    def readinto(self, view: memoryview) -> int:
        """Put what has arrived into view and return how much; 0 at the end. Raises TransferError."""
        block = self.read(len(view))
        view[: len(block)] = block
        return len(block)

    def read_all(self) -> bytes:
        """Return the rest of the content in one piece. Raises TransferError."""
        whole = io.BytesIO()
        while block := self.read():
            whole.write(block)
        return whole.getvalue()

    def close(self) -> None:
        """Give the rest up; the connection closes unless the content had ended."""
        if not self.ended:
            self._give_up("closed, it was not read to its end")

    def _give_up(self, reason: str) -> None:
        self.ended = True
        self.failure = reason
        self.source.close(reason)

    def _end(self) -> None:
        self.ended = True
        self.source.body_ended()

    def _cut(self, of: int | None = None) -> IncompleteBody:
        self._give_up("the body was cut")
        return IncompleteBody(self.got, of)


class NoBody(Body):
    """No content follows the head."""


class LengthDelimited(Body):
    """Exactly Content-Length bytes follow."""

    def read(self, limit: int = BLOCK) -> bytes:
        if self.ended:
            return super().read()
        block = self.source.take(min(limit, self.length - self.got))
        self._count(len(block))
        return block

    def readinto(self, view: memoryview) -> int:
        source = self.source
        if self.ended or source.at < len(source.received):
            return super().readinto(view)
        return self._count(source.receive_into(view[: self.length - self.got]))

    def _count(self, count: int) -> int:
        if not count:
            raise self._cut(self.length)
        self.got += count
        if self.got == self.length:
            self._end()
        return count

    def read_all(self) -> bytes:
        source = self.source
        end = source.at + self.length - self.got
        if end <= len(source.received) and not self.ended:
            content = source.received[source.at : end]
            source.at = end
            self.got = self.length
            self.ended = True
            source.body_ended()
            return content
        try:
            # It reads straight into a result allocated once: half the time of growing one.
            return io.BufferedReader(Stream(self)).read(self.length - self.got)
        except MemoryError:
            # The length is only the peer's word, and no room was taken: what really comes may be less.
            return super().read_all()


class Stream(io.RawIOBase):
    """A body as a raw file."""

    def __init__(self, body: Body) -> None:
        self.body = body

    def readable(self) -> bool: return True  # fmt: skip

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # a memoryview is what it gets
        return self.body.readinto(buffer)


class Chunked(Body):
    """Chunks follow, each behind its size; the last is empty and may bring trailers (RFC 9112 s7.1)."""

    def read(self, limit: int = BLOCK) -> bytes:
        if self.ended or (self.length <= 0 and not self._next_chunk()):
            return super().read()
        source = self.source
        # What follows a small chunk comes with it in one system call; a large one needs no second copy.
        if source.at == len(source.received) and self.length < BLOCK:
            source.fill()
        block = source.take(min(limit, self.length)) if source.received else b""
        if not block:
            raise self._cut()
        self.length -= len(block)
        self.got += len(block)
        return block

    def _next_chunk(self) -> bool:
        source = self.source
        if self.length == 0 and (line := source.take_line(2)) != b"\r\n":
            raise self._broken("CRLF behind a chunk", line, 2)
        line = source.take_line(LINE_LIMIT)
        if not (size := _CHUNK_SIZE.fullmatch(line)):
            raise self._broken("a chunk size in hexadecimal digits and CRLF", line, LINE_LIMIT)
        self.length = int(size[1], 16)
        if not self.length:
            self._read_trailers()
            self._end()
        return self.length > 0

    def _read_trailers(self) -> None:
        lines: list[bytes] = []
        left = TRAILER_LIMIT
        while (line := self.source.take_line(left)) != b"\r\n":
            if not line.endswith(b"\r\n") or line.count(b"\r") > 1 or b"\0" in line:
                raise self._broken(f"trailers of at most {TRAILER_LIMIT} bytes, each ended by CRLF", line, left)
            left -= len(line)
            lines.append(line[:-2])
        try:
            self.trailers = decode_fields(lines)
        except ProtocolError:
            self._give_up("a malformed trailer")
            raise

    def _broken(self, expected: str, line: bytes, limit: int) -> Exception:
        if not line.endswith(b"\n") and len(line) < limit:
            return self._cut()
        self._give_up("a malformed chunk")
        return ProtocolError(expected, repr(line[:40]))


class CloseDelimited(Body):
    """The content goes on until the peer closes: all there is when neither length nor chunks are announced."""

    def read(self, limit: int = BLOCK) -> bytes:
        if self.ended:
            return super().read()
        block = self.source.take(limit)
        if not block:
            if self.source.lost:
                raise self._cut()
            self._end()
        self.got += len(block)
        return block
