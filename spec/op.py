"""What every op contract offers, and the Call that carries one step to whoever states the op.

An op has one name and stands in three rooms: the contract (spec/ops), the fast statement
(simulator/kernels) and the plain statement (golden/ops). Cost, vectors, trace and reports know ops
only through this interface.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from bittrue.spec.arithmetic import signed_bits
from bittrue.spec.datapath import Datapath
from bittrue.spec.tensors import TensorSpec
from bittrue.spec.units.requantization import RequantizationUnit

Shape = tuple[int, ...]
Constants = Mapping[str, NDArray[np.integer]]

VectorOp = Literal["requantize", "table", "add", "multiply", "compare", "divide", "root", "move"]
"""Element operations outside the MAC array. `requantize` is one multiply-round-shift-saturate."""


ADDED = "added"
"""Marks an attribute that programs of this format version were once written without."""


def added(default: Any) -> Any:
    """A field for an attribute that came to an op later.

    At its default it is no part of a program's file or digest: a program that was written before keeps both.
    """
    return field(default=default, metadata={ADDED: True})


@dataclass(frozen=True)
class AccumulatorBound:
    """An interval that holds every partial sum of a step, in any order of accumulation, for any data
    that the operands' declared ranges admit."""

    low: int
    high: int

    @property
    def bits(self) -> int:
        """The least two's complement width that never overflows."""
        return signed_bits(self.low, self.high)

    @property
    def magnitude(self) -> int:
        """The largest absolute value."""
        return max(-self.low, self.high)


@dataclass(frozen=True)
class Gemm:
    """MACs as `batch` independent matrix products of [m, k] by [k, n].

    For a convolution: m output pixels, n filters of a group, k = kh * kw * input channels of a group,
    batch groups. A depthwise convolution has n = 1.
    """

    batch: int
    m: int
    n: int
    k: int

    @property
    def macs(self) -> int:
        """Number of multiply-accumulates."""
        return self.batch * self.m * self.n * self.k


@dataclass(frozen=True)
class Work:
    """What a step does for one image, independent of any machine. Bytes follow from the Call."""

    gemm: Gemm | None
    vector: Mapping[VectorOp, int]
    """Element operations by kind."""


@dataclass(frozen=True)
class Call:
    """One step with everything that a statement of its op may read."""

    step: str
    op: Op
    inputs: tuple[TensorSpec, ...]
    output: TensorSpec
    constants: Constants
    datapath: Datapath
    bound: AccumulatorBound | None = None
    """Proved bound of the accumulator; None for ops without one."""

    @property
    def requantizer(self) -> RequantizationUnit:
        """The datapath's requantizer as this op has it."""
        return self.datapath.requantizer(self.op.name)

    @property
    def accumulator_proved(self) -> bool:
        """Whether no partial sum can leave the narrowest register that it passes, so that order and
        overflow cannot matter."""
        mac = self.datapath.mac
        return self.bound is not None and (mac.exact or self.bound.bits <= mac.register_bits)


@dataclass(frozen=True)
class Op:
    """Attributes and contract of one op; subclasses stand in spec/ops, one a file.

    The fields of a subclass are the step's attributes: integers, booleans, strings or tuples of them.
    """

    name: ClassVar[str]
    roles: ClassVar[tuple[str, ...]] = ()
    """Integer constants that a step must bring on any datapath, by role."""
    requantizes: ClassVar[bool] = False
    """Whether the op ends in the requantizer, which brings constants of its own."""
    stages: ClassVar[tuple[str, ...]] = ()
    """Named intermediate values in the order in which they arise, on any datapath; the output is not one."""
    arity: ClassVar[int | None] = 1
    """Number of inputs; None for one or more. A constant has none."""

    def roles_on(self, datapath: Datapath) -> tuple[str, ...]:
        """The constants that a step must bring on one datapath."""
        return self.roles + (datapath.requantizer(self.name).roles if self.requantizes else ())

    def stages_on(self, datapath: Datapath) -> tuple[str, ...]:
        """The stages of a step on one datapath."""
        return self.stages

    def output_shape(self, shapes: Sequence[Shape]) -> Shape:
        """Shape of the output for input shapes; raises IllFormed when they do not fit."""
        raise TypeError(f"{type(self).__name__} does not state its output shape")

    def check(self, call: Call) -> None:
        """Refuse attributes, constants or widths that break the contract. Shapes of the inputs and
        of the output, arity and the presence of roles are checked by the caller."""

    def bound(self, call: Call) -> AccumulatorBound | None:
        """Prove an accumulator bound from the constants and the operands' ranges."""
        return None

    def work(self, call: Call) -> Work:
        """Count the work for one image."""
        raise TypeError(f"{type(self).__name__} does not state its work")
