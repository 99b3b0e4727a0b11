"""bench bridges: quantizers by hand, sums against formulas, what is clamped and what keeps its name."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from small_models import PREPROCESSING, pictures, small_graph, small_plan

from bittrue.calibration.bridge import bridge_activations
from bittrue.calibration.float_run import FloatRunner
from bittrue.calibration.images import find_images
from bittrue.calibration.observe import Observation
from bittrue.calibration.options import CalibrationOptions
from bittrue.calibration.sites import Site
from bittrue.golden.fidelity import sqnr_db
from bittrue.hw_configs.load import load_datapath
from bittrue.reports.bridge_data import QUANTIZERS
from bittrue.spec.errors import BadInput
from bittrue.workflow.accuracy.cases import Bits
from bittrue.workflow.accuracy.run import CaseRunner, Change
from bittrue.workflow.accuracy.sources import EvaluationImages, FloatModel
from bittrue.workflow.accuracy.store import Store
from bittrue.workflow.bridges import schemes, zero_points
from bittrue.workflow.bridges.activations import measure, observed, watched
from bittrue.workflow.bridges.histograms import Wanted, by_granularity, by_overflow, histograms
from bittrue.workflow.bridges.quantizers import codes_of, quantize, replanned

SITE = Site("x", (1, 2, 1, 1), 1, (0, 0), (False,), False, False)
SEEN = Observation(np.array([-1.0, 3.0]), np.array([1.55, 5.55]), np.zeros((2, 1), np.float32), np.zeros((2, 2, 2)))
"""Two channels of the same width, one on both sides of 0 and one far on one side of it: scales of 0.01."""


def test_the_quantizers_by_hand() -> None:
    """Zero points -128 - low / scale; clamped to -128 with the same scale; of a range that holds 0 a code."""
    found = {name: codes_of(name, SITE, SEEN) for name in QUANTIZERS}
    assert found["channel"].scale.tolist() == pytest.approx([0.01, 0.01])
    assert found["channel"].zero_point.tolist() == [-28, -428]
    assert found["channel clamped"].zero_point.tolist() == [-28, -128]
    assert found["channel clamped"].scale.tolist() == found["channel"].scale.tolist()
    assert found["channel widened"].scale.tolist() == pytest.approx([0.01, 5.55 / 255])
    assert found["channel widened"].zero_point.tolist() == [-28, -128]
    assert found["layer"].scale.tolist() == pytest.approx([6.55 / 255] * 2)
    assert set(found["layer symmetric"].zero_point) == set(found["channel symmetric"].zero_point) == {0}
    padded = codes_of("channel", replace(SITE, padded=True), SEEN)
    assert padded.zero_point.tolist() == found["channel widened"].zero_point.tolist()


def test_a_clamped_zero_point_clips() -> None:
    """4.0 is code 400 - 428 = -28 of the wide zero point, and past 127 of the clamped one, which says 2.55."""
    values = np.array([[0.5], [4.0]], np.float32)
    for name, expected, clipped in (("channel", 4.0, False), ("channel clamped", 2.55, True)):
        found, past = quantize(values, codes_of(name, SITE, SEEN))
        assert found[:, 0].tolist() == pytest.approx([0.5, expected], rel=1e-6)
        assert past[:, 0].tolist() == [False, clipped]


# ------------------------------------------------------------------------------------------------- single activations


def test_activations_are_measured_as_said() -> None:
    """SQNR and clipped share of one activation, pooled over channels and images, against the plain formulas; seen
    images clip nothing that the range holds."""
    graph = small_graph()
    names, images, other = watched(graph), pictures(3), pictures(2, seed=9)
    ranges = observed(graph, names, images)
    told: list[int] = []
    found = {
        each.tensor: each
        for each in measure(graph, "small", names, ranges, iter(images[:, None]), iter(other[:, None]), told.append)
    }
    assert tuple(found) == bridge_activations(graph) and told == [1, 2, 3, 4, 5]
    name = next(name for name, each in found.items() if len(each.channels) > 1)
    values = np.concatenate(
        [
            names[name].lines(tensor.numpy())
            for image in other
            for tensor_name, tensor in FloatRunner(graph).tensors(image[None])
            if tensor_name == name
        ],
        axis=1,
    )
    each = found[name]
    assert [channel.low for channel in each.channels] == ranges[name].low.tolist()
    for quantizer in ("layer", "channel clamped"):
        quantized, past = quantize(values, codes_of(quantizer, names[name].site, ranges[name]))
        noise = ((quantized.astype(np.float64) - values) ** 2).sum(axis=1)
        signal = (values.astype(np.float64) ** 2).sum(axis=1)
        assert math.isclose(each.fits[quantizer].sqnr_db, sqnr_db(signal.sum(), noise.sum()), rel_tol=1e-6)
        assert math.isclose(each.channels[1].fits[quantizer].sqnr_db, sqnr_db(signal[1], noise[1]), rel_tol=1e-6)
        assert math.isclose(each.fits[quantizer].clipped, past.mean())
    assert each.seen["channel"].clipped == 0 and each.seen["channel"].sqnr_db > each.seen["layer"].sqnr_db


def test_histograms_count_every_value() -> None:
    """As many quantized as real ones; an exact quantizer gives the same counts as the values."""
    graph = small_graph()
    names, images = watched(graph), pictures(2)
    ranges = observed(graph, names, images)
    seen = measure(graph, "small", names, ranges, iter(images[:, None]), iter(images[:, None]), lambda done: None)
    wanted = (*by_granularity(seen), *by_overflow(seen))
    assert wanted[0].channel is None and wanted[1].tensor == wanted[0].tensor and wanted[1].channel is not None
    for each in histograms(graph, "small", wanted, names, ranges, iter(images[:, None])):
        site = names[each.tensor].site
        count = 2 * math.prod(site.shape) // (1 if each.channel is None else len(site.groups))
        assert each.real.sum() == count
        assert all(counts.sum() == count and len(counts) == len(each.edges) - 1 for counts in each.quantized.values())


def test_a_clamped_histogram_reaches_what_is_left() -> None:
    """All values of a channel of 3 to 5.55 that clamping clips stand in bins of their own, below the real ones."""
    edges = histogram_edges()
    assert edges[0] <= 2.55 < 3.0 < edges[-1] and math.isclose(edges[1] - edges[0], 0.04, rel_tol=1e-5)


def histogram_edges() -> np.ndarray:
    from bittrue.workflow.bridges.histograms import _edges

    names = ("channel", "channel clamped")
    return _edges(Wanted("x", 1, names), {name: codes_of(name, SITE, SEEN) for name in names}, SEEN)


# --------------------------------------------------------------------------------------------------------- zero points


def test_only_bridge_zero_points_are_clamped() -> None:
    """A zero point of 300 becomes 127 at a bridge activation and stays elsewhere; scales stay."""
    plan = small_plan()
    bridge = bridge_activations(plan.graph)[0]
    other = next(name for name in plan.tensors if name not in bridge_activations(plan.graph) and name != "fc")
    moved = {name: replace(plan.tensors[name], zero_point=(300,)) for name in (bridge, other)}
    plan = replace(plan, tensors={**plan.tensors, **moved})
    assert zero_points.overflow_of(plan) == zero_points.Overflow({bridge: 1, other: 1}, (bridge,))
    found = zero_points.clamped_at_bridges(plan, load_datapath("paper_q_hyvit"))
    assert found.tensors[bridge].zero_point == (127,) and found.tensors[bridge].scale == plan.tensors[bridge].scale
    assert {name: tensor for name, tensor in found.tensors.items() if name != bridge} == {
        name: tensor for name, tensor in plan.tensors.items() if name != bridge
    }


def test_the_twin_differs_in_zero_points_alone() -> None:
    """Wide, wide but at bridges, clamped; a datapath that does not clamp is refused."""
    clamped = load_datapath("paper_q_hyvit")
    found = zero_points.variants(clamped, lambda model, quantizer: Change(quantizer, lambda plan: plan))
    wide = found[0].datapath
    assert wide.tensors.zero_points == "wide"
    assert wide.model_copy(update={"name": clamped.name, "tensors": clamped.tensors}) == clamped == found[2].datapath
    assert [each.step for each in found] == ["wide", "clamped at bridges", "clamped", "wide", "clamped at bridges"]
    with pytest.raises(BadInput, match="does not clamp"):
        zero_points.clamping(load_datapath("iot_npu"))


def test_a_replanned_tensor_has_the_quantizer_s_codes() -> None:
    """And the weights behind it the scales of what is folded into them; other tensors stay."""
    plan = small_plan()
    names = watched(plan.graph)
    ranges = observed(plan.graph, names, pictures(4))
    sites = {name: each.site for name, each in names.items()}
    found = replanned(plan, sites, ranges, "channel")
    for name in plan.tensors:
        if name not in names:
            assert found.tensors[name] == plan.tensors[name]
            continue
        codes = codes_of("channel", names[name].site, ranges[name])
        assert np.allclose(found.tensors[name].scale, codes.scale)
        assert found.tensors[name].zero_point == tuple(codes.zero_point.astype(int))
    assert found.weights["qkv"] != plan.weights["qkv"] and found.weights["fc"] == plan.weights["fc"]


def test_a_change_has_a_name_of_its_own(tmp_path: Path) -> None:
    """What is kept of a changed plan is not taken for the plan's."""
    from PIL import Image

    for index, picture in enumerate(pictures(3)):
        Image.fromarray(picture.transpose(1, 2, 0)).save(tmp_path / f"{index}.png")

    def keys(change: Change | None) -> tuple[str, str]:
        found = find_images(tmp_path)
        runner = CaseRunner(
            FloatModel("small", "small", "w", PREPROCESSING, small_graph),
            calibration=found,
            evaluation=EvaluationImages.of(found),
            datapath=load_datapath("iot_npu"),
            store=Store(tmp_path / "out"),
            change=change,
        )
        (case,) = schemes.cases(["small"], "minmax", [Bits(8, 8)], seeds=1, calibration_images=2, images=2)[:1]
        return runner.keys(case)

    assert len({keys(None), keys(Change("a", lambda plan: plan)), keys(Change("b", lambda plan: plan))}) == 3


# ------------------------------------------------------------------------------------------------------------- schemes


def test_the_cases_of_the_scheme_differ_in_nothing_else() -> None:
    """Three schemes a seed where the method searches, two where it does not; widths are those of bench accuracy."""
    found = schemes.cases(["x"], "q-hyvit", [Bits(8, 8)], seeds=2, calibration_images=32, images=10)
    assert [(case.step, case.options.seed) for case in found] == [
        (scheme, seed) for seed in (0, 1) for scheme in ("symmetric", "asymmetric", "searched")
    ]
    plain = CalibrationOptions(method="q-hyvit", preactivation_bits=16, residual_bits=8, score_bits=8)
    assert {replace(case.options, bridge_scheme="searched", seed=0) for case in found} == {plain}
    assert found[2].options == plain, "bench accuracy's own plan, under its own name"
    assert len(schemes.cases(["x"], "minmax", [Bits(8, 8)], seeds=1, calibration_images=32, images=10)) == 2
    (mixed,) = schemes.cases(["x"], "minmax", [Bits(6, 6, mixed=True)], seeds=1, calibration_images=2, images=2)[:1]
    assert (mixed.options.weight_budget, mixed.options.activation_budget, mixed.options.weight_bits) == (6, 6, 8)
