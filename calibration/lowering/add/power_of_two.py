"""Three shifts; see spec/units/add/power_of_two.py."""

from __future__ import annotations

import numpy as np

from bittrue.calibration.lowering.constants import Constants
from bittrue.calibration.lowering.mac import one_scale
from bittrue.spec.errors import IllFormed
from bittrue.spec.tensors import TensorSpec
from bittrue.spec.units.add import PowerOfTwoAdd


def constants(unit: PowerOfTwoAdd, a: TensorSpec, b: TensorSpec, output: TensorSpec) -> Constants:
    """`shift_a`, `shift_b` and `shift`, int16; the program's check refuses those that the unit does not have."""
    exponents = [_exponent(spec) for spec in (a, b, output)]
    finest = min(exponents)
    roles = ("shift_a", "shift_b", "shift")
    return {role: np.array([exponent - finest], np.int16) for role, exponent in zip(roles, exponents, strict=True)}


def _exponent(spec: TensorSpec) -> int:
    """log2 of a scale that must be a power of two."""
    scale = one_scale(spec)
    exponent = scale.numerator.bit_length() - scale.denominator.bit_length()
    if scale.numerator & (scale.numerator - 1) or scale.denominator & (scale.denominator - 1):
        raise IllFormed(
            "this add only shifts, and a scale is no power of two",
            where=f"tensor {spec.name}",
            got=spec.scale[0],
            next_step='set tensors.scales = "power_of_two"',
        )
    return exponent
