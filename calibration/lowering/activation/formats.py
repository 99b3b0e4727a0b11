"""What the lowering of an activation unit may read of one channel, and what it gives back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from bittrue.calibration.lowering.tables import FUNCTIONS

Constants = dict[str, NDArray[np.int64]]


@dataclass(frozen=True)
class Channel:
    """Formats of the input and the output of one channel; real = scale * (code - zero_point)."""

    function: str
    scale_in: Fraction
    zero_in: int
    codes_in: tuple[int, int]
    scale_out: Fraction
    zero_out: int
    codes_out: tuple[int, int]

    @property
    def exact(self) -> Callable[[Fraction], Fraction]:
        """The real function."""
        return FUNCTIONS[self.function]

    @property
    def x_range(self) -> tuple[int, int]:
        """The least and the largest code minus zero point of the input."""
        return self.codes_in[0] - self.zero_in, self.codes_in[1] - self.zero_in


@dataclass(frozen=True)
class Lowered:
    """One channel's parameters by role, without a channel axis, and the requantizer's ratio where it follows."""

    constants: Constants
    ratio: Fraction | None = None


def values(*numbers: int) -> NDArray[np.int64]:
    """Integers as an array [entries]."""
    return np.array(numbers, np.int64)


def value(number: int) -> NDArray[np.int64]:
    """One integer as an array without axes."""
    return np.array(number, np.int64)
