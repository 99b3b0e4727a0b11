"""The binder of each op: `bind(builder, call, table)` gives what runs the step, or None where its proof does not hold.

table: the step behind this one, if it is a table that nothing else reads; a binder that takes it also fills its output.
"""

from __future__ import annotations

from collections.abc import Callable

from bittrue.simulator.plan.builder import Builder
from bittrue.simulator.plan.depthwise import bind_depthwise
from bittrue.simulator.plan.elementwise import bind_activation, bind_add, bind_concat, bind_mul, bind_table
from bittrue.simulator.plan.matmul import bind_matmul
from bittrue.simulator.plan.norm import bind_norm
from bittrue.simulator.plan.products import bind_conv2d, bind_linear
from bittrue.simulator.plan.reductions import bind_mean, bind_weighted_sum
from bittrue.simulator.plan.softmax import bind_softmax
from bittrue.spec.op import Call

Binder = Callable[[Builder, Call, Call | None], Callable[[], object] | None]


def _conv2d(builder: Builder, call: Call, table: Call | None) -> Callable[[], object] | None:
    return bind_conv2d(builder, call, table) or bind_depthwise(builder, call, table)


BINDERS: dict[str, Binder] = {
    "activation": bind_activation,
    "add": bind_add,
    "concat": bind_concat,
    "conv2d": _conv2d,
    "group_norm": bind_norm,
    "layer_norm": bind_norm,
    "linear": bind_linear,
    "matmul": bind_matmul,
    "mean": bind_mean,
    "mul": bind_mul,
    "softmax": bind_softmax,
    "table": bind_table,
    "weighted_sum": bind_weighted_sum,
}
"""By op name."""
FUSING = ("conv2d", "linear")
"""The binders that look at their table; the others are given none."""
