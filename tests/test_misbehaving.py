"""A catalogue of servers that misbehave: what each does, and what the caller must get, within what time.

A row is a script for the first connection and the outcome: the right content or one error, of exactly this class.
It is played twice, reading all at once and reading a stream. Each time a further request to the same server has to
get its own answer, over the same connection where that is `kept` and over a new one where it can't be trusted.
"""

from __future__ import annotations

import contextlib
import datetime
import gzip
import io
import itertools
import ssl
import threading
import tracemalloc
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from time import monotonic

import pytest
import trustme
from _pytest.mark import ParameterSet

import requests_lite
from conftest import Certificates
from requests_lite.agent import _adapter
from requests_lite.exceptions import (
    ConnectionError,
    ConnectTimeout,
    ContentDecodingError,
    IncompleteRead,
    InvalidSchema,
    InvalidURL,
    ProtocolError,
    ReadTimeout,
    RequestException,
    SSLError,
    TooManyRedirects,
)
from server import ClientLeft, Cut, Expect, HalfClose, Pause, Peer, Reset, Script, Send, Server, Step, Wait
from wire import CHUNKED, CONTINUE, OK, TWO, answer, filled

SLACK = 2.0  # seconds that a busy machine may need on top of what a row takes
SILENCE = (5.0, 0.1)  # for timeout=: a tenth of a second without a byte
TOTAL = (5.0, None, 0.2)  # two tenths in all, however long the silence
KIB = 1024

GOOD = OK + TWO + b"ok"
EVIL = OK + b"Content-Length: 4\r\n\r\nevil"  # whoever gets this as an answer got a foreign one
NEXT = OK + b"Content-Length: 15\r\n\r\nthe next answer"
LAST = b"0\r\n\r\n"  # the last chunk


@dataclass(frozen=True)
class Case:
    """A server, and what comes of asking it."""

    name: str
    script: Script
    error: type[RequestException] | None = None
    says: str = ""  # in the error's text
    content: bytes = b""  # what is got, or may be got before the error
    status: int = 200
    kept: bool = False  # whether the connection serves the next request
    takes: float = 0.0  # seconds, at least
    timeout: object = (5.0, 5.0)
    ask: Callable[..., requests_lite.Response] = requests_lite.get
    asked: Step | None = Expect()  # noqa: RUF009  # it remembers nothing
    more: Sequence[Script] = ()  # further connections, before the one for the next request

    def __str__(self) -> str:
        return self.name


def right(name: str, *script: Step, content: bytes = b"ok", **rest: object) -> Case:
    return Case(name, script, content=content, **rest)  # type: ignore[arg-type]


def wrong(name: str, error: type[RequestException], says: str, *script: Step, **rest: object) -> Case:
    return Case(name, script, error, says, **rest)  # type: ignore[arg-type]


def refused(name: str, says: str, data: bytes, content: bytes = b"", **rest: object) -> Case:
    """Return a row for bytes that are not HTTP/1.1; the server would wait for more requests."""
    return wrong(name, ProtocolError, says, Send(data), content=content, **rest)


class Drip(Step):
    """Send a piece again and again, with pauses of so many seconds, until the client leaves."""

    def __init__(self, piece: bytes, pause: float = 0.0) -> None:
        self.piece = piece
        self.pause = pause

    def play(self, peer: Peer) -> None:
        with contextlib.suppress(OSError):
            while not peer.stopping.wait(self.pause):
                peer.socket.sendall(self.piece)


class Slowly(Step):
    """Send data byte by byte, with pauses of so many seconds before each."""

    def __init__(self, data: bytes, pause: float) -> None:
        self.data = data
        self.pause = pause

    def play(self, peer: Peer) -> None:
        with contextlib.suppress(OSError):
            for byte in self.data:
                if peer.stopping.wait(self.pause):
                    return
                peer.socket.sendall(bytes([byte]))


class Endless(Step):
    """Play steps again and again, until the client leaves."""

    def __init__(self, *steps: Step) -> None:
        self.steps = steps

    def play(self, peer: Peer) -> None:
        with contextlib.suppress(ClientLeft, OSError):
            while True:
                for step in self.steps:
                    step.play(peer)


class SendHere(Send):
    """Send data, with the server's own port where it says PORT."""

    def play(self, peer: Peer) -> None:
        port = b"%d" % peer.socket.getsockname()[1]
        peer.socket.sendall(b"".join(self.pieces).replace(b"PORT", port))


class Whole(Step):
    """Play steps, and tell the test when they are over."""

    def __init__(self, steps: Script, over: threading.Event) -> None:
        self.steps = steps
        self.over = over

    def play(self, peer: Peer) -> None:
        try:
            for step in self.steps:
                assert isinstance(step, Step)
                step.play(peer)
        finally:
            self.over.set()


# Ends and silences: each point of an answer is left by a close, a reset, and silence.

FIVE = answer(b"Content-Length: 5")
GZIPPED = gzip.compress(bytes(range(256)) * 8, mtime=0)
GZIP = answer(b"Content-Encoding: gzip\r\nContent-Length: %d" % len(GZIPPED))
BEFORE, IN_HEAD = "before an answer came", "in the middle of the response's head"
CUT = "the body was cut"

# The name, what has come so far, what a cut there is, what the error says, content that may have been read.
POINTS: list[tuple[str, bytes, type[RequestException], str, bytes]] = [
    ("before a byte", b"", ConnectionError, BEFORE, b""),
    ("in the status line", b"HTTP/1.1 20", ConnectionError, IN_HEAD, b""),
    ("behind the status line", OK, ConnectionError, IN_HEAD, b""),
    ("in a field line", OK + b"Content-Le", ConnectionError, IN_HEAD, b""),
    ("before the empty line", OK + b"Content-Length: 2\r\n", ConnectionError, IN_HEAD, b""),
    ("in the empty line", OK + b"Content-Length: 2\r\n\r", ConnectionError, IN_HEAD, b""),
    ("behind 100 Continue", CONTINUE, ConnectionError, "was lost", b""),
    ("between head and body", FIVE, IncompleteRead, f"{CUT}: got 0 of 5 bytes", b""),
    ("in the body", FIVE + b"abc", IncompleteRead, f"{CUT}: got 3 of 5 bytes", b"abc"),
    ("before the body's last byte", FIVE + b"abcd", IncompleteRead, f"{CUT}: got 4 of 5 bytes", b"abcd"),
    ("between head and chunks", CHUNKED, IncompleteRead, f"{CUT} after 0 bytes", b""),
    ("in a chunk's size", CHUNKED + b"1", IncompleteRead, f"{CUT} after 0 bytes", b""),
    ("in the line end of a chunk's size", CHUNKED + b"4\r", IncompleteRead, f"{CUT} after 0 bytes", b""),
    ("in a chunk's extension", CHUNKED + b"4;a=", IncompleteRead, f"{CUT} after 0 bytes", b""),
    ("behind a chunk's size", CHUNKED + b"4\r\n", IncompleteRead, f"{CUT} after 0 bytes", b""),
    ("in a chunk", CHUNKED + b"4\r\nWik", IncompleteRead, f"{CUT} after 3 bytes", b"Wik"),
    ("behind a chunk's content", CHUNKED + b"4\r\nWiki", IncompleteRead, f"{CUT} after 4 bytes", b"Wiki"),
    ("in the line end of a chunk", CHUNKED + b"4\r\nWiki\r", IncompleteRead, f"{CUT} after 4 bytes", b"Wiki"),
    ("behind a chunk", CHUNKED + b"4\r\nWiki\r\n", IncompleteRead, f"{CUT} after 4 bytes", b"Wiki"),
    ("behind the last chunk's size", CHUNKED + b"4\r\nWiki\r\n0\r\n", IncompleteRead, f"{CUT} after 4", b"Wiki"),
    ("in a trailer", CHUNKED + b"4\r\nWiki\r\n0\r\nA: b", IncompleteRead, f"{CUT} after 4 bytes", b"Wiki"),
    ("behind a trailer", CHUNKED + b"4\r\nWiki\r\n0\r\nA: b\r\n", IncompleteRead, f"{CUT} after 4 bytes", b"Wiki"),
    ("in a compressed body", GZIP + GZIPPED[:99], IncompleteRead, f"{CUT}: got 99 of", bytes(range(256)) * 8),
]

