"""From a prepared request to its response: by this engine, by a function, by a WSGI application (RFC 9110 s3.3)."""

from __future__ import annotations

import io
import os
import re
import sys
from collections.abc import Callable, Mapping
from functools import lru_cache
from time import monotonic, perf_counter
from urllib.parse import unquote_to_bytes

from .environment import proxy_among
from .exceptions import FAULTS, ConnectionError, InvalidProxyURL, InvalidSchema, InvalidTimeout, SSLError, from_engine
from .packages.poster.connect import DEFAULT_PORTS, Proxy, Via
from .packages.poster.headers import Headers
from .packages.poster.opener import Opener, host_field
from .packages.poster.pool import Pool
from .packages.poster.sending import Content
from .prepared import PreparedRequest
from .response import Response
from .retries import NEVER, Retry
from .typed import Any
from .urls import SplitURL, shown, split_url

Seconds = float | None
Timeout = Seconds | tuple[Seconds, Seconds] | tuple[Seconds, Seconds, Seconds]
# An SSLContext is an object here, so that nobody has to load ssl for http.
Verify = bool | str | os.PathLike[str] | object
_Path = str | os.PathLike[str]
Cert = _Path | tuple[_Path, _Path] | tuple[_Path, _Path, str] | None
# By 'scheme://host', 'scheme' or 'all'; 'no_proxy' lists exceptions.
Proxies = Mapping[str, "str | None"]

# For a connection to come about, and for the longest silence after that. Without limits a script hangs for ever when a
# server does; two minutes outlast what proxies and servers themselves allow.
DEFAULT_TIMEOUT = (10.0, 120.0)
_DEFAULT_LIMITS = (*DEFAULT_TIMEOUT, None)
_TRUST = "assert_|ca_|cert_|key_|ssl_"  # urllib3's options that say whom to trust
_SOCKS = ("socks4", "socks4a", "socks5", "socks5h")


class BaseAdapter:
    """What a Session mounts: `send` makes a Response of a PreparedRequest."""

    max_retries: Retry | None = None

    def send(self, request: PreparedRequest, stream: bool = False, timeout: Timeout = DEFAULT_TIMEOUT,
             verify: Verify = True, cert: Cert = None, proxies: Proxies | None = None) -> Response:  # fmt: skip
        """Send one request and return its response, the content still to be read. Raises RequestException."""
        raise NotImplementedError

    def close(self) -> None:
        """Let go of what is kept for later requests."""

    def build_response(self, request: PreparedRequest, answer: Any) -> Response:
        """Return the Response for an answer like urllib3's: a file with status, headers and reason."""
        response = Response(request)
        response.url, response.status_code, response.reason = request.url, answer.status, answer.reason
        response.headers.merge(Headers(answer.headers.items()))
        response.raw, response.connection = answer, self
        return response


