"""relu and relu6 in front of the requantizer: the input's scale and zero point need not be the output's.

    output = clamp(q - input_zero_point, 0, upper)              to the requantizer

upper is 6 in input steps, correctly rounded (halves up), for relu6, and the largest q - input_zero_point for relu.
ITA's ReLU is this with zero points of 0 (ita_relu.sv, ita_activation.sv @ ba96519). TFLite's RELU as an op of its own
is this too, because requantizing keeps order and keeps 0; its RELU6 clamps the output code instead, which may differ
by one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal

from bittrue.spec.units.activation.unit import (
    INPUT_ZERO_POINT,
    ActivationUnit,
    Function,
    VectorCounts,
    check_range,
    largest,
)
from bittrue.spec.units.section import Arrays, Port, Width


class Relu(ActivationUnit):
    """See the module docstring."""

    requantizes: ClassVar[bool] = True
    functions: ClassVar[tuple[Function, ...]] = ("relu", "relu6")
    formats: ClassVar[tuple[Port, ...]] = (INPUT_ZERO_POINT,)
    parameters: ClassVar[tuple[Port, ...]] = (Port("upper", ("any",), "the largest output, at least 0", (1 << 31) - 1),)

    kind: Literal["relu"]

    def check(self, where: str, source: Width, output: Width, arrays: Arrays) -> None:
        """Refuse an upper end below 0."""
        super().check(where, source, output, arrays)
        check_range(where, "upper", arrays["upper"], 0, (1 << 31) - 1)

    def reach(self, source: Width, arrays: Arrays) -> int:
        """The largest x, or the upper end."""
        return min(largest(source, arrays), int(arrays["upper"].max()))

    def parameter_widths(self, source: Width, output: Width) -> Mapping[str, Width]:
        """At most 2**31 - 1."""
        return {"upper": Width(31, False)}

    def work(self, size: int) -> VectorCounts:
        """Two comparisons."""
        return {"compare": 2 * size}
