"""The demonstration: a file goes to a server on this machine as a multipart form, and comes back."""

from __future__ import annotations

import hashlib
import io
import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.client import parse_headers
from http.server import BaseHTTPRequestHandler
from socketserver import ThreadingTCPServer
from tempfile import TemporaryFile
from time import perf_counter
from typing import IO, cast

from .core import get, post
from .packages.poster.encode import MultipartParam
from .response import Response

MIB = 1024 * 1024

# Here Linux has the peak of a process's memory; what getrusage() tells there may be that of its parent.
_STATUS = "/proc/self/status"

# A process of its own, so that the client's speed and memory are the client's alone; it finds its modules
# where the client found them.
_SERVER = "import sys; sys.path[:] = sys.argv[1:]; from requests_lite.demo import serve; serve()"


def demonstrate(path: str | None = None, size: int = 256 * MIB) -> bool:
    """Send a file to a server and get it back; print how that went, return whether it came back the same.

    Without a path the file is made here, of random bytes. All files made are without names, so that they are
    gone when the processes are, however these end.
    """
    with (
        open(path, "rb") if path else TemporaryFile() as file,
        TemporaryFile() as copy,
        _server() as url,
    ):
        if not path:
            _fill(file, size)
        sent, size = _sha256(file)
        file.seek(0)
        filename = os.path.basename(path or "demo.bin")
        memory = _peak_memory()

        shown = _progress("upload")
        form = [MultipartParam("file", None, filename, fileobj=file, dialect="form", cb=shown)]
        started = perf_counter()
        response = post(url, files=form).raise_for_status()
        _report("upload", response, size, perf_counter() - started)
        print(f"content   {response.text}\n")

        shown = _progress("download")
        started = perf_counter()
        with get(url, stream=True) as response:
            for block in response.raise_for_status().iter_content():
                copy.write(block)
                shown(None, copy.tell(), size)
        _report("download", response, size, perf_counter() - started)

        came, _ = _sha256(copy)
        print(f"\nSHA-256   {sent} sent")
        print(f"          {came} came back, {'equal' if came == sent else 'DIFFERENT'}")
        print(f"memory    {_peak_memory()} at its peak, {memory} of it before the upload")
        return came == sent


def _fill(file: IO[bytes], size: int) -> None:
    noise = os.urandom(MIB)
    for at in range(0, size, MIB):
        turn = at // MIB % MIB  # no block is like another one, so that none can be lost or swapped unseen
        file.write((noise[turn:] + noise[:turn])[: size - at])


def _sha256(file: IO[bytes]) -> tuple[str, int]:
    """Return the SHA-256 of a whole file and its size."""
    size = file.seek(0, io.SEEK_END)
    file.seek(0)
    shown = _progress("SHA-256")
    digest = hashlib.sha256()
    while block := file.read(MIB):
        digest.update(block)
        shown(None, file.tell(), size)
    return digest.hexdigest(), size


def _report(title: str, response: Response, size: int, seconds: float) -> None:
    fields = "\n          ".join(f"{name}: {value}" for name, value in response.headers.lines())
    print(f"{title:<10}{size:,} bytes in {seconds:.3f} seconds, {size / seconds / 1e6:,.0f} MB/s")
    print(
        f"url       {response.url}\nstatus    {response.status_code} {response.reason}\nheaders   {fields}", flush=True
    )


def _progress(title: str) -> Callable[[object, int, int | None], None]:
    """Return a callback that draws a line about (part, done, total) on stderr when that is a terminal."""
    started = due = perf_counter()
    on_terminal = sys.stderr.isatty()

    def show(part: object, done: int, total: int | None) -> None:
        nonlocal due
        now = perf_counter()
        if on_terminal and (now >= due or done == total):
            due = now + 0.1
            line = f"{title:<10}{done / 1e6:,.0f} of {(total or 0) / 1e6:,.0f} MB"
            line += f", {done / (now - started) / 1e6:,.0f} MB/s"
            print(f"\r{line:<60}", end="\n" if done == total else "", file=sys.stderr, flush=True)

    return show


