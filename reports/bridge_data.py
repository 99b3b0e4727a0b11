"""Bridge activations as plain values: what tables, figures and sentences of `bittrue bench bridges` are made from.

A bridge activation is a tensor that a bridge block computes with (calibration/bridge.py).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

from bittrue.reports.accuracy_data import AccuracyRow, Ordering
from bittrue.spec.arithmetic import code_range

BITS = 8
"""Of the codes and of the zero points that clamp: what the paper's overflow is about."""
CODE_LOW, CODE_HIGH = code_range(BITS, signed=True)

PARTS = ("activations", "zero-points", "schemes")

QUANTIZERS = (
    "layer", "layer clamped", "layer symmetric",
    "channel", "channel clamped", "channel widened", "channel symmetric",
)  # fmt: skip
"""One scale for all channels, or one for each. Asymmetric from the smallest to the largest value that calibration saw,
with a zero point of any width; the same with a zero point that is clamped to the codes; the same of a range that was
widened to hold 0, whose zero point is always a code; symmetric."""


@dataclass(frozen=True)
class Fit:
    """How well the codes of one quantizer hold values."""

    sqnr_db: float
    """inf without noise, nan of a channel that is 0 throughout."""
    clipped: float
    """Share of values past the first or last code."""


@dataclass(frozen=True)
class Channel:
    """One channel of an activation; its values are those of the calibration images."""

    index: int
    low: float
    quarter: float
    """A quarter of the values lies below; estimated from a sample, like the next two."""
    median: float
    three_quarters: float
    high: float
    zero_point: int
    """That an asymmetric quantizer of this channel wants, as a signed code."""
    fits: Mapping[str, Fit]
    """On images that the range did not see, by the names of QUANTIZERS."""
    seen: Mapping[str, Fit]
    """On the calibration images themselves."""

    @property
    def overflows(self) -> bool:
        """Whether the zero point is no code: the channel lies on one side of 0."""
        return not CODE_LOW <= self.zero_point <= CODE_HIGH


@dataclass(frozen=True)
class Activation:
    """One tensor that a bridge block computes with."""

    model: str
    block: str
    """Module path of the block's last node."""
    way: str
    """"in" or "out"; of the first block that reads the tensor."""
    tensor: str
    kind: str
    """Of the node that makes it."""
    padded: bool
    """A convolution pads it: 0 must be a code, so that no zero point overflows."""
    free: bool
    """A scale a channel costs nothing at run time (calibration/granularity.py)."""
    low: float
    high: float
    zero_point: int
    """That an asymmetric quantizer of the whole tensor wants."""
    fits: Mapping[str, Fit]
    """On images that the ranges did not see: resolution and clipping."""
    seen: Mapping[str, Fit]
    """On the calibration images themselves, where no range clips: resolution alone."""
    channels: tuple[Channel, ...]
    """One where the tensor has no channel axis."""

    @property
    def overflows(self) -> bool:
        """Whether the zero point of the whole tensor is no code."""
        return not CODE_LOW <= self.zero_point <= CODE_HIGH

    @property
    def overflowing(self) -> tuple[Channel, ...]:
        """Channels whose zero point is no code."""
        return tuple(channel for channel in self.channels if channel.overflows)

    @property
    def spread(self) -> float:
        """Width of the widest channel over that of the median one."""
        widths = [channel.high - channel.low for channel in self.channels]
        middle = float(np.median(widths))
        return max(widths) / middle if middle else float("inf")

    def gain_db(self, first: str, second: str, *, seen: bool = False) -> float:
        """SQNR of one quantizer less that of another."""
        fits = self.seen if seen else self.fits
        return fits[first].sqnr_db - fits[second].sqnr_db

    def record(self) -> dict[str, object]:
        """One flat record, for CSV and JSON."""
        row = {key: value for key, value in asdict(self).items() if key not in ("fits", "seen", "channels")}
        counts = {"channels": len(self.channels), "overflowing": len(self.overflowing)}
        return {**row, **counts, **_flat(self.fits), **_flat(self.seen, "seen_")}

    def channel_records(self) -> list[dict[str, object]]:
        """A flat record a channel."""
        return [
            {
                "model": self.model,
                "tensor": self.tensor,
                **{key: value for key, value in asdict(channel).items() if key not in ("fits", "seen")},
                "overflows": channel.overflows,
                **_flat(channel.fits),
                **_flat(channel.seen, "seen_"),
            }
            for channel in self.channels
        ]


