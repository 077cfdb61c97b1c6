"""The servers that are measured against: nginx, and a raw one that never sleeps while content comes in.

nginx answers small exchanges and sends files. The raw server takes uploads: it polls, because a receiver that sleeps
halves the sender's speed. It also sends what nginx cannot: chunks of a size asked for, a thousand fields, lines.
Run as a program it is the raw server, and prints its ports.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from selectors import EVENT_READ, DefaultSelector

SMALL = b'{"ok": true, "n": 1}'  # 20 bytes
COOKIE = "0123456789abcdef"
WITH_COOKIE = b'{"c": "%b"}' % COOKIE.encode()
LINE = b'{"number": 1234567, "text": "a line like those of a log"}\n'
MORE_PORTS = 100

_CONFIGURATION = """
daemon off;
master_process off;
worker_processes 1;
pid nginx.pid;
error_log stderr error;
events { worker_connections 1024; }
http {
    access_log off;
    default_type application/json;
    sendfile on;
    tcp_nodelay on;
    keepalive_timeout 1h;
    keepalive_requests 1000000000;
    client_max_body_size 0;
    client_body_temp_path temp;
    proxy_temp_path temp;
    fastcgi_temp_path temp;
    uwsgi_temp_path temp;
    scgi_temp_path temp;
    ssl_certificate server.pem;
    ssl_certificate_key server.key;
    ssl_session_cache shared:tls:10m;
    ssl_session_timeout 1h;
    server {
        listen 127.0.0.1:%(http)d;
        listen 127.0.0.1:%(https)d ssl;
        location = /small { return 200 '%(small)s'; }
        location = /post { return 200 '$content_length'; }
        location = /cookie { add_header Set-Cookie 'c=%(cookie)s; Path=/'; return 200 '{"c": "$cookie_c"}'; }
        location /files/ { root .; default_type application/octet-stream; }
        location /gzip/ { alias files/; default_type text/plain; add_header Content-Encoding gzip; }
    }
}
"""


def find_nginx() -> str:
    """Return the path of nginx, which is installed first where that is possible. Raises SystemExit."""
    path = os.environ.get("PATH", "") + os.pathsep + "/usr/sbin"
    may_install = os.geteuid() == 0 and shutil.which("apt-get") is not None
    if may_install and not shutil.which("nginx", path=path):
        print("installing nginx-light", flush=True)
        subprocess.run(["apt-get", "install", "-qq", "-y", "nginx-light"], stdout=subprocess.DEVNULL, check=False)
    nginx = shutil.which("nginx", path=path)
    if nginx is None:
        raise SystemExit("nginx is not installed: apt-get install nginx-light, or whatever does it here")
    return nginx


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as sock:
        port: int = sock.getsockname()[1]
    return port


@contextmanager
def nginx(program: str, folder: Path, cores: set[int]) -> Iterator[tuple[int, int]]:
    """Run nginx in a folder that has a certificate and files; give its ports for http and https."""
    ports = {"http": free_port(), "https": free_port()}
    values = {**ports, "small": SMALL.decode(), "cookie": COOKIE}
    (folder / "nginx.conf").write_text(("user root;\n" if os.geteuid() == 0 else "") + _CONFIGURATION % values)
    process = subprocess.Popen(
        [program, "-p", str(folder), "-c", "nginx.conf", "-e", "stderr"], stderr=subprocess.DEVNULL
    )
    try:
        _pin(process.pid, cores)
        until = time.monotonic() + 10
        while True:
            try:
                socket.create_connection(("127.0.0.1", ports["https"]), 1).close()
                break
            except OSError:
                if process.poll() is not None or time.monotonic() > until:
                    raise SystemExit(f"nginx does not start: {program} -p {folder} -c nginx.conf -e stderr") from None
                time.sleep(0.01)
        yield ports["http"], ports["https"]
    finally:
        process.terminate()
        process.wait(10)


@contextmanager
def raw_server(cores: set[int]) -> Iterator[list[int]]:
    """Run the raw server in a process of its own; give its ports."""
    process = subprocess.Popen([sys.executable, __file__], stdout=subprocess.PIPE)
    try:
        _pin(process.pid, cores)
        assert process.stdout is not None
        yield [int(port) for port in process.stdout.readline().split()]
    finally:
        process.kill()
        process.communicate()


def _pin(pid: int, cores: set[int]) -> None:
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(pid, cores)


class _Gone(Exception):
    """The client has closed."""


class _Connection:
    """One connection of the raw server. Between requests it sleeps, within one it polls."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer = bytearray(1 << 20)
        self.view = memoryview(self.buffer)
        self.at = self.end = 0  # what has come and was not looked at yet

    def serve(self) -> None:
        try:
            while True:
                self._exchange()
        except (OSError, _Gone):
            self.sock.close()

    def _receive(self) -> None:
        while True:
            try:
                count = self.sock.recv_into(self.view)
            except BlockingIOError:
                continue
            if not count:
                raise _Gone
            self.at, self.end = 0, count
            return

    def _line(self) -> bytes:
        line = b""
        while not line.endswith(b"\n"):
            if self.at == self.end:
                self._receive()
            found = self.buffer.find(b"\n", self.at, self.end) + 1 or self.end
            line += self.buffer[self.at : found]
            self.at = found
        return line

    def _skip(self, size: int, kept: list[bytes] | None) -> None:
        while size:
            if self.at == self.end:
                self._receive()
            step = min(size, self.end - self.at)
            if kept is not None:
                kept.append(bytes(self.view[self.at : self.at + step]))
            self.at += step
            size -= step

    def _exchange(self) -> None:
        self.sock.setblocking(True)
        _, target, _ = self._line().split(b" ", 2)
        fields = {}
        while (line := self._line().strip()) != b"":
            name, _, value = line.partition(b":")
            fields[name.lower()] = value.strip()
        if fields.get(b"expect"):
            self.sock.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        self.sock.setblocking(False)
        kept: list[bytes] | None = [] if target == b"/echo" else None
        total = 0
        if b"chunked" in fields.get(b"transfer-encoding", b""):
            while size := int(self._line().split(b";")[0], 16):
                self._skip(size, kept)
                self._line()
                total += size
            while self._line().strip():
                pass
        else:
            total = int(fields.get(b"content-length", b"0"))
            self._skip(total, kept)
        self.sock.setblocking(True)
        asked, *numbers = target.decode().strip("/").split("/")
        self._answer(asked, [int(number) for number in numbers], b"%d" % total if kept is None else b"".join(kept))
        if fields.get(b"connection", b"").lower() == b"close":
            raise _Gone

    def _answer(self, name: str, numbers: list[int], content: bytes) -> None:
        if name == "chunked":
            size, count = numbers
            self.sock.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
            chunk = b"%x\r\n%b\r\n" % (size, b"x" * size)
            many = max(1, (1 << 20) // len(chunk))
            block = chunk * many
            for _ in range(count // many):
                self.sock.sendall(block)
            self.sock.sendall(chunk * (count % many) + b"0\r\n\r\n")
        elif name in ("sink", "echo"):
            self.sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(content), content))
        else:
            self.sock.sendall(_prepared(name, *numbers))


