"""Trace: every tensor of one run of a Program on one image, and the stages inside its ops."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Trace:
    """What one statement of the contract says every integer is."""

    program_digest: str
    producer: str
    """Who ran it: "simulator" or "reference"."""
    tensors: Mapping[str, NDArray[np.integer]]
    """By tensor name, in order of production, the input image included; each in its TensorSpec's dtype."""
    stages: Mapping[str, Mapping[str, NDArray[np.integer]]] = field(default_factory=dict)
    """By step, then by stage, int64, in the order of the op's `stages`; empty unless asked for."""
