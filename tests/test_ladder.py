"""The ladder: each file imports only what stands before it, and none grows too long to be read."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "requests_lite"
FILES = {path.relative_to(PACKAGE).with_suffix("").as_posix(): path for path in sorted(PACKAGE.rglob("*.py"))}

ENGINE = "errors headers head body part sending connect tls connection pool opener streaminghttp"
UPSTAIRS = """
    typed exceptions urls environment cookies auth content text redirects prepared response retries adapters agent core
    session status_codes download drop_in __main__ __init__
"""
LADDER = [*("packages/poster/" + name for name in ENGINE.split()), *UPSTAIRS.split()]
# The encoder stands beside the ladder: it imports nothing of ours but the parts it is made of.
BESIDE = ["packages/__init__", "packages/poster/__init__", "packages/poster/part", "packages/poster/encode"]
# What may be imported inside a function: it costs time, and most programs never need it.
LATE = set(
    "cookies importlib packages/poster/tls codecs datetime difflib"
    " email.charset getpass hashlib http ipaddress json"
    " mimetypes netrc platform random resource socks ssl zlib".split()
)


def imports(file: str, node: ast.AST, late: bool = False) -> Iterator[tuple[str, bool]]:
    """Yield what is imported in node, `a.b` or for our own `a/b`, and whether that is inside a function."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import):
            yield from ((alias.name, late) for alias in child.names)
        elif isinstance(child, ast.ImportFrom) and child.level:
            folder = PACKAGE.joinpath(file).parents[child.level - 1].relative_to(PACKAGE)
            module = folder.joinpath(*(child.module or "").split("."))
            for alias in child.names:
                names = [name.as_posix() for name in (module / alias.name, module, module / "__init__")]
                yield next(name for name in names if name in FILES), late
        elif isinstance(child, ast.ImportFrom):
            yield child.module or "", late
        else:
            yield from imports(file, child, late or isinstance(child, (ast.FunctionDef, ast.Lambda)))


@pytest.mark.parametrize("file", FILES)
def test_a_file_imports_only_what_stands_before_it(file: str) -> None:
    """The engine never looks up; encode, beside it, looks nowhere."""
    source = FILES[file].read_text(encoding="utf-8")
    found = set(imports(file, ast.parse(source)))
    ours = {name for name, _ in found if name in FILES or name.startswith("requests_lite")}
    place = BESIDE if file in BESIDE else LADDER
    before = place[: place.index(file)]
    assert ours <= {*before, *(BESIDE if file in UPSTAIRS.split() else [])}
    assert {name for name, late in found if late} <= LATE
    # Nothing else hides there; typing.Any has no other name, and loading typing has its price.
    assert ("TYPE_CHECKING" in source) == (file in ("typed", "__init__"))


def code_lines(path: Path) -> int:
    """Return how many lines hold code: none of them blank, a comment, or a docstring's."""
    text = path.read_text(encoding="utf-8")
    documented: set[int] = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef)) and ast.get_docstring(node) is not None:
            documented.update(range(node.body[0].lineno, (node.body[0].end_lineno or 0) + 1))
    lines = enumerate(map(str.strip, text.splitlines()), 1)
    return sum(number not in documented and line != "" and line[0] != "#" for number, line in lines)


def test_the_house_stays_small() -> None:
    """A file of over 450 lines has found a second subject."""
    lines = {file: len(path.read_text(encoding="utf-8").splitlines()) for file, path in FILES.items()}
    assert {file: count for file, count in lines.items() if count > 450} == {}
    assert sum(map(code_lines, FILES.values())) < 4000
