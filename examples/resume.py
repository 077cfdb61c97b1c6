"""A URL to a file, going on where a connection broke: `python3 -m examples.resume URL FILE`."""

from __future__ import annotations

import io
import os
import sys
from time import sleep

from requests_lite import ConnectionError, HTTPError, IncompleteRead, ReadTimeout, get

_LOST = (ConnectionError, IncompleteRead, ReadTimeout)


def download(url: str, path: str, tries: int = 5, pause: float = 1.0) -> int:
    """Save what url names as path, which is there when it is whole; return its size in bytes.

    A download that broke goes on from there if the server knows ranges and has a strong ETag, which tells that the
    content is still the same (RFC 9110 s13.1.5); else it begins anew. Raises RequestException after the last try.
    """
    part = open(f"{path}.part", "wb")  # noqa: SIM115  # what cannot be opened is not removed
    try:
        with part:
            _fetch(url, part, tries, pause)
            size = part.tell()
        os.replace(part.name, path)
    except BaseException:
        os.remove(part.name)
        raise
    return size


def _fetch(url: str, file: io.BufferedWriter, tries: int, pause: float) -> None:
    etag = ""
    for tried in range(1, tries + 1):
        headers = {"Accept-Encoding": "identity"}  # ranges count the bytes as they travel
        if etag and file.tell():
            headers |= {"Range": f"bytes={file.tell()}-", "If-Range": etag}
        try:
            with get(url, headers=headers, stream=True) as response:
                response.raise_for_status()
                if response.status_code != 206:
                    file.truncate(file.seek(0))
                elif not response.headers.get("content-range", "").startswith(f"bytes {file.tell()}-"):
                    raise HTTPError("the server sent another range", response=response)
                etag = response.headers.get("etag", "")
                etag = "" if etag.startswith("W/") else etag
                file.writelines(response.iter_content())
                return
        except _LOST:
            if tried == tries:
                raise
            sleep(pause)


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit("usage: python3 -m examples.resume URL FILE")
    try:
        print(f"{download(sys.argv[1], sys.argv[2]):,} bytes")
    except KeyboardInterrupt:
        sys.exit("interrupted")
    except OSError as error:
        sys.exit(str(error))
