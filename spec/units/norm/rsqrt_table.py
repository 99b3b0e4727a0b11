"""The exact identity with a reciprocal square root from a table and Newton steps: no root unit, no divider.

sum, sum_of_squares and variance V are those of identity.py. a = table_bits, Y = estimate_bits,
F = operand_bits, f = fraction_bits; every >> is a floor:

    exponent        E  = floor((bits(V) - 1) / 2)             bits(V): its bit length, so V = m * 4^E, m in [1, 4)
    operand         M  = V << (F - 2E);  V >> (2E - F) for 2E > F             m with F fraction bits
    estimate        y0 = table[(M >> (F - a)) - 2^a]          1/sqrt(m) with Y fraction bits
    reciprocal_root for each of `steps`:
                      d = 3*2^Y - ((M * ((y * y) >> Y)) >> F)
                      y = (y * d) >> (Y + 1)
    normalized      u  = round_shift((n*c - S1) * y, Y + E - f, rounding)     f fraction bits

The table has 3 * 2^a entries, one for each 2^-a of [1, 4): table[i] = round(2^Y / sqrt(1 + (i + 1/2) * 2^-a)),
the reciprocal root of the middle of its interval, ties impossible (`entries`). A step is Newton's
y <- y * (3 - m*y^2) / 2. y never exceeds 2^Y: for y = 2^Y - j, (y*y) >> Y >= 2^Y - 2j, hence d <= 2^(Y+1) + 2j and
y * d <= 2^(2Y+1) - 2j^2. V and n*S2 are below 2^63, hence |n*c - S1| below 2^32 and its product with y below 2^63.

Source: table and Newton steps as common in FPGA and DSP norm units; no single design. 48 entries with one step
err by 3.4e-4, 192 with one by 3.5e-5, 192 without by 3.9e-3 (Y = 16), 192 with two by 1.3e-7 (Y = 24).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from bittrue.spec.errors import IllFormed
from bittrue.spec.units.norm.identity import EPSILON, PRE_SHIFT, IdentityNorm
from bittrue.spec.units.section import Arrays, Port, Width


class RsqrtTableNorm(IdentityNorm):
    """See the module docstring."""

    parameters: ClassVar[tuple[Port, ...]] = (
        EPSILON,
        PRE_SHIFT,
        Port("table", ("entries",), "reciprocal roots of the middles of 3 * 2**table_bits intervals of [1, 4)"),
    )
    stages: ClassVar[tuple[str, ...]] = (
        "sum", "sum_of_squares", "variance", "exponent", "operand", "estimate", "reciprocal_root", "normalized",
    )  # fmt: skip
    row_stages: ClassVar[tuple[str, ...]] = stages[:-1]

    kind: Literal["rsqrt_table"]
    table_bits: Annotated[int, Field(strict=True, ge=2, le=12)]
    """The table has 3 * 2**table_bits entries: 4 gives 48, 6 gives 192, 8 gives 768."""
    estimate_bits: Annotated[int, Field(strict=True, ge=8, le=30)]
    """Fraction bits of the reciprocal root."""
    operand_bits: Annotated[int, Field(strict=True, ge=8, le=30)]
    """Fraction bits of the normalized operand."""
    steps: Annotated[int, Field(strict=True, ge=0, le=4)]

    @model_validator(mode="after")
    def _fields_fit(self) -> RsqrtTableNorm:
        if self.estimate_bits <= self.fraction_bits:
            raise ValueError("estimate_bits must exceed fraction_bits")
        if self.operand_bits < self.table_bits:
            raise ValueError("operand_bits must be at least table_bits")
        return self

    @property
    def entries(self) -> NDArray[np.int64]:
        """The table, correctly rounded: int64 [3 * 2**table_bits], below 2**estimate_bits + 1."""
        first = 2 << self.table_bits
        # round(x) = floor(2x + 1) // 2, and 2x = 2**(Y+1) / sqrt(middle) with the middle (2^(a+1) + 2i + 1) / 2^(a+1).
        top = 1 << (2 * self.estimate_bits + 2 + self.table_bits + 1)
        doubled = [math.isqrt(top // (first + 2 * i + 1)) for i in range(3 << self.table_bits)]
        return np.array([(value + 1) // 2 for value in doubled], np.int64)

    def check(self, where: str, codes: Width, n: int, constants: Arrays) -> None:
        """Refuse what the statistics refuse, and another table."""
        self.check_row(where, codes, n, constants)
        entries = self.entries
        if not np.array_equal(constants["table"], entries):
            raise IllFormed(
                "constant 'table' is not the norm unit's table of reciprocal roots",
                where=where,
                got=f"shape {constants['table'].shape}, first {constants['table'].flat[0]}",
                expected=f"{entries.size} entries, the first {entries[0]}",
                next_step="lower the plan again",
            )

    def stage_widths(self, codes: Width, n: int) -> Mapping[str, Width]:
        """A variance has at most 62 bits, so E at most 30."""
        root = Width(self.estimate_bits + 1, False)
        return {
            **super().stage_widths(codes, n),
            "exponent": Width(5, False),
            "operand": Width(self.operand_bits + 2, False),
            "estimate": root,
            "reciprocal_root": root,
        }

    @property
    def parameter_widths(self) -> Mapping[str, Width]:
        """Entries are at most 2**estimate_bits."""
        return {**super().parameter_widths, "table": Width(self.estimate_bits + 1, False)}

    def work(self, size: int, rows: int) -> Mapping[str, int]:
        """As kind "exact"; a row reads the table and does three multiplications and an addition a step."""
        counts = {
            "multiply": 2 * size + 3 * self.steps * rows,
            "add": 3 * size + self.steps * rows,
            "requantize": 2 * size,
            "table": rows,
        }
        return {name: count for name, count in counts.items() if count}
