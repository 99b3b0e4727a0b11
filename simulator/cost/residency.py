"""Which activations stay in the activation buffer from their production to their last use.

The rule: a tensor stays on the chip when, at every step of its life, it fits together with all other
tensors alive at that step that are not larger (of equal ones, the earlier produced goes first). Small
tensors thus have priority, the tensors that stay always fit together, and a larger buffer never sends a
tensor away that a smaller one kept. The program's inputs and outputs are in external memory for the
host's sake and take no room: they stream through.

A step without work (reshape) makes no tensor: its output is its input's bytes under another name.
"""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import dataclass

from bittrue.simulator.cost.sizes import tensor_bytes
from bittrue.spec.op import Call


@dataclass(frozen=True)
class Residency:
    """Where the bytes of every tensor lie."""

    external: frozenset[str]
    """Names of tensors in external memory, aliases included."""
    alias: frozenset[str]
    """Steps whose output is their input's bytes: they cost nothing."""
    held_bytes: tuple[int, ...] = ()
    """By step: bytes of the tensors that are in the buffer then."""


@dataclass(frozen=True)
class _Life:
    size_bytes: int
    first_step: int
    last_step: int


def residency(
    calls: Sequence[Call], capacity_bytes: int, *, packed: bool = False, never: Set[str] = frozenset()
) -> Residency:
    """Decide for every tensor of a sequence of calls. never: tensors that exist in no memory (fused away)."""
    owner = _owners(calls)
    produced = {call.output.name for call in calls}
    consumed = {spec.name for call in calls for spec in call.inputs}
    ends = {root for name, root in owner.items() if name not in produced or name not in consumed}
    lives = _lives(calls, owner, ends | {owner[name] for name in never}, packed)
    away = ends | {name for name in lives if not _fits(name, lives, capacity_bytes)}
    alias = {call.output.name for call in calls if owner[call.output.name] != call.output.name}
    kept = [life for name, life in lives.items() if name not in away]
    held = tuple(
        sum(life.size_bytes for life in kept if life.first_step <= step <= life.last_step) for step in range(len(calls))
    )
    return Residency(frozenset(name for name, root in owner.items() if root in away), frozenset(alias), held)


def _owners(calls: Sequence[Call]) -> dict[str, str]:
    """For every tensor, the tensor whose bytes it shares."""
    owner: dict[str, str] = {}
    for call in calls:
        for spec in call.inputs:
            owner.setdefault(spec.name, spec.name)
        work = call.op.work(call)
        moves_nothing = work.gemm is None and not any(work.vector.values())
        owner[call.output.name] = owner[call.inputs[0].name] if moves_nothing else call.output.name
    return owner


def _lives(calls: Sequence[Call], owner: dict[str, str], ends: set[str], packed: bool) -> dict[str, _Life]:
    """From the step that produces a tensor to the last that reads it, in order of production."""
    lives: dict[str, _Life] = {}
    for index, call in enumerate(calls):
        if call.output.name not in ends and owner[call.output.name] == call.output.name:
            lives[call.output.name] = _Life(tensor_bytes(call.output, packed), index, index)
        for spec in call.inputs:
            root = owner[spec.name]
            if root in lives:
                lives[root] = _Life(lives[root].size_bytes, lives[root].first_step, index)
    return lives


def _fits(name: str, lives: dict[str, _Life], capacity_bytes: int) -> bool:
    life = lives[name]
    rivals = [
        other
        for other in lives.values()
        if (other.size_bytes, other.first_step) <= (life.size_bytes, life.first_step)
        and other.first_step <= life.last_step
    ]
    # How full the buffer is changes only where a rival is born, so those steps are enough.
    births = {max(other.first_step, life.first_step) for other in rivals}
    return all(
        sum(other.size_bytes for other in rivals if other.first_step <= step <= other.last_step) <= capacity_bytes
        for step in births
    )
