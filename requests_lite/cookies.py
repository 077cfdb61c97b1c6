"""The jar: what servers ask to be told again, and which of them is told (RFC 6265bis, whose sections stand below)."""

from __future__ import annotations

import os
import re
from _thread import RLock
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache, partial
from operator import attrgetter
from time import time

from .exceptions import InvalidHeader, RequestException
from .packages.poster.part import plain
from .typed import Any
from .urls import SplitURL, split_url

_LONGEST_LIFE = 400 * 86400
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_ADDRESS = re.compile(r".*[:/].*|(?:.*\.)?(?:[0-9]+|0x[0-9a-f]*)\.?")  # what resolvers take for one: 127.1, 0x7f000001
_SECONDS = re.compile(r"-?[0-9]+")
_DATE_TOKEN = re.compile(r"[^\t -/;-@\[-`{-~]+")
_MONTHS = "jan feb mar apr may jun jul aug sep oct nov dec".split()
# Time, day, month, year.
_DATE = r"(?a)\d\d?:\d\d?:\d\d?(?!\d)", r"(?a)\d\d?(?!\d)", "(?i)" + "|".join(_MONTHS), r"(?a)\d{2,4}(?!\d)"
_HTTP_ONLY = ("HttpOnly", "HTTPOnly", "httponly")  # as requests, http.cookiejar's files and servers spell it
_OTHERS = set("version port discard comment comment_url rfc2109".split())  # what only http.cookiejar's cookies have

# One for all jars, as it is held for microseconds. Taken before a fork, it leaves the child no jar half changed.
_lock = RLock()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_lock.acquire, after_in_parent=_lock.release, after_in_child=_lock.release)


class CookieConflictError(RequestException, RuntimeError):
    """Several cookies have this name; `jar.get(name, domain=..., path=...)` tells them apart."""


# fmt: off
class Cookie:
    """One cookie. `expires` is in epoch seconds, None: with the session. Without a domain it goes to every host."""

    def __init__(self, name: str, value: str, domain: str = "", path: str = "/", host_only: bool = False,
                 secure: bool = False, http_only: bool = False, expires: float | None = None) -> None:
        self.name, self.value, self.domain, self.path = name, value, domain, path
        self.host_only, self.secure, self.http_only, self.expires = host_only, secure, http_only, expires
        self.created, self.used = 0, 0.0  # the jar's: a number that grows, and when it was last sent

    def __repr__(self) -> str: return f"<Cookie [{self.name!r} for {self.domain or '*'}{self.path}]>"

    def is_expired(self, now: float | None = None) -> bool:
        """Return whether it is over now, or was at a moment in epoch seconds."""
        return self.expires is not None and self.expires <= (time() if now is None else now)

    def covers(self, path: str) -> bool:
        """Return whether path is the cookie's, or lies below it (s5.1.4)."""
        return path == self.path or path.startswith(self.path.removesuffix("/") + "/")


_fields = attrgetter("name", "value", "domain", "path", "host_only", "secure", "http_only", "expires")
_key = attrgetter("name", "path", "host_only")  # what, within its domain, tells a cookie from others (s5.7)