def _peak_memory() -> str:
    if os.path.exists(_STATUS):
        with open(_STATUS, encoding="ascii", errors="replace") as lines:
            for line in lines:
                if line.startswith("VmHWM:"):
                    return f"{int(line.split()[1]) / 1024:.1f} MiB"
    try:
        import resource
    except ImportError:
        return "(not known: no module 'resource' here)"
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return f"{peak / (MIB if sys.platform == 'darwin' else 1024):.1f} MiB"


@contextmanager
def _server() -> Iterator[str]:
    """Start the server and yield the URL to send a file to. It ends when its standard input does."""
    with subprocess.Popen(
        [sys.executable, "-c", _SERVER, *sys.path],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        # Ctrl-C is for the client: this keeps it from the server, the second line on Windows.
        start_new_session=True,
        creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0),
    ) as process:
        port = int(cast("IO[bytes]", process.stdout).readline())
        yield f"http://127.0.0.1:{port}/file"


def serve() -> None:
    """Print the port of a server and serve until standard input ends, as it does when the client is gone."""
    with Server() as server:
        print(server.server_address[1], flush=True)
        threading.Thread(target=server.serve_forever, args=(0.02,)).start()
        sys.stdin.read()
        server.shutdown()


class Server(ThreadingTCPServer):
    """A server on an unused port of the loopback interface that keeps the last file it got."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.file = TemporaryFile()  # noqa: SIM115  # closed with the server

    def server_close(self) -> None:
        super().server_close()
        self.file.close()

    def handle_error(self, request: object, client_address: object) -> None:
        if not isinstance(sys.exc_info()[1], ConnectionError):  # a client that leaves is none
            super().handle_error(request, client_address)  # type: ignore[arg-type]


class Handler(BaseHTTPRequestHandler):
    """POST takes the file of a form, GET gives it back."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: Server

    def do_POST(self) -> None:
        file = self.server.file
        file.seek(0)
        file.truncate()
        boundary = self.headers.get_boundary("").encode()
        form = Form(self.rfile, int(self.headers["Content-Length"]), boundary)
        filename = form.store(file)
        answer = json.dumps({"name": filename, "size": file.tell()}).encode()
        self._head(201, "application/json", len(answer))
        self.wfile.write(answer)

    def do_GET(self) -> None:
        file = self.server.file
        self._head(200, "application/octet-stream", file.seek(0, io.SEEK_END))
        file.seek(0)
        self.connection.sendfile(file)

    def _head(self, status: int, kind: str, length: int) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(length))
        self.end_headers()

    def log_message(self, format: str, *arguments: object) -> None:
        """Say nothing: the client reports."""


class Form:
    """A multipart form as it comes in (RFC 7578), read through one buffer however long it is."""

    def __init__(self, source: io.BufferedIOBase, length: int, boundary: bytes) -> None:
        self.source = source
        self.left = length
        self.delimiter = b"\r\n--" + boundary
        self.buffer = bytearray(MIB)
        self.buffer[:2] = b"\r\n"  # the first delimiter stands at the very beginning and is like the others then
        self.view = memoryview(self.buffer)
        self.at, self.end = 0, 2

    def store(self, file: IO[bytes]) -> str:
        """Write the content of the part that is a file into file and return its name."""
        name = ""
        self._text_until(self.delimiter)
        while not self._text_until(b"\r\n").startswith(b"--"):  # which stands behind the last delimiter
            head = parse_headers(io.BytesIO(self._text_until(b"\r\n\r\n") + b"\r\n\r\n"))
            filename = head.get_filename()
            if filename is not None:
                name = filename.encode("latin-1").decode()
            for block in self._until(self.delimiter):
                if filename is not None:
                    file.write(block)
        return name

    def _text_until(self, mark: bytes) -> bytes:
        return b"".join(map(bytes, self._until(mark)))

    def _until(self, mark: bytes) -> Iterator[memoryview]:
        """Yield what stands before the next mark and step behind it. Raises ConnectionError if none comes."""
        while (found := self.buffer.find(mark, self.at, self.end)) < 0:
            kept = min(len(mark) - 1, self.end - self.at)  # may be the beginning of a mark
            yield self.view[self.at : self.end - kept]
            self.view[:kept] = self.view[self.end - kept : self.end]
            count = self.source.readinto1(self.view[kept : kept + self.left])
            if not count:
                raise ConnectionError("the form was cut")
            self.left -= count
            self.at, self.end = 0, kept + count
        yield self.view[self.at : found]
        self.at = found + len(mark)
