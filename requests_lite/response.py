"""Response: what came back, and its content in every form (RFC 9110 sections 8 and 15)."""

from __future__ import annotations

import re
from _weakref import ref
from collections.abc import Callable, Iterator
from functools import cached_property, partial
from io import BytesIO

from .content import Progress, Raw, codings_of, decode, slices
from .exceptions import FAULTS, HTTPError, InvalidContent, RequestException, StreamConsumedError, from_engine, not_json
from .packages.poster.body import BLOCK, Body, Chunked, CloseDelimited, LengthDelimited, NoBody, Source
from .packages.poster.connection import Message
from .packages.poster.headers import Headers
from .prepared import PreparedRequest
from .redirects import REDIRECTS
from .text import apparent_charset, charset_of, declared_charset, decode_pieces, decode_text, split_lines
from .typed import Any
from .urls import join, split_url

# RFC 8288 s3: <target> and its parameters, of which each value may be quoted. Compiled when first needed, by re itself.
_LINK = r"""<([^<>]*)>((?:\s*;\s*[^\s=;,"]+(?:\s*=\s*(?:"(?:[^"\\]|\\.)*"|[^",;\s]*))?)*)"""
_PARAMETER = r""";\s*([^\s=;,"]+)(?:\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^",;\s]*)))?"""

_NOTHING = NoBody(Source(), 0)


class FileSource(Source):
    """A binary file as where a body comes from: the answer of a transport that is none of ours."""

    def __init__(self, file: Any) -> None:
        super().__init__()
        self.file = file

    def receive(self, limit: int) -> bytes:
        return self.file.read(limit) or b""

    def close(self, reason: str) -> None:
        if hasattr(self.file, "close"):
            self.file.close()


