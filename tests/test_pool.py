"""Idle connections: which one goes out next, which are closed, and who may have them."""

from __future__ import annotations

import os
import signal
import socket
import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from requests_lite.packages.poster.connection import Connection, process
from requests_lite.packages.poster.headers import Headers
from requests_lite.packages.poster.opener import Opener
from requests_lite.packages.poster.pool import Pool
from server import Expect, Send, Server
from wire import OK, TWO

SURPLUS = "more idle connections than the pool keeps"
OLD = "idle for too long"
STALE = "closed by the server while idle, or bytes nobody asked for"


class Maker:
    """Makes connections for a pool, and keeps their other ends."""

    def __init__(self) -> None:
        self.peers: dict[Connection, socket.socket] = {}

    def __call__(self, pool: Pool, key: object = "key", count: int = 1) -> list[Connection]:
        """Put so many connections into the pool and return them, oldest first."""
        made = []
        for _ in range(count):
            ours, peer = socket.socketpair()
            ours.setblocking(False)
            connection = Connection(ours, key, "the peer", pool.give)
            self.peers[connection] = peer
            made.append(connection)
            pool.give(connection)
        return made

    def is_closed(self, connection: Connection) -> bool:
        self.peers[connection].setblocking(False)
        try:
            return self.peers[connection].recv(1) == b""
        except BlockingIOError:
            return False


@pytest.fixture
def make() -> Iterator[Maker]:
    make = Maker()
    yield make
    for connection, peer in make.peers.items():
        connection.close("the test has ended")
        peer.close()


def take_all(pool: Pool, key: object = "key") -> list[Connection]:
    taken = []
    while connection := pool.take(key):
        taken.append(connection)
    return taken


def test_the_newest_goes_out_first(make: Maker) -> None:
    pool = Pool()
    first, second, third = make(pool, count=3)
    assert len(pool) == 3
    assert pool.take("key") is third
    pool.give(third)
    assert take_all(pool) == [third, second, first]
    assert len(pool) == 0
    assert not any(make.is_closed(connection) for connection in (first, second, third))


def test_keys_are_kept_apart(make: Maker) -> None:
    pool = Pool()
    [one] = make(pool, ("http", "a", 80))
    [two] = make(pool, ("http", "b", 80))
    assert pool.take(("https", "a", 443)) is None
    assert pool.take(("http", "b", 80)) is two
    assert pool.take(("http", "b", 80)) is None
    assert pool.take(("http", "a", 80)) is one


def test_at_most_so_many_of_a_key(make: Maker) -> None:
    """The oldest goes."""
    pool = Pool()
    made = make(pool, count=13)
    assert [connection.reason for connection in made] == [SURPLUS] * 3 + [""] * 10
    assert [make.is_closed(connection) for connection in made] == [True] * 3 + [False] * 10
    assert len(pool) == 10
    assert take_all(pool) == made[:2:-1]


def test_at_most_so_many_in_all(make: Maker) -> None:
    """The one that has been idle for longest goes, whoever's it is."""
    pool = Pool(per_key=10, total=5)
    a, b, c = (make(pool, key, 2) for key in "abc")
    assert [connection.reason for connection in a + b + c] == [SURPLUS, "", "", "", "", ""]
    assert len(pool) == 5
    make(pool, "b")
    assert a[1].reason == SURPLUS
    assert pool.take("a") is None
    [d] = make(pool, "a")
    assert b[0].reason == SURPLUS
    assert take_all(pool, "a") == [d]
    assert len(pool) == 4


def test_100_in_all(make: Maker) -> None:
    pool = Pool()
    made = [connection for key in range(102) for connection in make(pool, key)]
    assert len(pool) == 100
    assert [connection.reason for connection in made] == [SURPLUS] * 2 + [""] * 100


@pytest.mark.parametrize(("per_key", "total"), [(0, 100), (10, 0), (0, 0)])
def test_a_pool_that_keeps_nothing(per_key: int, total: int, make: Maker) -> None:
    pool = Pool(per_key, total)
    [connection] = make(pool)
    assert connection.reason == SURPLUS
    assert len(pool) == 0
    assert pool.take("key") is None


@pytest.mark.parametrize("every", [1, 2, 1000])
def test_keys_that_are_gone_take_no_room(every: int, make: Maker) -> None:
    """Who asks a thousand hosts once does not remember them all, whether their connections are in use or closed."""
    pool = Pool(total=3)
    for key in range(100):
        [connection] = make(pool, key)
        if key % every == 0:
            assert pool.take(key) is connection
    assert len(pool._idle) <= 10


