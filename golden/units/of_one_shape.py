"""How a unit alone hands over what it found: every value in the same shape, whatever shapes its operands had."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from torch import Tensor


def of_one_shape(found: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The same values by the same names in the same order, each in the shape in which all of them broadcast."""
    shape = np.broadcast_shapes(*(tuple(value.shape) for value in found.values()))
    return {name: value.expand(shape).contiguous() for name, value in found.items()}


def in_shape_of(main: Tensor, found: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The same, each in the shape of the unit's main array, which a parameter of shape [1] does not change."""
    return {
        name: value.expand(np.broadcast_shapes(value.shape, main.shape)).reshape(main.shape).contiguous()
        for name, value in found.items()
    }
