"""Pre-activations need no codes where every reader's function has saturated: the codes that are left are finer.

SiLU is 0 to half an output step below some point, and what lies above the largest output code clips there. A wide
pre-activation whose range reaches farther spends codes, and nodes of the interpolated table that reads them, on
values that all give the same output.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import torch

from bittrue.calibration.fake_quantize import fake_quantize_like
from bittrue.calibration.float_run import FUNCTIONS
from bittrue.calibration.graph import FloatGraph, Node
from bittrue.calibration.plan import TensorPlan
from bittrue.calibration.quantize import Range, plan_tensor
from bittrue.calibration.sites import Site

GRID = 1 << 12
"""Points that a range is looked at; what is left is wider than needed by up to one of them at each end."""


def without_saturated(
    graph: FloatGraph, sites: Mapping[str, Site], tensors: Mapping[str, TensorPlan], *, wide_bits: int
) -> dict[str, TensorPlan]:
    """The plans of all tensors, those of wide_bits and more with one scale that only functions read drawn in to where
    the output of one of them still changes."""
    found = dict(tensors)
    for name, site in sites.items():
        plan, readers = tensors[name], graph.consumers[name]
        if plan.bits < wide_bits or plan.axis is not None or not readers:
            continue
        if all(node.kind == "function" and node.name in tensors for node in readers):
            span = _changing(plan, [(node, tensors[node.name]) for node in readers])
            whole = (np.arange(len(site.groups)), plan.scheme == "symmetric")
            found[name] = plan_tensor(site, plan.bits, [(whole, span)])
    return found


def _changing(plan: TensorPlan, readers: list[tuple[Node, TensorPlan]]) -> Range:
    """The part of a range in which an output changes."""
    x = torch.linspace(plan.low[0], plan.high[0], GRID, dtype=torch.float64)
    first, last = GRID, -1
    for node, output in readers:
        y = FUNCTIONS[str(dict(node.attributes)["function"])](x)
        for channel in range(len(output.scale)):
            one = replace(output, scale=(output.scale[channel],), zero_point=(output.zero_point[channel],), axis=None)
            (changes,) = torch.nonzero(torch.diff(fake_quantize_like(y[None], one)[0]), as_tuple=True)
            if len(changes):
                first, last = min(first, int(changes[0])), max(last, int(changes[-1]) + 1)
    if last < first:
        return Range(plan.low[0], plan.high[0])
    return Range(float(x[first]), float(x[last]))
