"""What one step asks of each part of a machine, before anything overlaps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from bittrue.simulator.cost.buffers import OnChipTraffic
from bittrue.simulator.cost.memory import ExternalTraffic
from bittrue.spec.op import VectorOp


@dataclass(frozen=True)
class StepParts:
    """Cycles of the units and bytes at the memories."""

    array_cycles: int
    vector_cycles: int
    start_cycles: int
    """What nothing hides: the first latency of a memory."""
    on_chip: OnChipTraffic
    external: ExternalTraffic
    vector: Mapping[VectorOp, int]
    """Element operations that cost energy."""
    fill_cycles: int = 0
    """Until the units are busy and after the last of them is: memories stream meanwhile."""
    staged_bytes: int = 0
    """What passes a buffer on its way from or to external memory, once more."""
    tile: str = ""
    """The block or tile that was chosen, for people."""
