"""Bodies: where each of the four ends, and how content is cut into what goes out."""

from __future__ import annotations

import array
import codecs
import gzip
import io
import os
import tempfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import IO

import pytest

from requests_lite.packages.poster import connection as connection_module
from requests_lite.packages.poster.body import (
    BLOCK,
    Body,
    Chunked,
    CloseDelimited,
    LengthDelimited,
    NoBody,
    Source,
    content_length,
    framing,
)
from requests_lite.packages.poster.connection import Connection, Message
from requests_lite.packages.poster.errors import (
    ConnectionLost,
    ContentMismatch,
    IncompleteBody,
    InvalidMessage,
    ProtocolError,
    TransferError,
    UnrewindableContent,
)
from requests_lite.packages.poster.head import decode_head
from requests_lite.packages.poster.headers import Headers
from requests_lite.packages.poster.part import BLOCK_SIZE as FILE_BLOCK
from requests_lite.packages.poster.sending import Block, Content, FileContent, chunked, delimited
from wire import BOTH, CHUNKED, FRAMINGS, OK, READERS, SURPLUS, TWO, UNTIL_CLOSE, Feed, Row, answer

SNOWMAN = "\N{SNOWMAN}"

Receive = Callable[..., Message]


@pytest.fixture
def receive(monkeypatch: pytest.MonkeyPatch) -> Iterator[Receive]:
    """Return a function that receives a response in the pieces given, and goes no further than its head."""
    feeds: list[Feed] = []

    def receive(*pieces: bytes, ends: bool = False, method: str = "GET") -> Message:
        feeds.append(feed := Feed(pieces, ends))
        monkeypatch.setattr(connection_module, "new_poller", lambda: feed)
        connection = Connection(feed.ours, "key", "peer", lambda connection: None)
        return connection.exchange(method, b"GET / HTTP/1.1\r\n\r\n", (), 10.0, None)

    yield receive
    for feed in feeds:
        feed.close()


def reason(message: Message) -> str:
    """Return why the message's connection was closed."""
    assert isinstance(message.body.source, Connection)
    return message.body.source.reason


@pytest.mark.parametrize("row", FRAMINGS, ids=str)
def test_framing(row: Row) -> None:
    """The rules of RFC 9112 s6.3, in their order."""
    _, version, status, _, headers = decode_head(row.head)
    if row.error is not None:
        with pytest.raises(row.error, match=row.says):
            framing(row.method, status, headers)
        return
    kind, length, close_after = framing(row.method, status, headers)
    assert kind is row.framing
    assert length == {NoBody: 0, LengthDelimited: len(row.content)}.get(kind, -1)
    assert close_after == (row.reason if version == "HTTP/1.1" or kind is CloseDelimited else "")


def test_the_order_of_the_rules() -> None:
    """Each rule beats those behind it."""
    headers = Headers({"Content-Length": "5", "Transfer-Encoding": "chunked"})
    assert framing("HEAD", 200, headers)[0] is NoBody
    assert framing("CONNECT", 200, headers)[0] is NoBody
    assert framing("GET", 304, headers)[0] is NoBody
    assert framing("GET", 200, headers) == (Chunked, -1, BOTH)
    del headers["Transfer-Encoding"]
    assert framing("GET", 200, headers) == (LengthDelimited, 5, "")
    del headers["Content-Length"]
    assert framing("GET", 200, headers) == (CloseDelimited, -1, UNTIL_CLOSE)


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "OPTIONS", "head", "connect"])
def test_other_methods_have_the_same_framing(method: str) -> None:
    """Methods have case: head is not HEAD."""
    assert framing(method, 200, Headers({"Content-Length": "5"}))[0] is LengthDelimited


@pytest.mark.parametrize("status", [100, 103, 199, 204, 304])
def test_statuses_without_content(status: int) -> None:
    assert framing("GET", status, Headers({"Content-Length": "5"}))[0] is NoBody


