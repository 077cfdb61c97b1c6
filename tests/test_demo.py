"""The demonstration and its server."""

from __future__ import annotations

import io
import json
import os
import re
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from http.client import parse_headers
from http.server import ThreadingHTTPServer
from pathlib import Path

import pytest

import requests_lite
from examples.demo import Handler, demonstrate, serve
from terminal import Terminal

ROOT = Path(__file__).parent.parent
COMMAND = [sys.executable, "-m", "examples.demo"]
SET_PATH = "import sys; sys.path[:] = sys.argv[1:]"


def test_a_file_that_is_not_there_is_one_line() -> None:
    done = subprocess.run([*COMMAND, "/not/here"], cwd=ROOT, capture_output=True, check=False)
    assert (done.returncode, done.stdout) == (1, b"")
    assert done.stderr == b"[Errno 2] No such file or directory: '/not/here'\n"


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make temporary files go to a folder of the test and return it."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    monkeypatch.setattr(tempfile, "tempdir", None)
    return folder


def test_a_file_goes_and_comes_back(tmp_path: Path, temporary: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "Zo\xeb; 1.bin"
    path.write_bytes(b"\r\n--" * 100_000)
    assert demonstrate(str(path))
    out, error = capsys.readouterr()
    assert error == ""
    assert re.search(r"upload    400,000 bytes in \d+\.\d{3} seconds, \d+ MB/s\n", out)
    assert re.search(r"url       http://127\.0\.0\.1:\d+/file\nstatus    201 Created\n", out)
    assert json.dumps({"name": path.name, "size": 400_000}) in out
    assert "status    200 OK\n" in out
    assert "          Content-Length: 400000\n" in out
    assert "came back, equal\n" in out
    assert re.search(r"memory    [\d.]+ MiB at its peak, [\d.]+ MiB of it before the upload\n", out)
    assert list(temporary.iterdir()) == []


@pytest.mark.parametrize("size", [0, 1, 3 * 1024 * 1024 + 1])
def test_without_a_file_one_is_made(size: int, temporary: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert demonstrate(size=size)
    assert f'{{"name": "demo.bin", "size": {size}}}' in capsys.readouterr().out
    assert list(temporary.iterdir()) == []


def test_another_file_coming_back_is_noticed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    forgetful = "demo.Handler.do_GET = lambda self: self._answer('200 OK', 'text/plain', demo.io.BytesIO(b'other'))"
    code = f"{SET_PATH}; from examples import demo; {forgetful}; demo.serve()"
    monkeypatch.setattr("examples.demo._SERVER", code)
    (tmp_path / "file").write_bytes(b"content")
    assert not demonstrate(str(tmp_path / "file"))
    assert "came back, DIFFERENT\n" in capsys.readouterr().out


def test_a_terminal_shows_how_far_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal(monkeypatch)
    assert demonstrate(size=2 * 1024 * 1024)
    shown = terminal.content()
    assert re.search(rb"\rupload    2 of 2 MB, [\d,]+ MB/s *\n", shown)
    assert re.search(rb"\rdownload  2 of 2 MB, [\d,]+ MB/s *\n", shown)


def test_the_peak_of_memory_comes_from_where_it_is_known(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    status = tmp_path / "status"
    monkeypatch.setattr("examples.demo._STATUS", status)
    status.write_text("Name:\tpython\nVmHWM:\t    2048 kB\nVmRSS:\t    1024 kB\n")
    assert demonstrate(size=1)
    assert "memory    2.0 MiB at its peak, 2.0 MiB of it before the upload\n" in capsys.readouterr().out
    status.write_text("Name:\tpython\n")
    assert demonstrate(size=1)
    assert "memory    not known here\n" in capsys.readouterr().out
    status.unlink()
    assert demonstrate(size=1)
    assert "memory    not known here\n" in capsys.readouterr().out


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the peak is known from /proc")
def test_memory_is_flat() -> None:
    code = "from examples.demo import demonstrate; demonstrate(size=64 * 1024 * 1024)"
    out = subprocess.check_output([sys.executable, "-c", code], cwd=ROOT, text=True)
    peak, before = map(float, re.findall(r"([\d.]+) MiB", out))
    assert peak - before < 8


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_nothing_is_left_when_it_is_ended(number: signal.Signals, tmp_path: Path, temporary: Path) -> None:
    path = tmp_path / "file"
    with open(path, "wb") as file:
        file.truncate(64 * 1024 * 1024)
    with subprocess.Popen(
        [sys.executable, "-u", *COMMAND[1:], str(path)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline().startswith(b"upload")
        port = int(process.stdout.readline().split(b":")[2].split(b"/")[0])
        os.killpg(process.pid, number)  # as a terminal does it
        error = process.stderr.read()
    if number == signal.SIGINT:
        assert process.returncode == 1
        assert error == b"\ninterrupted\n"
    limit = time.monotonic() + 10
    while is_open(port):
        assert time.monotonic() < limit
        time.sleep(0.01)
    assert list(temporary.iterdir()) == []


def is_open(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


# Its server


@pytest.fixture
def port() -> Iterator[int]:
    """Run the demonstration's server in this process and return its port."""
    with tempfile.TemporaryFile() as Handler.file, ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


def test_the_server_gives_back_the_last_file(port: int) -> None:
    url = f"http://127.0.0.1:{port}/"
    for content in (b"first and longer", b"second", b""):
        answer = requests_lite.post(url, files={"file": ("f", content)})
        assert (answer.status_code, answer.json()) == (201, {"name": "f", "size": len(content)})
        assert requests_lite.get(url).content == content


def test_a_client_that_leaves_is_no_error_and_anything_else_is(port: int, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_connection(("127.0.0.1", port)) as client:
        client.sendall(POST % 99 + b"--b\r")
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # close() resets
    with socket.create_connection(("127.0.0.1", port)) as client:
        assert capsys.readouterr().err == ""
        client.sendall(b"POST / HTTP/1.1\r\n\r\n")
        assert client.recv(1) == b""
    assert "Traceback" in capsys.readouterr().err


def test_the_server_ends_with_its_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    reader, writer = os.pipe()
    with open(reader) as port:
        monkeypatch.setattr(sys, "stdout", open(writer, "w"))  # noqa: SIM115  # it is closed there
        serve()
        assert int(port.read()) > 0


def test_a_server_that_nobody_waits_for_ends_quietly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    reader, writer = os.pipe()
    os.close(reader)
    monkeypatch.setattr(sys, "stdout", open(writer, "w"))  # noqa: SIM115  # it is closed there
    serve()
    assert sys.stdout.closed


POST = b"POST / HTTP/1.1\r\nContent-Length: %d\r\nContent-Type: multipart/form-data; boundary=b\r\n\r\n"
HEAD = b'--b\r\nContent-Disposition: form-data; name="f"; filename="Zo\xc3\xab"\r\n\r\n'
CONTENT = b"--b\r\n\r\n--c--\r\n\r\n--\r\n-\r\n--b--\r\n" * 3
END = b"\r\n--b--\r\n"


def answers(port: int, *pieces: bytes) -> Iterator[tuple[int, bytes]]:
    """Send the pieces one by one, on one connection, and then nothing more; yield each answer's status and content."""
    with socket.create_connection(("127.0.0.1", port)) as client, client.makefile("rb") as answer:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for piece in pieces:
            client.sendall(piece)
        client.shutdown(socket.SHUT_WR)
        while line := answer.readline():
            yield int(line[9:12]), answer.read(int(parse_headers(answer)["Content-Length"]))


@pytest.mark.parametrize("every", [1, 2, 3, 7, 50, 1000])
def test_a_form_is_read_however_it_is_cut(every: int, port: int) -> None:
    form = HEAD + CONTENT + END
    sent = POST % len(form) + form + b"GET / HTTP/1.1\r\n\r\n"
    pieces = (sent[at : at + every] for at in range(0, len(sent), every))
    created = json.dumps({"name": "Zo\xeb", "size": len(CONTENT)}).encode()
    assert list(answers(port, *pieces)) == [(201, created), (200, CONTENT)]


@pytest.mark.parametrize(
    "form",
    [
        b"",
        b"--b--\r\n",
        HEAD,
        HEAD + CONTENT[:-1],
        HEAD + END[:-1],
        HEAD.replace(b"--b", b"--c") + END,
        HEAD.replace(b"--b", b"--bc") + END,
        HEAD + END.replace(b"--b", b"--c"),
        HEAD + END + b"\r\n",
        b"no line ends",
    ],
)
def test_what_is_no_form_is_refused(form: bytes, port: int) -> None:
    get = b"GET / HTTP/1.1\r\n\r\n"
    assert [status for status, _ in answers(port, POST % len(form) + form + get)] == [400, 200]
    assert [status for status, _ in answers(port, POST % (len(form) + 1) + form)] == [400]
