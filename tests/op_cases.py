"""Valid random cases, one builder an op, small enough to run in pure Python.

For every test that needs an op with operands. Each builder takes a NumPy Generator and a Datapath, has
options for its shapes, and returns a Case whose Call has a proved bound and passes its check.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
from activation_cases import activation_case
from norm_parameters import norm_parameters
from numpy.random import Generator
from numpy.typing import NDArray
from op_datapaths import IOT_NPU
from op_parts import Case, Constants, Shape, build, codes, requantizer, tensor, with_axis, zero_points
from plain_add import add_parameters

from bittrue.spec.bounds import held_accumulator
from bittrue.spec.datapath import Datapath
from bittrue.spec.op import Call, Op
from bittrue.spec.ops import (
    Add,
    AvgPool2d,
    Concat,
    Constant,
    Conv2d,
    GroupNorm,
    LayerNorm,
    Linear,
    MatMul,
    Mean,
    Mul,
    Permute,
    Reshape,
    Slice,
    Softmax,
    Sub,
    Table,
    WeightedSum,
)
from bittrue.spec.row_norm import unit_of
from bittrue.spec.tensors import TensorSpec
from bittrue.spec.units.section import Width


def _accumulating(
    rng: Generator,
    op: Op,
    inputs: Sequence[TensorSpec],
    output: TensorSpec,
    constants: Constants,
    path: Datapath,
    *,
    count: int = 1,
    ties: bool = False,
) -> Case:
    """A case of an op that ends in an accumulator and the requantizer, its multipliers chosen from the bound."""
    call = Call("step", op, tuple(inputs), output, constants, path)
    reach = held_accumulator(replace(call, bound=op.bound(call))).magnitude
    constants = {**constants, **requantizer(rng, path, reach, output.bits, count, ties=ties, op=op.name)}
    return Case(build(op, inputs, output, constants, path), tuple(codes(rng, spec) for spec in inputs))


def _weighted(rng: Generator, path: Datapath, shape: Shape) -> Constants:
    """Weights [O, ...] over their whole range and biases that the accumulator can hold."""
    bits = path.mac.weight_bits_max
    spec = tensor("weight", shape, bits=bits)
    reach = 1 << min(path.mac.accumulator_bits - 1, path.mac.bias_bits - 1, 20)
    bias = rng.integers(-reach, reach, shape[0])
    return {"weight": codes(rng, spec), "bias": bias}


def _activation(rng: Generator, name: str, shape: Shape, *, wide: bool = True) -> TensorSpec:
    """A signed or unsigned 8-bit or 5-bit tensor with one zero point."""
    bits, signed = int(rng.choice([8, 8, 5])), bool(rng.integers(2))
    return tensor(name, shape, bits=bits, signed=signed, zero_point=zero_points(rng, bits, signed, wide=wide))


def _of_channels(rng: Generator, spec: TensorSpec, axis: int, path: Datapath, *, wide: bool) -> TensorSpec:
    """The tensor with a scale a channel; its zero points differ where no multiplier subtracts them."""
    if path.mac.zero_point == "subtracted":
        return with_axis(spec, axis)
    return with_axis(spec, axis, zero_points(rng, spec.bits, spec.signed, spec.shape[axis], wide=wide))


def _factor(rng: Generator, path: Datapath, name: str, shape: Shape) -> TensorSpec:
    """The same for matmul and weighted_sum; registers that are read as unsigned have no zero point."""
    spec = _activation(rng, name, shape)
    return spec if path.mac.products == "signed" else replace(spec, zero_point=(0,))


def conv2d_case(
    rng: Generator,
    path: Datapath = IOT_NPU,
    *,
    size: tuple[int, int] = (5, 4),
    in_channels: int = 4,
    out_channels: int = 3,
    kernel: tuple[int, int] = (3, 3),
    stride: tuple[int, int] = (2, 2),
    padding: tuple[int, int] = (1, 1),
    groups: int = 1,
    ties: bool = False,
    channels: bool = False,
) -> Case:
    """A depthwise convolution gets a zero point a channel; the output gets one a channel half of the time.

    channels: any convolution has an input scale a channel, and a zero point where they are not subtracted.
    """
    shape = (1, in_channels, *size)
    source = _activation(rng, "x", shape, wide=not any(padding))
    if groups == in_channels:
        points = zero_points(rng, source.bits, source.signed, in_channels, wide=not any(padding))
        source = replace(source, scale=(1.0,) * in_channels, zero_point=points, axis=1)
    elif channels:
        source = _of_channels(rng, source, 1, path, wide=not any(padding))
    op = Conv2d(out_channels, kernel, stride, padding, groups)
    axis = 1 if rng.integers(2) else None
    output = tensor(
        "y", op.output_shape([shape]), zero_point=zero_points(rng, 8, True, out_channels if axis else 1), axis=axis
    )
    constants = _weighted(rng, path, (out_channels, in_channels // groups, *kernel))
    return _accumulating(
        rng, op, [source], output, constants, path, count=int(rng.choice([1, out_channels])), ties=ties
    )


def linear_case(
    rng: Generator,
    path: Datapath = IOT_NPU,
    *,
    rows: Shape = (2, 3),
    in_features: int = 7,
    out_features: int = 4,
    ties: bool = False,
    channels: bool = False,
) -> Case:
    """Rows of codes times a weight matrix; channels: an input scale a feature, as in `conv2d_case`."""
    axis = len(rows) if rng.integers(2) else None
    points = zero_points(rng, 8, True, 1 if axis is None else out_features)
    output = tensor("y", (*rows, out_features), zero_point=points, axis=axis)
    constants = _weighted(rng, path, (out_features, in_features))
    source = _activation(rng, "x", (*rows, in_features))
    source = _of_channels(rng, source, len(rows), path, wide=True) if channels else source
    return _accumulating(
        rng,
        Linear(out_features),
        [source],
        output,
        constants,
        path,
        count=int(rng.choice([1, out_features])),
        ties=ties,
    )


def matmul_case(
    rng: Generator,
    path: Datapath = IOT_NPU,
    *,
    batch: Shape = (1, 2),
    m: int = 3,
    k: int = 5,
    n: int = 4,
    transpose_b: bool = False,
    probabilities: bool = False,
    ties: bool = False,
) -> Case:
    """With `probabilities`, a is a softmax output: 16 bits unsigned, its row sums proved."""
    b = _factor(rng, path, "b", (*batch, n, k) if transpose_b else (*batch, k, n))
    output = tensor("y", (*batch, m, n), zero_point=zero_points(rng, 8, True))
    if probabilities:
        a = tensor("a", (*batch, m, k), bits=16, signed=False, row_sum_max=(1 << 16) + k)
    else:
        a = _factor(rng, path, "a", (*batch, m, k))
    case = _accumulating(rng, MatMul(transpose_b), [a, b], output, {}, path, ties=ties)
    return replace(case, operands=(_rows_below(rng, a), case.operands[1])) if probabilities else case


def _rows_below(rng: Generator, spec: TensorSpec) -> NDArray[np.integer]:
    """Unsigned codes whose rows sum to at most row_sum_max: random shares, the first row one-hot."""
    assert spec.row_sum_max is not None
    rows = rng.random((spec.size // spec.shape[-1], spec.shape[-1]))
    rows = np.floor(rows / rows.sum(axis=1, keepdims=True) * (spec.code_range[1])).astype(spec.dtype)
    rows[0] = 0
    rows[0, -1] = spec.code_range[1]
    return rows.reshape(spec.shape)


def weighted_sum_case(
    rng: Generator,
    path: Datapath = IOT_NPU,
    *,
    shape: Shape = (1, 3, 2, 5),
    other: Shape = (1, 1, 2, 5),
    probabilities: bool = False,
    ties: bool = False,
) -> Case:
    """A = key of `shape`, b = score of `other`, which is a softmax output with `probabilities`."""
    a = _factor(rng, path, "a", shape)
    output = tensor("y", (*shape[:-1], 1), zero_point=zero_points(rng, 8, True))
    if probabilities:
        b = tensor("b", other, bits=16, signed=False, row_sum_max=(1 << 16) + shape[-1])
    else:
        b = _factor(rng, path, "b", other)
    case = _accumulating(rng, WeightedSum(), [a, b], output, {}, path, ties=ties)
    return replace(case, operands=(case.operands[0], _rows_below(rng, b))) if probabilities else case


def mean_case(
    rng: Generator, path: Datapath = IOT_NPU, *, channels: int = 3, size: tuple[int, int] = (3, 5), ties: bool = False
) -> Case:
    """Global average pooling; the input keeps a wide zero point when it draws one."""
    output = tensor("y", (1, channels, 1, 1), zero_point=zero_points(rng, 8, True))
    source = _activation(rng, "x", (1, channels, *size))
    if path.mean.kind == "float32":
        scale = np.float32(0.25 if ties else rng.uniform(0.2, 8) / math.prod(size))
        constants = {"scale": np.array([int(scale.view(np.int32))])}
        return Case(build(Mean(), [source], output, constants, path), (codes(rng, source),))
    return _accumulating(rng, Mean(), [source], output, {}, path, ties=ties)


def avg_pool2d_case(
    rng: Generator,
    path: Datapath = IOT_NPU,
    *,
    channels: int = 2,
    size: tuple[int, int] = (5, 4),
    kernel: tuple[int, int] = (3, 2),
    stride: tuple[int, int] = (2, 1),
    padding: tuple[int, int] = (1, 1),
    count_include_pad: bool | None = None,
    ties: bool = False,
) -> Case:
    """A window over an image with a border; the input keeps a wide zero point when it draws one.

    count_include_pad: where None, as the datapath's unit has it.
    """
    folded = path.avg_pool2d.kind == "folded"
    op, shape = (
        AvgPool2d(kernel, stride, padding, folded if count_include_pad is None else count_include_pad),
        (1, channels, *size),
    )
    output = tensor("y", op.output_shape([shape]), zero_point=zero_points(rng, 8, True))
    source = _activation(rng, "x", shape)
    if folded:
        count = 1 if op.count_include_pad else op.taps
        return _accumulating(rng, op, [source], output, {}, path, count=count, ties=ties)
    if path.avg_pool2d.kind == "divide":
        output = replace(output, zero_point=source.zero_point)
    return Case(build(op, [source], output, {}, path), (codes(rng, source),))


def add_case(rng: Generator, path: Datapath = IOT_NPU, *, shape: Shape = (1, 3, 2, 3), ties: bool = False) -> Case:
    """Any kind of add unit; zero points inside the code range where it computes in float32."""
    unit = path.add
    assert unit is not None
    a, b = (_activation(rng, name, shape, wide=unit.kind != "float32") for name in ("a", "b"))
    output = tensor("y", shape, zero_point=zero_points(rng, 8, True, wide=unit.kind != "float32"))
    constants = add_parameters(rng, unit, max(a.magnitude_max, b.magnitude_max), ties=ties)
    return Case(build(Add(), [a, b], output, constants, path), (codes(rng, a), codes(rng, b)))


def sub_case(rng: Generator, path: Datapath = IOT_NPU, *, shape: Shape = (1, 3, 2, 3), ties: bool = False) -> Case:
    """An add unit that subtracts."""
    case = add_case(rng, path, shape=shape, ties=ties)
    return replace(case, call=build(Sub(), case.call.inputs, case.call.output, dict(case.call.constants), path))


def mul_case(
    rng: Generator,
    path: Datapath = IOT_NPU,
    *,
    shape: Shape = (1, 3, 2, 3),
    other: Shape | None = None,
    ties: bool = False,
) -> Case:
    """Axes of b (`other`) may be 1."""
    a, b = _activation(rng, "a", shape), _activation(rng, "b", other or shape)
    output = tensor("y", shape, zero_point=zero_points(rng, 8, True))
    constants = requantizer(rng, path, a.magnitude_max * b.magnitude_max, 8, ties=ties, op="mul")
    return Case(build(Mul(), [a, b], output, constants, path), (codes(rng, a), codes(rng, b)))


def concat_case(
    rng: Generator,
    path: Datapath = IOT_NPU,
    *,
    shape: Shape = (1, 2, 2, 3),
    axis: int = 1,
    parts: Sequence[int] = (2, 1, 3),
    ties: bool = False,
) -> Case:
    """As many inputs as `parts`, of those sizes along `axis`."""
    inputs = [_activation(rng, f"x{i}", (*shape[:axis], size, *shape[axis + 1 :])) for i, size in enumerate(parts)]
    output = tensor("y", (*shape[:axis], sum(parts), *shape[axis + 1 :]), zero_point=zero_points(rng, 8, True))
    if path.concat.kind != "requantize":  # one width for all; where codes are copied, one format
        inputs = [replace(inputs[0], name=spec.name, shape=spec.shape) for spec in inputs]
    if path.concat.kind == "copy":
        output, constants = replace(inputs[0], name="y", shape=output.shape), {}
    elif path.concat.kind == "table":
        low, high = output.code_range
        constants = {"table": rng.integers(low, high, (len(parts), 1 << inputs[0].bits), endpoint=True)}
    else:
        reach = max(spec.magnitude_max for spec in inputs)
        constants = requantizer(rng, path, reach, 8, len(parts), ties=ties, op="concat")
    return Case(build(Concat(axis), inputs, output, constants, path), tuple(codes(rng, spec) for spec in inputs))


def constant_case(rng: Generator, path: Datapath = IOT_NPU, *, shape: Shape = (1, 3, 2, 4), bits: int = 8) -> Case:
    """No operands."""
    output = tensor("y", shape, bits=bits, zero_point=zero_points(rng, bits, True))
    return Case(build(Constant(shape), [], output, {"codes": codes(rng, output)}, path), ())


def softmax_case(
    rng: Generator, path: Datapath = IOT_NPU, *, shape: Shape = (1, 2, 3, 6), bits: int = 8, scale: float = 0.05
) -> Case:
    """A table of falling exponentials; `scale` says how fast."""
    unit = path.softmax
    logits = tensor("x", shape, bits=bits, signed=bool(rng.integers(2)), zero_point=(int(rng.integers(-500, 500)),))
    top = (1 << unit.exponential_bits) - 1
    table = np.array([round(top * math.exp(-distance * scale)) for distance in range(1 << bits)], dtype=np.int32)
    output = tensor(
        "y", shape, bits=unit.probability_bits, signed=False, row_sum_max=(1 << unit.probability_bits) + shape[-1]
    )
    return Case(build(Softmax(), [logits], output, {"table": table}, path), (codes(rng, logits),))


def _affine(rng: Generator, path: Datapath, n: int, channels: int) -> Constants:
    """Gamma multipliers of both signs, betas and shifts per channel, for a norm unit of any kind."""
    unit = unit_of(path)
    top = (1 << unit.multiplier_bits) - 1
    fraction_bits = math.floor(1 / unit.normalized_scale(n)).bit_length() - 1
    shift = fraction_bits + unit.multiplier_bits - 6 + rng.integers(-1, 2, channels)
    shift = np.clip(shift, 1, unit.shift_max)
    beta = rng.integers(-(1 << 7), 1 << 7, channels) << (int(shift.min()) - 1)
    gamma = np.where(
        rng.random(channels) < 0.2,
        rng.choice([-top, 0, top], channels),
        rng.integers(-top, top, channels, endpoint=True),
    )
    return {"multiplier": gamma.astype(np.int32), "bias": beta, "shift": shift.astype(np.int8)}


def _normalization(rng: Generator, path: Datapath, spec: TensorSpec, n: int, channels: int) -> Constants:
    """Constants of the datapath's norm unit for rows of n codes of `spec`."""
    unit = unit_of(path)
    parameters = norm_parameters(rng, unit, Width(spec.bits, spec.signed), n, channels, spec.zero_point)
    return {**parameters, **(_affine(rng, path, n, channels) if unit.has_affine else {})}


