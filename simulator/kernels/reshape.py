"""reshape: the same codes under another shape; see spec/ops/reshape.py."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from bittrue.spec.op import Call


def run(call: Call, operands: Sequence[np.ndarray], stages: dict[str, np.ndarray] | None = None) -> np.ndarray:
    """Any array -> its codes in the same order; shares memory with the operand. The op has no stages."""
    return np.ascontiguousarray(operands[0]).reshape(call.output.shape)
