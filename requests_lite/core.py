"""Request and the verbs, and Response beside them: what a user holds (RFC 9110 sections 3 and 9)."""

from __future__ import annotations

import os
from operator import is_
from time import monotonic

from .auth import AUTOAUTHS, Auth, AuthObject, add_autoauth, as_auth, credentials_for
from .content import CODINGS, Data, Progress, Watched, encode
from .exceptions import (
    FAILURES,
    AuthenticationError,
    InvalidMethod,
    InvalidTimeout,
    RequestException,
    SSLError,
    TooManyRedirects,
    URLRequired,
    from_engine,
)
from .packages.poster.errors import ProtocolError
from .packages.poster.head import encode_fields
from .packages.poster.headers import Headers, HeadersLike
from .packages.poster.opener import Opener, keeps_credentials
from .packages.poster.sending import Content
from .redirects import MAX_REDIRECTS, REDIRECTS, next_request
from .response import PreparedRequest, Response
from .urls import Params, SplitURL, shown, split_url, with_params

# The names that core had in 2011, with what has come since.
# fmt: off
__all__ = ["AUTOAUTHS", "METHODS", "AuthObject", "AuthenticationError", "InvalidMethod", "PreparedRequest",
           "Request", "RequestException", "Response", "URLRequired", "add_autoauth", "delete", "get", "head",
           "options", "patch", "post", "put", "request"]
# fmt: on

__version__ = "0.3.0.dev0"

# Methods registered with IANA, and a few that caches and devices use. Add your own: METHODS.add("BREW").
METHODS = set(
    "GET HEAD POST PUT DELETE PATCH OPTIONS TRACE CONNECT ACL BASELINE-CONTROL BIND CHECKIN CHECKOUT COPY LABEL LINK "
    "LOCK MERGE MKACTIVITY MKCALENDAR MKCOL MKREDIRECTREF MKWORKSPACE MOVE ORDERPATCH PROPFIND PROPPATCH QUERY REBIND "
    "REPORT SEARCH UNBIND UNCHECKOUT UNLINK UNLOCK UPDATE UPDATEREDIRECTREF VERSION-CONTROL BAN PURGE NOTIFY "
    "SUBSCRIBE UNSUBSCRIBE M-SEARCH".split()
)

Seconds = float | None
Timeout = Seconds | tuple[Seconds, Seconds] | tuple[Seconds, Seconds, Seconds]
# An SSLContext is an object here, so that nobody has to load ssl for http.
Verify = bool | str | os.PathLike[str] | object
Cert = str | tuple[str, str] | tuple[str, str, str] | None

# For a connection to come about, and for the longest silence after that. Without limits a script hangs for ever when a
# server does; two minutes outlast what proxies and servers themselves allow.
DEFAULT_TIMEOUT = (10.0, 120.0)

DEFAULT_HEADERS = Headers({"User-Agent": f"requests_lite/{__version__}", "Accept-Encoding": CODINGS, "Accept": "*/*"})

encode_fields(DEFAULT_HEADERS)  # once for all copies

# All requests share connections, and nothing else.
_opener = Opener()