@pytest.mark.parametrize("status", [200, 203, 205, 206, 300, 303, 305, 400, 407, 500, 599, 999])
def test_statuses_with_content(status: int) -> None:
    assert framing("GET", status, Headers({"Content-Length": "5"}))[0] is LengthDelimited


def test_content_length() -> None:
    assert content_length(["0"]) == 0
    assert content_length(["007"]) == 7
    assert content_length(["5", "5 , 5"]) == 5
    assert content_length(["9" * 18]) == 10**18 - 1


@pytest.mark.parametrize("value", ["\u0663", "\uff15", "\u00b2", "5\u2003", "\u20035", "5\n", "", " ", "1" * 19])
def test_content_length_is_ascii_digits(value: str) -> None:
    """int() would take some of these."""
    for values in ([value], [value, value], ["5", value], [f"5,{value}"]):
        with pytest.raises(ProtocolError):
            content_length(values)


LONG = b"0123456789" * 5
RESPONSES = {
    "length": (answer(b"Content-Length: 50"), LONG),
    "chunks": (CHUNKED, b"a;b=c\r\n0123456789\r\n" * 5 + b"0\r\nA: b\r\n\r\n"),
    "close": (OK + b"\r\n", LONG),
}


@pytest.mark.parametrize("kind", RESPONSES)
@pytest.mark.parametrize("size", [1, 7, 1000])
def test_ways_of_reading_can_be_mixed(kind: str, size: int, receive: Receive) -> None:
    head, body = RESPONSES[kind]
    pieces = [body[at : at + size] for at in range(0, len(body), size)]
    message = receive(head, *pieces, ends=kind == "close")
    got = message.body.read(4)
    assert 1 <= len(got) <= 4
    buffer = bytearray(9)
    count = message.body.readinto(memoryview(buffer))
    assert 1 <= count <= 9
    got += buffer[:count]
    assert got == LONG[: len(got)]
    assert message.body.got == len(got)
    got += message.body.read_all()
    assert got == LONG
    assert message.body.got == 50


def test_a_read_does_not_wait_for_more_than_there_is(receive: Receive) -> None:
    """An event stream must not be held back. (The table's peer has no more, and to wait for it fails.)"""
    message = receive(answer(b"Content-Length: 50") + b"abc")
    assert message.body.read() == b"abc"
    message = receive(CHUNKED + b"20\r\nabc")
    assert message.body.read() == b"abc"
    message = receive(CHUNKED + b"3\r\nabc\r\n")
    assert message.body.read() == b"abc"
    message = receive(OK + b"\r\nabc")
    assert message.body.read() == b"abc"


def test_a_read_takes_no_more_than_asked_for(receive: Receive) -> None:
    for head, body in RESPONSES.values():
        message = receive(head + body)
        assert message.body.read(1) == b"0"
        assert message.body.read(2) == b"12"
        assert message.body.read(100) == (b"3456789" if head == CHUNKED else LONG[3:])


def test_trailers_come_at_the_end_and_are_no_headers(receive: Receive) -> None:
    message = receive(CHUNKED + b"3\r\nabc\r\n0\r\nA: b\r\nSet-Cookie: c=d\r\n\r\n")
    assert message.body.read() == b"abc"
    assert message.body.trailers is None
    assert message.body.read() == b""
    assert message.body.trailers == {"A": "b", "Set-Cookie": "c=d"}
    assert message.headers == {"Transfer-Encoding": "chunked"}


def test_no_trailers(receive: Receive) -> None:
    message = receive(CHUNKED + b"0\r\n\r\n")
    assert message.body.read_all() == b""
    assert message.body.trailers == {}
    assert receive(OK + TWO + b"ok").body.trailers is None


