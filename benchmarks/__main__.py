"""`make bench`: measures, prints a table, and writes it as CSV with the machine's description.

Sections: steps, plain, scores, data, startup, beside, growth; all of them if none is named.
"""

import argparse
import time
from dataclasses import asdict
from importlib import import_module
from pathlib import Path

import pandas as pd

from benchmarks.measure import ROOT, Row, machine

SECTIONS = ("steps", "plain", "scores", "data", "startup", "beside", "growth")


HEADER = f"{'threads':>7} {'batch':>5} {'ms':>9} {'images/s':>9} {'MB':>7} {'count':>5} ratio"


def line(row: Row) -> str:
    """A row of the table."""
    numbers = (row.milliseconds, row.images_per_second, row.megabytes)
    cells = [f"{row.threads or '':>7} {row.batch or '':>5}"]
    cells += [
        f"{'' if number is None else f'{number:,.4g}':>{width}}"
        for number, width in zip(numbers, (9, 9, 7), strict=True)
    ]
    cells += [f"{row.count or '':>5}", "" if row.ratio is None else f"{row.ratio:.3f} {row.to}"]
    return " ".join([f"{row.what:46}", *cells]).rstrip()


def main() -> None:
    """Measure section by section."""
    parser = argparse.ArgumentParser(
        prog="benchmarks", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("sections", nargs="*", metavar="SECTION", help="default: all")
    parser.add_argument("--output", type=Path, default=ROOT / "results" / "bench.csv", help="default %(default)s")
    parser.add_argument("--plot", type=Path, metavar="PNG", help="draw the section growth, with its CSV beside")
    options = parser.parse_args()
    if unknown := set(options.sections) - set(SECTIONS):
        parser.error(f"expected sections among {', '.join(SECTIONS)}, found {', '.join(sorted(unknown))}")
    description, lines = machine(), []
    print(description)
    for section in options.sections or SECTIONS:
        start, module = time.monotonic(), import_module(f"benchmarks.{section}")
        keywords = {"plot": options.plot} if section == "growth" else {}
        print(f"\n{section:46} {HEADER}", flush=True)
        for row in module.rows(**keywords):
            print(line(row), flush=True)
            lines.append({"section": section, **asdict(row), "machine": description})
        print(f"{time.monotonic() - start:.0f} s")
    options.output.parent.mkdir(parents=True, exist_ok=True)
    pd.DataFrame(lines).to_csv(options.output, index=False, float_format="%.6g")


if __name__ == "__main__":
    main()
