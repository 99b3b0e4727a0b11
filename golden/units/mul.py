"""mul alone: `bittrue unit mul`, by the judge; spec/units/mul.py."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from bittrue.golden.units.of_one_shape import of_one_shape
from bittrue.golden.units.requantize import requantized
from bittrue.spec.datapath import Datapath


def run(datapath: Datapath, arrays: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The exact product of two centred operands, then the stages of the requantizer that the datapath has for mul.

    arrays, int64: a, b, zero_point_a, zero_point_b and what the requantizer reads, broadcastable to each other.
    Returns "accumulator", the requantizer's stages and "output", all of one shape.
    """
    product = (arrays["a"] - arrays["zero_point_a"]) * (arrays["b"] - arrays["zero_point_b"])
    return of_one_shape({"accumulator": product, **requantized(datapath.requantizer("mul"), product, arrays)})
