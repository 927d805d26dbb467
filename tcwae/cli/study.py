"""The verbs about a whole study; `verbs` has those about one run, data or codes."""

import argparse
import shlex
from collections.abc import Iterable
from pathlib import Path

from tcwae.config.run import Run


def init(options: argparse.Namespace) -> None:
    from tcwae.workflow import copy

    copy(options.folder)
    print(
        f"{options.folder}/config.yaml is the study. Next: cd {shlex.quote(str(options.folder))}; snakemake --cores 2"
    )


def plan(options: argparse.Namespace) -> None:
    from tcwae.config.runs import candidates
    from tcwae.config.study import read
    from tcwae.study.plan import format_plan, plan, write_runs

    study = read(options.configfile)
    results = options.results or Path("results") / study.study
    if options.runs is not None:
        for path in write_runs(study, results, options.runs):
            print(path)
        return
    print(format_plan(plan(study, results, options.images_per_second)))
    _print_resources(candidates(study).values(), results, options.difference)


def _print_resources(runs: Iterable[Run], results: Path, difference: float | None) -> None:
    """Print the resources that the finished runs suggest, and the seeds that are needed to detect a difference."""
    from tcwae.doctor.cluster import read_profile
    from tcwae.study.resources import measure, proposals, read_records, seeds_lines

    known = read_records(results).values()
    if lines := proposals(measure(known), runs, read_profile()):
        print("\nresources to request, from finished runs (set-resources: train):")
        print("\n".join(lines))
    if difference is not None:
        print(f"\nseeds needed to detect a difference of {difference:g} (power 80 %, level 5 %):")
        print("\n".join(seeds_lines(known, difference)))


def status(options: argparse.Namespace) -> None:
    from tcwae.config.study import read
    from tcwae.study.status import format_status, status, watch

    study = read(options.configfile)
    results = options.results or Path("results") / study.study
    if options.watch:
        watch(study, results)
    print(format_status(status(study, results)))


def gather(options: argparse.Namespace) -> None:
    from tcwae.study.declared import read_resolved
    from tcwae.study.gather import gather

    gather(read_resolved(options.results), options.results)


def select(options: argparse.Namespace) -> None:
    from tcwae.study.declared import read_resolved
    from tcwae.study.select import select

    select(read_resolved(options.results, options.experiment), options.experiment, options.results)


def compare(options: argparse.Namespace) -> None:
    from tcwae.study.compare import compare, format_comparison

    print(format_comparison(compare(options.results, options.published, options.output)))


def plot(options: argparse.Namespace) -> None:
    from tcwae.figures.plot import plot

    plot(options.experiment, options.figure, options.results, options.output)


def report(options: argparse.Namespace) -> None:
    from tcwae.workflow import TEMPLATE, here_or_installed

    template = options.template or here_or_installed(TEMPLATE)
    if options.partial is not None:
        from tcwae.config.study import read
        from tcwae.report.partial import partial_report

        partial_report(read(options.partial), options.results, template, options.output)
        return
    from tcwae.report.document import report

    report(options.results, template, options.output)


def page(options: argparse.Namespace) -> None:
    from tcwae.page.page import page

    page(options.results)
    print(f"open {(options.results / 'index.html').resolve().as_uri()} in a browser")


def export(options: argparse.Namespace) -> None:
    from tcwae.study.crate import export

    optional = {"weights": options.weights, "codes": options.codes}
    files = export(options.results, options.output, **optional, authors=options.author, license_name=options.license)
    print(f"{options.output}: {files} files, {options.output.stat().st_size / 1e6:.1f} MB")


def verify(options: argparse.Namespace) -> int:
    from tcwae.study.crate import verify

    parts = verify(options.crate)
    print(*parts, sep="\n")
    return 2 if any(part.faults for part in parts) else 0


def doctor(options: argparse.Namespace) -> int:
    from tcwae.doctor.examine import examine

    levels = []
    for finding in examine(options.configfile):
        print(finding, flush=True)
        levels.append(finding.level)
    return 2 if "problem" in levels else 0
