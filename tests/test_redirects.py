"""Which answer asks for which next request, and who keeps credentials: two tables."""

from __future__ import annotations

import pytest

from requests_lite import InvalidSchema, InvalidURL
from requests_lite.auth import AuthObject, credentials_for
from requests_lite.packages.poster.opener import keeps_credentials
from requests_lite.redirects import next_request
from requests_lite.urls import split_url


@pytest.mark.parametrize(
    ("method", "status", "result"),
    [
        ("GET", 301, ("GET", True)),
        ("POST", 301, ("GET", False)),
        ("POST", 302, ("GET", False)),
        ("PUT", 301, ("PUT", True)),
        ("PUT", 302, ("PUT", True)),
        ("DELETE", 302, ("DELETE", True)),
        ("HEAD", 302, ("HEAD", True)),
        ("POST", 303, ("GET", False)),
        ("PUT", 303, ("GET", False)),
        ("HEAD", 303, ("HEAD", True)),
        ("POST", 307, ("POST", True)),
        ("POST", 308, ("POST", True)),
        ("PATCH", 308, ("PATCH", True)),
    ],
)
def test_the_next_method_and_whether_content_goes_along(method: str, status: int, result: tuple[str, bool]) -> None:
    found = next_request(method, split_url("http://h/a"), status, "/b")
    assert (found[0], found[2]) == result


@pytest.mark.parametrize(
    ("base", "location", "url"),
    [
        ("http://h/a/b?q", "c", "http://h/a/c"),
        ("http://h/a/b", "../c", "http://h/c"),
        ("http://h/a", "//other/x", "http://other/x"),
        ("https://h/a", "http://h/", "http://h/"),
        ("http://h/a#top", "/b", "http://h/b#top"),
        ("http://h/a#top", "/b#here", "http://h/b#here"),
        ("http://h/a", "/b c", "http://h/b%20c"),
        ("http://h/a", "/\xc3\xbc", "http://h/%C3%BC"),
        ("http://h/a", "/\xfc", "http://h/%C3%BC"),
        ("http://h/a?x=1", "?y=2", "http://h/a?y=2"),
        ("http://h/a", "", "http://h/a"),
    ],
)
def test_the_location_is_joined_and_encoded(base: str, location: str, url: str) -> None:
    assert next_request("GET", split_url(base), 302, location)[1].url == url


def test_credentials_in_a_location_are_credentials() -> None:
    target = next_request("GET", split_url("http://h/#f"), 302, "http://u:p@other/")[1]
    assert (target.userinfo, target.fragment) == ((b"u", b"p"), "#f")


@pytest.mark.parametrize(
    ("location", "error"),
    [
        ("ftp://h/", InvalidSchema),
        ("file:///etc/passwd", InvalidSchema),
        ("http://[", InvalidURL),
        ("/\x00", InvalidURL),
        ("/a\tb", InvalidURL),
        ("http:///x", InvalidURL),
    ],
)
def test_a_location_that_leads_nowhere_is_an_error(location: str, error: type[Exception]) -> None:
    with pytest.raises(error):
        next_request("GET", split_url("http://h/"), 302, location)


@pytest.mark.parametrize(
    ("old", "new", "kept"),
    [
        ("http://h/a", "http://h/b", True),
        ("http://h/", "http://H:80/", True),
        ("http://h/", "https://h/", True),
        ("https://h/", "http://h/", False),
        ("http://h:8080/", "https://h/", False),
        ("http://h/", "https://h:8443/", False),
        ("http://h/", "http://h:81/", False),
        ("http://h/", "http://sub.h/", False),
        ("http://h.example/", "http://example/", False),
    ],
)
def test_credentials_stay_with_the_origin(old: str, new: str, kept: bool) -> None:
    assert keeps_credentials(split_url(old).origin, split_url(new).origin) is kept


@pytest.mark.parametrize(
    ("url", "found"),
    [
        ("http://h/private", "second"),
        ("http://h/private/x?y", "second"),
        ("http://h/privateer", "first"),
        ("http://h/", "first"),
        ("https://h/private", None),
        ("http://other/?u=http://h/private", None),
        ("http://other/http://h/private", None),
        ("http://own:pw@h/private", b"own"),
    ],
)
def test_autoauth_goes_by_origin_and_path_prefix(url: str, found: str | bytes | None) -> None:
    autoauths = [("http://h/", AuthObject("first", "1")), ("http://h/private/", AuthObject("second", "2"))]
    credentials = credentials_for(split_url(url), autoauths)
    assert (credentials.username if credentials else None) == found


def test_basic_credentials() -> None:
    assert AuthObject("Aladdin", "open sesame").header() == "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="
    assert AuthObject("é", "ü").header() == "Basic 6Tr8"  # latin-1, as requests sends it
    assert AuthObject("☃", "").header() == "Basic 4piDOg=="  # what latin-1 does not have goes out as UTF-8
    assert AuthObject(b"\xff", b"").header() == "Basic /zo="
    assert AuthObject("u", "p") == AuthObject("u", "p")
    assert AuthObject("u", "p") != "u:p"
    assert len({AuthObject("u", "p"), AuthObject("u", "p")}) == 1
    assert "p4ss" not in repr(AuthObject("u", "p4ss"))
