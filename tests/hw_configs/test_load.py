"""Reading hardware descriptions, and what a user is told about a wrong one."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

import pytest

from bittrue.hw_configs.load import load_config, load_datapath, load_machine, names
from bittrue.spec.errors import BadInput, IllFormed


def _packaged(name: str) -> str:
    return files("bittrue.hw_configs").joinpath(name).read_text()


@pytest.mark.parametrize("name", names("datapaths"))
def test_packaged_datapaths_load_under_their_names(name: str) -> None:
    """The file's name is the description's name."""
    assert load_datapath(name).name == name


@pytest.mark.parametrize("name", names("machines"))
def test_packaged_machines_load_under_their_names(name: str) -> None:
    """The file's name is the description's name."""
    assert load_machine(name).name == name


@pytest.mark.parametrize("name", names("configs"))
def test_packaged_configs_load_and_fit(name: str) -> None:
    """A config's datapath and machine exist and fit together."""
    assert load_config(name).name == name


def test_a_file_of_ones_own_is_read_by_its_path(tmp_path: Path) -> None:
    """As a Path or as text that ends in .toml."""
    path = tmp_path / "mine.toml"
    path.write_text(_packaged("machines/iot_npu.toml").replace('name = "iot_npu"', 'name = "mine"'))
    assert load_machine(path).name == load_machine(str(path)).name == "mine"


def test_an_unknown_name_lists_the_known_ones() -> None:
    """And suggests the nearest."""
    with pytest.raises(BadInput) as caught:
        load_machine("iot_npu_smal")
    message = str(caught.value)
    assert "iot_npu, iot_npu_small" in message
    assert "did you mean 'iot_npu_small'?" in message


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        (
            "rows = 16",
            "rowz = 16",
            ["array.rowz", "does not exist", "got:      rowz", "did you mean 'rows'?", "more thing"],
        ),
        ("rows = 16\n", "", ["array.rows", "missing", "add rows"]),
        (
            '"weight_stationary"',
            '"weight_statoinary"',
            ["array.dataflow", "'weight_statoinary'", "did you mean 'weight_stationary'?"],
        ),
        ("rows = 16", "rows = 0", ["array.rows", "got:      0", "greater than or equal to 1"]),
        ("rows = 16", 'rows = "16"', ["array.rows", "got:      '16'", "valid integer"]),
        ("divide = 31", "divde = 31", ["vector_unit.cycles_per_element.divde", "did you mean 'divide'?"]),
        ("[dma]", "[dna]", ["dna", "did you mean 'dma'?"]),
        ('rows = "Vela', 'cosl = "Vela', ["array", "no source: rows"]),
        ("clock_mhz = 500", "clock_mhz =", ["no TOML file"]),
    ],
)
def test_a_wrong_file_is_refused_with_place_and_remedy(old: str, new: str, told: list[str], tmp_path: Path) -> None:
    """File, dotted key path, got, expected and the nearest known name."""
    path, text = tmp_path / "bad.toml", _packaged("machines/iot_npu.toml")
    assert old in text
    path.write_text(text.replace(old, new, 1))
    with pytest.raises(BadInput) as caught:
        load_machine(path)
    message = str(caught.value)
    assert str(path) in message
    for part in told:
        assert part in message


def test_a_wrong_datapath_is_refused_in_the_same_words(tmp_path: Path) -> None:
    """Datapaths go through the same refusal."""
    path = tmp_path / "bad.toml"
    path.write_text(_packaged("datapaths/iot_npu.toml").replace("accumulator_bits", "acumulator_bits"))
    with pytest.raises(BadInput, match=r"mac\.acumulator_bits: this key does not exist") as caught:
        load_datapath(path)
    assert "did you mean 'accumulator_bits'?" in str(caught.value)


@pytest.mark.parametrize("content", [None, b"\xff\xfe"])
def test_an_unreadable_file_is_refused(content: bytes | None, tmp_path: Path) -> None:
    """Missing, a folder, or not UTF-8."""
    path = tmp_path / "gone.toml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(BadInput) as caught:
        load_machine(path)
    assert str(path) in str(caught.value)
    with pytest.raises(BadInput):
        load_machine(tmp_path)


def test_a_config_finds_files_beside_it(tmp_path: Path) -> None:
    """Paths in a config count from the config's folder; names stay names."""
    (tmp_path / "mine.toml").write_text(_packaged("machines/iot_npu.toml").replace('name = "iot_npu"', 'name = "mine"'))
    config = tmp_path / "config.toml"
    config.write_text('format_version = 1\nname = "pair"\ndatapath = "iot_npu"\nmachine = "mine.toml"\n')
    pair = load_config(config)
    assert (pair.name, pair.datapath.name, pair.machine.name) == ("pair", "iot_npu", "mine")


def test_a_config_that_does_not_fit_is_refused(tmp_path: Path) -> None:
    """An 8-bit array without passes cannot take 16-bit probabilities; the message names the config's file."""
    text = _packaged("machines/iot_npu.toml").replace("operand_bits_max = 16", "operand_bits_max = 8")
    (tmp_path / "mine.toml").write_text(text)
    config = tmp_path / "config.toml"
    config.write_text('format_version = 1\nname = "pair"\ndatapath = "iot_npu"\nmachine = "mine.toml"\n')
    with pytest.raises(IllFormed, match=r"config\.toml: config pair: the machine's array cannot take"):
        load_config(config)


def test_a_config_that_names_nothing_is_refused(tmp_path: Path) -> None:
    """The message names the config's file and the known machines."""
    config = tmp_path / "config.toml"
    config.write_text('format_version = 1\nname = "pair"\ndatapath = "iot_npu"\nmachine = "none"\n')
    with pytest.raises(BadInput, match=r"config\.toml: there is no packaged description"):
        load_config(config)
