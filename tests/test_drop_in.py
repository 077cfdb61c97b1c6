"""`import requests` finds this package, and libraries made for requests do their work with it."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import re
import socket
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

from server import Expect, Send, Server, Wait

INSTALLED = "import requests_lite\nrequests_lite.install_as_requests()\n"


def run(code: str, *arguments: str, before: str = INSTALLED) -> str:
    """Return what a fresh interpreter prints, to which each warning is an error; `arguments` are its sys.argv[1:]."""
    path = os.pathsep.join([str(Path(__file__).parent.parent), os.environ.get("PYTHONPATH", "")])
    command = [sys.executable, "-W", "error", "-c", before + dedent(code), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=50, env={**os.environ, "PYTHONPATH": path})
    assert done.returncode == 0, done.stderr
    assert not done.stderr, done.stderr
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
    " json cookielib str bytes basestring builtin_str is_py2 is_py3 Mapping MutableMapping"
    " Callable OrderedDict StringIO Morsel chardet getproxies proxy_bypass parse_http_list JSONDecodeError",
    "requests.cookies": "RequestsCookieJar create_cookie cookiejar_from_dict merge_cookies extract_cookies_to_jar"
    " MockRequest MockResponse CookieConflictError cookielib",
    "requests.exceptions": "RequestException HTTPError ConnectionError ProxyError SSLError Timeout ConnectTimeout"
    " ReadTimeout URLRequired TooManyRedirects MissingSchema InvalidSchema InvalidURL InvalidHeader InvalidProxyURL"
    " ChunkedEncodingError ContentDecodingError StreamConsumedError RetryError UnrewindableBodyError InvalidJSONError"
    " JSONDecodeError RequestsWarning FileModeWarning RequestsDependencyWarning BaseHTTPError",
    "requests.hooks": "dispatch_hook default_hooks",
    "requests.models": "Request Response PreparedRequest REDIRECT_STATI HTTPError CONTENT_CHUNK_SIZE"
    " CaseInsensitiveDict",
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
    " urldefragauth DEFAULT_CA_BUNDLE_PATH extract_zipped_paths guess_json_utf to_native_string proxy_bypass"
    " CaseInsensitiveDict",
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
    loaded = run("import sys\nprint(*sys.modules)\nimport requests\nrequests.get, requests.codes\nprint(*sys.modules)")
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
        from requests import adapters, api, auth, certs, compat, cookies, exceptions, hooks, models, sessions, utils
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


def test_subclasses_find_what_requests_has_beside_its_api(httpbin: Httpbin) -> None:
    run(
        """
        import pickle, sys
        import requests
        url = sys.argv[1]

        class Client(requests.Session):  # as docker's and github3's, in a package of which it is all
            __attrs__ = requests.Session.__attrs__ + ["base"]
        assert "base" in Client.__attrs__ and "base" not in requests.Session.__attrs__
        class Cached(requests.Response):  # as in requests-cache
            def __init__(self, response):
                super().__init__()
                for name in ("status_code", "url", "headers", "history", "encoding", "reason", "cookies"):
                    assert name in requests.Response.__attrs__
                    setattr(self, name, getattr(response, name))
                self._content = response.content
        r = Cached(requests.get(url + "/get"))
        assert r.ok and r.json()["url"] == r.url and r.reason == "OK" and "json" in r.headers["content-type"]

        for manager in requests.adapters.HTTPAdapter().proxy_manager.values():  # as requests-futures does
            manager.clear()
        # azure-core asks whether the content is there; google-resumable-media says so.
        r = requests.get(url + "/bytes/5", stream=True)
        assert not r._content_consumed and len(r.content) == 5 and r._content_consumed
        r._content_consumed = True
        assert requests.get(url + "/bytes/5")._content_consumed
        """,
        httpbin.url,
    )


@pytest.mark.skipif(not hasattr(socket, "AF_UNIX"), reason="there are no Unix sockets here")
def test_an_adapter_brings_a_pool_for_a_scheme_of_its_own(tmp_path: Path) -> None:
    """As docker's does, for whose `http+docker` it opens a Unix socket."""
    answer = Send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nSet-Cookie: a=b\r\n\r\nok")
    first = [Expect(b"GET /a?b=c HTTP/1.1\r\n"), answer, Expect(b"POST /p HTTP/1.1\r\n", b'{"x": 1}'), answer]
    more = [Expect(b"PUT /f ", b"Transfer-Encoding: chunked", b"\r\n0\r\n\r\n"), answer, Expect(b"GET /hangs "), Wait()]
    with Server([*first, *more], path=str(tmp_path / "s")):
        run(
            """
            import io, socket, sys
            import requests, urllib3
            from requests.adapters import HTTPAdapter

            class Connection(urllib3.connection.HTTPConnection):
                def connect(self):
                    self.sock = socket.socket(socket.AF_UNIX)
                    self.sock.settimeout(self.timeout)
                    self.sock.connect(sys.argv[1])
            class Pool(urllib3.connectionpool.HTTPConnectionPool):
                ConnectionCls = Connection
            class Adapter(HTTPAdapter):
                def __init__(self):
                    self.pool = Pool("localhost")
                    super().__init__()
                def get_connection_with_tls_context(self, request, verify, proxies=None, cert=None):
                    assert request.url.startswith("http+docker:")
                    return self.pool
                def request_url(self, request, proxies):
                    return request.path_url
                def close(self):
                    self.pool.close()

            with requests.Session() as session:
                session.mount("http+docker://", Adapter())
                r = session.get("http+docker://localhost/a", params={"b": "c"}, timeout=20)
                assert r.text == "ok" and r.cookies["a"] == "b" and isinstance(r.raw, urllib3.HTTPResponse)
                assert session.post("http+docker://localhost/p", json={"x": 1}).status_code == 200
                r = session.put("http+docker://localhost/f", data=io.BytesIO(b"file"), stream=True)
                assert b"".join(r.iter_content(1)) == b"ok"
                try:
                    session.get("http+docker://localhost/hangs", timeout=0.1)
                except requests.exceptions.ReadTimeout as error:
                    assert error.request.path_url == "/hangs"
                else:
                    raise AssertionError
                sys.argv[1] += ".nobody"
                try:
                    session.get("http+docker://localhost/a")
                except requests.exceptions.ConnectionError as error:
                    assert "No such file" in str(error)
                else:
                    raise AssertionError
            """,
            str(tmp_path / "s"),
        )


