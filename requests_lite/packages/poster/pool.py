"""Idle persistent connections, newest first (RFC 9112 section 9.3)."""

from __future__ import annotations

from _thread import allocate_lock
from time import monotonic

from . import connection as connections
from .connection import Connection


def _stay(connection: Connection) -> None:
    """Go nowhere: an idle connection is at home."""


class Pool:
    """Idle connections by key (origin and TLS settings). Safe to share between threads; a fork empties it.

    per_key and total are how many connections may lie idle, max_age is for how many seconds. The newest
    goes out first: it is the least likely to have been closed, and the others grow old enough to be dropped.
    """

    def __init__(self, per_key: int = 10, total: int = 100, max_age: float = 90.0) -> None:
        self.per_key, self.total, self.max_age = per_key, total, max_age
        self._empty()

    def _empty(self) -> None:
        self._process = connections.process
        self._lock = allocate_lock()
        self._idle: dict[object, list[Connection]] = {}
        self._count = 0

    def _notice_fork(self) -> None:
        # A child must not speak on its parent's connections, nor wait for a lock that was held when it was born.
        if self._process is not connections.process:
            self._empty()

    def take(self, key: object) -> Connection | None:
        """Return the newest idle connection that is still good, or None."""
        if self._process is not connections.process:
            self._empty()
        while True:
            with self._lock:
                idle = self._idle.get(key)
                if not idle:
                    self._idle.pop(key, None)
                    return None
                connection = idle.pop()
                self._count -= 1
            if monotonic() - connection.idle_since > self.max_age:
                connection.close("idle for too long")
            elif connection.is_readable():
                connection.close("closed by the server while idle, or bytes nobody asked for")
            else:
                connection.go_home = self.give
                return connection

    def give(self, connection: Connection) -> None:
        """Keep a connection whose response has ended; close the oldest where that makes too many."""
        if self._process is not connections.process:
            self._empty()
        connection.idle_since = monotonic()
        # An idle connection knows nothing of its pool, so that a pool nobody holds any more is gone at once.
        connection.go_home = _stay
        with self._lock:
            idle = self._idle.get(connection.key)
            if idle is None:
                if len(self._idle) > 2 * self.total:
                    self._forget_empty()
                idle = self._idle[connection.key] = []
            idle.append(connection)
            self._count += 1
            surplus = self._surplus(idle) if len(idle) > self.per_key or self._count > self.total else None
        if surplus is not None:
            surplus.close("more idle connections than the pool keeps")

    def _surplus(self, idle: list[Connection]) -> Connection:
        if len(idle) <= self.per_key:
            self._forget_empty()
            idle = min(self._idle.values(), key=lambda connections: connections[0].idle_since)
        self._count -= 1
        return idle.pop(0)

    def _forget_empty(self) -> None:
        self._idle = {key: connections for key, connections in self._idle.items() if connections}

    def close(self) -> None:
        """Close all idle connections; the pool goes on and may be used again."""
        self._notice_fork()
        with self._lock:
            connections = [connection for idle in self._idle.values() for connection in idle]
            self._idle = {}
            self._count = 0
        for connection in connections:
            connection.close("the pool was closed")

    def __len__(self) -> int:
        """Return how many connections lie idle."""
        self._notice_fork()
        return self._count