class HTTPAdapter(BaseAdapter):
    """HTTP over this package's own engine, its connections kept for as long as the adapter is.

    pool_maxsize is how many connections to one origin may lie idle; pool_connections times as many may in all.
    max_retries is a number or a Retry, for requests that bring none of their own. resolve has addresses by host, or
    host:port, for which no resolver is asked; source_address is the one to come from. No request ever waits for
    another's connection, so pool_block has no effect.
    """

    __attrs__: list[str] = []  # noqa: RUF012  # subclasses add to it what requests would pickle

    def __init__(self, pool_connections: int = 10, pool_maxsize: int = 10, max_retries: object = 0,
                 pool_block: bool = False, *, resolve: Mapping[str, str] | None = None,
                 source_address: str | tuple[str, int] | None = None) -> None:  # fmt: skip
        # By these names subclasses know them from requests.
        self._pool_maxsize, self._pool_connections, self._pool_block = pool_maxsize, pool_connections, pool_block
        # As in requests a number is for what was lost on the way, and no status is a reason.
        retry = Retry(max_retries, 0.0, ()) if isinstance(max_retries, int) else Retry.of(max_retries)
        self.max_retries = retry or NEVER
        self.resolve = resolve
        self._source: Any = source_address  # subclasses have a source_address of their own
        self.init_poolmanager(pool_connections, pool_maxsize, block=pool_block)

    def init_poolmanager(self, connections: int, maxsize: int, block: bool = False, *, ssl_context: object = None,
                         source_address: str | tuple[str, int] | None = None, **options: object) -> None:  # fmt: skip
        """Make the pool; what a subclass overrides to give an SSLContext of its own to each connection."""
        if tls := [name for name, value in options.items() if value is not None and re.match(_TRUST, name)]:
            raise TypeError(f"ssl_context=, an SSLContext, takes the place of {', '.join(tls)}")
        self._opener = Opener(Pool(maxsize, maxsize * connections))
        self.ssl_context = ssl_context
        source = source_address or self._source
        self._source = (source, 0) if isinstance(source, str) else source

    def _be_like(self, manager: Any) -> None:
        if type(manager).__module__ != "urllib3.poolmanager":
            raise TypeError(f"no {type(manager).__name__} can be imitated: what it adds to PoolManager would be lost")
        options = {**manager.connection_pool_kw, "maxsize": self._pool_maxsize}
        HTTPAdapter.init_poolmanager(self, self._pool_connections, **options)

    poolmanager = property(lambda self: None, _be_like)  # subclasses set it to a PoolManager of urllib3

    def __getstate__(self) -> dict[str, object]:
        return {**self.__dict__, "_opener": None, "ssl_context": None}

    def __setstate__(self, state: dict[str, object]) -> None:
        self.__dict__.update(state)
        self.init_poolmanager(self._pool_connections, self._pool_maxsize)

    def send(self, request: PreparedRequest, stream: bool = False, timeout: Timeout = DEFAULT_TIMEOUT,
             verify: Verify = True, cert: Cert = None, proxies: Proxies | None = None) -> Response:  # fmt: skip
        target, origin = request.target, request.target.origin
        if origin[0] not in DEFAULT_PORTS:
            raise InvalidSchema(f"the scheme of a URL is http or https, not {origin[0]!r}", request=request)
        try:
            limits = _DEFAULT_LIMITS if timeout is DEFAULT_TIMEOUT else limits_of(timeout)
            via = self._via(target, proxies) if proxies or self.resolve or self._source else None
            tls = None
            if origin[0] == "https" or (via is not None and via[0] is not None and via[0][0] == "https"):
                tls = tls_of(self.ssl_context if self.ssl_context is not None and verify is True else verify, cert)
            content, started = None if request._body is None else request.as_content(), perf_counter()
            message = self._opener.exchange(
                origin, request.method or "", target.target, request.headers, content, tls, *limits, via
            )
            response = Response(request, message)
            response.connection, response._seconds = self, perf_counter() - started
            return response
        except FAULTS as error:
            raise from_engine(error, request, target.url) from error

    def _via(self, target: SplitURL, proxies: Proxies | None) -> Via | None:
        scheme, host, port = target.origin
        if scheme == "http+unix":
            return None
        url = proxy_among(proxies, target.origin) if proxies else None
        places = self.resolve or {}
        place, source = places.get(f"{host}:{port}") or places.get(host), self._source
        return (proxy_of(url) if url else None, place, source) if url or place or source else None

    def close(self) -> None:
        self._opener.pool.close()


class FunctionAdapter(BaseAdapter):
    """Any function from PreparedRequest to Response, in the place of a network."""

    def __init__(self, function: Callable[[PreparedRequest], Response]) -> None:
        self.function = function

    def send(self, request: PreparedRequest, *options: Any, **named: Any) -> Response:
        response = self.function(request)
        if not isinstance(response, Response):
            raise TypeError(f"a function that is mounted returns a Response, not {type(response).__name__}")
        response.request = response.request or request
        response.url = response.url or request.url
        return response


