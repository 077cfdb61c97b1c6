"""The README is real: its sessions print what they say, its scripts and commands run; all of it by loopback."""

from __future__ import annotations

import doctest
import os
import re
import shlex
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import quote

import pytest
from pytest_httpbin.serve import Server as Httpbin
from test_proxies import Socks

from requests_lite import __version__, exceptions
from server import Expect, Send, Server

pytestmark = pytest.mark.skipif(not hasattr(socket, "AF_UNIX"), reason="there are no Unix sockets here")

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
# (number of the line, language, text) of each fenced block; those that .ci/run runs have no business here.
BLOCKS = [
    (README.count("\n", 0, found.start(2)), found[1], found[2])
    for found in re.finditer(r"(?ms)(?<! -->\n)^```(\w+)\n(.*?)^```$", README)
]
SESSIONS = [(line, text) for line, kind, text in BLOCKS if kind == "python" and text.startswith(">>> ")]
SCRIPTS = [(line, text) for line, kind, text in BLOCKS if kind == "python" and not text.startswith(">>> ")]
OK = Send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")


@pytest.fixture
def local(httpbin: Httpbin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], str]]:
    """Return what puts servers of this machine in the place of those that a text names."""
    monkeypatch.chdir(tmp_path)
    Path("notes.txt").write_text("Streamed from disk, whatever its size.\n")
    with ExitStack() as stack:
        folder = stack.enter_context(TemporaryDirectory())  # the path of a socket has about 100 characters at most
        proxy = stack.enter_context(Server([Expect(b"GET http://example.com/ HTTP", b"Proxy-Authorization: "), OK]))
        socks = stack.enter_context(Server([Socks(), Expect(b"GET / HTTP", b"Host: example.com\r\n"), OK]))
        docker = stack.enter_context(Server([Expect(b"GET /info HTTP"), OK], path=f"{folder}/docker.sock"))
        api = stack.enter_context(Server([Expect(b"Host: api.example.com:"), OK]))
        places = {
            "https://httpbin.org": httpbin.url,
            "proxy.example:3128": f"127.0.0.1:{proxy.port}",
            "proxy.example:1080": f"127.0.0.1:{socks.port}",
            "%2Frun%2Fdocker.sock": quote(f"{docker.path}", safe=""),
            "api.example.com:8080": f"api.example.com:{api.port}",
        }
        yield lambda text: re.sub("|".join(map(re.escape, places)), lambda found: places[found[0]], text)


def run(command: list[str]) -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, capture_output=True, text=True, timeout=50, env=environment)
    assert (done.returncode, done.stderr) == (0, "")


def test_sessions_print_what_they_say(local: Callable[[str], str]) -> None:
    names: dict[str, object] = {}
    said: list[str] = []
    runner = doctest.DocTestRunner(verbose=False)
    for line, text in SESSIONS:
        session = doctest.DocTestParser().get_doctest(local(text), names, "README", "README.md", line)
        session.globs = names  # what one has said the next ones know
        runner.run(session, out=said.append, clear_globs=False)
    assert runner.failures == 0, "".join(said)
    assert runner.tries >= 25


@pytest.mark.parametrize("script", [text for _, text in SCRIPTS], ids=[f"line {line + 1}" for line, _ in SCRIPTS])
def test_scripts_run_each_by_itself(script: str, local: Callable[[str], str]) -> None:
    if "socks" in script:
        pytest.importorskip("socks", reason="PySocks is not installed")
    run([sys.executable, "-W", "error", "-c", local(script)])


def test_commands_run(local: Callable[[str], str]) -> None:
    commands = re.findall(
        r"(?m)^python3 (-m requests_lite .*)$", "".join(text for _, kind, text in BLOCKS if kind == "sh")
    )
    assert len(commands) == 3
    for command in commands:
        run([sys.executable, *shlex.split(local(command))])
    assert "X-App" in Path("answer.json").read_text()


def test_all_errors_are_shown() -> None:
    tree = next(text for _, kind, text in BLOCKS if kind == "text")
    types = {name: value for name, value in vars(exceptions).items() if isinstance(value, type)}
    there = {name for name, value in types.items() if issubclass(value, exceptions.RequestException)}
    assert there == {name for name in re.findall(r"[A-Z]\w+", tree) if hasattr(exceptions, name)}


def test_what_it_tells_to_install_is_there() -> None:
    commands = next(text for _, kind, text in BLOCKS if kind == "sh" and text.startswith("pip install"))
    extras = re.search(r"\[([a-z,]+)\]", commands)
    assert extras
    for extra in extras[1].split(","):
        assert f"\n{extra} = [" in (ROOT / "pyproject.toml").read_text()
    # As long as there is no release, nobody may be told to install one.
    assert ("0.3.0 has not been released" in README) == ("pip install ." in commands) == (".dev" in __version__)
