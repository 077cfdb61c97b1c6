"""Request and the verbs, and Response beside them: what a user holds (RFC 9110 sections 3 and 9)."""

from __future__ import annotations

from functools import cached_property
from types import FunctionType

from .adapters import DEFAULT_TIMEOUT, Cert, Proxies, Timeout, Verify
from .agent import UserAgent, __version__
from .auth import AUTOAUTHS, Auth, AuthObject, add_autoauth
from .content import CookiesLike, Data, Hooks, Progress
from .exceptions import AuthenticationError, InvalidMethod, RequestException, URLRequired
from .packages.poster.headers import HeadersLike
from .packages.poster.sending import Content
from .prepared import PreparedRequest
from .response import Response
from .retries import Retry
from .typed import Any, NoReturn, Verb
from .urls import Params

# The names that core had in 2011, with what has come since.
__all__ = ["AUTOAUTHS", "METHODS", "AuthObject", "AuthenticationError", "InvalidMethod", "PreparedRequest", "Request"]
__all__ += ["RequestException", "Response", "URLRequired", "__version__", "add_autoauth"]
__all__ += ["delete", "get", "head", "options", "patch", "post", "put", "request"]

# Methods registered with IANA, and a few that caches and devices use. Add your own: METHODS.add("BREW").
METHODS = set(
    "GET HEAD POST PUT DELETE PATCH OPTIONS TRACE CONNECT ACL BASELINE-CONTROL BIND CHECKIN CHECKOUT COPY LABEL LINK "
    "LOCK MERGE MKACTIVITY MKCALENDAR MKCOL MKREDIRECTREF MKWORKSPACE MOVE ORDERPATCH PROPFIND PROPPATCH QUERY REBIND "
    "REPORT SEARCH UNBIND UNCHECKOUT UNLINK UNLOCK UPDATE UPDATEREDIRECTREF VERSION-CONTROL BAN PURGE NOTIFY "
    "SUBSCRIBE UNSUBSCRIBE M-SEARCH LIST".split()
)


class Request:
    """A request to be made: set it up, `send()` it, and look at its `response`.

        request = Request()
        request.method = "GET"
        request.url = "https://httpbin.org/get"
        request.send()
        request.response.content

    `response` is always there, empty until the request was sent; `sent` tells whether it was.
    """

    def __init__(self, method: str | None = None, url: str | None = None, headers: HeadersLike | None = None,
                 files: object = None, data: Data = None, params: Params = None, auth: Auth | None = None,
                 cookies: CookiesLike | None = None, hooks: Hooks | None = None, json: object = None,
                 timeout: Timeout = DEFAULT_TIMEOUT, allow_redirects: bool = True, proxies: Proxies | None = None,
                 stream: bool | None = None, verify: Verify | None = None, cert: Cert = None,
                 progress: Progress | None = None, retries: int | Retry | None = None,
                 max_size: int | None = None) -> None:  # fmt: skip
        self._method: str | None = method
        if method not in METHODS:
            self.method = method
        self.url, self.headers = url, {} if headers is None else headers
        self.files, self.data, self.params, self.json = files, data, {} if params is None else params, json
        self.auth, self.cookies, self.hooks = auth, cookies, hooks
        self.timeout, self.allow_redirects, self.retries = timeout, allow_redirects, retries
        self.proxies, self.verify, self.cert = proxies, verify, cert
        self.stream, self.progress, self.max_size = stream, progress, max_size
        self.sent = False
        self._given: tuple[Content, object, object, object] | None = None

    def __repr__(self) -> str: return f"<Request [{self.method}]>"  # fmt: skip

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

    @cached_property
    def response(self) -> Response:
        """The Response; an empty one until the request was sent."""
        return Response()

    register_hook, deregister_hook = PreparedRequest.register_hook, PreparedRequest.deregister_hook

    def prepare(self) -> PreparedRequest:
        """Return the exact message that this request makes. Raises RequestException when it makes none."""
        return _user_agent.prepare_request(self)

    def send(self, anyway: bool = False) -> bool:
        """Send the request and fill `response`; return whether it was sent.

        A request that was sent before is not sent again, unless anyway. A 4xx or 5xx is a response like any other;
        what keeps one from coming is a RequestException.
        """
        if self.sent and not anyway:
            return False
        self.response = _user_agent.perform(self, {})
        self.sent = True
        return True


def _like(verb: Verb, method: str, words: str, **defaults: object) -> Verb:
    """Return a function as verb is, for another method: the same options, in the same order."""
    known: Any = verb
    name = method.lower()
    like = FunctionType(known.__code__.replace(co_name=name), known.__globals__, name, known.__defaults__)
    like.__kwdefaults__ = {**known.__kwdefaults__, "_method": method, **defaults}
    like.__annotations__, like.__qualname__ = known.__annotations__, f"Verbs.{name}"
    like.__doc__ = f"{words} The options are those of `request`."
    return like  # type: ignore[return-value]  # it takes and returns what verb does


