"""A tiny program built by hand, without calibration or lowering: two channels, three classes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from op_datapaths import IOT_NPU
from op_parts import tensor

from bittrue.spec.ops import Conv2d, Linear, Mean, Reshape, Table
from bittrue.spec.program import Program, Step, with_bound

HALF = {"multiplier": np.array([1 << 30]), "shift": np.array([38])}


def build() -> Program:
    """Image -> table -> 3x3 convolution -> mean -> reshape -> linear, with two channels and three classes."""
    rng = np.random.default_rng(0)
    tensors = [
        tensor("image", (1, 3, 4, 4), signed=False),
        tensor("quantized", (1, 3, 4, 4), zero_point=(-3,)),
        tensor("conv", (1, 2, 2, 2), zero_point=(5, 9), axis=1),
        tensor("relu", (1, 2, 2, 2), zero_point=(-128,)),
        tensor("pooled", (1, 2, 1, 1), zero_point=(-128,)),
        tensor("flat", (1, 2), zero_point=(-128,)),
        tensor("logits", (1, 3)),
    ]
    steps = [
        Step("quantized", Table("input"), ("image",)),
        Step("conv", Conv2d(2, (3, 3), (2, 2), (1, 1)), ("quantized",)),
        Step("relu", Table("relu", 1), ("conv",)),
        Step("pooled", Mean(), ("relu",)),
        Step("flat", Reshape((1, 2)), ("pooled",)),
        Step("logits", Linear(3), ("flat",)),
    ]
    constants = {
        "quantized/table": np.arange(-128, 128, dtype=np.int8).reshape(1, 256),
        "conv/weight": rng.integers(-128, 128, (2, 3, 3, 3)).astype(np.int8),
        "conv/bias": np.array([100, -200]),
        "conv/multiplier": np.array([1 << 30, (1 << 31) - 1]),
        "conv/shift": np.array([38, 39]),
        "relu/table": np.maximum(np.arange(-128, 128), 5)[None].repeat(2, 0).astype(np.int8),
        "logits/weight": rng.integers(-128, 128, (3, 2)).astype(np.int8),
        "logits/bias": np.array([1, 2, 3]),
        **{f"{step}/{role}": array for step in ("pooled", "logits") for role, array in HALF.items()},
    }
    program = Program(
        "tiny",
        IOT_NPU,
        {spec.name: spec for spec in tensors},
        tuple(steps),
        constants,
        ("image",),
        "logits",
        {"method": "by hand"},
    )
    return replace(program, steps=tuple(with_bound(program, step) for step in program.steps))


PROGRAM = build()
