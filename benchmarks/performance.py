"""`make bench`: every row of the speed table, measured, judged and stored.

    python -m benchmarks.performance [--quick] [--only KEY ...] [--list] [--write [FILE ...]]

Prints the table, stores it as out/bench/performance.json, and with --write replaces what stands between the markers
of docs/performance.md and README.md. Leaves with 1 if something that is installed could not be measured.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks import machine, results, tosa
from benchmarks.contestants import Contestant
from benchmarks.disturbance import Patience
from benchmarks.prepare import prepare
from benchmarks.rounds import QUICK, Rounds, Schedule, disturbed_share, measure
from benchmarks.rows import Row, contestants_of, rows, selected
from benchmarks.table import inserted, table
from benchmarks.tasks import Pace
from benchmarks.verdicts import Result, judged
from benchmarks.workspace import OUT, ROOT

PAGES = (ROOT / "docs" / "performance.md", ROOT / "README.md")
ROUNDS, QUICK_ROUNDS = 7, 2
PATIENCE_SECONDS = 600.0


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure what was asked for; 0 if all of it that can run here did."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help=f"{QUICK_ROUNDS} short rounds, to see that all works")
    parser.add_argument("--rounds", type=int, help=f"interleaved rounds (default {ROUNDS})")
    parser.add_argument("--threads", type=int, default=2, help="cores that every contestant may use (default 2)")
    parser.add_argument(
        "--patience",
        type=float,
        default=PATIENCE_SECONDS,
        metavar="SECONDS",
        help=f"in all, to take again what others disturbed (default {PATIENCE_SECONDS:g}, none with --quick)",
    )
    parser.add_argument("--only", nargs="+", default=[], metavar="KEY", help="rows by key, or patterns as softmax_*")
    parser.add_argument("--list", action="store_true", help="print the keys of all rows and leave")
    parser.add_argument("--write", nargs="*", type=Path, metavar="FILE", help="put the table into these pages")
    chosen = parser.parse_args(arguments)
    if chosen.list:
        print("\n".join(f"{row.key:44} {row.what}" for row in rows()))
        return 0
    if chosen.write is not None and (chosen.quick or chosen.only):
        parser.error("a part of the table, or a quick one, is not written")
    try:
        wanted = selected(rows(), chosen.only)
    except ValueError as error:
        parser.error(str(error))
    pages = () if chosen.write is None else tuple(chosen.write) or PAGES
    for page in pages:
        inserted(page.read_text(encoding="utf-8"), "", str(page))  # refuse before minutes of work
    machine.use_cores(chosen.threads)
    schedule = Schedule(
        chosen.rounds or (QUICK_ROUNDS if chosen.quick else ROUNDS),
        QUICK if chosen.quick else Pace(),
        chosen.threads,
    )
    return _run(wanted, schedule, Patience(0 if chosen.quick else chosen.patience), pages)


def _run(wanted: Sequence[Row], schedule: Schedule, patience: Patience, pages: Sequence[Path]) -> int:
    described, start = machine.describe(), time.monotonic()
    unable = make_ready(contestants_of(wanted))
    groups: dict[str, Rounds] = {}
    for group in dict.fromkeys(row.group for row in wanted):
        members = [row for row in wanted if row.group == group]
        print(f"{group}:", flush=True)
        groups[group] = measure(
            contestants_of(members),
            schedule,
            prepared=unable,
            discard_first=members[0].discard_first,
            patience=patience,
            say=say,
        )
    found = [judged(row, groups[row.group]) for row in wanted]
    made = table(found, described, schedule.rounds, disturbed_share(groups.values()))
    OUT.mkdir(parents=True, exist_ok=True)
    results.write(OUT / "performance.json", results.document(described, schedule, found, groups))
    print("\n" + made)
    for page in pages:
        page.write_text(inserted(page.read_text(encoding="utf-8"), made, str(page)), encoding="utf-8")
    print(f"{OUT / 'performance.json'}; {time.monotonic() - start:.0f} s", file=sys.stderr)
    return _exit_code(found, unable, groups)


def make_ready(contestants: Sequence[Contestant]) -> dict[str, str]:
    """Programs, images and converted models of all contestants; returns who cannot run here, and why."""
    unable = {each.name: reason for each in contestants if (reason := each.missing())}
    able = [each for each in contestants if each.name not in unable]
    refused = prepare(list(dict.fromkeys(each.network for each in able)))
    unable |= {each.name: refused[each.network.program] for each in able if each.network.program in refused}
    for each in able:
        if each.kind == "tosa":
            try:
                tosa.prepare(each.path, each.network)
            except (subprocess.CalledProcessError, RuntimeError) as error:
                unable[each.name] = f"the model could not be converted: {error}"
    for name, reason in unable.items():
        print(f"missing: {name}: {reason}", flush=True)
    return unable


def say(text: str) -> None:
    """Progress, as it happens."""
    print(text, flush=True)


def _exit_code(found: Sequence[Result], unable: dict[str, str], groups: dict[str, Rounds]) -> int:
    """1 where a contestant that could run did not end well, or integers differ; missed goals and absent peers are 0."""
    broken = {name for each in groups.values() for name in each.failed if name not in unable}
    differing = [result for result in found if result.missing.startswith("the integers differ")]
    for name in sorted(broken):
        print(f"failed: {name}", file=sys.stderr)
    return int(bool(broken or differing))


if __name__ == "__main__":
    sys.exit(main())
