"""Measure requests_lite beside its peers: python3 benchmarks/run.py [--quick] [--only NAME] [--out DIR]

Makes its environments and servers, prints a table for each case, and draws plots. README.md tells how to read them.
"""

from __future__ import annotations

import argparse
import gzip
import itertools
import json
import math
import os
import platform
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from pathlib import Path
from statistics import median

from cases import CASES, LINEAR, MIB, Case, Goal, sizes
from harness import Setting, Times
from servers import find_nginx, nginx, raw_server

HERE = Path(__file__).resolve().parent
PEERS = ["requests", "httpx", "urllib3", "pycurl", "wreq", "aiohttp", "requests-toolbelt", "httplib2"]
UNITS = {"us": 1e-6, "ms": 1e-3, "MiB": float(MIB)}


def environment(name: str, packages: list[str]) -> Path:
    """Return the Python of an environment with the newest of the packages; those that do not install are left out."""
    folder = HERE / name
    python = folder / "bin" / "python"
    wanted = f"{sys.version}\n{' '.join(packages)}"
    mark = folder / "made-for"
    if mark.exists() and mark.read_text() == wanted:
        return python
    print(f"making benchmarks/{name}", flush=True)
    shutil.rmtree(folder, ignore_errors=True)
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    (folder / ".gitignore").write_text("*\n")
    for package in packages:
        install = [str(python), "-m", "pip", "install", "-q", "--disable-pip-version-check", package]
        done = subprocess.run(install, capture_output=True, text=True, check=False)
        if done.returncode:
            print(f"skipped {package}: it does not install: {(done.stderr.strip().splitlines() or [''])[-1]}")
    mark.write_text(wanted)
    return python


def versions(python: Path) -> dict[str, str]:
    code = (
        "import json; from importlib.metadata import distributions as d;"
        "print(json.dumps({i.metadata['Name'].lower(): i.version for i in d()}))"
    )
    found: dict[str, str] = json.loads(subprocess.run([python, "-c", code], capture_output=True, check=True).stdout)
    return found


def surroundings() -> dict[str, str]:
    """Return the environment variables for a process that measures: .pyc is written, no proxy is in the way."""
    unwanted = ("_PROXY", "_CA_BUNDLE", "_CA_CERTS", "SSL_CERT_FILE", "SSL_CERT_DIR", "PYTHONDONTWRITEBYTECODE")
    kept = {name: value for name, value in os.environ.items() if not name.upper().endswith(unwanted)}
    return {**kept, "PYTHONPATH": str(HERE.parent)}


