"""permute: reorder the axes. output axis i is input axis axes[i]. No arithmetic."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from numpy.typing import NDArray

from bittrue.spec.errors import IllFormed
from bittrue.spec.layout import LayoutOp, check_same_codes
from bittrue.spec.op import Call, Shape, Work


@dataclass(frozen=True)
class Permute(LayoutOp):
    """Attributes: the input axis of each output axis."""

    name: ClassVar[str] = "permute"

    axes: tuple[int, ...]

    def output_shape(self, shapes: Sequence[Shape]) -> Shape:
        """Sizes in the new order."""
        if sorted(self.axes) != list(range(len(shapes[0]))):
            raise IllFormed(
                "permute axes must name each input axis once",
                got=self.axes,
                expected=f"an order of 0..{len(shapes[0]) - 1}",
            )
        return tuple(shapes[0][axis] for axis in self.axes)

    def check(self, call: Call) -> None:
        """Refuse an output of another code format."""
        check_same_codes(call)

    def work(self, call: Call) -> Work:
        """Every element moves once."""
        return Work(None, {"move": call.output.size})

    def move(self, array: NDArray[Any]) -> NDArray[Any]:
        """The op on a NumPy array of any dtype."""
        return array.transpose(self.axes)
