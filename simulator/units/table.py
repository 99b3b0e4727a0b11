"""The table unit on its own, fast; see spec/units/table.py."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bittrue.spec.units.section import Arrays
from bittrue.spec.units.table import Table


def run(unit: Table, arrays: Arrays) -> dict[str, NDArray[np.int64]]:
    """Codes of any shape and one table -> "output" of that shape."""
    codes, table = (np.asarray(arrays[name], np.int64) for name in ("codes", "table"))
    return {"output": np.asarray(table[codes - np.asarray(arrays["input_low"], np.int64)])}
