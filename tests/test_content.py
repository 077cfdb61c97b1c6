"""What a request carries, and what a response's content means."""

from __future__ import annotations

import gzip
import io
import os
import subprocess
import sys
import zlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from requests_lite.content import _brotli, codings_of, decode, encode
from requests_lite.exceptions import ContentDecodingError, IncompleteRead, InvalidContent, InvalidJSONError
from requests_lite.packages.poster.errors import UnrewindableContent
from requests_lite.packages.poster.headers import Headers
from requests_lite.packages.poster.sending import Content, FileContent
from requests_lite.text import charset_of, decode_text

FORM = "application/x-www-form-urlencoded"


@pytest.mark.parametrize(
    ("data", "content", "content_type"),
    [
        (None, None, None),
        ({}, None, None),
        ([], None, None),
        ("", b"", None),
        (b"", b"", None),
        ("ü", b"\xc3\xbc", None),
        (bytearray(b"x"), b"x", None),
        (memoryview(b"x"), b"x", None),
        ({"a": "b c", "n": None}, b"a=b+c", FORM),
        ({"a": [1, 2.5]}, b"a=1&a=2.5", FORM),
        ([("b", "1"), ("a", "ü")], b"b=1&a=%C3%BC", FORM),
        ((("a", "b"),), b"a=b", FORM),
    ],
)
def test_data_becomes_content(data: object, content: bytes | None, content_type: str | None) -> None:
    assert encode(data) == (content, content_type)  # type: ignore[arg-type]  # a table


def test_files_and_iterables_become_streams() -> None:
    file, none = encode(io.BytesIO(b"abc"))
    assert isinstance(file, FileContent)
    assert (file.length, none) == (3, None)
    stream, _ = encode(iter([b"abc"]))
    assert isinstance(stream, Content)
    assert stream.length is None
    form, content_type = encode({"a": "b"}, {"f": b"x"})
    assert isinstance(form, Content)
    assert content_type is not None
    assert content_type.startswith("multipart/form-data; boundary=")
    assert form.length == len(b"".join(bytes(block) for block in form.blocks()))


def test_a_form_with_a_part_that_was_read_has_no_way_back() -> None:
    form, _ = encode(None, {"f": iter([b"once"])})
    assert isinstance(form, Content)
    form.rewind()
    assert b"once" in b"".join(bytes(block) for block in form.blocks())
    with pytest.raises(UnrewindableContent, match="part 'f'"):
        form.rewind()


def test_json_is_utf_8_and_has_no_nan() -> None:
    assert encode(None, None, {"a": None}) == (b'{"a": null}', "application/json")
    assert encode({}, None, []) == (b"[]", "application/json")
    with pytest.raises(InvalidJSONError, match="json="):
        encode(None, None, float("nan"))


def test_data_of_no_use_says_what_is_wanted() -> None:
    with pytest.raises(InvalidContent, match="a mapping, pairs, bytes, str, a file or an iterable, not int"):
        encode(7)  # type: ignore[arg-type]  # on purpose
    with pytest.raises(InvalidContent, match=r"\(name, value\) pairs"):
        encode([b"block"])


def packed(coding: str, content: bytes) -> bytes:
    if coding == "gzip":
        return gzip.compress(content)
    if coding == "deflate":
        return zlib.compress(content)
    bare = zlib.compressobj(wbits=-15)
    return bare.compress(content) + bare.flush()


@given(st.binary(max_size=3000), st.sampled_from(["gzip", "deflate", "bare"]), st.integers(1, 50))
def test_content_decodes_wherever_it_is_cut(content: bytes, coding: str, size: int) -> None:
    sent = packed(coding, content)
    blocks = [sent[at : at + size] for at in range(0, len(sent), size)]
    assert b"".join(decode(blocks, ["deflate" if coding == "bare" else coding])) == content


@pytest.mark.parametrize("coding", ["gzip", "deflate", "bare"])
def test_a_stream_cut_anywhere_is_an_error(coding: str) -> None:
    sent = packed(coding, b"some content" * 20)
    for end in range(1, len(sent)):
        with pytest.raises(IncompleteRead, match=f"within the {end} bytes"):
            list(decode([sent[:end]], ["deflate" if coding == "bare" else coding]))


def test_no_content_needs_no_decoding() -> None:
    assert list(decode([], ["gzip"])) == []


def test_codings_are_taken_off_in_reverse_order() -> None:
    sent = gzip.compress(zlib.compress(b"content"))
    assert (
        b"".join(decode([sent], codings_of(Headers({"Content-Encoding": "deflate, X-GZIP , identity"})))) == b"content"
    )
    assert codings_of(Headers()) == []


