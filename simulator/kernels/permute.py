"""permute: codes copied into the new order of axes; see spec/ops/permute.py."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import numpy as np

from bittrue.spec.op import Call
from bittrue.spec.ops.permute import Permute


def run(call: Call, operands: Sequence[np.ndarray], stages: dict[str, np.ndarray] | None = None) -> np.ndarray:
    """Any array -> the same codes, axis i being the input's axis axes[i]; the op has no stages."""
    return np.ascontiguousarray(operands[0].transpose(cast(Permute, call.op).axes))
