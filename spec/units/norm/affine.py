"""Gamma, beta and the output's scale in one multiplication and one rounding, the same for most kinds of norm.

    output   y = clamp(round_shift(u * multiplier_c + bias_c, shift_c, rounding) + zero_point_c, low, high)

u is the unit's `normalized`, c the channel of the element. Kinds with `has_affine` = False end in

    output   y = clamp(u + zero_point_c, low, high)
"""

from __future__ import annotations

from bittrue.spec.units.section import Port

AFFINE = (
    Port("multiplier", ("n",), "gamma as an integer, either sign"),
    Port("bias", ("n",), "beta as an integer", 0),
    Port("shift", ("n",), "right shift behind gamma and beta"),
)
END = (
    Port("zero_point", ("n",), "zero point of the output", 0),
    Port("low", ("n",), "lowest output code", -128),
    Port("high", ("n",), "highest output code", 127),
)
