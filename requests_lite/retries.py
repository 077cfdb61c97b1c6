"""Whether a request that failed is made again, and when (RFC 9110 sections 9.2.2 and 10.2.3)."""

from __future__ import annotations

from collections.abc import Collection
from time import monotonic, sleep, time

from .exceptions import ConnectionError, ConnectTimeout, IncompleteRead, ReadTimeout, RetryError, SSLError
from .packages.poster.errors import ConnectError, UnrewindableContent
from .packages.poster.opener import IDEMPOTENT
from .prepared import PreparedRequest
from .response import Response

_LOST = (ConnectionError, ReadTimeout, IncompleteRead)


class Retry:
    """Up to `total` more tries, with pauses of `backoff` seconds, then twice as many, and so on, and some jitter.

    Made again are requests that did not reach the server, whatever their method; and those with one of `methods` (None:
    any) that were lost on the way, or answered by one of `statuses`. Retry-After is heeded up to `longest` seconds;
    a longer one, or one past the deadline, ends it. After the last try the response or error is what that one brought.
    """

    raises = False  # whether a status that stays is a RetryError, as urllib3's Retry has it

    def __init__(self, total: int = 3, backoff: float = 0.5, statuses: Collection[int] = (429, 502, 503, 504),
                 methods: Collection[str] | None = IDEMPOTENT, longest: float = 120.0) -> None:  # fmt: skip
        self.total, self.backoff, self.statuses = total, backoff, frozenset(statuses)
        self.methods, self.longest = None if methods is None else frozenset(map(str.upper, methods)), longest

    def __repr__(self) -> str: return f"<Retry [{self.total}]>"  # fmt: skip

    def __bool__(self) -> bool: return self.total > 0  # fmt: skip

    def is_retry(self, method: str, status_code: int, has_retry_after: bool = False) -> bool:
        """Tell libraries that play a server, and would try again, that this is not theirs to do."""
        return False

    @classmethod
    def of(cls, given: object) -> Retry | None:
        """Return retries= as a Retry, None for none; urllib3's Retry, which libraries pass, is understood."""
        if given is None or isinstance(given, (Retry, int)):
            return given if isinstance(given, Retry) else cls(int(given)) if given else None
        counts = [getattr(given, name, None) for name in ("total", "connect", "read", "status")]
        if not hasattr(given, "status_forcelist"):
            raise TypeError(f"retries= is a number or a Retry, not {type(given).__name__}")
        total = min(10 if count is None or (count is False and counts[0]) else int(count) for count in counts)
        statuses, methods = given.status_forcelist or (), getattr(given, "allowed_methods", IDEMPOTENT) or None
        retry = cls(total, getattr(given, "backoff_factor", 0.0), statuses, methods)
        retry.raises = getattr(given, "raise_on_status", False)
        return retry if total else None

    def again(self, tried: int, request: PreparedRequest, came: Response | Exception, deadline: float | None) -> bool:
        """Wait for the next try and tell that it may begin; False at once when there is none."""
        pause = self.pause(tried, request.method, came)
        if self.raises and tried > self.total and isinstance(came, Response) and came.status_code in self.statuses:
            came._keep()
            words = f"still {came.status_code} {came.reason} after {tried} tries: {request.url}"
            raise RetryError(words, request=request, response=came)
        if pause < 0 or (deadline is not None and monotonic() + pause >= deadline):
            return False
        try:
            request.rewind()
            request.authorize()  # a digest counts its uses
        except UnrewindableContent:
            return False
        sleep(pause)
        return True

    def pause(self, tried: int, method: str | None, came: Response | Exception) -> float:
        """Return how many seconds to wait before the next try, less than 0 for no other."""
        repeatable = self.methods is None or method in self.methods
        after = None
        if isinstance(came, Exception):
            unsent = isinstance(came, ConnectTimeout) or isinstance(came.__cause__, ConnectError)
            again = isinstance(came, _LOST) and not isinstance(came, SSLError) and (unsent or repeatable)
        else:
            again, after = came.status_code in self.statuses and repeatable, came.headers.get("retry-after")
        if not again or tried > self.total:
            return -1.0
        asked = _seconds(after) if after else None
        if asked is not None:
            return asked if asked <= self.longest else -1.0
        from random import random

        return self.backoff * 2.0 ** min(tried - 1, 30) * (0.75 + random() / 2)  # not all clients at once


# What an adapter has that was given none: something to ask, as libraries do.
NEVER = Retry(0)


def _seconds(retry_after: str) -> float | None:
    """Return Retry-After, seconds or a date, in seconds from now; None when it is neither."""
    text = retry_after.strip()
    if text.isascii() and text.isdigit():
        return float(text[:12])
    from .cookies import cookie_date

    date = cookie_date(text)
    return None if date is None else max(0.0, date - time())
