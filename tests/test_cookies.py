"""The jar, held to RFC 6265bis: what servers set, and what they are told. Its sections stand in the tables."""

from __future__ import annotations

import copy
import os
import pickle
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterable
from email.message import Message
from http import cookiejar
from types import FrameType
from typing import Any
from urllib.request import Request

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from requests_lite import cookies as module
from requests_lite.cookies import Cookie, CookieConflictError, CookieJar, as_jar, cookie_date, cookiejar_from_dict
from requests_lite.exceptions import InvalidHeader, RequestException
from requests_lite.urls import split_url

DAY = 86400
HOST = "https://www.example.com/a/b"


class Clock:
    """Time as a test sets it, for the jar's `time()`."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 1_700_000_000.0
        monkeypatch.setattr(module, "time", lambda: self.now)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Return a clock that stands still until it is moved."""
    return Clock(monkeypatch)


def stored(url: str, *lines: str, jar: CookieJar | None = None) -> CookieJar:
    """Return a jar, by default a new one, that has seen these Set-Cookie lines from url."""
    jar = CookieJar() if jar is None else jar
    jar.store(split_url(url), lines)
    return jar


def told(jar: CookieJar, url: str) -> str | None:
    """Return what the jar tells url."""
    return jar.header(split_url(url))


# (section, what the line shows, Set-Cookie lines from HOST, Cookie back to HOST)
LINES = [
    ("5.6", "a pair", ["a=1"], "a=1"),
    ("5.6", "several lines", ["a=1", "b=2"], "a=1; b=2"),
    ("5.6", "blanks around", [" \ta\t = 1 \t; Path=/"], "a=1"),
    ("5.6", "blanks inside stay", ["a b=1  2"], "a b=1  2"),
    ("5.6", "only spaces and tabs are blanks", ["\xa0a\x85=\x85\xa0"], "\xa0a\x85=\x85\xa0"),
    ("5.6", "the first = divides", ["a=b=c=="], "a=b=c=="),
    ("5.6", "an empty value", ["a="], "a="),
    ("5.6", "no name", ["=1"], "1"),
    ("5.6", "no =", ["token"], "token"),
    ("5.6", "no =, and an attribute that has one", ["token; Path=/"], "token"),
    ("5.6", "neither name nor value", ["="], None),
    ("5.6", "nothing", [""], None),
    ("5.6", "nothing but attributes", ["; Path=/"], None),
    ("5.6", "quotes are part of the value", ['a="1"'], 'a="1"'),
    ("5.6", "a semicolon ends even what is quoted", ['a="1;2"'], 'a="1'),
    ("5.6", "a comma divides nothing", ["a=1, b=2"], "a=1, b=2"),
    ("5.6", "bytes come back as they went", ["a=\xc3\xbc\xff\x80"], "a=\xc3\xbc\xff\x80"),
    ("5.6", "NUL", ["a=1\x00"], None),
    ("5.6", "a line end", ["a=1\r\nb"], None),
    ("5.6", "DEL", ["\x7fa=1"], None),
    ("5.6", "a control character in an attribute", ["a=1; x=\x1f"], None),
    ("5.6", "a tab inside is none", ["a=1\t2"], "a=1\t2"),
    ("5.6", "names tell upper from lower case", ["a=1", "A=2"], "a=1; A=2"),
    ("5.6", "unknown attributes", ["a=1; Priority=High; ; =; SameSite=Strict"], "a=1"),
    ("5.6", "4096 octets", ["a=" + 4095 * "x"], "a=" + 4095 * "x"),
    ("5.6", "4097 octets", ["a=" + 4096 * "x"], None),
    ("5.6", "4096 octets without a name", [4096 * "x"], 4096 * "x"),
    ("5.6", "attributes do not count", ["a=" + 4095 * "x" + "; y=" + 9999 * "z"], "a=" + 4095 * "x"),
    ("5.6", "an attribute of 1024 octets", ["a=1; Path=/" + 1023 * "x"], None),
    ("5.6", "one of 1025 is as if it were not there", ["a=1; Path=/" + 1024 * "x"], "a=1"),
    ("5.6", "so an earlier one stands", ["a=1; Path=/q; Path=/" + 1024 * "x"], None),
    ("5.6.1", "Expires in the past", ["a=1", "a=; Expires=Thu, 01 Jan 1970 00:00:00 GMT"], None),
    ("5.6.1", "Expires in the future", ["a=1; expires=Fri, 01 Jan 9999 00:00:00 GMT"], "a=1"),
    ("5.6.1", "Expires that is no date", ["a=1; Expires=never"], "a=1"),
    ("5.6.1", "does not undo an earlier one", ["a=1; Expires=1 Jan 1999 0:0:0; Expires=never"], None),
    ("5.6.1", "the last one counts", ["a=1; Expires=1 Jan 1999 0:0:0; Expires=1 Jan 2999 0:0:0"], "a=1"),
    ("5.6.2", "Max-Age of zero", ["a=1; Max-Age=0"], None),
    ("5.6.2", "Max-Age below zero", ["a=1; max-age=-1"], None),
    ("5.6.2", "Max-Age", ["a=1; Max-Age=10"], "a=1"),
    ("5.6.2", "an endless one", ["a=1; Max-Age=" + 1024 * "9"], "a=1"),
    ("5.6.2", "an endless one below zero", ["a=1; Max-Age=-" + 1023 * "9"], None),
    ("5.6.2", "Max-Age with a sign", ["a=1; Max-Age=+0"], "a=1"),
    ("5.6.2", "Max-Age with a fraction", ["a=1; Max-Age=0.0"], "a=1"),
    ("5.6.2", "Max-Age with nothing but a sign", ["a=1; Max-Age=-"], "a=1"),
    ("5.6.2", "Max-Age in other digits", ["a=1; Max-Age=\xb2"], "a=1"),
    ("5.6.2", "an empty Max-Age", ["a=1; Max-Age="], "a=1"),
    ("5.6.2", "does not undo an earlier one", ["a=1; Max-Age=0; Max-Age=x"], None),
    ("5.7", "Max-Age over Expires", ["a=1; Max-Age=10; Expires=1 Jan 1999 0:0:0"], "a=1"),
    ("5.7", "wherever it stands", ["a=1; Expires=1 Jan 2999 0:0:0; Max-Age=0"], None),
    ("5.7", "a broken Max-Age leaves Expires", ["a=1; Expires=1 Jan 1999 0:0:0; Max-Age=x"], None),
    ("5.6.3", "Domain", ["a=1; Domain=example.com"], "a=1"),
    ("5.6.3", "with a dot", ["a=1; domain=.example.com"], "a=1"),
    ("5.6.3", "with two dots", ["a=1; domain=..example.com"], None),
    ("5.6.3", "with a dot behind", ["a=1; domain=example.com."], None),
    ("5.6.3", "in capitals", ["a=1; DOMAIN=EXAMPLE.Com"], "a=1"),
    ("5.6.3", "of the host", ["a=1; Domain=www.example.com"], "a=1"),
    ("5.6.3", "empty", ["a=1; Domain="], "a=1"),
    ("5.6.3", "a lone dot is empty too", ["a=1; Domain=."], "a=1"),
    ("5.6.3", "two lone dots", ["a=1; Domain=.."], None),
    ("5.6.3", "the last one counts, be it empty", ["a=1; Domain=evil.example; Domain="], "a=1"),
    ("5.6.3", "the last one counts", ["a=1; Domain=example.com; Domain=evil.example"], None),
    ("5.7", "not ASCII", ["a=1; Domain=ex\xe4mple.com"], None),
    ("5.7", "below the host", ["a=1; Domain=x.www.example.com"], None),
    ("5.7", "beside the host", ["a=1; Domain=ww2.example.com"], None),
    ("5.7", "a stranger", ["a=1; Domain=example.org"], None),
    ("5.7", "an end that is no label", ["a=1; Domain=ample.com"], None),
    ("5.7", "a public suffix", ["a=1; Domain=com"], None),
    ("5.7", "a public suffix with a dot", ["a=1; Domain=.com"], None),
    ("5.6.4", "Path", ["a=1; Path=/a"], "a=1"),
    ("5.6.4", "another", ["a=1; Path=/x"], None),
    ("5.6.4", "relative, so the default", ["a=1; Path=x"], "a=1"),
    ("5.6.4", "empty, so the default", ["a=1; Path="], "a=1"),
    ("5.6.4", "the last one counts", ["a=1; Path=/x; Path=/a"], "a=1"),
    ("5.6.4", "the last one counts, be it the default", ["a=1; Path=/x; Path="], "a=1"),
    ("5.6.5", "Secure", ["a=1; Secure"], "a=1"),
    ("5.6.5", "Secure with a value", ["a=1; secure=no"], "a=1"),
    ("5.6.6", "HttpOnly", ["a=1; HttpOnly"], "a=1"),
    ("5.7", "__Secure-", ["__Secure-a=1; Secure; Domain=example.com"], "__Secure-a=1"),
    ("5.7", "without Secure", ["__Secure-a=1"], None),
    ("5.7", "in any case", ["__sECURE-a=1"], None),
    ("5.7", "__Host-", ["__Host-a=1; Secure; Path=/"], "__Host-a=1"),
    ("5.7", "without Secure", ["__Host-a=1; Path=/"], None),
    ("5.7", "without Path", ["__Host-a=1; Secure"], None),
    ("5.7", "another Path", ["__Host-a=1; Secure; Path=/a"], None),
    ("5.7", "a Domain", ["__Host-a=1; Secure; Path=/; Domain=www.example.com"], None),
    ("5.7", "an empty Domain", ["__Host-a=1; Secure; Path=/; Domain="], "__Host-a=1"),
    ("5.7", "in any case", ["__hoST-a=1; Path=/"], None),
    ("5.7", "a value that reads like a prefix", ["__Host-a; Secure; Path=/"], None),
    ("5.7", "the other", ["=__secure-a=1; Secure"], None),
    ("5.7", "another prefix", ["__Http-a=1"], "__Http-a=1"),
    ("5.7", "a new value", ["a=1", "a=2"], "a=2"),
    ("5.7", "keeps the place of the old", ["a=1", "b=2", "a=3"], "a=3; b=2"),
    ("5.7", "unless it was gone", ["a=1", "b=2", "a=; Max-Age=0", "a=3"], "b=2; a=3"),
    ("5.7", "another path is another cookie", ["a=1; Path=/", "a=2; Path=/a"], "a=2; a=1"),
    ("5.7", "another domain too", ["a=1", "a=2; Domain=example.com"], "a=1; a=2"),
    ("5.7", "and host-only or not", ["a=1", "a=2; Domain=www.example.com"], "a=1; a=2"),
    ("5.7", "without a name", ["x", "=y"], "y"),
    ("5.7", "without one, not to look as if it had", ["=a=2", "a=1", "=b=2"], "a=1"),
    ("5.8.3", "longer paths first", ["a=1; Path=/", "b=2; Path=/a/b", "c=3; Path=/a"], "b=2; c=3; a=1"),
    ("5.8.3", "then the older", ["b=1; Path=/", "a=2; Path=/", "c=3; Path=/"], "b=1; a=2; c=3"),
]


