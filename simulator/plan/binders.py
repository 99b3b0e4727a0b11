"""The binder of each op: `bind(builder, call, table)` gives what runs the step, or None where its proof does not hold.

table: the step behind this one, if it is a table or an activation that nothing else reads; a binder that takes it
fills its output as well.
"""

from __future__ import annotations

from collections.abc import Callable

from bittrue.simulator.plan.addition import bind_add
from bittrue.simulator.plan.builder import Builder
from bittrue.simulator.plan.channel_tables import bind_channel_tables
from bittrue.simulator.plan.depthwise import bind_depthwise
from bittrue.simulator.plan.elementwise import (
    bind_activation,
    bind_concat,
    bind_constant,
    bind_mul,
    bind_table,
)
from bittrue.simulator.plan.interpolation_runs import bind_interpolation
from bittrue.simulator.plan.matmul import bind_matmul
from bittrue.simulator.plan.norm import bind_norm
from bittrue.simulator.plan.products import bind_conv2d, bind_linear
from bittrue.simulator.plan.reductions import bind_mean, bind_weighted_sum
from bittrue.simulator.plan.row_division import bind_divided_matmul, bind_divided_weighted_sum
from bittrue.simulator.plan.saturating import bind_saturating_conv2d, bind_saturating_linear
from bittrue.simulator.plan.saturating_depthwise import bind_saturating_depthwise
from bittrue.simulator.plan.saturating_matmul import bind_saturating_matmul
from bittrue.simulator.plan.softmax import bind_softmax
from bittrue.spec.op import Call

Binder = Callable[[Builder, Call, Call | None], Callable[[], object] | None]


def _first(*binders: Binder) -> Binder:
    """The first one that takes a step."""

    def bind(builder: Builder, call: Call, table: Call | None) -> Callable[[], object] | None:
        return next((bound for binder in binders if (bound := binder(builder, call, table)) is not None), None)

    return bind


BINDERS: dict[str, Binder] = {
    "activation": _first(bind_activation, bind_channel_tables, bind_interpolation),
    "add": bind_add,
    "concat": bind_concat,
    "constant": bind_constant,
    "conv2d": _first(bind_conv2d, bind_depthwise, bind_saturating_conv2d, bind_saturating_depthwise),
    "group_norm": bind_norm,
    "layer_norm": bind_norm,
    "linear": _first(bind_linear, bind_saturating_linear),
    "matmul": _first(bind_matmul, bind_saturating_matmul, bind_divided_matmul),
    "mean": bind_mean,
    "mul": bind_mul,
    "softmax": bind_softmax,
    "sub": bind_add,
    "table": _first(bind_table, bind_channel_tables),
    "weighted_sum": _first(bind_weighted_sum, bind_divided_weighted_sum),
}
"""By op name."""
FUSING = ("conv2d", "linear")
"""The binders that look at their table; the others are given none."""
