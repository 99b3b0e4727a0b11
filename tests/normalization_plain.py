"""The norm units of spec/units/norm on Python integers, for the tests of the units, of layer_norm and of group_norm.

Written from the formulas, with exact fractions where the formulas have quotients; nothing is shared with the
simulator or the judges.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from fractions import Fraction
from typing import Any

from op_agreement import element

from bittrue.spec.arithmetic import Rounding, clamp, round_shift, wrap
from bittrue.spec.op import Call
from bittrue.spec.row_norm import unit_constants, unit_of
from bittrue.spec.units.norm import ExactNorm, FqVitNorm, IbertNorm, IvitNorm, NormUnit, RsqrtTableNorm
from bittrue.spec.units.norm.identity import IdentityNorm

STATISTICS = ("sum", "sum_of_squares", "variance", "root", "reciprocal")
Row = dict[str, Any]
Parameters = Mapping[str, Any]


def register(unit: NormUnit, terms: Iterable[int], bits: int) -> int:
    """A statistics register after the last addition."""
    total = 0
    for term in terms:
        total += term
        if unit.statistics_overflow == "wrap":
            total = wrap(total, bits)
        elif unit.statistics_overflow == "saturate":
            total = clamp(total, -(1 << (bits - 1)), (1 << (bits - 1)) - 1)
        else:
            assert wrap(total, bits) == total
    return total


def statistics(unit: NormUnit, codes: list[int]) -> Row:
    """The two registers of a row."""
    total = register(unit, codes, unit.sum_bits)
    return {"sum": total, "sum_of_squares": register(unit, (c * c for c in codes), unit.sum_of_squares_bits)}


def identity(unit: IdentityNorm, row: list[int], parameters: Parameters) -> tuple[list[int], Row]:
    """The codes behind the pre-shift, the registers and the variance."""
    (shift,), (epsilon,) = parameters["pre_shift"], parameters["epsilon"]
    codes = [round_shift(q, int(shift), unit.rounding) for q in row] if shift else row
    found = statistics(unit, codes)
    variance = len(row) * found["sum_of_squares"] - found["sum"] ** 2 + int(epsilon)
    if unit.statistics_overflow == "refuse":
        assert variance >= 1
    return codes, {**found, "variance": max(1, variance)}


def exact(unit: ExactNorm, row: list[int], parameters: Parameters) -> Row:
    """Root, reciprocal, product."""
    (k,), (p,), n = parameters["root_shift"], parameters["reciprocal_bits"], len(row)
    codes, found = identity(unit, row, parameters)
    operand = found["variance"] << 2 * int(k)
    assert operand < 1 << unit.variance_bits
    root = math.isqrt(operand)
    reciprocal = (1 << int(p)) // root
    products = [(n * c - found["sum"]) * reciprocal for c in codes]
    assert max(map(abs, products)) < 1 << 62
    normalized = [round_shift(value, int(p - k) - unit.fraction_bits, unit.rounding) for value in products]
    return {**found, "root": root, "reciprocal": reciprocal, "normalized": normalized}


def rsqrt_table(unit: RsqrtTableNorm, row: list[int], parameters: Parameters) -> Row:
    """Operand in [1, 4), table, Newton steps; every quotient an exact fraction rounded down."""
    places, one, n = unit.operand_bits, 1 << unit.estimate_bits, len(row)
    codes, found = identity(unit, row, parameters)
    exponent = (found["variance"].bit_length() - 1) // 2
    assert 1 <= Fraction(found["variance"], 4**exponent) < 4
    operand = math.floor(Fraction(found["variance"] * 2**places, 4**exponent))
    estimate = int(parameters["table"][math.floor((Fraction(operand, 2**places) - 1) * 2**unit.table_bits)])
    root = estimate
    for _ in range(unit.steps):
        difference = 3 * one - math.floor(Fraction(operand, 2**places) * math.floor(Fraction(root * root, one)))
        root = math.floor(Fraction(root * difference, 2 * one))
        assert 0 < root <= one
    products = [(n * c - found["sum"]) * root for c in codes]
    assert max(map(abs, products)) < 1 << 63
    shift = unit.estimate_bits + exponent - unit.fraction_bits
    normalized = [round_shift(value, shift, unit.rounding) for value in products]
    stages = {"exponent": exponent, "operand": operand, "estimate": estimate, "reciprocal_root": root}
    return {**found, **stages, "normalized": normalized}


def nearest(value: Fraction, rounding: Rounding) -> int:
    """A fraction as an integer."""
    floor = math.floor(value)
    if rounding is Rounding.FLOOR:
        return floor
    if rounding is Rounding.TOWARD_ZERO:
        return math.trunc(value)
    rest = value - floor
    if rest != Fraction(1, 2):
        return floor + (rest > Fraction(1, 2))
    up = {Rounding.HALF_UP: True, Rounding.HALF_AWAY: value > 0, Rounding.HALF_EVEN: floor % 2 == 1}
    return floor + up[rounding]


def centred(unit: IbertNorm | IvitNorm, row: list[int], variance_shift: int) -> Row:
    """Sum, rounded mean and the sum of squares around it."""
    total = register(unit, row, unit.sum_bits)
    mean = nearest(Fraction(total, len(row)), unit.mean_rounding)
    squares = [math.floor(Fraction(q - mean, 2**variance_shift)) ** 2 for q in row]
    return {"sum": total, "mean": mean, "sum_of_squares": register(unit, squares, unit.sum_of_squares_bits)}


def centred_row(found: Row, row: list[int], root: int, reciprocal: int) -> Row:
    """The stages behind the root."""
    normalized = [math.floor(Fraction((q - found["mean"]) * reciprocal, 2)) for q in row]
    return {**found, "root": root, "reciprocal": reciprocal, "normalized": normalized}


def ibert(unit: IbertNorm, row: list[int], parameters: Parameters) -> Row:
    """Exact floor root."""
    (shift,) = parameters["variance_shift"]
    found = centred(unit, row, int(shift))
    root = max(1, math.isqrt(max(0, found["sum_of_squares"])))
    return centred_row(found, row, root, 2 ** (unit.fraction_bits + 1) // (root * 2 ** int(shift)))


def ivit(unit: IvitNorm, row: list[int], parameters: Parameters) -> Row:
    """So many Newton steps from a power of two."""
    found = centred(unit, row, 0)
    operand, root = max(0, found["sum_of_squares"]), 2**unit.start_bits
    for _ in range(unit.steps):
        root = max(1, math.floor(Fraction(root + math.floor(Fraction(operand, root)), 2)))
    return centred_row(found, row, root, (2 ** (unit.fraction_bits + 1) - 1) // root)


def mantissa(unit: FqVitNorm, a: Fraction) -> tuple[int, int]:
    """get_MN of the public code for an exact A >= 0: M and N."""
    if a == 0:
        return 0, unit.exponent_max
    near = a.numerator.bit_length() - a.denominator.bit_length()
    log = next(e for e in (near - 1, near, near + 1) if Fraction(2) ** e <= a < Fraction(2) ** (e + 1))
    exponent = clamp(unit.mantissa_bits - 1 - log, 0, unit.exponent_max)
    return min(math.floor(a * 2**exponent), 2**unit.mantissa_bits - 1), exponent


def fq_vit(unit: FqVitNorm, row: list[int], parameters: Parameters) -> Row:
    """Mantissa and offset element by element, from exact fractions."""
    n = len(row)
    (k,), (g,) = (map(int, parameters[name]) for name in ("root_shift", "gamma_shift"))
    zero, factor, gamma, beta = (
        [element(parameters[name], i) for i in range(n)] for name in ("code_zero_point", "factor", "gamma", "beta")
    )
    x = [(q - z) * 2**f for q, z, f in zip(row, zero, factor, strict=True)]
    found = statistics(unit, x)
    variance = max(0, n * found["sum_of_squares"] - found["sum"] ** 2)
    root = math.isqrt(variance << 2 * k)
    assert variance << 2 * k < 1 << unit.variance_bits
    rows: list[tuple[int, int, int, int]] = []
    for value, gain, base in zip(x, gamma, beta, strict=True):
        a = Fraction(n * abs(gain) * 2**k, root * 2**g) if variance else Fraction(0)
        m, exponent = mantissa(unit, a)
        m = -m if gain < 0 else m
        moved = base - (found["sum"] * gain * 2**k // root if variance and gain else 0)
        offset = nearest(Fraction(moved, 2**g) * 2**exponent, unit.rounding)
        result = nearest(Fraction(m * value + offset, 2**exponent), unit.rounding)
        assert max(abs(moved) << max(0, exponent - g), abs(m * value + offset)) < 1 << 62
        rows.append((exponent, m, offset, result))
    stages = dict(
        zip(("exponent", "mantissa", "offset", "normalized"), map(list, zip(*rows, strict=True)), strict=True)
    )
    return {**found, "variance": variance, "root": root, **stages}


PLAIN: dict[str, Callable[[Any, list[int], Parameters], Row]] = {
    "exact": exact,
    "rsqrt_table": rsqrt_table,
    "ibert": ibert,
    "ivit": ivit,
    "fq_vit": fq_vit,
}
"""All stages of one row of codes by kind; stages with a value an element are lists."""


def normalized_row(call: Call, row: list[int], channels: Sequence[int] | None = None) -> Row:
    """All stages of one row of a step; channels: of each element, where parameters have one value a channel."""
    unit = unit_of(call.datapath)
    by_channel = {port.name for port in unit.ports if port.axes == ("n",)}
    parameters = {
        name: [element(values, c) for c in channels] if channels is not None and name in by_channel else values
        for name, values in unit_constants(call).items()
    }
    return PLAIN[unit.kind](unit, row, parameters)


def scaled(call: Call, normalized: int, channel: int) -> int:
    """The output code of one normalized value."""
    if not unit_of(call.datapath).has_affine:
        return clamp(normalized + element(call.output.zero_point, channel), *call.output.code_range)
    gamma, beta, shift = (element(call.constants[role], channel) for role in ("multiplier", "bias", "shift"))
    rounding = unit_of(call.datapath).rounding
    value = round_shift(normalized * gamma + beta, shift, rounding) + element(call.output.zero_point, channel)
    return clamp(value, *call.output.code_range)
