"""Rows of a table of operands, collected and made one set of vectors."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from bittrue.spec.vectors import Integers, Stimuli, StimulusKind

Columns = dict[str, Integers | int]
"""Some columns of a table; a number counts for every vector."""


@dataclass
class Table:
    """Vectors of an elementwise unit: one column a port."""

    ports: tuple[str, ...]
    parts: list[dict[str, Integers]] = field(default_factory=list)

    def add(self, **columns: Integers | int | list[int]) -> None:
        """Vectors whose columns broadcast against each other; nothing where one of them is empty."""
        arrays = [np.asarray(columns[port], np.int64) for port in self.ports]
        spread = np.broadcast_arrays(*arrays)
        self.parts.append({port: np.array(a).reshape(-1) for port, a in zip(self.ports, spread, strict=True)})

    def columns(self) -> dict[str, Integers]:
        """All of them, each vector once, in the order of their first appearance."""
        found = {port: np.concatenate([part[port] for part in self.parts]) for port in self.ports}
        _, first = np.unique(np.stack(list(found.values())), axis=1, return_index=True)
        first.sort()
        return {port: column[first] for port, column in found.items()}

    def stimuli(self, unit: str, name: str, kind: StimulusKind) -> Stimuli:
        """One set, every port driven."""
        return Stimuli(unit, name, kind, self.columns())
