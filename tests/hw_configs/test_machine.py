"""Machine descriptions: every number has a unit in its name and a source."""

from __future__ import annotations

import copy
import tomllib
from importlib.resources import files
from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from bittrue.hw_configs.load import load_datapath, load_machine, names
from bittrue.spec.errors import IllFormed
from bittrue.spec.machine import HwConfig, Machine

UNITS = (
    "_bits",
    "_bits_max",
    "_kib",
    "_mhz",
    "_mw",
    "_pj",
    "_bytes",
    "_cycles",
    "_bursts",
    "_per_cycle",
    "_per_s",
    "_per_byte",
    "_per_bit",
)
PLAIN_COUNTS = {
    "rows",
    "cols",
    "lanes",
    "iterative_units",
    "format_version",
    "banks",
    "depthwise_channels",
    # of [array.block]
    *("unit_height", "unit_width", "unit_depth", "height_max", "width_max", "depth_max", "depth_step"),
    *("step_channels", "tap_channels", "taps_per_step", "input_granule_banks", "accumulator_granule_banks"),
}


@pytest.fixture
def table() -> dict[str, Any]:
    """The default machine's file as plain data."""
    return tomllib.loads(files("bittrue.hw_configs").joinpath("machines/iot_npu.toml").read_text())


def _numbers(model: BaseModel) -> list[str]:
    found = []
    for key in type(model).model_fields:
        value = getattr(model, key)
        if isinstance(value, BaseModel):
            found += [] if key == "cycles_per_element" else _numbers(value)
        elif type(value) in (int, float):
            found.append(key)
    return found


@pytest.mark.parametrize("name", names("machines"))
def test_every_number_has_its_unit_in_its_name(name: str) -> None:
    """A key that is a number ends in a unit, unless it counts things (rows, lanes) or its table names the unit."""
    odd = [key for key in _numbers(load_machine(name)) if key not in PLAIN_COUNTS and not key.endswith(UNITS)]
    assert odd == []


@pytest.mark.parametrize(
    ("section", "key"),
    [
        ([], "clock_mhz"),
        (["array"], "rows"),
        (["vector_unit", "cycles_per_element"], "divide"),
        (["energy", "vector"], "add_pj"),
    ],
)
def test_a_number_without_a_source_is_refused(section: list[str], key: str, table: dict[str, Any]) -> None:
    """At every depth; an empty source is none."""
    for edit in ("remove", "empty"):
        bad = copy.deepcopy(table)
        inner = bad
        for name in section:
            inner = inner[name]
        if edit == "remove":
            del inner["source"][key]
        else:
            inner["source"][key] = "  "
        with pytest.raises(ValidationError, match=f"no source: {key}"):
            Machine.model_validate(bad)


def test_a_source_for_nothing_is_refused(table: dict[str, Any]) -> None:
    """A source whose key does not exist is a misspelling."""
    table["array"]["source"]["rowz"] = "somewhere"
    with pytest.raises(ValidationError, match="does not exist: rowz"):
        Machine.model_validate(table)


@pytest.mark.parametrize(
    ("section", "key", "value"),
    [
        ("array", "rows", 0),
        ("array", "rows", 16.0),
        ("array", "rows", "16"),
        ("array", "rows", True),
        ("array", "dataflow", "row_stationary"),
        ("array", "operand_bits_max", 4),
        ("dram", "bandwidth_mb_per_s", 0),
        ("dram", "energy_pj_per_byte", -1.0),
        ("energy", "leakage_mw", float("inf")),
        ("energy", "leakage_mw", float("nan")),
        ("vector_unit", "overlaps_array", 1),
    ],
)
def test_impossible_values_are_refused(section: str, key: str, value: object, table: dict[str, Any]) -> None:
    """Zero sizes, wrong types, unknown dataflows, negative or infinite energies, a maximum below the minimum."""
    table[section][key] = value
    with pytest.raises(ValidationError):
        Machine.model_validate(table)


def test_weights_in_flash_need_a_flash(table: dict[str, Any]) -> None:
    """The default machine has none."""
    table["weights_in"] = "flash"
    with pytest.raises(ValidationError, match=r"needs a \[flash\] section"):
        Machine.model_validate(table)


@pytest.mark.parametrize("key", ["activation_bits_max", "weight_bits_max", "probability_bits_max"])
def test_a_datapath_wider_than_the_array_is_refused(key: str) -> None:
    """The array takes 12 bits in passes; one operand of the datapath has 13."""
    datapath, machine = load_datapath("iot_npu"), load_machine("iot_npu")
    narrow = machine.model_copy(update={"array": machine.array.model_copy(update={"operand_bits_max": 12})})
    fits = datapath.mac.model_copy(update={"probability_bits_max": 12})
    HwConfig("fits", datapath.model_copy(update={"mac": fits}), narrow)
    wide = datapath.model_copy(update={"mac": fits.model_copy(update={key: 13})})
    with pytest.raises(IllFormed, match=r"cannot take the datapath's operands") as caught:
        HwConfig("wide", wide, narrow)
    assert f"mac.{key} = 13" in str(caught.value)
    assert "12 bits" in str(caught.value)
