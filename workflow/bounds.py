"""bounds: how many accumulator bits every step needs, and which steps a narrower accumulator endangers."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from bittrue.simulator.engine import Simulator
from bittrue.spec.bounds import any_data_bound
from bittrue.spec.op import AccumulatorBound
from bittrue.spec.program import Program
from bittrue.spec.program_file import load_program
from bittrue.workflow.inputs import open_images
from bittrue.workflow.progress import Progress, silent


@dataclass(frozen=True)
class StepBound:
    """One accumulating step's needs, in two's complement bits."""

    step: str
    op: str
    any_data: AccumulatorBound
    """For any data and any weights of the datapath's width."""
    proved: AccumulatorBound
    """For any data, with the step's own weights and its inputs' ranges: every partial sum, any order."""
    seen: AccumulatorBound | None
    """Final sums on the images that were run; None without images. No proof of anything."""


@dataclass(frozen=True)
class Bounds:
    """Every accumulating step of a program, in order."""

    steps: tuple[StepBound, ...]
    images: int

    def endangered(self, accumulator_bits: int) -> tuple[StepBound, ...]:
        """Steps for which an accumulator of that width is not proved to be enough."""
        return tuple(step for step in self.steps if step.proved.bits > accumulator_bits)


def bounds(
    program: Program | Path,
    *,
    images: Path | None = None,
    limit: int | None = None,
    seed: int = 0,
    progress: Progress = silent,
) -> Bounds:
    """Accumulator needs of every step; with images also the sums that they reach.

    images, limit, seed: as for `simulate`. Sums are seen behind the datapath's overflow rule.
    """
    loaded = load_program(program) if isinstance(program, Path) else program
    seen: dict[str, tuple[int, int]] = {}
    count = 0
    if images is not None:
        found, machine = open_images(loaded, images, limit=limit, seed=seed, verb="bounds"), Simulator(loaded)
        for image in found:
            stages = machine.run(image.codes, keep="stages").stages
            for call in loaded.calls:
                if call.bound is not None:
                    sums = stages[call.step]["accumulator"]
                    least, most = int(sums.min()), int(sums.max())
                    low, high = seen.get(call.step, (least, most))
                    seen[call.step] = (min(low, least), max(high, most))
            count += 1
            progress("simulate", count, len(found))
    rows = tuple(
        StepBound(
            call.step,
            call.op.name,
            any_data_bound(call),
            call.bound,
            AccumulatorBound(*seen[call.step]) if call.step in seen else None,
        )
        for call in loaded.calls
        if call.bound is not None
    )
    return Bounds(rows, count)
