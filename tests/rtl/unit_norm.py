"""bt_norm: rows of codes to normalized ones, by the exact identity, with gamma and beta."""

from __future__ import annotations

from rtl.design import Design, Signal
from rtl.model import Model, Pauses
from rtl.unit import ROUNDINGS, Answer, RtlUnit, refuse
from rtl.unit_rows import rows

from bittrue.spec.datapath import Datapath
from bittrue.spec.units.norm import ExactNorm
from bittrue.spec.units.section import Arrays

STAGE_BITS, OUTPUT_BITS = 64, 17
ROW_MAX = 4096


def design(datapath: Datapath, *, code_bits: int = 9, row_max: int = ROW_MAX) -> Design:
    """The norm of a datapath for codes of `code_bits`, the sign among them.

    Its sums wrap, which shows nowhere if the datapath refuses overflow.
    """
    unit = datapath.norm
    if not isinstance(unit, ExactNorm) or unit.rounding not in ROUNDINGS or unit.variance_bits % 2:
        raise refuse(datapath, "norm", f"norm {unit and unit.model_dump()}")
    if unit.statistics_overflow == "saturate" or unit.pre_shift_max:
        raise refuse(datapath, "norm", f"{unit.statistics_overflow}, pre-shifts up to {unit.pre_shift_max}")
    parameters = {
        "CODE_BITS": code_bits, "SUM_BITS": unit.sum_bits, "SUM_OF_SQUARES_BITS": unit.sum_of_squares_bits,
        "VARIANCE_BITS": unit.variance_bits, "FRACTION_BITS": unit.fraction_bits,
        "MULTIPLIER_BITS": unit.multiplier_bits, "OUTPUT_BITS": OUTPUT_BITS, "ROUNDING": ROUNDINGS[unit.rounding],
        "ROW_MAX": row_max,
    }  # fmt: skip
    outputs = (
        Signal("sum", unit.sum_bits),
        Signal("sum_of_squares", unit.sum_of_squares_bits),
        Signal("variance", unit.variance_bits, signed=False),
        Signal("root", STAGE_BITS),
        Signal("reciprocal", STAGE_BITS),
        Signal("normalized", STAGE_BITS),
        Signal("output", OUTPUT_BITS),
    )
    parts = (
        "bt_round_shift",
        "bt_clamp",
        "bt_affine",
        "bt_memory",
        "bt_row_constants",
        "bt_root",
        "bt_reciprocal",
        "bt_norm",
    )
    return Design(
        "bt_norm",
        tuple(f"{part}.sv" for part in parts),
        (Signal("codes", code_bits),),
        outputs,
        parameters,
        in_last=True,
        out_last=True,
        constants=True,
    )


def run(model: Model, arrays: Arrays, pauses: Pauses | None, bug: int) -> Answer:
    """Codes [rows, n], the constants of their rows, and gamma, beta and shift, one for all or one an element."""
    n = arrays["codes"].shape[1]
    for name, array in arrays.items():
        if name != "codes" and array.size != 1 and (array.size != n or name not in ("multiplier", "bias", "shift")):
            raise ValueError(
                f"{name} of shape {array.shape}: bt_norm has one for all rows, gamma and beta one an element"
            )
    return rows(model, "codes", arrays, ExactNorm.row_stages, pauses, bug)


NORM = RtlUnit("norm", design, run)
