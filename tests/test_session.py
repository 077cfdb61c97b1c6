"""Session and what all calls share: settings and who has the last word, credentials, cookies, pickling, threads."""

from __future__ import annotations

import copy
import csv
import gzip
import http.cookiejar
import io
import json
import pickle
import shutil
import ssl
import sys
import threading
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from pytest_httpbin.serve import Server as Httpbin
from test_pool import forks, in_child, threaded

import requests_lite
from conftest import Certificates
from requests_lite import HTTPAdapter, HTTPDigestAuth, PreparedRequest, Request, Response, Retry, Session
from requests_lite.adapters import limits_of
from requests_lite.cookies import CookieJar
from requests_lite.packages.poster.encode import MultipartParam
from server import Cut, Expect, Reset, Send, Server, Wait

GZIP = "Content-Encoding: gzip"
ANY: Any = requests_lite  # for what type checkers would not let pass


def answer(content: bytes = b"ok", *fields: str, status: str = "200 OK", **how: Any) -> Send:
    head = "\r\n".join([f"HTTP/1.1 {status}", f"Content-Length: {len(content)}", *fields, "", ""])
    return Send(head.encode() + content, **how)


def moved(location: str, *fields: str, status: str = "302 Found") -> Send:
    return answer(b"", f"Location: {location}", *fields, status=status)


def chunked(*chunks: bytes) -> Send:
    body = b"".join(b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in (*chunks, b""))
    return Send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + body)


def echo(connection: Any) -> None:
    """Answer every request with its target and its field X-Thread, until the client closes."""
    with connection.makefile("rb") as stream:
        while line := stream.readline():
            thread = b""
            while (field := stream.readline()) != b"\r\n":
                thread = field[10:].strip() if field.startswith(b"X-Thread: ") else thread
            content = line.split()[1] + b" " + thread
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(content), content))


# Settings of a session


def test_a_base_url_is_joined_as_a_reference_is() -> None:
    paths = ["/v1/users", "/other", "/v1/", "/v1/x?q=1"]
    script = [step for path in paths for step in (Expect(f"GET {path} HTTP".encode()), answer())]
    with Server(script) as server, Session(base_url=server.url + "/v1/") as session:
        assert session.get("users").url == server.url + "/v1/users"
        assert session.get("/other").ok
        assert session.get("").ok
        assert session.get("x", params={"q": 1}).ok
        with Server([Expect(b"GET /elsewhere "), answer()]) as other:
            assert session.get(other.url + "/elsewhere").ok
        prepared = session.prepare_request(Request("GET", b"bytes"))  # type: ignore[arg-type]  # as get() takes them
        assert prepared.url == server.url + "/v1/bytes"


def test_defaults_of_a_session_go_out_with_every_request() -> None:
    wanted = [b"GET /x?a=1&b=2 ", b"X-One: 1\r\n", b"Authorization: Bearer token\r\n", b"Cookie: c=3\r\n"]
    options: dict[str, Any] = {"headers": {"X-One": "1", "Accept": None}, "params": [("a", "1")], "auth": "token"}
    with Server([Expect(*wanted, without=[b"Accept: "]), answer()]) as server:
        with Session(cookies={"c": "3"}, timeout=5, retries=2, verify=False, **options) as session:
            assert session.get(server.url + "/x", params={"b": "2"}).ok
        assert (session.timeout, session.retries, session.verify) == (5, 2, False)


@pytest.mark.parametrize("session", [Session(timeout=0.02), Session(timeout=(5, 0.02)), Session(timeout=(5, 5, 0.02))])
def test_the_timeout_of_a_session_and_of_a_call(session: Session) -> None:
    with Server([Expect(), Wait()]) as server:
        with pytest.raises(requests_lite.ReadTimeout):
            session.get(server.url)
    release = threading.Event()
    with Server([Expect(), Wait(release), answer()]) as server:
        threading.Timer(0.1, release.set).start()
        assert session.get(server.url, timeout=5).ok
    session.close()


@pytest.mark.parametrize("stream", [False, True])
def test_a_session_may_raise_for_status(stream: bool) -> None:
    gone = answer(b"gone", "Content-Type: text/plain", status="404 Not Found")
    with Server([Expect(), gone]) as server, Session(raise_for_status=True, stream=stream) as session:
        with pytest.raises(requests_lite.HTTPError, match=r"^404 Not Found for GET [^ ]+$" if stream else ": gone$"):
            session.get(server.url)
    with Server([Expect(), moved("/x"), Expect(), answer()]) as server, Session(raise_for_status=True) as session:
        assert session.get(server.url).content == b"ok"


def test_a_session_may_have_its_own_json() -> None:
    def loads(text: bytes) -> object:
        return ["own", json.loads(text)]

    for dumped in ("{own}", b"{own}"):
        session = Session(json_dumps=lambda value, dumped=dumped: dumped, json_loads=loads)  # type: ignore[misc]
        wanted = Expect(b"Content-Type: application/json\r\n", b"\r\n\r\n{own}")
        with Server([wanted, answer(b'{"a": 1}'), Expect(), answer(b"1\n\n2\n")]) as server:
            response = session.post(server.url, json={"a": 1})
            assert response.json() == ["own", {"a": 1}]
            assert response.json(parse_int=float) == {"a": 1.0}  # options are those of the standard library's
            assert list(session.get(server.url, stream=True).iter_json()) == [["own", 1], ["own", 2]]
            session.close()


def test_addresses_that_are_known_and_the_one_to_come_from() -> None:
    def peer(connection: Any) -> None:
        assert f"Host: example.com:{server.port}\r\n".encode() in connection.recv(9999)
        address = connection.getpeername()[0].encode()
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(address), address))

    with Server([peer]) as server:
        with Session(resolve={"example.com": "127.0.0.1"}, source_address="127.0.0.7") as session:
            response = session.get(f"http://example.com:{server.port}/")
    assert response.text == "127.0.0.7"


