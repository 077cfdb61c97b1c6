"""Small exchanges: each function makes one client ready and returns what does one exchange: () -> (status, content).

A client is used as its documentation shows first, with its defaults, connections kept. What it cannot do is None.
"""

from __future__ import annotations

import json
import socket
import ssl
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import urlencode, urlsplit

from harness import Setting, Skip, Times, made, measure_small
from servers import SMALL, WITH_COOKIE

Answer = tuple[int, "bytes | memoryview"]
Once = Callable[[], "Answer | Awaitable[Answer]"]

KINDS = ("get", "cookie", "json", "form", "multipart", "tls", "new tls")
VALUE = {"name": "Ada", "numbers": [1, 2, 3]}
FORM = {"name": "Ada", "city": "London"}
FILE = ("notes.txt", b"twenty bytes of text", "text/plain")
CLOSE = {"Connection": "close"}


def url_of(at: Setting, kind: str) -> str:
    if kind in ("tls", "new tls"):
        return at.https + "/small"
    return at.http + {"get": "/small", "cookie": "/cookie"}.get(kind, "/post")


def verbs(api: Any, at: Setting, kind: str) -> Once:
    """What requests and all that look like it have in common. `api` is a session, or a module."""
    get, post, url, ca = api.get, api.post, url_of(at, kind), at.ca

    def plain() -> tuple[int, bytes]:
        response = get(url)
        return response.status_code, response.content

    def closed() -> tuple[int, bytes]:
        response = get(url, headers=CLOSE)
        return response.status_code, response.content

    def verified() -> tuple[int, bytes]:
        response = get(url, verify=ca)
        return response.status_code, response.content

    def verified_closed() -> tuple[int, bytes]:
        response = get(url, headers=CLOSE, verify=ca)
        return response.status_code, response.content

    def with_json() -> tuple[int, bytes]:
        response = post(url, json=VALUE)
        return response.status_code, response.content

    def with_form() -> tuple[int, bytes]:
        response = post(url, data=FORM)
        return response.status_code, response.content

    def with_file() -> tuple[int, bytes]:
        response = post(url, data=FORM, files={"file": FILE})
        return response.status_code, response.content

    of_module = hasattr(api, "__path__")
    return {
        "tls": verified if of_module else plain,
        "new tls": verified_closed if of_module else closed,
        "json": with_json,
        "form": with_form,
        "multipart": with_file,
    }.get(kind, plain)


def bare_socket(at: Setting, kind: str) -> Once:
    """The floor: sendall of a request made beforehand, and one recv."""
    parts = urlsplit(url_of(at, kind))
    lines, content = "", b""
    if kind == "cookie":
        lines = "Cookie: c=0123456789abcdef\r\n"
    elif kind == "json":
        lines, content = "Content-Type: application/json\r\n", json.dumps(VALUE).encode()
    elif kind == "form":
        lines, content = "Content-Type: application/x-www-form-urlencoded\r\n", urlencode(FORM).encode()
    elif kind == "multipart":
        lines, content = "Content-Type: multipart/form-data; boundary=b\r\n", b"--b\r\n" + b"x" * 300
    method = "POST" if content else "GET"
    lines += f"Content-Length: {len(content)}\r\n" if content else ""
    lines += "Connection: close\r\n" if kind == "new tls" else ""
    request = f"{method} {parts.path} HTTP/1.1\r\nHost: {parts.netloc}\r\nAccept: */*\r\n{lines}\r\n".encode() + content
    place = ("127.0.0.1", parts.port or 80)
    context = ssl.create_default_context(cafile=at.ca) if parts.scheme == "https" else None
    sock = _connected(place, context)

    def kept() -> tuple[int, bytes]:
        sock.sendall(request)
        answer = sock.recv(65536)
        return int(answer[9:12]), answer[answer.index(b"\r\n\r\n") + 4 :]

    def new() -> tuple[int, bytes]:
        with _connected(place, context) as sock:
            sock.sendall(request)
            answer = sock.recv(65536)
            return int(answer[9:12]), answer[answer.index(b"\r\n\r\n") + 4 :]

    return new if kind == "new tls" else kept


def _connected(
    place: tuple[str, int], context: ssl.SSLContext | None, session: ssl.SSLSession | None = None
) -> socket.socket:
    sock = socket.create_connection(place)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return context.wrap_socket(sock, server_hostname="127.0.0.1", session=session) if context else sock


def bare_resumed(at: Setting, kind: str) -> Once | None:
    """A new TLS connection that resumes the session of the one before."""
    if kind != "new tls":
        return None
    place = ("127.0.0.1", urlsplit(at.https).port or 443)
    context = ssl.create_default_context(cafile=at.ca)
    request = b"GET /small HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n"
    session: ssl.SSLSession | None = None

    def once() -> tuple[int, bytes]:
        nonlocal session
        with _connected(place, context, session) as sock:
            sock.sendall(request)
            answer = sock.recv(65536)
            session = session or sock.session  # type: ignore[attr-defined]  # it is an SSLSocket
            return int(answer[9:12]), answer[answer.index(b"\r\n\r\n") + 4 :]

    return once


