"""The judge of softmax without its division; formula in spec/units/softmax/unnormalised.py."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from bittrue.spec.units.softmax import UnnormalisedSoftmax


def run(unit: UnnormalisedSoftmax, arrays: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Logits [rows, n], table [codes] -> maximum [rows, 1] and output [rows, n], the exponentials, int64."""
    logits = arrays["logits"]
    maximum = logits.amax(dim=-1, keepdim=True)
    return {"maximum": maximum, "output": arrays["table"][maximum - logits]}
