"""Long transfers: each function makes one client ready and returns what does one transfer.

An upload takes (path of the server, file) and returns the answer's content; a download takes a URL and returns how
many bytes came.
"""

from __future__ import annotations

import io
import os
import socket
import zlib
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from harness import Setting, Times, made, measure_long, run

BLOCK = 256 * 1024
FILE_BLOCK = 1024 * 1024
ITERATED = b"x" * 64 * 1024  # a block of the generator

Upload = Callable[[str, Path], bytes]
Download = Callable[[str], int]


def place_of(url: str) -> tuple[str, int]:
    parts = urlsplit(url)
    return parts.hostname or "", parts.port or 80


# Uploads of a file, in a form and as it is; and of a generator


def _head(path: str, length: int, more: str = "") -> bytes:
    return f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {length}\r\n{more}\r\n".encode()


def _answer(sock: socket.socket) -> bytes:
    answer = b""
    while b"\r\n\r\n" not in answer:
        answer += sock.recv(65536)
    head, _, content = answer.partition(b"\r\n\r\n")
    length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0])
    while len(content) < length:
        content += sock.recv(1 << 20)
    return content


def _send_file(sock: socket.socket, file: Path) -> None:
    view = memoryview(bytearray(FILE_BLOCK))
    with open(file, "rb", buffering=0) as source:
        while count := source.readinto(view):
            sock.sendall(view[:count])


def bare_form(at: Setting) -> Upload:
    sock = socket.create_connection(place_of(at.raw))

    def upload(path: str, file: Path) -> bytes:
        before = b'--b\r\nContent-Disposition: form-data; name="file"; filename="f"\r\n\r\n'
        after = b"\r\n--b--\r\n"
        length = len(before) + os.path.getsize(file) + len(after)
        sock.sendall(_head(path, length, "Content-Type: multipart/form-data; boundary=b\r\n") + before)
        _send_file(sock, file)
        sock.sendall(after)
        return _answer(sock)

    return upload


def bare_file(at: Setting) -> Upload:
    sock = socket.create_connection(place_of(at.raw))

    def upload(path: str, file: Path) -> bytes:
        sock.sendall(_head(path, os.path.getsize(file)))
        _send_file(sock, file)
        return _answer(sock)

    return upload


def requests_lite_form(at: Setting) -> Upload:
    import requests_lite

    return lambda path, file: requests_lite.post(at.raw + path, files={"file": file}).content


def requests_lite_file(at: Setting) -> Upload:
    import requests_lite

    def upload(path: str, file: Path) -> bytes:
        with open(file, "rb") as source:
            content: bytes = requests_lite.post(at.raw + path, data=source).content
            return content

    return upload


def requests_form(at: Setting) -> Upload:
    import requests

    session = requests.Session()

    def upload(path: str, file: Path) -> bytes:
        with open(file, "rb") as source:
            return session.post(at.raw + path, files={"file": source}).content

    return upload


def toolbelt_form(at: Setting) -> Upload:
    import requests
    from requests_toolbelt import MultipartEncoder

    session = requests.Session()

    def upload(path: str, file: Path) -> bytes:
        with open(file, "rb") as source:
            encoder = MultipartEncoder({"file": ("f", source, "application/octet-stream")})
            return session.post(at.raw + path, data=encoder, headers={"Content-Type": encoder.content_type}).content

    return upload


def requests_file(at: Setting) -> Upload:
    import requests

    session = requests.Session()

    def upload(path: str, file: Path) -> bytes:
        with open(file, "rb") as source:
            return session.post(at.raw + path, data=source).content

    return upload


def httpx_form(at: Setting) -> Upload:
    import httpx

    client = httpx.Client(timeout=600)

    def upload(path: str, file: Path) -> bytes:
        with open(file, "rb") as source:
            return client.post(at.raw + path, files={"file": source}).content

    return upload


def httpx_file(at: Setting) -> Upload:
    import httpx

    client = httpx.Client(timeout=600)

    def upload(path: str, file: Path) -> bytes:
        with open(file, "rb") as source:
            return client.post(at.raw + path, content=source).content

    return upload


def urllib3_file(at: Setting) -> Upload:
    import urllib3

    pool = urllib3.PoolManager()

    def upload(path: str, file: Path) -> bytes:
        with open(file, "rb") as source:
            length = str(os.path.getsize(file))
            headers = {"Content-Length": length}
            return bytes(pool.request("POST", at.raw + path, body=source, headers=headers).data)

    return upload


