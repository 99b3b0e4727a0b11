"""table: any function of one code, by one table for all channels or one table a channel.

    output[..., c, ...] = table[t, q - lowest input code]        t = c when there is a table a channel, else 0

Entries are output codes, correctly rounded at lowering from the exact real function (`function` is its
name and provenance: the integers say everything). SiLU, ReLU and the input quantizer are tables.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from bittrue.spec.errors import IllFormed
from bittrue.spec.op import Call, Op, Shape, Work


@dataclass(frozen=True)
class Table(Op):
    """Attributes: the function's name; the channel axis, or None for one table."""

    name: ClassVar[str] = "table"
    roles: ClassVar[tuple[str, ...]] = ("table",)

    function: str
    axis: int | None = None

    def output_shape(self, shapes: Sequence[Shape]) -> Shape:
        """The input's shape."""
        return shapes[0]

    def check(self, call: Call) -> None:
        """Refuse tables of the wrong size, codes too wide for the unit and entries that are no codes."""
        source, unit, table = call.inputs[0], call.datapath.table, call.constants["table"]
        if source.bits > unit.input_bits_max or call.output.bits > unit.output_bits_max:
            raise IllFormed(
                "a table is wider than the datapath has",
                where=call.step,
                got=f"{source.bits} bits in, {call.output.bits} bits out",
                expected=f"at most {unit.input_bits_max} in, {unit.output_bits_max} out",
            )
        if self.axis is not None and not 0 <= self.axis < len(source.shape):
            raise IllFormed(
                "the channel axis does not exist", where=call.step, got=self.axis, expected=f"an axis of {source.shape}"
            )
        for spec in (source, call.output):
            if spec.axis not in (None, self.axis):
                raise IllFormed(
                    "a per-channel tensor needs a table a channel",
                    where=f"{call.step}: tensor {spec.name}",
                    got=f"tensor axis {spec.axis}, table axis {self.axis}",
                )
        expected = (1 if self.axis is None else source.shape[self.axis], 1 << source.bits)
        if table.shape != expected:
            raise IllFormed(
                "constant 'table' has the wrong shape",
                where=call.step,
                got=table.shape,
                expected=f"{expected} [tables, codes]",
            )
        low, high = call.output.code_range
        if int(table.min()) < low or int(table.max()) > high:
            raise IllFormed(
                "a table entry is not a code of the output",
                where=call.step,
                got=f"{int(table.min())}..{int(table.max())}",
                expected=f"{low}..{high}",
            )

    def work(self, call: Call) -> Work:
        """One table read an element."""
        return Work(None, {"table": call.output.size})
