"""PreparedRequest: the exact message that goes out, and the one that a redirect makes of it (RFC 9110 s9, s15.4)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress

from .auth import AUTOAUTHS, Auth, as_auth, credentials_for
from .content import FORM, CookiesLike, Data, Hooks, encode
from .exceptions import AuthenticationError
from .packages.poster.encode import Multipart
from .packages.poster.errors import UnrewindableContent
from .packages.poster.headers import Headers, HeadersLike
from .packages.poster.opener import keeps_credentials
from .packages.poster.part import BLOCK_SIZE
from .packages.poster.sending import Content
from .redirects import next_request
from .typed import Any
from .urls import Params, SplitURL, split_url


def hooks_of(hooks: Hooks | None) -> list[Callable[..., Any]]:
    """Return the functions that hear of responses. Raises ValueError for hooks of which nobody would hear."""
    if hooks and (not isinstance(hooks, Mapping) or hooks.keys() - {"response"}):
        raise ValueError('hooks are {"response": a function, or several}: there is no other event')
    given = (hooks or {}).get("response") or ()
    return [given] if callable(given) else list(given)


class PreparedRequest:
    """A request as it goes out: the exact `method`, `url`, `headers` and `body`. `response.request` is one.

    It may be changed before `Session.send()` takes it; `copy()` and pickling leave the original as it is.
    """

    cookies: Any = None  # a CookieJar: those of this call alone
    _auth: Any = None  # what is asked for credentials, for each message anew
    _credentials: frozenset[str] = frozenset({"authorization"})  # the fields that it has set, and may set
    _given = True  # whether that came as auth=, and not from add_autoauth(), a URL or the netrc file
    _own_cookies = True  # whether a field Cookie was given, and is not ours

    def __init__(self, method: str | None = None, target: SplitURL | None = None,
                 headers: HeadersLike | None = None, body: Any = None) -> None:  # fmt: skip
        self.method = method
        self.target: SplitURL = target  # type: ignore[assignment]  # None until it has a URL
        self.headers = Headers(headers)
        self._body = body
        self.hooks: Any = {"response": []}

    def __repr__(self) -> str: return f"<PreparedRequest [{self.method}]>"  # fmt: skip

    def __getstate__(self) -> dict[str, object]:
        """Pickle the request, without content that streams, hooks, and what sets credentials."""
        body = self._body if isinstance(self._body, (bytes, str)) else None
        return {**self.__dict__, "_body": body, "hooks": {"response": []}, "_auth": None}

    @property
    def url(self) -> str:
        """The URL, without userinfo."""
        return self.target.url if self.target else ""

    @url.setter
    def url(self, url: str | bytes) -> None:
        self.target = split_url(url)

    @property
    def body(self) -> Any:
        """The content as data= takes it: bytes; str for a form in a URL's manner; a Content for what streams."""
        form = getattr(self._body, "source", None)
        if isinstance(form, Multipart) and (form.length or BLOCK_SIZE) < BLOCK_SIZE and form.repeatable:
            with suppress(UnrewindableContent):  # its file is closed by now
                return self._body.read()
        return self._body

    @body.setter
    def body(self, body: Any) -> None:
        self._body = body

    @property
    def path_url(self) -> str:
        """The path and the query, as they stand in the request line."""
        return self.target.target

    def copy(self) -> PreparedRequest:
        copy = PreparedRequest()
        copy.__dict__.update(self.__dict__, headers=Headers(self.headers))
        return copy

    __copy__ = copy

    def register_hook(self: Any, event: str, hook: Callable[..., object]) -> None:
        """Call hook with each response; what it returns, unless None, takes the response's place."""
        self.hooks = {"response": [*hooks_of(self.hooks), hook]}

    def deregister_hook(self: Any, event: str, hook: Callable[..., object]) -> bool:
        """Have hook hear of no more responses; tell whether it did before."""
        before = hooks_of(self.hooks)
        self.hooks = {"response": [known for known in before if known != hook]}
        return hook in before

    def prepare(self, method: str | None = None, url: object = None, headers: HeadersLike | None = None,
                files: object = None, data: Data = None, params: Params = None, auth: Auth | None = None,
                cookies: CookiesLike | None = None, hooks: Hooks | None = None,
                json: object = None) -> None:  # fmt: skip
        """Set everything, as the steps below do each for itself."""
        self.method = method and method.upper()
        self.prepare_url(url, params)
        self.prepare_headers(headers)
        self.prepare_cookies(cookies)
        self.prepare_body(data, files, json)
        self.prepare_auth(auth)
        self.hooks = {"response": hooks_of(hooks)}

    def prepare_url(self, url: object, params: Params = None) -> None:
        """Set the URL, params behind its query. Raises InvalidURL and its kin."""
        self.target = split_url(url, params)

    def prepare_headers(self, headers: HeadersLike | None) -> None:
        """Set the headers. Raises InvalidHeader."""
        self.headers = Headers(headers)

    def prepare_body(self, data: Data, files: object = None, json: object = None) -> None:
        """Set the content, and the Content-Type unless it is there. Raises InvalidContent and its kin."""
        self._body, content_type = encode(data, files, json)
        if isinstance(self._body, bytes) and (isinstance(data, str) or content_type == FORM):
            self._body = self._body.decode()
        # A multipart type given by hand cannot know the boundary.
        own = self.headers.get("content-type", "").lower()
        if content_type and (not own or (files and own.startswith("multipart/") and "boundary=" not in own)):
            self.headers["Content-Type"] = content_type

    def prepare_auth(self, auth: Auth | None, use_netrc: bool = False) -> None:
        """Set credentials: those given, else those in the URL, of add_autoauth(), or of the netrc file."""
        # What the caller named stays for redirects within the origin; the rest is looked up for each URL.
        self._given = auth is not None or self.target.userinfo is not None or "authorization" in self.headers
        self._auth = None if auth is None else as_auth(auth)
        if auth is None and (self.target.userinfo or AUTOAUTHS or use_netrc) and "authorization" not in self.headers:
            self._auth = credentials_for(self.target, AUTOAUTHS, use_netrc)
        self.authorize()

    def authorize(self) -> None:
        """Have the credentials set their fields."""
        if self._auth is not None:
            before = {name.lower() for name in self.headers} | {"content-type", "content-length"}
            if (prepared := self._auth(self)) is None:
                raise AuthenticationError("auth= is a function that has to return the request it was called with")
            fields = {name for name in prepared.headers if name.lower() not in before}
            self.__dict__.update(prepared.__dict__, _credentials=self._credentials | fields)

    def answers(self, status: int, headers: Headers) -> bool:
        """Tell whether the credentials have an answer to a response: a better request than this one."""
        answer = getattr(self._auth, "answer", None)
        return answer is not None and bool(answer(self, status, headers))

    def prepare_cookies(self, cookies: CookiesLike | None) -> None:
        """Set the cookies that this call brings, beside those of its session."""
        if cookies is not None:
            from .cookies import CookieJar

            self.cookies = CookieJar(cookies)

    def tell_cookies(self, jar: Any) -> None:
        """Set the field Cookie from a session's jar and the cookies of this call, unless one was given."""
        if "cookie" in self.headers.fields and self._own_cookies:
            return
        if self.cookies is not None or not hasattr(jar, "header"):  # the session's may be one of http.cookiejar
            from .cookies import as_jar

            jar = as_jar(jar).copy()
            jar.update(self.cookies or ())
        value = jar.header(self.target)
        if value or not self._own_cookies:
            self.headers["Cookie"], self._own_cookies = value, False

    def as_content(self) -> bytes | Content | None:
        """Return the body as what the engine sends."""
        if self._body is None or isinstance(self._body, (bytes, Content)):
            return self._body
        content, _ = encode(self._body)
        self._body = self._body if isinstance(self._body, str) else content
        return content

    def rewind(self) -> None:
        """Send the content back to where it began. Raises UnrewindableContent."""
        if isinstance(self._body, Content):
            self._body.rewind()

    def redirected(self, status: int, location: str, use_netrc: bool = False) -> PreparedRequest:
        """Return the request that a redirect asks for, with what may go along. Raises InvalidURL and its kin."""
        method, target, with_content = next_request(self.method or "", self.target, status, location)
        following = self.copy()
        following.method, following.target = method, target
        headers = following.headers
        if with_content:
            following.rewind()
        else:
            following._body = None
            for name in list(headers):
                if name.lower().startswith(("content-", "transfer-encoding", "digest", "expect")):
                    del headers[name]
        if not keeps_credentials(self.target.origin, target.origin):
            for name in ("Proxy-Authorization", "Cookie", "Host", *self._credentials):
                headers.pop(name, None)
            following._auth = following.cookies = None
            following._own_cookies = True
        if not self._given:  # they were for a part of the server only
            for name in self._credentials:
                headers.pop(name, None)
        if self._given and following._auth is not None:
            following.authorize()
        else:
            following.prepare_auth(None, use_netrc)
        return following
