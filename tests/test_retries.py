"""What is made again when it failed, how often, after which pause, and what is not."""

from __future__ import annotations

import io
import math
import socket
import time
from collections.abc import Iterator
from email.utils import formatdate
from pathlib import Path
from typing import Any

import pytest
import urllib3
from hypothesis import given
from hypothesis import strategies as st
from test_session import answer, moved

import requests_lite
from conftest import Certificates
from requests_lite import (
    ConnectionError,
    ConnectTimeout,
    HTTPAdapter,
    HTTPError,
    IncompleteRead,
    PreparedRequest,
    ProtocolError,
    ReadTimeout,
    Request,
    RequestException,
    Response,
    Retry,
    Session,
    SSLError,
    retries,
)
from server import Cut, Expect, Reset, Send, Server, Step, Wait

BUSY = "503 Service Unavailable"
AT_ONCE = Retry(1, backoff=0)


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Return the pauses as they are made; they cost no time."""
    made: list[float] = []
    monkeypatch.setattr(retries, "sleep", made.append)
    return made


# What is made again

HALF = Send(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf")
HALF_A_CHUNK = Send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nhalf")
LOST: dict[str, tuple[list[Step], type[RequestException]]] = {
    "closed": ([Expect(), Cut()], ConnectionError),
    "reset": ([Expect(), Reset()], ConnectionError),
    "half a head": ([Expect(), Send(b"HTTP/1.1 200 OK\r\nContent-"), Cut()], ConnectionError),
    "half a body": ([Expect(), HALF, Cut()], IncompleteRead),
    "half a chunk": ([Expect(), HALF_A_CHUNK, Cut()], IncompleteRead),
    "no HTTP": ([Expect(), Send(b"SSH-2.0-OpenSSH_9.2\r\n\r\n")], ProtocolError),
    "silence": ([Expect(), Wait()], ReadTimeout),
    "silence in the body": ([Expect(), HALF, Wait()], ReadTimeout),
}  # fmt: skip


@pytest.mark.parametrize("how", LOST)
@pytest.mark.parametrize("method", ["GET", "OPTIONS", "TRACE", "PUT", "DELETE"])
def test_what_was_lost_on_the_way(method: str, how: str) -> None:
    with Server(LOST[how][0], [Expect(method.encode()), answer()]) as server:
        response = requests_lite.request(method, server.url, timeout=(5, 0.1), retries=AT_ONCE)
        assert response.content == b"ok"


@pytest.mark.parametrize("how", LOST)
@pytest.mark.parametrize("method", ["POST", "PATCH"])
def test_what_the_server_may_have_acted_upon_is_not_made_again(method: str, how: str) -> None:
    script, error = LOST[how]
    with Server(script) as server:
        with pytest.raises(error) as caught:
            requests_lite.request(method, server.url, data=b"once", timeout=(5, 0.1), retries=AT_ONCE)
        assert server.connections == 1
    sent = caught.value.request
    assert isinstance(sent, PreparedRequest)
    assert sent.method == method


@pytest.mark.parametrize("methods", [None, {"POST"}, ["PUT", "POST"], {"post"}])
@pytest.mark.parametrize("how", ["closed", "half a body"])
def test_unless_it_is_told_to(methods: Any, how: str) -> None:
    with Server(LOST[how][0], [Expect(b"\r\n\r\ntwice"), answer()]) as server:
        assert requests_lite.post(server.url, b"twice", retries=Retry(1, 0, methods=methods)).ok


def test_methods_that_are_not_named() -> None:
    with Server([Expect(), Cut()]) as server, pytest.raises(ConnectionError):
        requests_lite.get(server.url, retries=Retry(1, 0, methods=["POST"]))


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_statuses(status: int) -> None:
    with Server([Expect(), answer(status=f"{status} Sorry")], [Expect(b"GET /x?a=b "), answer()]) as server:
        assert requests_lite.get(server.url + "/x", {"a": "b"}, retries=AT_ONCE).status_code == 200


@pytest.mark.parametrize("status", [200, 204, 304, 400, 404, 408, 425, 500, 501])
def test_statuses_that_are_answers(status: int) -> None:
    with Server([Expect(), answer(b"", status=f"{status} X")]) as server:
        assert requests_lite.get(server.url, retries=AT_ONCE).status_code == status


@pytest.mark.parametrize(("statuses", "tries"), [([500], 2), ((), 1), (range(500, 600), 2), ({503}, 1)])
def test_statuses_of_one_s_own(statuses: Any, tries: int) -> None:
    with Server([Expect(), answer(status="500 Oh")], [Expect(), answer()]) as server:
        response = requests_lite.get(server.url, retries=Retry(1, 0, statuses))
        assert (response.status_code, server.connections) == ((500, 1), (200, 2))[tries - 1]


def test_the_status_of_a_post_is_its_answer() -> None:
    with Server([Expect(), answer(b"busy", status=BUSY)]) as server:
        assert requests_lite.post(server.url, b"once", retries=AT_ONCE).content == b"busy"


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_whoever_was_not_reached_is_asked_again(method: str, monkeypatch: pytest.MonkeyPatch) -> None:
    places = {"app.test": "::1"}  # where nobody listens at this port
    monkeypatch.setattr(retries, "sleep", lambda _: places.update({"app.test": "127.0.0.1"}))
    with Server([Expect(method.encode()), answer()]) as server, Session(resolve=places) as session:
        content = iter([b"not begun"])  # which could not go out twice
        assert session.request(method, f"http://app.test:{server.port}", data=content, retries=1).ok


def test_a_connection_that_takes_too_long_is_tried_again() -> None:
    with Server([Wait()], repeat=True) as server:  # no TLS comes from it
        url = server.url.replace("http:", "https:")
        with pytest.raises(ConnectTimeout):
            requests_lite.post(url, b"content", timeout=(0.05, 5), retries=Retry(2, 0))
        assert server.connections == 3


def test_a_certificate_does_not_get_better(certificates: Certificates) -> None:
    with Server([Wait()], tls=certificates.server) as server:
        with pytest.raises(SSLError):
            requests_lite.get(server.url, retries=Retry(3, 0))
        assert server.connections == 1


def test_what_does_not_decode_is_no_accident() -> None:
    with Server([Expect(), answer(b"not gzip", "Content-Encoding: gzip")]) as server:
        with pytest.raises(requests_lite.ContentDecodingError):
            requests_lite.get(server.url, retries=AT_ONCE)


# How often


@pytest.mark.parametrize("total", [0, 1, 2, 5])
def test_so_many_more_tries_and_then_the_answer_is_what_it_is(total: int, pauses: list[float]) -> None:
    script = [Expect(), answer(b"busy", status=BUSY)]
    with Server(script, repeat=True) as server:
        response = requests_lite.get(server.url, retries=total)
        assert (response.status_code, response.content) == (503, b"busy")
        assert (server.connections, len(pauses)) == (total + 1, total)
    assert response.history == []


def test_so_many_more_tries_and_then_the_error_is_what_it_is() -> None:
    with Server([Expect(), Cut()], [Expect(), Reset()], [Expect(), Send(b"220 FTP\r\n\r\n"), Cut()]) as server:
        with pytest.raises(ProtocolError, match="FTP"):
            requests_lite.get(server.url, retries=Retry(2, 0))


def test_without_retries_nothing_is_made_again() -> None:
    with Server([Expect(), answer(b"", status=BUSY), Expect(), Cut()]) as server, Session() as session:
        assert session.get(server.url).status_code == 503
        with pytest.raises(ConnectionError):
            session.post(server.url, b"x")


@pytest.mark.parametrize("total", [0, -1])
def test_none_is_none(total: int) -> None:
    assert not Retry(total)
    with Server([Expect(), answer(b"", status=BUSY)]) as server:
        assert requests_lite.get(server.url, retries=Retry(total)).status_code == 503
        assert server.connections == 1


def test_a_retry_has_a_face() -> None:
    assert (repr(Retry()), bool(Retry())) == ("<Retry [3]>", True)


def test_each_step_of_a_redirect_has_its_tries() -> None:
    first = (
        [Expect(b"GET /1"), answer(b"busy", status=BUSY)],
        [Expect(b"GET /1"), moved("/2"), Expect(b"GET /2"), Cut()],
    )
    with Server(*first, [Expect(b"GET /2"), answer()]) as server:
        response = requests_lite.get(server.url + "/1", retries=AT_ONCE)
        assert (response.ok, len(response.history)) == (True, 1)


def test_a_connection_goes_on_where_the_answer_was_complete() -> None:
    with Server([Expect(), answer(b"", status=BUSY), Expect(), answer()]) as server:
        assert requests_lite.get(server.url, retries=AT_ONCE).ok


def test_what_an_answer_given_up_still_has_to_say_is_not_waited_for() -> None:
    endless = Send(f"HTTP/1.1 {BUSY}\r\nContent-Length: 1000000000\r\n\r\nsorry".encode())
    with Server([Expect(), endless, Wait()], [Expect(), answer()]) as server:
        assert requests_lite.get(server.url, retries=AT_ONCE).ok
        assert server.closed_by_client(0)


def test_what_busy_answers_set_and_who_hears_of_them() -> None:
    heard: list[int] = []
    busy = answer(b"", "Set-Cookie: a=1", status=BUSY)
    with Server([Expect(without=[b"Cookie"]), busy, Expect(b"Cookie: a=1"), answer()]) as server, Session() as session:
        session.get(server.url, retries=AT_ONCE, hooks={"response": lambda r, **_: heard.append(r.status_code)})
    assert heard == [503, 200]


def test_a_stream_is_made_again_until_its_head_is_there() -> None:
    with Server([Expect(), Cut()], [Expect(), answer(b"x", status=BUSY)], [Expect(), HALF, Cut()]) as server:
        with requests_lite.get(server.url, stream=True, retries=Retry(3, 0)) as response:
            assert response.read(4) == b"half"
            with pytest.raises(IncompleteRead, match="4 of 9"):
                response.read()
        assert server.connections == 3


# When


def pause(retry: Retry, tried: int = 1, after: str | None = None) -> float:
    came = Response()
    came.status_code, came.headers["Retry-After"] = 503, after
    return retry.pause(tried, "GET", came)


def test_pauses_grow_and_no_two_clients_make_the_same(pauses: list[float]) -> None:
    with Server([step for _ in range(6) for step in (Expect(), answer(b"", status=BUSY))]) as server:
        assert requests_lite.get(server.url, retries=Retry(5, backoff=0.5)).status_code == 503
    assert len(pauses) == 5
    for turn, made in enumerate(pauses):
        assert 0.75 <= made / (0.5 * 2**turn) <= 1.25
    assert len({pause(Retry(backoff=1)) for _ in range(20)}) > 10


def test_the_first_pause_of_all() -> None:
    assert 0.375 <= pause(Retry()) <= 0.625
    assert pause(Retry(backoff=0)) == 0


def test_however_many_tries_a_pause_is_a_number() -> None:
    assert math.isfinite(pause(Retry(10**6), 10**6))


def test_a_pause_is_really_made() -> None:
    with Server([Expect(), answer(b"", status=BUSY), Expect(), answer()]) as server:
        started = time.monotonic()
        assert requests_lite.get(server.url, retries=Retry(1, backoff=0.1)).ok
        assert 0.075 <= time.monotonic() - started < 5


@pytest.mark.parametrize("after", ["0", "7", " 7 ", "120", "007"])
@pytest.mark.parametrize("status", [BUSY, "429 Too Many Requests"])
def test_seconds_that_the_server_asks_for(after: str, status: str, pauses: list[float]) -> None:
    busy = answer(b"", f"Retry-After: {after}", status=status)
    with Server([Expect(), busy, Expect(), answer()]) as server:
        assert requests_lite.get(server.url, retries=1).ok
    assert pauses == [float(after)]


@pytest.mark.parametrize(("ahead", "least", "most"), [(60, 50, 60), (-60, 0, 0), (-(10**9), 0, 0)])
def test_a_date_that_the_server_asks_for(ahead: int, least: float, most: float, pauses: list[float]) -> None:
    busy = answer(b"", f"Retry-After: {formatdate(time.time() + ahead, usegmt=True)}", status=BUSY)
    with Server([Expect(), busy, Expect(), answer()]) as server:
        assert requests_lite.get(server.url, retries=1).ok
    assert least <= pauses[0] <= most


@pytest.fixture(params=["UTC0", "TOKYO-9", "LIMA5"])
def zone(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Have this process live in a time zone."""
    with monkeypatch.context() as patch:
        patch.setenv("TZ", request.param)
        time.tzset()
        yield
    time.tzset()


