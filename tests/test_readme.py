"""The README's sessions are real: each is run against an httpbin, and has to print what it says."""

from __future__ import annotations

import doctest
from pathlib import Path

import pytest
from pytest_httpbin.serve import Server as Httpbin

README = Path(__file__).parent.parent / "README.md"


def test_what_the_readme_shows_is_what_comes(httpbin: Httpbin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("notes.txt").write_text("Streamed from disk, whatever its size.\n")
    text = README.read_text(encoding="utf-8").replace("https://httpbin.org", httpbin.url)
    # A fence ends an output, which doctest does not know.
    sessions = doctest.DocTestParser().get_doctest(text.replace("```", "\n"), {}, "README", str(README), 0)
    assert len(sessions.examples) >= 10
    said: list[str] = []
    failures, _ = doctest.DocTestRunner(verbose=False).run(sessions, out=said.append)
    assert failures == 0, "".join(said)
