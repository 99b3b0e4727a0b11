"""`make rtl-mutation`: how many faults of the designs' netlists a set of vectors shows.

    python tests/rtl/mutate.py [UNIT ...] [--count 200] [--kind directed] [--out FOLDER] [--page docs/mutation.md]
    python tests/rtl/mutate.py UNIT --vectors FILE.npz FOLDER ...

A mutant is killed if a word of any stage is not the unmutated design's, or the handshake breaks, with or without random
stalls. One that is not killed is equivalent only if a SAT proof says so; else it survived. What is measured goes to
OUT/UNIT.KIND.json as soon as a unit is done; --page writes the table of all that lies there, so that units can be
measured one at a time. Leaves with 1 if fewer than --least percent of the mutants not proved equivalent were killed.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import get_args

os.environ.setdefault("NUMBA_NUM_THREADS", "1")
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np
from rtl.cases import CASES
from rtl.mutant_match import score
from rtl.mutation_table import COMMAND, Row, read_rows, report, row_of, section, write_row
from rtl.row_cases import SETS
from rtl.units import RTL_UNITS

from bittrue.golden.stimuli import stimuli_of
from bittrue.hw_configs.load import load_datapath
from bittrue.reports.page_tables import read_page, with_tables
from bittrue.spec.datapath import Datapath
from bittrue.spec.files import write_text
from bittrue.spec.units.section import Arrays
from bittrue.spec.vectors import StimulusKind

OWN = "cases"
"""Stimuli that the tests here play (cases.py), in the place of a kind."""
GIVEN = "vectors"


def sets_of(unit: str, datapath: Datapath, kind: StimulusKind | None) -> list[Arrays]:
    """Stimuli of a kind or, without one, what the tests here play through the design of a unit."""
    if kind is None:
        return SETS[unit]() if unit in SETS else [CASES[unit]()]
    return [dict(stimuli.arrays) for stimuli in stimuli_of(datapath, unit, kind)]


def read_arrays(path: Path) -> Arrays:
    """An .npz as `bittrue unit` takes it, or a unit's folder of a package: PORT.npy and const_PORT.npy."""
    if path.is_dir():
        return {
            file.stem.removeprefix("const_"): np.load(file, allow_pickle=False) for file in sorted(path.glob("*.npy"))
        }
    with np.load(path, allow_pickle=False) as archive:
        return {name: archive[name] for name in archive.files}


def measured(unit: str, chosen: argparse.Namespace) -> Row:
    """The score of one unit, in a folder that is gone afterwards."""
    datapath, kind = load_datapath(chosen.datapath), None if chosen.kind == OWN else chosen.kind
    sets = [read_arrays(path) for path in chosen.vectors] if chosen.vectors else sets_of(unit, datapath, kind)
    with tempfile.TemporaryDirectory() as folder:
        found = score(unit, datapath, sets, Path(folder), count=chosen.count, seed=chosen.seed, proof_s=chosen.proof_s)
    return row_of(found, GIVEN if chosen.vectors else chosen.kind)


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the scores of some units."""
    assert __doc__ is not None
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("units", nargs="*", metavar="UNIT", help=f"default: {' '.join(RTL_UNITS)}")
    parser.add_argument("--count", type=int, default=200, help="mutants of each unit")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--datapath", default="iot_npu")
    parser.add_argument("--kind", choices=(OWN, *get_args(StimulusKind)), default="directed", help="of stimuli")
    parser.add_argument("--vectors", type=Path, nargs="+", help="arrays of one unit, in the place of stimuli")
    parser.add_argument("--proof-s", type=float, default=300, help="seconds that a proof may take; 0: none is tried")
    parser.add_argument("--least", type=float, default=0, help="percent")
    parser.add_argument("--out", type=Path, default=Path("out") / "rtl_mutation")
    parser.add_argument("--page", type=Path, help="a Markdown file with the markers of the table")
    chosen = parser.parse_args(arguments)
    units = chosen.units or list(RTL_UNITS)
    if not set(units) <= set(RTL_UNITS) or (chosen.vectors and len(units) != 1):
        parser.error(f"one unit for --vectors, of {', '.join(RTL_UNITS)}")
    page = read_page(chosen.page, COMMAND, ("",)) if chosen.page else ""
    rows = []
    for unit in units:
        began = time.monotonic()
        rows.append(measured(unit, chosen))
        write_row(chosen.out, rows[-1])
        print(report(rows[-1]), f"\n{time.monotonic() - began:.0f} s\n", flush=True)
    if chosen.page:
        write_text(chosen.page, with_tables(page, COMMAND, {"": section(read_rows(chosen.out, list(RTL_UNITS)))}))
    return int(any(100 * row.share < chosen.least for row in rows))


if __name__ == "__main__":
    sys.exit(main())
