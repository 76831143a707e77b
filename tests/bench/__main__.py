"""`make bench`: every `bench_*.py` beside this file, one table, each figure beside its yardstick.

A bench file has `run() -> Iterable[Row]`; a row is said as soon as it is there. Figures of one run are comparable with
each other and with nothing else: they are taken on the same machine in the same minutes, which is why targets are
ratios wherever they can be.
"""

import argparse
import sys
import time
from collections.abc import Iterable
from importlib import import_module
from pathlib import Path

from tests.bench.quiet import ticks
from tests.bench.row import Row, in_parts

HERE = Path(__file__).parent


COLUMNS = ("what", "measured", "yardstick", "ratio", "target", "")


def main(arguments: list[str]) -> int:
    """Run the benches and print the table; 1 when a target was missed or a bench could not run."""
    parser = argparse.ArgumentParser(prog="make bench", description="The speed targets, each beside its yardstick.")
    parser.add_argument("--only", help="a part of a bench's name, such as lane")
    only = parser.parse_args(arguments).only or ""
    names = [path.stem for path in sorted(HERE.glob("bench_*.py")) if only in path.stem]
    if not names:
        print(f"No bench is called like {only!r}." if only else "There is no bench.")
        return 1
    rows = [row for name in names for row in _measure(name)]
    print("\n" + table(rows))
    return 1 if any(row["ok"] is False for row in rows) else 0


def _measure(name: str) -> list[Row]:
    started, rows, before = time.monotonic(), list[Row](), ticks()
    print(f"{name} …", flush=True)
    for row in in_parts({name: lambda: import_module(f"tests.bench.{name}").run()}):
        print("  " + "  ".join(cell for cell in _cells(row) if cell), flush=True)
        rows.append(row)
    elsewhere = ticks().since(before)
    said = f", of which other machines had the processor for {elsewhere:.0%}" if elsewhere else ""
    print(f"{name}  {time.monotonic() - started:.0f} s{said}", flush=True)
    return rows


def table(rows: Iterable[Row]) -> str:
    """The rows as aligned columns."""
    lines = [COLUMNS, *(_cells(row) for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(COLUMNS))]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) for line in lines)


def _cells(row: Row) -> tuple[str, ...]:
    ratio = "" if row["ratio"] is None else f"{row['ratio']:.2f}"
    verdict = {True: "✓", False: "✗ missed", None: ""}[row["ok"]]
    figure = f"{_figure(row['value'])} {row['unit']}"
    return (row["name"], figure, row["yardstick"] or "", ratio, row["target"] or "", verdict)


def _figure(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
