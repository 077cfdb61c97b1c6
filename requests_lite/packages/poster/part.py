"""One part of a multipart form: its header, and its content in blocks (RFC 7578 section 4)."""

from __future__ import annotations

import functools
import io
import itertools
import os
import re
import stat
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from urllib.parse import quote_plus

from .dialects import DIALECTS, as_text, as_utf8, guess_type

BLOCK_SIZE = 512 * 1024  # 256 KiB to 1 MiB measure alike over loopback, within a few per cent
SINGLE_VALUES = (str, bytes, bytearray, memoryview, int, float)
_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")  # RFC 9110 s5.6.2


class EncodeError(ValueError):
    """A part cannot be sent as it is: `part` is its name, `reason` says why."""

    def __init__(self, part: str, reason: str) -> None:
        super().__init__(part, reason)
        self.part = part
        self.reason = reason

    def __str__(self) -> str:
        return f"part {self.part!r}: {self.reason}"


class UnrewindableError(EncodeError):
    """A part would have to be sent again, and there is no way back to where it began."""


class Buffer:
    """The one buffer that blocks are made in. It always has room for a byte more: a full one is taken."""

    __slots__ = ("used", "view")

    def __init__(self, size: int) -> None:
        self.view = memoryview(bytearray(size))
        self.used = 0

    def room(self, limit: int) -> memoryview:
        return self.view[self.used : self.used + limit]

    def take(self) -> Iterator[memoryview]:
        used, self.used = self.used, 0
        if used:
            yield self.view[:used]

    def put(self, piece: bytes | memoryview) -> Iterable[memoryview]:
        """Add a piece and return the blocks that are ready to go."""
        end = self.used + len(piece)
        if end >= len(self.view):
            return self._overflow(memoryview(piece))
        self.view[self.used : end] = piece
        self.used = end
        return ()

    def _overflow(self, rest: memoryview) -> Iterator[memoryview]:
        yield from self.take()
        size = len(self.view)
        while len(rest) >= size:  # straight from where it is, without a copy
            yield rest[:size]
            rest = rest[size:]
        self.view[: len(rest)] = rest
        self.used = len(rest)


def _readinto_of(kind: type) -> str | None:
    """Return the name of the method that fills a buffer from such a file, None where only `read` will do."""
    # A class that overrides `read` alone (to count, to encrypt) inherits a readinto that knows nothing of it,
    # and a wrapper hands out its file's by __getattr__. So readinto counts only where it stands before read.
    for base in kind.__mro__:
        # readinto1 gives what a pipe has now and does not wait until the buffer is full.
        for name in ("readinto1", "readinto"):
            if name in vars(base):
                return name
        if "read" in vars(base):
            break
    return None


def _read_pieces(source: object) -> Iterator[memoryview]:
    """Yield the bytes of an iterable, or what the `read` of a file gives, its text as UTF-8."""
    if hasattr(source, "read"):
        while piece := source.read(BLOCK_SIZE):
            yield memoryview(piece.encode() if isinstance(piece, str) else piece).cast("B")
        return
    assert isinstance(source, Iterable)
    for piece in source:
        yield memoryview(piece).cast("B")


def _extent(file: object) -> tuple[int | None, int | None]:
    """Return where a file stands, if one can go back there, and how many bytes follow, if it tells."""
    is_text = hasattr(file, "encoding")
    try:
        if hasattr(file, "seek") and hasattr(file, "tell"):
            start: int = file.tell()
            if is_text:
                size = sum(map(len, _read_pieces(file)))
            else:  # not fstat: a gzip.GzipFile has the descriptor of what it unpacks
                file.seek(0, io.SEEK_END)
                size = max(0, file.tell() - start)
            file.seek(start)
            return start, size
    except (OSError, NotImplementedError):
        pass
    try:
        if hasattr(file, "fileno") and not is_text:
            status = os.fstat(file.fileno())
            return None, status.st_size if stat.S_ISREG(status.st_mode) else None
    except OSError:
        pass
    return None, None


