"""coverage: which bins of a unit a set of vectors reaches, out of a package or made here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bittrue.golden.stimuli import stimuli_of
from bittrue.golden.stimuli.closure import close as closed
from bittrue.golden.stimuli.minimise import minimise as minimised
from bittrue.golden.vectors.check import check_package
from bittrue.golden.vectors.unit_sets import unit_sets
from bittrue.simulator.units import UNITS
from bittrue.spec.coverage import Bin, Coverage, Results, Run, coverage_of
from bittrue.spec.datapath import Datapath
from bittrue.spec.errors import BadInput, Unsupported
from bittrue.spec.units.catalog import unit_arrays, unit_form
from bittrue.spec.vectors import Stimuli, StimulusKind
from bittrue.workflow.unit import loaded


@dataclass(frozen=True)
class UnitCoverage:
    """What was reached of one unit."""

    unit: str
    op: str | None
    """The operator whose requantizer the unit has; None: the default one."""
    datapath: str
    sets: int
    vectors: int
    bins: tuple[Bin, ...]
    reached: dict[str, int]
    """By bin: how many vectors reach it."""
    reasons: dict[str, str]
    """By bin that search left open: what was tried."""

    @property
    def closed(self) -> tuple[Bin, ...]:
        """Bins that at least one vector reaches."""
        return tuple(bin_ for bin_ in self.bins if self.reached[bin_.name])

    @property
    def open(self) -> tuple[Bin, ...]:
        """Bins that a vector could reach and none does."""
        return tuple(bin_ for bin_ in self.bins if bin_.reachable and not self.reached[bin_.name])

    @property
    def unreachable(self) -> tuple[Bin, ...]:
        """Bins that no vector of this datapath can reach, each with its proof."""
        return tuple(bin_ for bin_ in self.bins if not bin_.reachable)


def coverage(package: Path) -> tuple[UnitCoverage, ...]:
    """What the unit sets of a package reach, decided from its arrays; one entry a unit and operator.

    The package is verified first. Raises BadInput for one that cannot be trusted or that holds no unit with bins.
    """
    manifest = check_package(package)
    found: dict[tuple[str, str | None], tuple[Coverage, list[tuple[Stimuli, Results]]]] = {}
    for group, vectors in unit_sets(package, manifest):
        key = (group.unit, group.op)
        if key not in found:
            try:
                found[key] = (coverage_of(manifest.datapath.for_op(group.op), group.unit), [])
            except Unsupported:
                continue
        found[key][1].append((vectors.stimuli, vectors.results))
    if not found:
        raise BadInput(
            "the package holds no unit that coverage is declared for",
            where=str(package),
            got=", ".join(sorted({group.unit for group in manifest.units})) or "steps only",
            next_step="bittrue vectors --unit requantize --stimuli directed --out PACKAGE",
        )
    return tuple(
        _measured(declared, op, manifest.datapath.name, answered) for (_, op), (declared, answered) in found.items()
    )


def unit_coverage(
    unit: str,
    *,
    datapath: str | Path | Datapath,
    kinds: Sequence[StimulusKind] = ("directed",),
    op: str | None = None,
    seed: int = 0,
    close: bool = False,
    minimise: bool = False,
) -> UnitCoverage:
    """What the stimuli of some kinds reach of one unit, answered by the simulator.

    op: the requantizer as one operator has it. close: search for what is left open. minimise: only as many vectors as
    the closed bins need. Raises BadInput and Unsupported as `stimuli_of` and `coverage_of` do.
    """
    own = loaded(datapath).for_op(op)
    run, declared = runner(own), coverage_of(own, unit)
    sets = tuple(found for kind in kinds for found in stimuli_of(own, unit, kind, seed))
    reasons: dict[str, str] = {}
    if close:
        closure = closed(own, unit, run, start=sets, seed=seed)
        sets, reasons = closure.sets, closure.left_open
    if minimise:
        sets = minimised(declared, sets, run)
    return _measured(declared, op, own.name, [(found, run(found)) for found in sets], reasons)


def runner(datapath: Datapath) -> Run:
    """The simulator's answers to stimuli of any unit of a datapath."""

    def run(stimuli: Stimuli) -> Results:
        form = unit_form(datapath, stimuli.unit)
        return UNITS[stimuli.unit](datapath, unit_arrays(form, stimuli.arrays))

    return run


def _measured(
    declared: Coverage,
    op: str | None,
    datapath: str,
    answered: Sequence[tuple[Stimuli, Results]],
    reasons: dict[str, str] | None = None,
) -> UnitCoverage:
    reached = {bin_.name: 0 for bin_ in declared.bins}
    for stimuli, results in answered:
        for name, mask in declared.hits(stimuli, results).items():
            reached[name] += int(np.count_nonzero(mask))
    vectors = sum(stimuli.vectors for stimuli, _ in answered)
    return UnitCoverage(declared.unit, op, datapath, len(answered), vectors, declared.bins, reached, reasons or {})
