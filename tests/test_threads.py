"""What is shared: sessions between threads, connections with a forked child, and what travels in a pickle."""

from __future__ import annotations

import copy
import io
import json
import pickle
import re
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import pytest
from test_pool import forks, in_child, threaded
from test_session import GZIP, answer, echo, moved

import requests_lite
from conftest import Certificates
from requests_lite import (
    Headers,
    HTTPAdapter,
    HTTPBearerAuth,
    HTTPDigestAuth,
    PreparedRequest,
    Request,
    RequestException,
    Response,
    Retry,
    Session,
    StreamConsumedError,
    WSGIAdapter,
    exceptions,
)
from requests_lite.cookies import CookieJar
from requests_lite.exceptions import not_json
from server import Cut, Expect, Send, Server, Wait

THREADS, TURNS = 32, 20


@pytest.fixture
def hurry() -> Iterator[None]:
    """Have threads take turns as often as can be."""
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    yield
    sys.setswitchinterval(interval)


def in_threads(work: Callable[[int], object], count: int = THREADS) -> list[Any]:
    """Do work with a number of its own in each of so many threads that begin at once; return what comes of it."""
    begin = threading.Barrier(count)

    def begins(number: int) -> object:
        begin.wait(10)
        return work(number)

    with ThreadPoolExecutor(count) as pool:
        return [done.result(40) for done in [pool.submit(begins, number) for number in range(count)]]


def mirror(connection: socket.socket) -> None:
    """Answer each request with its content, in chunks when it came in chunks; set a cookie of its X-Number."""
    with connection.makefile("rb") as stream:
        while line := stream.readline():
            fields = {}
            while (field := stream.readline().decode()) != "\r\n":
                name, _, value = field.strip().partition(": ")
                fields[name.lower()] = value
            number = fields.get("x-number", "0")
            head = f"HTTP/1.1 200 OK\r\nSet-Cookie: c{number}={number}\r\nX-Target: {line.split()[1].decode()}\r\n"
            if "transfer-encoding" in fields:
                head, content = head + "Transfer-Encoding: chunked\r\n\r\n", b""
                while size := int(line := stream.readline(), 16):
                    content += line + stream.read(size + 2)
                content += line + stream.readline()
            else:
                content = stream.read(int(fields.get("content-length", "0")))
                head += f"Content-Length: {len(content)}\r\n\r\n"
            connection.sendall(head.encode() + content)


# Threads


@pytest.mark.usefixtures("hurry")
@pytest.mark.parametrize("tls", [False, True], ids=["http", "https"])
@pytest.mark.parametrize("shared", ["session", "functions"])
def test_each_thread_gets_the_answers_to_its_own_questions(
    shared: str, tls: bool, certificates: Certificates, monkeypatch: pytest.MonkeyPatch
) -> None:
    def work(number: int) -> list[str]:
        return [get(f"{server.url}/{number}/{turn}", headers={"X-Thread": str(number)}).text for turn in range(TURNS)]

    monkeypatch.setenv("REQUESTS_CA_BUNDLE", certificates.ca)
    with Server([echo], repeat=True, tls=certificates.server if tls else None) as server, Session() as session:
        get: Callable[..., Response] = session.get if shared == "session" else requests_lite.get
        answers = in_threads(work)
        assert answers == [[f"/{n}/{turn} {n}" for turn in range(TURNS)] for n in range(THREADS)]
        assert server.connections < THREADS * TURNS / 2
        assert get(server.url + "/x").text.startswith("/x")


@pytest.mark.usefixtures("hurry")
def test_each_thread_gets_its_content_back() -> None:
    """Content and answers of all kinds: small, large, in chunks, streamed."""

    def work(number: int) -> None:
        for turn in range(8):
            content = b"%d.%d " % (number, turn) * (1, 100, 20_000)[turn % 3]
            data: Any = iter([content[:7], content[7:]]) if turn % 2 else content
            call = partial(session.post, f"{server.url}/{number}/{turn}", data, headers={"X-Number": str(number)})
            if turn % 4 == 3:
                with call(stream=True) as response:
                    assert b"".join(response.iter_content(1000)) == content
            else:
                assert call().content == content

    with Server([mirror], repeat=True) as server, Session() as session:
        in_threads(work)
        assert dict(session.cookies) == {f"c{n}": str(n) for n in range(THREADS)}


