"""Readers of exponentials that a softmax unit did not divide: they divide by the row sum.

See spec/units/softmax/unnormalised.py.
"""

from __future__ import annotations

from fractions import Fraction

from bittrue.calibration.graph import Node
from bittrue.calibration.lowering.context import Lowering
from bittrue.spec.errors import Unsupported
from bittrue.spec.ops.softmax import unit_of
from bittrue.spec.units.softmax import UnnormalisedSoftmax

EXPONENTIALS = {"matmul": 0, "weighted_sum": 1}
"""By kind of node that can divide, the operand whose row sums it divides by."""


def division_ratio(lowering: Lowering, node: Node) -> Fraction | None:
    """What dividing by the row sum does to a node's requantization ratio; None where it does not divide.

    The exponentials' own scale cancels, and the quotient has fraction bits.
    """
    name = node.inputs[EXPONENTIALS[node.kind]]
    unit = lowering.datapath.softmax
    if not isinstance(unit, UnnormalisedSoftmax) or not _is_softmax(lowering, name):
        return None
    return 1 / Fraction(lowering.specs[name].scale[0]) / (1 << unit.fraction_bits)


def check_readers(lowering: Lowering, node: Node) -> None:
    """Refuse a softmax node whose exponentials somebody reads who does not divide them."""
    if unit_of(lowering.datapath).normalised:
        return
    for reader in lowering.plan.graph.consumers[node.name]:
        where = EXPONENTIALS.get(reader.kind)
        if where is None or reader.inputs[where] != node.name:
            raise Unsupported(
                "the softmax unit does not divide, and this reader cannot",
                where=reader.name,
                got=reader.kind,
                expected="the first operand of a matmul or the second of a weighted_sum",
                next_step="choose a datapath whose softmax gives probabilities",
            )


def _is_softmax(lowering: Lowering, name: str) -> bool:
    found = lowering.plan.graph.by_name.get(name)
    return found is not None and found.kind == "softmax"
