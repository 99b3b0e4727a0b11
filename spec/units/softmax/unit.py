"""What every kind of softmax unit says of itself; the kinds stand beside this file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Annotated, ClassVar

import numpy as np
from pydantic import Field

from bittrue.spec.errors import IllFormed
from bittrue.spec.units.section import Arrays, Port, Section, Width

VectorCounts = Mapping[str, int]
A_ROW = ("rows", "one")
"""Axes of a parameter: one value, shape [1], or one a row, [rows, 1]. A step of a program brings one."""
LOGITS = Port("logits", ("rows", "n"), "codes of the logits; softmax runs along n")


@dataclass(frozen=True)
class ProbabilityFormat:
    """What the output codes of a unit are: real = scale * (code - zero_point)."""

    bits: int
    signed: bool
    zero_point: int
    scale: Fraction
    row_sum_max: int | None
    """What the codes of a row sum to at most; None where the codes may be negative or nothing is proved."""


class SoftmaxUnit(Section):
    """Base of the kinds. Every unit works on rows of n logit codes; a logit zero point cancels in all of them."""

    kind: str
    row_max: Annotated[int, Field(strict=True, ge=1, le=65536)]
    """The longest row that the unit holds; longer ones are refused."""

    parameters: ClassVar[tuple[Port, ...]]
    """Integer constants that a step brings (they depend on the logits' scale), in order."""
    stages: ClassVar[tuple[str, ...]]
    """Intermediate values in the order in which they arise; the probabilities are not one."""
    row_stages: ClassVar[tuple[str, ...]] = ()
    """Those of the stages that have one value a row (shape [rows, 1])."""

    @property
    def ports(self) -> tuple[Port, ...]:
        """Everything that the unit reads when it runs alone."""
        return (LOGITS, *self.parameters)

    def output(self, n: int) -> ProbabilityFormat:
        """Format of the probabilities of rows of n."""
        raise TypeError(f"{type(self).__name__} does not state its output")

    def check(self, where: str, logits: Width, n: int, constants: Arrays) -> None:
        """Refuse rows, logit widths and constants that the unit cannot hold; subclasses call this first."""
        if n > self.row_max:
            raise IllFormed(
                "a softmax row is longer than the unit holds", where=where, got=n, expected=f"at most {self.row_max}"
            )

    @property
    def logits_scale(self) -> Fraction | None:
        """The one scale that logits must have, where the unit takes no constants for others; None: any."""
        return None

    @property
    def normalised(self) -> bool:
        """Whether the output codes are probabilities; False: exponentials, and their reader divides."""
        return True

    def stage_widths(self, logits: Width, n: int) -> Mapping[str, Width]:
        """Registers of the stages whose width the contract proves, for rows of n."""
        return {}

    @property
    def parameter_widths(self) -> Mapping[str, Width]:
        """Registers of the parameters; `check` holds every step to them."""
        return {}

    def work(self, size: int, rows: int) -> VectorCounts:
        """Element operations for `rows` rows of together `size` logits; keys are VectorOp (spec/op.py)."""
        raise TypeError(f"{type(self).__name__} does not state its work")


def check_logit_bits(where: str, logits: Width, bits_max: int) -> None:
    """Refuse logits that are wider than the unit's input."""
    if logits.bits > bits_max:
        raise IllFormed(
            "softmax logits are too wide for the unit",
            where=where,
            got=f"{logits.bits} bits",
            expected=f"at most {bits_max} bits",
        )


def check_values(where: str, constants: Arrays, name: str, low: int, high: int) -> None:
    """Refuse a parameter with a value outside low..high, or that is neither one value nor one a row."""
    array = constants[name]
    if array.ndim not in (1, 2) or array.shape[-1] != 1:
        raise IllFormed(
            f"constant '{name}' has the wrong shape", where=where, got=array.shape, expected="(1,) or (rows, 1)"
        )
    if int(array.min()) < low or int(array.max()) > high:
        raise IllFormed(
            f"constant '{name}' is outside the unit's range",
            where=where,
            got=f"{int(array.min())}..{int(array.max())}",
            expected=f"{low}..{high}",
        )


def check_holds(where: str, what: str, largest: int, bits: int) -> None:
    """Refuse a value that may reach 2**bits."""
    if largest >= 1 << bits:
        raise IllFormed(
            f"the {what} may not fit the unit",
            where=where,
            got=f"up to {largest}, {largest.bit_length()} bits",
            expected=f"at most {bits} bits",
            next_step="shorten the row, or coarsen the scale of the logits",
        )


def values_of(constants: Arrays, *names: str) -> Iterator[tuple[int, ...]]:
    """The parameters that belong together, as Python integers: one tuple, or one a row."""
    columns = np.broadcast_arrays(*(constants[name] for name in names))
    for together in zip(*(column.reshape(-1).tolist() for column in columns), strict=True):
        yield tuple(int(value) for value in together)
