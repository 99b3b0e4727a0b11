"""Make a package again from what its manifest says, without writing it, and compare every file's digest.

Unit sets need nothing but the package: their driven arrays and constants are in it. Steps need the program and the
images again.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bittrue.golden.vectors.finish import Provenance
from bittrue.golden.vectors.manifest import FileEntry, Manifest, UnitSet
from bittrue.golden.vectors.package import load_value, verified_bytes
from bittrue.golden.vectors.tags import read_tags
from bittrue.golden.vectors.write_units import SetToWrite, write_unit_package
from bittrue.spec.errors import BadInput, Unsupported
from bittrue.spec.program_file import load_program
from bittrue.spec.vectors import Integers, Stimuli, UnitVectors
from bittrue.workflow.progress import Progress, silent
from bittrue.workflow.stimuli import CoverageSource, Hits, declared_coverage
from bittrue.workflow.unit_vectors import answered
from bittrue.workflow.vectors import vectors


@dataclass(frozen=True)
class Replay:
    """Which files of a package come out the same when it is made again."""

    files: int
    """That were made again; companions are not."""
    differing: tuple[str, ...]
    """Files whose bytes are others, that are not made again, or that the package lacks."""

    @property
    def agreed(self) -> bool:
        """Whether every file is the same in every byte."""
        return not self.differing


def replay(
    package: Path,
    manifest: Manifest,
    *,
    program: Path | None = None,
    images: Path | None = None,
    coverage: CoverageSource = declared_coverage,
    progress: Progress = silent,
) -> Replay:
    """Make everything again that steps and sets name. `package` has been checked (golden/vectors/check.py).

    program, images: for steps; they must be those of the manifest. Raises BadInput where they are missing, others or
    for nothing.
    """
    made: dict[str, FileEntry] = {}
    if manifest.steps:
        made |= _steps(manifest, program, images, progress)
    elif program is not None or images is not None:
        raise BadInput("the package holds no steps to replay", where="--program and --images", got="unit sets only")
    if manifest.units:
        made |= _units(package, manifest, coverage, progress)
    named = {path for group in manifest.groups for path in group.named_files}
    differing = {path for path in named | set(made) if made.get(path) != manifest.files.get(path)}
    return Replay(len(made), tuple(sorted(differing)))


def _steps(manifest: Manifest, program: Path | None, images: Path | None, progress: Progress) -> dict[str, FileEntry]:
    if program is None or images is None or manifest.program is None:
        raise BadInput(
            "steps are replayed from their program and images", where="--replay", expected="--program FILE --images DIR"
        )
    loaded = load_program(program)
    if loaded.digest != manifest.program.digest:
        raise BadInput(
            "the package is of another program",
            where=str(program),
            got=f"digest {loaded.digest}",
            expected=f"digest {manifest.program.digest}",
        )
    again = vectors(
        loaded, images=images, steps=[step.name for step in manifest.steps], out=None, limit=len(manifest.images),
        seed=manifest.seed, extras=manifest.extras, progress=progress,
    )  # fmt: skip
    for held, seen in zip(manifest.images, again.images, strict=True):
        if held.sha256 != seen.sha256:
            raise BadInput(
                "the package is of other images",
                where=str(images),
                got=f"{seen.source}, sha256 {seen.sha256}",
                expected=f"{held.source}, sha256 {held.sha256}",
            )
    return again.files


def _units(package: Path, manifest: Manifest, coverage: CoverageSource, progress: Progress) -> dict[str, FileEntry]:
    def sets() -> Iterator[SetToWrite]:
        for count, one in enumerate(manifest.units, 1):
            stored = _stimuli(package, manifest, one)
            found = answered(manifest.datapath.for_op(one.op), stored, coverage)
            yield SetToWrite(UnitVectors(stored, found.results, found.hits or _stored(package, manifest, one)), one.op)
            progress("replay", count, len(manifest.units))

    by = Provenance(manifest.command, manifest.seed, "simulator")
    return write_unit_package(manifest.datapath, sets(), None, by, extras=manifest.extras).files


def _stimuli(package: Path, manifest: Manifest, one: UnitSet) -> Stimuli:
    def held(role: str) -> dict[str, Integers]:
        values = [value for value in one.values if value.role == role]
        return {value.name: load_value(package, manifest, value).astype(np.int64) for value in values}

    return Stimuli(one.unit, one.name, one.stimulus, held("driven"), held("constant"))


def _stored(package: Path, manifest: Manifest, one: UnitSet) -> Hits:
    """The tags of the package, where this version declares no bins for the unit."""
    text = verified_bytes(package, manifest, one.tags).decode()
    found = read_tags(text, one.vectors, str(package / one.tags))
    if set(found) - set(one.coverage):
        raise Unsupported("the tags name bins that the manifest does not", where=str(package / one.tags))
    return {name: found[name] for name in one.coverage if name in found}
