"""The command line, as a shell runs it and as Python calls it."""

from __future__ import annotations

import json
import os
import re
import runpy
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

import requests_lite
from requests_lite.__main__ import main
from server import Expect, Send, Server
from terminal import Terminal

ROOT = Path(__file__).parent.parent
COMMAND = [sys.executable, "-m", "requests_lite"]
SET_PATH = "import sys; sys.path[:] = sys.argv[1:]"
OK = b"HTTP/1.1 200 OK\r\n"
HELLO = [Expect(), Send(OK + b"Content-Type: text/plain\r\nContent-Length: 5\r\n\r\nhello")]


def run(*arguments: str, **options: Any) -> subprocess.CompletedProcess[bytes]:
    """Run the command as a shell does."""
    return subprocess.run([*COMMAND, *arguments], cwd=ROOT, capture_output=True, check=False, **options)


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


def test_content_alone_goes_to_a_pipe(bin_url: str) -> None:
    done = run(bin_url + "/get", "-o", "-")
    assert json.loads(done.stdout)["url"] == bin_url + "/get"
    assert done.stderr.startswith(b"HTTP 200 OK\n")
    assert done.stderr.endswith(b"\n\n")
    assert not (ROOT / "-").exists()


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


def test_a_closed_pipe_is_quiet() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with open(writer, "wb") as out:
        done = subprocess.run([*COMMAND, "--version"], cwd=ROOT, stdout=out, stderr=subprocess.PIPE)
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
    assert b"  python -m requests_lite https://" in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 80


def test_the_module_is_the_command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "argv", ["requests_lite", "--version"])
    monkeypatch.delitem(sys.modules, "requests_lite.__main__")
    with pytest.raises(SystemExit) as caught:
        runpy.run_module("requests_lite", run_name="__main__")
    assert caught.value.code == 0
    assert capsys.readouterr().out.startswith("requests_lite ")
