"""Chains of steps whose intermediate tensors exist in no memory.

A step that works element by element takes each element from the step before it as it leaves, where nothing else
reads that tensor. The tensors at both ends of a chain lie where residency.py puts them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from bittrue.spec.machine import Machine
from bittrue.spec.op import Call

ELEMENT_BY_ELEMENT = ("table", "activation", "add", "sub", "mul")


def fused_tensors(calls: Sequence[Call], machine: Machine) -> frozenset[str]:
    """Names of the tensors between fused steps; none where the machine does not fuse."""
    if not machine.fuses:
        return frozenset()
    readers = Counter(spec.name for call in calls for spec in call.inputs)
    return frozenset(
        first.output.name
        for first, second in zip(calls, calls[1:], strict=False)
        if second.op.name in ELEMENT_BY_ELEMENT
        and readers[first.output.name] == 1
        and any(spec.name == first.output.name for spec in second.inputs)
        and first.output.size == second.output.size
        and _works(first)
    )


def _works(call: Call) -> bool:
    """Whether the step makes its output, instead of renaming its input."""
    work = call.op.work(call)
    return work.gemm is not None or any(work.vector.values())
