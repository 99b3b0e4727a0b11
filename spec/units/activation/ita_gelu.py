"""ITA's i-GELU: I-BERT's polynomial on int8 with int16 constants, 26 bits wide, no shift.

    clipped = min(|q|, -b)
    erf     = wrap26((clipped + b)**2) + c,  negated for q < 0
    output  = wrap26(q * (erf + c))                             to the requantizer

q is int8 with zero point 0, b and c are int16 constants below 0, and c also stands for 1. wrap26 keeps the low 26
bits as a two's complement number. The polynomial's leading coefficient is negative in real numbers and 1 here, so
that the output is -gelu(x) on a positive scale: ITA absorbs the sign in the weights behind it, which a plan cannot say,
so that lowering refuses this kind and programs that use it are written by hand.

In ITA the requantizer follows with activation_requant_mult, _shift and _add; ReLU is the kind "relu" through the same
requantizer, and identity bypasses both. Source: pulp-platform/ITA @ ba96519, src/ita_gelu.sv and ita_activation.sv;
the outputs of its RTL are in a test.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal

from bittrue.spec.errors import IllFormed
from bittrue.spec.units.activation.unit import (
    INPUT_ZERO_POINT,
    ActivationUnit,
    Function,
    VectorCounts,
    check_range,
)
from bittrue.spec.units.section import Arrays, Port, Width

OUTPUT_BITS = 26


class ItaGelu(ActivationUnit):
    """See the module docstring."""

    requantizes: ClassVar[bool] = True
    functions: ClassVar[tuple[Function, ...]] = ("gelu",)
    parameters: ClassVar[tuple[Port, ...]] = (
        Port("b", ("any",), "int16, -32767 .. 0"),
        Port("c", ("any",), "int16, -32768 .. 0"),
    )
    formats: ClassVar[tuple[Port, ...]] = (INPUT_ZERO_POINT,)
    stages: ClassVar[tuple[str, ...]] = ("clipped", "erf")

    kind: Literal["ita_gelu"]

    def check(self, where: str, source: Width, output: Width, arrays: Arrays) -> None:
        """Refuse anything but int8 with zero point 0, and constants that are no negative int16."""
        super().check(where, source, output, arrays)
        if source.bits > 8 or not source.signed or arrays["input_zero_point"].any():
            raise IllFormed(
                "ITA's gelu takes int8 codes with zero point 0",
                where=where,
                got=f"{source.bits} bits, {'signed' if source.signed else 'unsigned'}",
            )
        check_range(where, "b", arrays["b"], -32767, 0)
        check_range(where, "c", arrays["c"], -32768, 0)

    def reach(self, source: Width, arrays: Arrays) -> int:
        """What 26 bits hold."""
        return 1 << (OUTPUT_BITS - 1)

    def parameter_widths(self, source: Width, output: Width) -> Mapping[str, Width]:
        """int16."""
        return {"b": Width(16, True), "c": Width(16, True)}

    def stage_widths(self, source: Width, output: Width) -> Mapping[str, Width]:
        """26 bits, and what adding c makes of them."""
        return {"clipped": Width(8, False), "erf": Width(27, True), "accumulator": Width(OUTPUT_BITS, True)}

    def work(self, size: int) -> VectorCounts:
        """A clip, a square, a product, additions."""
        return {"compare": size, "add": 3 * size, "multiply": 2 * size}
