"""vectors: golden vectors of chosen steps, for a design to be played against."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from bittrue.golden.vectors.extras import PLAIN, Extras
from bittrue.golden.vectors.finish import Provenance
from bittrue.golden.vectors.folder import check_empty
from bittrue.golden.vectors.manifest import Image as ImageEntry
from bittrue.golden.vectors.manifest import Manifest
from bittrue.golden.vectors.write import StepArrays, check_steps, image_of, stacked_stages, write_steps
from bittrue.simulator.engine import Simulator
from bittrue.spec.program import Program
from bittrue.spec.program_file import load_program
from bittrue.spec.tensors import Codes
from bittrue.workflow.inputs import open_images
from bittrue.workflow.progress import Progress, silent
from bittrue.workflow.walk import choose_steps


def vectors(
    program: Program | Path,
    *,
    images: Path,
    steps: Sequence[str],
    out: Path | None,
    limit: int | None = 1,
    seed: int = 0,
    command: str = "bittrue.workflow.vectors",
    extras: Extras = PLAIN,
    progress: Progress = silent,
) -> Manifest:
    """Simulate images and write a package of the chosen steps, every stage included, to the folder `out`.

    steps: names or patterns ("stages.2.1.*"); a pattern that matches nothing is refused. limit: how
    many images. The folder must not exist or must be empty; it appears whole or not at all. Without `out` only
    the manifest is made. The stages of one step at a time are in memory.
    """
    loaded = load_program(program) if isinstance(program, Path) else program
    chosen = choose_steps(loaded, steps)
    check_steps(loaded, chosen)
    if out is not None:
        check_empty(out)
    found = open_images(loaded, images, limit=limit, seed=seed, verb="vectors")
    machine, runs, entries = Simulator(loaded), [], []
    needed = {*loaded.inputs, *chosen, *(name for step in chosen for name in loaded.step(step).inputs)}
    for index, image in enumerate(found):
        tensors = machine.run(image.codes, keep="tensors").tensors
        runs.append({name: array for name, array in tensors.items() if name in needed})
        entries.append(_entry(loaded, image.codes, image.name))
        progress("simulate", index + 1, len(found))
    written = 0

    def count(label: str, size: int) -> None:
        nonlocal written
        written += 1
        progress("write", written, len(chosen))

    provenance = Provenance(command, seed, "simulator")
    parts = _parts(machine, runs, chosen)
    return write_steps(loaded, parts, entries, out, provenance, extras=extras, written=count)


def _parts(machine: Simulator, runs: Sequence[Mapping[str, Codes]], chosen: Sequence[str]) -> Iterator[StepArrays]:
    """The arrays of one step after the other, over all images."""
    for name in chosen:
        step = machine.program.step(name)
        call = machine.program.call(step)
        inside = [machine.inside(name, tensors) for tensors in runs]
        yield StepArrays(
            step,
            tuple(np.stack([tensors[source] for tensors in runs]) for source in step.inputs),
            stacked_stages(call, inside) if any(inside) else {},
            np.stack([tensors[name] for tensors in runs]),
        )


def _entry(program: Program, codes: Codes, name: str) -> ImageEntry:
    return image_of(program.tensors[program.input], codes, name)