@pytest.mark.parametrize(("section", "shows", "lines", "cookie"), LINES)
def test_lines_are_read_as_the_rfc_says(section: str, shows: str, lines: list[str], cookie: str | None) -> None:
    assert told(stored(HOST, *lines), HOST) == cookie


# (section, URL that sets, Set-Cookie, URL that asks, whether it is told)
PLACES = [
    ("5.1.3", "http://example.com/", "a=1", "http://example.com/", True),
    ("5.1.3", "http://example.com/", "a=1", "http://EXAMPLE.com:8080/", True),
    ("5.8.3", "http://example.com/", "a=1", "http://www.example.com/", False),
    ("5.8.3", "http://www.example.com/", "a=1", "http://example.com/", False),
    ("5.1.3", "http://example.com/", "a=1; Domain=example.com", "http://www.example.com/", True),
    ("5.1.3", "http://example.com/", "a=1; Domain=example.com", "http://a.b.example.com/", True),
    ("5.1.3", "http://www.example.com/", "a=1; Domain=example.com", "http://example.com/", True),
    ("5.1.3", "http://www.example.com/", "a=1; Domain=example.com", "http://ftp.example.com/", True),
    ("5.1.3", "http://www.example.com/", "a=1; Domain=example.com", "http://badexample.com/", False),
    ("5.1.3", "http://www.example.com/", "a=1; Domain=example.com", "http://example.com.evil.org/", False),
    ("5.1.3", "http://www.example.com/", "a=1; Domain=example.com", "http://www.example.com./", False),
    ("5.1.3", "http://example.com./", "a=1; Domain=example.com.", "http://www.example.com./", True),
    ("5.1.3", "http://example.com./", "a=1; Domain=com.", "http://example.com./", False),
    ("5.1.2", "http://bücher.example/", "a=1; Domain=xn--bcher-kva.example", "http://www.bücher.example/", True),
    ("5.7", "http://localhost/", "a=1", "http://localhost/", True),
    ("5.7", "http://localhost/", "a=1; Domain=localhost", "http://localhost/", True),
    ("5.7", "http://localhost/", "a=1; Domain=localhost", "http://a.localhost/", False),
    ("5.7", "http://a.localhost/", "a=1; Domain=localhost", "http://a.localhost/", False),
    ("5.7", "http://com/", "a=1; Domain=com", "http://example.com/", False),
    ("5.1.3", "http://127.0.0.1/", "a=1", "http://127.0.0.1/", True),
    ("5.1.3", "http://127.0.0.1/", "a=1; Domain=127.0.0.1", "http://127.0.0.1/", True),
    ("5.1.3", "http://127.0.0.1/", "a=1; Domain=0.0.1", "http://127.0.0.1/", False),
    ("5.1.3", "http://1.2.0x7f/", "a=1; Domain=2.0x7f", "http://1.2.0x7f/", False),
    ("5.1.3", "http://1.2.3/", "a=1; Domain=1.2.3", "http://9.1.2.3/", False),
    ("5.1.3", "http://1.2.3./", "a=1; Domain=2.3.", "http://1.2.3./", False),
    ("5.1.3", "http://[::1]/", "a=1", "http://[::1]/", True),
    ("5.1.3", "http://[::1]/", "a=1; Domain=::1", "http://[::1]/", True),
    ("5.1.3", "http://[::ffff:1.2.3.4]/", "a=1; Domain=2.3.4", "http://[::ffff:1.2.3.4]/", False),
    ("5.1.3", "http://[fe80::1%25eth.b.c]/", "a=1; Domain=b.c", "http://[fe80::1%25eth.b.c]/", False),
    ("5.1.3", f"http://{'a.' * 120}b.example/", "a=1; Domain=b.example", f"http://{'a.' * 120}b.example/", True),
    ("5.1.3", "http+unix://%2Frun%2Fwww.example.com/", "a=1; Domain=example.com", "http://www.example.com/", False),
    ("5.1.4", "http://h/", "a=1", "http://h/x/y", True),
    ("5.1.4", "http://h/x", "a=1", "http://h/", True),
    ("5.1.4", "http://h/x/y", "a=1", "http://h/x", True),
    ("5.1.4", "http://h/x/y", "a=1", "http://h/x/", True),
    ("5.1.4", "http://h/x/y", "a=1", "http://h/x/z/z", True),
    ("5.1.4", "http://h/x/y", "a=1", "http://h/xy", False),
    ("5.1.4", "http://h/x/y", "a=1", "http://h/", False),
    ("5.1.4", "http://h/x/", "a=1", "http://h/x", True),
    ("5.1.4", "http://h/x/y?/z/w", "a=1", "http://h/x?q", True),
    ("5.1.4", "http://h/", "a=1; Path=/x/", "http://h/x", False),
    ("5.1.4", "http://h/", "a=1; Path=/x/", "http://h/x/", True),
    ("5.1.4", "http://h/", "a=1; Path=/x/", "http://h/x/y", True),
    ("5.1.4", "http://h/", "a=1; Path=/x//", "http://h/x/y", False),
    ("5.1.4", "http://h/", "a=1; Path=/x", "http://h/X", False),
    ("5.1.4", "http://h/", "a=1; Path=/x", "http://h/x?q", True),
    ("5.1.4", f"http://h/{1023 * 'x'}/", "a=1", f"http://h/{1023 * 'x'}/", True),
    ("5.7", f"http://h/{1024 * 'x'}/", "a=1", f"http://h/{1024 * 'x'}/", False),
    ("5.8.3", "https://h/", "a=1; Secure", "https://h/", True),
    ("5.8.3", "https://h/", "a=1; Secure", "http://h/", False),
    ("5.8.3", "https://localhost/", "a=1; Secure", "http://localhost/", False),
    ("5.7", "http://h/", "a=1; Secure", "https://h/", False),
    ("5.8.3", "https://h/", "a=1", "http://h:81/", True),
    ("5.8.3", "http://h/", "a=1", "https://h/", True),
]


