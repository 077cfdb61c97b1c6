"""Each row of the wire tables, whole and in pieces: a parser is finished when every split gives the same answer."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable

import pytest

from requests_lite.packages.poster.body import Body, CloseDelimited, LengthDelimited
from requests_lite.packages.poster.errors import ConnectionLost, IncompleteBody
from wire import BODIES, HEADS, KIB, LIMIT, READERS, SURPLUS, Outcome, Row, play

ROWS = [pytest.param(row, id=row.name) for row in [*HEADS, *BODIES]]

Reader = Callable[[Body, Callable[[bytes], None]], None]


def ends(row: Row) -> bool:
    """Tell whether the peer closes behind the row; otherwise to wait for more fails the test."""
    return row.framing is CloseDelimited and row.error is None


def check(row: Row, outcome: Outcome) -> None:
    """Check that the outcome is the row's."""
    if row.error is not None:
        assert type(outcome.error) is row.error, f"got {outcome}"
        assert row.says in str(outcome.error)
        assert outcome.reason
        assert not outcome.at_home
        return
    assert outcome.error is None
    assert (outcome.version, outcome.status, outcome.phrase) == (row.version, row.status, row.phrase)
    if row.fields is not None:
        assert outcome.fields == list(row.fields)
    assert outcome.framing is row.framing
    assert outcome.content == row.content
    assert list(outcome.trailers) == list(row.trailers)
    if row.surplus:
        # Which it is depends on whether the bytes had come by the end.
        assert outcome.reason == SURPLUS or outcome.stale
    elif row.reason:
        assert outcome.reason == row.reason
        assert not outcome.at_home
    else:
        assert (outcome.reason, outcome.at_home, outcome.stale) == ("", True, False)


def cut(data: bytes, *places: int) -> list[bytes]:
    """Return the pieces of data between places."""
    return [data[start:end] for start, end in itertools.pairwise([0, *places, len(data)])]


def places(row: Row) -> Iterable[int]:
    """Return where to cut a row: everywhere, or where it matters in a long one."""
    size = len(row.received)
    if size <= 1000:
        return range(size + 1)
    marks = [0, len(row.head), row.complete, size, *(n * 64 * KIB for n in range(1, 12)), LIMIT]
    around = {mark + step for mark in marks for step in range(-12, 13)}
    return sorted(place for place in around if 0 <= place <= size)


@pytest.mark.parametrize("row", ROWS)
@pytest.mark.parametrize("read", READERS)
def test_whole(row: Row, read: Reader, monkeypatch: pytest.MonkeyPatch) -> None:
    """It does not matter how one reads."""
    check(row, play(row, [row.received], monkeypatch, read, ends(row)))


@pytest.mark.parametrize("row", ROWS)
def test_cut_at_each_byte(row: Row, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two pieces, wherever the first ends."""
    for place in places(row):
        check(row, play(row, cut(row.received, place), monkeypatch, READERS[place % 2], ends(row)))


@pytest.mark.parametrize("row", ROWS)
def test_byte_by_byte(row: Row, monkeypatch: pytest.MonkeyPatch) -> None:
    """As many pieces as bytes, or as many cuts as matter in a long row."""
    pieces = cut(row.received, *[place for place in places(row) if 0 < place < len(row.received)])
    for read in READERS:
        check(row, play(row, pieces, monkeypatch, read, ends(row)))


@pytest.mark.parametrize("row", ROWS)
def test_truncated_at_each_byte(row: Row, monkeypatch: pytest.MonkeyPatch) -> None:
    """An error of the right kind or, from the message's end on, the answer; never short content as success."""
    for place in places(row):
        read = READERS[place % 2]
        outcome = play(row, [row.received[:place]], monkeypatch, read, ends=True)
        if outcome.error is not None:
            assert outcome.reason
            assert not outcome.at_home
        in_head = place < len(row.head)
        if row.error is not None:
            assert type(outcome.error) in (row.error, ConnectionLost if in_head else IncompleteBody)
        elif in_head:
            assert type(outcome.error) is ConnectionLost
            assert outcome.answered == (place > 0)
        elif row.framing is CloseDelimited:
            # This is how such a body ends; nobody can tell that there was more.
            assert outcome.error is None
            assert outcome.content == row.body[: place - len(row.head)]
            assert outcome.reason == row.reason
        elif place < row.complete:
            assert type(outcome.error) is IncompleteBody
            assert outcome.error.of == (len(row.content) if row.framing is LengthDelimited else None)
            assert row.content.startswith(outcome.content)
            assert read is READERS[0] or outcome.error.got == len(outcome.content)
            assert outcome.reason == "the body was cut"
        else:
            assert outcome.error is None
            assert outcome.content == row.content
