"""Write one array of codes in every format that a package is to have of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from bittrue.golden.vectors.derived import derived_parts
from bittrue.golden.vectors.extras import Extras
from bittrue.golden.vectors.folder import PackageFolder
from bittrue.golden.vectors.memory import from_patterns, mem_parts, to_patterns
from bittrue.golden.vectors.npy import npy_parts
from bittrue.golden.vectors.values import Format, Role, Value
from bittrue.spec.tensors import TensorSpec
from bittrue.spec.units.section import Width

Codes = NDArray[np.integer]


@dataclass(frozen=True)
class Named:
    """What an array is, apart from its numbers."""

    role: Role
    name: str
    title: str
    """For the comment in front of a file's words."""
    counted: Literal["images", "vectors"] | None
    tensor: TensorSpec | None = None
    """What its codes mean, if they are those of a Program's tensor; an axis in front counts the images."""

    @property
    def comment(self) -> str:
        """The title as one line: a program's tensors may have any name."""
        return "".join(sign if sign.isprintable() else "?" for sign in self.title)


def write_value(folder: PackageFolder, stem: str, codes: Codes, width: Width, named: Named, extras: Extras) -> Value:
    """Write codes of any shape as stem.npy, stem.mem and what `extras` asks for.

    Raises OutOfDomain for a code that the width does not hold.
    """
    bits, signed, shape = width.bits, width.signed, codes.shape
    patterns = to_patterns(codes, bits=bits, signed=signed, name=named.title)
    stored = from_patterns(patterns, bits=bits, signed=signed).reshape(shape)
    npy = folder.write(f"{stem}.npy", npy_parts(stored))
    mem = folder.write(f"{stem}.mem", mem_parts(patterns, shape, bits, signed=signed, name=named.comment))
    stream = None if extras.stream.plain else extras.stream.of(bits, shape)
    derived: dict[Format, str] = {}
    spec = named.tensor
    value = Value(
        role=named.role,
        name=named.name,
        tensor=None if spec is None else spec.name,
        shape=shape,
        counted=named.counted,
        bits=bits,
        signed=signed,
        zero_point=() if spec is None else spec.zero_point,
        scale=() if spec is None else spec.scale,
        axis=None if spec is None or spec.axis is None else spec.axis % len(spec.shape) + 1,
        npy=npy,
        mem=mem,
        stream=stream,
        derived=derived,
    )
    for form in extras.formats:
        path = f"{stem}.{'map.csv' if form == 'map' else form}"
        derived[form] = folder.write(path, derived_parts(form, patterns, value, named.comment))
    return value.model_copy(update={"derived": derived})
