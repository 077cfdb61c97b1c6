"""What the advanced usage page of requests shows, example by example, against httpbin and scripted servers."""

from __future__ import annotations

import io
import json
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pytest_httpbin.serve import Server as Httpbin

import requests_lite as requests
from conftest import Certificates
from examples.resume import download
from requests_lite import HTTPAdapter, PreparedRequest, Request, Response, Session
from requests_lite.auth import AuthBase
from server import Cut, Expect, Send, Server, Wait

OK = Send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")


@pytest.fixture
def url(httpbin_both: Httpbin, httpbin_ca_bundle: None) -> str:
    """Return the URL of an httpbin, once for each scheme; the environment has its authority."""
    return str(httpbin_both.url)


# Session objects


def test_a_session_keeps_cookies(url: str) -> None:
    with Session() as session:
        session.get(url + "/cookies/set/sessioncookie/123456789")
        assert session.get(url + "/cookies").json() == {"cookies": {"sessioncookie": "123456789"}}
        assert session.cookies["sessioncookie"] == "123456789"
        session.get(url + "/cookies/delete?sessioncookie=")
        assert session.get(url + "/cookies").json() == {"cookies": {}}


def test_a_session_has_defaults_and_calls_add_to_them(url: str) -> None:
    with Session() as session:
        session.auth = ("user", "pass")
        session.headers.update({"x-test": "true"})
        seen = session.get(url + "/headers", headers={"x-test2": "true"}).json()["headers"]
        assert (seen["X-Test"], seen["X-Test2"]) == ("true", "true")
        assert session.get(url + "/basic-auth/user/pass").ok
        seen = session.get(url + "/headers", headers={"X-TEST": None, "Accept": "x/y"}).json()["headers"]
        assert ("X-Test" in seen, seen["Accept"]) == (False, "x/y")
        assert (session.headers["x-test"], session.headers["accept"]) == ("true", "*/*")


def test_parameters_of_a_session_are_sent_with_those_of_the_call(httpbin: Httpbin) -> None:
    with Session() as session:
        session.params = {"api_key": "k"}
        assert session.get(httpbin.url + "/get", params={"q": "1"}).json()["args"] == {"api_key": "k", "q": "1"}
        assert session.get(httpbin.url + "/get", params="q=1").json()["args"] == {"api_key": "k", "q": "1"}
        assert session.get(httpbin.url + "/get").json()["args"] == {"api_key": "k"}


def test_parameters_of_the_call_count_before_the_session_s_and_none_removes() -> None:
    session = Session(params={"a": "1", "b": "2", "c": "3"})
    prepared = session.prepare_request(Request("GET", "http://h/", params={"a": "5", "b": None}))
    assert sorted(prepared.url.partition("?")[2].split("&")) == ["a=5", "c=3"]


def test_a_default_header_of_the_session_can_be_none() -> None:
    session = Session()
    session.headers["Accept-Encoding"] = None
    assert "Accept-Encoding" not in session.prepare_request(Request("GET", "http://h/")).headers


def test_what_a_call_brings_does_not_stay(url: str) -> None:
    with Session() as session:
        seen = session.get(url + "/cookies", cookies={"from-my": "browser"}).json()
        assert seen == {"cookies": {"from-my": "browser"}}
        assert session.get(url + "/cookies").json() == {"cookies": {}}
        assert session.get(url + "/basic-auth/user/pass", auth=("user", "pass")).ok
        assert session.get(url + "/basic-auth/user/pass").status_code == 401
        session.cookies.set("mine", "1")
        seen = session.get(url + "/cookies", cookies={"yours": "2"}).json()
        assert seen == {"cookies": {"mine": "1", "yours": "2"}}
        assert session.cookies.get_dict() == {"mine": "1"}


# Request and response objects


def test_the_headers_on_both_ways(url: str) -> None:
    response = requests.get(url + "/get", headers={"X-A": "b"})
    assert response.headers["Content-Type"] == "application/json"
    assert response.request is not None
    assert response.request.headers["x-a"] == "b"
    assert response.request.headers["Accept-Encoding"].startswith("gzip, deflate")
    assert (response.request.url, response.request.path_url) == (url + "/get", "/get")


# Prepared requests


