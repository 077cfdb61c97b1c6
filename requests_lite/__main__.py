"""The command line: `python -m requests_lite [METHOD] URL`, and `python -m requests_lite demo`."""

from __future__ import annotations

import codecs
import os
import re
import sys
from argparse import ArgumentParser, ArgumentTypeError, Namespace, RawDescriptionHelpFormatter
from collections.abc import Iterator
from contextlib import ExitStack
from itertools import chain

from .content import Data, charset_of, declares_charset
from .core import DEFAULT_TIMEOUT, METHODS, __version__, request
from .packages.poster.head import encode_fields
from .packages.poster.headers import Headers
from .response import Response

_USAGE = """python -m requests_lite [options] [METHOD] URL
       python -m requests_lite demo [FILE]
       python -m requests_lite --version"""
_HELP = """\
Send a request and print the answer: its status, headers and content.

  python -m requests_lite https://httpbin.org/get
  python -m requests_lite https://httpbin.org/post -F photo=@ada.png
  python -m requests_lite PUT https://httpbin.org/put -d @big.iso
  python -m requests_lite https://example.com/big.iso -o big.iso
  python -m requests_lite demo    upload 256 MiB to this machine, get it back

METHOD is GET, or POST when there is content to send."""
_STATUS = """\
The exit status is 0 for an answer below 400, 4 for 4xx, 5 for 5xx, 1 when the
answer did not come or was cut, 2 for a command that makes no sense."""

_TEXT = re.compile(r"text/|[^;]*(json|xml|javascript|yaml|urlencoded)|$", re.IGNORECASE)


def main(argv: list[str] | None = None) -> int:
    """Do what a command line asks for and return the exit status."""
    try:
        status = _run(argv)
        sys.stdout.flush()
        return status
    except BrokenPipeError:
        # Whoever reads has enough. What is still buffered has to go somewhere when Python ends.
        with open(os.devnull, "wb") as nowhere:
            os.dup2(nowhere.fileno(), sys.stdout.fileno())
        return 141  # as a shell says it of a program that a closed pipe ended
    except (KeyboardInterrupt, EOFError):
        print("\nrequests_lite: interrupted", file=sys.stderr)
        return 130
    except OSError as error:
        reason = str(error) if error.filename is None else f"{error.filename}: {error.strerror}"
        print("requests_lite:", *reason.split(), file=sys.stderr)
        return 1


def _run(argv: list[str] | None) -> int:
    parser = _parser()
    options = parser.parse_intermixed_args(argv)
    words: list[str] = options.words
    if options.version:
        print(_versions())
        return 0
    if words[:1] == ["demo"] and len(words) < 3:
        from .demo import demonstrate

        return 0 if demonstrate(words[1] if words[1:] else None) else 1
    if len(words) == 1:
        has_content = (options.data, options.form, options.json) != (None, None, None)
        words = ["POST" if has_content else "GET", *words]
    if len(words) != 2:
        parser.error("what is asked for is a URL, a METHOD and a URL, or demo")
    if words[0].upper() not in METHODS:
        parser.error(f"{words[0]!r} is not a method of HTTP")
    with _send(options, *words) as response:
        _print(options, response)
    return 0 if response.ok else 4 if (response.status_code or 0) < 500 else 5


