"""What a session mounts: its own engine set up another way, a function, a WSGI application, and what others wrote."""

from __future__ import annotations

import gzip
import io
import pickle
import socket
import ssl
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from datetime import datetime, timezone
from pathlib import Path
from typing import Any
from wsgiref.validate import validator

import pytest
import urllib3
import werkzeug
from test_session import answer, moved

import requests_lite
from conftest import Certificates
from requests_lite import (
    BaseAdapter,
    ConnectionError,
    Headers,
    HTTPAdapter,
    InvalidProxyURL,
    InvalidSchema,
    InvalidTimeout,
    PreparedRequest,
    Request,
    Response,
    Retry,
    Session,
    SSLError,
    WSGIAdapter,
)
from requests_lite.adapters import FunctionAdapter, limits_of, tls_of
from server import Expect, Send, Server, Wait

Start = Callable[..., Callable[[bytes], object]]
Environ = dict[str, Any]


def says(words: str) -> Callable[[PreparedRequest], Response]:
    """Return a function in the place of a network, which always says the same."""

    def function(request: PreparedRequest) -> Response:
        response = Response(request)
        response.status_code, response.raw = 200, io.BytesIO(words.encode())
        return response

    return function


# What is mounted where


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("http://other/", "http"),
        ("https://other/", "https"),
        ("https://api.test/", "api"),
        ("https://api.test/v2", "v2"),
        ("https://api.test/v2/users", "v2"),
        ("HTTPS://API.TEST/V2/users", "v2"),
        ("https://api.test/v1/users", "api"),
        ("https://api.test:8443/v2", "https"),
        ("http://api.test/v2", "http"),
        ("https://user:secret@api.test/v2", "v2"),
        ("https://api.test/x/../v2", "v2"),
    ],
)
def test_the_longest_prefix_answers(url: str, words: str) -> None:
    session = Session()
    for prefix in ("https://API.test/", "http://", "https://api.test/V2", "https://"):
        name = prefix.strip("/").rpartition("/")[2].lower()
        session.mount(prefix, says({"api.test": "api", "http:": "http", "https:": "https"}.get(name, name)))
    assert session.get(url).text == words


def test_what_is_mounted_again_takes_the_place_of_what_was_there() -> None:
    session = Session()
    session.mount("http://x", says("one"))
    before = len(session.adapters)
    session.mount("HTTP://X", says("two"))
    assert (session.get("http://x/").text, len(session.adapters)) == ("two", before)


def test_where_nothing_is_mounted() -> None:
    session = Session()
    session.adapters.clear()
    session.mount("https://", says("https"))
    with pytest.raises(InvalidSchema, match="no adapter mounted for 'http://x/', but for https://") as caught:
        session.get("http://x/")
    assert isinstance(caught.value.request, PreparedRequest)


def test_a_redirect_goes_by_the_adapter_of_its_place() -> None:
    def elsewhere(request: PreparedRequest) -> Response:
        response = Response()
        response.status_code, response.headers["Location"] = 302, "http://b/x"
        return response

    session = Session()
    session.mount("http://a", elsewhere)
    session.mount("http://b", says("there"))
    response = session.get("http://a/")
    assert (response.text, response.url) == ("there", "http://b/x")
    assert response.history[0].connection is None


# The engine's own adapter


def test_idle_connections_up_to_pool_maxsize() -> None:
    scripts = [[Expect(), answer(), Expect(), answer()], [Expect(), answer()], [Expect(), answer()]]
    with Server(*scripts) as server, Session() as session:
        session.mount("http://", HTTPAdapter(pool_maxsize=1))
        with ExitStack() as stack:
            streams = [stack.enter_context(session.get(server.url, stream=True)) for _ in range(3)]
            assert [stream.content for stream in reversed(streams)] == [b"ok"] * 3
        # The third came home first, and the first last: that one stayed.
        assert server.closed_by_client(2)
        assert server.closed_by_client(1)
        assert session.get(server.url).ok
        assert server.connections == 3