def test_gzip_members_follow_each_other_and_may_be_padded() -> None:
    sent = gzip.compress(b"one") + gzip.compress(b"two") + b"\0" * 10
    for size in (1, 7, len(sent)):
        blocks = [sent[at : at + size] for at in range(0, len(sent), size)]
        assert b"".join(decode(blocks, ["gzip"])) == b"onetwo"


@pytest.mark.parametrize(
    ("content", "coding"),
    [(b"not compressed", "gzip"), (gzip.compress(b"x") + b"rubbish", "gzip"), (b"\xff" * 20, "deflate"), (b"x", "lzw")],
)
def test_garbage_and_unknown_codings_do_not_decode(content: bytes, coding: str) -> None:
    with pytest.raises(ContentDecodingError, match=coding):
        list(decode([content], [coding]))


def test_a_bomb_comes_in_small_blocks() -> None:
    bomb = gzip.compress(b"\0" * 50_000_000)
    sizes = [len(block) for block in decode([bomb], ["gzip"])]
    assert sum(sizes) == 50_000_000
    assert max(sizes) <= 256 * 1024


@pytest.mark.parametrize(
    ("content_type", "charset"),
    [
        (None, None),
        ("text/html", "ISO-8859-1"),
        ("Text/Plain; charset=UTF-8", "UTF-8"),
        ("text/plain; x=y; CHARSET = 'utf-8'", "utf-8"),
        ('text/plain; charset="koi8-r"', "koi8-r"),
        ("text/plain; charset=", "ISO-8859-1"),
        ("application/json", "utf-8"),
        ("image/png", None),
    ],
)
def test_the_charset_of_a_content_type(content_type: str | None, charset: str | None) -> None:
    assert charset_of(Headers({"Content-Type": content_type})) == charset


@pytest.mark.parametrize(
    ("content", "charset", "text"),
    [
        ("é".encode(), None, "é"),
        ("é".encode("latin-1"), None, "é"),
        ("\ufeffé".encode(), None, "é"),
        ("é".encode("utf-16"), None, "é"),
        (b"\x80", None, "€"),
        ("é".encode(), "latin-1", "Ã©"),
        (b"\xff", "utf-8", "\ufffd"),
        ("é".encode(), "no-such-charset", "é"),
        ("é".encode(), "nul\0", "é"),
        (b"", None, ""),
    ],
)
def test_text_by_charset_else_bom_else_utf_8_else_windows_1252(content: bytes, charset: str | None, text: str) -> None:
    assert decode_text(content, charset) == text


def test_codings_without_end_are_refused() -> None:
    with pytest.raises(ContentDecodingError, match="5000 content codings"):
        decode([b""], ["gzip"] * 5000)


def test_whoever_signs_content_can_read_it_whole() -> None:
    """It is sent afterwards from where it began; and what can be read only once is not read at all."""
    file = io.BytesIO(b"skip content")
    file.seek(5)
    for content in (FileContent(file), Content([b"con", "tent"]), Content((bytearray(b"con"), memoryview(b"tent")))):
        assert content.read() == content.read() == b"".join(map(bytes, content.blocks())) == b"content"
    once = Content(iter([b"content"]))
    assert next(once.blocks()) == b"content"
    with pytest.raises(UnrewindableContent, match="can be sent only once"):
        once.read()


@pytest.mark.parametrize(
    ("files", "offered"),
    [
        ([], "gzip, deflate"),
        (["brotli.py"], "gzip, deflate"),  # of no version that is known
        (["brotli.py", "Brotli-1.0.9.dist-info"], "gzip, deflate"),  # unpacks without bounds
        (["brotli.py", "brotli-1.2.0.dist-info"], "gzip, deflate, br"),
        (["brotlicffi/__init__.py", "brotlicffi-1.2.0.1.dist-info"], "gzip, deflate, br"),
        (["backports/other.py"], "gzip, deflate"),
        (["backports/zstd/__init__.py"], "gzip, deflate, zstd"),
    ],
)
def test_codings_are_offered_that_can_be_decoded(files: list[str], offered: str, tmp_path: Path) -> None:
    """Nothing is imported to find out."""
    for name in files:
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("raise AssertionError('it was imported')")
    code = "import requests_lite.content; print(requests_lite.content.CODINGS)"
    environment = {"PYTHONPATH": os.pathsep.join([str(Path(__file__).parent.parent), str(tmp_path)])}
    command = [sys.executable, "-S", "-c", code]
    assert (
        subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout.strip() == offered
    )


def test_no_brotli_anywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [str(tmp_path)])
    assert _brotli() == ""
