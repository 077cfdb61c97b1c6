"""The same bytes to h11, to httptools (Node's parser) and to us: where we differ, the table says why.

Where both refuse a response, we refuse it; where all accept it, status, headers and content are the same.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Collection
from dataclasses import dataclass, field

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from test_fuzz import mutated, tried

from wire import BODIES, HEADS, KIB, OK, TWO, Row, good_head, play

h11 = pytest.importorskip("h11")
httptools = pytest.importorskip("httptools")

Lines = list[tuple[bytes, bytes]]


@dataclass
class Answer:
    """What a parser takes a response for."""

    status: int
    lines: Lines  # the names in lower case, in the order of names
    content: bytes


# None where a parser refuses, or where the end is missing.
Verdict = Answer | None


def ours(row: Row) -> Verdict:
    with pytest.MonkeyPatch.context() as patch:
        outcome = play(row, [row.received], patch, ends=True)
    if outcome.error is not None:
        return None
    lines = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in outcome.fields]
    return Answer(outcome.status, sorted(lines), outcome.content)


def by_h11(row: Row) -> Verdict:
    connection = h11.Connection(h11.CLIENT, max_incomplete_event_size=300 * KIB)
    connection.send(h11.Request(method=row.method, target="/", headers=[("Host", "x")]))
    connection.send(h11.EndOfMessage())
    connection.receive_data(row.received)
    connection.receive_data(b"")
    answer = Answer(0, [], b"")
    try:
        while True:
            event = connection.next_event()
            if isinstance(event, h11.Response):
                lines = [(name.lower(), value.strip(b" \t")) for name, value in event.headers.raw_items()]
                answer = Answer(event.status_code, sorted(lines), b"")
            elif isinstance(event, h11.Data):
                answer.content += event.data
            elif isinstance(event, h11.EndOfMessage):
                return answer
            elif not isinstance(event, h11.InformationalResponse):
                return None
    except h11.RemoteProtocolError:
        return None


@dataclass
class Message:
    """A response as httptools tells it; it tells all that it finds, informational ones too."""

    status: int = 0
    lines: Lines = field(default_factory=list)
    content: bytes = b""
    has_head: bool = False
    has_end: bool = False

    def ends_with_connection(self) -> bool:
        names = [name for name, _ in self.lines]
        codings = b",".join(value for name, value in self.lines if name == b"transfer-encoding").lower().split(b",")
        return b"content-length" not in names and codings[-1].strip(b" \t") != b"chunked"


class Listener:
    """What httptools calls."""

    def __init__(self) -> None:
        self.messages: list[Message] = []
        self.parser = httptools.HttpResponseParser(self)

    def on_message_begin(self) -> None:
        self.messages.append(Message())

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self.messages[-1].has_head:  # what comes later are trailers
            self.messages[-1].lines.append((name.lower(), value.strip(b" \t")))

    def on_headers_complete(self) -> None:
        self.messages[-1].has_head = True
        self.messages[-1].status = self.parser.get_status_code()

    def on_body(self, data: bytes) -> None:
        self.messages[-1].content += data

    def on_message_complete(self) -> None:
        self.messages[-1].has_end = True


def by_httptools(row: Row) -> Verdict:
    listener = Listener()
    failed = False
    try:
        listener.parser.feed_data(row.received)
    except httptools.HttpParserUpgrade:
        pass
    except httptools.HttpParserError:
        failed = True
    for message in listener.messages:
        if message.has_head and (message.status >= 200 or message.status == 101):
            if message.has_end or (message.ends_with_connection() and not failed):
                return Answer(message.status, sorted(message.lines), message.content)
            return None
    return None


# httptools never hears which method was asked, so it can't know what follows HEAD and CONNECT.
PEERS = {"h11": by_h11, "httptools": by_httptools}


@dataclass(frozen=True)
class Difference:
    """Where we differ: whether we are 'stricter', 'looser', or read something 'else'; from whom, why, in which rows.

    `sign` is how a response that nobody wrote down shows that it belongs here.
    """

    we_are: str
    than: str
    why: str
    sign: bytes
    rows: Collection[str]


BARE_LF = (
    "bare LF for all line ends",
    "bare LF ends the status line",
    "bare LF ends a field line",
    "bare LF before an empty line with CRLF",
    "a bare LF for the empty line",
    "content that looks like the end of a head with bare LF",
    "100 Continue without CR",
)
CODINGS = (
    "4: chunked twice",
    "4: chunked in two lines",
    "4: gzip",
    "4: gzip below chunked",
    "4: gzip below chunked, in two lines",
    "4: gzip on top of chunked",
    "4: a parameter (s7.1)",
    "4: xchunked",
    "4: chunked in quotes",
    "4: chunked behind a no-break space",
    "4: chunked before a next line",
    "4: chunked with a k of its own",
)
FOLDED = ("a line folded with a space", "a line folded with a tab", "a line of blanks", "a folded line behind bare LF")
LENGTHS = ("6: equal lengths in two lines", "6: equal lengths in a list", "6: equal lengths in two lists")
CHUNKED_TOO = (
    "3: Content-Length beside chunked",
    "3: chunked beside Content-Length",
    "3: a bad Content-Length beside chunked",
    "4: identity beside Content-Length",
)

CONTROL = rb"[\x01-\x08\x0b\x0c\x0e-\x1f\x7f]"
ROWS = [
    *HEADS,
    *BODIES,
    good_head("a control character in the reason", b"HTTP/1.1 200 \x0bK\r\n" + TWO),
    Row("a bad Content-Length with 304", b"HTTP/1.1 304 Not Modified\r\nContent-Length: x\r\n\r\n"),
    good_head("a control character in a value", OK + b"A: \x0bb\r\n" + TWO),
]

# fmt: off
DIFFERENCES = [
    Difference("stricter", "both", "a version that is not HTTP/1.x promises nothing about what follows",
               rb"HTTP/(?!1\.)", ("HTTP/2.0", "HTTP/0.9")),
    Difference("stricter", "httptools", "a NUL is in no reason (RFC 9112 s4)", rb"\0", ("a NUL in the reason",)),
    Difference("stricter", "h11", "a folded line is read in two ways (RFC 9112 s5.2)", rb"\n[ \t]",
               (*FOLDED, "a folded trailer")),
    Difference("stricter", "httptools", "only chunked was offered; what is coded otherwise is no content to hand on",
               rb"(?i)transfer-encoding", CODINGS),
    Difference("stricter", "both", "a number of 19 digits or more is refused before it is read, however many are zeros",
               rb"\d{19}", ("5: 19 digits, though small",)),
    Difference("stricter", "both", "a chunk size of 17 digits or more is refused, however many are zeros",
               rb"[0-9a-fA-F]{17}", ("17 digits", "17 zeros")),
    Difference("stricter", "both", "extensions and trailers without end are refused earlier",
               rb"(?s).{8000}", ("an extension of a byte too many", "trailers of a byte too many")),
    Difference("stricter", "h11", "a bare CR in a chunk's line hides a second line", rb"\r(?!\n)",
               ("a bare CR in an extension",)),
    Difference("stricter", "h11", "bare LF is tolerated in a head alone", rb"(?<!\r)\n",
               ("a trailer that ends with bare LF", "trailers that end with bare LF")),
    Difference("looser", "httptools", "a minor version that we don't know is read as the highest that we do (s2.5)",
               rb"HTTP/1\.[2-9]", ("HTTP/1.2 is read as HTTP/1.1", "HTTP/1.9 is read as HTTP/1.1",
                                   "HTTP/1.2 stays open")),
    Difference("looser", "httptools", "a bare LF ends a head's line (RFC 9112 s2.2 allows that)", rb"(?<!\r)\n",
               BARE_LF),
    Difference("looser", "httptools", "Connection: close in an informational response is not the final one's",
               rb"HTTP/1\.1 1", ("103 Early Hints, whose fields are not the answer's",)),
    Difference("looser", "httptools", "1xx has no content, whatever its fields say (RFC 9112 s6.3)", rb"HTTP/1\.1 1",
               ("1xx has no content, whatever it says",)),
    Difference("looser", "h11", "101 is final, also for who did not ask for it: the connection is given up",
               rb"HTTP/1\.\d 101", ("101 is final", "101 after 100")),
    Difference("looser", "both", "control characters that end no line may be kept (RFC 9110 s5.5)", CONTROL,
               ("a control character in a value",)),
    Difference("looser", "h11", "and so may those in the reason", CONTROL, ("a control character in the reason",)),
    Difference("looser", "h11", "no content follows HEAD, whatever Content-Length says (RFC 9112 s6.3)", rb"(?!)",
               ("1: HEAD with a bad Content-Length",)),
    Difference("looser", "both", "and none with 204 and 304", rb"HTTP/1\.\d (204|304)",
               ("a bad Content-Length with 304",)),
    Difference("looser", "h11", "h11 pauses at a tunnel, where we say that nothing follows", rb"(?!)",
               ("2: CONNECT, a tunnel", "2: CONNECT, a tunnel with chunked")),
    Difference("looser", "httptools", "Transfer-Encoding wins over Content-Length (9112 s6.3), and the connection ends",
               rb"(?is)transfer-encoding.*content-length|content-length.*transfer-encoding", CHUNKED_TOO),
    Difference("looser", "h11", "Transfer-Encoding wins over a Content-Length, be that malformed",
               rb"(?is)transfer-encoding.*content-length|content-length.*transfer-encoding",
               ("3: a bad Content-Length beside chunked",)),
    Difference("looser", "h11", "empty elements of a list are ignored (RFC 9110 s5.6.1.2)", rb"(?i)transfer-encoding",
               ("4: chunked and an empty element", "4: an empty element and chunked",
                "4: chunked and an empty line of the field")),
    Difference("looser", "httptools", "empty elements of a list are ignored (RFC 9110 s5.6.1.2)",
               rb"(?i)transfer-encoding", ("4: chunked and an empty line of the field",)),
    Difference("else", "httptools", "an empty element of a list is no coding that would be the last one",
               rb"(?i)transfer-encoding.*,", ("4: chunked and an empty element",)),
    Difference("looser", "h11", "identity, of RFC 2616, means no coding", rb"(?i)identity",
               ("4: identity", "4: identity beside Content-Length")),
    Difference("else", "h11", "h11 shows the value of Transfer-Encoding in lower case", rb"(?i)transfer-encoding",
               ("4: Chunked, in any case",)),
    Difference("else", "h11", "h11 shows equal lengths as one", rb"(?i)content-length", LENGTHS),
    Difference("looser", "httptools", "equal lengths are one (RFC 9112 s6.3)", rb"(?i)content-length", LENGTHS),
    Difference("looser", "httptools", "blanks behind a chunk's size are skipped", rb"[0-9a-fA-F][ \t]+[\r;]",
               ("blanks behind a size", "an extension with blanks and quotes")),
    Difference("looser", "h11", "blanks around a chunk's extension are its own (RFC 9112 s7.1.1 has BWS there)",
               rb"[0-9a-fA-F][ \t]*;", ("an extension with blanks and quotes",)),
    Difference("looser", "httptools", "a trailer is no header: it changes no framing", rb"0\r\n[A-Za-z]",
               ("trailers that would change the framing",)),
]
# fmt: on


def difference(mine: Verdict, theirs: Verdict) -> str:
    """Return how we differ, '' if we don't."""
    if mine is None:
        return "" if theirs is None else "stricter"
    if theirs is None:
        return "looser"
    return "" if mine == theirs else "else"


