"""URLs: what a user writes, and what goes on the wire."""

from __future__ import annotations

from enum import Enum

import pytest

from requests_lite import InvalidSchema, InvalidURL, MissingSchema
from requests_lite.urls import encode_pairs, join, shown, split_url


@pytest.mark.parametrize(
    ("url", "origin", "target"),
    [
        ("http://example.com", ("http", "example.com", 80), "/"),
        ("HTTPS://Example.COM:443/A", ("https", "example.com", 443), "/A"),
        ("http://example.com:8080/a?b#c", ("http", "example.com", 8080), "/a?b"),
        ("http://example.com:/", ("http", "example.com", 80), "/"),
        ("http://example.com?q=1", ("http", "example.com", 80), "/?q=1"),
        ("http://example.com/?", ("http", "example.com", 80), "/?"),
        ("  http://example.com/a  ", ("http", "example.com", 80), "/a"),
        ("http://[::1]:8000/", ("http", "::1", 8000), "/"),
        ("http://[fe80::1%25eth0]/", ("http", "fe80::1%eth0", 80), "/"),
        ("http://bücher.example/ü?ö#ä", ("http", "xn--bcher-kva.example", 80), "/%C3%BC?%C3%B6"),
        ("http://h/a b", ("http", "h", 80), "/a%20b"),
        ("http://h/%41%zz%", ("http", "h", 80), "/%41%25zz%25"),
        ('http://h/"<>\\^`{|}', ("http", "h", 80), "/%22%3C%3E%5C%5E%60%7B%7C%7D"),
        ("http://h/a/./b/../c", ("http", "h", 80), "/a/c"),
        ("http://h/../../etc", ("http", "h", 80), "/etc"),
        ("http://h/a/..", ("http", "h", 80), "/"),
        ("http://h/a/%2e%2E/b", ("http", "h", 80), "/b"),
        ("http://h/a%2eb", ("http", "h", 80), "/a%2eb"),
        ("http://h/a/.hidden", ("http", "h", 80), "/a/.hidden"),
        ("http://h/x?u=http://a/../b", ("http", "h", 80), "/x?u=http://a/../b"),
    ],
)
def test_urls_are_split_into_origin_and_target(url: str, origin: tuple[str, str, int], target: str) -> None:
    found = split_url(url)
    assert (found.origin, found.target) == (origin, target)
    assert split_url(found.url).target == target


@pytest.mark.parametrize(
    ("url", "error", "words"),
    [
        ("example.com/x", MissingSchema, "perhaps you meant https://example.com/x"),
        ("//example.com", MissingSchema, "perhaps you meant https://example.com"),
        ("localhost:8000/x", MissingSchema, "perhaps you meant https://localhost:8000/x"),
        ("localhost:8000", MissingSchema, "perhaps"),
        ("", MissingSchema, "no scheme"),
        ("user:secret@host/x", InvalidSchema, "'user'"),
        ("mailto:a@example.com", InvalidSchema, "not 'mailto'"),
        ("http:/example.com", InvalidURL, "no host"),
        ("http:example.com", InvalidURL, "no host"),
        ("http://", InvalidURL, "no host"),
        ("http://user@/x", InvalidURL, "no host"),
        ("http://:80/", InvalidURL, "malformed host"),
        ("http://a b/", InvalidURL, "malformed host"),
        ("http://good.example\\@evil.example/", InvalidURL, "backslash"),
        ("http://a%2fb/", InvalidURL, "malformed host"),
        ("http://" + "ü" * 70 + "/", InvalidURL, "no domain name"),
        ("http://[::1/", InvalidURL, "IPv6"),
        ("http://[::1]x/", InvalidURL, "IPv6"),
        ("http://[localhost]/", InvalidURL, "IPv6"),
        ("http://h:0/", InvalidURL, "port"),
        ("http://h:65536/", InvalidURL, "port"),
        ("http://h:-1/", InvalidURL, "port"),
        ("http://h:٣/", InvalidURL, "port"),
        ("http://h/a\nb", InvalidURL, "control characters"),
        ("http://h/\x7f", InvalidURL, "control characters"),
        ("http://h/\ud800", InvalidURL, "lone surrogates"),
    ],
)
def test_what_is_no_url_is_refused_with_a_hint(url: str, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words) as caught:
        split_url(url)
    assert "secret" not in str(caught.value)


def test_userinfo_is_decoded_and_kept_apart() -> None:
    found = split_url("http://us%40er:p%3Aw@h/x")
    assert found.userinfo == (b"us@er", b"p:w")
    assert found.url == "http://h/x"
    assert split_url("http://h/").userinfo is None


def test_the_default_port_is_not_shown() -> None:
    assert split_url("http://h:80/#f").url == "http://h/#f"
    assert split_url("https://[::1]:443/").url == "https://[::1]/"
    assert split_url("https://h:80/").url == "https://h:80/"


class Colour(str, Enum):
    """A str that has another str()."""

    RED = "red"


@pytest.mark.parametrize(
    ("url", "params", "result"),
    [
        ("http://h/", {"a": "1", "b": None}, "http://h/?a=1"),
        ("http://h/?x=1#f", {"a": [1, "2", None]}, "http://h/?x=1&a=1&a=2#f"),
        ("http://h/?", [("a", "b c"), ("a", "ü&")], "http://h/?a=b+c&a=%C3%BC%26"),
        ("http://h/", "flag", "http://h/?flag"),
        ("http://h/", b"a=%00", "http://h/?a=%00"),
        ("http://h/", "ä".encode() + b"=\xff", "http://h/?%C3%A4=%FF"),
        ("http://h/", {}, "http://h/"),
        ("http://h/?a&", {"b": True}, "http://h/?a&b=True"),
        ("http://h/ ", {"a": 1}, "http://h/?a=1"),
        ("http://h/#f", "a=#1", "http://h/?a=%231#f"),
        ("http://h/", b"#", "http://h/?%23"),
        ("http://h/", {Colour.RED: [Colour.RED]}, "http://h/?red=red"),
    ],
)
def test_params_go_behind_the_query(url: str, params: object, result: str) -> None:
    assert split_url(url, params).url == result  # type: ignore[arg-type]  # a table


def test_pairs_of_bytes_and_of_nothing() -> None:
    assert encode_pairs([(b"a", b"\xff")]) == "a=%FF"  # type: ignore[list-item]  # bytes names are taken too
    assert encode_pairs(None) == ""


def test_messages_show_no_userinfo_and_no_endless_url() -> None:
    for url in ("http://u:secret@h/a", "http://u:sec/ret@h/?@h/a", "https//u:secret@h/a", "u:secret@h/a"):
        assert shown(url).endswith("***@h/a")
        assert "sec" not in shown(url)
    assert shown("http://u:secret@h:99999/?next=http://x/") == "http://***@h:99999/?next=http://x/"
    assert len(shown("http://h/" + "x" * 1000)) == 203


def test_join_follows_rfc_3986() -> None:
    assert join("http://h/a/b?q", "../c") == "http://h/c"
