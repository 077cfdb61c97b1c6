"""A file goes to a server on this machine as a multipart form, and comes back: `python3 -m examples.demo [FILE]`."""

from __future__ import annotations

import hashlib
import io
import json
import os
import sys
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from subprocess import PIPE, Popen
from tempfile import TemporaryFile
from threading import Thread
from time import perf_counter

from requests_lite import Response, get, post

MIB = 1024 * 1024
_STATUS = Path("/proc/self/status")  # where Linux tells how much memory a process had at its peak
# A process of its own: speed and memory are the client's alone, and so is Ctrl-C, even where there are no sessions.
_SERVER = """import signal, sys; signal.signal(signal.SIGINT, signal.SIG_IGN); sys.path[:] = sys.argv[1:]
from examples.demo import serve; serve()"""


def demonstrate(path: str | None = None, size: int = 256 * MIB) -> bool:
    """Send a file, or else random bytes, to a server, get it back, and tell whether it came back the same."""
    with (
        open(path, "rb") if path else TemporaryFile() as file,
        TemporaryFile() as copy,  # without a name: it is gone when the process is, however that ends
        Popen([sys.executable, "-c", _SERVER, *sys.path], stdin=PIPE, stdout=PIPE, start_new_session=True) as server,
    ):
        url = f"http://127.0.0.1:{int(server.stdout.readline())}/file"  # type: ignore[union-attr]  # it is a PIPE
        for at in range(0, 0 if path else size, MIB):
            file.write(os.urandom(min(MIB, size - at)))
        sent, size = _sha256(file), file.tell()
        file.seek(0)
        before = _peak_memory()

        started = perf_counter()
        form = {"file": (os.path.basename(path or "demo.bin"), file)}
        response = post(url, files=form, progress=lambda *far: _show("upload", started, *far)).raise_for_status()
        _report("upload", response, size, perf_counter() - started)
        print(f"content   {response.text}\n")

        started = perf_counter()
        with get(url, stream=True) as response:
            for block in response.raise_for_status().iter_content():
                copy.write(block)
                _show("download", started, copy.tell(), size)
        _report("download", response, size, perf_counter() - started)

        came, peak = _sha256(copy), _peak_memory()
        print(f"\nSHA-256   {sent} sent\n          {came} came back, {'equal' if came == sent else 'DIFFERENT'}")
        print("memory   ", f"{peak} at its peak, {before} of it before the upload" if peak else "not known here")
        return came == sent


def _sha256(file: io.BufferedIOBase) -> str:
    digest = hashlib.sha256()
    file.seek(0)
    while block := file.read(MIB):
        digest.update(block)
    return digest.hexdigest()


def _peak_memory() -> str | None:
    words = _STATUS.read_text("utf-8", "replace").split() if _STATUS.exists() else []
    return f"{int(words[words.index('VmHWM:') + 1]) / 1024:.1f} MiB" if "VmHWM:" in words else None


def _show(title: str, started: float, done: int, total: int | None) -> None:
    if sys.stderr.isatty() and total and (done == total or done // MIB % 8 == 0):  # a terminal takes its time
        speed = done / (perf_counter() - started)
        line = f"{title:<10}{done / 1e6:,.0f} of {total / 1e6:,.0f} MB, {speed / 1e6:,.0f} MB/s"
        print(f"\r{line:<60}", end="\n" if done == total else "", file=sys.stderr, flush=True)


def _report(title: str, response: Response, size: int, seconds: float) -> None:
    fields = "\n          ".join(f"{name}: {value}" for name, value in response.headers.lines())
    print(f"{title:<10}{size:,} bytes in {seconds:.3f} seconds, {size / seconds / 1e6:,.0f} MB/s")
    print(f"url       {response.url}\nstatus    {response.status_code} {response.reason}\nheaders   {fields}")


def serve() -> None:
    """Print the port of a server and serve until standard input ends, as it does when the client is gone."""
    with TemporaryFile() as Handler.file, ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        with suppress(BrokenPipeError), sys.stdout:  # the client may be gone already
            print(server.server_port)
        Thread(target=server.serve_forever, args=(0.02,)).start()
        sys.stdin.read()
        server.shutdown()


class Handler(BaseHTTPRequestHandler):
    """POST takes the file of a form, GET gives it back."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    file: io.BufferedRandom

    def handle(self) -> None:
        with suppress(ConnectionError):  # a client that leaves is no error
            super().handle()

    def do_POST(self) -> None:
        delimiter = b"--" + self.headers.get_boundary("").encode()
        closing = b"\r\n" + delimiter + b"--\r\n"
        head, left = b"", int(self.headers["Content-Length"])
        while not head.endswith(b"\r\n\r\n") and (line := self.rfile.readline(left)):
            head += line
            left -= len(line)
        self.file.truncate(self.file.seek(0))
        buffer = memoryview(bytearray(MIB))
        while left > len(closing) and (count := self.rfile.readinto1(buffer[: left - len(closing)])):
            left -= self.file.write(buffer[:count])
        is_form = self.rfile.read(left) == closing and head.startswith(delimiter + b"\r\n")
        answer = {"name": head.partition(b'filename="')[2].partition(b'"')[0].decode(), "size": self.file.tell()}
        content = io.BytesIO(json.dumps(answer).encode())
        self._answer("201 Created" if is_form else "400 Bad Request", "application/json", content)

    def do_GET(self) -> None:
        self._answer("200 OK", "application/octet-stream", self.file)

    def _answer(self, status: str, kind: str, content: io.BufferedRandom | io.BytesIO) -> None:
        length = content.seek(0, io.SEEK_END)
        self.wfile.write(f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\n\r\n".encode())
        content.seek(0)
        self.connection.sendfile(content)


if __name__ == "__main__":
    try:
        sys.exit(0 if demonstrate(sys.argv[1] if sys.argv[1:] else None) else 1)
    except KeyboardInterrupt:
        sys.exit("\ninterrupted")
    except OSError as error:
        sys.exit(str(error))
