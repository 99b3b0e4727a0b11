"""constant: a copy of the step's own codes; see spec/ops/constant.py."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from bittrue.spec.op import Call


def run(call: Call, operands: Sequence[np.ndarray], stages: dict[str, np.ndarray] | None = None) -> np.ndarray:
    """No operands -> the codes in the output's dtype. The op has no stages."""
    return np.array(call.constants["codes"], call.output.dtype, order="C")
