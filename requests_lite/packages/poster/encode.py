"""multipart/form-data (RFC 7578): fields and files as blocks of bytes, their length known beforehand.

`Multipart` is a whole body in flat memory, for the floor above. `multipart_encode` and the functions beside it are
the API of Chris AtLee's poster 0.8.1, on bytes. A part is written in one of two dialects: "form" is what browsers
send (WHATWG), "poster" is what poster sent.
"""

from __future__ import annotations

import os
from collections.abc import Generator, Iterable, Iterator
from urllib.parse import quote_plus

from .dialects import as_text
from .part import (
    BLOCK_SIZE,
    SINGLE_VALUES,
    Buffer,
    Callback,
    EncodeError,
    Fields,
    MultipartParam,
    Text,
    UnrewindableError,
    params_of,
)

__all__ = [
    "BLOCK_SIZE",
    "EncodeError",
    "Multipart",
    "MultipartParam",
    "UnrewindableError",
    "encode_and_quote",
    "encode_file_header",
    "encode_string",
    "gen_boundary",
    "get_body_size",
    "get_headers",
    "multipart_encode",
    "multipart_yielder",
]

SMALL_VALUE = 16 * 1024  # what is smaller is joined with its neighbours once and for all


def gen_boundary() -> str:
    """Return a new boundary of 128 random bits: no content holds it by chance, and nobody can guess it."""
    return os.urandom(16).hex()


def encode_and_quote(data: Text | None) -> str | None:
    """Return data as UTF-8 and `quote_plus`ed: "foo bar" is "foo+bar"; None stays None."""
    return None if data is None else quote_plus(data)


def _data_params(name: object, value: object) -> Iterator[MultipartParam]:
    if isinstance(value, SINGLE_VALUES) or not isinstance(value, Iterable):
        value = (value,)
    elif hasattr(value, "read"):
        raise EncodeError(as_text(name), "a file stands in data; it belongs in files")
    for single in value:
        if single is not None:
            yield MultipartParam(name, single, dialect="form")


def _file_params(name: object, value: object) -> Iterator[MultipartParam]:
    filename: object = None
    filetype = headers = None
    if isinstance(value, tuple):
        if not 2 <= len(value) <= 4:
            raise EncodeError(as_text(name), "a tuple is (filename, content), with type, with type and headers")
        filename, value, filetype, headers = (*value, None, None)[:4]
    elif not isinstance(value, (int, float)):
        path = os.fsdecode(value) if hasattr(value, "__fspath__") else getattr(value, "name", None)
        # The name of a file may be a descriptor's number, or '<stdin>'.
        filename = os.path.basename(path) if isinstance(path, str) and path[:1] != "<" else name
    if isinstance(value, SINGLE_VALUES):
        yield MultipartParam(name, value, filename, filetype, dialect="form", headers=headers)
    elif value is not None:
        yield MultipartParam(name, None, filename, filetype, None, value, dialect="form", headers=headers)


class Multipart:
    """A multipart/form-data body as browsers send it: iterate over it for its blocks.

    `length` is the number of its bytes, None when the size of a part is not known; `content_type` is the
    value for the Content-Type field. A block is a memoryview of a buffer that is used again: be done with it
    before asking for the next. A body that is known to be shorter than BLOCK_SIZE is one block. A file is
    sent from where it stood when its part was made; iterating again sends everything again.

    Iterating raises UnrewindableError, before the first block, for a part that has been read and cannot be
    read again, and EncodeError for a part that cannot be read or has another size than announced.

    >>> body = Multipart.from_fields({"title": "Ada"}, {"photo": ("ada.png", b"...")})
    >>> headers = {"Content-Type": body.content_type, "Content-Length": str(body.length)}
    >>> content = b"".join(bytes(block) for block in body)
    """

    def __init__(self, parts: Iterable[MultipartParam]) -> None:
        boundary = gen_boundary()
        self.content_type = "multipart/form-data; boundary=" + boundary
        self.length: int | None = 0
        self._parts: list[tuple[bytes, bytes, MultipartParam]] = []
        self._blocks: Generator[memoryview, None, None] | None = None
        small: list[bytes | memoryview] = []  # pieces that go out in one with what follows them
        for part in parts:
            head = part.head(boundary)
            size = part.size(head)
            self.length = None if size is None or self.length is None else self.length + size
            if part.value is not None and len(part.value) < SMALL_VALUE and part.cb is None:
                small += head, part.value, b"\r\n"
            else:
                self._parts.append((b"".join(small), head, part))
                small.clear()
        end = b"--%b--\r\n" % boundary.encode()
        self.length = None if self.length is None else self.length + len(end)
        self._tail = b"".join((*small, end))

    @classmethod
    def from_fields(cls, data: object = None, files: object = None) -> Multipart:
        """Return the body for what `data=` and `files=` take: mappings or pairs, data first.

        In data a value is text, bytes, a number, or several of these. In files it is a file, a path, bytes,
        text, a number, an iterable of bytes, or a tuple (filename, content), (filename, content, type),
        (filename, content, type, headers). In both it may be a MultipartParam, which keeps its dialect. None
        leaves a field out. Raises EncodeError for what cannot be sent.
        """
        return cls([*params_of(data, _data_params), *params_of(files, _file_params)])

    def __iter__(self) -> Iterator[memoryview]:
        self.rewind()
        size = BLOCK_SIZE if self.length is None else min(BLOCK_SIZE, self.length + 1)
        self._blocks = _write_all(self._parts, self._tail, Buffer(size))
        return self._blocks

    def rewind(self) -> None:
        """Send every part back to where it began. Raises UnrewindableError for the one that cannot."""
        self.close()
        for _, _, part in self._parts:
            part.reset()

    def close(self) -> None:
        """Close the file of a path that is being sent; never a file that was given."""
        if self._blocks is not None:
            self._blocks.close()


