"""The judges of the softmax units, one kind a file (log2.py serves two); formulas in spec/units/softmax."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor

from bittrue.golden.units.softmax import gemmlowp, ibert, ita, ivit, log2, table, unnormalised

KINDS: dict[str, Callable[..., dict[str, Tensor]]] = {
    "table": table.run,
    "gemmlowp": gemmlowp.run,
    "ibert": ibert.run,
    "ivit": ivit.run,
    "log_int": log2.run,
    "ita": ita.run,
    "hyq": log2.run,
    "unnormalised": unnormalised.run,
}
"""`run(unit, arrays) -> stages and "output"` by kind; arrays as the unit's ports say."""
