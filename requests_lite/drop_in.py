"""install_as_requests(): other people's `import requests` finds this package."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Mapping, MutableMapping
from contextlib import suppress
from functools import partial, reduce
from importlib import import_module
from importlib.machinery import ModuleSpec
from types import MethodType, ModuleType, SimpleNamespace
from urllib.parse import unquote, urlsplit

from .adapters import DEFAULT_TIMEOUT, BaseAdapter, HTTPAdapter, limits_of
from .agent import __version__, _adapter
from .auth import AuthObject, challenges
from .content import encode, slices
from .cookies import CookieJar
from .environment import netrc_for, proxy_among
from .exceptions import ConnectionError, ReadTimeout
from .packages.poster.connect import DEFAULT_PORTS
from .packages.poster.headers import Headers
from .prepared import hooks_of
from .response import _LINK, _PARAMETER, Response
from .session import VERBS, Session, _by_way_of_request
from .text import decode_pieces
from .typed import Any
from .urls import split_url

# fmt: off
_MODULES = ["requests", *map("requests.{}".format, """_internal_utils adapters api auth certs compat cookies exceptions
    hooks models packages sessions status_codes structures utils""".split())]
# Where a name is looked for when one of these is asked for it: the first place that has it wins.
_PLACES = """requests_lite requests_lite.drop_in requests_lite.exceptions urllib.parse collections collections.abc io
    requests_lite.cookies http.cookies urllib.request urllib3.exceptions urllib3""".split()
# What has another name at its place, behind the colon, or is a module itself.
_ALIASES = dict(pair.split("=") for pair in """BaseHTTPError=urllib3.exceptions:HTTPError Retry=urllib3.util:Retry
    REDIRECT_STATI=requests_lite.redirects:REDIRECTS builtin_str=builtins:str bytes=builtins:bytes str=builtins:str
    is_py2=builtins:False cookielib=http.cookiejar: default_headers=requests_lite.agent:DEFAULT_HEADERS.copy json=json:
    chardet=charset_normalizer: guess_json_utf=json:detect_encoding CONTENT_CHUNK_SIZE=io:DEFAULT_BUFFER_SIZE
    get_encoding_from_headers=requests_lite.text:charset_of requote_uri=requests_lite.urls:_encoded
    extract_zipped_paths=os:fspath""".split())


def install_as_requests() -> None:
    """Make `import requests`, in anybody's code from now on, find this package. Raises RuntimeError when it is late."""
    if "requests" in sys.modules and _finder not in sys.meta_path:
        raise RuntimeError("requests is imported already; call install_as_requests() before anything imports it")
    types: Any = Session, Response, HTTPAdapter
    session, response, adapter = types  # to the __attrs__ of which subclasses add, and by which caches copy
    session.__attrs__ = response.__attrs__ = "status_code url headers history encoding reason cookies elapsed".split()
    adapter.send, adapter.proxy_manager = _send, {}  # whoever resizes a pool clears the proxies', too
    response._content_consumed = property(lambda self: self._content is not False, lambda self, consumed: None)
    for verb in VERBS:
        setattr(Session, verb, _by_way_of_request(verb))  # which libraries put their own in the place of
    sys.meta_path[:] = [_finder, *(finder for finder in sys.meta_path if finder is not _finder)]


class _Finder:
    """The finder before all others, and the loader of what it finds: modules that know where their names are."""

    def find_spec(self, name: str, path: object = None, target: object = None) -> ModuleSpec | None:
        found = name in _MODULES or name.startswith("requests.packages.")
        return ModuleSpec(name, self, is_package=True) if found else None  # type: ignore[arg-type]  # has its methods

    def create_module(self, spec: ModuleSpec) -> None: ...

    def exec_module(self, module: Any) -> None:
        name, names = module.__name__, vars(module)
        # requests.auth is requests_lite.auth first of all, and requests.packages.urllib3 is urllib3.
        home = name.replace("requests", "requests_lite", 1).removeprefix("requests_lite.packages.")
        home = home if home in sys.modules or name not in _MODULES else __name__
        # What is loaded is there at once, for `from requests.exceptions import *`.
        names.update({key: value for key, value in vars(import_module(home)).items() if key not in _ALIASES and
                      (key[0] != "_" or key == "__version__") and not isinstance(value, ModuleType)},
                     __getattr__=partial(_find, module, home))
        if name in ("requests", "requests.api"):
            # Many take a version apart by its dots, and all want a recent one; the title tells who this is.
            names.update({verb: MethodType(getattr(Session, verb), import_module("requests.api")) for verb in VERBS},
                         request=request, __version__="2.32.5", __build__=0x023205, __title__="requests_lite")


