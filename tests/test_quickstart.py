"""What the quickstart of requests shows, example by example, against httpbin over http and https."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from pytest_httpbin.serve import Server as Httpbin

import requests_lite as requests
from server import Expect, Send, Server, Wait

Url = str
FORM = "application/x-www-form-urlencoded"


@pytest.fixture
def url(httpbin_both: Httpbin, httpbin_ca_bundle: None) -> Url:
    """Return the URL of an httpbin, once for each scheme; the environment has its authority."""
    return str(httpbin_both.url)


def answer(content: bytes = b"", *fields: str, status: str = "200 OK") -> Send:
    head = "\r\n".join([f"HTTP/1.1 {status}", f"Content-Length: {len(content)}", *fields, "", ""])
    return Send(head.encode() + content)


# Making a request, with parameters


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE", "PATCH"])
def test_each_method_is_a_function(method: str, url: Url) -> None:
    response = getattr(requests, method.lower())(url + "/anything")
    assert response.status_code == 200
    assert response.json()["method"] == method
    assert response.request.method == method


def test_head_and_options_have_no_content(url: Url) -> None:
    head = requests.head(url + "/get")
    assert (head.status_code, head.content, head.headers["Content-Type"]) == (200, b"", "application/json")
    options = requests.options(url + "/get")
    assert (options.status_code, options.content) == (200, b"")
    assert sorted(options.headers["Allow"].split(", ")) == ["GET", "HEAD", "OPTIONS"]


@pytest.mark.parametrize(
    ("params", "query"),
    [
        ({"key1": "value1", "key2": "value2"}, "?key1=value1&key2=value2"),
        ({"key1": "value1", "key2": ["value2", "value3"]}, "?key1=value1&key2=value2&key2=value3"),
        ({"key1": "value1", "key2": None}, "?key1=value1"),
        ([("b", 1), ("a", 2.5), ("b", "x y")], "?b=1&a=2.5&b=x+y"),
        ("key=a%20b", "?key=a%20b"),
        (b"key=a", "?key=a"),
        ({"ключ": "é&="}, "?%D0%BA%D0%BB%D1%8E%D1%87=%C3%A9%26%3D"),
        ({}, ""),
    ],
)
def test_parameters_go_into_the_url(params: Any, query: str, httpbin: Httpbin) -> None:
    response = requests.get(httpbin.url + "/get", params=params)
    assert response.url == httpbin.url + "/get" + query
    assert response.json()["url"].startswith(httpbin.url + "/get")


def test_parameters_join_a_query_and_stand_before_the_fragment(httpbin: Httpbin) -> None:
    response = requests.get(httpbin.url + "/get?a=1#part", params={"b": "2"})
    assert response.url == httpbin.url + "/get?a=1&b=2#part"
    assert response.json()["args"] == {"a": "1", "b": "2"}


# What came back


def test_text_and_its_encoding(url: Url) -> None:
    response = requests.get(url + "/encoding/utf8")
    assert response.encoding == "utf-8"
    assert "∀x∈" in response.text
    response.encoding = "ISO-8859-1"
    assert response.encoding == "ISO-8859-1"
    assert "∀x∈" not in response.text
    assert response.text == response.content.decode("latin-1")


def test_binary_content(url: Url) -> None:
    assert requests.get(url + "/image/png").content.startswith(b"\x89PNG\r\n")
    assert requests.get(url + "/gzip").json()["gzipped"] is True
    assert requests.get(url + "/deflate").json()["deflated"] is True
    if "br" in requests.get(url + "/get").json()["headers"]["Accept-Encoding"].split(", "):
        assert requests.get(url + "/brotli").json()["brotli"] is True


def test_json_content_whatever_the_status(url: Url) -> None:
    assert requests.get(url + "/json").json()["slideshow"]["title"] == "Sample Slide Show"
    response = requests.get(url + "/html")
    with pytest.raises(requests.JSONDecodeError) as caught:
        response.json()
    assert isinstance(caught.value, ValueError)
    assert isinstance(caught.value, requests.InvalidJSONError)
    with Server([Expect(), answer(b'{"error": "x"}', status="500 Oops")]) as server:
        assert requests.get(server.url).json() == {"error": "x"}
    with Server([Expect(), answer(status="204 No Content")]) as server:
        with pytest.raises(requests.JSONDecodeError):
            requests.get(server.url).json()


@pytest.mark.parametrize("fields", [["Content-Type: application/json; charset=latin-1"], []])
def test_json_in_a_charset_of_its_own(fields: list[str]) -> None:
    with Server([Expect(), answer('"é"'.encode("latin-1"), *fields)]) as server:
        response = requests.get(server.url)
        if not fields:
            response.encoding = "latin-1"
        assert response.json() == "é"


def test_the_error_of_json_is_the_standard_library_s_too() -> None:
    with Server([Expect(), answer(b"ok")]) as server:
        with pytest.raises(json.JSONDecodeError) as caught:
            requests.get(server.url).json()
        assert (caught.value.pos, caught.value.doc) == (0, "ok")


def test_raw_content_and_a_file_made_of_it(url: Url, tmp_path: Path) -> None:
    whole = requests.get(url + "/bytes/5000?seed=1").content
    response = requests.get(url + "/bytes/5000?seed=1", stream=True)
    assert response.raw.read(10) == whole[:10]
    with (tmp_path / "file").open("wb") as file:
        for chunk in response.iter_content(chunk_size=128):
            file.write(chunk)
    assert (tmp_path / "file").read_bytes() == whole[10:]


# Headers and content of one's own


def test_headers_of_one_s_own(url: Url) -> None:
    seen = requests.get(url + "/headers", headers=[("user-agent", "my-app/0.0.1"), ("X-Bytes", b"b")]).json()["headers"]
    assert (seen["User-Agent"], seen["X-Bytes"], seen["Accept"]) == ("my-app/0.0.1", "b", "*/*")


@pytest.mark.parametrize(
    ("given", "form", "data", "content_type"),
    [
        ({"data": {"key1": "value1", "key2": "value2"}}, {"key1": "value1", "key2": "value2"}, "", FORM),
        ({"data": [("key1", "value1"), ("key1", "value2")]}, {"key1": ["value1", "value2"]}, "", FORM),
        ({"data": {"key1": ["value1", "value2"]}}, {"key1": ["value1", "value2"]}, "", FORM),
        ({"data": {"a": None, "b": 5}}, {"b": "5"}, "", FORM),
        ({"data": json.dumps({"some": "data"})}, {}, '{"some": "data"}', None),
        ({"json": {"some": "data"}}, {}, '{"some": "data"}', "application/json"),
        ({"data": {"a": "1"}, "json": {"some": "data"}}, {"a": "1"}, "", FORM),
        ({"data": b"bytes"}, {}, "bytes", None),
        ({"data": io.BytesIO(b"file")}, {}, "file", None),
        ({"json": {}}, {}, "{}", "application/json"),
        ({"json": []}, {}, "[]", "application/json"),
        ({"data": "a=b", "headers": {"Content-Type": FORM}}, {"a": "b"}, "", FORM),
        ({"json": 1, "headers": {"content-type": "x/y"}}, {}, "1", "x/y"),
    ],
)
def test_complicated_posts(given: Any, form: object, data: str, content_type: str | None, httpbin: Httpbin) -> None:
    seen = requests.post(httpbin.url + "/post", **given).json()
    assert (seen["form"], seen["data"], seen["headers"].get("Content-Type")) == (form, data, content_type)


SHEET = b"\xd0\xcf sheet"


@pytest.mark.parametrize(
    ("value", "part"),
    [
        (("report.xls", SHEET), b'filename="report.xls"\r\n'),
        (("report.xls", io.BytesIO(SHEET), "application/vnd.ms-excel"), b"Content-Type: application/vnd.ms-excel\r\n"),
        (("report.xls", SHEET, "application/vnd.ms-excel", {"Expires": "0"}), b"\r\nExpires: 0\r\n"),
        (("report.csv", "some,data,to,send\nanother,row,to,send\n"), b"\r\n\r\nsome,data,to,send\nanother,row"),
        (SHEET, b"\r\n\r\n" + SHEET),
        ("text", b"\r\n\r\ntext\r\n"),
    ],
)
def test_files_with_names_types_and_fields(value: object, part: bytes) -> None:
    name = b'Content-Disposition: form-data; name="file"; filename="'
    with Server([Expect(b"Content-Type: multipart/form-data; boundary=", name, part), answer(b"ok")]) as server:
        assert requests.post(server.url, files={"file": value}).ok


def test_a_file_from_disk_has_its_name(url: Url, tmp_path: Path) -> None:
    path = tmp_path / "report.xls"
    path.write_bytes(b"a sheet")
    for given in (path, path.open("rb")):
        sent = requests.post(url + "/post", files={"file": given}, data={"k": "v"})
        assert (sent.json()["files"], sent.json()["form"]) == ({"file": "a sheet"}, {"k": "v"})
        if isinstance(given, io.BufferedReader):
            given.close()
    with Server([Expect(b'filename="report.xls"'), answer(b"ok")]) as server:
        assert requests.post(server.url, files={"file": path}).ok


# Status, headers, cookies


def test_status_codes_and_their_names(url: Url) -> None:
    response = requests.get(url + "/get")
    assert response.status_code == 200 == requests.codes.ok
    bad = requests.get(url + "/status/404")
    assert bad.status_code == requests.codes.not_found == requests.codes["NOT_FOUND"]
    with pytest.raises(requests.HTTPError, match=r"404 NOT FOUND for GET .*/status/404") as caught:
        bad.raise_for_status()
    assert caught.value.response is bad
    assert caught.value.request is bad.request
    assert response.raise_for_status() is response
    assert (bool(response), bool(bad), response.ok, bad.ok) == (True, False, True, False)


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("ok", 200),
        ("OK", 200),
        ("created", 201),
        ("temporary_redirect", 307),
        ("permanent_redirect", 308),
        ("unauthorized", 401),
        ("unprocessable_entity", 422),
        ("too_many_requests", 429),
        ("internal_server_error", 500),
        ("server_error", 500),
        ("im_a_teapot", 418),
    ],
)
def test_codes(name: str, code: int) -> None:
    assert getattr(requests.codes, name) == code == requests.codes[name]


def test_more_codes() -> None:
    assert (requests.codes.teapot, requests.codes["\\o/"]) == (418, 200)
    assert requests.codes["nosuch"] is None


def test_a_code_that_there_is_not() -> None:
    with pytest.raises(AttributeError, match="nosuch"):
        _ = requests.codes.nosuch


def test_headers_have_no_case(url: Url) -> None:
    headers = requests.get(url + "/get").headers
    assert headers["Content-Type"] == headers.get("content-type") == headers["CONTENT-TYPE"] == "application/json"
    assert "content-TYPE" in headers
    assert headers.get("X-Nosuch") is None


def test_cookies_come_and_go(url: Url) -> None:
    response = requests.get(url + "/response-headers", params={"Set-Cookie": "example_cookie=its_value"})
    assert response.cookies["example_cookie"] == "its_value"
    seen = requests.get(url + "/cookies", cookies={"cookies_are": "working"})
    assert seen.json() == {"cookies": {"cookies_are": "working"}}
    assert requests.get(url + "/cookies").json() == {"cookies": {}}


def test_a_jar_has_domains_and_paths(httpbin: Httpbin) -> None:
    from requests_lite.cookies import CookieJar

    jar = CookieJar()
    jar.set("tasty_cookie", "yum", domain=httpbin.host, path="/cookies")
    jar.set("gross_cookie", "blech", domain=httpbin.host, path="/elsewhere")
    jar.set("alien_cookie", "hm", domain="example.org", path="/")
    assert requests.get(httpbin.url + "/cookies", cookies=jar).json() == {"cookies": {"tasty_cookie": "yum"}}


def test_the_jar_is_found_by_its_name_in_requests() -> None:
    code = "import requests_lite; requests_lite.cookies.RequestsCookieJar().set('a', 'b', domain='h', path='/')"
    subprocess.run([sys.executable, "-c", code], check=True, stderr=subprocess.DEVNULL)


# Redirects


def test_redirection_and_history(url: Url) -> None:
    response = requests.get(url + "/redirect/2")
    assert (response.url, response.status_code) == (url + "/get", 200)
    assert [(step.status_code, step.url) for step in response.history] == [
        (302, url + "/redirect/2"),
        (302, url + "/relative-redirect/1"),
    ]
    assert response.history[1].history == response.history[:1]


def test_redirects_need_not_be_followed(url: Url) -> None:
    response = requests.get(url + "/redirect/1", allow_redirects=False)
    assert (response.status_code, response.history, response.is_redirect) == (302, [], True)
    assert response.next is not None
    assert response.next.url == url + "/get"


def test_head_follows_redirects_when_it_is_told_to(url: Url) -> None:
    assert requests.head(url + "/redirect/1").status_code == 302
    response = requests.head(url + "/redirect/1", allow_redirects=True)
    assert (response.url, len(response.history)) == (url + "/get", 1)
    assert response.request is not None
    assert response.request.method == "HEAD"


# Timeouts, errors


def test_timeouts(httpbin: Httpbin) -> None:
    with Server([Expect(), Wait()]) as server:
        with pytest.raises(requests.Timeout):
            requests.get(server.url, timeout=0.02)
    assert requests.get(httpbin.url + "/get", timeout=None).ok
    with pytest.raises(ValueError, match="above 0"):
        requests.get(httpbin.url + "/get", timeout=0)


@pytest.mark.parametrize(
    ("address", "errors"),
    [
        ("http://127.0.0.1:1/", (requests.ConnectionError,)),
        ("http://nosuch.invalid/", (requests.ConnectionError,)),
        ("example.com/path", (requests.MissingSchema, ValueError)),
        ("nosuch://example.com/", (requests.InvalidSchema, ValueError)),
        ("http://", (requests.InvalidURL, ValueError)),
        ("http://*example.com", (requests.InvalidURL, ValueError)),
    ],
)
def test_all_errors_are_request_exceptions(address: str, errors: tuple[type[Exception], ...]) -> None:
    with pytest.raises(requests.RequestException) as caught:
        requests.get(address)
    for error in (*errors, OSError):
        assert isinstance(caught.value, error)


def test_too_many_redirects(httpbin: Httpbin) -> None:
    with pytest.raises(requests.TooManyRedirects, match="more than 30 redirects") as caught:
        requests.get(httpbin.url + "/redirect/31")
    assert isinstance(caught.value.response, requests.Response)
    assert len(caught.value.response.history) == 30


def test_a_connection_that_takes_too_long_is_a_connect_timeout() -> None:
    assert issubclass(requests.ConnectTimeout, (requests.ConnectionError, requests.Timeout))
    # A listener whose queue is full answers nobody.
    import socket

    with socket.socket() as listener, socket.socket() as first:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        first.connect(listener.getsockname())
        with pytest.raises(requests.ConnectTimeout):
            requests.get(f"http://127.0.0.1:{listener.getsockname()[1]}/", timeout=(0.05, None))


def test_the_environment_has_no_proxies_here() -> None:
    """Else the tests above would be about something else."""
    assert not [name for name in os.environ if name.lower().endswith("_proxy")]


def test_whether_there_is_a_code() -> None:
    assert "not_found" in requests.codes
    assert "nowhere" not in requests.codes