class Request:
    """A request to be made: set it up, `send()` it, and look at its `response`.

        request = Request()
        request.method = "GET"
        request.url = "https://httpbin.org/get"
        request.send()
        request.response.content

    `response` is always there, empty until the request was sent; `sent` tells whether it was.
    """

    # fmt: off
    def __init__(self, method: str | None = None, url: str | None = None, headers: HeadersLike | None = None,
                 files: object = None, data: Data = None, params: Params = None, auth: Auth | None = None,
                 json: object = None, timeout: Timeout = DEFAULT_TIMEOUT, allow_redirects: bool = True,
                 stream: bool = False, verify: Verify = True, cert: Cert = None,
                 progress: Progress | None = None) -> None:
        # fmt: on
        self.method, self.url, self.headers = method, url, headers
        self.files, self.data, self.params, self.json = files, data, params, json
        self.auth, self.verify, self.cert = auth, verify, cert
        self.timeout, self.allow_redirects = timeout, allow_redirects
        self.stream, self.progress = stream, progress
        self.sent = False
        self._given: tuple[Content, object, object, object] | None = None
        self._response: Response | None = None

    def __repr__(self) -> str:
        return f"<Request [{self.method}]>"

    @property
    def method(self) -> str | None:
        """The method, in capitals. Setting one that HTTP does not know raises InvalidMethod; METHODS has them all."""
        return self._method

    @method.setter
    def method(self, method: str | None) -> None:
        if method is not None and method not in METHODS:
            if not isinstance(method, str) or method.upper() not in METHODS:
                raise InvalidMethod(f"{method!r} is not a method of HTTP; core.METHODS.add(...) makes it one")
            method = method.upper()
        self._method = method

    @property
    def response(self) -> Response:
        """The Response; an empty one until the request was sent."""
        if self._response is None:
            self._response = Response()
        return self._response

    def prepare(self) -> PreparedRequest:
        """Return the exact message that this request makes. Raises RequestException when it makes none."""
        if self._method is None:
            raise InvalidMethod("a request needs a method, such as GET", request=self)
        url = self.url
        if not url:
            raise URLRequired("a request needs a URL", request=self)
        if not isinstance(url, str):
            url = url.decode("utf-8", "surrogateescape") if isinstance(url, bytes) else str(url)
        target = split_url(url if self.params is None else with_params(url, self.params))
        headers = Headers(DEFAULT_HEADERS)
        if self.headers:
            headers.merge(self.headers)
        content = None
        if self.data is not None or self.files is not None or self.json is not None:
            given = self.data, self.files, self.json
            if self._given is not None and all(map(is_, given, self._given[1:])):
                self._given[0].rewind()  # a file is sent from where it stood the first time
            content, content_type = encode(*given)
            self._given = (content, *given) if isinstance(content, Content) else None
            # A multipart type given by hand cannot know the boundary.
            own = headers.get("content-type", "").lower()
            if content_type and (not own or (self.files and own.startswith("multipart/") and "boundary=" not in own)):
                headers["Content-Type"] = content_type
            if self.progress is not None and content is not None:
                content = Watched(content, self.progress)
        if self.auth is not None:
            headers["Authorization"] = as_auth(self.auth).header()
            return PreparedRequest(self._method, target, headers, content)
        return PreparedRequest(self._method, target, headers, content, _authorize(target, headers))

    def send(self, anyway: bool = False) -> bool:
        """Send the request and fill `response`; return whether it was sent.

        A request that was sent before is not sent again, unless anyway. A 4xx or 5xx is a response like any other;
        what keeps one from coming is a RequestException.
        """
        if self.sent and not anyway:
            return False
        history: list[Response] = []
        prepared = None
        try:
            limits = DEFAULT_LIMITS if self.timeout is DEFAULT_TIMEOUT else limits_of(self.timeout)
            prepared = self.prepare()
            while True:
                target = prepared.target
                tls = tls_of(self.verify, self.cert) if target.origin[0] == "https" else None
                message = _opener.exchange(
                    target.origin, prepared.method, target.target, prepared.headers, prepared.body, tls, *limits
                )
                response = Response(prepared, message)
                if message.status not in REDIRECTS or not self.allow_redirects:
                    break
                locations = set(message.headers.getlist("location")) - {""}
                if not locations:
                    break
                if len(locations) > 1:
                    raise ProtocolError("one Location", f"{len(locations)} different ones")
                history.append(response)
                if len(history) > MAX_REDIRECTS:
                    response.close()
                    words = f"more than {MAX_REDIRECTS} redirects, the last from {target.url}"
                    raise TooManyRedirects(words, request=prepared, response=response)
                response._keep()
                prepared = _redirected(prepared, message.status, locations.pop())
        except FAILURES as error:
            url = shown(str(self.url)) if prepared is None else prepared.url
            raise from_engine(error, prepared or self, url) from error
        except RequestException as error:
            error.request = error.request or prepared or self
            raise
        response.history = history
        if not self.stream:
            response._content = response._read()
        self._response = response
        self.sent = True
        return True


