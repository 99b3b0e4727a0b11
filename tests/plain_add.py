"""The add units of spec/units/add on Python integers and fractions, one pair at a time, and random parameters for them.

What kernels and judges are judged by; nothing is vectorized or shared with them.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from functools import cache

import numpy as np
from numpy.random import Generator
from op_parts import Constants
from plain_units import float32, float32_of, saturated, within

from bittrue.spec.arithmetic import Rounding
from bittrue.spec.units.add import AddUnit, Float32Add, PowerOfTwoAdd, RescaleAdd, TwoMultipliersAdd

Values = Mapping[str, int]
POINTS = ("zero_point_a", "zero_point_b", "zero_point", "low", "high")

UNITS: dict[str, AddUnit] = {
    "two multipliers": TwoMultipliersAdd(kind="two_multipliers", multiplier_bits=31, shift_max=62, rounding="half_up"),
    "two multipliers, 8 bits, half away": TwoMultipliersAdd(
        kind="two_multipliers", multiplier_bits=8, shift_max=20, rounding="half_away"
    ),
    "xnnpack": TwoMultipliersAdd(
        kind="two_multipliers",
        multiplier_bits=21,
        ratios="float32",
        shift_min=12,
        shift_max=30,
        shifted_bits=16,
        rounding="half_up",
    ),
    "two multipliers into 8 bits": TwoMultipliersAdd(
        kind="two_multipliers", multiplier_bits=16, shift_max=40, shifted_bits=8, rounding="half_even"
    ),
    "tflite": RescaleAdd(kind="rescale", rounding="half_up", second_rounding="half_away"),
    "cmsis single": RescaleAdd(kind="rescale", rounding="half_up"),
    "tosa single": RescaleAdd(kind="rescale", lift="multiplier", shift_min=2, rounding="half_up"),
    "tosa double": RescaleAdd(kind="rescale", shift_min=2, rounding="tosa_double"),
    "twice, left shifts": RescaleAdd(
        kind="rescale", lift="multiplier", shift_min=8, rounding="half_even", second_rounding="floor"
    ),
    "float32": Float32Add(kind="float32"),
    "power of two": PowerOfTwoAdd(
        kind="power_of_two", left_shift_max=12, shift_max=16, accumulator_bits=24, rounding="half_up"
    ),
    "power of two, half even": PowerOfTwoAdd(
        kind="power_of_two", left_shift_max=20, shift_max=20, accumulator_bits=40, rounding="half_even"
    ),
}
"""Every kind, and every field that changes a bit."""


def added(unit: AddUnit, a: int, b: int, values: Values) -> dict[str, int]:
    """Every stage of one pair, and "output"."""
    centred = a - values["zero_point_a"], b - values["zero_point_b"]
    if isinstance(unit, Float32Add):
        return _float32(a, b, values)
    if isinstance(unit, TwoMultipliersAdd):
        total = centred[0] * values["multiplier_a"] + centred[1] * values["multiplier_b"]
        found = {"accumulator": total, "rounded": quotient(total, values["shift"], unit.rounding)}
        if unit.shifted_bits is not None:
            found["limited"] = saturated(found["rounded"], unit.shifted_bits)
    elif isinstance(unit, PowerOfTwoAdd):
        total = centred[0] * 2 ** values["shift_a"] + centred[1] * 2 ** values["shift_b"]
        found = {"accumulator": total, "rounded": quotient(total, values["shift"], unit.rounding)}
    else:
        assert isinstance(unit, RescaleAdd)
        lifted = [value * 2 ** values["left_shift"] for value in centred]
        parts = [_scaled(unit, value, values, name) for value, name in zip(lifted, ("_a", "_b"), strict=True)]
        found = {"scaled_a": parts[0], "scaled_b": parts[1], "accumulator": sum(parts)}
        found["rounded"] = _scaled(unit, sum(parts), values, "")
    before = found[unit.stages[-1]]
    return {**found, "output": within(before + values["zero_point"], values["low"], values["high"])}


def _scaled(unit: RescaleAdd, value: int, values: Values, name: str) -> int:
    return _rescaled(unit.rounding, unit.second, value, values[f"multiplier{name}"], values[f"shift{name}"])


@cache
def _rescaled(first: Rounding, second: Rounding | None, value: int, multiplier: int, shift: int) -> int:
    if second is None:
        return quotient(value * multiplier, shift, first)
    high = quotient(value * 2 ** max(0, 31 - shift) * multiplier, 31, first)
    return quotient(high, max(0, shift - 31), second)


def _float32(a: int, b: int, values: Values) -> dict[str, int]:
    ratio_a, partial = _partial(b, *(values[name] for name in ("ratio_a", "ratio_b", *POINTS[:3])))
    total = float32(a * ratio_a + partial)
    rounded = round(total)  # Python rounds a Fraction half to even
    output = within(rounded, values["low"], values["high"])
    return {"partial": bits_of(partial), "sum": bits_of(total), "rounded": rounded, "output": output}


@cache
def _partial(b: int, bits_a: int, bits_b: int, zero_a: int, zero_b: int, zero_point: int) -> tuple[Fraction, Fraction]:
    """ratio_a, and the stage `partial`, which does not depend on a."""
    ratio_a, ratio_b = float32_of(bits_a), float32_of(bits_b)
    constant = float32(ratio_a * zero_a + float32(ratio_b * zero_b))
    return ratio_a, float32(b * ratio_b + float32(zero_point - constant))


def quotient(value: int, shift: int, mode: Rounding) -> int:
    """value / 2**shift rounded as the mode's definition says; a shift of 0 is none."""
    if mode is Rounding.TOSA_DOUBLE:
        nudge = 0 if shift <= 31 else 2**30 if value >= 0 else -(2**30)
        return quotient(value + nudge, shift, Rounding.HALF_UP)
    below, rest = divmod(value, 2**shift)
    if rest == 0 or mode is Rounding.FLOOR:
        return below
    if mode is Rounding.TOWARD_ZERO:
        return below if value > 0 else below + 1
    if 2 * rest != 2**shift:
        return below + (2 * rest > 2**shift)
    return below + {Rounding.HALF_UP: True, Rounding.HALF_AWAY: value > 0, Rounding.HALF_EVEN: below % 2 == 1}[mode]


