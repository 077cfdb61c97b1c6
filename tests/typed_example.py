"""A program as a user writes it, with every type named: test_types has mypy read it, and runs it."""

from __future__ import annotations

import io
import json
import ssl
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import requests_lite
from requests_lite import (
    AuthBase,
    AuthObject,
    BaseAdapter,
    ConnectTimeout,
    Headers,
    HTTPAdapter,
    HTTPBasicAuth,
    HTTPBearerAuth,
    HTTPDigestAuth,
    HTTPError,
    HTTPProxyAuth,
    IncompleteRead,
    JSONDecodeError,
    PreparedRequest,
    ReadTimeout,
    Request,
    RequestException,
    Response,
    Retry,
    Session,
    Timeout,
    WSGIAdapter,
    codes,
)


def verbs(url: str) -> None:
    response: Response = requests_lite.get(url + "/get")
    response = requests_lite.get(url + "/get", {"a": "1", "b": ["x", "y"], "c": 3, "d": 1.5, "e": None})
    response = requests_lite.get(url + "/get", [("a", "1"), ("a", "2")], {"X-A": "1", "X-B": b"2", "Accept": None})
    response = requests_lite.get(url + "/get", "a=1&b=2", headers=[("X-A", "1"), ("X-A", "2")], auth=("user", "secret"))
    response = requests_lite.options(url + "/get", timeout=5)
    response = requests_lite.head(url + "/get", timeout=(3.05, 27), allow_redirects=True)
    response = requests_lite.post(url + "/post", {"a": "b"}, timeout=(3.05, None))
    response = requests_lite.post(url + "/post", json={"a": [1, 2.5, None, True]}, timeout=(1, 10, 30))
    response = requests_lite.put(url + "/put", b"bytes", headers=Headers({"X-A": "1"}), timeout=None)
    response = requests_lite.patch(url + "/patch", "text", cookies={"a": "1"}, verify=True, cert=None)
    response = requests_lite.delete(url + "/delete", stream=True, proxies={}, hooks={"response": heard})
    response = requests_lite.request("PUT", url + "/put", data=bytearray(b"x"), retries=3, max_size=1_000_000)
    assert f"{response.request.method} {response.status_code + 0} {response.reason.upper()}" == "PUT 200 OK"
    assert response.url.endswith("/put")
    response.close()


def heard(response: Response, **options: object) -> Response | None:
    return response if options.get("stream") else None


def sending(url: str, path: Path) -> None:
    def pieces() -> Iterator[bytes]:
        yield b"one"
        yield b"two"

    requests_lite.post(url + "/post", data=pieces())
    requests_lite.post(url + "/post", data=[("a", "1"), ("a", "2")])
    requests_lite.post(url + "/post", data=io.BytesIO(b"content"))
    with path.open("rb") as file:
        requests_lite.post(url + "/post", data=file)
    with path.open() as text:
        requests_lite.post(url + "/post", data=text)
    with path.open("rb") as file:
        requests_lite.post(url + "/post", data={"field": 5}, files={"path": path, "open": file, "bytes": b"x"})
    requests_lite.post(
        url + "/post",
        files=[
            ("image", ("a.png", b"png", "image/png")),
            ("image", ("b.png", path, "image/png", {"X-Part": "1"})),
            ("plain", "text"),
        ],
    )


def progress(url: str) -> None:
    told: list[tuple[int, int | None]] = []

    def bar(done: int, total: int | None) -> None:
        told.append((done, total))

    requests_lite.post(url + "/post", b"content", progress=bar)
    requests_lite.get(url + "/bytes/100", progress=bar)
    requests_lite.get(url + "/bytes/100", progress=lambda done, total: print(done, total, file=io.StringIO()))


