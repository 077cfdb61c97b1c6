"""Who is asking: credentials, and who gets them (RFC 9110 section 11; Basic is RFC 7617, Digest RFC 7616)."""

from __future__ import annotations

import os
import re
from binascii import b2a_base64
from collections.abc import Callable, Sequence
from itertools import count
from urllib.parse import quote

from .environment import netrc_for
from .exceptions import AuthenticationError
from .packages.poster.connect import Origin
from .packages.poster.headers import Headers
from .typed import Any
from .urls import SplitURL, split_url


class AuthBase:
    """What auth= takes: called with a PreparedRequest it sets fields (here `field`, to header()) and returns it."""

    field = "Authorization"

    def __call__(self, request: Any) -> Any:
        request.headers[self.field] = self.header()
        return request

    def header(self) -> str:
        raise NotImplementedError(f"{type(self).__name__} has neither header() nor __call__()")

    def answer(self, request: Any, status: int, headers: Headers) -> bool:
        """Hear of every response; tell whether to call this once more and send the request again."""
        return False


class _Login(AuthBase):
    def __init__(self, username: str | bytes, password: str | bytes) -> None:
        self.username, self.password = username, password

    # fmt: off
    def __repr__(self) -> str: return f"<{type(self).__name__} [{self.username!r}]>"
    def __hash__(self) -> int: return hash((self.username, self.password))
    def __eq__(self, other: object) -> bool:
        return isinstance(other, type(self)) and (self.username, self.password) == (other.username, other.password)
    # fmt: on


class AuthObject(_Login):
    """A username and a password for HTTP Basic authentication (RFC 7617); a tuple of both is taken for one."""

    def header(self) -> str:
        """Return the field's value. Raises AuthenticationError for a colon in the username."""
        username, password = _octets(self.username), _octets(self.password)
        if b":" in username:
            raise AuthenticationError("a username for Basic authentication cannot hold a colon (RFC 7617)")
        return "Basic " + b2a_base64(username + b":" + password, newline=False).decode("ascii")


class HTTPProxyAuth(AuthObject):
    """A username and a password for a proxy."""

    field = "Proxy-Authorization"


class HTTPBearerAuth(AuthBase):
    """A bearer token (RFC 6750); a str as auth= is one."""

    def __init__(self, token: str) -> None:
        self.token = token

    def header(self) -> str: return f"Bearer {self.token}"  # fmt: skip


class HTTPDigestAuth(_Login):
    """A username and a password for Digest authentication (RFC 7616): MD5, SHA-256, SHA-512-256; qop=auth or none."""

    def __init__(self, username: str | bytes, password: str | bytes) -> None:
        super().__init__(username, password)
        # By origin, so that none hears what is another's: the challenge, our nonce, and the number of its next use,
        # which threads may draw at once.
        self._spaces: dict[Origin, tuple[dict[str, str], str, count[int]]] = {}

    def __getstate__(self) -> dict[str, object]:
        return {**self.__dict__, "_spaces": {}}

    def __call__(self, request: Any) -> Any:
        if space := self._spaces.get(request.target.origin):
            challenge, cnonce, uses = space
            line = request.method, request.target.target
            request.headers[self.field] = digest(challenge, self, *line, next(uses), cnonce)
        elif request.headers.get(self.field, "").startswith("Digest "):
            del request.headers[self.field]  # it came along with a redirect, from http to https
        return request

    def answer(self, request: Any, status: int, headers: Headers) -> bool:
        """Learn the nonce to use. Raises AuthenticationError when the server wants what is not supported."""
        origin = request.target.origin
        challenge = self._spaces.get(origin, ({},))[0]
        if status == 401:
            offer = strongest(headers.getlist("www-authenticate"))
            sent = dict(challenges(request.headers.getlist(self.field))).get("digest")
            stale, again = (given.get("stale", "").lower() == "true" for given in (offer or {}, challenge))
            # A nonce used before may have run out, whether the server says so or not. If it was new and is not called
            # stale, the password is wrong; if two in a row are stale, no nonce will do.
            new = sent is not None and sent.get("nc", "00000001") == "00000001"
            if offer is None or (new and (again or not stale)):
                self._spaces.pop(origin, None)
                return False
        else:
            # RFC 7616 s3.5. The key of a session (-sess) is made of its first nonce, so it goes on with that.
            info = dict(challenges(["Digest " + value for value in headers.getlist("authentication-info")]))
            nonce = info.get("digest", {}).get("nextnonce")
            if not challenge or nonce is None or challenge.get("algorithm", "").lower().endswith("-sess"):
                return False
            offer = {**challenge, "nonce": nonce, "stale": "false"}
        self._spaces[origin] = offer, os.urandom(16).hex(), count(1)
        return status == 401


