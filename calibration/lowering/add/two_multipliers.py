"""Two multipliers over one shift; see spec/units/add/two_multipliers.py."""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from bittrue.calibration.lowering.constants import Constants, common_shift
from bittrue.calibration.lowering.ieee import single
from bittrue.calibration.lowering.mac import one_scale
from bittrue.spec.tensors import TensorSpec
from bittrue.spec.units.add import TwoMultipliersAdd


def constants(unit: TwoMultipliersAdd, a: TensorSpec, b: TensorSpec, output: TensorSpec) -> Constants:
    """`multiplier_a`, `multiplier_b` int32 and `shift` int8."""
    scales = one_scale(a), one_scale(b), one_scale(output)
    if unit.ratios == "exact":
        (m_a, m_b), shift = common_shift(
            [scales[0] / scales[2], scales[1] / scales[2]], unit.multiplier_bits, unit.shift_max
        )
    else:
        m_a, m_b, shift = _from_float32(*scales, unit.multiplier_bits)
    return {
        "multiplier_a": np.array([m_a], np.int32),
        "multiplier_b": np.array([m_b], np.int32),
        "shift": np.array([shift], np.int8),
    }


def _from_float32(a: Fraction, b: Fraction, output: Fraction, bits: int) -> tuple[int, int, int]:
    """Multipliers and shift from float32 ratios, half to even; the program's check refuses a shift out of range."""
    ratios = [single(single(scale) / single(output)) for scale in (a, b)]
    shift = bits - 1 - _exponent(max(ratios))
    m_a, m_b = (round(ratio * Fraction(2) ** shift) for ratio in ratios)  # Fraction rounds half to even
    return m_a, m_b, shift


def _exponent(ratio: Fraction) -> int:
    """floor(log2(ratio)) of a positive rational."""
    exponent = ratio.numerator.bit_length() - ratio.denominator.bit_length()
    return exponent - 1 if ratio < Fraction(2) ** exponent else exponent
