"""designs.toml says what the designs of this folder are."""

from __future__ import annotations

from pathlib import Path

import pytest
from rtl.design import FOLDER
from rtl.units import RTL_UNITS

from bittrue.golden.benches.design_file import load_designs
from bittrue.golden.benches.sets import Word
from bittrue.hw_configs.load import load_datapath
from bittrue.spec.errors import BadInput

IOT_NPU = load_datapath("iot_npu")


@pytest.mark.parametrize("unit", RTL_UNITS)
def test_modules_parameters_and_ports_are_the_designs(unit: str) -> None:
    """Every port has the width that the driver of the same design uses."""
    found, design = load_designs(FOLDER / "designs.toml")[unit], RTL_UNITS[unit].design(IOT_NPU)
    words = {f"in_{signal.name}": Word(signal.bits, signal.signed) for signal in design.inputs}
    words |= {f"out_{signal.name}": Word(signal.bits, signal.signed) for signal in design.outputs}
    assert (found.module, found.parameters, found.words) == (design.top, design.parameters, words)
    assert found.streams == tuple(signal.name for signal in design.inputs)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[requantize]\nmodul = 'x'", "modul"),
        ("[requantize]\nmodule = 'x'\nwords = { in_low = 's65' }", "in_low"),
        ("requantize = 3", "requantize"),
        ("[requantize", "cannot be read"),
    ],
)
def test_a_wrong_file_is_refused_by_key(text: str, said: str, tmp_path: Path) -> None:
    """The error names the key."""
    path = tmp_path / "designs.toml"
    path.write_text(text)
    with pytest.raises(BadInput) as refused:
        load_designs(path)
    assert said in str(refused.value)