@pytest.mark.parametrize(("section", "url", "line", "asks", "is_told"), PLACES)
def test_only_those_are_told_who_may_know(section: str, url: str, line: str, asks: str, is_told: bool) -> None:
    assert told(stored(url, line), asks) == ("a=1" if is_told else None)


@pytest.mark.parametrize(("line", "is_taken"), [("__Host-a=1; Secure", False), ("__Host-a=1; Secure; Path=", True)])
def test_a_host_cookie_names_its_path(line: str, is_taken: bool) -> None:
    """Section 5.7: even where the default is the same; with an empty Path it is the default that is named."""
    assert (told(stored("https://h/", line), "https://h/") is not None) == is_taken


# (Set-Cookie over https and from where, Set-Cookie over http and from where, whether the latter is taken)
SECURE = [
    ("https://h.example/", "a=1; Secure", "http://h.example/", "a=2", False),
    ("https://h.example/", "a=1; Secure", "http://h.example/", "a=2; Max-Age=0", False),
    ("https://h.example/", "a=1; Secure", "http://h.example/", "b=2", True),
    ("https://h.example/", "a=1", "http://h.example/", "a=2", True),
    ("https://h.example/", "a=1; Secure; Max-Age=0", "http://h.example/", "a=2", True),
    ("https://h.example/", "a=1; Secure; Path=/x", "http://h.example/", "a=2; Path=/", True),
    ("https://h.example/", "a=1; Secure; Path=/x", "http://h.example/", "a=2; Path=/y", True),
    ("https://h.example/", "a=1; Secure; Path=/x", "http://h.example/", "a=2; Path=/x/y", False),
    ("https://w.h.example/", "a=1; Secure", "http://h.example/", "a=2", False),
    ("https://w.h.example/", "a=1; Secure", "http://h.example/", "a=2; Domain=h.example", False),
    ("https://w.h.example/", "a=1; Secure; Domain=h.example", "http://w.h.example/", "a=2", False),
    ("https://w.h.example/", "a=1; Secure", "http://w2.h.example/", "a=2", True),
    ("https://wh.example/", "a=1; Secure", "http://h.example/", "a=2", True),
    ("https://h.example/", "a=1; Secure", "https://h.example/", "a=2", True),
]