def test_what_lay_idle_for_too_long(make: Maker) -> None:
    pool = Pool()
    old, young = make(pool, count=2)
    old.idle_since -= 90.5
    young.idle_since -= 80
    assert pool.take("key") is young
    assert pool.take("key") is None
    assert old.reason == OLD
    assert len(pool) == 0


def test_what_lay_idle_for_too_long_goes_when_others_come(make: Maker) -> None:
    """Nobody may ask its origin again; a close by the server would hold its descriptor for ever."""
    pool = Pool()
    [a], [b], [c] = (make(pool, key) for key in "abc")
    a.idle_since -= 91
    b.idle_since -= 91
    pool.give(pool.take("c") or c)
    assert (a.reason, b.reason) == (OLD, "")
    make(pool, "d")
    assert (b.reason, c.reason, len(pool)) == (OLD, "", 2)


def test_an_age_of_ones_own(make: Maker) -> None:
    pool = Pool(max_age=1000)
    [connection] = make(pool)
    connection.idle_since -= 999
    assert pool.take("key") is connection
    pool.give(connection)  # and it begins anew
    connection.idle_since -= 999
    assert pool.take("key") is connection


def test_what_the_server_has_closed(make: Maker) -> None:
    """The next one that is good goes out."""
    pool = Pool()
    good, closed, talkative = make(pool, count=3)
    make.peers[closed].close()
    make.peers[talkative].send(b"HTTP/1.1 408 Request Timeout\r\n\r\n")
    assert pool.take("key") is good
    assert (closed.reason, talkative.reason, good.reason) == (STALE, STALE, "")
    assert len(pool) == 0


def test_close(make: Maker) -> None:
    """The pool goes on afterwards."""
    pool = Pool()
    made = make(pool, "a", 2) + make(pool, "b", 2)
    pool.close()
    assert [connection.reason for connection in made] == ["the pool was closed"] * 4
    assert len(pool) == 0
    assert pool.take("a") is None
    [connection] = make(pool, "a")
    assert pool.take("a") is connection
    pool.close()
    assert connection.reason == ""  # it was not idle


def test_a_pool_that_nobody_holds_closes_its_connections(make: Maker) -> None:
    pool = Pool()
    [connection] = make(pool)
    peer = make.peers.pop(connection)
    del pool, connection
    with peer:
        peer.settimeout(5)
        assert peer.recv(1) == b""


def test_threads(make: Maker) -> None:
    """No connection is in two hands, none is lost, and none too many is kept."""
    pool = Pool(per_key=3, total=7)
    keys = "abc"
    for key in keys:
        make(pool, key, 3)
    held: set[Connection] = set()
    failures: list[str] = []

    def work(n: int) -> None:
        for turn in range(300):
            connection = pool.take(keys[(n + turn) % 3])
            if connection is not None:
                if connection in held or connection.reason:
                    failures.append(f"{connection} is in two hands, or closed: {connection.reason}")
                held.add(connection)
                held.discard(connection)
                pool.give(connection)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(16)]
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
    finally:
        sys.setswitchinterval(interval)
    assert failures == []
    idle = [connection for key in keys for connection in take_all(pool, key)]
    assert set(idle) == {connection for connection in make.peers if not connection.reason}
    assert len(idle) == 7
    assert len(pool) == 0


# A process and its children.

forks = pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork() here")
threaded = pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")  # the servers of tests are threads


