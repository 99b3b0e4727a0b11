"""One step on a machine with a systolic array between double-buffered SRAMs: cycles of its parts, bytes."""

from __future__ import annotations

from collections.abc import Set

from bittrue.simulator.cost.array import array_cycles
from bittrue.simulator.cost.buffers import on_chip_traffic
from bittrue.simulator.cost.memory import external_traffic, start_cycles
from bittrue.simulator.cost.parts import StepParts
from bittrue.simulator.cost.passes import pass_parts
from bittrue.simulator.cost.sizes import operands
from bittrue.simulator.cost.vector_unit import vector_cycles
from bittrue.spec.machine import Machine
from bittrue.spec.op import Call, Work


def systolic_parts(call: Call, work: Work, external: Set[str], fused: Set[str], machine: Machine) -> StepParts:
    """The parts of one step that does work."""
    if call.op.name in machine.vector_unit.passes:
        return pass_parts(machine.vector_unit.passes[call.op.name], call, work, external, machine)
    traffic = external_traffic(call, work.gemm, external, machine)
    return StepParts(
        array_cycles=0 if work.gemm is None else array_cycles(work.gemm, operands(call), machine.array),
        vector_cycles=vector_cycles(work.vector, machine.vector_unit),
        start_cycles=start_cycles(traffic, machine),
        on_chip=on_chip_traffic(call, work.gemm, machine, fused),
        external=traffic,
        vector=work.vector,
        staged_bytes=traffic.read_bytes + traffic.dram_write_bytes,
    )