def bits_of(value: Fraction) -> int:
    """The IEEE-754 bits of a number that a float32 holds exactly, as an int32."""
    single = np.float32(float(value))
    assert Fraction(float(single)) == value
    return int(single.view(np.int32))


def add_parameters(rng: Generator, unit: AddUnit, reach: int, bits: int = 8, *, ties: bool = False) -> Constants:
    """Valid parameters, one value each, for |code - zero point| up to `reach` and outputs of `bits` bits.

    Either operand may have the larger scale; the smaller ratio may vanish. With `ties` all ratios are powers of two
    and the shifts small, so that ties abound.
    """
    if isinstance(unit, TwoMultipliersAdd):
        found = _two_multipliers(rng, unit, reach, bits, ties=ties)
    elif isinstance(unit, RescaleAdd):
        found = _rescale(rng, unit, reach, bits, ties=ties)
    elif isinstance(unit, PowerOfTwoAdd):
        shifts = rng.integers(0, 5, 2)
        total = int(reach).bit_length() + int(shifts.max()) + 1
        found = {
            "shift_a": int(shifts[0]),
            "shift_b": int(shifts[1]),
            "shift": int(rng.integers(1, 4)) if ties else max(0, total - bits + int(rng.integers(-2, 2))),
        }
    else:
        ratios = 2.0 ** rng.uniform(-6, 1, 2) if not ties else 2.0 ** rng.integers(-6, 2, 2)
        found = dict(zip(("ratio_a", "ratio_b"), ratios.astype(np.float32).view(np.int32), strict=True))
    return {name: np.array([value]) for name, value in found.items()}


def _multiplier(rng: Generator, bits: int, *, ties: bool) -> int:
    ends = [1 << (bits - 1), (1 << bits) - 1]
    return ends[0] if ties else int(rng.choice([*ends, *rng.integers(*ends, 4)]))


def _two_multipliers(rng: Generator, unit: TwoMultipliersAdd, reach: int, bits: int, *, ties: bool) -> dict[str, int]:
    larger = _multiplier(rng, unit.multiplier_bits, ties=ties)
    pair = [larger, larger >> int(rng.choice([0, 1, 5, 31]))]
    rng.shuffle(pair)
    shift = unit.multiplier_bits + (1 if ties else reach.bit_length() - bits + int(rng.integers(-2, 3)))
    shift = min(max(shift, unit.shift_min), unit.shift_max)
    return {"multiplier_a": pair[0], "multiplier_b": pair[1], "shift": shift}


def _rescale(rng: Generator, unit: RescaleAdd, reach: int, bits: int, *, ties: bool) -> dict[str, int]:
    lift = 15 if reach > 1 << 9 else 20
    exponents = [1, int(rng.choice([1, 2, 4, 30]))]
    rng.shuffle(exponents)
    left, gain = (lift, 0) if unit.lift == "operand" else (0, lift)
    found = {"left_shift": left}
    for name, exponent in zip(("_a", "_b"), exponents, strict=True):
        found[f"multiplier{name}"] = 1 << 30 if exponent == 1 or ties else _multiplier(rng, 31, ties=False)
        found[f"shift{name}"] = max(30 + exponent - gain, unit.shift_min)
    down = 2 if ties else max(reach.bit_length() - bits + int(rng.integers(-2, 2)), 0)
    found["multiplier"] = _multiplier(rng, 31, ties=ties)
    found["shift"] = min(30 + lift - 1 + down, unit.shift_max)
    return found
