"""The judge of the exact integer normalization; formula in spec/units/norm/exact.py."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from bittrue.golden.fixed import floor_reciprocal, integer_root, round_shift
from bittrue.golden.units.norm.identity import row_statistics
from bittrue.spec.units.norm import ExactNorm


def run(unit: ExactNorm, arrays: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Codes [rows, n], constants of one element -> stages, int64; all but "normalized" have shape [rows, 1]."""
    root_shift, reciprocal_bits = (int(arrays[name]) for name in ("root_shift", "reciprocal_bits"))
    numerator, found = row_statistics(unit, arrays)
    root = integer_root(found["variance"] << (2 * root_shift))
    reciprocal = floor_reciprocal(reciprocal_bits, root)
    shift = reciprocal_bits - root_shift - unit.fraction_bits
    return {
        **found,
        "root": root,
        "reciprocal": reciprocal,
        "normalized": round_shift(numerator * reciprocal, shift, unit.rounding),
    }
