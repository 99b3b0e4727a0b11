"""An op that the vector unit composes of simpler ones: one pass over memory after another.

Cycles of a pass: the longest of its unit, the bytes at the activation buffer's port, and the constants from the
weights' memory. Passes do not overlap, because each needs all that the one before it wrote.
"""

from __future__ import annotations

from collections.abc import Sequence, Set

from bittrue.simulator.cost.buffers import OnChipTraffic
from bittrue.simulator.cost.memory import KIB, ExternalTraffic
from bittrue.simulator.cost.parts import StepParts
from bittrue.spec.machine import Machine, Pass
from bittrue.spec.op import Call, Work

INTERMEDIATE_BYTES = 4


def pass_cycles(one: Pass, elements: int, rows: int, machine: Machine, *, outside: bool = False) -> int:
    """Cycles of one pass over `elements` elements in `rows` rows. outside: its operands lie in DRAM."""
    count = elements if one.each == "element" else rows
    width = machine.vector_unit.lanes
    if one.unit == "array":
        block = machine.array.block
        width = machine.array.cols if block is None else block.unit_height * block.unit_width
    constants = machine.flash if machine.weights_in == "flash" else machine.dram
    assert constants is not None
    moved, fetched = count * one.memory_bytes, count * one.constant_bytes
    if outside and constants is machine.dram:
        moved, fetched = moved + fetched, 0
    port = -(-moved // machine.buffers.activation_bytes_per_cycle)
    if outside:
        port = -(-moved * machine.clock_mhz // machine.dram.bandwidth_mb_per_s)
    stream = -(-fetched * machine.clock_mhz // constants.bandwidth_mb_per_s)
    start = 2 * machine.buffers.latency_cycles  # the first operand in, the last result out
    return one.operations * (start + max(-(-count * one.lane_cycles // width), port, stream))


def pass_parts(passes: Sequence[Pass], call: Call, work: Work, external: Set[str], machine: Machine) -> StepParts:
    """The parts of a composed step; its intermediate results lie on the chip, or in DRAM where they do not fit."""
    # Results of 32 bits on the way.
    fits = INTERMEDIATE_BYTES * call.output.size <= machine.buffers.activation_kib * KIB
    outside = call.output.name in external and not fits
    elements, rows = call.output.size, call.output.size // call.output.shape[-1]
    counts = [one.operations * (elements if one.each == "element" else rows) for one in passes]
    moved = sum(count * one.memory_bytes for count, one in zip(counts, passes, strict=True))
    constants = sum(count * one.constant_bytes for count, one in zip(counts, passes, strict=True))
    in_flash = machine.weights_in == "flash"
    # What a pass reads another one wrote: half of the bytes each.
    read, write = moved - moved // 2, moved // 2
    return StepParts(
        array_cycles=0,
        vector_cycles=sum(pass_cycles(one, elements, rows, machine, outside=outside) for one in passes),
        start_cycles=0,
        on_chip=OnChipTraffic() if outside else OnChipTraffic(read, write),
        external=ExternalTraffic(
            dram_read_bytes=(read if outside else 0) + (0 if in_flash else constants),
            dram_write_bytes=write if outside else 0,
            flash_read_bytes=constants if in_flash else 0,
        ),
        vector=work.vector,
    )
