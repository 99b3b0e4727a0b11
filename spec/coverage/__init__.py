"""Functional coverage of bare units: which situations exist, and which of them a set of vectors reaches.

One file a unit, beside the contract in spec/units. `coverage_of` gives the bins that a unit has on a datapath.
"""

from __future__ import annotations

from collections.abc import Callable

from bittrue.spec.coverage.accumulate import accumulate_points
from bittrue.spec.coverage.add import add_points
from bittrue.spec.coverage.bins import Bin, Coverage, Point, Results, Run
from bittrue.spec.coverage.mac import mac_points
from bittrue.spec.coverage.mean import mean_points
from bittrue.spec.coverage.mul import mul_points
from bittrue.spec.coverage.norm import norm_points
from bittrue.spec.coverage.requantize import requantize_points
from bittrue.spec.coverage.softmax import softmax_points
from bittrue.spec.coverage.table import table_points
from bittrue.spec.datapath import Datapath
from bittrue.spec.errors import Unsupported
from bittrue.spec.units.catalog import unit_form

__all__ = ["COVERED", "NOT_COVERED", "Bin", "Coverage", "Results", "Run", "coverage_of"]

COVERED: dict[str, Callable[[Datapath], tuple[Point, ...]]] = {
    "mac": mac_points,
    "accumulate": accumulate_points,
    "requantize": requantize_points,
    "add": add_points,
    "mul": mul_points,
    "mean": mean_points,
    "table": table_points,
    "softmax": softmax_points,
    "norm": norm_points,
}
"""By unit, as in spec/units/catalog.py."""

_BY_TABLE = "the datapaths that are covered compute the function by the table unit, whose bins are every entry"
NOT_COVERED: dict[str, str] = dict.fromkeys(
    ("silu", "gelu", "sigmoid", "hardswish", "hardsigmoid", "relu", "relu6"), _BY_TABLE
)
"""Units of the catalog without bins, and why."""


def coverage_of(datapath: Datapath, unit: str) -> Coverage:
    """The bins of one unit of a datapath.

    Raises BadInput for an unknown unit, Unsupported for one that the datapath lacks or that has no bins.
    """
    form = unit_form(datapath, unit)
    if unit not in COVERED:
        raise Unsupported(
            "no coverage is declared for this unit",
            where=f"unit {unit} of datapath {datapath.name}",
            got=NOT_COVERED[unit],
            expected=", ".join(COVERED),
        )
    return Coverage(unit, form.ports, COVERED[unit](datapath))
