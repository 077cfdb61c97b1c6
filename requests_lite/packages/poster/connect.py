"""From an origin to a socket that is ready for HTTP: names, addresses, TCP, SOCKS (RFC 9110 section 4.3, RFC 8305)."""

from __future__ import annotations

import os
import select
import socket
from _thread import allocate_lock, start_new_thread
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from itertools import zip_longest
from time import monotonic

from .errors import ConnectError, ProxyFailed, TransferError, TransferTimeout

# (scheme, host, port): URLs of the same origin may share a connection (RFC 9110 s4.3.1). The host of an http+unix
# origin is the path of a socket.
Origin = tuple[str, str, int]
# (scheme, host, port, (username, password) or None)
Proxy = tuple[str, str, int, "tuple[bytes, bytes] | None"]
# An address and a port of this machine to connect from.
Local = tuple[str, int] | None
# How to get to an origin where it is not straight: through a proxy, to an address that no resolver is asked for, from
# an address of this machine; each None where it is as usual.
Via = tuple["Proxy | None", "str | None", Local]
# As getaddrinfo() gives them, and for a Unix socket its path.
Address = tuple[int, int, int, str, "str | tuple[str, int] | tuple[str, int, int, int] | tuple[int, bytes]"]

Found = Sequence[Address] | None

DEFAULT_PORTS = {"http": 80, "https": 443, "http+unix": 0}

# RFC 8305 s8: "Connection Attempt Delay ... 250 milliseconds".
ATTEMPT_DELAY = 0.25

READ, WRITE = 1, 4  # POLLIN and POLLOUT have these values on every system that has poll()


class SelectPoller(dict[int, int]):
    """poll() in terms of select(), for systems that have only that: descriptors and what is wanted of them."""

    register = modify = dict.__setitem__
    unregister = dict.__delitem__

    def poll(self, milliseconds: float | None = None) -> list[tuple[int, int]]:
        readers = [descriptor for descriptor, events in self.items() if events & READ]
        writers = [descriptor for descriptor, events in self.items() if events & WRITE]
        # Windows reports a failed connect only among the exceptional ones.
        readable, writable, failed = select.select(readers, writers, writers, milliseconds and milliseconds / 1000)
        return [(fd, READ) for fd in readable] + [(fd, WRITE) for fd in {*writable, *failed}]


new_poller: Callable[[], select.poll] = getattr(select, "poll", SelectPoller)  # type: ignore[arg-type]  # the same methods


def wait(poller: select.poll, silence: float | None, deadline: float | None) -> list[tuple[int, int]]:
    """Wait at most silence seconds and not past the deadline (by monotonic()); [] says that time ran out."""
    if deadline is not None:
        left = deadline - monotonic()
        silence = left if silence is None else min(silence, left)
    # Less than nothing would mean for ever, and more than a month is more than poll() can count.
    return poller.poll(None if silence is None else min(max(0.0, silence * 1000), 2.0**31 - 1))


def connect(origin: Origin, deadline: float | None, place: str | None = None, source: Local = None) -> socket.socket:
    """Return a non-blocking socket connected to origin, at place if given. Raises ConnectError, TransferTimeout."""
    scheme, host, port = origin
    if scheme == "http+unix":  # whose family Windows does not have
        addresses: Sequence[Address] = [(getattr(socket, "AF_UNIX", 1), socket.SOCK_STREAM, 0, "", host)]
    elif 0 < port < 65536:
        addresses = _addresses(place or host, port, deadline)
    else:  # the resolver would take it modulo 65536, for another server
        raise ConnectError(f"cannot connect to {host}: {port} is no port")
    return _first_connected(addresses, authority(host, port), deadline, source)


def connect_by_socks(proxy: Proxy, origin: Origin, deadline: float | None, place: str | None,
                     source: Local) -> socket.socket:  # fmt: skip
    """Return a non-blocking socket connected to origin through a SOCKS proxy. Raises ConnectError, TransferTimeout."""
    try:
        import socks  # type: ignore[import-untyped]  # it has no types
    except ImportError:
        raise ProxyFailed("a SOCKS proxy takes PySocks, the extra requests_lite[socks]") from None
    scheme, host, port, userinfo = proxy
    kind = socks.SOCKS4 if scheme.startswith("socks4") else socks.SOCKS5
    name, target = place or origin[1], origin[2]
    if scheme[-1] not in "ah":  # socks4a and socks5h leave looking a name up to the proxy; SOCKS4 knows no IPv6
        name = str(min(_addresses(name, target, deadline), key=lambda address: address[0])[4][0])
    peer = f"the proxy {authority(host, port)}"
    try:
        places = _addresses(host, port, deadline)
    except ConnectError as error:
        raise ProxyFailed(f"{peer}: {error}") from error
    failure: Exception = OSError("it has no address")
    for family, *_, place_of_proxy in places:
        sock = socks.socksocket(family)
        try:
            user, password = map(bytes.decode, userinfo) if userinfo else (None, None)
            sock.set_proxy(kind, place_of_proxy[0], port, True, user, password)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if source is not None:
                sock.bind(source)
            # PySocks has limits for each of its waits alone.
            _in_time(partial(sock.connect, (name, target)), deadline, f"no answer in time from {peer}")
            plain = socket.socket(fileno=sock.detach())
            plain.setblocking(False)
            return plain
        except (OSError, UnicodeError) as error:
            with suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)  # so that whoever waits for it still wakes
            sock.close()
            if isinstance(error, TransferTimeout):
                raise
            failure = error
    raise ProxyFailed(f"{peer}: {said(failure)}") from failure