def _parser() -> ArgumentParser:
    parser = ArgumentParser(
        prog="requests_lite",
        usage=_USAGE,
        description=_HELP,
        epilog=_STATUS,
        formatter_class=RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("words", nargs="*", metavar="METHOD URL", help="what to do, and with what")
    add("-H", "--header", action="append", type=_field, metavar="'NAME: VALUE'", help="a header to send")
    add_content = parser.add_mutually_exclusive_group().add_argument
    add_content("-d", "--data", help="content to send: a form as a=1&b=2, or @FILE, or @- for standard input")
    part = "a field of a multipart form to send; NAME=@FILE is a file"
    add_content("-F", "--form", action="append", type=_part, metavar="NAME=VALUE", help=part)
    add_content("--json", help="JSON to send")
    add("-u", "--user", metavar="NAME:PASSWORD", help="credentials; a password left out is asked for")
    add("-o", "--output", metavar="FILE", help="where to save the content")
    add("-b", "--body", action="store_true", help="print the content alone")
    add(
        "--timeout",
        type=float,
        default=DEFAULT_TIMEOUT,
        metavar="SECONDS",
        help="the longest silence allowed",
    )
    add("--insecure", action="store_true", help="trust any certificate")
    add("--version", action="store_true", help="print what a report of a bug should say")
    return parser


def _field(text: str) -> tuple[str, bytes]:
    name, colon, value = text.partition(":")
    if not colon:
        raise ArgumentTypeError(f"a header is 'Name: value', not {text!r}")
    return name.strip(), os.fsencode(value.strip())


def _part(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        raise ArgumentTypeError(f"a field is name=value or name=@file, not {text!r}")
    return name, value


def _credentials(text: str) -> tuple[str, str]:
    username, colon, password = text.partition(":")
    if not colon:
        from getpass import getpass

        password = getpass(f"Password of {username}: ")
    return username, password


def _send(options: Namespace, method: str, url: str) -> Response:
    headers = Headers(options.header)
    data: Data = None
    files: list[tuple[str, object]] = []
    with ExitStack() as opened:
        for name, value in options.form or ():
            is_file = value.startswith("@")
            content = opened.enter_context(open(value[1:], "rb")) if is_file else (None, os.fsencode(value))
            files.append((name, content))
        if options.data == "@-":
            data = sys.stdin.buffer
        elif options.data is not None and options.data.startswith("@"):
            data = opened.enter_context(open(options.data[1:], "rb"))
        elif options.data is not None:
            data = os.fsencode(options.data)
            headers.setdefault("Content-Type", "application/x-www-form-urlencoded")
        return request(
            method,
            url,
            data=data,
            headers=headers,
            files=files,
            auth=None if options.user is None else _credentials(options.user),
            json=None if options.json is None else os.fsencode(options.json),
            timeout=options.timeout,
            stream=True,
            verify=not options.insecure,
        )


def _print(options: Namespace, response: Response) -> None:
    out = sys.stdout.buffer
    status = f"HTTP {response.status_code} {response.reason}"
    if not options.body:
        # The bytes that came: no charset was ever agreed on for header fields.
        head = status.encode("latin-1") + b"\r\n" + encode_fields(response.headers)
        out.write(head.replace(b"\r\n", b"\n"))
        out.flush()
    elif not response.ok:
        print("requests_lite:", status, file=sys.stderr)
    # A page that says what went wrong is not what the file was meant for.
    if options.output is not None and response.ok:
        _save(response, options.output)
        return
    for block in _for_terminal(response) if sys.stdout.isatty() else response.iter_content():
        out.write(block)
        out.flush()  # what comes live goes out live


def _save(response: Response, path: str) -> None:
    file = open(path, "wb")  # noqa: SIM115  # what cannot be opened is not removed
    try:
        with file:
            for block in response.iter_content():
                file.write(block)
    except BaseException:
        if os.path.isfile(path):  # and no device
            os.remove(path)  # half of a file must not pass for a whole one
        raise


def _for_terminal(response: Response) -> Iterator[bytes]:
    """Yield text in the terminal's charset, with a line end behind it; a notice in place of anything else."""
    blocks = response.iter_content()
    first = next(blocks, b"")
    kind = response.headers.get("content-type", "")
    charset = charset_of(response.headers) if declares_charset(response.headers) else None
    if not first:
        return
    if not _TEXT.match(kind) or (b"\0" in first and charset is None):
        yield f"(binary content, {kind or 'of no Content-Type'}: -o FILE saves it)\n".encode()
        return
    try:
        b" ".decode(charset or "utf-8-sig", "replace")
    except (LookupError, ValueError):
        charset = None
    for text in codecs.iterdecode(chain((first,), blocks), charset or "utf-8-sig", "replace"):
        yield text.encode(sys.stdout.encoding, "replace")
    if not text.endswith("\n"):
        yield b"\n"


def _versions() -> str:
    import platform

    try:
        import ssl

        openssl = ssl.OPENSSL_VERSION
    except ImportError:
        openssl = "no OpenSSL, and so no https"
    python = f"{platform.python_implementation()} {platform.python_version()}"
    return f"requests_lite {__version__}\n{python}\n{openssl}\n{platform.platform()}"


if __name__ == "__main__":
    sys.exit(main())
