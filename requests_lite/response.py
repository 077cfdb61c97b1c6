"""Response: what came back, and its content in every form (RFC 9110 sections 8 and 15)."""

from __future__ import annotations

from _weakref import ref
from collections.abc import Callable, Iterator
from functools import partial

from .content import Decoded, Raw, charset_of, codings_of, declared_charset, decode, decode_text
from .exceptions import (
    FAILURES,
    HTTPError,
    InvalidContent,
    JSONDecodeError,
    RequestException,
    StreamConsumedError,
    from_engine,
)
from .packages.poster.body import BLOCK, Body, Chunked, LengthDelimited, Source
from .packages.poster.connection import Message
from .packages.poster.headers import Headers
from .packages.poster.sending import Content
from .urls import SplitURL

# For type checkers alone, which know the name: importing typing would cost every program milliseconds.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class PreparedRequest:
    """A request as it goes out: the exact `method`, `url`, `headers` and `body`. `response.request` is one."""

    def __init__(
        self, method: str, target: SplitURL, headers: Headers, body: bytes | Content | None, autoauth: bool = False
    ) -> None:
        self.method = method
        self.target = target
        self.headers = headers
        self.body = body
        self.autoauth = autoauth  # whether its credentials come from add_autoauth()

    def __repr__(self) -> str:
        return f"<PreparedRequest [{self.method}]>"

    def __getstate__(self) -> dict[str, object]:
        """Pickle the request, without content that streams."""
        return {**self.__dict__, "body": self.body if isinstance(self.body, bytes) else None}

    @property
    def url(self) -> str:
        """The URL, without userinfo."""
        return self.target.url