@pytest.mark.parametrize("limit", [0, 1, 3])
def test_max_redirects(limit: int) -> None:
    script = [step for _ in range(limit + 1) for step in (Expect(), moved("/x"))]
    with Server(script) as server, Session(max_redirects=limit) as session:
        with pytest.raises(
            requests_lite.TooManyRedirects, match=f"more than {limit} redirects, the last from"
        ) as caught:
            session.get(server.url)
    assert len(caught.value.response.history) == limit
    assert isinstance(caught.value.request, PreparedRequest)


def test_digest_is_no_redirect(httpbin: Httpbin) -> None:
    with Session(max_redirects=0, auth=HTTPDigestAuth("u", "p")) as session:
        assert session.get(httpbin.url + "/digest-auth/auth/u/p").ok


def test_a_session_goes_on_after_its_end() -> None:
    with Server([Expect(), answer()], [Expect(), answer()]) as server:
        with Session() as session:
            assert session.get(server.url).ok
        assert server.closed_by_client()
        assert session.get(server.url).ok
        session.close()
    assert isinstance(requests_lite.session(), Session)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda url: ANY.get(url, header={}), "GET takes no keyword 'header'; perhaps you meant 'headers'"),
        (lambda url: ANY.Session().post(url, jsn={}), "POST takes no keyword 'jsn'; perhaps you meant 'json'"),
        (lambda url: ANY.head(url, method="GET"), "HEAD takes no keyword 'method'$"),
        (lambda url: ANY.put(url, nonsense=1), "PUT takes no keyword 'nonsense'$"),
        (lambda url: ANY.Session().send(Request("GET", url)), "takes a PreparedRequest"),
    ],
)
def test_a_wrong_keyword_names_the_right_one(call: Callable[[str], object], words: str) -> None:
    with pytest.raises(TypeError, match=words):
        call("http://127.0.0.1:1/")


# Subclasses as users of requests write them


def test_a_subclass_may_have_a_send_of_its_own() -> None:
    class Logging(Session):
        def send(self, request: PreparedRequest, **options: Any) -> Response:  # type: ignore[override]  # as they do
            seen.append((request.method, options["allow_redirects"]))
            return super().send(request, **options)

    seen: list[object] = []
    with Server([Expect(), answer()] * 2) as server, Logging() as session:
        assert session.get(server.url).ok
        assert session.head(server.url).ok
    assert seen == [("GET", True), ("HEAD", False)]


def test_a_subclass_may_have_a_request_of_its_own() -> None:
    class Prefixed(Session):
        def request(self, method: str, url: str, *args: Any, **options: Any) -> Response:
            return super().request(method, base + url, *args, **options)

        def patch(self, url: str, **options: Any) -> Response:  # type: ignore[override]
            return Response()

    wanted = [b"GET /1?q=1 HTTP", b"HEAD /2 HTTP", b"PUT /4 HTTP"]
    script = [Expect(wanted[0]), answer(), Expect(wanted[1]), moved("/no")]
    script += [Expect(b"POST /3 HTTP", b"\r\n\r\na=b"), answer(), Expect(wanted[2], b'\r\n\r\n{"a": "b"}'), answer()]
    with Server(script) as server, Prefixed() as session:
        base = server.url
        assert session.get("/1", {"q": "1"}).ok
        assert session.head("/2").is_redirect
        assert session.post("/3", {"a": "b"}).ok
        assert session.put("/4", None, {"a": "b"}).ok
        assert session.patch("/5").status_code is None


# The call, the session, the environment: who has the last word

UNSET: Any = object()


