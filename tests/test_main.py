"""The command line, as a shell runs it and as Python calls it; the demonstration and its server."""

from __future__ import annotations

import io
import json
import os
import pty
import re
import runpy
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
from typing import Any

import pytest

import requests_lite
from requests_lite.__main__ import main
from requests_lite.demo import Handler, demonstrate, serve
from server import Expect, Send, Server

ROOT = Path(__file__).parent.parent
COMMAND = [sys.executable, "-m", "requests_lite"]
SET_PATH = "import sys; sys.path[:] = sys.argv[1:]"
OK = b"HTTP/1.1 200 OK\r\n"
HELLO = [Expect(), Send(OK + b"Content-Type: text/plain\r\nContent-Length: 5\r\n\r\nhello")]


def run(*arguments: str, **options: Any) -> subprocess.CompletedProcess[bytes]:
    """Run the command as a shell does."""
    return subprocess.run([*COMMAND, *arguments], cwd=ROOT, capture_output=True, check=False, **options)


class Terminal:
    """A terminal to write to, in place of sys.stdout and sys.stderr."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.ours, theirs = pty.openpty()
        self.file = open(theirs, "w")  # noqa: SIM115
        monkeypatch.setattr(sys, "stdout", self.file)
        monkeypatch.setattr(sys, "stderr", self.file)

    def content(self) -> bytes:
        """Return what was written, and close the terminal."""
        self.file.write("$ ")
        self.file.flush()
        content = b""
        while not content.endswith(b"$ "):
            content += os.read(self.ours, 65536)
        self.file.close()
        os.close(self.ours)
        return content.removesuffix(b"$ ").replace(b"\r\n", b"\n")


def content(capture: pytest.CaptureFixture[bytes]) -> bytes:
    """Return the content that was printed, which an empty line parts from the head."""
    return capture.readouterr().out.partition(b"\n\n")[2]


@pytest.fixture
def bin_url(httpbin: Any) -> str:
    """Return the URL of httpbin."""
    return str(httpbin.url)


# What is printed


def test_a_url_alone_is_got_and_printed(bin_url: str) -> None:
    done = run(bin_url + "/get")
    head, _, content = done.stdout.partition(b"\n\n")
    lines = head.decode().split("\n")
    assert lines[0] == "HTTP 200 OK"
    assert "Content-Type: application/json" in lines
    assert json.loads(content)["url"] == bin_url + "/get"
    assert (done.returncode, done.stderr) == (0, b"")


def test_bytes_go_to_a_pipe_as_they_are(bin_url: str) -> None:
    done = run("GET", bin_url + "/image/png")
    assert done.stdout.partition(b"\n\n")[2] == requests_lite.get(bin_url + "/image/png").content


@pytest.mark.parametrize(("status", "exit_status"), [(204, 0), (304, 0), (404, 4), (418, 4), (500, 5), (503, 5)])
def test_the_exit_status_tells_the_kind_of_status(
    status: int, exit_status: int, bin_url: str, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    url = f"{bin_url}/status/{status}"
    assert main([url]) == exit_status
    assert capsysbinary.readouterr().out.startswith(f"HTTP {status} ".encode())


def test_fields_are_printed_as_they_came(capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    head = b"HTTP/1.1 200 Tr\xc3\xa8s bien\r\nx-name: Zo\xc3\xab\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\n"
    with Server([Expect(), Send(head + b"Content-Length: 0\r\n\r\n")]) as server:
        assert main([server.url]) == 0
    expected = head.replace(b"HTTP/1.1", b"HTTP").replace(b"\r\n", b"\n") + b"Content-Length: 0\n\n"
    assert capsysbinary.readouterr().out == expected


def test_redirects_are_followed(bin_url: str, capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    assert main([bin_url + "/redirect/2"]) == 0
    assert json.loads(content(capsysbinary))["url"] == bin_url + "/get"


def test_head_prints_the_head(bin_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal(monkeypatch)
    assert main(["head", bin_url + "/image/png"]) == 0
    shown = terminal.content()
    assert b"Content-Length: 8090\n" in shown
    assert shown.endswith(b"\n\n")


def test_a_live_stream_is_printed_live() -> None:
    go_on = threading.Event()

    def wait(connection: socket.socket) -> None:
        assert go_on.wait(10)

    head = OK + b"Transfer-Encoding: chunked\r\n\r\n"
    with Server([Expect(), Send(head + b"6\r\nfirst\n\r\n"), wait, Send(b"4\r\nlast\r\n0\r\n\r\n")]) as server:
        with subprocess.Popen([*COMMAND, server.url], cwd=ROOT, stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            assert [process.stdout.readline() for _ in range(4)][2:] == [b"\n", b"first\n"]
            go_on.set()
            assert process.stdout.read() == b"last"


# On a terminal


@pytest.mark.parametrize(
    ("kind", "content", "shown"),
    [
        (b"text/plain", b"hello\n", b"hello\n"),
        (b"application/problem+json", b'{"a": 1}', b'{"a": 1}'),
        (b"", b"Zo\xc3\xab", b"Zo\xc3\xab"),
        (b"text/html; charset=iso-8859-1", b"Zo\xeb", b"Zo\xeb"),
        (b"text/plain", b"a\0b", b"(binary content, text/plain: -o FILE saves it)\n"),
        (b"image/png", b"\x89PNG", b"(binary content, image/png: -o FILE saves it)\n"),
        (b"", b"a\0b", b"(binary content, of no Content-Type: -o FILE saves it)\n"),
        (b"image/png", b"", b""),
    ],
)
def test_a_terminal_shows_text(kind: bytes, content: bytes, shown: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal(monkeypatch)
    head = OK + (b"Content-Type: " + kind + b"\r\n" if kind else b"")
    with Server([Expect(), Send(head + b"Content-Length: %d\r\n\r\n" % len(content) + content)]) as server:
        assert main([server.url]) == 0
    assert terminal.content().partition(b"\n\n")[2] == shown


# What is sent


def test_headers_are_sent_in_their_order_and_bytes() -> None:
    lines = (b"X-A: 1\r\nX-A: 2\r\n", b"\r\nX-Name: Zo\xc3\xab\r\n", b"User-Agent: me\r\n")
    with Server([Expect(*lines), *HELLO[1:]]) as server:
        done = run(server.url, "-H", "X-A: 1", "-H", "X-A:2", "-H", "X-Name: Zo\xeb", "-H", "User-Agent: me")
    assert done.returncode == 0


def test_data_is_posted_as_a_form(bin_url: str, capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    assert main([bin_url + "/post", "-d", "a=1&b=2"]) == 0
    assert json.loads(content(capsysbinary))["form"] == {"a": "1", "b": "2"}
    assert main(["put", bin_url + "/put", "-d", "[1]", "-H", "content-type: application/json"]) == 0
    assert json.loads(content(capsysbinary))["json"] == [1]
    assert main([bin_url + "/post", "-d", ""]) == 0
    assert json.loads(content(capsysbinary))["form"] == {}


def test_a_file_is_streamed_as_data(tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    noise = os.urandom(300_000)
    (tmp_path / "file").write_bytes(noise)
    with Server([Expect(b"POST /", b"Content-Length: 300000\r\n", noise), *HELLO[1:]]) as server:
        assert main([server.url, "-d", f"@{tmp_path / 'file'}"]) == 0


def test_standard_input_is_streamed_as_data() -> None:
    with Server([Expect(b"PUT /", b"chunked", b"\r\nhello\r\n"), *HELLO[1:]]) as server:
        assert run("PUT", server.url, "-d", "@-", input=b"hello").returncode == 0


def test_standard_input_that_is_a_file_has_a_length(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    (tmp_path / "file").write_bytes(b"hello")
    with open(tmp_path / "file") as file:
        monkeypatch.setattr(sys, "stdin", file)
        with Server([Expect(b"Content-Length: 5\r\n", b"\r\n\r\nhello"), *HELLO[1:]]) as server:
            assert main([server.url, "-d", "@-"]) == 0


def test_a_form_may_have_files_and_fields(
    tmp_path: Path, bin_url: str, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    (tmp_path / "ada.txt").write_bytes(b"content")
    assert main([bin_url + "/post", "-F", f"file=@{tmp_path / 'ada.txt'}", "-F", "title=a=b"]) == 0
    answer = json.loads(content(capsysbinary))
    assert (answer["files"], answer["form"]) == ({"file": "content"}, {"title": "a=b"})
    assert main([bin_url + "/post", "-F", "title=Ada"]) == 0
    answer = json.loads(content(capsysbinary))
    assert answer["form"] == {"title": "Ada"}
    assert answer["headers"]["Content-Type"].startswith("multipart/form-data; boundary=")


def test_credentials_are_sent(bin_url: str, capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    assert main([bin_url + "/basic-auth/me/a:b", "-u", "me:a:b"]) == 0
    assert main([bin_url + "/basic-auth/me/nothing", "-u", "me:"]) == 4


def test_a_certificate_is_checked_unless_insecure(
    httpbin_secure: Any, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    assert main([httpbin_secure.url + "/status/204"]) == 1
    assert b"certificate" in capsysbinary.readouterr().err
    assert main([httpbin_secure.url + "/status/204", "--insecure"]) == 0


# What is saved


def test_content_is_saved(tmp_path: Path, bin_url: str, capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    path = tmp_path / "image.png"
    assert main([bin_url + "/image/png", "-o", str(path)]) == 0
    assert path.read_bytes() == requests_lite.get(bin_url + "/image/png").content
    assert capsysbinary.readouterr().out.endswith(b"\n\n")


def test_an_error_page_is_printed_and_not_saved(
    tmp_path: Path, bin_url: str, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    assert main([bin_url + "/status/418", "-o", str(tmp_path / "file")]) == 4
    assert b"teapot" in capsysbinary.readouterr().out
    assert not (tmp_path / "file").exists()


def test_half_of_a_file_is_not_left(tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    short = [Expect(), Send(OK + b"Content-Length: 10\r\n\r\nhello")]
    with Server([*short, socket.socket.close], [*short, socket.socket.close]) as server:
        assert main([server.url, "-o", str(tmp_path / "file")]) == 1
        assert main([server.url, "-o", os.devnull]) == 1
    assert not (tmp_path / "file").exists()
    assert Path(os.devnull).is_char_device()
    assert b"5 of 10" in capsysbinary.readouterr().err


def test_a_file_that_cannot_be_written_stays(
    tmp_path: Path, bin_url: str, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    assert main([bin_url + "/get", "-o", str(tmp_path)]) == 1
    assert capsysbinary.readouterr().err == f"requests_lite: {tmp_path}: Is a directory\n".encode()
    assert tmp_path.exists()


# What goes wrong


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["http://127.0.0.1:1/"], b"cannot connect to 127.0.0.1:1 (127.0.0.1): connection refused"),
        (["example.com"], b"perhaps you meant https://example.com"),
        (["http://me:secret@127.0.0.1:1/"], b"127.0.0.1:1"),
        (["http://127.0.0.1/", "--timeout", "0"], b"a timeout is"),
        (["http://127.0.0.1/", "-H", "a b: c"], b"a field's name"),
        (["http://127.0.0.1/", "-d", "@/not/here"], b"/not/here: No such file or directory"),
        (["http://127.0.0.1/", "-F", "f=@/not/here"], b"/not/here: No such file or directory"),
        (["demo", "/not/here"], b"/not/here: No such file or directory"),
    ],
)
def test_an_error_is_one_line(arguments: list[str], words: bytes, capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    assert main(arguments) == 1
    out, error = capsysbinary.readouterr()
    assert out == b""
    assert re.fullmatch(rb"requests_lite: [^\n]+\n", error)
    assert words in error
    assert b"secret" not in error


def test_the_longest_silence_can_be_told(capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    with Server([Expect()]) as server:
        assert main([server.url, "--timeout", "0.1"]) == 1
    assert b"sent no bytes for 0.1 seconds" in capsysbinary.readouterr().err


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["GET", "http://127.0.0.1/", "more"],
        ["BREW", "http://127.0.0.1/"],
        ["demo", "file", "more"],
        ["http://127.0.0.1/", "-H", "no colon"],
        ["http://127.0.0.1/", "-F", "no equals sign"],
        ["http://127.0.0.1/", "-u", "secret without a name"],
        ["http://127.0.0.1/", "-F", "a=b", "-d", "a=b"],
        ["http://127.0.0.1/", "--timeout", "soon"],
        ["http://127.0.0.1/", "--nonsense"],
    ],
)
def test_wrong_usage_is_told(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2
    error = capsys.readouterr().err
    assert "requests_lite: error: " in error
    assert "secret" not in error


def test_a_reader_that_has_enough_is_no_trouble(monkeypatch: pytest.MonkeyPatch) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with open(writer, "w") as out, Server(HELLO) as server:
        monkeypatch.setattr(sys, "stdout", out)
        assert main([server.url]) == 141


@pytest.mark.parametrize("command", ["--version", "demo LICENSE"])
def test_a_closed_pipe_is_quiet(command: str) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with open(writer, "wb") as out:
        done = subprocess.run([*COMMAND, *command.split()], cwd=ROOT, stdout=out, stderr=subprocess.PIPE)
    assert (done.returncode, done.stderr) == (141, b"")


def test_a_pipe_into_head_is_quiet(bin_url: str) -> None:
    command = f"{sys.executable} -m requests_lite {bin_url}/stream-bytes/1000000 | head -c 3 | wc -c"
    done = subprocess.run(command, shell=True, cwd=ROOT, capture_output=True, check=True)
    assert (done.stdout.strip(), done.stderr) == (b"3", b"")


def test_an_interrupt_is_quiet(capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    main_thread = threading.main_thread().ident or 0

    def interrupt(connection: socket.socket) -> None:
        signal.pthread_kill(main_thread, signal.SIGINT)

    with Server([Expect(), interrupt]) as server:
        assert main([server.url]) == 130
    assert capsysbinary.readouterr() == (b"", b"\nrequests_lite: interrupted\n")


# What it is


def test_version_says_what_a_report_of_a_bug_needs(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--version"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == f"requests_lite {requests_lite.__version__}"
    assert lines[1].split()[1] == sys.version.split()[0]
    assert lines[2].startswith("OpenSSL")
    assert len(lines) == 4
    monkeypatch.setitem(sys.modules, "ssl", None)
    assert main(["--version"]) == 0
    assert "no OpenSSL" in capsys.readouterr().out


def test_help_shows_examples() -> None:
    done = run("--help")
    assert done.returncode == 0
    assert b"  python -m requests_lite demo" in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 80


def test_the_module_is_the_command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "argv", ["requests_lite", "--version"])
    monkeypatch.delitem(sys.modules, "requests_lite.__main__")
    with pytest.raises(SystemExit) as caught:
        runpy.run_module("requests_lite", run_name="__main__")
    assert caught.value.code == 0
    assert capsys.readouterr().out.startswith("requests_lite ")


# The demonstration


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
    assert main(["demo", str(path)]) == 0
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
    code = f"{SET_PATH}; from requests_lite import demo; {forgetful}; demo.serve()"
    monkeypatch.setattr("requests_lite.demo._SERVER", code)
    (tmp_path / "file").write_bytes(b"content")
    assert main(["demo", str(tmp_path / "file")]) == 1
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
    monkeypatch.setattr("requests_lite.demo._STATUS", status)
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
    code = "from requests_lite.demo import demonstrate; demonstrate(size=64 * 1024 * 1024)"
    out = subprocess.check_output([sys.executable, "-c", code], cwd=ROOT, text=True)
    peak, before = map(float, re.findall(r"([\d.]+) MiB", out))
    assert peak - before < 8


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_nothing_is_left_when_it_is_ended(number: signal.Signals, tmp_path: Path, temporary: Path) -> None:
    path = tmp_path / "file"
    with open(path, "wb") as file:
        file.truncate(64 * 1024 * 1024)
    with subprocess.Popen(
        [sys.executable, "-u", *COMMAND[1:], "demo", str(path)],
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
        assert process.returncode == 130
        assert error == b"\nrequests_lite: interrupted\n"
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