# No method of Multipart: without a reference back to it, an abandoned body closes its file at once.
def _write_all(
    parts: list[tuple[bytes, bytes, MultipartParam]], tail: bytes, block: Buffer
) -> Generator[memoryview, None, None]:
    for small, head, part in parts:
        yield from block.put(small)
        blocks = part.write(head, block)
        yield from blocks if part.cb is None else part.report(part.cb, blocks, block, part.size(head))
    yield from block.put(tail)
    yield from block.take()


def encode_string(boundary: Text, name: Text, value: object) -> bytes:
    """Return a field as a part."""
    return MultipartParam(name, value).encode(boundary)


def encode_file_header(
    boundary: Text, paramname: Text, filesize: int, filename: Text | None = None, filetype: Text | None = None
) -> bytes:
    """Return the delimiter and the header of a part whose content somebody else sends."""
    return MultipartParam(paramname, None, filename, filetype, filesize).encode_hdr(boundary)


def get_body_size(params: Fields, boundary: Text) -> int:
    """Return the number of bytes of the whole body."""
    parts = MultipartParam.from_params(params)
    return sum(part.get_size(boundary) for part in parts) + len(quote_plus(boundary)) + 6


def get_headers(params: Fields, boundary: Text) -> dict[str, str]:
    """Return the Content-Type and the Content-Length of the whole body."""
    return {
        "Content-Type": f"multipart/form-data; boundary={quote_plus(boundary)}",
        "Content-Length": str(get_body_size(params, boundary)),
    }


class multipart_yielder:
    """The blocks of a body, an iterator. `cb(param, current, total)` hears of each of them."""

    def __init__(self, params: Fields, boundary: Text, cb: Callback | None) -> None:
        self.params = MultipartParam.from_params(params)
        self.boundary = boundary
        self.cb = cb
        self.total = get_body_size(self.params, boundary)
        self.reset()

    def __iter__(self) -> multipart_yielder:
        return self

    def __next__(self) -> bytes:
        param, block = next(self._blocks)
        self.current += len(block)
        if self.cb is not None:
            self.cb(param, self.current, self.total)
        return block

    def reset(self) -> None:
        """Go back to the beginning. Raises UnrewindableError when a param cannot."""
        for param in self.params:
            param.reset()
        self.current = 0
        self._blocks = self._encode()

    def _encode(self) -> Iterator[tuple[MultipartParam | None, bytes]]:
        for param in self.params:
            for block in param.iter_encode(self.boundary, BLOCK_SIZE):
                yield param, block
        yield None, b"--%b--\r\n" % quote_plus(self.boundary).encode()


def multipart_encode(
    params: Fields, boundary: Text | None = None, cb: Callback | None = None
) -> tuple[multipart_yielder, dict[str, str]]:
    """Encode a mapping, or a sequence of pairs and params, in poster's dialect.

    Returns an iterator over the blocks, and the headers Content-Type and Content-Length. `cb` hears of the
    last block with None for a param. Raises EncodeError, among others for a file whose size cannot be found
    out.

    >>> datagen, headers = multipart_encode({"title": "Ada", "photo": open("ada.png", "rb")})
    """
    boundary = gen_boundary() if boundary is None else boundary
    made = MultipartParam.from_params(params)
    return multipart_yielder(made, boundary, cb), get_headers(made, boundary)
