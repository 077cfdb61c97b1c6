"""Uploads from end to end: what `files=`, `data=` and `progress=` take, and what arrives at independent parsers."""

from __future__ import annotations

import base64
import hashlib
import io
import os
import re
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from pytest_httpbin.serve import Server as Httpbin
from test_encode_properties import PARSERS, Part, crlf

import requests_lite
from requests_lite.packages.poster.encode import MultipartParam
from server import Cut, Expect, Reset, Send, Server, Wait

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
TOO_LARGE = b"HTTP/1.1 413 Content Too Large\r\nContent-Length: 4\r\n\r\nmuch"


def sent(method: str = "POST", **options: Any) -> tuple[dict[str, str], bytes]:
    """Return the header and the content of a request as they arrived, chunks taken off."""
    with Server([Expect(), Send(OK)]) as server:
        assert requests_lite.request(method, server.url + "/x", **options).content == b"ok"
    head, _, content = server.received[0].partition(b"\r\n\r\n")
    fields = dict(line.split(": ", 1) for line in head.decode("latin-1").split("\r\n")[1:])
    if fields.get("Transfer-Encoding") == "chunked":
        chunks, content = content, b""
        while chunks:
            size, _, chunks = chunks.partition(b"\r\n")
            content += chunks[: int(size, 16)]
            chunks = chunks[int(size, 16) + 2 :]
    return fields, content


def parts(**options: Any) -> list[Part]:
    """Return the parts of a form as three independent parsers read them, which have to agree."""
    fields, content = sent(**options)
    boundary = fields["Content-Type"].partition("boundary=")[2]
    # Some of them undo the escapes of browsers, some leave them.
    first, *others = [
        [
            (unescaped(name), filename and unescaped(filename), content)
            for name, filename, content in parse(content, boundary)
        ]
        for parse in PARSERS
    ]
    assert all(other == first for other in others)
    return first


def unescaped(name: str) -> str:
    return name.replace("%22", '"').replace("%0D", "\r").replace("%0A", "\n")


def test_a_rich_form_arrives_as_it_was_sent_at_httpbin_and_at_three_parsers(httpbin: Httpbin, tmp_path: Path) -> None:
    big = tmp_path / "big.bin"
    block = bytes(range(256)) * 256
    with big.open("wb") as file:
        for number in range(1024):
            file.write(number.to_bytes(8, "big") + block[8:])
    data: list[tuple[str, Any]] = [
        ("plain", "value"),
        ("ünïcode ☃", "Grüße ☃"),
        ('quo"ted', 'a "quoted" value'),
        ("new\r\nline", "two\nlines\r\nthree"),
        ("brackets[0][a]", "[x]"),
        ("n" * 255, "long name"),
        ("empty", ""),
        ("twice", "1"),
        ("twice", "2"),
        ("number", 4.5),
    ]
    with big.open("rb") as file:
        files: list[tuple[str, Any]] = [
            ("big", ("big ☃.bin", file, "application/x-big")),
            ("small", ('a "small" one.txt', b"small", "text/plain", {"X-Part": "yes"})),
            ("empty file", ("e" * 251 + ".txt", io.BytesIO(), "text/plain")),
        ]
        found = parts(data=data, files=files)
    assert found[:10] == [(crlf(name), None, str(value).encode()) for name, value in data]
    assert [(name, filename) for name, filename, _ in found[10:]] == [
        ("big", "big ☃.bin"),
        ("small", 'a "small" one.txt'),
        ("empty file", "e" * 251 + ".txt"),
    ]
    assert hashlib.sha256(found[10][2]).digest() == hashlib.sha256(big.read_bytes()).digest()
    assert [content for _, _, content in found[11:]] == [b"small", b""]
    files[0] = ("big", ("big ☃.bin", big, "application/x-big"))
    seen = requests_lite.post(httpbin.url + "/post", data=data, files=files).json()
    encoded = seen["files"].pop("big").partition("base64,")[2]
    assert hashlib.sha256(base64.b64decode(encoded)).digest() == hashlib.sha256(big.read_bytes()).digest()
    assert seen["form"]["ünïcode ☃"] == "Grüße ☃"
    assert seen["form"]["twice"] == ["1", "2"]
    assert seen["form"]["brackets[0][a]"] == "[x]"
    assert seen["form"]["new%0D%0Aline"] == "two\nlines\r\nthree"
    assert (seen["form"]["empty"], seen["form"]["n" * 255]) == ("", "long name")
    assert seen["files"] == {"small": "small", "empty file": ""}


