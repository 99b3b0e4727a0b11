"""Scales and zero points from ranges, and the methods that choose ranges."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from small_models import small_graph, small_plan

from bittrue.calibration.options import CalibrationOptions
from bittrue.calibration.quantize import Range, scale_and_zero_point
from bittrue.spec.errors import BadInput


def test_asymmetric_codes_cover_the_range_with_a_wide_zero_point() -> None:
    """Channel in [3, 5] of quantization research fact 8: the true zero point is -511, not clamped."""
    scale, zero = scale_and_zero_point(Range(3.0, 5.0), 8, symmetric=False, with_zero=False)
    assert scale == 2.0 / 255
    assert zero == -128 - 383  # 3 / (2/255) = 382.5, half up


def test_a_padded_tensor_has_zero_as_a_code() -> None:
    """With zero kept inside, the zero point is a code."""
    scale, zero = scale_and_zero_point(Range(3.0, 5.0), 8, symmetric=False, with_zero=True)
    assert (scale, zero) == (5.0 / 255, -128)


def test_symmetric_codes_have_zero_point_zero() -> None:
    """The larger end decides."""
    assert scale_and_zero_point(Range(-1.0, 2.54), 8, symmetric=True, with_zero=False) == (0.02, 0)


@pytest.mark.parametrize("value", [0.0, 7.0, -7.0])
def test_constant_tensors_get_a_usable_scale(value: float) -> None:
    """No division by zero, and the constant is representable."""
    scale, zero = scale_and_zero_point(Range(value, value), 8, symmetric=False, with_zero=False)
    code = min(max(round(value / scale) + zero, -128), 127)
    assert scale > 0
    assert abs(scale * (code - zero) - value) <= scale


@pytest.mark.parametrize(("low", "high"), [(0.99999994, 1.0), (5.0, 5.0000005), (20.0, 20.001), (-3.0001, -3.0)])
def test_nearly_constant_tensors_get_a_zero_point_that_folds(low: float, high: float) -> None:
    """One unit of float32 noise is no range to spend 256 codes on."""
    scale, zero = scale_and_zero_point(Range(low, high), 8, symmetric=False, with_zero=False)
    assert abs(zero) <= 1 << 12
    assert scale * (127 - zero) >= high - scale
    assert scale * (-128 - zero) <= low + scale


def test_a_row_of_zeros_gets_the_kindest_scale() -> None:
    """A dead output channel must not ask for the longest shift: its ratio is 1."""
    graph = small_graph()
    weight, bias = (np.array(graph.parameters[f"project/{role}"]) for role in ("weight", "bias"))
    weight[3], bias[3] = 0, 0
    parameters = {**graph.parameters, "project/weight": weight, "project/bias": bias}
    plan = small_plan(graph=dataclasses.replace(graph, parameters=parameters))
    ratio = plan.weights["project"].scale[3] * plan.tensors["silu_2"].scale[0] / plan.tensors["project"].scale[0]
    assert ratio == pytest.approx(1.0)


def test_logits_are_searched_at_their_own_width() -> None:
    """Of 16-bit logits mse clips less than of 3-bit ones: the range is searched for the logits' own steps."""
    wide = small_plan(CalibrationOptions(method="mse")).tensors["fc"]
    narrow = small_plan(CalibrationOptions(method="mse", output_bits=3)).tensors["fc"]
    assert wide.scale[0] * 65535 > narrow.scale[0] * 7


def test_the_image_input_is_exact() -> None:
    """With mean 0 and std 1 the 256 pixel values are the 256 codes."""
    plan = small_plan()
    assert plan.tensors["input"].scale == (1 / 255,)
    assert plan.tensors["input"].zero_point == (-128,)


def test_channel_granularity_is_where_it_is_free() -> None:
    """Where every reader folds the scales into weights, or is depthwise; never at residuals or products."""
    plan = small_plan(CalibrationOptions(activation_granularity="channel"))
    per_channel = {name for name, tensor in plan.tensors.items() if len(tensor.scale) > 1}
    assert per_channel == {"silu_1", "silu_2", "qkv", "norm"}  # qkv: its three parts
    assert set(plan.tensors["norm"].zero_point) == {0}  # the norm unit adds one for all
    assert len(set(plan.tensors["silu_1"].scale)) > 1


def test_bits_are_a_parameter() -> None:
    """Codes follow the asked widths."""
    plan = small_plan(CalibrationOptions(activation_bits=6, weight_bits=4, output_bits=12))
    assert plan.tensors["stem"].bits == 6
    assert plan.weights["stem"].bits == 4
    assert plan.tensors["fc"].bits == 12


def test_weight_granularity_tensor_gives_one_scale() -> None:
    """One scale for all output channels."""
    plan = small_plan(CalibrationOptions(weight_granularity="tensor"))
    assert all(len(weight.scale) == 1 for weight in plan.weights.values())


def test_mse_clips_an_outlier_that_minmax_keeps() -> None:
    """A single weight 16 times the others: at 4 bits its range costs more than clipping it."""
    graph = small_graph()
    weight = np.array(graph.parameters["project/weight"])
    weight[0] = 0.01 * np.sign(weight[0])
    weight[0, 0] = 0.02
    parameters = {**graph.parameters, "project/weight": weight}
    changed = dataclasses.replace(graph, parameters=parameters)
    options = CalibrationOptions(weight_bits=2)
    keep, clip = (
        small_plan(dataclasses.replace(options, method=method), changed).weights["project"].scale[0]
        for method in ("minmax", "mse")
    )
    assert keep == pytest.approx(0.02, rel=1e-6)
    assert clip < 0.7 * keep


@pytest.mark.parametrize(
    "options",
    [
        CalibrationOptions(method="guess"),
        CalibrationOptions(activation_bits=1),
        CalibrationOptions(weight_bits=17),
        CalibrationOptions(weight_granularity="row"),  # type: ignore[arg-type]
        CalibrationOptions(activation_scheme="odd"),  # type: ignore[arg-type]
    ],
)
def test_impossible_options_are_refused(options: CalibrationOptions) -> None:
    """The error names the option."""
    with pytest.raises(BadInput) as caught:
        small_plan(options)
    assert caught.value.where.startswith("--")


def test_a_model_that_overflows_is_refused() -> None:
    """A value that is not finite is found at its tensor."""
    graph = small_graph()
    parameters = {**graph.parameters, "expand/bias": np.full(16, np.inf, np.float32)}
    with pytest.raises(BadInput) as caught:
        small_plan(graph=dataclasses.replace(graph, parameters=parameters))
    assert "expand" in caught.value.where


def test_the_same_seed_gives_the_same_plan() -> None:
    """Calibration is deterministic."""
    graph = small_graph()
    assert (
        small_plan(CalibrationOptions(method="mse"), graph).digest()
        == small_plan(CalibrationOptions(method="mse"), graph).digest()
    )
