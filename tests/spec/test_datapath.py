"""Datapaths: the default one loads, everything that is not one is refused."""

from __future__ import annotations

import copy
import tomllib
from pathlib import Path
from typing import Any, get_args

import pytest
from pydantic import ValidationError

from bittrue.spec.arithmetic import Rounding
from bittrue.spec.datapath import Datapath, RequantizingOp, RoundingOp
from bittrue.spec.layout import LAYOUT_OPS
from bittrue.spec.ops import OPS

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
    assert path.requantization.rounding_of == {}
    assert path.rounding("conv2d") is Rounding.HALF_UP
    assert (path.softmax.exponential_bits, path.softmax.probability_bits) == (16, 16)


def test_json_round_trip() -> None:
    """What a program stores of a datapath gives the same datapath back."""
    path = Datapath.model_validate(document())
    assert Datapath.model_validate(path.model_dump(mode="json")) == path
    assert Datapath.model_validate_json(path.model_dump_json()) == path


def test_rounding_of_one_operator() -> None:
    """An operator named in rounding_of rounds its own way, the others by the default."""
    changed = document()
    changed["requantization"]["rounding_of"] = {"add": "half_even"}
    path = Datapath.model_validate(changed)
    assert path.rounding("add") is Rounding.HALF_EVEN
    assert path.rounding("mul") is Rounding.HALF_UP


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
    "requantization.multiplier_bits": (7, 32),
    "requantization.shift_max": (0, 63),
    "requantization.rounding": ("half_down", "up", None),
    "requantization.rounding_of": ({"add": "nearest"}, ["add"]),
    "requantization.rounding_off": ({"add": "floor"},),
    "softmax.logit_bits_max": (1, 13),
    "softmax.exponential_bits": (3, 17),
    "softmax.reciprocal_bits": (15, 63, 16),
    "softmax.probability_bits": (3, 17),
    "softmax.row_max": (0, 65537),
    "norm.sum_bits": (7, 49),
    "norm.sum_of_squares_bits": (7, 63),
    "norm.variance_bits": (15, 63),
    "norm.fraction_bits": (7, 25),
    "norm.multiplier_bits": (7, 32),
    "table.input_bits_max": (1, 17),
    "table.output_bits_max": (1, 17),
    "format_version": (0, 2, "one", None),
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
        "softmax",
        "norm",
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


def test_two_roundings() -> None:
    """The second rule holds for the ops that end in the requantizer, but for those that are named; the order in
    which they are named means nothing."""
    changed = document()
    changed["requantization"] |= {"second_rounding": "half_away", "single_rounding_ops": ["mul", "linear", "mul"]}
    path = Datapath.model_validate(changed)
    assert path.second_rounding("conv2d") is Rounding.HALF_AWAY
    assert [path.second_rounding(op) for op in ("linear", "mul", "add", "softmax", "layer_norm")] == [None] * 5
    changed["requantization"]["single_rounding_ops"] = ["linear", "mul"]
    assert Datapath.model_validate(changed) == path
    assert Datapath.model_validate(document()).second_rounding("conv2d") is None
    changed["requantization"]["single_rounding_ops"] = ["softmax"]
    with pytest.raises(ValidationError, match="single_rounding_ops"):
        Datapath.model_validate(changed)


def test_rounding_of_an_unknown_operator() -> None:
    """A misspelt operator in rounding_of is refused: it would round by the default in silence."""
    changed = document()
    changed["requantization"]["rounding_of"] = {"conv2": "floor"}
    with pytest.raises(ValidationError, match="conv2"):
        Datapath.model_validate(changed)


def test_the_lists_of_operators_are_those_of_the_contracts() -> None:
    """Who rounds, and who ends in the requantizer, follows from spec/ops: a new op cannot be forgotten here."""
    rounding = {name for name in OPS if name not in (*LAYOUT_OPS, "table")}
    requantizing = {
        name for name, op in OPS.items() if {"multiplier", "shift"} <= set(op.roles) and "epsilon" not in op.roles
    }
    assert set(get_args(RoundingOp)) == rounding
    assert set(get_args(RequantizingOp)) == requantizing
