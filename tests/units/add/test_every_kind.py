"""add units, fast, against Python integers: every pair of 8-bit codes, 16-bit codes, any parameters, refusals."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from plain_add import POINTS, UNITS, add_parameters, added
from pydantic import TypeAdapter, ValidationError

from bittrue.simulator.units.add import KINDS
from bittrue.spec.arithmetic import code_range
from bittrue.spec.errors import IllFormed
from bittrue.spec.units.add import AddUnit, AnyAdd
from bittrue.spec.units.section import Width

Arrays = dict[str, NDArray[np.integer]]
PAIRS = np.meshgrid(np.arange(-128, 128), np.arange(-128, 128), indexing="ij")
WIDE = [name for name in UNITS if name != "float32"]
"""Units that take more than 8-bit codes."""


def points(zero_point_a: int, zero_point_b: int, zero_point: int, low: int = -128, high: int = 127) -> Arrays:
    """Zero points and limits as arrays."""
    values = (zero_point_a, zero_point_b, zero_point, low, high)
    return {name: np.array([value]) for name, value in zip(POINTS, values, strict=True)}


def checked(unit: AddUnit, a: Any, b: Any, parameters: Mapping[str, NDArray[np.integer]]) -> dict[str, Any]:
    """The unit's refusals, then the fast statement."""
    arrays = {"a": np.asarray(a), "b": np.asarray(b), **parameters}
    reaches = tuple(int(np.abs(arrays[name] - arrays[f"zero_point_{name}"]).max()) for name in ("a", "b"))
    unit.check("here", (reaches[0], reaches[1]), arrays)
    found = KINDS[unit.kind](unit, arrays)  # type: ignore[attr-defined]
    assert list(found) == [*unit.stages, "output"]
    return found


def same(unit: AddUnit, a: Any, b: Any, parameters: Mapping[str, NDArray[np.integer]]) -> dict[str, Any]:
    """The fast statement equals Python integers in every stage of every element."""
    found = checked(unit, a, b, parameters)
    names = list(parameters)
    columns = np.broadcast_arrays(a, b, *parameters.values())
    wanted: dict[str, list[int]] = {name: [] for name in found}
    for x, y, *values in zip(*(column.reshape(-1).tolist() for column in columns), strict=True):
        for name, value in added(unit, x, y, dict(zip(names, values, strict=True))).items():
            wanted[name].append(value)
    for name, values in wanted.items():
        assert found[name].dtype == np.int64
        assert found[name].shape == columns[0].shape
        assert found[name].reshape(-1).tolist() == values, name
    return found


@pytest.mark.parametrize("name", UNITS)
@pytest.mark.parametrize("seed", [0, 1])
def test_every_pair(name: str, seed: int) -> None:
    """All 65,536 pairs of 8-bit codes, ties by powers of two and arbitrary ratios."""
    rng, unit = np.random.default_rng(seed), UNITS[name]
    zero_points = points(*(int(value) for value in rng.choice([-128, 127, 0, 5, -77], 3)))
    found = same(unit, *PAIRS, {**add_parameters(rng, unit, 255, ties=seed == 0), **zero_points})
    assert len(np.unique(found["output"])) > 30


@pytest.mark.parametrize("name", WIDE)
@pytest.mark.parametrize("seed", range(4))
def test_residual_streams(name: str, seed: int) -> None:
    """16-bit operands and outputs, their ends overrepresented."""
    rng, unit = np.random.default_rng(seed), UNITS[name]
    a, b = (
        np.where(rng.random(300) < 0.3, rng.choice([-32768, 32767], 300), rng.integers(-32768, 32768, 300))
        for _ in "ab"
    )
    same(unit, a, b, {**add_parameters(rng, unit, 32768, 16), **points(0, 0, 0, -32768, 32767)})


@pytest.mark.parametrize("name", UNITS)
def test_parameters_of_every_element(name: str) -> None:
    """Parameters broadcast: one value, one a column, one an element; and a and b against each other."""
    rng, unit = np.random.default_rng(3), UNITS[name]
    rows = [add_parameters(rng, unit, 255) for _ in range(5)]
    stacked = {key: np.concatenate([row[key] for row in rows]) for key in rows[0]}
    varied = {**points(3, -4, 1), "zero_point": rng.integers(-9, 9, (4, 5)), "low": np.array([[-100], [-50], [0], [3]])}
    same(unit, rng.integers(-128, 128, (4, 1)), rng.integers(-128, 128, 5), {**stacked, **varied})


