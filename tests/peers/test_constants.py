"""Lowering makes the constants that the runtimes make: its exact fractions against their floats."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from op_parts import tensor
from peers import draws, nonlinear_constants
from peers.constants import Constants, Float32, Gemmlowp, OnnxRuntime, Ports
from peers.layers import Codes
from peers.tables import concat_table

from bittrue.calibration.lowering.add import KINDS
from bittrue.calibration.lowering.concat import float32_table
from bittrue.calibration.lowering.constants import requantizer
from bittrue.calibration.lowering.ieee import quotient
from bittrue.calibration.lowering.pooling import truncated
from bittrue.calibration.lowering.softmax.gemmlowp import constants as softmax_constants
from bittrue.hw_configs.load import load_datapath
from bittrue.spec.tensors import TensorSpec
from bittrue.spec.units.softmax import GemmlowpSoftmax

CASES = 400
MADE: dict[str, Constants] = {
    "tflite_reference": Gemmlowp(),
    "cmsis_nn": Gemmlowp(mul_in_double=True),
    "tflite_xnnpack": Float32(),
    "onnxruntime": OnnxRuntime(),
    "tosa_single": Gemmlowp(lifted_multipliers=True),
    "tosa_double": Gemmlowp(),
}


def spec(codes: Codes) -> TensorSpec:
    """The tensor as lowering knows it."""
    made = tensor("t", codes.shape, zero_point=(codes.zero_point,))
    return TensorSpec(made.name, made.shape, made.bits, made.signed, (codes.scale,), made.zero_point, None)


def same(found: Ports, runtime: Ports) -> bool:
    """Whether the constants are equal; float32 ones are compared as bits."""
    bits = {name: value.view(np.int32) if value.dtype == np.float32 else value for name, value in runtime.items()}
    return all((np.asarray(found[name]).reshape(-1) == np.asarray(bits[name]).reshape(-1)).all() for name in bits)


@pytest.mark.parametrize("name", MADE)
def test_add(name: str) -> None:
    """Every multiplier and shift of random scales."""
    rng, unit = np.random.default_rng(0), load_datapath(name).add
    assert unit is not None
    for _ in range(CASES):
        layer, _ = draws.elementwise(rng, "add")
        found = KINDS[unit.kind](unit, spec(layer.a), spec(layer.b), spec(layer.y))
        assert same(found, MADE[name].add(layer.a.scale, layer.b.scale, layer.y.scale))


@pytest.mark.parametrize("name", ["tflite_reference", "cmsis_nn", "tflite_xnnpack", "onnxruntime"])
def test_mul(name: str) -> None:
    """The ratio in the precision that `[mul] ratio` names."""
    rng, datapath = np.random.default_rng(1), load_datapath(name)
    for _ in range(CASES):
        layer, _ = draws.elementwise(rng, "mul")
        scales = [Fraction(codes.scale) for codes in (layer.a, layer.b, layer.y)]
        ratio = quotient((scales[0], scales[1]), scales[2], datapath.mul.ratio)
        found = requantizer([ratio], datapath.requantizer("mul"), spec(layer.y))
        assert same(found, MADE[name].mul(layer.a.scale, layer.b.scale, layer.y.scale))


def test_mean_of_tflite() -> None:
    """The count divides the multiplier and is truncated."""
    rng, unit = np.random.default_rng(2), load_datapath("tflite_reference").requantizer("mean")
    for _ in range(CASES):
        layer, _ = draws.mean(rng)
        x, y, count = layer.x.scale, layer.y.scale, int(rng.integers(1, 4097))
        assert same(truncated(Fraction(x), Fraction(y), count, unit), Gemmlowp().mean(x, y, count))


def test_softmax_of_tflite() -> None:
    """Multiplier, shift and the lowest difference."""
    rng, unit = np.random.default_rng(3), load_datapath("tflite_reference").softmax
    assert isinstance(unit, GemmlowpSoftmax)
    for _ in range(CASES):
        scale = draws.scale(rng, 1e-4, 8.0)
        assert same(softmax_constants(unit, 8, Fraction(scale)), nonlinear_constants.softmax(scale, 1.0))


def test_concat_of_onnx_runtime() -> None:
    """The float32 table of every input code."""
    rng = np.random.default_rng(4)
    for _ in range(CASES):
        layer, _ = draws.concat(rng)
        x, y = layer.inputs[0], layer.y
        np.testing.assert_array_equal(float32_table(spec(x), spec(y)), concat_table(x, y))


@pytest.mark.parametrize(
    "name, op", [("tflite_xnnpack", "conv2d"), ("onnxruntime", "linear"), ("onnxruntime", "matmul")]
)
def test_a_float32_scale_is_within_one_unit_of_the_runtimes(name: str, op: str) -> None:
    """The runtimes round the product and the quotient of scales to float32, lowering the exact ratio once."""
    rng, unit = np.random.default_rng(6), load_datapath(name).requantizer(op)
    distances = []
    for _ in range(CASES):
        x, w, y = (draws.scale(rng, 1e-3, 0.5) for _ in range(3))
        found = requantizer([Fraction(x) * Fraction(w) / Fraction(y)], unit, tensor("y", (1,)))["multiplier"]
        distances.append(abs(int(found[0]) - int(MADE[name].weighted(x, (w,), y)["multiplier"].view(np.int32)[0])))
    assert max(distances) == 1
    assert sum(distances) < CASES // 2


def test_the_multiplier_of_tflites_matmul_has_24_bits_in_common() -> None:
    """LiteRT rounds the product of the two scales to float32, lowering does not."""
    rng, unit = np.random.default_rng(7), load_datapath("tflite_reference").requantizer("matmul")
    for _ in range(CASES):
        a, b, y = (draws.scale(rng, 1e-3, 0.5) for _ in range(3))
        found = requantizer([Fraction(a) * Fraction(b) / Fraction(y)], unit, tensor("y", (1,)))
        runtime = Gemmlowp().matmul(a, b, y)
        values = [Fraction(int(pair["multiplier"][0]), 1 << int(pair["shift"][0])) for pair in (found, runtime)]
        assert abs(values[0] - values[1]) <= values[0] / (1 << 24) + Fraction(1, 1 << int(found["shift"][0]))


@pytest.mark.parametrize("name", ["tflite_reference", "cmsis_nn", "tosa_double"])
def test_conv2d_and_linear(name: str) -> None:
    """TFLite's ratio in double is the exact one, but for one in some millions that lies next to a tie."""
    rng, unit = np.random.default_rng(5), load_datapath(name).requantizer("conv2d")
    for _ in range(CASES):
        x, w, y = (draws.scale(rng, 1e-3, 0.5) for _ in range(3))
        found = requantizer([Fraction(x) * Fraction(w) / Fraction(y)], unit, tensor("y", (1,)))
        assert same(found, MADE[name].weighted(x, (w,), y))