def test_data_comes_first_and_order_is_kept() -> None:
    found = parts(data={"b": "1", "a": ["2", "3"]}, files=[("z", b"4"), ("a", b"5"), ("z", b"6")])
    assert [(name, content) for name, _, content in found] == [
        ("b", b"1"),
        ("a", b"2"),
        ("a", b"3"),
        ("z", b"4"),
        ("a", b"5"),
        ("z", b"6"),
    ]


def test_what_files_takes(tmp_path: Path) -> None:
    path = tmp_path / "some.csv"
    path.write_bytes(b"a,b\r\n")
    text = tmp_path / "text.txt"
    text.write_text("Grüße", encoding="latin-1")
    at = io.BytesIO(b"skipped, content")
    at.seek(9)
    with text.open(encoding="latin-1") as text_file:
        found = parts(
            files=[
                ("path", path),
                ("pair", ("other.txt", path)),
                ("offset", at),
                ("bytes", b"bytes"),
                ("str", "Grüße"),
                ("text", text_file),
                ("stringio", io.StringIO("Grüße")),
                ("number", 7),
                ("field", (None, "no file")),
                ("none", None),
                ("list", ("l", [b"one", b"two"])),
                ("param", MultipartParam("param", "value", dialect="form")),
            ]
        )
    assert found == [
        ("path", "some.csv", b"a,b\r\n"),
        ("pair", "other.txt", b"a,b\r\n"),
        ("offset", "offset", b"content"),
        ("bytes", "bytes", b"bytes"),
        ("str", "str", "Grüße".encode()),
        ("text", "text.txt", "Grüße".encode()),
        ("stringio", "stringio", "Grüße".encode()),
        ("number", None, b"7"),
        ("field", None, b"no file"),
        ("list", "l", b"onetwo"),
        ("param", None, b"value"),
    ]


def test_types_and_further_headers_of_parts() -> None:
    files = {"a": ("a.png", b""), "b": ("b.odd~", b""), "c": ("c", b"", "x/y", {"X-One": "1"})}
    _, content = sent(files=files)
    heads = re.findall(rb'filename="([^"]+)"\r\n(.*?)\r\n\r\n', content, re.DOTALL)
    assert heads == [
        (b"a.png", b"Content-Type: image/png"),
        (b"b.odd~", b"Content-Type: application/octet-stream"),
        (b"c", b"Content-Type: x/y\r\nX-One: 1"),
    ]


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_known_sizes_are_announced_and_unknown_ones_chunked(method: str, tmp_path: Path) -> None:
    fields, content = sent(method, files={"f": b"x" * 100_000})
    assert int(fields["Content-Length"]) == len(content)
    fields, content = sent(method, files={"f": (b"x" for _ in range(10))}, data={"a": "b"})
    assert "Content-Length" not in fields
    assert b"\r\n\r\nxxxxxxxxxx\r\n--" in content


def test_a_pipe_is_sent_as_it_comes() -> None:
    with subprocess.Popen([sys.executable, "-c", "print('from a pipe')"], stdout=subprocess.PIPE) as process:
        assert parts(files={"f": ("p", process.stdout)}) == [("f", "p", b"from a pipe\n")]


