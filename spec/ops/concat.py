"""concat: tensors one after another along an axis, each requantized to the output's scale.

    output[..., part i, ...] = clamp(round_shift((q_i - z_i) * multiplier[i], shift[i]) + zero_point)

multiplier and shift have one entry for each input. An input that already has the output's scale and
zero point has multiplier 2**(multiplier_bits-1) and shift multiplier_bits-1: it passes unchanged.
The last line is the plain requantizer; spec/units/requantization.py has the datapath's.

spec/units/concat.py has the kinds of the datapath. With "table" the step brings a `table` [inputs, 2**bits],
output[..., part i, ...] = table[i][q_i - lowest code], for inputs of one width.

With the kind "copy", and with the attribute `copies` on any datapath, there are no constants and
output[..., part i, ...] = q_i. The output's width, sign and zero point at each index are then the input's, else the
step is refused; they may differ from channel to channel.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from bittrue.spec.datapath import Datapath
from bittrue.spec.errors import IllFormed
from bittrue.spec.op import Call, Op, Shape, VectorOp, Work, added
from bittrue.spec.requantizer import check_output_axis, check_per_tensor, check_requantizer
from bittrue.spec.tensors import TensorSpec


@dataclass(frozen=True)
class Concat(Op):
    """Attributes: the axis, and whether this step copies codes on any datapath."""

    name: ClassVar[str] = "concat"
    requantizes: ClassVar[bool] = True
    arity: ClassVar[int | None] = None

    axis: int
    copies: bool = added(False)
    """Codes move unchanged whatever the datapath's kind: it is an address."""

    def copied(self, datapath: Datapath) -> bool:
        """Whether codes move unchanged, by the attribute or by the datapath's kind."""
        return self.copies or datapath.concat.kind == "copy"

    def roles_on(self, datapath: Datapath) -> tuple[str, ...]:
        """The requantizer's or a table, one entry for each input; none where codes are copied."""
        if self.copied(datapath):
            return ()
        return ("table",) if datapath.concat.kind == "table" else super().roles_on(datapath)

    def output_shape(self, shapes: Sequence[Shape]) -> Shape:
        """Equal shapes but for `axis`, whose sizes add up."""
        first = shapes[0]
        if not 0 <= self.axis < len(first):
            raise IllFormed("the concat axis does not exist", got=self.axis, expected=f"0..{len(first) - 1}")
        rest = {(*shape[: self.axis], *shape[self.axis + 1 :]) for shape in shapes}
        if len(rest) > 1 or len({len(shape) for shape in shapes}) > 1:
            raise IllFormed(
                "concat inputs differ outside the axis", got=tuple(shapes), expected=f"equal but for axis {self.axis}"
            )
        return (*first[: self.axis], sum(shape[self.axis] for shape in shapes), *first[self.axis + 1 :])

    def check(self, call: Call) -> None:
        """Refuse per-channel inputs and constants that the datapath cannot hold."""
        if self.copied(call.datapath):
            self._check_copied(call)
            return
        if call.datapath.concat.kind == "table":
            self._check_tables(call)
            return
        roles = self.roles_on(call.datapath)
        lengths = [len(call.constants[role]) for role in roles]
        if any(length != len(call.inputs) for length in lengths):
            raise IllFormed(
                f"concat needs {' and '.join(roles)} for each input",
                where=call.step,
                got=lengths,
                expected=[len(call.inputs)] * len(roles),
            )
        for index in range(len(call.inputs)):
            check_per_tensor(call, index)
        magnitude = max(spec.magnitude_max for spec in call.inputs)
        check_requantizer(call, len(call.inputs), magnitude=magnitude, parts=True)

    def _check_copied(self, call: Call) -> None:
        """Refuse an input whose codes do not mean what the output's mean at the same index of the axis."""
        out, begin = call.output, 0
        points = np.broadcast_to(np.reshape(out.zero_point, out.line), out.shape)
        for spec in call.inputs:
            stop = begin + spec.shape[self.axis]
            wanted = points.take(range(begin, stop), axis=self.axis)
            alike = np.array_equal(np.broadcast_to(np.reshape(spec.zero_point, spec.line), spec.shape), wanted)
            if (spec.bits, spec.signed) != (out.bits, out.signed) or not alike:
                raise IllFormed(
                    "this concat copies codes, and an input has another format than the output",
                    where=f"{call.step}: tensor {spec.name}",
                    got=_format(spec, np.unique(spec.zero_point)),
                    expected=_format(out, np.unique(wanted)),
                    next_step='give all inputs the output\'s scale and zero point, or set concat.kind = "requantize"',
                )
            begin = stop

    def _check_tables(self, call: Call) -> None:
        """Refuse tables of another size than the inputs have codes, or with entries that are no output codes."""
        check_output_axis(call)
        for index in range(len(call.inputs)):
            check_per_tensor(call, index)
        table, (low, high) = call.constants["table"], call.output.code_range
        sizes = {1 << spec.bits for spec in call.inputs}
        if sizes != set(table.shape[1:]) or table.shape[:-1] != (len(call.inputs),):
            raise IllFormed(
                "constant 'table' has the wrong shape",
                where=call.step,
                got=table.shape,
                expected=f"[{len(call.inputs)} inputs, one entry for each code], inputs of one width",
            )
        if int(table.min()) < low or int(table.max()) > high:
            raise IllFormed(
                "constant 'table' has entries that are no output codes",
                where=call.step,
                got=f"{int(table.min())}..{int(table.max())}",
                expected=f"{low}..{high}",
            )

    def work(self, call: Call) -> Work:
        """One requantization an element, or one move or table read."""
        kinds: dict[str, VectorOp] = {"requantize": "requantize", "table": "table"}
        kind = "move" if self.copied(call.datapath) else kinds[call.datapath.concat.kind]
        return Work(None, {kind: call.output.size})


def _format(spec: TensorSpec, points: np.ndarray) -> str:
    ends = f"{points[0]}" if points.size == 1 else f"{points[0]}..{points[-1]}"
    return f"{'s' if spec.signed else 'u'}{spec.bits}, zero point {ends}"
