"""Big content in flat memory: a gibibyte up and a gibibyte down, in a process that does nothing else."""

from __future__ import annotations

import socket
import subprocess
import sys
from pathlib import Path

import pytest

from server import Send, Server

pytestmark = pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="no peak memory is told here")

GIB = 1 << 30
MARGIN = 24  # MiB above what the import took

SCRIPT = """
import sys
import requests_lite

def peak():
    # What getrusage() tells is, on Linux, no less than the peak of the process that started this one.
    with open("/proc/self/status") as lines:
        return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024

url, path, job = sys.argv[1:]
before = peak()
if job == "form":
    assert requests_lite.post(url, files={"f": open(path, "rb")}).content == b"ok"
elif job == "file":
    assert requests_lite.put(url, data=open(path, "rb")).content == b"ok"
elif job == "iterator":
    block = bytes(65536)
    assert requests_lite.put(url, data=(block for _ in range((1 << 30) // len(block)))).content == b"ok"
else:
    with requests_lite.get(url, stream=True) as response:
        assert sum(len(block) for block in response.iter_content()) == 1 << 30
print(peak() - before)
"""


def swallow(connection: socket.socket) -> None:
    """Receive a request of a gibibyte or more, and see only how much it is."""
    room = bytearray(1 << 20)
    head = b""
    while b"\r\n\r\n" not in head:
        head += connection.recv(65536)
    got = len(head) - head.index(b"\r\n\r\n") - 4
    while got < GIB:
        count = connection.recv_into(room)
        assert count, f"only {got} bytes came"
        got += count
    connection.settimeout(0.1)
    try:
        while connection.recv(65536):
            pass
    except TimeoutError:
        pass


def pour(connection: socket.socket) -> None:
    """Answer with a gibibyte."""
    connection.recv(65536)
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % GIB)
    block = bytes(1 << 20)
    for _ in range(GIB // len(block)):
        connection.sendall(block)


@pytest.mark.parametrize("job", ["form", "file", "iterator", "download"])
def test_a_gibibyte_needs_no_memory(job: str, tmp_path: Path) -> None:
    path = tmp_path / "big"
    with path.open("wb") as file:
        file.truncate(GIB)  # sparse: it takes no room on the disk
    answer = Send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
    with Server([pour] if job == "download" else [swallow, answer]) as server:
        run = subprocess.run(
            [sys.executable, "-c", SCRIPT, server.url, str(path), job],
            capture_output=True,
            text=True,
            timeout=50,
            check=False,
        )
    assert run.returncode == 0, run.stderr
    print(job, run.stdout, "MiB")
    assert float(run.stdout) < MARGIN
