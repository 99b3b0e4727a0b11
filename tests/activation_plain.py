"""The activation units on Python integers, one code at a time: what the fast and the judging units are judged by.

Written from the docstrings of spec/units/activation. Numbers have no width, quotients are Fractions, and a register
wraps by modulo.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Any

import numpy as np
from plain_units import rounded_quotient

from bittrue.spec.arithmetic import Rounding
from bittrue.spec.units.activation.tflite_logistic import logistic_table

Element = dict[str, Any]
"""A parameter or a stage by name: one integer, or a list where the unit reads it as a whole."""
WHOLE = ("table", "breakpoints", "slope", "offset")


def plain(unit: Any, arrays: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """Every stage and the output, int64 of the codes' shape; parameters broadcast against the codes."""
    codes = np.asarray(arrays["codes"])
    read = {
        name: np.asarray(values).tolist() if name in WHOLE else np.broadcast_to(values, codes.shape)
        for name, values in arrays.items()
    }
    found: dict[str, np.ndarray] = {}
    for index in np.ndindex(codes.shape):
        element = {name: values if name in WHOLE else int(values[index]) for name, values in read.items()}
        if not unit.elementwise:
            element["row"] = [int(q) - element["input_zero_point"] for q in codes[index[:-1]]]
        for name, value in PLAIN[unit.kind](unit, element).items():
            found.setdefault(name, np.zeros(codes.shape, np.int64))[index] = value
    return found


def wrapped(value: int, bits: int) -> int:
    """Two's complement of `bits` bits."""
    kept = value % 2**bits
    return kept - 2**bits if kept >= 2 ** (bits - 1) else kept


def limited(value: int, low: int, high: int) -> int:
    """The nearest number of low..high."""
    return sorted((low, value, high))[1]


def interpolated(unit: Any, e: Element) -> Element:
    """Between two nodes."""
    step = 2 ** (e["input_bits"] - unit.index_bits)
    index, rest = divmod(e["codes"] - e["input_low"], step)
    base, following = e["table"][index], e["table"][index + 1]
    slope = following - base if unit.wrap_bits is None else wrapped(following - base, unit.wrap_bits)
    shift = (step * 2**unit.fraction_bits).bit_length() - 1
    value = base * step + slope * rest
    output = rounded_quotient(value, shift, unit.rounding) if shift else value
    return {
        "index": index,
        "base": base,
        "slope": slope,
        "output": output if unit.wrap_bits is None else wrapped(output, unit.wrap_bits),
    }


def piecewise(unit: Any, e: Element) -> Element:
    """One line."""
    x = e["codes"] - e["input_zero_point"]
    segment = sum(end <= x for end in e["breakpoints"])
    scaled = x * e["slope"][segment] + e["offset"][segment]
    rounded = rounded_quotient(scaled, e["shift"], unit.rounding)
    return {
        "segment": segment,
        "scaled": scaled,
        "rounded": rounded,
        "output": limited(rounded + e["output_zero_point"], e["low"], e["high"]),
    }


def sigmoid_product(unit: Any, e: Element) -> Element:
    """A read and a product."""
    sigmoid = e["table"][e["codes"] - e["input_low"]]
    return {"sigmoid": sigmoid, "output": sigmoid * (e["codes"] - e["input_zero_point"])}


def shift_exponential(value: int, one: int, fraction_bits: int) -> int:
    """I-ViT's ShiftExp with every quotient exact before its floor."""
    power = value + math.floor(Fraction(value, 2)) - math.floor(Fraction(value, 16))
    power = max(power, -fraction_bits * one)
    octaves = math.floor(Fraction(-power, one))
    rest = power + one * octaves
    assert -one < rest <= 0
    return math.floor((Fraction(rest, 2) + one) * Fraction(2) ** (fraction_bits - octaves))


def shift_silu(unit: Any, e: Element) -> Element:
    """x times a sigmoid of shifts."""

    def argument(x: int) -> int:
        return x + sum(math.floor(Fraction(x, 2**shift)) for shift in unit.argument_shifts)

    x, top = e["codes"] - e["input_zero_point"], 2**31 - 1
    maximum = max(argument(x), 0) if unit.maximum == "element" else max(map(argument, e["row"]))
    exponential = shift_exponential(argument(x) - maximum, e["one"], unit.fraction_bits)
    total = min(exponential + shift_exponential(-maximum, e["one"], unit.fraction_bits), top)
    factor = math.floor(Fraction(top, total))
    sigmoid = math.floor(Fraction(exponential * factor, 2 ** (32 - unit.sigmoid_bits)))
    assert 0 <= sigmoid < 2 ** (unit.sigmoid_bits - 1)
    return {
        "argument": argument(x),
        "maximum": maximum,
        "exponential": exponential,
        "sum": total,
        "factor": factor,
        "sigmoid": sigmoid,
        "output": x * sigmoid if unit.product else sigmoid,
    }


