"""One part of a multipart form: its header in one of two dialects, and its content in blocks (RFC 7578 section 4)."""

from __future__ import annotations

import functools
import io
import os
import re
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from contextlib import closing, nullcontext, suppress
from urllib.parse import quote_plus

Text = str | bytes
Callback = Callable[["MultipartParam | None", int, "int | None"], object]
Fields = Mapping[str, object] | Iterable["MultipartParam | tuple[object, object]"]
Blocks = Generator[memoryview, None, None]

BLOCK_SIZE = 1024 * 1024  # half as large costs a tenth more
_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")  # RFC 9110 s5.6.2
# These very classes fill a buffer with what `read` would give. One that overrides `read` alone (to count, to encrypt)
# inherits a readinto that knows nothing of it. A reader's readinto1 does not wait until a pipe has filled the buffer.
_FILLERS = (io.FileIO, io.BytesIO, io.BufferedReader, io.BufferedRandom)


class EncodeError(ValueError):
    """A form cannot be sent as it is: `part` is the name of the part at fault, '' if none is; `reason` says why."""

    def __init__(self, part: object, reason: str) -> None:
        super().__init__(part, reason)
        self.part, self.reason = as_text(part), reason

    def __str__(self) -> str:
        return f"part {self.part!r}: {self.reason}" if self.part else self.reason


class UnrewindableError(EncodeError):
    """A part would have to be sent again, and there is no way back to where it began."""


def plain(value: object) -> str:
    """Return value as text; str() of an Enum's member would be its name, though it may be a str itself."""
    return str.__str__(value) if isinstance(value, str) else str(value)


def as_text(value: object) -> str:
    """Return a name as text that UTF-8 can say: bytes become these bytes again, a lone surrogate U+FFFD."""
    if type(value) is str and value.isascii():
        return value
    text = value.decode("utf-8", "surrogateescape") if isinstance(value, bytes) else plain(value)
    return re.sub("[\ud800-\udc7f\udd00-\udfff]", "\ufffd", text)


def _for_poster(text: str) -> str:
    return text.encode("ascii", "xmlcharrefreplace").decode().encode("unicode_escape").decode().replace('"', '\\"')


def _for_form(text: str) -> str:
    # Chromium sends a NUL as it is. Servers cut or refuse the line there, so it is escaped like CR and LF.
    return text.replace('"', "%22").replace("\r", "%0D").replace("\n", "%0A").replace("\0", "%00")


def _type_of(filename: str) -> str | None:
    import mimetypes

    if not mimetypes.inited:
        mimetypes.init()
    # By the last suffix alone: mimetypes.guess_type takes a .tar.gz for application/x-tar.
    return mimetypes.types_map.get(filename[filename.rfind(".") :].lower())


class Buffer:
    """The one buffer that blocks are made in. It always has room for a byte more: a full one is sent."""

    def __init__(self, size: int) -> None:
        self.view, self.used, self.sent = memoryview(bytearray(size)), 0, 0

    def put(self, piece: bytes | memoryview, flush: bool = False) -> Blocks:
        """Add a piece, which may have been read into its place already; yield the blocks that are full, or all."""
        rest, size = memoryview(piece), len(self.view)
        while self.used + len(rest) >= (1 if flush else size):
            block, rest = rest[: size - self.used], rest[size - self.used :]
            if self.used:  # else straight from where it is, without a copy
                self.view[self.used :][: len(block)] = block
                block, self.used = self.view[: self.used + len(block)], 0
            self.sent += len(block)
            yield block
        self.view[self.used :][: len(rest)] = rest
        self.used += len(rest)


