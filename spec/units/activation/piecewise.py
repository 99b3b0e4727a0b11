"""activation by straight lines: `segments` of equal width on [-limit, limit] and one beyond either end.

    x       = q - input_zero_point
    segment = the number of breakpoints <= x                    0 .. segments + 1
    scaled  = x * slope[segment] + offset[segment]
    rounded = round_shift(scaled, shift)
    output  = clamp(rounded + output_zero_point, low, high)

There are segments + 1 breakpoints, ascending (comparators; equal ones leave a segment empty), and segments + 2
pairs of slope and offset with one shift. Slopes have slope_bits with sign, offsets offset_bits with sign, both
on the scale 2**-shift output steps.

Lowering puts breakpoint j at real -limit + 2 * limit * j / segments, the line through the function's values at
the ends of each segment (no minimax fit), and the function's asymptote beyond: 0 on the left; x for silu, gelu,
hardswish and relu, 1 for sigmoid and hardsigmoid, 6 for relu6 on the right. The shift is the largest that lets
every slope and offset of a line that a code can reach fit. A line that no code reaches is 0.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal

import numpy as np
from pydantic import Field

from bittrue.spec.arithmetic import Rounding
from bittrue.spec.errors import IllFormed
from bittrue.spec.units.activation.unit import (
    INPUT_ZERO_POINT,
    OUTPUT_HIGH,
    OUTPUT_LOW,
    OUTPUT_ZERO_POINT,
    ActivationUnit,
    Bits,
    Function,
    VectorCounts,
    check_int64,
    check_range,
    check_signed,
    largest,
)
from bittrue.spec.units.section import Arrays, Port, Width


class PiecewiseActivation(ActivationUnit):
    """See the module docstring."""

    functions: ClassVar[tuple[Function, ...]] = (
        "silu", "gelu", "sigmoid", "hardswish", "hardsigmoid", "relu", "relu6",
    )  # fmt: skip
    formats: ClassVar[tuple[Port, ...]] = (INPUT_ZERO_POINT, OUTPUT_ZERO_POINT, OUTPUT_LOW, OUTPUT_HIGH)
    parameters: ClassVar[tuple[Port, ...]] = (
        Port("breakpoints", ("ends",), "least x of segments 1, 2, ...: segments + 1 values"),
        Port("slope", ("lines",), "slope of each line: segments + 2 values"),
        Port("offset", ("lines",), "offset of each line: segments + 2 values"),
        Port("shift", ("any",), "right shift of every line, 1 .. shift_max"),
    )
    stages: ClassVar[tuple[str, ...]] = ("segment", "scaled", "rounded")

    kind: Literal["piecewise"]
    output_bits_max: Bits
    segments: Annotated[int, Field(strict=True, ge=1, le=1024)]
    limit: Annotated[int, Field(strict=True, ge=1, le=64)]
    """In real units of the input."""
    slope_bits: Annotated[int, Field(strict=True, ge=2, le=24)]
    offset_bits: Annotated[int, Field(strict=True, ge=2, le=48)]
    shift_max: Annotated[int, Field(strict=True, ge=1, le=40)]
    rounding: Rounding

    def output_alone(self, source: Width) -> Width:
        """The unit's own width."""
        return Width(self.output_bits_max, True)

    def check(self, where: str, source: Width, output: Width, arrays: Arrays) -> None:
        """Refuse wide outputs, other numbers of lines, and constants that the unit cannot hold."""
        super().check(where, source, output, arrays)
        if output.bits > self.output_bits_max:
            raise IllFormed(
                "the output is wider than the activation unit gives",
                where=where,
                got=f"{output.bits} bits",
                expected=f"at most {self.output_bits_max} bits",
            )
        counts = {"breakpoints": self.segments + 1, "slope": self.segments + 2, "offset": self.segments + 2}
        for role, count in counts.items():
            if arrays[role].shape[-1] != count:
                raise IllFormed(
                    f"constant '{role}' has the wrong number of entries",
                    where=where,
                    got=arrays[role].shape[-1],
                    expected=f"{count}, for {self.segments} segments",
                )
        if (np.diff(arrays["breakpoints"].astype(np.int64), axis=-1) < 0).any():
            raise IllFormed("breakpoints must ascend", where=where)
        check_signed(where, "slope", arrays["slope"], self.slope_bits)
        check_signed(where, "offset", arrays["offset"], self.offset_bits)
        check_range(where, "shift", arrays["shift"], 1, self.shift_max)
        reach = largest(source, arrays) * (1 << (self.slope_bits - 1)) + (1 << (self.offset_bits - 1))
        check_int64(where, "scaled line", reach + (1 << self.shift_max))

    def parameter_widths(self, source: Width, output: Width) -> Mapping[str, Width]:
        """As configured."""
        return {
            "slope": Width(self.slope_bits, True),
            "offset": Width(self.offset_bits, True),
            "shift": Width(self.shift_max.bit_length(), False),
        }

    def stage_widths(self, source: Width, output: Width) -> Mapping[str, Width]:
        """The number of a line."""
        return {"segment": Width((self.segments + 1).bit_length(), False)}

    def work(self, size: int) -> VectorCounts:
        """A search by halving, a product, an addition; the rounding shift and the clamp are a requantization's."""
        return {"compare": size * (self.segments + 1).bit_length(), "multiply": size, "add": size, "requantize": size}