@pytest.mark.usefixtures("hurry")
def test_functions_share_connections_and_no_cookies() -> None:
    with Server([mirror], repeat=True) as server:
        responses = in_threads(lambda n: requests_lite.get(server.url, headers={"X-Number": str(n)}))
        assert [dict(response.cookies) for response in responses] == [{f"c{n}": str(n)} for n in range(THREADS)]


DISTURBANCES: dict[str, Callable[[Session, int], None]] = {
    "closed": lambda session, turn: session.close(),
    "given adapters": lambda session, turn: session.mount(f"http://other{turn % 50}.example/", HTTPAdapter()),
}


@pytest.mark.usefixtures("hurry")
@pytest.mark.parametrize("how", DISTURBANCES)
def test_a_session_goes_on_though_it_is_again_and_again(how: str) -> None:
    done = threading.Event()

    def disturb() -> None:
        turn = 0
        while not done.wait(0.0005):
            turn += 1
            DISTURBANCES[how](session, turn)

    with Server([echo], repeat=True) as server, Session() as session:
        disturber = threading.Thread(target=disturb)
        disturber.start()
        try:
            answers = in_threads(lambda n: [session.get(f"{server.url}/{n}/{t}").text for t in range(TURNS)], 8)
        finally:
            done.set()
            disturber.join(10)
    assert answers == [[f"/{n}/{turn} " for turn in range(TURNS)] for n in range(8)]


@pytest.mark.usefixtures("hurry")
def test_threads_never_send_a_digest_twice() -> None:
    """RFC 7616 s3.4: the server takes the same nonce and count for a replay."""
    seen: list[bytes] = []

    def app(environ: dict[str, Any], start_response: Callable[..., object]) -> list[bytes]:
        given = environ.get("HTTP_AUTHORIZATION", "").encode()
        if not given:
            start_response("401 No", [("WWW-Authenticate", 'Digest realm="r", nonce="n", qop="auth"')])
            return []
        seen.append(b"".join(re.findall(rb'nc=\w+|cnonce="\w+"', given)))
        start_response("200 OK", [])
        return []

    session = Session(auth=HTTPDigestAuth("u", "p"))
    session.mount("http://app", WSGIAdapter(app))
    in_threads(lambda n: [session.get("http://app/").raise_for_status() for _ in range(TURNS)])
    assert len(seen) == len(set(seen)) == THREADS * TURNS


@pytest.mark.usefixtures("hurry")
def test_one_response_of_a_thread_is_content_for_all() -> None:
    with Server([Expect(), answer(b"content" * 1000, every=100)]) as server:
        response = requests_lite.get(server.url)
        assert in_threads(lambda _: (response.text, response.json_loads)) == [("content" * 1000, None)] * THREADS


# Forks


