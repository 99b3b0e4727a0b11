"""Add units of every kind: the peers' sections, constants of real scales, and strategies for any constants.

For the test that compares kernel and judge. Constants are found from scales in floats, near enough for a test; lowering
has its own, exact.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

from bittrue.spec.arithmetic import Rounding
from bittrue.spec.units.add import Float32Add, PowerOfTwoAdd, RescaleAdd, TwoMultipliersAdd

Arrays = dict[str, NDArray[np.int64]]
MODES = tuple(Rounding)
SINGLE = tuple(mode for mode in MODES if mode is not Rounding.TOSA_DOUBLE)


def bits_of(value: float) -> int:
    """IEEE-754 bits of a float32."""
    return int(np.float32(value).view(np.int32))


def two_multipliers(scales: tuple[float, float, float], bits: int) -> dict[str, int]:
    """The larger ratio fills the multiplier."""
    ratios = [scale / scales[2] for scale in scales[:2]]
    shift = bits - math.frexp(max(ratios))[1]
    a, b = (min(round(ratio * 2**shift), (1 << bits) - 1) for ratio in ratios)
    return {"multiplier_a": a, "multiplier_b": b, "shift": shift}


def rescale(scales: tuple[float, float, float], unit: RescaleAdd) -> dict[str, int]:
    """As the contract has it."""
    twice, lifted = 2 * max(scales[:2]), unit.lift == "operand"
    entering = 1.0 if lifted else 2.0**unit.fraction_bits
    ratios = {"_a": scales[0] / twice * entering, "_b": scales[1] / twice * entering}
    ratios[""] = twice / (2.0**unit.fraction_bits * scales[2])
    constants = {"left_shift": unit.fraction_bits if lifted else 0}
    for name, ratio in ratios.items():
        mantissa, exponent = math.frexp(ratio)
        multiplier, shift = math.floor(mantissa * 2**31 + 0.5), 31 - exponent
        if multiplier == 1 << 31:
            multiplier, shift = 1 << 30, shift - 1
        constants |= {f"multiplier{name}": multiplier, f"shift{name}": shift}
    return constants


def float32(scales: tuple[float, float, float]) -> dict[str, int]:
    """Quotients of float32 scales."""
    a, b, y = (np.float32(scale) for scale in scales)
    return {"ratio_a": bits_of(a / y), "ratio_b": bits_of(b / y)}


def power_of_two(scales: tuple[float, float, float]) -> dict[str, int]:
    """The powers of two next to the scales."""
    a, b, y = (round(math.log2(scale)) for scale in scales)
    finest = min(a, b, y)
    return {"shift_a": a - finest, "shift_b": b - finest, "shift": y - finest}


XNNPACK = TwoMultipliersAdd(
    kind="two_multipliers", multiplier_bits=21, ratios="float32", shift_min=13, shift_max=30, shifted_bits=16,
    rounding=Rounding.HALF_UP,
)  # fmt: skip
TFLITE = RescaleAdd(kind="rescale", rounding=Rounding.HALF_UP, second_rounding=Rounding.HALF_AWAY)
TOSA_SINGLE = RescaleAdd(kind="rescale", lift="multiplier", shift_min=2, rounding=Rounding.HALF_UP)
TOSA_DOUBLE = RescaleAdd(kind="rescale", shift_min=2, rounding=Rounding.TOSA_DOUBLE)
FLOAT32 = Float32Add(kind="float32")


def wide(rounding: Rounding) -> TwoMultipliersAdd:
    """The default datapath's, with another rounding."""
    return TwoMultipliersAdd(kind="two_multipliers", multiplier_bits=31, shift_max=62, rounding=rounding)


def shifting(rounding: Rounding) -> PowerOfTwoAdd:
    """A 32-bit adder between shifters."""
    return PowerOfTwoAdd(kind="power_of_two", left_shift_max=20, shift_max=31, accumulator_bits=40, rounding=rounding)


UNITS: dict[str, Any] = {
    **{f"two_multipliers, {mode}": wide(mode) for mode in MODES},
    "two_multipliers of XNNPACK": XNNPACK,
    "two_multipliers of 8 bits into 8": XNNPACK.model_copy(
        update={"multiplier_bits": 8, "shift_min": 1, "shifted_bits": 8}
    ),
    "rescale of TFLite": TFLITE,
    "rescale, single": RescaleAdd(kind="rescale", rounding=Rounding.HALF_UP),
    "rescale of TOSA, single": TOSA_SINGLE,
    "rescale of TOSA, double": TOSA_DOUBLE,
    "rescale, half even then floor": RescaleAdd(
        kind="rescale", shift_min=20, rounding=Rounding.HALF_EVEN, second_rounding=Rounding.FLOOR
    ),
    "float32": FLOAT32,
    **{f"power_of_two, {mode}": shifting(mode) for mode in MODES},
}


def constants_of(unit: Any, scales: tuple[float, float, float]) -> dict[str, int]:
    """By kind."""
    if isinstance(unit, TwoMultipliersAdd):
        return two_multipliers(scales, unit.multiplier_bits)
    if isinstance(unit, RescaleAdd):
        return rescale(scales, unit)
    return float32(scales) if isinstance(unit, Float32Add) else power_of_two(scales)


