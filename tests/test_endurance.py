"""Ten thousand exchanges, many of them broken: every answer is right, and nothing grows."""

from __future__ import annotations

import contextlib
import gc
import gzip
import io
import os
import random
import socket
import struct
import sys
import threading
import time
import tracemalloc
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

import requests_lite
from requests_lite.agent import _adapter
from requests_lite.exceptions import (
    ConnectionError,
    ContentDecodingError,
    IncompleteRead,
    ProtocolError,
    ReadTimeout,
    RequestException,
    TooManyRedirects,
)
from server import Gone, Peer
from wire import CHUNKED, CONTINUE, OK, answer

WARM_UP, EXCHANGES, THREADS = 2_000, 10_000, 4
GROWTH = 1 << 20  # bytes
DESCRIPTORS = "/proc/self/fd"

pytestmark = pytest.mark.skipif(not os.path.isdir(DESCRIPTORS), reason="no descriptors are told here")


def content_of(number: bytes) -> bytes:
    """Return the content that only this request may get."""
    return number * (int(number) % 300)


def with_length(content: bytes, fields: bytes = b"", status: bytes = b"HTTP/1.1 200 OK") -> bytes:
    return answer(fields + b"Content-Length: %d" % len(content), status) + content


def in_chunks(content: bytes) -> bytes:
    pieces = [content[at : at + 100] for at in range(0, len(content), 100)]
    return b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\nA: b\r\n\r\n"


def packed(content: bytes) -> bytes:
    return gzip.compress(content, 1, mtime=0)


# What the server answers to /kind/number, by kind; and whether it goes on, closes, or resets.
GO_ON, CLOSE, RESET = "go on", "close", "reset"
Respond = Callable[[bytes], bytes]
# fmt: off
KINDS: dict[str, tuple[Respond, str]] = {
    "plain": (lambda n: with_length(content_of(n)), GO_ON),
    "chunks": (lambda n: CHUNKED + in_chunks(content_of(n)), GO_ON),
    "gzip": (lambda n: with_length(packed(content_of(n)), b"Content-Encoding: gzip\r\n"), GO_ON),
    "large": (lambda n: with_length(content_of(n) + bytes(300_000)), GO_ON),
    "informed": (lambda n: CONTINUE * 3 + with_length(content_of(n)), GO_ON),
    "said-close": (lambda n: with_length(content_of(n), b"Connection: close\r\n"), CLOSE),
    "unsaid-close": (lambda n: with_length(content_of(n)), CLOSE),
    "unsaid-reset": (lambda n: with_length(content_of(n)), RESET),
    "until-close": (lambda n: OK + b"\r\n" + content_of(n), CLOSE),
    "old": (lambda n: with_length(content_of(n), status=b"HTTP/1.0 200 OK"), CLOSE),
    "surplus": (lambda n: with_length(content_of(n)) + with_length(b"evil"), GO_ON),
    "redirect": (lambda n: answer(b"Location: /plain/%b\r\nContent-Length: 0" % n, b"HTTP/1.1 302 Found"), GO_ON),
    "circle": (lambda n: answer(b"Location: /circle/%b\r\nContent-Length: 0" % n, b"HTTP/1.1 302 Found"), GO_ON),
    "left": (lambda n: with_length(content_of(n) + bytes(300_000)), GO_ON),
    "nothing": (lambda n: b"HTTP/1.1 204 No Content\r\n\r\n", GO_ON),
    "head": (lambda n: answer(b"Content-Length: %b" % n), GO_ON),
    "upload": (lambda n: with_length(n), GO_ON),
    "stream": (lambda n: with_length(n), GO_ON),
    "form": (lambda n: with_length(n), GO_ON),
    "too-big": (lambda n: with_length(n, b"Connection: close\r\n", b"HTTP/1.1 413 Content Too Large"), CLOSE),
    "no-answer": (lambda n: b"", CLOSE),
    "cut-head": (lambda n: OK + b"Content-", CLOSE),
    "reset-head": (lambda n: OK + b"Content-", RESET),
    "cut-length": (lambda n: answer(b"Content-Length: 100000") + content_of(n), CLOSE),
    "reset-length": (lambda n: answer(b"Content-Length: 100000") + content_of(n), RESET),
    "cut-chunks": (lambda n: CHUNKED + b"ffff\r\n" + content_of(n), CLOSE),
    "cut-gzip": (lambda n: with_length(packed(content_of(n))[:-4], b"Content-Encoding: gzip\r\n"), GO_ON),
    "garbage": (lambda n: b"\x15\x03\x01" + n, GO_ON),
    "bad-length": (lambda n: answer(b"Content-Length: -" + n), GO_ON),
    "bad-chunks": (lambda n: CHUNKED + b"0x5\r\n", GO_ON),
    "bad-gzip": (lambda n: with_length(b"garbage", b"Content-Encoding: gzip\r\n"), GO_ON),
    "silence": (lambda n: OK, GO_ON),
}
# fmt: on
USUAL = ["plain", "plain", "plain", "chunks", "gzip", "informed", "redirect", "nothing", "head", "upload"]
# What takes longer comes now and then.
SPARSE = {"circle": 0.02, "silence": 0.02, "large": 0.3, "too-big": 0.3, "left": 0.3}
ERRORS: dict[str, type[RequestException]] = {
    **dict.fromkeys(["no-answer", "cut-head", "reset-head"], ConnectionError),
    **dict.fromkeys(["cut-length", "reset-length", "cut-chunks", "cut-gzip"], IncompleteRead),
    **dict.fromkeys(["garbage", "bad-length", "bad-chunks"], ProtocolError),
    "bad-gzip": ContentDecodingError,
    "silence": ReadTimeout,
    "circle": TooManyRedirects,
}


