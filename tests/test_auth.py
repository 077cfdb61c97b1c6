"""Who is asking: the RFCs' own examples, the parser of challenges, and what Digest does from one answer to the next."""

from __future__ import annotations

import copy
import hashlib
import pickle
import re
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import requests_lite
from requests_lite.auth import (
    AUTOAUTHS,
    AuthBase,
    AuthObject,
    HTTPBasicAuth,
    HTTPBearerAuth,
    HTTPDigestAuth,
    HTTPProxyAuth,
    as_auth,
    challenges,
    credentials_for,
    digest,
    strongest,
)
from requests_lite.exceptions import AuthenticationError, InvalidHeader
from requests_lite.packages.poster.headers import Headers
from requests_lite.prepared import PreparedRequest
from requests_lite.urls import split_url
from server import Server

needs_sha512_256 = pytest.mark.skipif(
    "sha512_256" not in hashlib.algorithms_available, reason="this OpenSSL has no SHA-512/256"
)


def asked(url: str = "http://h/dir/index.html", method: str = "GET", **fields: str) -> PreparedRequest:
    return PreparedRequest(method, split_url(url), Headers(fields), None)


def sent(request: PreparedRequest) -> dict[str, str]:
    """Return the parameters of the Digest credentials in a request; {} where there are none."""
    return dict(challenges(request.headers.getlist("authorization"))).get("digest", {})


def refused(*values: str) -> Headers:
    headers = Headers()
    for value in values:
        headers.add("WWW-Authenticate", value)
    return headers


# What auth= takes


def authorized(request: PreparedRequest, auth: Callable[..., Any]) -> PreparedRequest:
    request.prepare_auth(auth)
    return request


def test_basic_as_in_the_rfc() -> None:
    assert HTTPBasicAuth is AuthObject
    assert AuthObject("Aladdin", "open sesame").header() == "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="
    assert AuthObject("test", b"123\xc2\xa3").header() == "Basic dGVzdDoxMjPCow=="  # RFC 7617 s2.1
    request = asked()
    assert AuthObject("Aladdin", "open sesame")(request) is request
    assert request.headers == {"Authorization": "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="}


@pytest.mark.parametrize(
    ("auth", "fields"),
    [
        (("u", "p"), {"Authorization": "Basic dTpw"}),
        (["u", "p"], {"Authorization": "Basic dTpw"}),
        (AuthObject("u", "p"), {"Authorization": "Basic dTpw"}),
        (HTTPProxyAuth("u", "p"), {"Proxy-Authorization": "Basic dTpw"}),
        ("t0k.en~+/==", {"Authorization": "Bearer t0k.en~+/=="}),
        (HTTPBearerAuth("a:b c"), {"Authorization": "Bearer a:b c"}),
        (HTTPDigestAuth("u", "p"), {}),
    ],
)
def test_everything_that_auth_takes(auth: object, fields: dict[str, str]) -> None:
    request = asked()
    made = as_auth(auth)
    assert made(request) is request
    assert request.headers == fields
    assert made.answer(request, 401, refused()) is False


@pytest.mark.parametrize("auth", [5, b"token", "", "user:password", "Bearer token", ("u",), ("u", "p", "q"), {}])
def test_what_auth_does_not_take(auth: object) -> None:
    with pytest.raises(AuthenticationError, match="auth= is") as caught:
        as_auth(auth)
    assert "password" not in str(caught.value).replace("(username, password)", "")


def test_a_function_is_called_with_the_request() -> None:
    def sign(request: PreparedRequest) -> PreparedRequest:
        request.headers["X-Signed"] = f"{request.method} {request.url} {request.body!r}"
        return request

    assert authorized(asked(), as_auth(sign)).headers == {"X-Signed": "GET http://h/dir/index.html None"}


def test_a_function_that_forgets_its_return_is_told_so() -> None:
    with pytest.raises(AuthenticationError, match="return the request"):
        authorized(asked(), as_auth(lambda request: None))


