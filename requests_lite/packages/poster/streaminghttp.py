"""The door for urllib.request: urlopen() on this engine, with content that streams.

    register_openers()
    datagen, headers = multipart_encode({"photo": open("ada.png", "rb")})
    answer = urllib.request.urlopen(urllib.request.Request(url, datagen, headers)).read()

Connections persist, and stay within this engine; requests, responses and errors are those of urllib.request.
"""

from __future__ import annotations

import http.client
import io
import re
import socket
import urllib.request
from collections.abc import Iterable, Mapping
from ssl import SSLContext
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import HTTPRedirectHandler, OpenerDirector, Request
from weakref import WeakKeyDictionary

from .body import Stream
from .connect import DEFAULT_PORTS, Origin, Via
from .connection import Message
from .errors import IncompleteBody, TransferTimeout
from .headers import Headers
from .opener import Opener, keeps_credentials
from .sending import Content, FileContent
from .tls import TLS

# host[:port] and nothing else: userinfo would end up in the field Host.
_AUTHORITY = re.compile(r"(?:\[([^\[\]/?#@\s]+)\]|([^\[\]/?#@:\s\0-\x20\x7f]+))(?::([0-9]{0,5}))?")
_CONTENT_FIELDS = frozenset({"content-encoding", "content-length", "content-type", "transfer-encoding"})
_CREDENTIALS = frozenset({"authorization", "cookie", "proxy-authorization"})

# All handlers share it: openers come and go, connections stay.
_opener = Opener()
# The data of a Request and the content made of it, to be rewound when a handler opens the Request again.
_contents: WeakKeyDictionary[Request, tuple[object, bytes | Content | None]] = WeakKeyDictionary()


class Response(io.BufferedReader):
    """What urlopen() and getresponse() return: a binary file with status, reason, headers and url."""

    def __init__(self, message: Message) -> None:
        super().__init__(_RawContent(message.body), 64 * 1024)
        self.version = 10 if message.version == "HTTP/1.0" else 11
        self.status = self.code = message.status
        self.reason = message.reason
        self.headers = http.client.HTTPMessage()
        for name, value in message.headers.lines():
            self.headers[name] = value  # in an email message this adds a line
        self.msg: http.client.HTTPMessage | str = self.headers  # users of urllib.request find the reason here
        self.url = ""

    def info(self) -> http.client.HTTPMessage:
        return self.headers

    def geturl(self) -> str:
        """Return the URL that was opened in the end."""
        return self.url

    def getcode(self) -> int:
        return self.status


class _RawContent(Stream):
    def readinto(self, buffer: Any) -> int:
        try:
            return super().readinto(memoryview(buffer))
        except IncompleteBody as error:
            missing = None if error.of is None else error.of - error.got
            raise http.client.IncompleteRead(b"", missing) from error

    def close(self) -> None:
        self.body.close()
        super().close()


def _content(data: object, framed: bool) -> bytes | Content | None:
    if data is None or isinstance(data, (bytes, Content)):
        return data
    if isinstance(data, (str, bytearray, memoryview)):
        return data.encode() if isinstance(data, str) else bytes(data)
    if not framed:
        # Many a server that takes uploads cannot read chunks: only who asks for them sends them.
        raise ValueError("content from a file or an iterable needs a Content-Length in the headers")
    if hasattr(data, "read"):
        return FileContent(data)
    if not isinstance(data, Iterable):
        raise TypeError(f"content is str, bytes, a file or an iterable of bytes, not {type(data).__name__}")
    content = Content(data)
    content.rewind()  # it may have been sent before
    return content


def _origin(scheme: str, host: str, port: int | None = None) -> Origin:
    match = _AUTHORITY.fullmatch(host if port is None else f"[{host.strip('[]')}]:{port}")
    if not match or int(match[3] or 0) > 65535:
        raise http.client.InvalidURL("expected a host name or an address, and perhaps a port up to 65535")
    return scheme, (match[1] or match[2]).lower(), int(match[3] or DEFAULT_PORTS.get(scheme, 0))


class StreamingHTTPConnection:
    """A persistent connection to an http server, to be used as http.client.HTTPConnection is.

    Content is str (sent as UTF-8), bytes, a file or an iterable; the latter two need a Content-Length.
    """

    _scheme = "http"

    def __init__(self, host: str, port: int | None = None, timeout: object = "default") -> None:
        self.timeout = timeout
        self._origin = _origin(self._scheme, host, port)
        self._tls: TLS | None = None
        self._via: Via | None = None
        self._opener = Opener()
        self._request: tuple[str, str, Headers] | None = None  # that is still to be sent
        self._response: Response | None = None  # that nobody has asked for yet
        self._latest: Response | None = None

    def request(self, method: str, url: str, body: object = None, headers: Mapping[str, Any] | None = None) -> None:
        """Send a request; when its headers announce content and body is None, `send` has to follow.

        Raises ValueError before anything is sent, OSError for what goes wrong then.
        """
        fields = Headers({"Accept-Encoding": "identity"})  # behind this door nothing is decoded
        for name, value in (headers or {}).items():
            fields[name] = str(value) if isinstance(value, int) else value
        self._request = method, url or "/", fields
        self._response = None
        if body is not None or fields.get("content-length", "0") == "0":
            self.send(body)

    def send(self, data: object) -> None:
        """Send the content that the headers of a request have announced, all of it."""
        if self._request is None:
            raise http.client.CannotSendRequest("there is no request whose content is still to be sent")
        (method, target, headers), self._request = self._request, None
        content = _content(data, "content-length" in headers or "transfer-encoding" in headers)
        # urllib.request has an object of its own for "default".
        limit = self.timeout if isinstance(self.timeout, (int, float, type(None))) else socket.getdefaulttimeout()
        exchange = self._opener.exchange
        message = exchange(self._origin, method, target, headers, content, self._tls, limit, limit, via=self._via)
        self._latest = self._response = Response(message)

    def getresponse(self) -> Response:
        """Return the response; once it was read to its end the connection is free for the next request."""
        if self._response is None:
            raise http.client.ResponseNotReady("each request has one response, when all of it was sent")
        response, self._response = self._response, None
        return response

    def close(self) -> None:
        """Close the connection, and the response with it; another request opens it anew."""
        if self._latest is not None:
            self._latest.close()
        self._request = self._response = self._latest = None
        self._opener.pool.close()


