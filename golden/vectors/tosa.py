"""A step or a unit set in the layout of TOSA's conformance tests: a folder with desc.json, inputs and outputs as .npy.

For runners that take such tests. There is no test.tosa: what computes is the design. One test an image of a step, one a
unit set. Keys of desc.json as TOSA's conformance generator writes them (ifm, ofm: feature maps in and out).
"""

from __future__ import annotations

import json
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from bittrue.golden.vectors.folder import PackageFolder
from bittrue.golden.vectors.manifest import TosaTest
from bittrue.golden.vectors.npy import npy_parts, storage_dtype
from bittrue.golden.vectors.values import Value

Held = Sequence[tuple[Value, NDArray[np.integer]]]
FILES = {"input": "input", "driven": "input", "constant": "const", "stage": "stage", "output": "output"}


def write_tosa(
    folder: PackageFolder, place: str, label: str, op: str, held: Held, images: int | None
) -> tuple[TosaTest, ...]:
    """Write the tests of one group. held: its values with their arrays. images: of a step; None for a unit set."""
    tests = []
    for image in range(images) if images is not None else (None,):
        home = f"{place}/tosa" if image is None else f"{place}/tosa/{image:03d}"
        arrays: dict[str, tuple[str, int | None]] = {}
        for value, path in _paths(home, [value for value, _ in held]):
            codes = next(codes for other, codes in held if other is value)
            which = None if value.counted is None or image is None else image
            arrays[folder.write(path, npy_parts(array_of(value, codes, which)))] = (value.npy, which)
        desc = folder.write(f"{home}/desc.json", [desc_text([value for value, _ in held], label, op, image).encode()])
        tests.append(TosaTest(desc=desc, arrays=arrays))
    return tuple(tests)


def array_of(value: Value, codes: NDArray[np.integer], image: int | None) -> NDArray[np.integer]:
    """What a file of a test holds: the value of one image, or the whole one, in its stored type."""
    stored = codes.astype(storage_dtype(value.bits, value.signed))
    return stored if image is None else stored[image]


def desc_text(values: Sequence[Value], label: str, op: str, image: int | None) -> str:
    """The test's description."""
    named = _paths("", values)
    given = [(value, path) for value, path in named if value.role in ("input", "driven", "constant")]
    made = [(value, path) for value, path in named if value.role == "output"]
    stages = [(value, path) for value, path in named if value.role == "stage"]
    document = {
        "test": label if image is None else f"{label} image {image}",
        "op": op,
        "ifm_name": [value.name for value, _ in given],
        "ifm_file": [path for _, path in given],
        "ofm_name": [value.name for value, _ in made],
        "ofm_file": [path for _, path in made],
        "stage_name": [value.name for value, _ in stages],
        "stage_file": [path for _, path in stages],
        "bits": {path: [value.bits, value.signed] for value, path in named},
        "expected_failure": False,
        "expected_return_code": 0,
        "compliance": {"version": "1.0", "outputs": {value.name: {"mode": "EXACT"} for value, _ in made}},
    }
    return json.dumps(document, sort_keys=True, indent=1) + "\n"


def _paths(home: str, values: Sequence[Value]) -> list[tuple[Value, str]]:
    counts: dict[str, int] = {}
    found = []
    for value in values:
        kind = FILES[value.role]
        number = counts.get(kind, 0)
        counts[kind] = number + 1
        found.append((value, f"{home}/{kind}-{number}.npy" if home else f"{kind}-{number}.npy"))
    return found
