"""User agent: what requests have in common, and the loop over what one leads to (RFC 9110 s3.5, s11, s15.4)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from operator import is_
from time import monotonic

from .adapters import DEFAULT_TIMEOUT, BaseAdapter, Cert, HTTPAdapter, Proxies, Timeout, Verify, limits_of
from .auth import AUTOAUTHS, Auth
from .content import CODINGS, Hooks, Progress, Watched
from .environment import ca_bundle, names_of, netrc_machines, proxy_for
from .exceptions import FAULTS, InvalidMethod, RequestException, TooManyRedirects, URLRequired, from_engine
from .packages.poster.errors import ProtocolError
from .packages.poster.head import encode_fields
from .packages.poster.headers import Headers
from .packages.poster.sending import Content
from .prepared import PreparedRequest, hooks_of
from .redirects import MAX_REDIRECTS, REDIRECTS
from .response import Response
from .retries import NEVER, Retry
from .typed import Any
from .urls import Params, SplitURL, join, query_of, shown, split_url

__version__ = "0.3.0.dev0"

DEFAULT_HEADERS = Headers({"User-Agent": f"requests_lite/{__version__}", "Accept-Encoding": CODINGS, "Accept": "*/*"})

# All calls without a session share connections, and nothing else.
_adapter = HTTPAdapter()


class UserAgent:
    """The defaults that requests have in common, and the loop each goes through. A Session is one with a memory."""

    headers: Headers = DEFAULT_HEADERS
    params: Params = None
    auth: Auth | None = None
    proxies: Proxies | None = None
    hooks: Hooks | None = None
    _verify: Verify | None = None
    cert: Cert = None
    stream = False
    timeout: Timeout = DEFAULT_TIMEOUT
    retries: int | Retry | None = None
    max_redirects = MAX_REDIRECTS
    trust_env = True
    base_url: str | None = None
    raise_for_status = False
    json_dumps: Callable[[object], str | bytes] | None = None
    json_loads: Callable[[bytes], Any] | None = None
    _jar: Any = None  # a CookieJar, once a cookie was seen
    _remembers = False  # whether cookies outlive a call

    def prepare_request(self, request: Any) -> PreparedRequest:
        """Return the exact message that a request makes, with these defaults. Raises RequestException."""
        if request._method is None:
            raise InvalidMethod("a request needs a method, such as GET", request=request)
        url = request.url
        if not url and not self.base_url:
            raise URLRequired("a request needs a URL", request=request)
        try:
            if not isinstance(self.headers, Headers):
                self.headers = Headers(self.headers)
            if self.headers.encoded is None:
                encode_fields(self.headers)  # once for all that copy them
            if self.base_url:
                url = join(self.base_url, url.decode() if isinstance(url, bytes) else str(url or ""))
            params = request.params or None
            if self.params:
                if isinstance(self.params, Mapping) and (params is None or isinstance(params, Mapping)):
                    params = {**self.params, **(params or {})}
                else:
                    params = query_of(self.params, params)
            prepared = PreparedRequest(request._method, split_url(url, params), self.headers)
            if request.headers:
                prepared.headers.merge(request.headers)
            if request.data is not None or request.files is not None or request.json is not None:
                self._prepare_content(request, prepared)
            if request.cookies is not None:
                prepared.prepare_cookies(request.cookies)
            if request.hooks:
                prepared.hooks = {"response": hooks_of(request.hooks)}
            auth = self.auth if request.auth is None else request.auth
            netrc = self.trust_env and bool(netrc_machines())
            if auth is not None or AUTOAUTHS or netrc or prepared.target.userinfo:
                prepared.prepare_auth(auth, netrc)
        except RequestException as error:
            error.request = error.request or request
            raise
        except FAULTS as error:
            raise from_engine(error, request, shown(str(url))) from error
        return prepared

    def _prepare_content(self, request: Any, prepared: PreparedRequest) -> None:
        given = request.data, request.files, request.json
        if request._given is not None and all(map(is_, given, request._given[1:])):
            request._given[0].rewind()  # a file is sent from where it stood the first time
        json = request.json
        if self.json_dumps is not None and json is not None:
            text = self.json_dumps(json)
            json = text.encode() if isinstance(text, str) else text
        prepared.prepare_body(request.data, request.files, json)
        body = prepared._body
        request._given = (body, *given) if isinstance(body, Content) else None
        if request.progress is not None and body is not None:
            prepared.body = Watched(prepared.as_content() or b"", request.progress)

    def perform(self, request: Any, wrong: Mapping[str, object]) -> Response:
        """Prepare a request and send it; wrong are keywords that it does not take."""
        for name in wrong:
            from difflib import get_close_matches

            known = [known for known in request.__dict__ if known[0] != "_" and known not in ("method", "sent")]
            close = get_close_matches(name, known, 1)
            hint = f"; perhaps you meant {close[0]!r}" if close else ""
            raise TypeError(f"{request.method} takes no keyword {name!r}{hint}")
        prepared = self.prepare_request(request)
        return self.send(
            prepared, stream=request.stream, timeout=request.timeout, verify=request.verify, cert=request.cert,
            proxies=request.proxies, allow_redirects=request.allow_redirects, retries=request.retries,
            max_size=request.max_size, progress=request.progress if prepared._body is None else None,
        )  # fmt: skip

    def send(self, request: PreparedRequest, stream: bool | None = None, timeout: Timeout = DEFAULT_TIMEOUT,
             verify: Verify | None = None, cert: Cert = None, proxies: Proxies | None = None,
             allow_redirects: bool = True, retries: int | Retry | None = None, max_size: int | None = None,
             progress: Progress | None = None) -> Response:  # fmt: skip
        """Send a prepared request, follow what it leads to, and return the last response. Raises RequestException."""
        if not isinstance(request, PreparedRequest):
            raise TypeError("send() takes a PreparedRequest, as prepare_request() makes it of a Request")
        stream = self.stream if stream is None else stream
        timeout = self.timeout if timeout is DEFAULT_TIMEOUT else timeout
        history: list[Response] = []
        jar, tried, deadline = self._jar, 0, None
        while True:
            following = retry = None
            tried += 1
            try:
                if timeout is not DEFAULT_TIMEOUT:
                    deadline = limits_of(timeout)[2] if deadline is None else deadline
                    if deadline is not None:  # one for all that is sent
                        timeout = (*timeout[:2], max(deadline - monotonic(), 1e-9))  # type: ignore[index]  # it has three
                if type(request.headers) is not Headers:
                    request.headers = Headers(request.headers)
                if jar is not None or request.cookies is not None or "cookie" in request.headers.fields:
                    request.tell_cookies(jar)
                adapter = self.get_adapter(request.target.url)
                given = self.retries if retries is None else retries
                given = getattr(adapter, "max_retries", None) if given is None else given
                retry = None if given is NEVER else Retry.of(given)
                route, trust, own = self._settings(request.target, proxies, verify, cert)
                response = adapter.send(request, stream=stream, timeout=timeout, verify=trust, cert=own, proxies=route)
                if max_size is not None or progress is not None:
                    response._max_size, response._progress = max_size, progress
                if (request.hooks or {}).get("response") or (self.hooks or {}).get("response"):
                    options = {"stream": stream, "timeout": timeout, "verify": trust, "cert": own, "proxies": route}
                    for hook in hooks_of(request.hooks) + hooks_of(self.hooks):
                        answer = hook(response, **options)
                        response = response if answer is None else answer
                if type(response.headers) is not Headers:
                    response.headers = Headers(response.headers)
                leads = request._auth is not None or response.status_code in REDIRECTS
                if (leads or self._remembers) and "set-cookie" in response.headers.fields:
                    jar = self._remember(jar, request, response)
                if leads:
                    following = self._following(request, response, allow_redirects, history)
                if following is None:
                    if retry is None or not retry.again(tried, request, response, deadline):
                        if not stream and response._content is False:
                            response._content = response._read()
                        break
                    response.close()
            except (RequestException, *FAULTS) as failure:
                if retry is None or not retry.again(tried, request, failure, deadline):
                    if isinstance(failure, FAULTS):
                        raise from_engine(failure, request, request.url) from failure
                    failure.request = failure.request or request
                    raise
            if following is not None:
                request, tried = following, 0
        response.history = history or response.history
        if self.json_loads is not None:
            response.json_loads = self.json_loads
        return response.raise_for_status() if self.raise_for_status else response

    def get_adapter(self, url: str) -> BaseAdapter:
        """Return what sends requests to a URL."""
        return _adapter

    def _settings(self, target: SplitURL, proxies: Proxies | None, verify: Verify | None,
                  cert: Cert) -> tuple[Proxies | None, Verify, Cert]:  # fmt: skip
        """Return proxies, verify and cert for a URL: as the call has it, else these defaults, else the environment."""
        if proxies is not None:
            proxies = {**self.proxies, **proxies} if self.proxies and proxies else proxies
        else:
            proxies = self.proxies or None
            named = proxies and names_of(target.origin).keys() & proxies.keys()
            if self.trust_env and not named and (url := proxy_for(target.origin)):
                proxies = {"all": url, **(proxies or {})}
        verify = self._verify if verify is None else verify
        if verify is None:
            verify = (ca_bundle() if self.trust_env and target.origin[0] == "https" else None) or True
        return proxies, verify, self.cert if cert is None else cert

    def _remember(self, jar: Any, request: PreparedRequest, response: Response) -> Any:
        if hasattr(jar, "store"):  # what it takes to import costs a tenth of a small exchange
            jar.store(request.target, response.headers.getlist("set-cookie"))
            return jar
        from .cookies import CookieJar, remember

        if jar is None:
            jar = self.__dict__.setdefault("_jar", CookieJar()) if self._remembers else CookieJar()
        remember(jar, request.target, response.headers.getlist("set-cookie"))
        return jar

    def _following(self, request: PreparedRequest, response: Response, allow_redirects: bool,
                   history: list[Response]) -> PreparedRequest | None:  # fmt: skip
        """Return the request that a response asks for, by a challenge or a redirect; None when it is the answer."""
        status = response.status_code or 0
        answers = request.answers(status, response.headers)
        locations = {*response.headers.getlist("location")} - {""} if allow_redirects and status in REDIRECTS else set()
        if not answers and not locations:
            return None
        if len(locations) > 1:
            response.close()
            raise ProtocolError("one Location", f"{len(locations)} different ones")
        response.history = history.copy()
        history.append(response)
        if len(history) > (MAX_REDIRECTS if answers else self.max_redirects):
            response.close()
            words = f"more than {self.max_redirects} redirects, the last from {request.url}"
            raise TooManyRedirects(words, request=request, response=response)
        response._keep()
        if answers:
            following = request.copy()
            following.rewind()
            following.authorize()
            return following
        following = request.redirected(status, locations.pop(), self.trust_env)
        if hasattr(self, "rebuild_auth"):  # by which subclasses written for requests decide who keeps credentials
            following.headers["Authorization"] = request.headers.get("Authorization")
            self.rebuild_auth(following, response)
        return following