@pytest.mark.parametrize(
    ("call", "session", "environment", "result"),
    [
        (None, None, {}, True),
        (None, None, {"CURL_CA_BUNDLE": "/curl"}, "/curl"),
        (None, None, {"CURL_CA_BUNDLE": "/curl", "REQUESTS_CA_BUNDLE": "/env"}, "/env"),
        (None, False, {"REQUESTS_CA_BUNDLE": "/env"}, False),
        (None, True, {"REQUESTS_CA_BUNDLE": "/env"}, True),
        (None, "/session", {"REQUESTS_CA_BUNDLE": "/env"}, "/session"),
        (True, "/session", {"REQUESTS_CA_BUNDLE": "/env"}, True),
        (False, "/session", {"REQUESTS_CA_BUNDLE": "/env"}, False),
        ("/call", False, {"REQUESTS_CA_BUNDLE": "/env"}, "/call"),
    ],
)
def test_whom_to_trust(
    call: Any, session: Any, environment: dict[str, str], result: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    for trust_env, expected in ((True, result), (False, True if call is session is None else result)):
        settings = Session(verify=session, trust_env=trust_env)
        assert settings.merge_environment_settings("https://h/", None, None, call, None)["verify"] == expected
    assert Session(verify=session).merge_environment_settings("http://h/", None, None, call, None)["verify"] == (
        result if environment == {} or call is not None or session is not None else True
    )


ENV = {"http_proxy": "http://env:1", "no_proxy": "direct.example"}
TO_ENV = {"all": "http://env:1"}


@pytest.mark.parametrize(
    ("call", "session", "trust_env", "host", "result"),
    [
        (None, None, True, "h", TO_ENV),
        (None, None, False, "h", None),
        (None, None, True, "direct.example", None),
        ({}, None, True, "h", {}),
        ({"http": "http://call:1"}, None, True, "h", {"http": "http://call:1"}),
        (None, {"http": "http://session:1"}, True, "h", {"http": "http://session:1"}),
        ({}, {"http": "http://session:1"}, True, "h", {}),
        ({"http": None}, {"http": "http://session:1"}, True, "h", {"http": None}),
        ({"http": "http://call:1"}, {"http": "x", "https": "y"}, True, "h", {"http": "http://call:1", "https": "y"}),
        (None, {"http": "http://session:1"}, True, "direct.example", {"http": "http://session:1"}),
    ],
)
def test_which_proxies_are_asked(
    call: Any, session: Any, trust_env: bool, host: str, result: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in ENV.items():
        monkeypatch.setenv(name, value)
    seen: list[object] = []

    class Adapter(requests_lite.BaseAdapter):
        def send(self, request: PreparedRequest, *args: Any, **options: Any) -> Response:
            seen.append(options["proxies"])
            response = Response()
            response.status_code = 200
            return response

    settings = Session(proxies=session, trust_env=trust_env)
    settings.mount("http://", Adapter())
    settings.get(f"http://{host}/", proxies=call)
    assert seen == [result]


@pytest.mark.parametrize(
    ("call", "session", "field", "userinfo", "trust_env", "result"),
    [
        (None, None, None, "", True, "Basic bmV0cmM6cHc="),  # netrc:pw
        (None, None, None, "", False, None),
        (None, None, "Bearer own", "", True, "Bearer own"),
        (None, None, None, "u:p@", True, "Basic dTpw"),
        (None, ("s", "s"), None, "u:p@", True, "Basic czpz"),
        (("c", "c"), ("s", "s"), None, "", True, "Basic Yzpj"),
        ("token", ("s", "s"), "Bearer own", "u:p@", True, "Bearer token"),
        (lambda request: request, ("s", "s"), None, "", True, None),
    ],
)
def test_which_credentials_are_sent(
    call: Any,
    session: Any,
    field: str | None,
    userinfo: str,
    trust_env: bool,
    result: str | None,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (tmp_path / "netrc").write_text("machine h login netrc password pw\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    settings = Session(auth=session, trust_env=trust_env)
    request = Request("GET", f"http://{userinfo}h/", auth=call, headers={"Authorization": field})
    assert settings.prepare_request(request).headers.get("Authorization") == result


def test_settings_of_the_call_count_before_those_of_the_session(certificates: Certificates) -> None:
    scripts = [[Expect(), answer(), Expect(), answer()], [], [Expect(), answer()]]
    with Server(*scripts, tls=certificates.server) as server:
        with Session(verify=certificates.ca, stream=True) as session:
            assert session.get(server.url).raw.read() == b"ok"
            assert session.get(server.url, stream=False)._content == b"ok"
            with pytest.raises(requests_lite.SSLError):
                session.get(server.url, verify=True)
        with Session(verify=ssl.create_default_context(cafile=certificates.ca)) as session:
            assert session.get(server.url).content == b"ok"


# Authentication from end to end


@pytest.mark.parametrize("algorithm", ["MD5", "SHA-256"])
def test_digest_asks_once(algorithm: str, httpbin: Httpbin) -> None:
    url = f"{httpbin.url}/digest-auth/auth/u/p/{algorithm}"
    with Session(auth=HTTPDigestAuth("u", "p")) as session:
        assert [step.status_code for step in session.get(url).history] == [401]
        assert session.get(url).history == []
        wrong = session.get(url, auth=HTTPDigestAuth("u", "wrong"))
        assert (wrong.status_code, len(wrong.history)) == (401, 1)


def test_digest_sends_the_cookies_of_the_challenge_along() -> None:
    challenge = answer(b"", 'WWW-Authenticate: Digest realm="r", nonce="n"', "Set-Cookie: s=1", status="401 No")
    for caller in (requests_lite, Session()):
        with Server(
            [Expect(without=[b"Cookie:"]), challenge, Expect(b"Cookie: s=1\r\n", b"Digest "), answer()]
        ) as server:
            assert caller.post(server.url, data=b"content", auth=HTTPDigestAuth("u", "p")).ok
            if isinstance(caller, Session):
                caller.close()


def test_bearer_and_netrc(httpbin: Httpbin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Session(auth="token") as session:
        assert session.get(httpbin.url + "/bearer").json() == {"authenticated": True, "token": "token"}
    path = tmp_path / "netrc"
    path.write_text(f"machine {httpbin.host} login u password p\n")
    monkeypatch.setenv("NETRC", str(path))
    assert requests_lite.get(httpbin.url + "/basic-auth/u/p").ok
    with Session(trust_env=False) as session:
        assert session.get(httpbin.url + "/basic-auth/u/p").status_code == 401


CREDENTIALS: list[tuple[dict[str, Any], str, bytes]] = [
    ({"auth": ("u", "p")}, "", b"Authorization: Basic dTpw\r\n"),
    ({"auth": "token"}, "", b"Authorization: Bearer token\r\n"),
    ({"headers": {"Authorization": "Bearer own"}}, "", b"Authorization: Bearer own\r\n"),
    ({"headers": {"Cookie": "own=1"}}, "", b"Cookie: own=1\r\n"),
    ({"cookies": {"own": "1"}}, "", b"Cookie: own=1\r\n"),
    ({}, "u:p@", b"Authorization: Basic dTpw\r\n"),
]


@pytest.mark.parametrize(("given", "userinfo", "field"), CREDENTIALS)
@pytest.mark.parametrize("status", ["302 Found", "307 Temporary Redirect"])
@pytest.mark.parametrize("with_session", [False, True])
def test_credentials_stay_with_their_origin(
    given: dict[str, Any], userinfo: str, field: bytes, status: str, with_session: bool
) -> None:
    with_session = with_session and "cookies" not in given  # those of a session that have no domain go everywhere
    caller: Any = Session(**given) if with_session else requests_lite
    options: dict[str, Any] = {} if with_session else given
    secret = [b"Authorization", b"Cookie"]
    with Server([Expect(b"GET /there", without=secret), answer()]) as other:
        script = [Expect(field), moved("/here", status=status), Expect(b"GET /here ", field)]
        with Server([*script, moved(other.url + "/there", status=status)]) as server:
            response = caller.get(server.url.replace("//", "//" + userinfo), **options)
            assert response.content == b"ok"
            assert [step.status_code for step in response.history] == [int(status[:3])] * 2
        if with_session:
            caller.close()


def test_a_location_may_bring_credentials() -> None:
    with Server([Expect(without=[b"Authorization"]), answer()]) as third:
        with Server([Expect(b"Authorization: Basic bjpx\r\n"), moved(third.url)]) as other:
            with Server([Expect(b"Authorization: Basic dTpw"), moved(other.url.replace("//", "//n:q@"))]) as server:
                assert requests_lite.get(server.url, auth=("u", "p")).ok


# Cookies on the way


@pytest.mark.parametrize("with_session", [False, True])
def test_cookies_that_redirects_set_are_told_on_the_way(with_session: bool) -> None:
    caller: Any = Session() if with_session else requests_lite
    script = [Expect(without=[b"Cookie"]), moved("/b", "Set-Cookie: a=1"), Expect(b"GET /b", b"Cookie: a=1\r\n")]
    script += [moved("/c", "Set-Cookie: a=; Max-Age=0", "Set-Cookie: b=2"), Expect(b"Cookie: b=2\r\n")]
    script += [answer(b"ok", "Set-Cookie: c=3"), Expect(b"Cookie: b=2; c=3" if with_session else b"GET /d")]
    with Server([*script, answer()]) as server:
        response = caller.get(server.url)
        assert response.cookies.get_dict() == {"c": "3"}
        assert response.history[1].cookies.get_dict() == {"b": "2"}
        caller.get(server.url + "/d")
        if with_session:
            assert caller.cookies.get_dict() == {"b": "2", "c": "3"}
            caller.close()
    assert with_session or b"Cookie" not in server.received[0].partition(b"GET /d")[2]


def test_a_cookie_field_of_one_s_own_is_sent_as_it_is() -> None:
    with Server([Expect(b"Cookie: own=1\r\n", without=[b"jar", b"call"]), answer()]) as server:
        with Session(cookies={"jar": "2"}) as session:
            assert session.get(server.url, headers={"Cookie": "own=1"}, cookies={"call": "3"}).ok


def test_cookies_of_a_session_can_be_replaced() -> None:
    session = Session()
    jar = CookieJar({"a": "1"})
    for given, expected in (
        (jar, {"a": "1"}),
        ({"b": "2"}, {"b": "2"}),
        (jar.as_http_cookiejar(), {"a": "1"}),
        (None, {}),
    ):
        session.cookies = given
        kept: Any = session.cookies
        assert {cookie.name: cookie.value for cookie in kept} == expected
    session.cookies = jar
    assert session.cookies is jar


def test_a_jar_of_the_standard_library_may_be_kept_in_a_file(tmp_path: Path) -> None:
    """It is the session's own: what was loaded is told, what servers set and take away is saved."""
    jar = http.cookiejar.LWPCookieJar(str(tmp_path / "cookies"))
    script = [Expect(), moved("/x", "Set-Cookie: a=1; Max-Age=99", "Set-Cookie: b=2; Max-Age=99")]
    script += [Expect(b"Cookie: a=1; b=2\r\n"), answer(b"", "Set-Cookie: a=; Max-Age=0")]
    with Server([*script, Expect(b"Cookie: b=2; own=3\r\n"), answer()]) as server:
        with Session() as session:
            session.cookies = jar
            session.get(server.url)
            jar.save()
            again = http.cookiejar.LWPCookieJar(jar.filename)
            again.load()
            assert [(cookie.name, cookie.value) for cookie in again] == [("b", "2")]
            session.cookies = again
            assert session.cookies is again
            session.get(server.url, cookies={"own": "3"})


def test_a_prepared_request_is_sent_again_with_the_cookies_of_that_moment() -> None:
    script = [Expect(without=[b"Cookie"]), answer(b"", "Set-Cookie: a=1"), Expect(b"Cookie: a=1"), answer()]
    with Server([*script, Expect(without=[b"Cookie"]), answer()]) as server, Session() as session:
        prepared = session.prepare_request(Request("GET", server.url))
        for _ in range(2):
            session.send(prepared)
        session.cookies.clear()
        session.send(prepared)


# Pickling and copying


def test_a_session_travels_without_its_connections() -> None:
    with Server([Expect(), answer(b"ok", "Set-Cookie: c=1")], [Expect(b"X: 1", b"Cookie: c=1"), answer()]) as server:
        with Session(base_url=server.url, headers={"X": "1"}, retries=Retry(2), timeout=(1, 2, 3)) as session:
            assert session.get("/").ok
            another = pickle.loads(pickle.dumps(session))
            assert (another.retries.total, another.timeout) == (2, (1, 2, 3))
            assert another.get("/").ok
            another.close()
            assert copy.deepcopy(session).headers == session.headers


@pytest.mark.parametrize(
    "given",
    [
        Request("PUT", "http://h/x", data={"a": "b"}, auth=("u", "p")),
        Request("PUT", "http://h/x", data={"a": "b"}, auth=("u", "p")).prepare(),
        Session().prepare_request(Request("PUT", "http://h/x", data={"a": "b"}, auth=("u", "p"), cookies={"a": "1"})),
    ],
)
def test_requests_travel(given: Any) -> None:
    another = pickle.loads(pickle.dumps(given))
    assert (type(another), another.method, another.url) == (type(given), "PUT", given.url)
    if isinstance(another, PreparedRequest):
        assert (another.body, another.headers) == ("a=b", given.headers)


def test_responses_travel_with_their_history_and_what_streams_is_read_first() -> None:
    with Server([Expect(), moved("/x"), Expect(), answer(b"content", "Set-Cookie: a=1")]) as server:
        response = requests_lite.get(server.url, stream=True)
        another = pickle.loads(pickle.dumps(response))
    assert (another.content, another.url, another.reason) == (b"content", server.url + "/x", "OK")
    assert (another.history[0].status_code, another.cookies["a"], another.elapsed) == (302, "1", response.elapsed)
    assert another.headers.getlist("set-cookie") == ["a=1"]


def test_every_error_travels() -> None:
    kinds: list[Any] = [
        kind for kind in vars(requests_lite).values() if isinstance(kind, type) and issubclass(kind, OSError)
    ]
    assert len(kinds) > 25
    request = Request("GET", "http://h/").prepare()
    for kind in kinds:
        error = kind("words", request=request)
        another = pickle.loads(pickle.dumps(error))
        assert (type(another), str(another), another.request.url) == (kind, "words", "http://h/")


# Threads and forks


def test_threads_share_a_session_and_get_their_own_answers() -> None:
    crossed: list[str] = []

    def work(number: int) -> None:
        for turn in range(25):
            response = session.get(f"{server.url}/{number}/{turn}", headers={"X-Thread": str(number)})
            if response.text != f"/{number}/{turn} {number}":
                crossed.append(response.text)

    with Server([echo], repeat=True) as server, Session() as session:
        threads = [threading.Thread(target=work, args=(number,)) for number in range(32)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
        assert crossed == []
        assert server.connections <= 32 * 3  # of 800 requests; ten may lie idle


@forks
@threaded
def test_a_child_makes_connections_of_its_own(certificates: Certificates) -> None:
    scripts = [[Expect(b"GET /1"), answer(), Expect(b"GET /3"), answer()], [Expect(b"GET /2"), answer()]]
    with Server(*scripts, tls=certificates.server) as server, Session(verify=certificates.ca) as session:
        assert session.get(server.url + "/1").ok
        assert in_child(lambda: session.get(server.url + "/2").content) == "b'ok'"
        assert session.get(server.url + "/3").content == b"ok"
        assert server.connections == 2


# What a response knows


def test_what_a_response_knows() -> None:
    with Server([Expect(), moved("/next", status="308 Permanent Redirect"), Expect(b"GET /next"), answer()]) as server:
        with Session() as session:
            response = session.get(server.url, allow_redirects=False)
            assert (response.is_redirect, response.is_permanent_redirect, response.history) == (True, True, [])
            assert response.next is not None
            final = session.send(response.next)
    assert (final.content, final.next, final.is_redirect, final.is_permanent_redirect) == (b"ok", None, False, False)
    assert timedelta(0) < final.elapsed < timedelta(seconds=10)
    assert (Response().next, Response().links, Response().elapsed) == (None, {}, timedelta(0))


def test_the_next_request_of_a_stream_that_was_sent_is_none_that_can_be_made() -> None:
    with Server([Expect(), moved("/x", status="307 X")]) as server:
        response = requests_lite.post(server.url, data=iter([b"once"]), allow_redirects=False)
        with pytest.raises(requests_lite.UnrewindableBodyError):
            _ = response.next


@pytest.mark.parametrize(
    ("content", "encoding"),
    [
        (b"plain", "utf-8"),
        ("é".encode(), "utf-8"),
        ("é".encode("latin-1"), "windows-1252"),
        ("\ufeffé".encode(), "utf-8-sig"),
        ("é".encode("utf-16"), "utf-16"),
    ],
)
def test_what_content_says_of_its_own_charset(content: bytes, encoding: str) -> None:
    with Server([Expect(), answer(content)]) as server:
        assert requests_lite.get(server.url).apparent_encoding == encoding


def test_fields_given_twice() -> None:
    with Server([Expect(), answer(b"", "Set-Cookie: a=1", "X: 1", "Set-Cookie: b=2", "x: 2")]) as server:
        headers = requests_lite.get(server.url).headers
    assert headers.getlist("set-cookie") == ["a=1", "b=2"]
    assert headers["set-cookie"] == "a=1, b=2"
    assert (headers["X"], headers.getlist("nosuch")) == ("1, 2", [])


# Limits and progress


@pytest.mark.parametrize("read", [lambda r: r.content, lambda r: b"".join(r), lambda r: r.read(), lambda r: r.json()])
@pytest.mark.parametrize("fields", [[], [GZIP]])
def test_content_too_large_is_given_up(read: Callable[[Response], object], fields: list[str]) -> None:
    content = b"[" + b" " * 500_000 + b"]"
    sent = gzip.compress(content) if fields else content
    once = [Expect(), answer(sent, *fields, "Connection: close")]
    with Server(once, once, once) as server:
        with pytest.raises(requests_lite.ContentTooLarge, match=r"larger than max_size=500001 bytes \(from http"):
            read(requests_lite.get(server.url, max_size=500_001, stream=True))
        assert read(requests_lite.get(server.url, max_size=500_002, stream=True)) in (content, [])
        with pytest.raises(requests_lite.ContentTooLarge) as caught:
            requests_lite.get(server.url, max_size=1000)
        assert caught.value.response.status_code == 200


def test_a_bomb_is_given_up_before_it_has_grown() -> None:
    import tracemalloc

    bomb = gzip.compress(bytes(100_000_000))
    with Server([Expect(), answer(bomb, GZIP)]) as server:
        tracemalloc.start()
        try:
            with pytest.raises(requests_lite.ContentTooLarge):
                requests_lite.get(server.url, max_size=1_000_000)
            assert tracemalloc.get_traced_memory()[1] < 5_000_000
        finally:
            tracemalloc.stop()


Told = list[tuple[int, "int | None"]]


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("reply", "first", "last"),
    [
        (answer(bytes(600_000)), None, (600_000, 600_000)),
        (answer(b""), (0, 0), (0, 0)),
        (chunked(b"one", b"two" * 50_000), None, (150_003, None)),
        (chunked(), (0, None), (0, None)),
        (answer(gzip.compress(b"x"), GZIP), None, (len(gzip.compress(b"x")),) * 2),
        (answer(gzip.compress(b"x"), GZIP, every=9), None, (len(gzip.compress(b"x")),) * 2),
    ],
)
def test_progress_of_what_comes(reply: Send, first: object, last: object, stream: bool) -> None:
    told: Told = []
    with Server([Expect(), reply]) as server:
        response = requests_lite.get(server.url, stream=stream, progress=lambda done, total: told.append((done, total)))
        assert stream is (told == [])
        content = b"".join(response)
    assert told[-1] == last
    assert first is None or told == [first]
    assert told == sorted(told)
    assert len(content) == last[0] or len(content) == 1


def test_progress_of_what_is_sent_or_of_what_comes_but_not_of_both() -> None:
    sent: Told = []
    with Server([Expect(), answer(b"answer")] * 3) as server:
        requests_lite.post(server.url, data=b"1234567", progress=lambda *told: sent.append(told))
        requests_lite.post(server.url, data=b"", progress=lambda *told: sent.append(told))
        requests_lite.post(server.url, progress=lambda *told: sent.append(told))
    assert sent == [(7, 7), (0, 0), (6, 6)]


def test_whoever_is_told_of_progress_may_stop_it() -> None:
    class Enough(Exception):
        pass

    def stop(done: int, total: int | None) -> None:
        raise Enough

    with Server([Expect(), answer(bytes(5_000_000))], [Expect(content=False), Wait()]) as server:
        with pytest.raises(Enough):
            requests_lite.get(server.url, progress=stop)
        assert server.closed_by_client(0)
        with pytest.raises(Enough):
            requests_lite.put(server.url, data=bytes(5_000_000), progress=stop)
        assert server.closed_by_client(1)


# Content in all its forms


@pytest.mark.parametrize("fields", [[], [GZIP]])
def test_a_response_and_its_raw_content_are_files(fields: list[str]) -> None:
    table = b"name,size\r\nx,1\r\ny,2\r\n"
    sent = gzip.compress(table) if fields else table
    with Server([Expect(), answer(sent, *fields)] * 4) as server:
        with requests_lite.get(server.url, stream=True) as response:
            target = io.BytesIO()
            shutil.copyfileobj(response, target)
            assert (target.getvalue(), response.read(), response.read(5)) == (table, b"", b"")
        with requests_lite.get(server.url, stream=True) as response:
            assert [response.read(4), response.read(0), response.read(5), response.read(None)] == [
                b"name", b"", b",size", table[9:],
            ]  # fmt: skip
        with requests_lite.get(server.url, stream=True) as response:
            raw = gzip.GzipFile(fileobj=response.raw) if fields else response.raw
            rows = list(csv.reader(io.TextIOWrapper(raw, newline="")))
            assert rows == [["name", "size"], ["x", "1"], ["y", "2"]]
        response = requests_lite.get(server.url)
        assert (response.read(4), response.read()) == (b"name", table[4:])


def test_json_by_lines() -> None:
    with Server([Expect(), chunked(b'{"a": 1}\r\n\n[2', b"]\n", b'"\xc3', b'\xa9"')]) as server:
        assert list(requests_lite.get(server.url, stream=True).iter_json()) == [{"a": 1}, [2], "é"]
    with Server([Expect(), answer(b"1\nnonsense\n3")]) as server:
        values = requests_lite.get(server.url).iter_json()
        assert next(values) == 1
        with pytest.raises(requests_lite.JSONDecodeError, match="starts with 'nonsense'"):
            next(values)


def test_what_was_kept_for_a_redirect_does_not_last_for_ever() -> None:
    """A server that holds back the content of a redirect does not hold the deadline back."""
    head = b"HTTP/1.1 302 Found\r\nLocation: /x\r\nContent-Length: 9\r\n\r\nhalf"
    with Server([Expect(), Send(head), Wait()]) as server:
        with pytest.raises(requests_lite.ReadTimeout):
            requests_lite.get(server.url, timeout=(1, 1, 0.1))


@pytest.mark.parametrize("end", [Cut(), Reset()])
def test_a_stream_of_lines_that_is_cut_says_so(end: Cut) -> None:
    with Server([Expect(), Send(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\none\ntwo"), end]) as server:
        with requests_lite.get(server.url, stream=True) as response:
            lines = []
            with pytest.raises(requests_lite.RequestException, match=r"got 7 of 99|reset"):
                for line in response.iter_lines():
                    lines.append(line)
    assert lines in ([b"one"], [])  # a reset may overtake what was sent


def test_limits() -> None:
    assert limits_of(1)[:2] == (1, 1)
    with pytest.raises(requests_lite.InvalidTimeout, match="connect, read"):
        limits_of((1,))  # type: ignore[arg-type]  # on purpose


def test_a_session_is_ready_in_little_time() -> None:
    """And without what it seldom needs."""
    import subprocess

    code = "import sys; before = {*sys.modules}; import requests_lite; requests_lite.Session().close()"
    code += "; print(*{*sys.modules} - before)"  # what measures coverage loads much
    loaded = set(subprocess.check_output([sys.executable, "-c", code], text=True).split())
    assert not loaded & {"requests_lite.cookies", "json", "ssl", "http.cookiejar"}


def test_adapters_of_a_session_can_be_looked_at() -> None:
    session = Session()
    assert list(session.adapters) == ["http+unix://", "https://", "http://"]
    assert isinstance(session.get_adapter("https://h/"), HTTPAdapter)


# Schemes of one's own


@pytest.mark.parametrize("url", ["mock://test.com/path?a=1", "file:///etc/motd", "Mock://test.com:80/"])
def test_an_adapter_for_a_scheme_of_one_s_own(url: str) -> None:
    def answer(request: PreparedRequest) -> Response:
        response = Response(request)
        response.status_code, response.raw = 200, io.BytesIO(request.url.encode())
        return response

    with Session() as session:
        session.mount(url.partition("/")[0] + "//", answer)
        response = session.get(url, headers={"X": "1"}, data={"b": "2"})
    assert response.url == response.text == url.replace("Mock", "mock")
    assert response.request is not None
    assert response.request.body == "b=2"


@pytest.mark.parametrize("url", ["ftp://example.com/x", "file:///etc/passwd", "http2://example.com/"])
def test_a_scheme_that_nobody_speaks(url: str) -> None:
    with Session() as session:
        with pytest.raises(requests_lite.InvalidSchema, match=r"no adapter mounted for .*, but for http"):
            session.get(url)
    with pytest.raises(requests_lite.InvalidSchema, match=r"a URL is http or https, not '(ftp|file|http2)'"):
        requests_lite.get(url)


def test_a_server_leads_to_no_adapter_for_another_scheme() -> None:
    """A server elsewhere could have files of this machine read."""
    with Session() as session, Server([Expect(), moved("file:///etc/passwd")]) as server:
        session.mount("file://", lambda request: pytest.fail("it was asked"))
        with pytest.raises(requests_lite.InvalidSchema, match="a redirect leads to http or https, not 'file'"):
            session.get(server.url)


def test_headers_of_a_session_may_be_any_mapping() -> None:
    with Server([Expect(b"X-A: 1\r\n", b"x-b: 2\r\n", without=[b"User-Agent"]), answer()]) as server:
        with Session() as session:
            session.headers = {"X-A": "1"}  # type: ignore[assignment]  # as users of requests do
            assert session.get(server.url, headers={"x-b": "2"}).ok
            assert session.headers == {"x-a": "1"}


# Prepared by hand


def test_a_request_prepared_at_once() -> None:
    prepared = PreparedRequest()
    assert prepared.url == ""
    prepared.prepare(
        "put", "http://h/x", {"X": "1"}, None, {"a": "b"}, {"q": "1"}, ("u", "p"), {"c": "d"}, {"response": print}
    )
    assert (prepared.method, prepared.url, prepared.body) == ("PUT", "http://h/x?q=1", "a=b")
    assert prepared.headers == {
        "X": "1", "Content-Type": "application/x-www-form-urlencoded", "Authorization": "Basic dTpw",
    }  # fmt: skip
    assert prepared.cookies.get_dict() == {"c": "d"}
    assert prepared.deregister_hook("response", print)
    assert not prepared.deregister_hook("response", print)
    assert prepared.hooks == {"response": []}
    prepared.url = b"http://h/y"  # as libraries for OAuth set it
    assert prepared.path_url == "/y"


@pytest.mark.parametrize("hooks", [{"request": print}, print, {"response": [print], "error": print}])
def test_hooks_that_nobody_would_hear_of(hooks: Any) -> None:
    with pytest.raises(ValueError, match="there is no other event"):
        Request("GET", "http://h/", hooks=hooks).prepare()
    none: Any = {"response": None}
    assert Request("GET", "http://h/", hooks=none).prepare().hooks == {"response": []}


def test_the_body_of_a_form_that_is_looked_at_is_sent_all_the_same() -> None:
    """A small multipart form is bytes for who looks; what can be read but once stays what it is."""
    file = io.BytesIO(b"content")
    prepared = Request("POST", "http://h/", files={"f": file}, data={"a": "b"}).prepare()
    assert b'name="f"; filename="f"' in prepared.body
    assert prepared.body == prepared.body
    once = Request("POST", "http://h/", files={"f": iter([b"content"])}).prepare()
    assert not isinstance(once.body, bytes)
    param = MultipartParam("f", filename="f", fileobj=iter([b"content"]), filesize=7, dialect="form")
    once = Request("POST", "http://h/", files=[("f", param)]).prepare()
    assert not isinstance(once.body, bytes)
    with Server([Expect(b"content"), answer(), Expect(b"content"), answer()]) as server, Session() as session:
        once.url = prepared.url = server.url
        assert session.send(once).ok
        assert session.send(prepared).ok
    file.close()
    assert not isinstance(prepared.body, bytes)


def test_a_subclass_decides_who_keeps_credentials() -> None:
    """As those written for requests do, by rebuild_auth()."""

    class Trusting(Session):
        def rebuild_auth(self, prepared_request: PreparedRequest, response: Response) -> None:
            assert response.is_redirect
            if not prepared_request.url.endswith("/kept"):
                del prepared_request.headers["Authorization"]

    for path, keeps in (("/kept", True), ("/lost", False)):
        wanted = [b"Authorization: Basic dTpw"] if keeps else []
        unwanted = [] if keeps else [b"Authorization"]
        with Server([Expect(*wanted, without=unwanted), answer()]) as other:
            with Server([Expect(b"Authorization: Basic dTpw"), moved(other.url + path)]) as server:
                with Trusting() as session:
                    assert session.get(server.url, auth=("u", "p")).ok


@pytest.mark.parametrize("mine", [{"a": 1}, "a=1", [("a", 1)]])
@pytest.mark.parametrize("params", [["x"], 5, [("b", "\ud800")]])
def test_params_that_are_none_beside_those_of_the_session(mine: Any, params: Any) -> None:
    with Session(params=mine) as session:
        with pytest.raises(requests_lite.InvalidURL, match="params= is a mapping"):
            session.get("http://h/", params=params)


def test_a_field_without_a_name() -> None:
    with pytest.raises(requests_lite.InvalidHeader):
        requests_lite.get("http://h/", headers={None: None})  # type: ignore[arg-type]  # a slip


def test_a_hook_may_return_a_response_of_its_own() -> None:
    def hook(response: Response, **options: Any) -> Response:
        mine: Any = Response()
        mine.status_code, mine.url, mine.headers, mine._content = 200, response.url, {"a": "b"}, b"mine"
        return mine  # type: ignore[no-any-return]  # as a library makes one, with a dict for headers

    with Server([Expect(), answer()]) as server, Session() as session:
        response = session.get(server.url, hooks={"response": hook})
        assert (response.content, response.headers["A"]) == (b"mine", "b")


def test_threads_share_a_jar_of_the_standard_library() -> None:
    """None of what servers set at once is lost."""

    def serve(connection: Any) -> None:
        with connection.makefile("rb") as stream:
            while line := stream.readline():
                while stream.readline() != b"\r\n":
                    pass
                name = line.split()[1].strip(b"/")
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nSet-Cookie: %b=1\r\n\r\n" % name)

    def work(number: int) -> None:
        for turn in range(10):
            session.get(f"{server.url}/{number}-{turn}")

    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        with Server(*[[serve]] * 8) as server, Session() as session:
            session.cookies = http.cookiejar.CookieJar()
            threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join(30)
            assert len([*session.cookies]) == 80
    finally:
        sys.setswitchinterval(before)


def key(request: PreparedRequest) -> PreparedRequest:
    request.headers["X-Api-Key"] = "secret"
    return request


@pytest.mark.parametrize("by", ["auth=", "a session's auth", "add_autoauth()"])
def test_fields_that_credentials_have_set_are_credentials(by: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """They stay with the origin, and within the path that they were given for."""
    stranger = [Expect(b"GET /away ", without=[b"X-Api-Key", b"secret"]), answer()]
    with Server(stranger) as away, Session() as session:
        first = [Expect(b"\r\nX-Api-Key: secret\r\n"), moved("/near")]
        near = Expect(b"GET /near ", without=[b"X-Api-Key"]) if "auto" in by else Expect(b"X-Api-Key: secret\r\n")
        with Server([*first, near, moved(away.url + "/away")]) as server:
            session.auth = key if "session" in by else None
            if "auto" in by:
                for module in ("prepared", "agent"):
                    monkeypatch.setattr(f"requests_lite.{module}.AUTOAUTHS", [(server.url + "/in", key)])
            assert session.get(server.url + "/in", auth=key if by == "auth=" else None).ok


def test_cookies_of_one_session_are_not_told_by_another() -> None:
    script = [Expect(b"\r\nCookie: a=1\r\n"), answer()]
    with Server(script, [Expect(without=[b"Cookie"]), answer()]) as server:
        with Session(cookies={"a": "1"}) as session, Session() as other:
            prepared = session.prepare_request(Request("GET", server.url))
            assert session.send(prepared).ok
            assert other.send(prepared).ok


def test_what_a_hook_has_read_of_a_redirect_is_missing_in_words() -> None:
    with Server([Expect(), answer(b"0123456789", "Location: /x", status="302 Found"), Expect(), answer()]) as server:

        def peek(response: Response, **options: Any) -> None:
            assert response.read(3) in (b"012", b"ok")

        response = requests_lite.get(server.url, stream=True, hooks={"response": peek})
        with pytest.raises(requests_lite.StreamConsumedError):
            _ = response.history[0].content
        response.close()


def test_next_of_a_redirect_that_says_it_twice() -> None:
    with Server([Expect(), moved("/x", "Location: /x")]) as server:
        following = requests_lite.get(server.url, allow_redirects=False).next
        assert following is not None
        assert following.url == server.url + "/x"


def test_headers_of_a_prepared_request_may_be_a_dict() -> None:
    def auth(request: Any) -> Any:
        request.headers = {"X-Key": "secret"}
        return request

    with Server([Expect(b"\r\nX-Key: secret\r\n"), answer(), Expect(b"\r\nA: b\r\n"), answer()]) as server:
        with Session() as session:
            assert session.get(server.url, auth=auth).ok
            prepared: Any = session.prepare_request(Request("GET", server.url))
            prepared.headers = {"A": "b"}
            assert session.send(prepared).ok


def test_what_subclasses_and_libraries_written_for_requests_lean_on() -> None:
    class Limited(Session):  # as github3's
        def __init__(self) -> None:
            super().__init__()
            self.seconds = 7.0

        @property
        def timeout(self) -> Any:  # type: ignore[override]  # it knows of no other
            return (self.seconds, self.seconds)

    with Limited() as session, Server([Expect(b"LIST /x "), answer()]) as server:
        response = session.request("LIST", server.url + "/x")  # Vault has that method
        assert response.ok
        assert session.timeout == (7.0, 7.0)
    response.elapsed = timedelta(seconds=3)  # as caches set it
    assert response.elapsed == timedelta(seconds=3)
    assert response.raw._request_url is None
    request: Any = Request("GET", "http://h/")
    request.headers["X-A"], request.params["q"] = "1", "2"
    prepared = request.prepare()
    assert (prepared.headers["X-A"], prepared.url) == ("1", "http://h/?q=2")
    assert not hasattr(prepared, "content")  # whoever signs a request takes one for the bytes of a WSGI environment


@pytest.mark.parametrize("size", [1, 3, 100_000])
def test_packed_content_in_pieces_of_any_size(size: int) -> None:
    content = bytes(range(256)) * 20
    with Server([Expect(), answer(gzip.compress(content), GZIP)]) as server:
        with requests_lite.get(server.url, stream=True) as response:
            pieces = [*response.iter_content(size)]
    assert b"".join(pieces) == content
    assert {*map(type, pieces)} == {bytes}
    assert {*map(len, pieces[:-1])} <= {size}