@pytest.mark.usefixtures("zone")
@pytest.mark.parametrize("form", ["%a, %d %b %Y %H:%M:%S GMT", "%A, %d-%b-%y %H:%M:%S GMT", "%a %b %e %H:%M:%S %Y"])
def test_the_three_forms_of_a_date_wherever_we_are(form: str) -> None:
    """RFC 9110 s5.6.7: a recipient MUST accept all three, and all are in UTC."""
    after = time.strftime(form, time.gmtime(time.time() + 100))
    assert 90 <= pause(Retry(), after=after) <= 100


@pytest.mark.parametrize(
    "after",
    ["-1", "1.5", "soon", "²", "Thu, 99 Foo 2026 00:00:00 GMT", "Fri, 31 Dec 99999 23:59:59 GMT", "1e3", ";", "1 2"],
)
def test_what_is_neither_is_as_if_it_was_not_there(after: str) -> None:
    assert 0.75 <= pause(Retry(backoff=1), after=after) <= 1.25


@given(st.text(max_size=40) | st.from_regex(r"[A-Z][a-z]{2},? \d+[ -]\w{3}[ -]\d+ \d+:\d+(:\d+)?( \w+)?"))
def test_no_retry_after_is_an_error(after: str) -> None:
    assert -1 <= pause(Retry(), after=after) <= 120


