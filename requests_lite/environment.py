"""What the environment says, always the weakest voice: proxies, CA bundles, netrc; read again only when it changes."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from functools import lru_cache

from .exceptions import InvalidProxyURL
from .packages.poster.connect import Origin

# os.environ takes 0.7 us to tell of one variable that it is not set; the dictionary behind it tells of all in less.
_raw: Mapping[str, str] = getattr(os.environ, "_data", os.environ)  # bytes, but on Windows
_key = getattr(os.environ, "encodekey", str)

_PROXIES = "http_proxy HTTP_PROXY https_proxy HTTPS_PROXY all_proxy ALL_PROXY".split()
_ROUTE = [*_PROXIES, "no_proxy", "NO_PROXY", "REQUEST_METHOD"]
_PROXY_KEYS, _ROUTE_KEYS = [*map(_key, _PROXIES)], [*map(_key, _ROUTE)]
_REQUESTS_CA, _CURL_CA, _NETRC = map(_key, ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "NETRC"))
_HOME = _key("USERPROFILE" if os.name == "nt" else "HOME")


def proxy_for(origin: Origin) -> str | None:
    """Return the URL of the proxy that the environment has for origin: http_proxy, https_proxy, all_proxy, no_proxy."""
    return None if _raw.keys().isdisjoint(_PROXY_KEYS) else _route(origin, *map(_raw.get, _ROUTE_KEYS))


@lru_cache(1000)
def _route(origin: Origin, *seen: str | None) -> str | None:
    return proxy_among(_proxies(seen), origin)


def _proxies(seen: Iterable[str | None]) -> dict[str, str]:
    said = {name: os.fsdecode(value) for name, value in zip(_ROUTE, seen, strict=True) if value is not None}
    if "REQUEST_METHOD" in said:
        # httpoxy: to a CGI script, HTTP_PROXY is the field Proxy of whoever asks. Names on Windows have no case.
        for name in ("HTTP_PROXY", "http_proxy")[: 2 if os.name == "nt" else 1]:
            said.pop(name, None)
    proxies = {name: said.get(f"{name}_proxy", said.get(f"{name.upper()}_PROXY")) for name in ("http", "https", "all")}
    proxies["no_proxy"] = said.get("no_proxy", said.get("NO_PROXY"))
    return {name: value for name, value in proxies.items() if value}


def proxy_among(proxies: Mapping[str, str | None], origin: Origin) -> str | None:
    """Return the URL of the proxy that proxies= has for origin, None for a direct way.

    The keys are, the first one wins, 'scheme://host', 'scheme', 'all://host', 'all'; 'no_proxy' lists exceptions.
    """
    if not isinstance(proxies, Mapping):  # in a str every part of it would count as a key
        raise InvalidProxyURL(f"proxies= is a mapping, as {{'all': 'http://proxy:3128'}}, not {type(proxies).__name__}")
    _, host, port = origin
    proxy = next((proxies[name] for name in names_of(origin) if name in proxies), None)
    if not proxy or bypasses(proxies.get("no_proxy") or "", host, port):
        return None
    return proxy if "://" in proxy else f"http://{proxy}"


def names_of(origin: Origin) -> dict[str, None]:
    """Return the keys of proxies= that are about an origin, the one that counts most first."""
    scheme, host, _ = origin
    return dict.fromkeys((f"{scheme}://{host}", scheme, f"all://{host}", "all"))


def bypasses(no_proxy: str, host: str, port: int) -> bool:
    """Tell whether a list such as 'localhost, .example.com, 10.0.0.0/8, api.example.org:8080' names a host; '*' does.

    A name covers its subdomains. What is no name, address or network covers nothing.
    """
    return any(_covers(entry, host.lower(), port) for entry in no_proxy.lower().replace(",", " ").split())


def _covers(entry: str, host: str, port: int) -> bool:
    before, colon, digits = entry.rpartition(":")
    if colon and (before.endswith("]") or ":" not in before):  # else it is an IPv6 address
        if digits != str(port):
            return False
        entry = before
    if entry == "*":
        return True
    if ":" in host or host.replace(".", "").isdigit():
        # Not by its end, as a name: 0.0.1 is no part of 10.0.0.1.
        from ipaddress import ip_address, ip_network

        try:
            network = entry[1:-1] if entry.startswith("[") and entry.endswith("]") else entry
            return ip_address(host) in ip_network(network, strict=False)
        except ValueError:
            return False
    name = entry[2:] if entry.startswith("*.") else entry.removeprefix(".")
    return name != "" and f".{host}".removesuffix(".").endswith("." + name.removesuffix("."))


def ca_bundle() -> str | None:
    """Return the path in REQUESTS_CA_BUNDLE or CURL_CA_BUNDLE; SSL_CERT_FILE and SSL_CERT_DIR are OpenSSL's own."""
    path = _raw.get(_REQUESTS_CA) or _raw.get(_CURL_CA)
    return os.fsdecode(path) if path else None


def netrc_file() -> str | None:
    """Return the path of the netrc file, when it is there: NETRC, else ~/.netrc or ~/_netrc."""
    given = os.environ.get("NETRC")
    paths = map(os.path.expanduser, [given] if given else ["~/.netrc", "~/_netrc"])
    return next(filter(os.path.exists, paths), None)


def netrc_for(host: str) -> tuple[str, str] | None:
    """Return (login, password) that the netrc file has for a host, or by default."""
    machines = netrc_machines()
    return machines.get(host) or machines.get("default")


def netrc_machines() -> dict[str, tuple[str, str]]:
    """Return (login, password) by the names of hosts, as the netrc file has them."""
    return _machines(_raw.get(_NETRC), _raw.get(_HOME))


@lru_cache(1)
def _machines(*variables: str | None) -> dict[str, tuple[str, str]]:  # which say where the file is
    if not (path := netrc_file()):
        return {}
    from netrc import NetrcParseError, netrc

    try:
        hosts = netrc(path).hosts
    except (NetrcParseError, OSError, UnicodeError):
        return {}  # it is other programs' file as well: what is wrong with it is no reason not to send
    return {
        host.lower(): (login or account or "", password or "")
        for host, (login, account, password) in hosts.items()
        if login or account or password
    }