def test_idle_connections_up_to_pool_connections_of_them() -> None:
    with ExitStack() as stack:
        servers = [stack.enter_context(Server([Expect(), answer()])) for _ in range(3)]
        session = stack.enter_context(Session())
        session.mount("http://", HTTPAdapter(2, 1, pool_block=True))
        assert all(session.get(server.url).ok for server in servers)
        assert servers[0].closed_by_client()
        assert not servers[1].closed_by_client(timeout=0)


def test_a_pool_of_nothing_keeps_nothing() -> None:
    with Server([Expect(), answer()], [Expect(), answer()]) as server, Session() as session:
        session.mount("http://", HTTPAdapter(pool_maxsize=0))
        assert session.get(server.url).content == session.get(server.url).content == b"ok"
        assert server.closed_by_client(1)


def test_closing_a_session_closes_its_adapters_and_it_goes_on() -> None:
    closed: list[str] = []

    class Mine(BaseAdapter):
        def close(self) -> None:
            closed.append("mine")

    with Server([Expect(), answer()], [Expect(), answer()]) as server:
        with Session() as session:
            session.mount("http://mine", Mine())
            session.get(server.url)
        assert server.closed_by_client(0)
        assert closed == ["mine"]
        assert session.get(server.url).ok
        session.close()


@pytest.mark.parametrize("place", ["app.test", "app.test:{port}"])
def test_an_adapter_knows_addresses(place: str) -> None:
    with Server([Expect(b"Host: app.test"), answer()]) as server, Session() as session:
        session.mount("http://app.test", HTTPAdapter(resolve={place.format(port=server.port): "127.0.0.1"}))
        assert session.get(f"http://app.test:{server.port}/").ok


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux has all of 127.0.0.0/8")
@pytest.mark.parametrize("given", ["127.0.0.9", ("127.0.0.9", 0)])
@pytest.mark.parametrize("how", ["constructor", "init_poolmanager"])
def test_an_adapter_has_an_address_to_come_from(given: Any, how: str) -> None:
    class Bound(HTTPAdapter):
        """As requests_toolbelt's SourceAddressAdapter has it."""

        def init_poolmanager(self, connections: int, maxsize: int, block: bool = False, **options: Any) -> None:
            super().init_poolmanager(connections, maxsize, block, source_address=given, socket_options=[])

    came: list[str] = []

    def note(connection: socket.socket) -> None:
        came.append(connection.getpeername()[0])

    with Server([note, Expect(), answer()]) as server, Session() as session:
        session.mount("http://", HTTPAdapter(source_address=given) if how == "constructor" else Bound())
        assert session.get(server.url).ok
    assert came == ["127.0.0.9"]


def test_an_adapter_by_itself() -> None:
    adapter = HTTPAdapter(max_retries=2)
    assert adapter.max_retries is not None
    assert adapter.max_retries.total == 2
    with Server([Expect(b"GET /x"), answer(b"content")]) as server:
        response = adapter.send(Request("GET", server.url + "/x").prepare(), timeout=5)
        assert (response.status_code, response.content, response.connection) == (200, b"content", adapter)
        assert response.request is not None
        assert response.request.path_url == "/x"
        adapter.close()


def test_the_base_of_all_adapters_sends_nothing() -> None:
    session = Session()
    session.mount("http://", BaseAdapter())
    with pytest.raises(NotImplementedError):
        session.get("http://x/")
    session.close()


# As users of requests write them


class Trusting(HTTPAdapter):
    """One that has connections made with an SSLContext of its own."""

    def __init__(self, path: str) -> None:
        self.path = path
        super().__init__()

    def init_poolmanager(self, *arguments: Any, **options: Any) -> None:
        options["ssl_context"] = ssl.create_default_context(cafile=self.path)
        super().init_poolmanager(*arguments, **options)


def test_an_adapter_with_a_context_of_its_own(certificates: Certificates) -> None:
    with Server([Expect(), answer()], [Expect(), answer()], tls=certificates.server) as server:
        with Session() as session:
            session.mount("https://", Trusting(certificates.ca))
            assert session.get(server.url).ok
            another = pickle.loads(pickle.dumps(session))
        with another:
            assert another.get(server.url).ok  # it makes its context anew


