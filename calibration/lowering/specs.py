"""The TensorSpec of every tensor of a program, from the plan and the datapath."""

from __future__ import annotations

import numpy as np

from bittrue.calibration.graph import Node
from bittrue.calibration.plan import QuantPlan, TensorPlan
from bittrue.spec.datapath import Datapath
from bittrue.spec.errors import BadInput, BittrueError
from bittrue.spec.layout import carry
from bittrue.spec.ops.softmax import unit_of
from bittrue.spec.tensors import TensorSpec

LAYOUTS = {2: "NC", 3: "NLC", 4: "NCHW"}
"""Axis names of the usual ranks; attention tensors and the inside of a permutation have none."""


def tensor_specs(plan: QuantPlan, datapath: Datapath) -> dict[str, TensorSpec]:
    """Specs by tensor name, in order of production, the image first."""
    graph = plan.graph
    image = TensorSpec(
        graph.input, graph.input_shape, 8, False, (1 / 255,), (0,), layout="NCHW", origin="uint8 RGB image"
    )
    specs = {graph.input: image}
    for node in graph.nodes:
        try:
            specs[node.name] = _spec(plan, datapath, node, specs)
        except BittrueError as error:
            raise error.at(node.name) from None
    return specs


def _spec(plan: QuantPlan, datapath: Datapath, node: Node, specs: dict[str, TensorSpec]) -> TensorSpec:
    if node.is_layout:
        return _carried(node, specs[node.inputs[0]])
    if node.kind == "softmax":
        return _probabilities(datapath, node)
    return spec_of_plan(plan, node)


def spec_of_plan(plan: QuantPlan, node: Node) -> TensorSpec:
    """The output of a node whose scales the plan chose."""
    if node.name not in plan.tensors:
        raise BadInput("the plan has no scale for a tensor", got=node.name, next_step="calibrate again")
    chosen: TensorPlan = plan.tensors[node.name]
    if chosen.region_shift and (node.kind != "function" or any(chosen.zero_point)):
        raise BadInput(
            "twin uniform codes are those of a function's output without zero point",
            got=f"{node.kind} {node.name}, zero point {chosen.zero_point[0]}",
            next_step="calibrate again",
        )
    return TensorSpec(
        node.name,
        node.shape,
        chosen.bits,
        True,
        chosen.scale,
        chosen.zero_point,
        chosen.axis,
        LAYOUTS.get(len(node.shape), ""),
        node.origin,
    )


def spec_behind(plan: QuantPlan, name: str) -> TensorSpec:
    """A tensor that layout nodes carry, or whose scales the plan chose."""
    node = plan.graph.by_name[name]
    return _carried(node, spec_behind(plan, node.inputs[0])) if node.is_layout else spec_of_plan(plan, node)


def _probabilities(datapath: Datapath, node: Node) -> TensorSpec:
    """The format that the datapath's softmax unit gives its output."""
    n = node.shape[-1]
    form = unit_of(datapath).output(n)
    return TensorSpec(
        node.name,
        node.shape,
        form.bits,
        form.signed,
        (float(form.scale),),
        (form.zero_point,),
        origin=node.origin,
        row_sum_max=form.row_sum_max,
    )


def _carried(node: Node, source: TensorSpec) -> TensorSpec:
    """A layout node's output: the source's codes, its scales wherever the op takes them."""
    pairs = list(dict.fromkeys(zip(source.scale, source.zero_point, strict=True)))
    which = np.array([pairs.index(pair) for pair in zip(source.scale, source.zero_point, strict=True)])
    found, axis = carry(node.layout_op, which, source.axis, source.shape)
    chosen = [pairs[index] for index in found]
    return TensorSpec(
        node.name,
        node.shape,
        source.bits,
        source.signed,
        tuple(s for s, _ in chosen),
        tuple(z for _, z in chosen),
        axis,
        LAYOUTS.get(len(node.shape), ""),
        node.origin,
    )