def pycurl_form(at: Setting) -> Upload:
    import pycurl

    curl = pycurl.Curl()
    curl.setopt(curl.HTTPHEADER, ["Expect:"])

    def upload(path: str, file: Path) -> bytes:
        curl.setopt(curl.URL, at.raw + path)
        curl.setopt(curl.HTTPPOST, [("file", (curl.FORM_FILE, str(file)))])
        return bytes(curl.perform_rb())

    return upload


def pycurl_file(at: Setting) -> Upload:
    import pycurl

    curl = pycurl.Curl()
    curl.setopt(curl.HTTPHEADER, ["Expect:"])
    curl.setopt(curl.UPLOAD, 1)

    def upload(path: str, file: Path) -> bytes:
        with open(file, "rb") as source:
            curl.setopt(curl.URL, at.raw + path)
            curl.setopt(curl.READDATA, source)
            curl.setopt(curl.INFILESIZE_LARGE, os.path.getsize(file))
            return bytes(curl.perform_rb())

    return upload


def wreq_form(at: Setting) -> Upload:
    import wreq
    from wreq.blocking import Client

    client = Client(no_proxy=True)

    def upload(path: str, file: Path) -> bytes:
        part = wreq.Part("file", file, length=os.path.getsize(file))
        return bytes(client.post(at.raw + path, multipart=wreq.Multipart(part)).bytes())

    return upload


def aiohttp_upload(at: Setting, in_form: bool) -> Upload:
    import aiohttp

    async def make() -> aiohttp.ClientSession:
        return aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=600))

    session = run(make())

    async def exchange(path: str, source: io.BufferedReader) -> bytes:
        async with session.post(at.raw + path, data={"file": source} if in_form else source) as response:
            content: bytes = await response.read()
            return content

    def upload(path: str, file: Path) -> bytes:
        with open(file, "rb") as source:
            content: bytes = run(exchange(path, source))
            return content

    return upload


def aiohttp_form(at: Setting) -> Upload:
    return aiohttp_upload(at, True)


def aiohttp_file(at: Setting) -> Upload:
    return aiohttp_upload(at, False)


FORMS: dict[str, Callable[[Setting], Upload]] = {
    "bare loop": bare_form,
    "requests_lite": requests_lite_form,
    "PycURL": pycurl_form,
    "wreq": wreq_form,
    "httpx": httpx_form,
    "aiohttp": aiohttp_form,
    "requests + toolbelt": toolbelt_form,
    "requests": requests_form,
}
FILES: dict[str, Callable[[Setting], Upload]] = {
    "bare loop": bare_file,
    "requests_lite": requests_lite_file,
    "PycURL": pycurl_file,
    "urllib3": urllib3_file,
    "httpx": httpx_file,
    "aiohttp": aiohttp_file,
    "requests": requests_file,
}


def uploads(at: Setting, in_form: bool) -> Times:
    candidates = dict(made(FORMS if in_form else FILES, at))
    check_file, large = Path(at.folder, "files", "check"), Path(at.folder, "files", "large")
    content, size = check_file.read_bytes(), large.stat().st_size
    for name, upload in candidates.items():
        answer = upload("/echo", check_file)
        if not (content in answer if in_form else content == answer):
            raise AssertionError(f"{name} does not send the file")
    timed = {name: (lambda upload=upload: int(upload("/sink", large)) - size) for name, upload in candidates.items()}
    return measure_long(timed, lambda more: 60 < more < 2000 if in_form else more == 0, at.rounds(5, 15))


def bare_blocks(at: Setting) -> Callable[[int], bytes]:
    sock = socket.create_connection(place_of(at.raw))

    def upload(count: int) -> bytes:
        sock.sendall(_head("/sink", count * len(ITERATED)))
        for block in blocks(count):
            sock.sendall(block)
        return _answer(sock)

    return upload


def blocks(count: int) -> Iterator[bytes]:
    for _ in range(count):
        yield ITERATED


def requests_lite_blocks(at: Setting) -> Callable[[int], bytes]:
    import requests_lite

    return lambda count: requests_lite.post(at.raw + "/sink", data=blocks(count)).content


def requests_blocks(at: Setting) -> Callable[[int], bytes]:
    import requests

    session = requests.Session()
    return lambda count: session.post(at.raw + "/sink", data=blocks(count)).content


def httpx_blocks(at: Setting) -> Callable[[int], bytes]:
    import httpx

    client = httpx.Client()
    return lambda count: client.post(at.raw + "/sink", content=blocks(count)).content


def urllib3_blocks(at: Setting) -> Callable[[int], bytes]:
    import urllib3

    pool = urllib3.PoolManager()
    return lambda count: pool.request("POST", at.raw + "/sink", body=blocks(count)).data


