"""Sweep files: what cannot be is refused before anything runs, with file, key and the nearest known name."""

from __future__ import annotations

from pathlib import Path

import pytest
from study_files import COSTS, written

from bittrue.exploration.study import Request, prepared
from bittrue.spec.errors import BittrueError

BITS = "datapath.mac.accumulator_bits = { range = [16, 26] }"
REFUSED = {
    'objectives = "x"': ("[objectives]\ncycles", "[objectivs]\ncycles", "did you mean 'objectives'?"),
    "objective": ('cycles = "min"', 'cylces = "min"', "did you mean 'cycles'?"),
    "direction": ('cycles = "min"', 'cycles = "least"', "'min' or 'max'"),
    "key": ("mac.accumulator_bits", "mac.accumulatr_bits", "accumulator_bits"),
    "value": ("[16, 26]", "[6, 26]", "greater than or equal to 8"),
    "choice": ('["wrap", "refuse"]', '["wrap", "refuze"]', "did you mean 'refuse'?"),
    "twice": ('["wrap", "refuse"]', '["wrap", "wrap"]', "a value twice"),
    "range": ("[16, 26]", "[26, 16]", "no such range"),
    "no machine": (BITS, 'machine = ["iot_npu", "iot_npo"]', "did you mean 'iot_npu'?"),
    "machine key": (BITS, "machine.array.rws = [1]", "did you mean 'rows'?"),
    "machine value": (BITS, "machine.array.rows = [0]", "greater than or equal to 1"),
    "calibration of a plan": (BITS, "calibration.weight_bits = [4]", "cannot calibrate another"),
    "calibration key": (BITS, "calibration.weight_bit = [4]", "did you mean 'calibration.weight_bits'?"),
    "layer key": (BITS, "calibration.layers.fc.bits = [4]", "weight_bits"),
    "first part": (BITS, 'datapth = ["iot_npu"]', "did you mean 'datapath'?"),
    "no such section": (BITS, 'datapath.softmax = ["@gemmini"]', "no such section"),
    "overlap": (
        BITS,
        f"{BITS}\n[knobs.b.choices]\nx = {{ datapath.mac.accumulator_bits = 20 }}\n[k]",
        "set the same key",
    ),
    "sampler": ("[objectives]", '[sampler]\nkind = "tpe"\n[objectives]', "needs `points`"),
    "finding": ("[objectives]", '[[findings]]\nkind = "cheapest"\ncost = "energi_uj"\n[objectives]', "energy_uj"),
    "no plan": ("plan.safetensors", "plam.safetensors", "no such file"),
    "both": ("[model]", '[model]\nname = "mobilevit_xxs"', "one of them"),
    "images": ('cycles = "min"', 'agreement = "max"', "needs evaluation images"),
    "no toml": ("[model]", "[model", "no TOML"),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """With the plan."""
    folder = tmp_path_factory.mktemp("sweep")
    written(folder)
    return folder


@pytest.mark.parametrize("name", REFUSED)
def test_refused(folder: Path, name: str) -> None:
    """Each with words that lead on; the file itself is sound."""
    before, after, said = REFUSED[name]
    text = COSTS.replace(before, after, 1)
    if name == "overlap":
        text = text.replace("[k]\n", "", 1).replace('datapath.mac.overflow = ["wrap", "refuse"]\n', "")
    assert text != COSTS
    with pytest.raises(BittrueError) as refused:
        prepared(written(folder, text), Request(folder / "out"))
    assert said in str(refused.value)
    prepared(written(folder), Request(folder / "out"))


def test_values_come_from_whole_to_part(folder: Path) -> None:
    """A section taken from another datapath, then a key in it; a machine's number names the study as its source."""
    text = COSTS.replace(
        BITS, '"datapath.softmax" = ["@ita"]\n"datapath.softmax.sum_bits" = [18]\nmachine.array.rows = [8]'
    )
    designs = prepared(written(folder, text), Request(folder / "out")).designs
    design = designs.design(designs.base())
    assert design.datapath.softmax is not None
    assert (design.datapath.softmax.kind, design.datapath.softmax.sum_bits) == ("ita", 18)
    assert design.machine.array.rows == 8 and "study small" in design.machine.array.source["rows"]
    assert "study" not in design.machine.array.source["cols"]


def test_the_base_is_the_design_as_it_stands(folder: Path) -> None:
    """Of each knob the packaged value where the knob has it, else the knob's first."""
    designs = prepared(written(folder), Request(folder / "out")).designs
    assert designs.base() == {"datapath.mac.accumulator_bits": 16, "datapath.mac.overflow": "refuse"}


def test_equal_designs_are_one_point(folder: Path) -> None:
    """A name, or a description reached by another way, decides nothing; a key does."""
    text = COSTS.replace(BITS, '"machine" = ["iot_npu", "iot_npu_small"]\n"machine.array.rows" = [8, 16]')
    designs = prepared(written(folder, text), Request(folder / "out")).designs
    chosen = {"datapath.mac.overflow": "wrap", "machine": "iot_npu", "machine.array.rows": 16}
    same = prepared(written(folder), Request(folder / "out")).designs
    packaged = same.design({"datapath.mac.accumulator_bits": 26, "datapath.mac.overflow": "wrap"})
    assert designs.design(chosen).identity()["machine"] == packaged.identity()["machine"]
    assert designs.design({**chosen, "machine.array.rows": 8}).identity()["machine"] != packaged.identity()["machine"]
