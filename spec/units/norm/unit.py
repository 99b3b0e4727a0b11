"""What every kind of norm unit says of itself; the kinds stand beside this file.

A norm unit turns a row of n codes q into n normalized integers u. A layer norm's row is the last axis; a
group norm's row is a group of channels with all their positions, in the tensor's own order.

Every kind adds up two statistics of a row, `sum` and `sum_of_squares`, each in a two's complement register
of its own width. The additions run in ascending order of the row's elements; `statistics_overflow` says what
a register does past its ends:

    refuse      nothing: a step whose registers are not proved wide enough for any row is refused
    wrap        the register keeps its low bits after every addition
    saturate    the register stops at its nearest end after every addition

Behind `normalized` all kinds are alike (affine.py), but for those that bring gamma and beta themselves
(`has_affine` is False).
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from bittrue.spec.arithmetic import INT64_LIMIT, Rounding, code_range, signed_bits
from bittrue.spec.errors import IllFormed
from bittrue.spec.units.norm.affine import AFFINE, END
from bittrue.spec.units.section import Arrays, Port, Section, Width

Interval = tuple[int, int]

CODES = Port("codes", ("rows", "n"), "codes of the rows to normalize")
CODE_ZERO_POINT = Port("code_zero_point", ("n",), "zero point of the codes", 0)


class NormUnit(Section):
    """Base of the kinds."""

    kind: str
    sum_bits: Annotated[int, Field(strict=True, ge=8, le=48)]
    sum_of_squares_bits: Annotated[int, Field(strict=True, ge=8, le=62)]
    statistics_overflow: Literal["refuse", "wrap", "saturate"] = "refuse"
    multiplier_bits: Annotated[int, Field(strict=True, ge=8, le=31)]
    """|gamma multiplier| < 2**multiplier_bits."""
    shift_max: Annotated[int, Field(strict=True, ge=1, le=62)] = 62
    """Largest right shift behind gamma and beta."""
    rounding: Rounding

    parameters: ClassVar[tuple[Port, ...]]
    """Integer constants that a step brings before gamma and beta, in order."""
    stages: ClassVar[tuple[str, ...]]
    """Intermediate values in the order in which they arise; "normalized" is the last."""
    row_stages: ClassVar[tuple[str, ...]] = ()
    """Those of the stages that have one value a row (shape [rows, 1])."""
    has_affine: ClassVar[bool] = True
    """Whether the common gamma and beta of affine.py follow; else they are among the parameters."""
    reads_zero_point: ClassVar[bool] = False
    """Whether the unit subtracts the codes' zero points (one, or one a channel); in the others one cancels."""

    @property
    def ports(self) -> tuple[Port, ...]:
        """Everything that the unit reads when it runs alone."""
        own = (CODE_ZERO_POINT, *self.parameters) if self.reads_zero_point else self.parameters
        return (CODES, *own, *(AFFINE if self.has_affine else ()), *END)

    @property
    def roles(self) -> tuple[str, ...]:
        """Constants that a step brings on this unit: the parameters, then gamma and beta."""
        affine = AFFINE if self.has_affine else ()
        return tuple(port.name for port in (*self.parameters, *affine))

    def check(self, where: str, codes: Width, n: int, constants: Arrays) -> None:
        """Refuse rows, widths and constants that the unit cannot hold or whose intermediates may leave 63 bits.

        constants: the parameters, each of length 1 or one a channel, and "code_zero_point" where it is read.
        """
        raise TypeError(f"{type(self).__name__} does not state its refusals")

    def normalized_max(self, codes: Width, n: int, constants: Arrays) -> int:
        """The largest |normalized| of any row of n codes; gamma and beta are checked against it."""
        raise TypeError(f"{type(self).__name__} does not bound its result")

    def normalized_scale(self, n: int) -> Fraction:
        """(x - mean) / deviation of one unit of `normalized`, for rows of n; irrational ones to 2**-80 of it."""
        raise TypeError(f"{type(self).__name__} does not state the scale of its result")

    def stage_widths(self, codes: Width, n: int) -> Mapping[str, Width]:
        """Registers of the stages whose width the contract proves."""
        return {"sum": Width(self.sum_bits, True), "sum_of_squares": Width(self.sum_of_squares_bits, True)}

    @property
    def parameter_widths(self) -> Mapping[str, Width]:
        """Registers of the constants whose width the contract proves."""
        return {
            "multiplier": Width(self.multiplier_bits + 1, True),
            "shift": Width(self.shift_max.bit_length(), False),
        }

    def work(self, size: int, rows: int) -> Mapping[str, int]:
        """Element operations for `rows` rows of together `size` codes, gamma and beta included."""
        raise TypeError(f"{type(self).__name__} does not state its work")

    def held(self, interval: Interval, bits: int) -> Interval:
        """What a statistics register of `bits` bits can hold of sums in an interval."""
        if self.statistics_overflow == "refuse" or signed_bits(*interval) <= bits:
            return interval
        return code_range(bits, signed=True)

    def check_statistics(self, where: str, total: Interval, squares: Interval) -> None:
        """Refuse sums that need more bits than their registers have, where the unit refuses overflow."""
        if self.statistics_overflow != "refuse":
            return
        for what, interval, bits in (
            ("sum of a row", total, self.sum_bits),
            ("sum of squares of a row", squares, self.sum_of_squares_bits),
        ):
            needed = signed_bits(*interval)
            if needed > bits:
                raise IllFormed(
                    f"the {what} needs more bits than the datapath has",
                    where=where,
                    got=f"{interval[0]}..{interval[1]}, {needed} bits",
                    expected=f"at most {bits} bits",
                    next_step='widen the register, or set norm.statistics_overflow to "wrap" or "saturate"',
                )


def magnitude(interval: Interval) -> int:
    """The largest absolute value of an interval."""
    return max(-interval[0], interval[1])


def check_63_bits(where: str, what: str, reach: int) -> None:
    """Refuse an intermediate that may reach 2**63 (docs/design.md, decision 2)."""
    if reach >= INT64_LIMIT:
        raise IllFormed(
            f"the {what} may not fit 63 bits and a sign",
            where=where,
            got=f"magnitude up to 2**{reach.bit_length()}",
            expected="below 2**63",
            next_step="normalize narrower codes or shorter rows, or narrow the multiplier",
        )


def check_one(where: str, name: str, constants: Arrays, low: int, high: int) -> int:
    """The value of a constant that is one integer of low..high, or a refusal."""
    array = constants[name]
    if array.shape != (1,) or not low <= int(array[0]) <= high:
        raise IllFormed(
            f"constant '{name}' must be one integer in range",
            where=where,
            got=array.tolist(),
            expected=f"[{low}..{high}]",
        )
    return int(array[0])
