"""mean: the average of n codes; kinds of unit, by where the division stands.

folded    accumulator   A = sum of (q - z), through the MAC as products with ones: tiles, adder, spill, output stage
          output        the requantizer on A (spec/units/requantization.py), as the datapath has it for mean

          1/n is part of the multiplier. `reciprocal` says how lowering folds it in; r = scale_x / scale_y:
          rounded     (m, s) is the pair nearest to r / n; of a float32 requantizer the float32 nearest to r / n
          truncated   (M, S) is the pair nearest to r, the double quotient of float32 scales; k = min(floor(log2 n),
                      32, 62 - S); m = floor((M << k) / n), s = S + k. TFLite's reference kernel and TFLite Micro,
                      measured. m may lack its top bit: such a datapath has [requantization.of.mean] normalized = false
          float32     the scale of a float32 requantizer is F(scale_x / F(scale_y * n)): ONNX Runtime's
                      QLinearGlobalAveragePool, measured

float32   accumulator   A = sum of q, in the MAC accumulator: raw codes
          rounded       t = rint(F(F(F(A) * scale) + bias)), half to even, limited to int32
          output        y = clamp(t);  bias = F(F(zero_point) - F(F(z * n) * scale))

          F rounds to float32, half to even; nothing is fused. scale = F(F(scale_x / scale_y) * F(1 / n)). The zero
          points are in the bias. XNNPACK's mean of int8 as LiteRT 2.3.0 delegates it, measured.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Literal

import numpy as np
from pydantic import Field

from bittrue.spec.arithmetic import INT64_LIMIT
from bittrue.spec.errors import IllFormed, OutOfDomain
from bittrue.spec.units.core import PLACED, check_requantize, reach, requantize_ports, requantize_stages, within
from bittrue.spec.units.requantization import RequantizationUnit
from bittrue.spec.units.section import Arrays, Integers, Port, Section


class FoldedMean(Section):
    """See the module docstring."""

    kind: Literal["folded"] = "folded"
    reciprocal: Literal["rounded", "truncated", "float32"] = "rounded"


class Float32Mean(Section):
    """See the module docstring."""

    kind: Literal["float32"]


AnyMean = Annotated[FoldedMean | Float32Mean, Field(discriminator="kind")]


ROWS = (
    Port("codes", ("rows", "n"), "codes to average along n"),
    Port("zero_point_x", ("rows",), "zero point of the codes", 0),
)
SCALE = Port("scale", ("rows",), "scale of the codes over the output's and over n", kind="float32")
SCALE_LOW, SCALE_HIGH = (127 - 100) << 23, ((127 + 31) << 23) - 1


def mean_ports(mean: AnyMean, unit: RequantizationUnit) -> tuple[Port, ...]:
    """Rows of codes, their zero point, and one value a row of what the requantizer (or the scale) is given."""
    rest = (SCALE, *PLACED) if isinstance(mean, Float32Mean) else requantize_ports(unit)
    return (*ROWS, *(replace(port, axes=("rows",)) for port in rest if port.name != "accumulator"))


def mean_stages(mean: AnyMean, unit: RequantizationUnit) -> tuple[str, ...]:
    """The sum, then the requantizer's stages; one value a row."""
    return ("accumulator", *(("rounded",) if isinstance(mean, Float32Mean) else requantize_stages(unit)))


def check_scale(where: str, scale: Integers) -> None:
    """Refuse float32 scales outside 2**-100 .. below 2**31, behind which every sum and product is a normal number
    or 0."""
    least, most = int(scale.min()), int(scale.max())
    if least < SCALE_LOW or most > SCALE_HIGH:
        raise IllFormed(
            "the float32 scale of a mean is out of range",
            where=where,
            got=f"bits {least:#x}..{most:#x}",
            expected=f"bits {SCALE_LOW:#x}..{SCALE_HIGH:#x}",
        )


def check_mean(mean: AnyMean, unit: RequantizationUnit, arrays: Arrays) -> None:
    """Refuse sums and parameters that the unit cannot hold."""
    codes = arrays["codes"]
    if codes.ndim != 2 or not codes.size:
        raise OutOfDomain("mean reads rows of codes", where="array codes", got=codes.shape, expected="[rows, n]")
    within(arrays, "codes", -(1 << 40), 1 << 40)
    within(arrays, "zero_point_x", -(1 << 40), 1 << 40)
    # A saturating or wrapping accumulator holds no more than the exact sum of magnitudes.
    total = (reach(codes) + reach(arrays["zero_point_x"])) * codes.shape[1]
    if total >= INT64_LIMIT // 2:
        raise OutOfDomain(
            "a sum may not fit 63 bits and a sign",
            where="array codes",
            got=f"magnitude up to 2**{total.bit_length()}",
            expected="below 2**62",
        )
    if isinstance(mean, Float32Mean):
        check_scale("array scale", arrays["scale"])
        return
    check_requantize(unit, {**arrays, "accumulator": np.array([total], np.int64)})
