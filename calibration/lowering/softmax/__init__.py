"""Lowering of softmax: the constants of the datapath's unit from the logits' scale, one kind a file."""

from __future__ import annotations

from collections.abc import Callable

from bittrue.calibration.graph import Node
from bittrue.calibration.lowering.constants import Constants
from bittrue.calibration.lowering.context import Lowering
from bittrue.calibration.lowering.mac import one_scale
from bittrue.calibration.lowering.row_division import check_readers
from bittrue.calibration.lowering.softmax import gemmlowp, ibert, ita, ivit, split, table
from bittrue.spec.op import Op
from bittrue.spec.ops.softmax import Softmax, unit_of

KINDS: dict[str, Callable[..., Constants]] = {
    "table": table.constants,
    "gemmlowp": gemmlowp.constants,
    "ibert": ibert.constants,
    "ivit": ivit.constants,
    "log_int": split.quadratic,
    "ita": ita.constants,
    "hyq": split.line,
    "unnormalised": table.constants,
}
"""`constants(unit, bits, scale)` by kind: the unit's parameters for logits of `bits` bits and that scale."""


def lower_softmax(lowering: Lowering, node: Node) -> tuple[Op, Constants]:
    """The constants depend on the logits' width and scale alone."""
    check_readers(lowering, node)
    (logits,) = lowering.inputs(node)
    scale, unit = one_scale(logits), unit_of(lowering.datapath)
    demanded = unit.logits_scale
    assert demanded is None or float(demanded) == float(scale), "with_logits_scale comes first"
    return Softmax(), KINDS[unit.kind](unit, logits.bits, scale)
