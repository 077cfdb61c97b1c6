"""Status codes by name: `codes.not_found` is 404, and so is `codes["not_found"]` (RFC 9110 section 15)."""

from __future__ import annotations

from http import HTTPStatus

# Names that users of requests know, beside those of the registry.
_ALSO = {
    "okay": 200, "all_ok": 200, "moved": 301, "redirect": 303, "temporary_redirect": 307, "permanent_redirect": 308,
    "bad": 400, "not_allowed": 405, "timeout": 408, "entity_too_large": 413, "request_entity_too_large": 413,
    "im_a_teapot": 418, "teapot": 418, "unprocessable_entity": 422, "unprocessable": 422, "too_many": 429,
    "server_error": 500, "unavailable": 503, "all_good": 200, "\\o/": 200,
}  # fmt: skip


class Codes(dict[str, int]):
    """Numbers by name, as keys and as attributes, in lower case and in capitals; a key that there is not is None."""

    def __missing__(self, name: str) -> None:
        return None

    def __getattr__(self, name: str) -> int:
        if name in self:
            return self[name]
        raise AttributeError(f"there is no status code {name!r}")


codes = Codes({**{status.name.lower(): status.value for status in HTTPStatus}, **_ALSO})
codes.update({name.upper(): code for name, code in codes.items()})
