"""What the core units read and make when they run alone: requantize, accumulate, mac.

Their arithmetic stands in requantization.py and mac.py; here are the names of the arrays, which are the same for
every datapath, and the refusals.
"""

from __future__ import annotations

import numpy as np

from bittrue.spec.arithmetic import INT64_LIMIT, code_range
from bittrue.spec.errors import OutOfDomain
from bittrue.spec.units.mac import Mac
from bittrue.spec.units.requantization import RequantizationUnit
from bittrue.spec.units.section import Arrays, Port

REQUANTIZED = (Port("accumulator", ("any",), "what the accumulator holds, at most 48 bits"),)
PLACED = (
    Port("zero_point", ("any",), "zero point of the output", 0),
    Port("low", ("any",), "lowest output code, or the activation's lower limit", -128),
    Port("high", ("any",), "highest output code, or the activation's upper limit", 127),
)
ACCUMULATE_PORTS = (
    Port("addends", ("rows", "addends"), "what each tile delivers, added from the first to the last"),
    Port("bias", ("rows",), "loaded first or added last, as the datapath says", 0),
    Port("initial", ("rows",), "partial sum kept before", 0),
    Port("pre_shift", ("rows",), "right shift in front of the output register, 0..31", 0),
)
ACCUMULATE_STAGES = ("register",)
MAC_PORTS = (
    Port("activations", ("m", "k"), "codes"),
    Port("weights", ("k", "n"), "codes"),
    Port("bias", ("n",), "bias of each column", 0),
    Port("activation_zero_point", (), "subtracted from every activation", 0),
    Port("weight_zero_point", (), "subtracted from every weight", 0),
    Port("activation_bits", (), "register width of an activation; matters for unsigned products", 8),
    Port("weight_bits", (), "register width of a weight; matters for unsigned products", 8),
)
MAC_STAGES = ("register",)


def requantize_ports(unit: RequantizationUnit) -> tuple[Port, ...]:
    """What the requantizer of a datapath reads."""
    if unit.kind == "thresholds":
        last = Port("thresholds", ("thresholds",), "ascending; [channels, thresholds] for the accumulator's last axis")
        return (*REQUANTIZED, last, *PLACED[1:])
    ports = list(REQUANTIZED)
    if unit.kind == "integer":
        sign = "" if unit.multiplier_signed else "un"
        ports.append(Port("multiplier", ("any",), f"{sign}signed, {unit.multiplier_bits} value bits"))
    if unit.kind == "float32":
        ports.append(Port("multiplier", ("any",), "the scale, float32 or its bits", kind="float32"))
    else:
        ports.append(Port("shift", ("any",), "right shift"))
    if unit.bias != "none":
        ports.append(Port("bias", ("any",), f"added {unit.bias.replace('_', ' ')}", optional=True))
    if unit.offset:
        ports.append(Port("offset", ("any",), "subtracted in front of the multiplier", 0))
    if unit.input_bits is not None:
        ports.append(Port("unsigned", ("any",), "1: the accumulator's register is read as unsigned", 0))
    return (*ports, *(port for port in PLACED if port.name != "zero_point" or unit.zero_point != "none"))


def requantize_stages(unit: RequantizationUnit) -> tuple[str, ...]:
    """The stages that a requantizer has, in order."""
    if unit.kind == "thresholds":
        return ("rounded",)
    stages = {
        "entered": unit.bias == "before_multiply" or unit.input_bits is not None,
        "centred": unit.offset,
        "lifted": unit.second is not None,
        "product": unit.kind == "integer",
        "high": unit.second is not None,
        "rounded": True,
        "limited": unit.shifted_bits is not None,
        "placed": unit.zero_point == "after_shift",
    }
    return tuple(name for name, there in stages.items() if there)


def check_placed(arrays: Arrays) -> None:
    """Refuse zero points and limits wider than 48 bits: no output has as many."""
    for name in ("zero_point", "low", "high"):
        if name in arrays:
            within(arrays, name, -(1 << 48), 1 << 48)


