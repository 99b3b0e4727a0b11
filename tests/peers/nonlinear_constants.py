"""How TFLite's runtimes turn scales into the constants of hard-swish and softmax; see constants.py."""

from __future__ import annotations

import math

import numpy as np
from peers.constants import Ports, double, quantized_multiplier, single
from peers.layers import Codes


def hardswish(x: Codes, y: Codes) -> Ports:
    """TFLite's HARD_SWISH: 16-bit multipliers of the output's scale and of the gate, from float32 quotients."""
    fine = single(1 / 128) * single(x.scale)
    (output, output_shift), (gate, gate_shift) = (
        quantized_multiplier(float(ratio)) for ratio in (fine / single(y.scale), fine / (single(3) / single(32768)))
    )
    values = {
        "output_multiplier": _upper_half(output),
        "output_shift": output_shift - 31,
        "gate_multiplier": _upper_half(gate),
        "gate_exponent": 31 - gate_shift,
    }
    return {name: np.array(value) for name, value in values.items()}


def _upper_half(multiplier: int) -> int:
    """31 bits to 15, half up, saturated."""
    return min((multiplier + (1 << 15)) >> 16, 32767)


def softmax(x: float, beta: float) -> Ports:
    """TFLite's softmax: the logits' scale with 26 fraction bits, and the lowest difference that counts."""
    multiplier, shift = quantized_multiplier(min(double(beta) * double(x) * 2.0**26, 2.0**31 - 1))
    left = 31 - shift
    return {
        "multiplier": np.array([multiplier]),
        "shift": np.array([left]),
        "difference_min": np.array([-math.floor(31 * 2.0**26 / 2.0**left)]),
    }
