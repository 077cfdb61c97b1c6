"""The price of a small request in calls of ours, which are the same on every machine, as microseconds are not."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import FrameType
from typing import Any

import pytest

from requests_lite import Session, core
from server import Expect, Send, Server

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n"
COOKIE = b"Set-Cookie: a=b; Path=/\r\n"

Work = Callable[[Session, str], Any]


def exchange(session: Session, url: str) -> Any:
    """By the engine alone."""
    adapter: Any = session.adapters["http://"]
    origin = "http", "127.0.0.1", int(url.split(":")[2].split("/")[0])
    return adapter._opener.exchange(origin, "GET", "/x", session.headers).body.read_all()


# fmt: off
WORK: dict[str, tuple[Work, bytes, int, int]] = {
    "exchange": (exchange, b"", 3, 20),
    "get": (lambda session, url: core.get(url), b"", 7, 35),
    "get by a session": (lambda session, url: session.get(url), b"", 7, 35),
    "get with a cookie each way": (lambda session, url: session.get(url), COOKIE, 7, 59),
    "post": (lambda session, url: core.post(url, data=b"content"), b"", 7, 40),
    "post json": (lambda session, url: session.post(url, json={"a": 1}), b"", 7, 46),
    "post a form": (lambda session, url: session.post(url, data={"a": "1"}), b"", 7, 54),
}
# fmt: on


@pytest.mark.parametrize("name", WORK)
def test_a_request_on_a_kept_connection_stays_within_its_budget(name: str) -> None:
    """So many frames at most lie between the caller and the socket, and so many functions of ours are called in all."""
    work, fields, frames, calls = WORK[name]
    depth = made = at_send = 0

    def count(frame: FrameType, event: str, argument: object) -> None:
        nonlocal depth, made, at_send
        if event == "call":
            depth += 1
            made += frame.f_globals["__name__"].startswith("requests_lite")  # not what isinstance() may have to look up
        elif event == "return":
            depth -= 1
        elif event == "c_call" and getattr(argument, "__name__", "") == "send":
            at_send = max(at_send, depth - 1)  # this function has called work, which is none of ours

    with Session() as session, Server([Expect(b" /x "), Send(HEAD + fields + b"\r\nok")] * 4) as server:
        url = server.url + "/x"
        # What is done once for all requests, such as splitting the URL, is done before.
        for _ in range(3):
            work(session, url)
        sys.setprofile(count)
        try:
            work(session, url)
        finally:
            sys.setprofile(None)
        assert server.connections == 1
    assert 1 <= at_send <= frames
    assert made <= calls