def _flat(fits: Mapping[str, Fit], prefix: str = "") -> dict[str, float]:
    return {
        f"{prefix}{name.replace(' ', '_')}_{field}": value
        for name, fit in fits.items()
        for field, value in asdict(fit).items()
    }


@dataclass(frozen=True)
class Histogram:
    """Values of the evaluation images, and what codes make of them, in the same bins."""

    model: str
    tensor: str
    channel: int | None
    """None: all channels together."""
    edges: NDArray[np.float64]
    """[bins + 1]"""
    real: NDArray[np.int64]
    quantized: Mapping[str, NDArray[np.int64]]
    """By the names of QUANTIZERS."""


@dataclass(frozen=True)
class Overflow:
    """Zero points of a plan that are no codes."""

    counts: Mapping[str, int]
    """How many, by tensor; tensors without are left out."""
    bridges: tuple[str, ...]
    """Those of the tensors that are bridge activations."""

    @property
    def zero_points(self) -> int:
        """All of them."""
        return sum(self.counts.values())

    @property
    def bridge_zero_points(self) -> int:
        """Those of bridge activations."""
        return sum(self.counts[name] for name in self.bridges)


@dataclass(frozen=True)
class ZeroPointRow:
    """One plan on a datapath whose zero points are wide, clamped, or clamped at bridge activations alone."""

    plan: str
    """Method and granularity."""
    zero_points: str
    """"wide", "clamped at bridges", "clamped"."""
    overflow: Overflow | None
    """Of the plan, whatever the datapath; None where calibration was refused."""
    accuracy: AccuracyRow

    def record(self) -> dict[str, object]:
        """One flat record, for CSV and JSON."""
        past = self.overflow
        return {
            "plan": self.plan,
            "zero_points": self.zero_points,
            "overflowing_tensors": None if past is None else " ".join(past.counts),
            "overflowing_zero_points": None if past is None else past.zero_points,
            "overflowing_bridge_tensors": None if past is None else " ".join(past.bridges),
            "overflowing_bridge_zero_points": None if past is None else past.bridge_zero_points,
            **self.accuracy.record(),
        }


@dataclass(frozen=True)
class ChosenScheme:
    """What a method chose for one bridge activation where it was free to, over the seeds."""

    model: str
    bits: str
    tensor: str
    schemes: tuple[str, ...]
    """One a seed."""
    channelwise: tuple[bool, ...]

    def record(self) -> dict[str, object]:
        """One flat record, for CSV and JSON."""
        return {
            "model": self.model,
            "bits": self.bits,
            "tensor": self.tensor,
            "seeds": len(self.schemes),
            "symmetric": self.schemes.count("symmetric"),
            "channelwise": sum(self.channelwise),
        }


@dataclass(frozen=True)
class Bridges:
    """Everything that was measured."""

    parts: tuple[str, ...]
    """Of PARTS: what was asked for."""
    calibration_images: int
    images: int
    """That activations were looked at on."""
    activations: tuple[Activation, ...] = ()
    granularity: tuple[Histogram, ...] = ()
    """For each model two: the tensor that gains most by scales a channel, and its channel that gains most."""
    overflow: tuple[Histogram, ...] = ()
    """For each model at most one: the channel that loses most to a clamped zero point."""
    zero_points: tuple[ZeroPointRow, ...] = ()
    zero_point_orderings: tuple[Ordering, ...] = ()
    schemes: tuple[AccuracyRow, ...] = ()
    scheme_orderings: tuple[Ordering, ...] = ()
    chosen: tuple[ChosenScheme, ...] = ()

    @property
    def models(self) -> tuple[str, ...]:
        """Whose activations were looked at."""
        return tuple(dict.fromkeys(each.model for each in self.activations))

    def of(self, model: str) -> tuple[Activation, ...]:
        """The activations of one model, in order of production."""
        return tuple(each for each in self.activations if each.model == model)