@pytest.mark.parametrize(
    ("after", "longest", "made"), [("121", 120, []), ("9" * 5000, 1e9, []), ("3", 3, [3.0]), ("4", 3, [])]
)
def test_a_pause_too_long_ends_it(after: str, longest: float, made: list[float], pauses: list[float]) -> None:
    busy = answer(b"later", f"Retry-After: {after}", status=BUSY)
    with Server([Expect(), busy], [Expect(), answer()]) as server:
        response = requests_lite.get(server.url, retries=Retry(1, longest=longest))
    assert (response.content, pauses) == (b"ok" if made else b"later", made)


def test_the_deadline_bounds_all_tries_and_pauses() -> None:
    script = [Expect(), answer(status=BUSY)]
    with Server(script, repeat=True) as server:
        started = time.monotonic()
        assert requests_lite.get(server.url, timeout=(5, 5, 0.4), retries=Retry(1000, 0.02)).status_code == 503
        assert time.monotonic() - started < 0.6
        assert 2 <= server.connections < 20


@pytest.mark.parametrize("fields", [[], ["Retry-After: 30"]])
@pytest.mark.parametrize("by", ["call", "session"])
def test_no_pause_goes_past_the_deadline(fields: list[str], by: str) -> None:
    with Server([Expect(), answer(b"busy", *fields, status=BUSY)]) as server:
        limits: dict[str, Any] = {"timeout": (5, 5, 9.0), "retries": Retry(3, backoff=20)}
        with Session(**limits if by == "session" else {}) as session:
            started = time.monotonic()
            assert session.get(server.url, **limits if by == "call" else {}).content == b"busy"
            assert time.monotonic() - started < 5


