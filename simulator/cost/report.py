"""Cycles and energy of a Program on a Machine: one row a step, and their totals.

For hardware architects and for reports. The model is a closed form, no simulation: docs/cost_model.md
says what it leaves out. Each step runs by itself:

    compute = max(array, vector) where the vector unit overlaps the array, else their sum
    cycles  = start + max(compute, buffer, memory)        double buffering hides all but the first latency

Fused steps share these maxima: a follower's row has what it adds to its chain.
"""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from bittrue.simulator.cost.area import Area, area
from bittrue.simulator.cost.block_step import block_parts
from bittrue.simulator.cost.buffers import buffer_cycles
from bittrue.simulator.cost.energy import EnergyPj, step_energy
from bittrue.simulator.cost.fusion import fused_tensors
from bittrue.simulator.cost.memory import KIB, memory_cycles
from bittrue.simulator.cost.parts import StepParts
from bittrue.simulator.cost.residency import residency
from bittrue.simulator.cost.systolic_step import systolic_parts
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
    stall_cycles: int = 0
    """Cycles in which neither the array nor the vector unit works."""
    held_bytes: int = 0
    """Tensors that are in the activation buffer during the step."""
    tile: str = ""
    """The block of outputs that the array works on, height x width x depth, where it does."""


@dataclass(frozen=True)
class CostReport:
    """All steps in order, and their sums."""

    model: str
    program_digest: str
    datapath: str
    machine: Machine
    steps: tuple[StepCost, ...]
    accumulator_bits: int = 32
    """Of the datapath."""

    @cached_property
    def macs(self) -> int:
        """Multiply-accumulates of one image."""
        return sum(step.macs for step in self.steps)

    @cached_property
    def cycles(self) -> int:
        """Cycles of one image."""
        return sum(step.cycles for step in self.steps)

    @cached_property
    def stall_cycles(self) -> int:
        """Cycles of one image in which neither unit works."""
        return sum(step.stall_cycles for step in self.steps)

    @cached_property
    def peak_buffer_bytes(self) -> int:
        """The most that the activation buffer holds at once."""
        return max((step.held_bytes for step in self.steps), default=0)

    @cached_property
    def area(self) -> Area:
        """A proxy of the silicon that the machine takes, with this datapath's accumulator."""
        return area(self.machine, self.accumulator_bits)

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
    bits = program.datapath.mac.accumulator_bits
    return CostReport(program.model, program.digest, program.datapath.name, machine, steps, bits)


def step_costs(calls: Sequence[Call], machine: Machine, *, external: Set[str] | None = None) -> tuple[StepCost, ...]:
    """Cost calls that follow one another; tensors are told apart by name.

    external: names of the tensors in external memory; None lets residency.py decide.
    """
    fused = fused_tensors(calls, machine)
    capacity = machine.buffers.activation_kib * KIB
    homes = residency(calls, capacity, packed=machine.packs_codes, never=fused)
    away = (homes.external if external is None else external) - fused
    costs: list[StepCost] = []
    chain: list[StepParts] = []
    for call, held in zip(calls, homes.held_bytes, strict=True):
        if call.output.name in homes.alias:
            costs.append(StepCost(call.step, call.op.name, 0, 0, 0, 0, 0, 0, 0, "none", 0.0, 0, 0, 0, EnergyPj()))
            continue
        if not any(spec.name in fused for spec in call.inputs):
            chain = []
        costs.append(_step_cost(call, away, fused, machine, chain, held))
    return tuple(costs)


def _step_cost(
    call: Call, external: Set[str], fused: Set[str], machine: Machine, chain: list[StepParts], held_bytes: int
) -> StepCost:
    """One step; `chain` holds the parts of the steps that it is fused with, and gets its own."""
    work = call.op.work(call)
    parts_of = systolic_parts if machine.array.block is None else block_parts
    parts = parts_of(call, work, external, fused, machine)
    before = _chain_cycles(chain, machine)
    chain.append(parts)
    after = _chain_cycles(chain, machine)
    cycles = after - before
    macs = 0 if work.gemm is None else work.gemm.macs
    buffer, memory = buffer_cycles(parts.on_chip, machine), memory_cycles(parts.external, machine)
    units = _units(parts.array_cycles, parts.vector_cycles, machine)
    return StepCost(
        step=call.step,
        op=call.op.name,
        macs=macs,
        compute_cycles=parts.array_cycles,
        vector_cycles=parts.vector_cycles,
        buffer_cycles=buffer,
        memory_cycles=memory,
        start_cycles=parts.start_cycles + parts.fill_cycles + machine.step_start_cycles,
        cycles=cycles,
        bound=_bound(parts.array_cycles, parts.vector_cycles, units, buffer, memory),
        utilisation=_utilisation(macs, cycles, machine),
        sram_bytes=parts.on_chip.read_bytes + parts.on_chip.write_bytes + parts.staged_bytes,
        dram_bytes=parts.external.dram_bytes,
        flash_bytes=parts.external.flash_read_bytes,
        energy_pj=step_energy(call, work.gemm, parts, cycles, machine),
        stall_cycles=max(0, cycles - units),
        held_bytes=held_bytes,
        tile=parts.tile,
    )


def _units(array: int, vector: int, machine: Machine) -> int:
    return max(array, vector) if machine.vector_unit.overlaps_array else array + vector


def _chain_cycles(chain: Sequence[StepParts], machine: Machine) -> int:
    """Cycles of fused steps: each unit and each memory serves all of them."""
    if not chain:
        return 0
    units = _units(sum(part.array_cycles for part in chain), sum(part.vector_cycles for part in chain), machine)
    buffer = sum(buffer_cycles(part.on_chip, machine) for part in chain)
    memory = sum(memory_cycles(part.external, machine) for part in chain)
    units += sum(part.fill_cycles for part in chain)
    start = sum(part.start_cycles + machine.step_start_cycles for part in chain)
    if machine.dma.double_buffers:
        return start + max(units, buffer, memory)
    return start + max(units, buffer) + memory


def _bound(array: int, vector: int, units: int, buffer: int, memory: int) -> Bound:
    """The longest of the four; of equal ones the unit nearer to the array."""
    if units >= max(buffer, memory):
        return "compute" if array >= vector else "vector"
    return "buffer" if buffer >= memory else "memory"


def _utilisation(macs: int, cycles: int, machine: Machine) -> float:
    return macs / (cycles * machine.array.rows * machine.array.cols) if cycles else 0.0
