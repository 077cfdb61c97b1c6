"""Requests from end to end: httpbin over http and https, and a scripted server where the bytes matter."""

from __future__ import annotations

import hashlib
import io
import pickle
import socket
from collections.abc import Iterator
from enum import Enum
from pathlib import Path
from typing import Any

import pytest
from pytest_httpbin.serve import Server as Httpbin

import requests_lite
from conftest import Certificates
from requests_lite.adapters import limits_of
from server import Cut, Expect, Pause, Send, Server, Wait

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


@pytest.fixture(params=["http", "https"])
def both(request: pytest.FixtureRequest) -> tuple[str, str]:
    """Return the URL of an httpbin and what to verify it with, once for each scheme."""
    name = "httpbin" if request.param == "http" else "httpbin_secure"
    return request.getfixturevalue(name).url, request.getfixturevalue("httpbin_ca_bundle")


@pytest.fixture(scope="session")
def httpbin_ca_bundle() -> str:
    from pytest_httpbin import certs

    return str(certs.where())


def test_a_file_goes_up_as_a_form(both: tuple[str, str], tmp_path: Path) -> None:
    url, ca = both
    path = tmp_path / "report.txt"
    path.write_bytes(b"line\r\n" * 10_000)
    with path.open("rb") as file:
        response = requests_lite.post(url + "/post", data={"title": "x"}, files={"f": file}, verify=ca)
    seen = response.json()
    assert seen["files"]["f"] == path.read_bytes().decode()
    assert seen["form"] == {"title": "x"}
    assert seen["headers"]["Content-Type"].startswith("multipart/form-data; boundary=")
    assert int(seen["headers"]["Content-Length"]) > path.stat().st_size


def test_a_file_as_data_is_streamed_with_its_length(both: tuple[str, str], tmp_path: Path) -> None:
    url, ca = both
    path = tmp_path / "raw"
    path.write_bytes(b"0123456789" * 20_000)
    with path.open("rb") as file:
        file.seek(100_000)
        seen = requests_lite.put(url + "/put", data=file, verify=ca).json()
    assert seen["headers"]["Content-Length"] == "100000"
    assert seen["data"] == "0123456789" * 10_000


def test_params_auth_and_redirects(both: tuple[str, str]) -> None:
    url, ca = both
    assert requests_lite.get(url + "/get", params={"q": "ä b"}, verify=ca).json()["args"] == {"q": "ä b"}
    assert requests_lite.get(url + "/basic-auth/u/p", auth=("u", "p"), verify=ca).status_code == 200
    response = requests_lite.get(url + "/redirect/3", verify=ca)
    assert (response.url, len(response.history)) == (url + "/get", 3)


def test_compressed_content_is_decoded(both: tuple[str, str]) -> None:
    url, ca = both
    assert requests_lite.get(url + "/gzip", verify=ca).json()["gzipped"] is True
    assert requests_lite.get(url + "/deflate", verify=ca).json()["deflated"] is True


def test_content_streams_in_blocks(both: tuple[str, str]) -> None:
    url, ca = both
    whole = requests_lite.get(url + "/bytes/90000?seed=7", verify=ca).content
    with requests_lite.get(url + "/bytes/90000?seed=7", stream=True, verify=ca) as response:
        blocks = list(response.iter_content(4096))
    assert {len(block) for block in blocks[:-1]} == {4096}
    assert b"".join(blocks) == whole


def test_an_iterator_is_sent_in_chunks_as_it_comes() -> None:
    def blocks() -> Iterator[bytes | str]:
        yield b"hi"
        yield ""
        yield "there"

    wanted = b"\r\n\r\n2\r\nhi\r\n5\r\nthere\r\n0\r\n\r\n"
    with Server([Expect(b"Transfer-Encoding: chunked\r\n", wanted, without=[b"Content-Length"]), Send(OK)]) as server:
        assert requests_lite.post(server.url, data=blocks()).content == b"ok"


def test_json_is_sent_and_ready_made_json_as_it_is(httpbin: Httpbin) -> None:
    seen = requests_lite.post(httpbin.url + "/post", json={"a": [1, None]}).json()
    assert (seen["json"], seen["headers"]["Content-Type"]) == ({"a": [1, None]}, "application/json")
    assert requests_lite.post(httpbin.url + "/post", json=b'{"b": 2}').json()["json"] == {"b": 2}
    assert requests_lite.post(httpbin.url + "/post", json=0).json()["json"] == 0


