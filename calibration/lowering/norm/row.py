"""What the lowering of every kind of norm unit may read of one step."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from bittrue.calibration.lowering.mac import one_scale
from bittrue.spec.tensors import TensorSpec
from bittrue.spec.units.norm import NormUnit
from bittrue.spec.units.section import Width


@dataclass(frozen=True)
class NormRow:
    """Real constants of a norm, exact."""

    codes: Width
    n: int
    scale: Fraction
    """Of the codes; the least one where channels have scales of their own."""
    epsilon: Fraction
    gamma: Sequence[Fraction]
    """One a channel, divided by the output's scale."""
    beta: Sequence[Fraction]
    """One a channel, divided by the output's scale."""
    source: TensorSpec


def row_scale(source: TensorSpec, unit: NormUnit) -> Fraction:
    """The scale of the codes of a row; only a unit that reads zero points takes one a channel."""
    return min(map(Fraction, source.scale)) if unit.reads_zero_point else one_scale(source)
