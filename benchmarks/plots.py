"""Draws what was measured: plots.py RESULTS.json DIR"""

from __future__ import annotations

import json
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib import pyplot as plt

OURS, FLOOR, OTHERS = "#d1495b", "#9aa5b1", "#3b6ea8"
SMALL = ("cookie", "json", "form", "multipart", "tls", "new-tls")
LONG = (
    "upload-form",
    "upload-file",
    "upload-generator",
    "download",
    "content",
    "chunked",
    "gzip",
    "gzip-dense",
    "encoding",
)
MEMORY = ("memory-form", "memory-file", "memory-download", "memory-content")

mpl.rcParams.update({
    "figure.facecolor": "white", "font.size": 9, "axes.spines.top": False, "axes.spines.right": False,
    "axes.titlesize": 10, "axes.titleweight": "bold", "savefig.dpi": 130,
})  # fmt: skip


def bars(axes: Any, case: dict[str, Any], log: bool, small: bool) -> None:
    """Draw a bar for each candidate, the best on top, ours and the floor in colours of their own."""
    faster_is_more = case["unit"] == "GB/s"
    items = sorted(case["values"].items(), key=lambda item: item[1], reverse=not faster_is_more)
    names, values = [name for name, _ in items], [max(value, 0.01) for _, value in items]
    is_ours = [name.startswith(("requests_lite", "the engine")) for name in names]
    is_floor = [name.startswith(("bare", "socket, ")) for name in names]
    colours = [OURS if ours else FLOOR if floor else OTHERS for ours, floor in zip(is_ours, is_floor, strict=True)]
    drawn = axes.barh(names, values, color=colours, height=0.72)
    labels = [f"{value:,.0f}" if value >= 100 else f"{value:.3g}" for value in values]
    axes.bar_label(drawn, labels, padding=3, fontsize=8)
    axes.set_title(
        f"{case['title']}, {case['unit']}", loc="left", x=-0.35 if small else 0.0, fontsize=8 if small else 10
    )
    if log:
        axes.set_xscale("log")
    axes.margins(x=0.15)
    axes.tick_params(left=False)
    axes.xaxis.set_visible(False)
    axes.spines[["bottom", "left"]].set_visible(False)


def panels(cases: dict[str, Any], names: tuple[str, ...], path: Path, log: bool = False) -> None:
    there = [cases[name] for name in names if name in cases]
    if not there:
        return
    columns = min(2, len(there))
    rows = -(-len(there) // columns)
    tallest = max(len(case["values"]) for case in there)
    figure, grid = plt.subplots(rows, columns, figsize=(8.4, rows * (0.6 + 0.21 * tallest)), squeeze=False)
    for axes, case in zip(grid.flat, there, strict=False):
        bars(axes, case, log, columns > 1)
    for axes in grid.flat[len(there) :]:
        axes.set_visible(False)
    save(figure, path)


def growth(case: dict[str, Any], path: Path) -> None:
    lines: dict[str, list[tuple[int, float]]] = defaultdict(list)
    for name, value in case["values"].items():
        what, _, count = name.rpartition(" ")
        lines[what].append((int(count), value))
    figure, axes = plt.subplots(figsize=(8.4, 4.2))
    for what, points in lines.items():
        axes.loglog(*zip(*points, strict=True), marker="o", markersize=4, label=what)
    axes.set_title("requests_lite: microseconds for an exchange with n of something", loc="left")
    axes.set_xlabel("n")
    axes.grid(which="major", color="#e4e8ec")
    axes.legend(frameon=False)
    save(figure, path)


def save(figure: Any, path: Path) -> None:
    figure.tight_layout()
    figure.savefig(path, metadata={"Software": None})
    plt.close(figure)


def main(results: str, folder: str) -> None:
    cases, out = json.loads(Path(results).read_text())["cases"], Path(folder)
    panels(cases, ("get",), out / "small-get.png")
    panels(cases, SMALL, out / "small.png", log=True)
    panels(cases, LONG, out / "bulk.png")
    panels(cases, MEMORY, out / "memory.png", log=True)
    panels(cases, ("import",), out / "import.png")
    panels(cases, ("threads",), out / "threads.png", log=True)
    if "growth" in cases:
        growth(cases["growth"], out / "growth.png")


if __name__ == "__main__":
    main(*sys.argv[1:])
