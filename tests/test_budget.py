"""The price of a plain GET in Python calls, which are the same on every machine, as microseconds are not."""

from __future__ import annotations

import sys
from types import FrameType

import requests_lite
from server import Expect, Send, Server

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\nok"


def test_a_get_on_a_kept_connection_stays_within_its_budget() -> None:
    """At most 7 frames lie between the caller and the socket, and 39 Python calls are made in all."""
    depth = calls = at_send = 0

    def count(frame: FrameType, event: str, argument: object) -> None:
        nonlocal depth, calls, at_send
        if event == "call":
            depth += 1
            calls += 1
        elif event == "return":
            depth -= 1
        elif event == "c_call" and getattr(argument, "__name__", "") in ("send", "sendall"):
            at_send = max(at_send, depth)

    exchange = [Expect(b"GET /x "), Send(ANSWER)]
    with Server(exchange * 4) as server:
        url = server.url + "/x"
        # What is done once for all requests, such as splitting the URL, is done before.
        for _ in range(3):
            requests_lite.get(url)
        sys.setprofile(count)
        try:
            response = requests_lite.get(url)
        finally:
            sys.setprofile(None)
        assert response.content == b"ok"
        assert server.connections == 1
    assert 1 <= at_send <= 7
    assert calls <= 39