def test_the_next_try_has_what_is_left_of_the_time() -> None:
    with Server([Expect(), Wait()], [Expect(), Wait()]) as server:
        started = time.monotonic()
        with pytest.raises(ReadTimeout):
            requests_lite.get(server.url, timeout=(5, 0.2, 0.3), retries=Retry(5, 0))
        assert 0.28 <= time.monotonic() - started < 2
        assert server.connections == 2


# Content


def opened(path: Path) -> io.BufferedReader:
    file = path.open("rb")
    file.seek(4)
    return file


CONTENT = b"content" * 30_000


@pytest.mark.parametrize("end", [[Cut()], [answer(b"", "Connection: close", status=BUSY)]], ids=["lost", "busy"])
@pytest.mark.parametrize("kind", ["bytes", "str", "file", "BytesIO", "list", "form", "json"])
def test_content_goes_out_from_where_it_began(kind: str, end: list[Step], tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"skip" + CONTENT)
    held = io.BytesIO(b"skip" + CONTENT)
    held.seek(4)

    class Again:
        def __iter__(self) -> Iterator[bytes]:
            return iter([b"content"] * 30_000)

    with opened(path) as file:
        kinds: dict[str, dict[str, Any]] = {
            "bytes": {"data": CONTENT}, "str": {"data": CONTENT.decode()}, "file": {"data": file},
            "BytesIO": {"data": held}, "list": {"data": Again()}, "form": {"files": {"f": path}},
            "json": {"json": CONTENT.decode()},
        }  # fmt: skip
        with Server([Expect(), *end], [Expect(), answer()]) as server:
            assert requests_lite.put(server.url, **kinds[kind], retries=AT_ONCE).ok
    first, second = (received.partition(b"\r\n\r\n") for received in server.received)
    assert first == second
    assert first[2].replace(b"7\r\n", b"").replace(b"\r\n", b"").count(b"content") == 30_000


