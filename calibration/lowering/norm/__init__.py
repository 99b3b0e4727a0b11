"""Lowering of layer_norm and group_norm: the constants of the datapath's norm unit, one kind a file."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

from bittrue.calibration.graph import Node
from bittrue.calibration.lowering.constants import Constants
from bittrue.calibration.lowering.context import Lowering
from bittrue.calibration.lowering.mac import one_scale
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
    scale_out = one_scale(lowering.specs[node.name])
    gamma, beta = (
        [Fraction(float(value)) / scale_out for value in lowering.plan.graph.parameter(node, role)]
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
