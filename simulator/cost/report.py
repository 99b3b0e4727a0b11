"""Cycles and energy of a Program on a Machine: one row a step, and their totals.

For hardware architects and for reports. The model is a closed form, no simulation: docs/cost_model.md
says what it leaves out. Each step runs by itself:

    compute = max(array, vector) where the vector unit overlaps the array, else their sum
    cycles  = start + max(compute, buffer, memory)        double buffering hides all but the first latency
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from bittrue.simulator.cost.array import array_cycles
from bittrue.simulator.cost.buffers import buffer_cycles, on_chip_traffic
from bittrue.simulator.cost.energy import EnergyPj, step_energy
from bittrue.simulator.cost.memory import KIB, external_traffic, memory_cycles, start_cycles
from bittrue.simulator.cost.residency import Residency, residency
from bittrue.simulator.cost.sizes import operands
from bittrue.simulator.cost.vector_unit import vector_cycles
from bittrue.spec.machine import Machine
from bittrue.spec.op import Call
from bittrue.spec.program import Program

Bound = Literal["compute", "vector", "buffer", "memory", "none"]
"""What a step waits for: the array, the vector unit, an SRAM port, external memory; or it costs nothing."""


@dataclass(frozen=True)
class StepCost:
    """One step on one machine."""

    step: str
    op: str
    macs: int
    compute_cycles: int
    """The array alone."""
    vector_cycles: int
    buffer_cycles: int
    memory_cycles: int
    """External memory and DMA, without the first latency."""
    start_cycles: int
    cycles: int
    bound: Bound
    utilisation: float
    """MACs over what all cells of the array could have done in `cycles`, 0..1."""
    sram_bytes: int
    dram_bytes: int
    flash_bytes: int
    energy_pj: EnergyPj


@dataclass(frozen=True)
class CostReport:
    """All steps in order, and their sums."""

    model: str
    program_digest: str
    datapath: str
    machine: Machine
    steps: tuple[StepCost, ...]

    @cached_property
    def macs(self) -> int:
        """Multiply-accumulates of one image."""
        return sum(step.macs for step in self.steps)

    @cached_property
    def cycles(self) -> int:
        """Cycles of one image."""
        return sum(step.cycles for step in self.steps)

    @cached_property
    def latency_ms(self) -> float:
        """Time of one image in milliseconds."""
        return self.cycles / self.machine.clock_mhz / 1000

    @cached_property
    def energy_pj(self) -> EnergyPj:
        """Energy of one image by event."""
        return sum((step.energy_pj for step in self.steps), EnergyPj())

    @cached_property
    def energy_uj(self) -> float:
        """Energy of one image in microjoules."""
        return self.energy_pj.total / 1e6

    @cached_property
    def utilisation(self) -> float:
        """MACs over what all cells could have done in all cycles, 0..1."""
        return _utilisation(self.macs, self.cycles, self.machine)


def cost(program: Program, machine: Machine) -> CostReport:
    """Cost one image of a checked program."""
    steps = step_costs(program.calls, machine)
    return CostReport(program.model, program.digest, program.datapath.name, machine, steps)


def step_costs(calls: Sequence[Call], machine: Machine) -> tuple[StepCost, ...]:
    """Cost calls that follow one another; tensors are told apart by name."""
    homes = residency(calls, machine.buffers.activation_kib * KIB)
    return tuple(_step_cost(call, homes, machine) for call in calls)


def _step_cost(call: Call, homes: Residency, machine: Machine) -> StepCost:
    if call.output.name in homes.alias:
        return StepCost(call.step, call.op.name, 0, 0, 0, 0, 0, 0, 0, "none", 0.0, 0, 0, 0, EnergyPj())
    work = call.op.work(call)
    on_chip = on_chip_traffic(call, work.gemm, machine)
    external = external_traffic(call, work.gemm, homes.external, machine)
    macs, array = 0, 0
    if work.gemm is not None:
        macs, array = work.gemm.macs, array_cycles(work.gemm, operands(call), machine.array)
    vector, buffer = vector_cycles(work.vector, machine.vector_unit), buffer_cycles(on_chip, machine)
    memory, start = memory_cycles(external, machine), start_cycles(external, machine)
    units = max(array, vector) if machine.vector_unit.overlaps_array else array + vector
    cycles = start + max(units, buffer, memory)
    return StepCost(
        step=call.step,
        op=call.op.name,
        macs=macs,
        compute_cycles=array,
        vector_cycles=vector,
        buffer_cycles=buffer,
        memory_cycles=memory,
        start_cycles=start,
        cycles=cycles,
        bound=_bound(array, vector, units, buffer, memory),
        utilisation=_utilisation(macs, cycles, machine),
        sram_bytes=on_chip.read_bytes + on_chip.write_bytes + external.read_bytes + external.dram_write_bytes,
        dram_bytes=external.dram_bytes,
        flash_bytes=external.flash_read_bytes,
        energy_pj=step_energy(call, work.gemm, work.vector, on_chip, external, cycles, machine),
    )


def _bound(array: int, vector: int, units: int, buffer: int, memory: int) -> Bound:
    """The longest of the four; of equal ones the unit nearer to the array."""
    if units >= max(buffer, memory):
        return "compute" if array >= vector else "vector"
    return "buffer" if buffer >= memory else "memory"


def _utilisation(macs: int, cycles: int, machine: Machine) -> float:
    return macs / (cycles * machine.array.rows * machine.array.cols) if cycles else 0.0