class Verbs(UserAgent):
    """The methods of HTTP as functions of a URL: those of this package, and those of a Session."""

    # fmt: off
    def request(self, method: str, url: str, params: Params = None, data: Data = None,
                headers: HeadersLike | None = None, cookies: CookiesLike | None = None, files: object = None,
                auth: Auth | None = None, timeout: Timeout = DEFAULT_TIMEOUT, allow_redirects: bool = True,
                proxies: Proxies | None = None, hooks: Hooks | None = None, stream: bool | None = None,
                verify: Verify | None = None, cert: Cert = None, json: object = None, *,
                progress: Progress | None = None, retries: int | Retry | None = None, max_size: int | None = None,
                **wrong: NoReturn) -> Response:
        """Make a request, send it, and return its response.

        params     what goes behind the URL's '?': a mapping, pairs, or a string
        data       the content: a mapping or pairs (a form), bytes, str, a file or an iterable of bytes (both streamed)
        headers    fields to send; None as a value leaves a default one out
        cookies    a mapping or a jar of cookies for this call
        files      files to upload as a multipart form, with data as its fields: open, or Path objects; both streamed
        auth       (username, password), a bearer token, or an object such as HTTPDigestAuth
        json       a value to send as JSON
        timeout    seconds to connect and of silence, or (connect, read), or (connect, read, total); None: no limit
        allow_redirects   follow redirects, at most 30; `url` is then the last one's
        proxies    URLs of proxies by 'http', 'https' or 'all'; {} for none at all
        hooks      {"response": a function, or several, that hears of each response and may replace it}
        stream     leave the content on the wire until it is read; best in a `with` statement
        verify     True: the system's authorities; a path to others; an SSLContext; False: trust anybody
        cert       the client's certificate: a path, (certificate, key), or (certificate, key, password)
        progress   a function of (bytes done, bytes in all or None), called after each block of the content sent, or
                   received when none is sent; raising, it stops the exchange
        retries    how many more tries there are for what may be tried again, or a Retry; by default none
        max_size   how many bytes the content that comes may have, decoded; more are ContentTooLarge

        Raises RequestException; a 4xx or 5xx is none, but a response.
        """
        return self.perform(Request(method, url, headers, files, data, params, auth, cookies, hooks, json, timeout,
                                    allow_redirects, proxies, stream, verify, cert, progress, retries, max_size), wrong)

    def get(self, url: str, params: Params = None, headers: HeadersLike | None = None, auth: Auth | None = None, *,
            data: Data = None, json: object = None, files: object = None, cookies: CookiesLike | None = None,
            timeout: Timeout = DEFAULT_TIMEOUT, allow_redirects: bool = True, proxies: Proxies | None = None,
            hooks: Hooks | None = None, stream: bool | None = None, verify: Verify | None = None, cert: Cert = None,
            progress: Progress | None = None, retries: int | Retry | None = None, max_size: int | None = None,
            _method: str = "GET", **wrong: NoReturn) -> Response:
        """Ask for what url names and return the response (RFC 9110 s9.3.1). The options are those of `request`."""
        return self.perform(Request(_method, url, headers, files, data, params, auth, cookies, hooks, json, timeout,
                                    allow_redirects, proxies, stream, verify, cert, progress, retries, max_size), wrong)

    def post(self, url: str, data: Data = None, json: object = None, *, params: Params = None,
             headers: HeadersLike | None = None, files: object = None, auth: Auth | None = None,
             cookies: CookiesLike | None = None, timeout: Timeout = DEFAULT_TIMEOUT, allow_redirects: bool = True,
             proxies: Proxies | None = None, hooks: Hooks | None = None, stream: bool | None = None,
             verify: Verify | None = None, cert: Cert = None, progress: Progress | None = None,
             retries: int | Retry | None = None, max_size: int | None = None, _method: str = "POST",
             **wrong: NoReturn) -> Response:
        """Hand content to url and return the response (RFC 9110 s9.3.3). The options are those of `request`."""
        return self.perform(Request(_method, url, headers, files, data, params, auth, cookies, hooks, json, timeout,
                                    allow_redirects, proxies, stream, verify, cert, progress, retries, max_size), wrong)
    # fmt: on

    options = _like(get, "OPTIONS", "Ask what can be done with url (RFC 9110 s9.3.7).")
    head = _like(get, "HEAD", "Ask for the head of what GET would bring (RFC 9110 s9.3.2).", allow_redirects=False)
    delete = _like(get, "DELETE", "Ask to remove what url names (RFC 9110 s9.3.5).")
    put = _like(post, "PUT", "Make content what url names (RFC 9110 s9.3.4).")
    patch = _like(post, "PATCH", "Change what url names as content says (RFC 5789).")


_user_agent = Verbs()
request, get, options, head = _user_agent.request, _user_agent.get, _user_agent.options, _user_agent.head
post, put, patch, delete = _user_agent.post, _user_agent.put, _user_agent.patch, _user_agent.delete
