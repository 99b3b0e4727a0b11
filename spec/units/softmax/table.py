"""softmax by a table of exponentials and one floor reciprocal a row: the default of `iot_npu`.

    maximum       M   = max q
    exponential   e_i = table[M - q_i]                          table[0] = 2**exponential_bits - 1
    sum           S   = sum e_i
    reciprocal    r   = floor(2**reciprocal_bits / S)
    output        p_i = min(round_shift(e_i * r, reciprocal_bits - probability_bits), 2**probability_bits - 1)

table[d] = round(table[0] * exp(-d * scale)) for d = 0 .. 2**(logit bits) - 1, correctly rounded at lowering.
The output is unsigned, `probability_bits` wide, scale 2**-probability_bits, zero point 0. Every term
rounds by at most one unit, so a row sums to at most 2**probability_bits + n (`row_sum_max`).
e_i * r <= 2**reciprocal_bits, because e_i <= S.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from bittrue.spec.arithmetic import Rounding
from bittrue.spec.errors import IllFormed
from bittrue.spec.units.section import Arrays, Integers, Port, Width
from bittrue.spec.units.softmax.unit import ProbabilityFormat, SoftmaxUnit, VectorCounts, check_logit_bits

TABLE = Port("table", ("codes",), "exponentials of 0, -1, ... -(2**bits - 1) logit steps")


def check_table(where: str, logits: Width, exponential_bits: int, table: Integers) -> None:
    """Refuse a table of another length, or with entries that are no exponentials of that width."""
    top = (1 << exponential_bits) - 1
    if table.shape != (1 << logits.bits,) or int(table[0]) != top or int(table.min()) < 0 or int(table.max()) > top:
        raise IllFormed(
            "constant 'table' is no table of exponentials for this unit",
            where=where,
            got=f"shape {table.shape}, first {table.flat[0]}",
            expected=f"{1 << logits.bits} entries in 0..{top}, the first {top}",
        )


class TableSoftmax(SoftmaxUnit):
    """See the module docstring."""

    parameters: ClassVar[tuple[Port, ...]] = (TABLE,)
    stages: ClassVar[tuple[str, ...]] = ("maximum", "exponential", "sum", "reciprocal")
    row_stages: ClassVar[tuple[str, ...]] = ("maximum", "sum", "reciprocal")

    kind: Literal["table"]
    logit_bits_max: Annotated[int, Field(strict=True, ge=2, le=12)]
    """The exponential table has 2**(logit bits) entries."""
    exponential_bits: Annotated[int, Field(strict=True, ge=4, le=16)]
    reciprocal_bits: Annotated[int, Field(strict=True, ge=16, le=62)]
    """The reciprocal is floor(2**reciprocal_bits / sum)."""
    probability_bits: Annotated[int, Field(strict=True, ge=4, le=16)]
    rounding: Rounding

    @model_validator(mode="after")
    def _reciprocal_keeps_precision(self) -> TableSoftmax:
        if self.reciprocal_bits <= self.probability_bits:
            raise ValueError("reciprocal_bits must exceed probability_bits")
        return self

    def output(self, n: int) -> ProbabilityFormat:
        """Unsigned, scale 2**-probability_bits."""
        one = 1 << self.probability_bits
        return ProbabilityFormat(self.probability_bits, False, 0, Fraction(1, one), one + n)

    def check(self, where: str, logits: Width, n: int, constants: Arrays) -> None:
        """Refuse wide logits and tables that are none of exponentials."""
        super().check(where, logits, n, constants)
        check_logit_bits(where, logits, self.logit_bits_max)
        check_table(where, logits, self.exponential_bits, constants["table"])

    def stage_widths(self, logits: Width, n: int) -> Mapping[str, Width]:
        """The maximum is a logit, an exponential an entry of the table."""
        return {"maximum": logits, "exponential": Width(self.exponential_bits, False)}

    @property
    def parameter_widths(self) -> Mapping[str, Width]:
        """An entry of the table is an exponential."""
        return {"table": Width(self.exponential_bits, False)}

    def work(self, size: int, rows: int) -> VectorCounts:
        """Per element a comparison, a table read, an addition and a requantization; per row a division."""
        return {"compare": size, "table": size, "add": size, "requantize": size, "divide": rows}
