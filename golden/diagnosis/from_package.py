"""What a design dumped beside what a package expects, set by set: the input of a diagnosis."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bittrue.golden.diagnosis.observed import Made, Observed
from bittrue.golden.vectors.design import find_dumps
from bittrue.golden.vectors.dumps import read_dump
from bittrue.golden.vectors.manifest import Group, Manifest, UnitSet
from bittrue.golden.vectors.memory import from_patterns
from bittrue.golden.vectors.package import load_value, verified_bytes
from bittrue.golden.vectors.tags import read_tags
from bittrue.golden.vectors.values import Value
from bittrue.spec.units.section import Width
from bittrue.spec.vectors import Stimuli, UnitVectors

Dumps = Mapping[tuple[str, str], Sequence[Path]]


def made_of(value: Value, path: Path) -> Made:
    """A dump as values in the shape of what was expected."""
    words = read_dump(path, value)
    codes = from_patterns(words.patterns, bits=value.bits, signed=value.signed).astype(np.int64)
    return Made(codes.reshape(value.shape), words.known.reshape(value.shape))


def arrays_of(package: Path, manifest: Manifest, group: Group, role: str) -> dict[str, NDArray[np.int64]]:
    """The arrays of one role, by name, as int64."""
    return {
        value.name: load_value(package, manifest, value).astype(np.int64)
        for value in group.values
        if value.role == role
    }


def widths_of(group: Group) -> dict[str, Width]:
    """Registers of the stages and the output."""
    return {value.name: Width(value.bits, value.signed) for value in group.judged}


def observed_set(package: Path, manifest: Manifest, group: UnitSet, dumps: Dumps) -> Observed:
    """One set of a unit, with the bins that its vectors reach."""
    results = {value.name: load_value(package, manifest, value).astype(np.int64) for value in group.judged}
    stimuli = Stimuli(
        group.unit,
        group.name,
        group.stimulus,
        arrays_of(package, manifest, group, "driven"),
        arrays_of(package, manifest, group, "constant"),
    )
    text = verified_bytes(package, manifest, group.tags).decode("utf-8", errors="replace")
    hits = read_tags(text, group.vectors, str(package / group.tags))
    made = {
        value.name: made_of(value, dumps[group.label, value.name][0])
        for value in group.judged
        if (group.label, value.name) in dumps
    }
    return Observed(UnitVectors(stimuli, results, hits), made, widths_of(group))


def differing_groups(manifest: Manifest, dut: Path, differing: Sequence[str]) -> Iterator[tuple[Group, Dumps]]:
    """The groups whose labels are named, in the order of the package, with the dumps of all."""
    dumps = find_dumps(manifest, dut)
    for group in manifest.groups:
        if group.label in differing:
            yield group, dumps
