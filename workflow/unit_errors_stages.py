"""The exponential inside softmax units and the reciprocal root inside norm units, against float64."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from bittrue.calibration.lowering.softmax import KINDS as SOFTMAX_LOWERING
from bittrue.reports.unit_data import ErrorCurve, ErrorRow
from bittrue.spec.units.norm import ExactNorm, NormUnit, RsqrtTableNorm
from bittrue.spec.units.norm.centred import CentredNorm
from bittrue.spec.units.softmax import SoftmaxUnit
from bittrue.workflow.unit import Results
from bittrue.workflow.unit import unit as run_unit
from bittrue.workflow.unit_errors_measure import Reals, curve, host, measured, real
from bittrue.workflow.unit_errors_norm import norm_constants

EXPONENTIALS = ("table", "gemmlowp", "ibert", "ivit", "hyq")
"""log_int has I-BERT's; ita has powers of two alone."""
FINE, COARSE = Fraction(1, 32), Fraction(1, 4)
REACH = 8
"""Exponentials of -8 .. 0."""
STEP = 2.0**-16
"""Both stages are told in steps of 16 fraction bits: registers of the kinds differ too much to compare."""


def exponential_errors(units: Mapping[str, SoftmaxUnit]) -> tuple[list[ErrorRow], list[ErrorCurve]]:
    """The exponentials of one row that holds every distance in [-8, 0], over that of the largest logit."""
    rows, curves = [], []
    for name in EXPONENTIALS:
        unit = units[name]
        for scale in (FINE, COARSE):
            codes = np.arange(127, max(126 - int(REACH / scale), -129), -1)[np.newaxis]
            constants = SOFTMAX_LOWERING[unit.kind](unit, 8, scale)
            inputs = {"logits": codes, **constants}
            stage = run_unit("softmax", datapath=host(softmax=unit), inputs=inputs, stages=True)["exponential"]
            at = real(codes - 127, scale)
            found: Reals = stage / stage[0, 0]
            rows.append(
                measured("exp", name, f"-8 .. 0, scale {scale}", at=at, found=found, exact=np.exp(at), step=STEP)
            )
            if scale == FINE:
                curves.append(curve("exp", name, at=at, found=found, exact=np.exp(at), step=STEP))
    return rows, curves


def root_rows() -> NDArray[np.int64]:
    """int64 [32767, 3]: (0, 0, d) for every d > 0 of 16 bits; 3 S2 - S1**2 = 2 d**2 is no square."""
    largest = np.arange(1, 1 << 15)
    return np.stack([np.zeros_like(largest), np.zeros_like(largest), largest], axis=1)


def reciprocal_root_errors(units: Mapping[str, NormUnit]) -> tuple[list[ErrorRow], list[ErrorCurve]]:
    """The relative error of a row's reciprocal root, where a unit forms one, of the operand that it saw itself."""
    rows, curves = [], []
    codes = root_rows()
    for name, unit in units.items():
        constants = norm_constants(unit, codes.shape[1], Fraction(1, 16), bits=16)
        found = run_unit("norm", datapath=host(norm=unit), inputs={"codes": codes, **constants}, stages=True)
        pair = _operand_and_root(unit, found, constants)
        if pair is None:
            continue
        operand, reciprocal = pair
        ratio, ones = reciprocal * np.sqrt(operand), np.ones_like(operand)
        for part, kept in (("operand from 1", operand > 0), ("operand from 2**14", operand >= 1 << 14)):
            rows.append(measured("rsqrt", name, part, at=operand[kept], found=ratio[kept], exact=ones[kept], step=STEP))
        curves.append(_envelope(name, operand, ratio - ones))
    return rows, curves


def _envelope(name: str, operand: Reals, error: Reals) -> ErrorCurve:
    """The largest magnitude in each half octave: the errors themselves jump from one operand to the next."""
    halves = np.floor(2 * np.log2(operand)).astype(np.int64)
    present = np.unique(halves)
    largest = [float(np.abs(error[halves == half]).max()) for half in present.tolist()]
    return ErrorCurve("rsqrt", name, tuple(np.exp2(present / 2 + 0.25).tolist()), tuple(largest), STEP)


def _operand_and_root(
    unit: NormUnit, found: Results, constants: Mapping[str, NDArray[np.integer]]
) -> tuple[Reals, Reals] | None:
    """What the unit took the reciprocal root of, and that root in real units; each [rows]. None: it forms none."""
    stages = {name: stage.reshape(-1).astype(np.float64) for name, stage in found.items()}
    if isinstance(unit, RsqrtTableNorm):
        return stages["variance"], stages["reciprocal_root"] * np.exp2(-stages["exponent"] - unit.estimate_bits)
    if isinstance(unit, ExactNorm):
        root_shift, bits = (int(constants[name][0]) for name in ("root_shift", "reciprocal_bits"))
        return stages["variance"], stages["reciprocal"] * 2.0 ** (root_shift - bits)
    if isinstance(unit, CentredNorm):
        shift = int(constants["variance_shift"][0]) if "variance_shift" in constants else 0
        return stages["sum_of_squares"] * 4.0**shift, stages["reciprocal"] * 2.0 ** -(unit.fraction_bits + 1)
    return None