def _addresses(host: str, port: int, deadline: float | None) -> Sequence[Address]:
    look_up = partial(socket.getaddrinfo, host, port, type=socket.SOCK_STREAM)
    try:
        with suppress(socket.gaierror):
            return look_up(flags=socket.AI_NUMERICHOST)  # an address is no question
        return _in_time(look_up, deadline, f"cannot find the address of {host}: no answer in time") or ()
    except (OSError, UnicodeError) as error:
        if isinstance(error, TransferError):
            raise
        raise ConnectError(f"cannot find the address of {host}: {said(error)}") from error


def _in_time(work: Callable[[], Found], deadline: float | None, late: str) -> Found:
    """Return what work returns. It knows no limit, so it is done by a thread, which is left behind when it is late."""
    results: list[Found | Exception] = []

    def run() -> None:
        try:
            results.append(work())
        except Exception as error:
            results.append(error)
        done.release()

    done = allocate_lock()
    done.acquire()
    if deadline is None:
        run()
    else:
        try:
            start_new_thread(run, ())
        except RuntimeError as error:
            raise ConnectError(f"no connection: {error}") from error
        if not done.acquire(timeout=min(max(0.0, deadline - monotonic()), 1e6)):
            raise TransferTimeout(late, "connect")
    if isinstance(results[0], Exception):
        raise results[0]
    return results[0]


def authority(host: str, port: int, scheme: str = "") -> str:
    """Return host:port, without the scheme's own, an IPv6 address in brackets; a Unix socket's path (port 0) alone."""
    name = f"[{host}]" if ":" in host and port else host
    return name if port in (0, DEFAULT_PORTS.get(scheme)) else f"{name}:{port}"


def said(error: BaseException) -> str:
    """Return what an error of the system says, to stand behind a colon."""
    words = (error.strerror if isinstance(error, OSError) else None) or str(error) or type(error).__name__
    return words[:1].lower() + words[1:] if words[1:2].islower() else words


def _attempt(address: Address, source: Local) -> socket.socket:
    """Return a socket that has begun to connect. Raises OSError when that failed at once."""
    family, kind, protocol, _, place = address
    sock = socket.socket(family, kind, protocol)
    try:
        sock.setblocking(False)
        if family in (socket.AF_INET, socket.AF_INET6):
            # Head and content go out in as few pieces as possible already; waiting for more to send only adds delay.
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if source is not None:
            sock.bind(source)
        sock.connect(place)
    except BaseException as error:
        # Under way; but a Unix socket means by it that the server's queue is full.
        if not isinstance(error, BlockingIOError) or isinstance(place, str):
            sock.close()
            raise
    return sock


def _first_connected(addresses: Sequence[Address], name: str, deadline: float | None, source: Local) -> socket.socket:
    """Try addresses, the next one when the one before has failed or is silent for a while; the first wins."""
    # Families alternate, beginning with the resolver's favourite (RFC 8305 s4).
    favourites = [address for address in addresses if address[0] == addresses[0][0]]
    others = [address for address in addresses if address[0] != addresses[0][0]]
    untried = [address for pair in zip_longest(favourites, others) for address in pair if address]
    pending: dict[int, tuple[socket.socket, str]] = {}
    failures: list[str] = []
    poller = new_poller()
    try:
        while untried or pending:
            if untried:
                address = untried.pop(0)
                host = address[4] if isinstance(address[4], str) else str(address[4][0])
                try:
                    sock = _attempt(address, source)
                except OSError as error:
                    failures.append(f"({host}): {said(error)}")
                    continue
                pending[sock.fileno()] = sock, host
                poller.register(sock.fileno(), WRITE)
            ready = wait(poller, ATTEMPT_DELAY if untried else None, deadline)
            for descriptor, _ in ready:
                sock, host = pending.pop(descriptor)
                poller.unregister(descriptor)
                if not (code := sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)):
                    return sock
                sock.close()
                failures.append(f"({host}): {os.strerror(code).lower()}")
            if not ready and deadline is not None and monotonic() >= deadline:
                silent = ", ".join(host for _, host in pending.values())
                raise TransferTimeout(f"cannot connect to {name} ({silent}): no answer in time", "connect")
    finally:
        for sock, _ in pending.values():
            sock.close()
    raise ConnectError(f"cannot connect to {name} {'; '.join(failures)}")