ENDS = [
    *[wrong(f"closes {where}", error, says, Send(so_far), Cut(), content=content)
      for where, so_far, error, says, content in POINTS],
    *[wrong(f"resets {where}", error, says, Send(so_far), Reset(), content=content)
      for where, so_far, error, says, content in POINTS],
    *[wrong(f"is silent {where}", ReadTimeout, "sent no bytes for 0.1 seconds", Send(so_far), content=content,
            timeout=SILENCE, takes=0.1) for where, so_far, _, _, content in POINTS],
    wrong("is silent past the total", ReadTimeout, "not done in the total time", timeout=TOTAL, takes=0.2),
    wrong("half-closes before a byte", ConnectionError, BEFORE, HalfClose()),
    wrong("half-closes in the body", IncompleteRead, "got 3 of 5 bytes", Send(FIVE + b"abc"), HalfClose(),
          content=b"abc"),
    right("closes an endless body: that is its end", Send(OK + b"\r\nall of it"), Cut(), content=b"all of it"),
    wrong("resets an endless body: that is no end", IncompleteRead, f"{CUT} after 3", Send(OK + b"\r\nall"), Reset(),
          content=b"all"),
    wrong("is silent in an endless body", ReadTimeout, "sent no bytes", Send(OK + b"\r\nall"), content=b"all",
          timeout=SILENCE, takes=0.1),
    right("closes behind the whole answer", Send(GOOD), Cut()),
    right("resets behind the whole answer", Send(GOOD), Reset()),
    right("closes behind the whole chunks", Send(CHUNKED + b"2\r\nok\r\n" + LAST), Cut()),
]  # fmt: skip

# While we upload. Nothing of the content is read, unless a row says so.

BIG = bytes(64 * KIB * KIB)
UNREAD = Expect(content=False)


def put_big(url: str, **options: object) -> requests_lite.Response:
    return requests_lite.put(url, data=BIG, **options)  # type: ignore[arg-type]


def put_blocks(url: str, **options: object) -> requests_lite.Response:
    return requests_lite.put(url, data=itertools.repeat(bytes(KIB * KIB), 64), **options)  # type: ignore[arg-type]


def post_file(url: str, **options: object) -> requests_lite.Response:
    return requests_lite.post(url, files={"f": io.BytesIO(BIG)}, **options)  # type: ignore[arg-type]


TOO_BIG = answer(b"Content-Length: 7", b"HTTP/1.1 413 Content Too Large") + b"too big"

UPLOADS = [
    case
    for ask in (put_big, put_blocks, post_file)
    for case in [
        wrong(f"closes during {ask.__name__}", ConnectionError, "was lost", Cut(), ask=ask, asked=UNREAD),
        wrong(f"resets during {ask.__name__}", ConnectionError, "was lost", Reset(), ask=ask, asked=UNREAD),
        wrong(f"half-closes during {ask.__name__}", ConnectionError, "was lost", HalfClose(), ask=ask, asked=UNREAD),
        wrong(f"resets during {ask.__name__}, behind 100 Continue", ConnectionError, "was lost", Send(CONTINUE),
              Reset(), ask=ask, asked=UNREAD),
        wrong(f"does not read {ask.__name__}", ReadTimeout, "took no bytes for 0.1 seconds", Pause(0.25), ask=ask,
              asked=UNREAD, timeout=SILENCE, takes=0.1),
        wrong(f"does not read {ask.__name__}, and there is a total", ReadTimeout, "not done in the total time",
              Pause(0.25), ask=ask, asked=UNREAD, timeout=TOTAL, takes=0.2),
        # Longer than a busy machine keeps the server from reading: that would be another silence.
        wrong(f"takes {ask.__name__} and is silent", ReadTimeout, "sent no bytes for 0.5 seconds", ask=ask,
              asked=UNREAD, timeout=(5.0, 0.5), takes=0.5),
        right(f"answers during {ask.__name__}", Send(TOO_BIG), content=b"too big", status=413, ask=ask, asked=UNREAD),
        right(f"answers during {ask.__name__} and closes", Send(TOO_BIG), Cut(), content=b"too big", status=413,
              ask=ask, asked=UNREAD),
        wrong(f"answers during {ask.__name__}, cut in the head", ConnectionError, "was lost", Send(TOO_BIG[:30]),
              Reset(), ask=ask, asked=UNREAD),
        wrong(f"answers during {ask.__name__}, cut in the body", IncompleteRead, "of 7 bytes", Send(TOO_BIG[:-4]),
              Reset(), content=b"too", ask=ask, asked=UNREAD),
        refused(f"babbles during {ask.__name__}", "a status line", b"220 smtp.example.com ESMTP\r\n", ask=ask,
                asked=UNREAD),
        wrong(f"goes on with 100 Continue during {ask.__name__}", ReadTimeout, "not done in the total time",
              Drip(CONTINUE, 0.01), ask=ask, asked=UNREAD, timeout=TOTAL, takes=0.2),
    ]
]  # fmt: skip
UPLOADS += [
    wrong("floods an upload with 100 Continue", ProtocolError, "more than 100 informational ones",
          Drip(CONTINUE * 1000), ask=put_big, asked=UNREAD, timeout=(5.0, 5.0, 1.0)),
    refused("sends a malformed informational response during an upload", "a field line with a colon",
            b"HTTP/1.1 100 Continue\r\nevil\r\n\r\n" + TOO_BIG, ask=put_big, asked=UNREAD),
    refused("hides an answer behind what is no informational response during an upload", "a status line",
            b"okHTTP/1.1 200 OK\r\n\r\n" + EVIL, ask=put_big, asked=UNREAD),
    refused("says 1000 during an upload", "a status code of three digits", b"HTTP/1.1 1000 No\r\n\r\n" + EVIL,
            ask=put_big, asked=UNREAD),
    wrong("begins an endless head during an upload", ProtocolError, "a head of at most", Send(OK + b"A: "),
          Drip(b"a" * 64 * KIB), ask=put_big, asked=UNREAD),
    wrong("drips a head during an upload", ReadTimeout, "not done in the total time", Send(OK + b"A: "),
          Drip(b"a", 0.02), ask=put_big, asked=UNREAD, timeout=TOTAL, takes=0.2),
]  # fmt: skip