@settings(max_examples=120, deadline=None)
@given(data=st.data(), name=st.sampled_from(list(UNITS)))
def test_any_parameters(data: st.DataObject, name: str) -> None:
    """Whatever the unit accepts it computes exactly; what it refuses it refuses."""
    unit, seed = UNITS[name], data.draw(st.integers(0, 2**32))
    rng = np.random.default_rng(seed)
    parameters = {**add_parameters(rng, unit, 255), **points(*data.draw(st.tuples(*[st.integers(-128, 127)] * 3)))}
    for port in unit.parameters:
        if data.draw(st.booleans()) and port.kind == "integer":
            value = st.integers(0, 62) if "shift" in port.name else st.integers(0, 2**31)
            parameters[port.name] = np.array([data.draw(value)])
    a, b = rng.integers(-128, 128, (2, 20))
    try:
        checked(unit, a, b, parameters)
    except IllFormed:
        return
    same(unit, a, b, parameters)


REFUSED: dict[str, tuple[str, dict[str, int], str]] = {
    "multiplier too large": ("two multipliers", {"multiplier_a": 1 << 31}, "'multiplier_a'"),
    "multiplier negative": ("two multipliers", {"multiplier_b": -1}, "'multiplier_b'"),
    "no multiplier normalized": ("two multipliers", {"multiplier_a": 5, "multiplier_b": 7}, "top bit"),
    "shift 0": ("two multipliers", {"shift": 0}, "'shift'"),
    "shift past the end": ("two multipliers, 8 bits, half away", {"shift": 21}, "'shift'"),
    "shift below the unit's": ("xnnpack", {"shift": 11}, "'shift'"),
    "multiplier past the inclusive end": ("xnnpack", {"multiplier_a": (1 << 21) + 1}, "'multiplier_a'"),
    "a far operand": ("two multipliers", {"zero_point_a": -(1 << 33)}, "sum of an add may not fit"),
    "tflite shifts sums right only": ("tflite", {"shift": 30}, "'shift'"),
    "tflite operand past 32 bits": ("tflite", {"zero_point_b": 2000}, "lifted b of an add may not fit 31 bits"),
    "a left shift past 32 bits": ("tflite", {"left_shift": 24}, "lifted a of an add may not fit 31 bits"),
    "tosa operand past 32 bits": ("tosa single", {"shift_a": 3, "multiplier_a": (1 << 31) - 1}, "scaled a of an add"),
    "tosa sum past 32 bits": (
        "tosa single",
        {"multiplier_a": (1 << 31) - 1, "shift_a": 8, "multiplier_b": (1 << 31) - 1, "shift_b": 8},
        "the sum of an add may not fit 31 bits",
    ),
    "tosa result past 32 bits": ("tosa double", {"shift": 2}, "rounded sum of an add"),
    "ratio too small": ("float32", {"ratio_a": (106 << 23)}, "'ratio_a'"),
    "ratio too large": ("float32", {"ratio_b": (136 << 23)}, "'ratio_b'"),
    "an operand past 8 bits": ("float32", {"zero_point_a": 200}, "8-bit codes"),
    "left shift too long": ("power of two", {"shift_a": 13}, "'shift_a'"),
    "adder too narrow": (
        "power of two",
        {"shift_a": 12, "shift_b": 12, "zero_point_a": 9000},
        "sum of an add may not fit 23",
    ),
    "right shift too long": ("power of two", {"shift": 17}, "'shift'"),
}


@pytest.mark.parametrize(("name", "changes", "words"), REFUSED.values(), ids=REFUSED)
def test_refusals(name: str, changes: Mapping[str, int], words: str) -> None:
    """Constants and operands that the unit has no register for."""
    unit, rng = UNITS[name], np.random.default_rng(1)
    parameters = {**add_parameters(rng, unit, 255), **points(-1, 1, 0)}
    checked(unit, PAIRS[0], PAIRS[1], parameters)
    with pytest.raises(IllFormed, match=words):
        checked(unit, PAIRS[0], PAIRS[1], {**parameters, **{key: np.array([value]) for key, value in changes.items()}})


