"""Products of exponentials divided by their row sums, for the kernels; see spec/units/softmax/unnormalised.py."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bittrue.simulator.fixed import ROUNDING_CODES, round_shift
from bittrue.simulator.jit import parallel_jit, prange
from bittrue.simulator.requantize import Requantizer, finish_planes, one_plane
from bittrue.spec.op import Call
from bittrue.spec.row_division import division_unit

Integers = NDArray[np.integer]


def finish_divided(
    call: Call, accumulator: Integers, exponentials: Integers, stages: dict[str, np.ndarray] | None
) -> Integers:
    """The output codes of a step that divides its accumulators by row sums.

    accumulator: the output's shape; exponentials: operand codes whose rows, summed to [..., 1], broadcast to it.
    Fills the op's stages when asked.
    """
    unit = division_unit(call)
    row_sum = exponentials.sum(axis=-1, keepdims=True, dtype=np.int64)
    reciprocal = (1 << unit.reciprocal_bits) // np.maximum(row_sum, 1)
    quotient = np.empty(accumulator.shape, np.int64)
    shift = unit.reciprocal_bits - unit.fraction_bits
    shift_all((accumulator * reciprocal).reshape(-1), shift, ROUNDING_CODES[unit.rounding], quotient.reshape(-1))
    requantizer = Requantizer.of(call, entering=1 << 62)  # nothing is proved of the quotient
    found: dict[str, np.ndarray] | None = None if stages is None else {}
    codes = finish_planes(call, one_plane(quotient), requantizer, found)
    if stages is not None and found is not None:
        stages["accumulator"] = accumulator.astype(np.int64)
        stages.update(row_sum=row_sum, reciprocal=reciprocal, quotient=quotient, rounded=found["rounded"])
    return codes


@parallel_jit
def shift_all(values: NDArray[np.int64], shift: int, rounding: int, rounded: NDArray[np.int64]) -> None:
    """round_shift of every element, into the last array."""
    for i in prange(values.size):
        rounded[i] = round_shift(values[i], shift, rounding)
