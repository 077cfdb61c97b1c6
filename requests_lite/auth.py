"""Who is asking: credentials, and who gets them (RFC 9110 section 11, RFC 7617)."""

from __future__ import annotations

from binascii import b2a_base64

from .exceptions import AuthenticationError
from .urls import SplitURL, split_url


class AuthObject:
    """A username and a password for HTTP Basic authentication (RFC 7617).

        requests_lite.get(url, auth=AuthObject("kennethreitz", "xxxxxx"))

    A tuple (username, password) is taken for one everywhere.
    """

    def __init__(self, username: str | bytes, password: str | bytes) -> None:
        self.username = username
        self.password = password

    def __repr__(self) -> str:
        return f"<AuthObject [{self.username!r}]>"

    def __eq__(self, other: object) -> bool:
        if isinstance(other, AuthObject):
            return (self.username, self.password) == (other.username, other.password)
        return NotImplemented

    def __hash__(self) -> int:
        return hash((self.username, self.password))

    def header(self) -> str:
        """Return the value of Authorization. Raises AuthenticationError for a colon in the username."""
        username, password = _octets(self.username), _octets(self.password)
        if b":" in username:
            raise AuthenticationError("a username for Basic authentication cannot hold a colon (RFC 7617)")
        return "Basic " + b2a_base64(username + b":" + password, newline=False).decode("ascii")


Auth = AuthObject | tuple[str, str]

# (URL prefix, credentials), as add_autoauth() got them; the latest wins.
AUTOAUTHS: list[tuple[str, AuthObject]] = []


def add_autoauth(url: str, authobject: Auth) -> None:
    """Use credentials for every request below url that brings none of its own.

    A request is below url when scheme, host and port are the same and the path goes on from url's path at a
    slash: never by substring, which would hand passwords to strangers.

        add_autoauth("https://api.example.com/v1", ("user", "pass"))
    """
    AUTOAUTHS.append((split_url(url).url, as_auth(authobject)))


def as_auth(auth: object) -> AuthObject:
    """Return auth as an AuthObject. Raises AuthenticationError when it is nothing of the kind."""
    if isinstance(auth, AuthObject):
        return auth
    if isinstance(auth, (tuple, list)) and len(auth) == 2:
        return AuthObject(auth[0], auth[1])
    raise AuthenticationError(f"auth is an AuthObject or (username, password), not {type(auth).__name__}")


def credentials_for(url: SplitURL, autoauths: list[tuple[str, AuthObject]]) -> AuthObject | None:
    """Return the credentials for a request that brings none: those in its URL, else the latest autoauth above it."""
    if url.userinfo is not None:
        return AuthObject(*url.userinfo)
    for prefix, credentials in reversed(autoauths):
        above = split_url(prefix)
        path = above.path.rstrip("/")
        if url.origin == above.origin and (url.path + "/").startswith(path + "/"):
            return credentials
    return None


def _octets(text: str | bytes) -> bytes:
    if isinstance(text, bytes):
        return text
    if not isinstance(text, str):
        raise AuthenticationError(f"username and password are str or bytes, not {type(text).__name__}")
    try:
        return text.encode("latin-1")
    except UnicodeEncodeError:
        pass
    try:
        return text.encode("utf-8")
    except UnicodeEncodeError:
        raise AuthenticationError("username or password holds a lone surrogate, which no charset has") from None