def layer_norm_case(
    rng: Generator, path: Datapath = IOT_NPU, *, rows: Shape = (1, 3), channels: int = 6, bits: int = 8
) -> Case:
    """Rows along the last axis."""
    spec = tensor("x", (*rows, channels), bits=bits, zero_point=zero_points(rng, bits, True))
    constants = _normalization(rng, path, spec, channels, channels)
    output = tensor("y", spec.shape, zero_point=zero_points(rng, 8, True))
    return Case(build(LayerNorm(), [spec], output, constants, path), (codes(rng, spec),))


def group_norm_case(
    rng: Generator, path: Datapath = IOT_NPU, *, shape: Shape = (1, 4, 3, 2), groups: int = 2, bits: int = 8
) -> Case:
    """Rows are groups of channels with all their positions."""
    spec = tensor("x", shape, bits=bits, zero_point=zero_points(rng, bits, True))
    constants = _normalization(rng, path, spec, spec.size // groups, shape[1])
    output = tensor("y", shape, zero_point=zero_points(rng, 8, True))
    return Case(build(GroupNorm(groups), [spec], output, constants, path), (codes(rng, spec),))


def table_case(
    rng: Generator, path: Datapath = IOT_NPU, *, shape: Shape = (1, 3, 2, 4), bits: int = 8, axis: int | None = None
) -> Case:
    """Any entries; with `axis` a table and a zero point for each of its indices."""
    count = 1 if axis is None else shape[axis]
    signed = bool(rng.integers(2))
    source = tensor("x", shape, bits=bits, signed=signed, zero_point=zero_points(rng, bits, signed, count), axis=axis)
    output = tensor("y", shape, bits=path.table.output_bits_max, zero_point=(3,) * count, axis=axis)
    entries = codes(rng, tensor("table", (count, 1 << bits), bits=output.bits))
    return Case(build(Table("random", axis), [source], output, {"table": entries}, path), (codes(rng, source),))


def _layout(rng: Generator, path: Datapath, op: Op, shape: Shape) -> Case:
    source = _activation(rng, "x", shape)
    output = replace(source, name="y", shape=op.output_shape([shape]))
    return Case(build(op, [source], output, {}, path), (codes(rng, source),))


def reshape_case(
    rng: Generator, path: Datapath = IOT_NPU, *, shape: Shape = (1, 4, 3, 2), wanted: Shape = (2, 2, 6)
) -> Case:
    """The same codes under another shape."""
    return _layout(rng, path, Reshape(wanted), shape)


def permute_case(
    rng: Generator, path: Datapath = IOT_NPU, *, shape: Shape = (1, 4, 3, 2), axes: tuple[int, ...] = (0, 2, 3, 1)
) -> Case:
    """Axes reordered."""
    return _layout(rng, path, Permute(axes), shape)


def slice_case(
    rng: Generator,
    path: Datapath = IOT_NPU,
    *,
    shape: Shape = (1, 4, 3, 2),
    axis: int = 1,
    start: int = 1,
    stop: int = 3,
) -> Case:
    """Some indices of one axis."""
    return _layout(rng, path, Slice(axis, start, stop), shape)


BUILDERS: dict[str, Callable[[Generator, Datapath], Case]] = {
    "activation": activation_case,
    "add": add_case,
    "avg_pool2d": avg_pool2d_case,
    "concat": concat_case,
    "constant": constant_case,
    "conv2d": conv2d_case,
    "group_norm": group_norm_case,
    "layer_norm": layer_norm_case,
    "linear": linear_case,
    "matmul": matmul_case,
    "mean": mean_case,
    "mul": mul_case,
    "permute": permute_case,
    "reshape": reshape_case,
    "slice": slice_case,
    "softmax": softmax_case,
    "sub": sub_case,
    "table": table_case,
    "weighted_sum": weighted_sum_case,
}
"""One builder an op, with its default shapes."""
