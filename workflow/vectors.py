"""vectors: golden vectors of chosen steps, for a design to be played against."""

from __future__ import annotations

import dataclasses
import fnmatch
from collections.abc import Sequence
from pathlib import Path

from bittrue.golden.vectors.folder import check_empty
from bittrue.golden.vectors.manifest import Manifest
from bittrue.golden.vectors.write import write_package
from bittrue.simulator.engine import Simulator
from bittrue.spec.errors import BadInput
from bittrue.spec.program import Program
from bittrue.spec.program_file import load_program
from bittrue.spec.trace import Trace
from bittrue.workflow.inputs import open_images
from bittrue.workflow.progress import Progress, silent


def vectors(
    program: Program | Path,
    *,
    images: Path,
    steps: Sequence[str],
    out: Path,
    limit: int | None = 1,
    seed: int = 0,
    command: str = "bittrue.workflow.vectors",
    progress: Progress = silent,
) -> Manifest:
    """Simulate images with every stage and write a package of the chosen steps to the folder `out`.

    steps: names or patterns ("stages.2.1.*"); a pattern that matches nothing is refused. limit: how
    many images. The folder must not exist or must be empty; it appears whole or not at all.
    """
    loaded = load_program(program) if isinstance(program, Path) else program
    chosen = choose_steps(loaded, steps)
    check_empty(out)
    found = open_images(loaded, images, limit=limit, seed=seed, verb="vectors")
    machine, traces, names = Simulator(loaded), [], []
    for index, image in enumerate(found):
        traces.append(_only(loaded, chosen, machine.run(image.codes, keep="stages")))
        names.append(image.name)
        progress("simulate", index + 1, len(found))
    progress("write", 0, 1)
    manifest = write_package(loaded, traces, chosen, out, seed=seed, command=command, image_names=names)
    progress("write", 1, 1)
    return manifest


def _only(program: Program, steps: Sequence[str], trace: Trace) -> Trace:
    """The trace without what no chosen step reads or makes: a whole one with stages takes some 200 MB."""
    tensors = {*program.inputs, *steps, *(name for step in steps for name in program.step(step).inputs)}
    return dataclasses.replace(
        trace,
        tensors={name: array for name, array in trace.tensors.items() if name in tensors},
        stages={name: stages for name, stages in trace.stages.items() if name in steps},
    )


def choose_steps(program: Program, patterns: Sequence[str]) -> tuple[str, ...]:
    """Names of the steps that any of the patterns matches, in program order."""
    names = [step.name for step in program.steps]
    chosen: set[str] = set()
    for pattern in patterns:
        matched = fnmatch.filter(names, pattern)
        if not matched:
            if not any(sign in pattern for sign in "*?["):
                program.step(pattern)  # refuses it with the nearest names
            raise BadInput(
                "no step matches",
                where="--step",
                got=pattern,
                expected=f"a name or pattern of {len(names)} steps",
                next_step="bittrue cost PROGRAM lists the steps",
            )
        chosen.update(matched)
    return tuple(name for name in names if name in chosen)
