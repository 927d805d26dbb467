"""`make bench`: measures, prints a table, and writes it as CSV with the machine's description.

Sections: steps, plain, scores, data, startup, beside, growth; all of them where none is named.
"""

import argparse
import time
from dataclasses import asdict
from importlib import import_module
from pathlib import Path

import pandas as pd

from benchmarks.measure import ROOT, machine

SECTIONS = ("steps", "plain", "scores", "data", "startup", "beside", "growth")


def shown(table: pd.DataFrame) -> str:
    """The table, without the columns that it does not use."""
    used = table.dropna(axis=1, how="all")
    return used.to_string(index=False, na_rep="", float_format="{:,.3g}".format)


def main() -> None:
    """Measure section by section."""
    parser = argparse.ArgumentParser(
        prog="benchmarks", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("sections", nargs="*", metavar="SECTION", help="default: all")
    parser.add_argument("--output", type=Path, default=ROOT / "results" / "bench.csv", help="default %(default)s")
    parser.add_argument("--plot", type=Path, metavar="PNG", help="draw how time and memory grow (section growth)")
    options = parser.parse_args()
    if unknown := set(options.sections) - set(SECTIONS):
        parser.error(f"expected sections among {', '.join(SECTIONS)}, found {', '.join(sorted(unknown))}")
    description, tables = machine(), []
    print(description)
    for section in options.sections or SECTIONS:
        start, module = time.monotonic(), import_module(f"benchmarks.{section}")
        if section == "growth" and options.plot is not None:
            points = module.measured()
            module.draw(points, options.plot)
            rows = module.rows(points)
        else:
            rows = module.rows()
        table = pd.DataFrame([asdict(row) for row in rows])
        print(f"\n{section}, {time.monotonic() - start:.0f} s\n{shown(table)}", flush=True)
        tables.append(table.assign(section=section, machine=description))
    options.output.parent.mkdir(parents=True, exist_ok=True)
    pd.concat(tables).to_csv(options.output, index=False, float_format="%.6g")


if __name__ == "__main__":
    main()