def test_an_adapter_that_builds_responses_sees_what_urllib3_has(httpbin: Httpbin) -> None:
    """As CacheControl's does, which puts a file between, and keeps the content once that is closed."""
    run(
        """
        import sys
        import requests, urllib3
        from requests.adapters import HTTPAdapter

        class Tee:
            def __init__(self, file, kept):
                self.file, self.kept, self.got = file, kept, b""
            def __getattr__(self, name):
                return getattr(self.file, name)
            def read(self, amount=None):
                block = self.file.read(amount)
                self.got += block
                if self.file.closed:
                    self.kept.append(self.got)
                return block
        class Adapter(HTTPAdapter):
            def __init__(self):
                super().__init__()
                self.kept = []
            def build_response(self, request, answer):
                assert isinstance(answer, urllib3.HTTPResponse) and not answer.chunked
                answer._fp = Tee(answer._fp, self.kept)
                response = super().build_response(request, answer)
                response.from_cache = False
                return response

        adapter, url = Adapter(), sys.argv[1]
        with requests.Session() as session:
            session.mount("http://", adapter)
            for path in ("/gzip", "/stream-bytes/3000?seed=1", "/status/204", "/cookies/set?a=b"):
                r = session.get(url + path)
                assert r.from_cache is False and r.ok and r.reason and r.url.startswith(url)
                assert len(adapter.kept) == len(r.history) + 1, path
                kept = adapter.kept[-1]
                assert kept[:2] == b"\\x1f\\x8b" and r.json()["gzipped"] if path == "/gzip" else kept == r.content
                adapter.kept.clear()
            assert session.cookies["a"] == "b"
            with session.get(url + "/bytes/3000?seed=1", stream=True) as r:
                assert not adapter.kept and b"".join(r.iter_content(7)) == adapter.kept[0]
            assert session.head(url + "/get").headers["Content-Length"] != "0" and adapter.kept[1:] == [b""]
        """,
        httpbin.url,
    )