def test_headers_are_merged_and_none_takes_a_default_away(httpbin: Httpbin) -> None:
    headers = [("accept", "text/plain"), ("User-Agent", None), ("X-Bytes", b"\xe9"), ("X-Twice", "1"), ("x-twice", "2")]
    with Server(
        [
            Expect(
                b"accept: text/plain\r\n",
                b"X-Bytes: \xe9\r\n",
                b"X-Twice: 1\r\nX-Twice: 2\r\n",
                without=[b"User-Agent", b"*/*"],
            ),
            Send(OK),
        ]
    ) as s:
        requests_lite.get(s.url, headers=headers)
    assert requests_lite.agent.DEFAULT_HEADERS["Accept"] == "*/*"


def test_a_multipart_type_given_without_boundary_gets_one(httpbin: Httpbin) -> None:
    headers = {"Content-Type": "multipart/form-data"}
    seen = requests_lite.post(httpbin.url + "/post", files={"f": b"x"}, headers=headers).json()
    assert seen["files"] == {"f": "x"}


def test_requests_share_connections_and_nothing_else() -> None:
    script = [Expect(b"GET /1"), Send(OK), Expect(b"GET /2", without=[b"X-One"]), Send(OK)]
    with Server(script) as server:
        first = requests_lite.get(server.url + "/1", headers={"X-One": "1"})
        assert first.request is not None
        assert repr(first.request) == "<PreparedRequest [GET]>"
        first.request.headers["Accept"] = "changed"
        requests_lite.get(server.url + "/2")
        assert server.connections == 1


def test_userinfo_becomes_basic_auth_and_is_never_shown() -> None:
    with Server([Expect(b"Authorization: Basic dTpw\r\n", without=[b"u:p@"]), Send(OK)]) as server:
        url = server.url.replace("//", "//u:p@")
        response = requests_lite.get(url + "/x")
        assert response.url == server.url + "/x"
    with pytest.raises(requests_lite.ConnectionError) as caught:
        requests_lite.get(url)
    assert "u:p" not in str(caught.value)


def test_a_url_may_be_bytes_or_an_object_that_shows_as_one() -> None:
    class URL:
        def __init__(self, url: str) -> None:
            self.url = url

        def __str__(self) -> str:
            return self.url

    with Server([Expect(b"GET /x "), Send(OK)] * 2) as server:
        assert requests_lite.get((server.url + "/x").encode()).content == b"ok"  # type: ignore[arg-type]
        assert requests_lite.get(URL(server.url + "/x")).content == b"ok"  # type: ignore[arg-type]


def test_post_becomes_get_on_302_and_keeps_content_on_307(httpbin: Httpbin) -> None:
    moved = httpbin.url + "/redirect-to?url=/anything&status_code="
    seen = requests_lite.post(moved + "302", data={"a": "b"}).json()
    assert (seen["method"], seen["form"], seen["headers"].get("Content-Type")) == ("GET", {}, None)
    seen = requests_lite.post(moved + "307", data={"a": "b"}).json()
    assert (seen["method"], seen["form"]) == ("POST", {"a": "b"})


@pytest.mark.parametrize("files", [False, True])
def test_a_file_is_sent_again_whole_on_307(files: bool, httpbin: Httpbin) -> None:
    file = io.BytesIO(b"skipped" + b"content" * 20_000)
    file.seek(7)
    url = httpbin.url + "/redirect-to?url=/anything&status_code=307"
    if files:
        assert requests_lite.post(url, files={"f": file}).json()["files"]["f"] == "content" * 20_000
    else:
        assert requests_lite.post(url, data=file).json()["data"] == "content" * 20_000


def test_an_iterator_that_would_have_to_be_sent_again_is_an_error() -> None:
    moved = b"HTTP/1.1 307 Temporary Redirect\r\nLocation: /again\r\nContent-Length: 0\r\n\r\n"
    with Server([Expect(b"POST"), Send(moved)]) as server:
        with pytest.raises(requests_lite.UnrewindableBodyError, match="only once"):
            requests_lite.post(server.url, data=iter([b"once"]))


def test_redirects_end_somewhere(httpbin: Httpbin) -> None:
    with pytest.raises(requests_lite.TooManyRedirects, match="more than 30 redirects"):
        requests_lite.get(httpbin.url + "/redirect/31")
    assert len(requests_lite.get(httpbin.url + "/redirect/30").history) == 30


