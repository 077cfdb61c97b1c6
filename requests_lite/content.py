"""Content: what a request carries, and what a response's content means (RFC 9110 section 8)."""

from __future__ import annotations

import io
import os
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from importlib import import_module
from importlib.machinery import PathFinder
from time import monotonic

from .exceptions import FAULTS, ContentDecodingError, ContentTooLarge, IncompleteRead, InvalidContent, InvalidJSONError
from .packages.poster.body import BLOCK, Body, LengthDelimited
from .packages.poster.encode import Multipart
from .packages.poster.errors import ConnectionLost, TransferTimeout
from .packages.poster.headers import Headers
from .packages.poster.sending import Block, Content, FileContent, utf8
from .typed import Any
from .urls import Pairs, encode_pairs

Data = Pairs | Iterable[Block | str] | io.IOBase | str | bytes | bytearray | None

FORM = "application/x-www-form-urlencoded"
Progress = Callable[[int, "int | None"], object]
# What cookies= takes (see cookies.CookieJar), and hooks=.
CookiesLike = Mapping[str, "str | None"] | Iterable[object]
Hooks = Mapping[str, Callable[..., object] | Iterable[Callable[..., object]]]

# So much, in bytes, may be padding or empty streams in a row.
FRUITLESS = 1024 * 1024


def _brotli() -> str:
    """Return the module that decodes br within bounds, which Brotli does from 1.2 on, or ''."""
    for name in ("brotli", "brotlicffi"):
        spec = PathFinder.find_spec(name)
        if spec is not None and spec.origin is not None:
            folder = os.path.dirname(spec.origin.removesuffix(os.path.join(name, "__init__.py")))
            if any(re.match(rf"{name}-(1\.[2-9]|1\.\d\d|[2-9])", file, re.IGNORECASE) for file in os.listdir(folder)):
                return name
    return ""


_BACKPORTED = any(os.path.isdir(os.path.join(folder, "backports", "zstd")) for folder in sys.path)
# The module that decodes each content coding, '' where none is installed: br is RFC 7932, zstd RFC 8878.
_MODULES = {
    "gzip": "zlib", "x-gzip": "zlib", "deflate": "zlib", "br": _brotli(),
    "zstd": "compression.zstd" if PathFinder.find_spec("_zstd") else "backports.zstd" if _BACKPORTED else "",
}  # fmt: skip
# The codings that decode() knows; Accept-Encoding names them.
CODINGS = ", ".join(coding for coding, module in _MODULES.items() if module and coding != "x-gzip")


class Watched(Content):
    """Content that tells how far it has been sent: progress(bytes done, bytes in all or None), after each block."""

    def __init__(self, content: bytes | Content, progress: Progress) -> None:
        self.content = Content([*slices(memoryview(content))], len(content)) if isinstance(content, bytes) else content
        self.length, self.progress = self.content.length, progress

    def blocks(self) -> Iterator[Block]:
        done = 0
        for block in self.content.blocks():
            yield block
            # Asked for the next block, the one before has gone out.
            done += len(block)
            if block:
                self.progress(done, self.length)
        if not done:
            self.progress(0, self.length)

    def rewind(self) -> None:
        self.content.rewind()


def slices(content: Any, size: int = BLOCK) -> Iterator[Any]:
    """Yield bytes, or what else can be cut, in pieces of size."""
    return (content[at : at + size] for at in range(0, len(content), size))