DEFAULT_LIMITS = (*DEFAULT_TIMEOUT, None)


def limits_of(timeout: Timeout) -> tuple[Seconds, Seconds, Seconds]:
    """Return (connect, read) in seconds and the moment of time.monotonic() when everything has to be over.

    A number is for connect and read alike, None is no limit, a third number is for the whole. Raises InvalidTimeout.
    """
    given = timeout if isinstance(timeout, tuple) else (timeout, timeout)
    for seconds in given:
        if seconds is not None and not (isinstance(seconds, (int, float)) and seconds > 0):
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
    if not (cert is None or isinstance(cert, (str, os.PathLike, tuple, list))) or (is_context and cert):
        raise SSLError("cert= is a path, (certificate, key) or (certificate, key, password); a context has its own")
    return verify, tuple(cert) if isinstance(cert, list) else cert


def _redirected(request: PreparedRequest, status: int, location: str) -> PreparedRequest:
    """Return the request that a redirect asks for, with what may go along."""
    method, target, with_content = next_request(request.method, request.target, status, location)
    headers = Headers(request.headers)
    body = request.body if with_content else None
    if isinstance(body, Content):
        body.rewind()
    if not with_content:
        for name in [name for name in headers if name.lower().startswith(("content-", "transfer-encoding", "digest"))]:
            del headers[name]
    if not keeps_credentials(request.target.origin, target.origin):
        for name in ("Authorization", "Proxy-Authorization", "Cookie", "Host"):
            headers.pop(name, None)
    if request.autoauth:  # they were for a part of the server only
        headers.pop("Authorization", None)
    return PreparedRequest(method, target, headers, body, _authorize(target, headers))


def _authorize(target: SplitURL, headers: Headers) -> bool:
    """Add the credentials that belong to a URL, where there are none; tell whether add_autoauth() gave them."""
    if not (target.userinfo or AUTOAUTHS) or "authorization" in headers:
        return False
    credentials = credentials_for(target, AUTOAUTHS)
    if credentials is not None:
        headers["Authorization"] = credentials.header()
    return credentials is not None and not target.userinfo


def _fetch(request: Request) -> Response:
    request.send()
    return request._response  # type: ignore[return-value]  # there, since it was sent


# The verbs are a table, kept in its columns: the same options on each, in the same order.
# fmt: off
def request(method: str, url: str, params: Params = None, data: Data = None, headers: HeadersLike | None = None, *,
            files: object = None, auth: Auth | None = None, json: object = None,
            timeout: Timeout = DEFAULT_TIMEOUT, allow_redirects: bool = True, stream: bool = False,
            verify: Verify = True, cert: Cert = None, progress: Progress | None = None) -> Response:
    """Make a request, send it, and return its response.

    params     what goes behind the URL's '?': a mapping, pairs, or a string
    data       the content: a mapping or pairs (a form), bytes, str, a file or an iterable of bytes (both streamed)
    headers    fields to send; None as a value leaves a default one out
    files      files to upload as a multipart form, with data as its fields; streamed from disk
    auth       (username, password), or an AuthObject
    json       a value to send as JSON
    timeout    seconds to connect and of silence, or (connect, read), or (connect, read, total); None: no limit
    allow_redirects   follow redirects, at most 30; `url` is then the last one's
    stream     leave the content on the wire until it is read
    verify     True: the system's authorities; a path to others; an SSLContext; False: trust anybody
    cert       the client's certificate: a path, (certificate, key), or (certificate, key, password)
    progress   a function of (bytes sent, bytes in all or None), called after each block; raising, it stops the upload

    Raises RequestException; a 4xx or 5xx is not one.
    """
    return _fetch(Request(method, url, headers, files, data, params, auth, json,
                          timeout, allow_redirects, stream, verify, cert, progress))


