"""SiLU and GELU units against float64, on every code."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bittrue.calibration.lowering.activation import KINDS as LOWERING
from bittrue.calibration.lowering.activation import igelu
from bittrue.calibration.lowering.activation.formats import Channel, Lowered
from bittrue.calibration.lowering.constants import requantizer
from bittrue.calibration.lowering.tables import function_table
from bittrue.reports.unit_data import ErrorCurve, ErrorRow
from bittrue.spec.arithmetic import code_range
from bittrue.spec.tensors import TensorSpec
from bittrue.spec.units.activation import ActivationUnit, Function, IGelu, ItaGelu
from bittrue.workflow.unit import unit as run_unit
from bittrue.workflow.unit_errors_kinds import ActivationCase
from bittrue.workflow.unit_errors_measure import curve, host, measured, real

Codes = NDArray[np.int64]

TRUTH: dict[Function, Callable[[float], float]] = {
    "silu": lambda x: x / (1 + math.exp(-x)),
    "gelu": lambda x: x * (1 + math.erf(x / math.sqrt(2))) / 2,
}


def channel_of(function: Function, bits: int) -> Channel:
    """The input covers -8 .. 8; 8-bit outputs are asymmetric (-0.3 .. 8.2), 16-bit ones as the input."""
    codes = code_range(bits, signed=True)
    scale = Fraction(16, 1 << bits)
    if bits == 8:
        return Channel(function, scale, 0, codes, Fraction(17, 512), -119, codes)
    return Channel(function, scale, 0, codes, scale, 0, codes)


def activation_errors(cases: Sequence[ActivationCase]) -> tuple[list[ErrorRow], list[ErrorCurve]]:
    """Every case for each of its functions; curves of those with 8-bit codes."""
    rows, curves = [], []
    for case in cases:
        for function in case.functions:
            channel = channel_of(function, case.bits)
            codes = np.arange(channel.codes_in[0], channel.codes_in[1] + 1)
            inputs = real(codes, channel.scale_in)
            exact = np.array([TRUTH[function](x) for x in inputs.tolist()])
            step = float(channel.scale_out)
            found = (run_codes(case.unit, channel, codes) - channel.zero_out) * step
            rows.append(
                measured(
                    function, case.name, f"every {case.bits}-bit code", at=inputs, found=found, exact=exact, step=step
                )
            )
            if case.bits == 8:
                curves.append(curve(function, case.name, at=inputs, found=found, exact=exact, step=step))
    return rows, curves


def run_codes(unit: ActivationUnit | None, channel: Channel, codes: Codes) -> Codes:
    """Output codes: of the direct table, of the unit, or of the unit and the requantizer behind it."""
    if unit is None:
        return _by_table(channel, codes)
    function = channel.function
    lowered = _lowered(unit, channel)
    low, high = channel.codes_out
    formats = {
        "input_zero_point": channel.zero_in,
        "input_low": channel.codes_in[0],
        "input_bits": (channel.codes_in[1] - channel.codes_in[0]).bit_length(),
        "output_zero_point": channel.zero_out,
        "low": low,
        "high": high,
    }
    read = {port.name: np.array(formats[port.name]) for port in unit.formats}
    path = host(activation={function: unit})
    output = run_unit(function, datapath=path, inputs={"codes": codes, **read, **lowered.constants})["output"]
    if lowered.ratio is None:
        return output
    bits = formats["input_bits"]
    target = TensorSpec("y", (1,), bits, True, (float(channel.scale_out),), (channel.zero_out,))
    accumulator = -output if isinstance(unit, ItaGelu) else output
    placed: dict[str, Any] = {
        "accumulator": accumulator,
        **requantizer([lowered.ratio], path.requantizer("activation"), target),
        "zero_point": np.array(channel.zero_out),
        "low": np.array(low),
        "high": np.array(high),
    }
    return run_unit("requantize", datapath=path, op="activation", inputs=placed)["output"]


def _lowered(unit: ActivationUnit, channel: Channel) -> Lowered:
    """ITA's gelu has I-BERT's coefficients, and leaves the sign to the weights behind it: here it is changed back."""
    if not isinstance(unit, ItaGelu):
        return LOWERING[unit.kind](unit, channel)
    same = igelu.lower(IGelu(kind="igelu", input_bits_max=8, erf_shift=0), channel)
    return Lowered({name: same.constants[name] for name in ("b", "c")}, same.ratio)


def _by_table(channel: Channel, codes: Codes) -> Codes:
    entries = function_table(
        channel.exact,
        channel.codes_in,
        float(channel.scale_in),
        channel.zero_in,
        float(channel.scale_out),
        channel.zero_out,
        channel.codes_out,
    )
    inputs = {"codes": codes, "table": entries, "input_low": np.array(channel.codes_in[0])}
    return run_unit("table", datapath=host(), inputs=inputs)["output"]
