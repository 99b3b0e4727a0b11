"""What the parts of a study say of a point and of how far the study is: digests, exclusions, reasons, status."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bittrue.exploration.sweep import Limit
from bittrue.exploration.tasks import one_line
from bittrue.spec.errors import BittrueError


def digest_of(document: Mapping[str, Any]) -> str:
    """SHA-256 of a JSON document."""
    return hashlib.sha256(json.dumps(document, sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True)
class Status:
    """How far a study is."""

    total: int
    finished: int
    """Points with a row, those of earlier starts included."""
    fresh: int
    """Of them, committed since this start."""
    errors: int
    running: int
    elapsed_s: float

    @property
    def left_s(self) -> float | None:
        """An estimate: what a point took on average since this start, for all that are left."""
        return None if not self.fresh else self.elapsed_s / self.fresh * max(self.total - self.finished, 0)


def first_excess(constraints: Mapping[str, Limit], figures: Mapping[str, float]) -> str | None:
    """The first constraint that known figures break, in words."""
    for name, limit in constraints.items():
        if name in figures and limit.excess(figures[name]) > 0:
            bound = f"at least {limit.min:g}" if limit.min is not None and figures[name] < limit.min else ""
            return f"constraint: {name} is {figures[name]:g}, allowed {bound or f'at most {limit.max:g}'}"
    return None


def reason_of(error: BaseException | None) -> str:
    """What a row says of a point that raised."""
    if isinstance(error, BittrueError):
        return one_line(error)
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0] if lines else 'without a word'}"
