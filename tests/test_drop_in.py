"""`import requests` finds this package, and libraries made for requests do their work with it."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from textwrap import dedent
from urllib.parse import parse_qs, parse_qsl, quote, unquote, urlsplit

import pytest
from pytest_httpbin.serve import Server as Httpbin

from server import Expect, Send, Server

INSTALLED = "import requests_lite\nrequests_lite.install_as_requests()\n"


def run(code: str, *arguments: str, before: str = INSTALLED) -> str:
    """Return what a fresh interpreter prints, to which each warning is an error; `arguments` are its sys.argv[1:]."""
    path = os.pathsep.join([str(Path(__file__).parent.parent), os.environ.get("PYTHONPATH", "")])
    command = [sys.executable, "-W", "error", "-c", before + dedent(code), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=50, env={**os.environ, "PYTHONPATH": path})
    assert done.returncode == 0 and not done.stderr, done.stderr
    return done.stdout


# What other people's code takes from each module, by name.
NAMES = {
    "requests": "get post put patch delete head options request Session session Request Response PreparedRequest codes"
    " RequestException HTTPError ConnectionError Timeout ConnectTimeout ReadTimeout TooManyRedirects URLRequired"
    " JSONDecodeError FileModeWarning adapters api auth certs compat cookies exceptions hooks models packages sessions"
    " status_codes structures utils",
    "requests.adapters": "HTTPAdapter BaseAdapter Retry MaxRetryError ConnectTimeoutError DEFAULT_POOLBLOCK"
    " DEFAULT_POOLSIZE DEFAULT_RETRIES PoolManager HTTPResponse ConnectionError SSLError ProxyError select_proxy",
    "requests.api": "request get options head post put patch delete",
    "requests.auth": "AuthBase HTTPBasicAuth HTTPDigestAuth HTTPProxyAuth _basic_auth_str parse_dict_header",
    "requests.certs": "where",
    "requests.compat": "urlparse urlunparse urljoin urlsplit urlencode urldefrag quote unquote quote_plus unquote_plus"
    " json cookielib str bytes basestring builtin_str numeric_types integer_types is_py2 is_py3 Mapping MutableMapping"
    " Callable OrderedDict StringIO Morsel getproxies proxy_bypass parse_http_list JSONDecodeError",
    "requests.cookies": "RequestsCookieJar create_cookie cookiejar_from_dict merge_cookies extract_cookies_to_jar"
    " MockRequest MockResponse CookieConflictError cookielib",
    "requests.exceptions": "RequestException HTTPError ConnectionError ProxyError SSLError Timeout ConnectTimeout"
    " ReadTimeout URLRequired TooManyRedirects MissingSchema InvalidSchema InvalidURL InvalidHeader InvalidProxyURL"
    " ChunkedEncodingError ContentDecodingError StreamConsumedError RetryError UnrewindableBodyError InvalidJSONError"
    " JSONDecodeError RequestsWarning FileModeWarning RequestsDependencyWarning BaseHTTPError",
    "requests.hooks": "dispatch_hook",
    "requests.models": "Request Response PreparedRequest REDIRECT_STATI HTTPError CaseInsensitiveDict",
    "requests.packages": "urllib3",
    "requests.packages.urllib3": "disable_warnings PoolManager exceptions util __version__",
    "requests.packages.urllib3.exceptions": "InsecureRequestWarning MaxRetryError",
    "requests.packages.urllib3.util.retry": "Retry",
    "requests.sessions": "Session session HTTPAdapter REDIRECT_STATI",
    "requests.status_codes": "codes",
    "requests.structures": "CaseInsensitiveDict",
    "requests.utils": "quote unquote urlparse get_netrc_auth default_headers default_user_agent dict_from_cookiejar"
    " cookiejar_from_dict add_dict_to_cookiejar parse_dict_header get_encoding_from_headers guess_filename super_len"
    " to_key_val_list requote_uri get_environ_proxies should_bypass_proxies select_proxy getproxies parse_header_links"
    " stream_decode_response_unicode iter_slices unquote_unreserved get_auth_from_url prepend_scheme_if_needed"
    " urldefragauth to_native_string proxy_bypass CaseInsensitiveDict",
}


def test_the_names_that_others_import_are_there() -> None:
    lines = [f"from {module} import {name}\n" for module, names in NAMES.items() for name in names.split()]
    run("".join(lines))


def test_a_name_that_requests_has_not_either_is_an_error() -> None:
    run("""
        import importlib
        for module in ("requests", "requests.utils", "requests.exceptions"):
            assert not hasattr(importlib.import_module(module), "no_such_name")
        for module in ("requests.no_such_module", "requests.packages.no_such_module"):
            try:
                importlib.import_module(module)
            except ModuleNotFoundError:
                continue
            raise AssertionError(module)
    """)


def test_a_star_brings_what_is_public() -> None:
    run("""
        from requests import *
        from requests.exceptions import *
        get, Session, codes, HTTPError, Timeout, InvalidURL
    """)


def test_it_is_this_package() -> None:
    run("""
        import pickle, requests, requests.adapters, requests.exceptions
        assert requests.Session is requests_lite.Session and requests.codes is requests_lite.codes
        assert requests.exceptions.Timeout is requests_lite.Timeout is requests.Timeout
        assert requests.adapters.HTTPAdapter is requests_lite.HTTPAdapter
        assert requests.__title__ == "requests_lite"
        assert tuple(map(int, requests.__version__.split("."))) >= (2, 32, 4)  # what version checks compare
        assert requests.__build__ == int("0x" + "".join(part.zfill(2) for part in requests.__version__.split(".")), 16)
        session = requests.Session()
        session.headers["X"] = "y"
        assert pickle.loads(pickle.dumps(session)).headers["X"] == "y"
    """)


def test_nothing_is_loaded_before_it_is_used() -> None:
    loaded = run("import sys\nprint(*sys.modules)\nimport requests\nrequests.get, requests.Session\nprint(*sys.modules)")
    before, after = map(set, map(str.split, loaded.splitlines()))
    assert "requests" not in before
    assert after - before == {"requests", "requests.api"}


def test_installing_twice_is_fine_and_too_late_is_not() -> None:
    run("""
        import requests
        requests_lite.install_as_requests()
        import sys, requests as again
        assert again is requests and sys.meta_path.count(sys.meta_path[0]) == 1
    """)
    run(
        """
        import sys, types, requests_lite
        sys.modules["requests"] = types.ModuleType("requests")
        try:
            requests_lite.install_as_requests()
        except RuntimeError as error:
            assert "before" in str(error)
        else:
            raise AssertionError
        """,
        before="",
    )


def test_urllib3_is_not_needed(httpbin: Httpbin) -> None:
    """Nor is anything else that requests depends on."""
    run(
        """
        import sys
        class Blocker:
            def find_spec(self, name, path=None, target=None):
                if name.partition(".")[0] in ("urllib3", "idna", "certifi", "charset_normalizer", "chardet"):
                    raise ModuleNotFoundError(f"No module named {name!r}", name=name)
        sys.meta_path.insert(0, Blocker())
        import requests, requests.packages
        from requests import adapters, api, auth, compat, cookies, exceptions, hooks, models, sessions, structures, utils
        assert requests.get(sys.argv[1] + "/get", params={"a": "b"}).json()["args"] == {"a": "b"}
        assert utils.quote("/ä") == "/%C3%A4" and not hasattr(adapters, "MaxRetryError")
        try:
            requests.packages.urllib3.disable_warnings()
        except AttributeError:
            pass
        try:
            import requests.packages.urllib3
        except ImportError:
            sys.exit()
        raise AssertionError
        """,
        httpbin.url,
    )


def test_idioms_of_scripts(httpbin: Httpbin) -> None:
    run(
        """
        import functools, pickle, sys
        from unittest import mock
        import requests
        from requests.adapters import HTTPAdapter
        from urllib3.util.retry import Retry
        url = sys.argv[1]

        requests.packages.urllib3.disable_warnings()
        from requests.packages.urllib3.util.retry import Retry as Same
        assert Same is Retry is requests.adapters.Retry
        s = requests.Session()
        retry = Retry(total=2, backoff_factor=0, status_forcelist=[503], allowed_methods=["GET"], raise_on_status=False)
        s.mount("http://", HTTPAdapter(max_retries=retry, pool_maxsize=requests.adapters.DEFAULT_POOLSIZE))
        assert s.get(url + "/status/503").status_code == requests.codes.service_unavailable

        try:
            requests.get(url + "/status/404").raise_for_status()
        except requests.exceptions.HTTPError as error:
            assert error.response.status_code == 404 and error.request.method == "GET"
        for wrong in ("http://127.0.0.1:1/", "no-scheme", "http://"):
            try:
                requests.get(wrong)
            except requests.exceptions.RequestException:
                continue
            raise AssertionError(wrong)
        try:
            requests.get(url + "/html").json()
        except requests.compat.json.JSONDecodeError as error:
            assert isinstance(error, requests.exceptions.JSONDecodeError)

        # A timeout for all of a session's requests.
        s.request = functools.partial(s.request, timeout=5)
        assert s.get(url + "/get", params={"a": 1}).json()["args"] == {"a": "1"}
        for patched in ("requests.Session.request", "requests.api.request", "requests.sessions.Session"):
            with mock.patch(patched) as fake:
                requests.get(url)
            assert fake.called, patched
        with mock.patch("requests.get") as fake:
            requests.get("http://nowhere")
        fake.assert_called_once_with("http://nowhere")
        assert requests.get(url + "/get").ok and requests.head(url + "/redirect/1").status_code == 302

        class Session(requests.Session):
            def request(self, method, url, *args, **kwargs):
                return super().request(method, "{}/{}".format(sys.argv[1], url), *args, **kwargs)
        assert Session().post("post", data={"a": "b"}).json()["form"] == {"a": "b"}
        assert pickle.loads(pickle.dumps(requests.get(url + "/get"))).json()["url"] == url + "/get"
        prepared = requests.Request("PUT", url + "/put", json=[1]).prepare()
        assert s.send(prepared).json()["json"] == [1]
        r = requests.get(url + "/get", hooks={"response": lambda r, *args, **kwargs: setattr(r, "seen", True)})
        assert r.seen and r.elapsed.total_seconds() > 0
        """,
        httpbin.url,
    )


def test_calls_without_a_session_share_connections_and_no_cookies() -> None:
    answer = Send(b"HTTP/1.1 200 OK\r\nSet-Cookie: a=b\r\nContent-Length: 2\r\n\r\nok")
    with Server([Expect(b"GET / ", without=[b"Cookie"]), answer] * 3) as server:
        run("import sys, requests\nfor _ in range(3): assert requests.get(sys.argv[1]).text == 'ok'", server.url)
        assert server.connections == 1


def test_utils_do_what_they_say() -> None:
    run("""
        import io, os, tempfile
        from requests import utils, hooks, certs, compat, cookies, structures, Response
        assert compat.quote("a b") == utils.quote("a b") == "a%20b" and compat.builtin_str is compat.str is str
        assert isinstance("", compat.basestring) and isinstance(b"", compat.basestring) and compat.is_py3
        assert compat.json.loads("[1]") == [1] and compat.cookielib.CookieJar and compat.OrderedDict(a=1) == {"a": 1}
        assert utils.default_user_agent().startswith("requests_lite/") and utils.default_user_agent("x")[:2] == "x/"
        assert set(utils.default_headers()) >= {"User-Agent", "Accept-Encoding", "Accept"}
        utils.default_headers()["User-Agent"] = "changed"
        assert utils.default_headers()["User-Agent"] != "changed"
        assert utils.get_encoding_from_headers({"content-type": "text/html; charset=utf-8"}) == "utf-8"
        assert utils.get_encoding_from_headers({"content-type": "text/plain"}) == "ISO-8859-1"
        assert utils.parse_dict_header('realm="a \\\\"b\\\\", c", qop=auth') == {"realm": 'a "b", c', "qop": "auth"}
        assert utils.parse_header_links("<http://a/?x=1>; rel=next; type=\\"t\\", <http://b>;rel=prev") == [
            {"url": "http://a/?x=1", "rel": "next", "type": "t"}, {"url": "http://b", "rel": "prev"}]
        assert utils.unquote_unreserved("%41%7E%2f%e4%5B") == "A~%2f%e4%5B"
        assert utils.requote_uri("http://a/b c?d=%20ü") == "http://a/b%20c?d=%20%C3%BC"
        assert utils.get_auth_from_url("http://us%40er:p%20w@host/") == ("us@er", "p w")
        assert utils.get_auth_from_url("http://host/") == ("", "")
        assert utils.urldefragauth("http://u:p@host:1/a?b#c") == "http://host:1/a?b"
        assert utils.prepend_scheme_if_needed("host/a", "http") == "http://host/a"
        assert utils.prepend_scheme_if_needed("https://host", "http") == "https://host"
        assert utils.to_native_string(b"a") == utils.to_native_string("a") == "a"
        assert utils.to_key_val_list({"a": 1}) == utils.to_key_val_list([("a", 1)]) == [("a", 1)]
        assert utils.to_key_val_list(None) is None
        assert [*utils.iter_slices("abcde", 2)] == ["ab", "cd", "e"] and [*utils.iter_slices(b"abc", None)] == [b"abc"]
        assert [*utils.iter_slices("", None)] == []
        response = Response()
        response.encoding = "utf-8"
        assert "".join(utils.stream_decode_response_unicode([b"\\xc3", b"\\xa4"], response)) == "ä"
        response.encoding = None
        assert [*utils.stream_decode_response_unicode([b"a"], response)] == [b"a"]
        with tempfile.TemporaryDirectory() as folder, open(os.path.join(folder, "name.txt"), "w+b") as file:
            file.write(b"12345")
            file.seek(2)
            assert utils.super_len(file) == 3 and utils.guess_filename(file) == "name.txt"
        assert utils.super_len("ä") == 2 and utils.super_len(b"abc") == 3 and utils.super_len(io.BytesIO(b"a")) == 1
        assert utils.super_len([1, 2]) == 2 and utils.super_len(iter("")) == 0
        assert utils.guess_filename(io.BytesIO()) is None
        assert hooks.dispatch_hook("response", {"response": [lambda r, **k: r + k["by"], lambda r, **k: None]}, 1, by=2) == 3
        assert hooks.dispatch_hook("response", None, 1) == 1
        assert os.path.exists(certs.where())
    """)


def test_utils_of_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "netrc").write_text("machine example.com login me password secret\n", encoding="utf-8")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    monkeypatch.setenv("http_proxy", "http://proxy:3128")
    monkeypatch.setenv("no_proxy", "example.org, 10.0.0.0/8")
    run("""
        from requests import utils
        assert utils.get_netrc_auth("https://example.com/x") == ("me", "secret")
        assert utils.get_netrc_auth("https://example.org/x") is None
        assert utils.should_bypass_proxies("http://a.example.org/", None)
        assert utils.should_bypass_proxies("http://10.1.2.3:80/", no_proxy=None)
        assert utils.should_bypass_proxies("http://example.com/", no_proxy="example.com")
        assert not utils.should_bypass_proxies("http://example.com/", None)
        assert utils.get_environ_proxies("http://example.com")["http"] == "http://proxy:3128"
        assert utils.get_environ_proxies("http://example.org") == {}
        assert utils.getproxies()["http"] == "http://proxy:3128"
        proxies = {"http": "http://a", "http://host": "http://b", "all": "http://c"}
        found = [utils.select_proxy(url, proxies) for url in ("http://x", "http://host/y", "https://x")]
        assert found == ["http://a", "http://b", "http://c"] and utils.select_proxy("http://x", None) is None
    """)


def test_names_of_any_case() -> None:
    run("""
        import requests
        from requests.structures import CaseInsensitiveDict
        d = CaseInsensitiveDict({"Accept": 1}, b=None)
        d[b"Bytes"] = b"x"
        assert d["accept"] == 1 and "ACCEPT" in d and d.get("c", 2) == 2 and d[b"bytes"] == b"x" and len(d) == 3
        assert list(d) == ["Accept", "b", b"Bytes"] and repr(d) == "{'Accept': 1, 'b': None, b'Bytes': b'x'}"
        copy = d.copy()
        del copy["ACCEPT"]
        assert "accept" in d and copy != d and copy == {"B": None, b"BYTES": b"x"} and d != 1
        assert isinstance(requests.Session().headers, CaseInsensitiveDict)
        assert CaseInsensitiveDict(A="1") == requests.utils.CaseInsensitiveDict(requests_lite.Headers({"a": "1"}))
    """)


def test_cookies_of_both_kinds(httpbin: Httpbin) -> None:
    run(
        """
        import sys, types, requests
        from http.cookiejar import Cookie, CookieJar
        from requests import cookies, utils
        url = sys.argv[1]
        for jar in (cookies.RequestsCookieJar(), CookieJar()):
            cookies.merge_cookies(jar, {"a": "1", "b": "2"})
            cookies.merge_cookies(jar, {"a": "not over it"})
            assert utils.dict_from_cookiejar(jar) == {"a": "1", "b": "2"}
            utils.add_dict_to_cookiejar(jar, {"a": "over it"})
            other = cookies.RequestsCookieJar()
            other.set("c", "3", domain="example.com", path="/x")
            cookies.merge_cookies(jar, other)
            assert utils.dict_from_cookiejar(jar) == {"a": "over it", "b": "2", "c": "3"}
            assert [cookie.path for cookie in jar if cookie.name == "c"] == ["/x"]
        assert utils.cookiejar_from_dict({"a": "b"}).get_dict() == {"a": "b"}

        cookie = cookies.create_cookie("n", "v", domain="127.0.0.1", path="/", version=0, rest={"HttpOnly": None},
                                       secure=False, expires=None, discard=True, rfc2109=False)
        assert (cookie.name, cookie.value, cookie.domain, cookie.path, cookie.expires) == ("n", "v", "127.0.0.1", "/", None)
        session = requests.Session()
        session.cookies.set_cookie(cookie)
        assert session.get(url + "/cookies").json() == {"cookies": {"n": "v"}}
        try:
            session.cookies.set("a", "b", domian="example.com")
        except TypeError as error:
            assert "domian" in str(error)
        else:
            raise AssertionError

        # As requests' users get the cookies of a response into a jar, and out of it.
        response = requests.get(url + "/cookies/set?a=1&b=2", allow_redirects=False)
        for jar in (cookies.RequestsCookieJar(), CookieJar()):
            cookies.extract_cookies_to_jar(jar, response.request, response.raw)
            assert utils.dict_from_cookiejar(jar) == {"a": "1", "b": "2"}
        jar = cookies.RequestsCookieJar()
        jar.extract_cookies(cookies.MockResponse(response.headers), cookies.MockRequest(response.request))
        assert jar == response.cookies
        request = cookies.MockRequest(requests.Request("GET", url).prepare())
        CookieJar.add_cookie_header(jar.as_http_cookiejar(), request)
        assert sorted(request.get_new_headers()["Cookie"].split("; ")) == ["a=1", "b=2"]
        """,
        httpbin.url,
    )


def test_requests_toolbelt_uploads(httpbin: Httpbin) -> None:
    run(
        """
        import io, sys, requests
        from requests_toolbelt import MultipartEncoder, MultipartEncoderMonitor, StreamingIterator, user_agent
        url = sys.argv[1] + "/post"
        fields = {"a": "b", "file": ("name.txt", io.BytesIO(b"x" * 100_000), "text/plain")}
        encoder = MultipartEncoder(fields)
        size, seen = encoder.len, []
        monitor = MultipartEncoderMonitor(encoder, lambda monitor: seen.append(monitor.bytes_read))
        answer = requests.post(url, data=monitor, headers={"Content-Type": monitor.content_type}).json()
        assert answer["form"] == {"a": "b"} and answer["files"] == {"file": "x" * 100_000}
        assert answer["headers"]["Content-Length"] == str(size) == str(max(seen)) and len(seen) > 1
        data = StreamingIterator(9, iter([b"one", b"two", b"six"]))
        answer = requests.post(url, data=data, headers={"User-Agent": user_agent("name", "1.0")}).json()
        assert answer["data"] == "onetwosix" and answer["headers"]["Content-Length"] == "9"
        assert answer["headers"]["User-Agent"].startswith("name/1.0")
        """,
        httpbin.url,
    )


def test_requests_toolbelt_downloads(httpbin: Httpbin) -> None:
    run(
        """
        import io, sys, requests
        from requests_toolbelt import MultipartDecoder, MultipartEncoder
        from requests_toolbelt.downloadutils import stream, tee
        url = sys.argv[1]
        file = io.BytesIO()
        r = requests.get(url + "/bytes/5000?seed=1", stream=True)
        assert b"".join(tee.tee(r, file)) == file.getvalue() == requests.get(url + "/bytes/5000?seed=1").content
        r = requests.get(url + "/gzip", stream=True)
        assert b"gzipped" in b"".join(tee.tee(r, io.BytesIO(), decode_content=True))
        file = io.BytesIO()
        stream.stream_response_to_file(requests.get(url + "/bytes/300", stream=True), path=file)
        assert len(file.getvalue()) == 300
        encoder = MultipartEncoder({"a": "b", "c": ("d.txt", b"e", "text/x")})
        decoded = MultipartDecoder(encoder.read(), encoder.content_type)
        assert [part.text for part in decoded.parts] == ["b", "e"]
        assert decoded.parts[1].headers[b"content-type"] == b"text/x"
        """,
        httpbin.url,
    )


def test_requests_toolbelt_sessions_and_adapters(httpbin: Httpbin) -> None:
    run(
        """
        import sys, requests
        from requests_toolbelt import GuessAuth, SourceAddressAdapter, sessions, threaded
        from requests_toolbelt.cookies.forgetful import ForgetfulCookieJar
        from requests_toolbelt.utils import dump
        url = sys.argv[1]
        with sessions.BaseUrlSession(base_url=url + "/anything/") as session:
            assert session.get("a", params={"b": 1}).json()["url"] == url + "/anything/a?b=1"
            request = session.prepare_request(requests.Request("GET", "/get"))
            assert session.send(request).json()["url"] == url + "/get"
            session.mount("http://", SourceAddressAdapter("127.0.0.9"))
            assert session.get("ip").json()["origin"] == "127.0.0.9"
            session.cookies = ForgetfulCookieJar()
            assert session.get(url + "/cookies/set/a/b").json() == {"cookies": {}}
        r = requests.get(url + "/redirect-to", params={"url": "/get?x=y"})
        text = dump.dump_all(r)
        assert text.count(b"< GET /") == text.count(b"> HTTP/1.1 ") == 2, text
        assert b"> HTTP/1.1 302 FOUND" in text and b"< GET /get?x=y HTTP/1.1" in text and r.content in text
        for path in ("/basic-auth/u/p", "/digest-auth/auth/u/p"):
            session = requests.Session()
            session.auth = GuessAuth("u", "p")
            for _ in range(2):
                r = session.get(url + path)
                assert r.status_code == 200 and r.json()["authenticated"], path
            assert requests.get(url + path, auth=GuessAuth("u", "wrong")).status_code == 401
        responses, errors = threaded.map([{"method": "GET", "url": url + "/get"}] * 9, num_processes=3)
        assert [r.status_code for r in responses] == [200] * 9 and not [*errors]
        """,
        httpbin.url,
    )


def test_what_another_engine_would_have_to_do_is_refused() -> None:
    """Better no request than one to a server whose certificate is not the one that was named."""
    run("""
        import ssl, requests
        from requests_toolbelt import SSLAdapter
        from requests_toolbelt.adapters.fingerprint import FingerprintAdapter
        for adapter in (lambda: FingerprintAdapter("00" * 20), lambda: SSLAdapter(ssl.PROTOCOL_TLS_CLIENT)):
            try:
                adapter()
            except TypeError as error:
                assert "ssl_context=" in str(error)
            else:
                raise AssertionError
        class Own(requests.adapters.HTTPAdapter):
            def init_poolmanager(self, *args, **kwargs):
                from requests.packages.urllib3.poolmanager import PoolManager
                self.poolmanager = PoolManager(*args, ssl_context=context, **kwargs)
        context = ssl.create_default_context()
        assert Own().ssl_context is context
    """)
