"""A proxy of the silicon area of a machine, in square micrometres of a 45 nm process.

    multipliers   cells * MULTIPLY_8X8 * a * b / 64          a, b: widths of the multiplier's ports
    accumulators  cells * (ADD_BIT * n + REGISTER_BIT * (n + a + b))    n: width of the datapath's accumulator
    lanes         lanes * (MULTIPLY_32X32 + 2 * ADD_BIT * 32) + iterative units * 2 * 62 * (ADD_BIT + REGISTER_BIT)
    buffers       bytes * 8 * SRAM_BIT

Wires, control, the DMA and pads are left out, so use it to compare designs, not to plan a chip. A machine with
output blocks keeps its sums in the block memory, which counts as a buffer; its cells keep no operands.

Sources: adders and multipliers: W. Dally, High-Performance Hardware for Machine Learning, NIPS 2015 tutorial, the
table of energy and area in TSMC 45 nm (8-bit addition 36, 32-bit addition 137, 8-bit multiplication 282, 32-bit
multiplication 3495 um2). Register: NanGate 45 nm open cell library, DFF_X1 4.522 um2. SRAM: a 6T cell of 0.346 um2
(Mistry et al., IEDM 2007, 45 nm); assumption: half of a macro is cells.
"""

from __future__ import annotations

from dataclasses import dataclass

from bittrue.spec.machine import Machine

MULTIPLY_8X8_UM2 = 282.0
MULTIPLY_32X32_UM2 = 3495.0
ADD_BIT_UM2 = 137 / 32
REGISTER_BIT_UM2 = 4.522
SRAM_BIT_UM2 = 0.346 / 0.5
ITERATIVE_BITS = 62


@dataclass(frozen=True)
class Area:
    """Square micrometres by part."""

    multipliers_um2: float
    accumulators_um2: float
    lanes_um2: float
    buffers_um2: float

    @property
    def total_mm2(self) -> float:
        """All parts, in square millimetres."""
        return (self.multipliers_um2 + self.accumulators_um2 + self.lanes_um2 + self.buffers_um2) / 1e6


def area(machine: Machine, accumulator_bits: int) -> Area:
    """The proxy of the module docstring."""
    array, unit = machine.array, machine.vector_unit
    cells, first, second = array.rows * array.cols, array.operand_bits, array.second_port_bits
    registers = accumulator_bits + first + second
    kept = (machine.buffers.activation_kib + machine.buffers.weight_kib) * 1024
    if array.block is not None:
        registers = 0
        kept += array.block.banks * array.block.bank_bytes
    step = 2 * ITERATIVE_BITS * (ADD_BIT_UM2 + REGISTER_BIT_UM2)
    return Area(
        multipliers_um2=cells * MULTIPLY_8X8_UM2 * first * second / 64,
        accumulators_um2=cells * (ADD_BIT_UM2 * accumulator_bits + REGISTER_BIT_UM2 * registers),
        lanes_um2=unit.lanes * (MULTIPLY_32X32_UM2 + 2 * 32 * ADD_BIT_UM2) + unit.iterative_units * step,
        buffers_um2=kept * 8 * SRAM_BIT_UM2,
    )