def encode(data: Data, files: object = None, json: object = None) -> tuple[bytes | Content | None, str | None]:
    """Return (content, its Content-Type or None) for what a user gave.

    files make a multipart form with data's fields first; data alone is a form (mapping or pairs), bytes, text, a
    file (streamed, with Content-Length), or an iterable of blocks (chunked); json is any value that JSON has.
    """
    if files:
        form = Multipart.from_fields(data, files)
        return Content(form, form.length), form.content_type
    nothing = (str, bytes, dict, list, tuple) if json else (dict, list, tuple)
    if data is None or (not data and isinstance(data, nothing)):
        return (None, None) if json is None else (encode_json(json), "application/json")
    if isinstance(data, str):
        return utf8(data), None
    if isinstance(data, (bytes, bytearray, memoryview)):
        return bytes(data), None
    if isinstance(data, (Mapping, list, tuple)):
        try:
            return encode_pairs(data).encode(), FORM
        except (TypeError, ValueError) as error:
            raise InvalidContent(f"data= as a list holds (name, value) pairs: {error}") from error
    if hasattr(data, "read"):
        return FileContent(data), None
    if isinstance(data, Iterable):
        return Content(data), None  # type: ignore[arg-type]  # pairs come as list or tuple
    what = "a mapping, pairs, bytes, str, a file or an iterable"
    hint = ": open it" if hasattr(data, "__fspath__") else ""
    raise InvalidContent(f"data= is {what}, not {type(data).__name__}{hint}")


def encode_json(value: object) -> bytes:
    """Return value as JSON in UTF-8; bytes are taken for ready-made JSON. Raises InvalidJSONError."""
    if isinstance(value, bytes):
        return value
    import json

    try:
        return json.dumps(value, allow_nan=False).encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidJSONError(f"json= does not go into JSON: {error}") from error


def codings_of(headers: Headers) -> list[str]:
    """Return the content codings of a message in the order in which they were applied (RFC 9110 s8.4)."""
    codings = [coding.strip().lower() for coding in headers.get("content-encoding", "").split(",")]
    return [coding for coding in codings if coding not in ("", "identity")]


def decode(blocks: Iterable[bytes], codings: list[str], deadline: float | None = None) -> Iterator[bytes]:
    """Yield blocks with their codings taken off, from each step a few hundred KiB at most.

    Raises ContentDecodingError for garbage and for a coding not known, IncompleteRead for a stream that ends early,
    TransferTimeout when it goes on past the deadline, by time.monotonic().
    """
    if len(codings) > 10:
        raise ContentDecodingError(f"{len(codings)} content codings on top of each other are a trap")
    for coding in reversed(codings):
        if not _MODULES.get(coding):
            hint = f"; it takes the extra requests_lite[{coding}]" if coding in _MODULES else ""
            raise ContentDecodingError(f"the content coding {coding!r} cannot be decoded here{hint}")
        blocks = _unpack(blocks, coding, import_module(_MODULES[coding]), deadline)
    return iter(blocks)


def _unpack(blocks: Iterable[bytes], coding: str, module: Any, deadline: float | None) -> Iterator[bytes]:
    fault: type[Exception] = module.ZstdError if coding == "zstd" else module.error
    decoder = None
    held = b""
    got = streams = fruitful = 0
    try:
        for block in blocks:
            got += len(block)
            block, held = held + block, b""
            if got - fruitful > FRUITLESS:
                raise ContentDecodingError(f"{FRUITLESS} bytes of {coding} unpack to nothing: a trap")
            while block or decoder is not None:
                # A few bytes can unpack to work for hours, in which nobody waits for the peer.
                if deadline is not None and monotonic() >= deadline:
                    raise TransferTimeout("unpacking the content was not done in the total time allowed", "total")
                if decoder is None:
                    # A stream may be padded with zeros, or go on with another one (RFC 1952 s2.2, RFC 8878 s3.1).
                    block = block.lstrip(b"\0") if streams else block
                    if len(block) < (1 if coding == "br" else 2):
                        held = block
                        break
                    decoder = _new_decoder(module, coding, block)
                piece = decoder.decompress(block, BLOCK)
                if piece:
                    fruitful = got
                    yield piece
                block = getattr(decoder, "unconsumed_tail", b"")
                if decoder.eof and coding != "br":  # behind which nothing may follow
                    block, decoder = decoder.unused_data, None
                    streams += 1
                elif not block and getattr(decoder, "needs_input", len(piece) < BLOCK):
                    break
    except fault as error:
        raise ContentDecodingError(f"the content is not {coding}, as its Content-Encoding says: {error}") from error
    if held or (decoder is not None and not decoder.eof):
        raise IncompleteRead(f"the {coding} stream was cut: it does not end within the {got} bytes that came")