def test_files_that_were_opened_for_a_path_are_closed_whatever_happens(tmp_path: Path) -> None:
    path = tmp_path / "big"
    path.write_bytes(bytes(20_000_000))

    def holds() -> bool:
        links = (os.readlink(entry.path) for entry in os.scandir("/proc/self/fd") if os.path.exists(entry.path))
        return str(path) in links

    if not Path("/proc/self/fd").exists():
        pytest.skip("open files cannot be told here")
    with Server([Expect(content=False), Send(TOO_LARGE), Cut()]) as server:
        assert requests_lite.post(server.url, files={"f": path}).status_code == 413
        assert not holds()
    with Server([Expect(content=False), Reset()]) as server:
        with pytest.raises(requests_lite.ConnectionError):
            requests_lite.post(server.url, files={"f": path})
    assert not holds()


@pytest.mark.parametrize("change", ["shrinks", "grows"])
def test_a_file_that_changes_while_it_is_sent_is_an_error_that_names_the_part(change: str, tmp_path: Path) -> None:
    path = tmp_path / "live"
    path.write_bytes(bytes(3_000_000))

    def progress(done: int, total: int | None) -> None:
        os.truncate(path, 1_500_000 if change == "shrinks" else 4_000_000)

    def take(connection: socket.socket) -> None:
        while connection.recv(65536):
            pass

    with Server([take], [Expect(), Send(OK)]) as server:
        with path.open("rb") as file:
            with pytest.raises(requests_lite.InvalidContent, match="part 'f'"):
                requests_lite.post(server.url, files={"f": file}, progress=progress)
        # Nothing half-sent is used again.
        assert requests_lite.get(server.url).content == b"ok"


@pytest.mark.parametrize("change", [-1, 1])
def test_a_file_as_data_that_changes_is_an_error(change: int, tmp_path: Path) -> None:
    path = tmp_path / "live"
    path.write_bytes(bytes(3_000_000))

    def take(connection: socket.socket) -> None:
        while connection.recv(65536):
            pass

    with Server([take]) as server:
        with path.open("rb") as file:
            with pytest.raises(requests_lite.InvalidContent, match="3000000"):
                requests_lite.put(
                    server.url, data=file, progress=lambda done, total: os.truncate(path, 3_000_000 + change)
                )


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({"f": Path("/")}, "directory"),
        ({"f": Path("/no/such/file")}, "part 'f'"),
        ({"f": ("a", b"", "text/plain\r\nX: y")}, "CR, LF or NUL"),
        ({"f": ("a", b"", "text/plain", {"X\r\n": "y"})}, "part 'f'"),
        ({"f": ("a", b"", "text/plain", {"X": "a\0b"})}, "CR, LF or NUL"),
        ({"f": ("a", "b", "c", {}, "e")}, "tuple"),
        ({"f": object()}, "object"),
        ([("f",)], "pair"),
        ([5], "pair"),
        (5, "mapping"),
    ],
)
def test_files_of_no_use_are_refused_before_a_connection_is_made(files: Any, words: str) -> None:
    with Server() as server:
        with pytest.raises(requests_lite.InvalidContent, match=words):
            requests_lite.post(server.url, files=files)
        assert server.connections == 0


def test_text_among_the_blocks_of_a_file_says_which_part() -> None:
    with Server([Wait()]) as server:
        with pytest.raises(requests_lite.InvalidContent, match="part 'f'"):
            requests_lite.post(server.url, files={"f": ("n", [b"bytes", "text"])})


def test_an_error_of_a_users_generator_reaches_the_user() -> None:
    def blocks() -> Iterator[bytes]:
        yield b"x"
        raise KeyError("mine")

    with Server([Wait()], [Wait()]) as server:
        with pytest.raises(KeyError, match="mine"):
            requests_lite.post(server.url, data=blocks())
        with pytest.raises(KeyError, match="mine"):
            requests_lite.post(server.url, files={"f": blocks()})


class Progress:
    """A progress callback that keeps what it hears."""

    def __init__(self) -> None:
        self.heard: list[tuple[int, int | None]] = []

    def __call__(self, done: int, total: int | None) -> None:
        self.heard.append((done, total))


