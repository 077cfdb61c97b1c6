"""TLS on a connected socket: trust, names, certificates (RFC 9110 s4.3.4). Loaded with the first https request."""

from __future__ import annotations

import os
import socket
import ssl
from functools import cache

from .connect import READ, WRITE, Origin, authority, new_poller, said, wait
from .errors import CertificateError, TLSError, TransferTimeout

# (verify, cert) as users give them.
TLS = tuple[object, object]

# What OpenSSL calls an answer that is none of TLS.
_NO_TLS = ("WRONG_VERSION_NUMBER", "PACKET_LENGTH_TOO_LONG", "RECORD_LAYER_FAILURE", "HTTP_REQUEST")
# What peers gave us to come back with (RFC 8446 s2.2): a handshake costs less with it.
_sessions: dict[tuple[object, ...], ssl.SSLSession] = {}


def secure(sock: socket.socket, origin: Origin, tls: TLS, deadline: float | None) -> ssl.SSLSocket:
    """Return sock with TLS on it, the peer's certificate checked; else close it. Raises TLSError, TransferTimeout."""
    context = tls_context(tls)
    name = authority(*origin[1:])
    try:
        sock.getpeername()  # Python before 3.13 would leave its socket open when the peer has gone by now
        # Ragged: without the peer's close_notify an end of stream may be an attacker's cut.
        sock = secured = context.wrap_socket(
            sock, do_handshake_on_connect=False, suppress_ragged_eofs=False,
            server_hostname=origin[1].removesuffix("."), session=_sessions.get(_key(origin, context)),
        )  # fmt: skip
        poller = new_poller()
        poller.register(sock.fileno(), READ)
        while True:
            try:
                secured.do_handshake()
                return secured
            except (ssl.SSLWantReadError, ssl.SSLWantWriteError) as wanted:
                poller.modify(sock.fileno(), READ if isinstance(wanted, ssl.SSLWantReadError) else WRITE)
            if not wait(poller, None, deadline):
                raise TransferTimeout(f"no TLS with {name}: the handshake did not end in time", "connect")
    except BaseException as error:
        sock.close()
        if isinstance(error, ssl.SSLCertVerificationError):
            raise CertificateError(f"the certificate of {name} is not trusted: {error.verify_message}") from error
        if isinstance(error, OSError) and not isinstance(error, TransferTimeout):
            hint = "; perhaps it speaks http" if getattr(error, "reason", "") in _NO_TLS else ""
            raise TLSError(f"no TLS with {name}: {said(error)}{hint}") from error
        raise


def keep_session(sock: ssl.SSLSocket, origin: Origin) -> None:
    """Keep what the peer gave for the next connection, until it is of no use; taking it costs more than an exchange."""
    if not sock.session_reused and (session := sock.session) and session.has_ticket:
        if len(_sessions) >= 1000:
            _sessions.clear()
        _sessions[_key(origin, sock.context)] = session


def _key(origin: Origin, context: ssl.SSLContext) -> tuple[object, ...]:
    # A context that was tightened since takes no session that it had begun before: nobody would check it again.
    return origin, context, context.verify_mode, context.check_hostname


def tls_context(tls: TLS) -> ssl.SSLContext:
    """Return the SSLContext for (verify, cert); each is made once for the process, as loading a trust store is dear."""
    return tls[0] if isinstance(tls[0], ssl.SSLContext) else _new_context(*tls)


@cache
def _new_context(verify: object, cert: object) -> ssl.SSLContext:
    path = verify if isinstance(verify, (str, os.PathLike)) else None
    folder = path if path is not None and os.path.isdir(path) else None
    try:
        context = ssl.create_default_context(cafile=None if folder else path, capath=folder)
    except OSError as error:
        raise TLSError(
            f"cannot read the authorities in {str(verify)!r}, of verify= or the environment: {said(error)}"
        ) from error
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    if verify == False:  # noqa: E712  # as keys compare, among which 0 is False and None is not
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if cert is not None:
        certificate, key, password = (*cert, None, None)[:3] if isinstance(cert, tuple) else (cert, None, None)
        try:
            # OpenSSL would ask for a missing password on the terminal, where nobody may be.
            context.load_cert_chain(certificate, key, password or _no_password)
        except OSError as error:
            raise TLSError(f"cannot read the client certificate and its key in cert=: {said(error)}") from error
    return context


def _no_password() -> str:
    raise TLSError("the key of the client certificate is encrypted: give cert=(certificate, key, password)")