def _new_decoder(module: Any, coding: str, start: bytes) -> Any:
    if coding == "br":
        return _Brotli(module.Decompressor())
    if coding == "zstd":
        return module.ZstdDecompressor(options={module.DecompressionParameter.window_log_max: 23})  # 8 MiB (RFC 9659)
    # "deflate" means the zlib format (RFC 9110 s8.4.1.2), whose two bytes have a check; some servers send it bare.
    bare = start[0] & 0x0F != 8 or (start[0] << 8 | start[1]) % 31
    return module.decompressobj(31 if coding != "deflate" else -15 if bare else 15)


class _Brotli:
    """A decoder of br, in the manner of the others."""

    def __init__(self, decoder: Any) -> None:
        self.decoder = decoder

    def decompress(self, block: bytes, limit: int) -> bytes:
        piece: bytes = self.decoder.process(block, output_buffer_limit=limit)
        self.eof = self.decoder.is_finished()
        self.needs_input = not piece and self.decoder.can_accept_more_data()
        return piece


class Raw(io.BufferedIOBase):
    """A response's content as it travels, its content codings still on: a binary file to read from.

    `read(n)` returns n bytes unless the content ends before, `read1(n)` what is there. With `decode_content` set to
    True before the first read, the codings are taken off. Errors are RequestExceptions.
    """

    decode_content = False
    version, _request_url = 11, None  # as users of http.client and urllib3 know it

    def __init__(self, body: Body, failed: Callable[[Exception], Exception], headers: Headers,
                 max_size: int | None = None, progress: Progress | None = None) -> None:  # fmt: skip
        self.headers, self.max_size, self.progress = headers, max_size, progress
        self._body, self._failed = body, failed
        self._codings = [] if body.ended else codings_of(headers)
        self._failure: Exception | None = None
        self._decoded: Iterator[bytes] | None = None
        self._held: bytes | memoryview = b""  # decoded and not yet taken
        self._taken = 0
        self._told = -1
        self.at_end = False

    def readable(self) -> bool: return not self.closed  # fmt: skip

    def read1(self, size: int = -1) -> bytes:
        if not size:
            return b""
        if self._failure is not None:
            raise self._failure  # once broken, it has no end to come to
        limit = size if size > 0 else BLOCK
        try:
            if self._codings and self.decode_content:
                if self._decoded is None:
                    self._decoded = decode(iter(self._body.read, b""), self._codings, self._body.deadline)
                whole = self._held or next(self._decoded, b"")
                whole = memoryview(whole) if len(whole) > limit else whole  # what is taken in pieces is copied once
                block, self._held = bytes(whole[:limit]), whole[limit:]
            else:
                block = self._body.read(limit)
            self._taken += len(block)
            if self.max_size is not None and self._taken > self.max_size:
                raise ContentTooLarge(f"the content is larger than max_size={self.max_size} bytes")
            if self.progress is not None and (block or self._body.got != self._told):
                self._told = self._body.got
                self.progress(self._told, self._body.length if isinstance(self._body, LengthDelimited) else None)
        except BaseException as error:
            self._body.close()
            if not isinstance(error, FAULTS):
                self._failure = self._failed(ConnectionLost("reading was interrupted"))
                raise
            self._failure = self._failed(error)
            raise self._failure from error
        self.at_end = not block
        return block

    def read(self, size: int | None = -1, decode_content: bool | None = None) -> bytes:
        if decode_content is not None:
            self.decode_content = decode_content
        blocks, left = [], sys.maxsize if size is None or size < 0 else size
        while block := self.read1(min(left, BLOCK)):
            blocks.append(block)
            left -= len(block)
        return b"".join(blocks)

    def tell(self) -> int:
        """Return how many bytes have been taken off the wire."""
        return self._body.got

    def stream(self, amt: int = BLOCK, decode_content: bool | None = None) -> Iterator[bytes]:
        """Iterate over blocks of amt bytes, as users of urllib3 do."""
        return iter(lambda: self.read(amt, decode_content), b"")

    def close(self) -> None:
        self._body.close()
        super().close()

    release_conn = close