def test_verify_counts_before_the_context_of_the_adapter(certificates: Certificates, tmp_path: Path) -> None:
    nobody = tmp_path / "nobody.pem"
    nobody.write_text("")
    with Session() as session:
        session.mount("https://", Trusting(certificates.ca))
        with pytest.raises(SSLError, match=r"cannot read the authorities in '"):
            session.get("https://127.0.0.1:9/", verify=str(nobody))
        with pytest.raises(SSLError, match="a context has its own"):
            session.get("https://127.0.0.1:9/", cert=certificates.client)


def test_an_adapter_with_a_send_of_its_own() -> None:
    heard: list[tuple[str, object]] = []

    class Patient(HTTPAdapter):
        def send(self, request: PreparedRequest, *given: Any, **options: Any) -> Response:
            heard.append((request.url, options["timeout"]))
            if options["timeout"] == requests_lite.adapters.DEFAULT_TIMEOUT:
                options["timeout"] = 5
            request.headers["X-Patient"] = "yes"
            return super().send(request, *given, **options)

    with Server([Expect(b"X-Patient: yes"), answer(), Expect(b"X-Patient: yes"), answer()]) as server:
        with Session() as session:
            session.mount("http://", Patient())
            assert session.get(server.url + "/1").ok
            assert session.get(server.url + "/2", timeout=7).ok
    assert heard == [(server.url + "/1", (10.0, 120.0)), (server.url + "/2", 7)]


def test_what_an_adapter_is_told() -> None:
    told: dict[str, Any] = {}

    class Told(BaseAdapter):
        def send(self, request: PreparedRequest, **options: Any) -> Response:  # type: ignore[override]  # all of them
            told.update(options)
            return says("x")(request)

    session = Session(verify="/ca.pem", cert=("crt", "key"), proxies={"http": "http://proxy:1"}, stream=True)
    session.mount("http://", Told())
    session.get("http://x/", timeout=(1, 2))
    assert told == {
        "stream": True, "timeout": (1, 2), "verify": "/ca.pem", "cert": ("crt", "key"),
        "proxies": {"http": "http://proxy:1"},
    }  # fmt: skip


def test_what_only_looks_like_an_adapter() -> None:
    class Duck:
        def __init__(self) -> None:
            self.closed = False

        def send(self, request: PreparedRequest, **options: Any) -> Response:
            return says("quack")(request)

        def close(self) -> None:
            self.closed = True

    duck: Any = Duck()
    with Session() as session:
        session.mount("http://pond", duck)
        assert session.get_adapter("http://pond/") == duck
        assert session.get("http://pond/").text == "quack"
    assert duck.closed


def test_a_response_made_of_what_urllib3_brings() -> None:
    class Through(BaseAdapter):
        def send(self, request: PreparedRequest, *given: Any, **options: Any) -> Response:
            fields = urllib3.HTTPHeaderDict({"Content-Encoding": "gzip"})
            fields.add("Set-Cookie", "a=1")
            fields.add("Set-Cookie", "b=2")
            content = io.BytesIO(gzip.compress(b"content"))
            return self.build_response(
                request, urllib3.HTTPResponse(content, fields, 203, reason="So So", preload_content=False)
            )

    with Session() as session:
        adapter = Through()
        session.mount("http://", adapter)
        response = session.get("http://x/y")
        assert (response.content, response.status_code, response.reason) == (b"content", 203, "So So")
        assert (response.url, response.connection) == ("http://x/y", adapter)
        assert response.headers.getlist("set-cookie") == ["a=1", "b=2"]
        assert dict(session.cookies) == {"a": "1", "b": "2"}
        with session.get("http://x/y", stream=True) as response:
            assert gzip.decompress(response.raw.read()) == b"content"


def test_a_response_made_of_any_file() -> None:
    class Answer(io.BytesIO):
        status, reason = 200, None
        headers = Headers({"Content-Type": "text/plain; charset=utf-8"})

    file = Answer("ä".encode())
    response = BaseAdapter().build_response(Request("GET", "http://x/").prepare(), file)
    assert response.text == "ä"
    assert response.reason is None
    response = BaseAdapter().build_response(Request("GET", "http://x/").prepare(), Answer(b"abc"))
    assert (response.read(1), response.raw.closed) == (b"a", False)
    response.close()
    assert response.raw.closed


