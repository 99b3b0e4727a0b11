"""The requantizer and the MAC of spec/units on Python integers, one element at a time.

What the judge is judged by. Python integers have no width and `Fraction` has no rounding; nothing is vectorized
or shared with golden/. Registers overflow after every single addition, wrapping included, and float32 is
arithmetic on fractions.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterable, Sequence
from fractions import Fraction
from itertools import groupby, product

from bittrue.spec.arithmetic import Rounding
from bittrue.spec.units.mac import Mac
from bittrue.spec.units.requantization import RequantizationUnit


def rounded_quotient(value: int, shift: int, mode: Rounding) -> int:
    """The quotient by 2**shift, rounded as the mode's definition says."""
    if mode is Rounding.TOSA_DOUBLE:
        nudge = 0 if shift <= 31 else 2**30 if value >= 0 else -(2**30)
        return math.floor(Fraction(value + nudge, 2**shift) + Fraction(1, 2))
    exact = Fraction(value, 1 << shift)
    below = math.floor(exact)
    if mode is Rounding.TOWARD_ZERO:
        return math.trunc(exact)
    if mode is Rounding.FLOOR or exact - below < Fraction(1, 2):
        return below
    if exact - below > Fraction(1, 2):
        return below + 1
    up = {Rounding.HALF_UP: True, Rounding.HALF_AWAY: exact > 0, Rounding.HALF_EVEN: below % 2 == 1}[mode]
    return below + 1 if up else below


def shifted(value: int, shift: int, mode: Rounding) -> int:
    """The same, but a shift of 0 is no shift."""
    return value if shift == 0 else rounded_quotient(value, shift, mode)


def wrapped(value: int, bits: int | None) -> int:
    """Whole turns of the register taken off, one register at a time; None has no end."""
    if bits is None:
        return value
    turns = (value + 2 ** (bits - 1)) // 2**bits
    return value - turns * 2**bits


def saturated(value: int, bits: int | None) -> int:
    """The nearest number that the register holds; None has no end."""
    return value if bits is None else min(max(value, -(2 ** (bits - 1))), 2 ** (bits - 1) - 1)


def within(value: int, low: int, high: int) -> int:
    """The nearest number of an interval."""
    return min(max(value, low), high)


def requantized(
    unit: RequantizationUnit,
    accumulator: int,
    multiplier: int = 1,
    shift: int = 0,
    zero_point: int = 0,
    low: int = -128,
    high: int = 127,
    *,
    bias: int = 0,
    offset: int = 0,
    unsigned: int = 0,
    thresholds: Sequence[int] = (),
) -> dict[str, int]:
    """Every stage of one element, in order, and "output"."""
    found: dict[str, int] = {}
    value = accumulator
    if unit.kind == "thresholds":
        count = sum(1 for threshold in thresholds if threshold <= value)
        return {"rounded": count, "output": low + count}
    if unit.bias == "before_multiply":
        found["entered"] = value = value + bias
    if unit.input_bits is not None:
        found["entered"] = value = value % 2**unit.input_bits if unsigned else wrapped(value, unit.input_bits)
    if unit.offset:
        found["centred"] = value = value - offset
    if unit.kind == "float32":
        scaled = float32(float32(Fraction(value)) * float32_of(multiplier))
        if unit.zero_point == "before_rounding":
            scaled = float32(scaled + float32(Fraction(zero_point)))
        found["rounded"] = value = saturated(round(scaled), 32)
    else:
        found |= (once if unit.second is None else twice)(unit, value, multiplier, shift, bias)
        value = found["rounded"]
    if unit.shifted_bits is not None:
        overflow = {"wrap": wrapped, "saturate": saturated}[unit.shifted_overflow]
        found["limited"] = value = overflow(value, unit.shifted_bits)
    if unit.zero_point == "after_shift":
        found["placed"] = value = wrapped(value + zero_point, unit.placed_bits)
    elif unit.zero_point == "after_saturation":
        value = within(value, low, high) + zero_point
    return {**found, "output": within(value, low, high)}


