"""Headers: field lines in order, case-insensitive, keeping spelling and repeats (RFC 9110 section 5)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, MutableMapping

from .errors import InvalidMessage

HeadersLike = Mapping[str, str | bytes | None] | Iterable[tuple[str, str | bytes | None]]


class Headers(MutableMapping[str, str]):
    """A header or trailer section; `response.headers` is one.

    A field given several times reads as one value joined by ", " (RFC 9110 s5.3);
    `getlist` has the values apart, which Set-Cookie needs.

        headers = Headers({"Accept": "*/*"})
        headers["accept"]                 # '*/*'
        headers.add("Set-Cookie", "a=1")
        headers.getlist("set-cookie")     # ['a=1']
    """

    encoded: bytes | None = None  # kept by head.encode_fields until a field changes

    def __init__(self, fields: HeadersLike | None = None) -> None:
        # Lower-case name -> [name as spelt, value, value of a repeat, ...]. The lists are never changed once they are
        # here, so a copy shares them.
        self.fields: dict[str, list[str]] = {}
        if type(fields) is Headers:
            self.fields, self.encoded = fields.fields.copy(), fields.encoded
        elif fields is not None:
            self.merge(fields)

    def __getitem__(self, name: str) -> str:
        entry = self.fields[name.lower()]
        return entry[1] if len(entry) == 2 else ", ".join(entry[1:])

    def __setitem__(self, name: str, value: str | bytes | None) -> None:
        if value is None:  # as in merge()
            self.pop(name, None)
            return
        self.encoded, name = None, _text(name)
        self.fields[name.lower()] = [name, _text(value)]

    def __delitem__(self, name: str) -> None:
        self.encoded = None
        del self.fields[name.lower()]

    # fmt: off
    def __contains__(self, name: object) -> bool: return isinstance(name, str) and name.lower() in self.fields
    def __iter__(self) -> Iterator[str]: return (entry[0] for entry in self.fields.values())
    def __len__(self) -> int: return len(self.fields)
    def __repr__(self) -> str: return repr(dict(self.items()))
    # fmt: on

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Mapping):
            return NotImplemented
        try:
            others = Headers(other)
        except InvalidMessage:
            return False
        return len(self) == len(others) and all(self.getlist(name) == others.getlist(name) for name in self)

    __hash__ = None  # type: ignore[assignment]  # mutable, as dict is

    def add(self, name: str, value: str | bytes) -> None:
        """Add a field line, beside those of the same name that are there already."""
        self.encoded = None
        name = _text(name)
        key = name.lower()
        self.fields[key] = [*self.fields.get(key, (name,)), _text(value)]

    def getlist(self, name: str) -> list[str]:
        """Return the values of a field, one for each line it came in; [] when it is not there."""
        return self.fields.get(name.lower(), [""])[1:]

    def merge(self, fields: HeadersLike) -> None:
        """Set each field given, its repeats included; a value of None takes the field away."""
        lines = fields.items() if isinstance(fields, Mapping) else fields if isinstance(fields, Iterable) else [fields]
        given = Headers()
        for line in fields.lines() if isinstance(fields, Headers) else lines:
            if not isinstance(line, (tuple, list)) or len(line) != 2:
                words = f"headers are a mapping or (name, value) pairs, not {type(line).__name__}"
                raise InvalidMessage(words, "field")
            name, value = line
            if value is None:
                self.pop(_text(name), None)
            else:
                given.add(name, value)
        self.encoded = None
        self.fields.update(given.fields)

    def copy(self) -> Headers:
        return Headers(self)

    __copy__ = copy

    def lines(self) -> Iterator[tuple[str, str]]:
        """Iterate over (name, value) for each field line, repeats apart."""
        return ((entry[0], value) for entry in self.fields.values() for value in entry[1:])


def _text(value: str | bytes) -> str:
    if isinstance(value, bytes):
        return value.decode("latin-1")
    if isinstance(value, str):
        return str.__str__(value)  # a member of an Enum calls itself by its name
    raise InvalidMessage(f"a field's name and value are str or bytes, not {type(value).__name__}", "field")
