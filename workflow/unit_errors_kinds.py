"""The configurations whose errors are measured: every kind in the widths of its source, once each at least.

Sources stand in the kinds' own docstrings (spec/units); "table" and "exact" are those of `iot_npu`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from bittrue.spec.arithmetic import Rounding
from bittrue.spec.units.activation import (
    ActivationUnit,
    Function,
    IGelu,
    InterpolatedActivation,
    ItaGelu,
    PiecewiseActivation,
    ShiftSilu,
    SigmoidProduct,
)
from bittrue.spec.units.norm import ExactNorm, FqVitNorm, IbertNorm, IvitNorm, NormUnit, RsqrtTableNorm
from bittrue.spec.units.softmax import (
    GemmlowpSoftmax,
    HyqSoftmax,
    IbertSoftmax,
    ItaSoftmax,
    IvitSoftmax,
    LogIntSoftmax,
    SoftmaxUnit,
    TableSoftmax,
    UnnormalisedSoftmax,
)

SOFTMAX: dict[str, SoftmaxUnit] = {
    "table": TableSoftmax(
        kind="table", row_max=4096, logit_bits_max=8, exponential_bits=16, reciprocal_bits=46, probability_bits=16,
        rounding=Rounding.HALF_UP,
    ),
    "unnormalised": UnnormalisedSoftmax(
        kind="unnormalised", row_max=4096, logit_bits_max=8, exponential_bits=16, sum_bits=32, reciprocal_bits=46,
        fraction_bits=12, rounding=Rounding.HALF_UP,
    ),
    "gemmlowp": GemmlowpSoftmax(kind="gemmlowp", row_max=4095, logit_bits_max=8, output_bits=8),
    "gemmlowp, 16 bits out": GemmlowpSoftmax(kind="gemmlowp", row_max=4095, logit_bits_max=8, output_bits=16),
    "ibert": IbertSoftmax(
        kind="ibert", row_max=4096, logit_bits_max=8, halvings=30, multiplier_bits=31, exponential_bits=16,
        reciprocal_bits=32, output_bits=8, rounding=Rounding.HALF_EVEN,
    ),
    "ivit": IvitSoftmax(
        kind="ivit", row_max=4096, logit_bits_max=8, halvings=15, sum_bits=31, sum_overflow="saturate", output_bits=8
    ),
    "log_int": LogIntSoftmax(
        kind="log_int", row_max=4096, logit_bits_max=8, halvings=30, code_bits=4, past_the_end="zero"
    ),
    "hyq": HyqSoftmax(kind="hyq", row_max=4096, logit_bits_max=8, halvings=30, code_bits=4, past_the_end="zero"),
    "ita, logits of scale ln 2": ItaSoftmax(
        kind="ita", row_max=2047, logit_bits_max=8, group_width=16, octave_shift=0, exponential_bits=8, sum_bits=19,
        output_bits=8,
    ),
}  # fmt: skip

_STATISTICS: dict[str, Any] = {"sum_bits": 32, "sum_of_squares_bits": 40, "multiplier_bits": 16}
_IDENTITY: dict[str, Any] = {**_STATISTICS, "variance_bits": 62, "fraction_bits": 16, "rounding": Rounding.HALF_UP}
_CENTRED: dict[str, Any] = {
    **_STATISTICS, "fraction_bits": 30, "mean_rounding": Rounding.HALF_EVEN, "rounding": Rounding.HALF_UP,
}  # fmt: skip


def rsqrt_table(table_bits: int, estimate_bits: int, steps: int) -> RsqrtTableNorm:
    """A norm by a table of 3 * 2**table_bits reciprocal roots and Newton steps."""
    return RsqrtTableNorm(
        kind="rsqrt_table", table_bits=table_bits, estimate_bits=estimate_bits, operand_bits=estimate_bits,
        steps=steps, **_IDENTITY,
    )  # fmt: skip


NORM: dict[str, NormUnit] = {
    "exact": ExactNorm(kind="exact", **_IDENTITY),
    "rsqrt_table, 192 entries, 1 step": rsqrt_table(6, 24, 1),
    "rsqrt_table, 48 entries, 1 step": rsqrt_table(4, 24, 1),
    "rsqrt_table, 192 entries, no step": rsqrt_table(6, 24, 0),
    "ibert": IbertNorm(kind="ibert", **{**_CENTRED, "sum_of_squares_bits": 33}),
    "ivit": IvitNorm(kind="ivit", start_bits=16, steps=10, **_CENTRED),
    "fq_vit": FqVitNorm(
        kind="fq_vit", variance_bits=62, mantissa_bits=8, exponent_max=31, factor_max=3, rounding=Rounding.HALF_EVEN,
        **{**_STATISTICS, "multiplier_bits": 24},
    ),
}  # fmt: skip


@dataclass(frozen=True)
class ActivationCase:
    """A unit on all codes of one width."""

    name: str
    unit: ActivationUnit | None
    """None: the direct table, the unit [table]."""
    bits: int
    functions: tuple[Function, ...] = ("silu", "gelu")


def _interpolated(bits: int, index_bits: int, **fields: Any) -> InterpolatedActivation:
    return InterpolatedActivation(
        kind="interpolated", input_bits_max=bits, output_bits_max=bits, index_bits=index_bits,
        rounding=Rounding.HALF_UP, **fields,
    )  # fmt: skip


def _piecewise(bits: int, segments: int) -> PiecewiseActivation:
    return PiecewiseActivation(
        kind="piecewise", input_bits_max=bits, output_bits_max=bits, segments=segments, limit=8, slope_bits=12,
        offset_bits=28, shift_max=24, rounding=Rounding.HALF_UP,
    )  # fmt: skip


def _shift_silu(fraction_bits: int, maximum: Literal["element", "row"]) -> ShiftSilu:
    return ShiftSilu(kind="shift_silu", input_bits_max=8, fraction_bits=fraction_bits, sigmoid_bits=8, maximum=maximum)


ACTIVATIONS: tuple[ActivationCase, ...] = (
    ActivationCase("table", None, 8),
    ActivationCase("interpolated, 33 nodes", _interpolated(8, 5, fraction_bits=4), 8),
    ActivationCase("piecewise, 16 segments", _piecewise(8, 16), 8),
    ActivationCase("piecewise, 32 segments", _piecewise(8, 32), 8),
    ActivationCase("shift_silu, element", _shift_silu(23, "element"), 8),
    ActivationCase("shift_silu, row", _shift_silu(23, "row"), 8),
    ActivationCase("shift_silu, element, 15 bits", _shift_silu(15, "element"), 8),
    ActivationCase(
        "sigmoid_product", SigmoidProduct(kind="sigmoid_product", input_bits_max=8, sigmoid_bits=8), 8, ("silu",)
    ),
    ActivationCase("igelu", IGelu(kind="igelu", input_bits_max=8, erf_shift=0), 8, ("gelu",)),
    ActivationCase("ita_gelu", ItaGelu(kind="ita_gelu", input_bits_max=8), 8, ("gelu",)),
    ActivationCase("interpolated, 513 nodes", _interpolated(16, 9, wrap_bits=16, samples="tflite"), 16),
    ActivationCase("piecewise, 32 segments", _piecewise(16, 32), 16),
    ActivationCase("igelu", IGelu(kind="igelu", input_bits_max=16, erf_shift=14), 16, ("gelu",)),
)
