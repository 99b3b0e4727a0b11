"""How far the integer network is from the float model: one row of metrics a tensor, over many images.

This is measurement, not verification: integers are compared with integers in `compare`. With x the float
values of a tensor over all images and xq the dequantized integers of the same name:

    SQNR    = 10 log10( sum x^2 / sum (x - xq)^2 ) dB        inf when they are equal everywhere
    cosine  = sum x*xq / sqrt( sum x^2 * sum xq^2 )          1 when both are zero everywhere, 0 when one is
    largest = max |x - xq|

All sums are float64 and run over elements and images; no image is kept.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bittrue.spec.errors import BadInput, OutOfDomain
from bittrue.spec.program import Program
from bittrue.spec.trace import Trace


@dataclass(frozen=True)
class TensorFidelity:
    """The metrics of one tensor; formulas in the module docstring."""

    tensor: str
    elements: int
    """Values compared, over all images."""
    sqnr_db: float
    cosine: float
    largest_error: float
    """In the tensor's real unit."""


@dataclass(frozen=True)
class Drop:
    """The step that loses most: SQNR of its best input minus SQNR of its output."""

    tensor: str
    input_sqnr_db: float
    output_sqnr_db: float

    @property
    def drop_db(self) -> float:
        """How much the step loses; infinite when its output holds no signal."""
        return self.input_sqnr_db - self.output_sqnr_db


@dataclass(frozen=True)
class Top1:
    """Top-1 classes over all images; among equal logits the lowest class wins, on both sides."""

    images: int
    agreed: int
    """Images for which the float and the integer network choose the same class."""
    labelled: int
    """Images that came with a label."""
    float_correct: int
    integer_correct: int

    @property
    def agreement(self) -> float | None:
        """Share of images with the same class on both sides; None without images."""
        return self.agreed / self.images if self.images else None

    @property
    def float_accuracy(self) -> float | None:
        """Share of labelled images that the float model classifies right; None without labels."""
        return self.float_correct / self.labelled if self.labelled else None

    @property
    def integer_accuracy(self) -> float | None:
        """Share of labelled images that the integers classify right; None without labels."""
        return self.integer_correct / self.labelled if self.labelled else None


@dataclass
class _Sums:
    elements: int = 0
    signal: float = 0.0
    integer_signal: float = 0.0
    cross: float = 0.0
    noise: float = 0.0
    largest: float = 0.0

    def add(self, x: NDArray[np.float64], xq: NDArray[np.float64]) -> None:
        error = x - xq
        self.elements += x.size
        self.signal += float(np.sum(x * x))
        self.integer_signal += float(np.sum(xq * xq))
        self.cross += float(np.sum(x * xq))
        self.noise += float(np.sum(error * error))
        self.largest = max(self.largest, float(np.max(np.abs(error))))

    def row(self, tensor: str) -> TensorFidelity:
        if self.signal and self.integer_signal:
            cosine = self.cross / (math.sqrt(self.signal) * math.sqrt(self.integer_signal))
        else:
            cosine = 1.0 if self.signal == self.integer_signal else 0.0
        return TensorFidelity(tensor, self.elements, sqnr_db(self.signal, self.noise), cosine, self.largest)


def sqnr_db(signal: float, noise: float) -> float:
    """10 log10(signal / noise) of two sums of squares: inf without noise, -inf for noise without signal."""
    if not noise:
        return math.inf
    return 10.0 * (math.log10(signal) - math.log10(noise)) if signal else -math.inf


def format_limit_db(bits: int) -> float:
    """SQNR of a full-scale sine behind an ideal uniform quantizer of that width (Bennett 1948)."""
    return 20.0 * bits * math.log10(2.0) + 10.0 * math.log10(1.5)


class Fidelity:
    """Running comparison of integer traces of one Program with the float model's tensors."""

    def __init__(self, program: Program) -> None:
        """Start with no image."""
        self.program = program
        self._sums: dict[str, _Sums] = {}
        self._images = self._agreed = self._labelled = self._float_correct = self._integer_correct = 0

    def add(self, trace: Trace, floats: Mapping[str, NDArray[np.floating]], *, label: int | None = None) -> None:
        """Add one image.

        floats: the float model's values by tensor name, each of its TensorSpec's shape; names that the
        program does not have are passed over, and so are program tensors without a float value. The
        program's output must be among them. label: the true class, if known. Raises BadInput for a
        trace of another program, OutOfDomain for a missing, misshapen or non-finite tensor.
        """
        if trace.program_digest != self.program.digest:
            raise BadInput(
                "a trace belongs to another program",
                where=f"trace of the {trace.producer}",
                got=f"digest {trace.program_digest[:16]}",
                expected=f"digest {self.program.digest[:16]}",
            )
        if self.program.output not in floats:
            raise OutOfDomain(
                "the float model's output is missing", got=sorted(floats)[:3], expected=self.program.output
            )
        pairs = {name: self._pair(name, trace, floats) for name in self.program.tensors if name in floats}
        for name, (x, xq) in pairs.items():
            self._sums.setdefault(name, _Sums()).add(x, xq)
        float_class, integer_class = (int(np.argmax(logits)) for logits in pairs[self.program.output])
        self._images += 1
        self._agreed += float_class == integer_class
        if label is not None:
            self._labelled += 1
            self._float_correct += float_class == label
            self._integer_correct += integer_class == label

    def _pair(
        self, name: str, trace: Trace, floats: Mapping[str, NDArray[np.floating]]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """The float and the dequantized values of one tensor, both float64 of its shape."""
        spec, where = self.program.tensors[name], f"tensor {name}"
        x = np.asarray(floats[name], dtype=np.float64)
        if name not in trace.tensors:
            raise OutOfDomain("a trace lacks a tensor of its program", where=where)
        if x.shape != spec.shape or trace.tensors[name].shape != spec.shape:
            raise OutOfDomain(
                "a tensor has the wrong shape",
                where=where,
                got=f"float {x.shape}, integer {trace.tensors[name].shape}",
                expected=spec.shape,
            )
        if not np.isfinite(x).all():
            raise OutOfDomain("a float tensor holds NaN or infinity", where=where)
        return x, spec.dequantize(trace.tensors[name])

    @property
    def rows(self) -> tuple[TensorFidelity, ...]:
        """One row for each compared tensor, in order of production."""
        order = (*self.program.inputs, *(step.output for step in self.program.steps))
        return tuple(self._sums[name].row(name) for name in order if name in self._sums)

    @property
    def top1(self) -> Top1:
        """Agreement and accuracy so far."""
        return Top1(self._images, self._agreed, self._labelled, self._float_correct, self._integer_correct)

    @property
    def worst_drop(self) -> Drop | None:
        """The first step whose SQNR falls most below the best of its inputs; None when nothing falls.

        A tensor that was not compared stands for the best of what it was made from. No tensor counts
        for more than a full-scale sine in its width has (6.02 bits + 1.76 dB), or the first step behind
        an exact image would always have lost most.
        """
        reached = {
            row.tensor: min(row.sqnr_db, format_limit_db(self.program.tensors[row.tensor].bits)) for row in self.rows
        }
        worst: Drop | None = None
        for step in self.program.steps:
            best_input = max((reached[name] for name in step.inputs if name in reached), default=None)
            if best_input is None:
                continue
            output = reached.setdefault(step.output, best_input)
            if output < best_input and (worst is None or best_input - output > worst.drop_db):
                worst = Drop(step.output, best_input, output)
        return worst
