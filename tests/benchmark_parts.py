"""Contestants, rows and measurements made by hand, for the tests of benchmarks/."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from benchmarks.contestants import Contestant
from benchmarks.machine import MachineDescription
from benchmarks.networks import Network
from benchmarks.rounds import Rounds
from benchmarks.rows import Row
from benchmarks.spread import Goal
from benchmarks.tasks import Measurement

MACHINE = MachineDescription(
    cpu="a processor", cores=2, flags=("avx2",), memory_gb=16.0, os="an OS", python="3.11", versions={"numpy": "2"},
    load_before=0.0, date="2026-01-01 00:00",
)  # fmt: skip


def contestant(name: str, batch: int = 1) -> Contestant:
    """A simulation of that name."""
    return Contestant(name, "simulate", Network("mobilevit_xxs"), batch)


def row(of: Sequence[Contestant], to: Sequence[Contestant] = (), goal: Goal | None = None, **changes: object) -> Row:
    """A row of the contestants in the group "g"."""
    fields = {"key": "k", "what": "w", "group": "g", "goal": goal, "of": tuple(of), "to": tuple(to), **changes}
    return Row(**fields)  # type: ignore[arg-type]


def rounds(seconds: Mapping[str, Sequence[float]], answers: Mapping[str, str] | None = None) -> Rounds:
    """One measurement of one run a round."""
    made = {
        name: [Measurement((value,), answer=(answers or {}).get(name, "")) for value in values]
        for name, values in seconds.items()
    }
    return Rounds(measured=made)
