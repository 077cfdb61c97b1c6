"""Request line, status line and field lines: text to values and back (RFC 9112 sections 2 to 5).

All strictness about syntax lives here, in both directions: what would be ambiguous on the wire is
refused before a byte goes out, and what came ambiguous is a ProtocolError.
"""

from __future__ import annotations

import re

from .errors import InvalidMessage, ProtocolError
from .headers import Headers

# nginx, Apache and browsers differ between 8 KiB and 256 KiB; all of them fit.
LIMIT = 300 * 1024

# Whether text is a token, as methods and field names have to be. RFC 9110 s5.6.2: token = 1*tchar
is_token = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+").fullmatch
# RFC 9110 s5.5 allows field-vchar, SP, HTAB and obs-text; CR, LF and NUL would make another message.
_UNSAFE_VALUE = re.compile(r"[\r\n\0]")
# RFC 9112 s3: a target holds no white space; other controls and non-ASCII have to be percent-encoded.
_UNSAFE_TARGET = re.compile(r"[^!-~]")
# RFC 9112 s2.2: "a recipient MAY recognize a single LF as a line terminator and ignore any preceding CR".
_END = re.compile(rb"\n\r?\n")

_BLANKS = " \t"

# A server says the same lines again and again: one that was found well-formed is not read a second time.
_status_lines: dict[bytes, tuple[str, int, str]] = {}
_field_lines: dict[bytes, tuple[str, list[str]]] = {}
# Names of fields that went out, in lower case: they are tokens.
_sent_names: set[str] = set()


def encode_head(method: str, target: str, host: str, headers: Headers, framing: str = "") -> bytes:
    """Return a request's head, from the request line to the empty line.

    host is the Host field's value, used unless the headers hold one; framing is the field line that
    says how the content ends, with its CRLF. Raises InvalidMessage before anything is sent.
    """
    if not is_token(method):
        raise InvalidMessage(f"a method is a token like GET, not {method!r}", "method")
    if not target or _UNSAFE_TARGET.search(target):
        raise InvalidMessage("the target holds a space, a control character or non-ASCII text", "target")
    fields = headers.encoded or encode_fields(headers)
    own = "" if "host" in headers.fields else f"Host: {host}\r\n"
    # Within the braces a member of an Enum that is a str would stand by its name.
    return (method + f" {target} HTTP/1.1\r\n{own}{framing}").encode("latin-1") + fields


def encode_fields(headers: Headers) -> bytes:
    """Return field lines and the empty line behind them; headers keep it until one of them changes."""
    fields = headers.fields
    for name in ("host", "content-length"):
        if len(fields.get(name, ())) > 2:  # two would be read in two ways (RFC 9112 s3.2, s6.3)
            raise InvalidMessage(f"the field {name} can stand there once", "field")
    lines = [f"{entry[0]}: {value.strip(_BLANKS)}\r\n" for entry in fields.values() for value in entry[1:]]
    text = "".join(lines)
    # Looked at in one piece, they cost half.
    sound = text.isascii() and "\0" not in text and text.count("\r") == text.count("\n") == len(lines)
    if not sound or not fields.keys() <= _sent_names:
        for name, value in headers.lines():
            if not is_token(name):
                raise InvalidMessage(f"a field's name is a token like Content-Type, not {name!r}", "field")
            if _UNSAFE_VALUE.search(value) or value.encode("utf-8", "ignore").decode() != value:
                raise InvalidMessage(f"the value of the field {name} holds CR, LF, NUL or a lone surrogate", "field")
        if len(_sent_names) >= 1000:
            _sent_names.clear()
        _sent_names.update(fields)
    headers.encoded = encoded = (text.encode() if sound else b"".join(map(_octets, lines))) + b"\r\n"
    return encoded


def _octets(line: str) -> bytes:
    # No charset was ever agreed on for field values; UTF-8 is what servers that look at it expect.
    return line.encode("latin-1" if max(line) <= "\xff" else "utf-8")


def decode_head(received: bytes) -> tuple[int, str, int, str, Headers]:
    """Return (end, version, status, reason, headers) of the response's head that received begins with.

    end is where it ends, behind its empty line, or 0 when it is not whole yet. Raises ProtocolError.
    """
    end = received.find(b"\r\n\r\n") + 4
    head = received[:end]
    lines = head.split(b"\r\n")
    if end == 3 or head.count(b"\n") != len(lines) - 1:
        end = find_end(received)
        if end < 0:
            return 0, "", 0, "", Headers()
        lines = re.split(rb"\r?\n", received[:end])
    version, status, reason = _status_lines.get(lines[0]) or _decode_status_line(lines[0])
    return end, version, status, reason, decode_fields(lines[1:-2])


def find_end(received: bytes | bytearray, start: int = 0) -> int:
    """Return where the head ends that received begins with, or -1; start is how far one has looked before."""
    match = _END.search(received, max(0, start - 2))
    return match.end() if match else -1


def _decode_status_line(line: bytes) -> tuple[str, int, str]:
    # RFC 9112 s4: HTTP-version SP status-code SP [ reason-phrase ]; many servers leave out the second SP.
    version, _, rest = line.decode("latin-1").partition(" ")
    digits, _, reason = rest.partition(" ")
    if len(version) != 8 or not version.startswith("HTTP/1.") or not version[7].isdecimal():
        raise ProtocolError("a status line like 'HTTP/1.1 200 OK'", repr(line[:60]))
    if len(digits) != 3 or not digits.isdecimal() or digits < "100":
        raise ProtocolError("a status code of three digits, 100 or higher", repr(line[:60]))
    if "\r" in reason or "\0" in reason:
        raise ProtocolError("a status line without bare CR or NUL", repr(line[:60]))
    # RFC 9110 s2.5: a minor version higher than one knows is read as the highest one knows.
    known = "HTTP/1.0" if version == "HTTP/1.0" else "HTTP/1.1", int(digits), reason
    if len(line) <= 200 and len(_status_lines) < 100:
        _status_lines[line] = known
    return known


def decode_fields(lines: list[bytes]) -> Headers:
    """Return the Headers that field lines (without their line ends) hold. Raises ProtocolError."""
    fields: dict[str, list[str]] = {}
    for line in lines:
        key, entry = _field_lines.get(line) or _decode_field_line(line)
        if key not in fields:
            fields[key] = entry
        elif len(fields[key]) == 2:  # it is shared with all heads that have this line
            fields[key] = [*fields[key], entry[1]]
        else:
            fields[key].append(entry[1])
    headers = Headers.__new__(Headers)  # which are these fields and nothing else
    headers.fields = fields
    return headers


def _decode_field_line(line: bytes) -> tuple[str, list[str]]:
    if line[:1] in (b" ", b"\t"):
        raise ProtocolError("a field on one line (RFC 9112 s5.2)", "a folded line")
    name, colon, value = line.decode("latin-1").partition(":")
    if not colon:
        raise ProtocolError("a field line with a colon", f"a line of {len(line)} bytes without one")
    if not is_token(name):
        raise ProtocolError("a field name that is a token, right before its colon", repr(name[:60]))
    if _UNSAFE_VALUE.search(value):
        raise ProtocolError("a field value without bare CR or NUL", f"one in {name}")
    known = name.lower(), [name, value.strip(_BLANKS)]
    if len(line) <= 200:
        if len(_field_lines) >= 1000:
            _field_lines.clear()
        _field_lines[line] = known
    return known
