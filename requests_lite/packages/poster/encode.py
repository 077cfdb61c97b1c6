"""multipart/form-data (RFC 7578): a form as blocks of known length, and the API of Chris AtLee's poster 0.8.1."""

from __future__ import annotations

import os
from _weakref import ref
from collections.abc import Generator, Iterable, Iterator
from urllib.parse import quote_plus

from .part import BLOCK_SIZE, Callback, EncodeError, Fields, MultipartParam, Text, UnrewindableError, params_of, write

__all__ = ["EncodeError", "Multipart", "MultipartParam", "UnrewindableError", "multipart_encode", "multipart_yielder"]
__all__ += ["encode_and_quote", "encode_file_header", "encode_string", "gen_boundary", "get_body_size", "get_headers"]

SMALL_VALUE = 16 * 1024  # what is smaller is joined with its neighbours once and for all
_SINGLE = (str, bytes, bytearray, memoryview, int, float)


def _data_params(name: object, value: object) -> list[MultipartParam]:
    if isinstance(value, _SINGLE) or not isinstance(value, Iterable):
        return [] if value is None else [MultipartParam(name, value, dialect="form")]
    if hasattr(value, "read"):
        raise EncodeError(name, "a file stands in data; it belongs in files")
    return [MultipartParam(name, single, dialect="form") for single in value if single is not None]


def _file_params(name: object, value: object) -> list[MultipartParam]:
    if not isinstance(value, tuple):
        path = os.fsdecode(value) if hasattr(value, "__fspath__") else getattr(value, "name", None)
        # The name of a file may be a descriptor's number, or '<stdin>'.
        filename = os.path.basename(path) if isinstance(path, str) and path[:1] != "<" else name
        value = (None if isinstance(value, (int, float)) else filename, value)
    if not 2 <= len(value) <= 4:
        raise EncodeError(name, "a tuple is (filename, content), with type, with type and headers")
    filename, content, filetype, headers = (*value, None, None)[:4]
    if content is None:
        return []
    content, file = (content, None) if isinstance(content, _SINGLE) else (None, content)
    return [MultipartParam(name, content, filename, filetype, fileobj=file, dialect="form", headers=headers)]


class Multipart:
    """A multipart/form-data body as browsers send it: iterate over it for its blocks, again to send it again.

    `length` is the number of its bytes, None when the size of a part is not known; `content_type` is the value for
    the Content-Type field. Blocks share a buffer: be done with one before asking for the next.
    Iterating raises UnrewindableError, before the first block, for a part that has been read and cannot be read again,
    and EncodeError for one that cannot be read or has another size than announced.
    """

    def __init__(self, parts: Iterable[MultipartParam]) -> None:
        boundary = gen_boundary()
        self.content_type = "multipart/form-data; boundary=" + boundary
        self._parts: list[tuple[bytes, bytes, MultipartParam, Callback | None]] = []
        self._blocks: ref[Generator[memoryview, None, None]] | None = None
        delimiter = f"--{boundary}\r\n".encode()
        small: list[bytes | memoryview] = []  # pieces that go out in one with what follows them
        length: int | None = 0
        for part in parts:
            header, value, size = part.header(), part.value, part.filesize
            if value is not None and len(value) < SMALL_VALUE and part.cb is None:
                small += delimiter, header, value, b"\r\n"
            else:
                lead, head = b"".join(small), delimiter + header
                length = None if length is None or size is None else length + len(lead) + len(head) + size + 2
                self._parts.append((lead, head, part, part.cb))
                small.clear()
        self._end = b"".join([*small, delimiter[:-2], b"--\r\n"])
        self.length = None if length is None else length + len(self._end)

    @classmethod
    def from_fields(cls, data: object = None, files: object = None) -> Multipart:
        """Return the body for what `data=` and `files=` take: mappings or pairs, data first.

        In data a value is text, bytes, a number, or several of these. In files it is a file, a path, bytes, text, a
        number, an iterable of bytes, or a tuple: (filename, content), with type, with type and headers. In both it may
        be a MultipartParam; None leaves a field out. Raises EncodeError for what cannot be sent.
        """
        return cls(params_of(data, _data_params) + params_of(files, _file_params))

    def __iter__(self) -> Iterator[bytes | memoryview]:
        if not self._parts:
            return iter((self._end,))
        self.rewind()
        blocks = write(self._parts, self._end, min(BLOCK_SIZE, (self.length or BLOCK_SIZE) + 1))
        self._blocks = ref(blocks)  # weakly: who stops asking for them has its file closed
        return blocks

    @property
    def repeatable(self) -> bool:
        """Whether every part can go back to where it began."""
        return all(part._start is not None for _, _, part, _ in self._parts)

    def rewind(self) -> None:
        """Send every part back to where it began. Raises UnrewindableError for the one that cannot."""
        self.close()
        for _, _, part, _ in self._parts:
            part.reset()

    reset = rewind

    def close(self) -> None:
        """Close the file of a path that is being sent; never a file that was given."""
        if self._blocks is not None and (blocks := self._blocks()) is not None:
            blocks.close()


