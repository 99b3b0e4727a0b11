"""The judge's requantizer against Python integers and hand-computed cases; RTL is in test_requantize_rtl.py."""

from __future__ import annotations

import struct
from fractions import Fraction

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.random import Generator
from op_datapaths import datapath
from plain_units import float32, float32_of, requantized, rounded_quotient
from pydantic import ValidationError

from bittrue.golden.fixed import round_shift
from bittrue.golden.requantizer import pipeline
from bittrue.golden.units.requantize import run
from bittrue.spec.arithmetic import Rounding
from bittrue.spec.errors import OutOfDomain, Unsupported
from bittrue.spec.units.requantization import RequantizationUnit

ELEMENTS = 24
MODES = tuple(Rounding)


def int64(*values: int) -> torch.Tensor:
    """Integers as an int64 tensor."""
    return torch.tensor(values, dtype=torch.int64)


def edgy(rng: Generator, bits: int, count: int) -> list[int]:
    """Integers of at most `bits` bits and a sign: uniform, of every magnitude, and beside powers of two."""
    near = [(1 << int(rng.integers(bits + 1))) + int(rng.integers(-1, 2)) for _ in range(count)]
    sizes = [int(rng.integers(1 << int(rng.integers(1, bits + 1)))) for _ in range(count)]
    limit = (1 << bits) - 1
    return [min(int(rng.choice(pair)), limit) * int(rng.choice([-1, 1])) for pair in zip(near, sizes, strict=True)]


def check(unit: RequantizationUnit, elements: list[dict[str, int]], thresholds: list[int] | None = None) -> None:
    """Every stage of every element equals the plain statement's, in the same order."""
    arrays = {name: int64(*(element[name] for element in elements)) for name in elements[0]}
    table = None if thresholds is None else int64(*thresholds)
    found = pipeline(unit, **arrays, thresholds=table)
    wanted = [requantized(unit, **element, thresholds=thresholds or ()) for element in elements]
    assert list(found) == list(wanted[0])
    for name, values in found.items():
        assert values.dtype is torch.int64
        expected = [one[name] for one in wanted]
        assert values.expand(len(elements)).tolist() == expected, (unit, name)


@st.composite
def integer_units(draw: st.DrawFn) -> tuple[RequantizationUnit, int]:
    """Any integer unit, and how many bits an accumulator may have so that nothing reaches 2**63."""
    multiplier_bits = draw(st.integers(1, 31))
    accumulator_bits = draw(st.integers(8, min(48, 58 - multiplier_bits)))
    register = st.none() | st.integers(2, 62)
    twice = draw(st.booleans())
    narrow = st.none() | st.integers(2, accumulator_bits)
    return RequantizationUnit(
        kind=draw(st.sampled_from(["integer", "integer", "integer", "shift"] if not twice else ["integer"])),
        multiplier_bits=multiplier_bits,
        multiplier_signed=draw(st.booleans()),
        normalized=False,
        shift_min=0,
        shift_max=63,
        shift_zero_from=None if twice else draw(st.none() | st.integers(1, 63)),
        input_bits=draw(narrow),
        bias=draw(st.sampled_from(["none", "before_multiply"] + ["after_multiply"] * (not twice))),
        bias_sum_bits=draw(register),
        offset=draw(st.booleans()),
        product_bits=draw(register),
        rounding=draw(st.sampled_from(MODES)),
        second_rounding=draw(st.sampled_from(MODES)) if twice else "none",
        first_shift=draw(st.integers(1, 62)),
        lifted_bits=draw(st.none() | st.integers(2, 62 - multiplier_bits)),
        high_bits=draw(register),
        shifted_bits=draw(register),
        shifted_overflow=draw(st.sampled_from(["wrap", "saturate"])),
        zero_point=draw(st.sampled_from(["after_shift", "after_saturation", "none"])),
        placed_bits=draw(register),
    ), accumulator_bits