def engine(at: Setting, kind: str) -> Once | None:
    from requests_lite.agent import DEFAULT_HEADERS
    from requests_lite.packages.poster.opener import Opener

    if kind != "get":
        return None
    opener, origin = Opener(), ("http", "127.0.0.1", urlsplit(at.http).port)

    def once() -> tuple[int, bytes]:
        message = opener.exchange(origin, "GET", "/small", DEFAULT_HEADERS)
        return message.status, message.body.read_all()

    return once


def requests_lite_verbs(at: Setting, kind: str) -> Once | None:
    import requests_lite

    return verbs(requests_lite, at, kind) if kind != "cookie" else None


def requests_lite_session(at: Setting, kind: str) -> Once:
    import requests_lite

    if not hasattr(requests_lite, "Session"):
        raise Skip("there is none yet")
    session = requests_lite.Session()
    session.verify = at.ca
    return verbs(session, at, kind)


def requests_verbs(at: Setting, kind: str) -> Once | None:
    import requests

    return verbs(requests, at, kind) if kind == "get" else None


def requests_session(at: Setting, kind: str) -> Once:
    import requests

    session = requests.Session()
    session.verify = at.ca
    return verbs(session, at, kind)


def niquests_session(at: Setting, kind: str) -> Once:
    import niquests

    session = niquests.Session()
    session.verify = at.ca
    return verbs(session, at, kind)


def httpx_client(at: Setting, kind: str) -> Once:
    import httpx

    return verbs(httpx.Client(verify=ssl.create_default_context(cafile=at.ca)), at, kind)


def pycurl_handle(at: Setting, kind: str) -> Once:
    import pycurl

    url, curl = url_of(at, kind), pycurl.Curl()
    curl.setopt(curl.URL, url)
    curl.setopt(curl.CAINFO, at.ca)
    if kind == "cookie":
        curl.setopt(curl.COOKIEFILE, "")
    elif kind == "new tls":
        curl.setopt(curl.FORBID_REUSE, 1)
    elif kind == "json":
        curl.setopt(curl.HTTPHEADER, ["Content-Type: application/json"])

    def plain() -> tuple[int, bytes]:
        content = curl.perform_rb()
        return curl.getinfo(curl.RESPONSE_CODE), content

    def with_json() -> tuple[int, bytes]:
        curl.setopt(curl.POSTFIELDS, json.dumps(VALUE))
        return plain()

    def with_form() -> tuple[int, bytes]:
        curl.setopt(curl.POSTFIELDS, urlencode(FORM))
        return plain()

    def with_file() -> tuple[int, bytes]:
        name, content, kind = FILE
        file = (curl.FORM_BUFFER, name, curl.FORM_BUFFERPTR, content, curl.FORM_CONTENTTYPE, kind)
        curl.setopt(curl.HTTPPOST, [*FORM.items(), ("file", file)])
        return plain()

    return {"json": with_json, "form": with_form, "multipart": with_file}.get(kind, plain)


def urllib3_pool(at: Setting, kind: str) -> Once | None:
    import urllib3

    if kind == "cookie":
        return None
    pool, url = urllib3.PoolManager(ca_certs=at.ca), url_of(at, kind)

    def plain() -> tuple[int, bytes]:
        response = pool.request("GET", url)
        return response.status, response.data

    def closed() -> tuple[int, bytes]:
        response = pool.request("GET", url, headers=CLOSE)
        return response.status, response.data

    def with_json() -> tuple[int, bytes]:
        response = pool.request("POST", url, json=VALUE)
        return response.status, response.data

    def with_form() -> tuple[int, bytes]:
        response = pool.request("POST", url, fields=FORM, encode_multipart=False)
        return response.status, response.data

    def with_file() -> tuple[int, bytes]:
        response = pool.request("POST", url, fields={**FORM, "file": FILE})
        return response.status, response.data

    return {"new tls": closed, "json": with_json, "form": with_form, "multipart": with_file}.get(kind, plain)


def httplib2_http(at: Setting, kind: str) -> Once | None:
    import httplib2

    if kind in ("cookie", "multipart"):
        return None
    http, url = httplib2.Http(ca_certs=at.ca), url_of(at, kind)

    def plain() -> tuple[int, bytes]:
        response, content = http.request(url)
        return response.status, content

    def closed() -> tuple[int, bytes]:
        response, content = http.request(url, headers=CLOSE)
        return response.status, content

    def with_json() -> tuple[int, bytes]:
        response, content = http.request(url, "POST", json.dumps(VALUE), {"Content-Type": "application/json"})
        return response.status, content

    def with_form() -> tuple[int, bytes]:
        kind = {"Content-Type": "application/x-www-form-urlencoded"}
        response, content = http.request(url, "POST", urlencode(FORM), kind)
        return response.status, content

    return {"new tls": closed, "json": with_json, "form": with_form}.get(kind, plain)


