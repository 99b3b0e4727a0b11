"""sigmoid, silu and gelu by the shift exponential of I-ViT: x * sigmoid(x) without a table.

    x        = q - input_zero_point
    argument = x + sum of (x >> s) over argument_shifts
    maximum  M = max(argument, 0)                               maximum = "element"
             M = max of argument along the last axis            maximum = "row"
    exponential e = E(argument - M)
    sum      S = min(e + E(-M), 2**31 - 1)
    factor   r = floor((2**31 - 1) / S)
    sigmoid  g = (e * r) >> (32 - sigmoid_bits)                 below 2**(sigmoid_bits - 1), which stands for 1
    output   x * g with product = true, g with product = false; to the requantizer

    E(d):    p = d + (d >> 1) - (d >> 4)                        d * 1.4375 for d * log2(e)
             p = max(p, -fraction_bits * one)
             k = floor(-p / one)
             E = ((p + one * k + 2 * one) << (fraction_bits - k)) >> 1

`one` is the number of input steps in 1, at least 1. `>>` floors. -one < p + one * k <= 0, so that E is positive;
2**-f is taken as 1 - f/2. E(0) = one << fraction_bits, which must not exceed 2**31 - 1: I-ViT's code goes on with
a sigmoid above 1 there, this unit is refused.

Source: I-ViT (arXiv 2207.01405), algorithms 1 and 2, and zkkli/I-ViT @ 19d8f62 quant_modules.py, IntGELU, whose float
tensors hold these integers as far as float32 can. Its configuration is fraction_bits = 23, sigmoid_bits = 8,
maximum = "row", product = true. Lowering makes one = ceil(1 / (c * scale)), c = 1 for sigmoid and silu and 1.702 for
gelu (the code folds 1.702 into the scale). With argument_shifts = [1, 3, 4] the argument carries it instead, as in
the paper's algorithm 2 (1.6875), and c = 1. "element" is ours: with M = max(argument, 0) every code stands on its own.
In "row" a row whose arguments are all negative gives E a positive argument: k is negative and the shift grows.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from bittrue.spec.units.activation.unit import (
    INPUT_ZERO_POINT,
    ActivationUnit,
    Bits,
    Function,
    VectorCounts,
    centred,
    check_int64,
    check_range,
    largest,
)
from bittrue.spec.units.section import Arrays, Port, Width

INT32_MAX = (1 << 31) - 1


class ShiftSilu(ActivationUnit):
    """See the module docstring."""

    requantizes: ClassVar[bool] = True
    functions: ClassVar[tuple[Function, ...]] = ("silu", "gelu", "sigmoid")
    formats: ClassVar[tuple[Port, ...]] = (INPUT_ZERO_POINT,)
    parameters: ClassVar[tuple[Port, ...]] = (Port("one", ("any",), "input steps in 1 (in 1/1.702 for gelu)"),)
    stages: ClassVar[tuple[str, ...]] = ("argument", "maximum", "exponential", "sum", "factor", "sigmoid")

    kind: Literal["shift_silu"]
    fraction_bits: Annotated[int, Field(strict=True, ge=1, le=30)]
    sigmoid_bits: Bits
    argument_shifts: tuple[Annotated[int, Field(strict=True, ge=1, le=15)], ...] = ()
    maximum: Literal["element", "row"] = "element"
    product: bool = True

    @property
    def elementwise(self) -> bool:
        """Not where a row shares its maximum."""
        return self.maximum == "element"

    def serves(self, function: Function) -> bool:
        """Sigmoid without the product, silu and gelu with it."""
        return function in self.functions and self.product == (function != "sigmoid")

    def argument(self, x: int) -> int:
        """The argument of the exponential for one x."""
        return x + sum(x >> shift for shift in self.argument_shifts)

    def check(self, where: str, source: Width, output: Width, arrays: Arrays) -> None:
        """Refuse input scales that are too fine for the exponential, and rows that may be too negative."""
        super().check(where, source, output, arrays)
        check_range(where, "one", arrays["one"], 1, INT32_MAX >> self.fraction_bits)
        one = arrays["one"]
        if self.maximum == "row":
            # E(-M) for the most negative row: k = floor(-p / one) with p = 1.4375 * -M at most.
            highest = -min(self.argument(centred(source, arrays)[0]), 0)
            raised = highest + (highest >> 1)
            for value in {int(one.min()), int(one.max())}:
                check_int64(where, "exponential", (2 * value) << (self.fraction_bits + raised // value + 1))

    def reach(self, source: Width, arrays: Arrays) -> int:
        """The largest x by a sigmoid of 1."""
        return (largest(source, arrays) if self.product else 1) << (self.sigmoid_bits - 1)

    def parameter_widths(self, source: Width, output: Width) -> Mapping[str, Width]:
        """At most 2**31 - 1."""
        return {"one": Width(31, False)}

    def stage_widths(self, source: Width, output: Width) -> Mapping[str, Width]:
        """At most 2**31 - 1, the sigmoid below 1."""
        return {
            "exponential": Width(31, False),
            "sum": Width(31, False),
            "factor": Width(31, False),
            "sigmoid": Width(self.sigmoid_bits - 1, False),
        }

    def work(self, size: int) -> VectorCounts:
        """Two exponentials of shifts and additions, a comparison, two quotients by one, one by the sum, products."""
        additions = len(self.argument_shifts) + 2 * 4 + 2
        return {
            "add": additions * size,
            "compare": 3 * size,
            "divide": 3 * size,
            "multiply": (2 if self.product else 1) * size,
        }