@functools.total_ordering
class MultipartParam:
    """One part: a name with a value (bytes, or text that goes out as UTF-8), or with what a file holds.

    `fileobj` is a binary or text file, sent from where it stands; a path, opened late and closed always; or
    an iterable of bytes. `filesize` is found out where it can be. `cb(param, current, total)` is called
    after each block. `dialect` is "poster" or "form"; `headers` are further fields of the part's header.

    Raises EncodeError for a file that is closed, a directory or not readable; for both value and fileobj;
    and, in poster's dialect, for a size that cannot be found out.

    >>> MultipartParam("foo", "bar", dialect="form").encode("XXX")
    b'--XXX\\r\\nContent-Disposition: form-data; name="foo"\\r\\n\\r\\nbar\\r\\n'
    """

    _start: int | None = None  # where the content begins; None: there is no way back to it
    _begun = False

    def __init__(
        self,
        name: object,
        value: object = None,
        filename: object = None,
        filetype: object = None,
        filesize: int | None = None,
        fileobj: object = None,
        cb: Callback | None = None,
        *,
        dialect: str = "poster",
        headers: Headers | None = None,
    ) -> None:
        self.name = as_text(name)
        self.value: bytes | memoryview | None = None
        self.filename = None if filename is None else as_text(filename)
        self.filetype = None if filetype is None else as_text(filetype)
        self.filesize = filesize
        self.fileobj = fileobj
        self.cb = cb
        self.dialect = dialect
        self.headers: list[tuple[str, str]] = []
        if headers:
            self._add_headers(headers)
        if value is not None and fileobj is not None:
            raise EncodeError(self.name, "Only one of value or fileobj may be specified")
        try:
            if isinstance(value, bytes):
                self.value = value
            elif isinstance(value, (bytearray, memoryview)):
                self.value = memoryview(value).cast("B")
            elif value is not None:
                self.value = str(value).encode()
            elif fileobj is not None:
                self._measure(fileobj)
        except EncodeError:
            raise
        except (OSError, TypeError, ValueError) as error:
            raise EncodeError(self.name, f"cannot be sent: {error}") from error

    def _add_headers(self, headers: Headers) -> None:
        for key, given in headers.items() if isinstance(headers, Mapping) else headers:
            name, value = as_text(key), as_text(given)
            if not _TOKEN.fullmatch(name):
                raise EncodeError(self.name, "the name of a header is no token")
            if name.lower() == "content-type":
                self.filetype = self.filetype or value
            elif name.lower() != "content-disposition":  # made of name and filename alone
                self.headers.append((name, value))

    def _measure(self, source: object) -> None:
        size: int | None = None
        if hasattr(source, "read"):
            if getattr(source, "closed", False):
                raise EncodeError(self.name, "the file is closed")
            if hasattr(source, "readable") and not source.readable():
                raise EncodeError(self.name, "the file is not open for reading")
            self._start, size = _extent(source)
        elif isinstance(source, os.PathLike):
            status = os.stat(source)
            if stat.S_ISDIR(status.st_mode):
                raise EncodeError(self.name, f"{os.fspath(source)!r} is a directory")
            if stat.S_ISREG(status.st_mode):
                self._start, size = 0, status.st_size
        elif isinstance(source, (list, tuple)):
            self._start, size = 0, sum(map(len, _read_pieces(source)))
        elif isinstance(source, Iterable) and not isinstance(source, (*SINGLE_VALUES, Mapping)):
            self._start = None if isinstance(source, Iterator) else 0
        else:
            raise TypeError(f"{type(source).__name__} is no file, no path and no iterable of bytes")
        if self.filesize is None:
            self.filesize = size
        if self.filesize is None and self.dialect == "poster":
            raise EncodeError(self.name, "Could not determine filesize")

    def _key(self) -> tuple[tuple[bool, object], ...]:
        value = None if self.value is None else bytes(self.value)
        file = None if self.fileobj is None else id(self.fileobj)
        fields = (self.name, value, self.filename, self.filetype, self.filesize, file)
        return tuple((field is not None, field) for field in fields)  # None sorts first, as in Python 2

    def __eq__(self, other: object) -> bool:
        return self._key() == other._key() if isinstance(other, MultipartParam) else NotImplemented

    def __lt__(self, other: object) -> bool:
        return self._key() < other._key() if isinstance(other, MultipartParam) else NotImplemented

    def __hash__(self) -> int:
        return hash(self.name)

    @classmethod
    def from_file(cls, paramname: Text, filename: str | os.PathLike[str]) -> MultipartParam:
        """Return the param for a file on disk, which is opened here: its basename, guessed type and size."""
        basename = os.path.basename(filename)
        return cls(paramname, None, basename, guess_type(basename), fileobj=open(filename, "rb"))

    @classmethod
    def from_params(cls, params: Fields) -> list[MultipartParam]:
        """Return the params for a mapping, or for a sequence of pairs and params.

        A param that stands as a value has to bear its key for a name (AssertionError). A file's `name` is its
        filename, from which its type is guessed.
        """

        def make(name: object, value: object) -> Iterator[MultipartParam]:
            if hasattr(value, "read"):
                path = getattr(value, "name", None)
                filename = path if isinstance(path, str) else None  # not the number of a descriptor
                yield cls(name, None, filename, guess_type(filename), fileobj=value)
            else:
                yield cls(name, value)

        return list(params_of(params, make))

    def reset(self) -> None:
        """Go back to where the content began. Raises UnrewindableError when there is no way back."""
        if self.fileobj is None:
            if self.value is None:
                raise EncodeError(self.name, "Don't know how to reset this parameter")
        elif self._start is None:
            if self._begun:
                raise UnrewindableError(self.name, "has been read and cannot be read again")
        elif hasattr(self.fileobj, "seek"):
            try:
                self.fileobj.seek(self._start)
            except (OSError, ValueError) as error:
                raise UnrewindableError(self.name, f"cannot be read again: {error}") from error

    def encode_hdr(self, boundary: Text) -> bytes:
        """Return the delimiter and the header of the part, the empty line included."""
        return self.head(quote_plus(boundary))

    def encode(self, boundary: Text) -> bytes:
        """Return the part in one piece. Raises EncodeError when the boundary stands in its content."""
        return b"".join(self._encode(boundary, BLOCK_SIZE, None))

    def iter_encode(self, boundary: Text, blocksize: int = 4096) -> Iterator[bytes]:
        """Yield the part in blocks. Raises EncodeError when the boundary stands in its content."""
        return self._encode(boundary, blocksize, self.cb)

    def get_size(self, boundary: Text) -> int:
        """Return how many bytes the part has, header included."""
        size = self.size(self.encode_hdr(boundary))
        if size is None:
            raise EncodeError(self.name, "Could not determine filesize")
        return size

    def head(self, boundary: str) -> bytes:
        write_name, write_filename, default_type = DIALECTS[self.dialect]
        head = f'--{boundary}\r\nContent-Disposition: form-data; name="{write_name(self.name)}"'
        if self.filename is not None:
            head += f'; filename="{write_filename(self.filename)}"'
        filetype = self.filetype or default_type(self.filename)
        typed = [("Content-Type", filetype)] if filetype else []
        for name, value in typed + self.headers:
            if "\r" in value or "\n" in value or "\0" in value:
                raise EncodeError(self.name, f"{name} holds a CR, LF or NUL")
            head += f"\r\n{name}: {value}"
        return as_utf8(head + "\r\n\r\n")

    def size(self, head: bytes) -> int | None:
        size = self.filesize if self.value is None else len(self.value)
        return None if size is None else len(head) + size + 2

    def _encode(self, boundary: Text, blocksize: int, cb: Callback | None) -> Iterator[bytes]:
        head, size = self.encode_hdr(boundary), self.get_size(boundary)
        block = Buffer(min(max(1, blocksize), size + 1))
        blocks: Blocks = itertools.chain(self.write(head, block), block.take())
        if cb is not None:
            blocks = self.report(cb, blocks, block, size)
        # RFC 2046 s5.1.1: no line of the content may begin with the delimiter, whatever follows it.
        delimiter = b"\n" + head[: head.index(b"\r")]
        window = b""
        for ready in blocks:
            piece = bytes(ready)
            window = window[1 - len(delimiter) :] + piece
            if delimiter in window:
                where = "encoded string" if self.fileobj is None else "file data"
                raise EncodeError(self.name, f"boundary found in {where}")
            yield piece

    def report(self, cb: Callback, blocks: Blocks, block: Buffer, size: int | None) -> Blocks:
        """Pass the blocks on and tell cb how far this part has come."""
        current = -block.used  # what stands in the buffer already is of the parts before
        for ready in blocks:
            yield ready
            current += len(ready)
            cb(self, current, size)
        if block.used:  # the rest goes out with what follows
            cb(self, current + block.used, size)

    def write(self, head: bytes, block: Buffer) -> Blocks:
        """Write the part into the buffer and yield the blocks that are ready to go."""
        yield from block.put(head)
        if self.value is not None:
            yield from block.put(self.value)
        else:
            yield from self._write_file(block)
        yield from block.put(b"\r\n")

    def _write_file(self, block: Buffer) -> Blocks:
        """Write exactly as many bytes as were announced, or raise EncodeError."""
        self.reset()
        self._begun = True
        source, opened, announced, came = self.fileobj, None, self.filesize, 0
        # One byte more than announced is asked for, so that a file that has grown shows before its part ends.
        limit = sys.maxsize if announced is None else announced + 1
        try:
            if not hasattr(source, "read") and isinstance(source, os.PathLike):
                source = opened = io.FileIO(source)
            name = _readinto_of(type(source))
            if name is not None:
                readinto = getattr(source, name)
                while came < limit and (count := readinto(block.room(limit - came))):
                    came += count
                    block.used += count
                    if announced is None or (block.used == len(block.view) and came < limit):
                        yield from block.take()  # what comes live goes out live
                if count is None:
                    raise BlockingIOError("a non-blocking file has nothing to read yet")
            else:
                for piece in _read_pieces(source):
                    came += len(piece)
                    if came >= limit:
                        break
                    yield from block.put(piece)
                    if announced is None:
                        yield from block.take()
        except (OSError, ValueError, TypeError) as error:
            raise EncodeError(self.name, f"cannot be read: {error}") from error
        finally:
            if opened is not None:
                opened.close()
        if announced is not None and came != announced:
            arrived = f"{came} came" if came < announced else "more came"
            raise EncodeError(self.name, f"{announced} bytes were announced and {arrived}")


Text = str | bytes
Callback = Callable[["MultipartParam | None", int, "int | None"], object]
Fields = Mapping[str, object] | Iterable[MultipartParam | tuple[object, object]]
Headers = Mapping[str, object] | Iterable[tuple[object, object]]
Blocks = Iterator[memoryview]


def params_of(fields: object, make: Callable[[object, object], Iterable[MultipartParam]]) -> Iterator[MultipartParam]:
    """Yield the params that stand in fields, and those that make makes of a name and a value."""
    items = () if fields is None else fields.items() if isinstance(fields, (dict, Mapping)) else fields
    if isinstance(items, (str, bytes)) or not hasattr(items, "__iter__"):
        raise EncodeError("", f"fields are a mapping or (name, value) pairs, not {type(fields).__name__}")
    for item in items:
        if isinstance(item, MultipartParam):
            yield item
            continue
        name, value = item
        if not isinstance(value, MultipartParam):
            yield from make(name, value)
        elif value.name == as_text(name):
            yield value
        else:
            raise AssertionError(f"the param {value.name!r} stands under the name {as_text(name)!r}")