def test_redirects_are_left_alone_when_asked(httpbin: Httpbin) -> None:
    response = requests_lite.get(httpbin.url + "/redirect/1", allow_redirects=False)
    assert (response.status_code, response.history) == (302, [])
    assert requests_lite.head(httpbin.url + "/redirect/1").status_code == 302
    with Server([Expect(), Send(b"HTTP/1.1 302 Found\r\nContent-Length: 0\r\n\r\n")]) as server:
        assert requests_lite.get(server.url).status_code == 302


def test_a_password_does_not_follow_a_redirect_to_another_origin() -> None:
    with Server([Expect(b"GET / ", without=[b"Authorization", b"Cookie"]), Send(OK)]) as other:
        moved = f"HTTP/1.1 302 Found\r\nLocation: {other.url}/\r\nContent-Length: 0\r\n\r\n".encode()
        with Server([Expect(b"Authorization: Basic", b"Cookie: a=1"), Send(moved)]) as server:
            response = requests_lite.get(server.url, auth=("u", "p"), headers={"Cookie": "a=1"})
            assert response.url == other.url + "/"


def test_the_credentials_of_the_next_origin_are_found_on_a_redirect() -> None:
    with Server([Expect(b"Authorization: Basic dTpw\r\n"), Send(OK)]) as other:
        requests_lite.add_autoauth(other.url, ("u", "p"))
        moved = f"HTTP/1.1 302 Found\r\nLocation: {other.url}/\r\nContent-Length: 0\r\n\r\n".encode()
        try:
            with Server([Expect(without=[b"Authorization"]), Send(moved)]) as server:
                assert requests_lite.get(server.url).content == b"ok"
        finally:
            requests_lite.core.AUTOAUTHS.clear()


def test_the_content_of_a_redirect_is_read_so_that_its_connection_serves_again() -> None:
    moved = b"HTTP/1.1 302 Found\r\nLocation: /x\r\nContent-Length: 4\r\n\r\ngone"
    with Server([Expect(b"GET / "), Send(moved), Expect(b"GET /x "), Send(OK)]) as server:
        response = requests_lite.get(server.url, stream=True)
        assert response.history[0].content == b"gone"
        assert response.content == b"ok"
        assert server.connections == 1


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"headers": {"X": "a\r\nY: b"}}, requests_lite.InvalidHeader),
        ({"headers": {"X\r\nY": "a"}}, requests_lite.InvalidHeader),
        ({"headers": {"X": 1}}, requests_lite.InvalidHeader),
        ({"headers": {"X": "\ud800"}}, requests_lite.InvalidHeader),
        ({"auth": ("\ud800", "c")}, requests_lite.AuthenticationError),
        ({"headers": {"Transfer-Encoding": "gzip"}}, requests_lite.InvalidHeader),
        ({"headers": {"Content-Length": "5"}}, requests_lite.InvalidContent),
        ({"data": 5}, requests_lite.InvalidContent),
        ({"data": "\ud800"}, requests_lite.InvalidContent),
        ({"data": {"a": "\ud800"}}, requests_lite.InvalidContent),
        ({"data": [1, 2]}, requests_lite.InvalidContent),
        ({"files": {"f": 5.5j}}, requests_lite.InvalidContent),
        ({"files": 5}, requests_lite.InvalidContent),
        ({"json": {1, 2}}, requests_lite.InvalidJSONError),
        ({"auth": "user:password"}, requests_lite.AuthenticationError),
        ({"auth": ("a:b", "c")}, requests_lite.AuthenticationError),
        ({"auth": (1, "c")}, requests_lite.AuthenticationError),
        ({"timeout": -1}, requests_lite.InvalidTimeout),
        ({"timeout": "5"}, requests_lite.InvalidTimeout),
        ({"timeout": (1, 2, 3, 4)}, requests_lite.InvalidTimeout),
        ({"params": [1]}, requests_lite.InvalidURL),
    ],
)
def test_bad_input_is_refused_before_a_connection_is_made(options: dict[str, object], error: type[Exception]) -> None:
    with Server() as server:
        with pytest.raises(error):
            requests_lite.request("POST", server.url, **options)  # type: ignore[arg-type]  # on purpose
        assert server.connections == 0


