"""Wire tables: the bytes of a response, and what has to come of them; and a way to play them on a Connection.

A bug brings its bytes: the fix adds the row that failed.
"""

from __future__ import annotations

import itertools
import socket
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from time import monotonic

import pytest

from requests_lite.packages.poster import connection as connection_module
from requests_lite.packages.poster.body import Body, Chunked, CloseDelimited, LengthDelimited, NoBody
from requests_lite.packages.poster.connect import new_poller
from requests_lite.packages.poster.connection import Connection
from requests_lite.packages.poster.errors import ProtocolError, TransferError

KIB = 1024
LIMIT = 300 * KIB  # of a head

# Why a connection is closed.
CLOSE = "the server said Connection: close"
OLD = "an HTTP/1.0 response without Connection: keep-alive, or with Transfer-Encoding"
BOTH = "Content-Length beside Transfer-Encoding"
UNTIL_CLOSE = "a body that ends with the connection"
SURPLUS = "bytes after the response"
SWITCHED = "the protocol was switched"


@dataclass(frozen=True)
class Row:
    """A response: what comes, and the outcome."""

    name: str
    head: bytes  # with 1xx responses before it
    body: bytes = b""
    content: bytes = b""
    framing: type[Body] = LengthDelimited
    method: str = "GET"
    version: str = "HTTP/1.1"
    status: int = 200
    phrase: str = "OK"
    fields: Sequence[tuple[str, str]] | None = None  # when given, exactly these
    trailers: Sequence[tuple[str, str]] = ()
    surplus: bytes = b""  # comes after the response's end
    reason: str = ""  # why the connection is closed afterwards; '' when it can be used again
    error: type[TransferError] | None = None
    says: str = ""  # in the error's text

    @property
    def received(self) -> bytes:
        return self.head + self.body + self.surplus

    @property
    def complete(self) -> int:
        """So many bytes are the whole message."""
        return len(self.head) + len(self.body)

    def __str__(self) -> str:
        return self.name


def good_head(name: str, head: bytes, **outcome: object) -> Row:
    """Return a row for a head that announces two bytes, and those two."""
    return Row(name, head, b"ok", b"ok", **outcome)  # type: ignore[arg-type]


def bad_head(name: str, head: bytes, says: str) -> Row:
    return Row(name, head, error=ProtocolError, says=says)


def bad_line(name: str, line: bytes, says: str) -> Row:
    return bad_head(name, b"HTTP/1.1 200 OK\r\n" + line + b"\r\nContent-Length: 0\r\n\r\n", says)


def answer(fields: bytes, status: bytes = b"HTTP/1.1 200 OK") -> bytes:
    return status + b"\r\n" + fields + b"\r\n\r\n"


def filled(size: int) -> bytes:
    """Return a head of exactly size bytes that announces two bytes."""
    start = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX: "
    return start + b"a" * (size - len(start) - 4) + b"\r\n\r\n"


CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
TWO = b"Content-Length: 2\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\n"

STATUS_LINE = "a status line like 'HTTP/1.1 200 OK'"
STATUS_CODE = "a status code of three digits"
NO_TOKEN = "a field name that is a token"
UNSAFE = "a field value without bare CR or NUL"
NO_COLON = "a field line with a colon"
FOLDED = "a field on one line"

