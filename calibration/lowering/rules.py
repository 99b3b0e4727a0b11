"""Which tensors of a plan may have a scale a channel: by the datapath, and by what stands beside them.

For resnap.py, which gives one scale to those that may not. Specs and lowering state the same rules as refusals.
"""

from __future__ import annotations

import math

from bittrue.calibration.graph import Node
from bittrue.calibration.lowering.add import has_one_ratio
from bittrue.calibration.lowering.channel_fold import is_depthwise
from bittrue.calibration.lowering.concat import side_by_side
from bittrue.calibration.lowering.specs import spec_behind
from bittrue.calibration.lowering.widths import activation_unit
from bittrue.calibration.plan import QuantPlan
from bittrue.spec.datapath import Datapath
from bittrue.spec.tensors import TensorSpec


def must_have_one(plan: QuantPlan, datapath: Datapath) -> set[str]:
    """The tensors with a scale a channel that the datapath's units must have with one.

    What leaves a requantizer with one multiplier for all channels, and what a depthwise one reads; both sides of an
    activation unit in front of such a requantizer, or of one whose channels may not vary there; inputs of multipliers
    that subtract one zero point; inputs of a norm unit that has no factors a channel.
    """
    found: set[str] = set()
    for node in plan.graph.nodes:
        if node.kind in ("conv2d", "linear"):
            if not datapath.requantizer(node.kind).per_channel:
                found.add(node.name)
                if is_depthwise(node, plan.graph.parameter(node, "weight")):  # its input's scales are in the multiplier
                    found.add(plan.graph.source(node.inputs[0]))
            if datapath.mac.zero_point == "subtracted" and not _subtracts_one(plan, node):
                found.add(plan.graph.source(node.inputs[0]))
        elif node.kind in ("layer_norm", "group_norm"):
            if datapath.norm is not None and not datapath.norm.reads_zero_point:
                found.add(plan.graph.source(node.inputs[0]))
        elif node.kind == "function" and not _unit_varies(plan, datapath, node):
            found |= {plan.graph.source(node.inputs[0]), node.name}
    return {name for name in found if _varies(plan, name)}


def breaking(plan: QuantPlan) -> set[str]:
    """The tensors with a scale a channel that break a rule of the op that reads or makes them.

    A norm's output has one zero point. The three tensors of an add have one zero point each and one ratio of scales;
    the output of a concat has its inputs' formats side by side, or all of them have one scale.
    """
    found: set[str] = set()
    for node in plan.graph.nodes:
        if node.kind in ("layer_norm", "group_norm"):
            names, kept = [node.name], _one_point(spec_behind(plan, node.name))
        elif node.kind in ("add", "concat"):
            names = [plan.graph.source(name) for name in (*node.inputs, node.name)]
            kept = not any(_varies(plan, name) for name in names) or _kept(plan, node)
        else:
            continue
        found |= set() if kept else {name for name in names if _varies(plan, name)}
    return found


def _varies(plan: QuantPlan, name: str) -> bool:
    return name in plan.tensors and plan.tensors[name].axis is not None


def _one_point(spec: TensorSpec) -> bool:
    return len(set(spec.zero_point)) == 1


def _subtracts_one(plan: QuantPlan, node: Node) -> bool:
    """Whether the multipliers of a conv2d or linear node see one zero point each."""
    if plan.graph.source(node.inputs[0]) not in plan.tensors or is_depthwise(
        node, plan.graph.parameter(node, "weight")
    ):
        return True
    return _one_point(spec_behind(plan, node.inputs[0]))


def _unit_varies(plan: QuantPlan, datapath: Datapath, node: Node) -> bool:
    """Whether the unit of a function takes constants a channel along the axis that the plan has."""
    unit = activation_unit(datapath, node)
    axes = {spec_behind(plan, name).axis for name in (node.inputs[0], node.name)} - {None}
    if unit is None or not axes or not unit.requantizes:
        return True
    leading = (math.prod(node.shape[:axis]) == 1 for axis in axes)
    return unit.elementwise and datapath.requantizer("activation").per_channel and all(leading)


def _kept(plan: QuantPlan, node: Node) -> bool:
    """The rule of an add or a concat; one that reads what the plan does not scale (a softmax) can keep none."""
    if any(plan.graph.source(name) not in plan.tensors for name in node.inputs):
        return False
    *inputs, output = (spec_behind(plan, name) for name in (*node.inputs, node.name))
    if node.kind == "concat":
        return side_by_side(inputs, output, node.integer("axis"))
    return all(map(_one_point, (*inputs, output))) and all(has_one_ratio(spec, output) for spec in inputs)