_finder = _Finder()


def _find(module: ModuleType, home: str, name: str) -> Any:
    """Return what a module of requests has by a name, which it keeps: a submodule, an alias, what its places have."""
    places = f"{module.__name__}.{name}:", _ALIASES.get(name, ":"), *(f"{place}:{name}" for place in [home, *_PLACES])
    for place in places if name[:2] != "__" else ():
        with suppress(ImportError, AttributeError, ValueError):
            return vars(module).setdefault(name, import_module("pkgutil").resolve_name(place))
    raise AttributeError(f"module {module.__name__!r} has no attribute {name!r}")


def request(method: str, url: str, **options: Any) -> Any:
    """Make a request by a new Session, whatever was put in the place of that class or its methods."""
    session = import_module("requests.sessions").Session()
    session.adapters = dict.fromkeys(session.adapters, _adapter)  # whose connections are kept
    return session.request(method=method, url=url, **options)


_by_engine = HTTPAdapter.send


def _send(self: Any, request: Any, stream: Any = False, timeout: Any = DEFAULT_TIMEOUT, *rest: Any, **more: Any) -> Any:
    """Send by a subclass's pool of urllib3, as docker has one, what the engine has no scheme for."""
    if request.target.origin[0] in DEFAULT_PORTS or not hasattr(self, "get_connection_with_tls_context"):
        response = _by_engine(self, request, stream, timeout, *rest, **more)
        own = type(self).build_response is not BaseAdapter.build_response  # as in CacheControl
        return self.build_response(request, _answer(response)) if own else response
    urllib3, content = import_module("urllib3"), request.as_content()
    limits = urllib3.Timeout(None, *limits_of(timeout)[:2])
    try:
        return self.build_response(request, self.get_connection_with_tls_context(request, True).urlopen(
            request.method, request.path_url, getattr(content, "blocks", lambda: content)(), dict(request.headers),
            retries=False, timeout=limits, preload_content=False))
    except urllib3.exceptions.HTTPError as error:
        kind = ReadTimeout if isinstance(error, urllib3.exceptions.ReadTimeoutError) else ConnectionError
        raise kind(str(error), request=request) from error


def _answer(response: Any) -> Any:
    """Return a response as urllib3 has it, its content in a file that is closed at the end, for which caches wait."""
    urllib3, raw, fields = import_module("urllib3"), response.raw, Headers(response.headers)
    fields.pop("Transfer-Encoding", None)  # it is off by now
    at_end = type("File", (SimpleNamespace,), {"closed": property(lambda self: raw.at_end or raw.closed)})
    return urllib3.HTTPResponse(at_end(read=raw.read, close=raw.close), urllib3.HTTPHeaderDict(fields.lines()),
                                response.status_code, reason=response.reason, preload_content=False,
                                request_method=response.request.method)


# The rest is what requests has beside HTTP, for those who import it.
RequestsWarning = FileModeWarning = RequestsDependencyWarning = type("RequestsWarning", (Warning,), {})
is_py3, basestring, DEFAULT_POOLBLOCK, DEFAULT_POOLSIZE, DEFAULT_RETRIES = True, (str, bytes), False, 10, 0


class CaseInsensitiveDict(MutableMapping["Any", "Any"]):
    """Values of any kind by name, whatever the case of that; Headers are one too."""

    def __init__(self, data: Any = None, **named: Any) -> None:
        self._items: dict[Any, tuple[Any, Any]] = {}
        self.update(data or {}, **named)

    def __setitem__(self, name: Any, value: Any) -> None: self._items[name.lower()] = name, value
    def __getitem__(self, name: Any) -> Any: return self._items[name.lower()][1]
    def __delitem__(self, name: Any) -> None: del self._items[name.lower()]
    def __iter__(self) -> Iterator[Any]: return (name for name, _ in self._items.values())
    def __len__(self) -> int: return len(self._items)
    def getlist(self, name: str) -> list[Any]: return [self[name]] if name in self else []
    def __repr__(self) -> str: return repr(dict(self))
    def __eq__(self, other: object) -> bool: return isinstance(other, Mapping) and _lower(self) == _lower(other)
    def copy(self) -> CaseInsensitiveDict: return type(self)(self)


CaseInsensitiveDict.register(Headers)
def _lower(items: Mapping[Any, Any]) -> Any: return {name.lower(): value for name, value in items.items()}


def __getattr__(name: str) -> Any:
    if name == "DEFAULT_CA_BUNDLE_PATH":  # not before somebody asks: it takes ssl
        return where()
    raise AttributeError(name)
