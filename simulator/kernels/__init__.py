"""The fast statements, one op a file. `KERNELS` names them as spec/ops does."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from bittrue.simulator.kernels import (
    activation,
    add,
    avg_pool2d,
    concat,
    constant,
    conv2d,
    group_norm,
    layer_norm,
    linear,
    matmul,
    mean,
    mul,
    permute,
    reshape,
    slice,
    softmax,
    sub,
    table,
    weighted_sum,
)
from bittrue.spec.op import Call

Kernel = Callable[[Call, Sequence[np.ndarray], dict[str, np.ndarray] | None], np.ndarray]
"""Operands in their TensorSpec's dtype -> the output in its own, C-contiguous; fills the op's stages
(int64) when a dictionary is given."""

KERNELS: dict[str, Kernel] = {
    "activation": activation.run,
    "add": add.run,
    "avg_pool2d": avg_pool2d.run,
    "concat": concat.run,
    "constant": constant.run,
    "conv2d": conv2d.run,
    "group_norm": group_norm.run,
    "layer_norm": layer_norm.run,
    "linear": linear.run,
    "matmul": matmul.run,
    "mean": mean.run,
    "mul": mul.run,
    "permute": permute.run,
    "reshape": reshape.run,
    "slice": slice.run,
    "softmax": softmax.run,
    "sub": sub.run,
    "table": table.run,
    "weighted_sum": weighted_sum.run,
}
"""Kernels by op name."""
