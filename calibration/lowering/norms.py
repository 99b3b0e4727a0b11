"""Lowering of layer_norm and group_norm: epsilon, gamma and beta as integers (spec/normalization.py)."""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from bittrue.calibration.graph import Node
from bittrue.calibration.lowering.constants import Constants, narrow
from bittrue.calibration.lowering.context import Lowering
from bittrue.calibration.lowering.mac import one_scale
from bittrue.calibration.lowering.tables import round_half_up
from bittrue.spec.arithmetic import multiplier_and_shift
from bittrue.spec.normalization import root_shift_and_reciprocal_bits
from bittrue.spec.op import Op
from bittrue.spec.ops.group_norm import GroupNorm
from bittrue.spec.ops.layer_norm import LayerNorm

BETA_BITS = 40
"""beta may be this many bits wide before the fraction bits: 40 + 16 and the normalized product fit 63."""


def lower_layer_norm(lowering: Lowering, node: Node) -> tuple[Op, Constants]:
    """A row is the last axis."""
    root_shift, reciprocal_bits, constants = _norm(lowering, node, node.shape[-1])
    return LayerNorm(root_shift, reciprocal_bits), constants


def lower_group_norm(lowering: Lowering, node: Node) -> tuple[Op, Constants]:
    """A row is a group of channels with all their positions."""
    groups = node.integer("groups")
    root_shift, reciprocal_bits, constants = _norm(lowering, node, lowering.inputs(node)[0].size // groups)
    return GroupNorm(groups, root_shift, reciprocal_bits), constants


def _norm(lowering: Lowering, node: Node, n: int) -> tuple[int, int, Constants]:
    (source,), output, unit = lowering.inputs(node), lowering.specs[node.name], lowering.datapath.norm
    scale_in, scale_out = one_scale(source), one_scale(output)
    # eps is added to a variance in real units: n^2 / scale^2 brings it to the units of V.
    epsilon = max(1, round_half_up(Fraction(node.real("epsilon")) * n * n / scale_in**2))
    root_shift, reciprocal_bits = root_shift_and_reciprocal_bits(source, n, epsilon, unit.variance_bits)
    gamma, beta = (
        [Fraction(float(value)) / scale_out for value in lowering.plan.graph.parameter(node, role)]
        for role in ("gamma", "beta")
    )
    largest = max(abs(value) for value in gamma) or Fraction(1)
    # The shift follows gamma, but beta must fit behind it too.
    reach = max(largest, max(abs(value) for value in beta) / (1 << (BETA_BITS - unit.multiplier_bits)))
    _, integer_shift = multiplier_and_shift(reach, unit.multiplier_bits, 62 - unit.fraction_bits)
    shift = integer_shift + unit.fraction_bits
    return (
        root_shift,
        reciprocal_bits,
        {
            "epsilon": np.array([epsilon], np.int64),
            "multiplier": narrow(np.array([round_half_up(value * (1 << integer_shift)) for value in gamma], np.int64)),
            "bias": np.array([round_half_up(value * (1 << shift)) for value in beta], np.int64),
            "shift": np.array([shift], np.int8),
        },
    )