def test_a_raw_content_that_cannot_be_closed() -> None:
    class Bare:
        def read(self, size: int) -> bytes | None:
            return None  # as a file without more has it

    response = Response()
    response.raw = Bare()
    assert response.content == b""
    response = Response()
    response.raw = Bare()
    response.close()
    with pytest.raises(ConnectionError, match="it was not read to its end"):
        response.read()


# A function


def test_a_function_is_told_the_exact_request() -> None:
    told: list[PreparedRequest] = []

    def function(request: PreparedRequest) -> Response:
        told.append(request)
        response = Response()
        response.status_code, response.headers = 201, {"X-Y": "1"}  # type: ignore[assignment]  # a dict is fine
        return response

    with Session(base_url="http://app/v1/", headers={"X": "1"}, auth=("u", "p")) as session:
        session.mount("http://app/", function)
        response = session.post("users", json={"a": 1}, params={"q": "z"})
    (request,) = told
    assert (request.method, request.url, request.body) == ("POST", "http://app/v1/users?q=z", b'{"a": 1}')
    assert (request.headers["x"], request.headers["authorization"]) == ("1", "Basic dTpw")
    assert (response.status_code, response.content, response.headers["x-y"]) == (201, b"", "1")
    assert (response.request, response.url) == (request, "http://app/v1/users?q=z")


def test_a_function_may_say_what_url_and_request_it_was() -> None:
    other = Request("GET", "http://other/").prepare()

    def function(request: PreparedRequest) -> Response:
        response = Response(other)
        response.status_code, response.url = 200, "http://final/"
        return response

    response = FunctionAdapter(function).send(Request("GET", "http://x/").prepare(), timeout=1)
    assert (response.request, response.url) == (other, "http://final/")


def test_an_error_of_a_function_is_the_user_s() -> None:
    def function(request: PreparedRequest) -> Response:
        raise ConnectionError("no network today")

    session = Session()
    session.mount("http://", function)
    with pytest.raises(ConnectionError, match="no network today") as caught:
        session.get("http://x/")
    assert isinstance(caught.value.request, PreparedRequest)


def test_content_of_a_function_streams() -> None:
    session = Session()
    session.mount("http://", says("one\ntwo\nthree"))
    with session.get("http://x/", stream=True) as response:
        assert list(response.iter_lines()) == [b"one", b"two", b"three"]


# A WSGI application


def shows(environ: Environ, start_response: Start) -> Iterable[bytes]:
    """Answer with all that it was told, by lines."""
    start_response("200 OK", [("Content-Type", "text/plain; charset=utf-8")])
    shown = {key: value for key, value in environ.items() if isinstance(value, (str, tuple, bool))}
    lines = [f"{key}={value}" for key, value in sorted(shown.items())]
    return ["\n".join([*lines, ""]).encode("latin-1"), environ["wsgi.input"].read()]


def mounted(app: Callable[..., Any], **options: Any) -> Session:
    session = Session(**options)
    session.mount("http://app", WSGIAdapter(app))
    return session


def told(response: Response) -> Environ:
    return dict(line.split("=", 1) for line in response.content.decode("latin-1").splitlines() if "=" in line)


def test_the_environ_of_pep_3333() -> None:
    response = mounted(shows).post("http://app:8080/a%20b/%C3%A4;c?q=1&x=%20", b"c\n", headers={"X-My-Field": "v"})
    environ = told(response)
    agent = f"requests_lite/{requests_lite.__version__}"
    assert {key: value for key, value in environ.items() if key != "HTTP_ACCEPT_ENCODING"} == {
        "REQUEST_METHOD": "POST", "SCRIPT_NAME": "", "PATH_INFO": "/a b/Ã¤;c", "QUERY_STRING": "q=1&x=%20",
        "SERVER_NAME": "app", "SERVER_PORT": "8080", "SERVER_PROTOCOL": "HTTP/1.1", "CONTENT_LENGTH": "2",
        "REMOTE_ADDR": "127.0.0.1", "HTTP_HOST": "app:8080", "HTTP_USER_AGENT": agent, "HTTP_ACCEPT": "*/*",
        "HTTP_X_MY_FIELD": "v", "wsgi.version": "(1, 0)", "wsgi.url_scheme": "http", "wsgi.multithread": "True",
        "wsgi.multiprocess": "False", "wsgi.run_once": "False",
    }  # fmt: skip
    assert response.content.endswith(b"\nc\n")


