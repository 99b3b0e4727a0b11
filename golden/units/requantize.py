"""The requantizer alone: `bittrue unit requantize`, by the judge."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from bittrue.golden.requantizer import pipeline
from bittrue.golden.units.of_one_shape import of_one_shape
from bittrue.spec.datapath import Datapath
from bittrue.spec.units.requantization import RequantizationUnit


def run(datapath: Datapath, arrays: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Every stage and "output" of the datapath's requantizer; spec/units/requantization.py.

    arrays, int64, broadcastable to "accumulator" (any shape): multiplier, shift (not of thresholds),
    zero_point (0), low (-128), high (127), bias (0), offset (0), unsigned (0); thresholds [..., count], its
    leading axes broadcastable to "accumulator". Returns int64 stages, each of the broadcast shape.
    """
    # As no operator has it otherwise.
    return of_one_shape(requantized(datapath.requantization.for_op("requantize"), arrays["accumulator"], arrays))


def requantized(unit: RequantizationUnit, accumulator: Tensor, arrays: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Every stage and "output" of a requantizer, its operands and defaults as `run` has them."""
    return pipeline(
        unit,
        accumulator=accumulator,
        multiplier=arrays.get("multiplier"),
        shift=_or(arrays.get("shift"), 0),
        zero_point=_or(arrays.get("zero_point"), 0),
        low=_or(arrays.get("low"), -128),
        high=_or(arrays.get("high"), 127),
        bias=arrays.get("bias"),
        offset=arrays.get("offset"),
        unsigned=arrays.get("unsigned"),
        thresholds=arrays.get("thresholds"),
    )


def _or(array: Tensor | None, default: int) -> Tensor:
    return torch.tensor(default, dtype=torch.int64) if array is None else array
