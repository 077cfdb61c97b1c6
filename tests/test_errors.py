"""How an exchange can fail: the tree of errors, and what each says."""

from __future__ import annotations

import copy
import pickle

import pytest

from requests_lite.packages.poster import errors
from requests_lite.packages.poster.errors import (
    CertificateError,
    ConnectError,
    ConnectionLost,
    ContentMismatch,
    IncompleteBody,
    InvalidMessage,
    ProtocolError,
    ProxyFailed,
    TLSError,
    TransferError,
    TransferTimeout,
    UnrewindableContent,
)

EXAMPLES = [
    (TransferError("it failed"), "it failed", {}),
    (ConnectError("cannot connect"), "cannot connect", {}),
    (ProxyFailed("no tunnel"), "no tunnel", {}),
    (TLSError("no TLS"), "no TLS", {}),
    (CertificateError("not trusted"), "not trusted", {}),
    (ConnectionLost("lost"), "lost", {}),
    (TransferTimeout("too late"), "too late", {"phase": "read"}),
    (TransferTimeout("too late", "total"), "too late", {"phase": "total"}),
    (ProtocolError("this", "that"), "expected this, got that", {"expected": "this", "got": "that"}),
    (IncompleteBody(3, 5), "the body was cut: got 3 of 5 bytes", {"got": 3, "of": 5}),
    (IncompleteBody(3), "the body was cut after 3 bytes, before its end was seen", {"got": 3, "of": None}),
    (InvalidMessage("malformed"), "malformed", {"part": "content"}),
    (InvalidMessage("malformed", "field"), "malformed", {"part": "field"}),
    (UnrewindableContent("once"), "once", {"part": "content"}),
    (ContentMismatch("too long"), "too long", {"part": "content"}),
]


@pytest.mark.parametrize(("error", "text", "attributes"), EXAMPLES)
def test_what_it_says(error: Exception, text: str, attributes: dict[str, object]) -> None:
    """Also after a journey to another process."""
    for one in (error, pickle.loads(pickle.dumps(error)), copy.copy(error)):
        assert type(one) is type(error)
        assert str(one) == text
        assert {name: getattr(one, name) for name in attributes} == attributes


def test_the_examples_are_all_there_are() -> None:
    kinds = {kind for kind in vars(errors).values() if isinstance(kind, type) and kind.__module__ == errors.__name__}
    assert kinds == {type(error) for error, _, _ in EXAMPLES}


def test_the_tree() -> None:
    """The network's failures are OSErrors, the caller's mistakes ValueErrors."""
    for error, _, _ in EXAMPLES:
        assert isinstance(error, TransferError) != isinstance(error, InvalidMessage)
    assert issubclass(TransferError, OSError)
    assert issubclass(InvalidMessage, ValueError)
    assert issubclass(CertificateError, TLSError)
    assert issubclass(TLSError, ConnectError)
    assert issubclass(TransferTimeout, TimeoutError)
