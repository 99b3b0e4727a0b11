"""slice: indices start..stop-1 of one axis. No arithmetic."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from numpy.typing import NDArray

from bittrue.spec.errors import IllFormed
from bittrue.spec.layout import LayoutOp, check_same_codes
from bittrue.spec.op import Call, Shape, Work


@dataclass(frozen=True)
class Slice(LayoutOp):
    """Attributes: axis, first index, index after the last."""

    name: ClassVar[str] = "slice"

    axis: int
    start: int
    stop: int

    def output_shape(self, shapes: Sequence[Shape]) -> Shape:
        """The input's shape with stop - start on `axis`."""
        (shape,) = shapes
        if not 0 <= self.axis < len(shape) or not 0 <= self.start < self.stop <= shape[self.axis]:
            raise IllFormed(
                "slice is outside its input", got=(self.axis, self.start, self.stop), expected=f"within {shape}"
            )
        return (*shape[: self.axis], self.stop - self.start, *shape[self.axis + 1 :])

    def check(self, call: Call) -> None:
        """Refuse an output of another code format."""
        check_same_codes(call)

    def work(self, call: Call) -> Work:
        """Every element of the result moves once."""
        return Work(None, {"move": call.output.size})

    def move(self, array: NDArray[Any]) -> NDArray[Any]:
        """The op on a NumPy array of any dtype."""
        return array.take(range(self.start, self.stop), axis=self.axis)