class Endurance:
    """A server with a thread for each connection."""

    def __enter__(self) -> Endurance:
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        self.stopping = threading.Event()
        self.failures: list[Exception] = []
        self.acceptor = threading.Thread(target=self._accept)
        self.acceptor.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self.stopping.set()
        self.listener.shutdown(socket.SHUT_RDWR)
        self.acceptor.join(10)
        self.listener.close()
        assert not self.failures

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                accepted = self.listener.accept()[0]
                accepted.settimeout(10)
                threading.Thread(target=self._serve, args=(accepted,), daemon=True).start()

    def _serve(self, accepted: socket.socket) -> None:
        peer = Peer(accepted, self.stopping)
        try:
            with accepted:
                while self._exchange(peer):
                    del peer.received[: peer.taken]
                    peer.taken = 0
        except (Gone, OSError):
            pass
        except Exception as failure:
            self.failures.append(failure)

    def _exchange(self, peer: Peer) -> bool:
        """Answer a request; return whether another may follow."""
        head = peer.take_until(b"\r\n\r\n")
        kind, number = head.split(b" ")[1][1:].split(b"/")
        respond, then = KINDS[kind.decode()]
        if kind != b"too-big":  # that one is answered while it is sent
            content = peer.take_content(head)
            assert kind not in (b"upload", b"stream", b"form") or number * 50 in content
        peer.socket.sendall(respond(number))
        if then == RESET:
            peer.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        return then == GO_ON


class Blocks:
    """Content of unknown length that can be sent again."""

    def __init__(self, number: bytes) -> None:
        self.number = number

    def __iter__(self) -> Iterator[bytes]:
        yield self.number * 50
        yield bytes(1000)


def ask(url: str, kind: str, number: bytes) -> bytes:
    """Make the request of a kind and return what came.

    All are idempotent: on a connection that closes just now anything else would rightly fail.
    """
    url = f"{url}/{kind}/{number.decode()}"
    seconds = 0.05 if kind == "silence" else 10.0
    if kind == "left":
        with requests_lite.get(url, timeout=seconds, stream=True) as response:
            return bytes(next(response.iter_content(100)))
    if kind == "head":
        return requests_lite.head(url, timeout=seconds).headers["content-length"].encode()
    if kind == "upload":
        return requests_lite.put(url, data=number * 50, timeout=seconds).content
    if kind == "stream":
        return requests_lite.put(url, data=Blocks(number), timeout=seconds).content
    if kind == "form":
        return requests_lite.put(url, files={"f": io.BytesIO(number * 5000)}, timeout=seconds).content
    if kind == "too-big":
        response = requests_lite.put(url, data=io.BytesIO(bytes(1 << 20)), timeout=seconds)
        assert response.status_code == 413
        return response.content
    if int(number) % 2:
        with requests_lite.get(url, timeout=seconds, stream=True) as response:
            return b"".join(response.iter_content(1000))
    return requests_lite.get(url, timeout=seconds).content


