"""How a tile of requantized sums leaves the registers: as bytes, as words, or through an interpolated table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from numpy.typing import NDArray

from bittrue.simulator.plan.finish import table_of
from bittrue.simulator.plan.interpolation import curve_of
from bittrue.spec.op import Call
from bittrue.spec.ops.activation import Activation

WORD_BITS = 16
"""The widest codes of a tile."""


@dataclass(frozen=True)
class Ending:
    """Which kernel finishes a product, and what it takes beyond the requantizer's constants."""

    kind: Literal["codes", "words", "curve"]
    constants: tuple[NDArray[Any], ...]


def ending_of(call: Call, table: Call | None, channels: int, axis: int) -> Ending | None:
    """For a product whose `channels` lie along `axis`, and the table or activation behind it; None where none fits."""
    if call.output.bits <= 8:
        entries = table_of(table)
        return None if entries is None else Ending("codes", (entries,))
    if call.output.bits > WORD_BITS:
        return None
    if table is None:
        return Ending("words", ())
    if not isinstance(table.op, Activation) or table.op.axis not in (None, axis):
        return None
    curve = curve_of(table, channels)
    return None if curve is None else Ending("curve", (curve.entries, curve.firsts, curve.rule))
