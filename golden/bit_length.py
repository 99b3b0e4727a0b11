"""The bit length of integers, by which the judges of softmax and norm units normalize a divisor or a root."""

from __future__ import annotations

import torch
from torch import Tensor

POWERS = torch.tensor([1 << bit for bit in range(63)], dtype=torch.int64)


def bit_length(value: Tensor) -> Tensor:
    """How many bits an int64 >= 0 has, int64 of its shape: 0 for 0, else 1 + floor(log2(value))."""
    return torch.bucketize(value, POWERS, right=True)
