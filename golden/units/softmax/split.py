"""The exponential of I-BERT, FQ-ViT and HyQ, as spec/units/softmax/split.py states it."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from bittrue.spec.units.softmax.split import SplitExponential


def octaves_and_polynomial(unit: SplitExponential, arrays: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Stages "maximum" [rows, 1], "octaves" and "polynomial" [rows, n], int64.

    The polynomial is the quadratic of a unit with a parameter "c", else the line.
    """
    logits, octave, b = arrays["logits"], arrays["octave"], arrays["b"]
    maximum = logits.amax(dim=-1, keepdim=True)
    distance = torch.minimum(maximum - logits, unit.halvings * octave)
    octaves = torch.div(distance, octave, rounding_mode="floor")
    rest = distance - octaves * octave
    quadratic = any(port.name == "c" for port in unit.parameters)
    value = arrays["c"] - rest * (b - rest) if quadratic else b - rest
    return {"maximum": maximum, "octaves": octaves, "polynomial": value.clamp(min=0)}
