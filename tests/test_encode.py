"""multipart/form-data: real bytes, real files, every line as it goes out."""

from __future__ import annotations

import gzip
import io
import math
import mimetypes
import os
import pickle
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from requests_lite.packages.poster.encode import (
    EncodeError,
    Multipart,
    MultipartParam,
    UnrewindableError,
    encode_and_quote,
    encode_file_header,
    encode_string,
    gen_boundary,
    get_body_size,
    get_headers,
    multipart_encode,
    multipart_yielder,
)
from requests_lite.packages.poster.part import BLOCK_SIZE

SNOWMAN = "\N{SNOWMAN}"


def content_of(body: Multipart) -> bytes:
    """Return all the bytes of a body, whose blocks share one buffer; check them against its length."""
    content = b"".join([bytes(block) for block in body])
    assert body.length in (None, len(content))
    return content


def shown(body: Multipart) -> bytes:
    """Return all the bytes of a body with BOUNDARY for its boundary."""
    boundary = body.content_type.removeprefix("multipart/form-data; boundary=")
    return content_of(body).replace(boundary.encode(), b"BOUNDARY")


def part(disposition: bytes, content: bytes) -> bytes:
    return b"--BOUNDARY\r\nContent-Disposition: form-data; " + disposition + b"\r\n\r\n" + content + b"\r\n"


def octet_stream(disposition: bytes, content: bytes) -> bytes:
    return part(disposition + b"\r\nContent-Type: application/octet-stream", content)


END = b"--BOUNDARY--\r\n"


class OnlyRead:
    """A file that can do nothing but read."""

    def __init__(self, content: bytes | str) -> None:
        self.content = content

    def read(self, size: int) -> bytes | str:
        taken, self.content = self.content[:size], self.content[size:]
        return taken


# poster's API: one part


def test_a_field_is_encoded_with_posters_type() -> None:
    expected = (
        b'--XXX\r\nContent-Disposition: form-data; name="foo baz"\r\n'
        b"Content-Type: text/plain; charset=utf-8\r\n\r\nb\xc3\xa1r\r\n"
    )
    assert encode_string("XXX", "foo baz", "bár") == expected
    assert MultipartParam(b"foo baz", "bár".encode()).encode(b"XXX") == expected


def test_a_boundary_is_quoted_once_everywhere() -> None:
    datagen, headers = multipart_encode({"a": "1"}, "A B/C")
    content = b"".join(datagen)
    assert content.startswith(b"--A+B%2FC\r\n")
    assert content.endswith(b"\r\n--A+B%2FC--\r\n")
    assert headers == {"Content-Type": "multipart/form-data; boundary=A+B%2FC", "Content-Length": str(len(content))}
    assert get_headers({"a": "1"}, "A B/C") == headers
    assert get_body_size({"a": "1"}, "A B/C") == len(content)


def test_encode_and_quote_keeps_none_and_takes_text_and_bytes() -> None:
    assert encode_and_quote(None) is None
    assert encode_and_quote("foo bar@baz") == "foo+bar%40baz"
    assert encode_and_quote("(©) 2008") == "%28%C2%A9%29+2008"
    assert encode_and_quote("©".encode()) == "%C2%A9"


def test_boundaries_differ_and_need_no_quoting() -> None:
    first, second = gen_boundary(), gen_boundary()
    assert first != second
    assert len(first) == 32
    assert first.isalnum()


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("files[]", b"files[]"),
        (SNOWMAN, b"=?utf-8?b?4piD?="),
        ("na\xefve name", b"=?utf-8?q?na=C3=AFve_name?="),
        (f"a\r\nb{SNOWMAN}\0", b"=?utf-8?b?YQ0KYuKYgwA=?="),
        (SNOWMAN * 60, b"=?utf-8?b?" + b"4piD" * 60 + b"?="),
        ("\ud800é", b"=?utf-8?b?77+9w6k=?="),
        ('a"; filename="b', b'a\\"; filename=\\"b'),
        ("a\r\nX: y\0", b"a\\r\\nX: y\\x00"),
    ],
)
def test_posters_field_name(name: str, written: bytes) -> None:
    """An encoded word (RFC 2047) when not ASCII, in one line however long; else escaped by backslashes."""
    assert encode_file_header("XXX", name, 1) == (
        b'--XXX\r\nContent-Disposition: form-data; name="%b"\r\n'
        b"Content-Type: text/plain; charset=utf-8\r\n\r\n" % written
    )


@pytest.mark.parametrize(
    ("filename", "written"),
    [
        ("test file.txt", b"test file.txt"),
        (b"bytes.txt", b"bytes.txt"),
        ('test"file.txt', b'test\\"file.txt'),
        ("back\\slash", b"back\\\\slash"),
        (f"{SNOWMAN}.txt", b"&#9731;.txt"),
        ("a\r\nb\0c", b"a\\r\\nb\\x00c"),
    ],
)
def test_posters_filename(filename: str | bytes, written: bytes) -> None:
    """ASCII, the rest as character references; backslashes before what could end the line or the string."""
    assert encode_file_header("XXX", "foo", 42, filename, "text/html") == (
        b'--XXX\r\nContent-Disposition: form-data; name="foo"; filename="%b"\r\n'
        b"Content-Type: text/html\r\n\r\n" % written
    )


