"""URLs: what a user writes, what goes on the wire (RFC 9110 section 4, RFC 3986)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from urllib.parse import quote, quote_from_bytes, unquote, unquote_to_bytes, urlencode, urljoin

from .exceptions import InvalidSchema, InvalidURL, MissingSchema
from .packages.poster.connect import DEFAULT_PORTS, Origin, authority
from .packages.poster.part import plain

Value = str | bytes | int | float | None
Pairs = Mapping[str, Value | Iterable[Value]] | Iterable[tuple[str, Value | Iterable[Value]]]
Params = Pairs | str | bytes | None

# These are compiled by re when they are first needed: an import has to be quick.
# RFC 3986 s3: scheme, "//" and authority, path, query, fragment. But "localhost:8000" is a host and a port.
_URL = r"([A-Za-z][A-Za-z0-9+.\-]*):(?!\d+(?:[/?#]|$))(.{0,2}[^/?#]*)([^?#]*)([^#]*)(.*)"
_CONTESTED = "[\u00df\u03c2\u200c\u200d]"
_NAME = r"[A-Za-z0-9._~\-]{1,254}"  # more than any name in the DNS has
_IPV6 = r"\[([0-9A-Fa-f:.]+(?:%[A-Za-z0-9._~\-]{1,64})?)\](?::(.*))?"
_UNFIT = r"[\x00-\x1f\x7f\ud800-\udfff]"
# What RFC 3986 lets stand in a path or query, and "%", which is looked at apart.
_SAFE = "!#$%&'()*+,/:;=?@[]~"
_DOTS = r"(?<=/)(?:\.|%2[eE]){1,2}(?=/|$)"  # %2E means the same as the dot itself (RFC 3986 s6.2.2.2)
_SOCKET = r"(?i)http\+unix:(?://[^/?#]*)?"
_LOCAL = r"(?i)http://localhost(?=[/?#]|$)"
_NO_HOST = r"(?i)(?:https?:)?//(?:[/?#]|$)"
_LONE_PERCENT = r"%(?![0-9A-Fa-f]{2})"


class SplitURL:
    """A URL in the parts that a request needs.

    `url` is the whole without userinfo, in the form in which it is shown and compared; `target` is the path with
    its query; `userinfo` is (username, password), decoded, or None; `fragment` begins with '#', or is ''.
    """

    def __init__(self, origin: Origin, target: str, fragment: str, userinfo: tuple[bytes, bytes] | None) -> None:
        scheme, host, port = origin
        name = authority(host, port, scheme) if port else quote(host, safe="")  # the latter is the path of a socket
        self.origin, self.target, self.fragment, self.userinfo = origin, target, fragment, userinfo
        self.path = target.partition("?")[0]
        self.url = f"{scheme}://{name}{target}{fragment}"


def split_url(url: object, params: Params = None) -> SplitURL:
    """Split a URL, params behind its query, what no wire may carry percent-encoded. Raises InvalidURL and its kin."""
    if not isinstance(url, str):
        url = url.decode("utf-8", "surrogateescape") if isinstance(url, bytes) else str(url)
    if params is not None:
        query = query_of(params)
        before, hash_, fragment = url.strip(" ").partition("#")
        joint = "" if not query or before.endswith(("?", "&")) else "&" if "?" in before else "?"
        url = before + joint + query + hash_ + fragment
    # A cache of long ones would hold much, and they seldom come twice.
    return _split(url) if len(url) <= 1000 else _split.__wrapped__(url)


@lru_cache(512)
def _split(url: str) -> SplitURL:
    url = url.strip(" ")
    if re.search(_UNFIT, url):
        raise InvalidURL("a URL holds no control characters (such as a line end) and no lone surrogates")
    if not (match := re.fullmatch(_URL, url)):
        raise MissingSchema(f"the URL {shown(url)!r} has no scheme; perhaps you meant https://{shown(url.lstrip('/'))}")
    scheme, start, path, query, fragment = match.groups()
    scheme = scheme.lower()
    if scheme not in DEFAULT_PORTS and not start.startswith("//"):  # an adapter may have a scheme of its own
        raise InvalidSchema(f"the scheme of a URL is http or https, not {scheme!r}")
    userinfo, at, place = start[2:].rpartition("@")
    # A browser takes a backslash for a slash, and so another host for the one meant.
    if "\\" in start:
        raise InvalidURL(f"the URL {shown(url)!r} has a backslash before its path")
    if not start.startswith("//") or (not place and scheme in DEFAULT_PORTS):
        hint = "; a socket's path has to be encoded: http+unix://%2Frun%2Fx.sock/" if re.match(_SOCKET, url) else ""
        raise InvalidURL(f"the URL {shown(url)!r} has no host{hint}")
    host, port = (unquote(place), 0) if scheme == "http+unix" or not place else _host_and_port(place, url)
    target = _without_dots(_encoded(path) or "/") + _encoded(query)
    username, _, password = userinfo.partition(":")
    credentials = (unquote_to_bytes(username), unquote_to_bytes(password)) if at else None
    origin = scheme, host, port or DEFAULT_PORTS.get(scheme, 0)
    return SplitURL(origin, target, _encoded(fragment), credentials)


def _host_and_port(place: str, url: str) -> tuple[str, int]:
    if place.startswith("["):
        if not (match := re.fullmatch(_IPV6, place)):
            raise InvalidURL(f"the URL {shown(url)!r} has a malformed IPv6 address")
        host, digits = match[1].replace("%25", "%"), match[2]  # "%": the zone of a link-local address (RFC 6874)
    else:
        host, _, digits = place.partition(":")
        if re.search(_CONTESTED, host):  # Python has IDNA 2003, which takes faß.de for fass.de, somebody else's
            raise InvalidURL(f"the URL {shown(url)!r} has a host that is read in two ways: give it as xn--...")
        try:
            host = host.encode("idna").decode("ascii")
        except UnicodeError:
            raise InvalidURL(f"the URL {shown(url)!r} has a host that is no domain name") from None
        if not re.fullmatch(_NAME, host):
            raise InvalidURL(f"the URL {shown(url)!r} has a malformed host")
    if digits and not (digits.isascii() and digits.isdigit() and 0 < int(digits[:6]) < 65536):
        raise InvalidURL(f"the URL {shown(url)!r} has a port that is not a number from 1 to 65535")
    return host.lower(), int(digits or 0)


def _encoded(text: str) -> str:
    return quote(re.sub(_LONE_PERCENT, "%25", text), safe=_SAFE)


def _without_dots(path: str) -> str:
    """Remove dot segments (RFC 3986 s5.2.4)."""
    path = re.sub(_DOTS, lambda segment: segment[0].lower().replace("%2e", "."), path)
    kept: list[str] = []
    segments = path.split("/")[1:]
    for segment in segments:
        if segment == "..":
            del kept[-1:]
        elif segment != ".":
            kept.append(segment)
    if segments[-1] in (".", ".."):
        kept.append("")
    return "/" + "/".join(kept)


def shown(url: str) -> str:
    """Return url fit for a message: not too long, and without whatever might be userinfo, be it malformed."""
    if "@" in url:
        scheme, slashes, _ = url.partition("//")
        url = (scheme + slashes if slashes and "@" not in scheme else "") + "***@" + url.rpartition("@")[2]
    return url if len(url) <= 200 else url[:200] + "..."


def query_of(*params: Params) -> str:
    """Return the query that params make, each a mapping, pairs, or a query in one string. Raises InvalidURL."""
    try:
        return "&".join(filter(None, map(encode_pairs, params))).replace("#", "%23")
    except (TypeError, ValueError) as error:
        raise InvalidURL(f"params= is a mapping, (name, value) pairs or a string: {error}") from error


def encode_pairs(pairs: Params) -> str:
    """Return pairs as application/x-www-form-urlencoded; None drops a pair, a list makes several of one name."""
    if pairs is None or isinstance(pairs, str):
        return pairs or ""
    if isinstance(pairs, bytes):
        return quote_from_bytes(pairs, safe=_SAFE)
    flat = []
    for pair in pairs.items() if isinstance(pairs, Mapping) else pairs:
        if not isinstance(pair, (tuple, list)) or len(pair) != 2:
            raise TypeError(f"not {type(pair).__name__}")
        name, value = pair
        values = [value] if isinstance(value, (str, bytes, bytearray)) or not isinstance(value, Iterable) else value
        flat += [(name, item) for item in values if item is not None]
    return urlencode([(_octets(name), _octets(item)) for name, item in flat])


def _octets(value: object) -> bytes:
    return bytes(value) if isinstance(value, (bytes, bytearray)) else plain(value).encode()


def join(base: str, reference: str) -> str:
    """Return the URL that reference means in a document at base (RFC 3986 s5). Raises InvalidURL."""
    # urljoin() would drop a control character or an empty host, and go elsewhere.
    if re.search(_UNFIT, reference) or re.match(_NO_HOST, reference):
        raise InvalidURL("the reference holds a control character, or no host where one should be")
    # urljoin() does not know the scheme of sockets; who answers at one hears that it is localhost.
    socket = re.match(_SOCKET, base)
    try:
        joined = urljoin(f"http://localhost{base[socket.end() :]}" if socket else base, reference)
    except ValueError:  # whose words have the userinfo in them
        raise InvalidURL(f"the reference {shown(reference)!r} is no URL") from None
    if re.match(_SOCKET, joined.lstrip()):
        raise InvalidURL("a reference leads to no other socket of this machine")  # a server elsewhere could wish for it
    return re.sub(_LOCAL, lambda _: socket[0], joined, count=1) if socket and re.match(_LOCAL, joined) else joined