def hardswish(unit: Any, e: Element) -> Element:
    """x * clamp(x + 3, 0, 6)."""
    x = e["codes"] - e["input_zero_point"]
    shifted = x + e["three"] if unit.sum_bits is None else wrapped(x + e["three"], unit.sum_bits)
    gate = limited(shifted, 0, e["six"])
    product = x * gate if unit.product else gate
    output = product
    if unit.sixth_shifts:
        terms = sum(math.floor(Fraction(product, 2**shift)) for shift in unit.sixth_shifts)
        output = math.floor(Fraction(terms, 2**unit.output_shift))
        output = output if unit.output_bits is None else wrapped(output, unit.output_bits)
    return {"gate": gate, "product": product, "output": output}


def tflite_hardswish(unit: Any, e: Element) -> Element:
    """Everything in 16 bits."""

    def high_half(a: int, b: int) -> int:
        return rounded_quotient(a * b, 15, Rounding.HALF_UP)

    def saturated(value: int) -> int:
        return limited(value, -(2**15), 2**15 - 1)

    def divided(value: int, shift: int) -> int:
        return rounded_quotient(value, shift, Rounding.HALF_AWAY) if shift else value

    fine = (e["codes"] - e["input_zero_point"]) * 128
    assert fine == saturated(fine)
    scaled, exponent = high_half(fine, e["output_multiplier"]), e["gate_exponent"]
    held = saturated(fine * 2 ** (exponent - 1)) if exponent > 0 else fine
    held = high_half(held, e["gate_multiplier"])
    held = saturated(2 * held) if exponent > 0 else divided(held, -exponent)
    gate = math.floor(Fraction(held + 2**15, 2))
    product = math.trunc(Fraction(gate * scaled, 2**15))
    output = divided(product, e["output_shift"]) + e["output_zero_point"]
    return {"scaled": scaled, "gate": gate, "product": product, "output": limited(output, e["low"], e["high"])}


def tflite_logistic(unit: Any, e: Element) -> Element:
    """The positive half interpolated, the negative one mirrored."""
    table, shift = logistic_table().tolist(), e["shift"]
    value = e["codes"] * e["multiplier"]
    scaled = rounded_quotient(value, shift, Rounding.HALF_UP) if shift else value
    index, rest = divmod(abs(scaled), 512)
    if index >= 255:
        index, between = 255, 32767 * 1024
    else:
        between = table[index] * 512 + rest * (table[index + 1] - table[index])
    mirrored = between if scaled >= 0 else 2**25 - 1 - between
    return {"scaled": scaled, "index": index, "interpolated": between, "output": (mirrored + 512) // 1024}


def igelu(unit: Any, e: Element) -> Element:
    """I-BERT's polynomial, its sign changed at the end."""
    x = e["codes"] - e["input_zero_point"]
    clipped = min(abs(x), -e["b"])
    sign = (x > 0) - (x < 0)
    erf = math.floor(Fraction(sign * ((clipped + e["b"]) ** 2 + e["c"]), 2**unit.erf_shift))
    return {"clipped": clipped, "erf": erf, "output": -(x * (erf + e["one"]))}


def ita_gelu(unit: Any, e: Element) -> Element:
    """The same in 26 bits."""
    q, b, c = e["codes"], e["b"], e["c"]
    clipped = min(abs(q), -b)
    erf = wrapped((clipped + b) ** 2, 26) + c
    erf = -erf if q < 0 else erf
    return {"clipped": clipped, "erf": erf, "output": wrapped(q * (erf + c), 26)}


def relu(unit: Any, e: Element) -> Element:
    """Between 0 and the upper end."""
    return {"output": limited(e["codes"] - e["input_zero_point"], 0, e["upper"])}


def clamp(unit: Any, e: Element) -> Element:
    """Between two codes."""
    return {"output": limited(e["codes"], e["lower"], e["upper"])}


PLAIN: dict[str, Callable[[Any, Element], Element]] = {
    "clamp": clamp,
    "hardswish": hardswish,
    "igelu": igelu,
    "interpolated": interpolated,
    "ita_gelu": ita_gelu,
    "piecewise": piecewise,
    "relu": relu,
    "shift_silu": shift_silu,
    "sigmoid_product": sigmoid_product,
    "tflite_hardswish": tflite_hardswish,
    "tflite_logistic": tflite_logistic,
}
"""One element: parameters by name -> stages and output."""
