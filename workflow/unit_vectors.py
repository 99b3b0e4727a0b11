"""unit_vectors: golden vectors of bare units, for a block that is verified before there is a network to put it in."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from bittrue.golden.stimuli.views import unit_views, units_of
from bittrue.golden.vectors.extras import PLAIN, Extras
from bittrue.golden.vectors.finish import Provenance
from bittrue.golden.vectors.folder import check_empty
from bittrue.golden.vectors.manifest import Image as ImageEntry
from bittrue.golden.vectors.manifest import Manifest
from bittrue.golden.vectors.write import image_of
from bittrue.golden.vectors.write_units import SetToWrite, write_unit_package
from bittrue.simulator.units import UNITS
from bittrue.spec.datapath import Datapath
from bittrue.spec.errors import BadInput, BittrueError
from bittrue.spec.program import Program
from bittrue.spec.program_file import load_program
from bittrue.spec.units.catalog import unit_arrays, unit_form
from bittrue.spec.vectors import Stimuli, StimulusKind, UnitVectors
from bittrue.workflow.kill_rate import Scored
from bittrue.workflow.progress import Progress, silent
from bittrue.workflow.stimuli import (
    CoverageSource,
    StimuliSource,
    declared_coverage,
    given_stimuli,
    hits_of,
    made_stimuli,
    npz_name,
)
from bittrue.workflow.unit import loaded, read_npz
from bittrue.workflow.walk import choose_steps, walk

LIMIT = 1000


@dataclass(frozen=True)
class Network:
    """Where stimuli of kind "real" come from: steps of a program that runs on images."""

    program: Program | Path
    images: Path
    steps: tuple[str, ...] = ("*",)
    """Names or patterns."""
    image_limit: int | None = 1
    vector_limit: int = LIMIT
    """Vectors of one set at most."""


def unit_vectors(
    units: str | Sequence[str],
    *,
    out: Path,
    datapath: str | Path | Datapath | None = None,
    kinds: Sequence[StimulusKind] = (),
    inputs: Path | Mapping[str, np.ndarray] | None = None,
    network: Network | None = None,
    op: str | None = None,
    seed: int = 0,
    command: str = "bittrue.workflow.unit_vectors",
    extras: Extras = PLAIN,
    stimuli: StimuliSource = made_stimuli,
    coverage: CoverageSource = declared_coverage,
    mutants: bool = False,
    progress: Progress = silent,
) -> Manifest:
    """Write a package of vectors of bare units to the folder `out`, whole or not at all.

    units: as in `bittrue unit`. kinds: what to make: "directed", "uniform", "shaped" from `stimuli`, "real" from
    `network`. inputs: arrays of one unit instead, as `bittrue unit --inputs` takes them. datapath: a name, a TOML
    file or a Datapath; of a network it is the program's. op: the requantizer as one operator has it. mutants: plant
    faults in each unit and put into the manifest how many its sets notice (docs/mutation.md; needs the extra `rtl`,
    takes a minute a unit). Raises BadInput for a mixture that says nothing clear, and what the units refuse.
    """
    names = (units,) if isinstance(units, str) else tuple(units)
    _check_mixture(names, kinds, inputs, network, datapath, op)
    check_empty(out)
    program = None if network is None else _program(network.program)
    path = loaded("iot_npu" if datapath is None else datapath) if program is None else program.datapath
    for name in names:
        unit_form(path.for_op(op), name)
    scored = Scored(path) if mutants else None
    if scored is not None:
        scored.check(names, op)
    seen: list[ImageEntry] = []

    def wanted() -> Iterator[tuple[Stimuli, str | None]]:
        own = path.for_op(op)
        if inputs is not None:
            name = npz_name(inputs) if isinstance(inputs, Path) else "given"
            arrays = read_npz(inputs) if isinstance(inputs, Path) else inputs
            yield given_stimuli(own, names[0], arrays, name=name), op
        for unit in names:
            for kind in kinds:
                if kind != "real":
                    yield from ((one, op) for one in stimuli(own, unit, kind, seed))
        if program is not None and network is not None:
            yield from _real(program, network, names, seed, seen, progress)

    def sets() -> Iterator[SetToWrite]:
        for count, (one, of) in enumerate(wanted(), 1):
            if scored is not None:
                scored.add(one, of)
            yield SetToWrite(answered(path.for_op(of), one, coverage), of)
            progress("sets", count, count)

    provenance = Provenance(command, seed, "simulator")
    return write_unit_package(
        path, _nonempty(sets()), out, provenance, program=program, images=seen, extras=extras,
        mutation=tuple if scored is None else partial(scored.rates, progress),
    )  # fmt: skip


def answered(datapath: Datapath, stimuli: Stimuli, coverage: CoverageSource = declared_coverage) -> UnitVectors:
    """The simulator's answers to stimuli, and the bins that they reach."""
    try:
        arrays = unit_arrays(unit_form(datapath, stimuli.unit), stimuli.arrays)
        results = UNITS[stimuli.unit](datapath, arrays)
    except BittrueError as error:
        raise error.at(f"set {stimuli.unit}.{stimuli.name}") from None
    return UnitVectors(stimuli, results, hits_of(coverage, datapath, stimuli, results))