@forks
@threaded
@pytest.mark.parametrize("tls", [False, True], ids=["http", "https"])
@pytest.mark.parametrize("shared", ["session", "functions"])
def test_a_child_leaves_the_connections_of_its_parent_alone(
    shared: str, tls: bool, certificates: Certificates, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One lies idle and one is in the middle of a content when the child is born, asks, and goes."""
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", certificates.ca)
    rest = threading.Event()
    half, other_half = Send(b"HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nhalf"), Send(b"half")
    scripts = [
        [Expect(b"GET /busy"), half, Wait(rest), other_half, Expect(b"GET /last"), answer(b"last")],
        [Expect(b"GET /idle"), answer(b"idle"), Expect(b"GET /again"), answer(b"again")],
        [Expect(b"GET /child"), answer(b"child"), Expect(b"GET /child"), answer(b"child")],
    ]
    with Server(*scripts, tls=certificates.server if tls else None) as server, Session() as session:
        get: Callable[..., Response] = session.get if shared == "session" else requests_lite.get
        busy = get(server.url + "/busy", stream=True)
        assert busy.read(4) == b"half"
        assert get(server.url + "/idle").content == b"idle"

        def child() -> object:
            nonlocal busy
            contents = [get(server.url + "/child").content for _ in range(2)]
            busy.close()
            del busy
            session.close()
            return contents

        assert in_child(child) == "[b'child', b'child']"
        rest.set()
        assert busy.read() == b"half"
        responses = [get(server.url + "/last", stream=True), get(server.url + "/again", stream=True)]
        assert [response.content for response in responses] == [b"last", b"again"]
        assert server.connections == 3


def text_of(session: Session, url: str) -> str:
    return session.get(url).text


@forks
@threaded
def test_a_child_born_while_threads_are_busy() -> None:
    """Whatever locks they held at that moment, the child gets its answers, and so do they."""
    done = threading.Event()

    def work(number: int) -> int:
        turns = 0
        while not done.is_set():
            text = session.get(f"{server.url}/{number}/{turns}", headers={"X-Thread": str(number)}).text
            assert text == f"/{number}/{turns} {number}"
            turns += 1
        return turns

    with Server([echo], repeat=True) as server, Session() as session, ThreadPoolExecutor(8) as pool:
        workers = [pool.submit(work, number) for number in range(8)]
        try:
            for turn in range(10):
                said = in_child(partial(text_of, session, f"{server.url}/child/{turn}"))
                assert said == f"'/child/{turn} '"
        finally:
            done.set()
        assert all(worker.result(20) > 0 for worker in workers)


# Sessions travel


def shout(response: Response, **options: object) -> None:
    """A hook; found by its name, as pickling has it."""
    response.reason = "OH"


def stub(request: PreparedRequest) -> Response:
    """A function in the place of a network."""
    response = Response(request)
    response.status_code, response.raw = 203, io.BytesIO(request.url.encode())
    return response


class Mine(HTTPAdapter):
    """An adapter with something of its own."""

    def __init__(self, mark: str, **options: Any) -> None:
        self.mark = mark
        super().__init__(**options)

    def send(self, request: PreparedRequest, *given: Any, **options: Any) -> Response:
        request.headers["X-Mark"] = self.mark
        return super().send(request, *given, **options)


def by_pickle(protocol: int, value: Any) -> Any:
    return pickle.loads(pickle.dumps(value, protocol))


WAYS: dict[str, Callable[[Any], Any]] = {
    **{f"pickle {number}": partial(by_pickle, number) for number in range(2, pickle.HIGHEST_PROTOCOL + 1)},
    "deepcopy": copy.deepcopy,
}
every_way = pytest.mark.parametrize("way", WAYS.values(), ids=WAYS.keys())


@every_way
def test_a_session_travels_with_all_it_has(way: Callable[[Any], Any]) -> None:
    session = Session(
        base_url="http://h/v1/", headers={"X": "1"}, params={"q": "1"}, auth=HTTPDigestAuth("u", "p"),
        cookies={"a": "1"}, timeout=(1, 2, 3), retries=Retry(2, statuses=[500]), proxies={"http": "http://p:1"},
        verify="/ca", cert=("c", "k"), stream=True, trust_env=False, max_redirects=3, raise_for_status=True,
        json_dumps=json.dumps, json_loads=json.loads, resolve={"h": "::1"}, source_address="127.0.0.1",
    )  # fmt: skip
    session.hooks["response"].append(shout)
    session.mount("http://stub", stub)
    session.mount("http://mine", Mine("m", max_retries=4, pool_maxsize=7))
    another = way(session)
    plain = ("base_url headers params auth timeout proxies verify cert stream trust_env max_redirects raise_for_status "
             "json_dumps json_loads hooks").split()  # fmt: skip
    assert [getattr(another, name) for name in plain] == [getattr(session, name) for name in plain]
    assert (another.retries.total, another.retries.statuses, dict(another.cookies)) == (2, {500}, {"a": "1"})
    assert list(another.adapters) == list(session.adapters)
    standard, mine = another.get_adapter("http://h/"), another.get_adapter("http://mine/")
    assert (standard.resolve, standard._source) == ({"h": "::1"}, ("127.0.0.1", 0))
    assert (type(mine), mine.mark, mine.max_retries.total, mine._pool_maxsize) == (Mine, "m", 4, 7)
    response = another.get("http://stub/x", auth=("u", "p"), params={})
    assert (response.text, response.reason) == ("http://stub/x?q=1", "OH")
    another.headers["X"], another.params["q"] = "2", "2"
    another.cookies["a"] = "2"
    assert (session.headers["X"], session.params, session.cookies["a"]) == ("1", {"q": "1"}, "1")


@every_way
def test_a_session_that_has_travelled_makes_connections_of_its_own(way: Callable[[Any], Any]) -> None:
    with Server(
        [Expect(b"X-Mark: m"), answer(), Expect(b"GET /2"), answer()], [Expect(b"X-Mark: m"), answer()]
    ) as server:
        with Session() as session:
            session.mount("http://", Mine("m"))
            assert session.get(server.url + "/1").ok
            with way(session) as another:
                assert another.get(server.url + "/another").ok
            assert session.get(server.url + "/2").ok


def test_a_session_with_what_does_not_travel_says_so() -> None:
    session = Session()
    session.mount("http://x", lambda request: Response())
    with pytest.raises((pickle.PicklingError, AttributeError)):
        pickle.dumps(session)


# Requests travel


@every_way
def test_a_request_travels(way: Callable[[Any], Any]) -> None:
    request = Request(
        "PUT", "http://h/x", {"X": "1"}, data={"a": "b"}, params={"q": "1"}, auth=("u", "p"), cookies={"c": "1"},
        hooks={"response": shout}, timeout=(1, 2), retries=Retry(1), max_size=9,
    )  # fmt: skip
    another = way(request)
    assert repr(another) == repr(request)
    ours, theirs = request.prepare(), another.prepare()
    assert (theirs.method, theirs.url, theirs.headers, theirs.body) == (ours.method, ours.url, ours.headers, ours.body)
    assert (another.timeout, another.retries.total, another.max_size) == ((1, 2), 1, 9)
    assert theirs.hooks == {"response": [shout]}
    assert another.sent is False


@every_way
def test_a_prepared_request_travels(way: Callable[[Any], Any]) -> None:
    with Session(auth=("u", "p")) as session:
        prepared = session.prepare_request(Request("PUT", "http://u2:p2@h:81/x?q#f", json=[1], cookies={"c": "1"}))
    another = way(prepared)
    assert (another.method, another.url, another.path_url) == ("PUT", "http://h:81/x?q#f", "/x?q")
    assert (another.headers, another.body, dict(another.cookies)) == (prepared.headers, b"[1]", {"c": "1"})
    another.headers["X"] = "1"
    assert "X" not in prepared.headers
    with Server([Expect(b"Authorization: Basic dTpw", b"Cookie: c=1", b"\r\n\r\n[1]"), answer()]) as server:
        another.url = server.url
        assert session.send(another).ok
        session.close()


@every_way
def test_a_prepared_request_leaves_a_stream_and_functions_at_home(way: Callable[[Any], Any]) -> None:
    hooks: Any = {"response": lambda response, **_: None}
    prepared = Request("PUT", "http://h/x", data=iter([b"a"]), hooks=hooks, auth=lambda request: request).prepare()
    another = way(prepared)
    assert (another.body, another.hooks, another.method) == (None, {"response": []}, "PUT")
    assert (prepared.hooks, prepared.body is None) == ({"response": [hooks["response"]]}, False)


@pytest.mark.parametrize("way", [PreparedRequest.copy, copy.copy])
def test_a_copy_has_the_stream_and_the_functions(way: Callable[[Any], Any]) -> None:
    prepared = Request(
        "PUT", "http://h/x", data=io.BytesIO(b"a"), hooks={"response": shout}, auth=HTTPBearerAuth("t")
    ).prepare()
    another = way(prepared)
    assert (another.body, another.hooks, another.headers) == (prepared.body, prepared.hooks, prepared.headers)
    del another.headers["Authorization"]
    another.authorize()
    assert another.headers["Authorization"] == "Bearer t"


# Responses travel


@every_way
@pytest.mark.parametrize("stream", [False, True])
def test_a_response_travels(way: Callable[[Any], Any], stream: bool) -> None:
    content = b'{"a": "\xc3\xa4"}'
    fields = ["Content-Type: application/json", "Set-Cookie: a=1", "Set-Cookie: b=2", 'Link: </2>; rel="next"']
    with Server([Expect(), moved("/x"), Expect(), answer(content, *fields), Expect(), answer()]) as server:
        with Session() as session:
            response = session.get(server.url, stream=stream, hooks={"response": lambda r, **_: None})
            another = way(response)
            assert session.get(server.url).ok  # what streamed was read, and the connection is free
    assert (another.status_code, another.reason, another.url) == (200, "OK", server.url + "/x")
    assert (another.content, another.text, another.json()) == (content, content.decode(), {"a": "ä"})
    assert (another.headers.getlist("set-cookie"), dict(another.cookies)) == (["a=1", "b=2"], {"a": "1", "b": "2"})
    assert (another.elapsed, another.links["next"]["url"]) == (response.elapsed, server.url + "/2")
    assert [(old.status_code, old.content, old.next.url) for old in another.history] == [(302, b"", server.url + "/x")]
    assert (another.request.method, another.request.url) == ("GET", server.url + "/x")
    assert (list(another.iter_content(5)), another.read(2), another.connection) == (
        [content[:5], content[5:10], content[10:]], b'{"', None,
    )  # fmt: skip
    assert response.content == content


@every_way
def test_a_response_half_read_travels_without_its_content(way: Callable[[Any], Any]) -> None:
    with Server([Expect(), answer(b"content")]) as server, requests_lite.get(server.url, stream=True) as response:
        assert response.read(3) == b"con"
        another = way(response)
        assert response.read() == b"tent"
    assert (another.status_code, another.ok) == (200, True)
    for read in (lambda: another.content, another.json, lambda: another.text):
        with pytest.raises(StreamConsumedError):
            read()


@every_way
def test_a_response_that_is_cut_travels_without_its_content(way: Callable[[Any], Any]) -> None:
    with Server([Expect(), Send(b"HTTP/1.1 500 Oh\r\nContent-Length: 9\r\n\r\nhalf"), Cut()]) as server:
        another = way(requests_lite.get(server.url, stream=True))
    assert (another.status_code, another.reason) == (500, "Oh")
    with pytest.raises(StreamConsumedError):
        another.content  # noqa: B018  # it is asked for to fail


@every_way
def test_a_response_keeps_what_was_set(way: Callable[[Any], Any]) -> None:
    with Server([Expect(), answer("ä".encode("utf-16-le"), GZIP)]) as server:
        with requests_lite.get(server.url, stream=True) as response:
            response.encoding, response.raw = "utf-16-le", io.BytesIO("ö".encode("utf-16-le"))
            del response.headers["Content-Encoding"]
            response.cookies = CookieJar({"x": "y"})
            response.note = "mine"  # type: ignore[attr-defined]  # a user's own
            another = way(response)
    assert (another.encoding, another.text, dict(another.cookies), another.note) == (
        "utf-16-le",
        "ö",
        {"x": "y"},
        "mine",
    )
    assert bool(way(Response())) is False


# Errors travel

KINDS: list[Any] = [kind for kind in vars(exceptions).values() if isinstance(kind, type) and issubclass(kind, OSError)]


@every_way
@pytest.mark.parametrize("kind", [kind for kind in KINDS if issubclass(kind, RequestException)])
def test_an_error_travels_with_its_request_and_response(kind: Any, way: Callable[[Any], Any]) -> None:
    response = Response(Request("GET", "http://h/x").prepare())
    response.status_code, response.raw = 503, io.BytesIO(b"content")
    error = kind("some words", request=response.request, response=response)
    another = way(error)
    assert (type(another), str(another), another.args) == (kind, "some words", ("some words",))
    assert (another.request.url, another.response.status_code) == ("http://h/x", 503)
    assert another.response.content == b"content"
    assert str(way(kind())) == str(kind())


def test_the_kinds_are_all() -> None:
    public = {kind for kind in vars(requests_lite).values() if isinstance(kind, type) and issubclass(kind, OSError)}
    assert public <= {*KINDS}
    assert len(KINDS) > 27


@every_way
def test_an_error_of_the_wire_travels(way: Callable[[Any], Any]) -> None:
    with Server([Expect(), Send(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf"), Cut()]) as server:
        with pytest.raises(requests_lite.IncompleteRead) as caught:
            requests_lite.get(server.url)
    another = way(caught.value)
    assert (another.got, another.of, str(another)) == (4, 9, str(caught.value))
    assert (another.request.method, another.response.status_code) == ("GET", 200)
    with pytest.raises(StreamConsumedError):
        another.response.content  # noqa: B018  # it is asked for to fail


@every_way
def test_an_error_of_json_travels(way: Callable[[Any], Any]) -> None:
    with Server([Expect(), answer(b'{"a": nonsense}', "Content-Type: application/json")]) as server:
        response = requests_lite.get(server.url)
    with pytest.raises(requests_lite.JSONDecodeError) as caught:
        response.json()
    error: Any = caught.value
    another = way(error)
    assert isinstance(another, requests_lite.JSONDecodeError)
    assert isinstance(another, json.JSONDecodeError)
    names = "args msg doc pos lineno colno".split()
    assert [getattr(another, name) for name in names] == [getattr(error, name) for name in names]
    assert (str(another), another.pos) == (str(error), 6)
    assert str(way(not_json("words", ValueError("x")))) == "words"


def test_an_error_of_json_travels_with_its_request_and_response() -> None:
    with Server([Expect(), answer(b"nonsense")]) as server:
        response = requests_lite.get(server.url)
    with pytest.raises(requests_lite.JSONDecodeError) as caught:
        response.json()
    another = pickle.loads(pickle.dumps(caught.value))
    assert (another.request.url, another.response.content) == (server.url + "/", b"nonsense")


# What else travels


@every_way
@pytest.mark.parametrize("auth", [HTTPDigestAuth("u", "p"), HTTPBearerAuth("t"), requests_lite.AuthObject("u", "p")])
def test_credentials_travel(auth: Any, way: Callable[[Any], Any]) -> None:
    another = way(auth)
    assert vars(another) == vars(auth)
    assert type(another) is type(auth)


@every_way
def test_headers_cookies_retries_and_codes_travel(way: Callable[[Any], Any]) -> None:
    headers = Headers([("X-A", "1"), ("x-a", "2"), ("B", "3")])
    another = way(headers)
    assert (list(another.lines()), another) == (list(headers.lines()), headers)
    another["B"] = "4"
    assert headers["b"] == "3"
    jar = CookieJar()
    jar.set("a", "1", domain="example.com", path="/x", secure=True, expires=4e9)
    jar.set("a", "2", domain="example.org")
    assert [vars_of(cookie) for cookie in way(jar)] == [vars_of(cookie) for cookie in jar]
    assert vars(way(Retry(7, 1.5, [500], None, 9))) == vars(Retry(7, 1.5, [500], None, 9))
    assert way(requests_lite.codes).not_found == 404


def vars_of(cookie: Any) -> dict[str, object]:
    return {name: getattr(cookie, name) for name in "name value domain path secure expires host_only http_only".split()}