def test_value_and_fileobj_together_are_refused() -> None:
    with pytest.raises(ValueError, match=r"part 'f': Only one of value or fileobj may be specified"):
        MultipartParam("f", "v", fileobj=io.BytesIO(b""))


def test_params_compare_and_sort_by_their_attributes() -> None:
    file = io.BytesIO(b"x")
    params = [
        MultipartParam("b", "1"),
        MultipartParam("a", "2", filename="x"),
        MultipartParam("a", fileobj=file),
        MultipartParam("a", "2"),
        MultipartParam("a", memoryview(b"1")),
    ]
    ordered = sorted(params)
    assert [(p.name, p.value, p.filename) for p in ordered] == [
        ("a", None, None),
        ("a", b"1", None),
        ("a", b"2", None),
        ("a", b"2", "x"),
        ("b", b"1", None),
    ]
    assert MultipartParam("a", "1") == MultipartParam(b"a", b"1")
    assert MultipartParam("f", fileobj=file) == MultipartParam("f", fileobj=file)
    assert MultipartParam("f", fileobj=file) != MultipartParam("f", fileobj=io.BytesIO(b"x"))
    assert MultipartParam("a", "1") != "a"
    assert ordered[0] <= ordered[1]
    assert {MultipartParam("a", "1"): 5}[MultipartParam("a", "1")] == 5
    with pytest.raises(TypeError):
        assert MultipartParam("a", "1") < "b"


def test_from_file_gives_basename_type_and_size(tmp_path: Path) -> None:
    path = tmp_path / "page.html"
    path.write_bytes(b"<p>")
    param = MultipartParam.from_file("f", str(path))
    assert (param.filename, param.filetype, param.filesize) == ("page.html", "text/html", 3)
    assert param.encode("X").endswith(b"\r\n\r\n<p>\r\n")
    assert isinstance(param.fileobj, io.BufferedReader)
    param.fileobj.close()


def test_from_params_takes_mappings_pairs_and_params(tmp_path: Path) -> None:
    path = tmp_path / "x.py"
    path.write_text("pass")
    with path.open() as file:
        expected = [
            MultipartParam("foo", "bar"),
            MultipartParam("baz", fileobj=file, filename=file.name, filetype="text/x-python"),
        ]
        assert MultipartParam.from_params([("foo", "bar"), ("baz", file)]) == expected
        assert MultipartParam.from_params({"foo": "bar", "baz": file}) == expected
        assert MultipartParam.from_params(expected) == expected
        assert MultipartParam.from_params({"foo": expected[0], "baz": expected[1]}) == expected


def test_a_param_stands_under_its_own_name_only() -> None:
    with pytest.raises(AssertionError, match="'file' stands under the name 'baz'"):
        MultipartParam.from_params({"baz": MultipartParam("file", "x")})


def test_a_file_named_by_a_number_has_no_filename(tmp_path: Path) -> None:
    descriptor = os.open(tmp_path / "x", os.O_RDWR | os.O_CREAT)
    with open(descriptor, "rb") as file:
        (param,) = MultipartParam.from_params({"f": file})
        assert param.filename is None
        assert param.filetype is None


def test_a_subclass_makes_its_own_kind() -> None:
    class Param(MultipartParam):
        pass

    assert [type(param) for param in Param.from_params({"a": "1", "f": io.BytesIO()})] == [Param, Param]


def test_reset_needs_something_to_send() -> None:
    with pytest.raises(ValueError, match="Don't know how to reset this parameter"):
        MultipartParam("f", filesize=3).reset()


def test_a_part_without_content_has_no_size() -> None:
    with pytest.raises(ValueError, match="Could not determine filesize"):
        MultipartParam("f").get_size("X")


# poster's API: files


def test_text_files_go_out_as_utf8_with_sizes_in_bytes(tmp_path: Path) -> None:
    path = tmp_path / "latin.txt"
    path.write_text(f"caf\xe9\n{'x' * 5000}", encoding="latin-1", newline="")
    with path.open(encoding="latin-1") as file:
        for source, text in ((io.StringIO(SNOWMAN * 3000), SNOWMAN * 3000), (file, f"caf\xe9\n{'x' * 5000}")):
            datagen, headers = multipart_encode({"f": source})
            content = b"".join(datagen)
            assert text.encode() + b"\r\n--" in content
            assert headers["Content-Length"] == str(len(content))