def operands(rng: Generator, unit: RequantizationUnit, accumulator_bits: int) -> list[dict[str, int]]:
    """Elements that stay in the unit's domain; the output range and the zero point vary, too."""
    bits = int(rng.integers(2, 17))
    low, high = (-(1 << (bits - 1)), (1 << (bits - 1)) - 1) if rng.integers(2) else (0, (1 << bits) - 1)
    least_shift = 0
    if unit.second is not None:  # the lift, by first_shift - shift, must leave 63 bits
        least_shift = max(0, unit.first_shift - (62 - unit.multiplier_bits - accumulator_bits - 2))
    shifts = shifts_for(rng, unit, accumulator_bits, bits, least_shift)
    multipliers = [abs(value) for value in edgy(rng, unit.multiplier_bits, ELEMENTS)]
    if rng.integers(3) == 0:  # powers of two make ties
        multipliers = [1 << int(rng.integers(unit.multiplier_bits)) for _ in multipliers]
    if unit.multiplier_signed:
        multipliers = [value * int(rng.choice([-1, 1])) for value in multipliers]
    return [
        {
            "accumulator": accumulator,
            "multiplier": multiplier,
            "shift": shift,
            "zero_point": zero_point,
            "low": low,
            "high": high,
            "bias": bias,
            "offset": offset,
            "unsigned": int(rng.integers(2)),
        }
        for accumulator, multiplier, shift, zero_point, bias, offset in zip(
            edgy(rng, accumulator_bits, ELEMENTS),
            multipliers,
            shifts,
            edgy(rng, bits, ELEMENTS),
            edgy(rng, accumulator_bits, ELEMENTS),
            edgy(rng, accumulator_bits, ELEMENTS),
            strict=True,
        )
    ]


def shifts_for(rng: Generator, unit: RequantizationUnit, accumulator_bits: int, bits: int, least: int) -> list[int]:
    """Shifts over the whole range, half of them where the output range is."""
    typical = max(least, unit.multiplier_bits + accumulator_bits - bits)
    return [
        int(rng.integers(least, 64)) if rng.integers(2) else int(np.clip(typical + rng.integers(-4, 3), least, 63))
        for _ in range(ELEMENTS)
    ]


@settings(max_examples=400, deadline=None, derandomize=True)
@given(integer_units(), st.integers(0, 2**32 - 1))
def test_any_integer_unit(unit_and_bits: tuple[RequantizationUnit, int], seed: int) -> None:
    """Integer and shift units with any registers: every stage of 24 elements."""
    unit, accumulator_bits = unit_and_bits
    check(unit, operands(np.random.default_rng(seed), unit, accumulator_bits))


def bits_of(scale: float) -> int:
    """The int32 that has a float32's bits."""
    found: int = struct.unpack("<i", struct.pack("<f", scale))[0]
    return found


@settings(max_examples=200, deadline=None, derandomize=True)
@given(
    st.builds(
        RequantizationUnit,
        kind=st.just("float32"),
        rounding=st.just(Rounding.HALF_UP),
        input_bits=st.none() | st.integers(8, 40),
        bias=st.sampled_from(["none", "before_multiply"]),
        offset=st.booleans(),
        shifted_bits=st.none() | st.integers(2, 31),
        shifted_overflow=st.sampled_from(["wrap", "saturate"]),
        zero_point=st.sampled_from(["after_shift", "after_saturation", "before_rounding", "none"]),
        placed_bits=st.none() | st.integers(2, 32),
    ),
    st.integers(8, 48),
    st.integers(0, 2**32 - 1),
)
def test_any_float32_unit(unit: RequantizationUnit, accumulator_bits: int, seed: int) -> None:
    """Conversion, product and rint each round once, to even, as fractions say; both signs of scales."""
    rng = np.random.default_rng(seed)
    elements = operands(rng, unit, accumulator_bits)
    for element in elements:
        exponent = int(rng.integers(-140, 40)) if rng.integers(4) == 0 else int(rng.integers(-accumulator_bits, 2))
        mantissa = float(rng.choice([1.0, 1.5, 1 + 2**-23, 2 - 2**-23, 1 + rng.random()]))
        element["multiplier"] = bits_of(float(rng.choice([-1, 1])) * mantissa * 2.0**exponent)
    check(unit, elements)


@settings(max_examples=100, deadline=None, derandomize=True)
@given(st.integers(8, 48), st.integers(1, 40), st.integers(0, 2**32 - 1))
def test_any_thresholds(accumulator_bits: int, count: int, seed: int) -> None:
    """Thresholds at, beside and far from the accumulators, with repetitions."""
    unit = RequantizationUnit(kind="thresholds", rounding=Rounding.HALF_UP)
    rng = np.random.default_rng(seed)
    elements = operands(rng, unit, accumulator_bits)
    hit = [element["accumulator"] + int(rng.integers(-1, 2)) for element in elements]
    thresholds = sorted(int(value) for value in rng.choice(hit, count))
    for element in elements:
        element["low"], element["high"] = -8, -8 + count
    check(unit, elements, thresholds)


