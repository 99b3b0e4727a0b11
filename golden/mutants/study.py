"""The mutation score of a unit: each kind of stimuli against all mutants, then proofs and witnesses for the rest."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from bittrue.golden.mutants.operators import Mutant
from bittrue.golden.mutants.proof.prove import ProofKind, by_solver, proved
from bittrue.golden.mutants.proof.witness import witness
from bittrue.golden.mutants.proof.yosys import Untranslated, Yosys
from bittrue.golden.mutants.proof.z3_backend import Z3
from bittrue.golden.mutants.score import Kill, Outcome, outcomes
from bittrue.golden.mutants.units import UnitWords
from bittrue.spec.errors import IllFormed
from bittrue.spec.vectors import Stimuli, StimulusKind

Sets = Mapping[StimulusKind, Sequence[Stimuli]]


@dataclass(frozen=True)
class UnitStudy:
    """What was found of one unit."""

    unit: UnitWords
    mutants: tuple[Mutant, ...]
    vectors: Mapping[StimulusKind, int]
    outcomes: Mapping[StimulusKind, tuple[Outcome, ...]]
    """By kind, in the mutants' order."""
    proofs: Mapping[int, ProofKind] = field(default_factory=dict)
    """By a mutant's index: how it was proved equivalent."""
    witnesses: Mapping[int, Stimuli] = field(default_factory=dict)
    """By a mutant's index: a vector (or two, the fault remembers one) of another kind of stimuli, or the solver's, that
    notices a mutant which at least one kind overlooks."""

    repeated: int = 0
    """How many of the solver's proofs a second solver has repeated."""

    def survivors(self, kind: StimulusKind) -> tuple[Mutant, ...]:
        """Mutants that a kind of stimuli overlooks and nothing proves equivalent."""
        return tuple(
            outcome.mutant
            for outcome in self.outcomes[kind]
            if outcome.by_stage is None and outcome.mutant.index not in self.proofs
        )


def studied(
    unit: UnitWords,
    mutants: tuple[Mutant, ...],
    sets: Sets,
    *,
    seconds: float,
    repeat: int = 0,
    tell: Callable[[int, int], None] = lambda done, total: None,
) -> UnitStudy:
    """Score every kind, then prove or refute each mutant that some kind overlooks.

    seconds: for each question to the solver; what is not decided in that time is a survivor. repeat: how many of the
    proofs yosys shall repeat; raises IllFormed where it refutes one. tell: (mutants of the
    overlooked that are done, all of them).
    """
    found = {kind: outcomes(unit, mutants, each) for kind, each in sets.items()}
    proofs: dict[int, ProofKind] = {}
    witnesses: dict[int, Stimuli] = {}
    overlooked = [m for m in mutants if any(each[m.index].by_stage is None for each in found.values())]
    template = min((each for group in sets.values() for each in group), key=_size)
    for done, mutant in enumerate(overlooked):
        tell(done, len(overlooked))
        noticed = _noticed(mutant, sets, found)
        if noticed is None:
            proof = proved(unit.graph, mutant, backend=Z3, seconds=seconds)
            if proof is not None:
                proofs[mutant.index] = proof
                continue
            noticed = witness(unit, mutant, template, seconds=seconds)
        if noticed is not None:
            witnesses[mutant.index] = noticed
    again = _repeated(unit, [m for m in mutants if proofs.get(m.index) == "sat"], repeat, seconds)
    vectors = {kind: sum(each.vectors for each in group) for kind, group in sets.items()}
    return UnitStudy(unit, mutants, vectors, found, proofs, witnesses, again)


def _repeated(unit: UnitWords, mutants: Sequence[Mutant], most: int, seconds: float) -> int:
    """How many proofs yosys finds as well, of at most so many; one that it cannot state is left out."""
    count = min(most, len(mutants))
    found = 0
    for mutant in [mutants[i * len(mutants) // count] for i in range(count)]:
        asked: list[Yosys] = []

        def ask(asked: list[Yosys] = asked) -> Yosys:
            asked.append(Yosys())
            return asked[-1]

        try:
            same = by_solver(unit.graph, mutant.graph, backend=ask, seconds=seconds)
        except Untranslated:
            continue
        if not same and not any(each.undecided for each in asked):
            raise IllFormed("two solvers disagree on a mutant", where=unit.unit, got=mutant.name)
        found += same
    return found


def _size(stimuli: Stimuli) -> int:
    """Words of one vector and of what is loaded: the solver's work."""
    return sum(array.size // len(array) for array in stimuli.driven.values()) + sum(
        array.size for array in stimuli.constants.values()
    )


def _noticed(mutant: Mutant, sets: Sets, found: Mapping[StimulusKind, tuple[Outcome, ...]]) -> Stimuli | None:
    """The first vector of any kind that notices a mutant, with the one before it and the first of its set."""
    for kind, each in found.items():
        kill = each[mutant.index].by_stage
        if kill is not None:
            return _taken(next(s for s in sets[kind] if s.name == kill.name), kill)
    return None


def _taken(stimuli: Stimuli, kill: Kill) -> Stimuli:
    chosen = sorted({0, max(0, kill.vector - 1), kill.vector})
    return stimuli.take(np.array(chosen))
