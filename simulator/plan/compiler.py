"""A Program made into a list of bound kernels: the fast machine. For the engine.

Every step is bound once: its operands' and results' places are fixed, constants are packed, layout steps become
views, and a table behind a product is read as the product is written. A step that no binder takes is run by its
plain kernel (`simulator/kernels`) on copies.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from bittrue.simulator.kernels import KERNELS
from bittrue.simulator.plan.binders import BINDERS, FUSING
from bittrue.simulator.plan.builder import Builder
from bittrue.simulator.plan.layout import share_view
from bittrue.simulator.plan.view import View
from bittrue.spec.layout import LayoutOp
from bittrue.spec.op import Call
from bittrue.spec.program import Program
from bittrue.spec.tensors import Codes

Bound = Callable[[], object]
MAPPED = ("table", "activation")
"""Steps that a product in front of them can take along."""
ROW_OPS = ("layer_norm", "linear", "matmul", "softmax")
"""Ops whose last axis is the inner one, and not the channels of an image."""


class Plan:
    """Bound steps and the buffers between them. One run at a time."""

    def __init__(self, program: Program, *, keep_all: bool) -> None:
        """keep_all: every tensor can be read after a run; else only the inputs and the output."""
        builder = Builder(program, keep_all=keep_all)
        for name in program.inputs:
            spec = program.tensors[name]
            builder.place(spec, View.dense(spec.shape))
        self.steps: list[tuple[Call, Bound | None]] = []
        """In order, with what runs each: None for a step that costs nothing (a view, or part of the one before)."""
        self.plain: list[str] = []
        """Steps that no binder took."""
        done: set[str] = set()
        for call in program.calls:
            bound = None if call.step in done else self._bind(builder, call, done)
            self.steps.append((call, bound))
            builder.release([spec.name for spec in call.inputs])
        self._program = program
        self.places = builder.places
        self.buffer_bytes = builder.pool.bytes

    def run(self, operands: Mapping[str, Codes], *, first: int = 0, stop: int | None = None) -> None:
        """Compute every tensor from the inputs; or run the steps first..stop-1 alone.

        operands: the inputs; or, from a later step on, the tensors of the cut in front of it (spec/cuts.py), each of
        which has a place: `first` is then not between a product and a table that was taken along.
        """
        for name, codes in operands.items():
            self.places[name].write(codes)
        for _, bound in self.steps[first:stop]:
            if bound is not None:
                bound()

    def read(self, name: str) -> Codes:
        """A copy of a tensor of the last run that is kept, or of the cut where it stopped."""
        return self.places[name].read()

    def _bind(self, builder: Builder, call: Call, done: set[str]) -> Bound | None:
        after = builder.next_reader(call.output.name)
        binder = BINDERS.get(call.op.name)
        if isinstance(call.op, LayoutOp):
            if share_view(builder, call):
                return None
        elif binder is not None:
            table = after if after is not None and after.op.name in MAPPED and call.op.name in FUSING else None
            for fused in (table, None) if table is not None else (None,):
                bound = binder(builder, call, fused)
                if bound is not None:
                    if fused is not None:
                        done.add(fused.step)
                    return bound
        self.plain.append(call.step)
        return _plain(builder, call)


def _plain(builder: Builder, call: Call) -> Bound:
    """The step by its plain kernel, on copies of its operands."""
    operands, shape = builder.operands(call), call.output.shape
    image = len(shape) == 4 and shape[0] == 1 and call.op.name not in ROW_OPS and not isinstance(call.op, LayoutOp)
    place = builder.place_image(call.output) if image else builder.place(call.output, View.dense(shape))
    kernel = KERNELS[call.op.name]

    def run() -> None:
        place.write(kernel(call, [operand.read() for operand in operands], None))

    return run