def test_a_prepared_request_may_be_changed_before_it_is_sent(url: str) -> None:
    with Session() as session:
        request = Request("POST", url + "/post", data={"a": "b"}, headers={"X-Own": "1"})
        prepared = request.prepare()
        assert prepared.body == "a=b"
        prepared.body = "No, I want exactly this as the body."
        del prepared.headers["Content-Type"]
        response = session.send(prepared, stream=False, timeout=5)
        assert response.status_code == 200
        seen = response.json()
        assert seen["data"] == "No, I want exactly this as the body."
        assert (seen["headers"]["X-Own"], seen["headers"].get("Content-Type")) == ("1", None)


def test_prepared_by_a_session_it_has_its_state(url: str) -> None:
    with Session() as session:
        session.headers["X-Session"] = "s"
        session.cookies.set("a", "b")
        prepared = session.prepare_request(Request("GET", url + "/anything", params={"q": "1"}))
        prepared.body = "Seriously, send exactly these bytes."
        prepared.headers["Keep-Dead"] = "parrot"
        settings = session.merge_environment_settings(prepared.url, {}, None, None, None)
        seen = session.send(prepared, **settings).json()
        assert (seen["data"], seen["args"]) == ("Seriously, send exactly these bytes.", {"q": "1"})
        fields = [seen["headers"].get(name) for name in ("Keep-Dead", "X-Session", "Cookie")]
        assert fields == ["parrot", "s", "a=b"]


