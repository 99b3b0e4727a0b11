"""Real stimuli: a step of a program, as it ran on an image, as vectors of the units that it drove.

For packages, coverage and mutants. Everything comes from a Trace with stages; nothing is computed but the order of
things (im2col). Vectors are few: of an array with more than `limit` rows some are taken, spread over all of it by a
rule without chance, so that the same trace gives the same vectors on any machine.

    conv2d, linear            mac (one set a group), requantize
    matmul                    mac (one set a product), requantize
    weighted_sum              requantize
    mul, mean, add            the unit of that name
    softmax                   softmax
    layer_norm, group_norm    norm (one set a group of channels)
    table                     table (one set a table)
    activation                the function's unit, where all channels have one set of constants
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from typing import cast

import numpy as np

from bittrue.golden.stimuli import products
from bittrue.golden.stimuli.ran_step import RanStep, UnitView, ends_of
from bittrue.spec.datapath import Datapath
from bittrue.spec.errors import BadInput, BittrueError
from bittrue.spec.op import Call
from bittrue.spec.ops.activation import Activation, formats
from bittrue.spec.ops.activation import unit_of as activation_of
from bittrue.spec.ops.conv2d import Conv2d
from bittrue.spec.ops.matmul import MatMul
from bittrue.spec.ops.table import Table
from bittrue.spec.row_norm import RowNorm, unit_constants
from bittrue.spec.row_norm import unit_of as norm_of
from bittrue.spec.trace import Trace


def unit_views(
    call: Call,
    trace: Trace,
    *,
    units: tuple[str, ...] | None = None,
    limit: int = 1000,
    parts: tuple[int, ...] | None = None,
) -> tuple[UnitView, ...]:
    """The stimuli of the units that a step drove; empty for a step that moves codes or that no view serves.

    trace: of the step's program, with its stages where a requantizer is wanted. units: only these. limit: vectors of
    one set at most. parts: which groups, products or tables; None: at most GROUPS_MAX, spread over all. Raises BadInput
    for a trace without what is read, Unsupported for a requantizer of thresholds.
    """
    view = VIEWS.get(call.op.name)
    if view is None:
        return ()
    missing = [spec.name for spec in call.inputs if spec.name not in trace.tensors]
    if missing:
        raise BadInput(
            "a trace lacks a tensor", where=call.step, got=f"{len(trace.tensors)} tensors", expected=missing[0]
        )
    step = RanStep(
        call, tuple(trace.tensors[spec.name] for spec in call.inputs), trace.stages.get(call.step, {}), limit, parts
    )
    try:
        return tuple(found for found in view(step, units) if units is None or found.stimuli.unit in units)
    except BittrueError as error:
        raise error.at(call.step) from None


def units_of(datapath: Datapath, call: Call) -> tuple[str, ...]:
    """The units of which `unit_views` finds vectors in a step."""
    if isinstance(call.op, Activation):
        return (call.op.function,) if call.op.axis is None else ()
    return {"conv2d": ("mac", "requantize"), "linear": ("mac", "requantize"), "matmul": ("mac", "requantize"),
            "weighted_sum": ("requantize",), "layer_norm": ("norm",), "group_norm": ("norm",)}.get(
        call.op.name, (call.op.name,) if call.op.name in VIEWS else ()
    )  # fmt: skip


def parts_of(call: Call) -> int:
    """In how many parts a step drives its unit: groups of channels, products of a batch, tables."""
    op = call.op
    if isinstance(op, Conv2d):
        return op.groups
    if isinstance(op, MatMul):
        return math.prod(call.inputs[0].shape[:-2])
    if isinstance(op, Table):
        return len(call.constants["table"])
    if isinstance(op, RowNorm):
        shape = call.inputs[0].shape
        n = op.row_length(shape)
        return 1 if n == shape[op.channel_axis(shape)] else math.prod(shape) // n
    return 1


def _two_operands(step: RanStep, units: tuple[str, ...] | None) -> Iterator[UnitView]:
    """add and mul: every element with all that it is given."""
    call = step.call
    a, b = step.inputs
    shape = np.broadcast_shapes(a.shape, b.shape)
    single = {f"zero_point_{name}": np.array(spec.zero_point[0]) for name, spec in zip("ab", call.inputs, strict=True)}
    single |= {**call.constants, **ends_of(call)}
    driven = {"a": a, "b": b, **single}
    yield step.view(
        call.op.name, {name: np.broadcast_to(array, shape).reshape(-1) for name, array in driven.items()}, {}
    )


def _mean(step: RanStep, units: tuple[str, ...] | None) -> Iterator[UnitView]:
    call, codes = step.call, step.inputs[0]
    rows = codes.reshape(codes.shape[1], -1)
    single = {"zero_point_x": np.array(call.inputs[0].zero_point[0]), **call.constants, **ends_of(call)}
    driven = {name: np.broadcast_to(array.reshape(-1), (len(rows),)) for name, array in single.items()}
    yield step.view("mean", {"codes": rows, **driven}, {})


def _softmax(step: RanStep, units: tuple[str, ...] | None) -> Iterator[UnitView]:
    logits = step.inputs[0]
    yield step.view("softmax", {"logits": logits.reshape(-1, logits.shape[-1])}, step.call.constants)


def _norm(step: RanStep, units: tuple[str, ...] | None) -> Iterator[UnitView]:
    """Rows, gamma and beta spread over a row; groups of channels have gammas of their own, hence sets of their own.

    None for several groups of a unit whose own parameters differ between channels (FQ-ViT): they were chosen for
    all groups together, and the unit alone refuses them for one.
    """
    call, op, codes = step.call, cast(RowNorm, step.call.op), step.inputs[0]
    n = op.row_length(codes.shape)
    rows, channels = codes.reshape(-1, n), codes.shape[op.channel_axis(codes.shape)]
    groups = 1 if n == channels else len(rows)
    if groups > 1 and any(port.axes == ("n",) for port in norm_of(call.datapath).parameters):
        return
    by_channel = {port.name for port in norm_of(call.datapath).ports if port.axes == ("n",)}
    for group in step.chosen(groups):
        constants = dict(ends_of(call))
        for name, array in unit_constants(call).items():
            varies = name in by_channel and array.size > 1 and n != channels
            constants[name] = np.repeat(array, codes.size // channels).reshape(groups, n)[group] if varies else array
        some = rows if groups == 1 else rows[group : group + 1]
        yield step.view("norm", {"codes": some}, constants, None if groups == 1 else ("group", group))


def _table(step: RanStep, units: tuple[str, ...] | None) -> Iterator[UnitView]:
    call, op, codes = step.call, cast(Table, step.call.op), step.inputs[0]
    tables = call.constants["table"]
    low = np.array(call.inputs[0].code_range[0])
    for index in step.chosen(len(tables)):
        some = codes if op.axis is None else codes.take([index], axis=op.axis)
        part = None if len(tables) == 1 else ("table", index)
        yield step.view("table", {"codes": some.reshape(-1)}, {"input_low": low, "table": tables[index]}, part)


def _activation(step: RanStep, units: tuple[str, ...] | None) -> Iterator[UnitView]:
    call, op, codes = step.call, cast(Activation, step.call.op), step.inputs[0]
    if op.axis is not None:
        return
    unit = activation_of(call.datapath, op.function)
    constants = {port.name: call.constants[port.name][0] for port in unit.parameters}
    rows = codes.reshape(-1) if unit.elementwise else codes.reshape(-1, codes.shape[-1])
    yield step.view(op.function, {"codes": rows}, {**constants, **formats(call)})


VIEWS: Mapping[str, Callable[[RanStep, tuple[str, ...] | None], Iterator[UnitView]]] = {
    "conv2d": products.conv2d,
    "linear": products.linear,
    "matmul": products.matmul,
    "weighted_sum": products.weighted_sum,
    "add": _two_operands,
    "mul": _two_operands,
    "mean": _mean,
    "softmax": _softmax,
    "layer_norm": _norm,
    "group_norm": _norm,
    "table": _table,
    "activation": _activation,
}
"""By op."""
