"""Idle persistent connections, newest first (RFC 9112 section 9.3)."""

from __future__ import annotations

from _thread import allocate_lock
from time import monotonic

from .connection import Connection, process


class Pool:
    """Idle connections by key (origin and TLS settings). Safe to share between threads; a fork empties it.

    per_key and total are how many connections may lie idle, max_age is for how many seconds. The newest
    goes out first: it is the least likely to have been closed, and the others grow old enough to be dropped.
    """

    def __init__(self, per_key: int = 10, total: int = 100, max_age: float = 90.0) -> None:
        self.per_key, self.total, self.max_age = per_key, total, max_age
        self._empty()

    def _empty(self) -> None:
        self._lock = allocate_lock()
        self._idle: dict[object, list[Connection]] = {}
        self._count = 0
        self._process = process[0]  # last: another thread of a child takes it for the sign that all is done

    def take(self, key: object) -> Connection | None:
        """Return the newest idle connection that is still good, or None."""
        # A child must not speak on its parent's connections, nor wait for a lock that was held when it was born.
        if self._process is not process[0]:
            self._empty()
        while True:
            with self._lock:
                idle = self._idle.pop(key, None)
                if idle is None:
                    return None
                connection = idle.pop()
                self._count -= 1
                if idle:
                    self._idle[key] = idle
            if monotonic() - connection.idle_since > self.max_age:
                connection.close("idle for too long")
            elif connection.is_readable():
                connection.close("closed by the server while idle, or bytes nobody asked for")
            else:
                connection.go_home = self.give
                return connection

    def give(self, connection: Connection) -> None:
        """Keep a connection whose response has ended; close one that is too old, or too many."""
        if self._process is not process[0]:
            self._empty()
        connection.idle_since = now = monotonic()
        # An idle connection knows nothing of its pool, so that a pool nobody holds any more is gone at once.
        del connection.go_home
        with self._lock:
            idle = self._idle.pop(connection.key, [])
            idle.append(connection)
            self._idle[connection.key] = idle  # behind all others: the first was used the longest ago
            self._count += 1
            too_many = len(idle) > self.per_key or self._count > self.total
            if self._count > self.total:
                idle = min(self._idle.values(), key=lambda connections: connections[0].idle_since)
            elif not too_many:
                idle = next(iter(self._idle.values()))
            if not too_many and now - idle[0].idle_since <= self.max_age:
                return
            surplus = idle.pop(0)
            self._count -= 1
            if not idle:
                del self._idle[surplus.key]
        surplus.close("more idle connections than the pool keeps" if too_many else "idle for too long")

    def close(self) -> None:
        """Close all idle connections; the pool goes on and may be used again."""
        if self._process is not process[0]:
            self._empty()
        with self._lock:
            kept, self._idle, self._count = self._idle, {}, 0
        for idle in kept.values():
            for connection in idle:
                connection.close("the pool was closed")

    def __len__(self) -> int:
        """Return how many connections lie idle."""
        return self._count if self._process is process[0] else 0