def test_content_that_cannot_go_back_leaves_the_answer_as_it_is(pauses: list[float]) -> None:
    with Server([Expect(), answer(b"busy", status=BUSY)]) as server:
        response = requests_lite.put(server.url, iter([b"a", b"b"]), retries=3)
        assert (response.content, server.connections, pauses) == (b"busy", 1, [])


def test_content_that_cannot_go_back_leaves_the_error_as_it_is(pauses: list[float]) -> None:
    with Server([Expect(), Cut()]) as server:
        with pytest.raises(ConnectionError, match="closed by the server"):
            requests_lite.put(server.url, iter([b"a", b"b"]), retries=3)
        assert pauses == []


def test_progress_tells_of_each_try() -> None:
    told: list[int] = []
    with Server([Expect(), Cut()], [Expect(), answer()]) as server:
        requests_lite.put(server.url, b"1234", progress=lambda done, total: told.append(done), retries=AT_ONCE)
    assert told == [4, 4]


# Who says so


def test_the_call_counts_before_the_session_and_that_before_the_adapter(pauses: list[float]) -> None:
    for call, session_s, adapter_s, tries in [
        (None, None, 0, 1), (None, None, 2, 1), (None, 1, 2, 2), (None, 0, 2, 1), (0, 1, 2, 1), (3, 1, 2, 4),
        (Retry(1), 3, 0, 2), (None, Retry(2), Retry(5), 3), (None, None, Retry(4), 5), (True, None, 0, 2),
    ]:  # fmt: skip
        with Server([Expect(), answer(status=BUSY)], repeat=True) as server, Session(retries=session_s) as session:
            session.mount(server.url, HTTPAdapter(max_retries=adapter_s))
            assert session.get(server.url, retries=call).status_code == 503
            assert server.connections == tries, (call, session_s, adapter_s)


def test_a_number_for_an_adapter_is_for_what_was_lost(pauses: list[float]) -> None:
    """As in requests: no status is a reason."""
    with Server([Expect(), Cut()], [Expect(), answer(status=BUSY)]) as server, Session() as session:
        session.mount(server.url, HTTPAdapter(max_retries=2))
        assert session.get(server.url).status_code == 503
    assert pauses == [0]


def test_a_status_that_stays_is_an_error_where_urllib3_has_it_so(pauses: list[float]) -> None:
    theirs: Any = urllib3.Retry(2, status_forcelist=[503])
    with Server([Expect(), answer(status=BUSY)], repeat=True) as server:
        with pytest.raises(requests_lite.RetryError, match=r"still 503 .* after 3 tries: http") as caught:
            requests_lite.get(server.url, retries=theirs)
        assert caught.value.response.status_code == 503
        assert server.connections == 3
    with Server([Expect(), answer(status=BUSY)]) as server:  # a POST is not tried again
        assert requests_lite.post(server.url, retries=theirs).status_code == 503
    lenient: Any = urllib3.Retry(2, status_forcelist=[503], raise_on_status=False)
    with Server([Expect(), answer(status=BUSY)], repeat=True) as server:
        assert requests_lite.get(server.url, retries=lenient).status_code == 503


def test_requests_and_prepared_ones(pauses: list[float]) -> None:
    with Server([Expect(), answer(status=BUSY)], repeat=True) as server:
        request = Request("GET", server.url, retries=1)
        request.send()
        assert (request.response.status_code, server.connections) == (503, 2)
        with Session() as session:
            session.send(request.prepare(), retries=2)
        assert server.connections == 5


def test_a_session_may_raise_what_is_left(pauses: list[float]) -> None:
    with Server([Expect(), answer(status=BUSY)], repeat=True) as server:
        with Session(retries=1, raise_for_status=True) as session, pytest.raises(HTTPError, match="503"):
            session.get(server.url)
        assert server.connections == 2