@pytest.mark.parametrize("peer", PEERS)
def test_every_difference_has_its_reason(peer: str) -> None:
    """All rows of the wire tables, and the table of differences: neither has what the other has not."""
    found = set()
    for row in ROWS:
        if peer == "h11" or row.method == "GET":
            we_are = difference(ours(row), PEERS[peer](row))
            if we_are:
                found.add((row.name, we_are))
    explained = {(row, known.we_are) for known in DIFFERENCES if known.than in (peer, "both") for row in known.rows}
    assert found == explained


def test_every_sign_is_one() -> None:
    """Each row of the wire tables shows the sign under which its difference is filed."""
    rows = {row.name: row for row in ROWS}
    for known in DIFFERENCES:
        for name in known.rows:
            assert rows[name].method != "GET" or re.search(known.sign, rows[name].received), name


def is_known(we_are: str, data: bytes, *peers: str) -> bool:
    """Tell whether the table has it, for each of the peers."""
    return all(
        any(
            known.we_are == we_are and known.than in (peer, "both") and re.search(known.sign, data)
            for known in DIFFERENCES
        )
        for peer in peers
    )


@tried(1200)
@given(mutated())
def test_responses_that_nobody_wrote_down(data: bytes) -> None:
    """What both refuse we refuse; what all accept is one and the same; what both take alike we take too."""
    row = Row("", data)
    mine, *theirs = ours(row), by_h11(row), by_httptools(row)
    if theirs == [None, None]:
        assert mine is None or is_known("looser", data, *PEERS)
    elif mine is None:
        assert theirs[0] != theirs[1] or is_known("stricter", data, *PEERS)
    elif None not in theirs and theirs != [mine, mine]:
        for peer, verdict in zip(PEERS, theirs, strict=True):
            assert verdict == mine or is_known("else", data, peer)


