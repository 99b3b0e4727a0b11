"""Datapath: everything about a piece of hardware that changes a bit.

A Program carries the datapath it was lowered for, and both the simulator and the judge obey it. Read
from TOML by `bittrue.hw_configs`; every key is checked, unknown keys are refused.
"""

from __future__ import annotations

from typing import Annotated, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from bittrue.spec.arithmetic import Rounding

Axis = Literal["ky", "kx", "c"]

RoundingOp = Literal[
    "add", "avg_pool2d", "concat", "conv2d", "group_norm", "layer_norm", "linear", "matmul", "mean", "mul", "softmax",
    "weighted_sum",
]  # fmt: skip
"""Ops of spec/ops that round at run time (tables round when they are made, layout ops never)."""

RequantizingOp = Literal["avg_pool2d", "concat", "conv2d", "linear", "matmul", "mean", "mul", "weighted_sum"]
"""Those that end in the requantizer: accumulator * multiplier >> shift."""


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Mac(_Section):
    """The multiply-accumulate unit of conv2d, linear, matmul, weighted_sum, mean and avg_pool2d."""

    activation_bits_max: Annotated[int, Field(strict=True, ge=2, le=16)]
    """Widest activation code a multiplier takes (softmax probabilities excepted)."""
    weight_bits_max: Annotated[int, Field(strict=True, ge=2, le=16)]
    probability_bits_max: Annotated[int, Field(strict=True, ge=2, le=16)]
    """Widest softmax probability a multiplier takes."""
    accumulator_bits: Annotated[int, Field(strict=True, ge=8, le=48)]
    overflow: Literal["wrap", "saturate", "refuse"]
    """What the accumulator does past its ends: two's complement wrap; saturation after every single
    addition, in `order`; or lowering refuses every step whose bound does not prove that it fits."""
    order: tuple[Axis, Axis, Axis]
    """Nesting of the reduction loops, outermost first; it decides a saturating accumulator's result.
    One-dimensional reductions (linear, matmul, ...) run in ascending index."""
    bias: Literal["first", "last"]
    """Whether the accumulator is loaded with the bias or the bias is its last addition. A saturating
    accumulator saturates the load as well: a register cannot hold what is wider than itself."""
    bias_bits: Annotated[int, Field(strict=True, ge=8, le=48)]
    """Width of a bias constant (with the input zero point folded in); lowering refuses wider ones."""

    @model_validator(mode="after")
    def _each_axis_once(self) -> Mac:
        if sorted(self.order) != ["c", "kx", "ky"]:
            raise ValueError('order must name each of "ky", "kx", "c" once')
        return self


class Requantization(_Section):
    """The multiply, round, shift, add-zero-point, saturate unit behind every accumulator."""

    multiplier_bits: Annotated[int, Field(strict=True, ge=8, le=31)]
    """m lies in [2**(multiplier_bits-1), 2**multiplier_bits)."""
    shift_max: Annotated[int, Field(strict=True, ge=1, le=62)]
    rounding: Rounding
    """Default rule of every operator."""
    rounding_of: dict[RoundingOp, Rounding] = Field(default_factory=dict)
    """Operators that round differently."""
    second_rounding: Rounding | None = None
    """Where given, the requantizer shifts twice, as gemmlowp does: first by `first_shift` with `rounding`
    (the high half of a doubled product), then by the rest with this rule. A shift below first_shift
    becomes a left shift of the accumulator in front. add, softmax and the norms round once all the same."""
    first_shift: Annotated[int, Field(strict=True, ge=1, le=62)] = 31
    single_rounding_ops: tuple[RequantizingOp, ...] = ()
    """Operators that round once although the others round twice; kept sorted, each once, so that equal
    datapaths have equal digests."""

    @field_validator("single_rounding_ops")
    @classmethod
    def _in_one_order(cls, ops: tuple[RequantizingOp, ...]) -> tuple[RequantizingOp, ...]:
        return tuple(sorted(set(ops)))


class Softmax(_Section):
    """Table of exponentials, one floor reciprocal a row."""

    logit_bits_max: Annotated[int, Field(strict=True, ge=2, le=12)]
    """The exponential table has 2**(logit bits) entries."""
    exponential_bits: Annotated[int, Field(strict=True, ge=4, le=16)]
    reciprocal_bits: Annotated[int, Field(strict=True, ge=16, le=62)]
    """The reciprocal is floor(2**reciprocal_bits / sum)."""
    probability_bits: Annotated[int, Field(strict=True, ge=4, le=16)]
    row_max: Annotated[int, Field(strict=True, ge=1, le=65536)]
    """The longest row that the unit holds."""

    @model_validator(mode="after")
    def _reciprocal_keeps_precision(self) -> Softmax:
        if self.reciprocal_bits <= self.probability_bits:
            raise ValueError("reciprocal_bits must exceed probability_bits")
        return self


class Norm(_Section):
    """Layer and group norm by the exact integer identity with a floor integer root."""

    sum_bits: Annotated[int, Field(strict=True, ge=8, le=48)]
    sum_of_squares_bits: Annotated[int, Field(strict=True, ge=8, le=62)]
    variance_bits: Annotated[int, Field(strict=True, ge=16, le=62)]
    """Width of n * sum_of_squares - sum**2 + epsilon and of the root's operand."""
    fraction_bits: Annotated[int, Field(strict=True, ge=8, le=24)]
    """Fraction bits of the normalized value before gamma and beta."""
    multiplier_bits: Annotated[int, Field(strict=True, ge=8, le=31)]
    """|gamma multiplier| < 2**multiplier_bits."""


class Table(_Section):
    """Activation functions and the input quantizer: one entry per input code."""

    input_bits_max: Annotated[int, Field(strict=True, ge=2, le=16)]
    output_bits_max: Annotated[int, Field(strict=True, ge=2, le=16)]


class Datapath(_Section):
    """A complete integer datapath; see the sections for the meaning of each field."""

    format_version: Literal[1]
    name: str
    source: str
    """Where the arithmetic is documented."""
    mac: Mac
    requantization: Requantization
    softmax: Softmax
    norm: Norm
    table: Table

    def rounding(self, op: str) -> Rounding:
        """The rounding rule of one operator."""
        overrides: dict[str, Rounding] = dict(self.requantization.rounding_of.items())
        return overrides.get(op, self.requantization.rounding)

    def second_rounding(self, op: str) -> Rounding | None:
        """The rule of an operator's second shift; None where it shifts once."""
        unit = self.requantization
        twice = op in get_args(RequantizingOp) and op not in unit.single_rounding_ops
        return unit.second_rounding if twice else None