# A byte now and then. No silence is long, so that only the total can end it.


def drip(name: str, start: bytes, piece: bytes, pause: float = 0.02, content: bytes = b"") -> Case:
    return wrong(f"drips {name}", ReadTimeout, "not done in the total time", Send(start), Drip(piece, pause),
                 content=content, timeout=(5.0, 5.0, 0.2), takes=0.2)  # fmt: skip


TRICKLES = [
    drip("a reason", b"HTTP/1.1 200 ", b"O"),
    drip("a field name", OK, b"a"),
    drip("a value", OK + b"A: ", b"b"),
    drip("fields", OK, b"A: b\r\n"),
    drip("informational responses", b"", CONTINUE),
    drip("a body of known length", answer(b"Content-Length: 100000"), b"a", content=b"a" * 100),
    drip("a body without end", OK + b"\r\n", b"a", content=b"a" * 100),
    drip("a large body without end", OK + b"\r\n", b"a" * KIB, 0.001, content=b"a" * KIB * KIB),
    drip("zeros before a chunk's size", CHUNKED, b"0", 0.05),
    drip("a chunk's extension", CHUNKED + b"1;", b"a"),
    drip("a chunk", CHUNKED + b"ffff\r\n", b"a", content=b"a" * 100),
    drip("chunks of a byte", CHUNKED, b"1\r\na\r\n", content=b"a" * 100),
    drip("many chunks of a byte", CHUNKED, b"1\r\na\r\n" * 100, 0.001, content=b"a" * 100_000),
    drip("trailers", CHUNKED + b"0\r\n", b"A: b\r\n"),
    drip("a trailer", CHUNKED + b"0\r\nA: ", b"b"),
    drip("empty gzip streams", answer(b"Content-Encoding: gzip"), gzip.compress(b"", mtime=0) * 10, 0.005),
    drip("zeros behind a gzip stream", answer(b"Content-Encoding: gzip") + GZIPPED, b"\0" * KIB, 0.005,
         content=bytes(range(256)) * 8),
    right("sends a head slowly", Slowly(OK[:8], 0.05), Send(OK[8:] + TWO + b"ok"), timeout=(5.0, 0.3), takes=0.4,
          kept=True),
    right("sends a body slowly", Send(answer(b"Content-Length: 8")), Slowly(b"01234567", 0.05), content=b"01234567",
          timeout=(5.0, 0.3), takes=0.4, kept=True),
    right("sends chunks slowly", Send(CHUNKED), Slowly(b"1\r\na\r\n" + LAST, 0.05), content=b"a",
          timeout=(5.0, 0.3), takes=0.5, kept=True),
    wrong("sends a head so slowly that each silence is too long", ReadTimeout, "sent no bytes", Drip(b"H", 0.3),
          timeout=SILENCE, takes=0.1),
]  # fmt: skip

# Lies about the length.

DIGITS = "a Content-Length of at most 18 digits"


def lying(name: str, value: bytes, says: str = DIGITS) -> Case:
    return refused(f"says Content-Length {name}", says, answer(b"Content-Length: " + value) + b"ok")


LENGTHS = [
    right("sends more than the length", Send(OK + TWO + b"okay")),
    right("sends another answer behind the length", Send(OK + TWO + b"ok" + EVIL)),
    right("says a length of 0 and sends content", Send(answer(b"Content-Length: 0") + b"evil"), content=b""),
    wrong("sends less than the length", ReadTimeout, "sent no bytes", Send(answer(b"Content-Length: 10") + b"ok"),
          content=b"ok", timeout=SILENCE, takes=0.1),
    wrong("sends less than the length and closes", IncompleteRead, "got 2 of 10 bytes",
          Send(answer(b"Content-Length: 10") + b"ok"), Cut(), content=b"ok"),
    *[wrong(f"announces {name} and closes", IncompleteRead, f"got 2 of {size} bytes",
            Send(answer(b"Content-Length: %d" % size) + b"ok"), Cut(), content=b"ok")
      for name, size in [("a gigabyte", 10**9), ("more than there is memory", 10**14), ("18 nines", 10**18 - 1)]],
    wrong("announces a huge chunk and closes", IncompleteRead, f"{CUT} after 2",
          Send(CHUNKED + b"ffffffffffffffff\r\nok"), Cut(), content=b"ok"),
    lying("-2", b"-2"),
    lying("+2", b"+2"),
    lying("0x2", b"0x2"),
    lying("a", b"a"),
    lying("0_2", b"0_2"),
    lying("2.0", b"2.0"),
    lying("2 2", b"2 2"),
    lying("2;", b"2;"),
    lying("nothing", b""),
    lying("10**30", b"1" + b"0" * 30),
    lying("4000 digits", b"9" * 4000),
    lying("superscript", b"\xb2"),
    lying("in Arabic digits", "\u0662".encode()),
    lying("in fullwidth digits", "\uff12".encode()),
    lying("behind a vertical tab", b"\x0b2"),
    lying("behind a no-break space", b"\xa02"),
    lying("two", b"two"),
    lying("twice, different", b"2\r\nContent-Length: 3", "one Content-Length, got 2 different ones"),
    lying("twice, one negative", b"2\r\nContent-Length: -2", "one Content-Length"),
    lying("in a list, different", b"2, 3", "one Content-Length"),
    lying("in a list, one empty", b"2, ", "one Content-Length"),
    right("says a length twice", Send(answer(b"Content-Length: 2\r\nContent-Length: 2") + b"ok"), kept=True),
    right("says a length in a list", Send(answer(b"Content-Length: 2, 2") + b"ok"), kept=True),
    right("says a length between blanks", Send(answer(b"Content-Length:\t  2 \t ") + b"ok"), kept=True),
    right("says a length with leading zeros", Send(answer(b"Content-Length: 0002") + b"ok"), kept=True),
]  # fmt: skip

# Smuggling: bytes that two parsers read in two ways.

CODING, SIZE = "the transfer coding chunked", "a chunk size in hexadecimal digits and CRLF"
BEHIND = "CRLF behind a chunk"
OF_OK = b"2\r\nok\r\n" + LAST


def coded(name: str, fields: bytes, says: str = CODING) -> Case:
    return refused(f"sends {name}", says, answer(fields) + OF_OK)


def in_head(name: str, line: bytes, says: str) -> Case:
    return refused(f"sends {name}", says, OK + line + b"\r\n" + TWO + b"ok")


def in_chunks(name: str, body: bytes, says: str = SIZE, content: bytes = b"") -> Case:
    return refused(f"sends {name}", says, CHUNKED + body, content)