# What a server may ask for, strongest first, and hashlib's name for it (RFC 7616 s6.1); each has a -sess beside it.
_HASHES = {"SHA-512-256": "sha512_256", "SHA-256": "sha256", "MD5": "md5"}


def strongest(values: list[str]) -> dict[str, str] | None:
    """Return the Digest challenge to answer, None where there is none. Raises AuthenticationError when none can be."""
    from hashlib import algorithms_available

    offers = [offer for scheme, offer in challenges(values) if scheme == "digest" and {"realm", "nonce"} <= {*offer}]
    for algorithm, name in _HASHES.items():
        for offer in offers if name in algorithms_available else ():
            fits = offer.get("algorithm", "MD5").upper().removesuffix("-SESS") == algorithm
            if fits and "auth" in (offer.get("qop") or "auth").lower().replace(",", " ").split():
                return offer
    if offers:
        asked = " or ".join(f"{offer.get('algorithm', 'MD5')}, qop={offer.get('qop', 'auth')}" for offer in offers)
        raise AuthenticationError(f"Digest with {asked[:200]} is not supported; {', '.join(_HASHES)}, qop=auth are")
    return None


def digest(challenge: dict[str, str], login: _Login, method: str, target: str, uses: int, cnonce: str) -> str:
    """Return the value of Authorization that answers a Digest challenge (RFC 7616 s3.4)."""
    from hashlib import new

    algorithm, realm, nonce = challenge.get("algorithm", "MD5").upper(), challenge["realm"], challenge["nonce"]
    name, session = _HASHES[algorithm.removesuffix("-SESS")], algorithm.endswith("-SESS")

    def hashed(*parts: str) -> str:
        # The choice is the server's, and a strict OpenSSL refuses MD5 for what it is told is security.
        return new(name, ":".join(parts).encode("latin-1"), usedforsecurity=False).hexdigest()

    # Octets stand here as latin-1, as in fields: what came from the server goes back to it unchanged.
    charset = "utf-8" if challenge.get("charset", "").lower() == "utf-8" else "latin-1"
    username, password = (_octets(text, charset).decode("latin-1") for text in (login.username, login.password))
    key = hashed(username, realm, password)
    quoted = {"username": username, "realm": realm, "nonce": nonce, "uri": target}
    bare = {"algorithm": challenge.get("algorithm", "")}
    if session:
        key, quoted["cnonce"] = hashed(key, nonce, cnonce), cnonce
    if challenge.get("qop"):  # RFC 2069 had none
        bare |= {"qop": "auth", "nc": f"{uses:08x}"}
        quoted["cnonce"], nonce = cnonce, f"{nonce}:{uses:08x}:{cnonce}:auth"
    quoted["response"] = hashed(key, nonce, hashed(method, target))
    quoted |= {"opaque": challenge["opaque"]} if "opaque" in challenge else {}
    if challenge.get("userhash", "").lower() == "true":
        quoted["username"], bare["userhash"] = hashed(username, realm), "true"
    elif charset == "utf-8" and not username.isascii():  # RFC 7616 s3.4.4
        bare["username*"] = "UTF-8''" + quote(quoted.pop("username"), safe="!#$&+-.^_`|~", encoding="latin-1")
    escaped = {name: re.sub(r'["\\]', r"\\\g<0>", value) for name, value in quoted.items()}  # RFC 9110 s5.6.4
    fields = [f'{name}="{value}"' for name, value in escaped.items()]
    return "Digest " + ", ".join([*fields, *(f"{name}={value}" for name, value in bare.items() if value)])


