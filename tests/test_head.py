"""Heads: what goes out and what comes in, refused wherever it could be read in two ways."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from requests_lite.packages.poster import head
from requests_lite.packages.poster.errors import InvalidMessage, ProtocolError
from requests_lite.packages.poster.head import (
    LIMIT,
    decode_fields,
    decode_head,
    encode_fields,
    encode_head,
    find_end,
    is_token,
)
from requests_lite.packages.poster.headers import Headers
from wire import BAD_HEADS, CONNECTIONS, FRAMINGS, GOOD_HEADS, Row

TOKEN = "!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
NO_TOKEN = [chr(code) for code in range(256) if chr(code) not in TOKEN]


@pytest.mark.parametrize("row", [*GOOD_HEADS, *CONNECTIONS, *FRAMINGS], ids=str)
def test_a_head_as_it_came(row: Row) -> None:
    """Informational responses come apart; the end is right behind the empty line."""
    received = row.received
    while True:
        end, version, status, reason, headers = decode_head(received)
        assert end == find_end(received) > 0
        received = received[end:]
        if status >= 200 or status == 101:
            break
    assert received == row.body + row.surplus
    assert status == row.status
    if row.error is None:
        assert (version, reason) == (row.version, row.phrase)
    if row.fields is not None:
        assert list(headers.lines()) == list(row.fields)


@pytest.mark.parametrize("row", [row for row in BAD_HEADS if find_end(row.head) == len(row.head) < LIMIT], ids=str)
def test_a_malformed_head(row: Row) -> None:
    with pytest.raises(ProtocolError) as caught:
        decode_head(row.head)
    assert row.says in str(caught.value)


@pytest.mark.parametrize("row", [*GOOD_HEADS[:5], *BAD_HEADS[:5]], ids=str)
def test_what_was_read_once_is_read_the_same_again(row: Row) -> None:
    """Lines are remembered; only well-formed ones, and nobody can change what is remembered."""

    def outcome() -> object:
        try:
            return decode_head(row.head)
        except ProtocolError as error:
            return str(error)

    first = outcome()
    assert outcome() == first
    if isinstance(first, tuple):
        first[4]["Content-Length"] = "9"
        first[4].add("X", "y")
        assert outcome() != first


def test_a_repeat_does_not_grow_in_memory() -> None:
    """A remembered field is shared by responses, a repeat of it is not."""
    once, twice = [b"A: 1"], [b"A: 1", b"A: 2"]
    assert decode_fields(once).getlist("a") == ["1"]
    assert decode_fields(twice).getlist("a") == ["1", "2"]
    assert decode_fields(twice).getlist("a") == ["1", "2"]
    assert decode_fields(once).getlist("a") == ["1"]


def test_what_is_remembered_stays_small() -> None:
    """A server that never says the same twice fills no memory and spoils no answer."""
    for n in range(2500):
        head = b"HTTP/1.1 200 R%d\r\nX: %d\r\nLong: %d%b\r\n\r\n" % (n, n, n, b"a" * 300)
        _, _, _, reason, headers = decode_head(head)
        assert (reason, headers["X"], headers["Long"]) == (f"R{n}", f"{n}", f"{n}" + "a" * 300)


@pytest.mark.parametrize(
    ("received", "end"),
    [
        (b"", -1),
        (b"a", -1),
        (b"a\r\n", -1),
        (b"a\r\n\r", -1),
        (b"a\r\n\r\n", 5),
        (b"a\n\n", 3),
        (b"a\n\r\n", 4),
        (b"a\r\n\n", 4),
        (b"a\r\r\n", -1),
        (b"a\n\r\r\n", -1),
        (b"a\n\nb\n\n", 3),
    ],
)
def test_the_end_of_a_head(received: bytes, end: int) -> None:
    """Looking on from where one has looked before finds the same."""
    assert find_end(received) == end
    assert find_end(bytearray(received)) == end
    for looked in range(len(received)):
        if find_end(received[:looked]) < 0:
            assert find_end(received, looked) == end


def test_an_error_shows_no_value() -> None:
    """What stands in a field may be secret."""
    for line in (b"Set-Cookie: secret\0", b"Authorization Basic secret", b" secret"):
        with pytest.raises(ProtocolError) as caught:
            decode_fields([line])
        assert "secret" not in str(caught.value)


def test_tokens() -> None:
    """RFC 9110 s5.6.2."""
    assert is_token(TOKEN)
    assert all(map(is_token, TOKEN))
    assert not is_token("")
    assert not any(map(is_token, NO_TOKEN))
    assert not is_token("GET\n")
    assert not is_token("\u212a")  # the Kelvin sign, whose lower case is k


def test_a_request_head() -> None:
    headers = Headers([("Accept", "*/*"), ("A", "1"), ("A", "2")])
    assert encode_head("GET", "/a?b=c", "x.org", headers) == (
        b"GET /a?b=c HTTP/1.1\r\nHost: x.org\r\nAccept: */*\r\nA: 1\r\nA: 2\r\n\r\n"
    )


def test_a_request_head_without_fields() -> None:
    assert encode_head("GET", "*", "x.org", Headers()) == b"GET * HTTP/1.1\r\nHost: x.org\r\n\r\n"


def test_a_request_head_with_framing() -> None:
    head = encode_head("PUT", "/", "x.org", Headers({"A": "b"}), "Content-Length: 3\r\n")
    assert head == b"PUT / HTTP/1.1\r\nHost: x.org\r\nContent-Length: 3\r\nA: b\r\n\r\n"


def test_the_users_host_wins() -> None:
    head = encode_head("GET", "/", "x.org", Headers({"hOST": "y.org"}), "Content-Length: 3\r\n")
    assert head == b"GET / HTTP/1.1\r\nContent-Length: 3\r\nhOST: y.org\r\n\r\n"


def test_the_users_empty_host_wins() -> None:
    """RFC 9112 s3.2: an empty Host is sent for a target without authority."""
    assert encode_head("GET", "/", "x.org", Headers({"Host": ""})) == b"GET / HTTP/1.1\r\nHost: \r\n\r\n"


@pytest.mark.parametrize("method", ["GET", "get", "M-SEARCH", "X!#$%&'*+-.^_`|~0"])
def test_methods(method: str) -> None:
    """They have case and go out as they are."""
    assert encode_head(method, "/", "x", Headers()).startswith(method.encode() + b" / HTTP/1.1\r\n")


@pytest.mark.parametrize(
    "method",
    ["", " ", "GET ", " GET", "GET\r\nX: y", "GET\n", "GET / HTTP/1.1\r\nA: b\r\n\r\n", "G\u00c4T", "G\0T", "GET:"],
)
def test_methods_that_are_none(method: str) -> None:
    with pytest.raises(InvalidMessage) as caught:
        encode_head(method, "/", "x", Headers())
    assert caught.value.part == "method"


@pytest.mark.parametrize("target", ["/", "*", "/a?b=c%20d&e", "http://x.org/a", "x.org:443", "/!\"#$'()<>[\\]^`{|}~"])
def test_targets(target: str) -> None:
    """What was percent-encoded is left alone."""
    assert encode_head("GET", target, "x", Headers()).startswith(b"GET " + target.encode() + b" HTTP/1.1\r\n")


@pytest.mark.parametrize("code", [*range(33), 127, 128, 133, 160, 255, 0x2028, 0xD800, 0x1F600])
@pytest.mark.parametrize("target", ["%c", "/a%cb", "/%c"])
def test_targets_that_are_none(target: str, code: int) -> None:
    """Nothing that splits the request line, and nothing that two peers might encode in two ways."""
    with pytest.raises(InvalidMessage) as caught:
        encode_head("GET", target % code, "x", Headers())
    assert caught.value.part == "target"


def test_no_target() -> None:
    with pytest.raises(InvalidMessage) as caught:
        encode_head("GET", "", "x", Headers())
    assert caught.value.part == "target"


@pytest.mark.parametrize("character", NO_TOKEN)
def test_field_names_that_are_none(character: str) -> None:
    for name in (character, f"A{character}", f"{character}A", f"A{character}B"):
        with pytest.raises(InvalidMessage) as caught:
            encode_fields(Headers({name: "b"}))
        assert caught.value.part == "field"


@pytest.mark.parametrize("name", ["", "A\r\nB", "A: b\r\nC", "\u212a"])
def test_more_field_names_that_are_none(name: str) -> None:
    with pytest.raises(InvalidMessage):
        encode_fields(Headers({name: "b"}))


@pytest.mark.parametrize("bad", ["\r", "\n", "\0", "\r\n", "\r\n ", "\n\t", "\r\nX: y", "\r\n\r\nGET / HTTP/1.1"])
@pytest.mark.parametrize("value", ["%s", "b%s", "%sc", "b%sc"])
def test_field_values_that_would_be_another_message(value: str, bad: str) -> None:
    """Folded lines as well; the value is not shown."""
    headers = Headers([("A", "fine"), ("B", "secret" + value % bad)])
    for encode in (encode_fields, lambda headers: encode_head("GET", "/", "x", headers)):
        with pytest.raises(InvalidMessage) as caught:
            encode(headers)
        assert caught.value.part == "field"
        assert "secret" not in str(caught.value)
    assert headers.encoded is None


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(
            ("B", text % bad)
            for bad in ("\r", "\n", "\0", "\r\n", "\r\nX: y", "\n\r", "\ud800")
            for text in ("%s", "b%sc")
        ),
        ("\u212a", "a name whose lower case is the token k"),
        ("B ", "c"),
        ("B\r\nK", "c"),
        ("", "c"),
    ],
)
def test_what_went_out_before_vouches_for_nothing_else(name: str, value: str) -> None:
    """Names that are known are not read again, but for what makes them others; values always are."""
    encode_fields(Headers({"A": "b", "B": "c", "K": "d"}))
    with pytest.raises(InvalidMessage) as caught:
        encode_fields(Headers({"A": "b", name: value, "C": "d"}))
    assert caught.value.part == "field"


def test_no_memory_is_lost_to_names() -> None:
    encode_fields(Headers({f"Y-{number}": "a" for number in range(3000)}))
    for number in range(3000):
        encode_fields(Headers({f"X-{number}": "a"}))
    assert len(head._sent_names) <= 1000


@pytest.mark.parametrize(
    ("value", "line"),
    [
        ("", b"A: \r\n"),
        ("  b\t ", b"A: b\r\n"),
        ("b  \t c", b"A: b  \t c\r\n"),
        ("\u00fc\u00ff\u0080", b"A: \xfc\xff\x80\r\n"),
        ("\u00a0b\u0085", b"A: \xa0b\x85\r\n"),
        ("\u2603 \u00fc", b"A: \xe2\x98\x83 \xc3\xbc\r\n"),
        ("b" * 100_000, b"A: " + b"b" * 100_000 + b"\r\n"),
    ],
)
def test_field_values(value: str, line: bytes) -> None:
    """Latin-1, or UTF-8 where that does not do."""
    assert encode_fields(Headers({"A": value})) == line + b"\r\n"


def test_a_value_that_cannot_be_encoded() -> None:
    """A lone surrogate is no text."""
    with pytest.raises(InvalidMessage):
        encode_fields(Headers({"A": "\ud800"}))


def test_what_goes_out_comes_back() -> None:
    headers = Headers([("A", "b"), ("Set-Cookie", "c=\u00fc"), ("a", ""), ("set-cookie", "d")])
    lines = encode_fields(headers).split(b"\r\n")[:-2]
    assert decode_fields(lines) == headers


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["Accept", "accept", "Cookie", "X-A", "Content-Length", "A B", "A\r\nB", "\u212a", ""]),
            st.text(st.sampled_from("ab \t\r\n\0:\xe9\u20ac\ud800"), max_size=4),
        ),
        max_size=4,
    )
)
def test_what_is_remembered_of_names_changes_no_verdict(lines: list[tuple[str, str]]) -> None:
    """Fields are looked at in one piece when all of their names went out before: with the same outcome."""

    def outcome() -> object:
        headers = Headers()
        for name, value in lines:
            headers.add(name, value)
        try:
            return encode_fields(headers)
        except InvalidMessage as error:
            return str(error)

    head._sent_names.clear()
    first = outcome()
    encode_fields(Headers(dict.fromkeys(("Accept", "Cookie", "X-A", "Content-Length"), "x")))
    assert outcome() == first
    if isinstance(first, bytes):
        assert first.count(b"\r") == first.count(b"\n") == len(lines) + 1
        assert b"\0" not in first
