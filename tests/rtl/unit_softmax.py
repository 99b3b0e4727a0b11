"""bt_softmax: rows of logits to probabilities, by a table of exponentials."""

from __future__ import annotations

from rtl.design import Design, Signal
from rtl.model import Model, Pauses
from rtl.unit import ROUNDINGS, Answer, RtlUnit, refuse
from rtl.unit_rows import rows

from bittrue.spec.datapath import Datapath
from bittrue.spec.units.section import Arrays
from bittrue.spec.units.softmax import TableSoftmax

STAGE_BITS = 64


def design(datapath: Datapath) -> Design:
    """The softmax of a datapath, for signed and unsigned logits as wide as it takes them."""
    unit = datapath.softmax
    if not isinstance(unit, TableSoftmax) or unit.rounding not in ROUNDINGS:
        raise refuse(datapath, "softmax", f"softmax {unit and unit.model_dump()}")
    parameters = {
        "LOGIT_BITS": unit.logit_bits_max, "EXPONENTIAL_BITS": unit.exponential_bits,
        "RECIPROCAL_BITS": unit.reciprocal_bits, "PROBABILITY_BITS": unit.probability_bits,
        "ROUNDING": ROUNDINGS[unit.rounding], "ROW_MAX": unit.row_max,
    }  # fmt: skip
    outputs = (
        Signal("maximum", unit.logit_bits_max + 1),
        Signal("exponential", unit.exponential_bits, signed=False),
        Signal("sum", STAGE_BITS),
        Signal("reciprocal", STAGE_BITS),
        Signal("output", unit.probability_bits, signed=False),
    )
    return Design(
        "bt_softmax",
        ("bt_round_shift.sv", "bt_reciprocal.sv", "bt_memory.sv", "bt_softmax.sv"),
        (Signal("logits", unit.logit_bits_max + 1),),
        outputs,
        parameters,
        in_last=True,
        out_last=True,
        constants=True,
    )


def run(model: Model, arrays: Arrays, pauses: Pauses | None, bug: int) -> Answer:
    """Logits [rows, n] and the table."""
    return rows(model, "logits", arrays, TableSoftmax.row_stages, pauses, bug)


SOFTMAX = RtlUnit("softmax", design, run)
