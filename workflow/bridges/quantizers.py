"""The quantizers that a bridge activation is measured with: scale and zero point of each channel, and what they do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from bittrue.calibration.observe import Observation
from bittrue.calibration.plan import QuantPlan, TensorPlan
from bittrue.calibration.quantize import Range, plan_weight, scale_and_zero_point
from bittrue.calibration.sites import Site
from bittrue.reports.bridge_data import BITS, CODE_HIGH, CODE_LOW


@dataclass(frozen=True)
class Codes:
    """real = scale * (code - zero_point) for each channel."""

    scale: NDArray[np.float32]
    """[channels]"""
    zero_point: NDArray[np.float32]
    """[channels], whole numbers: any of this size is exact."""


def codes_of(quantizer: str, site: Site, seen: Observation) -> Codes:
    """One of reports.bridge_data.QUANTIZERS for the ranges of a site.

    Padding needs 0 as a code (docs/design.md, decision 4): of such a site "wide" and "widened" are one.
    """
    granularity, _, rule = quantizer.partition(" ")
    low, high = seen.low, seen.high
    if granularity == "layer":
        low, high = np.full(len(low), low.min()), np.full(len(high), high.max())
    found = [
        scale_and_zero_point(
            Range(float(least), float(most)),
            BITS,
            symmetric=rule == "symmetric",
            with_zero=site.padded or rule == "widened",
        )
        for least, most in zip(low, high, strict=True)
    ]
    zero_point = np.array([zero for _, zero in found])
    if rule == "clamped":
        # The scale stays: the register alone is too short (calibration/lowering/resnap.py does the same).
        zero_point = np.clip(zero_point, CODE_LOW, CODE_HIGH)
    return Codes(np.array([scale for scale, _ in found], np.float32), zero_point.astype(np.float32))


def quantize(lines: NDArray[np.float32], codes: Codes) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """What the codes say of values [channels, values], and which of them clip."""
    scale, zero_point = codes.scale[:, None], codes.zero_point[:, None]
    wanted = np.rint(lines / scale) + zero_point
    held = np.clip(wanted, CODE_LOW, CODE_HIGH)
    return (held - zero_point) * scale, held != wanted


def replanned(
    plan: QuantPlan, sites: Mapping[str, Site], ranges: Mapping[str, Observation], quantizer: str
) -> QuantPlan:
    """A min-max plan whose tensors `sites` have the codes of a quantizer, and the weights that go with them."""
    tensors = dict(plan.tensors)
    for name, site in sites.items():
        codes, seen = codes_of(quantizer, site, ranges[name]), ranges[name]
        tensors[name] = TensorPlan(
            bits=BITS,
            scale=tuple(codes.scale.astype(float).tolist()),
            zero_point=tuple(codes.zero_point.astype(int).tolist()),
            axis=site.axis,
            scheme="asymmetric" if codes.zero_point.any() else "symmetric",
            low=tuple(seen.low.tolist()),
            high=tuple(seen.high.tolist()),
        )
    weights = {
        name: plan_weight(plan.graph, plan.graph.by_name[name], _largest, tensors, bits=weight.bits)
        for name, weight in plan.weights.items()
    }
    return replace(plan, tensors=tensors, weights=weights)


def _largest(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(np.abs(rows).max(axis=1))
