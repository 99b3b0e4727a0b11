"""Sweep files and subjects for the tests of exploration: a small plan, whose points cost milliseconds."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import dask
from distributed import Client, LocalCluster
from PIL import Image
from small_models import pictures, small_plan

from bittrue.calibration.plan import save_plan
from bittrue.exploration import tasks
from bittrue.exploration.cluster import NO_PAGES

DONE: list[str] = []
"""What workers of this process have done, by task, where a test has put the functions below in place of theirs."""
_CALIBRATE, _FLOAT_LOGITS, _SIMULATE = tasks.calibrate, tasks.float_logits, tasks.simulate
COSTS = """
format_version = 1
name = "small"
[model]
plan = "plan.safetensors"
[knobs]
datapath.mac.accumulator_bits = { range = [16, 26] }
datapath.mac.overflow = ["wrap", "refuse"]
[objectives]
cycles = "min"
energy_uj = "min"
"""


def written(folder: Path, text: str = COSTS, *, plan: bool = True) -> Path:
    """A sweep file beside its plan."""
    if plan and not (folder / "plan.safetensors").exists():
        save_plan(small_plan(), folder / "plan.safetensors")
    file = folder / "sweep.toml"
    file.write_text(text)
    return file


def photographs(folder: Path, count: int = 6) -> Path:
    """A flat folder of pictures."""
    folder.mkdir()
    for index, picture in enumerate(pictures(count, seed=4)):
        Image.fromarray(picture.transpose(1, 2, 0)).save(folder / f"{index}.png")
    return folder


@contextmanager
def client_here(workers: int, scheduler: str | None) -> Iterator[Client]:
    """A dask client whose worker is a thread of this process: starts at once, and sees what a test has patched."""
    with (
        dask.config.set(NO_PAGES),
        LocalCluster(n_workers=1, threads_per_worker=1, processes=False, dashboard_address="127.0.0.1:0") as cluster,
        Client(cluster) as client,
    ):
        yield client


# Found by name where they run: a function that a test makes itself would be sent as a copy, with a list of its own.
def calibrate(subject: tasks.Document, design: tasks.Document) -> tasks.Document:
    """Noted."""
    DONE.append("calibrate")
    return _CALIBRATE(subject, design)


def float_logits(subject: tasks.Document, model: str) -> tasks.Document:
    """Noted."""
    DONE.append("float_logits")
    return _FLOAT_LOGITS(subject, model)


def simulate(
    subject: tasks.Document, design: tasks.Document, arithmetic: str, floats: object, keep: int | None = None
) -> tasks.Document:
    """Noted."""
    DONE.append("simulate")
    return _SIMULATE(subject, design, arithmetic, floats, keep)
