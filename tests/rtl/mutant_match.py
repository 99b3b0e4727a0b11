"""The mutants of one design against sets of vectors: who is killed, at which stage, and what is proved of the rest."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from rtl.design import Design
from rtl.model import HandshakeBroken, Model, Pauses, Played
from rtl.netlist import BRIEF, CLEAN, PATIENT, REVERSED, Mutant, multiplexed, mutants, noise, synthesize
from rtl.proof import Prover, Verdict
from rtl.units import RTL_UNITS

from bittrue.spec.datapath import Datapath
from bittrue.spec.units.catalog import unit_arrays, unit_form
from bittrue.spec.units.section import Arrays

RESETS = 200
"""Dirty states out of which a few vectors are played."""
STALLED_SETS = 8
"""Sets that are played in all WAYS, spread over all: the first ones of a unit may be all of one kind, such as rows of
one beat. The others are played CLEAN without stalls, and BRIEF."""
WAYS: tuple[tuple[int, Pauses | None], ...] = (
    (0, None),
    (CLEAN, Pauses(seed=1)),
    (CLEAN, Pauses(seed=4, offer=128, take=128)),
    (CLEAN | PATIENT, Pauses(seed=2, offer=250, take=0)),
    (noise(1), Pauses(seed=3, offer=0, take=250)),
    (CLEAN | REVERSED, None),
)
"""How vectors are played: the bench's way (netlist.py) and the driver's stalls. Not CLEAN, a design that clears its
constants at a reset runs without them."""
SPREAD = {"bt_norm": (4, 5, 6)}
"""By design: cfg_sel of constants whose last word serves the elements behind it. BRIEF leaves repeated words away."""
HANDSHAKE = "handshake"
SELECTS = 256
"""Values of cfg_sel."""
DECOY = np.array([-1, 1, 0x5A5A])
"""Words for each cfg_sel that is one bit away from one of the design's: they must change nothing."""
IDLE_LIMIT = 1 << 14
"""Clocks after which a mutant that hangs is given up."""


class MutantModel(Model):
    """All mutants of a design behind its own ports; planted fault N is mutant N."""

    def __init__(self, design: Design, multiplexer: Design) -> None:
        super().__init__(multiplexer)
        self.design, self._top = replace(multiplexer, parameters=design.parameters), design.top

    def run(
        self,
        inputs: Mapping[str, np.ndarray],
        *,
        out_beats: int,
        in_last: np.ndarray | None = None,
        constants: Sequence[np.ndarray] = (),
        pauses: Pauses | None = None,
        bug: int = 0,
        idle_limit: int = IDLE_LIMIT,
    ) -> Played:
        """As Model.run; words go to cfg_sel behind the last one too."""
        if bug & BRIEF:
            spread = SPREAD.get(self._top, ())
            constants = [brief(words) if sel in spread else words for sel, words in enumerate(constants)]
        others = {sel ^ (1 << bit) for sel in range(len(constants)) for bit in range(8)}
        loaded = [*constants, *(DECOY if sel in others else DECOY[:0] for sel in range(len(constants), SELECTS))]
        if bug & REVERSED:
            loaded.reverse()
        return super().run(
            inputs,
            out_beats=out_beats,
            in_last=in_last,
            constants=loaded if self.design.constants else (),
            pauses=pauses,
            bug=bug,
            idle_limit=idle_limit,
        )


@dataclass(frozen=True)
class Score:
    """What became of the mutants of one unit."""

    unit: str
    vectors: int
    killed: Mapping[int, str]
    """By mutant: the first stage that differs, or HANDSHAKE."""
    equivalent: Sequence[Mutant]
    survived: Mapping[Mutant, Verdict]
    """With what the proof found: a state in which they differ, which may never be reached, or nothing."""


class Match:
    """The mutants of one design against vectors."""

    def __init__(self, unit: str, model: MutantModel, chosen: Sequence[Mutant]) -> None:
        self._run, self._model, self._chosen = RTL_UNITS[unit].run, model, chosen
        self.killed: dict[int, str] = {}

    def play(self, arrays: Arrays, way: int, stalls: Pauses | None) -> int:
        """Play a set against every mutant that is still alive; how many vectors it has."""
        truth = self._run(self._model, arrays, stalls, way).results
        for mutant in self._chosen:
            if mutant.number not in self.killed and (stage := self._shown(arrays, mutant.number + way, stalls, truth)):
                self.killed[mutant.number] = stage
        return len(truth["output"])

    def left(self) -> list[Mutant]:
        """Those that nothing has killed."""
        return [mutant for mutant in self._chosen if mutant.number not in self.killed]

    def _shown(self, arrays: Arrays, number: int, stalls: Pauses | None, truth: Mapping[str, np.ndarray]) -> str:
        """The first stage that differs, HANDSHAKE if that breaks, or ""."""
        try:
            found = self._run(self._model, arrays, stalls, number).results
        except HandshakeBroken:
            return HANDSHAKE
        return next((stage for stage in truth if not np.array_equal(found[stage], truth[stage])), "")


def score(
    unit: str,
    datapath: Datapath,
    sets: Sequence[Arrays],
    folder: Path,
    *,
    count: int,
    seed: int = 1,
    proof_s: float = 60,
    tell: Callable[[str], None] = lambda line: print(line, file=sys.stderr),
) -> Score:
    """Plant `count` faults in the design of a unit, play sets of arrays against each, and prove what they leave.

    A set with words that the design has no room for is left out. tell: hears of that, and of each step.
    """
    design = RTL_UNITS[unit].design(datapath)
    synthesize(design, folder)
    chosen = mutants(design, folder, count, seed)
    match = Match(unit, MutantModel(design, multiplexed(design, chosen, folder)), chosen)
    form, played, vectors = unit_form(datapath, unit), [], 0
    for index, given in enumerate(sets):
        arrays = unit_arrays(form, given)
        try:
            vectors += match.play(arrays, CLEAN, None)
            if design.top in SPREAD:
                match.play(arrays, CLEAN | BRIEF, None)
        except ValueError as error:
            tell(f"{unit}: set {index} is left out: {error}")
            continue
        played.append(arrays)
    for arrays in played[:: -(-len(played) // STALLED_SETS) or 1]:
        for way, stalls in WAYS:
            match.play(arrays, way, stalls)
    main = form.ports[0].name
    for state in range(RESETS if played else 0):
        match.play(first_of(played[state % len(played)], main), noise(state), None)
    left = match.left()
    tell(f"{unit}: {len(match.killed)} of {count} killed by {vectors} vectors")
    prover = Prover(design, folder, timeout_s=proof_s) if proof_s and left else None
    verdicts: dict[Mutant, Verdict] = {}
    for mutant in left:
        verdicts[mutant] = prover.compare(mutant) if prover else "undecided"
        tell(f"{unit}: {mutant.number} {mutant.place}: {verdicts[mutant]}")
    same = [mutant for mutant in left if verdicts[mutant] == "equivalent"]
    return Score(unit, vectors, match.killed, same, {mutant: verdicts[mutant] for mutant in left if mutant not in same})


def brief(words: np.ndarray) -> np.ndarray:
    """Without the repetitions at its end."""
    flat = words.reshape(-1)
    others = np.flatnonzero(flat != flat[-1])
    return flat[: others[-1] + 2 if others.size else 1]


def first_of(arrays: Arrays, main: str, count: int = 4) -> Arrays:
    """The first vectors of a set."""
    shape = arrays[main].shape
    one_a_vector = {name for name, array in arrays.items() if len(shape) == 1 and array.shape == shape} | {main}
    return {name: array[:count] if name in one_a_vector else array for name, array in arrays.items()}
