"""perturbation: directions of gradients, injected errors against runs of the whole network, estimates against truth."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from small_models import pictures, small_graph, small_plan

from bittrue.calibration.batch_run import BatchRunner, Change
from bittrue.calibration.options import CalibrationOptions
from bittrue.calibration.plan import QuantPlan
from bittrue.calibration.quantized_run import QuantizedRunner
from bittrue.calibration.reconstruction.fisher import as_labels, batches
from bittrue.reports.study_perturbation_data import BRIDGE, KINDS, OTHER
from bittrue.workflow.studies import injection
from bittrue.workflow.studies.error_sources import ErrorSource, error_sources, source_error
from bittrue.workflow.studies.gradients import Direction, Gradients, drawn_label, logit_error
from bittrue.workflow.studies.injection import column, injected

IMAGES = pictures(3, seed=9)
FACTORS = (0.5, 2.0)


@pytest.fixture(scope="module")
def plan() -> QuantPlan:
    """Of the small model, coarse enough that errors stand far above rounding."""
    return small_plan(CalibrationOptions(activation_bits=6, weight_bits=6))


@pytest.mark.parametrize("direction", [drawn_label, as_labels])
def test_directions_have_the_fisher_of_the_logits(direction: Direction) -> None:
    """E[u u^T] = diag(p) - p p^T, whether a label is drawn or not."""
    logits = torch.tensor([[1.0, 0.0, -1.0]]).expand(40_000, 3)
    u = direction(logits, torch.Generator().manual_seed(1)).double()
    p = logits[0].double().softmax(0)
    wanted = torch.diag(p) - p[:, None] * p
    torch.testing.assert_close(u.T @ u / len(u), wanted, atol=0.01, rtol=0)


def test_a_direction_weighs_as_calibration_does() -> None:
    """The gradients of reconstruction/fisher.py for the same seed."""
    graph, images = small_graph(), torch.from_numpy(IMAGES)
    (batch,) = batches(graph, images, target="labels", seed=5)
    found = Gradients(graph, images, 5).draw(as_labels)
    assert found.keys() == batch.gradients.keys()
    for name, gradient in batch.gradients.items():
        torch.testing.assert_close(found[name], gradient, msg=name)


def test_sources_and_their_kinds(plan: QuantPlan) -> None:
    """Inputs and weights by the layers that they belong to; what several kinds read stands in each."""
    found = {source.name: source.kinds for source in error_sources(plan)}
    assert {name for name in found if name.endswith("/weight")} == {f"{name}/weight" for name in plan.weights}
    # The small model's bridge block reaches from depthwise to qkv.
    wanted = {
        "input": {"conv input"},
        "silu_1": {"depthwise input", BRIDGE},
        "depthwise/weight": {"depthwise weight", BRIDGE},
        "depthwise": {OTHER, BRIDGE},
        "add": {"norm input", "residual", BRIDGE},
        "norm": {"linear input", BRIDGE},
        "qkv/weight": {"linear weight", BRIDGE},
        "qkv": {"matmul"},
        "scores": {"softmax input"},
        "proj": {"residual"},
        "proj/weight": {"linear weight"},
    }
    assert {name: set(found[name]) for name in wanted} == wanted
    assert {kind for kinds in found.values() for kind in kinds} <= set(KINDS)
    assert plan.graph.output not in found, "nobody reads the logits"


def test_wide_tensors_are_no_sources() -> None:
    """16 bits of what only a function reads: no method searches them."""
    wide = small_plan(CalibrationOptions(preactivation_bits=16))
    assert "stem" not in {source.name for source in error_sources(wide)}
    assert "stem" in {source.name for source in error_sources(small_plan())}


def test_injected_losses_are_those_of_the_whole_network(plan: QuantPlan) -> None:
    """A forward run with one tensor changed gives the same logits, for every source and factor."""
    sources = error_sources(plan)
    found = injected(plan, sources, FACTORS, IMAGES, seed=0)
    pixels, runner = torch.from_numpy(IMAGES), BatchRunner(plan.graph)
    gradients, rounded = Gradients(plan.graph, pixels, 0), QuantizedRunner(plan)
    with torch.no_grad():
        before = runner.forward(pixels)
        for index, source in enumerate(sources):
            error = source_error(source, plan, gradients.values, runner, rounded)
            for at, factor in enumerate(FACTORS):
                after = runner.forward(pixels, change=_added(source, factor * error)).double()
                squared = (after - before).square().sum(1).numpy()
                assert found[:, index, column("squared", at)] == pytest.approx(squared, rel=1e-3, abs=1e-12), source


def _added(source: ErrorSource, error: torch.Tensor) -> Change:
    return lambda name, value: value + error if name == source.place else value


def test_a_weight_s_error_is_that_of_its_layer(plan: QuantPlan) -> None:
    """At factor 1 the loss of a weight is the loss of a network in which it alone is rounded."""
    source = next(each for each in error_sources(plan) if each.name == "depthwise/weight")
    found = injected(plan, [source], (1.0,), IMAGES, seed=0)
    alone = BatchRunner(plan.graph, parameters={source.name: QuantizedRunner(plan).parameters[source.name]})
    pixels = torch.from_numpy(IMAGES)
    with torch.no_grad():
        before, after = BatchRunner(plan.graph).forward(pixels), alone.forward(pixels)
    log_p, log_q = (torch.log_softmax(logits.double(), 1) for logits in (before, after))
    kl = (log_p.exp() * (log_p - log_q)).sum(1).numpy()
    assert found[:, 0, column("kl", 0)] == pytest.approx(kl, rel=1e-3, abs=1e-9)
    own = log_p.argmax(1)
    rise = (torch.nn.functional.nll_loss(each, own, reduction="none") for each in (log_q, log_p))
    assert found[:, 0, column("cross_entropy", 0)] == pytest.approx(
        np.subtract(*(each.numpy() for each in rise)), rel=1e-3, abs=1e-7
    )


def test_full_estimates_meet_the_truth_of_small_errors(plan: QuantPlan, monkeypatch: pytest.MonkeyPatch) -> None:
    """With draws enough the estimate of second order is right where the error is small: no factor is missing. The
    diagonal one is right at the logits, whose own squared error has no off-diagonal terms."""
    monkeypatch.setattr(injection, "DRAWS", 150)
    sources = error_sources(plan)
    found = injected(plan, sources, (0.1,), IMAGES, seed=0).mean(axis=0)
    for loss in ("kl", "squared"):
        ratio = 0.01 * found[:-1, column(f"{loss} full")] / found[:-1, column(loss, 0)]
        assert np.median(ratio) == pytest.approx(1.0, abs=0.12), loss
        assert np.abs(np.log(ratio)).max() < 0.7, loss
    (head,) = (at for at, source in enumerate(sources) if source.name == "fc/weight")
    assert found[head, column("squared diagonal")] == pytest.approx(100 * found[head, column("squared", 0)], rel=0.2)


def test_rounding_is_far_below_what_is_measured(plan: QuantPlan) -> None:
    """The last line has what float32 does to the losses, once for every factor."""
    found = injected(plan, error_sources(plan)[:2], FACTORS, IMAGES, seed=0)
    floor = found[:, -1]
    assert (floor[:, column("squared", 0)] > 0).all()
    assert np.array_equal(floor[:, column("squared", 0)], floor[:, column("squared", 1)])
    assert floor[:, column("squared", 0)].max() < 1e-3 * found[:, :-1, column("squared", 0)].min()


def test_directions_of_the_squared_error_are_normal() -> None:
    """E[u u^T] = 1."""
    u = logit_error(torch.zeros(40_000, 3), torch.Generator().manual_seed(1)).double()
    torch.testing.assert_close(u.T @ u / len(u), torch.eye(3, dtype=torch.float64), atol=0.03, rtol=0)