def test_a_function_in_the_place_of_a_network_is_asked_again(pauses: list[float]) -> None:
    answers: list[Any] = [ConnectionError("gone"), 503, 200]

    def function(request: PreparedRequest) -> Response:
        following = answers.pop(0)
        if isinstance(following, Exception):
            raise following
        response = Response()
        response.status_code = following
        return response

    session = Session(retries=2)
    session.mount("http://app", function)
    assert session.get("http://app/").status_code == 200
    assert len(pauses) == 2


NAMED: dict[str, Any] = {"total": 4, "backoff_factor": 0.1, "status_forcelist": [500], "allowed_methods": ["POST"]}


def test_numbers_and_the_retry_of_urllib3() -> None:
    mine = Retry(7)
    assert Retry.of(mine) is mine
    assert [Retry.of(none) for none in (None, 0, False, urllib3.Retry(0), urllib3.Retry(False))] == [None] * 5
    three, theirs, plain = Retry.of(3), Retry.of(urllib3.Retry(**NAMED)), Retry.of(urllib3.Retry(2))
    assert three is not None
    assert theirs is not None
    assert plain is not None
    assert (three.total, three.backoff, three.longest) == (3, 0.5, 120)
    assert (theirs.total, theirs.backoff, theirs.statuses, theirs.methods) == (
        4,
        0.1,
        frozenset({500}),
        frozenset({"POST"}),
    )
    assert (plain.total, plain.backoff, plain.statuses) == (2, 0, frozenset())
    assert plain.methods == urllib3.Retry.DEFAULT_ALLOWED_METHODS
    fewest = Retry.of(urllib3.Retry(None, connect=3, status=2))
    assert fewest is not None
    assert (fewest.total, fewest.raises, theirs.raises, three.raises) == (2, True, True, False)
    everything = Retry.of(urllib3.Retry(2, allowed_methods=None))
    assert everything is not None
    assert everything.methods is None


@pytest.mark.parametrize("where", ["call", "session", "adapter"])
def test_the_retry_of_urllib3_wherever_it_is_given(where: str) -> None:
    theirs: Any = urllib3.Retry(1, status_forcelist=[500], allowed_methods=["POST"])
    with Server([Expect(), answer(status="500 Oh")], [Expect(), answer()]) as server:
        with Session(retries=theirs if where == "session" else None) as session:
            if where == "adapter":
                session.mount("http://", HTTPAdapter(max_retries=theirs))
            assert session.post(server.url, retries=theirs if where == "call" else None).ok


@pytest.mark.parametrize("wrong", ["3", 1.5, [3], object()])
def test_what_is_neither_a_number_nor_a_retry(wrong: Any) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setblocking(False)
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        with pytest.raises(TypeError, match="retries= is a number or a Retry, not "):
            requests_lite.get(url, retries=wrong)
        with pytest.raises(TypeError, match="retries= is a number or a Retry, not "):
            Session(retries=wrong).get(url)
        with pytest.raises(BlockingIOError):  # nobody came
            listener.accept()
    with pytest.raises(TypeError, match="retries= is a number or a Retry"):
        HTTPAdapter(max_retries=wrong)


def test_libraries_that_play_a_server_and_ask_hear_that_it_is_not_theirs_to_do() -> None:
    assert Retry(methods=None).is_retry("GET", 503, has_retry_after=True) is False


def test_a_retry_is_another_use_of_a_nonce(pauses: list[float]) -> None:
    """RFC 7616 s3.4: a count that comes again is a replay."""
    asks = b'HTTP/1.1 401 No\r\nWWW-Authenticate: Digest realm="r", nonce="n", qop="auth"\r\nContent-Length: 0\r\n\r\n'
    first = [Expect(), Send(asks), Expect(b"nc=00000001"), answer(status=BUSY)]
    with Server(first, [Expect(b"nc=00000002"), answer()]) as server:
        assert requests_lite.get(server.url, auth=requests_lite.HTTPDigestAuth("u", "p"), retries=AT_ONCE).ok


def test_a_kind_of_failure_that_urllib3_shall_not_retry_leaves_the_others() -> None:
    urllib3 = pytest.importorskip("urllib3")
    given = Retry.of(urllib3.util.Retry(total=3, read=False, status=2, status_forcelist=[503]))
    assert given is not None
    assert given.total == 2
    assert Retry.of(urllib3.util.Retry(total=False)) is None
