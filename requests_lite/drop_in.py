"""install_as_requests(): other people's `import requests` finds this package."""

from __future__ import annotations


def install_as_requests() -> None:
    """Make `import requests`, in anybody's code from now on, find this package."""
