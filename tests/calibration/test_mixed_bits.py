"""Bits by sensitivity: the budget holds, what matters more gets more, and the program runs."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from small_models import PREPROCESSING, pictures, small_graph

from bittrue.calibration.calibrate import calibrate_graph
from bittrue.calibration.lowering.lower import lower_plan
from bittrue.calibration.mixed_bits import Item, fill
from bittrue.calibration.options import CalibrationOptions
from bittrue.calibration.plan import QuantPlan
from bittrue.golden.reference import Reference
from bittrue.hw_configs.load import load_datapath
from bittrue.simulator.engine import Simulator
from bittrue.spec.errors import BadInput


def mean_bits(plan: QuantPlan) -> float:
    """Of all weights of a plan."""
    sizes = {name: plan.graph.parameter(plan.graph.by_name[name], "weight").size for name in plan.weights}
    return sum(sizes[name] * held.bits for name, held in plan.weights.items()) / sum(sizes.values())


def test_the_greedy_choice_is_the_best_there_is() -> None:
    """Three items whose errors fall by four a bit, as rounding's do: no other choice within the budget has less error,
    tried exhaustively for every budget that the greedy one spends to the last bit."""
    choices = (2, 3, 4, 5)
    items = [
        Item("a", 1, {b: 100 * 4.0**-b for b in choices}),
        Item("b", 1, {b: 3 * 4.0**-b for b in choices}),
        Item("c", 2, {b: 40 * 4.0**-b for b in choices}),
    ]
    for budget in np.arange(2.0, 5.25, 0.25):
        chosen = fill(items, budget)
        spent = sum(item.size * chosen[item.name] for item in items)
        assert spent <= budget * 4
        error = sum(item.errors[chosen[item.name]] for item in items)
        for other in itertools.product(choices, repeat=3):
            if sum(item.size * bits for item, bits in zip(items, other, strict=True)) <= spent:
                assert sum(item.errors[bits] for item, bits in zip(items, other, strict=True)) >= error


def test_an_error_that_falls_late_is_seen_past_a_step_that_does_not_pay() -> None:
    """7 bits cost as much as 4, so that nobody stops at 7."""
    late = Item("late", 1, {8: 0.0, 7: 10.0, 4: 10.0})
    even = Item("even", 1, {8: 0.0, 7: 4.0, 4: 16.0})
    assert fill([late, even], 6.0) == {"late": 4, "even": 8}


@pytest.mark.parametrize("method", ["minmax", "q-hyvit"])
def test_budgets_hold_and_the_program_runs(method: str) -> None:
    """Weights and activations at 5.5 bits in the mean: several widths, none above the mean, and integers that agree."""
    options = CalibrationOptions(method=method, weight_budget=5.5, activation_budget=6.5)
    plan = calibrate_graph(small_graph(), pictures(4), PREPROCESSING, options, {"made": "test"})
    assert mean_bits(plan) <= 5.5
    assert len({held.bits for held in plan.weights.values()}) > 1
    assert len({held.bits for held in plan.tensors.values()}) > 1
    program = lower_plan(plan, load_datapath("iot_npu"), {})
    machine, reference = Simulator(program), Reference(program)
    for image in pictures(2, seed=5):
        found = machine.run(image[None]).tensors
        for name, codes in reference.run(image[None]).tensors.items():
            assert np.array_equal(found[name], codes), name


def test_a_wider_budget_has_less_error() -> None:
    """The widest widths are all chosen where the budget allows them."""
    options = CalibrationOptions(weight_budget=8.0)
    plan = calibrate_graph(small_graph(), pictures(4), PREPROCESSING, options, {"made": "test"})
    assert {held.bits for held in plan.weights.values()} == {8}


@pytest.mark.parametrize(
    ("options", "where"),
    [
        (CalibrationOptions(weight_budget=9.0), "--weight-budget"),
        (CalibrationOptions(activation_budget=3.0, mixed_bits=(4, 8)), "--activation-budget"),
        (CalibrationOptions(weight_budget=4.0, mixed_bits=()), "--mixed-bits"),
        (CalibrationOptions(weight_budget=4.0, mixed_bits=(4, 9)), "--mixed-bits"),
    ],
)
def test_budgets_that_cannot_be_met_are_refused(options: CalibrationOptions, where: str) -> None:
    """Outside the widths to choose from, or no width at all."""
    with pytest.raises(BadInput) as caught:
        options.check(("minmax",))
    assert caught.value.where == where