def gen_boundary() -> str:
    """Return a new boundary of 128 random bits: no content holds it by chance, and nobody can guess it."""
    return os.urandom(16).hex()


def encode_and_quote(data: Text | None) -> str | None:
    """Return data as UTF-8 and `quote_plus`ed: "foo bar" is "foo+bar"; None stays None."""
    return None if data is None else quote_plus(data)


def encode_string(boundary: Text, name: Text, value: object) -> bytes:
    """Return a field as a part."""
    return MultipartParam(name, value).encode(boundary)


def encode_file_header(boundary: Text, paramname: Text, filesize: int, filename: Text | None = None,
                       filetype: Text | None = None) -> bytes:  # fmt: skip
    """Return the delimiter and the header of a part whose content somebody else sends."""
    return MultipartParam(paramname, None, filename, filetype, filesize).encode_hdr(boundary)


def get_body_size(params: Fields, boundary: Text) -> int:
    """Return the number of bytes of the whole body."""
    return sum(part.get_size(boundary) for part in MultipartParam.from_params(params)) + len(quote_plus(boundary)) + 6


def get_headers(params: Fields, boundary: Text) -> dict[str, str]:
    """Return the Content-Type and the Content-Length of the whole body."""
    content_type = f"multipart/form-data; boundary={quote_plus(boundary)}"
    return {"Content-Type": content_type, "Content-Length": str(get_body_size(params, boundary))}


class multipart_yielder(Iterator[bytes]):
    """The blocks of a body. `cb(param, current, total)` hears of each of them, of the last with None for a param."""

    def __init__(self, params: Fields, boundary: Text, cb: Callback | None) -> None:
        self.params = MultipartParam.from_params(params)
        self.boundary, self.cb = boundary, cb
        self.total = get_body_size(self.params, boundary)
        self.reset()

    def __next__(self) -> bytes: return next(self._blocks)  # fmt: skip

    def reset(self) -> None:
        """Go back to the beginning. Raises UnrewindableError when a param cannot."""
        for param in self.params:
            param.reset()
        self.current = 0
        self._blocks = self._encode()

    def _encode(self) -> Iterator[bytes]:
        end = b"--%b--\r\n" % quote_plus(self.boundary).encode()
        for param in (*self.params, None):
            for block in (end,) if param is None else param.iter_encode(self.boundary, BLOCK_SIZE):
                self.current += len(block)
                if self.cb is not None:
                    self.cb(param, self.current, self.total)
                yield block


def multipart_encode(params: Fields, boundary: Text | None = None,
                     cb: Callback | None = None) -> tuple[multipart_yielder, dict[str, str]]:  # fmt: skip
    """Return the blocks of a mapping, or of pairs and params, and their headers. EncodeError: they cannot be sent."""
    datagen = multipart_yielder(params, gen_boundary() if boundary is None else boundary, cb)
    return datagen, get_headers(datagen.params, datagen.boundary)
