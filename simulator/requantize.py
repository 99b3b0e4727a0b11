"""The requantizer behind every accumulator, applied to whole arrays, for the kernels.

    code = clamp(round_shift(accumulator * multiplier + bias, shift) + zero_point, low, high)

is the plain unit, which has fast loops; any other goes through `pipeline.py`, thresholds through a binary
search. Two layouts: the channel first (planes of a convolution) or last (rows of a linear layer). `bias` is
the beta of a norm and 0 elsewhere.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import DTypeLike, NDArray

from bittrue.simulator.fixed import ROUNDING_CODES
from bittrue.simulator.pipeline import NO_ZERO_POINT, PLACE, rule_of
from bittrue.simulator.requantize_loops import (
    NO_SECOND,
    pipeline_planes,
    pipeline_rows,
    requantize_planes,
    requantize_rows,
)
from bittrue.spec.bounds import held_accumulator
from bittrue.spec.op import Call
from bittrue.spec.units.requantization import RequantizationUnit

Integers = NDArray[np.integer]
INT64 = np.iinfo(np.int64)
NO_THRESHOLDS = np.empty((0, 0), np.int64)


@dataclass(frozen=True)
class Requantizer:
    """Constants of one requantizer, an entry for each channel."""

    unit: RequantizationUnit
    multiplier: NDArray[np.int32]
    bias: NDArray[np.int64]
    """Added behind the multiplier."""
    shift: NDArray[np.int64]
    zero_point: NDArray[np.int64]
    thresholds: NDArray[np.int64]
    """[channels, count]; empty where the unit multiplies."""
    low: int
    high: int
    idle: bool
    """Whether no register between the accumulator and the clamp can change a value."""

    @classmethod
    def of(
        cls,
        call: Call,
        channels: int = 1,
        *,
        unit: RequantizationUnit | None = None,
        multiplier: Integers | None = None,
        shift: Integers | None = None,
        bias: Integers | None = None,
        part: int | None = None,
        entering: int | None = None,
    ) -> Requantizer:
        """The requantizer of a step's output: the datapath's unit for the op and the step's constants, unless given.

        Every array holds one entry for all channels or one for each. part: take one entry of the constants
        (concat has one for each input). entering: the largest magnitude that enters, where it is no accumulator;
        where nothing is known of it, no register is taken for idle.
        """
        chosen = call.requantizer if unit is None else unit
        if entering is None and call.bound is not None:
            entering = held_accumulator(call).magnitude
        zero = np.zeros(1, np.int64)
        thresholds = NO_THRESHOLDS
        if chosen.kind == "thresholds":
            table = call.constants["thresholds"][slice(None) if part is None else slice(part, part + 1)]
            thresholds = np.array(np.broadcast_to(table, (channels, table.shape[1])), np.int64)
            multiplier, shift = zero, zero
        given = {"multiplier": multiplier, "shift": shift}
        for role, array in given.items():
            if array is None:
                held = call.constants[role]
                given[role] = held if part is None else held[part : part + 1]
        scale, shifts = (
            _each_channel(given[role], channels, kind) for role, kind in (("multiplier", np.int32), ("shift", np.int64))
        )
        return cls(
            chosen,
            scale,
            _each_channel(zero if bias is None else bias, channels, np.int64),
            shifts,
            _each_channel(np.asarray(call.output.zero_point), channels, np.int64),
            thresholds,
            *call.output.code_range,
            idle=chosen.plain
            or (chosen.kind == "integer" and entering is not None and _idle(call, chosen, entering, scale, shifts)),
        )

    def planes(self, accumulator: Integers, dtype: DTypeLike, *, width: int | None = None) -> Integers:
        """[channels, rows, pitch] -> codes [channels, rows, width] of `dtype`; columns past width are dropped."""
        channels, rows, pitch = accumulator.shape
        codes = np.empty((channels, rows, pitch if width is None else width), dtype)
        if self.unit.kind == "thresholds":
            for channel in range(channels):
                codes[channel] = self._counted(channel, accumulator[channel, :, : codes.shape[2]])
        elif self.fast:
            requantize_planes(accumulator, *self._constants, *self._roundings, codes)
        else:
            pipeline_planes(accumulator, *self._constants, self._scale, self._rule, codes)
        return codes

    def rows(self, accumulator: Integers, dtype: DTypeLike) -> Integers:
        """[rows, channels] -> codes [rows, channels] of `dtype`."""
        codes = np.empty(accumulator.shape, dtype)
        if self.unit.kind == "thresholds":
            for channel in range(accumulator.shape[1]):
                codes[:, channel] = self._counted(channel, accumulator[:, channel])
        elif self.fast:
            requantize_rows(accumulator, *self._constants, *self._roundings, codes)
        else:
            pipeline_rows(accumulator, *self._constants, self._scale, self._rule, codes)
        return codes

    @property
    def rounded(self) -> Requantizer:
        """The same unit stopped before the zero point and the clamp; its results are int64."""
        if self.unit.kind == "thresholds":  # the count is what the unit has before the lowest code is added
            return replace(self, low=0, high=int(INT64.max))
        if self.unit.zero_point == "before_rounding":  # what it rounds holds the zero point already
            return replace(self, low=int(INT64.min), high=int(INT64.max))
        bare = self.unit.model_copy(update={"zero_point": "none"})
        return replace(
            self, unit=bare, zero_point=np.zeros_like(self.zero_point), low=int(INT64.min), high=int(INT64.max)
        )

    def _counted(self, channel: int, accumulator: Integers) -> NDArray[np.int64]:
        """low + how many thresholds of a channel do not exceed each accumulator."""
        return self.low + np.searchsorted(self.thresholds[channel], accumulator, side="right").astype(np.int64)

    @property
    def fast(self) -> bool:
        return self.idle and self.unit.zero_point != "after_saturation" and int(self.shift.min()) >= 1

    @property
    def _constants(self) -> tuple[Integers, Integers, Integers, Integers, int, int]:
        return self.multiplier, self.bias, self.shift, self.zero_point, self.low, self.high

    @property
    def _roundings(self) -> tuple[int, int, int]:
        unit = self.unit
        second = NO_SECOND if unit.second is None else ROUNDING_CODES[unit.second]
        return ROUNDING_CODES[unit.rounding], second, unit.first_shift

    @property
    def _rule(self) -> NDArray[np.int64]:
        rule = rule_of(self.unit, bias=bool(self.bias.any()))
        assert rule[PLACE] != NO_ZERO_POINT or not self.zero_point.any()
        return rule

    @property
    def _scale(self) -> NDArray[np.float32]:
        """The multipliers' bits read as float32, which they are where the unit scales in float32."""
        return self.multiplier.view(np.float32)


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


def _idle(call: Call, unit: RequantizationUnit, reach: int, multiplier: Integers, shift: Integers) -> bool:
    """Whether the registers of a step's requantizer are proved too wide to matter for magnitudes up to `reach`."""
    lift = max(0, unit.first_shift - int(shift.min())) if unit.second is not None else 0
    product = (reach << lift) * int(np.abs(multiplier.astype(np.int64)).max())
    shifted = product >> (int(shift.min()) if unit.second is None else unit.first_shift)
    held = (
        (unit.input_bits, reach),
        (unit.lifted_bits, reach << lift),
        (unit.product_bits, product),
        (unit.high_bits, shifted + 1),
        (unit.shifted_bits, shifted + 1),
        (unit.placed_bits, shifted + 1 + max(abs(z) for z in call.output.zero_point)),
    )
    runs_out = unit.shift_zero_from is not None and int(shift.max()) >= unit.shift_zero_from
    return not runs_out and all(bits is None or value < 1 << (bits - 1) for bits, value in held)


def _each_channel(values: Integers | None, channels: int, dtype: DTypeLike) -> NDArray[np.signedinteger]:
    assert values is not None
    return np.array(np.broadcast_to(values, (channels,)), dtype)
