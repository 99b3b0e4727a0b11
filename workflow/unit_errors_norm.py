"""Norm units against float64, on rows of 8-bit codes, with 8-bit outputs as a network has them and 16-bit ones that
show what the output's rounding hides."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from bittrue.calibration.lowering.constants import Constants
from bittrue.calibration.lowering.norm import KINDS as LOWERING
from bittrue.calibration.lowering.norm.affine import affine_constants
from bittrue.calibration.lowering.norm.row import NormRow
from bittrue.reports.unit_data import ErrorRow
from bittrue.spec.arithmetic import code_range
from bittrue.spec.tensors import TensorSpec
from bittrue.spec.units.norm import NormUnit
from bittrue.spec.units.section import Width
from bittrue.workflow.unit import unit as run_unit
from bittrue.workflow.unit_errors_measure import SEEDS, Reals, host, measured, real

SCALE, EPSILON = Fraction(1, 16), Fraction(1, 100_000)
REACH = 8
"""Outputs hold -8 .. 8 deviations."""


@dataclass(frozen=True)
class CodeRows:
    """Rows of n 8-bit codes of normal distribution; deviation and mean in codes."""

    n: int
    deviation: int
    mean: int = 0
    output_bits: int = 8

    @property
    def name(self) -> str:
        """As tables have it."""
        away = f", mean {self.mean}" if self.mean else ""
        wide = f", {self.output_bits} bits out" if self.output_bits != 8 else ""
        return f"n {self.n}, deviation {self.deviation}{away}{wide}"

    @property
    def output_scale(self) -> Fraction:
        """Of the output codes, in deviations."""
        return Fraction(2 * REACH, 1 << self.output_bits)

    def codes(self) -> NDArray[np.int64]:
        """int64 [rows, n]: about 2048 codes of each seed, one row at least."""
        shape = (max(1, 2048 // self.n), self.n)
        drawn = [np.random.default_rng([seed, self.n]).normal(self.mean, self.deviation, shape) for seed in SEEDS]
        return np.clip(np.rint(np.concatenate(drawn)), -128, 127).astype(np.int64)


LENGTHS, DEVIATIONS = (64, 144, 8192), (30, 2)
CASES = (
    *(CodeRows(n, deviation) for deviation in DEVIATIONS for n in LENGTHS),
    CodeRows(144, 2, mean=60),
    *(CodeRows(144, deviation, output_bits=16) for deviation in DEVIATIONS),
)


def norm_errors(units: Mapping[str, NormUnit]) -> list[ErrorRow]:
    """Every case on every unit, gamma 1 and beta 0."""
    return [_errors(name, unit, case) for name, unit in units.items() for case in CASES]


def norm_truth(rows: Reals) -> Reals:
    """(x - mean) / sqrt(variance + epsilon) of [rows, n] in float64."""
    centred: Reals = rows - rows.mean(axis=1, keepdims=True)
    deviation: Reals = np.sqrt((centred**2).mean(axis=1, keepdims=True) + float(EPSILON))
    return centred / deviation


def norm_constants(unit: NormUnit, n: int, output_scale: Fraction, *, bits: int = 8) -> Constants:
    """What lowering makes for rows of n codes of `bits` bits with gamma 1 and beta 0."""
    source = TensorSpec("codes", (1, n), bits, True, (float(SCALE),), (0,))
    row = NormRow(Width(bits, True), n, SCALE, EPSILON, [1 / output_scale], [Fraction(0)], source)
    return {**LOWERING[unit.kind](unit, row), **(affine_constants(unit, row) if unit.has_affine else {})}


def _errors(name: str, unit: NormUnit, case: CodeRows) -> ErrorRow:
    codes = case.codes()
    low, high = code_range(case.output_bits, signed=True)
    constants = norm_constants(unit, case.n, case.output_scale)
    inputs = {"codes": codes, **constants, "low": np.array(low), "high": np.array(high)}
    output = run_unit("norm", datapath=host(norm=unit), inputs=inputs)["output"]
    rows, step = real(codes, SCALE), float(case.output_scale)
    return measured("norm", name, case.name, at=rows, found=output * step, exact=norm_truth(rows), step=step)
