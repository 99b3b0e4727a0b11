"""TFLite's LOGISTIC on int16: a 256-entry table of the positive half with interpolation.

    v      = (q * multiplier + (2**(shift - 1) if shift > 0 else 0)) >> shift
    index  = min(|v| >> 9, 255)
    w      = 32767 << 10                                        index = 255
             (T[index] << 9) + (|v| & 511) * (T[index+1] - T[index])
    output = ((w if v >= 0 else 2**25 - 1 - w) + 2**9) >> 10    an int16, scale 2**-15, zero point 0

T[i] = floor(65536 * (g - d / 16) + 1/2) for i < 255 with g = sigmoid(i / 24) and d = g * (1 - g) * (1 - 2 * g) / 24**2
(half the midpoint error of the interpolation), T[255] = 65535; it is part of the unit (`logistic_table`). v has 12
fraction bits of 4/3: for an input scale of 2**-12 (log2 within 1e-3) multiplier = 3 and shift = 0, else shift is how
often s_in * 3 * 4096 doubles until it exceeds 32767/2 (31 at most), multiplier the doubled value truncated.

Source: kernels/internal/reference/integer_ops/logistic.h of TensorFlow; equal to LiteRT 2.3.0's BUILTIN_REF. The
input and output zero points are 0 and the output has 16 bits.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Context, Decimal
from fractions import Fraction
from functools import cache
from typing import ClassVar, Literal

import numpy as np

from bittrue.spec.errors import IllFormed
from bittrue.spec.units.activation.unit import (
    INPUT_ZERO_POINT,
    OUTPUT_ZERO_POINT,
    ActivationUnit,
    Function,
    VectorCounts,
    check_range,
)
from bittrue.spec.units.section import Arrays, Integers, Port, Width


class TfliteLogistic(ActivationUnit):
    """See the module docstring."""

    functions: ClassVar[tuple[Function, ...]] = ("sigmoid",)
    formats: ClassVar[tuple[Port, ...]] = (INPUT_ZERO_POINT, OUTPUT_ZERO_POINT)
    parameters: ClassVar[tuple[Port, ...]] = (
        Port("multiplier", ("any",), "input multiplier, 0 .. 32767", 3),
        Port("shift", ("any",), "right shift behind it, 0 .. 31", 0),
    )
    stages: ClassVar[tuple[str, ...]] = ("scaled", "index", "interpolated")

    kind: Literal["tflite_logistic"]

    def output_alone(self, source: Width) -> Width:
        """An int16."""
        return Width(16, True)

    def check(self, where: str, source: Width, output: Width, arrays: Arrays) -> None:
        """Refuse zero points, other outputs than int16, and constants out of range."""
        super().check(where, source, output, arrays)
        if arrays["input_zero_point"].any() or arrays["output_zero_point"].any():
            raise IllFormed("the 16-bit logistic takes and gives zero point 0", where=where)
        if (output.bits, output.signed) != (16, True):
            raise IllFormed(
                "the 16-bit logistic gives int16", where=where, got=f"{output.bits} bits", expected="16 bits, signed"
            )
        check_range(where, "multiplier", arrays["multiplier"], 0, 32767)
        check_range(where, "shift", arrays["shift"], 0, 31)

    def parameter_widths(self, source: Width, output: Width) -> Mapping[str, Width]:
        """A 16-bit register; shifts up to 31."""
        return {"multiplier": Width(15, False), "shift": Width(5, False)}

    def stage_widths(self, source: Width, output: Width) -> Mapping[str, Width]:
        """The table has 256 entries of 16 bits, of which 9 more are kept."""
        return {"index": Width(8, False), "interpolated": Width(25, False)}

    def work(self, size: int) -> VectorCounts:
        """Two products, two reads, additions."""
        return {"table": 2 * size, "multiply": 2 * size, "add": 4 * size, "compare": 2 * size}


@cache
def logistic_table() -> Integers:
    """T, int64 [256]."""
    context = Context(prec=60)

    def entry(i: int) -> int:
        e = Fraction(context.exp(context.divide(Decimal(-i), Decimal(24))))
        g = 1 / (1 + e)
        d = g * (1 - g) * (1 - 2 * g) / 24**2
        return int((65536 * (g - d / 16) + Fraction(1, 2)) // 1)

    table = np.array([*map(entry, range(255)), 65535], np.int64)
    table.setflags(write=False)
    return table