@pytest.mark.parametrize(("secure_url", "secure", "url", "line", "is_taken"), SECURE)
def test_http_leaves_secure_cookies_alone(secure_url: str, secure: str, url: str, line: str, is_taken: bool) -> None:
    """Section 5.7."""
    jar = stored(secure_url, secure)
    stored(url, line, jar=jar)
    assert ("2" in jar.values()) == is_taken
    if not is_taken:
        assert jar.values() == ["1"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Sun, 06 Nov 1994 08:49:37 GMT", 784111777),
        ("Sunday, 06-Nov-94 08:49:37 GMT", 784111777),
        ("Sun Nov  6 08:49:37 1994", 784111777),
        ("Sun, 06 Nov 1994 08:49:37 PST", 784111777),
        ("Sun, 06-Nov-1994 08:49:37 -0800", 784111777),
        ("8:49:37x 6th novembre 1994AD", 784111777),
        ("1994 6 NOV 08:49:37", 784111777),
        ("94 6 Nov 08:49:37", None),  # the 94 is the day, and no year comes
        ("6 94 Nov 08:49:37", 784111777),
        ("6/Nov/1994{08:49:37~", 784111777),
        ("6\tNov;1994@08:49:37", 784111777),
        ("6 Nov 1994 08:49:37 1 Jan 2000 1:1:1", 784111777),
        ("1 Jan 1970 0:0:0", 0),
        ("1 Jan 70 0:0:0", 0),
        ("1 Jan 69 0:0:0", 3124224000),
        ("1 Jan 00 0:0:0", 946684800),
        ("1 Jan 100 0:0:0", None),
        ("1 Jan 1601 0:0:0", -11644473600),
        ("31 Dec 1600 23:59:59", None),
        ("31 Dec 9999 23:59:59", 253402300799),
        ("29 Feb 2000 0:0:0", 951782400),
        ("29 Feb 1900 0:0:0", None),
        ("29 Feb 2023 0:0:0", None),
        ("31 Apr 2023 0:0:0", None),
        ("0 Jan 2023 0:0:0", None),
        ("32 Jan 2023 0:0:0", None),
        ("1 Jan 2023 24:0:0", None),
        ("1 Jan 2023 0:60:0", None),
        ("1 Jan 2023 0:0:60", None),
        ("1 Jan 2023 0:0", None),
        ("1 Jan 2023 0:0:000", None),
        ("1 Jan 2023 0:0:0:0", 1672531200),
        ("001 Jan 2023 0:0:0", None),
        ("1 Jan 12023 0:0:0", None),
        ("1 Ja 2023 0:0:0", None),
        ("1 \u017fep 2023 0:0:0", None),
        ("\xb2 Jan 2023 0:0:0", None),
        ("Jan 2023 0:0:0", None),
        ("", None),
    ],
)
def test_dates(text: str, expected: float | None) -> None:
    """Section 5.1.1."""
    assert cookie_date(text) == expected


def test_lifetimes(clock: Clock) -> None:
    """Sections 5.6.1, 5.6.2, 5.7: none is longer than 400 days."""
    now, limit = clock.now, clock.now + 400 * DAY
    jar = stored(HOST, "a=1; Max-Age=10", "b=1; Max-Age=99999999999", "c=1; Expires=1 Jan 2999 0:0:0", "d=1")
    stored(HOST, "e=1; Expires=Tue, 14 Nov 2023 22:13:30 GMT", jar=jar)
    assert {cookie.name: cookie.expires for cookie in jar} == {
        "a": now + 10, "b": limit, "c": limit, "d": None, "e": now + 10,
    }  # fmt: skip
    first = next(iter(jar))
    clock.now += 9
    assert told(jar, HOST) == "a=1; b=1; c=1; d=1; e=1"
    assert not first.is_expired()
    clock.now += 1
    assert first.is_expired()
    assert not first.is_expired(now)
    assert told(jar, HOST) == "b=1; c=1; d=1"
    clock.now += 400 * DAY
    assert told(jar, HOST) == "d=1"


def test_a_cookie_that_is_over_has_lost_its_place(clock: Clock) -> None:
    jar = stored(HOST, "a=1; Max-Age=10", "b=2")
    clock.now += 10
    stored(HOST, "a=3", jar=jar)
    assert told(jar, HOST) == "b=2; a=3"


def test_what_is_over_is_let_go_of(clock: Clock) -> None:
    jar = stored(HOST, "a=1; Max-Age=10")
    stored("http://h/", "a=1; Max-Age=10", jar=jar)
    clock.now += 10
    assert told(jar, HOST) is None
    assert list(jar._index) == ["h"]
    jar.clear_expired_cookies()
    assert jar._index == {}


# The dict, and what requests' jar can do beside.


def test_a_jar_reads_like_a_dict() -> None:
    jar = CookieJar({"a": "1"})
    jar["b"] = "2"
    assert (jar["a"], jar.get("b"), jar.get("c"), jar.get("c", "3")) == ("1", "2", None, "3")
    assert "a" in jar
    assert "c" not in jar
    assert None not in jar
    assert len(jar) == 2
    assert dict(jar) == {"a": "1", "b": "2"}
    assert (jar.keys(), jar.values(), jar.items()) == (["a", "b"], ["1", "2"], [("a", "1"), ("b", "2")])
    assert [cookie.name for cookie in jar] == ["a", "b"]
    del jar["a"]
    with pytest.raises(KeyError, match="a"):
        jar["a"]
    del jar["a"]  # as in requests, it does not mind
    jar["b"] = None
    assert not jar
    assert repr(jar) == "<CookieJar [0]>"


