"""Vectors of a bare unit: what is driven into it, what every register must then hold, and which corners that reaches.

For stimuli, coverage, mutants, packages and benches, which all speak of the same arrays. A *vector* is one index of
axis 0: one accumulator for a requantizer, one row for a softmax, one row of activations for the MAC.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from bittrue.spec.errors import IllFormed

Integers = NDArray[np.int64]
StimulusKind = Literal["real", "directed", "uniform", "shaped"]
"""real: values out of a network that runs on photographs. directed: made to reach a corner. uniform, shaped: drawn at
random, evenly over what the registers hold or as networks spread their values."""


@dataclass(frozen=True)
class Stimuli:
    """What is driven into one unit. One set has one shape of row and one set of constants."""

    unit: str
    """As in `bittrue unit`: "requantize", "softmax", ..."""
    name: str
    """Of the set, a folder's name: "corners", "rows_of_49"."""
    kind: StimulusKind
    driven: Mapping[str, Integers]
    """By port: arrays whose axis 0 counts the vectors."""
    constants: Mapping[str, Integers] = field(default_factory=dict)
    """By port: arrays that are loaded once and serve every vector of the set: tables, weights, gamma."""

    def __post_init__(self) -> None:
        """Refuse a set without vectors, and arrays that count them differently."""
        counts = {name: len(array) if array.ndim else 0 for name, array in self.driven.items()}
        if not counts or 0 in counts.values() or len(set(counts.values())) > 1:
            raise IllFormed("driven arrays count their vectors differently", where=self.name, got=counts)
        if twice := sorted(set(self.driven) & set(self.constants)):
            raise IllFormed("an array is both driven and constant", where=self.name, got=", ".join(twice))

    @property
    def vectors(self) -> int:
        """How many vectors there are."""
        return len(next(iter(self.driven.values())))

    @property
    def arrays(self) -> dict[str, Integers]:
        """Everything that the unit reads, by port."""
        return {**self.constants, **self.driven}

    def take(self, chosen: Integers) -> Stimuli:
        """The same set with the vectors of these indices only, in this order."""
        return Stimuli(
            self.unit,
            self.name,
            self.kind,
            {name: array[chosen] for name, array in self.driven.items()},
            self.constants,
        )


@dataclass(frozen=True)
class UnitVectors:
    """Stimuli, the answer of one statement of the contract, and the bins that each vector reaches."""

    stimuli: Stimuli
    results: Mapping[str, Integers]
    """By stage in the order in which they arise, "output" last; axis 0 counts the vectors."""
    hits: Mapping[str, NDArray[np.bool_]] = field(default_factory=dict)
    """By bin: [vectors], whether the vector reaches it. Bins that none reaches are there too."""