@pytest.mark.parametrize(
    ("kind", "blocks"),
    [("file", 12), ("form", 12), ("bytes", 12), ("iterator", 3000), ("pipe", 3002), ("nothing", 1), ("small", 1)],
)
def test_progress_grows_block_by_block_and_ends_exact(kind: str, blocks: int, tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_bytes(bytes(3_000_000))
    progress = Progress()
    with path.open("rb") as file:
        options: dict[str, dict[str, Any]] = {
            "file": {"data": file},
            "form": {"files": {"f": path}},
            "bytes": {"data": path.read_bytes()},
            "iterator": {"data": (bytes(1000) for _ in range(3000))},
            "pipe": {"files": {"f": (bytes(1000) for _ in range(3000))}},
            "nothing": {"data": b""},
            "small": {"data": {"a": "b"}},
        }
        _, content = sent(**options[kind], progress=progress)
    done = [done for done, _ in progress.heard]
    assert done == sorted(set(done))
    assert done[-1] == len(content)
    assert {total for _, total in progress.heard} == {None if kind in ("iterator", "pipe") else len(content)}
    assert len(done) <= blocks


def test_an_exception_in_progress_stops_the_upload_and_closes_the_connection(tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_bytes(bytes(3_000_000))

    def stop(done: int, total: int | None) -> None:
        raise InterruptedError("enough")

    with Server([Expect(content=False), Wait()]) as server:
        with pytest.raises(InterruptedError, match="enough"):
            requests_lite.post(server.url, files={"f": path}, progress=stop)
        assert server.closed_by_client()


@pytest.mark.parametrize("ending", [Cut, Reset])
def test_an_early_answer_is_returned_and_not_broken_pipe(ending: Callable[[], Any], tmp_path: Path) -> None:
    path = tmp_path / "big"
    with path.open("wb") as file:
        file.truncate(50_000_000)
    script = [Expect(content=False), Send(TOO_LARGE), Wait() if ending is Reset else Cut()]
    for _ in range(10):
        with Server(script) as server:
            response = requests_lite.post(server.url, files={"f": path})
            assert (response.status_code, response.content) == (413, b"much")
            assert server.closed_by_client() or ending is Cut


@pytest.mark.skipif(not os.path.isdir("/dev/fd"), reason="it tells which descriptors are open")
def test_an_early_answer_leaves_no_file_open(tmp_path: Path) -> None:
    """However long the response is kept, which knows its request."""
    path = tmp_path / "big"
    with path.open("wb") as file:
        file.truncate(50_000_000)
    with Server([Expect(content=False), Send(TOO_LARGE), Cut()]) as server:
        response = requests_lite.post(server.url, files={"f": path})
        links = [os.path.join("/dev/fd", name) for name in os.listdir("/dev/fd")]
        assert str(path) not in [os.readlink(link) for link in links if os.path.islink(link)]
    assert response.status_code == 413


def test_a_form_is_sent_again_whole_or_not_at_all(tmp_path: Path) -> None:
    moved = b"HTTP/1.1 308 Permanent Redirect\r\nLocation: /again\r\nContent-Length: 0\r\n\r\n"
    path = tmp_path / "f"
    path.write_bytes(b"from the path" * 10_000)
    at = io.BytesIO(b"skipped" + b"from the middle" * 10_000)
    at.seek(7)
    with Server([Expect(b"POST / "), Send(moved), Expect(b"POST /again "), Send(OK)]) as server:
        assert requests_lite.post(server.url, data={"a": "b"}, files={"p": path, "b": at}).content == b"ok"
    first, second = re.findall(rb"\r\n\r\n(--.*?--\r\n)(?=POST|$)", server.received[0], re.DOTALL)
    assert first == second
    assert first.count(b"from the middle") == first.count(b"from the path") == 10_000
    with Server([Expect(b"POST / "), Send(moved)]) as server:
        with pytest.raises(requests_lite.UnrewindableBodyError, match="part 'g'"):
            requests_lite.post(server.url, files={"p": path, "g": (block for block in [b"once"])})
