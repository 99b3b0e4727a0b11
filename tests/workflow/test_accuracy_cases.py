"""bench accuracy: which cases the tables are made of."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bittrue.spec.errors import BadInput
from bittrue.workflow.accuracy.cases import Bits, Request, bits_of, methods_of, planned, tables_of

REQUEST = Request(
    models=("a", "b"),
    methods=("minmax", "q-hyvit", "best"),
    tables=("1", "2"),
    bits=(),
    images=3925,
    rival_images=1000,
    seeds=3,
    calibration_images=32,
    calibration_images_of={"best": 256},
)


def test_rivals_have_one_seed_and_fewer_images() -> None:
    """q-hyvit and best have every seed and all images; another method has seed 0 and --rival-limit."""
    cases = planned(REQUEST)
    for case in cases:
        thorough = case.options.method != "minmax"
        assert case.images == (3925 if thorough else 1000)
        assert thorough or case.options.seed == 0
        assert case.calibration_images == (256 if case.options.method == "best" else 32)
    # Tables 1 and 2 have two and five sets of bits, of two models: one rival line and two of three seeds.
    assert len(cases) == (2 + 5) * 2 * (1 + 2 * 3)
    assert [case.options.seed for case in cases] == sorted(case.options.seed for case in cases)


def test_the_bits_of_a_case() -> None:
    """W4A8: weights of 4, activations of 8; what no multiplier reads has the widths of the request."""
    request = replace(REQUEST, bits=bits_of(["W4A8"]), tables=("2",), residual_bits=(8, 16), preactivation_bits=12)
    cases = planned(request)
    widths = {(case.options.weight_bits, case.options.activation_bits) for case in cases}
    assert widths == {(4, 8)}
    assert {case.options.residual_bits for case in cases} == {8, 16}
    assert {(case.options.preactivation_bits, case.options.score_bits) for case in cases} == {(12, 8)}
    assert {case.arithmetic for case in cases} == {"integer"}


def test_partially_quantized_tables_take_one_residual_width() -> None:
    """Their additions are in float."""
    cases = planned(replace(REQUEST, tables=("1", "3"), residual_bits=(8, 16)))
    assert {case.options.residual_bits for case in cases} == {8}
    assert all(case.arithmetic == "partial" for case in cases if case.table == "1")


def test_the_ablation_adds_one_option_after_another() -> None:
    """none, +bridge, +granularity, +scheme; the last is the whole method, and each is measured both ways."""
    cases = planned(replace(REQUEST, tables=("3",), bits=(Bits(8, 8),), models=("a",), seeds=1))
    assert [(case.step, case.arithmetic) for case in cases] == [
        (step, arithmetic)
        for step in ("none", "+bridge", "+granularity", "+scheme")
        for arithmetic in ("partial", "integer")
    ]
    options = [(case.options.bridge, case.options.mixed_granularity, case.options.mixed_scheme) for case in cases[::2]]
    assert [sum(each) for each in options] == [0, 1, 2, 3]
    whole = planned(replace(REQUEST, methods=("q-hyvit",), tables=("1",), bits=(Bits(8, 8),), models=("a",), seeds=1))
    assert cases[-1].options == whole[0].options


def test_lines_stand_in_the_order_of_the_literature() -> None:
    """Rivals, then methods that nobody thought of, then q-hyvit and best; whatever was asked for."""
    known = ("best", "new", "q-hyvit", "mse", "minmax")
    assert methods_of((), known) == ("minmax", "mse", "new", "q-hyvit", "best")
    assert methods_of(("best", "mse"), known) == ("mse", "best")
    assert tables_of(("3", "1")) == ("1", "3")


def test_mixed_bits_are_budgets() -> None:
    """W6A4-mixed: means of 6 and 4 bits; the widest width is 8."""
    request = replace(REQUEST, bits=bits_of(["w6a4-mixed"]), tables=("2",))
    options = planned(request)[0].options
    assert (options.weight_budget, options.activation_budget) == (6, 4)
    assert (options.weight_bits, options.activation_bits) == (8, 8)


@pytest.mark.parametrize("name", ["W9A6-mixed", "8", "W8", "W1A8", "W8A17", "A8W8", "W8A8x"])
def test_other_bits_are_refused(name: str) -> None:
    """By name."""
    with pytest.raises(BadInput, match="no such bits"):
        bits_of(["w8a8", name])


def test_unknown_names_are_refused() -> None:
    """With those that there are."""
    with pytest.raises(BadInput, match="no such calibration method") as method:
        methods_of(("mse", "magic"), ("minmax", "mse"))
    assert "magic" in str(method.value) and "minmax, mse" in str(method.value)
    with pytest.raises(BadInput, match="no such table"):
        tables_of(("4",))
