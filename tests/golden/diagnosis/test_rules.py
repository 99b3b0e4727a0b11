"""A design that follows another rule is told which: every rule is planted and must be named."""

from __future__ import annotations

from typing import get_args

import numpy as np
import pytest
from mutant_stimuli import uniform
from unit_stimuli import stimuli_of

from bittrue.golden.diagnosis.diagnose import Diagnosis, diagnose
from bittrue.golden.diagnosis.observed import Made, Observed
from bittrue.golden.diagnosis.rule import Results, Rule
from bittrue.golden.diagnosis.rules import RULES
from bittrue.golden.diagnosis.text import lines
from bittrue.hw_configs.load import load_datapath
from bittrue.spec.datapath import Datapath
from bittrue.spec.errors import BittrueError
from bittrue.spec.units.activation.unit import Function
from bittrue.spec.units.section import Width
from bittrue.spec.vectors import Stimuli, UnitVectors
from bittrue.workflow.unit_rules import run_unchecked

IOT_NPU = load_datapath("iot_npu")
NARROW = IOT_NPU.model_copy(update={"mac": IOT_NPU.mac.model_copy(update={"accumulator_bits": 17, "overflow": "wrap"})})
"""Where sums of 20 products overflow now and then."""
MOST = 24
"""Rules of a unit that are planted, spread over all."""


def observed(unit: str, datapath: Datapath, stimuli: Stimuli, made: Results) -> Observed:
    """What a design made, every stage of it dumped and every word known."""
    expected = run_unchecked(datapath, stimuli)
    return Observed(
        UnitVectors(stimuli, expected),
        {name: Made(np.asarray(made[name]), np.ones(made[name].shape, np.bool_)) for name in expected if name in made},
        {name: Width(64, True) for name in expected},
    )


def diagnosed(unit: str, datapath: Datapath, rule: Rule) -> Diagnosis | None:
    """The diagnosis of a design that follows a rule."""
    stimuli = stimuli_of(unit, datapath)
    made = rule.apply(run_unchecked, datapath, stimuli)
    return diagnose(
        observed(unit, datapath, stimuli, made), datapath=datapath, run=run_unchecked, package="0" * 64, set_name=unit
    )


@pytest.mark.parametrize("unit", [unit for unit in RULES if unit not in get_args(Function)])
def test_every_planted_rule_is_named(unit: str) -> None:
    """Whatever rule a design follows is among those named, and each of these makes every mismatch vanish."""
    datapath = NARROW if unit in ("mac", "accumulate") else IOT_NPU
    found, silent = 0, []
    rules = RULES[unit](datapath, stimuli_of(unit, datapath))
    for rule in rules[:: -(-len(rules) // MOST)]:
        diagnosis = diagnosed(unit, datapath, rule)
        if diagnosis is None:
            silent.append(rule.name)
            continue
        assert rule.name in [one.rule for one in diagnosis.explanations], rule.name
        assert diagnosis.explained
        found += 1
    assert found > 8, silent


@pytest.mark.parametrize("function", ["silu", "gelu"])
def test_every_planted_rule_of_an_activation_is_named(function: str) -> None:
    """Interpolated units: roundings, widths of index and fraction, the table one entry off; others are as in a kind's
    description, so nothing here knows the kind."""
    wide = load_datapath("iot_npu_wide")
    (stimuli,) = uniform(wide, function, vectors=400)
    planted = []
    for rule in RULES[function](wide, stimuli):
        try:
            made = rule.apply(run_unchecked, wide, stimuli)
        except (BittrueError, ArithmeticError, ValueError, IndexError):
            continue  # a unit that cannot be
        found = diagnose(
            observed(function, wide, stimuli, made), datapath=wide, run=run_unchecked, package="", set_name=function
        )
        if found is not None:
            assert rule.name in [one.rule for one in found.explanations if one.complete], rule.name
            planted.append(rule.name)
    assert {f"activation.{function}.rounding=floor", "table[i+1]", "output a vector late"} <= set(planted)
    assert len(planted) > 12


def test_one_wrong_word_is_explained_by_no_rule() -> None:
    """A single flipped bit in one word comes with its place and no cause."""
    stimuli = stimuli_of("requantize", IOT_NPU)
    made = {name: values.copy() for name, values in run_unchecked(IOT_NPU, stimuli).items()}
    made["output"][17] ^= 4
    found = diagnose(
        observed("requantize", IOT_NPU, stimuli, made),
        datapath=IOT_NPU,
        run=run_unchecked,
        package="0" * 64,
        set_name="requantize",
    )
    assert found is not None
    assert (found.stage, found.differing) == ("output", {"output": 1})
    assert found.equal_stages == ("product", "rounded", "placed")
    assert found.first[0].coordinate == (17,)
    assert abs(found.first[0].difference or 0) == 4
    assert not found.explained
    assert "only bit 2 differs" in found.hints[1] + found.hints[0]


def test_the_first_divergent_stage_is_the_earliest() -> None:
    """Where product, rounded, placed and output differ, product is named and no stage counts as equal."""
    stimuli = stimuli_of("requantize", IOT_NPU)
    rule = next(rule for rule in RULES["requantize"](IOT_NPU, stimuli) if rule.name == "requantization.product_bits=40")
    found = diagnosed("requantize", IOT_NPU, rule)
    assert found is not None
    assert found.stage == "product"
    assert found.equal_stages == ()
    assert list(found.differing)[0] == "product"


def test_a_design_that_dumps_its_output_alone_is_diagnosed() -> None:
    """Stages that nobody dumped are said to be missing, and the rule is found all the same."""
    stimuli = stimuli_of("add", IOT_NPU)
    rule = next(rule for rule in RULES["add"](IOT_NPU, stimuli) if rule.name == "add.rounding=floor")
    made = {"output": rule.apply(run_unchecked, IOT_NPU, stimuli)["output"]}
    found = diagnose(
        observed("add", IOT_NPU, stimuli, made), datapath=IOT_NPU, run=run_unchecked, package="0" * 64, set_name="add"
    )
    assert found is not None
    assert found.not_dumped == ("accumulator", "rounded")
    assert "add.rounding=floor" in [one.rule for one in found.explanations if one.complete]
    text = "\n".join(lines(found))
    assert "shifts without rounding" in text
    assert "rounded from" in text


def test_equal_words_have_no_diagnosis() -> None:
    """Where nothing differs there is nothing to explain."""
    stimuli = stimuli_of("table", IOT_NPU)
    same = observed("table", IOT_NPU, stimuli, run_unchecked(IOT_NPU, stimuli))
    assert diagnose(same, datapath=IOT_NPU, run=run_unchecked, package="", set_name="table") is None
