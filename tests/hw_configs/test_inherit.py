"""Descriptions that inherit, and the schema that editors read."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from bittrue.hw_configs.load import kind_of, load_datapath, load_machine, names, whole_description
from bittrue.hw_configs.schema import json_schema
from bittrue.spec.datapath import Datapath
from bittrue.spec.errors import BadInput
from bittrue.spec.machine import Machine

MINE = """
format_version = 1
name = "mine"
inherits = "iot_npu"

[array]
rows = 32

[buffers]
activation_kib = 512

[dram]
bandwidth_mb_per_s = 1000
"""


def _write(folder: Path, text: str, name: str = "mine.toml") -> Path:
    path = folder / name
    path.write_text(text)
    return path


def test_three_keys_make_a_machine(tmp_path: Path) -> None:
    """What the file says replaces what it inherits; the rest, sources included, stays."""
    mine, base = load_machine(_write(tmp_path, MINE)), load_machine("iot_npu")
    assert (mine.name, mine.array.rows, mine.buffers.activation_kib) == ("mine", 32, 512)
    assert mine.dram.bandwidth_mb_per_s == 1000
    assert mine.array.cols == base.array.cols
    assert mine.energy == base.energy
    assert mine.dram.source["latency_cycles"] == base.dram.source["latency_cycles"]
    assert mine.array.source["rows"] == "assumption: set in mine.toml"


def test_a_source_of_its_own_is_kept(tmp_path: Path) -> None:
    """A changed number may name its source."""
    text = MINE + '\n[dram.source]\nbandwidth_mb_per_s = "data sheet"\n'
    assert load_machine(_write(tmp_path, text)).dram.source["bandwidth_mb_per_s"] == "data sheet"


def test_a_file_inherits_from_a_file_beside_it(tmp_path: Path) -> None:
    """Paths count from the file that names them; lines of inheritance may be longer than one."""
    _write(tmp_path, MINE, "base.toml")
    child = 'format_version = 1\nname = "child"\ninherits = "base.toml"\n[array]\ncols = 8\n'
    machine = load_machine(_write(tmp_path, child))
    assert (machine.array.rows, machine.array.cols, machine.clock_mhz) == (32, 8, 500)


def test_a_datapath_inherits_too(tmp_path: Path) -> None:
    """A datapath of 20 accumulator bits in four lines; datapaths have one source, no table of them."""
    text = 'name = "narrow"\nsource = "mine"\ninherits = "iot_npu"\n[mac]\naccumulator_bits = 20\n'
    path = _write(tmp_path, text)
    assert load_datapath(path).mac.accumulator_bits == 20
    assert kind_of(path) == "datapaths" or kind_of(path) == "machines"  # iot_npu names one of each


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (('inherits = "iot_npu"', 'inherits = "iot_npuu"'), "did you mean 'iot_npu'?"),
        (('inherits = "iot_npu"', "inherits = 3"), "inherits"),
        (('inherits = "iot_npu"', 'inherits = "mine.toml"'), "inherit from each other"),
        (("activation_kib", "activation_kb"), "KiB (1024 bytes)"),
        (("= 512", "= 0"), "KiB (1024 bytes)"),
        (("rows = 32", 'rows = "many"'), "cells"),
    ],
)
def test_a_wrong_file_is_told_key_unit_and_name(change: tuple[str, str], told: str, tmp_path: Path) -> None:
    """Refused with the file's name and what helps."""
    with pytest.raises(BadInput) as refused:
        load_machine(_write(tmp_path, MINE.replace(*change)))
    assert "mine.toml" in str(refused.value)
    assert told in str(refused.value)


@pytest.fixture(scope="module")
def schema() -> dict[str, Any]:
    """Of machine files, through JSON as an editor gets it."""
    made: dict[str, Any] = json.loads(json.dumps(json_schema(Machine)))
    jsonschema.Draft202012Validator.check_schema(made)
    return made


@pytest.mark.parametrize("name", names("machines"))
def test_every_packaged_machine_obeys_the_schema(name: str, schema: dict[str, Any]) -> None:
    """As its file stands and with all that it inherits."""
    validator = jsonschema.Draft202012Validator(schema)
    assert not list(validator.iter_errors(whole_description("machines", name)))


def test_the_schema_refuses_what_the_loader_refuses(schema: dict[str, Any]) -> None:
    """Unknown keys, wrong types and, without inheritance, missing keys; it names units."""
    validator = jsonschema.Draft202012Validator(schema)
    mine = tomllib.loads(MINE)
    assert not list(validator.iter_errors(mine))
    assert list(validator.iter_errors({key: value for key, value in mine.items() if key != "inherits"}))
    assert list(validator.iter_errors({**mine, "array": {"rowz": 3}}))
    assert list(validator.iter_errors({**mine, "array": {"rows": "many"}}))
    assert schema["$defs"]["Buffers"]["properties"]["activation_kib"]["description"] == "KiB (1024 bytes)"
    jsonschema.Draft202012Validator.check_schema(json_schema(Datapath))
