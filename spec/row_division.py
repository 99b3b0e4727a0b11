"""A product of exponentials divided by their row sum: the refusals of matmul and weighted_sum.

The formulas stand in spec/units/softmax/unnormalised.py. The exponentials are one operand of the op and run
along its last axis, the axis of the reduction.
"""

from __future__ import annotations

from collections.abc import Mapping

from bittrue.spec.bounds import check_int64
from bittrue.spec.errors import IllFormed
from bittrue.spec.op import Call, VectorOp
from bittrue.spec.units.softmax import UnnormalisedSoftmax

STAGES = ("accumulator", "row_sum", "reciprocal", "quotient", "rounded")
"""Of an op that divides; row_sum and reciprocal have one value a row of exponentials."""


def division_unit(call: Call) -> UnnormalisedSoftmax:
    """The unit whose widths the division has, or a refusal."""
    unit = call.datapath.softmax
    if not isinstance(unit, UnnormalisedSoftmax):
        raise IllFormed(
            "only a datapath with an unnormalised softmax divides by row sums",
            where=call.step,
            got="no softmax unit" if unit is None else f'softmax.kind = "{unit.kind}"',
            expected='softmax.kind = "unnormalised"',
        )
    return unit


def check_row_division(call: Call, exponentials: int, other: int) -> int:
    """Refuse operands that are no exponentials, long rows and wide products; the largest |quotient|.

    exponentials, other: indices of the two inputs.
    """
    unit, e, b = division_unit(call), call.inputs[exponentials], call.inputs[other]
    form = unit.output(e.shape[-1])
    wanted = (form.bits, form.signed, (form.zero_point,), form.row_sum_max)
    if (e.bits, e.signed, e.zero_point, e.row_sum_max) != wanted:
        raise IllFormed(
            "only exponentials of the softmax unit have a row sum to divide by",
            where=f"{call.step}: tensor {e.name}",
            got=(e.bits, e.signed, e.zero_point, e.row_sum_max),
            expected=wanted,
        )
    reach = b.magnitude_max
    if call.datapath.mac.products == "unsigned":
        reach = max(reach, (1 << b.bits) - 1)
    half = 1 << (unit.reciprocal_bits - unit.fraction_bits - 1)
    check_int64(call, "quotient in front of its rounding", (reach << unit.reciprocal_bits) + half)
    return (reach << unit.fraction_bits) + 1


def work(call: Call, exponentials: int) -> Mapping[VectorOp, int]:
    """Vector operations of a step that divides: a row's sum and division, two scalings an output."""
    size = call.inputs[exponentials].size
    rows = size // call.inputs[exponentials].shape[-1]
    return {"requantize": 2 * call.output.size, "add": size, "divide": rows}
