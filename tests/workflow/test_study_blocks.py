"""The errors of bridge blocks, source by source and together, against runs of the whole network."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from channel_plans import joined_plan
from small_models import pictures, small_graph, small_plan

from bittrue.calibration.batch_run import BatchRunner
from bittrue.calibration.bridge import find_bridges
from bittrue.calibration.options import CalibrationOptions
from bittrue.calibration.plan import QuantPlan
from bittrue.calibration.quantized_run import QuantizedRunner
from bittrue.calibration.reconstruction.fisher import as_labels
from bittrue.workflow.studies.block_errors import DRAWS, block_errors, block_sources, width_of
from bittrue.workflow.studies.block_terms import _columns, _pairs
from bittrue.workflow.studies.error_sources import copying_concats, error_sources
from bittrue.workflow.studies.gradients import Gradients

IMAGES = pictures(3, seed=9)


@pytest.fixture(scope="module")
def plan() -> QuantPlan:
    """Of the small model, coarse enough that errors are far from rounding."""
    return small_plan(CalibrationOptions(activation_bits=5, weight_bits=5))


def whole_network_error(plan: QuantPlan, on: set[str]) -> np.ndarray:
    """Fisher-weighted squared error at the first bridge's ends, of a run of the whole network in which some sources are
    quantized and everything outside the block is held at its float value."""
    (bridge, *_), rounded = find_bridges(plan.graph), QuantizedRunner(plan)
    pixels = torch.from_numpy(IMAGES)
    gradients = Gradients(plan.graph, pixels, 0)
    drawn = [gradients.draw(as_labels) for _ in range(DRAWS)]
    fisher = {name: sum(each[name].square() for each in drawn) / DRAWS for name in bridge.ends}
    seen: dict[str, torch.Tensor] = {}

    def change(name: str, value: torch.Tensor) -> torch.Tensor:
        if name in bridge.ends:
            seen[name] = value
        if name not in bridge.nodes:
            value = gradients.values[name]
        return rounded.quantize(name, value) if name in on else value

    weights = {name: rounded.parameters[name] for name in on if name.endswith("/weight")}
    with torch.no_grad():
        BatchRunner(plan.graph, parameters=weights).forward(pixels, change=change)
    errors = [fisher[n] * (seen[n] - gradients.values[n]).square() for n in bridge.ends]
    return np.asarray(sum(each.flatten(1).double().sum(1) for each in errors).numpy())


def test_errors_are_those_of_the_whole_network(plan: QuantPlan) -> None:
    """On the diagonal each source alone; at the end all of them together."""
    bridges = find_bridges(plan.graph)[:1]
    sources = block_sources(plan, bridges[0])
    found = block_errors([plan, plan], bridges, IMAGES, 0)
    assert found.shape == (3, 2, width_of(plan, bridges[0])) and np.array_equal(found[:, 0], found[:, 1])
    products = found[:, 0, :-1].reshape(3, len(sources), len(sources))
    assert len(sources) > 3 and {"qkv/weight", "norm"} <= set(sources)
    for index, source in enumerate(sources):
        assert products[:, index, index] == pytest.approx(whole_network_error(plan, {source}), rel=1e-3), source
    assert found[:, 0, -1] == pytest.approx(whole_network_error(plan, set(sources)), rel=1e-3)


def test_products_are_what_two_errors_add(plan: QuantPlan) -> None:
    """Two weights of one layer chain: |a + b|^2 = |a|^2 + |b|^2 + 2 ab, but for the errors' own product."""
    fine = small_plan(CalibrationOptions(activation_bits=12, weight_bits=8), small_graph())
    (bridge, *_) = find_bridges(fine.graph)
    sources = block_sources(fine, bridge)
    at = [index for index, name in enumerate(sources) if name.endswith("/weight")][-2:]
    products = block_errors([fine], [bridge], IMAGES, 0)[:, 0, :-1].reshape(3, len(sources), len(sources))
    a, b = at
    both = whole_network_error(fine, {sources[a], sources[b]})
    added = products[:, a, a] + products[:, b, b] + 2 * products[:, a, b]
    assert both == pytest.approx(added, rel=0.02)
    assert np.abs(2 * products[:, a, b]).max() > 1e-3 * added.max(), "the pair has a product to be seen"
    assert products == pytest.approx(products.transpose(0, 2, 1))


def test_concats_that_copy_make_no_error_of_their_own() -> None:
    """Where their inputs' scales stand side by side; a concat with a scale of its own rounds again."""
    copying, rounding = joined_plan(channels=True), joined_plan(channels=False)
    (concat,) = (node.name for node in copying.graph.nodes if node.kind == "concat")
    assert copying_concats(copying) == {concat} and copying_concats(rounding) == frozenset()
    assert concat not in {source.name for source in error_sources(copying)}
    assert concat in {source.name for source in error_sources(rounding)}


def test_parts_by_hand() -> None:
    """Two sources of 4 and 9 whose product is -1, 12 together: 13 alone, -2 cross, 1 beyond; one pair."""
    products = np.array([[[4.0, -1.0], [-1.0, 9.0]]])
    assert _columns(products, np.array([12.0])).tolist() == [[13.0, -2.0, 1.0, 12.0]]
    (pair,) = _pairs(["a", "b"], products[0])
    assert (pair.first, pair.second, pair.value) == ("a", "b", -2.0)