def test_a_subclass_has_a_header_or_a_call() -> None:
    class Key(AuthBase):
        field = "X-Key"

        def header(self) -> str:
            return "k"

    assert authorized(asked(), as_auth(Key())).headers == {"X-Key": "k"}
    with pytest.raises(NotImplementedError, match="AuthBase has neither"):
        AuthBase()(asked())


def test_logins_compare_and_hide_their_passwords() -> None:
    kinds: list[Callable[[str, str], AuthBase]] = [AuthObject, HTTPProxyAuth, HTTPDigestAuth]
    for kind in kinds:
        assert kind("u", "p") == kind("u", "p")
        assert kind("u", "p") != kind("u", "q")
        assert kind("u", "p") != object()
        assert len({kind("u", "p"), kind("u", "p")}) == 1
        assert repr(kind("u", "p4ss")) == f"<{kind.__name__} ['u']>"
    assert AuthObject("u", "p") != HTTPProxyAuth("u", "p")
    assert AuthObject("u", "p") != HTTPDigestAuth("u", "p")
    assert "t0ken" not in repr(HTTPBearerAuth("t0ken"))


@pytest.mark.parametrize("text", ["a\r\nX-Evil: 1", "a\nb", "a\rb", "a\0b"])
def test_nothing_injects_a_field(text: str) -> None:
    knows = HTTPDigestAuth(text, "p")
    with Server([]) as server:
        knows.answer(asked(server.url), 401, refused('Digest realm="r", nonce="n"'))
        for auth in HTTPBearerAuth(text), knows:
            request = authorized(asked(server.url), auth)
            with pytest.raises(InvalidHeader):
                requests_lite.get(server.url, headers=request.headers)


@pytest.mark.parametrize(("username", "password"), [("\ud800", "p"), ("u", "\ud800"), (1, "p"), ("u", None)])
def test_a_login_that_has_no_octets(username: Any, password: Any) -> None:
    knows = HTTPDigestAuth(username, password)
    for charset in "", ", charset=UTF-8":
        knows.answer(asked(), 401, refused('Digest realm="r", nonce="n"' + charset))
        for auth in AuthObject(username, password), knows:
            with pytest.raises(AuthenticationError):
                auth(asked())


def test_a_colon_in_a_username_is_for_digest_alone() -> None:
    with pytest.raises(AuthenticationError, match="colon"):
        AuthObject("a:b", "p").header()


def test_autoauth_takes_what_auth_takes() -> None:
    auth = HTTPDigestAuth("u", "p")
    try:
        requests_lite.add_autoauth("http://h/a", auth)
        requests_lite.add_autoauth("http://h/b", "t0ken")
        assert credentials_for(split_url("http://h/a/c"), AUTOAUTHS) is auth
        assert credentials_for(split_url("http://h/b"), AUTOAUTHS).header() == "Bearer t0ken"
    finally:
        AUTOAUTHS.clear()


