"""cost: cycles and energy of a program on a machine."""

from __future__ import annotations

from pathlib import Path

from bittrue.hw_configs.load import load_machine
from bittrue.simulator.cost.report import CostReport
from bittrue.simulator.cost.report import cost as cost_of
from bittrue.spec.machine import HwConfig
from bittrue.spec.program import Program
from bittrue.spec.program_file import load_program


def cost(program: Program | Path, *, machine: str | Path = "iot_npu") -> CostReport:
    """Cycles, traffic and energy of every step for one image, and in total.

    machine: a name of hw_configs/machines or the path of a TOML file.
    """
    loaded = load_program(program) if isinstance(program, Path) else program
    fit = HwConfig(name="cost", datapath=loaded.datapath, machine=load_machine(machine))  # refuses a misfit
    return cost_of(loaded, fit.machine)