@contextmanager
def folder_of_files(python: Path, quick: bool) -> Iterator[Path]:
    """Make a folder with a certificate and the files that are sent, in memory where there is room for them."""
    memory = Path("/dev/shm")
    lengths = sizes(quick)
    roomy = memory.is_dir() and shutil.disk_usage(memory).free > 2 * sum(lengths.values())
    with tempfile.TemporaryDirectory(prefix="benchmarks-", dir=memory if roomy else None) as name:
        folder = Path(name)
        (folder / "files").mkdir()
        (folder / "temp").mkdir()
        subprocess.run([python, "-m", "trustme", "-q", "-d", folder, "-i", "127.0.0.1", "localhost"], check=True)
        block = random.Random(1).randbytes(MIB)
        for kind in ("check", "medium", "large"):
            with open(folder / "files" / kind, "wb") as file:
                for at in range(0, lengths[kind], MIB):
                    file.write(block[: lengths[kind] - at])
        numbers = random.Random(2)
        line = '{{"id": {}, "level": "info", "s": {:.4f}}}\n'.format
        log = "".join(line(numbers.getrandbits(40), numbers.random()) for _ in range(MIB // 50)).encode()
        for kind, text in ("text", log.ljust(MIB)), ("dense", block.hex(" ", 3).encode()[:MIB]):
            with gzip.open(folder / "files" / f"{kind}.gz", "wb", compresslevel=6) as packed:
                for _ in range(lengths[kind] // MIB):
                    packed.write(text[:MIB])
        yield folder


def measure(case: Case, pythons: dict[str, Path], program: str, folder: Path, quick: bool) -> dict[str, Times]:
    """Measure a case with servers of its own; return the times of each process that took part."""
    cores = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else set()
    core = max(cores) if case.pinned and cores else None
    with ExitStack() as running:
        http, https = running.enter_context(nginx(program, folder, cores if core is None else {core}))
        raw, *ports = running.enter_context(raw_server(cores if core is None else {core}))
        at = Setting(
            f"http://127.0.0.1:{http}", f"https://127.0.0.1:{https}", f"http://127.0.0.1:{raw}", ports,
            str(folder / "client.pem"), str(folder), quick, core,
        )  # fmt: skip
        results = {"": _worker(pythons[""], case, at)}
        if case.apart and "niquests" in pythons:
            at.peers = [case.floor, "niquests"]
            results["niquests"] = _worker(pythons["niquests"], case, at)
    return {process: times for process, times in results.items() if times}


def _worker(python: Path, case: Case, at: Setting) -> Times:
    words = [str(python), str(HERE / "worker.py"), case.name]
    done = subprocess.run(
        words, input=json.dumps(asdict(at)), stdout=subprocess.PIPE, text=True, env=surroundings(), check=False
    )
    if done.returncode:
        print(f"{case.name} failed, see above", file=sys.stderr)
        return {}
    times: Times = json.loads(done.stdout.splitlines()[-1])
    return times


class Table:
    """The results of one case. Ratios between two processes go by way of their floors."""

    def __init__(self, case: Case, results: dict[str, Times], quick: bool) -> None:
        self.case = case
        self.length = sizes(quick)[case.size] if case.size else 0
        self.times: Times = {}
        self.scale: dict[str, float] = {}  # to the floor of the main process
        floor = results.get("", {}).get(case.floor)
        for process, times in results.items():
            for name, values in times.items():
                if process and name == case.floor:
                    continue
                self.times[name] = values
                self.scale[name] = median(floor) / median(times[case.floor]) if process and floor else 1.0

    def value(self, name: str) -> float:
        return median(self.times[name]) * self.scale[name]

    def shown(self, name: str, seconds: float) -> float:
        return self.length / seconds / 1e9 if self.length else seconds / UNITS[self.case.unit]

    def ratio(self, name: str, other: str) -> float:
        """Return how many times as long it takes; how many times as fast it is, where speeds are shown."""
        ratio = self.value(name) / self.value(other)
        return 1 / ratio if self.length else ratio

    def rows(self) -> list[list[str]]:
        against = [name for name in self.case.against if name in self.times]
        best = "best tenth" if len(next(iter(self.times.values()), ())) >= 10 else "best"
        with_floor = self.case.unit in ("us", "ms") and self.case.floor in self.times
        above = ["above floor"] if with_floor else []
        rows = [["", self.case.unit, best, *above, *[f"x {name}" for name in against]]]
        for name in sorted(self.times, key=lambda name: median(self.times[name])):
            values = sorted(self.times[name])
            figures = [self.shown(name, median(values)), self.shown(name, values[len(values) // 10])]
            if with_floor:
                figures.append(self.shown(name, self.value(name) - self.value(self.case.floor)))
            rows.append([name, *map(number, figures), *[number(self.ratio(name, other)) for other in against]])
        return rows

    def verdicts(self) -> Iterator[str]:
        for goal in self.case.goals:
            names = [goal.ours, goal.ours.replace("requests_lite.Session", "requests_lite")]
            ours = next((name for name in names if name in self.times), None)
            if ours is not None and (not goal.theirs or goal.theirs in self.times or ", " in goal.theirs):
                yield self._verdict(goal, ours)

    def _verdict(self, goal: Goal, ours: str) -> str:
        theirs = goal.theirs
        if theirs and theirs not in self.times:
            theirs = theirs.replace("requests_lite.Session", "requests_lite")
        if not theirs:
            low = now = high = self.value(ours)
            words = f"{number(self.shown(ours, goal.factor))} {self.case.unit}, now {number(self.shown(ours, now))}"
        else:
            low, now, high = self.interval(ours, theirs, goal.relation == ">=")
            words = f"{goal.factor:.2f} x {theirs}, now {now:.3f} ({low:.3f} to {high:.3f})"
        worst, best = (high, low) if goal.relation == "<=" else (-low, -high)
        limit = goal.factor if goal.relation == "<=" else -goal.factor
        verdict = "reached" if worst <= limit else "MISSED " if best > limit else "unclear"
        if theirs == self.case.floor and self.length and self.beats_floor():
            verdict = "unclear"  # measured against what was no floor
        return f"{verdict}  {ours} {goal.relation} {words}"

    def interval(self, ours: str, theirs: str, of_speeds: bool) -> tuple[float, float, float]:
        """Return (low, median, high) of the ratios taken turn by turn; the median is within with about 95 %."""
        count = min(30, len(self.times[ours]), len(self.times[theirs]))
        pairs = zip(_turns(self.times[ours], count), _turns(self.times[theirs], count), strict=True)
        ratios = sorted(b / a if of_speeds else a / b for a, b in pairs)
        cut = max(0, int(count / 2 - 0.98 * math.sqrt(count)))
        return ratios[cut], median(ratios), ratios[-1 - cut]

    def beats_floor(self) -> bool:
        return any(self.ratio(name, self.case.floor) > 1.05 for name in self.times)

    def growth(self) -> Iterator[str]:
        """Yield how time grows with each thing that was counted: the exponent between its last two numbers."""
        points: dict[str, list[tuple[int, float]]] = {}
        for name in self.times:
            what, _, count = name.rpartition(" ")
            points.setdefault(what, []).append((int(count), self.value(name)))
        for what, line in points.items():
            # By the steepest step: a cliff between two points must not be hidden by those behind it.
            steps = [(math.log(t2 / t1) / math.log(n2 / n1), n1, n2) for (n1, t1), (n2, t2) in itertools.pairwise(line)]
            exponent, n1, n2 = max(steps)
            reached = exponent <= (0.1 if what == "idle hosts" else LINEAR)
            shown = ", ".join(f"{count}: {number(seconds * 1e6)}" for count, seconds in line)
            verdict = "reached" if reached else "MISSED "
            yield f"{verdict}  {what}: exponent at most {exponent:.2f}, {n1} to {n2} (us for {shown})"


def _turns(values: list[float], count: int) -> list[float]:
    size = len(values) // count
    return [median(values[at * size : (at + 1) * size]) for at in range(count)]


def number(value: float) -> str:
    return f"{value:,.0f}" if value >= 1000 else f"{value:.3g}" if value < 100 else f"{value:.0f}"


def show(table: Table) -> None:
    print(f"\n{table.case.title} ({table.case.name})\n")
    if table.case.name == "growth":
        print("\n".join(table.growth()))
        return
    rows = table.rows()
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = [cell.rjust(width) for cell, width in zip(row, widths, strict=True)]
        print("  ".join([row[0].ljust(widths[0]), *cells[1:]]))
    print()
    for verdict in table.verdicts():
        print(verdict)
    if table.length and table.case.floor in table.times and table.beats_floor():
        print(f"noise: some are faster than the {table.case.floor}, which therefore is no floor in this run")
    sys.stdout.flush()


def main() -> int:
    parser = argparse.ArgumentParser("run.py", description="Measure requests_lite beside its peers.")
    parser.add_argument("--quick", action="store_true", help="less of everything: done in three minutes")
    names = ", ".join(case.name for case in CASES)
    parser.add_argument("--only", metavar="NAME", help=f"one case, or all whose names begin so: {names}")
    parser.add_argument("--out", metavar="DIR", default=str(HERE / "plots"), help="where results.json and plots go")
    given = parser.parse_args()
    chosen = [case for case in CASES if given.only in (None, case.name)]
    chosen = chosen or [case for case in CASES if case.name.startswith(given.only)]
    if not chosen:
        parser.error(f"no case is named {given.only}")
    began = time.monotonic()
    program = find_nginx()
    pythons = {"": environment(".venv", [*PEERS, "matplotlib", "trustme"])}
    # It brings a fork of urllib3 under the same name, and so needs an environment of its own.
    pythons["niquests"] = environment(".venv-niquests", ["niquests"])
    found = {**versions(pythons["niquests"]), **versions(pythons[""])}
    ours = [pythons[""], "-c", "import requests_lite; print(requests_lite.__version__)"]
    about = {
        "requests_lite": subprocess.run(
            ours, env=surroundings(), capture_output=True, text=True, check=True
        ).stdout.strip(),
        "Python": platform.python_version(),
        "cores": str(os.cpu_count()),
        "machine": platform.platform(),
        **{name: found[name] for name in [*PEERS, "niquests"] if name in found},
    }
    print(", ".join(f"{name} {value}" for name, value in about.items()), flush=True)
    tables = []
    with folder_of_files(pythons[""], given.quick) as folder:
        for case in chosen:
            results = measure(case, pythons, program, folder, given.quick)
            if results.get(""):
                tables.append(Table(case, results, given.quick))
                show(tables[-1])
    out = Path(given.out)
    out.mkdir(parents=True, exist_ok=True)
    summary = {
        table.case.name: {
            "title": table.case.title,
            "unit": table.case.unit,
            "floor": table.case.floor,
            "values": {name: table.shown(name, table.value(name)) for name in table.times},
        }
        for table in tables
    }
    (out / "results.json").write_text(json.dumps({"about": about, "cases": summary}, indent=1) + "\n")
    drawn = subprocess.run([pythons[""], HERE / "plots.py", out / "results.json", out], check=False).returncode
    what = "results.json, without plots, is" if drawn else "results.json and plots are"
    print(f"\n{what} in {out}, after {time.monotonic() - began:.0f} s")
    return 0 if len(tables) == len(chosen) else 1


if __name__ == "__main__":
    sys.exit(main())
