"""One exchange with one origin, and whether it may be repeated (RFC 9112 section 9.3, RFC 9110 section 9.2)."""

from __future__ import annotations

import re
from binascii import b2a_base64
from collections.abc import Iterable
from functools import lru_cache
from socket import socket
from time import monotonic

from . import errors
from .body import content_length
from .connect import Origin, Proxy, Via, authority, connect, connect_by_socks
from .connection import Connection, Message, has_option
from .head import encode_fields, encode_head
from .headers import Headers
from .pool import Pool
from .sending import Block, Content, chunked, delimited

# RFC 9110 s9.2.2
IDEMPOTENT = frozenset({"GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"})
# RFC 9110 s8.6: a Content-Length of 0 is sent where the method anticipates content.
ANTICIPATES_CONTENT = frozenset({"POST", "PUT", "PATCH"})
# Content up to this size goes out with the head in one piece; copying it costs less than another system call.
SMALL = 64 * 1024

# A name (an international one in its ASCII form), or an address, IPv6 ones perhaps with a zone.
_HOST = re.compile(r"[A-Za-z0-9._~%:\-]+")


class Opener:
    """Performs one request/response exchange at a time, on pooled connections. Safe to share between threads.

    No redirects, no authentication, no cookies, and a status is no error: that is meaning, and lives upstairs.
    """

    def __init__(self, pool: Pool | None = None) -> None:
        self.pool = Pool() if pool is None else pool

    def exchange(self, origin: Origin, method: str, target: str, headers: Headers,
                 content: bytes | Content | None = None, tls: tuple[object, object] | None = None,
                 connect_limit: float | None = 10.0, silence: float | None = 120.0,
                 deadline: float | None = None, via: Via | None = None) -> Message:  # fmt: skip
        """Send a request to origin and return the response, its body still to be read.

        tls is (verify, cert), via a way there that is not straight; connect_limit and silence are seconds, deadline is
        a moment of monotonic(), None no limit. Raises TransferError, and InvalidMessage before anything is sent.
        """
        ask = "expect" in headers.fields and bool(content) and headers["expect"].lower() == "100-continue"
        framing, first, blocks = _frame(method, headers, content, 0 if ask else SMALL)
        told = None  # to the proxy of a tunnel
        if via is not None or "proxy-authorization" in headers.fields:
            target, headers, told = _address_proxy(origin, target, headers, via and via[0])
        head = encode_head(method, target, host_field(origin), headers, framing) + first
        last = "connection" in headers.fields and has_option(headers, "close")
        key = (origin, tls, via)
        connection = self.pool.take(key)
        if connection is not None:
            try:
                return connection.exchange(method, head, blocks, silence, deadline, last, ask)
            except errors.ConnectionLost as lost:
                if not may_resend(method, connection.sent, connection.answered):
                    raise
                if blocks:
                    try:
                        if isinstance(content, Content):
                            content.rewind()
                    except errors.UnrewindableContent as error:
                        raise lost from error
                    _, _, blocks = _frame(method, headers, content, 0 if ask else SMALL)
        sock = _open(origin, tls, connect_limit, deadline, via, told)
        connection = Connection(sock, key, authority(origin[1], origin[2]), self.pool.give)
        message = connection.exchange(method, head, blocks, silence, deadline, last, ask)
        if origin[0] == "https":
            from .tls import keep_session

            keep_session(sock, origin)  # type: ignore[arg-type]  # over TLS it is an SSLSocket
        return message


def _open(origin: Origin, tls: tuple[object, object] | None, limit: float | None, deadline: float | None,
          via: Via | None, told: Headers | None) -> socket:  # fmt: skip
    """Return a socket ready for HTTP. limit is in seconds, for all that this takes together."""
    if limit is not None:
        until = monotonic() + limit
        deadline = until if deadline is None else min(until, deadline)
    proxy, place, source = via or (None, None, None)
    tls = tls or (True, None)  # the system's authorities, without a certificate of our own
    encrypted = origin[0] == "https"
    if encrypted or (proxy and proxy[0] == "https"):
        from .tls import secure, tls_context

        tls_context(tls)  # first: with settings of no use no connection has to be made
    if proxy is None:
        sock = connect(origin, deadline, place, source)
    elif proxy[0].startswith("socks"):
        sock = connect_by_socks(proxy, origin, deadline, place, source)
    else:
        if proxy[0] == "https" and encrypted:
            raise errors.ProxyFailed("an https URL through a proxy reached by https itself: TLS in TLS is not spoken")
        try:
            sock = connect(proxy[:3], deadline, None, source)
            # The client's certificate is for the origin alone.
            sock = secure(sock, proxy[:3], (tls[0], None), deadline) if proxy[0] == "https" else sock
        except errors.TLSError:
            raise
        except errors.ConnectError as error:
            raise errors.ProxyFailed(f"the proxy does not answer: {error}") from error
        if encrypted:
            sock = _tunnel(sock, proxy, origin, deadline, told)
    return secure(sock, origin, tls, deadline) if encrypted else sock


