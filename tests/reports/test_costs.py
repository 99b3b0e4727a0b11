"""Rows of a page from a cost report."""

from __future__ import annotations

from bittrue.hw_configs.load import load_machine
from bittrue.reports.costs import cost_rows
from bittrue.simulator.cost.energy import EnergyPj
from bittrue.simulator.cost.report import CostReport, StepCost


def test_every_figure_of_a_step_reaches_its_row() -> None:
    """Distinct numbers, so that no two can be exchanged."""
    energy = EnergyPj(mac=1.0, accumulate=2.0, vector=3.0, sram=4.0, dram=5.0, flash=6.0, leakage=7.0)
    step = StepCost("s", "linear", 10, 11, 12, 13, 14, 15, 16, "buffer", 0.5, 17, 18, 19, energy)
    (row,) = cost_rows(CostReport("model", "digest", "iot_npu", load_machine("iot_npu"), (step,)))
    for name in (
        "step",
        "op",
        "bound",
        "macs",
        "cycles",
        "compute_cycles",
        "vector_cycles",
        "buffer_cycles",
        "memory_cycles",
        "utilisation",
        "sram_bytes",
        "dram_bytes",
        "flash_bytes",
    ):
        assert getattr(row, name) == getattr(step, name)
    assert list(row.energy_pj.items()) == [
        ("mac", 1.0),
        ("accumulate", 2.0),
        ("vector", 3.0),
        ("sram", 4.0),
        ("dram", 5.0),
        ("flash", 6.0),
        ("leakage", 7.0),
    ]
    assert sum(row.energy_pj.values()) == energy.total
