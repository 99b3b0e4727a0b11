"""On-chip traffic of one step: bytes between the buffers and the two units, and the cycles they take.

A product on R rows and C columns reads, with the folds of array.py,

    dataflow             first operand     second operand    partial sums
    weight_stationary    m*k per n fold    k*n once          m*n written and read between k folds
    output_stationary    m*k per n fold    k*n per m fold    none: they stay in the cells
    input_stationary     m*k once          k*n per m fold    m*n written and read between k folds

A convolution's m*k counts each tap (there is no line buffer). An operand is read again in every pass of
the other. A step without a product reads its inputs once and writes its output once.
"""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass

from bittrue.simulator.cost.array import folds
from bittrue.simulator.cost.sizes import codes_bytes, constants_bytes, element_bytes, operands, tensor_bytes
from bittrue.spec.machine import Machine
from bittrue.spec.op import Call, Gemm


@dataclass(frozen=True)
class OnChipTraffic:
    """Bytes of one step at the ports that face the units."""

    activation_read_bytes: int = 0
    activation_write_bytes: int = 0
    weight_read_bytes: int = 0
    partial_sum_read_bytes: int = 0
    partial_sum_write_bytes: int = 0

    @property
    def read_bytes(self) -> int:
        """All reads."""
        return self.activation_read_bytes + self.weight_read_bytes + self.partial_sum_read_bytes

    @property
    def write_bytes(self) -> int:
        """All writes."""
        return self.activation_write_bytes + self.partial_sum_write_bytes


def on_chip_traffic(call: Call, gemm: Gemm | None, machine: Machine, fused: Set[str] = frozenset()) -> OnChipTraffic:
    """Bytes of a step that does work (a step without work moves nothing and is not asked).

    fused: tensors that pass from unit to unit, through no buffer.
    """
    packed, array = machine.packs_codes, machine.array
    output = 0 if call.output.name in fused else tensor_bytes(call.output, packed)
    constants = constants_bytes(call.constants, packed)
    if gemm is None:
        inputs = sum(tensor_bytes(spec, packed) for spec in call.inputs if spec.name not in fused)
        return OnChipTraffic(inputs, output, constants)
    factors = operands(call)
    cut = folds(gemm, array, factors.packed(array))
    first = codes_bytes(gemm.batch * gemm.m * gemm.k, factors.first_bits, packed)
    first *= cut.n * factors.second_passes(array)
    second = codes_bytes(gemm.batch * gemm.k * gemm.n, factors.second_bits, packed)
    second *= cut.m * factors.first_passes(array)
    sums = gemm.batch * gemm.m * gemm.n * element_bytes(call.datapath.mac.accumulator_bits)
    spilled = sums * (cut.k * factors.passes(array) - 1)
    if factors.second_is_constant:
        others = {role: values for role, values in call.constants.items() if role != "weight"}
        return OnChipTraffic(first, output, second + constants_bytes(others, packed), spilled, spilled)
    return OnChipTraffic(first + second, output, constants, spilled, spilled)


def buffer_cycles(traffic: OnChipTraffic, machine: Machine) -> int:
    """Cycles in which the busiest port delivers. Partial sums have a port a column and never stall.

    Banks with a single port serve the longer of reading and writing, and of the other the share that meets it in the
    same of `banks` banks: longer + shorter / banks. In a shared port all bytes follow one another.
    """
    buffers = machine.buffers
    width = buffers.activation_bytes_per_cycle
    read, write, weights = traffic.activation_read_bytes, traffic.activation_write_bytes, traffic.weight_read_bytes
    if buffers.shared_port:
        return -(-(read + write + weights) // width)
    longer = max(read, write)
    if buffers.ports == "single":
        longer += -(-min(read, write) // buffers.banks)
    return max(-(-longer // width), -(-weights // buffers.weight_bytes_per_cycle))
