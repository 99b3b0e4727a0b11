"""softmax of FQ-ViT (log-int-softmax): I-BERT's exponential, 4-bit powers of two as probabilities.

The exponential is split.py's with f(r) = c - r * (b - r) and I-BERT's coefficients (ibert.py); the rest is
log2.py. halvings = 30 and code_bits = 4 in the source, past_the_end = "zero" in its code. The source computes in
float32, where exponentials above 2**24 are not exact; here every value is exact.

Source: Lin et al., FQ-ViT, arXiv 2111.13824, section 3.3, and megvii-research/FQ-ViT models/ptq/layers.py,
QIntSoftmax.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal

from bittrue.spec.units.section import Port, Width
from bittrue.spec.units.softmax.log2 import Log2Softmax
from bittrue.spec.units.softmax.split import QUADRATIC


class LogIntSoftmax(Log2Softmax):
    """See the module docstring."""

    parameters: ClassVar[tuple[Port, ...]] = QUADRATIC
    at_zero: ClassVar[str] = "c"

    kind: Literal["log_int"]

    @property
    def parameter_widths(self) -> Mapping[str, Width]:
        """Coefficients as wide as `check` admits them."""
        return {"octave": Width(31, False), "b": Width(31, False), "c": Width(62, False)}