def where() -> Any: return import_module("ssl").get_default_verify_paths().cafile or import_module("certifi").where()
def dispatch_hook(key: str, hooks: Any, hook_data: Any, **options: Any) -> Any:
    return reduce(lambda data, hook: hook(data, **options) or data, hooks_of(hooks), hook_data)
def default_hooks() -> dict[str, list[Any]]: return {"response": []}
def default_user_agent(name: str = "requests_lite") -> str: return f"{name}/{__version__}"
def _basic_auth_str(username: str, password: str) -> str: return AuthObject(username, password).header()
def to_native_string(string: Any, encoding: str = "ascii") -> str:
    return string if isinstance(string, str) else str(string, encoding)
def to_key_val_list(value: Any) -> Any: return value and [(k, v) for k, v in getattr(value, "items", lambda: value)()]
def super_len(o: Any) -> int:
    return getattr(content := encode(o)[0], "length", 0) or len(content if isinstance(content, bytes) else b"")
def guess_filename(obj: Any) -> str | None:
    name = getattr(obj, "name", None)
    return re.sub(r".*[/\\]", "", name) if isinstance(name, str) and name[:1] not in "<" else None
def iter_slices(string: Any, slice_length: Any) -> Any: return slices(string, slice_length or len(string) or 1)
def stream_decode_response_unicode(iterator: Iterator[bytes], r: Any) -> Iterator[Any]:
    return decode_pieces(iterator, r.encoding) if r.encoding else iterator
def unquote_unreserved(uri: str) -> str:
    return re.sub("(?i)%(?:2[DE]|3[0-9]|[46][1-9A-F]|[57][0-9A]|5F|7E)", lambda code: unquote(code[0]), uri)
def urldefragauth(url: str) -> str: return re.sub("^([^/?#]*//)[^/?#]*@|#.*", r"\1", url)
def get_auth_from_url(url: str) -> tuple[str, str]:
    return unquote((parts := urlsplit(url)).username or ""), unquote(parts.password or "")
def prepend_scheme_if_needed(url: str, new_scheme: str) -> str: return url if "://" in url else f"{new_scheme}://{url}"
def parse_dict_header(value: str) -> dict[str, str]: return challenges([f"any {value}"])[0][1]
def parse_header_links(value: str) -> list[dict[str, str]]:
    return [{"url": u, **{k: v or w for k, v, w in re.findall(_PARAMETER, end)}} for u, end in re.findall(_LINK, value)]
def get_netrc_auth(url: str, raise_errors: bool = False) -> Any: return netrc_for(urlsplit(url).hostname or "")
def select_proxy(url: str, proxies: Any) -> str | None: return proxy_among(proxies or {}, split_url(url).origin)
def should_bypass_proxies(url: str, no_proxy: str | None) -> bool:
    listed = no_proxy or import_module("urllib.request").getproxies().get("no")
    return select_proxy(url, {"all": "any", "no_proxy": listed}) is None
def get_environ_proxies(url: str, no_proxy: str | None = None) -> dict[str, str]:
    return {} if should_bypass_proxies(url, no_proxy) else import_module("urllib.request").getproxies()
def dict_from_cookiejar(cj: Any) -> dict[str, str]: return {cookie.name: cookie.value for cookie in cj}
def add_dict_to_cookiejar(cj: Any, cookie_dict: Any) -> Any: return merge_cookies(cj, [*cookie_dict.items()])
def merge_cookies(cookiejar: Any, cookies: Any) -> Any:
    for cookie in CookieJar(cookies or ()).as_http_cookiejar():
        if not isinstance(cookies, dict) or cookie.name not in dict_from_cookiejar(cookiejar):
            cookiejar.set_cookie(cookie)
    return cookiejar
def create_cookie(name: str, value: str, **options: Any) -> Any: return CookieJar().set(name, value, **options)
def extract_cookies_to_jar(jar: Any, request: Any, response: Any) -> None:
    jar.extract_cookies(MockResponse(getattr(response, "headers", Headers())), MockRequest(request))
def MockRequest(request: Any) -> Any:
    request = import_module("urllib.request").Request(request.url, None, dict(request.headers), unverifiable=True)
    request.get_new_headers = lambda: request.unredirected_hdrs
    return request
def MockResponse(headers: Any) -> Any:
    get_all = getattr(headers, "get_all", None) or (lambda name, default=(): Headers(headers).getlist(name))
    return SimpleNamespace(info=lambda: SimpleNamespace(get_all=get_all))