SMUGGLING = [
    right("sends chunks and a length", Send(answer(b"Content-Length: 4\r\nTransfer-Encoding: chunked") + OF_OK)),
    right("sends a length and chunks, and an answer behind them",
          Send(answer(b"Transfer-Encoding: chunked\r\nContent-Length: 12") + OF_OK + EVIL)),
    right("sends chunks in HTTP/1.0", Send(answer(b"Transfer-Encoding: chunked\r\nConnection: keep-alive",
                                                  b"HTTP/1.0 200 OK") + OF_OK)),
    coded("the coding xchunked", b"Transfer-Encoding: xchunked"),
    coded("the coding xchunked and a length", b"Transfer-Encoding: xchunked\r\nContent-Length: 2"),
    coded("chunked twice", b"Transfer-Encoding: chunked, chunked"),
    coded("chunked twice, in two lines", b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked"),
    coded("chunked below gzip", b"Transfer-Encoding: chunked, gzip"),
    coded("gzip below chunked", b"Transfer-Encoding: gzip, chunked"),
    coded("chunked in quotes", b'Transfer-Encoding: "chunked"'),
    coded("chunked behind a vertical tab", b"Transfer-Encoding: \x0bchunked"),
    coded("identity and chunked", b"Transfer-Encoding: identity, chunked"),
    coded("Transfer-Encoding with a space before its colon", b"Transfer-Encoding : chunked", "a field name"),
    coded("Transfer-Encoding behind a space", b"A: b\r\n Transfer-Encoding: chunked", "a field on one line"),
    coded("Transfer-Encoding behind a bare CR", b"A: b\rTransfer-Encoding: chunked", "without bare CR"),
    coded("a folded chunked", b"Transfer-Encoding:\r\n chunked", "a field on one line"),
    in_head("a folded line", b"A: b\r\n c", "a field on one line"),
    in_head("a space before a colon", b"Content-Length : 4", "a field name that is a token"),
    in_head("a tab before a colon", b"Content-Length\t: 4", "a field name that is a token"),
    in_head("a line without a colon", b"Content-Length 4", "a field line with a colon"),
    in_head("an empty name", b": 4", "a field name that is a token"),
    in_head("a bare CR in a value", b"A: b\rContent-Length: 4", "without bare CR or NUL"),
    in_head("a bare CR for an end", b"A: b\r\r", "without bare CR or NUL"),
    in_head("a NUL in a value", b"A: b\0c", "without bare CR or NUL"),
    in_head("a NUL in a name", b"Content-\0Length: 4", "a field name that is a token"),
    in_head("a name that is not ASCII", "Content-L\u00e8ngth: 4".encode(), "a field name that is a token"),
    refused("sends a bare CR in the reason", "without bare CR or NUL", b"HTTP/1.1 200 OK\rA: b\r\n" + TWO + b"ok"),
    right("ends a head's lines with bare LF", Send(b"HTTP/1.1 200 OK\nContent-Length: 2\n\nok"), kept=True),
    right("ends a head's lines now so, now so", Send(b"HTTP/1.1 200 OK\nA: b\r\nContent-Length: 2\n\r\nok"), kept=True),
    in_chunks("a size with 0x", b"0x2\r\nok\r\n" + LAST),
    in_chunks("a size with a plus", b"+2\r\nok\r\n" + LAST),
    in_chunks("a size with a minus", b"-2\r\nok\r\n" + LAST),
    in_chunks("a size with an underscore", b"0_2\r\nok\r\n" + LAST),
    in_chunks("a space before a size", b" 2\r\nok\r\n" + LAST),
    in_chunks("a space inside a size", b"0 2\r\nok\r\n" + LAST),
    in_chunks("a size of 17 digits", b"00000000000000002\r\nok\r\n" + LAST),
    in_chunks("a size that wraps to 2 in 64 bits", b"10000000000000002\r\nok\r\n" + LAST),
    in_chunks("no size", b"\r\nok\r\n" + LAST),
    in_chunks("a size in Arabic digits", "\u0662\r\nok\r\n".encode() + LAST),
    in_chunks("a size line that ends with bare LF", b"2\nok\r\n" + LAST),
    in_chunks("an extension that ends with bare LF", b"2;a\nok\r\n" + LAST),
    in_chunks("a bare CR in an extension", b"2;a\r0\r\nok\r\n" + LAST),
    in_chunks("no CRLF behind a chunk", b"2\r\nok" + LAST, BEHIND, b"ok"),
    in_chunks("bare LF behind a chunk", b"2\r\nok\n" + LAST, BEHIND, b"ok"),
    in_chunks("a chunk longer than its size", b"2\r\nokay\r\n" + LAST, BEHIND, b"ok"),
    in_chunks("a chunk shorter than its size", b"5\r\nok\r\n" + LAST, content=b"ok\r\n0"),
    in_chunks("a bare LF behind the last chunk", b"2\r\nok\r\n0\r\n\n", "each ended by CRLF", b"ok"),
    in_chunks("a trailer without a colon", b"2\r\nok\r\n0\r\nA\r\n\r\n", "a field line with a colon", b"ok"),
    in_chunks("a folded trailer", b"2\r\nok\r\n0\r\nA: b\r\n c\r\n\r\n", "a field on one line", b"ok"),
    in_chunks("an answer where trailers are due", b"2\r\nok\r\n0\r\n" + EVIL, "a field line with a colon", b"ok"),
    right("sends a trailer that would change the length",
          Send(CHUNKED + b"2\r\nok\r\n0\r\nContent-Length: 99\r\nTransfer-Encoding: gzip\r\n\r\n"), kept=True),
    right("hides an answer in an informational one's length",
          Send(answer(b"Content-Length: %d" % len(EVIL), b"HTTP/1.1 103 Early Hints") + GOOD), kept=True),
    refused("sends an informational response with content", "a status line",
            answer(b"Content-Length: 5", b"HTTP/1.1 102 Processing") + b"hello" + GOOD),
    refused("splits an informational response", "a field line with a colon",
            b"HTTP/1.1 100 Continue\r\n" + EVIL + GOOD),
]  # fmt: skip

# Without end, as fast as the wire takes it.

MANY = b"a" * 64 * KIB
ENDLESS = [
    wrong("sends a line without end", ProtocolError, "a head of at most", Send(OK + b"A: "), Drip(MANY)),
    wrong("sends a name without end", ProtocolError, "a head of at most", Send(OK), Drip(MANY)),
    wrong("sends fields without end", ProtocolError, "a head of at most", Send(OK), Drip(b"A: b\r\n" * KIB)),
    wrong("sends a reason without end", ProtocolError, "a head of at most", Send(b"HTTP/1.1 200 "), Drip(MANY)),
    wrong("sends a version without end", ProtocolError, "a head of at most", Send(b"HTTP/"), Drip(b"1" * KIB)),
    wrong("sends empty lines without end", ProtocolError, "a status line", Drip(b"\r\n")),
    wrong("sends zeros without end", ProtocolError, "a status line", Drip(b"\0" * KIB)),
    wrong("sends informational responses without end", ProtocolError, "more than 100", Drip(CONTINUE * 10)),
    wrong("sends a large informational response again and again", ProtocolError, "more than 100",
          Drip(answer(b"A: " + b"a" * 10 * KIB, b"HTTP/1.1 103 Early Hints"))),
    wrong("sends a chunk's size without end", ProtocolError, SIZE, Send(CHUNKED), Drip(b"0" * KIB)),
    wrong("sends a chunk's extension without end", ProtocolError, SIZE, Send(CHUNKED + b"1;"), Drip(MANY)),
    wrong("sends a trailer without end", ProtocolError, "trailers of at most", Send(CHUNKED + b"0\r\nA: "),
          Drip(MANY)),
    wrong("sends trailers without end", ProtocolError, "trailers of at most", Send(CHUNKED + b"0\r\n"),
          Drip(b"A: b\r\n" * KIB)),
    refused("sends a head of a byte too many", "a head of at most", filled(300 * KIB + 1) + b"ok"),
    right("sends a head as large as may be", Send(filled(300 * KIB) + b"ok"), kept=True),
    right("sends 100 informational responses", Send(CONTINUE * 100 + GOOD), kept=True),
    refused("sends 101 informational responses", "more than 100 informational ones", CONTINUE * 101 + GOOD),
]  # fmt: skip

# Content codings.


def packed(content: bytes, times: int = 1) -> bytes:
    for _ in range(times):
        content = gzip.compress(content, mtime=0)
    return content


def with_coding(coding: bytes, content: bytes) -> bytes:
    return answer(b"Content-Encoding: %b\r\nContent-Length: %d" % (coding, len(content))) + content


OK_ZIP = packed(b"ok")
ZLIB = zlib.compress(b"ok")
CODINGS = [
    right("packs", Send(with_coding(b"gzip", OK_ZIP)), kept=True),
    right("packs in chunks of a byte", Send(answer(b"Content-Encoding: gzip\r\nTransfer-Encoding: chunked")),
          Send(b"".join(b"1\r\n%c\r\n" % byte for byte in OK_ZIP) + LAST), kept=True),
    right("packs several times", Send(with_coding(b"gzip, x-gzip,\tGZIP", packed(b"ok", 3))), kept=True),
    right("packs ten times", Send(with_coding(b", ".join([b"gzip"] * 10), packed(b"ok", 10))), kept=True),
    wrong("packs eleven times", ContentDecodingError, "11 content codings",
          Send(with_coding(b", ".join([b"gzip"] * 11), packed(b"ok", 11)))),
    wrong("says that it packed a thousand times", ContentDecodingError, "1000 content codings",
          Send(with_coding(b", ".join([b"gzip"] * 1000), packed(b"ok")))),
    right("packs with deflate", Send(with_coding(b"deflate", ZLIB)), kept=True),
    right("packs with deflate without its frame", Send(with_coding(b"deflate", ZLIB[2:-4])), kept=True),
    right("packs two streams", Send(with_coding(b"gzip", packed(b"o") + packed(b"k"))), kept=True),
    right("pads a gzip stream with zeros", Send(with_coding(b"gzip", OK_ZIP + bytes(100))), kept=True),
    wrong("packs, and garbage behind it", ContentDecodingError, "is not gzip",
          Send(with_coding(b"gzip", OK_ZIP + b"garbage")), kept=True, content=b"ok"),
    wrong("cuts a gzip stream in its head", IncompleteRead, "the gzip stream was cut",
          Send(with_coding(b"gzip", OK_ZIP[:5])), kept=True, content=b"ok"),
    wrong("cuts a gzip stream", IncompleteRead, "the gzip stream was cut",
          Send(with_coding(b"gzip", OK_ZIP[:-9])), kept=True, content=b"ok"),
    wrong("cuts a gzip stream in its check", IncompleteRead, "the gzip stream was cut",
          Send(with_coding(b"gzip", OK_ZIP[:-1])), kept=True, content=b"ok"),
    wrong("cuts a gzip stream behind a byte", IncompleteRead, "the gzip stream was cut",
          Send(with_coding(b"gzip", OK_ZIP[:1])), kept=True),
    wrong("cuts a deflate stream", IncompleteRead, "the deflate stream was cut",
          Send(with_coding(b"deflate", ZLIB[:-1])), kept=True, content=b"ok"),
    wrong("sends a gzip stream with a wrong check", ContentDecodingError, "is not gzip",
          Send(with_coding(b"gzip", OK_ZIP[:-5] + b"\xff" + OK_ZIP[-4:])), kept=True, content=b"ok"),
    wrong("says gzip and does not pack", ContentDecodingError, "is not gzip",
          Send(with_coding(b"gzip", b"<html>")), kept=True),
    wrong("says deflate and does not pack", ContentDecodingError, "is not deflate",
          Send(with_coding(b"deflate", b"<html>")), kept=True),
    wrong("says deflate and sends gzip", ContentDecodingError, "is not deflate",
          Send(with_coding(b"deflate", OK_ZIP)), kept=True),
    wrong("names a coding that nobody knows", ContentDecodingError, "'gzipp' cannot be decoded",
          Send(with_coding(b"gzipp", OK_ZIP))),
    wrong("names an unknown coding below gzip", ContentDecodingError, "cannot be decoded",
          Send(with_coding(b"aes128gcm, gzip", OK_ZIP))),
    wrong("names an unknown coding and sends no end", ContentDecodingError, "cannot be decoded",
          Send(answer(b"Content-Encoding: x")), Drip(MANY, 0.01)),
    wrong("says gzip and sends garbage without end", ContentDecodingError, "is not gzip",
          Send(answer(b"Content-Encoding: gzip")), Drip(MANY, 0.01)),
    right("names no coding", Send(with_coding(b"", b"ok")), kept=True),
    right("names the coding identity", Send(with_coding(b"identity, , Identity", b"ok")), kept=True),
    right("says gzip of nothing", Send(answer(b"Content-Encoding: gzip\r\nContent-Length: 0")), content=b"", kept=True),
    right("says gzip of nothing to HEAD", Send(answer(b"Content-Encoding: gzip\r\nContent-Length: 99")), content=b"",
          ask=requests_lite.head, kept=True),
    right("says an unknown coding of nothing to HEAD", Send(answer(b"Content-Encoding: x")), content=b"",
          ask=requests_lite.head, kept=True),
]  # fmt: skip

# Out of step: bytes that belong to no request.

NO_CONTENT = b"HTTP/1.1 204 No Content\r\n"
NOT_MODIFIED = b"HTTP/1.1 304 Not Modified\r\n"
TIMED_OUT = answer(b"Content-Length: 0\r\nConnection: close", b"HTTP/1.1 408 Request Timeout")
DESYNC = [
    right("sends two answers at once", Send(GOOD + EVIL)),
    right("sends two answers one after the other", Send(GOOD), Send(EVIL)),
    right("sends a line end behind the answer", Send(GOOD + b"\r\n")),
    right("sends another answer behind chunks", Send(CHUNKED + OF_OK + EVIL)),
    right("answers twice before it is asked", Send(GOOD + EVIL), UNREAD, asked=None),
    right("answers 408 on an idle connection", Send(GOOD), Send(TIMED_OUT)),
    right("answers 408 on an idle connection and closes", Send(GOOD), Send(TIMED_OUT), Cut()),
    right("sends content with 204", Send(NO_CONTENT + TWO + b"no"), status=204, content=b""),
    right("sends an answer with 204", Send(NO_CONTENT + b"\r\n" + EVIL), status=204, content=b""),
    right("sends chunks with 204", Send(NO_CONTENT + b"Transfer-Encoding: chunked\r\n\r\n" + OF_OK), status=204,
          content=b""),
    right("sends content with 304", Send(NOT_MODIFIED + TWO + b"no"), status=304, content=b""),
    right("sends an answer with 304", Send(NOT_MODIFIED + b"\r\n" + EVIL), status=304, content=b""),
    right("sends content with HEAD", Send(OK + TWO + b"no"), ask=requests_lite.head, content=b""),
    right("sends an answer with HEAD", Send(answer(b"Content-Length: %d" % len(EVIL)) + EVIL), ask=requests_lite.head,
          content=b""),
    right("sends a length with 204", Send(NO_CONTENT + TWO), status=204, content=b"", kept=True),
    right("sends a length with HEAD", Send(OK + TWO), ask=requests_lite.head, content=b"", kept=True),
    right("sends content with 205", Send(answer(b"Content-Length: 2", b"HTTP/1.1 205 Reset Content") + b"ok"),
          status=205, kept=True),
    right("switches protocols unasked", Send(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\n\r\n" + EVIL),
          status=101, content=b""),
    right("says close and stays", Send(OK + b"Connection: close\r\n" + TWO + b"ok" + EVIL)),
    right("says keep-alive and goes", Send(OK + b"Connection: keep-alive\r\n" + TWO + b"ok"), Cut()),
]  # fmt: skip

# Status lines.

LINE, CODE = "a status line like 'HTTP/1.1 200 OK'", "a status code of three digits"


def line(name: str, status_line: bytes, says: str) -> Case:
    return refused(f"says {name}", says, status_line + b"\r\n" + TWO + b"ok")


STATUS_LINES = [
    line("HTTP/2.0", b"HTTP/2.0 200 OK", LINE),
    line("HTTP/2", b"HTTP/2 200", LINE),
    line("HTTP/0.9", b"HTTP/0.9 200 OK", LINE),
    line("HTTP/1.10", b"HTTP/1.10 200 OK", LINE),
    line("HTTP/1.", b"HTTP/1. 200 OK", LINE),
    line("http/1.1", b"http/1.1 200 OK", LINE),
    line("HTTPS/1.1", b"HTTPS/1.1 200 OK", LINE),
    line("ICY", b"ICY 200 OK", LINE),
    line("200 OK", b"200 OK", LINE),
    line("99", b"HTTP/1.1 99 No", CODE),
    line("099", b"HTTP/1.1 099 No", CODE),
    line("1000", b"HTTP/1.1 1000 No", CODE),
    line("+20", b"HTTP/1.1 +20 No", CODE),
    line("2_0", b"HTTP/1.1 2_0 No", CODE),
    line("no code", b"HTTP/1.1 OK", CODE),
    line("superscript digits", b"HTTP/1.1 \xb2\xb0\xb0 OK", CODE),
    line("two spaces", b"HTTP/1.1  200 OK", CODE),
    line("an empty line first", b"\r\nHTTP/1.1 200 OK", LINE),
    refused("sends content without a head", LINE, b"<html>hello</html>"),
    refused("speaks HTTP/2", LINE, b"\0\0\x12\x04\0\0\0\0\0\0\x03\0\0\0\x80\0\x04\0\x01\0\0\0\x05\0\xff\xff\xff"),
    refused("speaks SSH", LINE, b"SSH-2.0-OpenSSH_9.6\r\n"),
    refused("sends a TLS alert", LINE, b"\x15\x03\x01\0\x02\x02\x46"),
    right("gives no reason", Send(b"HTTP/1.1 200\r\n" + TWO + b"ok"), kept=True),
    right("gives no reason behind a space", Send(b"HTTP/1.1 200 \r\n" + TWO + b"ok"), kept=True),
    right("gives a reason in Latin-1", Send(b"HTTP/1.1 200 \xe0 votre sant\xe9\r\n" + TWO + b"ok"), kept=True),
    right("says HTTP/1.9", Send(b"HTTP/1.9 200 OK\r\n" + TWO + b"ok"), kept=True),
    right("says HTTP/1.0", Send(b"HTTP/1.0 200 OK\r\n" + TWO + b"ok")),
    right("says 999", Send(b"HTTP/1.1 999 Go away\r\n" + TWO + b"ok"), status=999, kept=True),
]  # fmt: skip

# Redirects.


def to(location: bytes, status: bytes = b"302 Found", content: bytes = b"") -> bytes:
    fields = b"Location: %b\r\nContent-Length: %d" % (location, len(content))
    return answer(fields, b"HTTP/1.1 " + status) + content


def follows(name: str, redirect: bytes, target: bytes) -> Case:
    """Return a row for a redirect that is followed on the same connection."""
    script = (SendHere(redirect), Expect(b"GET " + target + b" "), Send(GOOD))
    return right(f"redirects {name}", *script, kept=True)


def leads_nowhere(name: str, location: bytes, error: type[RequestException], says: str = "", **rest: object) -> Case:
    return wrong(f"redirects {name}", error, says, SendHere(to(location)), **{"kept": True, **rest})


LONG = b"a" * 100_000
REDIRECTS = [
    wrong("redirects to itself for ever", TooManyRedirects, "more than 30 redirects", Send(to(b"/asked")),
          *[Expect(b"GET /asked "), Send(to(b"/asked"))] * 30, kept=True),
    wrong("redirects in a circle", TooManyRedirects, "more than 30 redirects", Send(to(b"/a")),
          *[Expect(b"GET /a "), Send(to(b"/b")), Expect(b"GET /b "), Send(to(b"/a"))] * 15, kept=True),
    wrong("redirects to ever new places, slowly", ReadTimeout, "not done in the total time", Slowly(b"H", 0.05),
          Endless(Send(to(b"/a")[1:]), Expect(), Slowly(b"H", 0.05)), timeout=TOTAL, takes=0.2),
    leads_nowhere("to a file", b"file:///etc/passwd", InvalidSchema, "not 'file'"),
    leads_nowhere("to a script", b"javascript:alert(1)", InvalidSchema, "not 'javascript'"),
    leads_nowhere("to data", b"data:text/plain,evil", InvalidSchema, "not 'data'"),
    leads_nowhere("to ftp", b"ftp://127.0.0.1/", InvalidSchema, "not 'ftp'"),
    leads_nowhere("to gopher", b"gopher://127.0.0.1:PORT/_GET", InvalidSchema, "not 'gopher'"),
    leads_nowhere("to no host", b"http://", InvalidURL),
    leads_nowhere("to no host but a path", b"http:///etc/passwd", InvalidURL),
    leads_nowhere("to an empty authority", b"//", InvalidURL),
    leads_nowhere("to a malformed IPv6 address", b"http://[::1/", InvalidURL),
    leads_nowhere("to a port that is none", b"http://127.0.0.1:99999/", InvalidURL, "a port that is not a number"),
    leads_nowhere("to a port in words", b"http://127.0.0.1:http/", InvalidURL),
    leads_nowhere("behind a backslash", b"http://127.0.0.1:PORT\\@evil.example/", InvalidURL, "a backslash"),
    leads_nowhere("with a control character", b"/a\x01b", InvalidURL, "a control character"),
    leads_nowhere("with a tab inside", b"/a\tb", InvalidURL, "a control character"),
    leads_nowhere("with a CR", b"/a\rSet-Cookie: a=b", ProtocolError, "without bare CR or NUL", kept=False),
    leads_nowhere("with a NUL", b"/a\0b", ProtocolError, "without bare CR or NUL", kept=False),
    leads_nowhere("to another scheme", b"https://127.0.0.1:PORT/", SSLError, "no TLS with",
                  more=[[lambda sock: sock.recv(1 << 16), Send(GOOD), Cut()]]),
    leads_nowhere("to two places", b"/a\r\nLocation: /b", ProtocolError, "one Location, got 2"),
    wrong("redirects to two places, with content without end", ProtocolError, "one Location, got 2",
          Send(OK.replace(b"200 OK", b"302 Found") + b"Location: /a\r\nLocation: /b\r\n\r\n"), Drip(MANY, 0.01)),
    follows("to one place, said twice", to(b"/there\r\nLocation: /there"), b"/there"),
    follows("with user and password", to(b"http://user:secret@127.0.0.1:PORT/there"), b"/there"),
    follows("to a place with a space", to(b"/the re"), b"/the%20re"),
    follows("to a place in UTF-8", to("/th\u00e8re".encode()), b"/th%C3%A8re"),
    follows("to a place in Latin-1", to(b"/th\xe8re"), b"/th%C3%A8re"),
    follows("to a place above the root", to(b"/../../../there"), b"/there"),
    follows("to a huge place", to(b"/" + LONG), b"/" + LONG),
    follows("with content", to(b"/there", content=b"<a href=/there>there</a>"), b"/there"),
    follows("with packed garbage", to(b"/there\r\nContent-Encoding: gzip", content=b"garbage"), b"/there"),
    right("redirects with content without end", Send(OK.replace(b"200 OK", b"302 Found") + b"Location: /there\r\n\r\n"),
          Drip(MANY, 0.001), more=[[Expect(b"GET /there "), Send(GOOD), Cut()]]),
    wrong("redirects with content that is cut", IncompleteRead, "got 3 of 5 bytes",
          Send(to(b"/there", content=b"abcde")[:-2]), Cut()),
    wrong("redirects with content that stops", ReadTimeout, "sent no bytes",
          Send(to(b"/there", content=b"abcde")[:-2]), timeout=SILENCE, takes=0.1),
    right("redirects and closes", Send(to(b"/there")), Cut(), more=[[Expect(b"GET /there "), Send(GOOD), Cut()]]),
    right("redirects nowhere", Send(answer(b"Content-Length: 2", b"HTTP/1.1 302 Found") + b"ok"), status=302,
          kept=True),
    right("redirects to an empty place", Send(to(b"", content=b"ok")), status=302, kept=True),
    right("answers 304 with a place", Send(answer(b"Location: /there", b"HTTP/1.1 304 Not Modified")), status=304,
          content=b"", kept=True),
    right("answers 300 with a place", Send(to(b"/there", b"300 Multiple Choices", b"ok")), status=300, kept=True),
    right("answers 201 with a place", Send(to(b"/there", b"201 Created", b"ok")), status=201, kept=True),
]  # fmt: skip

CASES = [*ENDS, *UPLOADS, *TRICKLES, *LENGTHS, *SMUGGLING, *ENDLESS, *CODINGS, *DESYNC, *STATUS_LINES, *REDIRECTS]


@dataclass
class Outcome:
    """What came of it."""

    status: int | None = None
    content: bytes = b""
    error: RequestException | None = None
    took: float = 0.0


Read = Callable[[requests_lite.Response], Iterator[bytes]]


def at_once(response: requests_lite.Response) -> Iterator[bytes]:
    yield response.content


def stream(response: requests_lite.Response) -> Iterator[bytes]:
    with response:
        yield from response.iter_content()


def outcome_of(case: Case, url: str, read: Read, **options: object) -> Outcome:
    """Ask, and time it. Any exception but a RequestException fails the test."""
    outcome = Outcome()
    begun = monotonic()
    try:
        response = case.ask(url, timeout=case.timeout, stream=read is stream, **options)
        outcome.status = response.status_code
        for block in read(response):
            outcome.content += block
    except RequestException as error:
        outcome.error = error  # kept to the end, as a log would: an error that is held must hold no connection
    outcome.took = monotonic() - begun
    return outcome


def check(case: Case, outcome: Outcome) -> None:
    if case.error is None:
        assert outcome.error is None
        assert (outcome.status, outcome.content) == (case.status, case.content)
    else:
        assert type(outcome.error) is case.error, f"got {outcome}"
        assert case.says in str(outcome.error)
        assert case.content.startswith(outcome.content)
        assert outcome.error.request is not None
    assert case.takes * 0.95 <= outcome.took < case.takes + SLACK


def play(case: Case, read: Read) -> ParameterSet:
    return pytest.param(case, read, id=f"{case.name}-{read.__name__}")


# How one reads does not matter to an upload.
PLAYS = [play(case, read) for read in (at_once, stream) for case in CASES if read is at_once or case not in UPLOADS]


@pytest.mark.parametrize(("case", "read"), PLAYS)
def test_misbehaving(case: Case, read: Read) -> None:
    """The right answer or the right error in time, and never anything of it in the next answer."""
    over = threading.Event()
    first: Script = [Whole([case.asked, *case.script] if case.asked else case.script, over)]
    after: Script = [Expect(b"GET /next "), Send(NEXT)]
    scripts = [[*first, *after], *case.more] if case.kept else [first, *case.more, after]
    with Server(*scripts) as server:
        outcome = outcome_of(case, server.url + "/asked", read)
        try:
            check(case, outcome)
            assert over.wait(1)  # whatever the server sends has been sent
            assert requests_lite.get(server.url + "/next", timeout=5).content == b"the next answer"
            assert server.connections == len(scripts)
            if not case.kept:
                # It was closed here and now, by whichever side: nothing keeps it open until garbage is collected.
                assert server.closed_by_client(0, 1) or server._peers[0].ended
            assert len(_adapter._opener.pool) == 1
        finally:
            outcome.error = None


def test_the_catalogue_is_one() -> None:
    """No row twice, and as many as were promised."""
    names = [case.name for case in CASES]
    assert len(names) == len(set(names)) >= 75


# Kept connections that die.


@pytest.mark.parametrize("end", [Cut(), Reset()], ids=["closes", "resets"])
@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "OPTIONS"])
def test_a_kept_connection_that_dies_with_an_idempotent_request(method: str, end: Step) -> None:
    """It is repeated once, and the caller notices nothing."""
    with Server([Expect(), Send(GOOD), Expect(), end], [Expect(method.encode()), Send(NO_CONTENT + b"\r\n")]) as server:
        assert requests_lite.get(server.url).content == b"ok"
        assert requests_lite.request(method, server.url).status_code == 204


