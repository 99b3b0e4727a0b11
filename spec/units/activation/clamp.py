"""relu and relu6 on the codes themselves: input and output share width, scale and zero point.

    output = min(max(q, lower), upper)

lower is the zero point (0 as a code, into the code range where the zero point lies outside), upper the code of 6,
correctly rounded (halves up) and into the code range, for relu6, and the highest code for relu.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal

import numpy as np

from bittrue.spec.arithmetic import code_range
from bittrue.spec.errors import IllFormed
from bittrue.spec.units.activation.unit import (
    INPUT_ZERO_POINT,
    OUTPUT_ZERO_POINT,
    ActivationUnit,
    Function,
    VectorCounts,
    check_range,
)
from bittrue.spec.units.section import Arrays, Port, Width


class Clamp(ActivationUnit):
    """See the module docstring."""

    functions: ClassVar[tuple[Function, ...]] = ("relu", "relu6")
    formats: ClassVar[tuple[Port, ...]] = (INPUT_ZERO_POINT, OUTPUT_ZERO_POINT)
    """Compared by `check`; the rule does not read them."""
    parameters: ClassVar[tuple[Port, ...]] = (
        Port("lower", ("any",), "the code of 0"),
        Port("upper", ("any",), "the highest output code"),
    )

    kind: Literal["clamp"]

    def output_alone(self, source: Width) -> Width:
        """The input's width."""
        return source

    def check(self, where: str, source: Width, output: Width, arrays: Arrays) -> None:
        """Refuse formats that differ, and ends that are no codes."""
        super().check(where, source, output, arrays)
        low, high = code_range(output.bits, output.signed)
        if source != output or not np.array_equal(arrays["input_zero_point"], arrays["output_zero_point"]):
            raise IllFormed(
                "a clamp of codes needs one format on both sides",
                where=where,
                got=f"{source.bits} bits in, {output.bits} bits out, zero points "
                f"{arrays['input_zero_point'].tolist()[:3]} and {arrays['output_zero_point'].tolist()[:3]}",
                expected="the same width and zero point",
                next_step='use kind = "relu", which the requantizer follows',
            )
        for role in ("lower", "upper"):
            check_range(where, role, arrays[role], low, high)
        if (arrays["lower"] > arrays["upper"]).any():
            raise IllFormed("the lower end lies above the upper one", where=where)

    def parameter_widths(self, source: Width, output: Width) -> Mapping[str, Width]:
        """Both are codes."""
        return {"lower": output, "upper": output}

    def work(self, size: int) -> VectorCounts:
        """Two comparisons."""
        return {"compare": 2 * size}
