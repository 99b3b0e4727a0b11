"""constant: codes that the program itself holds: a class token, a position embedding, an attention bias.

    output = codes

The step reads no tensor. `codes` has the output's shape and the output's codes; a machine fetches them from where its
weights lie. No arithmetic, and so no matter of a datapath.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from bittrue.spec.errors import IllFormed
from bittrue.spec.op import Call, Op, Shape, Work


@dataclass(frozen=True)
class Constant(Op):
    """Attributes: the shape."""

    name: ClassVar[str] = "constant"
    roles: ClassVar[tuple[str, ...]] = ("codes",)
    arity: ClassVar[int | None] = 0

    shape: tuple[int, ...]

    def output_shape(self, shapes: Sequence[Shape]) -> Shape:
        """The attribute."""
        return self.shape

    def check(self, call: Call) -> None:
        """Refuse codes of another shape than the output's, and codes that are none of it."""
        codes, (low, high) = call.constants["codes"], call.output.code_range
        if codes.shape != call.output.shape:
            raise IllFormed(
                "constant 'codes' has the wrong shape", where=call.step, got=codes.shape, expected=call.output.shape
            )
        if int(codes.min()) < low or int(codes.max()) > high:
            raise IllFormed(
                "constant 'codes' has entries that are no output codes",
                where=call.step,
                got=f"{int(codes.min())}..{int(codes.max())}",
                expected=f"{low}..{high}",
            )

    def work(self, call: Call) -> Work:
        """Every code is fetched once."""
        return Work(None, {"move": call.output.size})
