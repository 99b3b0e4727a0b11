"""reshape: the same codes in the same row-major order under another shape. No arithmetic."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from numpy.typing import NDArray

from bittrue.spec.errors import IllFormed
from bittrue.spec.layout import LayoutOp, check_same_codes
from bittrue.spec.op import Call, Shape, Work


@dataclass(frozen=True)
class Reshape(LayoutOp):
    """Attributes: the output shape."""

    name: ClassVar[str] = "reshape"

    shape: tuple[int, ...]

    def output_shape(self, shapes: Sequence[Shape]) -> Shape:
        """Any shape with the same number of elements."""
        if math.prod(shapes[0]) != math.prod(self.shape):
            raise IllFormed("reshape changes the number of elements", got=(shapes[0], self.shape))
        return self.shape

    def check(self, call: Call) -> None:
        """Refuse an output of another code format."""
        check_same_codes(call)

    def work(self, call: Call) -> Work:
        """Nothing moves: the codes keep their order."""
        return Work(None, {})

    def move(self, array: NDArray[Any]) -> NDArray[Any]:
        """The op on a NumPy array of any dtype."""
        return array.reshape(self.shape)
