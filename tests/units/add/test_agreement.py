"""Add units: kernel and judge give the same integers in every stage, for every pair of codes and any constants."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from add_units import (
    FLOAT32,
    MODES,
    STRATEGIES,
    TFLITE,
    TOSA_DOUBLE,
    TOSA_SINGLE,
    UNITS,
    XNNPACK,
    bits_of,
    constants_of,
    shifting,
    wide,
)
from hypothesis import assume, given, settings
from numpy.typing import NDArray
from unit_agreement import same_stages

from bittrue.golden.units.add import KINDS as JUDGES
from bittrue.simulator.units.add import KINDS as KERNELS
from bittrue.spec.arithmetic import Rounding
from bittrue.spec.errors import IllFormed

Arrays = dict[str, NDArray[np.int64]]
CODES = np.arange(-128, 128)
PAIRS = {"a": np.repeat(CODES, 256), "b": np.tile(CODES, 256)}
"""All 65,536 pairs of 8-bit codes."""
SCALES = (
    (0.02, 0.03, 0.04),
    (0.5, 0.0003, 0.51),
    (0.0078125, 0.015625, 0.0078125),
    (0.1, 0.1, 0.1),
    (0.9, 0.7, 0.031),
    (0.00390625, 0.0235, 1.7),
)
"""Of a, b and the output: like ones, one that vanishes, powers of two, equal, a fine and a coarse output."""
ZERO_POINTS = ((0, 0, 0), (-128, 127, 5), (3, -77, -128))


def agree(unit: Any, arrays: Arrays) -> Arrays:
    """Check the operands against the contract, then compare the two statements."""
    reaches = tuple(int(np.abs(arrays[name] - arrays[f"zero_point_{name}"]).max()) for name in ("a", "b"))
    constants = {port.name: np.atleast_1d(arrays[port.name]) for port in unit.parameters}
    unit.check("unit", reaches, constants)
    return same_stages(unit, KERNELS[unit.kind], JUDGES[unit.kind], arrays, (*unit.stages, "output"))


def placed(points: tuple[int, int, int], constants: dict[str, int], low: int = -128, high: int = 127) -> Arrays:
    """Zero points of a, b and the output, the output's range, and the constants."""
    names = ("zero_point_a", "zero_point_b", "zero_point")
    values = {**dict(zip(names, points, strict=True)), "low": low, "high": high, **constants}
    return {name: np.array([value], np.int64) for name, value in values.items()}


def test_both_rooms_state_every_kind() -> None:
    """The registries name the same kinds, and the examples have each of them."""
    assert set(JUDGES) == set(KERNELS) == {unit.kind for unit in UNITS.values()}


@pytest.mark.parametrize("unit", UNITS.values(), ids=UNITS)
def test_every_pair(unit: Any) -> None:
    """All 65,536 pairs under scales and zero points of every sort; most of the scales are within the unit."""
    compared = 0
    for index, scales in enumerate(SCALES):
        points = ZERO_POINTS[index % len(ZERO_POINTS)]
        try:
            agree(unit, {**PAIRS, **placed(points, constants_of(unit, scales))})
        except IllFormed:
            continue
        compared += 1
    assert compared >= 4


@pytest.mark.parametrize("unit", UNITS.values(), ids=UNITS)
def test_shapes_and_one_constant_for_each(unit: Any) -> None:
    """Operands of any shape that broadcast; constants for each column."""
    rng = np.random.default_rng(1)
    parts = [placed(ZERO_POINTS[i], constants_of(unit, SCALES[2 * i % 4])) for i in range(3)]
    columns = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    for a, b in (((5, 3), (5, 3)), ((2, 1, 3), (2, 5, 1)), ((3,), (1,)), ((1, 4, 1), (1, 4, 1))):
        operands = {"a": rng.integers(-128, 128, a), "b": rng.integers(-128, 128, b)}
        agree(unit, {**operands, **columns})
        agree(unit, {**operands, **parts[0]})
        agree(unit, {**operands, **{name: values[:1].reshape(()) for name, values in parts[1].items()}})


