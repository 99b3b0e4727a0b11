"""reshape, permute and slice as views, for the fast machine."""

from __future__ import annotations

from bittrue.simulator.plan.builder import Builder
from bittrue.simulator.plan.view import View
from bittrue.spec.op import Call
from bittrue.spec.ops.permute import Permute
from bittrue.spec.ops.reshape import Reshape
from bittrue.spec.ops.slice import Slice


def share_view(builder: Builder, call: Call) -> bool:
    """Give the output its view of the input's buffer; False where the elements must move."""
    (source,), op = builder.operands(call), call.op
    if isinstance(op, Permute):
        view: View | None = source.view.permute(op.axes)
    elif isinstance(op, Slice):
        view = source.view.slice(op.axis, op.start, op.stop)
    else:
        assert isinstance(op, Reshape), op.name
        view = source.view.reshape(call.output.shape)
    if view is not None:
        builder.share(call.output, source, view)
    return view is not None