def once(unit: RequantizationUnit, value: int, multiplier: int, shift: int, bias: int) -> dict[str, int]:
    """One multiplication (none of kind "shift"), one rounding."""
    scaled = wrapped(value * (multiplier if unit.kind == "integer" else 1), unit.product_bits)
    if unit.bias == "after_multiply":
        scaled = wrapped(scaled + bias, unit.bias_sum_bits)
    gone = unit.shift_zero_from is not None and shift >= unit.shift_zero_from
    rounded = 0 if gone else shifted(scaled, shift, unit.rounding)
    return {"product": scaled, "rounded": rounded} if unit.kind == "integer" else {"rounded": rounded}


def twice(unit: RequantizationUnit, value: int, multiplier: int, shift: int, bias: int) -> dict[str, int]:
    """Division by 2**first_shift, then by what is left of the shift."""
    assert unit.second is not None and bias is not None
    first = unit.first_shift
    lifted = wrapped(value * 2 ** max(0, first - shift), unit.lifted_bits)
    scaled = wrapped(lifted * multiplier, unit.product_bits)
    high = saturated(rounded_quotient(scaled, first, unit.rounding), unit.high_bits)
    rest = max(0, shift - first)
    return {"lifted": lifted, "product": scaled, "high": high, "rounded": shifted(high, rest, unit.second)}


def float32(exact: Fraction) -> Fraction:
    """The float32 nearest to a real number, ties to even; past the largest one it keeps growing, which saturates."""
    if exact == 0:
        return exact
    exponent = exact.numerator.bit_length() - exact.denominator.bit_length()
    if abs(exact) < Fraction(2) ** exponent:
        exponent -= 1
    step = Fraction(2) ** (max(exponent, -126) - 23)
    return round(exact / step) * step  # Python rounds a Fraction half to even


def float32_of(bits: int) -> Fraction:
    """The number whose IEEE-754 bits an int32 holds."""
    return Fraction(struct.unpack("<f", struct.pack("<i", bits))[0])


def finished_sum(mac: Mac, tiles: Iterable[Sequence[int]], bias: int = 0, initial: int = 0) -> int:
    """The register behind all tiles and the bias."""
    load = {"wrap": wrapped, "saturate": saturated}.get(mac.overflow, lambda value, _: value)
    adder = {"wrap": wrapped, "saturate": saturated}[mac.adder_overflow]
    spill = {"wrap": wrapped, "saturate": saturated}[mac.spill_overflow]
    register = load(initial + (bias if mac.bias == "first" else 0), mac.accumulator_bits)
    for index, tile in enumerate(tiles):
        if index > 0:
            register = spill(register, mac.spill_bits)
        partial = 0
        for term in tile:
            partial = adder(partial + term, mac.adder_bits)
        register = load(register + partial, mac.accumulator_bits)
    if mac.bias == "last":
        register = load(register + bias, mac.accumulator_bits)
    return saturated(register, mac.accumulator_bits) if mac.overflow == "saturate_at_end" else register


def leaving(mac: Mac, register: int, pre_shift: int = 0) -> int:
    """What leaves the unit."""
    return saturated(shifted(register, pre_shift, mac.output_rounding), mac.output_bits)


def row_tiles(mac: Mac, products: Sequence[int]) -> list[list[int]]:
    """A row cut every k_tile products."""
    length = mac.k_tile or 1
    return [[term for _, term in group] for _, group in groupby(enumerate(products), lambda at: at[0] // length)]


def taps(mac: Mac, channels: int, kernel: tuple[int, int]) -> list[list[dict[str, int]]]:
    """The tiles of a convolution: places (c, ky, kx) in the order in which they are multiplied.

    All places are sorted by what the order names, "c_tile" being the number of a channel's block; a tile is
    a block at one position, or k_tile places in a row.
    """
    block = mac.k_tile or 1
    places = [
        {"c": c, "ky": ky, "kx": kx, "c_tile": c // block}
        for c, ky, kx in product(range(channels), range(kernel[0]), range(kernel[1]))
    ]
    places.sort(key=lambda at: [at[axis] for axis in mac.order])
    if "c_tile" in mac.order:
        return [list(tile) for _, tile in groupby(places, lambda at: (at["c_tile"], at["ky"], at["kx"]))]
    return [places[begin : begin + block] for begin in range(0, len(places), block)]


def register_code(mac: Mac, code: int, bits: int) -> int:
    """A code as the multiplier reads its register."""
    return code if mac.products == "signed" else code % 2**bits
