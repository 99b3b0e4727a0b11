"""One array of a package, as the manifest describes it: role, shape, width, meaning, files and order of words."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from bittrue.golden.vectors.stream import Stream

NAME_PATTERN = r"^[A-Za-z0-9_][A-Za-z0-9_.-]*$"
"""Names of steps, sets and values: they become folder and file names, so no slash, blank or leading dot."""
PATH_PATTERN = r"^[A-Za-z0-9_][A-Za-z0-9_.-]*(/[A-Za-z0-9_][A-Za-z0-9_.-]*)*$"
"""A path that cannot leave its folder on any platform: no "..", root, drive or backslash."""
NAME_LENGTH_MAX = 200

Name = Annotated[str, Field(pattern=NAME_PATTERN, max_length=NAME_LENGTH_MAX)]
RelativePath = Annotated[str, Field(pattern=PATH_PATTERN, max_length=1000)]
Size = Annotated[int, Field(ge=1)]
Role = Literal["input", "driven", "constant", "stage", "output"]
"""input: a tensor that a step reads. driven: what changes from vector to vector of a bare unit. constant: loaded once.
stage: what arises in between."""
JUDGED: Final = ("stage", "output")
"""Roles of what a design answers with."""
Format = Literal["hex", "bin", "coe", "mif", "h", "map"]
"""Files derived from the .npy on request, in the order and packing of the value's stream (docs/vectors.md)."""


class Model(BaseModel):
    """Frozen; unknown keys are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


class Value(Model):
    """One array with its files, which all hold the same codes."""

    role: Role
    name: Name
    """"input_K", the port's or constant's name, the stage's name, or "output"."""
    tensor: str | None
    """The Program's name of an input or an output of a step."""
    shape: Annotated[tuple[Size, ...], Field(max_length=32)]
    """Of the array in the .npy file."""
    counted: Literal["images", "vectors"] | None
    """What axis 0 counts. Null for constants, which serve every image and vector."""
    bits: Annotated[int, Field(ge=1, le=64)]
    signed: bool
    """Two's complement; else unsigned."""
    zero_point: tuple[int, ...]
    """real = scale * (code - zero_point): one, or one per index of `axis`; none for what is no tensor of a Program."""
    scale: tuple[float, ...]
    """As many as zero points. For people: no integer depends on it."""
    axis: Annotated[int, Field(ge=0)] | None
    """The axis of the array in the file along which zero_point and scale vary."""
    npy: RelativePath
    """The truth."""
    mem: RelativePath
    """The same codes for $readmemh, row-major, one word of `bits` bits a line."""
    stream: Stream | None
    """Order and packing of the words of derived files and of a design's .hex and .bin. Null: row-major, one a word."""
    derived: dict[Format, RelativePath]
    """By format."""

    @model_validator(mode="after")
    def _is_consistent(self) -> Value:
        if (self.counted is None) != (self.role == "constant"):
            raise ValueError(f"{self.name} is a {self.role}: constants count nothing, everything else does")
        if len(self.scale) != len(self.zero_point):
            raise ValueError(f"{self.name} has {len(self.scale)} scales and {len(self.zero_point)} zero points")
        if self.stream is not None:
            if self.stream.packing.lane_bits < self.bits:
                raise ValueError(f"a lane of {self.name} has fewer than its {self.bits} bits")
            self.stream.layout.check(self.shape)
        return self

    @property
    def words(self) -> Stream:
        """Order and packing, stated or plain."""
        return self.stream or Stream.plain(self.bits)

    @property
    def paths(self) -> tuple[str, ...]:
        """All files of the value."""
        return (self.npy, self.mem, *self.derived.values())