def test_who_gets_credentials_without_asking(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The URL's userinfo, then autoauth, and netrc last and only when wanted."""
    file = tmp_path / "netrc"
    file.write_text("machine h login net password rc\n")
    monkeypatch.setenv("NETRC", str(file))
    autoauths = [("http://h/private", AuthObject("auto", "auth"))]
    assert credentials_for(split_url("http://u:p@h/private"), autoauths, netrc=True) == AuthObject(b"u", b"p")
    assert credentials_for(split_url("http://h/private"), autoauths, netrc=True) == AuthObject("auto", "auth")
    assert credentials_for(split_url("http://h/"), autoauths, netrc=True) == AuthObject("net", "rc")
    assert credentials_for(split_url("http://h/"), autoauths) is None
    assert credentials_for(split_url("http://other/"), autoauths, netrc=True) is None


# Challenges


@pytest.mark.parametrize(
    ("values", "found"),
    [
        ([], []),
        ([""], []),
        ([" , ,"], []),
        (["Basic"], [("basic", {})]),
        (['Basic realm="a"'], [("basic", {"realm": "a"})]),
        (["BASIC REALM=a"], [("basic", {"realm": "a"})]),
        (['Basic  realm = "a" , charset\t=\t"UTF-8"'], [("basic", {"realm": "a", "charset": "UTF-8"})]),
        (['Basic realm="a, b", x=1'], [("basic", {"realm": "a, b", "x": "1"})]),
        ([r'Basic realm="a \"b\" \\ \c"'], [("basic", {"realm": r'a "b" \ c'})]),
        (['Basic realm=""'], [("basic", {"realm": ""})]),
        (['Basic realm="a", realm="b"'], [("basic", {"realm": "a"})]),
        (["Negotiate, NTLM"], [("negotiate", {}), ("ntlm", {})]),
        (["Negotiate YII/+-._~=="], [("negotiate", {"": "YII/+-._~=="})]),
        (["NTLM abc,Basic realm=x"], [("ntlm", {"": "abc"}), ("basic", {"realm": "x"})]),
        # RFC 9110 s11.6.1
        (
            ['Basic realm="simple", Newauth realm="apps", type=1, title="Login to \\"apps\\""'],
            [("basic", {"realm": "simple"}), ("newauth", {"realm": "apps", "type": "1", "title": 'Login to "apps"'})],
        ),
        (['Digest realm="a", , nonce=b,', "Basic"], [("digest", {"realm": "a", "nonce": "b"}), ("basic", {})]),
        # What servers do that is not quite right
        (["Digest nonce=ab==, realm=a/b"], [("digest", {"nonce": "ab==", "realm": "a/b"})]),
        (['Digest,realm="a"'], [("digest", {"realm": "a"})]),
        (['realm="a", Basic realm="b"'], [("basic", {"realm": "b"})]),
        (['Digest realm="a'], [("digest", {})]),
        (['Digest realm="a\\'], [("digest", {})]),
        (['Digest nonce=a, realm="b, Basic realm=c'], [("digest", {"nonce": "a"})]),
        (['Digest nonce=a, realm="b" c, qop="auth"'], [("digest", {"nonce": "a", "qop": "auth"})]),
        (['Digest nonce="a"b"c", x=1'], [("digest", {"x": "1"})]),
        (["Digest, =a, ==, x=, y=1"], [("digest", {"y": "1"})]),
        (['"Basic" realm=a'], []),
        (["Basic realm='a'"], [("basic", {"realm": "'a'"})]),
    ],
)
def test_challenges(values: list[str], found: list[tuple[str, dict[str, str]]]) -> None:
    assert challenges(values) == found


@given(st.lists(st.text(alphabet='ab="\\, \t/\xe9\n')) | st.lists(st.text()))
def test_no_value_is_too_strange_to_parse(values: list[str]) -> None:
    for scheme, parameters in challenges(values):
        assert re.fullmatch(r"[!-~]+", scheme)
        assert scheme == scheme.lower()
        assert all(name == name.lower() for name in parameters)


tokens = st.text("abcXYZ019-._~", min_size=1)
spaces = st.sampled_from(["", " ", "\t "])


@given(
    st.lists(st.tuples(tokens, st.dictionaries(tokens.map(str.lower), st.tuples(st.text(), st.booleans())))),
    spaces,
    spaces,
)
def test_what_is_well_formed_comes_back(
    given_: list[tuple[str, dict[str, tuple[str, bool]]]], before: str, after: str
) -> None:
    def shown(value: str, bare: bool) -> str:
        if bare and re.fullmatch(r"[A-Za-z0-9]+", value):
            return value
        return '"' + re.sub(r'(["\\])', r"\\\1", value) + '"'

    elements = []
    for scheme, parameters in given_:
        fields = [f"{name}{before}={after}{shown(*value)}" for name, value in parameters.items()]
        elements.append(f"{scheme} {f'{before},{after}'.join(fields)}")
    values = [f"{before},{after}".join(elements)], elements
    for lines in values:
        assert challenges(lines) == [
            (scheme.lower(), {name: value for name, (value, _) in parameters.items()}) for scheme, parameters in given_
        ]


@pytest.mark.parametrize(
    "text",
    [
        '"',
        "\\",
        '\\"',
        '"\\',
        ",",
        " ",
        "a",
        "a ",
        "a=",
        "=",
        'a="',
        'a="\\',
        "a=b,",
        'a "b" ',
        "a \t",
        '""',
        "a,",
        "a\n",
    ],
)
def test_challenges_take_time_in_proportion(text: str) -> None:
    """As much as a head may hold of the worst kind: squared, that would take hours."""
    value = text * (300_000 // len(text))
    start = time.process_time()
    for line in (value, "Digest " + value, "Digest realm=" + value, 'Digest realm="' + value, value + "="):
        challenges([line])
    assert time.process_time() - start < 20


# Digest

MUFASA = {
    "realm": "http-auth@example.org",
    "qop": "auth, auth-int",
    "nonce": "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v",
    "opaque": "FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS",
}
DOE = {
    "realm": "api@example.org",
    "qop": "auth",
    "algorithm": "SHA-512-256",
    "nonce": "5TsQWLVdgBdmrQ0XsxbDODV+57QdFR34I9HAbC/RVvkK",
    "opaque": "HRPCssKJSGjCrkzDg8OhwpzCiGPChXYjwrI2QmXDnsOS",
    "charset": "UTF-8",
}


def answered(challenge: dict[str, str], username: str, password: str, target: str, cnonce: str) -> dict[str, str]:
    login = HTTPDigestAuth(username, password)
    return challenges([digest(challenge, login, "GET", target, 1, cnonce)])[0][1]


@pytest.mark.parametrize(
    ("algorithm", "response"),
    [
        ("MD5", "8ca523f5e9506fed4657c9700eebdbec"),
        ("SHA-256", "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"),
    ],
)
def test_digest_as_in_rfc_7616(algorithm: str, response: str) -> None:
    """Section 3.9.1."""
    cnonce = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ"
    found = answered({**MUFASA, "algorithm": algorithm}, "Mufasa", "Circle of Life", "/dir/index.html", cnonce)
    expected = {"username": "Mufasa", "uri": "/dir/index.html", "algorithm": algorithm, "response": response}
    assert found == {**MUFASA, **expected, "qop": "auth", "nc": "00000001", "cnonce": cnonce}


@needs_sha512_256
def test_digest_with_sha_512_256_and_userhash() -> None:
    """RFC 7616 s3.9.2, whose own values came from an early draft of SHA-512/256 (erratum 4897)."""
    cnonce = "NTg6RKcb9boFIAS3KrFK9BGeh+iDa/sm6jUMp2wds69v"
    response = "3798d4131c277846293534c3edc11bd8a5e4cdcbff78b05db9d95eeb1cec68a5"
    found = answered({**DOE, "userhash": "true"}, "Jäsøn Doe", "Secret, or not?", "/doe.json", cnonce)
    assert found.pop("username") == "793263caabb707a56211940d90411ea4a575adeccb7e360aeb624ed06ece9b0b"
    assert found.pop("userhash") == "true"
    assert found["response"] == response
    found = answered(DOE, "Jäsøn Doe", "Secret, or not?", "/doe.json", cnonce)
    assert found["response"] == response
    assert found["username*"] == "UTF-8''J%C3%A4s%C3%B8n%20Doe"
    assert "username" not in found


def test_digest_as_in_rfc_2617() -> None:
    """Section 3.5; and RFC 2069, which had no qop."""
    challenge = {"realm": "testrealm@host.com", "nonce": "dcd98b7102dd2f0e8b11d0f600bfb0c093"}
    mufasa = "Mufasa", "Circle Of Life", "/dir/index.html", "0a4f113b"
    found = answered({**challenge, "qop": "auth,auth-int"}, *mufasa)
    assert found["response"] == "6629fae49393a05397450978507c4ef1"
    assert "opaque" not in found
    assert "algorithm" not in found
    found = answered(challenge, *mufasa)
    assert found["response"] == "670fd8c2df070c60b045671b8b24ff02"
    assert not {"qop", "nc", "cnonce"} & {*found}


def test_digest_with_a_key_for_the_session() -> None:
    """No RFC has an example: by hand, as RFC 7616 s3.4.2 has it."""

    def hashed(*parts: str) -> str:
        return hashlib.sha256(":".join(parts).encode()).hexdigest()

    challenge = {**MUFASA, "algorithm": "sha-256-sess"}
    found = answered(challenge, "Mufasa", "Circle of Life", "/x?y", "c")
    key = hashed(hashed("Mufasa", MUFASA["realm"], "Circle of Life"), MUFASA["nonce"], "c")
    assert found["response"] == hashed(key, MUFASA["nonce"], "00000001", "c", "auth", hashed("GET", "/x?y"))
    assert found["algorithm"] == "sha-256-sess"
    del challenge["qop"]
    found = answered(challenge, "Mufasa", "Circle of Life", "/x?y", "c")
    assert found["response"] == hashed(key, MUFASA["nonce"], hashed("GET", "/x?y"))
    assert found["cnonce"] == "c"
    assert "nc" not in found


def test_names_with_quotes_and_other_letters() -> None:
    challenge = {"realm": 'the "realm" \\ \xe9', "nonce": 'n"', "opaque": '\\"'}
    line = digest(challenge, HTTPDigestAuth('a"b\\c', "p"), "GET", "/", 1, "c")
    assert line.startswith(r'Digest username="a\"b\\c", realm="the \"realm\" \\ ' + '\xe9", nonce="n\\"", uri="/", ')
    hashed = [hashlib.md5(text.encode("latin-1")).hexdigest() for text in (f'a"b\\c:{challenge["realm"]}:p', "GET:/")]
    assert (
        f'response="{hashlib.md5(":".join([hashed[0], challenge["nonce"], hashed[1]]).encode()).hexdigest()}"' in line
    )
    assert 'username="\xe9"' in digest(challenge, HTTPDigestAuth("é", "p"), "GET", "/", 1, "c")
    assert 'username="\xe2\x98\x83"' in digest(challenge, HTTPDigestAuth("☃", "p"), "GET", "/", 1, "c")
    utf_8 = {**challenge, "charset": "utf-8"}
    assert "username*=UTF-8''%C3%A9" in digest(utf_8, HTTPDigestAuth("é", "p"), "GET", "/", 1, "c")
    assert 'username="e"' in digest(utf_8, HTTPDigestAuth("e", "p"), "GET", "/", 1, "c")


@pytest.mark.parametrize(
    ("values", "nonce"),
    [
        (["Basic realm=x", "Negotiate"], None),
        (["Digest realm=x", "Digest nonce=1"], None),
        (["Digest realm=x, nonce=1"], "1"),
        (['Digest realm=x, nonce=1, qop=""'], "1"),
        (['Digest realm=x, nonce=1, qop="auth-int,AUTH"'], "1"),
        (["Digest realm=x, nonce=1, algorithm=md5-Sess"], "1"),
        (["Digest realm=x, nonce=1, algorithm=MD5, Digest realm=x, nonce=2, algorithm=SHA-256"], "2"),
        (["Digest realm=x, nonce=1, algorithm=SHA-256-sess", "Digest realm=x, nonce=2, algorithm=MD5"], "1"),
        (["Digest realm=x, nonce=1, algorithm=SHA-256, qop=auth-int", "Digest realm=x, nonce=2"], "2"),
        (["Digest realm=x, nonce=1, algorithm=SHA3-256", "Basic realm=y", "Digest realm=x, nonce=2"], "2"),
        (["Digest realm=x, nonce=1", "Digest realm=x, nonce=2"], "1"),
        pytest.param(
            ["Digest realm=x, nonce=1, algorithm=SHA-256", "Digest realm=x, nonce=2, algorithm=SHA-512-256"],
            "2",
            marks=needs_sha512_256,
        ),
    ],
)
def test_the_strongest_challenge_that_is_supported(values: list[str], nonce: str | None) -> None:
    offer = strongest(values)
    assert (offer["nonce"] if offer else None) == nonce


@pytest.mark.parametrize("what", ["qop=auth-int", "qop=author", "algorithm=SHA3-256", "algorithm=MD5-sess-sess"])
def test_what_is_not_supported_is_named(what: str) -> None:
    auth = HTTPDigestAuth("u", "p")
    with pytest.raises(AuthenticationError, match=what.partition("=")[2] + ".* not supported"):
        auth.answer(asked(), 401, refused(f"Digest realm=x, nonce=1, {what}"))


CHALLENGE = 'Digest realm="r", nonce="{}", qop="auth"'


def test_a_nonce_serves_until_the_server_wants_another() -> None:
    auth, request = HTTPDigestAuth("u", "p"), asked("http://h/a?b=c")
    assert auth(request) is request
    assert request.headers == {}
    assert auth.answer(request, 401, refused("Basic realm=x", CHALLENGE.format(1)))
    assert (sent(auth(request))["nonce"], sent(request)["nc"], sent(request)["uri"]) == ("1", "00000001", "/a?b=c")
    first = sent(request)["cnonce"]
    assert len(first) == 32
    assert not auth.answer(request, 200, Headers())
    for number in range(2, 18):
        assert sent(auth(asked("http://h/other")))["nc"] == f"{number:08x}"
    # It ran out, which a server need not say.
    request = auth(asked())
    assert auth.answer(request, 401, refused(CHALLENGE.format(2)))
    assert (sent(auth(request))["nonce"], sent(request)["nc"]) == ("2", "00000001")
    assert sent(request)["cnonce"] != first
    # It ran out as soon as it was made, which it says.
    assert auth.answer(request, 401, refused(CHALLENGE.format(3) + ", stale=TRUE"))
    assert sent(auth(request))["nonce"] == "3"
    # And again: that would go on for ever.
    assert not auth.answer(request, 401, refused(CHALLENGE.format(4) + ", stale=true"))


@pytest.mark.parametrize("challenge", [CHALLENGE.format(2), CHALLENGE.format(2) + ", stale=false", "Basic realm=x", ""])
def test_a_wrong_password_is_not_tried_twice(challenge: str) -> None:
    auth, request = HTTPDigestAuth("u", "p"), asked()
    assert auth.answer(request, 401, refused(CHALLENGE.format(1)))
    auth(request)
    assert not auth.answer(request, 401, refused(challenge))
    assert sent(auth(asked())) == {}  # the next request begins anew


def test_without_qop_a_nonce_is_renewed_when_it_is_called_stale() -> None:
    auth, request = HTTPDigestAuth("u", "p"), asked()
    assert auth.answer(request, 401, refused("Digest realm=r, nonce=1"))
    auth(request)
    assert auth.answer(auth(asked()), 401, refused("Digest realm=r, nonce=2, stale=true"))
    assert sent(auth(asked()))["nonce"] == "2"
    assert not auth.answer(auth(asked()), 401, refused("Digest realm=r, nonce=3"))


def test_a_user_s_own_field_gives_way_to_the_answer() -> None:
    auth, request = HTTPDigestAuth("u", "p"), asked(Authorization="Bearer x")
    assert auth(request).headers == {"Authorization": "Bearer x"}
    assert auth.answer(request, 401, refused(CHALLENGE.format(1)))
    assert sent(auth(request))["nonce"] == "1"


def test_the_next_nonce() -> None:
    """RFC 7616 s3.5."""
    auth, request = HTTPDigestAuth("u", "p"), asked()
    info = Headers({"Authentication-Info": 'qop=auth, nextnonce="2, \\"x\\"", nc=00000001'})
    assert not auth.answer(request, 200, info)
    assert sent(auth(request)) == {}
    assert auth.answer(request, 401, refused(CHALLENGE.format(1) + ", stale=true"))
    assert not auth.answer(auth(request), 200, info)
    assert sent(auth(request))["nonce"] == '2, "x"'
    assert sent(request)["nc"] == "00000001"
    assert auth.answer(request, 401, refused(CHALLENGE.format(3) + ", stale=true"))
    assert not auth.answer(request, 200, Headers({"Authentication-Info": "rspauth=x"}))
    assert sent(auth(request))["nonce"] == "3"
    # The key of a session is made of its first nonce.
    request = asked("http://session/")
    assert auth.answer(request, 401, refused(CHALLENGE.format(1) + ", algorithm=MD5-sess"))
    assert not auth.answer(auth(request), 200, info)
    assert (sent(auth(request))["nonce"], sent(request)["nc"]) == ("1", "00000002")


@pytest.mark.parametrize("other", ["http://other/", "https://h/", "http://h:81/", "http://sub.h/"])
def test_credentials_never_go_to_another_origin(other: str) -> None:
    auth, request = HTTPDigestAuth("u", "p"), asked("http://h/")
    auth.answer(request, 401, refused(CHALLENGE.format(1)))
    field = auth(request).headers["Authorization"]
    away = asked(other, Authorization=field)  # as a redirect from http to https would have it
    assert auth(away).headers == {}
    assert auth.answer(away, 401, refused(CHALLENGE.format(2)))
    assert sent(auth(away))["nonce"] == "2"
    assert sent(auth(request))["nonce"] == "1"


def test_threads_never_use_a_nonce_with_one_count() -> None:
    auth = HTTPDigestAuth("u", "p")
    auth.answer(asked(), 401, refused(CHALLENGE.format(1)))
    counts: list[str] = []
    start = threading.Barrier(8)

    def work() -> None:
        start.wait(10)
        for _ in range(250):
            counts.append(sent(auth(asked()))["nc"])

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(counts) == [f"{number:08x}" for number in range(1, 2001)]


def test_copies_know_the_login_and_not_what_servers_said() -> None:
    auth = HTTPDigestAuth("u", "p")
    auth.answer(asked(), 401, refused(CHALLENGE.format(1)))
    for other in pickle.loads(pickle.dumps(auth)), copy.deepcopy(auth):
        assert other == auth
        assert sent(other(asked())) == {}
    assert sent(auth(asked()))["nonce"] == "1"


@pytest.mark.parametrize("algorithm", ["MD5", "SHA-256", "SHA-512"])
@pytest.mark.parametrize("password", ["passwd", "wrong"])
def test_digest_against_httpbin(algorithm: str, password: str, httpbin: Any) -> None:
    url = f"{httpbin.url}/digest-auth/auth/user/passwd/{algorithm}"
    auth, request = HTTPDigestAuth("user", password), asked(url)
    response = requests_lite.get(url)
    cookie = {"Cookie": re.sub(r";.*?(, |$)", "; ", response.headers.get("set-cookie", ""))}
    assert response.status_code == 401
    if algorithm == "SHA-512":
        with pytest.raises(AuthenticationError, match="SHA-512, qop=auth is not supported"):
            auth.answer(request, 401, response.headers)
        return
    assert auth.answer(request, 401, response.headers)
    response = requests_lite.get(url, headers={**auth(request).headers, **cookie})
    assert response.status_code == (200 if password == "passwd" else 401)
    if response.ok:
        assert response.json() == {"authenticated": True, "user": "user"}
        response = requests_lite.get(url, headers={**auth(request).headers, **cookie})
        assert response.status_code == 200
        assert sent(request)["nc"] == "00000002"
    assert auth.answer(request, 200 if response.ok else 401, response.headers) is False


def test_what_auth_returns_is_the_request_that_goes_out() -> None:
    def elsewhere(request: requests_lite.PreparedRequest) -> requests_lite.PreparedRequest:
        other = request.copy()
        other.url, other.method, other.headers["X-Signed"] = request.url + "?signature=1", "PUT", "yes"
        return other

    prepared = requests_lite.Request("GET", "http://h/x", auth=elsewhere).prepare()
    assert (prepared.url, prepared.method, prepared.headers["x-signed"]) == ("http://h/x?signature=1", "PUT", "yes")
