"""Types: a program of a user passes mypy --strict, and what is wrong does not."""

from __future__ import annotations

import inspect
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import get_type_hints

import pytest
import typed_example
from pytest_httpbin.serve import Server as Httpbin

import requests_lite

ROOT = Path(__file__).parent.parent
PREAMBLE = """\
import io, pathlib, requests_lite
from requests_lite import HTTPAdapter, PreparedRequest, Request, Response, Retry, Session
response = requests_lite.get("http://h/")
def function(request: PreparedRequest) -> Response: return response
def no_response(request: PreparedRequest) -> int: return 1
def no_progress(done: str, total: int | None) -> None: ...
"""
WRONG = """\
requests_lite.get()
requests_lite.get("http://h/", timout=5)
requests_lite.get("http://h/", param={})
requests_lite.post("http://h/", jsn={})
requests_lite.get("http://h/", timeout="5")
requests_lite.get("http://h/", timeout=(1,))
requests_lite.get("http://h/", timeout=(1, 2, 3, 4))
requests_lite.get("http://h/", timeout=("1", 2))
requests_lite.get("http://h/", timeout=[1, 2])
requests_lite.get("http://h/", {"a": object()})
requests_lite.get("http://h/", headers={"X": 1})
requests_lite.get("http://h/", headers="X: 1")
requests_lite.get("http://h/", allow_redirects="no")
requests_lite.get("http://h/", cookies=5)
requests_lite.get("http://h/", auth=5)
requests_lite.get("http://h/", auth=("user", 5))
requests_lite.get("http://h/", auth=("user", "secret", "more"))
requests_lite.get("http://h/", proxies="http://proxy")
requests_lite.get("http://h/", cert=5)
requests_lite.get("http://h/", retries="3")
requests_lite.get("http://h/", retries=1.5)
requests_lite.get("http://h/", max_size="5")
requests_lite.get("http://h/", hooks={"response": 5})
requests_lite.get("http://h/", file={})
requests_lite.head("http://h/", date=b"")
requests_lite.post("http://h/", data=5)
requests_lite.post("http://h/", b"", progress=no_progress)
requests_lite.post("http://h/", b"", progress=lambda done: None)
requests_lite.gett("http://h/")
requests_lite.Sesion()
requests_lite.request("http://h/")
Session("http://h/")
Session(base_ulr="http://h/")
Session(timeout="5")
Session(resolve=["h"])
Session(source_address=5)
Session(json_loads=5)
Session().get("http://h/", timout=5)
Session().gett("http://h/")
Session().mount("http://", no_response)
Session().mount(function, "http://")
Session().send("http://h/")
Session().send(Request("GET", "http://h/"))
Request("GET", "http://h/", timout=5)
Request("GET", "http://h/").send(again=True)
Retry("3")
Retry(backof=1)
Retry(statuses=503)
HTTPAdapter(pool_maxsize="5")
HTTPAdapter(resolve="127.0.0.1")
response.status
response.header
response.status_code = "200"
response.content = b""
response.raise_for_status(True)
requests_lite.codes.not_found + "x"
text: str = response.content
content: bytes = response.text
number: str = response.status_code
fields: dict[str, int] = response.headers
values: str = response.headers.getlist("set-cookie")
fine: str = response.ok
old: list[int] = response.history
url: int = requests_lite.get("http://h/", stream=True).url
sent: str = Request("GET", "http://h/").send()
prepared: Request = Request("GET", "http://h/").prepare()
block: str = response.read()
version: int = requests_lite.__version__
""".splitlines()


@pytest.fixture(scope="module")
def complaints(tmp_path_factory: pytest.TempPathFactory) -> Mapping[tuple[str, int], list[str]]:
    """Return what mypy --strict says of the example and of what is wrong, by file and line; it runs once."""
    pytest.importorskip("mypy")
    folder = tmp_path_factory.mktemp("types")
    (folder / "wrong.py").write_text(PREAMBLE + "\n".join(WRONG) + "\n", encoding="utf-8")
    # As a user has it: with nothing of this project's settings.
    options = ["--strict", "--config-file=", f"--cache-dir={folder / 'cache'}", "--python-version=3.10", "--no-pretty"]
    result = subprocess.run(
        [sys.executable, "-m", "mypy", *options, str(ROOT / "tests" / "typed_example.py"), str(folder / "wrong.py")],
        cwd=folder, env={**os.environ, "MYPYPATH": str(ROOT)}, capture_output=True, text=True, timeout=55,
    )  # fmt: skip
    assert result.returncode in (0, 1), result.stderr
    found: dict[tuple[str, int], list[str]] = {}
    for line in result.stdout.splitlines():
        if match := re.match(r"(.+?):(\d+): error: (.+)", line):
            found.setdefault((Path(match[1]).name, int(match[2])), []).append(match[3])
    return found


def test_the_package_says_that_it_is_typed() -> None:
    assert (Path(requests_lite.__file__).parent / "py.typed").is_file()


def test_a_program_of_a_user_passes(complaints: Mapping[tuple[str, int], list[str]]) -> None:
    assert {place: said for place, said in complaints.items() if place[0] != "wrong.py"} == {}


@pytest.mark.parametrize("code", WRONG)
def test_what_is_wrong_does_not(code: str, complaints: Mapping[tuple[str, int], list[str]]) -> None:
    line = PREAMBLE.count("\n") + WRONG.index(code) + 1
    assert complaints.get(("wrong.py", line)), f"mypy has nothing against {code}"


def test_it_complains_of_nothing_else(complaints: Mapping[tuple[str, int], list[str]]) -> None:
    before = PREAMBLE.count("\n")
    assert [said for (file, line), said in complaints.items() if file == "wrong.py" and line <= before] == []


def test_the_program_of_a_user_runs(httpbin: Httpbin, tmp_path: Path) -> None:
    path = tmp_path / "file.txt"
    path.write_text("content", encoding="utf-8")
    typed_example.main(httpbin.url, path)


def test_hints_can_be_asked_for_at_run_time() -> None:
    """As frameworks and command-line builders do."""
    for name in requests_lite.__all__:
        value = getattr(requests_lite, name)
        for function in [value, *vars(value).values()] if isinstance(value, type) else [value]:
            if inspect.isroutine(function) and hasattr(function, "__annotations__"):
                assert isinstance(get_type_hints(function), dict)
