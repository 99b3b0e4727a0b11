"""Successive rounding and the pass that fits layers to what their inputs have become."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import product

import numpy as np
import pytest
import torch
from small_models import PREPROCESSING, pictures, small_graph, small_plan

from bittrue.calibration.batch_run import BatchRunner
from bittrue.calibration.calibrate import calibrate_graph
from bittrue.calibration.lowering.lower import lower_plan
from bittrue.calibration.options import CalibrationOptions
from bittrue.calibration.plan import QuantPlan
from bittrue.calibration.quantized_run import QuantizedRunner
from bittrue.calibration.reconstruction.compensate import Moments, compensate
from bittrue.calibration.reconstruction.successive import damped, round_successively
from bittrue.golden.reference import Reference
from bittrue.hw_configs.load import load_datapath
from bittrue.simulator.engine import Simulator
from bittrue.spec.errors import IllFormed

IMAGES = torch.from_numpy(pictures(16, seed=9))


def output_error(codes: torch.Tensor, weight: torch.Tensor, covariance: torch.Tensor, scale: float) -> float:
    """The mean squared error of one row's output."""
    error = (codes * scale - weight).reshape(-1)
    return float(error @ covariance[0] @ error)


def test_independent_inputs_are_rounded_to_nearest() -> None:
    """With a diagonal covariance no column can make up for another, in whatever order they come."""
    weight = torch.tensor([[[0.26, -1.74, 3.4, 0.1]]], dtype=torch.float64)
    covariance = torch.diag(torch.tensor([1.0, 4.0, 0.5, 2.0], dtype=torch.float64))[None]
    codes = round_successively(weight, covariance, torch.tensor([[0.5]], dtype=torch.float64), 7)
    assert codes.tolist() == [[[1.0, -3.0, 7.0, 0.0]]]


def test_equal_inputs_share_what_rounding_takes() -> None:
    """Two inputs that are always alike: 0.4 and 0.4 become 1 and 0, whose sum is nearer to 0.8 than 0 and 0."""
    covariance = damped(torch.ones((1, 2, 2), dtype=torch.float64), 1e-3)
    codes = round_successively(
        torch.full((1, 1, 2), 0.4, dtype=torch.float64), covariance, torch.ones((1, 1), dtype=torch.float64), 7
    )
    assert sorted(codes.flatten().tolist()) == [0.0, 1.0]


def test_successive_rounding_is_between_nearest_and_exhaustive() -> None:
    """Over random layers the mean error is below nearest rounding's and never below that of all floor/ceil choices."""
    random = torch.Generator().manual_seed(0)
    totals = [0.0, 0.0, 0.0]
    for _ in range(20):
        weight = torch.randn((1, 1, 5), generator=random, dtype=torch.float64)
        mixed = torch.randn((5, 5), generator=random, dtype=torch.float64)
        covariance = (mixed @ mixed.T)[None]
        codes = round_successively(weight, covariance, torch.full((1, 1), 0.5, dtype=torch.float64), 100)
        floors = torch.floor(weight / 0.5)
        choices = [floors + torch.tensor(bits, dtype=torch.float64) for bits in product((-1, 0, 1, 2), repeat=5)]
        found = [output_error(c, weight, covariance, 0.5) for c in (torch.round(weight / 0.5), codes)]
        best = min(output_error(c, weight, covariance, 0.5) for c in choices)
        assert best <= found[1] + 1e-12
        totals = [a + b for a, b in zip(totals, (*found, best), strict=True)]
    assert totals[2] <= totals[1] < totals[0]


def logits_error(plan: QuantPlan) -> float:
    """Squared error of the logits on other images than the passes saw."""
    images = torch.from_numpy(pictures(8, seed=21))
    with torch.no_grad():
        reference = BatchRunner(plan.graph).forward(images)
    return float((QuantizedRunner(plan).batch_logits(images) - reference).square().sum())


def test_compensation_takes_most_of_the_damage_of_three_bit_weights() -> None:
    """On images it did not see, weights that were moved by rounding alone, or by least squares, err less."""
    plan = small_plan(CalibrationOptions(weight_bits=3))
    plain = logits_error(plan)
    for ridge in (math.inf, 1.0):
        learned = compensate(plan, IMAGES, ridge=ridge)
        assert logits_error(replace(plan, learned=learned)) < plain / 2


def test_codes_fit_their_bits_and_cover_every_layer() -> None:
    """Each weight has codes of its shape within the plan's width, and each layer a bias."""
    plan = small_plan(CalibrationOptions(weight_bits=4, activation_granularity="channel"))
    learned = compensate(plan, IMAGES, ridge=0.5)
    assert set(learned) == {f"{name}/{role}" for name in plan.weights for role in ("weight", "bias")}
    for name in plan.weights:
        codes = learned[f"{name}/weight"]
        assert codes.shape == plan.graph.parameters[f"{name}/weight"].shape
        assert codes.dtype == np.int8
        assert np.abs(codes).max() <= 7


def test_learned_codes_are_the_program_s() -> None:
    """Lowering takes the learned codes and biases, and simulator and reference agree on them."""
    plan = small_plan(CalibrationOptions(weight_bits=4, activation_granularity="channel"))
    plan = replace(plan, learned=compensate(plan, IMAGES, ridge=0.5))
    program = lower_plan(plan, load_datapath("iot_npu"), {})
    for name in plan.weights:
        assert np.array_equal(program.constants[f"{name}/weight"], plan.learned[f"{name}/weight"])
    for image in pictures(2, seed=5):
        fast = Simulator(program).run(image[None]).tensors
        for tensor, codes in Reference(program).run(image[None]).tensors.items():
            assert np.array_equal(fast[tensor], codes), tensor


def test_learned_rounding_is_refused_where_weights_get_other_scales() -> None:
    """Powers of two change every weight's scale: codes that were learned for the old ones mean nothing there."""
    plan = small_plan(CalibrationOptions(weight_bits=4))
    plan = replace(plan, learned=compensate(plan, IMAGES, ridge=0.5))
    path = load_datapath("vta").supplied_by(load_datapath("iot_npu"))
    with pytest.raises(IllFormed, match="was learned for scales"):
        lower_plan(plan, path, {})


def test_best_is_no_worse_than_its_search_on_held_out_images() -> None:
    """Of the variants the one with the least error on images that the passes did not see is taken."""
    options = CalibrationOptions(method="best", weight_bits=3)
    plan = calibrate_graph(small_graph(), pictures(20), PREPROCESSING, options, {"made": "test"})
    assert plan.learned
    assert logits_error(plan) < logits_error(replace(plan, learned={}))


def test_inputs_far_from_zero_keep_a_covariance() -> None:
    """Counted in float32 in several parts, inputs whose mean is 10,000 deviations have no negative eigenvalue."""
    random = torch.Generator().manual_seed(3)
    x = 1000 + 0.1 * torch.randn((1, 512, 16), generator=random)
    moments = Moments(groups=1)
    for part in x.split(128, dim=1):
        moments.add(part, part[0, :, :2])
    wanted = torch.cov(x[0].double().T, correction=0)
    assert torch.linalg.eigvalsh(moments.covariance[0])[0] > 0.5 * torch.linalg.eigvalsh(wanted)[0]
    assert torch.allclose(moments.covariance[0], wanted, rtol=1e-2, atol=1e-5)
    assert torch.allclose(moments.cross[0], wanted[:2], rtol=1e-2, atol=1e-5)
