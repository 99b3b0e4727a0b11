"""Random stimuli of every unit that diagnosis has rules for, on iot_npu or a datapath like it."""

from __future__ import annotations

import numpy as np
from norm_parameters import norm_parameters
from numpy.typing import NDArray
from softmax_parameters import softmax_parameters

from bittrue.spec.datapath import Datapath
from bittrue.spec.units.section import Width
from bittrue.spec.vectors import Stimuli

Integers = NDArray[np.int64]
BYTE = (-128, 128)


def stimuli_of(unit: str, datapath: Datapath, *, vectors: int = 300, seed: int = 0) -> Stimuli:
    """A set named as its unit; rows have 20 elements, the MAC 20 rows of weights and 20 columns."""
    random = np.random.default_rng(seed)
    driven, constants = _arrays(unit, datapath, vectors, random)
    return Stimuli(unit, unit, "uniform", driven, constants)


def _arrays(
    unit: str, datapath: Datapath, n: int, random: np.random.Generator
) -> tuple[dict[str, Integers], dict[str, Integers]]:
    def codes(*shape: int) -> Integers:
        return random.integers(*BYTE, shape)

    def small(*shape: int) -> Integers:
        return random.integers(-30, 30, shape)

    def scaled() -> dict[str, Integers]:
        return {
            "multiplier": random.integers(1 << 30, 1 << 31, n),
            "shift": random.integers(36, 45, n),
            "zero_point": small(n),
            "low": random.choice([-128, -100, 0], n),
            "high": random.choice([127, 100], n),
        }

    if unit == "requantize":
        accumulator = random.integers(-(1 << 31), 1 << 31, n) >> random.integers(0, 20, n)
        return {"accumulator": accumulator, **scaled()}, {}
    if unit == "mul":
        operands = {"a": codes(n), "b": codes(n), "zero_point_a": small(n), "zero_point_b": small(n)}
        return {**operands, **scaled(), "shift": random.integers(36, 40, n)}, {}
    if unit == "mean":
        return {"codes": codes(n, 20), "zero_point_x": small(n), **scaled(), "shift": random.integers(33, 36, n)}, {}
    if unit == "add":
        return {
            "a": codes(n),
            "b": codes(n),
            "zero_point_a": small(n),
            "zero_point_b": small(n),
            "multiplier_a": random.integers(1 << 30, 1 << 31, n),
            "multiplier_b": random.integers(1 << 28, 1 << 31, n),
            "shift": random.integers(30, 33, n),
            "zero_point": small(n),
            "low": random.choice([-128, -100], n),
            "high": random.choice([127, 100], n),
        }, {}
    if unit == "table":
        return {"codes": np.resize(np.arange(*BYTE), n)}, {"table": codes(256), "input_low": np.array(-128)}
    if unit == "softmax":
        logits = random.integers(*BYTE, (n, 20)) >> random.integers(0, 6, (n, 1))
        return {"logits": logits}, softmax_parameters(random, datapath.required(datapath.softmax, unit), 8, 20)
    if unit == "norm":
        found = norm_parameters(random, datapath.required(datapath.norm, unit), Width(8, True), 20, 20)
        affine = {
            "multiplier": random.integers(-30000, 30000, 20),
            "bias": random.integers(-(1 << 24), 1 << 24, 20),
            "shift": np.full(20, 25),
            "zero_point": small(20),
            "low": np.full(20, -128),
            "high": np.full(20, 127),
        }
        return {"codes": codes(n, 20)}, {**found, **affine}
    if unit == "mac":
        return {"activations": codes(n, 20)}, {
            "weights": codes(20, 20),
            "bias": random.integers(-(1 << 18), 1 << 18, 20),
            "activation_zero_point": np.array(7),
            "weight_zero_point": np.array(0),
        }
    assert unit == "accumulate"
    return {
        "addends": random.integers(-(1 << 18), 1 << 18, (n, 9)),
        "bias": random.integers(-(1 << 19), 1 << 19, n),
        "initial": random.integers(-(1 << 19), 1 << 19, n),
        "pre_shift": np.zeros(n, np.int64),
    }, {}