@pytest.mark.parametrize("kind", sorted(JUDGES))
def test_any_constants(kind: str) -> None:
    """Whatever section, constants and operands the contract admits, to the ends of their ranges."""

    @settings(max_examples=80, deadline=None)
    @given(STRATEGIES[kind])
    def holds(drawn: tuple[Any, Arrays]) -> None:
        try:
            agree(*drawn)
        except IllFormed:
            assume(False)

    holds()


# ---- corners ----


@pytest.mark.parametrize("rounding", MODES)
def test_ties(rounding: Rounding) -> None:
    """(a + b) / 2 and / 4 of all pairs: halves of both signs, and an add of shifts says the same integers."""
    for shift in (1, 2):
        exact = {"multiplier_a": 1 << 30, "multiplier_b": 1 << 30, "shift": 30 + shift}
        found = agree(wide(rounding), {**PAIRS, **placed((0, 0, 0), exact)})
        shifted = {"shift_a": 0, "shift_b": 0, "shift": shift}
        same = agree(shifting(rounding), {**PAIRS, **placed((0, 0, 0), shifted)})
        assert ((PAIRS["a"] + PAIRS["b"]) % (1 << shift) == (1 << shift) // 2).any()
        # tosa_double disturbs by the shift's own size, which differs here.
        assert rounding is Rounding.TOSA_DOUBLE or (found["output"] == same["output"]).all()


def test_a_saturating_lane() -> None:
    """XNNPACK's 16-bit lane: the sum before the zero point is held at the ends of int16."""
    constants = {"multiplier_a": (1 << 21) - 1, "multiplier_b": 1 << 21, "shift": 13}
    found = agree(XNNPACK, {**PAIRS, **placed((-128, -128, 4), constants)})
    assert found["rounded"].max() > found["limited"].max() == 32767


def test_float32_ratios_at_the_ends() -> None:
    """The least and the largest ratio together: a sum of 62 bits is rounded to 24, ties included."""
    least, largest = (127 - 20) << 23, ((127 + 9) << 23) - 1
    for a, b in ((least, largest), (largest, least), (least, least), (largest, largest), (largest, largest - 1)):
        for points in (*ZERO_POINTS, (127, -128, 127), (-128, -128, -128)):
            agree(FLOAT32, {**PAIRS, **placed(points, {"ratio_a": a, "ratio_b": b})})


def test_float32_ties() -> None:
    """Ratios of few bits: sums that are halves; the stages hold the bits of those halves."""
    arrays = {**PAIRS, **placed((1, -2, 3), {"ratio_a": bits_of(0.5), "ratio_b": bits_of(0.25)})}
    found = agree(FLOAT32, arrays)
    total = found["sum"].astype(np.int32).view(np.float32).astype(np.float64)
    assert (total == (PAIRS["a"] - 1) / 2 + (PAIRS["b"] + 2) / 4 + 3).all()
    assert (found["rounded"] == np.rint(total)).all()
    assert (total % 1 == 0.5).any()


def test_rescale_at_every_shift() -> None:
    """Each shift from 1 to 62 in each of the three places, for multipliers at their ends."""
    units = (TOSA_DOUBLE, TOSA_SINGLE, TFLITE, UNITS["rescale, half even then floor"])
    compared = 0
    codes = {"a": CODES, "b": CODES[::-1].copy()}
    for unit in units:
        for shift in range(unit.shift_min, unit.shift_max + 1):
            for multiplier in (1, (1 << 31) - 1):
                one = {"multiplier": multiplier, "shift": shift}
                rest = {"multiplier": 1 << 30, "shift": 32}
                for place in ("_a", "_b", ""):
                    chosen = {name: one if name == place else rest for name in ("_a", "_b", "")}
                    constants = {f"{key}{name}": value for name, pair in chosen.items() for key, value in pair.items()}
                    try:
                        agree(unit, {**codes, **placed((0, 3, 0), {"left_shift": 7, **constants})})
                    except IllFormed:
                        continue
                    compared += 1
    assert compared > 400