def test_what_the_user_sets_for_every_host_is_left_alone_if_secure() -> None:
    jar = CookieJar()
    jar.set("a", "1", secure=True)
    stored("http://example.com/x/y", "a=2; Path=/x", jar=jar)
    assert told(jar, "https://example.com/x/") == "a=1"


def test_what_the_user_sets_goes_to_every_host_unless_it_says_which() -> None:
    jar = CookieJar({"a": "1"})
    jar.set("b", "2", domain="example.com", path="/x")
    jar.set("c", "3", domain=".Example.com", secure=True)
    assert told(jar, "http://127.0.0.1/x") == "a=1"
    assert told(jar, "http://www.example.com/x") == "b=2; a=1"
    assert told(jar, "https://example.com/") == "a=1; c=3"
    jar.set("", "nameless")
    assert told(jar, "http://h/") == "a=1; nameless"


def test_a_value_of_none_removes() -> None:
    jar = CookieJar()
    for path in ("/", "/x"):
        jar.set("a", path, domain="h", path=path)
        jar.set("a", path, path=path)
    jar.set("a", None, domain="h", path="/x")
    assert [(cookie.domain, cookie.path) for cookie in jar] == [("h", "/"), ("", "/"), ("", "/x")]
    jar.set("a", None, domain="")
    assert jar.list_domains() == ["h"]
    jar.set("a", None)
    assert len(jar) == 0


def test_expiry_and_flags_that_the_user_sets(clock: Clock) -> None:
    jar = CookieJar()
    jar.set("a", "1", expires=clock.now + 500 * DAY, http_only=True)
    jar.set("b", "1", expires=clock.now)
    (cookie,) = jar
    assert (cookie.name, cookie.expires, cookie.http_only, cookie.host_only) == (
        "a",
        clock.now + 500 * DAY,
        True,
        False,
    )


def test_several_of_one_name_are_a_conflict() -> None:
    jar = CookieJar({"a": "secret"})
    jar.set("a", "hidden", domain="h", path="/x")
    assert "a" in jar
    for look in (jar.__getitem__, jar.get):
        with pytest.raises(CookieConflictError, match="'a' for h/x") as caught:
            look("a")
        assert isinstance(caught.value, RequestException)
        assert isinstance(caught.value, RuntimeError)  # which requests' is
        assert "secret" not in str(caught.value)
        assert "hidden" not in str(caught.value)
    assert jar.get("a", domain="h") == jar.get("a", path="/x") == jar.get("a", domain=".H") == "hidden"
    assert jar.get("a", domain="") == "secret"
    assert jar.get("a", "none", domain="h", path="/") == "none"


def test_views_by_domain_and_path() -> None:
    jar = stored("http://h/", "a=1", "b=2; Path=/x", "c=3; Max-Age=9")
    stored("http://i/", "a=4", jar=jar)
    assert jar.get_dict() == {"a": "4", "b": "2", "c": "3"}
    assert jar.get_dict(domain="h") == {"a": "1", "b": "2", "c": "3"}
    assert jar.get_dict(path="/x") == {"b": "2"}
    assert jar.list_domains() == ["h", "i"]
    assert jar.list_paths() == ["/", "/x"]
    assert jar.multiple_domains()
    jar.clear_session_cookies()
    assert jar.keys() == ["c"]
    assert not jar.multiple_domains()


def test_clear() -> None:
    jar = stored("http://h/", "a=1", "b=2; Path=/x")
    stored("http://i/", "a=3", "b=4; Path=/x", jar=jar)
    jar.clear("h", "/x", "a")
    assert len(jar) == 4
    jar.clear("h", "/x", "b")
    assert jar.values() == ["1", "3", "4"]
    jar.clear(path="/x")
    assert jar.values() == ["1", "3"]
    jar.clear("i")
    assert jar.values() == ["1"]
    jar.clear()
    assert jar.values() == []
    assert jar._index == {}


@pytest.mark.parametrize(
    ("name", "value"),
    [("a", "1; b=2"), ("a;b", "1"), ("a=b", "1"), ("a", "1\r\nb: c"), ("\x00", ""), ("", ""), ("a", 1), (b"a", "1")],
)
def test_what_would_read_as_another_cookie_is_refused(name: str, value: str) -> None:
    jar = CookieJar()
    with pytest.raises(InvalidHeader, match="a cookie is two str"):
        jar.set(name, value)
    assert len(jar) == 0


@pytest.mark.parametrize("given", ["a=b", ["ab"], [("a", "b", "c")], 5, [None]])
def test_what_is_no_jar_is_refused(given: object) -> None:
    with pytest.raises(InvalidHeader, match="mapping"):
        CookieJar(given)  # type: ignore[arg-type]  # that is the point


@pytest.mark.parametrize(
    "given", [{"a": "1", "b": None}, [("a", "1")], (["a", "1"],), [Cookie("a", "1")], CookieJar({"a": "1"})]
)
def test_what_makes_a_jar(given: Iterable[object]) -> None:
    assert as_jar(given) == CookieJar({"a": "1"})
    assert (as_jar(given) is given) == isinstance(given, CookieJar)


def test_a_jar_of_nothing() -> None:
    assert len(as_jar(None)) == len(as_jar({})) == len(cookiejar_from_dict(None)) == 0


def test_cookiejar_from_dict() -> None:
    assert cookiejar_from_dict({"a": "1"}) == CookieJar({"a": "1"})
    jar = CookieJar({"a": "1"})
    assert cookiejar_from_dict({"a": "2", "b": "2"}, jar, overwrite=False) is jar
    assert jar.get_dict() == {"a": "1", "b": "2"}
    assert cookiejar_from_dict({"a": "3"}, jar).get_dict() == {"a": "3", "b": "2"}


