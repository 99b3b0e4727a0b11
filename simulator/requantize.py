"""The requantizer behind every accumulator, applied to whole arrays, for the kernels.

    code = clamp(round_shift(accumulator * multiplier + offset, shift) + zero_point, low, high)

Two layouts: the channel first (planes of a convolution) or last (rows of a linear layer). `offset` is
the beta of a norm and 0 elsewhere.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import DTypeLike, NDArray

from bittrue.simulator.fixed import ROUNDING_CODES, requantize, requantize_twice
from bittrue.simulator.jit import parallel_jit, prange
from bittrue.spec.op import Call

Integers = NDArray[np.integer]
INT64 = np.iinfo(np.int64)
NO_SECOND = -1
"""Stands for the second rounding of a requantizer that shifts once."""


@dataclass(frozen=True)
class Requantizer:
    """Constants of one requantizer, an entry for each channel."""

    multiplier: NDArray[np.int32]
    offset: NDArray[np.int64]
    shift: NDArray[np.int64]
    zero_point: NDArray[np.int64]
    low: int
    high: int
    rounding: int
    second: int
    """Rounding of the second shift; NO_SECOND where there is one shift."""
    first_shift: int

    @classmethod
    def of(
        cls,
        call: Call,
        channels: int = 1,
        *,
        multiplier: Integers | None = None,
        shift: Integers | None = None,
        offset: Integers | None = None,
    ) -> Requantizer:
        """The requantizer of a step's output; multiplier and shift are the step's constants unless given.

        Every array holds one entry for all channels or one for each.
        """
        assert offset is None or call.second_rounding is None, "only the norms have an offset, and they round once"
        given = call.constants
        return cls(
            _each_channel(given["multiplier"] if multiplier is None else multiplier, channels, np.int32),
            _each_channel(np.zeros(1, np.int64) if offset is None else offset, channels, np.int64),
            _each_channel(given["shift"] if shift is None else shift, channels, np.int64),
            _each_channel(np.asarray(call.output.zero_point), channels, np.int64),
            *call.output.code_range,
            ROUNDING_CODES[call.rounding],
            NO_SECOND if call.second_rounding is None else ROUNDING_CODES[call.second_rounding],
            call.datapath.requantization.first_shift,
        )

    def planes(self, accumulator: Integers, dtype: DTypeLike, *, width: int | None = None) -> Integers:
        """[channels, rows, pitch] -> codes [channels, rows, width] of `dtype`; columns past width are dropped."""
        channels, rows, pitch = accumulator.shape
        codes = np.empty((channels, rows, pitch if width is None else width), dtype)
        _requantize_planes(accumulator, *self._constants, self.second, self.first_shift, codes)
        return codes

    def rows(self, accumulator: Integers, dtype: DTypeLike) -> Integers:
        """[rows, channels] -> codes [rows, channels] of `dtype`."""
        codes = np.empty(accumulator.shape, dtype)
        _requantize_rows(accumulator, *self._constants, self.second, self.first_shift, codes)
        return codes

    @property
    def rounded(self) -> Requantizer:
        """The same unit stopped before the zero point and the clamp; its results are int64."""
        return replace(self, zero_point=np.zeros_like(self.zero_point), low=int(INT64.min), high=int(INT64.max))

    @property
    def _constants(self) -> tuple[Integers, Integers, Integers, Integers, int, int, int]:
        return self.multiplier, self.offset, self.shift, self.zero_point, self.low, self.high, self.rounding


def finish_planes(
    call: Call,
    accumulator: Integers,
    requantizer: Requantizer,
    stages: dict[str, np.ndarray] | None,
    *,
    width: int | None = None,
) -> Integers:
    """The output codes of a step from its accumulators [channels, rows, pitch].

    The first `width` columns count. Fills the stages `accumulator` and `rounded` when asked.
    """
    shape = call.output.shape
    if stages is not None:
        stages["accumulator"] = accumulator[..., :width].astype(np.int64).reshape(shape)
        stages["rounded"] = requantizer.rounded.planes(accumulator, np.int64, width=width).reshape(shape)
    return requantizer.planes(accumulator, call.output.dtype, width=width).reshape(shape)


def finish_rows(
    call: Call, accumulator: Integers, requantizer: Requantizer, stages: dict[str, np.ndarray] | None
) -> Integers:
    """Like `finish_planes`, for accumulators [rows, channels]."""
    shape = call.output.shape
    if stages is not None:
        stages["accumulator"] = accumulator.astype(np.int64).reshape(shape)
        stages["rounded"] = requantizer.rounded.rows(accumulator, np.int64).reshape(shape)
    return requantizer.rows(accumulator, call.output.dtype).reshape(shape)


def one_plane(accumulator: Integers) -> Integers:
    """Any array as [1, rows, last axis], for steps with one multiplier and shift."""
    return accumulator.reshape(1, -1, accumulator.shape[-1] if accumulator.ndim else 1)


def _each_channel(values: Integers, channels: int, dtype: DTypeLike) -> NDArray[np.signedinteger]:
    return np.array(np.broadcast_to(values, (channels,)), dtype)


@parallel_jit
def _requantize_planes(
    accumulator: Integers,
    multiplier: Integers,
    offset: Integers,
    shift: Integers,
    zero_point: Integers,
    low: int,
    high: int,
    rounding: int,
    second: int,
    first_shift: int,
    codes: Integers,
) -> None:
    channels, rows, width = codes.shape
    for item in prange(channels * rows):
        c = item // rows
        source, target = accumulator[c, item % rows], codes[c, item % rows]
        m, b, s, z = multiplier[c], offset[c], shift[c], zero_point[c]
        if second == NO_SECOND:
            for x in range(width):
                target[x] = requantize(source[x], m, b, s, z, low, high, rounding)
        else:
            for x in range(width):
                target[x] = requantize_twice(source[x], m, s, z, low, high, rounding, second, first_shift)


@parallel_jit
def _requantize_rows(
    accumulator: Integers,
    multiplier: Integers,
    offset: Integers,
    shift: Integers,
    zero_point: Integers,
    low: int,
    high: int,
    rounding: int,
    second: int,
    first_shift: int,
    codes: Integers,
) -> None:
    rows, channels = codes.shape
    for row in prange(rows):
        source, target = accumulator[row], codes[row]
        for c in range(channels):
            m, s, z = multiplier[c], shift[c], zero_point[c]
            if second == NO_SECOND:
                target[c] = requantize(source[c], m, offset[c], s, z, low, high, rounding)
            else:
                target[c] = requantize_twice(source[c], m, s, z, low, high, rounding, second, first_shift)
