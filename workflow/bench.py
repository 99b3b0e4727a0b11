"""bench: measurements that the documentation quotes, as commands."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bittrue.calibration.lowering.lower import lower_plan
from bittrue.calibration.plan import QuantPlan, load_plan
from bittrue.hw_configs.load import load_datapath, names
from bittrue.simulator.engine import Simulator
from bittrue.spec.datapath import Datapath
from bittrue.spec.errors import BadInput, BittrueError
from bittrue.spec.program import Program
from bittrue.workflow.inputs import open_images
from bittrue.workflow.lower import provenance_of
from bittrue.workflow.progress import Progress, silent

OVERFLOWS = ("wrap", "saturate", "saturate_at_end")


@dataclass(frozen=True)
class WidthRow:
    """One accumulator on all images."""

    bits: int
    overflow: str
    endangered: int
    """Steps whose proved bound does not fit."""
    accuracy: float | None
    """Top-1, where the images have labels."""
    agreement: float
    """Share of images whose class is that of the widest accumulator."""


def bench_accumulator(
    plan: QuantPlan | Path,
    *,
    images: Path,
    bits: Sequence[int] = (16, 20, 24, 32),
    overflows: Sequence[str] = ("wrap", "saturate"),
    datapath: str | Path = "iot_npu",
    limit: int | None = None,
    seed: int = 0,
    progress: Progress = silent,
) -> tuple[WidthRow, ...]:
    """Accuracy of a plan against the accumulator's width and overflow rule, on the same images.

    Saturation is simulated after every addition in the datapath's order. Rows come widest first.
    """
    unknown = sorted(set(overflows) - set(OVERFLOWS))
    if unknown or not bits or not all(8 <= width <= 48 for width in bits):
        raise BadInput(
            "no such accumulator",
            got=f"{', '.join(unknown) or list(bits)}",
            expected=f"8..48 bits; {', '.join(OVERFLOWS)}",
        )
    loaded = load_plan(plan) if isinstance(plan, Path) else plan
    base = load_datapath(datapath)
    cases = [(width, overflow) for width in sorted(set(bits), reverse=True) for overflow in overflows]
    machines = [Simulator(_lowered(loaded, base, *case)) for case in cases]
    found = open_images(machines[0].program, images, limit=limit, seed=seed, verb="bench accumulator")
    classes = np.empty((len(cases), len(found)), np.int64)
    labels = []
    for index, image in enumerate(found):
        labels.append(image.label)
        for case, machine in enumerate(machines):
            logits = machine.run(image.codes, keep="output").tensors[machine.program.output]
            classes[case, index] = logits.reshape(-1).argmax()
        progress("bench", index + 1, len(found))
    known = np.array([-1 if label is None else label for label in labels])
    return tuple(
        WidthRow(
            width,
            overflow,
            sum(call.bound is not None and not call.accumulator_proved for call in machine.program.calls),
            float((classes[case] == known)[known >= 0].mean()) if (known >= 0).any() else None,
            float((classes[case] == classes[0]).mean()),
        )
        for case, ((width, overflow), machine) in enumerate(zip(cases, machines, strict=True))
    )


def _lowered(plan: QuantPlan, base: Datapath, bits: int, overflow: str) -> Program:
    mac = base.mac.model_copy(update={"accumulator_bits": bits, "overflow": overflow})
    return lower_plan(plan, base.model_copy(update={"mac": mac}), provenance_of(plan))


@dataclass(frozen=True)
class ProfileRow:
    """Whether a plan lowers for a datapath."""

    datapath: str
    runs: bool
    steps: int
    stopped_by: str
    """The first refusal, in one line; empty where it lowers."""
    scales_changed: int


def bench_datapaths(plan: QuantPlan | Path, *, supply: str | Path | None = None) -> tuple[ProfileRow, ...]:
    """Lower one plan for every packaged datapath and say what stops it, where something does."""
    import json

    loaded = load_plan(plan) if isinstance(plan, Path) else plan
    rows = []
    for name in names("datapaths"):
        path = load_datapath(name)
        if supply is not None:
            path = path.supplied_by(load_datapath(supply))
        try:
            program = lower_plan(loaded, path, provenance_of(loaded))
        except BittrueError as error:
            rows.append(ProfileRow(name, False, 0, f"{error.where}: {error.what} ({error.got})", 0))
            continue
        changed = len(json.loads(program.provenance["scales_changed"]))
        rows.append(ProfileRow(name, True, len(program.steps), "", changed))
    return tuple(rows)