@pytest.mark.parametrize("kind", RESPONSES)
def test_what_is_given_up_closes_the_connection_and_never_ends(kind: str, receive: Receive) -> None:
    """Nobody can take the part that was read for the whole."""
    head, body = RESPONSES[kind]
    message = receive(head + body[:20])
    assert message.body.read(5)
    message.body.close()
    message.body.close()
    assert message.body.ended
    assert reason(message) == "closed, it was not read to its end"
    for read in READERS:
        with pytest.raises(ConnectionLost, match="it was not read to its end"):
            read(message.body, lambda block: None)


@pytest.mark.parametrize("kind", ["length", "chunks"])
def test_to_close_behind_the_end_gives_nothing_up(kind: str, receive: Receive) -> None:
    message = receive(b"".join(RESPONSES[kind]))
    assert message.body.read_all() == LONG
    message.body.close()
    assert message.body.read() == b""
    assert reason(message) == ""


def test_no_body_has_ended_from_the_beginning(receive: Receive) -> None:
    message = receive(OK + TWO, method="HEAD")
    assert message.body.ended
    assert message.body.read() == message.body.read_all() == b""
    assert message.body.readinto(memoryview(bytearray(5))) == 0
    message.body.close()
    assert reason(message) == ""


@pytest.mark.parametrize("read", READERS)
@pytest.mark.parametrize(
    ("received", "got", "of"),
    [
        (answer(b"Content-Length: 999999999999999999") + b"ab", 2, 999999999999999999),
        (answer(b"Content-Length: 50") + LONG[:49], 49, 50),
        (answer(b"Content-Length: 1"), 0, 1),
        (CHUNKED + b"ffffffffffffffff\r\nab", 2, None),
        (CHUNKED + b"2\r\nab", 2, None),
        (CHUNKED + b"2\r\nab\r", 2, None),
        (CHUNKED + b"2\r\nab\r\n", 2, None),
        (CHUNKED + b"2\r\nab\r\n0\r\n", 2, None),
        (CHUNKED + b"2\r\nab\r\n0\r\nA: b\r\n", 2, None),
        (CHUNKED, 0, None),
    ],
)
def test_a_cut_body(
    received: bytes, got: int, of: int | None, read: Callable[[Body, Callable[[bytes], None]], None], receive: Receive
) -> None:
    """A length is only the peer's word: no room is taken for it before bytes come."""
    message = receive(received, ends=True)
    with pytest.raises(IncompleteBody) as caught:
        read(message.body, lambda block: None)
    assert (caught.value.got, caught.value.of) == (got, of)
    assert f"{got} of {of}" in str(caught.value) if of else f"cut after {got} bytes" in str(caught.value)
    assert reason(message) == "the body was cut"
    with pytest.raises(ConnectionLost, match="the body was cut"):
        message.body.read()


def test_chunks_before_a_malformed_one_are_content(receive: Receive) -> None:
    """It is no use to hold them back; but the end never comes."""
    message = receive(CHUNKED + b"3\r\nabc\r\nx\r\n")
    assert message.body.read() == b"abc"
    with pytest.raises(ProtocolError, match="a chunk size"):
        message.body.read()
    assert reason(message) == "a malformed chunk"
    with pytest.raises(ConnectionLost, match="a malformed chunk"):
        message.body.read_all()


def test_a_malformed_trailer_spoils_the_body(receive: Receive) -> None:
    message = receive(CHUNKED + b"3\r\nabc\r\n0\r\nA : b\r\n\r\n")
    with pytest.raises(ProtocolError):
        message.body.read_all()
    assert reason(message) == "a malformed trailer"
    with pytest.raises(ConnectionLost, match="a malformed trailer"):
        message.body.read()


def test_bytes_behind_the_body_are_not_content(receive: Receive) -> None:
    for received in (OK + TWO + b"okmore", CHUNKED + b"2\r\nok\r\n0\r\n\r\nmore"):
        message = receive(received)
        assert message.body.read_all() == b"ok"
        assert message.body.read() == b""
        assert reason(message) == SURPLUS


