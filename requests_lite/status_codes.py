"""Status codes by name: `codes.not_found` is 404, and so is `codes["not_found"]` (RFC 9110 section 15)."""

from __future__ import annotations

# What users of requests know beside the registered names, which the standard library has.
_MORE = {
    "OKAY": 200, "ALL_OK": 200, "ALL_GOOD": 200, "\\O/": 200, "MOVED": 301, "REDIRECT": 303, "BAD": 400,
    "NOT_ALLOWED": 405, "TIMEOUT": 408, "CONTENT_TOO_LARGE": 413, "TEAPOT": 418, "UNPROCESSABLE": 422, "TOO_MANY": 429,
    "SERVER_ERROR": 500, "UNAVAILABLE": 503, "RANGE_NOT_SATISFIABLE": 416,
}  # fmt: skip


class Codes:
    """Numbers by name, as keys and as attributes, in lower case and in capitals; a key that there is not is None."""

    def get(self, name: str, default: int | None = None) -> int | None:
        from http import HTTPStatus

        return {**{key: code.value for key, code in HTTPStatus.__members__.items()}, **_MORE}.get(name.upper(), default)

    __getitem__ = get

    def __contains__(self, name: str) -> bool: return self[name] is not None  # fmt: skip

    def __getattr__(self, name: str) -> int:
        if (code := self.get(name)) is None:
            raise AttributeError(f"there is no status code {name!r}")
        return code


codes = Codes()
