"""Which answer asks for which next request (RFC 9110 section 15.4)."""

from __future__ import annotations

from contextlib import suppress

from .exceptions import InvalidSchema
from .urls import SplitURL, join, split_url

REDIRECTS = frozenset({301, 302, 303, 307, 308})
MAX_REDIRECTS = 30


def next_request(method: str, url: SplitURL, status: int, location: str) -> tuple[str, SplitURL, bool]:
    """Return (method, url, whether content goes along) of what a redirect asks for. Raises InvalidURL and its kin."""
    # Field values come as latin-1; servers that mean more send UTF-8.
    with suppress(UnicodeError):
        location = location.encode("latin-1").decode("utf-8")
    reference = join(url.url, location)
    # RFC 9110 s15.4: the fragment of the first URL is inherited when the new one has none.
    target = split_url(reference if "#" in reference else reference + url.fragment)
    if target.origin[0] not in ("http", "https", url.origin[0]):  # what a server elsewhere may not wish for
        raise InvalidSchema(f"a redirect leads to http or https, not {target.origin[0]!r}")
    # RFC 9110 s15.4.2, s15.4.3: for historical reasons a POST becomes a GET, and that is what servers count on.
    becomes_get = method != "HEAD" if status == 303 else method == "POST" and status in (301, 302)
    return ("GET" if becomes_get else method), target, not becomes_get