def test_update_keeps_what_cookies_are() -> None:
    jar = stored(HOST, "a=1; Secure; HttpOnly; Max-Age=99", "b=2; Domain=example.com; Path=/x")
    other = CookieJar({"c": "3"})
    other.update(jar)
    other.update(other)
    other.set("c", None)
    assert other == jar
    assert told(other, "https://example.com/x") == "b=2"


def test_a_copy_changes_on_its_own() -> None:
    jar = stored(HOST, "b=1", "a=2; Domain=example.com")
    for other in (jar.copy(), copy.copy(jar), copy.deepcopy(jar), pickle.loads(pickle.dumps(jar))):
        assert other == jar
        assert told(other, HOST) == "b=1; a=2"
        next(iter(other)).value = "3"
        stored(HOST, "c=4", jar=other)
        assert told(other, HOST) == "b=3; a=2; c=4"
        assert told(jar, HOST) == "b=1; a=2"


def test_equality() -> None:
    jar = stored(HOST, "a=1", "b=2")
    assert jar == stored(HOST, "b=2", "a=1")
    for lines in (["a=1"], ["a=1", "b=3"], ["a=1", "b=2; Secure"], ["a=1", "b=2; Max-Age=9"]):
        assert jar != stored(HOST, *lines)
    assert jar != "a jar"
    with pytest.raises(TypeError, match="unhashable"):
        hash(jar)


def test_no_value_is_shown() -> None:
    jar = stored(HOST, "sid=secret")
    jar["all"] = "secret"
    assert [repr(cookie) for cookie in jar] == ["<Cookie ['sid' for www.example.com/a]>", "<Cookie ['all' for */]>"]
    assert repr(jar) == "<CookieJar [2]>"
    cookie = next(iter(jar))
    again = pickle.loads(pickle.dumps(cookie))
    assert (again.value, again.domain) == ("secret", "www.example.com")


def test_users_may_change_cookies() -> None:
    jar = stored(HOST, "a=1; Max-Age=0", "b=2", "c=3; Path=/")
    for cookie in jar:
        cookie.value = "x"
    assert told(jar, HOST) == "b=x; c=x"
    for cookie in jar:
        cookie.path = cookie.domain = "nowhere"
    assert told(jar, HOST) is None
    jar.clear()


# The standard library's jar.


class Answer:
    """What http.cookiejar takes for a response."""

    def __init__(self, *lines: str) -> None:
        self._message = Message()
        for line in lines:
            self._message["Set-Cookie"] = line

    def info(self) -> Message:
        return self._message


def from_urllib(url: str, *lines: str) -> cookiejar.CookieJar:
    """Return a jar of the standard library that has seen these lines from url."""
    jar = cookiejar.CookieJar()
    jar.extract_cookies(Answer(*lines), Request(url))  # type: ignore[arg-type]  # info() is all it asks for
    return jar


def to_urllib(jar: cookiejar.CookieJar, url: str) -> str | None:
    """Return what a jar of the standard library tells url."""
    request = Request(url)
    jar.add_cookie_header(request)
    return request.get_header("Cookie")


@pytest.mark.parametrize(
    ("url", "lines", "expected"),
    [
        ("https://h.example/x/y", ["a=1"], ("a", "1", "h.example", "/x", True, False, False)),
        ("https://h.example/", ["a=1; Secure; HttpOnly"], ("a", "1", "h.example", "/", True, True, True)),
        ("https://h.example/", ["a=1; httponly"], ("a", "1", "h.example", "/", True, False, True)),
        ("https://w.h.example/", ["a=1; Domain=h.example"], ("a", "1", "h.example", "/", False, False, False)),
        ("https://w.h.example/", ["token"], ("", "token", "w.h.example", "/", True, False, False)),
        ("http://localhost/", ["a=1"], ("a", "1", "localhost", "/", True, False, False)),
        ("http://127.0.0.1:80/", ["a=1"], ("a", "1", "127.0.0.1", "/", True, False, False)),
        ("http://a.b.local/", ["a=1"], ("a", "1", "a.b.local", "/", True, False, False)),
    ],
)
def test_cookies_come_from_http_cookiejar_and_go_back(url: str, lines: list[str], expected: tuple[object, ...]) -> None:
    theirs = from_urllib(url, *lines)
    jar = as_jar(theirs)
    (cookie,) = jar
    parts = "name value domain path host_only secure http_only"
    assert tuple(getattr(cookie, part) for part in parts.split()) == expected
    assert cookie.expires is None
    back = jar.as_http_cookiejar()
    assert isinstance(back, cookiejar.CookieJar)
    assert told(jar, url) == to_urllib(theirs, url) == to_urllib(back, url)
    assert as_jar(back) == jar


def test_expiry_goes_to_http_cookiejar_and_back(clock: Clock) -> None:
    jar = stored(HOST, "a=1; Max-Age=9999", "b=2")
    jar["c"] = "3"
    clock.now = time.time()
    stored(HOST, "d=4; Max-Age=99", jar=jar)
    theirs = {cookie.name: (cookie.expires, cookie.discard) for cookie in jar.as_http_cookiejar()}
    assert theirs == {"b": (None, True), "c": (None, True), "d": (int(clock.now) + 99, False)}
    assert to_urllib(jar.as_http_cookiejar(), "http://anywhere.example/") == "c=3"
    assert told(as_jar(jar.as_http_cookiejar()), HOST) == "b=2; d=4; c=3"
    assert told(as_jar(jar.as_http_cookiejar()), "http://h/") == "c=3"


def test_http_only_survives_a_cookie_file(tmp_path: os.PathLike[str]) -> None:
    file = os.path.join(tmp_path, "cookies.txt")
    mozilla = cookiejar.MozillaCookieJar(file)
    for cookie in stored(HOST, "a=1; HttpOnly; Max-Age=99", "b=2; Max-Age=99").as_http_cookiejar():
        mozilla.set_cookie(cookie)
    mozilla.save()
    again = cookiejar.MozillaCookieJar(file)
    again.load()
    assert {cookie.name: cookie.http_only for cookie in as_jar(again)} == {"a": True, "b": False}


