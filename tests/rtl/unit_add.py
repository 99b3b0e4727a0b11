"""bt_add: the residual add by two multipliers and one shift."""

from __future__ import annotations

from rtl.design import Design, Signal
from rtl.unit import ROUNDINGS, RtlUnit, elementwise, refuse

from bittrue.spec.datapath import Datapath
from bittrue.spec.units.add.two_multipliers import TwoMultipliersAdd

STAGE_BITS, CODE_BITS, ZERO_POINT_BITS = 64, 17, 32


def design(datapath: Datapath) -> Design:
    """The add unit of a datapath."""
    unit = datapath.add
    if not isinstance(unit, TwoMultipliersAdd) or unit.shifted_bits is not None or unit.rounding not in ROUNDINGS:
        raise refuse(datapath, "add", f"add {unit}")
    bits = unit.multiplier_max.bit_length()
    inputs = (
        Signal("a", CODE_BITS),
        Signal("b", CODE_BITS),
        Signal("zero_point_a", ZERO_POINT_BITS),
        Signal("zero_point_b", ZERO_POINT_BITS),
        Signal("multiplier_a", bits, signed=False),
        Signal("multiplier_b", bits, signed=False),
        Signal("shift", 6, signed=False),
        Signal("zero_point", ZERO_POINT_BITS),
        Signal("low", CODE_BITS),
        Signal("high", CODE_BITS),
    )
    stages = tuple(Signal(name, STAGE_BITS) for name in ("accumulator", "rounded"))
    sources = ("bt_round_shift.sv", "bt_clamp.sv", "bt_add.sv")
    parameters = {"MULT_BITS": bits, "ROUNDING": ROUNDINGS[unit.rounding]}
    return Design("bt_add", sources, inputs, (*stages, Signal("output", CODE_BITS)), parameters)


ADD = RtlUnit("add", design, elementwise)
