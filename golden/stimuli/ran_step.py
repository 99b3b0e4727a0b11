"""What every view of a step shares: the step as it ran, which of its vectors are taken, and their stimuli."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from bittrue.spec.op import Call
from bittrue.spec.units.catalog import unit_form
from bittrue.spec.units.section import Integers
from bittrue.spec.vectors import Stimuli

GROUPS_MAX = 4
"""Of many groups, products or tables of a step, so many are taken, spread over all."""


@dataclass(frozen=True)
class UnitView:
    """Stimuli of one unit of a step."""

    stimuli: Stimuli
    op: str | None
    """The operator whose requantizer the unit has, where the datapath's default one is another."""


@dataclass(frozen=True)
class RanStep:
    """What a view reads of one step on one image."""

    call: Call
    inputs: tuple[Integers, ...]
    stages: Mapping[str, Integers]
    limit: int

    def view(
        self, unit: str, driven: Mapping[str, Integers], constants: Mapping[str, Integers], part: str = ""
    ) -> UnitView:
        """The vectors of `driven` that are taken, arrays that the unit does not read left out."""
        op = self.call.op.name if unit == "requantize" else None
        read = {port.name for port in unit_form(self.call.datapath.for_op(op), unit).ports}
        count = len(next(iter(driven.values())))
        chosen = spread(count, self.limit)
        kept = {name: np.asarray(array, np.int64)[chosen] for name, array in driven.items() if name in read}
        held = {name: np.asarray(array, np.int64) for name, array in constants.items() if name in read}
        return UnitView(Stimuli(unit, f"{self.call.step}{part}", "real", kept, held), op)


def ends_of(call: Call) -> dict[str, Integers]:
    """What is the same for every element of an output with one zero point."""
    low, high = call.output.code_range
    return {"zero_point": np.array(call.output.zero_point[0]), "low": np.array(low), "high": np.array(high)}


def spread(count: int, limit: int) -> Integers:
    """At most `limit` of 0..count-1, ascending: one of each of `limit` equal parts, at a place within it that steps by
    the golden section, so that no period of channels or columns is kept."""
    if count <= limit:
        return np.arange(count)
    part = np.arange(limit, dtype=np.int64)
    return ((part << 16) + part * 40503 % (1 << 16)) * count // (limit << 16)
