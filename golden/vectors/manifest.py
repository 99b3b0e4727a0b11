"""The manifest of a vector package: one JSON file that says what every other file holds.

For the RTL engineer who reads a package and for every tool that checks one; docs/vectors.md is the
prose, manifest.schema.json the JSON schema of these models. Unknown keys are refused.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Annotated, Final, Literal

from pydantic import Field, model_validator

from bittrue.golden.vectors.extras import Extras
from bittrue.golden.vectors.values import Model, Name, RelativePath, Size, Value
from bittrue.spec.datapath import Datapath
from bittrue.spec.vectors import StimulusKind

SCHEMA_VERSION: Final = 2
MANIFEST_NAME = "manifest.json"
SUFFIXES = (".npy", ".mem", ".bin", ".hex")
"""Formats in which a design may answer."""
UNSEALED = "0" * 64
"""Stands in for the manifest's own digest until it is computed."""

Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Scalar = bool | int | str
Attribute = Scalar | tuple[Scalar, ...] | None
Count = Annotated[int, Field(ge=0)]


class Producer(Model):
    """Versions of what wrote the package. Provenance: no part of the payload digest."""

    bittrue: str
    numpy: str
    python: str
    trace: str
    """Which statement of the contract produced the integers: "simulator" or "reference"."""


class ProgramIdentity(Model):
    """The Program that was run."""

    digest: Sha256
    """Over everything in the Program that decides an output bit, the datapath included."""
    model: str
    provenance: dict[str, str]


class Image(Model):
    """One stimulus of a Program: a uint8 image, its input."""

    source: str
    sha256: Sha256
    """Of the codes in row-major order, one byte each."""
    shape: tuple[Size, ...]


class FileEntry(Model):
    """One file of the package."""

    sha256: Sha256
    bytes: Count


class TosaTest(Model):
    """One step or set as a test of TOSA's conformance suite: a folder with a desc.json and arrays."""

    desc: RelativePath
    arrays: dict[RelativePath, tuple[RelativePath, Count | None]]
    """By file: the .npy of the value that it holds, and of which image, or null for the whole value."""


class Group(Model):
    """What steps and unit sets share: a folder with values."""

    name: Name
    folder: RelativePath
    values: tuple[Value, ...]
    """Inputs or driven arrays, constants, stages in the order in which they arise, output."""
    tosa: tuple[TosaTest, ...]
    """On request."""

    @property
    def label(self) -> str:
        """How a design names the group's folder, besides the last part of `folder`."""
        return self.name

    @property
    def named_files(self) -> list[str]:
        """Every file that the group names, each as often as it does."""
        tests = [path for test in self.tosa for path in (test.desc, *test.arrays)]
        return [path for value in self.values for path in value.paths] + tests

    @property
    def judged(self) -> list[Value]:
        """What a design answers with, in the order in which the values arise."""
        return [value for value in self.values if value.role in ("stage", "output")]


class StepVectors(Group):
    """One step of the Program: what goes in, what comes out, and what arises in between."""

    index: Count
    """Position of the step in the Program; the NNN of its folder."""
    op: str
    attributes: dict[str, Attribute]
    inputs: tuple[str, ...]
    """Tensor names, in the op's order."""
    accumulator_bound: tuple[int, int] | None
    """Lowest and highest value that any partial sum can take; null for ops without an accumulator."""
    stimulus: Literal["images"]
    """What drives the step."""


class UnitSet(Group):
    """One set of vectors of a bare unit (docs/units.md, spec/vectors.py)."""

    unit: Name
    """As in `bittrue unit`: "requantize", "softmax", ..."""
    kind: str
    """Which algorithm the datapath has for it."""
    op: str | None
    """The operator whose requantizer the unit has, where it is not the datapath's default one."""
    stimulus: StimulusKind
    vectors: Size
    tags: RelativePath
    """The CSV file that lists the coverage bins each vector reaches: a line "vector,bin" each."""
    coverage: dict[str, Count]
    """By bin of the unit: how many vectors reach it. Empty where no bins were asked for."""

    @property
    def label(self) -> str:
        """UNIT.SET."""
        return f"{self.unit}.{self.name}"

    @property
    def named_files(self) -> list[str]:
        """With the tags."""
        return [*super().named_files, self.tags]


class KillRate(Model):
    """How many planted faults the vectors of one unit notice (docs/mutation.md)."""

    unit: Name
    op: str | None
    """As of its sets."""
    vectors: Size
    mutants: Size
    """Faults that were planted; those counted below are together as many."""
    killed: Count
    """Seen in any stage."""
    killed_by_output: Count
    """Of them, seen in the output too."""
    equivalent: Count
    """Proved to be no fault."""
    survived: Count

    @property
    def score(self) -> float:
        """Killed of those not proved equivalent, 0..1."""
        return self.killed / max(1, self.mutants - self.equivalent)

    @model_validator(mode="after")
    def _adds_up(self) -> KillRate:
        if self.killed + self.equivalent + self.survived != self.mutants or self.killed_by_output > self.killed:
            raise ValueError("killed, equivalent and survived mutants are not all mutants")
        return self


