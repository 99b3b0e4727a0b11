"""From a cost report of the simulator to the rows of a page."""

from __future__ import annotations

from dataclasses import asdict

from bittrue.reports.data import CostRow
from bittrue.simulator.cost.report import CostReport


def cost_rows(report: CostReport) -> tuple[CostRow, ...]:
    """One row a step, in program order."""
    return tuple(
        CostRow(
            step=step.step,
            op=step.op,
            bound=step.bound,
            macs=step.macs,
            cycles=step.cycles,
            compute_cycles=step.compute_cycles,
            vector_cycles=step.vector_cycles,
            buffer_cycles=step.buffer_cycles,
            memory_cycles=step.memory_cycles,
            utilisation=step.utilisation,
            sram_bytes=step.sram_bytes,
            dram_bytes=step.dram_bytes,
            flash_bytes=step.flash_bytes,
            energy_pj=asdict(step.energy_pj),
        )
        for step in report.steps
    )