def answers(url: str) -> None:
    response = requests_lite.get(url + "/cookies/set?a=1")
    status: int | None = response.status_code
    reason: str | None = response.reason
    final: str | None = response.url
    content: bytes = response.content
    text: str = response.text
    fine: bool = response.ok and bool(response) and not response.is_redirect and not response.is_permanent_redirect
    kind: str = response.headers["content-type"]
    length: str | None = response.headers.get("content-length")
    set_cookies: list[str] = response.headers.getlist("set-cookie")
    encoding: str | None = response.encoding
    apparent: str = response.apparent_encoding
    history: list[Response] = response.history
    following: PreparedRequest | None = history[0].next
    links: dict[str, dict[str, str]] = response.links
    value: dict[str, dict[str, str]] = response.json()
    elapsed: timedelta = response.elapsed
    sent: PreparedRequest | None = response.request
    itself: Response = response.raise_for_status()
    response.encoding = "utf-8"
    assert (status, reason, final, fine) == (codes.ok, "OK", url + "/cookies", True)
    assert (len(content), text, kind, value) == (
        int(length or 0),
        content.decode(),
        "application/json",
        response.json(),
    )
    assert (set_cookies, encoding, apparent, links, itself) == ([], "utf-8", "utf-8", {}, response)
    assert elapsed > timedelta(0)
    assert following is not None
    assert sent is not None
    message: tuple[str | None, str, str, Headers] = (sent.method, sent.url, sent.path_url, sent.headers)
    assert message[:3] == ("GET", following.url, "/cookies")


def streams(url: str) -> None:
    with requests_lite.get(url + "/stream/3", stream=True) as response:
        line: bytes
        for line in response.iter_lines():
            assert json.loads(line)["url"]
    with requests_lite.get(url + "/stream/3", stream=True) as response:
        ids: list[int] = [value["id"] for value in response.iter_json()]
        assert ids == [0, 1, 2]
    with requests_lite.get(url + "/stream/3", stream=True) as response:
        words: list[str] = list(response.iter_lines(decode_unicode=True, delimiter=", "))
        assert words
    with requests_lite.get(url + "/bytes/100", stream=True) as response:
        first: bytes = response.read(10)
        rest: bytes = b"".join(block for block in response)
        assert len(first + rest) == 100
    with requests_lite.get(url + "/bytes/100", stream=True) as response:
        sizes: list[int] = [len(block) for block in response.iter_content(chunk_size=64)]
        assert sum(sizes) == 100


class Token(AuthBase):
    """Credentials of one's own: the value of Authorization."""

    def header(self) -> str:
        return "Token abc"


class Signed(AuthBase):
    """Credentials of one's own: anything about the request."""

    def __call__(self, request: PreparedRequest) -> PreparedRequest:
        request.headers["X-Signature"] = str(len(request.url))
        return request


def credentials(url: str) -> None:
    every: list[AuthBase | tuple[str, str] | str | Callable[[PreparedRequest], PreparedRequest]] = [
        ("user", "secret"), "token", HTTPBasicAuth("user", "secret"), HTTPBearerAuth("token"), Token(), Signed(),
        AuthObject("user", "secret"), HTTPProxyAuth("user", b"secret"), lambda request: request,
    ]  # fmt: skip
    for auth in every:
        assert requests_lite.get(url + "/get", auth=auth).ok
    digest = HTTPDigestAuth("user", "secret")
    assert requests_lite.get(url + "/digest-auth/auth/user/secret", auth=digest).ok
    requests_lite.add_autoauth("https://nobody.invalid/", ("user", "secret"))
    requests_lite.core.AUTOAUTHS.pop()


