"""Random valid parameters of every kind of norm unit, for the tests of units and of ops."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.random import Generator
from op_parts import Constants

from bittrue.spec.units.norm import ExactNorm, FqVitNorm, IbertNorm, NormUnit, RsqrtTableNorm
from bittrue.spec.units.norm.identity import IdentityNorm
from bittrue.spec.units.section import Width


def norm_parameters(
    rng: Generator, unit: NormUnit, codes: Width, n: int, channels: int, zero_points: Sequence[int] = (0,)
) -> Constants:
    """The unit's parameters for rows of n codes; one value, or one a channel where the unit has them.

    zero_points: of the codes.
    """
    found: Constants = {}
    if isinstance(unit, IdentityNorm):
        epsilon = int(rng.choice([1, 1 + n * n // 3]))
        found = {"epsilon": np.array([epsilon]), "pre_shift": np.array([unit.pre_shift(codes, n)])}
    if isinstance(unit, ExactNorm):
        shifts = unit.root_shift_and_reciprocal_bits(codes, n, int(found["epsilon"][0]))
        found |= {"root_shift": np.array([shifts[0]]), "reciprocal_bits": np.array([shifts[1]])}
    if isinstance(unit, RsqrtTableNorm):
        found |= {"table": unit.entries}
    if isinstance(unit, IbertNorm):
        found = {"variance_shift": np.array([unit.least_variance_shift(codes, n)])}
    if isinstance(unit, FqVitNorm):
        found = fq_vit_parameters(rng, unit, channels)
        root_shift = unit.root_shift(codes, n, {**found, "code_zero_point": np.array(zero_points)})
        found["root_shift"] = np.array([root_shift])
    return found


def fq_vit_parameters(rng: Generator, unit: FqVitNorm, channels: int) -> Constants:
    """Factors, gammas of both signs and betas a channel; without the root shift."""
    top = (1 << unit.multiplier_bits) - 1
    shift = int(rng.integers(unit.multiplier_bits - 7, unit.multiplier_bits))
    gamma = rng.integers(-top, top, channels, endpoint=True) >> rng.integers(0, unit.multiplier_bits, channels)
    gamma = np.where(rng.random(channels) < 0.2, rng.choice([-top, 0, top, 1], channels), gamma)
    return {
        "factor": rng.integers(0, unit.factor_max, channels, endpoint=True),
        "gamma": gamma,
        "beta": rng.integers(-(1 << (shift + 7)), 1 << (shift + 7), channels),
        "gamma_shift": np.array([shift]),
    }
