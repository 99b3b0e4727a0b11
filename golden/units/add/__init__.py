"""The judges of the add units, one kind a file; formulas in spec/units/add."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from torch import Tensor

from bittrue.golden.units.add import float32, power_of_two, rescale, two_multipliers

KINDS: dict[str, Callable[[Any, Mapping[str, Tensor]], dict[str, Tensor]]] = {
    "float32": float32.run,
    "power_of_two": power_of_two.run,
    "rescale": rescale.run,
    "two_multipliers": two_multipliers.run,
}
"""(the unit's section, its arrays by port name) -> every stage in order, then "output"; all int64."""
