"""silu as x times an integer sigmoid from a table: what a network does whose SiLU was split into two ops.

    sigmoid = table[q - input_low]                              0 .. 2**sigmoid_bits - 1, scale 2**-sigmoid_bits
    output  = (q - input_zero_point) * sigmoid                  to the requantizer

table[i] = min(R(2**sigmoid_bits * sigmoid(x)), 2**sigmoid_bits - 1), R to nearest, halves away from zero. With
sigmoid_bits = 8 it is TFLite's LOGISTIC (output scale 1/256, zero point -128) followed by MUL, and ONNX
Runtime's QLinearSigmoid followed by QLinearMul, each with that runtime's requantizer. The coarse sigmoid costs
accuracy (8 bits: up to 1/256 of x, where the sigmoid is 1).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal

from bittrue.spec.errors import IllFormed
from bittrue.spec.units.activation.unit import (
    INPUT_BITS,
    INPUT_LOW,
    INPUT_ZERO_POINT,
    ActivationUnit,
    Bits,
    Function,
    VectorCounts,
    check_range,
    largest,
)
from bittrue.spec.units.section import Arrays, Port, Width


class SigmoidProduct(ActivationUnit):
    """See the module docstring."""

    requantizes: ClassVar[bool] = True
    functions: ClassVar[tuple[Function, ...]] = ("silu",)
    formats: ClassVar[tuple[Port, ...]] = (INPUT_ZERO_POINT, INPUT_LOW, INPUT_BITS)
    parameters: ClassVar[tuple[Port, ...]] = (Port("table", ("codes",), "sigmoid of each input code"),)
    stages: ClassVar[tuple[str, ...]] = ("sigmoid",)

    kind: Literal["sigmoid_product"]
    sigmoid_bits: Bits

    def check(self, where: str, source: Width, output: Width, arrays: Arrays) -> None:
        """Refuse tables of another size and entries that are no sigmoid codes."""
        super().check(where, source, output, arrays)
        table = arrays["table"]
        if table.shape[-1] != 1 << source.bits:
            raise IllFormed(
                "constant 'table' has the wrong shape", where=where, got=table.shape[-1], expected=1 << source.bits
            )
        check_range(where, "table", table, 0, (1 << self.sigmoid_bits) - 1)

    def reach(self, source: Width, arrays: Arrays) -> int:
        """The largest x by the largest sigmoid."""
        return largest(source, arrays) * ((1 << self.sigmoid_bits) - 1)

    def parameter_widths(self, source: Width, output: Width) -> Mapping[str, Width]:
        """As configured."""
        return {"table": Width(self.sigmoid_bits, False)}

    def stage_widths(self, source: Width, output: Width) -> Mapping[str, Width]:
        """As configured."""
        return {"sigmoid": Width(self.sigmoid_bits, False)}

    def work(self, size: int) -> VectorCounts:
        """A read and a product."""
        return {"table": size, "multiply": size}