@pytest.mark.parametrize("unit", [{"second_rounding": "none"}, {"second_rounding": "half_away"}], ids=["once", "twice"])
@pytest.mark.parametrize("mode", MODES)
def test_all_small_operands(mode: Rounding, unit: dict[str, str]) -> None:
    """Accumulators -40..40, multipliers 1, 3, 4 and shifts 0..9, by exhaustion: every tie of both signs."""
    section = RequantizationUnit(rounding=mode, shift_min=0, multiplier_bits=3, first_shift=3, **unit)
    elements = [
        {"accumulator": a, "multiplier": m, "shift": s, "zero_point": -3, "low": -16, "high": 15}
        for a in range(-40, 41)
        for m in (1, 3, 4)
        for s in range(10)
    ]
    check(section, elements)


def test_registers_by_hand() -> None:
    """Bias first: 100 + 30 = 130, wrapped to 8 bits -126; - offset 4 = -130; * 5 = -650, wrapped to 10 bits 374.

    374 / 2**2 = 93.5 rounds up to 94, saturated to 6 bits: 31. + 3 = 34, wrapped to 6 bits: -30.
    """
    unit = RequantizationUnit(
        rounding="half_up",
        input_bits=8,
        bias="before_multiply",
        offset=True,
        product_bits=10,
        shifted_bits=6,
        placed_bits=6,
        multiplier_bits=3,
    )
    arrays = {"accumulator": 100, "bias": 30, "offset": 4, "multiplier": 5, "shift": 2, "zero_point": 3}
    found = pipeline(unit, **{name: int64(value) for name, value in arrays.items()}, low=int64(-128), high=int64(127))
    assert {name: value.item() for name, value in found.items()} == {
        "entered": -126,
        "centred": -130,
        "product": 374,
        "rounded": 94,
        "limited": 31,
        "placed": -30,
        "output": -30,
    }


def test_bias_behind_the_multiplier_by_hand() -> None:
    """NE16: 100 * 3 = 300, + 500 = 800, wrapped to 10 bits -224, floor(-224 / 2**5) = -7; a shift of 6 or more: 0."""
    unit = RequantizationUnit(
        rounding="floor", bias="after_multiply", bias_sum_bits=10, shift_zero_from=6, multiplier_bits=8
    )
    ends = {"zero_point": int64(0), "low": int64(-128), "high": int64(127), "bias": int64(500)}
    found = pipeline(unit, accumulator=int64(100), multiplier=int64(3), shift=int64(5, 6, 7), **ends)
    assert found["product"].tolist() == [-224]
    assert found["output"].tolist() == [-7, 0, 0]


def test_zero_point_after_saturation_by_hand() -> None:
    """200 is held at 127, then 127 - 100 = 27. Added before, 200 - 100 = 100. Without a zero point: 127."""
    results = {}
    for place in ("after_saturation", "after_shift", "none"):
        unit = RequantizationUnit(rounding="floor", zero_point=place, shift_min=0)
        ends = {"zero_point": int64(-100), "low": int64(-128), "high": int64(127)}
        results[place] = pipeline(unit, accumulator=int64(200), multiplier=int64(1), shift=int64(0), **ends)
    assert {place: found["output"].item() for place, found in results.items()} == {
        "after_saturation": 27,
        "after_shift": 100,
        "none": 127,
    }
    assert "placed" in results["after_shift"] and "placed" not in results["none"]


def test_gemmlowp_by_hand() -> None:
    """A high half that saturates: -2**31 * -2**31 / 2**31 = 2**31 is held at 2**31 - 1.

    And a tie that rounds twice: 3 * 2**30 / 2**31 = 1.5 -> 2 (half up), / 2**1 = 1; once: 3 / 4 = 0.75 -> 1;
    -3: -1.5 -> -1, -0.5 -> -1 (half away); once: -0.75 -> -1; -1: -0.5 -> 0 -> 0; once: -0.25 -> 0.
    """
    unit = RequantizationUnit(
        rounding="half_up", second_rounding="half_away", lifted_bits=32, high_bits=32, multiplier_signed=True
    )
    ends = {"zero_point": int64(0), "low": int64(-(1 << 31)), "high": int64((1 << 31) - 1)}
    low = -(1 << 31)
    found = pipeline(unit, accumulator=int64(low), multiplier=int64(low), shift=int64(31), **ends)
    assert found["output"].item() == (1 << 31) - 1
    found = pipeline(unit, accumulator=int64(3, -3, -1), multiplier=int64(1 << 30), shift=int64(32), **ends)
    assert found["high"].tolist() == [2, -1, 0]
    assert found["output"].tolist() == [1, -1, 0]
    # A left shift drops what the 32-bit register does not hold: 2**30 << 2 is 0.
    found = pipeline(unit, accumulator=int64(1 << 30), multiplier=int64(1 << 30), shift=int64(29), **ends)
    assert found["lifted"].item() == 0


