"""From integers and float64 truth to one line of the error table."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bittrue.hw_configs.load import load_datapath
from bittrue.reports.unit_data import ErrorCurve, ErrorRow
from bittrue.spec.datapath import Datapath
from bittrue.spec.units.section import Section

Reals = NDArray[np.float64]
SEEDS = (0, 1, 2)


def measured(
    unit: str, kind: str, case: str, *, at: ArrayLike, found: ArrayLike, exact: ArrayLike, step: float
) -> ErrorRow:
    """The largest and the mean error over all elements; at, found and exact are arrays of one shape."""
    inputs, values, truth = (np.asarray(array, np.float64).reshape(-1) for array in (at, found, exact))
    error = np.abs(values - truth)
    # The first among equals, and equal to nine digits: the last bit of exp differs between machines.
    worst = int(np.flatnonzero(error >= error.max() * (1 - 1e-9))[0])
    return ErrorRow(
        unit=unit,
        kind=kind,
        case=case,
        values=error.size,
        step=step,
        max_error=float(error[worst]),
        mean_error=float(error.mean()),
        at=float(inputs[worst]),
        found=float(values[worst]),
        exact=float(truth[worst]),
    )


def curve(unit: str, kind: str, *, at: ArrayLike, found: ArrayLike, exact: ArrayLike, step: float) -> ErrorCurve:
    """The signed errors in ascending order of the input."""
    inputs, values, truth = (np.asarray(array, np.float64).reshape(-1) for array in (at, found, exact))
    order = np.argsort(inputs, kind="stable")
    return ErrorCurve(unit, kind, tuple(inputs[order].tolist()), tuple((values - truth)[order].tolist()), step)


def real(codes: NDArray[np.integer], scale: Fraction) -> Reals:
    """scale * code."""
    return codes.astype(np.float64) * float(scale)


def host(**sections: Section | dict[str, Section]) -> Datapath:
    """The default datapath with other units: what surrounds them (requantizer, table) is the same for all kinds."""
    return load_datapath("iot_npu").model_copy(update=sections)
