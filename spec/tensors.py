"""TensorSpec: what a tensor of integers is, and what its integers stand for."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bittrue.spec.arithmetic import code_range
from bittrue.spec.errors import IllFormed, OutOfDomain

Codes = NDArray[np.integer]
"""An array of integer codes in its TensorSpec's `dtype`."""


ZERO_POINT_LIMIT = 1 << 30
"""Zero points may lie far outside the code range, but code minus zero point fits 32 bits."""


@dataclass(frozen=True)
class TensorSpec:
    """One tensor of a Program: real value = scale * (code - zero_point).

    Only name, shape, bits, signed, zero_point, axis and row_sum_max take part in a Program's meaning;
    scale, layout and origin are provenance.
    """

    name: str
    """Unique in its Program; the exported float graph bears the same name for the same value."""
    shape: tuple[int, ...]
    """Of one image; where torch has a batch axis it stands here with its size for a batch of 1."""
    bits: int
    """Width of a code, 2..32."""
    signed: bool
    scale: tuple[float, ...]
    """One real scale, or one per index of `axis`; > 0."""
    zero_point: tuple[int, ...]
    """As many as scales. May lie outside the code range ("wide") where no consumer pads."""
    axis: int | None = None
    """The axis along which scale and zero_point vary; None when there is one of each."""
    layout: str = ""
    """Axis names in order, for people: "NCHW", "NLC"."""
    origin: str = ""
    """The torch module path or node that produced the value in the float model."""
    row_sum_max: int | None = None
    """A proved bound on the sum of |code - zero_point| along the last axis (softmax rows have one)."""

    def __post_init__(self) -> None:
        where = f"tensor {self.name}"
        counts = (
            self.bits,
            *self.shape,
            *self.zero_point,
            *(n for n in (self.axis, self.row_sum_max) if n is not None),
        )
        if not all(type(n) is int for n in counts) or type(self.signed) is not bool:
            raise IllFormed("a tensor's width, shape, axis and zero points are integers", where=where, got=counts)
        if not self.shape or (self.axis is not None and not 0 <= self.axis < len(self.shape)):
            raise IllFormed(
                "a tensor's axis does not exist",
                where=where,
                got=self.axis,
                expected=f"None or an axis of {self.shape}",
            )
        if not 2 <= self.bits <= 32:
            raise IllFormed("a tensor's width is out of range", where=where, got=self.bits, expected="2..32 bits")
        if any(size < 1 for size in self.shape):
            raise IllFormed("a tensor has an empty axis", where=where, got=self.shape, expected="sizes >= 1")
        count = 1 if self.axis is None else self.shape[self.axis]
        if len(self.scale) != count or len(self.zero_point) != count:
            raise IllFormed(
                "scales or zero points do not match the axis",
                where=where,
                got=f"{len(self.scale)} scales, {len(self.zero_point)} zero points",
                expected=f"{count} of each for axis {self.axis} of shape {self.shape}",
            )
        if not all(-ZERO_POINT_LIMIT <= zero < ZERO_POINT_LIMIT for zero in self.zero_point):
            raise IllFormed(
                "a zero point is out of range", where=where, got=self.zero_point, expected="-2**30..2**30 - 1"
            )
        if not all(scale > 0 and math.isfinite(scale) for scale in self.scale):
            raise IllFormed("a scale is not positive and finite", where=where, got=self.scale, expected="> 0")

    @property
    def code_range(self) -> tuple[int, int]:
        """The lowest and highest code."""
        return code_range(self.bits, self.signed)

    @property
    def dtype(self) -> np.dtype[np.signedinteger | np.unsignedinteger]:
        """The narrowest NumPy integer that stores a code."""
        width = 8 if self.bits <= 8 else 16 if self.bits <= 16 else 32
        return np.dtype(f"{'int' if self.signed else 'uint'}{width}")

    @property
    def size(self) -> int:
        """Number of elements."""
        return math.prod(self.shape)

    @property
    def magnitude_max(self) -> int:
        """The largest |code - zero_point| that any code of any channel can have."""
        low, high = self.code_range
        return max(max(abs(low - z), abs(high - z)) for z in self.zero_point)

    @property
    def line(self) -> tuple[int, ...]:
        """The shape that makes one value per index of `axis` broadcast against this tensor."""
        return tuple(size if index == self.axis else 1 for index, size in enumerate(self.shape))

    def dequantize(self, codes: Codes) -> NDArray[np.float64]:
        """Real values of codes, shape of this tensor (or with leading image axes), float64."""
        centred = codes.astype(np.int64) - np.array(self.zero_point, np.int64).reshape(self.line)
        return np.asarray(centred * np.array(self.scale, np.float64).reshape(self.line))

    def check_codes(self, codes: Codes) -> None:
        """Refuse an array whose shape or codes are not this tensor's."""
        where = f"tensor {self.name}"
        if not np.issubdtype(codes.dtype, np.integer):
            raise OutOfDomain("codes must be integers", where=where, got=codes.dtype, expected=self.dtype)
        if codes.shape != self.shape:
            raise OutOfDomain("an array has the wrong shape", where=where, got=codes.shape, expected=self.shape)
        low, high = self.code_range
        outside = (codes < low) | (codes > high)
        if outside.any():
            index = tuple(int(i) for i in np.argwhere(outside)[0])
            raise OutOfDomain(
                "a code lies outside the tensor's declared range",
                where=f"{where}{list(index)}",
                got=int(codes[index]),
                expected=f"{low}..{high} ({'s' if self.signed else 'u'}{self.bits})",
            )
