"""Lowering of layer_norm and group_norm: the constants of the datapath's norm unit, one kind a file."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from bittrue.calibration.graph import Node
from bittrue.calibration.lowering.constants import Constants
from bittrue.calibration.lowering.context import Lowering
from bittrue.calibration.lowering.norm import exact, fq_vit, ibert, ivit, rsqrt_table
from bittrue.calibration.lowering.norm.affine import affine_constants
from bittrue.calibration.lowering.norm.row import NormRow, row_scale
from bittrue.spec.op import Op
from bittrue.spec.ops.group_norm import GroupNorm
from bittrue.spec.ops.layer_norm import LayerNorm
from bittrue.spec.row_norm import unit_of
from bittrue.spec.units.section import Width

KINDS: dict[str, Callable[..., Constants]] = {
    "exact": exact.constants,
    "rsqrt_table": rsqrt_table.constants,
    "ibert": ibert.constants,
    "ivit": ivit.constants,
    "fq_vit": fq_vit.constants,
}
"""`constants(unit, row)` by kind: the unit's parameters, without the common gamma and beta."""


def lower_layer_norm(lowering: Lowering, node: Node) -> tuple[Op, Constants]:
    """A row is the last axis."""
    return LayerNorm(), _constants(lowering, node, LayerNorm())


def lower_group_norm(lowering: Lowering, node: Node) -> tuple[Op, Constants]:
    """A row is a group of channels with all their positions."""
    op = GroupNorm(node.integer("groups"))
    return op, _constants(lowering, node, op)


def _constants(lowering: Lowering, node: Node, op: LayerNorm | GroupNorm) -> Constants:
    (source,), unit = lowering.inputs(node), unit_of(lowering.datapath)
    gamma, beta = (
        _over_scales(lowering.plan.graph.parameter(node, role), lowering.specs[node.name].scale)
        for role in ("gamma", "beta")
    )
    row = NormRow(
        codes=Width(source.bits, source.signed),
        n=op.row_length(source.shape),
        scale=row_scale(source, unit),
        epsilon=Fraction(node.real("epsilon")),
        gamma=gamma,
        beta=beta,
        source=source,
    )
    affine = affine_constants(unit, row) if unit.has_affine else {}
    return {**KINDS[unit.kind](unit, row), **affine}


def _over_scales(values: NDArray[np.float32], scales: tuple[float, ...]) -> list[Fraction]:
    """Gamma or beta of each channel over the output's scale, one for all or one a channel; exact."""
    every = scales * len(values) if len(scales) == 1 else scales
    return [Fraction(float(value)) / Fraction(scale) for value, scale in zip(values, every, strict=True)]
