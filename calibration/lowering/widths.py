"""Tensors that are wider than a unit of the datapath takes, quantized again in as many bits as it takes.

A plan may give pre-activations and residual streams 16 bits, which an activation unit, an adder or a norm unit of one
datapath takes and that of another does not. A narrowed tensor keeps the real interval that its codes covered, its
scheme and its granularity: 0 stays a code where it was one. Nothing is narrowed below 8 bits, and no operand of a MAC
is: what cannot take it is refused by the op, as ever.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace

from bittrue.calibration.graph import Node
from bittrue.calibration.lowering.context import Lowering
from bittrue.calibration.lowering.norm import lower_group_norm, lower_layer_norm
from bittrue.calibration.lowering.specs import spec_behind, spec_of_plan
from bittrue.calibration.plan import QuantPlan, TensorPlan
from bittrue.spec.arithmetic import code_range
from bittrue.spec.datapath import Datapath
from bittrue.spec.errors import BittrueError
from bittrue.spec.op import Call
from bittrue.spec.units.activation import AnyActivation, InterpolatedActivation, PiecewiseActivation

LEAST_BITS = 8
"""Every packaged unit takes codes of so many bits; a tensor is never narrowed below."""
NORMS = {"layer_norm": lower_layer_norm, "group_norm": lower_group_norm}


def narrowed(plan: QuantPlan, datapath: Datapath) -> dict[str, TensorPlan]:
    """Every tensor's plan, in no more bits than the units in front of and behind it take."""
    tensors = dict(plan.tensors)
    for node in plan.graph.nodes:
        for name, most in _limits(node, datapath):
            source = plan.graph.source(name)
            if source in tensors and tensors[source].bits > max(most, LEAST_BITS):
                tensors[source] = in_bits(tensors[source], max(most, LEAST_BITS))
        if node.kind in NORMS:
            _narrow_norm_input(plan, tensors, datapath, node)
    return tensors


def in_bits(tensor: TensorPlan, bits: int) -> TensorPlan:
    """The tensor in another width: each scale grows by as much as there are fewer codes for the same interval.

    Twin uniform codes become uniform ones.
    """
    (old_low, old_high), (low, high) = code_range(tensor.bits, signed=True), code_range(bits, signed=True)
    scales, points = [], []
    for scale, point in zip(tensor.scale, tensor.zero_point, strict=True):
        symmetric = not point
        wider = scale * (old_high / high if symmetric else (old_high - old_low) / (high - low))
        scales.append(wider)
        points.append(0 if symmetric else low - math.floor(scale * (old_low - point) / wider + 0.5))
    return replace(tensor, bits=bits, scale=tuple(scales), zero_point=tuple(points), region_shift=0)


def _limits(node: Node, datapath: Datapath) -> list[tuple[str, int]]:
    """Tensors that a node reads or writes, with the widest codes that its unit takes for each."""
    if node.kind == "add" and datapath.add is not None:
        unit = datapath.add
        return [*((name, unit.operand_bits_max) for name in node.inputs), (node.name, unit.output_bits_max)]
    if node.kind != "function":
        return []
    activation = activation_unit(datapath, node)
    if activation is None:
        return [(node.inputs[0], datapath.table.input_bits_max), (node.name, datapath.table.output_bits_max)]
    limits = [(node.inputs[0], activation.input_bits_max)]
    if isinstance(activation, InterpolatedActivation | PiecewiseActivation):
        limits.append((node.name, activation.output_bits_max))
    return limits


def activation_unit(datapath: Datapath, node: Node) -> AnyActivation | None:
    """The unit that a function node has on a datapath; None where it goes by table."""
    return next((unit for name, unit in datapath.activation.items() if name == node.text("function")), None)


def _narrow_norm_input(plan: QuantPlan, tensors: dict[str, TensorPlan], datapath: Datapath, node: Node) -> None:
    """The widest codes for which the norm unit's registers are proved; none at all where 8 bits are refused, too.

    A norm unit states no width: what it takes depends on the length of a row.
    """
    source = plan.graph.source(node.inputs[0])
    if datapath.norm is None or source not in tensors:
        return
    for bits in range(tensors[source].bits, LEAST_BITS - 1, -1):
        tried = tensors[source] if bits == tensors[source].bits else in_bits(tensors[source], bits)
        if bits <= LEAST_BITS or _holds({**tensors, source: tried}, plan, datapath, node):
            tensors[source] = tried
            return


def _holds(tensors: Mapping[str, TensorPlan], plan: QuantPlan, datapath: Datapath, node: Node) -> bool:
    """Whether the norm unit takes a node's input as planned."""
    held = replace(plan, tensors=tensors)
    try:
        given, output = spec_behind(held, node.inputs[0]), spec_of_plan(held, node)
        lowering = Lowering(held, datapath, {node.inputs[0]: given, node.name: output})
        op, constants = NORMS[node.kind](lowering, node)
        op.check(Call(node.name, op, (given,), output, constants, datapath))
    except BittrueError:
        return False
    return True