def test_a_file_is_sent_from_where_it_stands(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(b"0123456789")
    with path.open("rb") as file:
        file.read(4)
        param = MultipartParam("f", fileobj=file)
        assert param.filesize == 6
        assert b"".join(param.iter_encode("X")).endswith(b"\r\n\r\n456789\r\n")
        param.reset()
        assert file.tell() == 4
        assert param.encode("X").endswith(b"\r\n\r\n456789\r\n")


def test_a_position_behind_the_end_leaves_nothing_to_send() -> None:
    file = io.BytesIO(b"abc")
    file.seek(10)
    assert MultipartParam("f", fileobj=file).filesize == 0


def test_a_compressed_file_is_measured_unpacked(tmp_path: Path) -> None:
    """Its descriptor belongs to the packed bytes, so fstat would announce the wrong number."""
    path = tmp_path / "x.gz"
    path.write_bytes(gzip.compress(b"y" * 5000))
    with gzip.open(path) as file:
        assert content_of(Multipart.from_fields(files={"f": file})).count(b"y" * 5000) == 1


def test_a_file_that_cannot_seek_is_measured_by_its_descriptor(tmp_path: Path) -> None:
    class Reader:
        def __init__(self, file: io.BufferedReader) -> None:
            self.read = file.read
            self.fileno = file.fileno

    path = tmp_path / "x"
    path.write_bytes(b"abc")
    with path.open("rb") as file:
        param = MultipartParam("f", fileobj=Reader(file))
        assert param.filesize == 3
        assert param.encode("X").endswith(b"abc\r\n")
        with pytest.raises(UnrewindableError, match="it has been read and cannot be read again"):
            param.reset()


def test_a_descriptor_that_is_none_tells_nothing() -> None:
    class Reader(OnlyRead):
        def fileno(self) -> int:
            raise io.UnsupportedOperation("fileno")

    with pytest.raises(ValueError, match="Could not determine filesize"):
        MultipartParam("f", fileobj=Reader(b"abc"))


def test_poster_refuses_a_pipe_of_unknown_size_and_takes_a_size_for_it() -> None:
    reading, writing = os.pipe()
    with open(reading, "rb") as reader, open(writing, "wb") as writer:
        with pytest.raises(ValueError, match="Could not determine filesize"):
            MultipartParam("f", fileobj=reader)
        writer.write(b"abc")
        writer.close()
        param = MultipartParam("f", filesize=3, fileobj=reader)
        param.reset()
        assert param.encode("X").endswith(b"\r\n\r\nabc\r\n")
        with pytest.raises(UnrewindableError):
            param.encode("X")


def test_a_form_param_of_unknown_size_is_refused_by_posters_functions() -> None:
    param = MultipartParam("f", fileobj=OnlyRead(b"abc"), dialect="form")
    with pytest.raises(ValueError, match="Could not determine filesize"):
        multipart_encode([param])


@pytest.mark.parametrize(
    "content", [b"--XXX", b"a\r\n--XXX\r\nb", b"a\n--XXX", b"a\r\n--XXX--", b"a\r\n--XXX and more"]
)
def test_a_boundary_at_the_start_of_a_line_is_found(content: bytes) -> None:
    """RFC 2046 s5.1.1: it is enough that the line begins with it."""
    with pytest.raises(ValueError, match="part 'f': boundary found in encoded string"):
        MultipartParam("f", content).encode("XXX")
    for blocksize in range(1, 40):
        param = MultipartParam("f", fileobj=io.BytesIO(content))
        with pytest.raises(EncodeError, match="boundary found in file data") as caught:
            list(param.iter_encode("XXX", blocksize))
        assert caught.value.part == "f"


@pytest.mark.parametrize("content", [b"a--XXX", b"\r--XXX", b"\r\n--XX", b"\r\n -XXX", b"\r\n"])
def test_a_boundary_elsewhere_is_content(content: bytes) -> None:
    for blocksize in (0, 1, 7, 4096):
        param = MultipartParam("f", fileobj=io.BytesIO(content))
        assert b"".join(param.iter_encode("XXX", blocksize)).endswith(b"\r\n\r\n" + content + b"\r\n")


# poster's API: the whole body


def test_a_body_is_announced_to_the_byte_and_can_be_reset() -> None:
    params: dict[str, object] = {"key": SNOWMAN, "f": io.StringIO("file data"), "n": 3}
    datagen, headers = multipart_encode(params, "XYZ")
    first = b"".join(datagen)
    head = b'--XYZ\r\nContent-Disposition: form-data; name="%b"\r\n'
    head += b"Content-Type: text/plain; charset=utf-8\r\n\r\n"
    assert first == (
        head % b"key" + b"\xe2\x98\x83\r\n" + head % b"f" + b"file data\r\n" + head % b"n" + b"3\r\n--XYZ--\r\n"
    )
    assert headers["Content-Length"] == str(len(first))
    assert list(datagen) == []
    datagen.reset()
    assert b"".join(datagen) == first


def test_a_generator_of_pairs_is_read_once() -> None:
    datagen, headers = multipart_encode((name, "x") for name in "ab")
    assert headers["Content-Length"] == str(len(b"".join(datagen)))


def test_callbacks_count_to_the_byte() -> None:
    heard: list[tuple[object, int, int | None]] = []
    file_param = MultipartParam("f", fileobj=io.BytesIO(b"x" * 10_000), cb=lambda *told: heard.append(told))
    blocks = list(file_param.iter_encode("XYZ"))
    size = file_param.get_size("XYZ")
    assert [current for _, current, _ in heard] == [4096, 8192, size]
    assert heard[-1] == (file_param, size, size)
    assert [len(block) for block in blocks] == [4096, 4096, size - 8192]

    told: list[tuple[object, int, int | None]] = []
    field = MultipartParam("a", "1")
    datagen, headers = multipart_encode([field, file_param], cb=lambda *args: told.append(args))
    total = int(headers["Content-Length"])
    assert len(b"".join(datagen)) == total
    assert {param for param, _, _ in told} == {field, file_param, None}
    assert told[-1] == (None, total, total)
    assert all(of == total for _, _, of in told)


def test_encode_calls_no_callback() -> None:
    heard: list[object] = []
    MultipartParam("a", "1", cb=lambda *told: heard.append(told)).encode("X")
    assert heard == []


def test_blocks_of_posters_api_can_be_kept() -> None:
    """Its users join them, so they are bytes of their own."""
    content = bytes(range(256)) * 16 * 1024
    datagen = multipart_yielder({"f": io.BytesIO(content)}, "XYZ", None)
    blocks = list(datagen)
    assert len(blocks) > 3
    assert content in b"".join(blocks)


# the form: what browsers send

# Recorded: what Chromium 156 sent for a page's FormData with these names. Only its NUL differs from ours.
CHROMIUM_NAMES = {
    "plain": b'name="plain"',
    'q"uote': b'name="q%22uote"',
    "back\\slash": b'name="back\\slash"',
    "cr\rlf\ncrlf\r\nend": b'name="cr%0D%0Alf%0D%0Acrlf%0D%0Aend"',
    "tab\tname\x7f": b'name="tab\tname\x7f"',
    SNOWMAN: b'name="\xe2\x98\x83"',
    "sur\ud800r": b'name="sur\xef\xbf\xbdr"',
    "": b'name=""',
}
CHROMIUM_FILENAMES = {
    "plain.txt": b'filename="plain.txt"',
    'q"uote.bin': b'filename="q%22uote.bin"',
    "back\\slash.bin": b'filename="back\\slash.bin"',
    "cr\rlf\ncrlf\r\nend.bin": b'filename="cr%0Dlf%0Acrlf%0D%0Aend.bin"',
    f"{SNOWMAN}.bin": b'filename="\xe2\x98\x83.bin"',
    "perc%22ent.bin": b'filename="perc%22ent.bin"',
    "": b'filename=""',
    "sl/ash.bin": b'filename="sl/ash.bin"',
    "it's.bin": b'filename="it\'s.bin"',
}


@pytest.mark.parametrize("name", CHROMIUM_NAMES)
def test_a_name_goes_out_as_chromium_sends_it(name: str) -> None:
    assert shown(Multipart.from_fields({name: "v"})) == part(CHROMIUM_NAMES[name], b"v") + END


@pytest.mark.parametrize("filename", CHROMIUM_FILENAMES)
def test_a_filename_goes_out_as_chromium_sends_it(filename: str) -> None:
    body = Multipart.from_fields(files={"f": (filename, b"x", "application/octet-stream")})
    assert shown(body) == octet_stream(b'name="f"; ' + CHROMIUM_FILENAMES[filename], b"x") + END


def test_a_nul_is_escaped_though_chromium_does_not() -> None:
    body = Multipart.from_fields(files={"n\0": ("f\0", b"x")})
    assert shown(body) == octet_stream(b'name="n%00"; filename="f%00"', b"x") + END


def test_names_given_as_bytes_go_out_as_these_bytes() -> None:
    body = Multipart.from_fields(files=[(b"caf\xe9", (b"\xff.bin", b"x"))])
    assert shown(body) == octet_stream(b'name="caf\xe9"; filename="\xff.bin"', b"x") + END


def test_fields_go_before_files_in_the_order_given() -> None:
    body = Multipart.from_fields(
        [("b", "2"), ("a", ["x", None, 1, b"y", 2.5]), ("none", None), ("b", "3")],
        [("g", b"raw"), ("f", "text"), ("none", None), ("t", ("x", None)), ("g", bytearray(b"again"))],
    )
    assert shown(body) == (
        part(b'name="b"', b"2")
        + part(b'name="a"', b"x")
        + part(b'name="a"', b"1")
        + part(b'name="a"', b"y")
        + part(b'name="a"', b"2.5")
        + part(b'name="b"', b"3")
        + octet_stream(b'name="g"; filename="g"', b"raw")
        + octet_stream(b'name="f"; filename="f"', b"text")
        + octet_stream(b'name="g"; filename="g"', b"again")
        + END
    )


def test_a_form_without_fields_is_only_its_end() -> None:
    assert shown(Multipart.from_fields()) == END


def test_the_content_type_names_the_boundary_unquoted() -> None:
    body = Multipart([])
    boundary = body.content_type.removeprefix("multipart/form-data; boundary=")
    assert content_of(body) == f"--{boundary}--\r\n".encode()


@pytest.mark.parametrize(
    ("filename", "filetype"),
    [
        ("a.png", b"image/png"),
        ("A.PNG", b"image/png"),
        ("Makefile", b"application/octet-stream"),
        ("", b"application/octet-stream"),
    ],
)
def test_the_type_of_a_file_is_guessed_from_its_last_suffix(filename: str, filetype: bytes) -> None:
    body = Multipart.from_fields(files={"f": (filename, b"x")})
    assert b"\r\nContent-Type: " + filetype + b"\r\n\r\nx\r\n" in content_of(body)


def test_a_packed_archive_is_not_sent_as_what_it_holds() -> None:
    assert b"application/x-tar" not in content_of(Multipart.from_fields(files={"f": ("a.tar.gz", b"x")}))


def test_the_first_type_to_be_guessed_loads_the_table(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mimetypes, "inited", False)
    assert b"image/png" in content_of(Multipart.from_fields(files={"f": ("a.png", b"x")}))
    assert mimetypes.inited


def test_the_tuples_of_requests() -> None:
    body = Multipart.from_fields(
        files=[
            ("a", ("n.png", b"1")),
            ("b", ("n.png", io.BytesIO(b"2"), "text/x")),
            ("c", ("n.png", b"3", "text/x", {"X-Part": SNOWMAN, b"X-Num": 5})),
            ("d", ("n", b"4", None, [("content-type", "text/y"), ("Content-Disposition", "form-data")])),
            ("e", ("n", b"5", "text/z", {"Content-Type": "text/y"})),
            ("f", (None, "plain")),
            ("g", (None, b"{}", "application/json")),
            ("h", ("n", [b"6", b"7"], "text/x", None)),
        ]
    )
    assert shown(body) == (
        part(b'name="a"; filename="n.png"\r\nContent-Type: image/png', b"1")
        + part(b'name="b"; filename="n.png"\r\nContent-Type: text/x', b"2")
        + part(b'name="c"; filename="n.png"\r\nContent-Type: text/x\r\nX-Part: \xe2\x98\x83\r\nX-Num: 5', b"3")
        + part(b'name="d"; filename="n"\r\nContent-Type: text/y', b"4")
        + part(b'name="e"; filename="n"\r\nContent-Type: text/z', b"5")
        + part(b'name="f"', b"plain")
        + part(b'name="g"\r\nContent-Type: application/json', b"{}")
        + part(b'name="h"; filename="n"\r\nContent-Type: text/x', b"67")
        + END
    )


def test_everything_that_files_takes(tmp_path: Path) -> None:
    path = tmp_path / "on disk.bin"
    path.write_bytes(b"disk")
    named = io.BytesIO(b"named")
    named.name = "/some/where/photo.bin"  # as many libraries do
    with path.open("rb") as file, open(os.dup(file.fileno()), "rb") as numbered:
        body = Multipart.from_fields(
            files={
                "path": path,
                "file": file,
                "numbered": numbered,
                "named": named,
                "view": memoryview(b"0123456789")[2:4],
                "text": io.StringIO(SNOWMAN),
                "number": 42,
                "float": math.inf,
                "list": [b"a", bytearray(b"b"), memoryview(b"c")],
                "param": MultipartParam("param", "poster"),
            }
        )
        assert shown(body) == (
            octet_stream(b'name="path"; filename="on disk.bin"', b"disk")
            + octet_stream(b'name="file"; filename="on disk.bin"', b"disk")
            + octet_stream(b'name="numbered"; filename="numbered"', b"disk")
            + octet_stream(b'name="named"; filename="photo.bin"', b"named")
            + octet_stream(b'name="view"; filename="view"', b"23")
            + octet_stream(b'name="text"; filename="text"', b"\xe2\x98\x83")
            + part(b'name="number"', b"42")
            + part(b'name="float"', b"inf")
            + octet_stream(b'name="list"; filename="list"', b"abc")
            + part(b'name="param"\r\nContent-Type: text/plain; charset=utf-8', b"poster")
            + END
        )


def test_a_file_named_like_a_stream_takes_the_fields_name() -> None:
    stream = io.BytesIO(b"x")
    stream.name = "<stdin>"  # as sys.stdin.buffer has it
    assert shown(Multipart.from_fields(files={"f": stream})).startswith(
        b'--BOUNDARY\r\nContent-Disposition: form-data; name="f"; filename="f"\r\n'
    )


def test_params_may_stand_alone() -> None:
    assert shown(Multipart.from_fields([MultipartParam("a", "1", dialect="form")])) == (part(b'name="a"', b"1") + END)


@pytest.mark.parametrize("source", [b"a=1", "a=1", 5])
def test_fields_are_pairs(source: object) -> None:
    with pytest.raises(EncodeError, match="fields are a mapping or"):
        Multipart.from_fields(source, {"f": b""})


@pytest.mark.parametrize("item", [("a",), ("a", "b", "c"), ["a"], "ab", b"ab", 5, None])
def test_what_is_no_pair_is_an_error_that_says_what_is(item: object) -> None:
    for source in ([("a", "1"), item], iter([item])):
        with pytest.raises(EncodeError, match=r"^fields are a mapping or \(name, value\) pairs; this \w+ is neither$"):
            Multipart.from_fields(source)
    with pytest.raises(EncodeError, match="fields are a mapping or"):
        MultipartParam.from_params([item])  # type: ignore[list-item]  # the wrong type is what is tested


# unknown sizes


def test_an_unknown_size_leaves_the_length_open_and_sends_what_comes_at_once() -> None:
    steps: list[str] = []

    def live() -> Iterator[bytes]:
        for piece in (b"one", b"", b"two"):
            steps.append(f"made {piece.decode()}")
            yield piece

    body = Multipart.from_fields({"a": "1"}, {"f": live()})
    assert body.length is None
    blocks = iter(body)
    first = bytes(next(blocks))
    assert first.endswith(b"\r\n\r\none")
    assert steps == ["made one"]
    assert b"".join(bytes(block) for block in blocks).startswith(b"two\r\n--")


def test_a_pipe_is_sent_as_it_comes() -> None:
    reading, writing = os.pipe()
    with open(reading, "rb") as reader, open(writing, "wb", buffering=0) as writer:
        body = Multipart.from_fields(files={"f": reader})
        assert body.length is None
        blocks = iter(body)
        writer.write(b"first")
        assert bytes(next(blocks)).endswith(b"first")
        writer.write(b"second")
        assert bytes(next(blocks)) == b"second"
        writer.close()
        assert bytes(next(blocks)).startswith(b"\r\n--")


def test_a_fifo_given_as_a_path_has_no_length(tmp_path: Path) -> None:
    path = tmp_path / "fifo"
    os.mkfifo(path)
    body = Multipart.from_fields(files={"f": path})
    assert body.length is None
    writer = threading.Thread(target=path.write_bytes, args=(b"abc",))
    writer.start()
    assert octet_stream(b'name="f"; filename="fifo"', b"abc") in shown(body)
    writer.join()
    with pytest.raises(UnrewindableError):
        body.rewind()


def test_an_iterable_that_is_no_iterator_can_be_sent_again() -> None:
    class Twice:
        def __iter__(self) -> Iterator[bytes]:
            return iter([b"a", b"b"])

    body = Multipart.from_fields(files={"f": Twice()})
    assert body.length is None
    assert content_of(body) == content_of(body)


def test_text_that_cannot_seek_is_sent_with_its_length_open() -> None:
    reading, writing = os.pipe()
    with open(writing, "wb") as writer:
        writer.write(SNOWMAN.encode("utf-16"))
    with open(reading, encoding="utf-16") as reader:
        body = Multipart.from_fields(files={"f": reader})
        assert body.length is None
        assert octet_stream(b'name="f"; filename="f"', SNOWMAN.encode()) in shown(body)


def test_a_reader_of_text_that_does_not_say_so_is_encoded_too() -> None:
    assert SNOWMAN.encode() in content_of(Multipart.from_fields(files={"f": OnlyRead(SNOWMAN)}))


def test_a_file_with_an_encoding_that_gives_bytes_is_taken_for_what_it_gives() -> None:
    class Labelled(io.BytesIO):
        encoding = "latin-1"

    body = Multipart.from_fields(files={"f": Labelled(b"\xe9")})
    assert body.length is not None
    assert b"\r\n\r\n\xe9\r\n" in content_of(body)


# blocks


@pytest.mark.parametrize("size", [0, 1, BLOCK_SIZE - 300, BLOCK_SIZE, 3 * BLOCK_SIZE + 7])
def test_a_big_file_comes_in_blocks_of_one_buffer(tmp_path: Path, size: int) -> None:
    path = tmp_path / "big"
    path.write_bytes(os.urandom(size))
    content = path.read_bytes()
    sources = (path, content, memoryview(content), io.BytesIO(content), [content], OnlyRead(content))
    for source in sources:
        body = Multipart.from_fields({"a": "1"}, {"f": source, "g": b"last"})
        blocks = [(len(block), bytes(block)) for block in body]
        assert max(length for length, _ in blocks) <= BLOCK_SIZE
        joined = b"".join(block for _, block in blocks)
        assert body.length in (None, len(joined))
        assert joined.count(b"\r\n\r\n" + content + b"\r\n--") == 1
        if body.length is not None and body.length < BLOCK_SIZE:
            assert len(blocks) == 1


def test_a_class_that_overrides_read_alone_is_read_by_it() -> None:
    """Its inherited readinto would send the bytes without what read adds to them."""

    class Upper(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            return super().read(size).upper()

    assert b"\r\n\r\nABC\r\n" in content_of(Multipart.from_fields(files={"f": Upper(b"abc")}))


def test_a_wrapper_that_hands_out_its_files_methods_is_read_by_its_own() -> None:
    class Upper:
        def __init__(self, file: io.BytesIO) -> None:
            self.file = file

        def __getattr__(self, name: str) -> object:
            return getattr(self.file, name)

        def read(self, size: int) -> bytes:
            return self.file.read(size).upper()

    assert b"\r\n\r\nABC\r\n" in content_of(Multipart.from_fields(files={"f": Upper(io.BytesIO(b"abc"))}))


def test_a_raw_file_is_read_straight(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(b"abc")
    with path.open("rb", buffering=0) as file:
        assert b"\r\n\r\nabc\r\n" in content_of(Multipart.from_fields(files={"f": file}))


def test_callbacks_of_params_are_called_in_a_form_too() -> None:
    heard: list[tuple[object, int, int | None]] = []
    content = b"x" * (2 * BLOCK_SIZE)

    def param(name: str, **given: object) -> MultipartParam:
        return MultipartParam(name, cb=lambda *told: heard.append(told), dialect="form", **given)  # type: ignore[arg-type]

    small, big = param("s", value="1"), param("b", fileobj=io.BytesIO(content))
    open_ended = param("o", fileobj=iter([b"abc"]))
    body = Multipart([MultipartParam("first", "1"), small, big, open_ended])
    content_of(body)
    for one in (small, big):
        steps = [(current, total) for param, current, total in heard if param is one]
        assert steps == sorted(steps)
        assert steps[-1] == (one.get_size("X" * 32),) * 2
    assert next(step[1:] for step in heard if step[0] is big) == (
        BLOCK_SIZE - MultipartParam("first", "1").get_size("X" * 32) - small.get_size("X" * 32),
        big.get_size("X" * 32),
    )
    assert heard[-1][0] is open_ended
    assert heard[-1][2] is None


def test_a_callback_hears_of_each_block_of_a_big_value() -> None:
    heard: list[tuple[int, int | None]] = []
    param = MultipartParam("v", b"x" * (3 * BLOCK_SIZE), dialect="form", cb=lambda _, *told: heard.append(told))
    sizes = [len(block) for block in Multipart([param])]
    size = param.get_size("X" * 32)
    assert heard == [*((sum(sizes[: n + 1]), size) for n in range(3)), (size, size)]


def test_what_a_callback_raises_reaches_its_user() -> None:
    def stop(*told: object) -> None:
        raise OSError("enough")

    with pytest.raises(OSError, match=r"^enough$"):
        content_of(Multipart([MultipartParam("f", fileobj=io.BytesIO(b"x"), dialect="form", cb=stop)]))


# rewinding and closing


def test_iterating_again_sends_everything_again(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(b"0123456789")
    text = io.StringIO("skipped text")
    text.seek(8)
    with path.open("rb") as file:
        file.seek(3)
        body = Multipart.from_fields(
            {"a": "1"}, {"path": path, "file": file, "text": text, "list": (None, [b"a", b"b"])}
        )
        first = content_of(body)
        assert b"\r\n\r\n3456789\r\n" in first
        assert b"\r\n\r\ntext\r\n" in first
        next(iter(body))
        body.rewind()
        assert file.tell() == 3
        assert content_of(body) == first


def test_one_file_may_stand_in_two_parts() -> None:
    file = io.BytesIO(b"abc")
    assert content_of(Multipart.from_fields(files=[("a", file), ("b", file)])).count(b"\r\n\r\nabc\r\n") == 2


def test_a_generator_cannot_be_sent_twice_and_says_so_before_anything_goes_out() -> None:
    body = Multipart.from_fields({"a": "1"}, {"f": (piece for piece in [b"x"])})
    body.rewind()
    content_of(body)
    with pytest.raises(UnrewindableError, match="part 'f': it has been read and cannot be read again") as caught:
        iter(body)
    assert caught.value.part == "f"
    with pytest.raises(UnrewindableError):
        body.rewind()


def test_a_generator_that_was_not_reached_can_still_be_sent() -> None:
    """A connection that breaks before it leaves it whole."""
    body = Multipart.from_fields(files={"big": b"x" * (2 * BLOCK_SIZE), "f": iter([b"x"])})
    next(iter(body))
    body.rewind()
    assert b"\r\n\r\nx\r\n" in content_of(body)


def test_a_file_closed_meanwhile_cannot_be_rewound() -> None:
    file = io.BytesIO(b"abc")
    body = Multipart.from_fields(files={"f": file})
    file.close()
    with pytest.raises(UnrewindableError, match="part 'f': it cannot be read again: I/O operation on closed file"):
        body.rewind()


def open_descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="descriptors are counted in /proc")
def test_a_paths_file_is_opened_late_and_closed_always(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(b"x" * (3 * BLOCK_SIZE))
    before = open_descriptors()
    body = Multipart.from_fields(files={"f": path, "g": path})
    assert open_descriptors() == before
    content_of(body)
    assert open_descriptors() == before

    for end in (body.close, body.rewind):
        blocks = iter(body)
        next(blocks)
        assert open_descriptors() == before + 1
        end()
        assert open_descriptors() == before

    blocks = iter(body)
    next(blocks)
    del blocks  # abandoned
    assert open_descriptors() == before

    body = Multipart.from_fields(files={"f": path})
    for size in (5, 4 * BLOCK_SIZE):
        os.truncate(path, size)
        with pytest.raises(EncodeError) as caught:
            content_of(body)
        assert open_descriptors() == before
        assert caught  # an error that is kept keeps no file open


def test_files_that_were_given_stay_open() -> None:
    file = io.BytesIO(b"abc")
    body = Multipart.from_fields(files={"f": file})
    body.close()
    content_of(body)
    body.close()
    assert not file.closed


# never a wrong frame


@pytest.mark.parametrize("size", [10, 2 * BLOCK_SIZE])
@pytest.mark.parametrize(("change", "came"), [(-1, "{} came"), (1, "more came"), (BLOCK_SIZE, "more came")])
def test_a_file_that_changes_its_size_is_an_error_before_its_part_ends(
    tmp_path: Path, size: int, change: int, came: str
) -> None:
    path = tmp_path / "x"
    for source in ("path", "file", "reader"):
        path.write_bytes(b"x" * size)
        with path.open("rb") as file:
            reader = MultipartParam("f", filesize=size, fileobj=OnlyRead(b"x" * (size + change)), dialect="form")
            given = {"path": path, "file": file, "reader": reader}[source]
            body = Multipart.from_fields(files={"f": given})
            path.write_bytes(b"x" * (size + change))
            sent = bytearray()
            with pytest.raises(EncodeError) as caught:
                for block in body:
                    sent += block
            assert str(caught.value) == (f"part 'f': {size} bytes were announced and {came.format(size + change)}")
            assert sent.count(b"x") <= size + 1
            assert not sent.endswith(b"--\r\n")


def test_a_list_that_changes_is_an_error() -> None:
    pieces = [b"abc"]
    body = Multipart.from_fields(files={"f": pieces})
    pieces.append(b"d")
    with pytest.raises(EncodeError, match="part 'f': 3 bytes were announced and more came"):
        content_of(body)


# what cannot be sent


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (object(), "part 'f': cannot be sent: object is no file, no path and no iterable of bytes"),
        ({"a": 1}, "dict is no file"),
        (["text"], "a bytes-like object is required, not 'str'"),
        ([5], "a bytes-like object is required, not 'int'"),
        (("only one",), "a tuple is"),
        ((1, 2, 3, 4, 5), "a tuple is"),
        ("\ud800", "surrogates not allowed"),
        (io.StringIO("\ud800"), "surrogates not allowed"),
        (memoryview(b"abcd")[::2], "C-contiguous"),
        (Path("/no/such/file"), "No such file"),
        (("n", b"x", "text/x\r\nX: y"), "Content-Type holds a CR, LF or NUL"),
        (("n", b"x", "text/x\0"), "Content-Type holds a CR, LF or NUL"),
        (("n", b"x", None, {"X": "a\nb"}), "X holds a CR, LF or NUL"),
        (("n", b"x", None, {"X": b"a\rb"}), "X holds a CR, LF or NUL"),
        (("n", b"x", None, {"X: a\r\nY": "b"}), "the name of a header is no token"),
        (("n", b"x", None, {"": "b"}), "the name of a header is no token"),
    ],
)
def test_what_cannot_be_sent_is_an_error_that_names_the_part(value: object, reason: str) -> None:
    with pytest.raises(EncodeError, match="part 'f': ") as caught:
        Multipart.from_fields(files={"f": value})
    assert reason in str(caught.value)
    assert caught.value.part == "f"


def test_a_file_among_the_data_is_an_error() -> None:
    with pytest.raises(EncodeError, match="part 'f': a file stands in data; it belongs in files"):
        Multipart.from_fields({"f": io.BytesIO(b"x")}, {})


def test_directories_closed_files_and_unreadable_files_are_errors(tmp_path: Path) -> None:
    with pytest.raises(EncodeError, match=r"part 'f': '.*' is a directory"):
        Multipart.from_fields(files={"f": tmp_path})
    closed = io.BytesIO(b"x")
    closed.close()
    with pytest.raises(EncodeError, match="part 'f': the file is closed"):
        Multipart.from_fields(files={"f": closed})
    with (
        (tmp_path / "x").open("wb") as file,
        pytest.raises(EncodeError, match="part 'f': the file is not open for reading"),
    ):
        MultipartParam("f", fileobj=file)


def test_text_among_the_pieces_of_a_generator_is_an_error() -> None:
    with pytest.raises(EncodeError, match=r"part 'f': cannot be read: .*not 'str'"):
        content_of(Multipart.from_fields(files={"f": (text for text in ["text"])}))


def test_what_goes_wrong_while_reading_is_an_error_that_names_the_part(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(b"x")
    body = Multipart.from_fields(files={"f": path})
    path.unlink()
    with pytest.raises(EncodeError, match=r"part 'f': cannot be read: .*No such file") as caught:
        content_of(body)
    assert isinstance(caught.value.__cause__, FileNotFoundError)


def test_an_error_of_a_file_names_the_part_and_is_none_of_the_network() -> None:
    class Broken(OnlyRead):
        def read(self, size: int) -> bytes | str:
            raise ConnectionResetError("the disk is gone")

    with pytest.raises(EncodeError, match="part 'f': cannot be read: the disk is gone") as caught:
        content_of(Multipart.from_fields(files={"f": Broken(b"")}))
    assert isinstance(caught.value.__cause__, ConnectionResetError)


@pytest.mark.parametrize("error", [OSError("mine"), ValueError("mine"), TypeError("mine"), KeyError("mine")])
def test_what_a_users_own_iterable_raises_reaches_him_as_it_is(error: Exception) -> None:
    def pieces() -> Iterator[bytes]:
        yield b"x"
        raise error

    for part in (
        MultipartParam("f", fileobj=pieces(), filesize=5),
        MultipartParam("f", fileobj=pieces(), dialect="form"),
    ):
        with pytest.raises(type(error)) as caught:
            content_of(Multipart([part]))
        assert caught.value is error
    with pytest.raises(type(error)) as caught:
        Multipart.from_fields({"a": pieces()})
    assert caught.value is error


def test_a_users_own_iterator_is_not_closed() -> None:
    class Pieces:
        closed = 0

        def __iter__(self) -> Pieces:
            return self

        def __next__(self) -> bytes:
            return b"x"

        def close(self) -> None:
            self.closed += 1

    pieces = Pieces()
    body = Multipart.from_fields(files={"f": pieces})
    next(iter(body))
    body.close()
    assert pieces.closed == 0


def test_a_non_blocking_file_without_data_is_an_error_and_no_end() -> None:
    reading, writing = os.pipe()
    os.set_blocking(reading, False)
    with open(reading, "rb", buffering=0) as reader, open(writing, "wb"):
        with pytest.raises(EncodeError, match="part 'f': cannot be read: a non-blocking file has nothing"):
            content_of(Multipart.from_fields(files={"f": reader}))


def test_a_part_with_neither_value_nor_file_is_an_error() -> None:
    with pytest.raises(EncodeError, match="part 'f': Don't know how to reset"):
        content_of(Multipart([MultipartParam("f", dialect="form")]))


def test_errors_can_be_pickled() -> None:
    error = pickle.loads(pickle.dumps(UnrewindableError("f", "it has been read")))
    assert (type(error), error.part, error.reason, str(error)) == (
        UnrewindableError,
        "f",
        "it has been read",
        "part 'f': it has been read",
    )


def test_a_dialect_is_one_of_two() -> None:
    with pytest.raises(ValueError, match="'form' or 'poster', not 'other'"):
        MultipartParam("a", "b", dialect="other")