def near(low: int, high: int) -> st.SearchStrategy[int]:
    """Integers of low..high: the ends, their neighbours, 0, and every magnitude."""
    ends = sorted({v for v in (low, low + 1, -1, 0, 1, high - 1, high) if low <= v <= high})
    sizes = st.integers(0, max(abs(low), abs(high)).bit_length()).flatmap(lambda bits: st.integers(0, 1 << bits))
    signed = st.tuples(sizes, st.sampled_from([-1, 1])).map(lambda pair: min(high, max(low, pair[0] * pair[1])))
    return st.sampled_from(ends) | signed


@st.composite
def operands(draw: st.DrawFn, bits: int = 16) -> Arrays:
    """300 pairs of codes of 2 to `bits` bits, their zero points, and any output."""
    rng = np.random.default_rng(draw(st.integers(0, 1 << 30)))
    arrays: Arrays = {}
    for name in ("a", "b"):
        width, signed = draw(st.integers(2, bits)), draw(st.booleans())
        low, high = (-(1 << (width - 1)), (1 << (width - 1)) - 1) if signed else (0, (1 << width) - 1)
        arrays[name] = np.where(
            rng.random(300) < 0.2, rng.choice([low, high], 300), rng.integers(low, high, 300, endpoint=True)
        )
        point = draw(st.integers(low, high) if bits == 8 else near(low, high) | near(-(1 << 20), 1 << 20))
        arrays[f"zero_point_{name}"] = np.array(point)
    width = draw(st.integers(2, 16))
    low = draw(st.sampled_from([0, -(1 << (width - 1))]))
    ends = {"low": low, "high": low + (1 << width) - 1}
    ends["zero_point"] = draw(near(-128, 255) if bits == 8 else near(-(1 << 30), (1 << 30) - 1))
    return {**arrays, **{name: np.array(value) for name, value in ends.items()}}


@st.composite
def any_two_multipliers(draw: st.DrawFn) -> tuple[Any, Arrays]:
    bits, shift_min = draw(st.integers(2, 31)), draw(st.integers(1, 62))
    unit = TwoMultipliersAdd(
        kind="two_multipliers", multiplier_bits=bits, ratios=draw(st.sampled_from(["exact", "float32"])),
        shift_min=shift_min, shift_max=draw(st.integers(shift_min, 62)),
        shifted_bits=draw(st.none() | st.integers(8, 32)), rounding=draw(st.sampled_from(MODES)),
    )  # fmt: skip
    larger, smaller = draw(near(1 << (bits - 1), unit.multiplier_max)), draw(near(0, unit.multiplier_max))
    a, b = (larger, smaller) if draw(st.booleans()) else (smaller, larger)
    shift = draw(near(unit.shift_min, unit.shift_max))
    return unit, constant(draw(operands()), multiplier_a=a, multiplier_b=b, shift=shift)


@st.composite
def any_rescale(draw: st.DrawFn) -> tuple[Any, Arrays]:
    twice = draw(st.booleans())
    unit = RescaleAdd(
        kind="rescale", shift_min=draw(st.integers(1, 31)), shift_max=draw(st.integers(31, 62)),
        rounding=draw(st.sampled_from(SINGLE if twice else MODES)),
        second_rounding=draw(st.sampled_from(SINGLE)) if twice else "none",
    )  # fmt: skip
    multiplier, shift = near(0, (1 << 31) - 1), near(unit.shift_min, unit.shift_max)
    names = {f"{role}{name}": draw(source) for role, source in (("multiplier", multiplier), ("shift", shift))
             for name in ("_a", "_b", "")}  # fmt: skip
    return unit, constant(draw(operands()), left_shift=draw(near(0, 22)), **names)


@st.composite
def any_power_of_two(draw: st.DrawFn) -> tuple[Any, Arrays]:
    left_shift_max, shift_max = draw(st.integers(0, 31)), draw(st.integers(1, 31))
    unit = PowerOfTwoAdd(
        kind="power_of_two", left_shift_max=left_shift_max, shift_max=shift_max,
        accumulator_bits=draw(st.integers(20, 62)), rounding=draw(st.sampled_from(MODES)),
    )  # fmt: skip
    a, b, shift = (draw(near(0, most)) for most in (left_shift_max, left_shift_max, shift_max))
    return unit, constant(draw(operands()), shift_a=a, shift_b=b, shift=shift)


@st.composite
def any_float32(draw: st.DrawFn) -> tuple[Any, Arrays]:
    exponents = st.integers(127 - 20, 127 + 8)
    ratios = st.tuples(exponents, near(0, (1 << 23) - 1)).map(lambda pair: (pair[0] << 23) + pair[1])
    return FLOAT32, constant(draw(operands(8)), ratio_a=draw(ratios), ratio_b=draw(ratios))


def constant(arrays: Arrays, **values: int) -> Arrays:
    """The arrays and constants of one value."""
    return {**arrays, **{name: np.array(value) for name, value in values.items()}}


STRATEGIES = {
    "float32": any_float32(),
    "power_of_two": any_power_of_two(),
    "rescale": any_rescale(),
    "two_multipliers": any_two_multipliers(),
}
"""By kind: a section and all arrays that it reads."""
