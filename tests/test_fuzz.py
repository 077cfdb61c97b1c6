"""Bytes that nobody wrote down: whatever comes, an answer or an error of its own kind, the same however it is cut.

The examples are the same in each run. REQUESTS_LITE_FUZZ=100 tries a hundred times as many, others each time.
"""

from __future__ import annotations

import contextlib
import gzip
import itertools
import os
import re
import zlib
from collections.abc import Callable, Iterable
from time import monotonic

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import requests_lite
from requests_lite.content import decode
from requests_lite.exceptions import ContentDecodingError, IncompleteRead, RequestException
from requests_lite.packages.poster import connection as connection_module
from requests_lite.packages.poster.body import Body, Chunked, CloseDelimited, LengthDelimited, NoBody, content_length
from requests_lite.packages.poster.body import framing as framing_of
from requests_lite.packages.poster.connection import Connection
from requests_lite.packages.poster.errors import IncompleteBody, ProtocolError, TransferError
from requests_lite.packages.poster.head import LIMIT, decode_head, is_token
from requests_lite.packages.poster.headers import Headers
from requests_lite.packages.poster.sending import chunked
from requests_lite.redirects import next_request
from requests_lite.urls import split_url
from server import Cut, Expect, Send, Server
from wire import BODIES, CHUNKED, HEADS, READERS, SURPLUS, Feed, Outcome, Row, play

MANY = int(os.environ.get("REQUESTS_LITE_FUZZ", "1"))


def tried(times: int) -> settings:
    """Return how a property is tried: so many times, none longer than two seconds."""
    return settings(
        max_examples=times * MANY,
        derandomize=MANY == 1,
        database=None,
        deadline=2000,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )


Reader = Callable[[Body, Callable[[bytes], None]], None]

# What is put together, and what is put in.

