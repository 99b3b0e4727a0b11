"""bittrue hw, and a machine of a newcomer's own."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from cli_runs import Run, refuse
from tiny_programs import tiny_cnn

from bittrue.hw_configs.load import names
from bittrue.spec.program_file import save_program

MINE = """
format_version = 1
name = "mine"
inherits = "iot_npu"

[array]
rows = 8

[vector_unit]
lanes = 2

[dram]
bandwidth_mb_per_s = 500
"""


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    """Three keys changed."""
    path = tmp_path / "mine.toml"
    path.write_text(MINE)
    return path


def test_a_newcomers_three_keys_cost(run: Run, mine: Path, tmp_path: Path) -> None:
    """A file that changes three keys of iot_npu is sound, and costs more cycles than iot_npu: it has less of each."""
    program = tmp_path / "program.safetensors"
    save_program(tiny_cnn(), program)
    assert run("hw", "check", mine)[0] == 0
    code, out, err = run("cost", program, "--machine", mine, "--json")
    assert code == 0, err
    found = json.loads(out)
    assert found["machine"] == "mine"
    assert found["cycles"] > json.loads(run("cost", program, "--json")[1])["cycles"]


def test_the_list_names_every_packaged_file(run: Run) -> None:
    """Machines, datapaths and configs, each with what it is."""
    code, out, _ = run("hw", "list", "--json")
    found = json.loads(out)["hardware"]
    assert code == 0
    assert {(each["kind"], each["name"]) for each in found} == {
        (kind, name) for kind in ("machines", "datapaths", "configs") for name in names(kind)
    }
    assert all(each["description"] for each in found)


def test_show_names_units_and_sources(run: Run) -> None:
    """What a machine inherits is shown as its own."""
    keys = json.loads(run("hw", "show", "ethos_u55_256", "--kind", "machines", "--json")[1])
    assert keys["buffers.burst_bytes"] == {"value": "32", "unit": "bytes", "source": "Vela 5.2, Sram_burst_length"}
    assert keys["energy.leakage_mw"]["unit"] == "mW"
    assert "clock_mhz = 500  MHz  # Vela" in run("hw", "show", "iot_npu", "--kind", "machines")[1]


def test_a_wrong_key_is_told_with_its_unit_and_neighbour(run: Run, mine: Path) -> None:
    """Exit code 2; file, key, unit and the nearest known name."""
    mine.write_text(MINE.replace("bandwidth_mb_per_s", "bandwidth_mb_s"))
    told = refuse(run, "hw", "check", mine, said="dram.bandwidth_mb_s")
    assert "did you mean 'bandwidth_mb_per_s'?" in told
    assert "MB/s" in told
    refuse(run, "hw", "show", "iot_npuu", said="did you mean")
    refuse(run, "hw", "list", "--kind", "machine", said="no such kind")


def test_the_schema_is_one(run: Run) -> None:
    """For machines and datapaths."""
    for kind in ("machines", "datapaths"):
        schema = json.loads(run("hw", "schema", "--kind", kind)[1])
        assert "inherits" in schema["then"]["properties"]