def test_more_of_the_environ() -> None:
    session = Session()
    session.mount("https://", WSGIAdapter(shows))
    environ = told(session.put("https://app", json=[1], cookies={"a": "1"}, auth=("u", "p")))
    assert (environ["SERVER_PORT"], environ["HTTP_HOST"], environ["wsgi.url_scheme"]) == ("443", "app", "https")
    assert (environ["PATH_INFO"], environ["QUERY_STRING"]) == ("/", "")
    assert (environ["CONTENT_TYPE"], environ["CONTENT_LENGTH"]) == ("application/json", "3")
    assert (environ["HTTP_COOKIE"], environ["HTTP_AUTHORIZATION"]) == ("a=1", "Basic dTpw")
    assert "HTTP_CONTENT_TYPE" not in environ


def test_fields_given_twice_are_one() -> None:
    environ = told(mounted(shows).get("http://app/", headers=[("X-A", "1"), ("X-A", "2")]))
    assert environ["HTTP_X_A"] == "1, 2"


@pytest.mark.parametrize("name", ["Host", "host"])
def test_a_host_of_one_s_own(name: str) -> None:
    assert told(mounted(shows).get("http://app/", headers={name: "other"}))["HTTP_HOST"] == "other"


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "OPTIONS"])
def test_the_validator_of_the_standard_library_has_no_complaint(method: str) -> None:
    def app(environ: Environ, start_response: Start) -> Iterable[bytes]:
        size = int(environ["CONTENT_LENGTH"])
        content = b"" if environ["REQUEST_METHOD"] == "HEAD" else environ["wsgi.input"].read(size)
        start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(content)))])
        return [content]

    content = b"" if method == "HEAD" else b"content"
    response = mounted(validator(app)).request(method, "http://app/x?y", data=content)
    assert (response.status_code, response.content) == (200, content)


@pytest.mark.parametrize("kind", ["bytes", "str", "form", "file", "generator", "files", "none"])
def test_content_of_every_kind_arrives(kind: str, tmp_path: Path) -> None:
    (tmp_path / "name.txt").write_bytes(b"content")

    @werkzeug.Request.application
    def app(request: werkzeug.Request) -> werkzeug.Response:
        found = request.files["f"].read() if request.files else request.form.get("a", "").encode()
        return werkzeug.Response(found or request.get_data())

    with (tmp_path / "name.txt").open("rb") as file:
        given: dict[str, dict[str, Any]] = {
            "bytes": {"data": b"content"}, "str": {"data": "content"}, "form": {"data": {"a": "content"}},
            "file": {"data": file}, "generator": {"data": iter([b"con", b"tent"])},
            "files": {"files": {"f": tmp_path / "name.txt"}}, "none": {},
        }  # fmt: skip
        response = mounted(app).post("http://app/", **given[kind])
    assert response.content == (b"" if kind == "none" else b"content")


def test_an_application_of_werkzeug() -> None:
    """Cookies, redirects, conditions, JSON: as if there was a network."""

    @werkzeug.Request.application
    def app(request: werkzeug.Request) -> werkzeug.Response:
        if request.path == "/login":
            response = werkzeug.Response("", 302, {"Location": "/home?x=1"})
            response.set_cookie("sid", "ä")
            return response
        if request.path == "/home":
            return werkzeug.Response(f"{request.cookies['sid']} {request.args['x']}", mimetype="text/plain")
        if request.path == "/file":
            response = werkzeug.Response("content")
            response.last_modified = datetime(2011, 2, 13, tzinfo=timezone.utc)
            return response.make_conditional(request)
        if request.path == "/zip":
            return werkzeug.Response(gzip.compress(b"content"), headers={"Content-Encoding": "gzip"})
        return werkzeug.Response(status=404)

    with mounted(app) as session:
        response = session.post("http://app/login")
        assert (response.text, response.url, len(response.history)) == ("ä 1", "http://app/home?x=1", 1)
        response = session.get("http://app/file")
        since = {"If-Modified-Since": response.headers["last-modified"]}
        assert session.get("http://app/file", headers=since).status_code == 304
        assert session.get("http://app/zip").content == b"content"
        with session.get("http://app/zip", stream=True) as response:
            assert response.raw.read(2) == b"\x1f\x8b"
        assert (session.get("http://app/x").status_code, session.get("http://app/x").reason) == (404, "NOT FOUND")