SEEDS = sorted({row.received for row in [*HEADS, *BODIES] if row.method == "GET" and len(row.received) < 600})
FRAGMENTS = [
    *(b"HTTP/1.1 200 OK\r\n", b"HTTP/1.0 200 OK\r\n", b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 204 No\r\n"),
    *(b"HTTP/1.", b"200", b"\r\n\r\n", b"\r\n", b"\n", b"\r", b"\0", b" ", b"\t", b":", b",", b";", b"=", b'"'),
    *(b"Content-Length: 5\r\n", b"Content-Length: ", b"Transfer-Encoding: chunked\r\n", b"Transfer-Encoding: "),
    *(b"Connection: close\r\n", b"Connection: keep-alive\r\n", b"chunked", b"identity", b"A: b\r\n", b"A:", b"hello"),
    *(b"0\r\n\r\n", b"5\r\nhello\r\n", b"5", b"0", b"a", b"F", b"x", b"+", b"-", b"_", b"\x0b", b"\x80", b"\xff"),
]
BYTE = st.sampled_from(b'\r\n\0 \t:;,="+-_0125aFxX\x0b\x7f\x80\xff') | st.integers(0, 255)


@st.composite
def mutated(draw: st.DrawFn, seeds: list[bytes] = SEEDS) -> bytes:
    """Return a seed with a few bytes, lines or fragments changed, put in, left out, doubled, or moved."""
    data = draw(st.sampled_from(seeds))
    for _ in range(draw(st.integers(1, 4))):
        lines = data.splitlines(keepends=True)
        at = draw(st.integers(0, len(data)))
        n = draw(st.integers(0, max(0, len(lines) - 1)))
        change = draw(st.sampled_from("flip insert delete double fragment line-twice line-less line-first cut".split()))
        if change == "flip":
            data = data[:at] + bytes([draw(BYTE)]) + data[at + 1 :]
        elif change == "insert":
            data = data[:at] + bytes([draw(BYTE)]) + data[at:]
        elif change == "delete":
            data = data[:at] + data[at + 1 :]
        elif change == "double":
            data = data[: at + 1] + data[at:]
        elif change == "fragment":
            data = data[:at] + draw(st.sampled_from(FRAGMENTS)) + data[at:]
        elif change == "line-twice":
            data = b"".join([*lines[: n + 1], *lines[n:]])
        elif change == "line-less":
            data = b"".join([*lines[:n], *lines[n + 1 :]])
        elif change == "line-first":
            data = b"".join([*lines[n : n + 1], *lines[:n], *lines[n + 1 :]])
        else:
            data = data[:at]
    return data


GARBAGE = st.binary(max_size=300) | st.lists(st.sampled_from(FRAGMENTS), max_size=20).map(b"".join)
RESPONSES = mutated() | GARBAGE
CUTS = st.lists(st.integers(0, 600), max_size=6)


def pieces_of(data: bytes, cuts: Iterable[int]) -> list[bytes]:
    places = sorted({cut for cut in cuts if 0 < cut < len(data)})
    return [data[start:end] for start, end in itertools.pairwise([0, *places, len(data)])]


# Heads.


@tried(1500)
@given(RESPONSES)
def test_a_head_is_well_formed_or_refused(data: bytes) -> None:
    """Or it is not whole yet; nothing else."""
    try:
        end, version, status, reason, headers = decode_head(data)
    except ProtocolError:
        return
    if not end:
        assert not re.search(rb"\n\r?\n", data)
        return
    assert re.search(rb"\n\r?\n$", data[:end])
    assert version in ("HTTP/1.0", "HTTP/1.1")
    assert 100 <= status <= 999
    assert not re.search("[\r\n\0]", reason)
    for name, value in headers.lines():
        assert is_token(name)
        assert value == value.strip(" \t")
        assert not re.search("[\r\n\0]", value)
    # Every line is there, none is two: what one parser takes for a line no other may take for a field's rest.
    assert len(list(headers.lines())) == data[:end].count(b"\n") - 2


@tried(500)
@given(RESPONSES)
def test_a_head_is_read_alike_a_second_time(data: bytes) -> None:
    """What is remembered of lines changes nothing; nor does what follows the head."""

    def read(data: bytes) -> object:
        try:
            end, *line, headers = decode_head(data)
        except ProtocolError as error:
            return str(error)
        return end, line, list(headers.lines())

    first = read(data)
    assert read(data) == first
    if isinstance(first, tuple) and first[0]:
        assert read(data[: first[0]]) == first


VALUES = st.text(st.sampled_from("0123456789, \t+-xchunkedgzip;\x0b\xa0\xb2"), max_size=12) | st.sampled_from(
    ["chunked", "identity", "gzip, chunked", "5", "5, 5", "05", "9" * 18, "9" * 19, ""]
)


@tried(1000)
@given(
    st.sampled_from(["GET", "HEAD", "POST", "CONNECT"]),
    st.integers(100, 999),
    st.lists(st.tuples(st.sampled_from(["Content-Length", "Transfer-Encoding", "A"]), VALUES), max_size=4),
)
def test_framing_is_one_of_four_or_refused(method: str, status: int, lines: list[tuple[str, str]]) -> None:
    headers = Headers()
    for name, value in lines:
        headers.add(name, value.strip(" \t"))
    try:
        kind, length, reason = framing_of(method, status, headers)
    except ProtocolError:
        return
    has_coding, has_length = ("transfer-encoding" in headers, "content-length" in headers)
    if kind is NoBody:
        assert length == 0
        assert method == "HEAD" or status < 200 or status in (204, 304) or (method == "CONNECT" and status < 300)
    elif kind is LengthDelimited:
        assert not has_coding
        assert {str(length)} == {part.strip(" \t").lstrip("0") or "0" for part in headers["content-length"].split(",")}
    else:
        assert kind in (Chunked, CloseDelimited)
        assert length == -1
        # Nothing but chunks lets the connection be used again, and those only alone.
        assert reason or (kind is Chunked and not has_length)


@tried(500)
@given(st.lists(st.text(st.characters(max_codepoint=255), max_size=30), min_size=1, max_size=3))
def test_a_length_is_a_number_or_refused(values: list[str]) -> None:
    with contextlib.suppress(ProtocolError):
        assert 0 <= content_length(values) < 10**18


# Bodies.


@tried(150)
@given(st.lists(st.binary(max_size=40), max_size=6), CUTS, st.sampled_from(READERS))
def test_chunks_come_out_as_they_went_in(blocks: list[bytes], cuts: list[int], read: Reader) -> None:
    """Our own chunked coding, there and back."""
    body = b"".join(bytes(piece) for piece in chunked(blocks))
    outcome = outcome_of(pieces_of(CHUNKED + body, cuts), read)
    assert outcome.error is None
    assert outcome.content == b"".join(blocks)
    assert (outcome.at_home, outcome.stale) == (True, False)


CHUNKS = st.lists(
    st.sampled_from([b"5\r\nhello\r\n", b"0\r\n", b"\r\n", b"5", b"\r", b"\n", b"hello", b";a=b", b" ", b"A: b\r\n"])
    | st.binary(max_size=3),
    max_size=12,
).map(b"".join)


@tried(300)
@given(CHUNKS, CUTS)
def test_any_chunks(body: bytes, cuts: list[int]) -> None:
    """Content or one of two errors, the same in pieces and by bytes."""
    outcome = outcome_of([CHUNKED + body])
    assert type(outcome.error) in (type(None), ProtocolError, IncompleteBody)
    assert summary(outcome) == summary(outcome_of(pieces_of(CHUNKED + body, [cut + len(CHUNKED) for cut in cuts])))
    assert summary(outcome) == summary(outcome_of([CHUNKED, *(bytes([byte]) for byte in body)]))


# Whole exchanges.


def outcome_of(pieces: list[bytes], read: Reader = READERS[0]) -> Outcome:
    """Perform an exchange in which these pieces come, and then the end."""
    with pytest.MonkeyPatch.context() as patch:
        return play(Row("", b""), pieces, patch, read, ends=True)


def summary(outcome: Outcome) -> object:
    """Return what must not depend on how the bytes were cut."""
    if outcome.error is not None:
        assert outcome.reason
        assert not outcome.at_home
        return type(outcome.error)
    usable = outcome.at_home and not outcome.stale
    # Whether bytes behind the end are seen at once or by the pool depends on when they come.
    reason = "" if outcome.reason == SURPLUS else outcome.reason
    what = (outcome.version, outcome.status, outcome.phrase, list(outcome.fields), list(outcome.trailers))
    return what, outcome.framing, outcome.content, usable, reason


@tried(400)
@given(RESPONSES, CUTS, st.sampled_from(READERS))
def test_any_response_however_it_is_cut(data: bytes, cuts: list[int], read: Reader) -> None:
    """An answer or a TransferError, which play() alone lets pass, and the same in one piece, in several, by bytes."""
    expected = summary(outcome_of([data], READERS[0]))
    assert summary(outcome_of(pieces_of(data, cuts), read)) == expected
    assert summary(outcome_of([bytes([byte]) for byte in data], read)) == expected


class Hasty(Feed):
    """A peer whose next piece arrives whenever somebody looks."""

    def poll(self, milliseconds: float | None = None) -> list[tuple[int, int]]:
        if milliseconds != 0 or not self.drained:
            self.feed()
        return self.poller.poll(0)

    drained = False

    def feed(self) -> None:
        piece = next(self.pieces, b"")
        if piece:
            self.peer.sendall(piece)
            return
        self.drained = True
        if self.ends:
            super().feed()


def outcome_of_upload(pieces: list[bytes]) -> Outcome:
    """Perform an exchange in which pieces come while blocks of content go out."""
    feed = Hasty(pieces, ends=True)
    outcome = Outcome()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(connection_module, "new_poller", lambda: feed)
        connection = Connection(feed.ours, "key", "peer", lambda _: None)
    connection.idle_since = 1.0  # it was probed: what comes comes behind the request's head
    try:
        blocks = [b"x"] * (len(pieces) + 2)
        message = connection.exchange("GET", b"GET / HTTP/1.1\r\n\r\n", blocks, 10.0, monotonic() + 60)
        outcome.status, outcome.fields = message.status, list(message.headers.lines())
        outcome.content = message.body.read_all()
    except TransferError as error:
        outcome.error = error
    finally:
        connection.close("the test has ended")
        feed.close()
    return outcome


@tried(400)
@given(RESPONSES, CUTS)
def test_any_response_that_comes_while_we_send(data: bytes, cuts: list[int]) -> None:
    """The same again; an answer is no other for being early."""
    early, late = outcome_of_upload(pieces_of(data, cuts)), outcome_of([data])
    assert type(early.error) is type(late.error)
    if late.error is None:
        assert (early.status, early.fields, early.content) == (late.status, list(late.fields), late.content)


@tried(30)
@given(st.lists(st.sampled_from([b"HTTP/1.1 100 C\r\n\r\n", b"A: b\r\n", b"\r\n"]), max_size=4), st.integers(0, 3))
def test_a_head_at_its_limit_however_it_is_cut(starts: list[bytes], over: int) -> None:
    """300 KiB and not a byte more, in one piece and in many."""
    start = b"".join(piece for piece in starts if piece.startswith(b"HTTP"))
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nX: "
    data = start + head + b"a" * (LIMIT - len(head) - 4 + over) + b"\r\n\r\n"
    for pieces in ([data], pieces_of(data, range(0, len(data), 50_000)), pieces_of(data, [len(data) - 2])):
        outcome = outcome_of(pieces)
        assert type(outcome.error) is (ProtocolError if over else type(None))


# Content codings.

PLAIN = bytes(range(200)) * 3 + b"hello" * 100
CODED = [
    *(gzip.compress(PLAIN, mtime=0), zlib.compress(PLAIN), zlib.compress(PLAIN)[2:-4], gzip.compress(b"", mtime=0)),
    gzip.compress(b"one", mtime=0) + gzip.compress(b"two", mtime=0),
    gzip.compress(b"one", mtime=0) + bytes(20),
    gzip.compress(gzip.compress(PLAIN, mtime=0), mtime=0),
]


def decoded(blocks: Iterable[bytes], codings: list[str]) -> object:
    """Return the content, or the kind of the error."""
    try:
        return b"".join(decode(blocks, codings))
    except (ContentDecodingError, IncompleteRead) as error:
        return type(error)


@tried(800)
@given(
    mutated(CODED) | st.sampled_from(CODED) | st.binary(max_size=50),
    st.lists(st.sampled_from(["gzip", "x-gzip", "deflate", "br"]), min_size=1, max_size=3),
    CUTS,
)
def test_any_coded_content_however_it_is_cut(data: bytes, codings: list[str], cuts: list[int]) -> None:
    """Decoded or one of two errors, the same in pieces and by bytes."""
    expected = decoded([data], codings)
    assert decoded(pieces_of(data, cuts), codings) == expected
    assert decoded((bytes([byte]) for byte in data), codings) == expected


@pytest.mark.parametrize("coded", CODED[:3])
def test_coded_content_cut_at_each_byte(coded: bytes) -> None:
    """It is never taken for whole."""
    coding = "gzip" if coded.startswith(b"\x1f\x8b") else "deflate"
    assert decoded([coded], [coding]) == PLAIN
    for end in range(1, len(coded)):
        assert decoded([coded[:end]], [coding]) is IncompleteRead


# Through the front door, over TCP.

ZIPPED = gzip.compress(b"hello hello hello", mtime=0)
FIELDS = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n"
WHOLE = [
    *(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", b"HTTP/1.1 200 OK\r\nA: b\r\n\r\nhello"),
    b"HTTP/1.1 100 Continue\r\n\r\n" + CHUNKED + b"5\r\nhello\r\n0\r\nA: b\r\n\r\n",
    FIELDS + b"Content-Length: %d\r\n\r\n" % len(ZIPPED) + ZIPPED,
    FIELDS + b"Transfer-Encoding: chunked\r\n\r\n%x\r\n" % len(ZIPPED) + ZIPPED + b"\r\n0\r\n\r\n",
    b"HTTP/1.1 302 Found\r\nLocation: /there\r\nContent-Length: 0\r\n\r\n",
    b"HTTP/1.1 401 Who?\r\nWWW-Authenticate: Basic realm=x\r\nSet-Cookie: a=b; Path=/\r\nContent-Length: 0\r\n\r\n",
]


@tried(150)
@given(mutated(WHOLE), CUTS, st.booleans())
def test_any_response_over_tcp(data: bytes, cuts: list[int], stream: bool) -> None:
    """A Response or a RequestException within the time allowed, and the next request gets its own answer."""
    following = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nnext"
    sending = Send(data, at=[cut for cut in cuts if cut < len(data)])
    with Server([Expect(), sending, Cut()], [Expect(), Send(following)]) as server:
        begun = monotonic()
        with contextlib.suppress(RequestException):
            # Where else a broken Location leads is another test's: nobody out there is to be asked.
            options = {"allow_redirects": False, "stream": stream, "timeout": (5.0, 5.0, 5.0)}
            with requests_lite.get(server.url, **options) as response:  # type: ignore[arg-type]
                for block in response.iter_content(100):
                    assert 0 < len(block) <= 100
                str(response.headers), response.encoding, response.ok, repr(response)
        assert monotonic() - begun < 2
        assert server.closed_by_client(0, 2) or server._peers[0].ended
        assert requests_lite.get(server.url).content == b"next"


WORDS = ["http:", "https:", "//", "/", "..", "@", ":", "?", "#", "\\", "[", "]", "%", "%2", "a", "1", " ", "\t"]
LOCATIONS = st.text(st.characters(max_codepoint=255), max_size=40) | st.lists(st.sampled_from(WORDS)).map("".join)


@tried(1500)
@given(LOCATIONS, st.sampled_from(["http://a.example/b/c?d#e", "https://user:secret@a.example:1/", "http://[::1]:8/"]))
def test_any_location(location: str, base: str) -> None:
    """An http or https URL that can be sent as it is, or one of our errors."""
    try:
        _, target, _ = next_request("GET", split_url(base), 302, location)
    except RequestException:
        return
    scheme, host, port = target.origin
    assert scheme in ("http", "https")
    assert host
    assert 0 < port < 65536
    assert re.fullmatch(r"/[!-~]*", target.target)
    assert "secret" not in target.url
    # What it is shown as is what is asked: a second parser finds the same host.
    assert split_url(target.url).origin == target.origin
