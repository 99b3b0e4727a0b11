"""Small programs and calls built by hand, for tests of every room that runs or reads programs."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import bittrue.hw_configs
from bittrue.spec.datapath import Datapath
from bittrue.spec.op import Call, Op
from bittrue.spec.ops.add import Add
from bittrue.spec.ops.conv2d import Conv2d
from bittrue.spec.ops.linear import Linear
from bittrue.spec.ops.mean import Mean
from bittrue.spec.ops.reshape import Reshape
from bittrue.spec.ops.table import Table
from bittrue.spec.program import Program, Step, with_bound
from bittrue.spec.tensors import TensorSpec

UNIT = {"multiplier": np.array([1 << 30]), "shift": np.array([30])}
"""Requantizer constants that multiply by one."""


def iot_npu(changes: Mapping[str, Mapping[str, object]] | None = None) -> Datapath:
    """The default datapath, with some keys of some sections changed: {"mac": {"overflow": "wrap"}}."""
    path = Path(bittrue.hw_configs.__file__).parent / "datapaths" / "iot_npu.toml"
    document = tomllib.loads(path.read_text())
    for section, values in (changes or {}).items():
        document[section] |= values
    return Datapath.model_validate(document)


def tensor(
    name: str,
    shape: Sequence[int],
    *,
    bits: int = 8,
    signed: bool = True,
    scale: float = 1.0,
    zero_point: int | Sequence[int] = 0,
    axis: int | None = None,
    row_sum_max: int | None = None,
) -> TensorSpec:
    """A TensorSpec with one scale, repeated where there are several zero points."""
    zero_points = (zero_point,) if isinstance(zero_point, int) else tuple(zero_point)
    scales = (scale,) * len(zero_points)
    return TensorSpec(name, tuple(shape), bits, signed, scales, zero_points, axis, row_sum_max=row_sum_max)


def checked_call(
    op: Op,
    inputs: Sequence[TensorSpec],
    output: TensorSpec,
    constants: Mapping[str, NDArray[np.integer]],
    datapath: Datapath,
) -> Call:
    """One step on its own, its bound proved and its contract checked."""
    assert op.output_shape([spec.shape for spec in inputs]) == output.shape
    call = Call(output.name, op, tuple(inputs), output, constants, datapath)
    call = replace(call, bound=op.bound(call))
    op.check(call)
    return call


def build(
    tensors: Sequence[TensorSpec],
    steps: Sequence[tuple[Op, Sequence[str]]],
    constants: Mapping[str, NDArray[np.integer]],
    datapath: Datapath,
) -> Program:
    """A checked program: tensors[0] is the image, steps[i] produces tensors[i + 1], the last is the output."""
    named = tuple(Step(spec.name, op, tuple(inputs)) for spec, (op, inputs) in zip(tensors[1:], steps, strict=True))
    program = Program(
        "tiny",
        datapath,
        {spec.name: spec for spec in tensors},
        named,
        constants,
        (tensors[0].name,),
        tensors[-1].name,
        {"source": "built by hand"},
    )
    program = replace(program, steps=tuple(with_bound(program, step) for step in named))
    program.check()
    return program


def tiny_cnn(datapath: Datapath | None = None) -> Program:
    """Image [1, 3, 6, 6] -> table -> conv2d 3x3 -> table (ReLU) -> add -> mean -> reshape -> linear [1, 5].

    The convolution has stride 2, padding 1 and 4 filters; the activation has zero point -3.
    """
    rng = np.random.default_rng(11)
    tensors = [
        tensor("image", (1, 3, 6, 6), signed=False, scale=1 / 255),
        tensor("input", (1, 3, 6, 6), scale=1 / 64, zero_point=-3),
        tensor("conv", (1, 4, 3, 3), scale=1 / 16, zero_point=5),
        tensor("relu", (1, 4, 3, 3), scale=1 / 16, zero_point=-128),
        tensor("sum", (1, 4, 3, 3), scale=1 / 8, zero_point=-7),
        tensor("pooled", (1, 4, 1, 1), scale=1 / 16, zero_point=-9),
        tensor("flat", (1, 4), scale=1 / 16, zero_point=-9),
        tensor("logits", (1, 5), scale=1 / 32, zero_point=2),
    ]
    steps: list[tuple[Op, Sequence[str]]] = [
        (Table("quantize"), ["image"]),
        (Conv2d(4, (3, 3), (2, 2), (1, 1)), ["input"]),
        (Table("relu"), ["conv"]),
        (Add(), ["conv", "relu"]),
        (Mean(), ["sum"]),
        (Reshape((1, 4)), ["pooled"]),
        (Linear(5), ["flat"]),
    ]
    codes = np.arange(256)
    constants = {
        "input/table": (codes // 2 - 67)[None],
        "conv/weight": rng.integers(-127, 128, (4, 3, 3, 3)),
        "conv/bias": rng.integers(-3000, 3000, 4),
        "conv/multiplier": rng.integers(1 << 30, 1 << 31, 4),
        "conv/shift": np.array([38, 39, 38, 39]),
        "relu/table": (np.maximum(codes - 128 - 5, 0) - 128)[None],
        "sum/multiplier_a": np.array([1 << 30]),
        "sum/multiplier_b": np.array([1 << 30]),
        "sum/shift": np.array([31]),
        "pooled/multiplier": np.array([1908874354]),
        "pooled/shift": np.array([33]),
        "logits/weight": rng.integers(-127, 128, (5, 4)),
        "logits/bias": rng.integers(-500, 500, 5),
        "logits/multiplier": rng.integers(1 << 30, 1 << 31, 5),
        "logits/shift": np.full(5, 37),
    }
    return build(tensors, steps, constants, datapath or iot_npu())


def tiny_image(seed: int = 0) -> NDArray[np.uint8]:
    """An image for tiny_cnn."""
    return np.random.default_rng(seed).integers(0, 256, (1, 3, 6, 6), dtype=np.uint8)
