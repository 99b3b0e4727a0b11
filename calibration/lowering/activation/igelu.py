"""Constants of I-BERT's polynomial, as spec/units/activation/igelu.py says; ITA's are refused."""

from __future__ import annotations

import math
from fractions import Fraction

from bittrue.calibration.lowering.activation.formats import Channel, Lowered, value
from bittrue.spec.errors import Unsupported
from bittrue.spec.units.activation import IGelu, ItaGelu

A, B = Fraction(-2888, 10_000), Fraction(-1769, 1_000)
"""erf(x) is close to sgn(x) * (A * (min(|x|, -B) + B)**2 + 1)."""
ROOT_OF_TWO = Fraction(14142, 10_000)


def lower(unit: IGelu, channel: Channel) -> Lowered:
    """b, c, one; the ratio is that of x * (erf + one) with its sign changed."""
    scale = channel.scale_in / ROOT_OF_TWO
    erf_scale = A * scale**2 * (1 << unit.erf_shift)
    constants = {
        "b": value(math.floor(B / scale)),
        "c": value(math.floor(1 / A / scale**2)),
        "one": value(math.floor(1 / erf_scale)),
    }
    return Lowered(constants, channel.scale_in * -erf_scale / 2 / channel.scale_out)


def refuse(unit: ItaGelu, channel: Channel) -> Lowered:
    """A plan cannot say that the weights behind it are negated."""
    raise Unsupported(
        "ITA's gelu gives -gelu(x), and a plan cannot negate the weights behind it",
        expected="a program written by hand",
        next_step='use kind = "igelu" in [activation.gelu]',
    )