class Response:
    """What came back: `status_code`, `reason`, `headers`, `content` and the final `url`, whatever the status.

    `history` holds the responses that redirected here, oldest first; `request` is the PreparedRequest answered. The
    truth value is `ok`. With `stream=True` the content is still on the wire: use the response in a `with` statement,
    or read it to its end, so that the connection can serve another request.
    """

    # None in an empty Response alone: whoever has an answer need not ask.
    status_code: int = None  # type: ignore[assignment]  # see above
    reason: str = None  # type: ignore[assignment]  # see above
    url: str = None  # type: ignore[assignment]  # see above
    connection: object = None  # what sent the request: the session's adapter
    json_loads: Callable[[bytes], Any] | None = None
    _body: Body = _NOTHING
    _content: bytes | bool = False  # False: not read yet
    _encoding: str | None = None
    _raw: Any = None
    _stream: Any = None
    _gone = False  # the content did not travel along when the response was pickled
    _max_size: int | None = None
    _progress: Progress | None = None
    _seconds = 0.0

    def __init__(self, request: PreparedRequest | None = None, message: Message | None = None) -> None:
        self.request: PreparedRequest = request  # type: ignore[assignment]  # None in an empty Response alone
        self.history: list[Response] = []
        self.headers = Headers() if message is None else message.headers
        if message is not None and request is not None:
            self.url, self._body = request.target.url, message.body
            self.status_code, self.reason = message.status, message.reason

    # fmt: off
    def __repr__(self) -> str: return f"<Response [{self.status_code}]>"
    def __bool__(self) -> bool: return self.ok
    def __iter__(self) -> Iterator[bytes]: return self.iter_content()
    def __enter__(self) -> Response: return self
    def __exit__(self, *exception: object) -> None: self.close()
    # fmt: on

    def __getstate__(self) -> dict[str, object]:
        """Pickle the response with its content, not with its connection."""
        try:
            kept: bytes | bool = self.content
        except RequestException:
            kept = False
        dropped = "_body", "_raw", "_stream", "_progress", "json_loads", "connection"
        state = {name: value for name, value in self.__dict__.items() if name not in dropped}
        return {**state, "_content": kept, "_gone": kept is False}

    @property
    def ok(self) -> bool:
        """Whether the status is neither 4xx nor 5xx."""
        return self.status_code is not None and not 400 <= self.status_code < 600

    @property
    def is_redirect(self) -> bool:
        """Whether this sends the request elsewhere."""
        return self.status_code in REDIRECTS and "location" in self.headers

    @property
    def is_permanent_redirect(self) -> bool:
        """Whether it does so for good (301, 308)."""
        return self.is_redirect and self.status_code in (301, 308)

    @property
    def next(self) -> PreparedRequest | None:
        """The request that this redirect asks for, when it was not followed."""
        if not self.is_redirect or self.request is None:
            return None
        try:
            return self.request.redirected(self.status_code or 0, self.headers.getlist("location")[0])
        except FAULTS as error:
            raise self._failing()(error) from error

    @cached_property
    def elapsed(self) -> Any:
        """The datetime.timedelta between the request's going out and the end of the response's head."""
        from datetime import timedelta

        return timedelta(seconds=self._seconds)

    @cached_property
    def cookies(self) -> Any:
        """The CookieJar of what this response, and no other, has set."""
        from .cookies import CookieJar

        jar = CookieJar()
        if self.url and (lines := self.headers.getlist("set-cookie")):
            jar.store(split_url(self.url), lines)
        return jar

    @property
    def links(self) -> dict[str, dict[str, str]]:
        """The fields Link by relation, each with its `url` and parameters (RFC 8288): `links["next"]["url"]`."""
        found: dict[str, dict[str, str]] = {}
        for target, parameters in re.findall(_LINK, self.headers.get("link", "")):
            try:
                link = {"url": join(self.url or "", target)}
            except RequestException:
                continue  # one that is broken is no reason to miss the others
            for name, quoted, plain in re.findall(_PARAMETER, parameters):
                link.setdefault(name.lower(), plain or re.sub(r"\\(.)", r"\1", quoted))
            for relation in link.get("rel", "").split() or [link["url"]]:
                found.setdefault(relation, link)
        return found

    @property
    def content(self) -> bytes:
        """The whole content, decoded. Raises RequestException when it is cut or does not decode."""
        if self._content is False:
            self._content = self._read()
        return self._content  # type: ignore[return-value]  # bytes, now that it is not False

    def _read(self) -> bytes:
        body = self._body
        if self._gone or body.got:
            raise StreamConsumedError("the content was read as a stream before", request=self.request, response=self)
        if self._max_size is not None or self._progress is not None:
            return self._file(decode_content=True).read()
        try:
            if not body.ended and "content-encoding" in self.headers.fields:
                return b"".join(decode(iter(body.read, b""), codings_of(self.headers), body.deadline))
            return body.read_all()
        except BaseException as error:
            body.close()
            if not isinstance(error, FAULTS):
                raise
            raise self._failing()(error) from error

    def _failing(self) -> Callable[[Exception], Exception]:
        """Return what makes the user's error of one of the engine's."""
        # By a weak reference: a stream that held its response would keep the connection open after both are let go of.
        request, url, response = self.request, self.url or "", ref(self)
        return lambda error: from_engine(error, request, url, response())

    def _file(self, decode_content: bool = False) -> Raw:
        file = Raw(self._body, self._failing(), self.headers, self._max_size, self._progress)
        file.__dict__.update(status=self.status_code, reason=self.reason, decode_content=decode_content)
        return file

    def _keep(self, limit: int = 1024 * 1024) -> None:
        """Free the connection: keep content of at most limit bytes as it travelled, give up more."""
        self._gone = self._gone or self._body.got > 0  # a hook has read some of it
        if not self._body.failure:
            self._max_size = self._progress = None  # they are for the content that is asked for
            content = self._file().read(limit + 1)
            if len(content) > limit:
                self._body.close()
            else:
                self._body, self._raw = LengthDelimited(Source(content), len(content)), None

    @property
    def raw(self) -> Any:
        """The content as it travels, content codings still on: a binary file to read from."""
        if self._raw is None:
            self._raw = self._file()
        return self._raw

    @raw.setter
    def raw(self, file: Any) -> None:
        if hasattr(file, "decode_content"):
            file.decode_content = False  # it would decode what is decoded here
        self._raw, self._stream = file, None
        self._body = _NOTHING if file is None else CloseDelimited(FileSource(file), -1)

    def _reader(self) -> Any:
        """Return the decoded content as a file; one for the response, so that nothing is lost between two uses."""
        if self._stream is None:
            held = isinstance(self._content, bytes)
            self._stream = BytesIO(self.content) if held else self._file(decode_content=True)
        return self._stream

    def read(self, size: int | None = -1) -> bytes:
        """Return size bytes of the decoded content, or all; fewer only at its end, and b'' behind it."""
        block: bytes = self._reader().read(size)
        return block

    def iter_content(self, chunk_size: int | None = None, decode_unicode: bool = False) -> Iterator[Any]:
        """Iterate over the decoded content in blocks, or with decode_unicode over its text, if it has an encoding.

        By default a block is what has arrived. With a chunk_size, in bytes, blocks have that size, but for the last one
        and for chunked content, which comes as it arrives in blocks of at most that size. Raises StreamConsumedError
        when the stream was read to its end before, and RequestException when the content is cut or does not decode.

            with requests_lite.get(url, stream=True) as response:
                for block in response.iter_content():
                    file.write(block)
        """
        if chunk_size is not None and (not isinstance(chunk_size, int) or chunk_size < 1):
            raise InvalidContent(f"chunk_size is a number of bytes, 1 or more, or None, not {chunk_size!r}")
        if isinstance(self._content, bytes) or self._body is _NOTHING:
            blocks: Iterator[bytes] = slices(self.content, chunk_size or len(self.content) or 1)
        else:
            reader = self._reader()
            if reader.at_end:
                raise StreamConsumedError("the stream was read to its end", request=self.request, response=self)
            exact = chunk_size is not None and not isinstance(self._body, Chunked)
            blocks = iter(partial(reader.read if exact else reader.read1, chunk_size or BLOCK), b"")
        charset = self._encoding or declared_charset(self.headers) or (self.encoding and "utf-8")
        return decode_pieces(blocks, charset) if decode_unicode and charset else blocks

    def iter_lines(self, chunk_size: int | None = None, decode_unicode: bool = False,
                   delimiter: str | bytes | None = None) -> Iterator[Any]:  # fmt: skip
        """Iterate over the lines of the content, without their ends, as soon as each is there.

        They are those of `content.splitlines()`, or of `text` with decode_unicode, however the content arrives; a
        delimiter takes the place of line ends.
        """
        if delimiter is not None and not delimiter:
            raise InvalidContent("a delimiter is not empty")
        return split_lines(self.iter_content(chunk_size, decode_unicode), delimiter)

    def iter_json(self) -> Iterator[Any]:
        """Iterate over JSON values, one a line, as soon as each is there. Raises JSONDecodeError."""
        return (self._loads(line) for line in self.iter_lines() if line.strip())

    @property
    def encoding(self) -> str | None:
        """The charset of the content as Content-Type has it; set it to read `text` in another one."""
        return self._encoding or charset_of(self.headers)

    @encoding.setter
    def encoding(self, charset: str | None) -> None:
        self._encoding = charset

    @property
    def apparent_encoding(self) -> str:
        """The charset that the content itself tells of."""
        return apparent_charset(self.content)

    @property
    def text(self) -> str:
        """The content as text, in the charset that was set or declared, else as BOM, UTF-8 and windows-1252 tell."""
        return decode_text(self.content, self._encoding or declared_charset(self.headers))

    def json(self, **options: Any) -> Any:
        """Return the value that the content is as JSON. Raises JSONDecodeError, which says what it is instead."""
        return self._loads(self.content, **options)

    def _loads(self, content: bytes, **options: Any) -> Any:
        charset = self._encoding or declared_charset(self.headers)
        other = charset is not None and charset.lower() not in ("utf-8", "utf8")  # JSON is UTF-8, and says so itself
        from json import loads

        parse: Any = loads if options else self.json_loads or loads
        try:
            return parse(decode_text(content, charset) if other else content, **options)
        except (ValueError, RecursionError) as error:
            kind = self.headers.get("content-type", "no Content-Type")
            start = f"starts with {decode_text(content[:240], charset)[:60]!r}" if content else "empty"
            words = f"not JSON: {kind}, {self.status_code}, {self.url}, {start} ({error})"
            raise not_json(words, error, self.request, self) from error

    def raise_for_status(self) -> Response:
        """Return the response itself, or raise HTTPError when the status is 4xx or 5xx."""
        if self.ok or self.status_code is None:
            return self
        method = self.request.method if self.request else ""
        words = f"{self.status_code} {self.reason} for {method} {self.url}"
        kind = self.headers.get("content-type", "")
        # What is still on the wire stays there: it may be endless.
        if self._content and (kind.startswith("text/") or "json" in kind or "xml" in kind):
            words += f": {self.text[:200].strip()}"
        raise HTTPError(words, request=self.request, response=self)

    def close(self) -> None:
        """Let go of the connection; content that was not read is given up."""
        self._body.close()