def wreq_client(at: Setting, kind: str) -> Once:
    from pathlib import Path

    import wreq
    from wreq.blocking import Client

    url = url_of(at, kind)
    client = Client(tls_verify=Path(at.ca), http1_only=True, no_proxy=True, cookie_store=kind == "cookie")
    get, post = client.get, client.post

    def plain() -> tuple[int, memoryview]:
        response = get(url)
        return response.status.as_int(), response.bytes()

    def closed() -> tuple[int, memoryview]:
        response = get(url, headers=CLOSE)
        return response.status.as_int(), response.bytes()

    def with_json() -> tuple[int, memoryview]:
        response = post(url, json=VALUE)
        return response.status.as_int(), response.bytes()

    def with_form() -> tuple[int, memoryview]:
        response = post(url, form=FORM)
        return response.status.as_int(), response.bytes()

    def with_file() -> tuple[int, memoryview]:
        parts = [wreq.Part(name, value) for name, value in FORM.items()]
        response = post(url, multipart=wreq.Multipart(*parts, wreq.Part("file", FILE[1], FILE[0], FILE[2])))
        return response.status.as_int(), response.bytes()

    return {"new tls": closed, "json": with_json, "form": with_form, "multipart": with_file}.get(kind, plain)


def aiohttp_session(at: Setting, kind: str) -> Once:
    import aiohttp
    from harness import run

    url, context = url_of(at, kind), ssl.create_default_context(cafile=at.ca)

    async def make() -> aiohttp.ClientSession:
        connector = aiohttp.TCPConnector(ssl=context)
        # Its jar keeps no cookies of hosts without a name, unless it is told to.
        return aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.CookieJar(unsafe=True))

    session = run(make())

    async def plain() -> tuple[int, bytes]:
        async with session.get(url) as response:
            return response.status, await response.read()

    async def closed() -> tuple[int, bytes]:
        async with session.get(url, headers=CLOSE) as response:
            return response.status, await response.read()

    async def with_json() -> tuple[int, bytes]:
        async with session.post(url, json=VALUE) as response:
            return response.status, await response.read()

    async def with_form() -> tuple[int, bytes]:
        async with session.post(url, data=FORM) as response:
            return response.status, await response.read()

    async def with_file() -> tuple[int, bytes]:
        form = aiohttp.FormData(FORM)
        form.add_field("file", FILE[1], filename=FILE[0], content_type=FILE[2])
        async with session.post(url, data=form) as response:
            return response.status, await response.read()

    return {"new tls": closed, "json": with_json, "form": with_form, "multipart": with_file}.get(kind, plain)


def http_client(at: Setting, kind: str) -> Once | None:
    from http.client import HTTPConnection, HTTPSConnection

    if kind in ("cookie", "multipart", "new tls"):
        return None
    parts = urlsplit(url_of(at, kind))
    connection = (
        HTTPSConnection(parts.netloc, context=ssl.create_default_context(cafile=at.ca))
        if kind == "tls"
        else HTTPConnection(parts.netloc)
    )

    def plain() -> tuple[int, bytes]:
        connection.request("GET", "/small")
        response = connection.getresponse()
        return response.status, response.read()

    def with_json() -> tuple[int, bytes]:
        connection.request("POST", "/post", json.dumps(VALUE), {"Content-Type": "application/json"})
        response = connection.getresponse()
        return response.status, response.read()

    def with_form() -> tuple[int, bytes]:
        connection.request("POST", "/post", urlencode(FORM), {"Content-Type": "application/x-www-form-urlencoded"})
        response = connection.getresponse()
        return response.status, response.read()

    return {"json": with_json, "form": with_form}.get(kind, plain)


CLIENTS: dict[str, Callable[..., Once | None]] = {
    "bare socket": bare_socket,
    "bare socket, resumed": bare_resumed,
    "the engine (Opener)": engine,
    "requests_lite.Session": requests_lite_session,
    "requests_lite": requests_lite_verbs,
    "PycURL": pycurl_handle,
    "wreq": wreq_client,
    "http.client": http_client,
    "httplib2": httplib2_http,
    "urllib3": urllib3_pool,
    "aiohttp": aiohttp_session,
    "httpx": httpx_client,
    "niquests": niquests_session,
    "requests.Session": requests_session,
    "requests.get": requests_verbs,
}


def measure(at: Setting, kind: str) -> Times:
    if kind in ("get", "tls", "new tls"):

        def check(status: int, content: bytes) -> bool:
            return status == 200 and content == SMALL
    elif kind == "cookie":

        def check(status: int, content: bytes) -> bool:
            return status == 200 and content == WITH_COOKIE
    else:

        def check(status: int, content: bytes) -> bool:
            return status == 200 and 18 <= int(bytes(content)) < 2000

    batch = 20 if kind == "new tls" else at.rounds(60, 200)
    return measure_small(dict(made(CLIENTS, at, kind)), check, at.rounds(8, 30), batch)
