"""A terminal to write to, for what looks different on one."""

from __future__ import annotations

import os
import pty
import sys

import pytest


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
