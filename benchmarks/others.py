"""What is neither one small exchange nor one long transfer: encoding, import, memory, threads, growth."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import asdict
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import Any

import bulk
import small
from harness import Setting, Times, made, measure_long, measure_small, shuffled
from servers import LINE, SMALL

# The encoder alone: blocks that go nowhere


def bare_encoding(at: Setting) -> Callable[[Path], int]:
    view = memoryview(bytearray(bulk.FILE_BLOCK))

    def encode(file: Path) -> int:
        with open(file, "rb", buffering=0) as source:
            return sum(iter(lambda: source.readinto(view), 0))

    return encode


def requests_lite_encoding(at: Setting) -> Callable[[Path], int]:
    from requests_lite.packages.poster.encode import Multipart

    return lambda file: sum(map(len, Multipart.from_fields(small.FORM, {"file": file})))


def toolbelt_encoding(at: Setting) -> Callable[[Path], int]:
    from requests_toolbelt import MultipartEncoder

    def encode(file: Path) -> int:
        with open(file, "rb") as source:
            encoder = MultipartEncoder({**small.FORM, "file": ("f", source, "application/octet-stream")})
            return sum(map(len, iter(lambda: encoder.read(bulk.BLOCK), b"")))

    return encode


def httpx_encoding(at: Setting) -> Callable[[Path], int]:
    from httpx._multipart import MultipartStream

    def encode(file: Path) -> int:
        with open(file, "rb") as source:
            return sum(map(len, MultipartStream(small.FORM, {"file": source})))

    return encode


ENCODERS: dict[str, Callable[[Setting], Callable[[Path], int]]] = {
    "bare loop": bare_encoding,
    "requests_lite": requests_lite_encoding,
    "httpx": httpx_encoding,
    "requests + toolbelt": toolbelt_encoding,
}


def encoding(at: Setting, file: Path) -> Times:
    size = file.stat().st_size
    candidates = {name: (lambda encode=encode: encode(file) - size) for name, encode in made(ENCODERS, at)}
    return measure_long(candidates, lambda more: 0 <= more < 2000, at.rounds(5, 9))


def requests_lite_form(at: Setting) -> small.Once:
    from requests_lite.packages.poster.encode import Multipart

    return lambda: (200, b"".join(Multipart.from_fields(small.FORM, {"file": small.FILE})))


def toolbelt_form(at: Setting) -> small.Once:
    from requests_toolbelt import MultipartEncoder

    return lambda: (200, MultipartEncoder({**small.FORM, "file": small.FILE}).to_string())


def httpx_form(at: Setting) -> small.Once:
    from httpx._multipart import MultipartStream

    return lambda: (200, b"".join(MultipartStream(small.FORM, {"file": small.FILE})))


def urllib3_form(at: Setting) -> small.Once:
    from urllib3 import encode_multipart_formdata

    return lambda: (200, encode_multipart_formdata({**small.FORM, "file": small.FILE})[0])


def requests_form(at: Setting) -> small.Once:
    from requests.models import RequestEncodingMixin

    return lambda: (200, RequestEncodingMixin._encode_files({"file": small.FILE}, small.FORM)[0])


SMALL_ENCODERS: dict[str, Callable[[Setting], small.Once]] = {
    "requests_lite": requests_lite_form,
    "urllib3": urllib3_form,
    "httpx": httpx_form,
    "requests + toolbelt": toolbelt_form,
    "requests": requests_form,
}


def encoding_small(at: Setting) -> Times:
    def check(status: int, content: bytes) -> bool:
        return small.FILE[1] in content and content.endswith(b"--\r\n")

    return measure_small(dict(made(SMALL_ENCODERS, at)), check, at.rounds(10, 30), 200)


# Import, each in a new process


IMPORTS = {
    "socket, urllib.parse, select, zlib": "socket, urllib.parse, select, zlib",
    "requests_lite": "requests_lite",
    "PycURL": "pycurl",
    "wreq": "wreq.blocking",
    "http.client": "http.client",
    "urllib.request": "urllib.request",
    "urllib3": "urllib3",
    "aiohttp": "aiohttp",
    "httpx": "httpx",
    "niquests": "niquests",
    "requests": "requests",
}
_IMPORT = "import time; t = time.perf_counter(); import {}; print(time.perf_counter() - t)"


def imports(at: Setting) -> Times:
    times: Times = {name: [] for name in IMPORTS}
    for turn in range(at.rounds(10, 41)):
        for name in list(times):
            apart = Path(__file__).with_name(".venv-niquests") / "bin" / "python"
            words = [str(apart) if name == "niquests" else sys.executable, "-c", _IMPORT.format(IMPORTS[name])]
            done = subprocess.run(words, capture_output=True, text=True, check=False)
            if done.returncode:
                print(f"skipped {name}: it cannot be imported", file=sys.stderr)
                del times[name]
            elif turn:  # the first one writes the .pyc
                times[name].append(float(done.stdout))
    return times


# Peak memory, each in a process that does nothing else


def memory_tables() -> dict[str, dict[str, Callable[[Setting], Any]]]:
    return {"form": bulk.FORMS, "file": bulk.FILES, "download": bulk.DOWNLOADS, "content": bulk.CONTENTS}


def memory(at: Setting, kind: str) -> Times:
    """Measure bytes instead of seconds: by how much the peak is above what the import and a client took."""
    peaks: Times = {}
    for name in memory_tables()[kind]:
        words = [sys.executable, str(Path(__file__).with_name("worker.py")), f"alone:{kind}:{name}"]
        done = subprocess.run(words, input=json.dumps(asdict(at)), capture_output=True, text=True, check=False)
        if not done.returncode:
            peaks[name] = [float(done.stdout)]
        elif "ModuleNotFoundError" not in done.stderr:
            print(f"skipped {name}: {done.stderr.strip().splitlines()[-1]}", file=sys.stderr)
    return peaks


def alone(at: Setting, kind: str, name: str) -> int:
    """Return by how many bytes the peak of one transfer is above what the process had before."""
    candidate = memory_tables()[kind][name](at)
    files = Path(at.folder, "files")
    Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
    before = _status("VmRSS")
    if kind in ("form", "file"):
        assert int(candidate("/sink", files / "large")) >= os.path.getsize(files / "large")
    else:
        assert candidate(at.http + "/files/large") == os.path.getsize(files / "large")
    return _status("VmHWM") - before


def _status(field: str) -> int:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(field + ":"):
            return int(line.split()[1]) * 1024
    raise AssertionError(field)


# Threads that share one client


def requests_lite_threads(at: Setting) -> Callable[[], small.Once]:
    once = small.requests_lite_verbs(at, "get")
    assert once is not None
    return lambda: once


def session_threads(at: Setting) -> Callable[[], small.Once]:
    once = small.requests_lite_session(at, "get")
    return lambda: once


def pycurl_threads(at: Setting) -> Callable[[], small.Once]:
    return lambda: small.pycurl_handle(at, "get")  # a handle belongs to one thread


def bare_threads(at: Setting) -> Callable[[], small.Once]:
    return lambda: small.bare_socket(at, "get")


def wreq_threads(at: Setting) -> Callable[[], small.Once]:
    once = small.wreq_client(at, "get")
    return lambda: once


def urllib3_threads(at: Setting) -> Callable[[], small.Once]:
    import urllib3

    pool, url = urllib3.PoolManager(maxsize=32), at.http + "/small"

    def once() -> tuple[int, bytes]:
        response = pool.request("GET", url)
        return response.status, response.data

    return lambda: once


def httpx_threads(at: Setting) -> Callable[[], small.Once]:
    once = small.httpx_client(at, "get")
    return lambda: once


def requests_threads(at: Setting) -> Callable[[], small.Once]:
    import requests
    from requests.adapters import HTTPAdapter

    session = requests.Session()
    session.mount("http://", HTTPAdapter(pool_maxsize=32))
    once = small.verbs(session, at, "get")
    return lambda: once


SHARED: dict[str, Callable[[Setting], Callable[[], small.Once]]] = {
    "bare socket": bare_threads,
    "requests_lite.Session": session_threads,
    "requests_lite": requests_lite_threads,
    "PycURL": pycurl_threads,
    "wreq": wreq_threads,
    "urllib3": urllib3_threads,
    "httpx": httpx_threads,
    "requests.Session": requests_threads,
}


def threads(at: Setting) -> Times:
    """Measure the time for each request with one thread, 8 and 32."""
    times: Times = {}
    clients = dict(made(SHARED, at))
    share = at.rounds(640, 6400)
    for turn in range(at.rounds(5, 15)):
        for name in shuffled(clients, turn):
            prepare = clients[name]
            for number in (1, 8, 32):
                count = share // (16 if name in ("httpx", "requests.Session", "urllib3") else 1)
                times.setdefault(f"{name}, {number} thread{'s'[: number - 1]}", []).append(
                    _in_threads(prepare, number, max(1, count // number))
                )
    return times


def _in_threads(prepare: Callable[[], small.Once], number: int, count: int) -> float:
    failures: list[BaseException] = []
    barrier = threading.Barrier(number + 1, timeout=60)

    def work() -> None:
        try:
            once: Any = prepare()
            once()
            barrier.wait()
            for _ in range(count):
                assert once() == (200, SMALL)
        except BaseException as error:
            failures.append(error)
            barrier.abort()

    workers = [threading.Thread(target=work) for _ in range(number)]
    for worker in workers:
        worker.start()
    try:
        barrier.wait()
    except threading.BrokenBarrierError:
        pass
    start = perf_counter()
    for worker in workers:
        worker.join()
    took = perf_counter() - start
    if failures:
        raise failures[0]
    return took / (number * count)


# Growth: what takes n times as much may take n times as long


def growth(at: Setting) -> Times:
    """Measure the time for n of something, named 'something n'."""
    import requests_lite

    session_class = getattr(requests_lite, "Session", None)
    times: Times = {}

    def add(what: str, number: int, once: Callable[[], object], rounds: int) -> None:
        once()
        times[f"{what} {number}"] = [_timed(once) for _ in range(rounds)]

    rounds = at.rounds(15, 41)
    for number in (10, 30, 100, 300, 1000, 3000):
        add("header fields", number, _got(at, f"/headers/{number}", SMALL, number), rounds)
    for number in (1, 3, 10, 30):
        add("redirects", number, _got(at, f"/redirects/{number}", SMALL, 0), rounds)
    for number in (100, 1000, 10_000, 100_000):
        add("chunks of 16 bytes", number, _streamed(at, f"/chunked/16/{number}", 16 * number), at.rounds(3, 7))
    if hasattr(requests_lite.Response, "iter_lines"):
        for number in (100, 1000, 10_000, 100_000):
            add("lines", number, _lines(at, number), at.rounds(3, 7))
    if session_class is not None:
        for number in (1, 10, 50, 150):  # RFC 6265: a jar need not hold more than 50 of a host
            session = session_class()
            session.get(f"{at.raw}/cookies/{number}")
            add("cookies going", number, partial(_session_get, session, at.raw + "/small"), rounds)
    for number in (1, 10, 30, 100):
        for port in at.ports[:number]:
            requests_lite.get(f"http://127.0.0.1:{port}/small")
        url = f"http://127.0.0.1:{at.ports[0]}/small"
        add("idle hosts", number, partial(_session_get, requests_lite, url), rounds)
    return times


def _session_get(api: Any, url: str) -> None:
    assert api.get(url).content == SMALL


def _timed(once: Callable[[], object]) -> float:
    start = perf_counter()
    once()
    return perf_counter() - start


def _got(at: Setting, path: str, content: bytes, fields: int) -> Callable[[], object]:
    import requests_lite

    def once() -> None:
        response = requests_lite.get(at.raw + path)
        assert response.content == content
        assert len(response.headers) >= fields

    return once


def _streamed(at: Setting, path: str, size: int) -> Callable[[], object]:
    import requests_lite

    def once() -> None:
        with requests_lite.get(at.raw + path, stream=True) as response:
            assert sum(map(len, response.iter_content())) == size

    return once


def _lines(at: Setting, number: int) -> Callable[[], object]:
    import requests_lite

    def once() -> None:
        with requests_lite.get(f"{at.raw}/lines/{number}", stream=True) as response:
            lines: Iterator[bytes] = response.iter_lines()
            assert sum(map(len, lines)) == number * (len(LINE) - 1)

    return once
