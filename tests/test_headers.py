"""Headers: order, case, spelling and repeats."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Iterator

import pytest

from requests_lite.packages.poster.errors import InvalidMessage
from requests_lite.packages.poster.head import encode_fields
from requests_lite.packages.poster.headers import Headers, HeadersLike


def lines(headers: Headers) -> list[tuple[str, str]]:
    return list(headers.lines())


def test_names_have_no_case_and_keep_their_spelling() -> None:
    headers = Headers({"cOnTeNt-TyPe": "text/plain"})
    assert headers["content-type"] == headers["CONTENT-TYPE"] == "text/plain"
    assert "Content-Type" in headers
    assert list(headers) == ["cOnTeNt-TyPe"]
    assert lines(headers) == [("cOnTeNt-TyPe", "text/plain")]


def test_fields_keep_their_order() -> None:
    headers = Headers([("B", "1"), ("A", "2"), ("C", "3")])
    headers["b"] = "4"
    assert lines(headers) == [("b", "4"), ("A", "2"), ("C", "3")]


def test_repeats_read_as_one_value_and_stay_apart() -> None:
    headers = Headers([("Set-Cookie", "a=1"), ("X", "y"), ("set-cookie", "b=2")])
    assert headers["Set-Cookie"] == "a=1, b=2"
    assert headers.getlist("SET-COOKIE") == ["a=1", "b=2"]
    assert len(headers) == 2
    assert lines(headers) == [("Set-Cookie", "a=1"), ("Set-Cookie", "b=2"), ("X", "y")]


def test_setting_replaces_all_repeats() -> None:
    headers = Headers([("A", "1"), ("a", "2")])
    headers["a"] = "3"
    assert lines(headers) == [("a", "3")]


def test_adding_keeps_what_is_there() -> None:
    headers = Headers()
    headers.add("A", "1")
    headers.add("a", b"2")
    assert headers.getlist("a") == ["1", "2"]


def test_deleting_takes_all_repeats() -> None:
    headers = Headers([("A", "1"), ("a", "2"), ("B", "3")])
    del headers["a"]
    assert lines(headers) == [("B", "3")]
    with pytest.raises(KeyError):
        del headers["a"]


def test_what_is_not_there() -> None:
    headers = Headers()
    assert headers.getlist("a") == []
    assert headers.get("a") is None
    assert headers.get("a", "b") == "b"
    assert "a" not in headers
    assert 1 not in headers  # type: ignore[comparison-overlap]
    with pytest.raises(KeyError):
        headers["a"]


def test_the_rest_of_a_mapping() -> None:
    headers = Headers({"A": "1", "B": "2"})
    assert headers.pop("a") == "1"
    assert headers.setdefault("b", "3") == "2"
    assert headers.setdefault("c", "3") == "3"
    headers.update({"B": "4"})
    assert dict(headers) == {"B": "4", "c": "3"}
    headers.clear()
    assert not headers


@pytest.mark.parametrize(
    "fields",
    [
        {"A": "1", "B": "2"},
        {"A": b"1", b"B": "2"},
        {"A": "1", "C": None, "B": "2"},
        [("A", "1"), ("B", "2")],
        [("A", b"1"), (b"B", b"2")],
        iter([("A", "1"), ("B", "2")]),
        Headers({"A": "1", "B": "2"}),
        Headers({"A": "1", "B": "2"}).items(),
    ],
)
def test_what_they_are_made_from(fields: HeadersLike) -> None:
    assert lines(Headers(fields)) == [("A", "1"), ("B", "2")]


def test_nothing_makes_none() -> None:
    assert lines(Headers()) == lines(Headers(None)) == lines(Headers({})) == []


def test_bytes_are_latin_1() -> None:
    assert Headers({"A": b"\xfc\xff"})["a"] == "\xfc\xff"


@pytest.mark.parametrize("value", [1, 1.5, True, ["a"], ("a", "b"), {}])
def test_other_types_are_refused(value: str) -> None:
    """A number would be guessed at, a list could mean two things."""
    headers = Headers({"A": "b"})
    with pytest.raises(InvalidMessage, match="str or bytes, not") as caught:
        headers["A"] = value
    assert caught.value.part == "field"
    with pytest.raises(InvalidMessage):
        headers.add("A", value)
    with pytest.raises(InvalidMessage):
        headers.add(value, "a")
    with pytest.raises(InvalidMessage):
        Headers({"A": value})
    with pytest.raises(InvalidMessage):
        headers.merge({"A": value})
    assert lines(headers) == [("A", "b")]


@pytest.mark.parametrize(
    "fields", [1, 1.5, object(), "A: b", ["A: b"], ["ab"], [("A",)], [("A", "b", "c")], [1], [None]]
)
def test_what_they_cannot_be_made_from(fields: HeadersLike) -> None:
    for make in (Headers, Headers({"A": "b"}).merge):
        with pytest.raises(InvalidMessage, match="headers are a mapping or") as caught:
            make(fields)
        assert caught.value.part == "field"


def test_equality_knows_no_case_and_no_order() -> None:
    headers = Headers([("A", "1"), ("B", "2")])
    assert headers == Headers([("b", "2"), ("a", "1")])
    assert headers == {"B": "2", "a": "1"}
    assert headers != {"A": "1"}
    assert headers != Headers([("A", "2"), ("B", "2")])


def test_equality_tells_repeats_from_a_list() -> None:
    assert Headers([("A", "1"), ("A", "2")]) != Headers({"A": "1, 2"})


@pytest.mark.parametrize("other", [None, 1, "A", [("A", "1")], {1: 2}, {"A": 1}, {"A": None}])
def test_headers_never_equal_something_else(other: object) -> None:
    assert Headers({"A": "1"}) != other
    assert not Headers({"A": "1"}) == other  # noqa: SIM201  # both operators are asked


def test_headers_have_no_hash() -> None:
    with pytest.raises(TypeError):
        hash(Headers())


def test_repr_is_that_of_a_dict() -> None:
    assert repr(Headers([("A", "1"), ("a", "2")])) == "{'A': '1, 2'}"


def test_merge_sets_adds_and_takes_away() -> None:
    headers = Headers([("A", "1"), ("B", "2"), ("b", "3"), ("C", "4")])
    headers.merge({"b": "5", "c": None, "D": "6", "E": None})
    assert lines(headers) == [("A", "1"), ("b", "5"), ("D", "6")]


def test_merge_takes_repeats_along() -> None:
    headers = Headers({"A": "1"})
    headers.merge([("a", "2"), ("A", "3")])
    assert lines(headers) == [("a", "2"), ("a", "3")]
    headers.merge(Headers([("B", "4"), ("B", "5")]))
    assert headers.getlist("b") == ["4", "5"]


def test_merge_reads_an_iterator_once() -> None:
    def fields() -> Iterator[tuple[str, str]]:
        yield "A", "1"

    headers = Headers()
    headers.merge(fields())
    assert lines(headers) == [("A", "1")]


def change_by_setting(headers: Headers) -> None:
    headers["A"] = "2"


def change_by_adding(headers: Headers) -> None:
    headers.add("a", "2")


def change_by_merging(headers: Headers) -> None:
    headers.merge({"A": "2"})


def change_by_deleting(headers: Headers) -> None:
    del headers["A"]


def change_by_clearing(headers: Headers) -> None:
    headers.clear()


CHANGES = [change_by_setting, change_by_adding, change_by_merging, change_by_deleting, change_by_clearing]


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("make", [Headers, Headers.copy, copy.copy, copy.deepcopy])
def test_a_copy_changes_on_its_own(change, make) -> None:  # type: ignore[no-untyped-def]
    headers = Headers({"A": "1"})
    copied = make(headers)
    assert copied == headers
    change(copied)
    assert lines(headers) == [("A", "1")]
    change(headers)
    assert headers == copied


@pytest.mark.parametrize("change", CHANGES)
def test_what_was_encoded_once_is_encoded_again_after_a_change(change) -> None:  # type: ignore[no-untyped-def]
    headers = Headers({"A": "1"})
    assert encode_fields(headers) == b"A: 1\r\n\r\n"
    copied = headers.copy()
    change(headers)
    assert headers.encoded is None
    assert copied.encoded == b"A: 1\r\n\r\n"


def test_they_can_be_pickled() -> None:
    headers = Headers([("A", "1"), ("a", "2")])
    assert lines(pickle.loads(pickle.dumps(headers))) == lines(headers)
