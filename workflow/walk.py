"""Run a program on images and look inside chosen steps, one image at a time."""

from __future__ import annotations

import dataclasses
import fnmatch
from collections.abc import Iterator, Sequence
from pathlib import Path

from bittrue.simulator.engine import Simulator
from bittrue.spec.errors import BadInput
from bittrue.spec.program import Program
from bittrue.spec.trace import Trace
from bittrue.workflow.inputs import Image, open_images
from bittrue.workflow.progress import Progress, silent


def walk(
    program: Program,
    images: Path,
    steps: Sequence[str],
    *,
    limit: int | None,
    seed: int,
    verb: str,
    progress: Progress = silent,
) -> Iterator[tuple[Image, Trace]]:
    """Each image with its trace, which has the stages of these steps and nothing of the others' stages."""
    found = open_images(program, images, limit=limit, seed=seed, verb=verb)
    machine = Simulator(program)
    for index, image in enumerate(found):
        trace = machine.run(image.codes, keep="tensors")
        stages = {name: machine.inside(name, trace.tensors) for name in steps}
        progress("simulate", index + 1, len(found))
        yield image, dataclasses.replace(trace, stages=stages)


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
