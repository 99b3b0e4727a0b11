"""bt_requantize: accumulator to code, for the plain integer requantizer."""

from __future__ import annotations

from rtl.design import Design, Signal
from rtl.unit import ROUNDINGS, RtlUnit, elementwise, refuse

from bittrue.spec.datapath import Datapath

STAGE_BITS, CODE_BITS, ZERO_POINT_BITS = 64, 17, 32


def design(datapath: Datapath) -> Design:
    """The requantizer of a datapath; what enters it is as wide as the accumulator."""
    unit = datapath.requantization
    extra = unit.bias != "none" or unit.offset or unit.second is not None or unit.zero_point != "after_shift"
    if unit.kind != "integer" or not unit.plain or unit.multiplier_signed or extra or unit.rounding not in ROUNDINGS:
        raise refuse(datapath, "requantize", f"requantization {unit.model_dump(exclude_defaults=True)}")
    bits = min(datapath.mac.accumulator_bits, 32)
    inputs = (
        Signal("accumulator", bits),
        Signal("multiplier", unit.multiplier_bits, signed=False),
        Signal("shift", 6, signed=False),
        Signal("zero_point", ZERO_POINT_BITS),
        Signal("low", CODE_BITS),
        Signal("high", CODE_BITS),
    )
    stages = tuple(Signal(name, STAGE_BITS) for name in ("product", "rounded", "placed"))
    parameters = {"ACC_BITS": bits, "MULT_BITS": unit.multiplier_bits, "ROUNDING": ROUNDINGS[unit.rounding]}
    sources = ("bt_round_shift.sv", "bt_clamp.sv", "bt_requantize.sv")
    return Design("bt_requantize", sources, inputs, (*stages, Signal("output", CODE_BITS)), parameters)


REQUANTIZE = RtlUnit("requantize", design, elementwise)
