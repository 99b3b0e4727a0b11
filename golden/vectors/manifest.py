"""The manifest of a vector package: one JSON file that says what every other file holds.

For the RTL engineer who reads a package and for every tool that checks one; docs/vectors.md is the
prose, manifest.schema.json the JSON schema of these models. Unknown keys are refused.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from bittrue.spec.datapath import Datapath

SCHEMA_VERSION: Final = 1
MANIFEST_NAME = "manifest.json"
SUFFIXES = (".npy", ".mem", ".bin")
"""Formats of a tensor: a package holds the first two, a design may answer in any."""

NAME_PATTERN = r"^[A-Za-z0-9_][A-Za-z0-9_.-]*$"
"""Step and value names: they become folder and file names, so no slash, blank or leading dot."""
PATH_PATTERN = r"^[A-Za-z0-9_][A-Za-z0-9_.-]*(/[A-Za-z0-9_][A-Za-z0-9_.-]*)*$"
"""A path that cannot leave its folder on any platform: no "..", root, drive or backslash."""
NAME_LENGTH_MAX = 200
UNSEALED = "0" * 64
"""Stands in for the manifest's own digest until it is computed."""

Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Role = Literal["input", "constant", "stage", "output"]
Name = Annotated[str, Field(pattern=NAME_PATTERN, max_length=NAME_LENGTH_MAX)]
RelativePath = Annotated[str, Field(pattern=PATH_PATTERN, max_length=1000)]
Scalar = bool | int | str
Attribute = Scalar | tuple[Scalar, ...] | None
Size = Annotated[int, Field(ge=1)]


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


class Producer(_Model):
    """Versions of what wrote the package. Provenance: no part of the payload digest."""

    bittrue: str
    numpy: str
    python: str
    trace: str
    """Which statement of the contract produced the integers: "simulator" or "reference"."""


class ProgramIdentity(_Model):
    """The Program that was run."""

    digest: Sha256
    """Over everything in the Program that decides an output bit, the datapath included."""
    model: str
    provenance: dict[str, str]


class Image(_Model):
    """One stimulus: a uint8 image, the Program's input."""

    source: str
    sha256: Sha256
    """Of the codes in row-major order, one byte each."""
    shape: tuple[Size, ...]


class FileEntry(_Model):
    """One file of the package."""

    sha256: Sha256
    bytes: Annotated[int, Field(ge=0)]


class Packing(_Model):
    """How the codes of a value stand in its .mem file (and in a .bin file of a design)."""

    word_bits: Annotated[int, Field(ge=1, le=64)]
    lanes: Literal[1]
    """Codes in a word."""
    digits: Annotated[int, Field(ge=1, le=16)]
    """Hex digits of a word in .mem: ceil(word_bits / 4)."""
    word_bytes: Annotated[int, Field(ge=1, le=8)]
    """Bytes of a word in .bin, little endian: ceil(word_bits / 8)."""
    order: Literal["row-major"]
    """The last axis runs fastest."""
    signedness: Literal["two's complement", "unsigned"]

    @classmethod
    def of(cls, bits: int, signed: bool) -> Packing:
        """The packing of a value: one code a word."""
        return cls(
            word_bits=bits,
            lanes=1,
            digits=-(-bits // 4),
            word_bytes=-(-bits // 8),
            order="row-major",
            signedness="two's complement" if signed else "unsigned",
        )


class Value(_Model):
    """One tensor of a step with its two files, which hold the same codes."""

    role: Role
    name: Name
    """"input_K", the constant's role, the stage's name, or "output"."""
    tensor: str | None
    """The Program's name of an input or an output."""
    shape: Annotated[tuple[Size, ...], Field(max_length=32)]
    """Of the array in the file."""
    per_image: bool
    """Whether axis 0 counts the images. Constants do not."""
    bits: Annotated[int, Field(ge=1, le=64)]
    signed: bool
    zero_point: tuple[int, ...]
    """real = scale * (code - zero_point): one, or one per index of `axis`; none for constants and stages."""
    scale: tuple[float, ...]
    """As many as zero points. For people: no integer depends on it."""
    axis: Annotated[int, Field(ge=0)] | None
    """The axis of the array in the file along which zero_point and scale vary."""
    npy: RelativePath
    """The truth."""
    mem: RelativePath
    """The same codes for $readmemh, packed as `packing` says."""
    packing: Packing

    @model_validator(mode="after")
    def _is_consistent(self) -> Value:
        if self.packing != Packing.of(self.bits, self.signed):
            raise ValueError(f"packing of {self.name} does not follow from bits {self.bits} and signed {self.signed}")
        if self.per_image == (self.role == "constant"):
            raise ValueError(f"{self.name} is a {self.role}: constants do not count images, everything else does")
        if len(self.scale) != len(self.zero_point):
            raise ValueError(f"{self.name} has {len(self.scale)} scales and {len(self.zero_point)} zero points")
        return self


class StepVectors(_Model):
    """One step of the Program: what goes in, what comes out, and what arises in between."""

    index: Annotated[int, Field(ge=0)]
    """Position of the step in the Program; the NNN of its folder."""
    name: Name
    op: str
    attributes: dict[str, Attribute]
    inputs: tuple[str, ...]
    """Tensor names, in the op's order."""
    accumulator_bound: tuple[int, int] | None
    """Lowest and highest value that any partial sum can take; null for ops without an accumulator."""
    stimulus: Literal["images"]
    """What drives the step."""
    folder: RelativePath
    values: tuple[Value, ...]
    """Inputs, constants, stages in the order in which they arise, output."""


class Manifest(_Model):
    """See the module docstring."""

    schema_version: Literal[1]
    producer: Producer
    command: str
    seed: int
    program: ProgramIdentity
    datapath: Datapath
    """Complete: everything about the hardware that changes a bit."""
    images: Annotated[tuple[Image, ...], Field(min_length=1)]
    """In the order of axis 0 of every value that is per image."""
    steps: Annotated[tuple[StepVectors, ...], Field(min_length=1)]
    """In the order of the Program."""
    files: Annotated[dict[RelativePath, FileEntry], Field(json_schema_extra={"additionalProperties": False})]
    """Every file but the manifest. One that no value names (a bench, a note) is only hashed."""
    payload_digest: Sha256
    """Over `files`: equal for the same Program, images and steps on any machine."""
    manifest_digest: Sha256
    """Over every other key of the manifest: it changes with any of them."""

    @model_validator(mode="after")
    def _names_are_unique_and_files_are_listed(self) -> Manifest:
        if len({step.name for step in self.steps}) != len(self.steps):
            raise ValueError("two steps have one name")
        if len({step.folder for step in self.steps}) != len(self.steps):
            raise ValueError("two steps have one folder")
        named = [path for step in self.steps for value in step.values for path in (value.npy, value.mem)]
        if len(set(named)) != len(named):
            raise ValueError("a file is named by two values")
        unlisted = sorted(set(named) - set(self.files))
        if unlisted:
            raise ValueError(f"a value names a file that `files` lacks: {unlisted[0]}")
        for step in self.steps:
            keys = [(value.role, value.name) for value in step.values]
            if len(set(keys)) != len(keys):
                raise ValueError(f"two values of step {step.name} have one name")
            if any(value.per_image and value.shape[:1] != (len(self.images),) for value in step.values):
                raise ValueError(f"axis 0 of a value of step {step.name} does not count the images")
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