def test_what_a_response_of_an_application_knows() -> None:
    with mounted(shows) as session:
        response = session.get("http://app/x#y")
        assert response.connection is session.get_adapter("http://app/")
        assert (response.url, response.ok, response.history) == ("http://app/x#y", True, [])
        assert response.headers == {"content-type": "text/plain; charset=utf-8"}
        assert response.request is not None
        assert response.request.method == "GET"


class Answer:
    """What an application returns: blocks, and a note of when it was closed."""

    def __init__(self, *blocks: bytes | Exception) -> None:
        self.blocks = iter(blocks)
        self.closed = 0

    def __iter__(self) -> Iterator[bytes]:
        for block in self.blocks:
            if isinstance(block, Exception):
                raise block
            yield block

    def close(self) -> None:
        self.closed += 1


def test_blocks_of_an_answer_and_its_close() -> None:
    given = Answer(b"one", b"", b"two")

    def app(environ: Environ, start_response: Start) -> Iterable[bytes]:
        start_response("200 OK", [])
        return given

    with mounted(app).get("http://app/", stream=True) as response:
        assert (response.read(4), response.read(4)) == (b"onet", b"wo")
    assert given.closed == 1


def test_an_answer_that_fails_is_closed_all_the_same() -> None:
    given = Answer(b"one", ZeroDivisionError("oh"))

    def app(environ: Environ, start_response: Start) -> Iterable[bytes]:
        start_response("200 OK", [])
        return given

    with pytest.raises(ZeroDivisionError, match="oh"):
        mounted(app).get("http://app/")
    assert given.closed == 1


def test_an_application_may_wait_with_its_status() -> None:
    def app(environ: Environ, start_response: Start) -> Iterator[bytes]:
        start_response("206 Partial Content", [("Set-Cookie", "a=1"), ("Set-Cookie", "b=2")])
        yield b"content"

    response = mounted(app).get("http://app/")
    assert (response.status_code, response.reason, response.content) == (206, "Partial Content", b"content")
    assert response.headers.getlist("set-cookie") == ["a=1", "b=2"]


def test_an_application_without_a_status() -> None:
    def app(environ: Environ, start_response: Start) -> Iterable[bytes]:
        return [b"content"]

    with pytest.raises(ConnectionError, match="has not called start_response") as caught:
        mounted(app).get("http://app/")
    assert isinstance(caught.value.request, PreparedRequest)


def test_an_application_that_fails() -> None:
    def app(environ: Environ, start_response: Start) -> Iterable[bytes]:
        raise KeyError("oh")

    with pytest.raises(KeyError, match="oh"):
        mounted(app).get("http://app/")


def test_what_is_written_comes_first() -> None:
    def app(environ: Environ, start_response: Start) -> Iterable[bytes]:
        write = start_response("200 OK", [])
        write(b"one")
        write(b"two")
        return [b"three"]

    assert mounted(app).get("http://app/").content == b"onetwothree"


def failing(environ: Environ, start_response: Start) -> Iterable[bytes]:
    """Change its mind, as PEP 3333 has it: with exc_info, and before anything went out."""
    start_response("200 OK", [("X-Good", "1")])
    try:
        raise ZeroDivisionError("oh")
    except ZeroDivisionError:
        start_response("500 Oh", [("X-Bad", "1")], sys.exc_info())
    return [b"sorry"]


def test_a_status_may_be_replaced_by_that_of_a_failure() -> None:
    response = mounted(failing).get("http://app/")
    assert (response.status_code, response.reason, response.content) == (500, "Oh", b"sorry")
    assert response.headers == {"x-bad": "1"}


