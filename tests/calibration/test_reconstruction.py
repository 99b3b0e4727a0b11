"""Gradients, sampled layers and the errors of candidates."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from small_models import PREPROCESSING, pictures, small_graph

from bittrue.calibration.bridge import find_bridges
from bittrue.calibration.calibrate import calibrate_graph
from bittrue.calibration.graph import FloatGraph
from bittrue.calibration.observe import observe
from bittrue.calibration.options import CalibrationOptions
from bittrue.calibration.reconstruction.candidates import FACTORS, check_distinct
from bittrue.calibration.reconstruction.fisher import as_labels, batches
from bittrue.calibration.reconstruction.local import LocalProblem
from bittrue.calibration.reconstruction.search import Captured, Search, capture
from bittrue.calibration.sites import find_sites
from bittrue.spec.errors import BadInput

IMAGES = torch.from_numpy(pictures(6))


def captured(graph: FloatGraph) -> Captured:
    """The small model's problems."""
    sites = {site.name: site for site in find_sites(graph)}
    return capture(graph, sites, IMAGES, find_bridges(graph), target="labels", seed=0)


def test_the_gradients_of_the_logits_have_the_covariance_of_labels() -> None:
    """diag(p) - p p^T, that of p - one_hot(label); over 200,000 draws every entry is within five standard errors."""
    logits = torch.tensor([[2.0, 0.5, -1.0, 0.0]])
    p = logits.softmax(1)[0].double()
    draws = as_labels(logits.expand(200_000, 4), torch.Generator().manual_seed(1)).double()
    products = draws[:, :, None] * draws[:, None, :]
    errors = products.std(0) / len(draws) ** 0.5
    assert ((products.mean(0) - torch.diag(p) + torch.outer(p, p)).abs() < 5 * errors).all()
    assert (draws.mean(0).abs() < 5 * draws.std(0) / len(draws) ** 0.5).all()


def test_the_gradient_of_the_logits_is_the_direction() -> None:
    """It sums to zero, as that of a cross entropy does: all logits may move together."""
    graph = small_graph()
    (batch,) = batches(graph, IMAGES, target="labels", seed=3, size=6)
    gradient = batch.gradients[graph.output].flatten(1)
    torch.testing.assert_close(gradient.sum(1), torch.zeros(6), atol=1e-5, rtol=0)
    expected = as_labels(batch.values[graph.output].flatten(1), torch.Generator().manual_seed(3))
    torch.testing.assert_close(gradient, expected)


def test_a_gradient_is_its_own_image_s() -> None:
    """Batches of one and of three images give the same gradients for a fixed direction in the logits."""
    graph = small_graph()
    torch.manual_seed(0)
    whole = list(batches(graph, IMAGES[:1], target="probe", seed=1, size=1))
    more = list(batches(graph, IMAGES[:3], target="probe", seed=1, size=1))
    torch.testing.assert_close(whole[0].gradients["norm"], more[0].gradients["norm"])


def test_vanishing_gradients_are_refused() -> None:
    """A head of zeros: nothing that happens in front of it changes the loss, nor does the constant output."""
    graph = small_graph()
    parameters = {k: np.zeros_like(v) if k.startswith("fc/") else v for k, v in graph.parameters.items()}
    parameters["fc/bias"][0] = 1e6  # a sure class: even the logits' own gradient is zero
    dead = FloatGraph(graph.model, graph.input, graph.input_shape, graph.nodes, parameters)
    with pytest.raises(BadInput, match="vanish"):
        next(iter(batches(dead, IMAGES, target="labels", seed=0)))


def test_samples_are_what_the_node_computes() -> None:
    """Every sampled problem, run on its own operands, gives its own output: patches, rows, elements, whole."""
    graph = small_graph()
    search = Search(graph, {}, captured(graph), {}, {})
    for name, problem in search.captured.local.items():
        found = problem.run(search.runner, problem.sample.operands)
        torch.testing.assert_close(found, problem.sample.output, rtol=1e-4, atol=1e-5, msg=name)


def test_errors_are_estimates_of_the_whole() -> None:
    """The Fisher weights of samples stand for all elements of all images."""
    graph = small_graph()
    problem: LocalProblem = captured(graph).local["depthwise"]
    share = problem.elements / problem.sample.output.numel()
    assert share > 1
    torch.testing.assert_close(problem.fisher, problem.sample.gradient.square() * share)


def test_more_bits_have_less_error() -> None:
    """An error falls by about 16 times with two bits more."""
    errors = []
    for bits in (4, 6, 8):
        plan = calibrate_graph(
            small_graph(), pictures(6), PREPROCESSING, CalibrationOptions(activation_bits=bits), {"made": "test"}
        )
        graph = plan.graph
        sites = {site.name: site for site in find_sites(graph)}
        search = Search(graph, sites, captured(graph), dict(plan.tensors), dict.fromkeys(plan.weights, 8))
        errors.append(search.site_error("silu", plan.tensors["silu"]))
    assert errors[0] > 4 * errors[1] > 16 * errors[2]


def test_a_tie_everywhere_is_refused() -> None:
    """One search may tie; most of them may not."""
    check_distinct([True, False, False], "m")
    with pytest.raises(BadInput, match="2 of 3 searches tied"):
        check_distinct([True, True, False], "m")


def test_candidates_are_those_of_the_paper() -> None:
    """A hundred from 0.012 to 1.2, the last one included."""
    assert len(FACTORS) == 100
    assert FACTORS[0] == pytest.approx(0.012)
    assert FACTORS[-1] == pytest.approx(1.2)


def test_halves_are_the_ranges_of_even_and_odd_images() -> None:
    """Each half's range is that of its images; together they are everything."""
    graph = small_graph()
    sites = find_sites(graph)
    images = pictures(5)
    found = observe(graph, sites, images, seed=0)
    for half in (0, 1):
        alone = observe(graph, sites, images[half::2], seed=0)
        for name, observation in found.items():
            assert np.array_equal(observation.halves[half], np.stack([alone[name].low, alone[name].high])), name
    for observation in found.values():
        assert np.array_equal(observation.halves[:, 0].min(axis=0), observation.low)


def test_q_hyvit_does_not_trust_a_channel_s_own_images() -> None:
    """Where one half of the images takes a channel ten times as far as the other, covering little clips the other half:
    the search sees it and keeps a range at least as wide as what was seen."""
    images = pictures(8)
    images[1::2] //= 16  # the odd images are nearly black
    plan = calibrate_graph(
        small_graph(), images, PREPROCESSING, CalibrationOptions(method="q-hyvit", bridge=False), {"made": "test"}
    )
    seen = observe(small_graph(), find_sites(small_graph()), images, seed=0)["silu"]
    chosen = plan.tensors["silu"]
    assert max(chosen.high) >= 0.95 * float(seen.high.max())