@functools.total_ordering
class MultipartParam:
    """One part: a name with a value (bytes, or text that goes out as UTF-8), or with what a file holds.

    `fileobj` is a binary or text file, sent from where it stands; a path, opened late and closed always; or an
    iterable of bytes. `filesize`, in bytes, is found out where it can be. `cb(param, current, total)` counts the bytes
    of this part. `dialect` is "poster" or "form" (what browsers send); `headers` are more fields of the part's header.
    Raises EncodeError for what cannot be sent; in poster's dialect also for a size that cannot be found out.
    """

    value: bytes | memoryview | None = None
    headers: tuple[tuple[str, str], ...] = ()
    _path: str | bytes | None = None  # of a file that is opened here
    _start: int | None = None  # where the content begins; None: there is no way back to it
    _begun = False

    def __init__(self, name: object, value: object = None, filename: object = None, filetype: object = None,
                 filesize: int | None = None, fileobj: object = None, cb: Callback | None = None, *,
                 dialect: str = "poster",
                 headers: Mapping[str, object] | Iterable[tuple[object, object]] | None = None) -> None:  # fmt: skip
        if dialect not in ("form", "poster"):
            raise ValueError(f"a dialect is 'form' or 'poster', not {dialect!r}")
        self.name = as_text(name)
        self.filename = None if filename is None else as_text(filename)
        self.filetype = None if filetype is None else as_text(filetype)
        self.filesize, self.fileobj, self.cb, self.dialect = filesize, fileobj, cb, dialect
        for key, given in () if not headers else headers.items() if isinstance(headers, Mapping) else headers:
            field, text = as_text(key), as_text(given)
            if not _TOKEN.fullmatch(field):
                raise EncodeError(name, "the name of a header is no token")
            if field.lower() == "content-type":
                self.filetype = self.filetype or text
            elif field.lower() != "content-disposition":  # made of name and filename alone
                self.headers += ((field, text),)
        if value is not None and fileobj is not None:
            raise EncodeError(name, "Only one of value or fileobj may be specified")
        try:
            if fileobj is not None:
                self._measure(fileobj)
            elif value is not None:
                if isinstance(value, (bytearray, memoryview)):
                    value = memoryview(value).cast("B")
                self.value = value if isinstance(value, (bytes, memoryview)) else plain(value).encode()
                self.filesize, self._start = len(self.value), 0
        except EncodeError:
            raise
        except (OSError, TypeError, ValueError) as error:
            raise EncodeError(name, f"cannot be sent: {error}") from error

    def _measure(self, source: object) -> None:
        size = None
        if hasattr(source, "read"):
            if getattr(source, "closed", False):
                raise EncodeError(self.name, "the file is closed")
            if hasattr(source, "readable") and not source.readable():
                raise EncodeError(self.name, "the file is not open for reading")
            with suppress(OSError):
                if hasattr(source, "fileno") and not hasattr(source, "encoding") and os.path.isfile(source.fileno()):
                    size = os.path.getsize(source.fileno())
            with suppress(OSError, NotImplementedError):
                if hasattr(source, "seek") and hasattr(source, "tell"):
                    start: int = source.tell()
                    if hasattr(source, "encoding"):  # text, which only reading tells the size of
                        end = start + sum(map(len, self._read(Buffer(BLOCK_SIZE))))
                    else:  # the descriptor of a gzip.GzipFile is that of what it unpacks
                        source.seek(0, io.SEEK_END)
                        end = source.tell()
                    source.seek(start)
                    self._start, size = start, max(0, end - start)
            if size is None and isinstance(length := getattr(source, "len", None), int):
                size = length  # of what is read but once, as an encoder of requests_toolbelt
        elif isinstance(source, os.PathLike):
            self._path = os.fspath(source)
            if os.path.isdir(source):
                raise EncodeError(self.name, f"{self._path!r} is a directory")
            length = os.path.getsize(source)
            if os.path.isfile(source):
                self._start, size = 0, length
        elif isinstance(source, (list, tuple)):
            self._start, size = 0, sum(memoryview(piece).nbytes for piece in source)
        elif not isinstance(source, Iterable) or isinstance(source, (str, bytes, bytearray, memoryview, Mapping)):
            raise TypeError(f"{type(source).__name__} is no file, no path and no iterable of bytes")
        elif not isinstance(source, Iterator):
            self._start = 0
        self.filesize = size if self.filesize is None else self.filesize
        if self.filesize is None and self.dialect == "poster":
            raise EncodeError(self.name, "Could not determine filesize")

    def _key(self) -> tuple[tuple[bool, object], ...]:
        fields = (self.name, bytes(self.value or b""), self.filename, self.filetype, self.filesize, id(self.fileobj))
        return tuple((field is not None, field) for field in fields)  # None sorts first, as in Python 2

    # fmt: off
    def __hash__(self) -> int: return hash(self.name)
    def __eq__(self, other: object) -> bool:
        return self._key() == other._key() if isinstance(other, MultipartParam) else NotImplemented
    def __lt__(self, other: object) -> bool:
        return self._key() < other._key() if isinstance(other, MultipartParam) else NotImplemented
    # fmt: on

    @classmethod
    def from_file(cls, paramname: Text, filename: str | os.PathLike[str]) -> MultipartParam:
        """Return the param for a file on disk, which is opened here: its basename, guessed type and size."""
        basename = os.path.basename(os.fsdecode(filename))
        return cls(paramname, None, basename, _type_of(basename), fileobj=open(filename, "rb"))

    @classmethod
    def from_params(cls, params: Fields) -> list[MultipartParam]:
        """Return the params for a mapping, or for pairs and params. AssertionError: one is under another's name."""

        def make(name: object, value: object) -> list[MultipartParam]:
            if not hasattr(value, "read"):
                return [cls(name, value)]
            path = getattr(value, "name", None)
            filename = path if isinstance(path, str) else None  # not the number of a descriptor
            return [cls(name, None, filename, filename and _type_of(filename), fileobj=value)]

        return params_of(params, make)

    def reset(self) -> None:
        """Go back to where the content began. Raises UnrewindableError when there is no way back."""
        if self.value is None and self.fileobj is None:
            raise EncodeError(self.name, "Don't know how to reset this parameter")
        if self._begun and self._start is None:
            raise UnrewindableError(self.name, "it has been read and cannot be read again")
        if self._start is not None and hasattr(self.fileobj, "seek"):
            try:
                self.fileobj.seek(self._start)
            except (OSError, ValueError) as error:
                raise UnrewindableError(self.name, f"it cannot be read again: {error}") from error

    def encode_hdr(self, boundary: Text) -> bytes:
        """Return the delimiter and the header of the part, the empty line included."""
        return b"--%b\r\n" % quote_plus(boundary).encode() + self.header()

    def header(self) -> bytes:
        name, filename, filetype = self.name, self.filename, self.filetype
        if self.dialect == "form":
            if not name.isprintable() or '"' in name:
                # WHATWG: the newlines of a name become CRLF first; those of a filename stay what they are.
                name = _for_form(name.replace("\r\n", "\n").replace("\r", "\n").replace("\n", "\r\n"))
            if filename is not None:
                filetype = filetype or ("." in filename and _type_of(filename)) or "application/octet-stream"
                filename = _for_form(filename)
        else:
            filetype = filetype or "text/plain; charset=utf-8"
            filename = None if filename is None else _for_poster(filename)
            if name.isascii():
                name = _for_poster(name)
            else:
                from email.charset import Charset

                name = Charset("utf-8").header_encode(name.encode("utf-8", "replace").decode())
        head = f'Content-Disposition: form-data; name="{name}"'
        head += "" if filename is None else f'; filename="{filename}"'
        for field, value in (("Content-Type", filetype), *self.headers) if filetype else self.headers:
            if "\r" in value or "\n" in value or "\0" in value:
                raise EncodeError(self.name, f"{field} holds a CR, LF or NUL")
            head += f"\r\n{field}: {value}"
        return (head + "\r\n\r\n").encode("utf-8", "surrogateescape")

    def encode(self, boundary: Text) -> bytes:
        """Return the part in one piece. Raises EncodeError when the boundary stands in its content."""
        return b"".join(self._encode(boundary, BLOCK_SIZE, None))

    def iter_encode(self, boundary: Text, blocksize: int = 4096) -> Iterator[bytes]:
        """Yield the part in blocks. Raises EncodeError when the boundary stands in its content."""
        return self._encode(boundary, blocksize, self.cb)

    def get_size(self, boundary: Text) -> int:
        """Return how many bytes the part has, header included."""
        if self.filesize is None:
            raise EncodeError(self.name, "Could not determine filesize")
        return len(self.encode_hdr(boundary)) + self.filesize + 2

    def _encode(self, boundary: Text, blocksize: int, cb: Callback | None) -> Iterator[bytes]:
        head, size = self.encode_hdr(boundary), self.get_size(boundary)
        # RFC 2046 s5.1.1: no line of the content may begin with the delimiter, whatever follows it.
        delimiter, window = b"\n" + head[: head.index(b"\r")], b""
        for ready in write([(b"", head, self, cb)], b"", min(max(1, blocksize), size + 1)):
            block = bytes(ready)
            window = window[1 - len(delimiter) :] + block
            if delimiter in window:
                where = "file data" if self.value is None else "encoded string"
                raise EncodeError(self.name, f"boundary found in {where}")
            yield block

    def _read(self, buffer: Buffer) -> Blocks:
        """Yield the content as it comes; what a file can fill a buffer with, in the room that this one has."""
        source, self._begun = self.fileobj if self.value is None else (self.value,), True
        faults = (OSError, TypeError, ValueError) if self._path or hasattr(source, "read") else ()
        try:
            with io.FileIO(self._path) if self._path else nullcontext(source) as file:
                if type(file) in _FILLERS:
                    readinto = getattr(file, "readinto" if type(file) in (io.FileIO, io.BytesIO) else "readinto1")
                    while count := readinto(room := buffer.view[buffer.used :]):
                        yield room[:count]
                    if count is None:
                        raise BlockingIOError("a non-blocking file has nothing to read yet")
                elif hasattr(file, "read"):
                    while piece := file.read(len(buffer.view) - buffer.used):
                        yield memoryview(piece.encode() if isinstance(piece, str) else piece).cast("B")
                elif isinstance(file, Iterable):
                    for piece in file:
                        try:
                            yield memoryview(piece).cast("B")
                        except (TypeError, ValueError) as error:
                            raise EncodeError(self.name, f"cannot be read: {error}") from error
        except faults as error:  # what a user's own iterable raises reaches him as it is
            raise EncodeError(self.name, f"cannot be read: {error}") from error


