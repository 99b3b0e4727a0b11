"""Power-of-two factors, gamma and beta of FQ-ViT's norm; see spec/units/norm/fq_vit.py."""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from bittrue.calibration.lowering.constants import Constants, narrow
from bittrue.calibration.lowering.norm.row import NormRow
from bittrue.calibration.lowering.tables import round_half_up
from bittrue.spec.errors import IllFormed
from bittrue.spec.tensors import TensorSpec
from bittrue.spec.units.norm import FqVitNorm
from bittrue.spec.units.norm.fq_vit import GAMMA_SHIFT_MAX

BETA_BITS = 56
"""|beta| < 2**BETA_BITS: that and the mantissa's product fit 63 bits."""


def constants(unit: FqVitNorm, row: NormRow) -> Constants:
    """factor, one a channel where the codes have a scale a channel; gamma and beta, one a channel; two shifts."""
    factors = np.array(_factors(row.source, row.scale), np.int8)
    zero_points = np.array(row.source.zero_point, np.int64)
    root_shift = unit.root_shift(row.codes, row.n, {"factor": factors, "code_zero_point": zero_points})
    shift = _gamma_shift(unit, row)
    return {
        "factor": factors,
        "gamma": narrow(np.array([round_half_up(value * (1 << shift)) for value in row.gamma], np.int64)),
        "beta": np.array([round_half_up(value * (1 << shift)) for value in row.beta], np.int64),
        "gamma_shift": np.array([shift], np.int8),
        "root_shift": np.array([root_shift], np.int8),
    }


def _factors(source: TensorSpec, least: Fraction) -> list[int]:
    """The exponents of the channels' scales over the least one."""
    found = []
    for scale in source.scale:
        ratio = Fraction(scale) / least
        if ratio.denominator != 1 or ratio.numerator & (ratio.numerator - 1):
            raise IllFormed(
                "channel scales of a norm's input are no power-of-two multiples of the least one",
                where=f"tensor {source.name}",
                got=float(ratio),
                expected="1, 2, 4 or 8",
                next_step="calibrate with --activation-granularity tensor, or with power-of-two factors",
            )
        found.append(ratio.numerator.bit_length() - 1)
    return found


def _gamma_shift(unit: FqVitNorm, row: NormRow) -> int:
    """The most fraction bits with which every gamma fits the multiplier and every beta fits."""
    for shift in range(GAMMA_SHIFT_MAX, 0, -1):
        gamma, beta = (max(abs(round_half_up(v * (1 << shift))) for v in values) for values in (row.gamma, row.beta))
        if gamma < 1 << unit.multiplier_bits and beta < 1 << (BETA_BITS - max(0, unit.exponent_max - shift)):
            return shift
    return 0
