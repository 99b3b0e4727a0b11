"""softmax: over the last axis, by a table of exponentials and one floor reciprocal a row.

    maximum       M   = max q
    exponential   e_i = table[M - q_i]                          table[0] = 2**exponential_bits - 1
    sum           S   = sum e_i
    reciprocal    r   = floor(2**reciprocal_bits / S)
    output        p_i = min(round_shift(e_i * r, reciprocal_bits - probability_bits), 2**probability_bits - 1)

table[d] = round(table[0] * exp(-d * scale)) for d = 0 .. 2**bits - 1, correctly rounded at lowering.
The output is unsigned, `probability_bits` wide, scale 2**-probability_bits, zero point 0. Every term
rounds by at most one unit, so a row sums to at most 2**probability_bits + N (`row_sum_max`).
The zero point of the input cancels. e_i * r <= 2**reciprocal_bits, because e_i <= S.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from bittrue.spec.bounds import check_int64
from bittrue.spec.errors import IllFormed
from bittrue.spec.op import Call, Op, Shape, Work
from bittrue.spec.requantizer import check_per_tensor


@dataclass(frozen=True)
class Softmax(Op):
    """No attributes; the axis is the last one."""

    name: ClassVar[str] = "softmax"
    roles: ClassVar[tuple[str, ...]] = ("table",)
    stages: ClassVar[tuple[str, ...]] = ("maximum", "exponential", "sum", "reciprocal")

    def output_shape(self, shapes: Sequence[Shape]) -> Shape:
        """[..., N] -> [..., N]."""
        return shapes[0]

    def check(self, call: Call) -> None:
        """Refuse rows that the unit cannot hold, other tables and other output formats."""
        unit, logits, output = call.datapath.softmax, call.inputs[0], call.output
        n = logits.shape[-1]
        if n > unit.row_max:
            raise IllFormed(
                "a softmax row is longer than the unit holds",
                where=call.step,
                got=n,
                expected=f"at most {unit.row_max}",
            )
        if logits.bits > unit.logit_bits_max:
            raise IllFormed(
                "softmax logits are too wide for the table",
                where=call.step,
                got=f"{logits.bits} bits",
                expected=f"at most {unit.logit_bits_max} bits",
            )
        check_per_tensor(call, 0)
        table, top = call.constants["table"], (1 << unit.exponential_bits) - 1
        if table.shape != (1 << logits.bits,) or int(table[0]) != top or int(table.min()) < 0 or int(table.max()) > top:
            raise IllFormed(
                "constant 'table' is no table of exponentials for this unit",
                where=call.step,
                got=f"shape {table.shape}, first {table.flat[0]}",
                expected=f"{1 << logits.bits} entries in 0..{top}, the first {top}",
            )
        wanted = (unit.probability_bits, False, (0,), (1 << unit.probability_bits) + n)
        if (output.bits, output.signed, output.zero_point, output.row_sum_max) != wanted:
            raise IllFormed(
                "a softmax output has a fixed format",
                where=f"{call.step}: tensor {output.name}",
                got=(output.bits, output.signed, output.zero_point, output.row_sum_max),
                expected=wanted,
            )
        half = 1 << (unit.reciprocal_bits - unit.probability_bits - 1)
        check_int64(call, "scaled exponential", (1 << unit.reciprocal_bits) + half)

    def work(self, call: Call) -> Work:
        """Per element a comparison, a table read, an addition and a requantization; per row a division."""
        size, rows = call.output.size, call.output.size // call.output.shape[-1]
        return Work(None, {"compare": size, "table": size, "add": size, "requantize": size, "divide": rows})
