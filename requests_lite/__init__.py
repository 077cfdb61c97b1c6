"""requests_lite: HTTP for people, small enough to read in one evening.

Upstairs is RFC 9110, what a message means: core, and beside it response, redirects, content, auth, urls, exceptions.
Downstairs is RFC 9112, how a message travels: packages.poster, from the connection to the multipart encoder.
Upstairs calls down, downstairs never looks up; whoever knows HTTP knows where everything is.
"""

# fmt: off
from .auth import AuthObject, add_autoauth
from .core import Request, __version__, delete, get, head, options, patch, post, put, request
from .exceptions import (
    AuthenticationError, ChunkedEncodingError, ConnectTimeout, ConnectionError, ContentDecodingError, HTTPError,
    IncompleteRead, InvalidContent, InvalidHeader, InvalidJSONError, InvalidMethod, InvalidSchema, InvalidTimeout,
    InvalidURL, JSONDecodeError, MissingSchema, ProtocolError, ProxyError, ReadTimeout, RequestException, SSLError,
    StreamConsumedError, Timeout, TooManyRedirects, URLRequired, UnrewindableBodyError,
)
from .packages.poster.headers import Headers
from .response import PreparedRequest, Response

__all__ = [
    "AuthObject", "AuthenticationError", "ChunkedEncodingError", "ConnectTimeout", "ConnectionError",
    "ContentDecodingError", "HTTPError", "Headers", "IncompleteRead", "InvalidContent", "InvalidHeader",
    "InvalidJSONError", "InvalidMethod", "InvalidSchema", "InvalidTimeout", "InvalidURL", "JSONDecodeError",
    "MissingSchema", "PreparedRequest", "ProtocolError", "ProxyError", "ReadTimeout", "Request", "RequestException",
    "Response", "SSLError", "StreamConsumedError", "Timeout", "TooManyRedirects", "URLRequired",
    "UnrewindableBodyError", "__version__", "add_autoauth", "delete", "get", "head", "options", "patch", "post",
    "put", "request",
]
# fmt: on