# An element of a list, with a quoted string in one piece even if it never ends; and what is in it: a scheme, its
# token68, a parameter. Neither pattern ever goes back further than to where a name began. re compiles them when first
# needed.
_TOKEN = r"([!#$%&'*+\-.^_`|~0-9A-Za-z]+)"
_ELEMENT = r'(?s)(?:[^",]|"(?:[^"\\]|\\.)*"?)+'
_PARTS = rf"""(?sx) (?: {_TOKEN} (?: [ \t]+ (?![ \t=]) | $ ) )?
    (?: ([A-Za-z0-9\-._~+/]+=*) $ | {_TOKEN} [ \t]* = [ \t]* (?: "((?: [^"\\] | \\. )*)" | ([^\s"]+) ) $ | .* )"""


def challenges(values: list[str]) -> list[tuple[str, dict[str, str]]]:
    """Return (scheme, parameters) for each challenge in values of WWW-Authenticate (RFC 9110 s11.6.1).

    Schemes and names come in lower case, a token68 has the name ''; the first of a name counts, what is malformed not.
    """
    found: list[tuple[str, dict[str, str]]] = []
    for value in values:
        parameters: dict[str, str] = {}  # those before any scheme are nobody's
        for element in re.findall(_ELEMENT, value):
            scheme, token68, name, text, token = re.findall(_PARTS, element.strip())[0]
            if scheme:
                parameters = {"": token68} if token68 else {}
                found.append((scheme.lower(), parameters))
            if name:
                parameters.setdefault(name.lower(), token or re.sub(r"(?s)\\(.)", r"\1", text))
    return found


HTTPBasicAuth = AuthObject
Auth = AuthBase | tuple[str, str] | str | Callable[..., object]

# (URL prefix, credentials), as add_autoauth() got them; the latest wins.
AUTOAUTHS: list[tuple[str, Callable[..., Any]]] = []


def add_autoauth(url: str, authobject: Auth) -> None:
    """Use credentials for every request below url that brings none of its own.

    Below is what has the same scheme, host and port, and a path that goes on from url's path at a slash: never by
    substring, which would hand passwords to strangers.
    """
    AUTOAUTHS.append((split_url(url).url, as_auth(authobject)))


def as_auth(auth: object) -> Any:
    """Return what auth= was given as what to call. Raises AuthenticationError when it is nothing of the kind."""
    if isinstance(auth, (tuple, list)) and len(auth) == 2:
        return AuthObject(auth[0], auth[1])
    if isinstance(auth, str) and auth and ":" not in auth and " " not in auth:
        return HTTPBearerAuth(auth)
    if callable(auth):
        return auth
    words = "(username, password), a bearer token without colon or space, or a function of the request"
    raise AuthenticationError(f"auth= is {words}, not this {type(auth).__name__}")


def credentials_for(url: SplitURL, autoauths: Sequence[tuple[str, Callable[..., Any]]], netrc: bool = False) -> Any:
    """Return what to call for a request without auth=, or None: userinfo in its URL, the latest autoauth, netrc."""
    if url.userinfo is not None:
        return AuthObject(*url.userinfo)
    for prefix, credentials in reversed(autoauths):
        above = split_url(prefix)
        if url.origin == above.origin and (url.path + "/").startswith(above.path.rstrip("/") + "/"):
            return credentials
    login = netrc_for(url.origin[1]) if netrc else None
    return AuthObject(*login) if login else None


def _octets(text: str | bytes, charset: str = "latin-1") -> bytes:
    if not isinstance(text, (str, bytes)):
        raise AuthenticationError(f"username and password are str or bytes, not {type(text).__name__}")
    try:
        return text if isinstance(text, bytes) else text.encode(charset)
    except UnicodeEncodeError:
        if charset == "latin-1":
            return _octets(text, "utf-8")
        raise AuthenticationError("username or password holds a lone surrogate, which no charset has") from None
