"""sub: one activation less another of the same shape, by the datapath's add unit with its second operand negated.

    b - z_b enters the unit as -(b - z_b); everything behind it is add's: constants, stages, rounding, output.

For `two_multipliers`: accumulator = (a - z_a) * multiplier_a - (b - z_b) * multiplier_b. Kinds that round an operand
before the sum (rescale), or whose source has no subtraction (float32), are refused: what negation then means is not
stated anywhere.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from bittrue.spec.errors import Unsupported
from bittrue.spec.op import Call
from bittrue.spec.ops.add import Add, unit_of

SUBTRACTING = ("power_of_two", "two_multipliers")
"""Kinds of add unit that add both operands exactly, so that a negated one is all that subtraction is."""


@dataclass(frozen=True)
class Sub(Add):
    """No attributes; no broadcasting."""

    name: ClassVar[str] = "sub"

    def check(self, call: Call) -> None:
        """Refuse a unit that does not subtract, and what add refuses."""
        kind = unit_of(call.datapath).kind
        if kind not in SUBTRACTING:
            raise Unsupported(
                "the datapath's add unit does not subtract",
                where=call.step,
                got=f'add.kind = "{kind}"',
                expected=", ".join(SUBTRACTING),
                next_step="choose another datapath",
            )
        super().check(call)