class WSGIAdapter(BaseAdapter):
    """A WSGI application (PEP 3333), called without a network: session.mount("http://app", WSGIAdapter(app))."""

    def __init__(self, app: Callable[..., Any]) -> None:
        self.app = app

    def send(self, request: PreparedRequest, *options: Any, **named: Any) -> Response:
        scheme, host, port = request.target.origin
        content = request.as_content()
        body = b"".join(map(bytes, content.blocks())) if isinstance(content, Content) else content or b""
        _, _, query = request.path_url.partition("?")
        environ: dict[str, Any] = {
            "REQUEST_METHOD": request.method, "SCRIPT_NAME": "", "QUERY_STRING": query,
            "PATH_INFO": unquote_to_bytes(request.target.path).decode("latin-1"),
            "SERVER_NAME": host, "SERVER_PORT": str(port), "SERVER_PROTOCOL": "HTTP/1.1",
            "CONTENT_LENGTH": str(len(body)), "REMOTE_ADDR": "127.0.0.1",
            "wsgi.version": (1, 0), "wsgi.url_scheme": scheme, "wsgi.input": io.BytesIO(body),
            "wsgi.errors": sys.stderr, "wsgi.multithread": True, "wsgi.multiprocess": False, "wsgi.run_once": False,
        }  # fmt: skip
        fields = Headers({"Host": host_field(request.target.origin)})
        fields.merge(request.headers)
        for name, value in fields.items():
            key = name.upper().replace("-", "_")
            environ[key if key in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{key}"] = value
        response = Response(request)
        written: list[bytes] = []

        def start_response(status: str, headers: list[tuple[str, str]], failure: Any = None) -> Callable[[bytes], None]:
            if failure and any(written):
                raise failure[1].with_traceback(failure[2])
            if response.status_code is not None and not failure:
                raise ConnectionError("the application has called start_response() twice", request=request)
            code, _, response.reason = status.partition(" ")
            response.status_code, response.headers = int(code), Headers(headers)
            return written.append

        answer = self.app(environ, start_response)
        try:
            written.extend(answer)  # the application may wait with its status until it is asked for content
        finally:
            if hasattr(answer, "close"):
                answer.close()
        if response.status_code is None:
            raise ConnectionError("the application has not called start_response()", request=request)
        response.url, response.connection = request.url, self
        response.raw = io.BytesIO(b"" if request.method == "HEAD" else b"".join(written))
        return response


def limits_of(timeout: Timeout) -> tuple[Seconds, Seconds, Seconds]:
    """Return (connect, read) in seconds and the moment of time.monotonic() when everything has to be over.

    A number is for connect and read alike, None is no limit, a third number is for the whole. Raises InvalidTimeout.
    """
    given = timeout if isinstance(timeout, tuple) else (timeout, timeout)
    for seconds in given:
        if seconds is not None and (not isinstance(seconds, (int, float)) or seconds is True or not seconds > 0):
            raise InvalidTimeout(f"a timeout is a number of seconds above 0, or None for no limit, not {seconds!r}")
    if len(given) not in (2, 3):
        raise InvalidTimeout(f"timeout= is seconds, (connect, read) or (connect, read, total), not {timeout!r}")
    # A thousand million seconds are as good as any more of them.
    connect, read, total = (None if seconds is None else min(seconds, 1e9) for seconds in (*given, None)[:3])
    return connect, read, None if total is None else monotonic() + total


def tls_of(verify: Verify, cert: Cert) -> tuple[object, object]:
    """Return (verify, cert) as the engine's pool tells connections apart by. Raises SSLError for other types."""
    is_context = hasattr(verify, "wrap_socket")
    if not (is_context or verify is None or isinstance(verify, (bool, int, str, os.PathLike))):
        raise SSLError(f"verify= is True, False, a path or an SSLContext, not {type(verify).__name__}")
    parts = tuple(cert) if isinstance(cert, (tuple, list)) else (cert,)
    fits = 0 < len(parts) < 4 and all(isinstance(path, (str, os.PathLike)) for path in parts[:2])
    if cert is not None and (is_context or not fits):
        raise SSLError("cert= is a path, (certificate, key) or (certificate, key, password); a context has its own")
    return verify, tuple(cert) if isinstance(cert, list) else cert


@lru_cache(100)
def proxy_of(url: str) -> Proxy:
    """Return a proxy's URL as the engine takes it. Raises InvalidProxyURL."""
    try:
        split = split_url(url)
    except ValueError as error:
        raise InvalidProxyURL(f"the proxy {shown(url)!r} is no URL: {error}") from None
    scheme, host, port = split.origin
    if scheme not in ("http", "https", *_SOCKS) or not host:
        raise InvalidProxyURL(f"a proxy is reached by http, https or {', '.join(_SOCKS)}: {shown(url)!r}")
    return scheme, host, port or 1080, split.userinfo