def test_a_response_made_by_hand_tells_its_cookies() -> None:
    run("""
        import requests
        from requests import cookies, structures, utils
        class Message:  # as httmock has it
            def get_all(self, name, default=None): return ["c=d; Path=/"]
        request = requests.Request("GET", "http://a.test/").prepare()
        response = requests.Response()
        response.status_code, response._content, response.url, response.request = 200, b"{}", request.url, request
        response.headers = structures.CaseInsensitiveDict({"Set-Cookie": "a=b", "Content-Type": "application/json"})
        response.encoding = utils.get_encoding_from_headers(response.headers)
        assert dict(response.cookies) == {"a": "b"} and response.json() == {}
        response.cookies.extract_cookies(cookies.MockResponse(Message()), cookies.MockRequest(request))
        assert response.cookies["c"] == "d"
        response.headers = structures.CaseInsensitiveDict()
        del response.cookies
        assert not len(response.cookies)
        response.cookies.extract_cookies(cookies.MockResponse({"Set-Cookie": "e=f"}), cookies.MockRequest(request))
        assert response.cookies["e"] == "f"
    """)


def test_calls_without_a_session_share_connections_and_no_cookies() -> None:
    answer = Send(b"HTTP/1.1 200 OK\r\nSet-Cookie: a=b\r\nContent-Length: 2\r\n\r\nok")
    with Server([Expect(b"GET / ", without=[b"Cookie"]), answer] * 3) as server:
        run("import sys, requests\nfor _ in range(3): assert requests.get(sys.argv[1]).text == 'ok'", server.url)
        assert server.connections == 1


