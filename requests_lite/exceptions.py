"""What can go wrong, for the user: RequestException and its tree, and one table from the engine's errors to it.

Every error has `request` and `response`, None where there was none. Messages name the URL and the peer, never a
field's value, a password or the userinfo of a URL.
"""

from __future__ import annotations

from .packages.poster import errors
from .packages.poster.encode import EncodeError, UnrewindableError
from .typed import Any


class RequestException(OSError):
    """The base of all errors of requests_lite; an OSError, as network errors are in Python."""

    def __init__(self, *args: object, request: Any = None, response: Any = None) -> None:
        super().__init__(*args)
        self.request: Any = getattr(response, "request", None) if request is None else request
        self.response: Any = response


# The tree, a line an error: what also catches it stands in brackets.
# fmt: off
class HTTPError(RequestException): """raise_for_status() met a 4xx or 5xx."""
class ConnectionError(RequestException): """No connection came about, or it was lost."""
class ProxyError(ConnectionError): """The proxy refused or failed."""
class SSLError(ConnectionError): """The TLS handshake failed; most often the certificate is not trusted."""
class ProtocolError(ConnectionError): """The answer is not HTTP/1.1: what was expected, what came."""
class Timeout(RequestException): """A wait reached its limit."""
class ConnectTimeout(ConnectionError, Timeout): """No connection in time; nothing was sent: it is safe to try again."""
class ReadTimeout(Timeout): """The server was silent for too long, or not done in the total time."""
class RetryError(RequestException): """A status stayed after all tries, and the Retry given calls that an error."""
class AuthenticationError(RequestException): """The credentials given cannot be used."""
class URLRequired(RequestException): """A request needs a URL."""
class TooManyRedirects(RequestException): """Redirects went on past the limit."""
class InvalidMethod(RequestException, ValueError): """The method is not one HTTP knows."""
class InvalidURL(RequestException, ValueError): """The URL has no host, or holds what a URL cannot hold."""
class MissingSchema(RequestException, ValueError): """The URL has no scheme, such as https://."""
class InvalidSchema(RequestException, ValueError): """The scheme is neither http nor https."""
class InvalidProxyURL(InvalidURL): """The URL of a proxy is none, or has a scheme that is not spoken."""
class InvalidHeader(RequestException, ValueError): """A field's name or value would break the message."""
class InvalidContent(RequestException, ValueError): """What cannot be sent, or is not as long as announced."""
class InvalidTimeout(RequestException, ValueError): """Not None, seconds, (connect, read) or (connect, read, total)."""
class UnrewindableBodyError(InvalidContent): """Content to be sent again cannot go back to its beginning."""
class ChunkedEncodingError(RequestException): """The body that came is malformed."""
class ContentDecodingError(RequestException): """The content does not decode as its Content-Encoding says."""
class ContentTooLarge(RequestException): """The content is larger than max_size= allows."""
class StreamConsumedError(RequestException, TypeError): """The content was already read as a stream and is gone."""
class InvalidJSONError(RequestException): """A value does not go into JSON, or text does not come out of it."""
class JSONDecodeError(InvalidJSONError, ValueError): """The content is not JSON."""
# fmt: on


class IncompleteRead(ChunkedEncodingError):
    """The body was cut. `got` bytes came of `of`, which is None where no length was announced."""

    got: int = 0
    of: int | None = None


def not_json(words: str, cause: Exception, request: object = None, response: object = None) -> JSONDecodeError:
    """Return a JSONDecodeError that `except json.JSONDecodeError` catches too, with its msg, doc and pos."""
    import json

    class Both(JSONDecodeError, json.JSONDecodeError):
        def __reduce__(self) -> tuple[object, ...]:
            return not_json, (words, ValueError(str(cause))), self.__dict__

    Both.__name__ = Both.__qualname__ = "JSONDecodeError"
    error = Both(words, request=request, response=response)
    error.msg, error.doc = getattr(cause, "msg", words), getattr(cause, "doc", "")
    error.pos, error.lineno, error.colno = (getattr(cause, name, 0) for name in ("pos", "lineno", "colno"))
    return error


_KINDS: dict[type[Exception], type[RequestException]] = {
    errors.TransferError: ConnectionError, errors.ProxyFailed: ProxyError, errors.TLSError: SSLError,
    errors.TransferTimeout: ReadTimeout, errors.ProtocolError: ProtocolError, errors.IncompleteBody: IncompleteRead,
    errors.InvalidMessage: InvalidContent, errors.UnrewindableContent: UnrewindableBodyError,
    EncodeError: InvalidContent, UnrewindableError: UnrewindableBodyError,
}  # fmt: skip
_PARTS = {"method": InvalidMethod, "target": InvalidURL, "field": InvalidHeader, "content": InvalidContent}
# OpenSSL's codes for a certificate that is right in all but who signed it.
_UNKNOWN_AUTHORITY = {2, 18, 19, 20, 21}
# What may come out of an exchange and is not yet the user's: from_engine() makes it so.
FAULTS = (errors.TransferError, errors.InvalidMessage, EncodeError, ChunkedEncodingError, ContentDecodingError,
          ContentTooLarge)  # fmt: skip


def from_engine(error: Exception, request: object, url: str, response: object = None) -> RequestException:
    """Return the user's error for one of FAULTS; url, which has no userinfo, says where it happened."""
    if isinstance(error, RequestException) and error.request is not None:
        return error  # it has been here before
    words, code = str(error), getattr(error.__cause__, "verify_code", 0)
    kind: Any = next((_KINDS[known] for known in type(error).__mro__ if known in _KINDS), type(error))
    if isinstance(error, (errors.ProtocolError, errors.IncompleteBody, RequestException)):
        words = f"{words} (from {url})"
    elif isinstance(error, errors.CertificateError) and code in _UNKNOWN_AUTHORITY:
        words = f"{words}; for an authority of your own give verify='path/to/ca.pem'"
    elif "certificate required" in words:  # TLS 1.3 tells it only when the request is out
        kind, words = SSLError, f"{words}; give the client's certificate in cert="
    elif isinstance(error, errors.TransferTimeout) and error.phase == "connect":
        kind = ConnectTimeout
    elif isinstance(error, errors.InvalidMessage) and kind is InvalidContent:
        kind = _PARTS[error.part]
    mine: RequestException = kind(words, request=request, response=response)
    if isinstance(mine, IncompleteRead) and isinstance(error, errors.IncompleteBody):
        mine.got, mine.of = error.got, error.of
    return mine
