"""One step bound to the fast machine, run on codes, and compared with its plain kernel. For the tests of plan/."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from op_parts import Case

from bittrue.simulator.kernels import KERNELS
from bittrue.simulator.plan.builder import Builder
from bittrue.simulator.plan.storage import Stored, stored_dtype
from bittrue.simulator.plan.view import View
from bittrue.spec.op import Call
from bittrue.spec.program import Program, Step

Binder = Callable[[Builder, Call, Call | None], Callable[[], object] | None]


def runs_as_plain(case: Case, binder: Binder, *, views: Sequence[View] | None = None) -> bool:
    """Whether a binder takes a step; then its codes equal the plain kernel's, twice over the same buffers.

    views: where the operands lie; packed in their own order where None.
    """
    call = case.call
    names = tuple(spec.name for spec in call.inputs)
    tensors = {spec.name: spec for spec in (*call.inputs, call.output)}
    constants = {f"{call.output.name}/{role}": array for role, array in call.constants.items()}
    step = Step(call.output.name, call.op, names, call.bound)
    program = Program("one step", call.datapath, tensors, (step,), constants, names, call.output.name, {})
    builder = Builder(program, keep_all=True)
    for spec, view in zip(call.inputs, views or [View.dense(spec.shape) for spec in call.inputs], strict=True):
        memory = builder.pool.keep((int(view.offsets().max()) + 1) * stored_dtype(spec).itemsize)
        memory[:] = 0x5A  # what lies between the elements, and behind them
        builder.share(spec, Stored(spec, memory, view), view)
    bound = binder(builder, call, None)
    if bound is None:
        return False
    wanted = KERNELS[call.op.name](call, list(case.operands), None)
    place = builder.places[call.output.name]
    for _ in range(2):
        for spec, codes in zip(call.inputs, case.operands, strict=True):
            builder.places[spec.name].write(codes)
        bound()
        found = place.read()
        assert found.dtype == wanted.dtype
        np.testing.assert_array_equal(found, wanted)
        place.memory[:] = 0xA5
    return True
