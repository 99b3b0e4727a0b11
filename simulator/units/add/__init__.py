"""The add units, fast: one kind a file; formulas in spec/units/add."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from bittrue.simulator.units.add import float32, power_of_two, rescale, two_multipliers

KINDS: dict[str, Callable[..., dict[str, NDArray[np.int64]]]] = {
    "float32": float32.run,
    "power_of_two": power_of_two.run,
    "rescale": rescale.run,
    "two_multipliers": two_multipliers.run,
}
"""`run(unit, arrays) -> stages and "output"` by kind; arrays as the unit's ports say, defaults filled in."""
