"""The cases: what each one measures, how it is shown, and what requests_lite is meant to reach in it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import bulk
import others
import small
from harness import Setting, Times

MIB = 1024 * 1024


@dataclass
class Goal:
    """ours <= factor x theirs, or >= where speeds are compared; without theirs the factor is seconds or bytes."""

    ours: str
    relation: str
    factor: float
    theirs: str = ""


@dataclass
class Case:
    """One table. `size` names the file whose bytes are transferred, where GB/s are shown."""

    name: str
    title: str
    measure: Callable[[Setting], Times]
    unit: str
    floor: str
    against: tuple[str, ...]
    goals: tuple[Goal, ...] = ()
    size: str = ""
    pinned: bool = False
    apart: bool = False  # with niquests, in a process of its own


def sizes(quick: bool) -> dict[str, int]:
    """Return how long the files are that are made for a run, in bytes."""
    return {
        "check": 300_000,
        "medium": (64 if quick else 256) * MIB,
        "large": (128 if quick else 1024) * MIB,
        "text": (16 if quick else 128) * MIB,
        "dense": (16 if quick else 128) * MIB,
    }


def _small(kind: str) -> Callable[[Setting], Times]:
    return lambda at: small.measure(at, kind)


def _memory(kind: str) -> Callable[[Setting], Times]:
    return lambda at: others.memory(at, kind)


def _download(at: Setting) -> Times:
    url = at.http + "/files/large"
    return bulk.downloads(at, bulk.DOWNLOADS, url, sizes(at.quick)["large"], at.rounds(5, 15))


def _content(at: Setting) -> Times:
    url = at.http + "/files/large"
    return bulk.downloads(at, bulk.CONTENTS, url, sizes(at.quick)["large"], at.rounds(5, 15))


def _chunked(at: Setting) -> Times:
    size = sizes(at.quick)["medium"]
    url = f"{at.raw}/chunked/{16 * 1024}/{size // (16 * 1024)}"
    return bulk.downloads(at, bulk.DOWNLOADS, url, size, at.rounds(5, 15))


def _gzip(at: Setting) -> Times:
    url = at.http + "/gzip/text.gz"
    return bulk.downloads(at, bulk.gzip_table(), url, sizes(at.quick)["text"], at.rounds(5, 9))


def _gzip_dense(at: Setting) -> Times:
    url = at.http + "/gzip/dense.gz"
    return bulk.downloads(at, bulk.gzip_table(), url, sizes(at.quick)["dense"], at.rounds(5, 9))


def _encoding(at: Setting) -> Times:
    return others.encoding(at, Path(at.folder, "files", "medium"))


def _small_case(name: str, title: str, kind: str, *goals: Goal) -> Case:
    against = ("bare socket", "PycURL", "requests.Session")
    return Case(name, title, _small(kind), "us", "bare socket", against, goals, pinned=True, apart=True)


SESSION, VERBS, BARE = "requests_lite.Session", "requests_lite", "bare loop"
LINEAR = 1.2  # the exponent of growth that passes for 1

# fmt: off
CASES = [
    _small_case("get", "Small GET, connection kept", "get",
                Goal(SESSION, "<=", 1.0, "PycURL"), Goal(SESSION, "<=", 2.5, "bare socket"),
                Goal(SESSION, "<=", 0.04, "requests.Session"), Goal(VERBS, "<=", 0.04, "requests.get")),
    _small_case("cookie", "Small GET, Set-Cookie coming and Cookie going", "cookie",
                Goal(SESSION, "<=", 0.10, "requests.Session")),
    _small_case("json", "Small JSON POST", "json", Goal(SESSION, "<=", 0.06, "requests.Session")),
    _small_case("form", "Small form POST", "form", Goal(SESSION, "<=", 0.06, "requests.Session")),
    _small_case("multipart", "Small multipart POST", "multipart", Goal(SESSION, "<=", 0.12, "requests.Session")),
    _small_case("tls", "Small GET over TLS, connection kept", "tls", Goal(SESSION, "<=", 1.1, "PycURL")),
    _small_case("new-tls", "Small GET over a new TLS connection", "new tls"),
    Case("upload-form", "Upload of a file as a form", lambda at: bulk.uploads(at, True), "GB/s", BARE,
         (BARE, "requests"), (Goal(VERBS, ">=", 0.9, BARE),), "large"),
    Case("upload-file", "Upload of a file as it is", lambda at: bulk.uploads(at, False), "GB/s", BARE,
         (BARE, "requests"), (Goal(VERBS, ">=", 0.9, BARE),), "large"),
    Case("upload-generator", "Upload of a generator (64 KiB blocks), chunked",
         lambda at: bulk.generators(at, sizes(at.quick)["medium"]), "GB/s", BARE, (BARE, "requests"),
         (Goal(VERBS, ">=", 0.7, BARE),), "medium"),
    Case("download", "Download in blocks of 256 KiB", _download, "GB/s", BARE, (BARE, "requests"),
         (Goal(VERBS, ">=", 0.95, BARE),), "large", apart=True),
    Case("content", "Download in one piece (.content)", _content, "GB/s", BARE, (BARE, "urllib.request", "requests"),
         (Goal(VERBS, ">=", 1.0, "urllib.request"),), "large"),
    Case("chunked", "Download in chunks of 16 KiB", _chunked, "GB/s", BARE, (BARE, "urllib3", "requests"),
         (Goal(VERBS, ">=", 1.0, "urllib3"),), "medium", apart=True),
    Case("gzip", "Download with gzip, decoded", _gzip, "GB/s", BARE, (BARE, "urllib3", "requests"),
         (Goal(VERBS, ">=", 0.9, BARE), Goal(VERBS, ">=", 1.0, "urllib3")), "text", apart=True),
    Case("gzip-dense", "Download with gzip that hardly compresses, decoded", _gzip_dense, "GB/s", BARE,
         (BARE, "urllib3", "requests"), (Goal(VERBS, ">=", 0.9, BARE), Goal(VERBS, ">=", 1.0, "urllib3")), "dense"),
    Case("encoding", "A form with a file, encoded and not sent", _encoding, "GB/s", BARE, (BARE,), (), "medium"),
    Case("encoding-small", "A small form, encoded and not sent", others.encoding_small, "us", "requests_lite",
         ("requests_lite",), (), pinned=True),
    Case("import", "Import", others.imports, "ms", "socket, urllib.parse, select, zlib",
         ("socket, urllib.parse, select, zlib", "requests"),
         (Goal(VERBS, "<=", 0.28, "requests"), Goal(VERBS, "<=", 1.3, "socket, urllib.parse, select, zlib")),
         pinned=True),
    Case("memory-form", "Peak memory, upload of a file as a form", _memory("form"), "MiB", "", (),
         (Goal(VERBS, "<=", 16 * MIB),)),
    Case("memory-file", "Peak memory, upload of a file as it is", _memory("file"), "MiB", "", (),
         (Goal(VERBS, "<=", 16 * MIB),)),
    Case("memory-download", "Peak memory, download in blocks of 256 KiB", _memory("download"), "MiB", "", (),
         (Goal(VERBS, "<=", 16 * MIB),)),
    Case("memory-content", "Peak memory, download in one piece", _memory("content"), "MiB", BARE, (BARE,),
         (Goal(VERBS, "<=", 1.1, BARE),)),
    Case("threads", "Small GET, threads sharing one client", others.threads, "us", "bare socket, 1 thread",
         ("bare socket, 1 thread", "PycURL, 1 thread"),
         (Goal(SESSION + ", 32 threads", ">=", 0.8, SESSION + ", 1 thread"),)),
    Case("growth", "Growth", others.growth, "us", "", (), pinned=True),
]
# fmt: on
