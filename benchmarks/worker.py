"""Measures one case and prints the times as JSON: worker.py CASE, the setting on standard input."""

from __future__ import annotations

import json
import os
import sys

from cases import CASES
from harness import Setting
from others import alone


def main(name: str) -> None:
    setting = Setting(**json.load(sys.stdin))
    if name.startswith("alone:"):
        print(alone(setting, *name.split(":")[1:]))
        return
    if setting.core is not None:
        os.sched_setaffinity(0, {setting.core})
    (case,) = [case for case in CASES if case.name == name]
    print(json.dumps(case.measure(setting)))
    sys.stdout.flush()
    os._exit(0)  # clients left open have threads and loops that complain


if __name__ == "__main__":
    main(sys.argv[1])