NAMES = st.text("!#$%&'*+-.^_`|~09AZaz", min_size=1, max_size=8).filter(
    lambda name: name.lower() not in ("te", "trailer", "upgrade", "connection")
)
VALUES = st.text(st.characters(min_codepoint=0x21, max_codepoint=0xFF, exclude_characters="\x7f"), max_size=20)


@st.composite
def well_formed(draw: st.DrawFn) -> tuple[bytes, Answer]:
    """Return a response and what it means."""
    content = draw(st.binary(max_size=50))
    status = draw(st.integers(200, 999).filter(lambda status: status not in (204, 304)))
    lines = [(name.encode(), value.encode("latin-1")) for name, value in draw(st.lists(st.tuples(NAMES, VALUES)))]
    kind = draw(st.sampled_from(["length", "chunks", "close"]))
    body = content
    if kind == "length":
        lines.append((b"Content-Length", b"%d" % len(content)))
    elif kind == "chunks":
        lines.append((b"Transfer-Encoding", b"chunked"))
        cuts = sorted({0, len(content), *draw(st.lists(st.integers(0, len(content)), max_size=3))})
        pieces = [content[start:end] for start, end in itertools.pairwise(cuts)]
        extension = draw(st.sampled_from([b"", b";a", b";a=b", b';a="b"']))
        body = b"".join(b"%X%b\r\n%b\r\n" % (len(piece), extension, piece) for piece in pieces) + b"0\r\n"
        body += draw(st.sampled_from([b"", b"A: b\r\n"])) + b"\r\n"
    lines = draw(st.permutations(lines))
    start = b"HTTP/1.%d %d %b\r\n" % (
        draw(st.integers(0, 1)),
        status,
        draw(st.sampled_from([b"", b"OK", b"All is well"])),
    )
    informational = draw(st.sampled_from([b"", b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 103 E\r\nA: b\r\n\r\n"]))
    head = start + b"".join(b"%b:%b%b\r\n" % (name, b" " if value else b"", value) for name, value in lines) + b"\r\n"
    answer = Answer(status, sorted((name.lower(), value) for name, value in lines), content)
    return informational + head + body, answer


@tried(600)
@given(well_formed())
def test_what_is_well_formed_means_the_same_to_all(made: tuple[bytes, Answer]) -> None:
    data, answer = made
    row = Row("", data)
    assume(answer.lines or answer.content)
    assert ours(row) == answer
    assert by_h11(row) == answer
    assert by_httptools(row) == answer