@pytest.mark.parametrize("shift", [2, 31, 32, 40, 62, 63])
def test_tosa_double(shift: int) -> None:
    """Up to a shift of 31 it is half up; above, 2**30 away from zero comes first, which moves ties and neighbours."""
    half, step = 1 << (shift - 1), 1 << 30
    values = [
        sign * (q * half + d) for q in (0, 1, 3) for d in (-step - 1, -step, -step + 1, -1, 0, 1) for sign in (1, -1)
    ]
    values = [value for value in values if abs(value) < 1 << 62]
    found = round_shift(int64(*values), shift, Rounding.TOSA_DOUBLE).tolist()
    assert found == [rounded_quotient(value, shift, Rounding.TOSA_DOUBLE) for value in values]
    half_up = round_shift(int64(*values), shift, Rounding.HALF_UP).tolist()
    assert (found == half_up) == (shift <= 31)


def test_tosa_double_by_hand() -> None:
    """Shift 32: half is 2**31, so 2**31 - 2**30 rounds to 1 and one less to 0; -(2**31 - 2**30) is -1 at one more.

    v = -2**30: (-2**30 + 2**31 - 2**30) >> 32 = 0; v = -2**30 - 1: (-1) >> 32 = -1.
    """
    values = int64((1 << 30), (1 << 30) - 1, -(1 << 30), -(1 << 30) - 1)
    assert round_shift(values, 32, Rounding.TOSA_DOUBLE).tolist() == [1, 0, 0, -1]


def test_float32_by_hand() -> None:
    """2**24 + 1 is no float32 (even: 2**24), 2**24 + 3 neither (2**24 + 4); 2.5 and 3.5 go to even; 2**40 saturates."""
    unit = RequantizationUnit(kind="float32", rounding="half_up")
    ends = {"zero_point": int64(0), "low": int64(-(1 << 40)), "high": int64(1 << 40)}
    accumulator = int64((1 << 24) + 1, (1 << 24) + 3, 5, 7, -5, 1 << 41, -(1 << 41))
    scales = int64(*(bits_of(scale) for scale in (1.0, 1.0, 0.5, 0.5, 0.5, 0.5, 0.5)))
    found = pipeline(unit, accumulator=accumulator, multiplier=scales, shift=None, **ends)
    assert found["output"].tolist() == [1 << 24, (1 << 24) + 4, 2, 4, -2, (1 << 31) - 1, -(1 << 31)]


def test_a_zero_point_before_rounding_by_hand() -> None:
    """3 * 0.5 + 1 = 2.5 rounds to 2, where 1.5 rounds to 2 and 2 + 1 = 3; there is no stage behind."""
    results = {}
    for place in ("before_rounding", "after_shift"):
        unit = RequantizationUnit(kind="float32", rounding="half_even", zero_point=place)
        ends = {"zero_point": int64(1), "low": int64(-128), "high": int64(127)}
        found = pipeline(unit, accumulator=int64(3), multiplier=int64(bits_of(0.5)), **ends)
        results[place] = {name: value.item() for name, value in found.items()}
    assert results == {
        "before_rounding": {"rounded": 2, "output": 2},
        "after_shift": {"rounded": 2, "placed": 3, "output": 3},
    }


def test_conversion_to_float32_rounds_once() -> None:
    """int64 -> float32 as fractions say, for ties and their neighbours at every exponent up to 62 bits."""
    values = []
    for exponent in range(24, 62):
        unit = 1 << (exponent - 24)  # half a unit in the last place of 2**exponent is unit
        for mantissa in ((1 << 24), (1 << 24) + 1, (1 << 24) + 3, (1 << 25) - 1):
            values += [sign * (mantissa * unit + offset) for offset in (-1, 0, 1) for sign in (-1, 1)]
    found = int64(*values).to(torch.float32).to(torch.float64).to(torch.int64).tolist()
    assert found == [float32(Fraction(value)) for value in values]


