"""Content to send: from iterables and files, with its length or in chunks (RFC 9112 sections 6 and 7.1)."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator

from .errors import ContentMismatch, InvalidMessage, UnrewindableContent

Block = bytes | bytearray | memoryview

# Of a file as much is read at once: a send that fills the socket's buffer costs one wait.
FILE_BLOCK = 1024 * 1024
# These classes fill a buffer with what read() gives; one that overrides read() alone, to count or to encrypt, inherits
# a readinto() that knows nothing of it.
_FILLERS = (io.FileIO, io.BytesIO, io.BufferedReader, io.BufferedRandom)


def utf8(text: str) -> bytes:
    """Return text as UTF-8. Raises InvalidMessage for lone surrogates, which it cannot hold."""
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise InvalidMessage(f"text to send does not go into UTF-8: {error.reason}") from error


class Content:
    """Content to send, in blocks: bytes from an iterable, or whatever a subclass knows.

    `length` is the number of bytes if that is known before they are read, else None.
    """

    length: int | None = None

    def __init__(self, blocks: Iterable[Block | str]) -> None:
        self.source: Iterable[Block | str] = blocks
        self.started = False

    def blocks(self) -> Iterator[Block]:
        """Yield the content; a block is done with when the next one is asked for."""
        self.started = True
        for block in self.source:
            if isinstance(block, str):
                yield utf8(block)
            elif isinstance(block, (bytes, bytearray)):
                yield block
            elif isinstance(block, memoryview):
                yield block.cast("B")
            else:
                raise InvalidMessage(f"content is made of bytes or str, not of {type(block).__name__}")

    def rewind(self) -> None:
        """Go back to where the content began. Raises UnrewindableContent when there is no way back."""
        if self.started and iter(self.source) is self.source:
            raise UnrewindableContent("the content came from an iterator, which can be sent only once")


class FileContent(Content):
    """What a binary or text file holds from its present position on; text goes out as UTF-8."""

    def __init__(self, file: io.IOBase) -> None:
        self.file = file
        self.started = False
        try:
            self.text = isinstance(file.read(0), str)
        except (OSError, ValueError) as error:
            raise InvalidMessage(f"the file cannot be read: {error}") from error
        try:
            self.start: int | None = file.tell()
        except (AttributeError, OSError):
            self.start = None  # a pipe or a socket
        self.length = None if self.start is None else self._measure(self.start)

    def _measure(self, start: int) -> int | None:
        file = self.file
        if self.text:
            # Only reading tells how many bytes text makes.
            length = sum(len(block) for block in self._text_blocks())
            file.seek(start)
            return length
        try:
            file.seek(0, io.SEEK_END)
            end = file.tell()
            file.seek(start)
        except (AttributeError, OSError):
            return None
        return max(0, end - start)

    def blocks(self) -> Iterator[Block]:
        self.started = True
        last: object = b""
        try:
            if self.text:
                yield from self._text_blocks()
            elif type(self.file) in _FILLERS:
                buffer = memoryview(bytearray(FILE_BLOCK if self.length is None else min(FILE_BLOCK, self.length + 1)))
                while last := self.file.readinto(buffer):  # type: ignore[attr-defined]  # these four have it
                    yield buffer[:last]
            else:
                while last := self.file.read(FILE_BLOCK):
                    yield last
        except (OSError, ValueError) as error:
            # An error of the disk must not look like one of the network.
            raise InvalidMessage(f"the file cannot be read: {error}") from error
        if last is None:
            raise InvalidMessage("a non-blocking file has nothing to read yet, and waiting for it is not our business")

    def _text_blocks(self) -> Iterator[bytes]:
        while block := self.file.read(FILE_BLOCK):
            yield utf8(block)

    def rewind(self) -> None:
        if self.started:
            if self.start is None:
                raise UnrewindableContent("the content came from a file that cannot seek")
            try:
                self.file.seek(self.start)
            except (AttributeError, OSError, ValueError) as error:
                raise UnrewindableContent(f"the content cannot be sent again: {error}") from error


def delimited(blocks: Iterable[Block], length: int) -> Iterator[Block]:
    """Yield blocks, which have to be exactly length bytes. Raises ContentMismatch before a byte too many."""
    left = length
    for block in blocks:
        left -= len(block)
        if left < 0:
            raise ContentMismatch(f"the content is longer than the {length} bytes announced for it")
        yield block
    if left:
        raise ContentMismatch(f"the content ended {left} bytes short of the {length} announced for it")


def chunked(blocks: Iterable[Block]) -> Iterator[Block]:
    """Yield blocks in the chunked transfer coding (RFC 9112 s7.1)."""
    for block in blocks:
        size = len(block)
        if 0 < size <= 64 * 1024:
            yield b"%x\r\n%b\r\n" % (size, bytes(block))
        elif size:
            yield b"%x\r\n" % size
            yield block
            yield b"\r\n"
    yield b"0\r\n\r\n"
