"""What `make rtl-image` reports: a row a step for the CSV file, a row an op for people."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from rtl.machine import Busy

from bittrue.simulator.cost.report import StepCost
from bittrue.spec.program import Step

COLUMNS = (
    "step", "op", "ran_on", "elements", "mismatches", "macs", "mac_cycles", "mac_load_cycles", "unit_cycles",
    "model_array_cycles", "model_vector_cycles", "seconds",
)  # fmt: skip

HEAD = (
    "op", "steps", "MMAC", "array clocks", "to load it", "other units' clocks", "model: array cycles",
    "model: vector cycles", "s",
)  # fmt: skip

ALL = "all"


@dataclass(frozen=True)
class Line:
    """One step of the image."""

    step: Step
    ran_on: str
    """The units, "moves" for addresses, or "simulator" where no design serves the op."""
    elements: int
    mismatches: int
    busy: Busy
    model: StepCost

    def row(self) -> tuple[Any, ...]:
        """In the order of COLUMNS."""
        others = sum(cycles for unit, cycles in self.busy.run_cycles.items() if unit != "mac")
        others += sum(cycles for unit, cycles in self.busy.load_cycles.items() if unit != "mac")
        return (
            self.step.name, self.step.op.name, self.ran_on, self.elements, self.mismatches, self.model.macs,
            self.busy.run_cycles.get("mac", 0), self.busy.load_cycles.get("mac", 0), others,
            self.model.compute_cycles, self.model.vector_cycles, round(self.busy.seconds, 4),
        )  # fmt: skip


def text(line: Line) -> str:
    """One step for a terminal."""
    busy = line.busy.run_cycles
    cycles = ", ".join(f"{unit} {cycles:,}" for unit, cycles in busy.items())
    verdict = f"{line.mismatches} MISMATCHES" if line.mismatches else "equal"
    return (
        f"{line.step.name:48} {line.step.op.name:10} {line.ran_on:15} {verdict:8} {line.busy.seconds:6.2f} s  {cycles}"
    )


def by_op(ran: list[Line]) -> list[tuple[str | int | float, ...]]:
    """A row an op and one of all, in the order of HEAD; macs in millions."""
    rows: list[tuple[str | int | float, ...]] = []
    for name in [*dict.fromkeys(line.step.op.name for line in ran), ALL]:
        chosen = [line.row()[5:] for line in ran if name in (line.step.op.name, ALL)]
        macs, *cycles, seconds = (sum(column) for column in zip(*chosen, strict=True))
        rows.append((name, len(chosen), round(macs / 1e6, 1), *cycles, round(seconds, 1)))
    return rows


def total(lines: list[Line], seconds: float) -> str:
    """The table by op and the verdict; seconds: of everything, the simulator and building the designs included."""
    steps = [line for line in lines if line.ran_on != "moves"]
    elsewhere = [line.step.name for line in steps if line.ran_on == "simulator"]
    differ = [line for line in lines if line.mismatches]
    table = [
        HEAD,
        ["---"] * len(HEAD),
        *([f"{cell:,}" if isinstance(cell, int) else cell for cell in row] for row in by_op(steps)),
    ]
    counts = f"{sum(line.mismatches for line in differ):,} of {sum(line.elements for line in lines):,} elements differ"
    return "\n".join(
        [f"| {' | '.join(map(str, row))} |" for row in table]
        + [f"{len(steps) - len(elsewhere)} of {len(steps)} steps on designs, {counts}; {seconds:.0f} s in all"]
        + [f"first tensor that differs: {line.step.name} ({line.ran_on})" for line in differ[:1]]
        + [f"NOT ON A DESIGN: {', '.join(elsewhere)}" for _ in elsewhere[:1]]
    )
