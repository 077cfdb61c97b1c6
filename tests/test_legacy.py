"""The contract of v0.2.1, line by line: whoever breaks one of these reads 2011 first."""

from __future__ import annotations

import io

import pytest
from pytest_httpbin.serve import Server as Httpbin

import requests_lite
from requests_lite import core
from requests_lite.packages.poster.encode import multipart_encode


@pytest.mark.parametrize("verb", ["get", "delete", "options"])
def test_verbs_without_content_take_params_headers_and_auth(verb: str, httpbin: Httpbin) -> None:
    response = getattr(core, verb)(
        httpbin.url + "/anything", params={"a": "1"}, headers={"X-Test": "yes"}, auth=("u", "p")
    )
    assert response.status_code == 200
    if verb != "options":
        seen = response.json()
        assert seen["method"] == verb.upper()
        assert seen["args"] == {"a": "1"}
        assert seen["headers"]["X-Test"] == "yes"
        assert seen["headers"]["Authorization"] == "Basic dTpw"


def test_head_sends_its_params_and_brings_no_content(httpbin: Httpbin) -> None:
    response = requests_lite.head(httpbin.url + "/response-headers", params={"X-Given": "7"})
    assert response.status_code == 200
    assert response.headers["x-given"] == "7"
    assert response.content == b""


@pytest.mark.parametrize("verb", ["post", "put", "patch"])
def test_verbs_with_content_take_data_and_files(verb: str, httpbin: Httpbin) -> None:
    call = getattr(core, verb)
    url = f"{httpbin.url}/{verb}"
    assert call(url, data={"some": "data"}).json()["form"] == {"some": "data"}
    assert call(url, data=b"raw").json()["data"] == "raw"
    seen = call(url, data={"some": "data"}, files={"some": io.BytesIO(b"file")}).json()
    assert seen["form"] == {"some": "data"}
    assert seen["files"] == {"some": "file"}


def test_get_takes_params_headers_and_auth_by_position(httpbin: Httpbin) -> None:
    seen = requests_lite.get(httpbin.url + "/get", {"a": "1"}, {"X-Test": "yes"}, ("u", "p")).json()
    assert (seen["args"], seen["headers"]["X-Test"]) == ({"a": "1"}, "yes")


def test_a_request_is_set_up_attribute_by_attribute(httpbin: Httpbin) -> None:
    request = core.Request()
    assert not request.sent
    assert request.response.status_code is None
    assert request.response.content == b""
    request.method = "get"
    request.url = httpbin.url + "/get"
    request.params = {"a": "1"}
    assert repr(request) == "<Request [GET]>"
    assert request.send() is True
    assert request.sent
    assert repr(request.response) == "<Response [200]>"
    assert request.response.json()["args"] == {"a": "1"}


def test_a_request_is_sent_once_unless_anyway(httpbin: Httpbin) -> None:
    request = core.Request("GET", httpbin.url + "/uuid")
    assert request.send() is True
    first = request.response
    assert request.send() is False
    assert request.response is first
    assert request.send(anyway=True) is True
    assert request.response is not first
    assert request.response.content != first.content


def test_an_unknown_method_is_refused_where_it_is_given() -> None:
    with pytest.raises(core.InvalidMethod, match="'NOPE' is not a method"):
        core.Request("NOPE", "http://127.0.0.1/")
    request = core.Request()
    with pytest.raises(ValueError, match="METHODS"):
        request.method = "G E T"
    with pytest.raises(core.InvalidMethod, match="needs a method"):
        core.Request(url="http://127.0.0.1/").send()


def test_a_method_can_be_made_known(httpbin: Httpbin) -> None:
    core.METHODS.add("BREW")
    try:
        assert core.Request("BREW", httpbin.url + "/get").send()
    finally:
        core.METHODS.remove("BREW")


@pytest.mark.parametrize("url", [None, ""])
def test_a_request_needs_a_url(url: str | None) -> None:
    with pytest.raises(core.URLRequired):
        core.Request("GET", url).send()


@pytest.mark.parametrize("url", ["example.com", "//example.com/x", "http://", "http:///x", "localhost:80/x"])
def test_a_url_without_scheme_or_host_is_also_a_value_error(url: str) -> None:
    with pytest.raises(requests_lite.RequestException) as caught:
        requests_lite.get(url)
    assert isinstance(caught.value, ValueError)


@pytest.mark.parametrize("status", [400, 404, 418, 500, 503])
def test_an_error_status_is_recorded_with_its_content_and_not_raised(status: int, httpbin: Httpbin) -> None:
    response = requests_lite.get(f"{httpbin.url}/status/{status}")
    assert response.status_code == status
    assert not response.ok
    assert (b"teapot" in response.content) == (status == 418)


def test_the_url_of_a_response_is_the_final_one(httpbin: Httpbin) -> None:
    response = requests_lite.get(httpbin.url + "/redirect/2")
    assert response.url == httpbin.url + "/get"
    assert [step.status_code for step in response.history] == [302, 302]


def test_auth_objects_and_autoauth(httpbin: Httpbin) -> None:
    url = httpbin.url + "/basic-auth/kenneth/secret"
    assert requests_lite.get(url).status_code == 401
    assert requests_lite.get(url, auth=core.AuthObject("kenneth", "secret")).status_code == 200
    core.add_autoauth(url, core.AuthObject("kenneth", "secret"))
    try:
        assert requests_lite.get(url).status_code == 200
        assert requests_lite.get(httpbin.url + "/headers").json()["headers"].get("Authorization") is None
    finally:
        core.AUTOAUTHS.clear()


def test_what_poster_encodes_can_be_sent_as_data(httpbin: Httpbin) -> None:
    content, headers = multipart_encode({"name": "value", "file": io.BytesIO(b"content")})
    seen = requests_lite.post(httpbin.url + "/post", data=content, headers=headers).json()
    assert seen["form"] == {"name": "value", "file": "content"} or seen["files"] == {"file": "content"}


def test_core_has_all_the_names_of_2011() -> None:
    names = "Request Response AuthObject get head post put delete add_autoauth AUTOAUTHS"
    errors = "RequestException AuthenticationError URLRequired InvalidMethod"
    assert not [name for name in f"{names} {errors}".split() if not hasattr(core, name)]