class CookieJar:
    """Cookies, in order of creation. By their names it is much like a dict; iterating it gives `Cookie` objects.

        jar["sid"] = "31d4"                            # for every host
        jar.set("lang", "en", domain="example.com")    # for example.com and the hosts below it

    Safe to share between threads, and picklable.
    """

    _secure = False  # whether any cookie is, or was

    def __init__(self, cookies: Iterable[object] = ()) -> None:
        self._index: dict[str, dict[object, Cookie]] = {}
        self._created = 0
        self.update(cookies)

    def store(self, url: SplitURL, lines: Iterable[str]) -> None:
        """Take the Set-Cookie lines of a response (s5.6, s5.7). What is malformed, or not url's to set, is ignored."""
        for cookie in filter(None, map(partial(_parse, url), [*lines][:1000])):  # no jar has room for more
            with _lock:
                # From http, nothing may be taken for a secure cookie of its name ("leave secure cookies alone").
                if self._secure and url.origin[0] != "https":
                    below = [domain for domain in self._index if domain.endswith("." + cookie.domain)]
                    near = self._at([*_domains(cookie.domain), *below])
                    if any(other.secure and other.name == cookie.name and other.covers(cookie.path) for other in near):
                        continue
                self.set_cookie(cookie)

    def extract_cookies(self, response: Any, request: Any) -> None:
        """Take the cookies of a response to a request, as http.cookiejar does: both are like urllib.request's."""
        self.store(split_url(request.get_full_url()), response.info().get_all("Set-Cookie", []))

    def header(self, url: SplitURL) -> str | None:
        """Return the value of Cookie for a request to url (s5.8.3), None when there is nothing to tell."""
        scheme, host, _ = url.origin
        found = [cookie for cookie in self._at(_domains(host))
                 if (not cookie.secure or scheme == "https") and (not cookie.host_only or cookie.domain == host)
                 and cookie.covers(url.path)]
        found.sort(key=lambda cookie: -len(cookie.path))
        for cookie in found:
            cookie.used = time()
        return "; ".join([f"{cookie.name}={cookie.value}" if cookie.name else cookie.value for cookie in found]) or None

    def set(self, name: str, value: str | None, *, domain: str | None = None, path: str | None = None,
            secure: bool = False, expires: float | None = None, http_only: bool = False,
            rest: Iterable[str] = (), **others: object) -> Cookie | None:
        """Set a cookie and return it, or with the value None remove it. Raises InvalidHeader for what reads as another.

        Keywords of http.cookiejar are understood: HttpOnly in rest counts, what RFC 6265 has done away with does not.
        """
        if unknown := others.keys() - _OTHERS:
            raise TypeError(f"a cookie has no {', '.join(sorted(unknown))}")
        if value is None:
            self.clear(domain, path, name)
            return None
        both = name + value if isinstance(name, str) and isinstance(value, str) else ""
        if not both or "=" in name or ";" in both or _CONTROL.search(both):
            words = "a cookie is two str without control characters and ';', nor '=' in its name"
            raise InvalidHeader(f"{words}: {name!r}")
        domain = (domain or "").removeprefix(".").lower()
        http_only = http_only or not {*rest}.isdisjoint(_HTTP_ONLY)
        cookie = Cookie(plain(name), plain(value), domain, path or "/", False, secure, http_only, expires)
        self.set_cookie(cookie)
        return cookie

    def set_cookie(self, cookie: Any) -> None:
        """Take a Cookie, ours or http.cookiejar's; one that is in a jar already is copied."""
        if isinstance(cookie, Cookie):
            return self._keep(Cookie(*_fields(cookie)) if cookie.created else cookie)
        domain = cookie.domain.removeprefix(".").lower()
        if domain.count(".") == 1:
            domain = domain.removesuffix(".local")  # which http.cookiejar adds to hosts without a dot
        name, value = ("", cookie.name) if cookie.value is None else (cookie.name, cookie.value)
        host_only = domain != "" and not cookie.domain_specified
        http_only = any(map(cookie.has_nonstandard_attr, _HTTP_ONLY))
        return self._keep(Cookie(name, value, domain, cookie.path, host_only, cookie.secure, http_only, cookie.expires))

    def update(self, cookies: Iterable[object]) -> None:
        """Set all of a mapping, (name, value) pairs, or a jar, ours or http.cookiejar's. Raises InvalidHeader."""
        if isinstance(cookies, Mapping) and not hasattr(cookies, "set_cookie"):  # requests' jar is a mapping, and more
            cookies = cookies.items()
        for item in list(cookies) if isinstance(cookies, Iterable) else [cookies]:
            if isinstance(item, (tuple, list)) and len(item) == 2:
                self.set(*item)
            elif hasattr(item, "domain"):
                self.set_cookie(item)
            else:
                raise InvalidHeader(f"cookies are a mapping, (name, value) pairs or a jar, not {type(item).__name__}")

    def get(self, name: str, default: str | None = None, domain: str | None = None,
            path: str | None = None) -> str | None:
        """Return a cookie's value. Raises CookieConflictError when several answer to that."""
        found = self._select(domain, path, name)
        if len(found) > 1:
            raise CookieConflictError(f"several cookies are called {name!r}: {found}")
        return found[0].value if found else default

    def __getitem__(self, name: str) -> str:
        if (value := self.get(name)) is None:
            raise KeyError(name)
        return value

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Mapping):
            return self.get_dict() == other
        return {*map(_fields, self)} == {*map(_fields, other)} if isinstance(other, CookieJar) else NotImplemented

    __hash__ = None  # type: ignore[assignment]  # mutable, as dict is
    def __setitem__(self, name: str, value: str | None) -> None: self.set(name, value)
    def __delitem__(self, name: str) -> None: self.clear(name=name)
    def __contains__(self, name: object) -> bool: return any(cookie.name == name for cookie in self)
    def __iter__(self) -> Iterator[Cookie]: return iter(self._select())
    def __len__(self) -> int: return len(self._select())
    def __repr__(self) -> str: return f"<CookieJar [{len(self)}]>"
    def __reduce__(self) -> tuple[type[CookieJar], tuple[list[Cookie]]]: return type(self), (list(self),)
    def copy(self) -> CookieJar: return type(self)(self)
    def keys(self) -> list[str]: return [cookie.name for cookie in self]
    def values(self) -> list[str]: return [cookie.value for cookie in self]
    def items(self) -> list[tuple[str, str]]: return [(cookie.name, cookie.value) for cookie in self]
    def get_dict(self, domain: str | None = None, path: str | None = None) -> dict[str, str]:
        return {cookie.name: cookie.value for cookie in self._select(domain, path)}
    def list_domains(self) -> list[str]: return list(dict.fromkeys(cookie.domain for cookie in self))
    def list_paths(self) -> list[str]: return list(dict.fromkeys(cookie.path for cookie in self))
    def multiple_domains(self) -> bool: return len(self.list_domains()) > 1
    def clear(self, domain: str | None = None, path: str | None = None, name: str | None = None) -> None:
        self._remove(self._select(domain, path, name))
    def clear_expired_cookies(self) -> None: self._select()
    def clear_session_cookies(self) -> None: self._remove([cookie for cookie in self if cookie.expires is None])

    def as_http_cookiejar(self) -> Any:
        """Return an http.cookiejar.CookieJar with the same cookies."""
        from http import cookiejar

        jar = cookiejar.CookieJar()
        for cookie in self:
            below = cookie.domain != "" and not cookie.host_only
            domain = "." * below + cookie.domain + ".local" * (cookie.domain != "" and "." not in cookie.domain)
            name, value = (cookie.name, cookie.value) if cookie.name else (cookie.value, None)
            expires = None if cookie.expires is None else int(cookie.expires)
            jar.set_cookie(cookiejar.Cookie(
                0, name, value, None, False, domain, below, below, cookie.path, True, cookie.secure, expires,
                expires is None, None, None, dict.fromkeys(_HTTP_ONLY, "") if cookie.http_only else {}))
        return jar

    def _at(self, domains: Iterable[str]) -> list[Cookie]:
        """Return the cookies of domains in order of creation, and let go of those that are over (s5.7)."""
        now = time()
        with _lock:
            cookies = [cookie for domain in domains if domain in self._index for cookie in self._index[domain].values()]
            if over := [cookie for cookie in cookies if cookie.is_expired(now)]:
                self._remove(over)
                cookies = [cookie for cookie in cookies if not cookie.is_expired(now)]
        cookies.sort(key=attrgetter("created"))
        return cookies

    def _select(self, domain: str | None = None, path: str | None = None, name: str | None = None) -> list[Cookie]:
        domain = domain and domain.removeprefix(".").lower()
        return [cookie for cookie in self._at(self._index) if domain in (None, cookie.domain)
                and path in (None, cookie.path) and name in (None, cookie.name)]

    def _keep(self, cookie: Cookie) -> None:
        with _lock:
            here, key, now = self._index.setdefault(cookie.domain, {}), _key(cookie), time()
            old = here.get(key)
            self._created += 1
            # A cookie that is renewed keeps its creation time, and so its place in the header (s5.7).
            cookie.created = old.created if old and not old.is_expired(now) else self._created
            cookie.used, here[key], self._secure = now, cookie, self._secure or cookie.secure
            crowded = len(here) > 180
            if cookie.domain and (crowded or self._created % 100 == 0):
                # In the RFC's order; a tenth at once, so that a full jar is not sorted for every cookie.
                cookies = self._at([cookie.domain] if crowded else filter(None, self._index))
                cookies.sort(key=lambda cookie: (crowded and cookie.secure, cookie.used))
                self._remove(cookies[: len(cookies) // 10] if len(cookies) > (180 if crowded else 3000) else [])

    def _remove(self, cookies: Iterable[Cookie]) -> None:
        with _lock:
            for cookie in cookies:
                here, key = self._index.get(cookie.domain, {}), _key(cookie)
                if here.get(key) is cookie and here.pop(key) and not here:
                    del self._index[cookie.domain]


def as_jar(cookies: Iterable[object] | None) -> CookieJar:
    """Return cookies in a CookieJar; a CookieJar is that already."""
    with _lock:  # while remember() fills one of http.cookiejar anew, it is not to be read
        return cookies if isinstance(cookies, CookieJar) else CookieJar(cookies or ())


def remember(jar: Any, url: SplitURL, lines: Iterable[str]) -> None:
    """Have a jar take the Set-Cookie lines of a response; it may be one of http.cookiejar, which its owner saves."""
    with _lock:
        ours = as_jar(jar)
        ours.store(url, lines)
        if ours is not jar:
            jar.clear()
            for cookie in ours.as_http_cookiejar():
                jar.set_cookie(cookie)


def cookiejar_from_dict(cookies: Any, jar: CookieJar | None = None, overwrite: bool = True) -> CookieJar:
    """Set a dict's cookies in jar, by default a new one, and return it."""
    jar = CookieJar() if jar is None else jar
    jar.update([(name, value) for name, value in (cookies or {}).items() if overwrite or name not in jar])
    return jar


@lru_cache(100)
def _domains(host: str) -> tuple[str, ...]:
    """Return the domains that host domain-matches (s5.1.3), and "" for the cookies of every host."""
    # No address lies below another.
    labels = [host] if _ADDRESS.fullmatch(host) else host.split(".")
    return (*(".".join(labels[start:]) for start in range(len(labels))), "")


def _parse(url: SplitURL, line: str) -> Cookie | None:
    """Return the cookie of a Set-Cookie line (s5.6); None when there is none that url may set (s5.7)."""
    (scheme, host, _), now = url.origin, time()
    pair, *attributes = line.split(";")
    name, value = [part.strip(" \t") for part in (pair if "=" in pair else "=" + pair).split("=", 1)]
    found: dict[str, str] = {}
    for attribute in attributes:
        key, _, text = attribute.partition("=")
        key, text = key.strip(" \t").lower(), text.strip(" \t")
        fits = len(text) <= 1024 and (key != "max-age" or _SECONDS.fullmatch(text))
        if fits and (key != "expires" or cookie_date(text) is not None):
            found[key] = text
    domain, path, secure = found.get("domain", "").removeprefix(".").lower(), found.get("path", ""), "secure" in found
    if not path.startswith("/"):
        path = url.path[: url.path.rfind("/")] or "/"
    prefix = (name or value).lower()
    # Without a list of public suffixes, a label alone is taken for one: the host itself may, nobody below it.
    if domain == host and "." not in domain:
        domain = ""
    if (not prefix or len(name) + len(value) > 4096 or len(path) > 1024 or _CONTROL.search(line)
            or (not name and "=" in value)  # it would be told as one that has a name
            or (domain and ("." not in domain.strip(".") or domain not in _domains(host)))
            or (secure and scheme != "https")
            or (prefix.startswith(("__secure-", "__host-")) and not (name and secure))
            or (prefix.startswith("__host-") and (domain or path != "/" or "path" not in found))):
        return None
    expires = None
    if "max-age" in found:
        expires = now + min(age, _LONGEST_LIFE) if (age := int(found["max-age"])) > 0 else 0.0
    elif "expires" in found:
        expires = min(cookie_date(found["expires"]) or 0.0, now + _LONGEST_LIFE)
    return Cookie(name, value, domain or host, path, not domain, secure, "httponly" in found, expires)


@lru_cache(100)
def cookie_date(text: str) -> float | None:
    """Return what an Expires means in epoch seconds, None when it is no date (s5.1.1)."""
    from datetime import datetime, timezone

    tokens, found = _DATE_TOKEN.findall(text), []
    try:
        for pattern in _DATE:
            match = next(filter(None, [re.match(pattern, token) for token in tokens]))
            tokens.remove(match.string)
            found.append(match[0])
        hour, minute, second = map(int, found[0].split(":"))
        day, month, year = int(found[1]), _MONTHS.index(found[2].lower()) + 1, int(found[3])
        year += 2000 if year < 70 else 1900 if year < 100 else 0
        date = datetime(year, month, day, hour, minute, second, tzinfo=timezone.utc)
    except (StopIteration, ValueError):
        return None
    return date.timestamp() if year >= 1601 else None


RequestsCookieJar = CookieJar  # as users of requests know it
