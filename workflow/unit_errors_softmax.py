"""Softmax units against float64, on rows of 8-bit logits of normal distribution."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from bittrue.calibration.lowering.softmax import KINDS as LOWERING
from bittrue.reports.unit_data import ErrorRow
from bittrue.spec.units.softmax import SoftmaxUnit
from bittrue.workflow.unit import unit as run_unit
from bittrue.workflow.unit_errors_measure import SEEDS, Reals, host, measured, real

BITS = 8
ROWS = 32
"""Of each seed."""


@dataclass(frozen=True)
class LogitRows:
    """Rows of n logits of mean 0, rounded to 8-bit codes of one scale and clipped to them."""

    n: int
    deviation: int
    scale: Fraction

    @property
    def name(self) -> str:
        """As tables have it."""
        return f"n {self.n}, deviation {self.deviation}, scale {self.scale}"

    def codes(self, scale: Fraction) -> NDArray[np.int64]:
        """The same real logits at any scale, int64 [seeds * ROWS, n]."""
        drawn = [np.random.default_rng([seed, self.n]).normal(0, self.deviation, (ROWS, self.n)) for seed in SEEDS]
        return np.clip(np.rint(np.concatenate(drawn) / float(scale)), -128, 127).astype(np.int64)


USUAL = Fraction(1, 16)
LENGTHS, DEVIATIONS = (16, 64, 256), (1, 3)
SCALES = tuple(Fraction(1, 1 << shift) for shift in range(7))
"""Rows of 64 logits of deviation 1 have them all."""
CASES = tuple(LogitRows(n, deviation, USUAL) for deviation in DEVIATIONS for n in LENGTHS)
SWEEP = tuple(LogitRows(64, 1, scale) for scale in SCALES if scale != USUAL)


def softmax_errors(units: Mapping[str, SoftmaxUnit]) -> list[ErrorRow]:
    """Every case on every unit; the scales other than 1/16 only where the unit takes any scale."""
    rows = []
    for name, unit in units.items():
        cases = CASES if unit.logits_scale is not None else (*CASES, *SWEEP)
        rows += [_errors(name, unit, case) for case in cases]
    return rows


def softmax_truth(logits: Reals, *, normalised: bool = True) -> Reals:
    """The softmax of [rows, n] in float64, or its exponentials."""
    exponentials: Reals = np.exp(logits - logits.max(axis=1, keepdims=True))
    if normalised:
        exponentials /= exponentials.sum(axis=1, keepdims=True)
    return exponentials


def _errors(name: str, unit: SoftmaxUnit, case: LogitRows) -> ErrorRow:
    scale = unit.logits_scale or case.scale
    codes, form = case.codes(scale), unit.output(case.n)
    constants = LOWERING[unit.kind](unit, BITS, scale)
    output = run_unit("softmax", datapath=host(softmax=unit), inputs={"logits": codes, **constants})["output"]
    logits = real(codes, scale)
    return measured(
        "softmax",
        name,
        case.name,
        at=logits - logits.max(axis=1, keepdims=True),
        found=(output - form.zero_point) * float(form.scale),
        exact=softmax_truth(logits, normalised=unit.normalised),
        step=float(form.scale),
    )