def get(url: str, params: Params = None, headers: HeadersLike | None = None, auth: Auth | None = None, *,
        timeout: Timeout = DEFAULT_TIMEOUT, allow_redirects: bool = True, stream: bool = False,
        verify: Verify = True, cert: Cert = None) -> Response:
    """Ask for what url names (RFC 9110 s9.3.1). The options are those of `request`."""
    return _fetch(Request("GET", url, headers, None, None, params, auth, None,
                          timeout, allow_redirects, stream, verify, cert))


def options(url: str, params: Params = None, headers: HeadersLike | None = None, auth: Auth | None = None, *,
            timeout: Timeout = DEFAULT_TIMEOUT, allow_redirects: bool = True, stream: bool = False,
            verify: Verify = True, cert: Cert = None) -> Response:
    """Ask what can be done with url (RFC 9110 s9.3.7). The options are those of `request`."""
    return _fetch(Request("OPTIONS", url, headers, None, None, params, auth, None,
                          timeout, allow_redirects, stream, verify, cert))


def head(url: str, params: Params = None, headers: HeadersLike | None = None, auth: Auth | None = None, *,
         timeout: Timeout = DEFAULT_TIMEOUT, allow_redirects: bool = False, stream: bool = False,
         verify: Verify = True, cert: Cert = None) -> Response:
    """Ask for the head alone of what GET would bring (RFC 9110 s9.3.2). The options are those of `request`."""
    return _fetch(Request("HEAD", url, headers, None, None, params, auth, None,
                          timeout, allow_redirects, stream, verify, cert))


def delete(url: str, params: Params = None, headers: HeadersLike | None = None, auth: Auth | None = None, *,
           timeout: Timeout = DEFAULT_TIMEOUT, allow_redirects: bool = True, stream: bool = False,
           verify: Verify = True, cert: Cert = None) -> Response:
    """Ask to remove what url names (RFC 9110 s9.3.5). The options are those of `request`."""
    return _fetch(Request("DELETE", url, headers, None, None, params, auth, None,
                          timeout, allow_redirects, stream, verify, cert))


def post(url: str, data: Data = None, json: object = None, *, params: Params = None,
         headers: HeadersLike | None = None, files: object = None, auth: Auth | None = None,
         timeout: Timeout = DEFAULT_TIMEOUT, allow_redirects: bool = True, stream: bool = False,
         verify: Verify = True, cert: Cert = None, progress: Progress | None = None) -> Response:
    """Hand content to url to be processed (RFC 9110 s9.3.3). The options are those of `request`."""
    return _fetch(Request("POST", url, headers, files, data, params, auth, json,
                          timeout, allow_redirects, stream, verify, cert, progress))


def put(url: str, data: Data = None, json: object = None, *, params: Params = None,
        headers: HeadersLike | None = None, files: object = None, auth: Auth | None = None,
        timeout: Timeout = DEFAULT_TIMEOUT, allow_redirects: bool = True, stream: bool = False,
        verify: Verify = True, cert: Cert = None, progress: Progress | None = None) -> Response:
    """Make content what url names (RFC 9110 s9.3.4). The options are those of `request`."""
    return _fetch(Request("PUT", url, headers, files, data, params, auth, json,
                          timeout, allow_redirects, stream, verify, cert, progress))


def patch(url: str, data: Data = None, json: object = None, *, params: Params = None,
          headers: HeadersLike | None = None, files: object = None, auth: Auth | None = None,
          timeout: Timeout = DEFAULT_TIMEOUT, allow_redirects: bool = True, stream: bool = False,
          verify: Verify = True, cert: Cert = None, progress: Progress | None = None) -> Response:
    """Change what url names as content says (RFC 5789). The options are those of `request`."""
    return _fetch(Request("PATCH", url, headers, files, data, params, auth, json,
                          timeout, allow_redirects, stream, verify, cert, progress))
# fmt: on
