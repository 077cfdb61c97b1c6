"""The command line: `python -m requests_lite [METHOD] URL`."""

from __future__ import annotations

import os
import re
import sys
from argparse import ArgumentParser, ArgumentTypeError, Namespace, RawDescriptionHelpFormatter
from contextlib import ExitStack
from functools import partial
from typing import IO

from .adapters import DEFAULT_TIMEOUT
from .core import METHODS, Request, __version__
from .packages.poster.headers import Headers
from .response import Response

_USAGE = "python -m requests_lite [options] [METHOD] URL"
_MORE = """\
  python -m requests_lite https://httpbin.org/post -F photo=@ada.png
  python -m requests_lite https://example.com/big.iso -o big.iso

Exit status: 0, 4 for a 4xx, 5 for a 5xx, 1 for no whole answer, 2 for misuse."""

_TEXT = re.compile(r"text/|[^;]*(json|xml|javascript|yaml|urlencoded)|$", re.IGNORECASE)


def main(argv: list[str] | None = None) -> int:
    """Do what a command line asks for and return the exit status."""
    try:
        return _run(argv)
    except BrokenPipeError:
        # Whoever reads has enough. What is still buffered has to go somewhere when Python ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141  # as a shell says it of a program that a closed pipe ended
    except KeyboardInterrupt:
        print("\nrequests_lite: interrupted", file=sys.stderr)
        return 130
    except OSError as error:
        reason = str(error) if error.filename is None else f"{error.filename}: {error.strerror}"
        print("requests_lite:", *reason.split(), file=sys.stderr)
        return 1


def _run(argv: list[str] | None) -> int:
    parser = _parser()
    given = parser.parse_intermixed_args(argv)
    if given.version:
        print(_versions(), flush=True)
        return 0
    if len(given.words) == 1:
        given.words.insert(0, "GET" if given.data is given.form is None else "POST")
    if len(given.words) != 2 or given.words[0].upper() not in METHODS:
        parser.error("expected a URL, or a METHOD of HTTP and a URL")
    with _send(given, *given.words) as response:
        _print(response, given.output)
    return 0 if response.ok else 4 if (response.status_code or 0) < 500 else 5


def _parser() -> ArgumentParser:
    parser = ArgumentParser("requests_lite", _USAGE, epilog=_MORE, formatter_class=RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("words", nargs="*", metavar="METHOD URL", help="METHOD is GET, or POST with -d or -F")
    add("-H", "--header", action="append", type=partial(_pair, ":"), metavar="'NAME: VALUE'", help="a field to send")
    either = parser.add_mutually_exclusive_group().add_argument
    either("-d", "--data", metavar="TEXT", help="content to send, or @FILE, or @- for standard input")
    either("-F", "--form", action="append", type=partial(_pair, "="), metavar="NAME=VALUE", help="or NAME=@FILE")
    add("-u", "--user", type=partial(_pair, ":"), metavar="NAME:PASSWORD", help="credentials")
    add("-o", "--output", metavar="FILE", help="where to save the content, - for standard output")
    add("--timeout", type=float, default=DEFAULT_TIMEOUT, metavar="SECONDS", help="the longest silence allowed")
    add("--insecure", action="store_false", dest="verify", help="trust any certificate")
    add("--version", action="store_true", help="print what a report of a bug should say")
    return parser


def _pair(separator: str, text: str) -> list[str]:
    if separator not in text:
        raise ArgumentTypeError(f"a {separator!r} belongs behind the name")  # not the text: it may be a password
    return text.split(separator, 1)


def _send(given: Namespace, method: str, url: str) -> Response:
    headers = Headers((name, os.fsencode(value)) for name, value in given.header or ())
    asked = Request(method, url, headers, auth=given.user, timeout=given.timeout, stream=True, verify=given.verify)
    with ExitStack() as opened:
        form = [(name, _content(value, opened)) for name, value in given.form or ()]
        asked.files = [(name, (None, value) if isinstance(value, bytes) else value) for name, value in form]
        asked.data = None if given.data is None else _content(given.data, opened)
        if isinstance(asked.data, bytes):
            headers.setdefault("Content-Type", "application/x-www-form-urlencoded")
        asked.send()
    return asked.response


def _content(text: str, opened: ExitStack) -> bytes | IO[bytes]:
    if text == "@-":
        return sys.stdin.buffer
    return opened.enter_context(open(text[1:], "rb")) if text.startswith("@") else os.fsencode(text)


def _print(response: Response, output: str | None) -> None:
    out = sys.stdout.buffer
    fields = "".join(f"{name}: {value}\n" for name, value in response.headers.lines())
    told = sys.stderr.buffer if output == "-" else out
    told.write(f"HTTP {response.status_code} {response.reason}\n{fields}\n".encode("latin-1"))  # the bytes that came
    told.flush()
    # A page that says what went wrong is not what the file was meant for.
    if output not in (None, "-") and response.ok:
        _save(response, output)
        return
    kind = response.headers.get("content-type", "")
    for block in response.iter_content():
        hidden = sys.stdout.isatty() and (b"\0" in block or not _TEXT.match(kind))
        out.write(f"(binary content, {kind or 'of no Content-Type'}: -o FILE saves it)\n".encode() if hidden else block)
        out.flush()  # what comes live goes out live
        if hidden:
            break


def _save(response: Response, path: str) -> None:
    file = open(path, "wb")  # noqa: SIM115  # what cannot be opened is not removed
    try:
        with file:
            file.writelines(response.iter_content())
    except BaseException:
        if os.path.isfile(path):  # and no device
            os.remove(path)  # half of a file must not pass for a whole one
        raise


def _versions() -> str:
    from platform import platform, python_implementation, python_version

    try:
        import ssl

        openssl = ssl.OPENSSL_VERSION
    except ImportError:
        openssl = "no OpenSSL, and so no https"
    return f"requests_lite {__version__}\n{python_implementation()} {python_version()}\n{openssl}\n{platform()}"


if __name__ == "__main__":
    sys.exit(main())