def test_content_from_memory_is_read_like_any_other() -> None:
    body = LengthDelimited(Source(b"abc"), 3)
    assert body.read(1) == b"a"
    assert body.read_all() == b"bc"
    body = LengthDelimited(Source(b"abc"), 3)
    body.close()
    with pytest.raises(ConnectionLost):
        body.read()


def test_a_bare_source_ends_with_what_it_was_given_and_a_bare_body_holds_nothing() -> None:
    source = Source(b"x")
    assert source.take(9) == b"x"
    assert (source.receive(1), source.receive_into(memoryview(bytearray(1)))) == (b"", 0)
    assert Body(source, 1).read() == b""


# What goes out.


def sent(blocks: Iterable[Block]) -> bytes:
    """Return the bytes of blocks, each of which is done with when the next is asked for."""
    return b"".join([bytes(block) for block in blocks])


def test_content_from_an_iterable() -> None:
    blocks: list[Block | str] = [
        b"a",
        "b\u00fc",
        bytearray(b"c"),
        memoryview(b"d"),
        b"",
        "",
        memoryview(array.array("H", [0x6565])),
    ]
    content = Content(blocks)
    assert content.length is None
    assert sent(content.blocks()) == b"ab\xc3\xbccdee"


@pytest.mark.parametrize("block", [1, None, 1.5, ["a"], {"a": "b"}, object()])
def test_content_that_is_none(block: object) -> None:
    with pytest.raises(InvalidMessage, match="bytes or str, not") as caught:
        sent(Content([b"a", block]).blocks())  # type: ignore[list-item]
    assert caught.value.part == "content"


def test_text_that_cannot_be_encoded() -> None:
    """A lone surrogate is no text."""
    with pytest.raises(InvalidMessage):
        sent(Content(["a", "\ud800"]).blocks())
    with pytest.raises(InvalidMessage):
        content = FileContent(io.StringIO("a\ud800"))
        sent(content.blocks())


def test_an_iterable_can_be_sent_again() -> None:
    content = Content([b"a", b"b"])
    assert sent(content.blocks()) == b"ab"
    content.rewind()
    assert sent(content.blocks()) == b"ab"


def test_an_iterator_can_be_sent_once() -> None:
    content = Content(iter([b"a", b"b"]))
    content.rewind()  # nothing has been taken yet
    assert sent(content.blocks()) == b"ab"
    with pytest.raises(UnrewindableContent):
        content.rewind()


def test_an_iterator_that_was_begun_cannot_be_sent_again() -> None:
    content = Content(iter([b"a", b"b"]))
    next(content.blocks())
    with pytest.raises(UnrewindableContent):
        content.rewind()


@pytest.fixture
def big(tmp_path: Path) -> Path:
    """Return a file larger than a block."""
    path = tmp_path / "big"
    path.write_bytes(os.urandom(FILE_BLOCK) + b"the end")
    return path


def test_a_file(big: Path) -> None:
    with big.open("rb") as file:
        content = FileContent(file)
        assert content.length == FILE_BLOCK + 7
        assert sent(content.blocks()) == big.read_bytes()


def test_a_file_is_read_into_one_buffer(big: Path) -> None:
    """Large blocks, and no new memory for each."""
    with big.open("rb", buffering=0) as file:
        sizes, buffers = [], set()
        for block in FileContent(file).blocks():
            assert isinstance(block, memoryview)
            sizes.append(len(block))
            buffers.add(id(block.obj))
        assert sizes == [FILE_BLOCK, 7]
        assert len(buffers) == 1


def test_a_file_is_sent_from_where_it_stands(big: Path) -> None:
    with big.open("rb") as file:
        file.seek(FILE_BLOCK + 4)
        content = FileContent(file)
        assert content.length == 3
        assert sent(content.blocks()) == b"end"
        content.rewind()
        assert sent(content.blocks()) == b"end"


