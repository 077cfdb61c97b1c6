"""Names for type checkers alone, which know them: loading typing would cost every program milliseconds."""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any as Any
    from typing import NoReturn as NoReturn
    from typing import TypeVar

    Verb = TypeVar("Verb")
else:
    Any = NoReturn = Verb = object
