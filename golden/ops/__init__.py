"""The plain statements, one op a file. `JUDGES` is the list of what the reference can run."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from torch import Tensor

from bittrue.golden.ops import (
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
from bittrue.golden.requantizer import Stages
from bittrue.spec.op import Call

Judge = Callable[[Call, Sequence[Tensor], Stages | None], Tensor]
"""One step: its Call, int64 operands, and where to record stages (or None) -> int64 codes."""

JUDGES: dict[str, Judge] = {
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
"""Statements by op name."""
