"""One step on a machine whose array works on blocks of the output: cycles of its parts, bytes at each memory.

The array reads its operands where they lie: there is no buffer between DRAM and the block memory. What is no
window (block_work.py) runs on the vector unit: in the passes that the machine states for the op, as products of
two activations a column at a time, or element by element.
"""

from __future__ import annotations

from collections.abc import Set

from bittrue.simulator.cost.block_array import Feeds, Memory, best_block
from bittrue.simulator.cost.block_elements import block_depth, channels, moved_bytes
from bittrue.simulator.cost.block_work import Window, window
from bittrue.simulator.cost.buffers import OnChipTraffic
from bittrue.simulator.cost.memory import ExternalTraffic
from bittrue.simulator.cost.parts import StepParts
from bittrue.simulator.cost.passes import pass_parts
from bittrue.simulator.cost.sizes import constants_bytes, element_bytes
from bittrue.simulator.cost.vector_unit import vector_cycles
from bittrue.spec.machine import Machine, OutputBlock
from bittrue.spec.op import Call, Gemm, Work
from bittrue.spec.tensors import TensorSpec


def block_parts(call: Call, work: Work, external: Set[str], fused: Set[str], machine: Machine) -> StepParts:
    """The parts of one step that does work."""
    block = machine.array.block
    assert block is not None
    found = window(call, machine.array)
    if found is not None:
        return _window_parts(call, found, work, external, fused, machine)
    if call.op.name in machine.vector_unit.passes:
        return pass_parts(machine.vector_unit.passes[call.op.name], call, work, external, machine)
    if work.gemm is not None and block.product_bytes is not None:
        return _product_parts(call, work, work.gemm, external, machine, block)
    return _element_parts(call, work, external, fused, machine, block)


def _home(spec: TensorSpec, external: Set[str], machine: Machine) -> Memory:
    return _outside("dram", machine) if spec.name in external else _inside(machine)


def _inside(machine: Machine) -> Memory:
    buffers = machine.buffers
    return Memory("sram", 1000 * buffers.activation_bytes_per_cycle, buffers.burst_bytes, buffers.latency_cycles)


def _outside(place: str, machine: Machine) -> Memory:
    found = machine.flash if place == "flash" else machine.dram
    assert found is not None
    rate = 1000 * found.bandwidth_mb_per_s // machine.clock_mhz
    return Memory("flash" if place == "flash" else "dram", rate, found.burst_bytes, found.latency_cycles)


