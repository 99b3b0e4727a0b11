"""Which beginnings of a program are worth keeping for the other programs of a study that begin alike.

A cut is named by the digests of its tensors (spec/tensor_digests.py): programs with a cut of one name give its tensors
the same bits on the same images, whatever their knobs are. A cut that only one program has is never kept.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from bittrue.spec.cuts import cuts
from bittrue.spec.layout import LayoutOp
from bittrue.spec.op import Call
from bittrue.spec.program import Program

PARTS = 32
"""Of a program's work; in each the cut of the fewest bytes is a candidate. What two programs share beyond the last
common candidate is one part at most."""
NEARLY = 0.75
"""Of the work that the deepest common cut spares, what one with fewer bytes must spare."""
MACS_AN_ELEMENT = 64
"""assumption: the fast machine takes about as long for so many multiply-accumulates as for writing an element."""


@dataclass(frozen=True)
class Candidate:
    """A cut that may be kept. Travels as the list of its fields."""

    name: str
    steps: int
    """In front of it."""
    image_bytes: int
    """What its tensors take for one image."""
    work: float
    """Share of the program's work in front of it, estimated."""


def candidates(program: Program, digests: Mapping[str, str], image_bytes_max: float) -> list[Candidate]:
    """Cuts of a program that may be kept, in order. digests: its tensors'; image_bytes_max: the largest that may be."""
    done, total = 0.0, sum(_work(call) for call in program.calls)
    best: dict[int, Candidate] = {}
    for cut, call in zip(cuts(program)[1:], program.calls, strict=True):
        done += _work(call)
        tensors = [program.tensors[name] for name in cut.tensors]
        size = sum(spec.size * spec.dtype.itemsize for spec in tensors)
        part = min(int(PARTS * done / total), PARTS - 1)
        if part and size <= image_bytes_max and (part not in best or size <= best[part].image_bytes):
            name = hashlib.sha256("".join(digests[spec.name] for spec in tensors).encode()).hexdigest()[:32]
            best[part] = Candidate(name, cut.steps, size, done / total)
    return list(best.values())


def chosen(common: Iterable[Candidate]) -> Candidate | None:
    """Of the cuts that another program has as well the one to keep: nearly the deepest, with the fewest bytes."""
    found = list(common)
    least = NEARLY * max((each.work for each in found), default=0.0)
    return min((each for each in found if each.work >= least), key=lambda each: each.image_bytes, default=None)


def _work(call: Call) -> float:
    """Elements that a step writes, and what its MACs take in their place; a layout step is a view."""
    if isinstance(call.op, LayoutOp):
        return 0.0
    gemm = call.op.work(call).gemm
    return call.output.size + (gemm.macs / MACS_AN_ELEMENT if gemm else 0.0)
