"""softmax without its division; see spec/units/softmax/unnormalised.py."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bittrue.spec.units.section import Arrays
from bittrue.spec.units.softmax import UnnormalisedSoftmax


def run(unit: UnnormalisedSoftmax, arrays: Arrays) -> dict[str, NDArray[np.int64]]:
    """Logits [rows, n], table [codes] -> maximum [rows, 1] and output, the exponentials [rows, n]."""
    logits = arrays["logits"].astype(np.int64)
    maximum = logits.max(axis=1, keepdims=True)
    return {"maximum": maximum, "output": arrays["table"].astype(np.int64)[maximum - logits]}
