"""The judges of the norm units, one kind a file; formulas in spec/units/norm. Gamma and beta are in affine.py."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor

from bittrue.golden.units.norm import exact, fq_vit, ibert, ivit, rsqrt_table

KINDS: dict[str, Callable[..., dict[str, Tensor]]] = {
    "exact": exact.run,
    "rsqrt_table": rsqrt_table.run,
    "ibert": ibert.run,
    "ivit": ivit.run,
    "fq_vit": fq_vit.run,
}
"""`run(unit, arrays) -> stages` by kind, "normalized" the last; arrays as the unit's ports say, int64."""
