"""Session: defaults, cookies and connections that outlive one request (RFC 9112 section 9.3, RFC 6265)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress

from .adapters import DEFAULT_TIMEOUT, BaseAdapter, Cert, FunctionAdapter, HTTPAdapter, Proxies, Timeout, Verify
from .agent import DEFAULT_HEADERS
from .auth import Auth
from .content import CookiesLike, Hooks
from .core import Verbs
from .exceptions import InvalidSchema
from .packages.poster.headers import Headers, HeadersLike
from .prepared import PreparedRequest, hooks_of
from .response import Response
from .retries import Retry
from .typed import Any
from .urls import Params, shown, split_url

VERBS = frozenset("get options head delete post put patch".split())


class Session(Verbs):
    """The same verbs, with a memory: cookies, connections of its own, and defaults for all its requests.

        with Session(base_url="https://api.example.com/v1/", auth="token", retries=3) as session:
            session.get("users").json()

    A call counts before the session, and both before the environment, unless trust_env is False. End base_url with a
    slash. raise_for_status=True raises a 4xx or 5xx as HTTPError. resolve and source_address are those of HTTPAdapter.
    Safe to share between threads, as long as none changes its settings; picklable, without its connections.
    """

    proxies: dict[str, str | None]
    hooks: dict[str, Any]
    _remembers = True

    def __init__(self, *, base_url: str | None = None, headers: HeadersLike | None = None, params: Params = None,
                 auth: Auth | None = None, cookies: CookiesLike | None = None, timeout: Timeout = DEFAULT_TIMEOUT,
                 retries: int | Retry | None = None, proxies: Proxies | None = None, verify: Verify | None = None,
                 cert: Cert = None, stream: bool = False, trust_env: bool = True, max_redirects: int = 30,
                 raise_for_status: bool = False, json_dumps: Callable[[object], str | bytes] | None = None,
                 json_loads: Callable[[bytes], Any] | None = None, resolve: Mapping[str, str] | None = None,
                 source_address: str | tuple[str, int] | None = None, hooks: Hooks | None = None) -> None:  # fmt: skip
        self.headers = Headers(DEFAULT_HEADERS)
        self.headers.merge(headers or {})
        # A subclass may have set either before, as requests' Session knows neither.
        self.base_url = self.base_url if base_url is None else base_url
        with suppress(AttributeError):  # nor can it know that one has a property of that name
            self.timeout = self.timeout if timeout is DEFAULT_TIMEOUT else timeout
        self.params, self.auth = params if params is not None else {}, auth
        self.retries, self.proxies = retries, {**(proxies or {})}
        self._verify, self.cert, self.stream, self.trust_env = verify, cert, stream, trust_env
        self.hooks = {"response": hooks_of(hooks)}
        self.max_redirects, self.raise_for_status = max_redirects, raise_for_status
        self.json_dumps, self.json_loads = json_dumps, json_loads
        if cookies is not None:
            self.cookies = cookies
        adapter = HTTPAdapter(resolve=resolve, source_address=source_address)
        self.adapters: dict[str, BaseAdapter] = {"http+unix://": adapter, "https://": adapter, "http://": adapter}

    def __init_subclass__(cls, **options: Any) -> None:
        """Have the verbs go by way of `request` where a subclass has one of its own, as users of requests expect it."""
        super().__init_subclass__(**options)
        for verb in VERBS - cls.__dict__.keys() if "request" in cls.__dict__ else ():
            setattr(cls, verb, _by_way_of_request(verb))

    def __enter__(self) -> Session: return self  # fmt: skip

    def __exit__(self, *exception: object) -> None: self.close()  # fmt: skip

    @property
    def verify(self) -> Verify:
        """Whom to trust over https; True by default, and then the environment may name others."""
        return True if self._verify is None else self._verify

    @verify.setter
    def verify(self, verify: Verify | None) -> None:
        self._verify = verify

    @property
    def cookies(self) -> Any:
        """The CookieJar; a mapping or a jar of http.cookiejar can be put in its place."""
        if self._jar is None:
            from .cookies import CookieJar

            return self.__dict__.setdefault("_jar", CookieJar())  # at once: threads may share the session
        return self._jar

    @cookies.setter
    def cookies(self, cookies: CookiesLike | None) -> None:
        from .cookies import as_jar

        self._jar = cookies if hasattr(cookies, "set_cookie") else as_jar(cookies)

    def mount(self, prefix: str, adapter: BaseAdapter | Callable[[PreparedRequest], Response]) -> None:
        """Have an adapter, or a function from PreparedRequest to Response, answer for all URLs that begin so."""
        sends = adapter if isinstance(adapter, BaseAdapter) or hasattr(adapter, "send") else FunctionAdapter(adapter)
        adapters: dict[str, Any] = {**self.adapters, prefix.lower(): sends}
        self.adapters = dict(sorted(adapters.items(), key=lambda item: -len(item[0])))

    def get_adapter(self, url: str) -> BaseAdapter:
        """Return the adapter with the longest prefix of a URL. Raises InvalidSchema."""
        for prefix in filter(url.lower().startswith, self.adapters):
            return self.adapters[prefix]
        raise InvalidSchema(f"no adapter mounted for {shown(url)!r}, but for {', '.join(self.adapters) or 'nothing'}")

    def merge_environment_settings(self, url: str, proxies: Proxies | None, stream: bool | None, verify: Verify | None,
                                   cert: Cert) -> dict[str, Any]:  # fmt: skip
        """Return what `send` takes, as these arguments, this session and the environment have it."""
        route, trust, own = self._settings(split_url(url), proxies or None, verify, cert)
        stream = self.stream if stream is None else stream
        return {"proxies": route or {}, "stream": stream, "verify": trust, "cert": own}

    def close(self) -> None:
        """Close all connections; the session goes on and may be used again."""
        for adapter in self.adapters.values():
            adapter.close()


def _by_way_of_request(verb: str) -> Callable[..., Response]:
    names = ("data", "json") if verb in ("post", "put", "patch") else ("params", "headers", "auth")

    def method(self: Session, url: str, *given: Any, **options: Any) -> Response:
        if verb == "head":
            options.setdefault("allow_redirects", False)
        return self.request(verb.upper(), url, **dict(zip(names, given, strict=False)), **options)

    return method


session = Session  # as a function, which it once was
