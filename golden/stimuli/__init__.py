"""Stimuli of bare units: what to drive into a unit so that its corners are met. Computes no result.

`directed` sets are made for the bins of spec/coverage and for faults that a network never shows; `uniform` and `shaped`
ones are drawn. Bytes follow from datapath, unit, kind and seed alone.
"""

from __future__ import annotations

from collections.abc import Callable

from bittrue.golden.stimuli.accumulate import accumulate_stimuli
from bittrue.golden.stimuli.add import add_stimuli
from bittrue.golden.stimuli.mac import mac_stimuli
from bittrue.golden.stimuli.mean import mean_stimuli
from bittrue.golden.stimuli.mul import mul_stimuli
from bittrue.golden.stimuli.norm import norm_stimuli
from bittrue.golden.stimuli.requantize import requantize_stimuli
from bittrue.golden.stimuli.softmax import softmax_stimuli
from bittrue.golden.stimuli.table import table_stimuli
from bittrue.spec.coverage import NOT_COVERED
from bittrue.spec.datapath import Datapath
from bittrue.spec.errors import BadInput, Unsupported
from bittrue.spec.units.catalog import unit_form
from bittrue.spec.vectors import Stimuli, StimulusKind

__all__ = ["MADE", "stimuli_of"]

Maker = Callable[[Datapath, StimulusKind, int], tuple[Stimuli, ...]]

MADE: dict[str, Maker] = {
    "mac": mac_stimuli,
    "accumulate": accumulate_stimuli,
    "requantize": requantize_stimuli,
    "add": add_stimuli,
    "mul": mul_stimuli,
    "mean": mean_stimuli,
    "table": table_stimuli,
    "softmax": softmax_stimuli,
    "norm": norm_stimuli,
}
"""By unit, as in spec/units/catalog.py."""


def stimuli_of(datapath: Datapath, unit: str, kind: StimulusKind, seed: int = 0) -> tuple[Stimuli, ...]:
    """Sets of one kind for one unit of a datapath; the directed ones have at most 5,000 vectors together.

    Raises BadInput for an unknown unit or kind "real" (those come out of a network), Unsupported for a unit that the
    datapath lacks or that has no stimuli.
    """
    unit_form(datapath, unit)
    if kind == "real":
        raise BadInput("real stimuli come out of a network", expected="directed, uniform or shaped")
    if unit not in MADE:
        raise Unsupported(
            "no stimuli are made for this unit",
            where=f"unit {unit} of datapath {datapath.name}",
            got=NOT_COVERED.get(unit),
            expected=", ".join(MADE),
        )
    return MADE[unit](datapath, kind, seed)
