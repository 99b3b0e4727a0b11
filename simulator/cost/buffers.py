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

from dataclasses import dataclass

from bittrue.simulator.cost.array import folds
from bittrue.simulator.cost.sizes import constants_bytes, element_bytes, operands, tensor_bytes
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


def on_chip_traffic(call: Call, gemm: Gemm | None, machine: Machine) -> OnChipTraffic:
    """Bytes of a step that does work (a step without work moves nothing and is not asked)."""
    output = tensor_bytes(call.output)
    constants = constants_bytes(call.constants)
    if gemm is None:
        return OnChipTraffic(sum(tensor_bytes(spec) for spec in call.inputs), output, constants)
    factors, cut, width = operands(call), folds(gemm, machine.array), machine.array.operand_bits
    first = gemm.batch * gemm.m * gemm.k * element_bytes(factors.first_bits) * cut.n * factors.second_passes(width)
    second = gemm.batch * gemm.k * gemm.n * element_bytes(factors.second_bits) * cut.m * factors.first_passes(width)
    sums = gemm.batch * gemm.m * gemm.n * element_bytes(call.datapath.mac.accumulator_bits)
    spilled = sums * (cut.k * factors.passes(width) - 1)
    if factors.second_is_constant:
        small = constants_bytes({role: array for role, array in call.constants.items() if role != "weight"})
        return OnChipTraffic(first, output, second + small, spilled, spilled)
    return OnChipTraffic(first + second, output, constants, spilled, spilled)


def buffer_cycles(traffic: OnChipTraffic, machine: Machine) -> int:
    """Cycles in which the busiest port delivers. Partial sums have a port a column and never stall."""
    buffers = machine.buffers
    activations = max(traffic.activation_read_bytes, traffic.activation_write_bytes)
    return max(
        -(-activations // buffers.activation_bytes_per_cycle),
        -(-traffic.weight_read_bytes // buffers.weight_bytes_per_cycle),
    )
