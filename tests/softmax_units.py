"""Softmax units in the widths of their sources, constants for logits of a scale, and kernel against plain integers."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import TypeAdapter
from softmax_plain import PLAIN

from bittrue.calibration.lowering.softmax import KINDS as LOWERINGS
from bittrue.simulator.units.softmax import KINDS
from bittrue.spec.units.section import Width
from bittrue.spec.units.softmax import AnySoftmax, SoftmaxUnit

Array = NDArray[np.integer]

SECTIONS: dict[str, dict[str, object]] = {
    "table": {
        "kind": "table", "row_max": 4096, "logit_bits_max": 8, "exponential_bits": 16, "reciprocal_bits": 46,
        "probability_bits": 16, "rounding": "half_up",
    },
    "unnormalised": {
        "kind": "unnormalised", "row_max": 4096, "logit_bits_max": 8, "exponential_bits": 16, "sum_bits": 32,
        "reciprocal_bits": 46, "fraction_bits": 12, "rounding": "half_up",
    },
    "gemmlowp": {"kind": "gemmlowp", "row_max": 4095, "logit_bits_max": 8, "output_bits": 8},
    "ibert": {
        "kind": "ibert", "row_max": 4096, "logit_bits_max": 8, "halvings": 30, "multiplier_bits": 31,
        "exponential_bits": 16, "reciprocal_bits": 32, "output_bits": 8, "rounding": "half_even",
    },
    "ivit": {
        "kind": "ivit", "row_max": 4096, "logit_bits_max": 8, "halvings": 15, "sum_bits": 31,
        "sum_overflow": "saturate", "output_bits": 8,
    },
    "log_int": {
        "kind": "log_int", "row_max": 4096, "logit_bits_max": 8, "halvings": 30, "code_bits": 4,
        "past_the_end": "zero",
    },
    "ita": {
        "kind": "ita", "row_max": 2047, "logit_bits_max": 8, "group_width": 16, "octave_shift": 0,
        "exponential_bits": 8, "sum_bits": 19, "output_bits": 8,
    },
    "hyq": {
        "kind": "hyq", "row_max": 4096, "logit_bits_max": 8, "halvings": 30, "code_bits": 4, "past_the_end": "zero",
    },
}  # fmt: skip
"""By kind, as the sources have them."""


def unit_of_kind(kind: str, **changes: object) -> SoftmaxUnit:
    """The source's unit with some fields changed."""
    unit: SoftmaxUnit = TypeAdapter(AnySoftmax).validate_python({**SECTIONS[kind], **changes})
    return unit


def constants_for(unit: Any, bits: int, scale: Fraction) -> dict[str, Array]:
    """The unit's parameters for logits of that width and scale."""
    return LOWERINGS[unit.kind](unit, bits, scale)


def agree(unit: Any, logits: Array, constants: Mapping[str, Array], *, bits: int = 8) -> dict[str, Array]:
    """Check the constants, run the kernel on [rows, n], and refuse any difference to the plain statement, any code
    outside the stated format, any stage outside its stated width and any row sum above the stated bound."""
    rows, n = logits.shape
    unit.check("test", Width(bits, signed=True), n, constants)
    found = KINDS[unit.kind](unit, {"logits": logits, **constants})
    assert list(found) == [*unit.stages, "output"]
    for index, row in enumerate(logits.tolist()):
        if "table" in constants:
            wanted = PLAIN[unit.kind](unit, row, constants["table"].tolist())
        else:
            values = {name: int(np.broadcast_to(array, (rows, 1))[index, 0]) for name, array in constants.items()}
            wanted = PLAIN[unit.kind](unit, row, values)
        for name, stage in found.items():
            assert stage.dtype == np.int64
            value = stage[index].tolist()
            assert value == ([wanted[name]] if name in unit.row_stages else wanted[name]), (name, index)
    check_format(unit, n, found["output"])
    for name, width in unit.stage_widths(Width(bits, signed=True), n).items():
        low, high = (
            (-(1 << (width.bits - 1)), (1 << (width.bits - 1)) - 1) if width.signed else (0, (1 << width.bits) - 1)
        )
        assert low <= found[name].min() and found[name].max() <= high, name
    return found


def check_format(unit: Any, n: int, output: Array) -> None:
    """Codes lie in the stated format, and rows sum to what it says."""
    form = unit.output(n)
    low, high = (-(1 << (form.bits - 1)), (1 << (form.bits - 1)) - 1) if form.signed else (0, (1 << form.bits) - 1)
    assert low <= output.min() and output.max() <= high
    assert np.abs(output - form.zero_point).sum(axis=1).max() <= form.row_sum_max
    assert (output >= form.zero_point).all()