@pytest.mark.parametrize("end", [Cut(), Reset()], ids=["closes", "resets"])
@pytest.mark.parametrize("method", ["POST", "PATCH"])
def test_a_kept_connection_that_dies_with_another_request(method: str, end: Step) -> None:
    """It may have been acted upon: it is never sent twice."""
    with Server([Expect(), Send(GOOD), Expect(method.encode()), end]) as server:
        assert requests_lite.get(server.url).content == b"ok"
        with pytest.raises(RequestException) as caught:
            requests_lite.request(method, server.url, data=b"pay")
        assert type(caught.value) is ConnectionError


def test_the_repeat_dies_too() -> None:
    """One repeat, not two."""
    with Server([Expect(), Send(GOOD), Expect(), Cut()], [Expect(), Cut()]) as server:
        assert requests_lite.get(server.url).content == b"ok"
        with pytest.raises(RequestException) as caught:
            requests_lite.get(server.url)
        assert type(caught.value) is ConnectionError


def test_a_kept_connection_that_dies_in_the_answer() -> None:
    """A byte of it came: no repeat."""
    with Server([Expect(), Send(GOOD), Expect(), Send(b"H"), Cut()]) as server:
        assert requests_lite.get(server.url).content == b"ok"
        with pytest.raises(RequestException, match=IN_HEAD) as caught:
            requests_lite.get(server.url)
        assert type(caught.value) is ConnectionError


