"""`make profiles`: every profile against the independent implementations that install, as a Markdown table.

    python tests/peers/table.py [--write docs/profiles.md] [--only PROFILE]

Prints a line as each comparison ends; with --write it replaces what stands between the markers of the file. Leaves
with 1 if elements differ that no cause explains.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Iterable
from pathlib import Path

os.environ.setdefault("NUMBA_NUM_THREADS", "1")
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from peers.cases import comparisons
from peers.comparison import Comparison, Count

BEGIN, END = "<!-- table: make profiles -->\n", "<!-- end of table -->\n"
HEADER = "| profile | unit or op | compared elements | mismatches | against |\n|---|---|---|---|---|\n"


def row(line: Comparison, count: Count) -> str:
    """One line of the table."""
    differ = f"{count.mismatches:,}"
    if count.mismatches:
        differ += f" (by {count.largest} at most): {line.cause or 'UNEXPLAINED'}"
    return f"| `{line.profile}` | {line.op} | {count.elements:,} | {differ} | {line.peer} |\n"


def inserted(text: str, rows: Iterable[str]) -> str:
    """The text with the table between its markers."""
    before, _, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not end:
        raise SystemExit(f"the file lacks the lines {BEGIN.strip()} and {END.strip()}")
    return before + BEGIN + HEADER + "".join(rows) + END + after


def main() -> int:
    """Count everything; 0 if every difference is explained."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--write", type=Path, help="a Markdown file with the two markers")
    parser.add_argument("--only", help="one profile")
    chosen = parser.parse_args()
    if chosen.write and chosen.only:
        parser.error("a table of one profile is not written")
    rows, unexplained, start = [], 0, time.monotonic()
    print(HEADER, end="")
    for line in comparisons():
        if chosen.only in (None, line.profile):
            count = line.count()
            unexplained += 0 if line.cause else count.mismatches
            rows.append(row(line, count))
            print(rows[-1], end="", flush=True)
    if chosen.write:
        chosen.write.write_text(inserted(chosen.write.read_text(), rows))
    print(f"{len(rows)} comparisons in {time.monotonic() - start:.0f} s", file=sys.stderr)
    return int(unexplained > 0)


if __name__ == "__main__":
    sys.exit(main())
