"""The kill rate of the sets of a package: what of the faults planted in a unit they notice together."""

from __future__ import annotations

from collections.abc import Sequence

from bittrue.golden.vectors.manifest import KillRate
from bittrue.spec.datapath import Datapath
from bittrue.spec.errors import BittrueError
from bittrue.spec.vectors import Stimuli
from bittrue.workflow.extras import need
from bittrue.workflow.progress import Progress

SECONDS = 5.0
"""For each question to the solver, in its own measure of work; the default of `bittrue bench mutation` too."""
GATES = 400
"""Gate mutants of a unit, at most; likewise."""


class Scored:
    """Sets as they are written, and at the end what they notice."""

    def __init__(self, datapath: Datapath) -> None:
        self._datapath = datapath
        self._sets: dict[tuple[str, str | None], list[Stimuli]] = {}

    def check(self, units: Sequence[str], op: str | None) -> None:
        """Before anything is written: raises Unsupported for a unit without mutants, BadInput without the solver."""
        from bittrue.golden.mutants.units import words_of

        need("rtl", "z3", verb="vectors --mutants")
        for unit in units:
            try:
                words_of(self._datapath.for_op(op), unit)
            except BittrueError as error:
                raise error.at(f"--mutants, unit {unit}") from None

    def add(self, stimuli: Stimuli, op: str | None) -> None:
        """One set of the package."""
        self._sets.setdefault((stimuli.unit, op), []).append(stimuli)

    def rates(self, progress: Progress) -> tuple[KillRate, ...]:
        """One entry a unit and operator."""
        return tuple(self._rate(unit, op, sets, progress) for (unit, op), sets in self._sets.items())

    def _rate(self, unit: str, op: str | None, sets: Sequence[Stimuli], progress: Progress) -> KillRate:
        from bittrue.golden.mutants.operators import mutants_of
        from bittrue.golden.mutants.proof.prove import proved
        from bittrue.golden.mutants.proof.z3_backend import Z3
        from bittrue.golden.mutants.score import outcomes
        from bittrue.golden.mutants.units import words_of

        words = words_of(self._datapath.for_op(op), unit)
        mutants = mutants_of(words, gates_at_most=GATES)
        found = outcomes(words, mutants, sets)
        left = [outcome.mutant for outcome in found if outcome.by_stage is None]
        equivalent = 0
        for done, mutant in enumerate(left):
            progress(f"{unit}: proofs", done, len(left))
            equivalent += proved(words.graph, mutant, backend=Z3, seconds=SECONDS) is not None
        progress(f"{unit}: proofs", len(left), len(left))
        return KillRate(
            unit=unit,
            op=op,
            vectors=sum(each.vectors for each in sets),
            mutants=len(mutants),
            killed=len(mutants) - len(left),
            killed_by_output=sum(outcome.by_output is not None for outcome in found),
            equivalent=equivalent,
            survived=len(left) - equivalent,
        )