def test_requests_own_jar_keeps_its_domains() -> None:
    requests = pytest.importorskip("requests")
    theirs = requests.cookies.RequestsCookieJar()
    theirs.set("a", "1", domain="example.com", path="/x")
    theirs.set("b", "2")
    jar = as_jar(theirs)
    assert {(cookie.name, cookie.domain, cookie.path, cookie.host_only) for cookie in jar} == {
        ("a", "example.com", "/x", False), ("b", "", "/", False),
    }  # fmt: skip
    assert told(jar, "http://www.example.com/x") == "a=1; b=2"


def test_http_cookiejar_is_not_loaded_for_nothing() -> None:
    code = (
        "import sys; from requests_lite.cookies import CookieJar; from requests_lite.urls import split_url\n"
        "jar = CookieJar({'a': '1'}); jar.store(split_url('http://h/'), ['a=1; Max-Age=9'])\n"
        "print(*{'http', 'http.cookiejar', 'email', 'typing', 'datetime', 'calendar'}.intersection(sys.modules))"
    )
    bare = "import sys; print(*{'http', 'typing', 'email', 'datetime', 'calendar'}.intersection(sys.modules))"
    found, known = (
        set(subprocess.check_output([sys.executable, "-c", c], text=True, timeout=30).split()) for c in (code, bare)
    )
    assert found <= known


# Bounds.


def test_a_domain_has_bounds(clock: Clock) -> None:
    """Section 5.7: what is over goes first, then what is not secure, then what was not sent for longest."""
    jar = CookieJar({str(number): "mine" for number in range(200)})
    stored(HOST, *(f"s{number}=1; Secure; Path=/q" for number in range(20)), "old=1", "used=1; Path=/p", jar=jar)
    clock.now += 1
    stored(HOST, *(f"n{number}=1" for number in range(148)), jar=jar)
    stored(HOST, *(f"e{number}=1; Max-Age=5" for number in range(10)), jar=jar)
    stored("http://other.example/", "a=1", jar=jar)
    assert len(jar.get_dict("www.example.com")) == 180
    clock.now += 1
    assert told(jar, "https://www.example.com/p")
    clock.now += 4
    stored(HOST, "new=1", jar=jar)
    assert len(jar._index["www.example.com"]) == 171
    stored(HOST, *(f"m{number}=1" for number in range(9)), jar=jar)
    assert len(jar.get_dict("www.example.com")) == 180
    stored(HOST, "newest=1", jar=jar)
    left = jar.get_dict("www.example.com")
    assert len(left) == 181 - 18
    assert "old" not in left
    assert {"new", "newest", "used", *(f"s{number}" for number in range(20))} <= set(left)
    assert "n16" not in left
    assert "n17" in left
    # The others were not touched.
    assert "mine" in jar["7"]
    assert len(jar) == 200 + 163 + 1


def test_secure_cookies_go_last_but_they_go() -> None:
    jar = stored(HOST, *(f"s{number}=1; Secure" for number in range(180)))
    stored(HOST, "s180=1; Secure", jar=jar)
    assert jar.keys() == [f"s{number}" for number in range(18, 181)]


def test_all_domains_together_have_bounds(clock: Clock) -> None:
    jar = CookieJar({"mine": "1"})
    jar.set("never sent", "1", path="/never")
    for number in range(3300):
        clock.now += 1
        stored(f"https://h{number}.example/", "a=1" + "; Secure" * (number < 200), jar=jar)
        if number % 50 == 0:
            assert told(jar, "https://h7.example/")
        assert len(jar._index) <= 3101
    assert 2700 <= len(jar) < 3100
    assert "mine" in jar
    assert "never sent" in jar
    assert {"h7.example", "h3299.example"} <= set(jar.list_domains())
    assert jar._index.keys().isdisjoint({"h0.example", "h8.example", "h199.example"})


def test_the_price_of_a_header_does_not_depend_on_idle_domains() -> None:
    """Counted in steps of the interpreter, which are the same on every machine."""

    def steps(jar: CookieJar, url: str) -> int:
        count = 0

        def trace(frame: FrameType, event: str, argument: object) -> Any:
            nonlocal count
            count += 1
            return trace

        split = split_url(url)
        jar.header(split)
        sys.settrace(trace)
        try:
            jar.header(split)
        finally:
            sys.settrace(before)
        return count

    before = sys.gettrace()
    few = stored(HOST, "a=1", "b=2; Domain=example.com")
    many = few.copy()
    for number in range(1000):
        stored(f"https://h{number}.example/", "a=1", jar=many)
        stored(f"https://h{number}.example.com/", "a=1", jar=many)
    assert len(many) == 2002
    assert steps(few, HOST) == steps(many, HOST) > 5
    full = stored(HOST, *(f"c{number}=1" for number in range(100)), jar=few.copy())
    half = stored(HOST, *(f"c{number}=1" for number in range(50)), jar=few.copy())
    empty = steps(few, HOST)
    assert steps(full, HOST) - empty <= 2 * (steps(half, HOST) - empty) + 5


# Threads and forks.


def test_threads_share_a_jar() -> None:
    jar, failures = CookieJar(), []
    urls = [split_url(f"https://{name}.example.com/") for name in "abcdefgh"]
    go = threading.Barrier(8)

    def work(number: int) -> None:
        go.wait(30)
        try:
            for turn in range(200):
                jar.store(urls[number], [f"t{number}={turn}", f"x{turn}={number}; Domain=example.com"])
                assert f"t{number}={turn}" in (jar.header(urls[number]) or "")
                jar.store(urls[number], [f"x{turn}=; Domain=example.com; Max-Age=0"])
                jar.clear(name=f"x{turn}")
                pickle.dumps(jar)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(50)
    assert failures == []
    assert sorted(jar.items()) == [(f"t{number}", "199") for number in range(8)]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork() here")
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")  # it has a thread, and that is the point
def test_a_fork_waits_until_no_jar_is_being_changed() -> None:
    jar = CookieJar({"a": "1"})
    held, forking = threading.Event(), threading.Event()
    os.register_at_fork(before=forking.set)  # what is registered last is called first

    def change() -> None:
        with module._lock:
            held.set()
            forking.wait(30)
            jar["b"] = "2"

    thread = threading.Thread(target=change)
    thread.start()
    assert held.wait(30)
    child = os.fork()
    if child == 0:
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.alarm(10)  # SIGALRM ends a child that waits for a lock nobody will release
        os._exit(0 if jar.get_dict() == {"a": "1", "b": "2"} else 1)
    thread.join(30)
    assert os.waitpid(child, 0)[1] == 0
    assert jar["b"] == "2"