def http_client_blocks(at: Setting) -> Callable[[int], bytes]:
    from http.client import HTTPConnection

    connection = HTTPConnection(*place_of(at.raw))

    def upload(count: int) -> bytes:
        connection.request("POST", "/sink", blocks(count), encode_chunked=True)
        return connection.getresponse().read()

    return upload


def aiohttp_blocks(at: Setting) -> Callable[[int], bytes]:
    import aiohttp

    async def make() -> aiohttp.ClientSession:
        return aiohttp.ClientSession()

    session = run(make())

    async def exchange(count: int) -> bytes:
        async def generated() -> Any:
            for block in blocks(count):
                yield block

        async with session.post(at.raw + "/sink", data=generated()) as response:
            content: bytes = await response.read()
            return content

    return lambda count: bytes(run(exchange(count)))


BLOCKS: dict[str, Callable[[Setting], Callable[[int], bytes]]] = {
    "bare loop": bare_blocks,
    "requests_lite": requests_lite_blocks,
    "http.client": http_client_blocks,
    "urllib3": urllib3_blocks,
    "httpx": httpx_blocks,
    "aiohttp": aiohttp_blocks,
    "requests": requests_blocks,
}


def generators(at: Setting, size: int) -> Times:
    count = size // len(ITERATED)
    candidates = {name: (lambda upload=upload: int(upload(count))) for name, upload in made(BLOCKS, at)}
    return measure_long(candidates, size.__eq__, at.rounds(5, 15))


# Downloads, in blocks of 256 KiB; in one piece; in chunks; with gzip


def bare_download(at: Setting) -> Download:
    """recv_into one buffer; of a chunked answer all bytes, its chunks not looked at."""
    view = memoryview(bytearray(BLOCK))
    socks: dict[tuple[str, int], socket.socket] = {}

    def download(url: str) -> int:
        place, path = place_of(url), urlsplit(url).path
        if place not in socks:
            socks[place] = socket.create_connection(place)
        sock = socks[place]
        sock.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        answer = sock.recv(4096)
        head, _, content = answer.partition(b"\r\n\r\n")
        came = len(content)
        length = head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0]
        if length:
            while came < int(length):
                came += sock.recv_into(view)
            return came
        size, count = map(int, path.split("/")[2:])
        framed = (len(b"%x" % size) + size + 4) * count + 5
        while came < framed:
            came += sock.recv_into(view)
        return size * count

    return download