class Manifest(Model):
    """See the module docstring."""

    schema_version: Literal[2]
    producer: Producer
    command: str
    seed: int
    program: ProgramIdentity | None
    """Null where nothing in the package comes from one."""
    datapath: Datapath
    """Complete: everything about the hardware that changes a bit."""
    images: tuple[Image, ...]
    """In the order of axis 0 of every value that counts images. Those that drove units of kind "real" too."""
    steps: tuple[StepVectors, ...]
    """In the order of the Program."""
    units: tuple[UnitSet, ...]
    mutation: tuple[KillRate, ...]
    """What planted faults the unit sets notice, one entry a unit and operator; empty where nobody counted."""
    extras: Extras
    """What derived files were asked for; with it the package can be made again."""
    files: Annotated[dict[RelativePath, FileEntry], Field(json_schema_extra={"additionalProperties": False})]
    """Every file but the manifest. One that no value names (a bench, a note) is only hashed."""
    payload_digest: Sha256
    """Over `files`: equal for the same Program, images, steps and stimuli on any machine."""
    manifest_digest: Sha256
    """Over every other key of the manifest: it changes with any of them."""

    @property
    def groups(self) -> tuple[Group, ...]:
        """Steps, then unit sets."""
        return (*self.steps, *self.units)

    @model_validator(mode="after")
    def _holds_something(self) -> Manifest:
        if not self.groups:
            raise ValueError("a package holds steps or units")
        if self.steps and (self.program is None or not self.images):
            raise ValueError("steps come from a program and images")
        return self

    @model_validator(mode="after")
    def _names_are_unique_and_files_are_listed(self) -> Manifest:
        counted = [(rate.unit, rate.op) for rate in self.mutation]
        if len(set(counted)) != len(counted) or not set(counted) <= {(unit.unit, unit.op) for unit in self.units}:
            raise ValueError("a kill rate of no unit of the package, or two of one")
        labels = [name for group in self.groups for name in {group.label, group.folder.rsplit("/", 1)[-1]}]
        if len(set(labels)) != len(labels):
            raise ValueError("two steps or sets have one name")
        if len({group.folder for group in self.groups}) != len(self.groups):
            raise ValueError("two steps or sets have one folder")
        named = [path for group in self.groups for path in group.named_files]
        if len(set(named)) != len(named):
            raise ValueError("a file is named by two values")
        unlisted = sorted(set(named) - set(self.files))
        if unlisted:
            raise ValueError(f"a value names a file that `files` lacks: {unlisted[0]}")
        return self

    @model_validator(mode="after")
    def _axis_0_counts(self) -> Manifest:
        counts: list[tuple[Group, str, int]] = [(step, "images", len(self.images)) for step in self.steps]
        counts += [(unit, "vectors", unit.vectors) for unit in self.units]
        for group, counted, count in counts:
            keys = [(value.role, value.name) for value in group.values]
            if len(set(keys)) != len(keys):
                raise ValueError(f"two values of {group.label} have one name")
            for value in group.values:
                if value.counted not in (None, counted) or (value.counted and value.shape[:1] != (count,)):
                    raise ValueError(f"axis 0 of value {value.name} of {group.label} does not count the {counted}")
            arrays = {path: entry for test in group.tosa for path, entry in test.arrays.items()}
            for path, (npy, image) in arrays.items():
                if npy not in {value.npy for value in group.values} or (image is not None and image >= count):
                    raise ValueError(f"{path} holds a value that {group.label} does not have")
        return self


def payload_digest(files: Mapping[str, FileEntry]) -> str:
    """SHA-256 over paths, sizes and contents of all files, in order of path."""
    table = {path: [entry.bytes, entry.sha256] for path, entry in files.items()}
    return _digest(table)


def manifest_digest(manifest: Manifest) -> str:
    """SHA-256 over every key of the manifest but `manifest_digest`."""
    return _digest(manifest.model_dump(mode="json", exclude={"manifest_digest"}))


def sealed(manifest: Manifest) -> Manifest:
    """The manifest with its own digest filled in."""
    return manifest.model_copy(update={"manifest_digest": manifest_digest(manifest)})


def manifest_text(manifest: Manifest) -> str:
    """The JSON of manifest.json: keys sorted, one space of indentation, a line end at the end."""
    return json.dumps(manifest.model_dump(mode="json"), sort_keys=True, indent=1) + "\n"


def _digest(document: object) -> str:
    return hashlib.sha256(json.dumps(document, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
