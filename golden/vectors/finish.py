"""What ends every package: its provenance, its manifest, and names that can be folders."""

from __future__ import annotations

import importlib.metadata
import platform
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from bittrue.golden.vectors.extras import Extras
from bittrue.golden.vectors.folder import PackageFolder
from bittrue.golden.vectors.manifest import (
    MANIFEST_NAME,
    SCHEMA_VERSION,
    UNSEALED,
    Image,
    KillRate,
    Manifest,
    Producer,
    ProgramIdentity,
    StepVectors,
    UnitSet,
    manifest_text,
    payload_digest,
    sealed,
)
from bittrue.golden.vectors.values import NAME_LENGTH_MAX, NAME_PATTERN
from bittrue.spec.datapath import Datapath
from bittrue.spec.errors import BadInput
from bittrue.spec.program import Program

Written = Callable[[str, int], None]
"""Told the label of each step or set when it is there, and the bytes of the package so far."""


@dataclass(frozen=True)
class Provenance:
    """How the package came about; no part of the payload."""

    command: str
    seed: int
    trace: str
    """Who computed: "simulator" or "reference"."""

    def producer(self) -> Producer:
        """With the versions of what runs now."""
        return Producer(
            bittrue=importlib.metadata.version("bittrue"),
            numpy=np.__version__,
            python=platform.python_version(),
            trace=self.trace,
        )


def finish(
    folder: PackageFolder,
    datapath: Datapath,
    provenance: Provenance,
    extras: Extras,
    *,
    program: Program | None = None,
    images: Sequence[Image] = (),
    steps: Sequence[StepVectors] = (),
    units: Sequence[UnitSet] = (),
    mutation: Sequence[KillRate] = (),
) -> Manifest:
    """Write the manifest of what stands in the folder, and return it."""
    manifest = sealed(
        Manifest(
            schema_version=SCHEMA_VERSION,
            producer=provenance.producer(),
            command=provenance.command,
            seed=provenance.seed,
            program=None if program is None else _identity(program),
            datapath=datapath,
            images=tuple(images),
            steps=tuple(steps),
            units=tuple(units),
            mutation=tuple(mutation),
            extras=extras,
            files=folder.entries,
            payload_digest=payload_digest(folder.entries),
            manifest_digest=UNSEALED,
        )
    )
    if folder.path is not None:
        (folder.path / MANIFEST_NAME).write_bytes(manifest_text(manifest).encode())
    return manifest


def check_name(name: str, what: str, next_step: str) -> None:
    """Refuse a name that cannot be a folder's."""
    if not re.fullmatch(NAME_PATTERN, name) or len(name) > NAME_LENGTH_MAX:
        raise BadInput(
            f"a {what}'s name cannot be a folder's name",
            got=repr(name),
            expected=f"at most {NAME_LENGTH_MAX} letters, digits, '_', '.' and '-'",
            next_step=next_step,
        )


def _identity(program: Program) -> ProgramIdentity:
    return ProgramIdentity(digest=program.digest, model=program.model, provenance=dict(program.provenance))