def _window_parts(
    call: Call, found: Window, work: Work, external: Set[str], fused: Set[str], machine: Machine
) -> StepParts:
    # Additions of a pool are the array's; the vector unit takes what leaves it.
    counts = {kind: count for kind, count in work.vector.items() if work.gemm is not None or kind != "add"}
    output_cycles = vector_cycles(counts, machine.vector_unit)
    others = constants_bytes({role: values for role, values in call.constants.items() if role != "weight"})
    product = len(call.inputs) > 1
    feeds = Feeds(
        source=_home(call.inputs[0], external, machine),
        target=_home(call.output, external, machine),
        weights=_home(call.inputs[1], external, machine) if product else _outside(machine.weights_in, machine),
        staging=_inside(machine),
        channel_bytes=0 if found.mode == "pool" else -(-others // (found.out_depth * found.groups)),
    )
    cost = best_block(found, machine, feeds, output_cycles)
    table = others if found.mode == "pool" else 0
    traffic = _Traffic(machine.weights_in)
    if call.inputs[0].name not in fused:
        traffic.read(feeds.source, cost.input_bytes)
    if call.output.name not in fused:
        traffic.write(feeds.target, cost.output_bytes)
    if product:
        traffic.read(feeds.weights, cost.weight_bytes)
    traffic.constants((0 if product else cost.weight_bytes) + table, cost.staged_bytes)
    return StepParts(
        array_cycles=cost.array_cycles,
        vector_cycles=output_cycles,
        start_cycles=0,
        fill_cycles=cost.fill_cycles + _fetch_cycles(table, machine),
        on_chip=traffic.on_chip(),
        external=traffic.external(),
        vector=counts,
        tile=f"{cost.height}x{cost.width}x{cost.depth}",
    )


def _product_parts(
    call: Call,
    work: Work,
    gemm: Gemm,
    external: Set[str],
    machine: Machine,
    block: OutputBlock,
) -> StepParts:
    """A column of the output at a time: multiplied by its broadcast operand, then summed along k by the array."""
    assert block.product_bytes is not None and block.product_lane_cycles is not None
    products = -(-gemm.macs * block.product_lane_cycles // machine.vector_unit.lanes)
    rows = -(-gemm.batch * gemm.m // (block.unit_height * block.unit_width))
    sums = gemm.n * rows * block.step_cycles * -(-gemm.k // block.step_channels)
    traffic = _Traffic(machine.weights_in)
    first, second = call.inputs
    traffic.read(_home(first, external, machine), gemm.macs * element_bytes(first.bits))
    traffic.read(_home(second, external, machine), gemm.batch * gemm.k * gemm.n * element_bytes(second.bits))
    traffic.write(_inside(machine), block.product_bytes * gemm.macs)
    traffic.read(_inside(machine), block.product_bytes * gemm.macs)
    traffic.write(_home(call.output, external, machine), moved_bytes(call.output, 1, block.write_run_bytes))
    traffic.constants(constants_bytes(call.constants), 0)
    # The sums wait for the products, so neither hides the other.
    cycles = products + sums + vector_cycles(work.vector, machine.vector_unit)
    return StepParts(0, cycles, 0, traffic.on_chip(), traffic.external(), work.vector)


def _element_parts(
    call: Call, work: Work, external: Set[str], fused: Set[str], machine: Machine, block: OutputBlock
) -> StepParts:
    depth = block_depth(call.output, block)
    traffic = _Traffic(machine.weights_in)
    for spec in (spec for spec in call.inputs if spec.name not in fused):
        home = _home(spec, external, machine)
        run = None if depth >= channels(spec) else depth * element_bytes(spec.bits)
        traffic.read(home, moved_bytes(spec, home.burst_bytes, run))
    home = _home(call.output, external, machine)
    pixel = channels(call.output) * element_bytes(call.output.bits)
    run = None if pixel <= block.write_run_bytes else block.write_run_bytes
    if call.output.name not in fused:
        traffic.write(home, moved_bytes(call.output, home.burst_bytes, run))
    constants = constants_bytes(call.constants)
    traffic.constants(constants, 0)
    return StepParts(
        array_cycles=0,
        vector_cycles=vector_cycles(work.vector, machine.vector_unit),
        start_cycles=0,
        on_chip=traffic.on_chip(),
        external=traffic.external(),
        vector=work.vector,
    )


def _fetch_cycles(constants: int, machine: Machine) -> int:
    """A table is complete before its first use."""
    if not constants:
        return 0
    source = _outside(machine.weights_in, machine)
    return source.latency_cycles + -(-1000 * constants // source.bytes_per_kilocycle)


class _Traffic:
    """Adds up bytes by memory and direction."""

    def __init__(self, weights_in: str) -> None:
        self._weights_in = weights_in
        self._read = {"sram": 0, "dram": 0, "flash": 0}
        self._write = {"sram": 0, "dram": 0, "flash": 0}
        self._staged = 0

    def read(self, memory: Memory, count: int) -> None:
        self._read[memory.place] += count

    def write(self, memory: Memory, count: int) -> None:
        self._write[memory.place] += count

    def constants(self, count: int, staged: int) -> None:
        self._read[self._weights_in] += count
        self._staged += staged

    def on_chip(self) -> OnChipTraffic:
        return OnChipTraffic(self._read["sram"], self._write["sram"], self._staged)

    def external(self) -> ExternalTraffic:
        return ExternalTraffic(self._read["dram"], self._write["dram"], self._read["flash"])
