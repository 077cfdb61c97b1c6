"""What `import requests_lite` loads: nothing that a plain request can do without."""

from __future__ import annotations

import subprocess
import sys

import requests_lite

UNWANTED = "asyncio dataclasses email http.client http.cookiejar json mimetypes ssl typing urllib.request".split()


def modules_after(code: str) -> set[str]:
    """Return the modules that a fresh interpreter has loaded after code."""
    report = f"{code}\nimport sys\nprint(*sys.modules)"
    return set(subprocess.check_output([sys.executable, "-c", report], text=True).split())


def test_import_loads_nothing_that_a_plain_request_does_not_need() -> None:
    # A bare interpreter may itself load some, for the .pth files of an environment.
    loaded = modules_after("import requests_lite") - modules_after("")
    assert "requests_lite.core" in loaded
    assert not loaded.intersection(UNWANTED)


def test_what_is_loaded_late_is_listed() -> None:
    """As an interactive shell completes it."""
    assert {"cookies", "install_as_requests", "get"} <= {*dir(requests_lite)}
    assert "TYPE_CHECKING" not in dir(requests_lite)
    for name in dir(requests_lite):
        assert getattr(requests_lite, name) is not None
