"""Content to send: from iterables and files, with its length or in chunks (RFC 9112 sections 6 and 7.1)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from .errors import ContentMismatch, InvalidMessage, UnrewindableContent
from .part import BLOCK_SIZE, Buffer, EncodeError, MultipartParam

Block = bytes | bytearray | memoryview


def utf8(text: str) -> bytes:
    """Return text as UTF-8. Raises InvalidMessage for lone surrogates, which it cannot hold."""
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise InvalidMessage(f"text to send does not go into UTF-8: {error.reason}") from error


class Content:
    """Content to send, in blocks; `length` is the number of its bytes if that is known before they are read."""

    started = False

    def __init__(self, blocks: Iterable[Block | str], length: int | None = None) -> None:
        self.source, self.length = blocks, length

    def blocks(self) -> Iterator[Block]:
        """Yield the content; a block is done with when the next one is asked for."""
        self.started = True
        for block in self.source:
            if isinstance(block, str):
                yield utf8(block)
            elif isinstance(block, (bytes, bytearray, memoryview)):
                yield block.cast("B") if isinstance(block, memoryview) else block
            else:
                raise InvalidMessage(f"content is made of bytes or str, not of {type(block).__name__}")

    def read(self) -> bytes:
        """Return all of it, and go back to where it began."""
        self.rewind()
        whole = b"".join(map(bytes, self.blocks()))
        self.rewind()
        return whole

    def rewind(self) -> None:
        """Go back to where the content began. Raises UnrewindableContent when there is no way back."""
        if reset := getattr(self.source, "reset", None):  # as what multipart_encode returns has it
            try:
                reset()
            except (OSError, ValueError) as error:
                raise UnrewindableContent(f"the content cannot be sent again: {error}") from error
        elif self.started and iter(self.source) is self.source:
            raise UnrewindableContent("the content came from an iterator, which can be sent only once")


class FileContent(Content):
    """What a binary or text file holds from its present position on; text goes out as UTF-8."""

    def __init__(self, file: object) -> None:
        try:
            self.param = MultipartParam("", fileobj=file, dialect="form")
        except EncodeError as error:
            raise InvalidMessage(f"the content: {error}") from error
        self.source, self.length = self.param, self.param.filesize  # type: ignore[assignment]  # it has a reset()

    def blocks(self) -> Iterator[Block]:
        try:
            yield from self.param._read(Buffer(min(BLOCK_SIZE, (self.length or BLOCK_SIZE) + 1)))
        except EncodeError as error:
            # An error of the disk must not look like one of the network.
            raise InvalidMessage(f"the content {error}") from error


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
            yield from (b"%x\r\n" % size, block, b"\r\n")
    yield b"0\r\n\r\n"
