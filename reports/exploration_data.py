"""A study as plain values: tables, figures, sentences and pages are made from these alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

State = Literal["done", "ruled_out", "error"]
"""ruled_out: a bound, a description or a constraint said so before anything was simulated."""
Label = str | int | float | bool


@dataclass(frozen=True)
class PointRow:
    """One finished point."""

    digest: str
    """Of everything that decides its figures."""
    knobs: Mapping[str, Label]
    state: State
    figures: Mapping[str, float]
    """By name; a point that was ruled out has those that were known by then."""
    reason: str
    """Why it was ruled out or failed, in one line; empty where it is done."""
    seconds: Mapping[str, float]
    """What each stage took: calibrate, price, simulate."""
    finished_at: str
    """ISO 8601, UTC."""

    @property
    def name(self) -> str:
        """How people call it."""
        return self.digest[:10]


@dataclass(frozen=True)
class KnobAxis:
    """One knob, as plots and tables need it."""

    name: str
    labels: tuple[Label, ...]
    numeric: bool
    step: float | None

    @property
    def short(self) -> str:
        """The last part of a key path that still says what it is."""
        parts = self.name.split(".")
        if self.name.startswith("calibration.layers."):
            return f"{'.'.join(parts[2:-1])} {parts[-1].removesuffix('_bits')}"
        return ".".join(parts[-2:]) if len(parts) > 2 else self.name


@dataclass(frozen=True)
class Session:
    """One start of a study, from its first to its last point."""

    started_at: str
    workers: int
    points: int
    seconds: float


@dataclass(frozen=True)
class StudyData:
    """Everything that is known of one study."""

    name: str
    title: str
    command: str
    """The words of the command, up to the sweep file: what reproduces a point begins with it."""
    axes: tuple[KnobAxis, ...]
    objectives: Mapping[str, Literal["min", "max"]]
    constraints: Mapping[str, tuple[float | None, float | None]]
    """Least and most, by figure."""
    rows: tuple[PointRow, ...]
    """Each point once, in order of their knobs."""
    images: int
    subject: str
    """Model and images in words."""
    sessions: tuple[Session, ...]
    base: Mapping[str, Label]
    """The design that the study starts from, by knob."""
    total: int
    """How many points the study asks for."""

    @property
    def complete(self) -> bool:
        """Whether every point is there: what a study says of its whole space holds only then."""
        return len(self.rows) >= self.total

    def done(self) -> tuple[PointRow, ...]:
        """Points with every objective."""
        return tuple(
            row for row in self.rows if row.state == "done" and all(name in row.figures for name in self.objectives)
        )

    def allowed(self) -> tuple[PointRow, ...]:
        """Those of them that keep to every constraint."""
        return tuple(row for row in self.done() if self.keeps(row.figures))

    def keeps(self, figures: Mapping[str, float]) -> bool:
        """Whether the figures that are known keep to the constraints."""
        return all(
            (least is None or figures[name] >= least) and (most is None or figures[name] <= most)
            for name, (least, most) in self.constraints.items()
            if name in figures
        )

    def pareto(self) -> tuple[PointRow, ...]:
        """Allowed points that no other allowed one beats in every objective; of equal ones the first."""
        return pareto(self.allowed(), self.objectives)

    def axis(self, name: str) -> KnobAxis | None:
        """A knob by its name."""
        return next((axis for axis in self.axes if axis.name == name), None)


def pareto(rows: Sequence[PointRow], objectives: Mapping[str, Literal["min", "max"]]) -> tuple[PointRow, ...]:
    """Rows that no other one beats, sorted by the first objective, the best first.

    A row is beaten where another is at least as good in all objectives and better in one; of rows with equal
    figures the first stands for all.
    """
    signs = [(name, -1.0 if direction == "max" else 1.0) for name, direction in objectives.items()]
    costs = {id(row): tuple(sign * row.figures[name] for name, sign in signs) for row in rows}
    front: list[PointRow] = []
    for row in sorted(rows, key=lambda row: costs[id(row)]):
        # What comes later in this order cannot beat what came before.
        if not any(all(a <= b for a, b in zip(costs[id(kept)], costs[id(row)], strict=True)) for kept in front):
            front.append(row)
    return tuple(front)


def shown(value: float | Label) -> str:
    """A figure or a label for people."""
    if isinstance(value, bool) or not isinstance(value, float):
        return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)
    return f"{value:,.0f}" if abs(value) >= 10_000 else f"{value:.4g}"
