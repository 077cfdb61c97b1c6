"""How an exchange can fail. Messages name the peer and never hold a field value, a password or userinfo."""

from __future__ import annotations


class InvalidMessage(ValueError):
    """What was to be sent is malformed. `part` is 'method', 'target', 'field' or 'content'."""

    def __init__(self, message: str, part: str = "content") -> None:
        super().__init__(message)
        self.part = part


# The tree, a line an error; those with more to tell than a message follow.
# fmt: off
class TransferError(OSError): """An exchange failed; the message says what was expected, what came and from whom."""
class ConnectError(TransferError): """No connection came about: name, address, refusal."""
class ProxyFailed(ConnectError): """The proxy cannot be reached, or refuses."""
class TLSError(ConnectError): """The TLS handshake failed."""
class CertificateError(TLSError): """The peer's certificate is not trusted, or is for another name."""
class ConnectionLost(TransferError): """The connection broke, or was closed before an answer came."""
class UnrewindableContent(InvalidMessage): """The content has to be sent again and cannot go back to its beginning."""
class ContentMismatch(InvalidMessage): """The content turned out longer or shorter than the length announced for it."""
# fmt: on


# OSError takes a second argument for itself, as strerror beside errno; so these give it their message alone.
class TransferTimeout(TransferError, TimeoutError):
    """A wait reached its limit. `phase` is 'connect', 'send', 'read' or 'total'."""

    def __init__(self, message: str, phase: str = "read") -> None:
        super().__init__(message)
        self.phase = phase


class ProtocolError(TransferError):
    """The peer's bytes are not HTTP/1.1 as RFC 9112 has it."""

    def __init__(self, expected: str, got: str) -> None:
        super().__init__(f"expected {expected}, got {got}")
        self.expected, self.got = expected, got

    def __reduce__(self) -> tuple[object, ...]:
        return type(self), (self.expected, self.got)


class IncompleteBody(TransferError):
    """The body ended early: `got` bytes of `of` (None where the length was not announced)."""

    def __init__(self, got: int, of: int | None = None) -> None:
        words = f" after {got} bytes, before its end was seen" if of is None else f": got {got} of {of} bytes"
        super().__init__(f"the body was cut{words}")
        self.got, self.of = got, of

    def __reduce__(self) -> tuple[object, ...]:
        return type(self), (self.got, self.of)
