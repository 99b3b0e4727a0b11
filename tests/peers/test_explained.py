"""Differences that the table explains: the cause is the whole cause. And the comparisons can fail."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from functools import partial

import numpy as np
import pytest
from numpy.random import Generator
from peers import constants, draws, ort, tflite_cases, tosa_elementwise
from peers.comparison import Comparison, Count, compared
from peers.layers import Array, Elementwise
from peers.ours import Profile, profile
from peers.tflite_cases import DRAWS, MICRO, REFERENCE, XNNPACK, Draw, Runtime, against
from peers.tflite_models import model

from bittrue.calibration.lowering.tables import FUNCTIONS
from bittrue.spec.datapath import Datapath

TRIALS = 12


def counted(ours: Profile, runtime: Runtime, draw: Draw, trials: int = TRIALS) -> Count:
    """A profile against a runtime, by the same random layers for every profile."""
    return Comparison("", "", runtime.name, partial(against, runtime, ours, draw), trials).count()


def test_litert_and_tflite_micro_differ_where_the_two_rules_of_linear_differ() -> None:
    """LiteRT's fully connected rounds once, half away, TFLite Micro's twice: the same elements differ in both."""
    rng, differing = np.random.default_rng(1), 0
    once, twice = profile("tflite_reference"), profile("cmsis_nn")
    for _ in range(60):
        layer, codes = draws.fully_connected(rng, per_channel=True)
        built = model(layer)
        theirs = REFERENCE.run(built, codes) != MICRO.run(built, codes)
        np.testing.assert_array_equal(once.layer(layer, codes) != twice.layer(layer, codes), theirs)
        differing += int(theirs.sum())
    assert differing > 0


def test_sigmoid_of_litert_differs_next_to_ties_only() -> None:
    """LiteRT's float32 is wrong by some 2**-22: only entries whose true value is that near a tie can differ."""
    line = next(line for line in tflite_cases.comparisons() if line.cause and line.op == "table, sigmoid")
    rng, ours, differing = line.rng(), profile("tflite_reference"), 0
    for _ in range(line.trials):
        layer, codes = draws.pointwise(rng, "sigmoid")
        exact, theirs = ours.layer(layer, codes), REFERENCE.run(model(layer), codes)
        for code in codes[0][exact != theirs]:
            x = (int(code) - layer.x.zero_point) * Fraction(layer.x.scale)
            above = FUNCTIONS["sigmoid"](x) * 256 % 1
            assert abs(above - Fraction(1, 2)) < Fraction(1, 1 << 12)
            differing += 1
    assert differing > 0


def test_quantize_of_xnnpack_has_eight_fraction_bits() -> None:
    """With the float32 rule of the profile's other ops QUANTIZE would differ."""
    ours = profile("tflite_xnnpack", XNNPACK.constants)
    description = ours.datapath.model_dump(mode="json", exclude_none=True)
    del description["requantization"]["of"]["concat"]
    changed = replace(ours, datapath=Datapath.model_validate(description))
    draw = DRAWS["requantize (QUANTIZE)"][0]
    assert counted(changed, XNNPACK, draw).mismatches > 0
    assert counted(ours, XNNPACK, draw).mismatches == 0


@pytest.mark.parametrize(
    "name, made, runtime, op",
    [
        ("cmsis_nn", REFERENCE.constants, REFERENCE, "linear, per tensor"),
        ("tflite_reference", MICRO.constants, MICRO, "linear, per channel"),
        ("cmsis_nn_single", REFERENCE.constants, REFERENCE, "conv2d"),
        ("cmsis_nn_single", REFERENCE.constants, REFERENCE, "mul"),
        ("cmsis_nn_single", REFERENCE.constants, REFERENCE, "add"),
        ("tflite_xnnpack", XNNPACK.constants, REFERENCE, "mean"),
        ("tflite_xnnpack", XNNPACK.constants, REFERENCE, "matmul"),
        ("tosa_single", REFERENCE.constants, REFERENCE, "avg_pool2d"),
        ("tosa_double", REFERENCE.constants, XNNPACK, "conv2d, depthwise"),
        ("tflite_xnnpack", XNNPACK.constants, REFERENCE, "conv2d"),
    ],
)
def test_another_profile_differs(name: str, made: constants.Constants, runtime: Runtime, op: str) -> None:
    """A profile against a runtime that it is not named after: some elements differ, by little."""
    count = counted(profile(name, made), runtime, DRAWS[op][0], trials=60)
    assert count.mismatches > 0
    assert count.largest <= 2


def test_another_rounding_of_tosa_differs() -> None:
    """SINGLE_ROUND's add against the reference model in DOUBLE_ROUND."""
    made = constants.Gemmlowp(lifted_multipliers=True)
    trial = partial(tosa_elementwise.against, profile("tosa_single", made), "add", True)
    assert Comparison("", "", "", trial, TRIALS).count().mismatches > 0


def test_the_zero_point_of_onnx_runtimes_mul_stands_in_front_of_the_rounding() -> None:
    """XNNPACK's mul, which adds it behind, differs from ONNX Runtime's at ties: with odd zero points."""

    def trial(rng: Generator) -> tuple[Array, Array]:
        drawn, codes = draws.elementwise(rng, "mul")
        a, b, y = (replace(tensor, scale=2.0**-5) for tensor in (drawn.a, drawn.b, drawn.y))
        layer = Elementwise("mul", a, b, replace(y, zero_point=y.zero_point | 1))
        return behind.layer(layer, codes), ort.run(layer, codes)

    behind = profile("tflite_xnnpack", constants.OnnxRuntime())
    rng = np.random.default_rng(3)
    total = sum((compared(*trial(rng)) for _ in range(TRIALS)), Count())
    assert total.mismatches > 0
    assert total.largest == 1