GOOD_HEADS = [
    good_head("the plainest", OK + TWO, fields=[("Content-Length", "2")]),
    good_head("no reason", b"HTTP/1.1 200 \r\n" + TWO, phrase=""),
    good_head("no reason and no second space", b"HTTP/1.1 200\r\n" + TWO, phrase=""),
    good_head("a reason of several words", b"HTTP/1.1 200 All is  well\r\n" + TWO, phrase="All is  well"),
    good_head("a reason in latin-1", b"HTTP/1.1 200 Tr\xe8s bien\r\n" + TWO, phrase="Tr\xe8s bien"),
    good_head("an unknown status", b"HTTP/1.1 299 Hm\r\n" + TWO, status=299, phrase="Hm"),
    good_head("a status of no class", b"HTTP/1.1 999 No\r\n" + TWO, status=999, phrase="No"),
    good_head("HTTP/1.0", b"HTTP/1.0 200 OK\r\n" + TWO, version="HTTP/1.0", reason=OLD),
    good_head("HTTP/1.2 is read as HTTP/1.1", b"HTTP/1.2 200 OK\r\n" + TWO),
    good_head("HTTP/1.9 is read as HTTP/1.1", b"HTTP/1.9 200 OK\r\n" + TWO),
    good_head("bare LF for all line ends", b"HTTP/1.1 200 OK\nA: b\nContent-Length: 2\n\n"),
    good_head("bare LF ends the status line", b"HTTP/1.1 200 OK\n" + TWO),
    good_head("bare LF ends a field line", b"HTTP/1.1 200 OK\r\nA: b\n" + TWO),
    good_head("bare LF before an empty line with CRLF", b"HTTP/1.1 200 OK\r\nContent-Length: 2\n\r\n"),
    good_head("a bare LF for the empty line", b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\n"),
    Row(
        "content that looks like the end of a head with bare LF",
        b"HTTP/1.1 200 OK\nContent-Length: 8\n\n",
        b"\r\n\r\n\n\n\r\n",
        b"\r\n\r\n\n\n\r\n",
    ),
    good_head(
        "blanks around values",
        b"HTTP/1.1 200 OK\r\nA: \t b\t \r\nB:c\r\nC:\r\nD: \t \r\nContent-Length:\t2\t\r\n\r\n",
        fields=[("A", "b"), ("B", "c"), ("C", ""), ("D", ""), ("Content-Length", "2")],
    ),
    good_head(
        "blanks, tabs and colons inside values",
        OK + b"A: a  b\tc: d:\r\n" + TWO,
        fields=[("A", "a  b\tc: d:"), ("Content-Length", "2")],
    ),
    good_head(
        "latin-1 in a value",
        OK + b"A: f\xfcr \xff\x80\r\n" + TWO,
        fields=[("A", "f\xfcr \xff\x80"), ("Content-Length", "2")],
    ),
    good_head(
        "next line and no-break space are no blanks",
        OK + b"A: \x85a\xa0\r\n" + TWO,
        fields=[("A", "\x85a\xa0"), ("Content-Length", "2")],
    ),
    good_head(
        "all characters that a name may hold",
        OK + b"!#$%&'*+-.^_`|~09AZaz: b\r\n" + TWO,
        fields=[("!#$%&'*+-.^_`|~09AZaz", "b"), ("Content-Length", "2")],
    ),
    good_head(
        "repeated fields stay apart",
        OK + b"Set-Cookie: a=1, b\r\nX: y\r\nset-cookie: c=2\r\nSet-Cookie: a=1, b\r\n" + TWO,
        fields=[
            ("Set-Cookie", "a=1, b"),
            ("Set-Cookie", "c=2"),
            ("Set-Cookie", "a=1, b"),
            ("X", "y"),
            ("Content-Length", "2"),
        ],
    ),
    good_head("names in any case", OK + b"cOnTeNt-LeNgTh: 2\r\n\r\n", fields=[("cOnTeNt-LeNgTh", "2")]),
    Row("no field at all", OK + b"\r\n", b"ok", b"ok", CloseDelimited, fields=(), reason=UNTIL_CLOSE),
    good_head("1000 fields", OK + b"".join([b"X-%d: %d\r\n" % (n, n) for n in range(1000)]) + TWO),
    good_head("1000 repeats of one field", OK + b"X: a\r\n" * 1000 + TWO),
    good_head("a head of exactly 300 KiB", filled(LIMIT)),
    good_head("100 Continue", CONTINUE + OK + TWO, fields=[("Content-Length", "2")]),
    good_head("100 Continue without CR", b"HTTP/1.1 100 Continue\n\n" + OK + TWO),
    good_head(
        "103 Early Hints, whose fields are not the answer's",
        b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\nConnection: close\r\n\r\n" + OK + TWO,
        fields=[("Content-Length", "2")],
    ),
    good_head(
        "1xx has no content, whatever it says",
        b"HTTP/1.1 102 Processing\r\nContent-Length: 5\r\n\r\nHTTP/1.1 199 Hm\r\nTransfer-Encoding: chunked\r\n\r\n"
        + OK
        + TWO,
    ),
    good_head("100 informational responses", CONTINUE * 100 + OK + TWO),
    Row(
        "101 is final",
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: foo\r\nConnection: upgrade\r\n\r\n",
        status=101,
        phrase="Switching Protocols",
        framing=NoBody,
        reason=SWITCHED,
    ),
    Row(
        "101 after 100",
        CONTINUE + b"HTTP/1.1 101 Switching Protocols\r\nContent-Length: 9\r\n\r\n",
        status=101,
        phrase="Switching Protocols",
        framing=NoBody,
        reason=SWITCHED,
    ),
]

BAD_HEADS = [
    bad_head("status 99", b"HTTP/1.1 99 No\r\n\r\n", STATUS_CODE),
    bad_head("status 099", b"HTTP/1.1 099 No\r\n\r\n", STATUS_CODE),
    bad_head("status 000", b"HTTP/1.1 000 No\r\n\r\n", STATUS_CODE),
    bad_head("status 1000", b"HTTP/1.1 1000 No\r\n\r\n", STATUS_CODE),
    bad_head("status ABC", b"HTTP/1.1 ABC No\r\n\r\n", STATUS_CODE),
    bad_head("status 0xC", b"HTTP/1.1 0xC No\r\n\r\n", STATUS_CODE),
    bad_head("status +20", b"HTTP/1.1 +20 No\r\n\r\n", STATUS_CODE),
    bad_head("status -20", b"HTTP/1.1 -20 No\r\n\r\n", STATUS_CODE),
    bad_head("status 2_0", b"HTTP/1.1 2_0 No\r\n\r\n", STATUS_CODE),
    bad_head("a status with superscript digits", b"HTTP/1.1 \xb2\xb2\xb2 No\r\n\r\n", STATUS_CODE),
    bad_head("no status", b"HTTP/1.1 \r\n\r\n", STATUS_CODE),
    bad_head("only a version", b"HTTP/1.1\r\n\r\n", STATUS_CODE),
    bad_head("two spaces before the status", b"HTTP/1.1  200 OK\r\n\r\n", STATUS_CODE),
    bad_head("a tab behind the status", b"HTTP/1.1 200\tOK\r\n\r\n", STATUS_CODE),
    bad_head("a tab before the status", b"HTTP/1.1\t200 OK\r\n\r\n", STATUS_LINE),
    bad_head("HTTP/2.0", b"HTTP/2.0 200 OK\r\n\r\n", STATUS_LINE),
    bad_head("HTTP/2", b"HTTP/2 200\r\n\r\n", STATUS_LINE),
    bad_head("HTTP/0.9", b"HTTP/0.9 200 OK\r\n\r\n", STATUS_LINE),
    bad_head("HTTP/1.10", b"HTTP/1.10 200 OK\r\n\r\n", STATUS_LINE),
    bad_head("HTTP/11", b"HTTP/11 200 OK\r\n\r\n", STATUS_LINE),
    bad_head("HTTP/1.x", b"HTTP/1.x 200 OK\r\n\r\n", STATUS_LINE),
    bad_head("HTTP/1. with a superscript", b"HTTP/1.\xb9 200 OK\r\n\r\n", STATUS_LINE),
    bad_head("HTTP/ 1.1", b"HTTP/ 1.1 200 OK\r\n\r\n", STATUS_LINE),
    bad_head("ICY", b"ICY 200 OK\r\n\r\n", STATUS_LINE),
    bad_head("http in lower case", b"http/1.1 200 OK\r\n\r\n", STATUS_LINE),
    bad_head("a CRLF before the status line", b"\r\n" + OK + TWO, STATUS_LINE),
    bad_head("an LF before the status line", b"\n" + OK + TWO, STATUS_LINE),
    bad_head("a space before the status line", b" " + OK + TWO, STATUS_LINE),
    bad_head("a NUL before the status line", b"\0" + OK + TWO, STATUS_LINE),
    bad_head("nothing but empty lines", b"\r\n\r\n", STATUS_LINE),
    bad_head("no head, as in HTTP/0.9", b"<html>hello</html>", STATUS_LINE),
    bad_head("another protocol's greeting", b"SSH-2.0-OpenSSH_9.6\r\n", STATUS_LINE),
    bad_head("a TLS alert", b"\x15\x03\x01\x00\x02\x02\x46", STATUS_LINE),
    bad_head("a bare CR ends the status line", b"HTTP/1.1 200 OK\rA: b\r\n\r\n", "without bare CR or NUL"),
    bad_head("CR CR LF ends the status line", b"HTTP/1.1 200 OK\r\r\n\r\n", "without bare CR or NUL"),
    bad_head("a bare CR for a reason", b"HTTP/1.1 200 \r\r\n\r\n", "without bare CR or NUL"),
    bad_head("a bare CR behind the status", b"HTTP/1.1 200\r\r\n\r\n", STATUS_CODE),
    bad_head("a NUL in the reason", b"HTTP/1.1 200 O\0K\r\n\r\n", "without bare CR or NUL"),
    bad_line("a line without a colon", b"Content-Length 5", NO_COLON),
    bad_line("a space before the colon", b"A : b", NO_TOKEN),
    bad_line("a tab before the colon", b"A\t: b", NO_TOKEN),
    bad_line("a space in a name", b"A B: c", NO_TOKEN),
    bad_line("an empty name", b": b", NO_TOKEN),
    bad_line("a name in latin-1", b"\xc4: b", NO_TOKEN),
    bad_line("a quote in a name", b'"A": b', NO_TOKEN),
    bad_line("a NUL in a name", b"A\0: b", NO_TOKEN),
    bad_line("a bare CR in a name", b"A\rB: c", NO_TOKEN),
    bad_line("a line that begins with a vertical tab", b"\x0bA: b", NO_TOKEN),
    bad_line("a NUL in a value", b"A: b\0c", UNSAFE),
    bad_line("a bare CR in a value", b"A: b\rc", UNSAFE),
    bad_line("a bare CR that hides a field", b"A: b\rContent-Length: 5", UNSAFE),
    bad_line("CR CR LF ends a line", b"A: b\r", UNSAFE),
    bad_line("nothing but a CR in a line", b"\r", NO_COLON),
    bad_line("a line folded with a space", b"A: b\r\n c", FOLDED),
    bad_line("a line folded with a tab", b"A: b\r\n\tc: d", FOLDED),
    bad_line("a line of blanks", b"A: b\r\n  ", FOLDED),
    bad_line("a folded line right behind the status line", b" A: b", FOLDED),
    bad_head("a folded line behind bare LF", b"HTTP/1.1 200 OK\nA: b\n c\n\n", FOLDED),
    bad_head("a bare CR in a head with bare LF", b"HTTP/1.1 200 OK\nA: b\rc\n\n", UNSAFE),
    bad_head("a malformed informational response", b"HTTP/1.1 100 Continue\r\nA\r\n\r\n" + OK + TWO, NO_COLON),
    bad_head("garbage behind an informational response", CONTINUE + b"hello", STATUS_LINE),
    bad_head("a head of 300 KiB and a byte", filled(LIMIT + 1), f"at most {LIMIT} bytes"),
    bad_head("a line without end", OK + b"A: " + b"a" * LIMIT, f"at most {LIMIT} bytes"),
    bad_head("101 informational responses", CONTINUE * 101, "more than 100 informational ones"),
]

# Connection: which answers let it be used again (RFC 9112 s9.3).
CONNECTIONS = [
    good_head("close", OK + b"Connection: close\r\n" + TWO, reason=CLOSE),
    good_head("Close", OK + b"Connection: Close\r\n" + TWO, reason=CLOSE),
    good_head("CLOSE, the name in lower case", OK + b"connection:CLOSE\r\n" + TWO, reason=CLOSE),
    good_head("close in a list", OK + b"Connection: foo ,\tclose , bar\r\n" + TWO, reason=CLOSE),
    good_head("close beside keep-alive", OK + b"Connection: keep-alive, close\r\n" + TWO, reason=CLOSE),
    good_head("close before keep-alive", OK + b"Connection: close, keep-alive\r\n" + TWO, reason=CLOSE),
    good_head("close in a second line", OK + b"Connection: keep-alive\r\nConnection: close\r\n" + TWO, reason=CLOSE),
    good_head("close in the first line", OK + b"Connection: close\r\nConnection: x\r\n" + TWO, reason=CLOSE),
    good_head("keep-alive", OK + b"Connection: keep-alive\r\n" + TWO),
    good_head("Keep-Alive", OK + b"Connection: Keep-Alive\r\nKeep-Alive: timeout=5\r\n" + TWO),
    good_head("an option of another name", OK + b"Connection: closed, x-close\r\n" + TWO),
    good_head("no option", OK + b"Connection:\r\n" + TWO),
    good_head("Proxy-Connection is not Connection", OK + b"Proxy-Connection: close\r\n" + TWO),
    good_head("HTTP/1.0 with keep-alive", b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n" + TWO, version="HTTP/1.0"),
    good_head(
        "HTTP/1.0 with Keep-Alive in a list",
        b"HTTP/1.0 200 OK\r\nConnection: foo, Keep-Alive\r\n" + TWO,
        version="HTTP/1.0",
    ),
    good_head(
        "HTTP/1.0 with close", b"HTTP/1.0 200 OK\r\nConnection: close\r\n" + TWO, version="HTTP/1.0", reason=CLOSE
    ),
    good_head(
        "HTTP/1.0 with close beside keep-alive",
        b"HTTP/1.0 200 OK\r\nConnection: keep-alive, close\r\n" + TWO,
        version="HTTP/1.0",
        reason=CLOSE,
    ),
    good_head(
        "HTTP/1.0 with some other option",
        b"HTTP/1.0 200 OK\r\nConnection: foo\r\n" + TWO,
        version="HTTP/1.0",
        reason=OLD,
    ),
    good_head("HTTP/1.2 stays open", b"HTTP/1.2 200 OK\r\n" + TWO),
]


def empty(name: str, head: bytes, status: int = 200, phrase: str = "OK", method: str = "GET", **rest: object) -> Row:
    return Row(name, head, framing=NoBody, status=status, phrase=phrase, method=method, **rest)  # type: ignore[arg-type]


def length(name: str, fields: bytes, content: bytes = b"ok") -> Row:
    return Row(name, answer(fields), content, content)


def bad_length(name: str, fields: bytes, says: str = "a Content-Length of at most 18 digits") -> Row:
    return Row(name, answer(fields), b"ok", error=ProtocolError, says=says)


def until_close(name: str, fields: bytes, body: bytes = b"all of it") -> Row:
    return Row(name, answer(fields), body, body, CloseDelimited, reason=UNTIL_CLOSE)


def bad_coding(name: str, fields: bytes) -> Row:
    return Row(name, answer(fields), b"4\r\nWiki\r\n0\r\n\r\n", error=ProtocolError, says="the transfer coding chunked")


def coded(name: str, fields: bytes, **outcome: object) -> Row:
    """Return a row with a small chunked body."""
    outcome = {"framing": Chunked, **outcome}
    return Row(name, answer(fields), b"4\r\nWiki\r\n0\r\n\r\n", b"Wiki", **outcome)  # type: ignore[arg-type]


CHUNKED = answer(b"Transfer-Encoding: chunked")
SIZE = "a chunk size in hexadecimal digits and CRLF"
CHUNK_END = "CRLF behind a chunk"
DIFFERENT = "one Content-Length"


def chunks(name: str, body: bytes, content: bytes = b"Wiki", **outcome: object) -> Row:
    return Row(name, CHUNKED, body, content, Chunked, **outcome)  # type: ignore[arg-type]


def bad_chunks(name: str, body: bytes, says: str = SIZE) -> Row:
    return Row(name, CHUNKED, body, framing=Chunked, error=ProtocolError, says=says)


# Which body follows, in the order of RFC 9112 s6.3.
FRAMINGS = [
    empty("1: HEAD with Content-Length", OK + TWO, method="HEAD"),
    empty("1: HEAD with chunked", CHUNKED, method="HEAD"),
    empty("1: HEAD with neither", OK + b"\r\n", method="HEAD"),
    empty("1: HEAD with a bad Content-Length", answer(b"Content-Length: x"), method="HEAD"),
    empty("1: 204", answer(b"A: b", b"HTTP/1.1 204 No Content"), 204, "No Content"),
    empty("1: 204 with Content-Length", answer(b"Content-Length: 2", b"HTTP/1.1 204 N"), 204, "N"),
    empty("1: 204 with chunked", answer(b"Transfer-Encoding: chunked", b"HTTP/1.1 204 N"), 204, "N"),
    empty("1: 304 with Content-Length", answer(b"Content-Length: 2", b"HTTP/1.1 304 N"), 304, "N"),
    empty("1: 304 with chunked", answer(b"Transfer-Encoding: chunked", b"HTTP/1.1 304 N"), 304, "N"),
    Row(
        "205 has a body if it says so",
        answer(b"Content-Length: 2", b"HTTP/1.1 205 R"),
        b"ok",
        b"ok",
        status=205,
        phrase="R",
    ),
    empty("2: CONNECT, a tunnel", OK + TWO, method="CONNECT", reason="a tunnel"),
    empty("2: CONNECT, a tunnel with chunked", CHUNKED, method="CONNECT", reason="a tunnel"),
    Row(
        "2: CONNECT, refused", b"HTTP/1.1 407 Who?\r\n" + TWO, b"no", b"no", method="CONNECT", status=407, phrase="Who?"
    ),
    coded("3: Content-Length beside chunked", b"Content-Length: 2\r\nTransfer-Encoding: chunked", reason=BOTH),
    coded("3: chunked beside Content-Length", b"Transfer-Encoding: chunked\r\nContent-Length: 4", reason=BOTH),
    coded("3: a bad Content-Length beside chunked", b"Transfer-Encoding: chunked\r\nContent-Length: x", reason=BOTH),
    coded("4: chunked", b"Transfer-Encoding: chunked"),
    coded("4: Chunked, in any case", b"tRANSFER-eNCODING:\t cHUNKED "),
    coded("4: chunked and an empty element", b"Transfer-Encoding: chunked,"),
    coded("4: an empty element and chunked", b"Transfer-Encoding: , chunked"),
    coded("4: chunked and an empty line of the field", b"Transfer-Encoding: chunked\r\nTransfer-Encoding:"),
    Row(
        "4: chunked in HTTP/1.0, where it is a fault (s6.1)",
        answer(b"Connection: keep-alive\r\nTransfer-Encoding: chunked", b"HTTP/1.0 200 OK"),
        b"4\r\nWiki\r\n0\r\n\r\n",
        b"Wiki",
        Chunked,
        version="HTTP/1.0",
        reason=OLD,
    ),
    bad_coding("4: chunked twice", b"Transfer-Encoding: chunked, chunked"),
    bad_coding("4: chunked in two lines", b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked"),
    # Nobody takes gzip off here, nor did we ask for it.
    bad_coding("4: gzip", b"Transfer-Encoding: gzip"),
    bad_coding("4: gzip below chunked", b"Transfer-Encoding: gzip, chunked"),
    bad_coding("4: gzip below chunked, in two lines", b"Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked"),
    bad_coding("4: gzip on top of chunked", b"Transfer-Encoding: chunked, gzip"),
    bad_coding("4: a parameter (s7.1)", b"Transfer-Encoding: chunked;a=b"),
    bad_coding("4: xchunked", b"Transfer-Encoding: xchunked"),
    bad_coding("4: chunkedx beside Content-Length", b"Content-Length: 2\r\nTransfer-Encoding: chunkedx"),
    bad_coding("4: chunked in quotes", b'Transfer-Encoding: "chunked"'),
    bad_coding("4: chunked behind a vertical tab", b"Transfer-Encoding: \x0bchunked"),
    bad_coding("4: chunked behind a no-break space", b"Transfer-Encoding: \xa0chunked"),
    bad_coding("4: chunked before a next line", b"Transfer-Encoding: chunked\x85"),
    bad_coding("4: chunked with a k of its own", b"Transfer-Encoding: chun\xe2\x84\xaaed"),
    bad_coding("4: the field is empty", b"Transfer-Encoding:"),
    until_close("4: identity", b"Transfer-Encoding: identity"),
    Row(
        "4: identity beside Content-Length",
        answer(b"Content-Length: 2\r\nTransfer-Encoding: identity"),
        b"ok",
        b"ok",
        reason="Content-Length beside Transfer-Encoding",
    ),
    bad_length("5: different lengths in two lines", b"Content-Length: 2\r\nContent-Length: 3", DIFFERENT),
    bad_length("5: different lengths in a list", b"Content-Length: 2, 3", DIFFERENT),
    bad_length("5: different lengths among equal ones", b"Content-Length: 2, 2\r\nContent-Length: 3, 2", DIFFERENT),
    bad_length("5: different spellings of a length", b"Content-Length: 2, 02", DIFFERENT),
    bad_length("5: a length and nothing", b"Content-Length: 2,", DIFFERENT),
    bad_length("5: a length and an empty line", b"Content-Length: 2\r\nContent-Length:", DIFFERENT),
    bad_length("5: only a comma", b"Content-Length: ,"),
    bad_length("5: plus", b"Content-Length: +2"),
    bad_length("5: minus", b"Content-Length: -2"),
    bad_length("5: minus zero", b"Content-Length: -0"),
    bad_length("5: a space inside", b"Content-Length: 2 2"),
    bad_length("5: an underscore", b"Content-Length: 0_2"),
    bad_length("5: hexadecimal", b"Content-Length: 0x2"),
    bad_length("5: hexadecimal without prefix", b"Content-Length: a"),
    bad_length("5: a point", b"Content-Length: 2.0"),
    bad_length("5: an exponent", b"Content-Length: 2e0"),
    bad_length("5: a semicolon", b"Content-Length: 2;"),
    bad_length("5: quotes", b'Content-Length: "2"'),
    bad_length("5: empty", b"Content-Length:"),
    bad_length("5: words", b"Content-Length: two"),
    bad_length("5: a superscript digit", b"Content-Length: \xb2"),
    bad_length("5: an Arabic digit in UTF-8", b"Content-Length: \xd9\xa2"),
    bad_length("5: a vertical tab", b"Content-Length: 2\x0b"),
    bad_length("5: a no-break space", b"Content-Length: \xa02"),
    bad_length("5: a vertical tab in a list", b"Content-Length: 2,\x0b2", DIFFERENT),
    bad_length("5: a no-break space in a list", b"Content-Length: 2, 2\xa0", DIFFERENT),
    bad_length("5: huge", b"Content-Length: 9999999999999999999"),
    bad_length("5: beyond 64 bits", b"Content-Length: 18446744073709551618"),
    bad_length("5: 5000 digits", b"Content-Length: " + b"9" * 5000),
    bad_length("5: 19 digits, though small", b"Content-Length: 0000000000000000002"),
    length("6: a length", b"Content-Length: 2"),
    length("6: leading zeros", b"Content-Length: 000000000000000002"),
    length("6: equal lengths in two lines", b"Content-Length: 2\r\nA: b\r\nContent-Length: 2"),
    length("6: equal lengths in a list", b"Content-Length: 2, 2,2\t,\t2"),
    length("6: equal lengths in two lists", b"Content-Length: 2, 2\r\nContent-Length: 2, 2"),
    length("6: none", b"Content-Length: 0", b""),
    length("6: any bytes", b"Content-Length: 257", bytes(range(256)) + b"\n"),
    length("6: more than is read at once", b"Content-Length: 300000", b"0123456789" * 30_000),
    until_close("8: nothing else is said", b"A: b"),
    until_close("8: nothing at all comes", b"A: b", b""),
    until_close("8: more than is read at once", b"A: b", b"0123456789" * 30_000),
    Row(
        "8: in HTTP/1.0",
        b"HTTP/1.0 200 OK\r\n\r\n",
        b"all",
        b"all",
        CloseDelimited,
        version="HTTP/1.0",
        reason=UNTIL_CLOSE,
    ),
]

# How chunks are read (RFC 9112 s7.1).
CHUNKS = [
    chunks("two chunks", b"4\r\nWiki\r\n5\r\npedia\r\n0\r\n\r\n", b"Wikipedia"),
    chunks("no chunk", b"0\r\n\r\n", b""),
    chunks("several zeros at the end", b"4\r\nWiki\r\n000\r\n\r\n"),
    chunks("a size in capitals", b"A\r\n0123456789\r\nb\r\n0123456789a\r\n0\r\n\r\n", b"01234567890123456789a"),
    chunks("a size of 16 digits", b"0000000000000004\r\nWiki\r\n0000000000000000\r\n\r\n"),
    chunks("blanks behind a size", b"4 \r\nWiki\r\n0\t \r\n\r\n"),
    chunks("an extension", b"4;a=b\r\nWiki\r\n0;c\r\n\r\n"),
    chunks("an extension with blanks and quotes", b'4 ; a = "b; 9" ;c\r\nWiki\r\n0 ;\r\n\r\n'),
    chunks("the longest extension", b"4;" + b"a" * (8 * KIB - 4) + b"\r\nWiki\r\n0\r\n\r\n"),
    chunks("content like framing", b"7\r\n\r\n0\r\n\r\n\r\n1\r\n\n\r\n0\r\n\r\n", b"\r\n0\r\n\r\n\n"),
    chunks("any bytes", b"100\r\n" + bytes(range(256)) + b"\r\n0\r\n\r\n", bytes(range(256))),
    chunks("many small chunks", b"1\r\na\r\n" * 300 + b"0\r\n\r\n", b"a" * 300),
    chunks(
        "chunks larger than is read at once",
        b"493e0\r\n" + b"0123456789" * 30_000 + b"\r\n3\r\nabc\r\n40000\r\n" + b"x" * 262_144 + b"\r\n0\r\n\r\n",
        b"0123456789" * 30_000 + b"abc" + b"x" * 262_144,
    ),
    chunks("a trailer", b"4\r\nWiki\r\n0\r\nA: b\r\n\r\n", trailers=[("A", "b")]),
    chunks(
        "trailers, repeated, empty, in latin-1",
        b"4\r\nWiki\r\n0\r\nA: b\r\nB:\r\na:\t\xfc\r\n\r\n",
        trailers=[("A", "b"), ("A", "\xfc"), ("B", "")],
    ),
    chunks(
        "trailers that would change the framing",
        b"4\r\nWiki\r\n0\r\nContent-Length: 2\r\nConnection: close\r\n\r\n",
        trailers=[("Content-Length", "2"), ("Connection", "close")],
    ),
    chunks(
        "trailers of all the bytes they may have",
        b"0\r\nA: " + b"a" * (64 * KIB - 7) + b"\r\n\r\n",
        b"",
        trailers=[("A", "a" * (64 * KIB - 7))],
    ),
    bad_chunks("0x", b"0x4\r\nWiki\r\n0\r\n\r\n"),
    bad_chunks("plus", b"+4\r\nWiki\r\n0\r\n\r\n"),
    bad_chunks("minus", b"-4\r\nWiki\r\n0\r\n\r\n"),
    bad_chunks("minus zero", b"-0\r\n\r\n"),
    bad_chunks("an underscore", b"0_4\r\nWiki\r\n0\r\n\r\n"),
    bad_chunks("a space before the size", b" 4\r\nWiki\r\n0\r\n\r\n"),
    bad_chunks("a tab before the size", b"\t4\r\nWiki\r\n0\r\n\r\n"),
    bad_chunks("a space inside", b"0 4\r\nWiki\r\n0\r\n\r\n"),
    bad_chunks("a vertical tab behind the size", b"4\x0b\r\nWiki\r\n0\r\n\r\n"),
    bad_chunks("a no-break space behind the size", b"4\xa0\r\nWiki\r\n0\r\n\r\n"),
    bad_chunks("a NUL behind the size", b"4\0\r\nWiki\r\n0\r\n\r\n"),
    bad_chunks("no size", b"\r\nWiki\r\n0\r\n\r\n"),
    bad_chunks("no size but an extension", b";a=b\r\nWiki\r\n0\r\n\r\n"),
    bad_chunks("no hexadecimal digit", b"g\r\nWiki\r\n0\r\n\r\n"),
    bad_chunks("a superscript digit", b"\xb2\r\nWi\r\n0\r\n\r\n"),
    bad_chunks("a comma", b"4,4\r\nWiki\r\n0\r\n\r\n"),
    bad_chunks("a point", b"4.0\r\nWiki\r\n0\r\n\r\n"),
    bad_chunks("17 digits", b"00000000000000004\r\nWiki\r\n0\r\n\r\n"),
    bad_chunks("17 digits, wrapping to 4 in 64 bits", b"10000000000000004\r\nWiki\r\n0\r\n\r\n"),
    bad_chunks("17 zeros", b"00000000000000000\r\n\r\n"),
    bad_chunks("a size line without end", b"4" * 8 * KIB),
    bad_chunks("an extension of a byte too many", b"4;" + b"a" * (8 * KIB - 3) + b"\r\nWiki\r\n0\r\n\r\n"),
    bad_chunks("an extension without end", b"4;" + b"a" * 8 * KIB),
    bad_chunks("bare LF behind a size", b"4\nWiki\r\n0\r\n\r\n"),
    bad_chunks("bare LF behind an extension", b"4;a\nWiki\r\n0\r\n\r\n"),
    bad_chunks("a bare CR in a size line", b"4\rX\r\nWiki\r\n0\r\n\r\n"),
    bad_chunks("a bare CR in an extension", b"4;\ra\r\nWiki\r\n0\r\n\r\n"),
    bad_chunks("CR CR LF behind a size", b"4\r\r\nWiki\r\n0\r\n\r\n"),
    bad_chunks("bare LF behind the last size", b"4\r\nWiki\r\n0\n\r\n"),
    bad_chunks("bare LF behind a chunk", b"4\r\nWiki\n0\r\n\r\n", CHUNK_END),
    bad_chunks("bare CR behind a chunk", b"4\r\nWiki\r0\r\n\r\n", CHUNK_END),
    bad_chunks("nothing behind a chunk", b"4\r\nWiki0\r\n\r\n", CHUNK_END),
    bad_chunks("a byte more than the size says", b"4\r\nWikis\r\n0\r\n\r\n", CHUNK_END),
    bad_chunks("a byte less than the size says", b"5\r\nWiki\r\n0\r\n\r\n", CHUNK_END),
    bad_chunks("a trailer without a colon", b"0\r\nA\r\n\r\n", NO_COLON),
    bad_chunks("a trailer with a space before the colon", b"0\r\nA : b\r\n\r\n", NO_TOKEN),
    bad_chunks("a trailer without a name", b"0\r\n: b\r\n\r\n", NO_TOKEN),
    bad_chunks("a folded trailer", b"0\r\nA: b\r\n c\r\n\r\n", FOLDED),
    bad_chunks("a trailer with a bare CR", b"0\r\nA: b\rc\r\n\r\n", "trailers of at most"),
    bad_chunks("a trailer with a NUL", b"0\r\nA: b\0c\r\n\r\n", "trailers of at most"),
    bad_chunks("a trailer that ends with bare LF", b"0\r\nA: b\n\r\n", "trailers of at most"),
    bad_chunks("trailers that end with bare LF", b"0\r\nA: b\r\n\n", "trailers of at most"),
    bad_chunks("a response where trailers are due", b"0\r\nHTTP/1.1 200 OK\r\n\r\n", NO_COLON),
    bad_chunks("a trailer without end", b"0\r\nA: " + b"a" * 64 * KIB, "trailers of at most"),
    bad_chunks("trailers without end", b"0\r\n" + (b"A: " + b"b" * 1000 + b"\r\n") * 66, "trailers of at most"),
    bad_chunks("trailers of a byte too many", b"0\r\nA: " + b"a" * (64 * KIB - 4) + b"\r\n\r\n", "trailers of at most"),
]

# What comes behind the end belongs to no request: nothing can be trusted on that connection.
SURPLUSES = [
    Row("behind a length", OK + TWO, b"ok", b"ok", surplus=b"x"),
    Row("behind no length", answer(b"Content-Length: 0"), surplus=b"\r\n"),
    Row("behind a length, another response", OK + TWO, b"ok", b"ok", surplus=OK + TWO + b"ok"),
    empty("content behind HEAD", OK + TWO, method="HEAD", surplus=b"ok"),
    empty("content behind 204", b"HTTP/1.1 204 No\r\n" + TWO, 204, "No", surplus=b"ok"),
    empty("content behind 304", b"HTTP/1.1 304 No\r\n" + TWO, 304, "No", surplus=b"ok"),
    empty(
        "chunks behind 204", answer(b"Transfer-Encoding: chunked", b"HTTP/1.1 204 No"), 204, "No", surplus=b"0\r\n\r\n"
    ),
    chunks("behind chunks", b"4\r\nWiki\r\n0\r\n\r\n", surplus=b"\n"),
    chunks("behind trailers", b"0\r\nA: b\r\n\r\n", b"", trailers=[("A", "b")], surplus=b"\r\n"),
]

HEADS = [*GOOD_HEADS, *BAD_HEADS, *CONNECTIONS]
BODIES = [*FRAMINGS, *CHUNKS, *SURPLUSES]


class Feed:
    """A poller for a Connection: whenever the engine waits, the next piece arrives first.

    The sockets are real ones and so is the poller behind this; only the peer's haste is decided. To wait for
    more than the table has fails the test at once, where a server would let it hang.
    """

    def __init__(self, pieces: Iterable[bytes], ends: bool) -> None:
        self.ours, self.peer = socket.socketpair()
        self.ours.setblocking(False)
        # Nobody else would take what does not fit into the sockets' buffers.
        self.pieces = (piece[at : at + 64 * KIB] for piece in pieces for at in range(0, len(piece), 64 * KIB))
        self.ends = ends
        self.poller = new_poller()
        self.register = self.poller.register
        self.modify = self.poller.modify

    def poll(self, milliseconds: float | None = None) -> list[tuple[int, int]]:
        """Let the next piece arrive, or the end; only look when the time is 0."""
        if milliseconds != 0:
            self.feed()
        return self.poller.poll(milliseconds)

    def feed(self) -> None:
        piece = next(self.pieces, b"")
        if piece:
            self.peer.sendall(piece)
        else:
            assert self.ends, "the engine waits for more than what is to come"
            self.peer.shutdown(socket.SHUT_WR)
            self.ends = False

    def close(self) -> None:
        self.ours.close()
        self.peer.close()


@dataclass
class Outcome:
    """What came of a response."""

    status: int = 0
    version: str = ""
    phrase: str = ""
    fields: Sequence[tuple[str, str]] = ()
    framing: type[Body] = Body
    content: bytes = b""  # as much as was read
    trailers: Sequence[tuple[str, str]] = ()
    error: TransferError | None = None
    reason: str = ""  # why the connection is closed
    at_home: bool = False  # whether it was given back to be used again
    stale: bool = False  # whether the pool would find that it can't be
    answered: bool = False


def whole(body: Body, take: Callable[[bytes], None]) -> None:
    """Read all at once."""
    take(body.read_all())


def blocks(body: Body, take: Callable[[bytes], None]) -> None:
    """Read what is there each time."""
    while block := body.read():
        take(block)


def small_blocks(body: Body, take: Callable[[bytes], None]) -> None:
    """Read at most three bytes each time; more when it goes on for long."""
    for limit in itertools.chain([3] * 50, itertools.repeat(5000)):
        block = body.read(limit)
        if not block:
            return
        assert len(block) <= limit
        take(block)


def into(body: Body, take: Callable[[bytes], None]) -> None:
    """Read into a buffer of seven bytes; a larger one when it goes on for long."""
    for size in itertools.chain([7] * 50, itertools.repeat(5000)):
        view = memoryview(bytearray(size))
        count = body.readinto(view)
        if not count:
            return
        take(bytes(view[:count]))


READERS = [whole, blocks, small_blocks, into]


def play(
    row: Row,
    pieces: Iterable[bytes],
    monkeypatch: pytest.MonkeyPatch,
    read: Callable[[Body, Callable[[bytes], None]], None] = whole,
    ends: bool = False,
) -> Outcome:
    """Perform one exchange on a Connection to which pieces come; `ends` says whether the peer then closes."""
    feed = Feed(pieces, ends)
    monkeypatch.setattr(connection_module, "new_poller", lambda: feed)
    outcome = Outcome()
    home: list[Connection] = []
    connection = Connection(feed.ours, "key", "peer", home.append)
    content = bytearray()
    try:
        message = connection.exchange(row.method, b"GET / HTTP/1.1\r\n\r\n", (), 10.0, monotonic() + 60)
        outcome.status, outcome.version, outcome.phrase = message.status, message.version, message.reason
        outcome.fields = list(message.headers.lines())
        outcome.framing = type(message.body)
        read(message.body, content.extend)
        # Behind the end there is nothing, however often one asks.
        assert message.body.read() == message.body.read_all() == b""
        outcome.trailers = list(message.body.trailers.lines()) if message.body.trailers else ()
    except TransferError as error:
        outcome.error = error
    outcome.content = bytes(content)
    outcome.answered = connection.answered
    outcome.reason = connection.reason
    outcome.at_home = home == [connection]
    if outcome.at_home:
        for piece in feed.pieces:
            feed.peer.sendall(piece)
        outcome.stale = connection.is_readable()
    connection.close("the test has ended")
    feed.close()
    return outcome
