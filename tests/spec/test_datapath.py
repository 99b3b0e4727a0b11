"""Datapaths: the default one loads, everything that is not one is refused."""

from __future__ import annotations

import copy
import tomllib
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from bittrue.spec.arithmetic import Rounding
from bittrue.spec.datapath import Datapath
from bittrue.spec.units.softmax import TableSoftmax

IOT_NPU = Path(__file__).parents[2] / "hw_configs" / "datapaths" / "iot_npu.toml"


def document() -> dict[str, Any]:
    """The default datapath as TOML gives it."""
    return tomllib.loads(IOT_NPU.read_text(encoding="utf-8"))


def test_iot_npu_is_what_the_design_says() -> None:
    """The default profile: 32-bit accumulator that refuses overflow, half up, m in [2**30, 2**31), s in 1..62."""
    path = Datapath.model_validate(document())
    assert (path.mac.accumulator_bits, path.mac.overflow, path.mac.order, path.mac.bias) == (
        32,
        "refuse",
        ("ky", "kx", "c"),
        "first",
    )
    assert (path.requantization.multiplier_bits, path.requantization.shift_max) == (31, 62)
    assert path.requantization.of == {}
    assert path.requantizer("conv2d").rounding is Rounding.HALF_UP
    assert isinstance(path.softmax, TableSoftmax)
    assert (path.softmax.exponential_bits, path.softmax.probability_bits) == (16, 16)


def test_json_round_trip() -> None:
    """What a program stores of a datapath gives the same datapath back."""
    path = Datapath.model_validate(document())
    assert Datapath.model_validate(path.model_dump(mode="json")) == path
    assert Datapath.model_validate_json(path.model_dump_json()) == path


def test_one_operator_may_differ() -> None:
    """An operator named in requantization.of has its own rule, the others the default; what it does not name stays."""
    changed = document()
    changed["requantization"] |= {"second_rounding": "half_away", "of": {"mul": {"rounding": "half_even"}}}
    changed["requantization"]["of"]["linear"] = {"second_rounding": "none", "shift_max": 40}
    path = Datapath.model_validate(changed)
    assert path.requantizer("mul").rounding is Rounding.HALF_EVEN
    assert path.requantizer("mul").second is Rounding.HALF_AWAY
    assert path.requantizer("conv2d").rounding is Rounding.HALF_UP
    assert path.requantizer("linear").second is None
    assert (path.requantizer("linear").shift_max, path.requantizer("conv2d").shift_max) == (40, 62)
    assert Datapath.model_validate(document()).requantizer("conv2d").second is None


def test_a_datapath_cannot_be_changed() -> None:
    """Sections are frozen."""
    path = Datapath.model_validate(document())
    with pytest.raises(ValidationError):
        path.mac.accumulator_bits = 16  # type: ignore[misc]


CHANGES = {
    "mac.accumulator_bits": (7, 49, "wide", None, 32.5),
    "mac.overflow": ("clip", "", None),
    "mac.order": (["ky", "kx"], ["ky", "ky", "c"], ["ky", "kx", "c", "c"], ["y", "x", "c"], "ky"),
    "mac.bias": ("middle",),
    "mac.bias_bits": (7, 49),
    "mac.activation_bits_max": (1, 17),
    "mac.weight_bits_max": (1, 17),
    "mac.probability_bits_max": (1, 17),
    "mac.colour": ("green",),
    "requantization.multiplier_bits": (0, 32),
    "requantization.shift_max": (0, 64),
    "requantization.rounding": ("half_down", "up", None),
    "requantization.of": ({"mul": {"rounding": "nearest"}}, ["mul"]),
    "requantization.rounding_off": ({"mul": "floor"},),
    "requantization.kind": ("float16", None),
    "mac.k_tile": (-1, 65537),
    "softmax.kind": ("tabel", None),
    "softmax.logit_bits_max": (1, 13),
    "softmax.exponential_bits": (3, 17),
    "softmax.reciprocal_bits": (15, 63, 16),
    "softmax.probability_bits": (3, 17),
    "softmax.row_max": (0, 65537),
    "norm.sum_bits": (7, 49),
    "norm.sum_of_squares_bits": (7, 63),
    "norm.variance_bits": (15, 63),
    "norm.kind": ("exakt", None),
    "norm.fraction_bits": (3, 31),
    "norm.multiplier_bits": (7, 32),
    "table.input_bits_max": (1, 17),
    "table.output_bits_max": (1, 17),
    "format_version": (0, 1, 3, "one", None),
    "name": (None, 3),
    "vector_lanes": (8,),
}


