"""What all tests share: certificates, an environment without surprises, and a watch on sockets left open."""

from __future__ import annotations

import gc
import os
import signal
import socket
import ssl
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
import trustme
from pytest_httpbin import serve

DESCRIPTORS = "/proc/self/fd"

# A shell that starts the tests in the background has them ignore Ctrl-C, which some of them are about.
signal.signal(signal.SIGINT, signal.default_int_handler)

# The developer's own settings must not reach the tests.
for name in list(os.environ):
    if name.lower().endswith("_proxy") or name in {"REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"}:
        del os.environ[name]
os.environ["NETRC"] = os.devnull

# httpbin's log would mix with what the tests of the command line read.
serve.Handler.log_message = lambda *_: None


@dataclass
class Certificates:
    """A certificate authority for tests, and what it has signed."""

    authority: trustme.CA
    ca: str  # a path, for verify=
    server: ssl.SSLContext  # for localhost, 127.0.0.1 and ::1
    client: str  # a path: certificate and key, for cert=


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    """Return a CA file for clients and a context for servers on the loopback interface."""
    folder = tmp_path_factory.mktemp("certificates")
    authority = trustme.CA()
    authority.cert_pem.write_to_path(folder / "ca.pem")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost", "127.0.0.1", "::1").configure_cert(context)
    authority.issue_cert("client@localhost").private_key_and_cert_chain_pem.write_to_path(folder / "client.pem")
    return Certificates(authority, str(folder / "ca.pem"), context, str(folder / "client.pem"))


@pytest.fixture(autouse=True)
def no_socket_is_left_open(request: pytest.FixtureRequest) -> Iterator[None]:
    """Fail a test that leaves sockets open, unless it is marked with may_leave_sockets."""
    before, failures = _sockets(), request.session.testsfailed
    yield
    if agent := sys.modules.get("requests_lite.agent"):
        agent._adapter._opener.pool.close()
    if _sockets() <= before or request.node.get_closest_marker("may_leave_sockets"):
        return
    if request.session.testsfailed > failures:  # a traceback keeps alive what the test had open
        return
    gc.collect()
    # Servers in this process need a moment to see that their clients have gone.
    limit = time.monotonic() + 2
    while left := _sockets() - before:
        if time.monotonic() > limit:
            pytest.fail(f"{len(left)} sockets were left open")
        time.sleep(0.01)


def _sockets() -> set[str]:
    """Return the sockets of this process; not listening ones, which a server may keep for several tests."""
    found = set()
    for descriptor in os.listdir(DESCRIPTORS) if os.path.isdir(DESCRIPTORS) else ():
        try:
            link = os.readlink(f"{DESCRIPTORS}/{descriptor}")
            if link.startswith("socket:"):
                with socket.socket(fileno=os.dup(int(descriptor))) as copy:
                    if not copy.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
                        found.add(link)
        except OSError:  # closed since
            continue
    return found