class Response:
    """What came back: `status_code`, `reason`, `headers`, `content` and the final `url`, whatever the status.

    `history` holds the responses that redirected here, oldest first; `request` is the PreparedRequest answered. The
    truth value is `ok`. With `stream=True` the content is still on the wire: use the response in a `with` statement,
    or read it to its end, so that the connection can serve another request.
    """

    status_code: int | None = None
    reason: str | None = None
    url: str | None = None
    _body: Body | None = None
    _content: bytes | bool = False  # False: not read yet
    _encoding: str | None = None
    _raw: Raw | None = None
    _stream: Raw | None = None
    _gone = False  # the content did not travel along when the response was pickled

    def __init__(self, request: PreparedRequest | None = None, message: Message | None = None) -> None:
        self.request = request
        self.history: list[Response] = []
        self.headers = Headers() if message is None else message.headers
        if message is not None and request is not None:
            self.url, self._body = request.target.url, message.body
            self.status_code, self.reason = message.status, message.reason

    def __repr__(self) -> str:
        return f"<Response [{self.status_code}]>"

    def __bool__(self) -> bool:
        return self.ok

    def __iter__(self) -> Iterator[bytes]:
        return self.iter_content()

    def __enter__(self) -> Response:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    @property
    def ok(self) -> bool:
        """Whether the status is below 400."""
        return self.status_code is not None and self.status_code < 400

    @property
    def content(self) -> bytes:
        """The whole content, decoded. Raises RequestException when it is cut or does not decode."""
        if self._content is False:
            self._content = self._read()
        return self._content  # type: ignore[return-value]  # bytes, now that it is not False

    def _read(self) -> bytes:
        body = self._body
        if body is None and not self._gone:
            return b""
        if body is None or body.got:
            raise StreamConsumedError("the content was read as a stream before", request=self.request, response=self)
        try:
            if "content-encoding" in self.headers.fields:
                return b"".join(decode(iter(body.read, b""), codings_of(self.headers)))
            return body.read_all()
        except FAILURES as error:
            raise self._failing()(error) from error

    def _failing(self) -> Callable[[Exception], Exception]:
        """Return what makes the user's error of one of the engine's."""
        # By a weak reference: a stream that held its response would keep the connection open after both are let go of.
        request, url, response = self.request, self.url or "", ref(self)
        return lambda error: from_engine(error, request, url, response())

    def _keep(self, limit: int = 1024 * 1024) -> None:
        """Free the connection: keep content of at most limit bytes as it travelled, give up more."""
        if self._body is not None:
            content = b""
            while len(content) <= limit:
                block = self.raw.read(limit + 1 - len(content))
                content += block
                if not block:
                    self._body, self._raw = LengthDelimited(Source(content), len(content)), None
                    return
            self._body.close()

    def __getstate__(self) -> dict[str, object]:
        """Pickle the response with its content, not with its connection."""
        try:
            kept: bytes | bool = self.content
        except RequestException:
            kept = False
        gone = kept is False
        return {**self.__dict__, "_content": kept, "_gone": gone, "_body": None, "_raw": None, "_stream": None}

    @property
    def raw(self) -> Raw:
        """The content as it travels, content codings still on: a binary file to read from."""
        if self._raw is None:
            self._raw = Raw(self._body, self._failing())
        return self._raw

    def iter_content(self, chunk_size: int | None = None) -> Iterator[bytes]:
        """Iterate over the decoded content in blocks.

        By default a block is what has arrived. With a chunk_size, in bytes, blocks have that size, but for the last one
        and for chunked content, which comes as it arrives in blocks of at most that size. Raises StreamConsumedError
        when the stream was read to its end before, and RequestException when the content is cut or does not decode.

            with requests_lite.get(url, stream=True) as response:
                for block in response.iter_content():
                    file.write(block)
        """
        if chunk_size is not None and (not isinstance(chunk_size, int) or chunk_size < 1):
            raise InvalidContent(f"chunk_size is a number of bytes, 1 or more, or None, not {chunk_size!r}")
        if isinstance(self._content, bytes) or self._body is None:
            content = self.content
            size = chunk_size or max(1, len(content))
            return (content[at : at + size] for at in range(0, len(content), size))
        if self._stream is None:
            # One for the response, so that nothing is lost between two uses of it.
            codings = codings_of(self.headers)
            self._stream = Decoded(self._body, self._failing(), codings) if codings else self.raw
        if self._stream.at_end:
            raise StreamConsumedError("the stream was read to its end", request=self.request, response=self)
        exact = chunk_size is not None and not isinstance(self._body, Chunked)
        return iter(partial(self._stream.read if exact else self._stream.read1, chunk_size or BLOCK), b"")

    @property
    def encoding(self) -> str | None:
        """The charset of the content as Content-Type has it; set it to read `text` in another one."""
        return self._encoding or charset_of(self.headers)

    @encoding.setter
    def encoding(self, charset: str | None) -> None:
        self._encoding = charset

    @property
    def text(self) -> str:
        """The content as text, in the charset that was set or declared, else as BOM, UTF-8 and windows-1252 tell."""
        return decode_text(self.content, self._encoding or declared_charset(self.headers))

    def json(self) -> Any:
        """Return the value that the content is as JSON. Raises JSONDecodeError, which says what it is instead."""
        import json

        try:
            return json.loads(self.content)
        except (ValueError, RecursionError) as error:
            kind = self.headers.get("content-type", "no Content-Type")
            start = self.text[:60]
            raise JSONDecodeError(
                f"not JSON: {kind}, {self.status_code}, {self.url}, starts with {start!r} ({error})",
                request=self.request,
                response=self,
            ) from error

    def raise_for_status(self) -> Response:
        """Return the response itself, or raise HTTPError when the status is 4xx or 5xx."""
        if self.ok or self.status_code is None:
            return self
        method = self.request.method if self.request else ""
        words = f"{self.status_code} {self.reason} for {method} {self.url}"
        kind = self.headers.get("content-type", "")
        # What is still on the wire stays there: it may be endless.
        if self._content is not False and (kind.startswith("text/") or "json" in kind or "xml" in kind):
            words += f": {self.text[:200].strip()}"
        raise HTTPError(words, request=self.request, response=self)

    def close(self) -> None:
        """Let go of the connection; content that was not read is given up."""
        if self._body is not None:
            self._body.close()