def test_a_failure_after_content_went_out_is_raised() -> None:
    """PEP 3333: "if exc_info is provided, and the HTTP headers have already been sent, start_response must raise"."""

    def app(environ: Environ, start_response: Start) -> Iterable[bytes]:
        start_response("200 OK", [])(b"half of ")
        try:
            raise ZeroDivisionError("oh")
        except ZeroDivisionError:
            start_response("500 Oh", [], sys.exc_info())
        return [b"sorry"]

    with pytest.raises(ZeroDivisionError, match="oh"):
        mounted(app).get("http://app/")


def test_a_second_status_without_a_failure_is_an_error_of_the_application() -> None:
    """PEP 3333: "it is a fatal error to call start_response without the exc_info argument if [it] has already been
    called"."""

    def app(environ: Environ, start_response: Start) -> Iterable[bytes]:
        start_response("200 OK", [])
        start_response("201 Created", [])
        return []

    with pytest.raises(ConnectionError, match="twice"):
        mounted(app).get("http://app/")


def test_head_has_no_content_even_if_the_application_sends_some() -> None:
    response = mounted(shows).head("http://app/")
    assert (response.content, response.headers["content-type"]) == (b"", "text/plain; charset=utf-8")


def test_an_application_is_asked_again_where_it_is_busy() -> None:
    seen: list[bytes] = []

    def app(environ: Environ, start_response: Start) -> Iterable[bytes]:
        seen.append(environ["wsgi.input"].read())
        start_response("503 Busy" if len(seen) < 3 else "200 OK", [])
        return []

    with mounted(app, retries=Retry(3, backoff=0)) as session:
        assert session.put("http://app/", io.BytesIO(b"content")).ok
    assert seen == [b"content"] * 3


def test_digest_with_an_application() -> None:
    def app(environ: Environ, start_response: Start) -> Iterable[bytes]:
        if "HTTP_AUTHORIZATION" not in environ:
            start_response("401 Unauthorized", [("WWW-Authenticate", 'Digest realm="r", nonce="n", qop="auth"')])
            return [b"no"]
        start_response("200 OK", [])
        return [environ["HTTP_AUTHORIZATION"].encode()]

    response = mounted(app).get("http://app/x", auth=requests_lite.HTTPDigestAuth("u", "p"))
    assert response.text.startswith('Digest username="u"')
    assert len(response.history) == 1


# What timeout=, verify= and cert= may be


@pytest.mark.parametrize(
    ("given", "connect", "read", "has_total"),
    [
        (None, None, None, False), (3, 3, 3, False), (0.5, 0.5, 0.5, False), ((1, 2), 1, 2, False),
        ((None, 2), None, 2, False), ((1, None), 1, None, False), ((1, 2, 3), 1, 2, True), ((1, 2, None), 1, 2, False),
        (float("inf"), 1e9, 1e9, False), ((None, None, float("inf")), None, None, True),
    ],
)  # fmt: skip
def test_limits(given: Any, connect: float | None, read: float | None, has_total: bool) -> None:
    limits = limits_of(given)
    assert (limits[:2], limits[2] is not None) == ((connect, read), has_total)


NO_TIMEOUTS = [
    0, -1, "5", float("nan"), (), (1,), (1, 2, 3, 4), (0, 1), (1, -1), ("1", 2), (1, 2, 0), [1, 2], {}, 1j,
    urllib3.Timeout(3),
]  # fmt: skip


@pytest.mark.parametrize("wrong", NO_TIMEOUTS)
@pytest.mark.parametrize("where", ["call", "session", "adapter"])
def test_what_is_no_timeout(wrong: Any, where: str) -> None:
    with pytest.raises(InvalidTimeout, match="timeout") as caught:
        if where == "adapter":
            HTTPAdapter().send(Request("GET", "http://127.0.0.1:1/").prepare(), timeout=wrong)
        elif where == "session":
            Session(timeout=wrong).get("http://127.0.0.1:1/")
        else:
            requests_lite.get("http://127.0.0.1:1/", timeout=wrong)
    assert isinstance(caught.value, ValueError)


@pytest.mark.parametrize("wrong", [1.5, b"/ca.pem", object(), ["/ca.pem"], {}])
def test_what_verify_cannot_be(wrong: Any) -> None:
    with pytest.raises(SSLError, match="verify= is True, False, a path or an SSLContext, not "):
        requests_lite.get("https://127.0.0.1:1/", verify=wrong)


