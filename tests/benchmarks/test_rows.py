"""The table's rows: complete, unambiguous, selectable."""

from __future__ import annotations

import pytest
from benchmark_parts import contestant, row

from benchmarks.networks import MODELS, slug
from benchmarks.rows import contestants_of, rows, selected
from benchmarks.variants import variants
from bittrue.calibration.lowering.norm import KINDS as NORMS
from bittrue.calibration.lowering.softmax import KINDS as SOFTMAXES
from bittrue.spec.units import activation


def test_a_name_is_one_contestant_and_a_key_one_row() -> None:
    """Measurements are kept by name."""
    every = [each for line in rows() for each in (*line.of, *line.to)]
    assert len({each.name for each in every}) == len(set(every))
    assert len({line.key for line in rows()}) == len(rows())


def test_every_other_model_of_the_paper_has_a_row() -> None:
    """Five beside mobilevit_xxs, with the same goal."""
    found = {line.key: line for line in rows() if line.key.startswith("model_")}
    assert set(found) == {f"model_{model}" for model in MODELS[1:]}
    assert {str(line.goal) for line in found.values()} == {"<= 0.6"}


@pytest.mark.parametrize(
    "key, goal",
    [
        ("batch1", "<= 0.5"),
        ("batch32", ">= 2"),
        ("litert_reference", ">= 25"),
        ("tosa", ">= 500"),
        ("accumulator_24_bits_wrapping", "<= 1.1"),
        ("accumulator_20_bits_saturating_at_each_step", "<= 4"),
        ("shell_simulate", "<= 2.5"),
        ("shell_help", "<= 0.5"),
        ("cold_compile", "<= 60"),
        ("memory1", "<= 0.6"),
        ("memory32", "<= 2"),
    ],
)
def test_goals_are_those_that_were_set(key: str, goal: str) -> None:
    """The limits of the speed goals."""
    assert str(selected(rows(), [key])[0].goal) == goal


def test_every_kind_of_approximate_unit_has_a_row() -> None:
    """Each kind that a network with softmax, norms and SiLU lowers for, but the default's own."""
    made = [variant for variant in variants().values() if variant.unit]
    assert {each.datapath.softmax.kind for each in made if each.unit == "softmax"} == set(SOFTMAXES) - {"table"}
    assert {each.datapath.norm.kind for each in made if each.unit == "norm"} == set(NORMS) - {"exact"}
    units = [getattr(activation, name) for name in activation.__all__ if name not in ("ActivationUnit", "Function")]
    silu = {unit for unit in units if "silu" in getattr(unit, "functions", ())}
    assert {type(each.datapath.activation["silu"]) for each in made if each.unit == "activation"} == silu
    assert {line.key for line in rows()} >= {slug(each.name) for each in made}


def test_a_variant_differs_from_its_base_in_one_section() -> None:
    """Or its time would be that of two changes; the wide datapath is one change as a whole."""
    sections = {"accumulator": "mac"}
    for variant in variants().values():
        if variant.unit == "wide":
            assert variant.datapath.name == "iot_npu_wide"
            continue
        base = variants()[variant.base].datapath.model_dump()
        differing = {name for name, value in variant.datapath.model_dump().items() if value != base[name]}
        assert differing == ({sections.get(variant.unit, variant.unit)} if variant.unit else set()), variant.name


def test_rows_are_selected_by_key_or_pattern() -> None:
    """In the table's order, whatever the order of the patterns."""
    first, second, third = (row([contestant(key)], key=key) for key in ("norm_a", "norm_b", "tosa"))
    every = (first, second, third)
    assert selected(every, []) == every
    assert selected(every, ["tosa", "norm_*"]) == every
    assert selected(every, ["norm_b"]) == (second,)
    with pytest.raises(ValueError, match="no row fits 'nrom'; there are: norm_a, norm_b, tosa"):
        selected(every, ["tosa", "nrom"])


def test_contestants_run_once_a_round_however_many_rows_need_them() -> None:
    """What rows are divided by stands in front."""
    ours, one, two = contestant("ours"), contestant("one"), contestant("two")
    assert contestants_of([row([one], [ours]), row([two], [ours])]) == (ours, one, two)


def test_rows_of_one_group_agree_on_the_discarded_round() -> None:
    """It is the group that runs it."""
    for group in {line.group for line in rows()}:
        assert len({line.discard_first for line in rows() if line.group == group}) == 1