def _real(
    program: Program, network: Network, units: tuple[str, ...], seed: int, seen: list[ImageEntry], progress: Progress
) -> Iterator[tuple[Stimuli, str | None]]:
    """The views of every chosen step on every image, image by image."""
    chosen = choose_steps(program, network.steps)
    serving = {step.name for step in program.steps if set(units_of(program.datapath, program.call(step))) & set(units)}
    if not serving & set(chosen):
        raise BadInput(
            "no chosen step drives any of these units",
            where="--step",
            got=f"{len(chosen)} steps",
            expected=f"a step that drives {' or '.join(units)}",
        )
    steps = tuple(name for name in chosen if name in serving)
    found = walk(
        program, network.images, steps, limit=network.image_limit, seed=seed, verb="vectors", progress=progress
    )
    for index, (image, trace) in enumerate(found):
        seen.append(image_of(program.tensors[program.input], image.codes, image.name))
        for name in steps:
            for view in unit_views(program.call(program.step(name)), trace, units=units, limit=network.vector_limit):
                one = view.stimuli
                many = network.image_limit != 1
                named = Stimuli(
                    one.unit, f"{one.name}.image_{index}" if many else one.name, one.kind, one.driven, one.constants
                )
                yield named, view.op


def _program(given: Program | Path) -> Program:
    return load_program(given) if isinstance(given, Path) else given


def _nonempty(sets: Iterable[SetToWrite]) -> Iterator[SetToWrite]:
    count = 0
    for count, one in enumerate(sets, 1):  # noqa: B007
        yield one
    if not count:
        raise BadInput("there are no vectors to write", expected="stimuli of at least one set")


def _check_mixture(
    units: tuple[str, ...],
    kinds: Sequence[StimulusKind],
    inputs: object,
    network: Network | None,
    datapath: object,
    op: str | None,
) -> None:
    """Refuse requests that contradict themselves or ask for nothing."""
    refusals = (
        (not units or len(set(units)) < len(units), "name each unit once", "--unit"),
        (inputs is not None and bool(kinds), "arrays that are given are not made as well", "--inputs and --stimuli"),
        (inputs is not None and len(units) > 1, "arrays are those of one unit", "--inputs"),
        (inputs is None and not kinds, "stimuli come from --stimuli KIND or from --inputs FILE", "--unit"),
        ("real" in kinds and network is None, "real stimuli come from a program and images", "--stimuli real"),
        ("real" not in kinds and network is not None, "a program and images are for --stimuli real", "--images"),
        (network is not None and datapath is not None, "a program brings its datapath", "--datapath"),
        (network is not None and op is not None, "steps bring the requantizer of their operator", "--op"),
    )
    for wrong, what, where in refusals:
        if wrong:
            raise BadInput(what, where=where, next_step="bittrue vectors --help")