def test_utils_do_what_they_say() -> None:
    run("""
        import io, os, tempfile
        from requests import utils, hooks, certs, compat, cookies, status_codes, structures, Response
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
        assert utils.urldefragauth("//u@host/a@b#c@d") == "//host/a@b" and utils.urldefragauth("/a//b@c") == "/a//b@c"
        assert [utils.guess_json_utf("[1]".encode(code)) for code in ("utf-8", "utf-16-le")] == ["utf-8", "utf-16-le"]
        assert hooks.default_hooks() == {"response": []} and hooks.default_hooks() is not hooks.default_hooks()
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
        assert utils.super_len(iter("")) == utils.super_len(b"") == 0
        assert utils.guess_filename(io.BytesIO()) is None
        given = {"response": [lambda r, **options: r + options["by"], lambda r, **options: None]}
        assert hooks.dispatch_hook("response", given, 1, by=2) == 3
        assert hooks.dispatch_hook("response", None, 1) == 1
        assert os.path.exists(certs.where()) and utils.DEFAULT_CA_BUNDLE_PATH == certs.where()
        assert utils.extract_zipped_paths(certs.where()) == certs.where()
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
        assert (cookie.name, cookie.value, cookie.domain, cookie.path) == ("n", "v", "127.0.0.1", "/")
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
        import sys, threading, requests
        from requests_toolbelt import GuessAuth, SourceAddressAdapter, sessions
        from requests_toolbelt.cookies.forgetful import ForgetfulCookieJar
        from requests_toolbelt.threaded import pool
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
        for path in ("/basic-auth/u/p",):
            session = requests.Session()
            session.auth = GuessAuth("u", "p")
            for _ in range(2):
                r = session.get(url + path)
                assert r.status_code == 200 and r.json()["authenticated"], path
            assert requests.get(url + path, auth=GuessAuth("u", "wrong")).status_code == 401
        ready = threading.Event()
        def wait(request):  # the pool's threads may be faster than it has their queues ready
            assert ready.wait(10)
            return request
        threads = pool.Pool.from_urls([url + "/get"] * 9, {"auth": wait}, num_processes=3)
        ready.set()
        threads.join_all()
        assert [r.status_code for r in threads.responses()] == [200] * 9 and not [*threads.exceptions()]
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


def test_responses(httpbin: Httpbin) -> None:
    run(
        """
        import re, sys, requests, responses
        from responses import matchers

        @responses.activate
        def answers():
            responses.get("http://a.test/json", json={"a": [1]}, status=201, headers={"X-Y": "z"})
            r = requests.get("http://a.test/json")
            assert (r.status_code, r.json(), r.headers["x-y"], r.reason) == (201, {"a": [1]}, "z", "Created")
            assert r.headers["content-type"] == "application/json" and r.url == "http://a.test/json" and r.ok
            text = "text/plain; charset=utf-8"
            responses.add(responses.GET, re.compile("http://b.test/.*"), body="ü", content_type=text)
            assert requests.get("http://b.test/1?x=y").text == "ü"
            try:
                requests.get("http://c.test/")
            except requests.exceptions.ConnectionError as error:
                assert error.request.url == "http://c.test/"
            else:
                raise AssertionError
            responses.get("http://d.test/", body=requests.exceptions.ReadTimeout("too slow"))
            try:
                requests.Session().get("http://d.test/")
            except requests.Timeout as error:
                assert "too slow" in str(error)
            assert [call.request.url for call in responses.calls][:2] == ["http://a.test/json", "http://b.test/1?x=y"]
            assert responses.calls[1].response.text == "ü" and responses.calls[1].request.params == {"x": "y"}
            assert responses.assert_call_count("http://a.test/json", 1)

        @responses.activate
        def callbacks():
            def double(request):
                assert request.headers["content-type"] == "application/json"
                return 200, {"X-Id": "7"}, '{"twice": %d}' % (2 * int(request.body))
            responses.add_callback(responses.POST, "http://a.test/", callback=double, content_type="application/json")
            with requests.Session() as session:
                r = session.post("http://a.test/", json=21)
            assert r.json() == {"twice": 42} and r.headers["x-id"] == "7"

        @responses.activate(assert_all_requests_are_fired=True)
        def matching():
            files, url = {"file": ("name", b"content")}, "http://a.test/"
            for match in (
                matchers.json_params_matcher({"a": 1}), matchers.urlencoded_params_matcher({"a": "1"}),
                matchers.header_matcher({"X-A": "1"}), matchers.multipart_matcher(files, data={"a": "b"}),
                matchers.query_param_matcher({"a": "1", "b": "2"}), matchers.query_string_matcher("c=d"),
                matchers.request_kwargs_matcher({"stream": True}),
            ):
                responses.post(url, body=match.__qualname__.partition("_")[0], match=[match])
            for name, given in {
                "json": {"json": {"a": 1}}, "urlencoded": {"data": {"a": 1}}, "header": {"headers": {"X-A": "1"}},
                "multipart": {"files": files, "data": {"a": "b"}}, "request": {"stream": True},
            }.items():
                assert requests.post(url, **given).text == name
            assert requests.post(url, params={"b": 2, "a": 1}).text == requests.post(url + "?c=d").text == "query"
            try:
                requests.post(url, json={"a": 2})
            except requests.ConnectionError as error:
                assert "doesn't match" in str(error)
            else:
                raise AssertionError

        @responses.activate
        def the_rest():
            responses.add_passthru(sys.argv[1])
            assert requests.get(sys.argv[1] + "/get").json()["url"] == sys.argv[1] + "/get"
            responses.get("http://a.test/", status=302, headers={"Location": "/b", "Set-Cookie": "n=v"})
            responses.get("http://a.test/b", body=b"x" * 1000)
            session = requests.Session()
            r = session.get("http://a.test/", stream=True)
            assert r.history[0].status_code == 302 and r.history[0].cookies["n"] == session.cookies["n"] == "v"
            assert b"".join(r.iter_content(10)) == b"x" * 1000
            retry = requests.adapters.Retry(total=2, backoff_factor=0, status_forcelist=[500])
            session.mount("http://", requests.adapters.HTTPAdapter(max_retries=retry))
            first, second = responses.get("http://e.test/", status=500), responses.get("http://e.test/", body="up")
            assert session.get("http://e.test/").text == "up" and first.call_count == second.call_count == 1

        answers(), callbacks(), matching(), the_rest()
        assert requests.get(sys.argv[1] + "/get").ok
        """,
        httpbin.url,
    )


def test_requests_mock(httpbin: Httpbin) -> None:
    run(
        """
        import re, sys, requests, requests_mock

        with requests_mock.Mocker() as m:
            m.get("http://a.test/json", json={"a": 1}, headers={"X-Y": "z"}, status_code=202, reason="Fine")
            r = requests.get("http://a.test/json", params={"q": "1"}, timeout=3)
            assert (r.json(), r.status_code, r.reason, r.headers["x-y"]) == ({"a": 1}, 202, "Fine", "z")
            last = m.last_request
            assert (last.method, last.qs, last.timeout, last.hostname) == ("GET", {"q": ["1"]}, 3, "a.test")
            m.post("http://a.test/x", [{"text": "ü"}, {"content": b"2"}])
            with requests.Session() as session:
                assert session.post("http://a.test/x", json={"b": [2]}).text == "ü"
                assert session.post("http://a.test/x", data={"b": "3"}).content == b"2"
            assert m.request_history[1].json() == {"b": [2]} and m.request_history[2].text == "b=3"
            assert m.call_count == len(m.request_history) == 3 and m.called
            m.get("http://a.test/cookies", cookies={"n": "v"}, text="x")
            assert requests.get("http://a.test/cookies").cookies["n"] == "v"
            m.get("http://a.test/set", headers={"Set-Cookie": "k=w; Path=/"})
            assert requests.get("http://a.test/set").cookies.get_dict() == {"k": "w"}
            m.get("http://a.test/slow", exc=requests.exceptions.ConnectTimeout)
            try:
                requests.get("http://a.test/slow")
            except requests.ConnectionError:
                pass
            else:
                raise AssertionError
            try:
                requests.get("http://unknown.test/")
            except requests_mock.NoMockAddress as error:
                assert error.request.url == "http://unknown.test/"
            else:
                raise AssertionError
            def answer(request, context):
                context.status_code, context.headers["X-A"] = 404, request.headers["X-A"]
                return {"path": request.path}
            m.register_uri(requests_mock.ANY, re.compile("b.test"), json=answer)
            r = requests.delete("http://b.test/p", headers={"X-A": "1"})
            assert (r.status_code, r.json(), r.headers["X-A"]) == (404, {"path": "/p"}, "1")
            matcher = lambda request: request.qs == {"a": ["b"]}
            m.get("http://c.test/", text="with", request_headers={"X": "1"}, additional_matcher=matcher)
            assert requests.get("http://c.test/?a=b", headers={"x": "1"}).text == "with"
            m.get("http://d.test/", status_code=301, headers={"Location": "http://d.test/new"})
            m.get("http://d.test/new", text="new")
            r = requests.get("http://d.test/")
            assert r.text == "new" and r.history[0].status_code == 301 and r.url == "http://d.test/new"
            m.get("http://d.test/stream", text="one\\ntwo")
            assert [*requests.get("http://d.test/stream", stream=True).iter_lines()] == [b"one", b"two"]

        with requests_mock.Mocker(real_http=True) as m:
            m.get("http://a.test/", text="not real")
            assert requests.get("http://a.test/").text == "not real"
            assert requests.get(sys.argv[1] + "/get").json()["url"] == sys.argv[1] + "/get"

        @requests_mock.Mocker(kw="mock")
        def decorated(mock):
            mock.get("http://a.test/", text="decorated")
            assert requests.get("http://a.test/").text == "decorated"
        decorated()

        session, adapter = requests.Session(), requests_mock.Adapter()
        session.mount("http://mock.test", adapter)
        adapter.register_uri("PUT", "http://mock.test/p", json=[1])
        assert session.put("http://mock.test/p", data=b"x").json() == [1] and adapter.last_request.body == b"x"
        assert requests.get(sys.argv[1] + "/get").ok
        """,
        httpbin.url,
    )


class OAuth(BaseHTTPRequestHandler):
    """A server of both OAuths, which answers 401 to whoever does not keep to it."""

    def do_GET(self) -> None:
        self.answer()

    def do_POST(self) -> None:
        self.answer()

    def log_message(self, format: str, *arguments: object) -> None:
        pass

    def answer(self) -> None:
        content = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
        path = urlsplit(self.path).path
        if path == "/token":
            known = self.headers["Authorization"] == "Basic " + base64.b64encode(b"client:secret").decode()
            form = parse_qs(content)
            first = form == {"grant_type": ["authorization_code"], "code": ["c"], "redirect_uri": ["https://app/back"]}
            token = {"access_token": "first" if first else "second", "token_type": "Bearer", "refresh_token": "r"}
            refreshed = form.get("grant_type") == ["refresh_token"] and form.get("refresh_token") == ["r"]
            ok = known and (first or refreshed)
            answer = {**token, "expires_in": -10 if first else 3600}
        elif path == "/bearer":
            ok, answer = self.headers["Authorization"] == "Bearer second", {"path": self.path}
        else:
            ok, answer = self.is_signed(content), {"content": content}
        self.send_response(200 if ok else 401)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(json.dumps(answer).encode())

    def is_signed(self, content: str) -> bool:
        """Tell whether the signature is the one of RFC 5849 s3.4: HMAC-SHA1 of the method, URL and all parameters."""
        fields = dict(re.findall(r'(\w+)="([^"]*)"', self.headers["Authorization"]))
        given = {name: unquote(value) for name, value in fields.items() if name != "realm"}
        signature = given.pop("oauth_signature")
        path, _, query = self.path.partition("?")
        form = content if "urlencoded" in self.headers.get("Content-Type", "") else ""
        pairs = [*given.items(), *parse_qsl(query), *parse_qsl(form)]
        line = "&".join(sorted(f"{quote(name, safe='')}={quote(value, safe='')}" for name, value in pairs))
        base = "&".join(quote(part, safe="") for part in (self.command, f"http://{self.headers['Host']}{path}", line))
        digest = hmac.new(b"client%20secret&token%26secret", base.encode(), hashlib.sha1).digest()
        return signature == base64.b64encode(digest).decode() and given["oauth_token"] == "token"


@pytest.fixture
def oauth() -> Iterator[str]:
    """Return the URL of a server of both OAuths."""
    with ThreadingHTTPServer(("127.0.0.1", 0), OAuth) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join(10)


def test_requests_oauthlib_signs(oauth: str) -> None:
    run(
        """
        import sys, requests
        from requests_oauthlib import OAuth1, OAuth1Session
        auth, url = OAuth1("client", "client secret", "token", "token&secret"), sys.argv[1]
        assert requests.get(url + "/x", params={"a": "b c", "ü": "&"}, auth=auth).status_code == 200
        r = requests.post(url + "/x?q=1", data={"f": "v w", "g": "ü"}, auth=auth)
        assert r.json()["content"] == "f=v+w&g=%C3%BC"
        assert requests.post(url + "/x", json={"f": "v"}, auth=auth).json()["content"].replace(" ", "") == '{"f":"v"}'
        with OAuth1Session("client", "client secret", "token", "token&secret") as session:
            assert session.post(url + "/y", files={"f": b"x"}).status_code == 200
            assert session.get(url + "/y?z=1").status_code == 200
        wrong = OAuth1("client", "client secret", "token", "not it")
        assert requests.get(url + "/x", auth=wrong).status_code == 401
        """,
        oauth,
    )


def test_requests_oauthlib_fetches_and_refreshes_tokens(oauth: str) -> None:
    run(
        """
        import os, sys
        from requests_oauthlib import OAuth2Session
        from requests_oauthlib.oauth2_session import TokenUpdated
        os.environ["OAUTHLIB_INSECURE_TRANSPORT"] = "1"  # the test's server has no TLS
        url, saved = sys.argv[1], []
        with OAuth2Session("client", redirect_uri="https://app/back", auto_refresh_url=url + "/token",
                           auto_refresh_kwargs={}, token_updater=saved.append) as session:
            page, state = session.authorization_url(url + "/authorize")
            assert page.startswith(url + "/authorize?") and state in page
            token = session.fetch_token(url + "/token", code="c", client_secret="secret")
            assert token["access_token"] == "first" and session.authorized
            # The first one is over already, so that the next request fetches another.
            r = session.get(url + "/bearer", params={"a": 1}, client_id="client", client_secret="secret")
            assert r.status_code == 200 and r.json() == {"path": "/bearer?a=1"}, r.status_code
            assert [token["access_token"] for token in saved] == ["second"]
            assert session.post(url + "/bearer", data=b"x").status_code == 200
        """,
        oauth,
    )
