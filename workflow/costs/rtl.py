"""The cost model's array against cycles that one in RTL took: `steps.csv` of `make rtl-image`, or columns step, cycles.

`rtl_bt_mac.toml` describes the array in tests/rtl/bt_mac.sv. Weights are there before a step's cycles are counted.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

from bittrue.reports.cost_data import CostPoint, LeftOut
from bittrue.simulator.cost.report import CostReport
from bittrue.spec.errors import BadInput

CYCLES = ("mac_cycles", "cycles")
"""The column that is read, the first that the file has."""


def read_cycles(path: Path) -> dict[str, int]:
    """Cycles of the array by step; steps without any are left out."""
    try:
        rows = list(csv.DictReader(path.read_text(encoding="utf-8").splitlines()))
        column = next((name for name in CYCLES if rows and name in rows[0]), CYCLES[-1])
        cycles = {row["step"]: int(row[column]) for row in rows if int(row[column])}
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput("the file of cycles cannot be read", where=str(path), got=str(error)) from None
    except (KeyError, TypeError, ValueError) as error:
        raise BadInput(
            "this is no file of cycles",
            where=str(path),
            got=str(error),
            expected="CSV with the columns step and mac_cycles or cycles",
        ) from None
    if not cycles or min(cycles.values()) < 1:
        raise BadInput("this file of cycles has none", where=str(path))
    return cycles


def rtl_points(path: Path, report: CostReport) -> Iterator[CostPoint | LeftOut]:
    """A point for each step that both have; steps that only the file has are refused."""
    cycles = read_cycles(path)
    ours = {step.step: step for step in report.steps}
    unknown = [step for step in cycles if step not in ours]
    if unknown:
        raise BadInput("the program has no such step", where=str(path), got=unknown[0], expected="steps of the program")
    for step, theirs in cycles.items():
        cost = ours[step]
        if not cost.compute_cycles:
            yield LeftOut("rtl", report.machine.name, step, "it is no product in the model")
            continue
        yield CostPoint("rtl", report.machine.name, cost.op, step, "cycles", theirs, cost.compute_cycles)
