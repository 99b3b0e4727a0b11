"""The page of a diagnosis says what the text says, and escapes what a package may name."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from unit_stimuli import stimuli_of

from bittrue.golden.diagnosis.diagnose import Diagnosis, diagnose
from bittrue.golden.diagnosis.observed import Made, Observed
from bittrue.hw_configs.load import load_datapath
from bittrue.reports.diagnosis_page import write_diagnosis_page
from bittrue.spec.units.section import Width
from bittrue.spec.vectors import UnitVectors
from bittrue.workflow.unit_rules import run_unchecked


def found(set_name: str) -> Diagnosis:
    """An adder that does not round."""
    datapath = load_datapath("iot_npu")
    stimuli = stimuli_of("add", datapath)
    expected = run_unchecked(datapath, stimuli)
    floor = datapath.model_copy(
        update={"add": datapath.required(datapath.add, "add").model_copy(update={"rounding": "floor"})}
    )
    made = run_unchecked(floor, stimuli)
    diagnosis = diagnose(
        Observed(
            UnitVectors(stimuli, expected),
            {name: Made(values, np.ones(values.shape, np.bool_)) for name, values in made.items()},
            {name: Width(64, True) for name in expected},
        ),
        datapath=datapath,
        run=run_unchecked,
        package="ab" * 32,
        set_name=set_name,
    )
    assert diagnosis is not None
    return diagnosis


def test_the_page_names_stage_rule_and_words(tmp_path: Path) -> None:
    """Stage, count, rule and the first mismatch stand on the page; nothing is fetched from anywhere."""
    diagnosis = found("add.uniform")
    write_diagnosis_page([diagnosis], tmp_path / "page.html", title="add", summary="1 of 1 sets differ")
    text = (tmp_path / "page.html").read_text()
    assert "rounded differs first" in text
    assert "shifts without rounding" in text
    assert f"{diagnosis.differing['rounded']:,} of 300" in text
    assert diagnosis.first[0].expected.hex in text
    assert "http" not in text


def test_names_are_escaped(tmp_path: Path) -> None:
    """A set's name comes from a package and is no HTML."""
    write_diagnosis_page([found("<b>")], tmp_path / "page.html", title="<i>", summary="&")
    text = (tmp_path / "page.html").read_text()
    assert "<b>" not in text
    assert "&lt;i&gt;" in text