def test_a_file_that_stands_behind_its_end(big: Path) -> None:
    with big.open("rb") as file:
        file.seek(2 * FILE_BLOCK)
        content = FileContent(file)
        assert content.length == 0
        assert sent(content.blocks()) == b""


def test_to_make_content_of_a_file_does_not_move_it(big: Path) -> None:
    with big.open("rb") as binary, big.open(encoding="latin-1") as text:
        for file in (binary, text):
            file.read(5)
            at = file.tell()
            FileContent(file)
            assert file.tell() == at


def test_a_spooled_file() -> None:
    """Its seek() says nothing in Python 3.10."""
    with tempfile.SpooledTemporaryFile() as file:
        file.write(b"abc")
        file.seek(1)
        content = FileContent(file)
        assert content.length == 2
        assert sent(content.blocks()) == b"bc"


def text_files(folder: Path) -> Iterator[IO[str]]:
    """Yield files of several kinds and encodings that all hold the same text."""
    text = f"{SNOWMAN}\u00fc\nb"
    for encoding in ("utf-8", "utf-16", "utf-8-sig"):
        (folder / encoding).write_bytes(text.encode(encoding))
        yield (folder / encoding).open(encoding=encoding)
    yield codecs.StreamReaderWriter(
        (folder / "utf-16").open("rb"), codecs.getreader("utf-16"), codecs.getwriter("utf-16")
    )
    yield io.StringIO(text)
    files = [
        tempfile.NamedTemporaryFile("w+", encoding="utf-8", dir=folder),  # noqa: SIM115  # the test closes it
        tempfile.SpooledTemporaryFile(0, "w+", encoding="utf-8", dir=str(folder)),  # noqa: SIM115
    ]
    for file in files:
        file.write(text)
        file.seek(0)
        yield file


def test_a_text_file_goes_out_as_utf_8(tmp_path: Path) -> None:
    """Its length is that of the bytes, whatever it is encoded in on disk."""
    for file in text_files(tmp_path):
        with file:
            content = FileContent(file)
            assert content.length == 7
            assert sent(delimited(content.blocks(), 7)) == f"{SNOWMAN}\u00fc\nb".encode()
            content.rewind()
            assert sent(content.blocks()) == f"{SNOWMAN}\u00fc\nb".encode()


def test_a_text_file_is_sent_from_where_it_stands() -> None:
    file = io.StringIO(f"{SNOWMAN}{SNOWMAN}b")
    file.read(1)
    content = FileContent(file)
    assert content.length == 4
    assert sent(content.blocks()) == f"{SNOWMAN}b".encode()


def test_a_pipe_has_no_length_and_no_way_back() -> None:
    for mode in ("rb", "r"):
        reading, writing = os.pipe()
        os.write(writing, b"abc")
        os.close(writing)
        with open(reading, mode) as pipe:
            content = FileContent(pipe)
            assert content.length is None
            content.rewind()  # nothing has been read yet
            assert sent(content.blocks()) == b"abc"
            with pytest.raises(UnrewindableContent):
                content.rewind()


class OnlyRead:
    """The least that passes for a file."""

    def __init__(self, data: bytes) -> None:
        self.data = io.BytesIO(data)

    def read(self, size: int = -1) -> bytes:
        return self.data.read(size)


class ReadAndTell(OnlyRead):
    """Knows where it stands, and cannot go elsewhere."""

    def tell(self) -> int:
        return self.data.tell()


@pytest.mark.parametrize("kind", [OnlyRead, ReadAndTell])
def test_what_can_only_be_read(kind: type[OnlyRead]) -> None:
    content = FileContent(kind(b"abc"))
    assert content.length is None
    assert sent(content.blocks()) == b"abc"


def test_a_file_that_does_not_block() -> None:
    """That nothing is there yet is no end."""
    reading, writing = os.pipe()
    os.set_blocking(reading, False)
    try:
        with open(reading, "rb", buffering=0) as pipe:
            content = FileContent(pipe)
            os.write(writing, b"abc")
            blocks = content.blocks()
            assert bytes(next(blocks)) == b"abc"
            with pytest.raises(InvalidMessage):
                next(blocks)
    finally:
        os.close(writing)


