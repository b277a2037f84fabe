"""`make bench`: measure, judge, write.

    python -m benchmarks --scale 0.05

Prepared data and figures are kept under .brokerlake/bench/<scale>/; a run that was stopped goes on where it stood.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from benchmarks import report
from benchmarks.parts import Bench, measure_all
from benchmarks.prepare import PROJECT, BenchmarkError
from benchmarks.sizes import HISTORY_DAYS, Sizes
from brokerlake.cli.progress import Progress
from brokerlake.errors import BrokerlakeError

MINUTE = 60.0
"""Seconds without a word: the measured processes tell their progress themselves."""
PAGE = PROJECT / "docs" / "speed.md"


def arguments() -> argparse.Namespace:
    """What the command line says."""
    parser = argparse.ArgumentParser(prog="benchmarks", description="One large day beside DuckDB and the floor.")
    parser.add_argument("--scale", type=float, default=1.0, help="1 is the large day (200,000 customers)")
    parser.add_argument("--history-days", type=int, default=HISTORY_DAYS)
    parser.add_argument("--demo-days", type=int, nargs=2, default=(20, 400), metavar=("SHORT", "LONG"))
    parser.add_argument("--folder", type=Path, default=PROJECT / ".brokerlake" / "bench")
    parser.add_argument("--set", action="append", default=[], help="a value of conf/ to try, e.g. spark.heap=3g")
    parser.add_argument("--fill-page", action="store_true", help="put the figures into docs/speed.md")
    return parser.parse_args()


def run(sizes: Sizes, under: Path, *, settings: tuple[str, ...] = (), page: Path | None = None) -> dict[str, object]:
    """Measure everything and write speed.json and speed.md; what was measured."""
    facts = report.machine()
    with Progress(beat=MINUTE) as progress:
        bench = Bench(sizes, under, progress, settings)
        found = measure_all(bench)
        text = report.markdown(sizes, found, facts)
        result = {**report.as_json(sizes, found, facts), "settings": list(settings)}
        (bench.folder / "speed.md").write_text(text, encoding="utf-8")
        (bench.folder / "speed.json").write_text(json.dumps(result, indent=1), encoding="utf-8")
        progress(f"written: {bench.folder / 'speed.md'} and speed.json")
    if page is not None:
        report.fill_page(page, text)
    print(text)
    return result


def main() -> int:
    """1 when a step failed or the six outputs are not equal; a missed goal is a figure, no failure."""
    given = arguments()
    sizes = Sizes(given.scale, given.history_days, tuple(given.demo_days))
    try:
        result = run(sizes, given.folder, settings=tuple(given.set), page=PAGE if given.fill_page else None)
        if not all(dict(result["outputs_equal"]).values()):  # type: ignore[call-overload]
            raise BenchmarkError("benchmark: the six outputs of DuckDB and the lake differ; see speed.json, agreement")
    except BrokerlakeError as error:
        print(f"brokerlake: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("brokerlake: interrupted; the same command goes on where it stopped", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