def write(parts: Iterable[tuple[bytes, bytes, MultipartParam, Callback | None]], end: bytes, size: int) -> Blocks:
    """Yield parts, each behind what leads to it and its head, and the end, as blocks of one buffer of size bytes."""
    buffer = Buffer(size)
    for lead, head, part, cb in parts:
        part.reset()
        yield from buffer.put(lead)
        start, announced, came = buffer.sent + buffer.used, part.filesize, 0
        total = None if announced is None else len(head) + announced + 2
        yield from buffer.put(head)
        with closing(part._read(buffer)) as pieces:
            for piece in pieces:
                came += len(piece)
                if announced is not None and came > announced:
                    raise EncodeError(part.name, f"{announced} bytes were announced and more came")
                for block in buffer.put(piece, flush=announced is None):  # what comes live goes out live
                    yield block
                    if cb is not None:
                        cb(part, buffer.sent - start, total)
        if announced is not None and came < announced:
            raise EncodeError(part.name, f"{announced} bytes were announced and {came} came")
        yield from buffer.put(b"\r\n")
        if cb is not None:
            cb(part, buffer.sent + buffer.used - start, total)
    yield from buffer.put(end, flush=True)


def params_of(fields: object, make: Callable[[object, object], list[MultipartParam]]) -> list[MultipartParam]:
    """Return the params that stand in fields, and those that make makes of a name and a value."""
    params: list[MultipartParam] = []
    for name, value in fields.items() if isinstance(fields, (dict, Mapping)) else _pairs(fields):
        if not isinstance(value, MultipartParam):
            params += make(name, value)
        elif value.name == as_text(name):
            params.append(value)
        else:
            raise AssertionError(f"the param {value.name!r} stands under the name {as_text(name)!r}")
    return params


def _pairs(fields: object) -> Iterator[tuple[object, object]]:
    for item in fields if hasattr(fields, "__iter__") else () if fields is None else (fields,):
        if isinstance(item, MultipartParam):
            yield item.name, item
        elif isinstance(item, (tuple, list)) and len(item) == 2:
            yield item[0], item[1]
        else:
            raise EncodeError("", f"fields are a mapping or (name, value) pairs; this {type(item).__name__} is neither")
