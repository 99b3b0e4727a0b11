"""The norm units, fast: one kind a file; formulas in spec/units/norm. Gamma and beta follow in affine.py."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from bittrue.simulator.units.norm import exact, fq_vit, ibert, ivit, rsqrt_table

KINDS: dict[str, Callable[..., dict[str, NDArray[np.int64]]]] = {
    "exact": exact.run,
    "rsqrt_table": rsqrt_table.run,
    "ibert": ibert.run,
    "ivit": ivit.run,
    "fq_vit": fq_vit.run,
}
"""`run(unit, arrays) -> stages` by kind, "normalized" the last; arrays as the unit's ports say."""
