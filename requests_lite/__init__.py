"""requests_lite: HTTP for people, small enough to read in one evening.

Upstairs is RFC 9110, what a message means: core, and around it session, response, auth, cookies, content, exceptions.
Downstairs is RFC 9112, how a message travels: packages.poster, from the connection to the multipart encoder.
Upstairs calls down, downstairs never looks up; whoever knows HTTP knows where everything is.
"""

# fmt: off
from .adapters import BaseAdapter, HTTPAdapter, WSGIAdapter
from .auth import AuthBase, AuthObject, HTTPBasicAuth, HTTPBearerAuth, HTTPDigestAuth, HTTPProxyAuth, add_autoauth
from .core import Request, __version__, delete, get, head, options, patch, post, put, request
from .exceptions import (
    AuthenticationError, ChunkedEncodingError, ConnectTimeout, ConnectionError, ContentDecodingError, ContentTooLarge,
    HTTPError, IncompleteRead, InvalidContent, InvalidHeader, InvalidJSONError, InvalidMethod, InvalidProxyURL,
    InvalidSchema, InvalidTimeout, InvalidURL, JSONDecodeError, MissingSchema, ProtocolError, ProxyError, ReadTimeout,
    RequestException, RetryError, SSLError, StreamConsumedError, Timeout, TooManyRedirects, URLRequired,
    UnrewindableBodyError,
)
from .packages.poster.headers import Headers
from .prepared import PreparedRequest
from .response import Response
from .retries import Retry
from .session import Session, session
from .status_codes import codes

__all__ = [
    "AuthBase", "AuthObject", "AuthenticationError", "BaseAdapter", "ChunkedEncodingError", "ConnectTimeout",
    "ConnectionError", "ContentDecodingError", "ContentTooLarge", "HTTPAdapter", "HTTPBasicAuth", "HTTPBearerAuth",
    "HTTPDigestAuth", "HTTPError", "HTTPProxyAuth", "Headers", "IncompleteRead", "InvalidContent", "InvalidHeader",
    "InvalidJSONError", "InvalidMethod", "InvalidProxyURL", "InvalidSchema", "InvalidTimeout", "InvalidURL",
    "JSONDecodeError", "MissingSchema", "PreparedRequest", "ProtocolError", "ProxyError", "ReadTimeout", "Request",
    "RequestException", "Response", "Retry", "RetryError", "SSLError", "Session", "StreamConsumedError", "Timeout",
    "TooManyRedirects", "URLRequired", "UnrewindableBodyError", "WSGIAdapter", "__version__", "add_autoauth",
    "codes", "delete", "get", "head", "install_as_requests", "options", "patch", "post", "put", "request", "session",
]
# fmt: on

TYPE_CHECKING = False
if TYPE_CHECKING:
    from . import cookies as cookies
    from .drop_in import install_as_requests
else:

    def __getattr__(name: str) -> object:
        """Load what few programs need when it is asked for."""
        from importlib import import_module

        if name == "cookies":
            return import_module(".cookies", __name__)
        if name == "install_as_requests":
            return import_module(".drop_in", __name__).install_as_requests
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

    def __dir__() -> list[str]: return [*__all__, "cookies"]  # fmt: skip
