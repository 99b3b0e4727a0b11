"""The value in front of a rounding, for one word: whole part, remainder, whether it is a tie."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from bittrue.spec.datapath import Datapath
from bittrue.spec.units.norm.exact import ExactNorm
from bittrue.spec.units.softmax.table import TableSoftmax


@dataclass(frozen=True)
class RoundingNote:
    """A number that is shifted right and rounded."""

    value: int
    shift: int

    @property
    def remainder(self) -> int:
        """What is shifted out, 0 .. 2**shift - 1."""
        return self.value & ((1 << self.shift) - 1)

    @property
    def tie(self) -> bool:
        """Whether the value lies halfway between two results."""
        return self.shift > 0 and self.remainder == 1 << (self.shift - 1)

    def __str__(self) -> str:
        """In words, with the remainder in hex."""
        kind = "a tie" if self.tie else "exact" if not self.remainder else "no tie"
        away = self.remainder - (1 << (self.shift - 1)) if self.shift else 0
        near = f", {abs(away)} {'above' if away > 0 else 'below'} the tie" if 0 < abs(away) <= 2 else ""
        return (
            f"{self.value} = {self.value >> self.shift} * 2**{self.shift} + 0x{self.remainder:x} ({kind}{near})"
            if self.shift
            else f"{self.value}, not shifted"
        )


Operands = Mapping[str, int]
"""Everything that is known of one word: its driven values, constants and expected stages."""


def rounding_note(datapath: Datapath, unit: str, operands: Operands) -> RoundingNote | None:
    """What one word's result was rounded from, by the contract; None where the unit does not round so."""
    note = NOTES.get(unit)
    try:
        return note(datapath, operands) if note else None
    except KeyError:  # an operand that this kind of unit does not have
        return None


def _requantized(datapath: Datapath, operands: Operands) -> RoundingNote | None:
    if datapath.requantization.second is not None:
        return None
    return RoundingNote(operands["product"], operands["shift"])


def _added(datapath: Datapath, operands: Operands) -> RoundingNote | None:
    return RoundingNote(operands["accumulator"], operands["shift"])


def _probability(datapath: Datapath, operands: Operands) -> RoundingNote | None:
    unit = datapath.softmax
    if not isinstance(unit, TableSoftmax):
        return None
    return RoundingNote(operands["exponential"] * operands["reciprocal"], unit.reciprocal_bits - unit.probability_bits)


def _affine(datapath: Datapath, operands: Operands) -> RoundingNote | None:
    if not isinstance(datapath.norm, ExactNorm):
        return None
    return RoundingNote(operands["normalized"] * operands["multiplier"] + operands.get("bias", 0), operands["shift"])


NOTES: Mapping[str, Callable[[Datapath, Operands], RoundingNote | None]] = {
    "requantize": _requantized,
    "mul": _requantized,
    "mean": _requantized,
    "add": _added,
    "softmax": _probability,
    "norm": _affine,
}