class Take(Step):
    """Receive so many bytes of content."""

    def __init__(self, size: int) -> None:
        self.size = size

    def play(self, peer: Peer) -> None:
        peer.take(self.size)


def test_a_kept_connection_that_dies_behind_an_informational_response() -> None:
    """The server has begun to answer: no repeat, as without content."""
    with Server(
        [Expect(), Send(GOOD), UNREAD, Send(CONTINUE), Take(len(BIG) // 2), Reset()], [Pause(0.1), Cut()]
    ) as server:
        assert requests_lite.get(server.url).content == b"ok"
        with pytest.raises(RequestException) as caught:
            requests_lite.put(server.url, data=BIG, timeout=(5, 1))
        assert type(caught.value) is ConnectionError
        assert server.connections == 1


# Bombs.


@pytest.mark.parametrize("chunk_size", [None, 10_000, 1 << 20])
@pytest.mark.parametrize("times", [1, 2])
def test_a_bomb_read_in_pieces_stays_flat(chunk_size: int | None, times: int) -> None:
    """A thousand to one, or a million to one: memory is that of a few blocks."""
    size = 64 * KIB * KIB
    bomb = packed(bytes(size), times)
    with Server([Expect(), Send(with_coding(b", ".join([b"gzip"] * times), bomb))]) as server:
        with requests_lite.get(server.url, stream=True) as response:
            tracemalloc.start()
            try:
                assert sum(len(block) for block in response.iter_content(chunk_size)) == size
                assert tracemalloc.get_traced_memory()[1] < 4 * KIB * KIB
            finally:
                tracemalloc.stop()


def test_a_bomb_that_is_left_alone_is_not_unpacked() -> None:
    """Who closes early pays for what was read."""
    with Server([Expect(), Send(with_coding(b"gzip", packed(bytes(64 * KIB * KIB))))]) as server:
        begun = monotonic()
        with requests_lite.get(server.url, stream=True) as response:
            assert len(next(response.iter_content())) <= KIB * KIB
        assert monotonic() - begun < SLACK
        assert len(_adapter._opener.pool) == 1 or server.closed_by_client()  # all of it may have come with the head


# TLS that is none, or not to be trusted.


def certificate(authority: trustme.CA, *names: str, **rest: object) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(*names, **rest).configure_cert(context)  # type: ignore[arg-type]
    return context


def untrusted(kind: str, authority: trustme.CA) -> ssl.SSLContext:
    """Return what a server shows that nobody should believe."""
    if kind == "another authority's":
        return certificate(trustme.CA(), "127.0.0.1")
    if kind == "for another name":
        return certificate(authority, "example.com", "10.0.0.1", "*.0.0.1")
    return certificate(authority, "127.0.0.1", not_after=datetime.datetime(2001, 1, 1, tzinfo=datetime.timezone.utc))


@pytest.mark.parametrize("kind", ["another authority's", "for another name", "expired"])
def test_a_certificate_that_is_not_to_be_trusted(kind: str, certificates: Certificates) -> None:
    """Not a byte of the request goes out, and what verify=False opens serves only verify=False."""
    context = untrusted(kind, certificates.authority)
    with Server([], [Expect(b"GET /open "), Send(GOOD)], [], tls=context) as server:
        for target in ("/secret", "/open", "/secret"):
            if target == "/open":
                assert requests_lite.get(server.url + target, verify=False, timeout=5).content == b"ok"
                continue
            with pytest.raises(RequestException, match="is not trusted") as caught:
                requests_lite.get(server.url + target, verify=certificates.ca, timeout=5)
            assert type(caught.value) is SSLError
            assert server.closed_by_client(server.connections - 1)
    assert b"secret" not in b"".join(server.received)


@pytest.mark.parametrize("data", [GOOD, b"220 smtp.example.com ESMTP\r\n", b"\0" * 100, b"\x15\x03\x01\0\x02\x02\x46"])
def test_no_tls_on_an_https_port(data: bytes, certificates: Certificates) -> None:
    with Server([lambda sock: sock.recv(1 << 16), Send(data), Cut()]) as server:
        with pytest.raises(RequestException, match="no TLS with") as caught:
            requests_lite.get(server.url.replace("http:", "https:"), verify=certificates.ca, timeout=5)
        assert type(caught.value) is SSLError


def test_tls_on_an_http_port(certificates: Certificates) -> None:
    """The server may send an alert or just go."""
    with Server([], tls=certificates.server) as server:
        with pytest.raises(RequestException) as caught:
            requests_lite.get(server.url.replace("https:", "http:"), timeout=5)
        assert type(caught.value) in (ConnectionError, ProtocolError)


@pytest.mark.parametrize("piece", [b"", b"\x16"])
def test_a_handshake_without_end(piece: bytes) -> None:
    """The limit for connecting holds for the handshake, silent or dripping a record that never ends."""
    drips: Script = [Send(b"\x16\x03\x03\x40\0"), Drip(piece, 0.02)] if piece else []
    with Server([lambda sock: sock.recv(1 << 16), *drips]) as server:
        begun = monotonic()
        with pytest.raises(RequestException, match="the handshake did not end in time") as caught:
            requests_lite.get(server.url.replace("http:", "https:"), timeout=(0.3, 5))
        assert type(caught.value) is ConnectTimeout
        assert 0.28 <= monotonic() - begun < 0.3 + SLACK
        assert server.closed_by_client()


@pytest.mark.parametrize("read", [at_once, stream])
@pytest.mark.parametrize(
    "case",
    [
        *[replace(case, script=[*case.script[:-1], Cut()]) for case in ENDS if case.name.startswith("closes ")],
        *[case for case in [*LENGTHS, *SMUGGLING, *DESYNC, *ENDLESS] if case.asked and not case.more],
        *[case for case in ENDS if case.name in ("is silent in the body", "is silent before a byte")],
    ],
    ids=str,
)
def test_misbehaving_over_tls(case: Case, read: Read, certificates: Certificates) -> None:
    """The same below TLS, where a close without close_notify is a cut."""
    if case.name == "closes an endless body: that is its end":
        case = replace(case, error=IncompleteRead, says=CUT)
    over = threading.Event()
    first: Script = [Whole([case.asked or Wait(), *case.script], over)]
    after: Script = [Expect(b"GET /next "), Send(NEXT)]
    scripts = [[*first, *after]] if case.kept else [first, after]
    with Server(*scripts, tls=certificates.server) as server:
        outcome = outcome_of(case, server.url + "/asked", read, verify=certificates.ca)
        check(case, outcome)
        assert over.wait(1)
        answer = requests_lite.get(server.url + "/next", verify=certificates.ca, timeout=5)
        assert answer.content == b"the next answer"
        assert server.connections == len(scripts)