@pytest.mark.parametrize("path", ["/a\r\nX: y", "/a\tb", "/\x00"])
def test_a_url_cannot_bring_a_second_line(path: str) -> None:
    with Server() as server:
        with pytest.raises(requests_lite.InvalidURL):
            requests_lite.get(server.url + path)
        assert server.connections == 0


def test_a_refused_connection_names_host_and_address() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        with pytest.raises(requests_lite.ConnectionError) as caught:
            requests_lite.get(f"http://localhost:{port}/")
    assert f"cannot connect to localhost:{port} (" in str(caught.value)
    assert "127.0.0.1): connection refused" in str(caught.value)
    assert isinstance(caught.value, OSError)
    assert caught.value.request is not None


def test_a_name_that_is_none() -> None:
    with pytest.raises(requests_lite.ConnectionError, match=r"cannot find the address of nosuch\.invalid"):
        requests_lite.get("http://nosuch.invalid/")


def test_silence_ends_in_a_read_timeout() -> None:
    with Server([Expect(), Wait()]) as server:
        with pytest.raises(requests_lite.ReadTimeout, match=r"sent no bytes for 0\.05 seconds"):
            requests_lite.get(server.url, timeout=0.05)
        assert server.closed_by_client()


def test_a_trickling_server_does_not_outlive_the_total() -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"
    drops = [step for _ in range(100) for step in (Send(b"."), Pause(0.02))]
    with Server([Expect(), Send(head), *drops]) as server:
        with pytest.raises(requests_lite.ReadTimeout, match="total time"):
            requests_lite.get(server.url, timeout=(1, 1, 0.2))


