"""Cuts of a program: between which steps a run can be taken up, and which tensors it then needs."""

from __future__ import annotations

from dataclasses import dataclass

from bittrue.spec.program import Program


@dataclass(frozen=True)
class Cut:
    """A place between two steps. What its tensors hold there decides all that follows."""

    steps: int
    """How many steps stand in front of it."""
    tensors: tuple[str, ...]
    """Those that are known by then and that a later step reads, or that a run is for; in order of production."""


def cuts(program: Program) -> tuple[Cut, ...]:
    """Every cut, from the inputs (no step is run) to the output (all are)."""
    last = {name: index for index, step in enumerate(program.steps) for name in step.inputs}
    last[program.output] = len(program.steps)
    live = [name for name in program.inputs if name in last]
    found = [Cut(0, program.inputs)]
    for index, step in enumerate(program.steps):
        live = [name for name in (*live, step.output) if last.get(name, -1) > index]
        found.append(Cut(index + 1, tuple(live)))
    return tuple(found)
