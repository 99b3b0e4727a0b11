"""How simulate time grows with image side, batch and model; the second command, for whoever plans a campaign.

    python -m benchmarks.scaling [--quick] [--models ...] [--sides ...] [--batches ...] [--write [FILE]]

Stores out/bench/scaling.json and out/bench/performance_scaling.png; --write puts the plot into docs/figures.
"""

from __future__ import annotations

import argparse
import dataclasses
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks import machine, results
from benchmarks.contestants import Contestant
from benchmarks.disturbance import Patience
from benchmarks.networks import IMAGES, MODELS, Network
from benchmarks.performance import PATIENCE_SECONDS, make_ready, say
from benchmarks.rounds import Rounds, Schedule, measure
from benchmarks.rows import simulate
from benchmarks.scaling_plot import Point, plot
from benchmarks.spread import Spread
from benchmarks.tasks import Pace
from benchmarks.verdicts import image_seconds
from benchmarks.workspace import OUT, ROOT
from bittrue.spec.program_file import load_program

FIGURE = ROOT / "docs" / "figures" / "performance_scaling.png"
SIDES = tuple(range(128, 513, 64))
BATCHES = (1, 2, 4, 8, 16, 32, 64)
SIDE, BATCH = 256, 1
"""Where the other quantity is varied."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure all points, store and plot them; 0 if every one could be measured."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="one short round, to see that all works")
    parser.add_argument("--rounds", type=int, help="interleaved rounds (default 3)")
    parser.add_argument("--threads", type=int, default=2, help="cores that may be used (default 2)")
    parser.add_argument("--models", nargs="+", default=MODELS, choices=MODELS, metavar="MODEL", help="timm's names")
    parser.add_argument("--sides", nargs="+", type=int, default=SIDES, help="multiples of 64, at batch 1")
    parser.add_argument("--batches", nargs="+", type=int, default=BATCHES, help=f"1..{IMAGES}, at {SIDE}x{SIDE}")
    parser.add_argument("--write", nargs="?", const=FIGURE, type=Path, metavar="FILE", help="copy the plot there")
    chosen = parser.parse_args(arguments)
    if any(side < 64 or side % 64 for side in chosen.sides):
        parser.error("sides are multiples of 64")
    if any(not 1 <= batch <= IMAGES for batch in chosen.batches):
        parser.error(f"batches are 1..{IMAGES}")
    machine.use_cores(chosen.threads)
    described = machine.describe()
    pace = Pace(warmups=1, seconds=0.1 if chosen.quick else 1.0, runs_min=1)
    schedule = Schedule(chosen.rounds or (1 if chosen.quick else 3), pace, chosen.threads)
    patience = Patience(0 if chosen.quick else PATIENCE_SECONDS)
    every = contestants(chosen.models, chosen.sides, chosen.batches)
    found = measure(every, schedule, prepared=make_ready(every), patience=patience, say=say)
    points = [_point(each, found) for each in every if each.name in found.measured]
    if not points:
        raise SystemExit("nothing could be measured; the lines above say why")
    OUT.mkdir(parents=True, exist_ok=True)
    results.write(
        OUT / "scaling.json",
        {
            "format_version": results.FORMAT_VERSION,
            "machine": dataclasses.asdict(described),
            "schedule": dataclasses.asdict(schedule),
            "points": [dataclasses.asdict(point) for point in points],
            "runs": results.measured(found),
        },
    )
    drawn = OUT / FIGURE.name
    plot(points, described.hardware(), drawn, side=SIDE, batch=BATCH)
    if chosen.write:
        shutil.copyfile(drawn, chosen.write)
    print(f"{OUT / 'scaling.json'}, {chosen.write or drawn}", file=sys.stderr)
    return int(bool(found.failed))


def contestants(models: Sequence[str], sides: Sequence[int], batches: Sequence[int]) -> tuple[Contestant, ...]:
    """Every model at every side with batch 1, and at side 256 with every batch; each once."""
    every = [
        *(simulate(Network(model, side), BATCH) for model in models for side in sides),
        *(simulate(Network(model, SIDE), batch) for model in models for batch in batches),
    ]
    return tuple({contestant.name: contestant for contestant in every}.values())


def _point(contestant: Contestant, found: Rounds) -> Point:
    network = contestant.network
    program = load_program(network.program)
    macs = sum(
        work.gemm.macs
        for step, call in zip(program.steps, program.calls, strict=True)
        if (work := step.op.work(call)).gemm is not None
    )
    spread = Spread.of([1000 * seconds for seconds in image_seconds(contestant, found)])
    return Point(network.model, network.side, contestant.batch, macs, spread)


if __name__ == "__main__":
    sys.exit(main())