def sessions(url: str) -> None:
    with Session(
        base_url=url + "/", headers={"X-A": "1"}, params={"q": "1"}, auth=None, cookies={"a": "1"}, timeout=(3, 30, 60),
        retries=Retry(total=2, backoff=0.1, statuses={503}, methods=None, longest=10.0), proxies={"no_proxy": "*"},
        verify=ssl.create_default_context(), cert=None, stream=False, trust_env=False, max_redirects=5,
        raise_for_status=True, json_dumps=json.dumps, json_loads=json.loads, resolve={"h.invalid": "127.0.0.1"},
        source_address=None,
    ) as session:  # fmt: skip
        response: Response = session.get("get")
        assert response.json()["args"] == {"q": "1"}
        session.headers.update({"X-B": "2"})
        session.headers["X-C"] = "3"
        session.auth = ("user", "secret")
        session.params = {"q": "2"}
        session.verify = True
        session.timeout = 10
        session.retries = 1
        session.proxies["http://elsewhere.invalid"] = "http://proxy.invalid:3128"
        session.cookies.set("b", "2")
        session.mount("http://app.invalid", application)
        session.mount("http://wsgi.invalid", WSGIAdapter(wsgi))
        session.mount("http://mine.invalid", Loud(max_retries=3, pool_maxsize=4))
        adapter: BaseAdapter = session.get_adapter("http://app.invalid")
        assert session.post("http://app.invalid/x", json=[1], params={}).json() == [1]
        assert session.put("http://wsgi.invalid/x", "content").text == "content"
        adapter.close()
        request = Request("POST", "post", data={"a": "b"}, headers={"X-D": "4"})
        prepared: PreparedRequest = session.prepare_request(request)
        prepared.headers["X-E"] = "5"
        form: dict[str, str] = session.send(prepared, timeout=5, stream=False).json()["form"]
        assert form == {"a": "b"}
    another: Session = requests_lite.session()
    another.close()


def application(request: PreparedRequest) -> Response:
    response = Response(request)
    response.status_code, response.headers["Content-Type"] = 200, "application/json"
    response.raw = io.BytesIO(request.body)
    return response


def wsgi(environ: dict[str, Any], start_response: Callable[..., object]) -> list[bytes]:
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [environ["wsgi.input"].read()]


class Loud(HTTPAdapter):
    """An adapter of one's own."""

    def send(self, request: PreparedRequest, *given: Any, **options: Any) -> Response:
        request.headers["X-Loud"] = "yes"
        return super().send(request, *given, **options)


def by_hand(url: str) -> None:
    """As in 2011."""
    request = Request()
    request.method, request.url = "POST", url + "/post"
    request.data, request.headers = {"a": "b"}, {"X-A": "1"}
    sent: bool = request.send()
    again: bool = request.send(anyway=True)
    assert (sent, again, request.sent, request.response.ok) == (True, True, True, True)


def errors(url: str) -> None:
    said: list[str] = []
    try:
        requests_lite.get(url + "/status/404").raise_for_status()
    except HTTPError as error:
        response, request = error.response, error.request
        if isinstance(response, Response) and isinstance(request, PreparedRequest):
            status: int | None = response.status_code
            said.append(f"{status == codes.not_found == codes['not_found']} {request.method}")
    try:
        requests_lite.get(url + "/html").json()
    except JSONDecodeError as error:
        said.append(str(error)[:8])
    try:
        requests_lite.get(url + "/delay/0.3", timeout=0.01)
    except (ConnectTimeout, ReadTimeout) as timeout:
        late: Timeout = timeout
        system: OSError = timeout
        said.append(f"{late is system}")
    try:
        requests_lite.get("http://127.0.0.1:1/", retries=0)
    except IncompleteRead as cut:
        missing: int = (cut.of or 0) - cut.got
        said.append(f"{missing} bytes are missing")
    except RequestException as failure:
        said.append(str(failure)[:14])
        if failure.response is not None and failure.request is not None:
            said.append(f"{failure.response.status_code} for {failure.request.url}")
    assert said == ["True GET", "not JSON", "True", "cannot connect"]


def main(url: str, path: Path) -> None:
    """Do all of it with an httpbin; path is a file to send."""
    version: str = requests_lite.__version__
    assert version
    verbs(url)
    sending(url, path)
    progress(url)
    answers(url)
    streams(url)
    credentials(url)
    sessions(url)
    by_hand(url)
    errors(url)
