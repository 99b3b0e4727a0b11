"""simulate: run a program bit for bit as its datapath would."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bittrue.simulator.engine import Simulator
from bittrue.spec.files import check_target, write_safetensors
from bittrue.spec.program import Program
from bittrue.spec.program_file import load_program
from bittrue.workflow.inputs import open_images
from bittrue.workflow.progress import Progress, silent


@dataclass(frozen=True)
class Simulation:
    """What the program said of each image."""

    names: tuple[str, ...]
    logits: NDArray[np.integer]
    """Codes [images, classes]."""
    labels: tuple[int | None, ...]

    @property
    def classes(self) -> NDArray[np.intp]:
        """The class with the largest logit, the first among equals, [images]."""
        return np.asarray(self.logits.argmax(axis=1))

    @property
    def accuracy(self) -> float | None:
        """Share of labelled images classified right; None without labels."""
        known = [(int(got), label) for got, label in zip(self.classes, self.labels, strict=True) if label is not None]
        return sum(got == label for got, label in known) / len(known) if known else None


def simulate(
    program: Program | Path,
    *,
    images: Path,
    out: Path | None = None,
    limit: int | None = None,
    trace: bool = False,
    seed: int = 0,
    progress: Progress = silent,
) -> Simulation:
    """Run a program on images and write the integers to `out`, if given.

    images: a .npy of uint8 [N, 3, H, W] (no PyTorch needed), an image or a folder. limit: how many,
    drawn from a folder with `seed`; all where None. out: safetensors with "logits" [images, classes]
    and, with `trace`, every tensor of every image as "INDEX/TENSOR".
    """
    if out is not None:
        check_target(out, images, *([program] if isinstance(program, Path) else []))
    loaded = load_program(program) if isinstance(program, Path) else program
    found = open_images(loaded, images, limit=limit, seed=seed, verb="simulate")
    machine = Simulator(loaded)
    names, labels, logits, kept = [], [], [], {}
    for index, image in enumerate(found):
        run = machine.run(image.codes, keep="tensors" if trace else "output")
        names.append(image.name)
        labels.append(image.label)
        logits.append(run.tensors[loaded.output].reshape(1, -1))
        if trace:
            kept.update({f"{index}/{name}": array for name, array in run.tensors.items()})
        progress("simulate", index + 1, len(found))
    result = Simulation(tuple(names), np.concatenate(logits), tuple(labels))
    if out is not None:
        metadata = {"kind": "simulation", "program_sha256": loaded.digest, "images": "\n".join(names)}
        write_safetensors(out, {"logits": result.logits, **kept}, metadata)
    return result
