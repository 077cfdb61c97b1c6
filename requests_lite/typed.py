"""Names for type checkers alone, which know them: loading typing would cost every program milliseconds."""

__all__ = ["Any", "NoReturn", "Verb"]

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, NoReturn, TypeVar

    Verb = TypeVar("Verb")
else:
    Any = NoReturn = Verb = object