def _tunnel(sock: socket, proxy: Proxy, origin: Origin, deadline: float | None, told: Headers | None) -> socket:
    """Ask a proxy for a tunnel to origin (RFC 9110 s9.3.6). Raises ProxyFailed."""
    target, name = authority(origin[1], origin[2]), authority(proxy[1], proxy[2])
    approach = Connection(sock, None, name, Connection.body_ended)
    approach.body_ended = lambda: None  # type: ignore[method-assign]  # what follows is the tunnel's: it goes nowhere
    head = encode_head("CONNECT", target, target, told or Headers())
    failed = f"the proxy {name} made no tunnel to {target}: "
    try:
        message = approach.exchange("CONNECT", head, (), None, deadline)
    except errors.TransferTimeout as error:
        raise errors.TransferTimeout(f"{failed}no answer in time", "connect") from error
    except errors.TransferError as error:
        raise errors.ProxyFailed(f"{failed}{error}") from error
    if not 200 <= message.status <= 299 or approach.at < len(approach.received):
        approach.close("no tunnel")
        what = f"{message.status} {message.reason}" if message.status > 299 else "bytes that are no tunnel's"
        hint = "; give credentials in the proxy's URL" if message.status == 407 else ""
        raise errors.ProxyFailed(f"{failed}{what}{hint}")
    approach.reason = "it became a tunnel"
    return sock


def _address_proxy(origin: Origin, target: str, headers: Headers, proxy: Proxy | None) -> tuple[str, Headers, Headers]:
    """Return target and headers as the first to read them needs them, and what the proxy of a tunnel has to be told.

    Proxy-Authorization goes to the proxy and to nobody else.
    """
    headers = Headers(headers)
    given = headers.pop("proxy-authorization", None)
    if proxy is None or proxy[0].startswith("socks"):
        return target, headers, Headers()
    if given is None and proxy[3] is not None:
        given = "Basic " + b2a_base64(b":".join(proxy[3]), newline=False).decode()
    told = Headers({"Proxy-Authorization": given})
    encode_fields(told)  # what is malformed is refused before there is a connection
    if origin[0] == "https":
        return target, headers, told
    told.merge(headers)
    return f"http://{host_field(origin)}{target}", told, told


def may_resend(method: str, sent: bool, answered: bool) -> bool:
    """Tell whether a request that was lost on a reused connection may silently go out again.

    A server may close an idle connection at any moment, so one repeat on a fresh one is normal (RFC 9112 s9.3.1);
    but what a server may have acted upon is never sent twice unless acting twice is the same as acting once.
    """
    return not answered and (not sent or method in IDEMPOTENT)


def keeps_credentials(old: Origin, new: Origin) -> bool:
    """Tell whether a redirect from old to new may take credentials along: to the same origin, or up to https there.

    Anything else would show a password to somebody it was not meant for.
    """
    return old == new or (old[::2], new) == (("http", 80), ("https", old[1], 443))


@lru_cache(1024)
def host_field(origin: Origin) -> str:
    """Return the value of Host for an origin: the port only when it is not the scheme's own (RFC 9110 s7.2)."""
    scheme, host, port = origin
    if scheme == "http+unix":
        return "localhost"
    if not _HOST.fullmatch(host):
        raise errors.InvalidMessage("the host is no name and no address", "target")
    return authority(host.partition("%")[0], port, scheme)  # a zone means something on this machine only (RFC 6874)


def _frame(method: str, headers: Headers, content: bytes | Content | None,
           small: int) -> tuple[str, bytes, Iterable[Block]]:  # fmt: skip
    """Decide how content is delimited (RFC 9112 s6): the field line to add, what goes with the head, the rest."""
    fields = headers.fields
    blocks: Iterable[Block] = () if content is None else (content,) if isinstance(content, bytes) else content.blocks()
    if "transfer-encoding" in fields:
        if headers["transfer-encoding"].lower() != "chunked" or "content-length" in fields:
            raise errors.InvalidMessage("Transfer-Encoding is chunked, without Content-Length beside it", "field")
        return "", b"", chunked(blocks)
    try:
        announced = content_length(headers.getlist("content-length")) if "content-length" in fields else None
    except errors.ProtocolError as error:
        raise errors.InvalidMessage(f"the Content-Length given is not one: {error}", "field") from None
    if content is None:
        if announced:
            raise errors.ContentMismatch(f"Content-Length announces {announced} bytes and there is no content")
        return "" if announced == 0 or method not in ANTICIPATES_CONTENT else "Content-Length: 0\r\n", b"", ()
    length = len(content) if isinstance(content, bytes) else content.length
    size = length if announced is None else announced
    if size is None:
        return "Transfer-Encoding: chunked\r\n", b"", chunked(blocks)
    if length is not None and length != size:
        raise errors.ContentMismatch(f"Content-Length announces {size} bytes and the content has {length}")
    framing = f"Content-Length: {size}\r\n" if announced is None else ""
    if isinstance(content, bytes):
        return framing, content[:small], (memoryview(content)[small:],) if size > small else ()
    if size > small:
        return framing, b"", delimited(blocks, size)
    return framing, b"".join(map(bytes, delimited(blocks, size))), ()  # copied: a block may be a buffer used again
