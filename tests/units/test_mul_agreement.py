"""mul alone: kernel and judge give the same integers in every stage, for every pair of codes and any requantizer."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from op_datapaths import FLOAT32, IOT_NPU, REGISTERS, ROUNDINGS, SHIFTS, THRESHOLDS, WIDE, datapath
from unit_agreement import same_stages

from bittrue.golden.units import mul as judge
from bittrue.simulator.units import mul as kernel
from bittrue.spec.arithmetic import Rounding
from bittrue.spec.datapath import Datapath
from bittrue.spec.errors import OutOfDomain
from bittrue.spec.units.mul import check_mul, mul_ports, mul_stages

Arrays = dict[str, NDArray[np.int64]]
CODES = np.arange(-128, 128)
PAIRS = {"a": np.repeat(CODES, 256), "b": np.tile(CODES, 256)}
"""All 65,536 pairs of 8-bit codes."""
POINTS = ((0, 0, 0), (-128, 127, -128), (5, -3, 17), (-300, 40, 4))
PATHS = {"iot_npu": IOT_NPU, **WIDE, **ROUNDINGS, **REGISTERS, **FLOAT32, **SHIFTS, **THRESHOLDS}
EXTRAS = {
    "bias before": datapath({"requantization.bias": "before_multiply", "requantization.offset": True}),
    "bias behind": datapath(
        {"requantization.bias": "after_multiply", "requantization.bias_sum_bits": 44, "requantization.product_bits": 46}
    ),
    "low bits read as unsigned": datapath({"requantization.input_bits": 9, "requantization.placed_bits": 8}),
    "signed multiplier": datapath({"requantization.multiplier_bits": 15, "requantization.multiplier_signed": True}),
}
"""Operands that only the unit alone has."""


def agree(path: Datapath, arrays: Arrays) -> Arrays:
    """Check the operands against the contract, then compare the two statements."""
    unit = path.requantizer("mul")
    given_names = {port.name for port in mul_ports(unit)}
    arrays = {name: values for name, values in arrays.items() if name in given_names}
    check_mul(unit, arrays)
    return same_stages(path, kernel.run, judge.run, arrays, (*mul_stages(unit), "output"))


def parameters(rng: np.random.Generator, path: Datapath, largest: int, shape: tuple[int, ...] = (1,)) -> Arrays:
    """What the requantizer reads, such that products up to `largest` fill 8 bits and more."""
    unit = path.requantizer("mul")
    bits, spread = unit.multiplier_bits, max(1, largest.bit_length() - 8)
    arrays: Arrays = {
        "shift": np.clip(bits - 1 + spread + rng.integers(-2, 3, shape), max(1, unit.shift_min), unit.shift_max),
        "multiplier": rng.integers(1 << (bits - 1), 1 << bits, shape),
        "zero_point": rng.integers(-128, 128, shape),
        "low": np.full(shape, -128),
        "high": np.full(shape, 127),
        "bias": rng.integers(-largest, largest, shape),
        "offset": rng.integers(-99, 99, shape),
        "unsigned": rng.integers(0, 2, shape),
        "thresholds": np.sort(rng.integers(-largest, largest, 255)),
    }
    if unit.kind == "shift":
        arrays["shift"] = np.clip(spread + rng.integers(-1, 2, shape), unit.shift_min, unit.shift_max)
    if unit.kind == "float32":
        scale = np.ldexp(1 + rng.random(shape), -spread).astype(np.float32)
        arrays["multiplier"] = scale.view(np.int32).astype(np.int64)
    if unit.multiplier_signed:
        arrays["multiplier"] *= rng.choice([-1, 1], shape)
    return arrays


def points(values: tuple[int, int, int]) -> Arrays:
    """Zero points of a, b and the output."""
    names = ("zero_point_a", "zero_point_b", "zero_point")
    return {name: np.array([value]) for name, value in zip(names, values, strict=True)}


@pytest.mark.parametrize("path", [*PATHS.values(), *EXTRAS.values()], ids=[*PATHS, *EXTRAS])
def test_every_pair(path: Datapath) -> None:
    """All 65,536 pairs, under zero points at the ends, inside and outside, each with parameters of its own."""
    for seed, chosen in enumerate(POINTS):
        rng = np.random.default_rng(seed)
        agree(path, {**parameters(rng, path, 428 * 171), **points(chosen), **PAIRS})


@pytest.mark.parametrize("path", [IOT_NPU, EXTRAS["bias before"], FLOAT32["float32"]], ids=["iot_npu", "bias", "float"])
@pytest.mark.parametrize(
    ("a", "b", "rest"),
    [((5, 3), (5, 3), (3,)), ((2, 1, 3), (1, 5, 1), (5, 1)), ((), (4,), ()), ((1,), (1,), (6,))],
    ids=str,
)
def test_shapes(path: Datapath, a: tuple[int, ...], b: tuple[int, ...], rest: tuple[int, ...]) -> None:
    """Operands and parameters of any shapes that broadcast; every stage has the shape of all together."""
    rng = np.random.default_rng(2)
    operands = {"a": rng.integers(-128, 128, a), "b": rng.integers(-128, 128, b)}
    zero = {f"zero_point_{name}": rng.integers(-128, 128, rest) for name in ("a", "b")}
    arrays = {**parameters(rng, path, 1 << 16, rest), **zero, **operands}
    found = agree(path, {name: np.asarray(values) for name, values in arrays.items()})
    assert {values.shape for values in found.values()} == {np.broadcast_shapes(a, b, rest)}


@settings(max_examples=60, deadline=None)
@given(
    path=st.sampled_from([*PATHS.values(), *EXTRAS.values()]),
    bits=st.integers(2, 17),
    zero=st.tuples(*[st.integers(-(1 << 17), 1 << 17) | st.integers(-4, 4)] * 3),
    seed=st.integers(0, 1 << 30),
)
def test_any_operands(path: Datapath, bits: int, zero: tuple[int, int, int], seed: int) -> None:
    """Codes of up to 17 bits with zero points as wide, through every requantizer."""
    rng = np.random.default_rng(seed)
    operands = {name: rng.integers(-(1 << bits), 1 << bits, 200) for name in ("a", "b")}
    ends = {"low": np.array([int(rng.integers(-300, 0))]), "high": np.array([int(rng.integers(0, 300))])}
    arrays = {**parameters(rng, path, 1 << (2 * bits), (200,)), **points(zero), **ends, **operands}
    try:
        agree(path, arrays)
    except OutOfDomain:
        assume(False)


@pytest.mark.parametrize("rounding", Rounding)
def test_ties(rounding: Rounding) -> None:
    """All pairs divided by 4: halves of both signs."""
    path = datapath({"requantization.rounding": rounding})
    constants = {"multiplier": 1 << 30, "shift": 32, "low": -(1 << 15), "high": (1 << 15) - 1}
    arrays = {name: np.array([value]) for name, value in constants.items()}
    found = agree(path, {**arrays, **points((0, 0, 0)), **PAIRS})
    ties = found["accumulator"][found["accumulator"] % 4 == 2]
    assert (ties > 0).any() and (ties < 0).any()
