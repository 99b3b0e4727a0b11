"""softmax of HyQ: a linear exponential on one octave, 4-bit powers of two as probabilities.

The exponential is split.py's with f(r) = b - r; the rest is log2.py. The line is 0.08947606*x + 0.12121466 (its
scale cancels): b = floor(0.12121466 / 0.08947606 / S), octave = ceil(0.6931 / S). halvings = 30, code_bits = 4,
past_the_end = "zero" in the source.

Source: Kim et al., HyQ, IJCAI 2024, and IDSL-SeoulTech/HyQ models/ptq/layers.py@e48166d, QIntSoftmax
(int_exp_first_8).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal

from bittrue.spec.units.section import Port, Width
from bittrue.spec.units.softmax.log2 import Log2Softmax
from bittrue.spec.units.softmax.split import LINEAR


class HyqSoftmax(Log2Softmax):
    """See the module docstring."""

    parameters: ClassVar[tuple[Port, ...]] = LINEAR
    at_zero: ClassVar[str] = "b"

    kind: Literal["hyq"]

    @property
    def parameter_widths(self) -> Mapping[str, Width]:
        """Coefficients as wide as `check` admits them."""
        return {"octave": Width(31, False), "b": Width(31, False)}