@pytest.mark.parametrize("wrong", [5, b"/crt.pem", object(), {"crt": "key"}])
def test_what_cert_cannot_be(wrong: Any) -> None:
    with pytest.raises(SSLError, match=r"cert= is a path, \(certificate, key\) or \(certificate, key, password\)"):
        requests_lite.get("https://127.0.0.1:1/", cert=wrong)


@pytest.mark.parametrize("wrong", [(), (1, 2), ("a", 2), ("a", "b", "c", "d"), (["a"], "b"), (None, None)])
def test_what_a_pair_of_certificate_and_key_cannot_be(wrong: Any) -> None:
    with pytest.raises(SSLError, match="cert= is a path"):
        requests_lite.get("https://127.0.0.1:1/", cert=wrong)


@pytest.mark.parametrize("cert", ["/nosuch.pem", ("/nosuch.crt", "/nosuch.key"), ["/nosuch.crt", "/nosuch.key"]])
def test_a_certificate_that_is_not_there(cert: Any) -> None:
    with pytest.raises(SSLError, match="cannot read the client certificate and its key in cert="):
        requests_lite.get("https://127.0.0.1:1/", cert=cert)


def test_what_goes_to_the_engine() -> None:
    context = ssl.create_default_context()
    assert tls_of(context, None) == (context, None)
    listed: Any = ["crt", "key"]
    path: Any = Path("/crt.pem")
    assert tls_of(True, listed) == (True, ("crt", "key"))
    assert tls_of(Path("/ca.pem"), path) == (Path("/ca.pem"), path)


def test_a_route_of_no_use_is_an_error_before_anything_is_sent() -> None:
    with pytest.raises(InvalidProxyURL, match="a proxy is reached by"):
        HTTPAdapter().send(Request("GET", "http://127.0.0.1:1/").prepare(), proxies={"http": "ftp://proxy:1"})


def test_errors_of_an_adapter_are_the_user_s() -> None:
    request = Request("GET", "http://127.0.0.1:1/").prepare()
    with pytest.raises(ConnectionError, match=r"cannot connect to 127\.0\.0\.1:1 ") as caught:
        HTTPAdapter().send(request)
    assert caught.value.request is request


def test_an_adapter_that_waits_too_long() -> None:
    with Server([Expect(), Wait()]) as server:
        with pytest.raises(requests_lite.ReadTimeout):
            HTTPAdapter().send(Request("GET", server.url).prepare(), timeout=(5, 0.05))
    with Server([Expect(), moved("/x")]) as server:
        adapter = HTTPAdapter()
        assert adapter.send(Request("GET", server.url).prepare()).status_code == 302  # redirects are not its business
        adapter.close()


@pytest.mark.parametrize("nothing", [None, {}, b"ok"])
def test_a_function_that_returns_no_response(nothing: Any) -> None:
    with Session() as session:
        session.mount("https://x/", lambda request: nothing)
        with pytest.raises(TypeError, match=f"returns a Response, not {type(nothing).__name__}"):
            session.get("https://x/")


def test_a_pool_manager_of_urllib3_says_how_to_connect() -> None:
    """As subclasses written for requests set it; what they want of TLS has to be an SSLContext."""
    urllib3 = pytest.importorskip("urllib3")
    adapter = HTTPAdapter(pool_maxsize=3)
    adapter.poolmanager = urllib3.PoolManager(source_address=("127.0.0.1", 0))
    with Server([Expect(), Send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")]) as server, Session() as session:
        session.mount(server.url, adapter)
        assert session.get(server.url).content == b"ok"
    with pytest.raises(TypeError, match=r"ssl_context=.* takes the place of assert_fingerprint"):
        adapter.poolmanager = urllib3.PoolManager(assert_fingerprint="AA")


def test_pool_managers_that_are_more_than_one_of_urllib3_s() -> None:
    """What such a one does, such as refusing addresses, would not be done."""
    urllib3 = pytest.importorskip("urllib3")
    guarded = type("Guarded", (urllib3.PoolManager,), {})
    adapter: Any = HTTPAdapter()
    with pytest.raises(TypeError, match="no Guarded can be imitated"):
        adapter.poolmanager = guarded()
