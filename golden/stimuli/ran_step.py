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
    part: int | None = None
    """Of a step that drives the unit in several parts (groups, products, tables): which one."""


@dataclass(frozen=True)
class RanStep:
    """What a view reads of one step on one image."""

    call: Call
    inputs: tuple[Integers, ...]
    stages: Mapping[str, Integers]
    limit: int
    parts: tuple[int, ...] | None = None
    """Which groups, products or tables are taken; None: some, spread over all."""

    def chosen(self, count: int) -> tuple[int, ...]:
        """Which of so many parts are taken."""
        if self.parts is None:
            return tuple(int(part) for part in spread(count, GROUPS_MAX))
        return tuple(part for part in self.parts if part < count)

    def view(
        self,
        unit: str,
        driven: Mapping[str, Integers],
        constants: Mapping[str, Integers],
        part: tuple[str, int] | None = None,
    ) -> UnitView:
        """The vectors of `driven` that are taken, arrays that the unit does not read left out. part: what it is one of
        several of, and which."""
        op = self.call.op.name if unit == "requantize" else None
        read = {port.name for port in unit_form(self.call.datapath.for_op(op), unit).ports}
        count = len(next(iter(driven.values())))
        chosen = spread(count, self.limit)
        kept = {name: np.asarray(array, np.int64)[chosen] for name, array in driven.items() if name in read}
        held = {name: np.asarray(array, np.int64) for name, array in constants.items() if name in read}
        name = self.call.step if part is None else f"{self.call.step}.{part[0]}_{part[1]}"
        return UnitView(Stimuli(unit, name, "real", kept, held), op, None if part is None else part[1])


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