def in_child(act: Callable[[], object]) -> str:
    """Do act in a child of this process; return the repr of its result, or its traceback."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.alarm(5)  # a child that hangs must not outlive the test
        try:
            said = repr(act())
        except BaseException:
            said = traceback.format_exc()
        os.write(writing, said.encode())
        os._exit(0)
    os.close(writing)
    with open(reading, encoding="utf-8") as pipe:
        said = pipe.read()
    os.waitpid(child, 0)
    return said


@forks
@threaded
def test_a_child_gets_none_of_its_parents_connections(make: Maker) -> None:
    """And does not close them for the parent."""
    pool = Pool()
    made = make(pool, count=3)
    assert in_child(lambda: (len(pool), pool.take("key"), len(pool))) == "(0, None, 0)"
    assert not any(make.is_closed(connection) for connection in made)
    assert take_all(pool) == made[::-1]


@forks
@threaded
def test_a_child_has_a_pool_of_its_own(make: Maker) -> None:
    pool = Pool()
    make(pool, count=3)

    def child() -> bool:
        [connection] = make(pool)
        return len(pool) == 1 and pool.take("key") is connection and pool.take("key") is None

    assert in_child(child) == "True"


@pytest.fixture
def fork() -> Iterator[Callable[[], None]]:
    """What a child does when it is born, without one."""
    yield lambda: process.insert(0, object())
    del process[:-1]


def test_what_a_fork_changes(make: Maker, fork: Callable[[], None]) -> None:
    """As a child would find it, without one."""
    pool = Pool()
    [idle] = make(pool)
    [busy] = make(pool, "busy")
    assert pool.take("busy") is busy
    fork()
    assert pool.take("key") is None
    assert len(pool) == 0
    make.peers[busy].sendall(OK + TWO + b"ok")
    assert busy.exchange("GET", b"GET / HTTP/1.1\r\n\r\n", (), 5, None).body.read_all() == b"ok"
    assert busy.reason
    assert pool.take("busy") is None
    assert idle.reason == ""


def test_threads_of_a_child_find_the_pool_empty_or_empty_it(make: Maker, fork: Callable[[], None]) -> None:
    """Who is told that it was emptied may find nothing of the parent's there any more."""

    class Watched(Pool):
        def __setattr__(self, name: str, value: Any) -> None:
            super().__setattr__(name, value)
            if name == "_process":
                seen.append((dict(self._idle), self._lock.locked()))

    seen: list[tuple[Any, bool]] = []
    pool = Watched()
    make(pool)
    pool._lock.acquire()
    fork()
    assert pool.take("key") is None
    assert seen == [({}, False), ({}, False)]


@forks
@threaded
def test_a_childs_child(make: Maker) -> None:
    pool = Pool()
    make(pool)

    def child() -> object:
        make(pool)
        return in_child(lambda: pool.take("key")), pool.take("key") is not None

    assert in_child(child) == "('None', True)"


@forks
@threaded
def test_a_child_may_close_the_pool(make: Maker) -> None:
    """Even if another thread of the parent was busy with it at that moment."""
    pool = Pool()
    made = make(pool, count=2)
    holding, done = threading.Event(), threading.Event()

    def hold() -> None:
        with pool._lock:
            holding.set()
            done.wait(10)

    thread = threading.Thread(target=hold)
    thread.start()
    assert holding.wait(10)
    said = in_child(pool.close)
    done.set()
    thread.join(10)
    assert said == "None"
    assert take_all(pool) == made[::-1]


@forks
@threaded
def test_a_body_that_was_under_way_at_the_fork() -> None:
    """Its connection stays the parent's, whoever reads it to its end."""
    response = OK + TWO + b"ok"
    scripts = [[Expect(b"/1"), Send(response), Expect(b"/3"), Send(response)], [Expect(b"/2"), Send(response)]]
    opener = Opener()

    with Server(*scripts) as server:

        def get(target: str) -> bytes:
            return opener.exchange(server.origin, "GET", target, Headers(), silence=5).body.read_all()

        message = opener.exchange(server.origin, "GET", "/1", Headers(), silence=5)
        said = in_child(lambda: (message.body.read_all(), get("/2")))
        assert said == "(b'ok', b'ok')"
        assert message.body.read_all() == b"ok"
        assert get("/3") == b"ok"
        assert server.connections == 2
        opener.pool.close()


@forks
@threaded
def test_a_child_and_its_parent_ask_the_same_server() -> None:
    response = OK + TWO + b"ok"
    scripts = [[Expect(b"/1"), Send(response), Expect(b"/3"), Send(response)], [Expect(b"/2"), Send(response)]]
    opener = Opener()
    with Server(*scripts) as server:

        def get(target: str) -> bytes:
            return opener.exchange(server.origin, "GET", target, Headers(), silence=5).body.read_all()

        assert get("/1") == b"ok"
        assert in_child(lambda: get("/2")) == "b'ok'"
        assert get("/3") == b"ok"
        assert server.connections == 2
        opener.pool.close()


@pytest.mark.parametrize("first", ["count", "close", "give"])
def test_whatever_a_child_does_first_its_pool_is_empty(first: str, make: Maker, fork: Callable[[], None]) -> None:
    """As a child would find it, without one."""
    pool = Pool()
    [idle] = make(pool)
    fork()
    if first == "count":
        assert len(pool) == 0
    elif first == "close":
        pool.close()
    else:
        made = make(pool)
        assert take_all(pool) == made
    assert take_all(pool) == []
    assert (idle.reason, make.is_closed(idle)) == ("", False)
