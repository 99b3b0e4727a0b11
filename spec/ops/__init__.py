"""The contracts, one op a file. `OPS` is the list of what a Program may contain."""

from __future__ import annotations

from bittrue.spec.op import Op
from bittrue.spec.ops.activation import Activation
from bittrue.spec.ops.add import Add
from bittrue.spec.ops.avg_pool2d import AvgPool2d
from bittrue.spec.ops.concat import Concat
from bittrue.spec.ops.constant import Constant
from bittrue.spec.ops.conv2d import Conv2d
from bittrue.spec.ops.group_norm import GroupNorm
from bittrue.spec.ops.layer_norm import LayerNorm
from bittrue.spec.ops.linear import Linear
from bittrue.spec.ops.matmul import MatMul
from bittrue.spec.ops.mean import Mean
from bittrue.spec.ops.mul import Mul
from bittrue.spec.ops.permute import Permute
from bittrue.spec.ops.reshape import Reshape
from bittrue.spec.ops.slice import Slice
from bittrue.spec.ops.softmax import Softmax
from bittrue.spec.ops.sub import Sub
from bittrue.spec.ops.table import Table
from bittrue.spec.ops.weighted_sum import WeightedSum

OPS: dict[str, type[Op]] = {
    op.name: op
    for op in (
        Activation,
        Add,
        AvgPool2d,
        Concat,
        Constant,
        Conv2d,
        GroupNorm,
        LayerNorm,
        Linear,
        MatMul,
        Mean,
        Mul,
        Permute,
        Reshape,
        Slice,
        Softmax,
        Sub,
        Table,
        WeightedSum,
    )
}
"""Op classes by name."""