def expected(kind: str, number: bytes) -> bytes:
    if kind in ("head", "upload", "stream", "form", "too-big"):
        return number
    if kind == "nothing":
        return b""
    content = content_of(number)
    if kind == "left":
        return (content + bytes(100))[:100]
    return content + bytes(300_000) if kind == "large" else content


def endure(url: str, start: int, end: int) -> Counter[str]:
    """Make the exchanges from start to end, and check each."""
    chance = random.Random(start)
    made: Counter[str] = Counter()
    while (n := sum(made.values()) + start) < end:
        kind = chance.choice(USUAL) if chance.random() < 0.5 else chance.choice(list(KINDS))
        if chance.random() > SPARSE.get(kind, 1):
            continue
        made[kind] += 1
        number = b"%d" % n
        if kind in ERRORS:
            with pytest.raises(RequestException) as caught:
                ask(url, kind, number)
            assert type(caught.value) is ERRORS[kind]
        else:
            assert ask(url, kind, number) == expected(kind, number)
    return made


def endure_together(url: str, start: int, end: int) -> Counter[str]:
    """Share exchanges between threads, which share connections."""
    share = (end - start) // THREADS
    with ThreadPoolExecutor(THREADS) as threads:
        runs = [threads.submit(endure, url, at, at + share) for at in range(start, end, share)]
        return sum((run.result() for run in runs), Counter())


def at_rest() -> int:
    """Return how many descriptors are open when no connection is any more."""
    _adapter._opener.pool.close()
    gc.collect()
    least = len(os.listdir(DESCRIPTORS))
    limit = time.monotonic() + 2
    while time.monotonic() < limit and threading.active_count() > 2:  # the server's threads see that we have gone
        time.sleep(0.01)
        least = len(os.listdir(DESCRIPTORS))
    return least


def test_ten_thousand_exchanges() -> None:
    """Descriptors and memory are what they were after the first two thousand."""
    with Endurance() as server:
        endure_together(server.url, 1, 1 + WARM_UP)
        descriptors = at_rest()
        tracemalloc.start()
        try:
            made = endure_together(server.url, 1 + WARM_UP, 1 + EXCHANGES)
            assert at_rest() <= descriptors
            # What measures coverage remembers where each thread has been.
            assert tracemalloc.get_traced_memory()[0] < GROWTH * (1 if sys.gettrace() is None else 8)
        finally:
            tracemalloc.stop()
    assert sum(made.values()) == EXCHANGES - WARM_UP
    assert made.keys() == KINDS.keys()


def test_what_is_remembered_of_heads_is_small() -> None:
    """Whoever sends long lines, each another, does not fill our memory."""
    reasons = iter(range(10_000))
    long = b"a" * 100_000
    lines = {
        "reason": lambda: with_length(b"ok", status=b"HTTP/1.1 200 %b%d" % (long, next(reasons))),
        "value": lambda: with_length(b"ok", b"A: %b%d\r\n" % (long, next(reasons))),
        "name": lambda: with_length(b"ok", b"%b%d: b\r\n" % (long, next(reasons))),
    }
    KINDS.update({name: (lambda _, line=line: line(), GO_ON) for name, line in lines.items()})  # type: ignore[misc]
    try:
        with Endurance() as server:
            tracemalloc.start()
            try:
                for name in lines:
                    for _ in range(100):
                        assert requests_lite.get(f"{server.url}/{name}/0").content == b"ok"
                at_rest()
                assert tracemalloc.get_traced_memory()[0] < GROWTH
            finally:
                tracemalloc.stop()
    finally:
        for name in lines:
            del KINDS[name]
