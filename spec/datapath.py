"""Datapath: everything about a piece of hardware that changes a bit.

A Program carries the datapath it was lowered for, and both the simulator and the judge obey it. Read
from TOML by `bittrue.hw_configs`; every key is checked, unknown keys are refused. Each section is one unit
of spec/units, whose docstring is normative.
"""

from __future__ import annotations

from typing import Literal, TypeVar

from pydantic import Field

from bittrue.spec.errors import Unsupported
from bittrue.spec.units.activation import Activations
from bittrue.spec.units.add import AnyAdd
from bittrue.spec.units.concat import ConcatUnit
from bittrue.spec.units.mac import Mac
from bittrue.spec.units.mean import AnyMean, FoldedMean
from bittrue.spec.units.mul import MulUnit
from bittrue.spec.units.norm import AnyNorm
from bittrue.spec.units.pool import AnyPool, FoldedPool
from bittrue.spec.units.requantization import Requantization, RequantizationUnit
from bittrue.spec.units.section import Section
from bittrue.spec.units.softmax import AnySoftmax
from bittrue.spec.units.table import Table

OpName = Literal[
    "activation", "add", "avg_pool2d", "concat", "constant", "conv2d", "group_norm", "layer_norm", "linear", "matmul",
    "mean", "mul", "permute", "reshape", "slice", "softmax", "sub", "table", "weighted_sum",
]  # fmt: skip

Found = TypeVar("Found")


class Tensors(Section):
    """What an activation tensor may be. Lowering chooses scales again, from the ranges in the plan, where the
    plan's do not comply, and lists what it changed."""

    zero_points: Literal["wide", "clamped", "none"] = "wide"
    """"wide": any; one outside the code range folds into constants. "clamped": forced into the code range, as
    an 8-bit zero point register does (values past it are lost). "none": symmetric tensors only."""
    scales: Literal["any", "power_of_two"] = "any"


class Datapath(Section):
    """A complete integer datapath; see the sections for the meaning of each field.

    A section that is absent is a unit that the hardware does not have: a step that needs it is refused.
    """

    format_version: Literal[2]
    name: str
    source: str
    """Where the arithmetic is documented: project, file, commit or version."""
    ops: tuple[OpName, ...] | None = None
    """Ops that the hardware executes; None: all that its units can state. Layout ops and constants, which
    compute nothing, and the quantizer of the image, which the host may run, are no matter of it."""
    tensors: Tensors = Field(default_factory=Tensors)
    mac: Mac
    requantization: Requantization
    add: AnyAdd | None = None
    mul: MulUnit = Field(default_factory=MulUnit)
    mean: AnyMean = Field(default_factory=FoldedMean)
    avg_pool2d: AnyPool = Field(default_factory=FoldedPool)
    concat: ConcatUnit = Field(default_factory=ConcatUnit)
    softmax: AnySoftmax | None = None
    norm: AnyNorm | None = None
    table: Table
    activation: Activations = Field(default_factory=dict)
    """The unit of each function that has one; a function without an entry goes by table."""

    def requantizer(self, op: str) -> RequantizationUnit:
        """The requantizer as one operator has it."""
        return self.requantization.for_op(op)

    def for_op(self, op: str | None) -> Datapath:
        """The same datapath with the requantizer that one operator has as its default; itself for None."""
        if op is None:
            return self
        requantization = Requantization.model_validate(self.requantizer(op).model_dump(exclude_unset=False))
        return self.model_copy(update={"requantization": requantization})

    def supplied_by(self, other: Datapath) -> Datapath:
        """The same datapath with the units that it lacks taken from another, and every op executed.

        For whole networks on hardware that is documented only in part; the name says so.
        """
        units = {"add": self.add, "softmax": self.softmax, "norm": self.norm}
        missing = {name: getattr(other, name) for name, unit in units.items() if unit is None}
        widest = max(self.mac.probability_bits_max, other.mac.probability_bits_max)
        mac = self.mac.model_copy(update={"probability_bits_max": widest} if "softmax" in missing else {})
        return self.model_copy(update={"name": f"{self.name}+{other.name}", "ops": None, "mac": mac, **missing})

    def required(self, unit: Found | None, what: str) -> Found:
        """A unit that a step needs, or a refusal that names it."""
        if unit is None:
            raise Unsupported(
                f"the datapath has no {what} unit",
                where=f"datapath {self.name}",
                expected=f"a [{what}] section",
                next_step="choose another datapath, or supply the missing units from one: --supply iot_npu",
            )
        return unit