# Whatever a server sends.

OCTETS = st.characters(max_codepoint=255)
ATTRIBUTES = st.sampled_from("Path Domain Secure HttpOnly Max-Age Expires SameSite".split())
VALUES = st.one_of(
    st.text(OCTETS, max_size=30),
    st.sampled_from(["", "/", "/a", ".", "com", ".example.com", "0", "-1", "9" * 400, "1 Jan 1999 1:1:1", "x" * 1025]),
)
AVS = st.lists(st.one_of(ATTRIBUTES, st.tuples(ATTRIBUTES, VALUES).map("=".join), VALUES)).map(";".join)
SET_COOKIE = st.one_of(st.text(OCTETS), st.tuples(VALUES, VALUES, AVS).map(lambda parts: "{}={};{}".format(*parts)))


@given(st.lists(SET_COOKIE), st.booleans())
@example(["=", ";", "a=1;Domain=..;Path=//;Max-Age=-"], False)
def test_no_server_can_make_the_jar_fail(lines: list[str], secure: bool) -> None:
    url = split_url(HOST if secure else "http://www.example.com/a/b")
    jar = CookieJar()
    jar.store(url, lines)
    value = jar.header(url)
    if value is not None:
        assert value.encode("latin-1")
        assert not set(value) & set("\r\n\0")
    for cookie in jar:
        assert cookie.domain in ("www.example.com", "example.com")
        assert cookie.path.startswith("/")
        assert cookie.name or cookie.value
        assert secure or not cookie.secure
    assert pickle.loads(pickle.dumps(jar)) == jar
    assert len(as_jar(jar.as_http_cookiejar())) <= len(jar)


@given(st.text(), st.text(max_size=50))
def test_not_even_text_that_no_server_can_send(line: str, attributes: str) -> None:
    jar = stored(HOST, line, f"a=1;{attributes}", f"a=1; Expires={attributes}")
    told(jar, HOST)


@given(st.text(OCTETS))
def test_a_value_comes_back_as_it_was(value: str) -> None:
    sent = value.strip(" \t")
    found = told(stored(HOST, f"a={value}"), HOST)
    if ";" in value or len(value) > 4095 or any((c < " " and c != "\t") or c == "\x7f" for c in value):
        assert found is None or ";" in value
    else:
        assert found == f"a={sent}"


@given(st.datetimes(), st.sampled_from(["%d %b %Y %H:%M:%S", "%A, %d-%b-%Y %H:%M:%S GMT", "%a %b %d %H:%M:%S %Y"]))
def test_dates_mean_what_the_calendar_says(date: object, form: str) -> None:
    from datetime import datetime, timezone

    assert isinstance(date, datetime)
    date = date.replace(microsecond=0, tzinfo=timezone.utc)
    text = date.strftime(form.replace("%Y", f"{date.year:04}"))
    year = date.year
    if year < 100:
        year += 2000 if year < 70 else 1900
        try:
            date = date.replace(year=year)
        except ValueError:
            return
    assert cookie_date(text) == (date.timestamp() if year >= 1601 else None)


def test_the_jar_is_loaded_when_it_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    from test_import import modules_after

    import requests_lite

    assert "requests_lite.cookies" not in modules_after("import requests_lite")
    assert "requests_lite.cookies" in modules_after("import requests_lite\nrequests_lite.cookies.CookieJar()")
    monkeypatch.delattr(requests_lite, "cookies", raising=False)  # as if nobody had asked yet
    assert requests_lite.cookies is sys.modules["requests_lite.cookies"]
    with pytest.raises(AttributeError, match="module 'requests_lite' has no attribute 'gett'"):
        getattr(requests_lite, "gett")  # noqa: B009  # a type checker would not let it pass


def test_a_jar_is_equal_to_a_dict_of_its_names_and_values() -> None:
    assert CookieJar({"a": "1"}) == {"a": "1"}
    assert CookieJar({"a": "1"}) != {"a": "2"}


VISITS = st.lists(
    st.tuples(
        st.booleans(),
        st.sampled_from(["example.com", "www.example.com", "a.www.example.com", "example.org"]),
        st.sampled_from(["/", "/a", "/a/b"]),
        st.builds(
            "{}=v{}".format,
            st.sampled_from("ab"),
            st.lists(
                st.sampled_from(
                    ["Secure", "Domain=example.com", "Domain=www.example.com", "Path=/", "Path=/a", "Max-Age=0"]
                ),
                max_size=3,
            ).map(lambda attributes: "".join(f"; {attribute}" for attribute in attributes)),
        ),
    ),
    max_size=12,
)


@given(VISITS)
@example([(True, "example.com", "/", "a=v; Secure"), (False, "www.example.com", "/a", "a=v; Domain=example.com")])
def test_whatever_comes_by_http_secure_cookies_stay_as_they_are(visits: list[tuple[bool, str, str, str]]) -> None:
    """None is told over http, changed, removed, or hidden behind another of its name that it would have been."""
    jar = CookieJar()
    for number, (encrypted, host, path, line) in enumerate(visits):
        url = split_url(f"{'https' if encrypted else 'http'}://{host}{path}")
        before = {cookie: cookie.value for cookie in jar if cookie.secure}
        known = list(jar)
        jar.store(url, [line.replace("=v", f"={number}")])
        secure = {cookie.value for cookie in jar if cookie.secure}
        assert not {pair.partition("=")[2] for pair in (jar.header(url) or "").split("; ")} & secure or encrypted
        if not encrypted:
            assert {cookie: cookie.value for cookie in jar if cookie.secure} == before
            for new in [cookie for cookie in jar if cookie not in known]:
                for old in before:
                    near = f".{new.domain}".endswith(f".{old.domain}") or f".{old.domain}".endswith(f".{new.domain}")
                    assert not (near and new.name == old.name and old.covers(new.path))
    assert pickle.loads(pickle.dumps(jar)) == jar
