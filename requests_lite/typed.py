"""Names for type checkers alone, which know them: loading typing would cost every program milliseconds."""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any as Any
    from typing import NoReturn as NoReturn
else:
    Any = NoReturn = object
