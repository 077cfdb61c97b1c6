"""What the environment says: tables for who goes by a proxy, and what a change of a variable brings."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from requests_lite import environment
from requests_lite.environment import bypasses, ca_bundle, netrc_file, netrc_for, proxy_among, proxy_for
from requests_lite.urls import split_url

HTTP, HTTPS = ("http", "example.com", 80), ("https", "example.com", 443)


@pytest.mark.parametrize(
    ("no_proxy", "host", "result"),
    [
        ("", "example.com", False),
        (" , ,, ", "example.com", False),
        ("*", "example.com", True),
        ("*", "::1", True),
        ("other.org,*", "10.0.0.1", True),
        ("example.com", "example.com", True),
        ("example.com", "a.b.example.com", True),
        ("example.com", "myexample.com", False),
        ("example.com", "example.com.evil.org", False),
        (".example.com", "example.com", True),
        (".example.com", "a.example.com", True),
        (".example.com", "myexample.com", False),
        ("*.example.com", "example.com", True),
        ("*.example.com", "a.example.com", True),
        ("*.example.com", "myexample.com", False),
        ("*example.com", "myexample.com", False),
        ("example.*", "example.com", False),
        ("com", "example.com", True),
        ("EXAMPLE.com", "Example.COM", True),
        ("example.com.", "example.com", True),
        ("example.com", "example.com.", True),
        ("a.org example.com\tb.org", "example.com", True),
        ("a.org, example.com ,b.org", "example.com", True),
        (".", "example.com", False),
        ("..example.com", "example.com", False),
        (".", "example.com.", False),
        # ports
        ("example.com:8080", "example.com", True),
        (".example.com:8080", "a.example.com", True),
        ("*:8080", "a.example.com", True),
        ("example.com:80", "example.com", False),
        ("example.com:", "example.com", False),
        ("example.com:08080", "example.com", False),
        (":8080", "example.com", False),
        ("example.com:8080:8080", "example.com", False),
        # addresses
        ("127.0.0.1", "127.0.0.1", True),
        ("127.0.0.1:8080", "127.0.0.1", True),
        ("127.0.0.1:80", "127.0.0.1", False),
        ("0.0.1", "127.0.0.1", False),
        (".1", "127.0.0.1", False),
        ("::1", "::1", True),
        ("[::1]", "::1", True),
        ("[::1]:8080", "::1", True),
        ("[::1]:80", "::1", False),
        ("[::1", "::1", False),
        ("::1]", "::1", False),
        ("0:0:0:0:0:0:0:1", "::1", True),
        ("::2", "::1", False),
        ("FE80::1", "fe80:0::1", True),
        ("127.0.0.1", "localhost", False),
        ("localhost", "127.0.0.1", False),
        ("127.1", "127.1", False),
        # networks
        ("10.0.0.0/8", "10.200.0.1", True),
        ("10.1.2.3/8", "10.200.0.1", True),
        ("10.0.0.0/8", "11.0.0.1", False),
        ("10.0.0.0/8", "ten.example.com", False),
        ("fd00::/8", "fd12::1", True),
        ("fd00::/8", "fe80::1", False),
        ("fe80::/10", "fe80::1%eth0", True),
        ("::/0", "10.0.0.1", False),
        ("0.0.0.0/0", "10.0.0.1", True),
        ("10.0.0.0/33", "10.0.0.1", False),
        ("10.0.0.0/x", "10.0.0.1", False),
        ("/8", "10.0.0.1", False),
    ],
)
def test_bypasses(no_proxy: str, host: str, result: bool) -> None:
    assert bypasses(no_proxy, host, 8080) is result


@pytest.mark.parametrize(
    ("proxies", "http", "https"),
    [
        ({}, None, None),
        ({"http": "http://p:1"}, "http://p:1", None),
        ({"https": "http://p:1", "http": "q:2"}, "http://q:2", "http://p:1"),
        ({"all": "socks5://u:p@p:1"}, "socks5://u:p@p:1", "socks5://u:p@p:1"),
        ({"all": "p", "http": None}, None, "http://p"),
        ({"all": "p", "http": ""}, None, "http://p"),
        ({"http": "p", "http://example.com": "q"}, "http://q", None),
        ({"http": "p", "http://example.com": None}, None, None),
        ({"http": "p", "http://example.org": "q"}, "http://p", None),
        ({"http": "p", "all://example.com": "q"}, "http://p", "http://q"),
        ({"all": "p", "all://example.com": "q"}, "http://q", "http://q"),
        ({"all": "p", "no_proxy": "example.com:80"}, None, "http://p"),
        ({"all": "p", "no_proxy": None}, "http://p", "http://p"),
    ],
)
def test_proxy_among(proxies: dict[str, str | None], http: str | None, https: str | None) -> None:
    assert (proxy_among(proxies, HTTP), proxy_among(proxies, HTTPS)) == (http, https)


@pytest.mark.parametrize(
    ("said", "http", "https"),
    [
        ({}, None, None),
        ({"http_proxy": "http://p:1"}, "http://p:1", None),
        ({"HTTP_PROXY": "p:1"}, "http://p:1", None),
        ({"https_proxy": "p"}, None, "http://p"),
        ({"HTTPS_PROXY": "https://p"}, None, "https://p"),
        ({"all_proxy": "p"}, "http://p", "http://p"),
        ({"ALL_PROXY": "p", "https_proxy": "q"}, "http://p", "http://q"),
        ({"all_proxy": "p", "ALL_PROXY": "q"}, "http://p", "http://p"),
        ({"http_proxy": "p", "HTTP_PROXY": "q"}, "http://p", None),
        ({"http_proxy": "", "HTTP_PROXY": "q"}, None, None),
        ({"http_proxy": "", "all_proxy": "q"}, "http://q", "http://q"),
        ({"HTTP_PROXY": ""}, None, None),
        ({"HTTP_PROXY": "p", "HTTPS_PROXY": "q", "REQUEST_METHOD": "GET"}, None, "http://q"),
        ({"http_proxy": "p", "HTTP_PROXY": "q", "REQUEST_METHOD": "GET"}, "http://p", None),
        ({"all_proxy": "p", "no_proxy": "example.com"}, None, None),
        ({"all_proxy": "p", "NO_PROXY": "example.com:443"}, "http://p", None),
        ({"all_proxy": "p", "no_proxy": "other.org", "NO_PROXY": "*"}, "http://p", "http://p"),
        ({"all_proxy": "p", "no_proxy": "", "NO_PROXY": "*"}, "http://p", "http://p"),
        ({"no_proxy": "*"}, None, None),
    ],
)
def test_proxy_for(said: dict[str, str], http: str | None, https: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in said.items():
        monkeypatch.setenv(name, value)
    for _ in range(2):
        assert (proxy_for(HTTP), proxy_for(HTTPS)) == (http, https)


def test_on_windows_a_cgi_script_believes_neither_spelling(monkeypatch: pytest.MonkeyPatch) -> None:
    """There HTTP_PROXY and http_proxy are one variable."""
    names = "http_proxy HTTP_PROXY https_proxy HTTPS_PROXY all_proxy ALL_PROXY no_proxy NO_PROXY REQUEST_METHOD".split()
    seen: list[str | None] = ["p" if name.lower() == "http_proxy" else None for name in names[:-1]]
    assert environment._proxies([*seen, "GET"]) == {"http": "p"}
    with monkeypatch.context() as windows:
        windows.setattr(os, "name", "nt")
        found = environment._proxies([*seen, "GET"]), environment._proxies([*seen, None])
    assert found == ({}, {"http": "p"})


def test_a_change_of_a_variable_is_seen_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "p")
    assert proxy_for(HTTP) == "http://p"
    monkeypatch.setenv("http_proxy", "q")
    assert proxy_for(HTTP) == "http://q"
    monkeypatch.setenv("no_proxy", "example.com")
    assert proxy_for(HTTP) is None
    monkeypatch.delenv("no_proxy")
    assert proxy_for(HTTP) == "http://q"
    monkeypatch.delenv("http_proxy")
    assert proxy_for(HTTP) is None


def test_what_was_found_is_kept_but_not_without_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "p")
    first = proxy_for(HTTP)
    assert proxy_for(split_url("http://example.com/other").origin) is first  # the very same object
    for number in range(2500):
        assert proxy_for(("http", f"h{number}", 80)) == "http://p"
        assert environment._route.cache_info().currsize <= 1000


def test_ca_bundle(monkeypatch: pytest.MonkeyPatch) -> None:
    assert ca_bundle() is None
    monkeypatch.setenv("CURL_CA_BUNDLE", "/curl.pem")
    assert ca_bundle() == "/curl.pem"
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/requests-\N{SNOWMAN}.pem")
    assert ca_bundle() == "/requests-\N{SNOWMAN}.pem"
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "")
    assert ca_bundle() == "/curl.pem"


NETRC = "machine API.example.com login me password s3cret\nmachine account.org account ac password pw\n"


def test_the_netrc_file_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    monkeypatch.setenv("NETRC", "~/mine")
    assert netrc_file() is None
    (tmp_path / "mine").touch()
    assert netrc_file() == str(tmp_path / "mine")
    monkeypatch.delenv("NETRC")
    assert netrc_file() is None
    (tmp_path / "_netrc").touch()
    assert netrc_file() == os.path.expanduser("~/_netrc")
    (tmp_path / ".netrc").touch()
    assert netrc_file() == os.path.expanduser("~/.netrc")


def test_netrc_for_a_host_and_by_default(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / ".netrc"
    file.write_text(NETRC)
    monkeypatch.delenv("NETRC")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    assert netrc_for("api.example.com") == ("me", "s3cret")
    assert netrc_for("account.org") == ("ac", "pw")
    assert netrc_for("example.com") is None
    # The file is read once, until a variable points elsewhere.
    file.unlink()
    assert netrc_for("api.example.com") == ("me", "s3cret")
    other = tmp_path / "other"
    other.write_text(NETRC + "default login any password one\n")
    monkeypatch.setenv("NETRC", str(other))
    assert netrc_for("example.com") == ("any", "one")
    assert netrc_for("api.example.com") == ("me", "s3cret")
    monkeypatch.delenv("NETRC")
    assert netrc_for("api.example.com") is None
    file.write_text(NETRC)
    monkeypatch.setenv("HOME", str(tmp_path) + os.sep)
    monkeypatch.setenv("USERPROFILE", str(tmp_path) + os.sep)
    assert netrc_for("api.example.com") == ("me", "s3cret")


@pytest.mark.parametrize("content", [b"machine h login", b"nonsense here", b"machine h login \xff\xfe password \x00"])
def test_a_netrc_that_cannot_be_read_is_none(content: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "netrc"
    file.write_bytes(content)
    monkeypatch.setenv("NETRC", str(file))
    netrc_for("h")  # does not raise
    assert netrc_for("other") is None
    monkeypatch.setenv("NETRC", str(tmp_path))  # a folder
    assert netrc_for("h") is None
