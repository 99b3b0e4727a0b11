"""x times a sigmoid from a table, as spec/units/activation/sigmoid_product.py states it."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from bittrue.golden.units.of_one_shape import in_shape_of
from bittrue.spec.units.activation import SigmoidProduct


def run(unit: SigmoidProduct, arrays: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Arrays as the ports say, int64, "table" of rank 1 -> "sigmoid" and "output" in the shape of "codes"."""
    sigmoid = arrays["table"][arrays["codes"] - arrays["input_low"]]
    return in_shape_of(
        arrays["codes"], {"sigmoid": sigmoid, "output": (arrays["codes"] - arrays["input_zero_point"]) * sigmoid}
    )