def test_a_file_that_was_closed_cannot_be_sent_again() -> None:
    file = io.BytesIO(b"abc")
    content = FileContent(file)
    assert sent(content.blocks()) == b"abc"
    file.close()
    with pytest.raises(UnrewindableContent):
        content.rewind()


def test_what_cannot_be_read(tmp_path: Path) -> None:
    with (tmp_path / "a").open("wb") as file, pytest.raises(InvalidMessage):
        FileContent(file)
    with pytest.raises(InvalidMessage):
        FileContent(file)  # closed by now


def test_what_a_gzip_file_holds(tmp_path: Path) -> None:
    """The length is that of what comes out, not of the file on disk."""
    with gzip.open(tmp_path / "a", "wb") as file:
        file.write(b"a" * 1000)
    with gzip.open(tmp_path / "a") as file:
        content = FileContent(file)
        assert content.length == 1000
        assert sent(content.blocks()) == b"a" * 1000


def test_a_file_that_changes_while_it_is_sent(tmp_path: Path) -> None:
    path = tmp_path / "a"
    for text in ("", "abcd"):
        path.write_bytes(b"abc")
        with path.open("rb", buffering=0) as file:
            content = FileContent(file)
            path.write_text(text)
            assert content.length == 3
            with pytest.raises(ContentMismatch):
                sent(delimited(content.blocks(), 3))


def test_delimited_is_exact() -> None:
    assert sent(delimited([b"ab", b"", b"c"], 3)) == b"abc"
    assert sent(delimited([], 0)) == b""


def test_delimited_and_too_short() -> None:
    blocks = delimited([b"ab"], 3)
    assert next(blocks) == b"ab"
    with pytest.raises(ContentMismatch, match="1 bytes short of the 3"):
        next(blocks)


def test_delimited_and_too_long() -> None:
    """No byte too many goes out."""
    blocks = delimited([b"ab", b"cd", b"e"], 3)
    assert next(blocks) == b"ab"
    with pytest.raises(ContentMismatch, match="longer than the 3"):
        next(blocks)


def test_chunked() -> None:
    """Empty blocks are skipped: an empty chunk would be the end."""
    assert sent(chunked([b"ab", b"", bytearray(b"cdefghijkl"), memoryview(b"m")])) == (
        b"2\r\nab\r\na\r\ncdefghijkl\r\n1\r\nm\r\n0\r\n\r\n"
    )
    assert sent(chunked([])) == sent(chunked([b"", b""])) == b"0\r\n\r\n"


def test_a_large_chunk_is_not_copied() -> None:
    large = bytes(BLOCK)
    blocks = list(chunked([large]))
    assert blocks[0] == b"40000\r\n"
    assert blocks[1] is large
    assert blocks[2:] == [b"\r\n", b"0\r\n\r\n"]


@pytest.mark.parametrize("size", [1, 15, 16, 64 * 1024 - 1, 64 * 1024, 64 * 1024 + 1, BLOCK, FILE_BLOCK + 1])
def test_what_goes_out_in_chunks_comes_in_again(size: int, receive: Receive) -> None:
    data = os.urandom(size)
    message = receive(CHUNKED, *[bytes(block) for block in chunked([data, data[:5]])])
    assert message.body.read_all() == data + data[:5]


def test_errors_of_content_are_no_errors_of_the_transfer() -> None:
    """What the caller got wrong is a ValueError, what the network did is an OSError."""
    assert issubclass(InvalidMessage, ValueError)
    assert issubclass(ContentMismatch, InvalidMessage)
    assert issubclass(UnrewindableContent, InvalidMessage)
    assert not issubclass(InvalidMessage, TransferError)
    assert issubclass(TransferError, OSError)
