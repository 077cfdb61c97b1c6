"""Text: the charset that bytes are in, and where lines end (RFC 9110 section 8.3.2)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from sys import byteorder

from .packages.poster.headers import Headers
from .typed import Any


def declared_charset(headers: Headers) -> str | None:
    """Return the charset that Content-Type names."""
    for parameter in headers.get("content-type", "").split(";")[1:]:
        name, _, value = parameter.partition("=")
        if name.strip().lower() == "charset":
            # Python keeps names that it does not know for ever; punycode, for names in the DNS, takes time squared.
            return None if len(value) > 64 or "punycode" in value.lower() else value.strip().strip("\"'") or None
    return None


def charset_of(headers: Headers) -> str | None:
    """Return the charset that Content-Type names, else what it implies (text: ISO-8859-1, JSON: utf-8), else None."""
    essence = headers.get("content-type", "").partition(";")[0].strip().lower()
    implied = "ISO-8859-1" if essence.startswith("text/") else "utf-8" if essence == "application/json" else None
    return declared_charset(headers) or implied


def apparent_charset(content: bytes) -> str:
    """Return the charset that content without a declared one is in: by its BOM, UTF-8, else windows-1252."""
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16"
    try:
        content.decode("utf-8")
    except UnicodeDecodeError:
        return "windows-1252"
    return "utf-8-sig" if content.startswith(b"\xef\xbb\xbf") else "utf-8"


def decode_text(content: bytes, charset: str | None) -> str:
    """Return content as text: by charset if it is given and known, else by the apparent one."""
    try:
        return content.decode(charset or apparent_charset(content), "replace")
    except (LookupError, ValueError):  # ValueError: a name with a NUL in it
        return content.decode(apparent_charset(content), "replace")


def decode_pieces(blocks: Iterable[bytes], charset: str) -> Iterator[str]:
    """Yield text in the pieces in which it comes, a character that is cut kept for the next one."""
    from codecs import getincrementaldecoder, lookup

    try:
        b"\xff".decode(charset, "replace")  # what is a codec and no charset, such as hex or idna, fails here
        name = lookup(charset).name
    except (LookupError, ValueError):
        name = "utf-8"
    decoder = getincrementaldecoder(name)("replace")
    for block in blocks:
        try:
            text = decoder.decode(block)
        except UnicodeError:  # UTF-16 or UTF-32 without a BOM: in the machine's order, as bytes.decode() takes it
            held, _ = decoder.getstate()
            decoder = getincrementaldecoder(f"{name}-{byteorder[0]}e")("replace")
            text = decoder.decode(held + block)
        if text:
            yield text
    if text := decoder.decode(b"", True):
        yield text


def split_lines(pieces: Iterable[Any], delimiter: Any = None) -> Iterator[Any]:
    """Yield the lines of bytes or text exactly as if it had come in one piece, in time linear to its length.

    Lines end where splitlines() ends them, or at the delimiter alone; a last one without an end is one unless empty.
    """
    held: list[Any] = []  # of a line that has not ended
    nothing = edge = b""  # edge: what may be half of an end
    for piece in pieces:
        nothing = piece[:0]
        piece = edge + piece if edge else piece
        if delimiter is not None and isinstance(delimiter, str) != isinstance(piece, str):
            delimiter = delimiter.encode() if isinstance(delimiter, str) else delimiter.decode()
        if delimiter is None:
            edge = piece[-1:] if piece[-1:] in ("\r", b"\r") else nothing
            # Behind an end, the dot begins a line.
            *lines, rest = (piece[: len(piece) - len(edge)] + ("." if isinstance(piece, str) else b".")).splitlines()
            rest = rest[:-1]
        else:
            *lines, rest = piece.split(delimiter)
            cut = max(0, len(rest) - len(delimiter) + 1)
            rest, edge = rest[:cut], rest[cut:]
        if lines:
            yield nothing.join([*held, lines[0]])
            yield from lines[1:]
            held.clear()
        held.append(rest)
    if last := nothing.join([*held, edge]):
        yield last if delimiter is not None else last.splitlines()[0]
