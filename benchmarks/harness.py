"""How a time is taken: candidates in turn, A B C A B C, each answer checked (see README.md)."""

from __future__ import annotations

import asyncio
import gc
import inspect
import random
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any

Times = dict[str, list[float]]  # of each candidate, in seconds


@dataclass
class Setting:
    """Where the servers are, and how much is asked for. Travels to the process that measures as JSON."""

    http: str
    https: str
    raw: str
    ports: list[int]  # more of the raw server's
    ca: str
    folder: str
    quick: bool
    core: int | None  # to be pinned to
    peers: list[str] = field(default_factory=list)  # these candidates only

    def rounds(self, quick: int, full: int) -> int:
        return quick if self.quick else full


class Skip(Exception):
    """This candidate cannot take part, and why."""


_loop = asyncio.new_event_loop()
_kept: list[object] = []  # a client that nobody holds complains that it was not closed


def run(awaitable: Any) -> Any:
    """Wait for the end of a coroutine, on the one loop that all of them share."""
    return _loop.run_until_complete(awaitable)


def made(table: dict[str, Callable[..., Any]], setting: Setting, *arguments: object) -> Iterator[tuple[str, Any]]:
    """Make the candidates of a table, but for those that are not installed or cannot do this."""
    for name, make in table.items():
        if setting.peers and name not in setting.peers:
            continue
        try:
            candidate = make(setting, *arguments)
        except Exception as error:
            if name != "niquests":  # it has a process of its own
                print(f"skipped {name}: {error}", file=sys.stderr)
        else:
            if candidate is not None:
                _kept.append(candidate)
                yield name, candidate


def measure_small(
    candidates: dict[str, Callable[[], Any]], check: Callable[[int, bytes], bool], rounds: int, batch: int
) -> Times:
    """Time single exchanges, in batches by turns; each returns (status, content)."""
    times: Times = {name: [] for name in candidates}
    for turn in range(rounds):
        for name in shuffled(times, turn):
            once = candidates[name]
            try:
                is_async = inspect.iscoroutinefunction(once)
                times[name] += run(_batch_async(once, check, batch)) if is_async else _batch(once, check, batch)
            except Exception as error:
                _drop(name, times, error)
    return times


def _drop(name: str, times: Times, error: Exception) -> None:
    """Leave a candidate out that failed once: no figure of it would mean anything."""
    print(f"dropped {name}: {type(error).__name__}: {error}", file=sys.stderr)
    del times[name]


def _batch(once: Callable[[], Any], check: Callable[[int, bytes], bool], count: int) -> list[float]:
    times = []
    for _ in range(3):  # what the candidate before has driven out of the caches
        once()
    for _ in range(count):
        start = perf_counter()
        status, content = once()
        times.append(perf_counter() - start)
        if not check(status, content):
            raise AssertionError(f"it got {status}, {bytes(content[:80])!r}")
    return times


async def _batch_async(once: Any, check: Callable[[int, bytes], bool], count: int) -> list[float]:
    times = []
    for _ in range(3):
        await once()
    for _ in range(count):
        start = perf_counter()
        status, content = await once()
        times.append(perf_counter() - start)
        if not check(status, content):
            raise AssertionError(f"it got {status}, {bytes(content[:80])!r}")
    return times


def shuffled(times: Mapping[str, object], turn: int) -> list[str]:
    """Return the candidates in the order of a turn. With one order for all, each would suffer from the same one."""
    return random.Random(turn).sample(list(times), len(times))


def measure_long(
    candidates: Mapping[str, Callable[..., Any]], is_right: Callable[[Any], bool], rounds: int, patience: float = 8.0
) -> Times:
    """Time long transfers by turns; what each returns is checked. The first turn only warms up.

    After `patience` seconds in all, a slow candidate has had turns enough when it has had five.
    """
    times: Times = {name: [] for name in candidates}
    for turn in range(rounds + 1):
        for name in shuffled(times, turn):
            if len(times[name]) >= 5 and sum(times[name]) > patience:
                continue
            gc.collect()
            try:
                start = perf_counter()
                result = candidates[name]()
                took = perf_counter() - start
                if not is_right(result):
                    raise AssertionError(f"it comes to {result!r}")
            except Exception as error:
                _drop(name, times, error)
            else:
                times[name] += [took] if turn else []
    return times
