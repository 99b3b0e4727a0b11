"""A unit set of a package, read back as stimuli and results."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from bittrue.golden.vectors.manifest import Manifest, UnitSet
from bittrue.golden.vectors.package import load_value
from bittrue.spec.vectors import Integers, Stimuli, UnitVectors


def unit_sets(package: Path, manifest: Manifest) -> Iterator[tuple[UnitSet, UnitVectors]]:
    """Every unit set, its files verified as they are read; without hits: who reads decides the bins from the arrays.

    Raises BadInput for a file that is not what the manifest says.
    """
    for group in manifest.units:
        arrays: dict[str, dict[str, Integers]] = {"driven": {}, "constant": {}, "result": {}}
        for value in group.values:
            role = value.role if value.role in ("driven", "constant") else "result"
            arrays[role][value.name] = np.asarray(load_value(package, manifest, value), np.int64)
        stimuli = Stimuli(group.unit, group.name, group.stimulus, arrays["driven"], arrays["constant"])
        yield group, UnitVectors(stimuli, arrays["result"])
