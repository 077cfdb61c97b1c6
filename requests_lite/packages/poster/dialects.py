"""How the header of a part is written: two dialects of multipart/form-data (RFC 7578 section 4.2, WHATWG)."""

from __future__ import annotations

import re


def as_text(value: object) -> str:
    """Return a name as text."""
    # surrogateescape, here and in as_utf8: a name given as bytes goes out as these bytes.
    return value.decode("utf-8", "surrogateescape") if isinstance(value, bytes) else str(value)


def as_utf8(text: str) -> bytes:
    """Return text as it goes out, lone surrogates replaced."""
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return re.sub("[\ud800-\udfff]", "\ufffd", text).encode()


def _form_name(name: str) -> str:
    # WHATWG: the newlines of a name become CRLF first; those of a filename stay what they are.
    return _form_filename(name.replace("\r\n", "\n").replace("\r", "\n").replace("\n", "\r\n"))


def _form_filename(filename: str) -> str:
    # Chromium sends a NUL as it is. Servers cut or refuse the line there, so it is escaped like CR and LF.
    return filename.replace('"', "%22").replace("\r", "%0D").replace("\n", "%0A").replace("\0", "%00")


def _form_type(filename: str | None) -> str | None:
    if filename is None:
        return None
    import mimetypes

    if not mimetypes.inited:
        mimetypes.init()
    # By the last suffix alone: mimetypes.guess_type takes a .tar.gz for application/x-tar.
    _, dot, suffix = filename.rpartition(".")
    return mimetypes.types_map.get(dot + suffix.lower(), "application/octet-stream")


def _poster_name(name: str) -> str:
    if name.isascii():
        return _poster_filename(name)
    from email.charset import Charset

    return Charset("utf-8").header_encode(as_utf8(name).decode("utf-8", "replace"))


def _poster_filename(filename: str) -> str:
    escaped = filename.encode("ascii", "xmlcharrefreplace").decode().encode("unicode_escape").decode()
    return escaped.replace('"', '\\"')


def _poster_type(filename: str | None) -> str:
    return "text/plain; charset=utf-8"


# How a dialect writes names and filenames, and the type of a part that came without one.
DIALECTS = {"form": (_form_name, _form_filename, _form_type), "poster": (_poster_name, _poster_filename, _poster_type)}


def guess_type(filename: object) -> str | None:
    """Return the type that a filename tells of, as poster guessed it."""
    import mimetypes

    return mimetypes.guess_type(filename)[0] if isinstance(filename, str) else None