def check_requantize(unit: RequantizationUnit, arrays: Arrays) -> None:
    """Refuse operands that the requantizer has no registers for, and products past 63 bits."""
    check_placed(arrays)
    if unit.kind == "thresholds":
        if (np.diff(arrays["thresholds"], axis=-1) < 0).any():
            raise OutOfDomain("thresholds must ascend", where="array thresholds")
        if arrays["thresholds"].shape[-1] > int((arrays["high"] - arrays["low"]).min()):
            raise OutOfDomain(
                "there are more thresholds than codes above the lowest",
                where="array thresholds",
                got=arrays["thresholds"].shape[-1],
                expected=f"at most {int((arrays['high'] - arrays['low']).min())}",
            )
        return
    top = 1 << unit.multiplier_bits
    if unit.kind == "integer":
        within(arrays, "multiplier", -top if unit.multiplier_signed else 0, top - 1)
    if unit.kind != "float32":
        within(arrays, "shift", 0 if unit.shift_min <= 1 else unit.shift_min, unit.shift_max)
    if "unsigned" in arrays:
        within(arrays, "unsigned", 0, 1)
    entered = reach(arrays["accumulator"]) + reach(arrays.get("bias", np.zeros(1))) * (unit.bias == "before_multiply")
    if unit.input_bits is not None:
        entered = 1 << unit.input_bits
    entered += reach(arrays.get("offset", np.zeros(1)))
    if unit.kind != "integer" or unit.product_bits is not None:
        return
    lift = max(0, unit.first_shift - int(arrays["shift"].min())) if unit.second is not None else 0
    lifted = entered << lift if unit.lifted_bits is None else min(entered << lift, 1 << (unit.lifted_bits - 1))
    product = lifted * reach(arrays["multiplier"]) + (1 << 61)
    if product >= INT64_LIMIT:
        raise OutOfDomain(
            "the product may not fit 63 bits and a sign",
            where="arrays accumulator and multiplier",
            got=f"magnitude up to 2**{product.bit_length()}",
            expected="below 2**63",
        )


def check_accumulate(mac: Mac, arrays: Arrays) -> None:
    """Refuse addends whose exact sum may leave 63 bits."""
    within(arrays, "pre_shift", 0, 31)
    addends = arrays["addends"]
    total = reach(addends) * max(addends.shape[-1], 1) + reach(arrays["bias"]) + reach(arrays["initial"])
    _sum_fits(total)


def check_mac(mac: Mac, arrays: Arrays) -> None:
    """Refuse operands wider than the multiplier takes, and sums that may leave 63 bits."""
    widest = {"activation": mac.activation_bits_max, "weight": mac.weight_bits_max}
    magnitude = arrays["activations"].shape[-1]
    for name, bits_max in widest.items():
        within(arrays, f"{name}_bits", 2, max(bits_max, mac.probability_bits_max if name == "activation" else 2))
        bits = int(arrays[f"{name}_bits"].max())
        within(arrays, f"{name}s", code_range(bits, signed=True)[0], code_range(bits, signed=False)[1])
        magnitude *= (1 << bits) + reach(arrays[f"{name}_zero_point"])
    if mac.products == "unsigned":
        for name in widest:
            within(arrays, f"{name}_zero_point", 0, 0)
    _sum_fits(magnitude + reach(arrays["bias"]))


def reach(array: np.ndarray) -> int:
    """The largest magnitude in an array."""
    return max(abs(int(array.min())), abs(int(array.max()))) if array.size else 0


def _sum_fits(total: int) -> None:
    if total >= INT64_LIMIT // 2:
        raise OutOfDomain(
            "a sum may not fit 63 bits and a sign",
            got=f"magnitude up to 2**{total.bit_length()}",
            expected="below 2**62",
        )


def within(arrays: Arrays, name: str, low: int, high: int) -> None:
    """Refuse an array with a value outside low..high."""
    array = arrays[name]
    if array.size and (int(array.min()) < low or int(array.max()) > high):
        raise OutOfDomain(
            "a value is outside what the unit's register holds",
            where=f"array {name}",
            got=f"{int(array.min())}..{int(array.max())}",
            expected=f"{low}..{high}",
        )
