"""Lower a whole plan for one datapath."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace

from bittrue.calibration.graph import Node
from bittrue.calibration.lowering.activation import lower_function, lower_normalize
from bittrue.calibration.lowering.add import lower_add, lower_sub
from bittrue.calibration.lowering.concat import lower_concat
from bittrue.calibration.lowering.constant import lower_constant
from bittrue.calibration.lowering.constants import Constants
from bittrue.calibration.lowering.context import Lowering
from bittrue.calibration.lowering.elementwise import lower_layout
from bittrue.calibration.lowering.mac import (
    lower_conv2d,
    lower_linear,
    lower_matmul,
    lower_weighted_sum,
)
from bittrue.calibration.lowering.mul import lower_mul
from bittrue.calibration.lowering.norm import lower_group_norm, lower_layer_norm
from bittrue.calibration.lowering.pooling import lower_avg_pool2d, lower_mean
from bittrue.calibration.lowering.resnap import resnap
from bittrue.calibration.lowering.softmax import lower_softmax
from bittrue.calibration.lowering.specs import tensor_specs
from bittrue.calibration.plan import QuantPlan
from bittrue.spec.datapath import Datapath
from bittrue.spec.errors import BittrueError
from bittrue.spec.op import Op
from bittrue.spec.program import Program, Step, check_executed, with_bound

LOWERINGS: dict[str, Callable[[Lowering, Node], tuple[Op, Constants]]] = {
    "normalize": lower_normalize,
    "conv2d": lower_conv2d,
    "linear": lower_linear,
    "matmul": lower_matmul,
    "weighted_sum": lower_weighted_sum,
    "softmax": lower_softmax,
    "layer_norm": lower_layer_norm,
    "group_norm": lower_group_norm,
    "function": lower_function,
    "add": lower_add,
    "sub": lower_sub,
    "mul": lower_mul,
    "mean": lower_mean,
    "avg_pool2d": lower_avg_pool2d,
    "concat": lower_concat,
    "constant": lower_constant,
    "reshape": lower_layout,
    "permute": lower_layout,
    "slice": lower_layout,
}
"""By kind of float node; a new kind is a line here and a function in one of the files above."""


def lower_plan(
    plan: QuantPlan,
    datapath: Datapath,
    provenance: Mapping[str, str],
    *,
    progress: Callable[[int], None] = lambda done: None,
) -> Program:
    """Turn every node into a step, prove every bound, and return a checked program.

    progress: called after each node with the number done. Raises IllFormed with the step when the
    datapath cannot hold what the plan asks for.
    """
    held, changed = resnap(plan, datapath)
    for node in plan.graph.nodes:
        _check_exists(datapath, node)
    lowering = Lowering(held, datapath, tensor_specs(held, datapath))
    steps, constants = [], {}
    for node in plan.graph.nodes:
        try:
            op, arrays = LOWERINGS[node.kind](lowering, node)
        except BittrueError as error:
            raise error.at(node.name) from None
        steps.append(Step(node.name, op, node.inputs))
        constants.update({f"{node.name}/{role}": array for role, array in arrays.items()})
        progress(len(steps))
    bare = Program(
        model=plan.graph.model,
        datapath=datapath,
        tensors=lowering.specs,
        steps=tuple(steps),
        constants=constants,
        inputs=(plan.graph.input,),
        output=plan.graph.output,
        provenance={**plan.provenance, **provenance, "scales_changed": json.dumps(changed)},
    )
    program = replace(bare, steps=tuple(with_bound(bare, step) for step in steps))
    program.check()
    return program


def _check_exists(datapath: Datapath, node: Node) -> None:
    """Refuse the first node, in program order, that the hardware has no op or no unit for."""
    if node.is_layout or node.kind in ("normalize", "constant"):
        return
    name = node.kind
    if name == "function":
        name = "activation" if node.text("function") in datapath.activation else "table"
    units = {
        "add": ("add", datapath.add),
        "sub": ("add", datapath.add),
        "softmax": ("softmax", datapath.softmax),
        "layer_norm": ("norm", datapath.norm),
        "group_norm": ("norm", datapath.norm),
    }
    try:
        check_executed(datapath, name)
        if name in units:
            what, unit = units[name]
            datapath.required(unit, what)
    except BittrueError as error:
        raise error.at(node.name) from None
