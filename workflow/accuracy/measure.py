"""How far quantized logits are from float ones, image by image; every figure of a table is a sum over these."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, fields

import numpy as np
import torch
from numpy.typing import NDArray

from bittrue.calibration.batch_run import BatchRunner
from bittrue.calibration.graph import FloatGraph
from bittrue.calibration.plan import QuantPlan
from bittrue.calibration.quantized_run import QuantizedRunner
from bittrue.golden.fidelity import sqnr_db
from bittrue.reports.accuracy_data import Figures
from bittrue.simulator.engine import Simulator
from bittrue.spec.program import Program

BATCH = 8
"""Images that run through PyTorch at once."""

Logits = Callable[[NDArray[np.uint8]], NDArray[np.floating]]
"""uint8 images [images, 3, H, W] -> logits [images, classes]."""


@dataclass(frozen=True)
class PerImage:
    """One number an image, [images], in evaluation order."""

    signal: NDArray[np.float64]
    """Sum of the squared float logits."""
    noise: NDArray[np.float64]
    """Sum of the squared differences."""
    kl: NDArray[np.float64]
    """KL(softmax(float) || softmax(quantized)) in nats."""
    float_class: NDArray[np.int64]
    found_class: NDArray[np.int64]
    seconds: NDArray[np.float64]
    """Of the quantized network: its chunk's time, shared evenly."""

    def __len__(self) -> int:
        return len(self.signal)

    @property
    def agreed(self) -> NDArray[np.bool_]:
        """Whether both choose the same class."""
        return np.asarray(self.float_class == self.found_class)

    def first(self, count: int) -> PerImage:
        """The first images."""
        return PerImage(*(getattr(self, each.name)[:count] for each in fields(PerImage)))

    def followed_by(self, other: PerImage) -> PerImage:
        """These images and then others."""
        return PerImage(
            *(np.concatenate([getattr(self, each.name), getattr(other, each.name)]) for each in fields(PerImage))
        )


_NO_REALS, _NO_CLASSES = np.empty(0), np.empty(0, np.int64)
NONE = PerImage(_NO_REALS, _NO_REALS, _NO_REALS, _NO_CLASSES, _NO_CLASSES, _NO_REALS)
"""Of no images."""


def compared(exact: NDArray[np.floating], found: NDArray[np.floating], seconds: float) -> PerImage:
    """Float logits against quantized ones, both [images, classes]; seconds: what the quantized ones took."""
    x, y = exact.astype(np.float64), found.astype(np.float64)
    log_p, log_q = _log_softmax(x), _log_softmax(y)
    return PerImage(
        signal=(x * x).sum(axis=1),
        noise=((x - y) ** 2).sum(axis=1),
        kl=(np.exp(log_p) * (log_p - log_q)).sum(axis=1),
        float_class=x.argmax(axis=1),
        found_class=y.argmax(axis=1),
        seconds=np.full(len(x), seconds / max(len(x), 1)),
    )


def timed(logits: Logits, images: NDArray[np.uint8], exact: NDArray[np.floating]) -> PerImage:
    """Run a quantized network on images and compare it with the float logits."""
    start = time.perf_counter()
    found = logits(images)
    return compared(exact, found, time.perf_counter() - start)


def figures(
    images: PerImage, labels: NDArray[np.int64] | None, *, calibration_s: float, peak_memory_bytes: int | None
) -> Figures:
    """The figures over images [n] whose classes are labels [n], where they are known."""
    return Figures(
        images=len(images),
        sqnr_db=sqnr_db(float(images.signal.sum()), float(images.noise.sum())),
        agreement=float(images.agreed.mean()),
        kl_nats=float(images.kl.mean()),
        float_top1=None if labels is None else float((images.float_class == labels).mean()),
        top1=None if labels is None else float((images.found_class == labels).mean()),
        calibration_s=calibration_s,
        peak_memory_bytes=peak_memory_bytes,
        evaluation_s=float(images.seconds.sum()),
    )


def float_logits(graph: FloatGraph) -> Logits:
    """The float model."""
    return _batched(BatchRunner(graph).forward)


def partial_logits(plan: QuantPlan) -> Logits:
    """A plan with softmax, norms, additions and activation functions in float."""
    return _batched(QuantizedRunner(plan, partial=True).batch_logits)


def integer_logits(program: Program) -> Logits:
    """A program on the simulator, its output codes as reals."""
    machine, spec = Simulator(program), program.tensors[program.output]

    def run(images: NDArray[np.uint8]) -> NDArray[np.floating]:
        return spec.dequantize(machine.outputs(images)).reshape(len(images), -1)

    return run


def _batched(forward: Callable[[torch.Tensor], torch.Tensor]) -> Logits:
    @torch.no_grad()
    def run(images: NDArray[np.uint8]) -> NDArray[np.floating]:
        # A copy of each batch: torch takes no array that is read-only, as a memory map is.
        parts = [forward(torch.from_numpy(np.array(images[at : at + BATCH]))) for at in range(0, len(images), BATCH)]
        return np.asarray(torch.cat(parts).numpy())

    return run


def _log_softmax(x: NDArray[np.float64]) -> NDArray[np.float64]:
    centred = x - x.max(axis=1, keepdims=True)
    return np.asarray(centred - np.log(np.exp(centred).sum(axis=1, keepdims=True)))
