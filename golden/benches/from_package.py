"""The sets of a vector package as benches need them."""

from __future__ import annotations

from bittrue.golden.benches.sets import BenchArray, BenchSet, Word
from bittrue.golden.vectors.manifest import Manifest, UnitSet
from bittrue.golden.vectors.values import Value


def bench_sets(manifest: Manifest) -> tuple[BenchSet, ...]:
    """Every unit set of a package, in its order; raises what a set that no bench can play raises."""
    return tuple(_set(group) for group in manifest.units)


def _set(group: UnitSet) -> BenchSet:
    return BenchSet(
        unit=group.unit,
        name=group.label,
        folder=group.folder.rsplit("/", 1)[-1],
        driven=_arrays(group, "driven"),
        stages=_arrays(group, "stage", "output"),
        constants=_arrays(group, "constant"),
    )


def _arrays(group: UnitSet, *roles: str) -> tuple[BenchArray, ...]:
    return tuple(_array(value) for value in group.values if value.role in roles)


def _array(value: Value) -> BenchArray:
    return BenchArray(value.name, Word(value.bits, value.signed), value.shape, value.mem)