@pytest.mark.parametrize(
    ("key", "value"), [(key, value) for key, values in CHANGES.items() for value in values], ids=str
)
def test_impossible_values_and_unknown_keys(key: str, value: object) -> None:
    """Each field refuses what lies outside its domain, and each section refuses keys it does not know."""
    changed = document()
    *sections, last = key.split(".")
    target = changed
    for section in sections:
        target = target[section]
    target[last] = value
    with pytest.raises(ValidationError):
        Datapath.model_validate(changed)


@pytest.mark.parametrize(
    "key",
    [
        "mac",
        "requantization",
        "table",
        "format_version",
        "name",
        "source",
        "mac.order",
        "requantization.rounding",
        "norm.fraction_bits",
    ],
)
def test_missing_parts(key: str) -> None:
    """No section and none of the fields that every design must decide has a default."""
    changed = copy.deepcopy(document())
    *sections, last = key.split(".")
    target = changed
    for section in sections:
        target = target[section]
    del target[last]
    with pytest.raises(ValidationError, match=last):
        Datapath.model_validate(changed)


@pytest.mark.parametrize("value", ["32", 32.0, True])
def test_widths_are_integers(value: object) -> None:
    """A text, a float or a boolean is no width, even where Python could make one of it."""
    changed = document()
    changed["mac"]["accumulator_bits"] = value
    with pytest.raises(ValidationError, match="accumulator_bits"):
        Datapath.model_validate(changed)


@pytest.mark.parametrize(
    "fields",
    [
        {"kind": "float32", "second_rounding": "half_away"},
        {"kind": "shift", "second_rounding": "half_away"},
        {"bias": "after_multiply", "second_rounding": "half_away"},
        {"shift_zero_from": 49, "second_rounding": "half_away"},
        {"zero_point": "before_rounding"},
        {"shift_min": 9, "shift_max": 8},
        {"of": {"conv2": {"rounding": "floor"}}},
        {"of": {"add": {"rounding": "floor"}}},
        {"of": {"conv2d": {"of": {}}}},
        {"kind": "float32", "of": {"conv2d": {"second_rounding": "half_away"}}},
    ],
    ids=str,
)
def test_requantizers_that_cannot_be(fields: dict[str, object]) -> None:
    """Fields that exclude each other, and operators that have no requantizer, are refused; of one operator, too."""
    changed = document()
    changed["requantization"] |= fields
    with pytest.raises(ValidationError):
        Datapath.model_validate(changed)


@pytest.mark.parametrize(
    "fields",
    [
        {"adder_bits": 20},
        {"spill_bits": 20},
        {"order": ["c_tile", "ky", "kx", "c"]},
        {"order": ["c", "ky", "kx", "c_tile"], "k_tile": 8},
        {"order": ["c_tile", "c", "ky", "kx"], "k_tile": 8},
        {"order": ["c_tile", "c_tile", "ky", "kx", "c"], "k_tile": 8},
        {"products": "unsigned", "zero_point": "subtracted"},
    ],
    ids=str,
)
def test_macs_that_cannot_be(fields: dict[str, object]) -> None:
    """An adder without a tile, a block of channels without a size, an unsigned register less a zero point."""
    changed = document()
    changed["mac"] |= fields
    with pytest.raises(ValidationError):
        Datapath.model_validate(changed)


def test_units_supplied_by_another_datapath() -> None:
    """What is missing comes from the other, what is there stays, every op is executed, and the name says so."""
    changed = document()
    for section in ("softmax", "norm"):
        del changed[section]
    changed |= {"name": "partial", "ops": ["conv2d"]}
    changed["mac"]["probability_bits_max"] = 8
    other = Datapath.model_validate(document())
    path = Datapath.model_validate(changed).supplied_by(other)
    assert (path.softmax, path.norm, path.ops) == (other.softmax, other.norm, None)
    assert (path.name, path.mac.probability_bits_max) == ("partial+iot_npu", 16)
    assert path.requantization == Datapath.model_validate(changed).requantization