@pytest.mark.parametrize("a", [(107 << 23), (107 << 23) + 1, (136 << 23) - 1, (130 << 23) + 12345])
@pytest.mark.parametrize("b", [(107 << 23) + 3, (135 << 23) + 4242, (127 << 23)])
def test_float32_over_its_whole_domain(a: int, b: int) -> None:
    """Ratios from 2**-20 to below 2**9, alike and far apart, with zero points that cancel almost everything."""
    rng = np.random.default_rng(a % 1000 + b % 1000)
    for zero_points in ((-128, 127, 0), (127, 127, -128), (0, 1, 127), (-1, -128, 5)):
        parameters = {"ratio_a": np.array([a]), "ratio_b": np.array([b]), **points(*zero_points)}
        same(UNITS["float32"], rng.integers(-128, 128, 40), rng.integers(-128, 128, 40), parameters)


def test_the_inclusive_multiplier_of_float32_ratios() -> None:
    """2**21 itself arises where a ratio rounds up; the unit of exact ratios never holds 2**multiplier_bits."""
    parameters = {"multiplier_a": np.array([1 << 21]), "multiplier_b": np.array([77]), "shift": np.array([21])}
    same(UNITS["xnnpack"], [5, -128, 127], [1, 127, -3], {**parameters, **points(0, 1, 2)})


@pytest.mark.parametrize(
    ("operands", "output", "words"),
    [((8, 17), 8, "an operand of an add is wider"), ((17, 8), 8, "an operand"), ((8, 8), 17, "an output of an add")],
)
def test_widths_refused(operands: tuple[int, int], output: int, words: str) -> None:
    """16 bits unless the datapath says otherwise."""
    a, b = (Width(bits, True) for bits in operands)
    UNITS["tflite"].check_widths("here", (Width(16, True), Width(16, False)), Width(16, True))
    with pytest.raises(IllFormed, match=words):
        UNITS["tflite"].check_widths("here", (a, b), Width(output, True))


@pytest.mark.parametrize(
    "section",
    [
        {"kind": "two_multipliers", "multiplier_bits": 31, "shift_min": 9, "shift_max": 8, "rounding": "floor"},
        {"kind": "rescale", "rounding": "tosa_double", "second_rounding": "half_away"},
        {"kind": "rescale", "rounding": "half_up", "lift": "both"},
        {"kind": "float32", "rounding": "half_even"},
        {"kind": "gemmlowp"},
    ],
    ids=str,
)
def test_sections_refused(section: dict[str, object]) -> None:
    """Fields that exclude each other, unknown fields, unknown kinds."""
    with pytest.raises(ValidationError):
        TypeAdapter(AnyAdd).validate_python(section)


@pytest.mark.parametrize("name", UNITS)
def test_registers(name: str) -> None:
    """Every accepted parameter and every stage with a stated width fits its register."""
    unit = UNITS[name]
    assert set(unit.parameter_widths) == {port.name for port in unit.parameters}
    assert set(unit.stage_widths) <= set(unit.stages)
    for seed in range(20):
        rng = np.random.default_rng(seed)
        parameters = add_parameters(rng, unit, 255)
        found = checked(unit, *PAIRS, {**parameters, **points(-128, 127, 0)})
        for key, width in {**unit.parameter_widths, **unit.stage_widths}.items():
            values = parameters.get(key, found.get(key))
            low, high = code_range(width.bits, width.signed)
            assert low <= int(values.min()) <= int(values.max()) <= high, key


def test_ports() -> None:
    """Operands first, the kind's parameters, then the output's; stages end before the output."""
    names = [port.name for port in UNITS["tflite"].ports]
    assert names[:4] == ["a", "b", "zero_point_a", "zero_point_b"]
    assert names[4:-3] == ["left_shift", "multiplier_a", "shift_a", "multiplier_b", "shift_b", "multiplier", "shift"]
    assert names[-3:] == ["zero_point", "low", "high"]
    assert set(KINDS) == {unit.kind for unit in UNITS.values()}  # type: ignore[attr-defined]