class StreamingHTTPSConnection(StreamingHTTPConnection):
    """A persistent connection to an https server; without a context it trusts whom the system trusts."""

    _scheme = "https"

    def __init__(self, host: str, port: int | None = None, timeout: object = "default",
                 context: SSLContext | None = None) -> None:  # fmt: skip
        super().__init__(host, port, timeout)
        self._tls = (context or True, None)


def _content_of(request: Request) -> bytes | Content | None:
    """Return what a request is to send, back where it began if it was sent before, as after a 401."""
    data, content = _contents.get(request, (None, None))
    if data is not request.data:
        # Where a length is missing, urllib.request has added a Transfer-Encoding, apart from the headers given.
        content = _content(request.data, request.has_header("Content-length") or "Transfer-encoding" in request.headers)
        _contents[request] = request.data, content
    elif isinstance(content, Content):
        content.rewind()
    return content


def _open(connection: StreamingHTTPConnection, request: Request) -> Any:
    connection._opener = _opener
    target = request.selector.partition("#")[0]
    tunnel = getattr(request, "_tunnel_host", None)
    if tunnel or request.has_proxy():
        # What the connection was made for is a proxy; a target for one is the whole URL, or else a tunnel is meant.
        scheme = "http" if tunnel else connection._origin[0]
        connection._via = ((scheme, *connection._origin[1:], None), None, None)
        url = urlsplit(request.full_url)
        connection._origin = _origin(url.scheme, url.netloc)
        target = target if tunnel else url._replace(scheme="", netloc="", fragment="").geturl() or "/"
    # What handlers have added, like credentials after a 401, goes before what was given.
    fields = {**request.headers, **request.unredirected_hdrs}
    headers = {name.title(): value for name, value in fields.items()}
    try:
        connection.request(request.get_method(), target, _content_of(request), headers)
    except OSError as error:
        # As in urllib.request: wrapped when it comes before the request is sent, bare when the answer is due.
        if isinstance(error, TransferTimeout) and error.phase == "read":
            raise
        raise URLError(error) from error
    response = connection.getresponse()
    response.url = request.full_url
    response.msg = response.reason
    return response


class StreamingHTTPHandler(urllib.request.HTTPHandler):
    """Opens http URLs."""

    handler_order = urllib.request.HTTPHandler.handler_order - 1  # before the standard one

    def http_open(self, req: Request) -> Any:
        """Return the response to a request. Raises URLError, and TimeoutError when no answer comes."""
        return _open(StreamingHTTPConnection(req.host, timeout=req.timeout), req)


class StreamingHTTPSHandler(urllib.request.HTTPSHandler):
    """Opens https URLs; without a context it trusts whom the system trusts."""

    handler_order = urllib.request.HTTPSHandler.handler_order - 1

    def __init__(self, context: SSLContext | None = None) -> None:
        # HTTPSHandler would load the trust store here and now.
        urllib.request.AbstractHTTPHandler.__init__(self)
        self.context = context

    def https_open(self, req: Request) -> Any:
        """Return the response to a request. Raises URLError, and TimeoutError when no answer comes."""
        return _open(StreamingHTTPSConnection(req.host, timeout=req.timeout, context=self.context), req)


class StreamingHTTPRedirectHandler(HTTPRedirectHandler):
    """Follows redirects by the rules of HTTPRedirectHandler, and keeps credentials with their origin."""

    handler_order = HTTPRedirectHandler.handler_order - 1
    http_error_308 = HTTPRedirectHandler.http_error_302  # Python 3.10 lacks it

    def redirect_request(self, req: Request, fp: Any, code: int, msg: str, headers: http.client.HTTPMessage,
                         newurl: str) -> Request:  # fmt: skip
        """Return the next request, a GET or HEAD. Raises HTTPError when it would be another."""
        method = req.get_method()
        # After 307 and 308 a POST would upload the content again, to a place its caller never named. As in
        # urllib.request that is for the caller to decide, who finds the Location in the HTTPError.
        if method not in ("GET", "HEAD") and (method != "POST" or code not in (301, 302, 303)):
            raise HTTPError(req.full_url, code, msg, headers, fp)
        old, new = (_origin(url.scheme, url.netloc) for url in map(urlsplit, (req.full_url, newurl)))
        dropped = _CONTENT_FIELDS if keeps_credentials(old, new) else _CONTENT_FIELDS | _CREDENTIALS
        kept = {name: value for name, value in req.headers.items() if name.lower() not in dropped}
        method = "GET" if method == "POST" else method
        return Request(newurl.replace(" ", "%20"), None, kept, req.origin_req_host, True, method)


def get_handlers() -> list[type[urllib.request.BaseHandler]]:
    """Return the three handlers, for urllib.request.build_opener(*get_handlers(), ...)."""
    return [StreamingHTTPHandler, StreamingHTTPSHandler, StreamingHTTPRedirectHandler]


def register_openers() -> OpenerDirector:
    """Make urllib.request.urlopen() use the handlers; return its opener, to which others can be added."""
    opener = urllib.request.build_opener(*get_handlers())
    urllib.request.install_opener(opener)
    return opener