def bare_gzip(at: Setting) -> Download:
    """recv, and zlib.decompressobj()."""
    sock = socket.create_connection(place_of(at.http))

    def download(url: str) -> int:
        sock.sendall(f"GET {urlsplit(url).path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        _, _, block = sock.recv(BLOCK).partition(b"\r\n\r\n")
        decoder, length = zlib.decompressobj(31), 0
        while True:
            while block:
                length += len(decoder.decompress(block, BLOCK))
                block = decoder.unconsumed_tail
            if decoder.eof:
                return length
            block = sock.recv(BLOCK)

    return download


def requests_lite_download(at: Setting) -> Download:
    import requests_lite

    def download(url: str) -> int:
        with requests_lite.get(url, stream=True) as response:
            return sum(map(len, response.iter_content(BLOCK)))

    return download


def session_download(name: str) -> Callable[[Setting], Download]:
    """Return the client that requests is, and who copies its interface."""

    def client(at: Setting) -> Download:
        session = import_module(name).Session()

        def download(url: str) -> int:
            with session.get(url, stream=True) as response:
                return sum(map(len, response.iter_content(BLOCK)))

        return download

    return client


def urllib3_download(at: Setting) -> Download:
    import urllib3

    pool = urllib3.PoolManager(headers={"Accept-Encoding": "gzip"})

    def download(url: str) -> int:
        response = pool.request("GET", url, preload_content=False)
        length = sum(map(len, response.stream(BLOCK)))
        response.release_conn()
        return length

    return download


def httpx_download(at: Setting) -> Download:
    import httpx

    client = httpx.Client()

    def download(url: str) -> int:
        with client.stream("GET", url) as response:
            return sum(map(len, response.iter_bytes(BLOCK)))

    return download


def http_client_download(at: Setting) -> Download:
    from http.client import HTTPConnection

    connections: dict[tuple[str, int], HTTPConnection] = {}

    def download(url: str) -> int:
        place = place_of(url)
        if place not in connections:
            connections[place] = HTTPConnection(*place)
        connections[place].request("GET", urlsplit(url).path)
        response = connections[place].getresponse()
        return sum(map(len, iter(lambda: response.read(BLOCK), b"")))

    return download


def urllib_download(at: Setting) -> Download:
    from urllib.request import urlopen

    def download(url: str) -> int:
        with urlopen(url) as response:
            return sum(map(len, iter(lambda: response.read(BLOCK), b"")))

    return download


def pycurl_download(at: Setting) -> Download:
    import pycurl

    curl = pycurl.Curl()
    curl.setopt(curl.ACCEPT_ENCODING, "gzip")

    def download(url: str) -> int:
        length = 0

        def count(block: bytes) -> None:
            nonlocal length
            length += len(block)

        curl.setopt(curl.URL, url)
        curl.setopt(curl.WRITEFUNCTION, count)
        curl.perform()
        return length

    return download


def wreq_download(at: Setting) -> Download:
    from wreq.blocking import Client

    client = Client(no_proxy=True)

    def download(url: str) -> int:
        with client.get(url).stream() as stream:
            return sum(map(len, stream))

    return download


def aiohttp_download(at: Setting) -> Download:
    import aiohttp

    async def make() -> aiohttp.ClientSession:
        return aiohttp.ClientSession()

    session = run(make())

    async def exchange(url: str) -> int:
        length = 0
        async with session.get(url) as response:
            async for block in response.content.iter_chunked(BLOCK):
                length += len(block)
        return length

    return lambda url: int(run(exchange(url)))


DOWNLOADS: dict[str, Callable[[Setting], Download]] = {
    "bare loop": bare_download,
    "requests_lite": requests_lite_download,
    "PycURL": pycurl_download,
    "wreq": wreq_download,
    "http.client": http_client_download,
    "urllib.request": urllib_download,
    "urllib3": urllib3_download,
    "aiohttp": aiohttp_download,
    "httpx": httpx_download,
    "niquests": session_download("niquests"),
    "requests": session_download("requests"),
}


def bare_content(at: Setting) -> Download:
    sock = socket.create_connection(place_of(at.http))

    def download(url: str) -> int:
        sock.sendall(f"GET {urlsplit(url).path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        head, _, start = sock.recv(4096).partition(b"\r\n\r\n")
        content = bytearray(int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0]))
        view, at = memoryview(content), len(start)
        view[:at] = start
        while at < len(content):
            at += sock.recv_into(view[at:])
        return at

    return download


def requests_lite_content(at: Setting) -> Download:
    import requests_lite

    return lambda url: len(requests_lite.get(url).content)


def requests_content(at: Setting) -> Download:
    import requests

    session = requests.Session()
    return lambda url: len(session.get(url).content)


def httpx_content(at: Setting) -> Download:
    import httpx

    client = httpx.Client()
    return lambda url: len(client.get(url).content)


def urllib3_content(at: Setting) -> Download:
    import urllib3

    pool = urllib3.PoolManager()
    return lambda url: len(pool.request("GET", url).data)


def urllib_content(at: Setting) -> Download:
    from urllib.request import urlopen

    def download(url: str) -> int:
        with urlopen(url) as response:
            return len(response.read())

    return download


def pycurl_content(at: Setting) -> Download:
    import pycurl

    curl = pycurl.Curl()

    def download(url: str) -> int:
        curl.setopt(curl.URL, url)
        return len(curl.perform_rb())

    return download


def wreq_content(at: Setting) -> Download:
    from wreq.blocking import Client

    client = Client(no_proxy=True)
    return lambda url: len(client.get(url).bytes())


def aiohttp_content(at: Setting) -> Download:
    import aiohttp

    async def make() -> aiohttp.ClientSession:
        return aiohttp.ClientSession()

    session = run(make())

    async def exchange(url: str) -> int:
        async with session.get(url) as response:
            return len(await response.read())

    return lambda url: int(run(exchange(url)))


CONTENTS: dict[str, Callable[[Setting], Download]] = {
    "bare loop": bare_content,
    "requests_lite": requests_lite_content,
    "PycURL": pycurl_content,
    "wreq": wreq_content,
    "urllib.request": urllib_content,
    "urllib3": urllib3_content,
    "aiohttp": aiohttp_content,
    "httpx": httpx_content,
    "requests": requests_content,
}


def downloads(at: Setting, table: dict[str, Callable[[Setting], Download]], url: str, size: int, rounds: int) -> Times:
    candidates = {name: (lambda download=download: download(url)) for name, download in made(table, at)}
    return measure_long(candidates, size.__eq__, rounds)


def gzip_table() -> dict[str, Callable[[Setting], Download]]:
    undecoded = ("http.client", "urllib.request")
    table = {name: make for name, make in DOWNLOADS.items() if name not in undecoded}
    return {**table, "bare loop": bare_gzip}