@lru_cache(1000)
def _prepared(name: str, number: int = 0) -> bytes:
    """Return the answer for /small, /headers/N, /cookies/N, /lines/N or /redirects/N."""
    status, extra, content = "200 OK", "", SMALL
    if name == "headers":
        extra = "".join(f"X-Field-{at}: value {at}\r\n" for at in range(number))
    elif name == "cookies":
        extra = "".join(f"Set-Cookie: c{at}=v{at}; Path=/\r\n" for at in range(number))
    elif name == "lines":
        content = LINE * number
    elif name == "redirects" and number:
        status, extra = "302 Found", f"Location: /redirects/{number - 1}\r\n"
    return f"HTTP/1.1 {status}\r\nContent-Length: {len(content)}\r\n{extra}\r\n".encode() + content


def main() -> None:
    listeners = [socket.create_server(("127.0.0.1", 0), backlog=200) for _ in range(1 + MORE_PORTS)]
    print(*[listener.getsockname()[1] for listener in listeners], flush=True)
    with DefaultSelector() as selector:
        for listener in listeners:
            selector.register(listener, EVENT_READ, listener)
        while True:
            for key, _ in selector.select():
                sock, _ = key.data.accept()
                threading.Thread(target=_Connection(sock).serve, daemon=True).start()


if __name__ == "__main__":
    main()