def test_settings_of_the_environment_are_merged(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/env/ca.pem")
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy:3128")
    merged = Session().merge_environment_settings("https://h/", {}, None, None, None)
    assert merged == {"proxies": {"all": "http://proxy:3128"}, "stream": False, "verify": "/env/ca.pem", "cert": None}
    session = Session(verify=False, cert="own.pem", stream=True, trust_env=False)
    merged = session.merge_environment_settings("https://h/", {}, None, None, None)
    assert merged == {"proxies": {}, "stream": True, "verify": False, "cert": "own.pem"}


def test_a_prepared_request_made_by_hand(httpbin: Httpbin) -> None:
    prepared = PreparedRequest("PUT")
    prepared.prepare_url(httpbin.url + "/put", {"a": "b"})
    prepared.prepare_headers({"X-A": "b"})
    prepared.prepare_body({"k": "v"})
    prepared.prepare_auth(("u", "p"))
    prepared.prepare_cookies({"c": "d"})
    with Session() as session:
        seen = session.send(prepared).json()
    assert (seen["args"], seen["form"], seen["headers"]["X-A"]) == ({"a": "b"}, {"k": "v"}, "b")
    assert (seen["headers"]["Authorization"], seen["headers"]["Cookie"]) == ("Basic dTpw", "c=d")
    prepared.url = httpbin.url + "/get"
    assert (prepared.path_url, repr(prepared), PreparedRequest().url) == ("/get", "<PreparedRequest [PUT]>", "")


def test_a_copy_changes_on_its_own() -> None:
    prepared = Request("GET", "http://h/a", headers={"X": "1"}, cookies={"a": "b"}, auth=("u", "p")).prepare()
    copy = prepared.copy()
    copy.headers["X"], copy.url, copy.method = "2", "http://h/b", "PUT"
    assert (prepared.headers["X"], prepared.url, prepared.method) == ("1", "http://h/a", "GET")
    assert copy.cookies is prepared.cookies


def test_a_request_knows_its_hooks() -> None:
    seen: list[int | None] = []
    request = Request("GET")
    request.register_hook("response", lambda response, **_: seen.append(response.status_code))
    request.register_hook("response", lambda response, **_: seen.append(0))
    with Server([Expect(), OK]) as server:
        request.url = server.url
        assert request.send()
    assert seen == [200, 0]


# TLS


def test_certificates_are_verified(httpbin_secure: Httpbin, certificates: Certificates) -> None:
    from pytest_httpbin import certs

    url = httpbin_secure.url + "/get"
    with pytest.raises(requests.SSLError):
        requests.get(url)
    assert requests.get(url, verify=certs.where()).ok
    assert requests.get(url, verify=False).ok
    with Session() as session:
        session.verify = certs.where()
        assert session.get(url).ok
        session.verify = certificates.ca
        with pytest.raises(requests.SSLError):
            session.get(url)
        assert session.get(url, verify=certs.where()).ok
        session.verify = False
        assert session.get(url).ok
        with pytest.raises(requests.SSLError):
            session.get(url, verify=True)


def test_a_client_certificate_of_the_session(certificates: Certificates) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificates.authority.issue_cert("127.0.0.1").configure_cert(context)
    certificates.authority.configure_trust(context)
    context.verify_mode = ssl.CERT_REQUIRED
    with Server([Expect(), OK], tls=context) as server:
        with Session(verify=certificates.ca) as session:
            session.cert = certificates.client
            assert session.get(server.url).ok


# Content as it comes, and as it goes


def test_content_can_wait(url: str) -> None:
    with requests.get(url + "/bytes/2000?seed=3", stream=True) as response:
        assert int(response.headers["Content-Length"]) == 2000
        later = response.content
    assert len(later) == 2000
    assert requests.get(url + "/bytes/2000?seed=3").content == later


def test_connections_are_kept_and_serve_the_next_request() -> None:
    with Server([Expect(), OK] * 3, [Expect(), OK]) as server, Session() as session:
        assert session.get(server.url).content == b"ok"
        with session.get(server.url, stream=True) as response:
            assert response.content == b"ok"
        with session.get(server.url, stream=True) as response:
            assert server.connections == 1
        session.close()
        assert session.get(server.url).ok
        assert server.connections == 2


def test_uploads_stream(httpbin: Httpbin, tmp_path: Path) -> None:
    path = tmp_path / "massive-body"
    path.write_bytes(b"0123456789" * 30_000)
    with path.open("rb") as file:
        seen = requests.post(httpbin.url + "/post", data=file).json()
    assert (len(seen["data"]), seen["headers"]["Content-Length"]) == (300_000, "300000")


def test_a_generator_is_sent_in_chunks() -> None:
    def blocks() -> Iterator[bytes]:
        yield b"hi"
        yield b"there"

    with Server([Expect(b"Transfer-Encoding: chunked", b"2\r\nhi\r\n5\r\nthere\r\n0\r\n\r\n"), OK]) as server:
        assert requests.post(server.url, data=blocks()).ok


def test_several_files_under_one_name() -> None:
    files = [
        ("images", ("foo.png", io.BytesIO(b"foo"), "image/png")),
        ("images", ("bar.png", io.BytesIO(b"bar"), "image/png")),
    ]
    with Server([Expect(b'filename="foo.png"', b'filename="bar.png"', b"Content-Type: image/png"), OK]) as server:
        assert requests.post(server.url, files=files).ok


# Hooks


def record(response: Response, *args: object, **options: object) -> None:
    response.hook_called = True  # type: ignore[attr-defined]  # as in the documentation


def test_hooks_of_a_call_and_of_a_session(httpbin: Httpbin) -> None:
    seen: list[str] = []

    def note(response: Response, **_: object) -> None:
        seen.append(response.url or "")

    one = requests.get(httpbin.url + "/get", hooks={"response": record})
    assert one.hook_called  # type: ignore[attr-defined]
    requests.get(httpbin.url + "/get", hooks={"response": [record, note]})
    with Session() as session:
        session.hooks["response"].append(note)
        assert not hasattr(session.get(httpbin.url + "/get"), "hook_called")
        assert session.get(httpbin.url + "/redirect/1", hooks={"response": record}).hook_called  # type: ignore[attr-defined]
    assert [path[len(httpbin.url) :] for path in seen] == ["/get", "/get", "/redirect/1", "/get"]


def test_a_hook_may_replace_the_response_or_stop_it(httpbin: Httpbin) -> None:
    def replace(response: Response, **_: object) -> Response:
        another = Response(response.request)
        another.status_code, another.url, another._content = 299, response.url, b"replaced"
        return another

    def stop(response: Response, **_: object) -> None:
        response.raise_for_status()

    response = requests.get(httpbin.url + "/get", hooks={"response": replace})
    assert (response.status_code, response.content) == (299, b"replaced")
    with Session() as session:
        session.hooks = {"response": stop}
        assert session.get(httpbin.url + "/get").ok
        with pytest.raises(requests.HTTPError):
            session.get(httpbin.url + "/status/418")


def test_a_hook_may_send_again_by_the_connection_that_brought_the_response() -> None:
    def again(response: Response, **options: Any) -> Response | None:
        if response.status_code != 401:
            return None
        assert response.content == b"no"
        request = response.request.copy()
        request.headers["X-Ticket"] = "7"
        another: Response = response.connection.send(request, **options)  # type: ignore[attr-defined]  # an adapter
        another.history.append(response)
        return another

    no = Send(b"HTTP/1.1 401 No\r\nContent-Length: 2\r\n\r\nno")
    with Server([Expect(without=[b"X-Ticket"]), no, Expect(b"X-Ticket: 7"), OK]) as server:
        response = requests.get(server.url, hooks={"response": again})
        assert (response.content, server.connections) == (b"ok", 1)
    assert [step.status_code for step in response.history] == [401]


def test_an_auth_object_may_add_a_hook() -> None:
    seen: list[Response] = []

    def auth(request: PreparedRequest) -> PreparedRequest:
        request.register_hook("response", lambda response, **_: seen.append(response))
        return request

    with Server([Expect(), OK]) as server:
        response = requests.get(server.url, auth=auth)
    assert seen == [response]


# Authentication of one's own


class PizzaAuth(AuthBase):
    """Attaches HTTP Pizza Authentication to the given request."""

    def __init__(self, username: str) -> None:
        self.username = username

    def __call__(self, request: PreparedRequest) -> PreparedRequest:
        request.headers["X-Pizza"] = self.username
        return request


def test_authentication_of_one_s_own(url: str) -> None:
    seen = requests.get(url + "/headers", auth=PizzaAuth("kenneth")).json()
    assert seen["headers"]["X-Pizza"] == "kenneth"
    with Session(auth=PizzaAuth("session")) as session:
        assert session.get(url + "/headers").json()["headers"]["X-Pizza"] == "session"


def test_authentication_may_change_the_whole_request() -> None:
    def sign(request: PreparedRequest) -> PreparedRequest:
        request.url += "?signature=" + str(len(request.body))
        return request

    with Server([Expect(b"POST /x?signature=3 HTTP/1.1\r\n", b"\r\n\r\na=b"), OK]) as server:
        assert requests.post(server.url + "/x", data={"a": "b"}, auth=sign).ok


# Streams


def test_lines_of_a_stream(httpbin: Httpbin) -> None:
    with requests.get(httpbin.url + "/stream/20", stream=True) as response:
        assert [json.loads(line)["id"] for line in response.iter_lines() if line] == list(range(20))
    with requests.get(httpbin.url + "/stream/3", stream=True) as response:
        if response.encoding is None:
            response.encoding = "utf-8"
        lines = list(response.iter_lines(decode_unicode=True))
    assert {type(line) for line in lines} == {str}
    with requests.get(httpbin.url + "/stream/3", stream=True) as response:
        first = response.iter_lines()
        assert json.loads(next(first))["id"] == 0
        assert [json.loads(line)["id"] for line in first] == [1, 2]


def test_a_line_is_there_as_soon_as_the_server_has_sent_it() -> None:
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    with Server([Expect(), Send(head + b"7\r\none\ntwo\r\n"), Wait()]) as server:
        with requests.get(server.url, stream=True) as response:
            assert next(response.iter_lines()) == b"one"


# Proxies


def test_proxies_of_the_call_and_of_the_session() -> None:
    by_proxy = Expect(b"GET http://example.invalid/x HTTP/1.1\r\nHost: example.invalid\r\n")
    with Server([by_proxy, OK] * 2) as server:
        assert requests.get("http://example.invalid/x", proxies={"http": server.url}).ok
        assert requests.get("http://example.invalid/x", proxies={"http://example.invalid": server.url}).ok
        with pytest.raises(requests.ConnectionError):
            requests.get("http://example.invalid/x", proxies={"http://other.invalid": server.url})
    with Server([by_proxy, OK]) as server, Session() as session:
        session.proxies.update({"http": server.url})
        assert session.get("http://example.invalid/x").ok


# Methods, links


@pytest.mark.parametrize("method", ["MKCOL", "PROPFIND", "PATCH", "OPTIONS", "TRACE", "m-search", "purge"])
def test_methods_beyond_the_usual_ones(method: str) -> None:
    with Server([Expect(method.upper().encode() + b" /x HTTP/1.1\r\n"), OK]) as server:
        assert requests.request(method, server.url + "/x").ok


def test_link_fields() -> None:
    link = '<https://h/repos?page=2&per_page=10>; rel="next", </last?a=1,2>; rel=last; title="x, \\"y\\""'
    with Server([Expect(), Send(f"HTTP/1.1 200 OK\r\nLink: {link}\r\nContent-Length: 0\r\n\r\n".encode())]) as server:
        links = requests.head(server.url + "/x", allow_redirects=False).links
    assert links["next"] == {"url": "https://h/repos?page=2&per_page=10", "rel": "next"}
    assert links["last"] == {"url": server.url + "/last?a=1,2", "rel": "last", "title": 'x, "y"'}


# Transport adapters


def test_the_longest_prefix_has_the_request() -> None:
    session = Session()
    general, github, api = HTTPAdapter(), HTTPAdapter(), HTTPAdapter(max_retries=3)
    session.mount("http://", general)
    session.mount("https://GitHub.com/", github)
    session.mount("https://github.com/api", api)
    found = [session.get_adapter(url) for url in ("http://x/", "HTTPS://GITHUB.com/x", "https://github.com/api/1")]
    assert found == [general, github, api]
    assert next(iter(session.adapters)) == "https://github.com/api"
    assert session.get_adapter("https://other/") not in found


# Order of fields, timeouts


def test_fields_go_out_in_the_order_they_were_given() -> None:
    fields = [("X-Third", "3"), ("X-First", "1"), ("X-Second", "2")]
    with Server([Expect(b"X-Third: 3\r\nX-First: 1\r\nX-Second: 2\r\n"), OK]) as server:
        assert requests.get(server.url, headers=fields).ok
    with Server([Expect(b"Host: 127.0.0.1:"), OK]) as server, Session() as session:
        session.headers.clear()
        session.headers.update(dict(fields))
        assert session.get(server.url, headers={"X-First": "one"}).ok
    assert server.received[0].split(b"\r\n", 2)[2].startswith(b"X-Third: 3\r\nX-First: one\r\nX-Second: 2\r\n")


@pytest.mark.parametrize("timeout", [5, 5.0, (3.05, 27), (3.05, None), (1, 2, 3), None])
def test_timeouts_in_all_forms(timeout: Any, httpbin: Httpbin) -> None:
    assert requests.get(httpbin.url + "/get", timeout=timeout).ok


# A download that resumes


HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n"
RANGE = b"HTTP/1.1 206 Partial Content\r\nContent-Range: bytes %d-9/10\r\nContent-Length: %d\r\n"


@pytest.mark.parametrize(
    ("tag", "asked", "answer"),
    [
        (b'ETag: "1"\r\n', Expect(b"Range: bytes=4-\r\n", b'If-Range: "1"\r\n'), RANGE % (4, 6) + b"\r\n456789"),
        (b'ETag: "1"\r\n', Expect(b"Range: bytes=4-\r\n"), HEAD + b"\r\n0123456789"),
        (b'ETag: W/"1"\r\n', Expect(without=[b"Range"]), HEAD + b"\r\n0123456789"),
        (b"", Expect(without=[b"Range"]), HEAD + b"\r\n0123456789"),
    ],
    ids=["goes on", "has changed", "weak", "without a tag"],
)
def test_a_download_goes_on_or_begins_anew(tag: bytes, asked: Expect, answer: bytes, tmp_path: Path) -> None:
    path = tmp_path / "file"
    with Server([Expect(), Send(HEAD + tag + b"\r\n0123"), Cut()], [asked, Send(answer)]) as server:
        assert download(server.url, str(path), pause=0) == 10
    assert path.read_bytes() == b"0123456789"
    assert list(tmp_path.iterdir()) == [path]


def test_a_download_that_does_not_come_about_leaves_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old")
    cut = [Expect(), Send(HEAD + b'ETag: "1"\r\n\r\n0123'), Cut()]
    with Server(cut, [Expect(), Send(RANGE % (3, 7) + b"\r\n3456789")]) as server:
        with pytest.raises(requests.HTTPError, match="another range"):
            download(server.url, str(path), pause=0)
    with Server(cut, cut) as server, pytest.raises(requests.IncompleteRead):
        download(server.url, str(path), tries=2, pause=0)
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]