def test_cut_content_is_an_error_with_its_counts() -> None:
    with Server([Expect(), Send(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf"), Cut()]) as server:
        with pytest.raises(requests_lite.IncompleteRead, match="got 4 of 10 bytes") as caught:
            requests_lite.get(server.url + "/x")
    assert (caught.value.got, caught.value.of) == (4, 10)
    assert server.url + "/x" in str(caught.value)
    assert isinstance(caught.value, requests_lite.ChunkedEncodingError)
    assert caught.value.response.status_code == 200


def test_the_content_of_a_redirect_can_be_cut_too() -> None:
    moved = b"HTTP/1.1 302 Found\r\nLocation: /x\r\nContent-Length: 9\r\n\r\ngone"
    with Server([Expect(), Send(moved), Cut()]) as server:
        with pytest.raises(requests_lite.IncompleteRead, match="got 4 of 9 bytes") as caught:
            requests_lite.get(server.url)
    assert str(caught.value).count("from") == 1


def test_cut_gzip_is_an_error_though_the_length_is_right() -> None:
    import gzip

    half = gzip.compress(b"content" * 1000)[:-9]
    head = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(half)
    with Server([Expect(b"Accept-Encoding: gzip"), Send(head + half)]) as server:
        with pytest.raises(requests_lite.IncompleteRead, match="gzip stream was cut"):
            requests_lite.get(server.url)


def test_an_answer_that_is_not_http_says_what_came() -> None:
    with Server([Expect(), Send(b"SSH-2.0-OpenSSH_9.2\r\n")]) as server:
        with pytest.raises(requests_lite.ProtocolError, match="SSH-2"):
            requests_lite.get(server.url)


def test_an_untrusted_certificate_says_which_knob_helps(certificates: Certificates) -> None:
    with Server([], tls=certificates.server) as server:
        with pytest.raises(requests_lite.SSLError, match=r"not trusted: .*; .* verify='path/to/ca.pem'"):
            requests_lite.get(server.url)


def test_verify_takes_a_path_a_context_and_false(certificates: Certificates) -> None:
    import ssl

    context = ssl.create_default_context(cafile=certificates.ca)
    with Server([Expect(), Send(OK)], repeat=True, tls=certificates.server) as server:
        for verify in (certificates.ca, Path(certificates.ca), context, False):
            assert requests_lite.get(server.url, verify=verify).content == b"ok"
        # What one call trusts, another does not.
        with pytest.raises(requests_lite.SSLError):
            requests_lite.get(server.url)


def test_a_client_certificate_is_shown(certificates: Certificates) -> None:
    import ssl

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificates.authority.issue_cert("127.0.0.1").configure_cert(context)
    certificates.authority.configure_trust(context)
    context.verify_mode = ssl.CERT_REQUIRED
    with Server([Expect(), Send(OK)], tls=context, repeat=True) as server:
        assert requests_lite.get(server.url, verify=certificates.ca, cert=certificates.client).content == b"ok"
        pair = [certificates.client, certificates.client]
        assert requests_lite.get(server.url, verify=certificates.ca, cert=pair).content == b"ok"  # type: ignore[arg-type]
    with pytest.raises(requests_lite.SSLError, match="client certificate"):
        requests_lite.get("https://127.0.0.1:1/", cert="nosuch.pem")


def test_timeouts_are_seconds_pairs_or_triples() -> None:
    assert limits_of(None) == (None, None, None)
    assert limits_of(5) == (5, 5, None)
    assert limits_of((1, None)) == (1, None, None)
    assert limits_of((1, 2, 1e9))[2] is not None


def test_a_timeout_longer_than_the_system_can_count_is_as_good_as_any() -> None:
    with Server([Expect(), Send(OK)] * 2) as server:
        assert requests_lite.get(server.url, timeout=1e12).content == b"ok"
        assert requests_lite.get(server.url, timeout=(1e12, float("inf"), 1e12)).content == b"ok"


def test_content_larger_than_memory_blocks_arrives_as_it_was_sent() -> None:
    digest = hashlib.sha256()

    def receive(connection: socket.socket) -> None:
        with connection.makefile("rb") as stream:
            while stream.readline() != b"\r\n":
                pass
            left = 5_000_000
            while left:
                block = stream.read(min(left, 65536))
                digest.update(block)
                left -= len(block)

    content = bytes(range(250)) * 20_000
    with Server([receive, Send(OK)]) as server:
        assert requests_lite.put(server.url, data=content).content == b"ok"
    assert digest.digest() == hashlib.sha256(content).digest()


def test_content_is_sent_again_whole_or_not_at_all_when_a_request_is() -> None:
    file = io.BytesIO(b"skipped, content")
    file.seek(9)
    request = requests_lite.Request("PUT", data=file)
    with Server([Expect(b"\r\n\r\ncontent"), Send(OK)] * 2) as server:
        request.url = server.url
        assert request.send()
        assert request.send(anyway=True)
    request = requests_lite.Request("PUT", data=iter([b"once"]))
    with Server([Expect(), Send(OK), Expect(b"\r\n\r\nother"), Send(OK)]) as server:
        request.url = server.url
        assert request.send()
        with pytest.raises(requests_lite.UnrewindableBodyError):
            request.send(anyway=True)
        request.data = b"other"
        assert request.send(anyway=True)


@pytest.mark.parametrize("field", ["Content-Encoding: br", "X: y"])
def test_a_large_redirect_is_followed_and_neither_kept_nor_decoded(field: str) -> None:
    head = f"HTTP/1.1 302 Found\r\nLocation: /x\r\n{field}\r\nContent-Length: 10000000\r\n\r\n".encode()
    with Server([Expect(), Send(head + bytes(10_000_000))], [Expect(b"GET /x"), Send(OK)]) as server:
        response = requests_lite.get(server.url)
        assert response.content == b"ok"
        with pytest.raises(requests_lite.StreamConsumedError):
            _ = response.history[0].content


def test_an_empty_location_redirects_nowhere_and_two_are_one_too_many() -> None:
    with Server([Expect(), Send(b"HTTP/1.1 307 X\r\nLocation:\r\nContent-Length: 0\r\n\r\n")]) as server:
        assert requests_lite.post(server.url).status_code == 307
    two = b"HTTP/1.1 302 X\r\nLocation: /a\r\nLocation: /b\r\nContent-Length: 0\r\n\r\n"
    with Server([Expect(), Send(two)]) as server:
        with pytest.raises(requests_lite.ProtocolError, match="2 different ones"):
            requests_lite.get(server.url)


def test_credentials_for_a_part_of_a_server_stay_in_it_on_a_redirect() -> None:
    moved = b"HTTP/1.1 302 Found\r\nLocation: /public\r\nContent-Length: 0\r\n\r\n"
    script = [
        Expect(b"Authorization: Basic"),
        Send(moved),
        Expect(b"GET /public", without=[b"Authorization"]),
        Send(OK),
    ]
    with Server(script) as server:
        requests_lite.add_autoauth(server.url + "/private", ("u", "p"))
        try:
            assert requests_lite.get(server.url + "/private/x").content == b"ok"
        finally:
            requests_lite.core.AUTOAUTHS.clear()


@pytest.mark.parametrize("options", [{"auth": 5}, {"timeout": -1}, {"json": {1}}, {"headers": 5}, {"headers": "a: b"}])
def test_every_error_knows_its_request(options: dict[str, object]) -> None:
    with pytest.raises(requests_lite.RequestException) as caught:
        requests_lite.request("POST", "http://127.0.0.1/", **options)  # type: ignore[arg-type]  # on purpose
    assert repr(caught.value.request) in ("<Request [POST]>", "<PreparedRequest [POST]>")


def test_errors_and_responses_can_be_pickled() -> None:
    with Server([Expect(), Send(b"HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n\r\ngone")]) as server:
        with pytest.raises(requests_lite.HTTPError) as caught:
            requests_lite.get(server.url).raise_for_status()
    copy = pickle.loads(pickle.dumps(caught.value))
    assert (str(copy), copy.response.content) == (str(caught.value), b"gone")
    assert copy.request.url == server.url + "/"
    with Server([Expect(), Send(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf"), Cut()]) as server:
        with pytest.raises(requests_lite.IncompleteRead) as cut:
            requests_lite.put(server.url, data=iter([b"streamed"]))
    copy = pickle.loads(pickle.dumps(cut.value))
    assert (copy.got, copy.of, copy.request.body) == (4, 9, None)
    with pytest.raises(requests_lite.StreamConsumedError):
        _ = copy.response.content


@pytest.mark.parametrize(
    "options", [{"verify": b"ca.pem"}, {"verify": []}, {"cert": 5}, {"cert": {}}, {"verify": "/no/such/ca.pem"}]
)
def test_tls_settings_of_no_use_are_refused_and_not_ignored(options: dict[str, object]) -> None:
    with pytest.raises(requests_lite.SSLError):
        requests_lite.get("https://127.0.0.1:1/", **options)  # type: ignore[arg-type]  # on purpose


def test_a_handshake_without_end_is_a_connect_timeout() -> None:
    with Server([Wait()]) as server:
        with pytest.raises(requests_lite.ConnectTimeout, match="did not end in time"):
            requests_lite.get(server.url.replace("http:", "https:"), timeout=(0.05, 1))


class OnceOnly(io.BytesIO):
    """A file that tells its length, and cannot go back later."""

    seeks = 0

    def seek(self, *where: int) -> int:
        self.seeks += 1
        if self.seeks > 2:
            raise OSError("the tape is torn")
        return super().seek(*where)


def test_a_file_that_cannot_go_back_is_not_sent_again() -> None:
    moved = b"HTTP/1.1 307 X\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n"
    with Server([Expect(b"\r\n\r\ncontent"), Send(moved)]) as server:
        with pytest.raises(requests_lite.UnrewindableBodyError, match="the tape is torn"):
            requests_lite.put(server.url, data=OnceOnly(b"content"), progress=print)


def test_a_file_closed_while_it_is_sent_is_an_error_of_its_own() -> None:
    file = io.BytesIO(bytes(3_000_000))
    with Server([Wait()]) as server:
        with pytest.raises(requests_lite.InvalidContent, match="the content cannot be read: I/O operation on closed"):
            requests_lite.put(server.url, data=file, progress=lambda done, total: file.close())


def test_blocks_in_a_list_are_no_pairs() -> None:
    with pytest.raises(requests_lite.InvalidContent, match="pairs"):
        requests_lite.post("http://127.0.0.1:1/", data=[b"ab", b"cd"])


class Word(str, Enum):
    """A str that calls itself Word.POST, and so on."""

    POST, NAME, VALUE = "POST", "name", "value"


def test_members_of_an_enum_that_are_str_go_out_as_what_they_are() -> None:
    pair: Any = {Word.NAME: Word.VALUE}
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
    with Server([Expect(b"name=value"), Send(head), Expect(b'name="name"\r\n\r\nvalue\r\n'), Send(head)]) as server:
        for content in ({"data": pair}, {"files": {Word.NAME: (None, Word.VALUE)}}):
            requests_lite.request(Word.POST, server.url, params=pair, headers=pair, cookies=pair, **content)
    for request in server.received[0].split(b"POST ")[1:]:
        assert request.startswith(b"/?name=value HTTP/1.1\r\n")
        assert b"\r\nname: value\r\n" in request
        assert b"\r\nCookie: name=value\r\n" in request
    assert server.received[0].count(b"POST ") == 2