def test_products_of_float32_round_once() -> None:
    """2,000 random products of float32 equal the fractions': torch fuses and widens nothing."""
    rng = np.random.default_rng(4)
    a, b = (rng.integers(1, 1 << 24, 2_000), rng.integers(0x00800000 + (30 << 23), 0x7F7FFFFF - (60 << 23), 2_000))
    product = torch.from_numpy(a).to(torch.float32) * torch.from_numpy(b.astype(np.int32)).view(torch.float32)
    wanted = [float32(Fraction(x) * float32_of(y)) for x, y in zip(a.tolist(), b.tolist(), strict=True)]
    assert [Fraction(value) for value in product.tolist()] == wanted


@pytest.mark.parametrize("scale", [float("inf"), float("-inf"), float("nan")])
def test_a_scale_that_is_no_number(scale: float) -> None:
    """Infinity and NaN have no integer result."""
    unit = RequantizationUnit(kind="float32", rounding="half_up")
    ends = {"zero_point": int64(0), "low": int64(-128), "high": int64(127)}
    with pytest.raises(OutOfDomain, match="finite"):
        pipeline(unit, accumulator=int64(1), multiplier=int64(bits_of(scale)), shift=int64(0), **ends)


def test_a_bias_behind_a_float32_product() -> None:
    """There is no integer product to which it could be added: the section or the judge refuses it."""
    try:
        unit = RequantizationUnit(kind="float32", rounding="half_up", bias="after_multiply")
    except ValidationError:
        return
    ends = {"zero_point": int64(0), "low": int64(-128), "high": int64(127)}
    with pytest.raises(Unsupported, match="bias"):
        pipeline(unit, accumulator=int64(1), multiplier=int64(bits_of(1.0)), shift=int64(0), bias=int64(1), **ends)


def test_thresholds_by_hand() -> None:
    """Two channels: [-5, 0, 0, 7] and [1, 2, 3, 4], codes from -2; a threshold counts from itself on."""
    path = datapath({"requantization.kind": "thresholds"})
    arrays = {
        "accumulator": torch.tensor([[-6, 0], [-5, 1], [0, 4], [7, 100]]),
        "thresholds": torch.tensor([[-5, 0, 0, 7], [1, 2, 3, 4]]),
        "low": int64(-2),
        "high": int64(2),
    }
    found = run(path, arrays)
    assert list(found) == ["rounded", "output"]
    assert found["output"].tolist() == [[-2, -2], [-1, -1], [1, 2], [2, 2]]


def test_parameters_of_every_shape() -> None:
    """One value, one a column, one an element: the same integers as element by element."""
    path, rng = datapath(), np.random.default_rng(9)
    accumulator = torch.from_numpy(rng.integers(-(1 << 20), 1 << 20, (5, 3)))
    multiplier = torch.from_numpy(rng.integers(1 << 30, 1 << 31, 3))
    shift = torch.from_numpy(rng.integers(40, 46, (5, 3)))
    arrays = {"accumulator": accumulator, "multiplier": multiplier, "shift": shift, "zero_point": int64(7)}
    found = run(path, arrays)
    assert all(value.shape == (5, 3) and value.dtype is torch.int64 for value in found.values())
    unit = path.requantizer("requantize")
    for at in np.ndindex(5, 3):
        wanted = requantized(unit, int(accumulator[at]), int(multiplier[at[1]]), int(shift[at]), 7)
        assert {name: int(value[at]) for name, value in found.items()} == wanted


def test_an_operator_that_differs() -> None:
    """[requantization.of.linear] changes what it names, for linear alone; the unit alone is none of the operators."""
    path = datapath({"requantization.second_rounding": "half_away", "requantization.of.linear.second_rounding": "none"})
    one = {"accumulator": int64(3), "multiplier": int64(1 << 30), "shift": int64(32)}
    ends = {"zero_point": int64(0), "low": int64(-128), "high": int64(127)}
    assert "high" in pipeline(path.requantizer("conv2d"), **one, **ends)
    assert "high" not in pipeline(path.requantizer("linear"), **one, **ends)
    assert "high" in run(path, one)
