"""The softmax units a third time, one row at a time on Python integers of any size, as the sources write them."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from typing import Any

from bittrue.spec.arithmetic import Rounding

Row = Mapping[str, Any]
"""Stages and "output" of one row: a list, or one integer for a stage of the row."""
Parameters = Mapping[str, int]


def rounded(value: Fraction, rounding: Rounding) -> int:
    """The integer that a rounding rule gives for an exact value (no rule of shifts: not tosa_double)."""
    below = math.floor(value)
    rest = value - below
    if rounding is Rounding.FLOOR or rest == 0:
        return below
    if rounding is Rounding.TOWARD_ZERO:
        return below + (value < 0)
    if rest != Fraction(1, 2):
        return below + (rest > Fraction(1, 2))
    ties = {Rounding.HALF_UP: True, Rounding.HALF_AWAY: value > 0, Rounding.HALF_EVEN: below % 2 == 1}
    return below + ties[rounding]


def table(unit: Any, q: Sequence[int], entries: Sequence[int]) -> Row:
    """The formulas of spec/units/softmax/table.py with exact quotients."""
    e = [entries[max(q) - x] for x in q]
    r = 2**unit.reciprocal_bits // sum(e)
    scaled = [Fraction(x * r, 2 ** (unit.reciprocal_bits - unit.probability_bits)) for x in e]
    output = [min(rounded(x, unit.rounding), 2**unit.probability_bits - 1) for x in scaled]
    return {"maximum": max(q), "exponential": e, "sum": sum(e), "reciprocal": r, "output": output}


def unnormalised(unit: Any, q: Sequence[int], entries: Sequence[int]) -> Row:
    """Exponentials, and nothing else."""
    return {"maximum": max(q), "output": [entries[max(q) - x] for x in q]}


# ------------------------------------------------------------------------------------------------ gemmlowp, as its C++
INT32_MAX = 2**31 - 1


def truncated(a: int, b: int) -> int:
    """C's integer division."""
    return abs(a) // abs(b) * (1 if (a < 0) == (b < 0) else -1)


def saturating_rounding_doubling_high_mul(a: int, b: int) -> int:
    """fixedpoint.h: a nudge by the product's sign and a truncating division."""
    if a == b == -(2**31):
        return INT32_MAX
    nudge = 2**30 if a * b >= 0 else 1 - 2**30
    return truncated(a * b + nudge, 2**31)


def rounding_divide_by_pot(x: int, exponent: int) -> int:
    """fixedpoint.h: the remainder against a threshold that the sign raises."""
    mask = 2**exponent - 1
    return (x >> exponent) + ((x & mask) > (mask >> 1) + (x < 0))


def saturating_multiply_by_pot(x: int, exponent: int) -> int:
    """SaturatingRoundingMultiplyByPOT for exponent > 0."""
    return min(max(x * 2**exponent, -(2**31)), INT32_MAX)


def exp_on_interval(a: int) -> int:
    """exp_on_interval_between_negative_one_quarter_and_0_excl of a Q0.31 number."""
    mul, halve = saturating_rounding_doubling_high_mul, rounding_divide_by_pot
    x = a + 2**28
    x2 = mul(x, x)
    x3, x4 = mul(x2, x), mul(x2, x2)
    x4_over_24_plus_x3_over_6_plus_x2_over_2 = halve(mul(halve(x4, 2) + x3, 715827883) + x2, 1)
    return 1895147668 + mul(1895147668, x + x4_over_24_plus_x3_over_6_plus_x2_over_2)


def exp_on_negative_values(a: int) -> int:
    """Q5.26 -> Q0.31."""
    quarter = 2**24
    a_mod_quarter = (a & (quarter - 1)) - quarter
    result = exp_on_interval(saturating_multiply_by_pot(a_mod_quarter, 5))
    remainder = a_mod_quarter - a
    barrel = {-2: 1672461947, -1: 1302514674, 0: 790015084, 1: 290630308, 2: 39332535, 3: 720401, 4: 242}
    for exponent, multiplier in barrel.items():
        if remainder & 2 ** (26 + exponent):
            result = saturating_rounding_doubling_high_mul(result, multiplier)
    return INT32_MAX if a == 0 else result


def one_over_one_plus_x(a: int) -> int:
    """Q0.31 in 0..1 -> Q0.31, by Newton-Raphson."""
    mul = saturating_rounding_doubling_high_mul
    half_denominator = truncated(a + INT32_MAX + 1, 2)  # RoundingHalfSum of two numbers >= 0
    x = 1515870810 + mul(half_denominator, -1010580540)
    for _ in range(3):
        x += saturating_multiply_by_pot(mul(x, 2**29 - mul(half_denominator, x)), 2)
    return saturating_multiply_by_pot(x, 1)


def gemmlowp(unit: Any, q: Sequence[int], p: Parameters) -> Row:
    """reference_ops::Softmax of tensorflow/lite/kernels/internal/reference/softmax.h."""
    mul, bits = saturating_rounding_doubling_high_mul, unit.output_bits
    differences = [x - max(q) for x in q]
    near = [d >= p["difference_min"] for d in differences]
    scaled = [mul(d * 2 ** p["shift"], p["multiplier"]) if ok else 0 for d, ok in zip(differences, near, strict=True)]
    e = [exp_on_negative_values(x) if ok else 0 for x, ok in zip(scaled, near, strict=True)]
    total = sum(rounding_divide_by_pot(x, 12) for x in e)
    headroom_plus_one = 32 - total.bit_length()
    shifted_scale = one_over_one_plus_x(total * 2**headroom_plus_one - 2**31)
    bits_over_unit = 12 - headroom_plus_one
    product = [mul(shifted_scale, x) for x in e]
    output = [
        min(rounding_divide_by_pot(x, bits_over_unit + 31 - bits) - 2 ** (bits - 1), 2 ** (bits - 1) - 1)
        for x in product
    ]
    return {
        "maximum": max(q), "scaled": scaled, "exponential": e, "sum": total, "reciprocal": shifted_scale,
        "product": product, "output": output,
    }  # fmt: skip


# ------------------------------------------------------------------------- I-BERT, FQ-ViT, HyQ, with the sources' signs
def split(unit: Any, q: Sequence[int], p: Parameters) -> tuple[list[int], list[int]]:
    """int_exp of the released codes up to the shift: x0 is negative there. Returns z and max(polynomial, 0)."""
    x0, octaves, values = -p["octave"], [], []
    for code in q:
        x = max(code - max(q), unit.halvings * x0)
        z = math.floor(Fraction(x, x0))
        r = x - x0 * z
        value = r * (r + p["b"]) + p["c"] if "c" in p else r + p["b"]
        octaves.append(z)
        values.append(max(value, 0))
    return octaves, values


def ibert(unit: Any, q: Sequence[int], p: Parameters) -> Row:
    """IntSoftmax: the exponential at its full width, rescaled to 16 bits, then two floors."""
    octaves, values = split(unit, q, p)
    full = [value * 2 ** (unit.halvings - z) for value, z in zip(values, octaves, strict=True)]
    ratio = Fraction(p["multiplier"], 2 ** (p["shift"] + unit.halvings))
    top = 2 ** (unit.exponential_bits - 1) - 1
    e = [min(rounded(x * ratio, unit.rounding), top) for x in full]
    factor, highest = 2**unit.reciprocal_bits // sum(e), 2**unit.output_bits - 1
    return {
        "maximum": max(q), "octaves": octaves, "polynomial": values, "exponential": e, "sum": sum(e),
        "reciprocal": factor,
        "output": [
            min(math.floor(Fraction(x * factor, 2 ** (unit.reciprocal_bits - unit.output_bits))), highest) for x in e
        ],
    }  # fmt: skip


def log2(unit: Any, q: Sequence[int], p: Parameters) -> Row:
    """QIntSoftmax: round(sum / exp), log_round, and a mask past the last code."""
    octaves, values = split(unit, q, p)
    e = [value * 2 ** (unit.halvings - z) for value, z in zip(values, octaves, strict=True)]
    last = 2**unit.code_bits - 1
    past = last + 1 if unit.past_the_end == "zero" else last
    quotients = [round(Fraction(sum(e), x)) if x else 0 for x in e]  # Python rounds ties to even
    codes = []
    for x in quotients:
        if not x:
            codes.append(past)
            continue
        big = x.bit_length() - 1
        if x - 2**big >= Fraction(2**big, 2):
            big += 1
        codes.append(big if big <= last else past)
    return {
        "maximum": max(q), "octaves": octaves, "polynomial": values, "exponential": e, "sum": sum(e),
        "quotient": quotients, "log2": codes, "output": [2 ** (last - k) if k <= last else 0 for k in codes],
    }  # fmt: skip


# ------------------------------------------------------------------------------------------------------- I-ViT and ITA
def ivit(unit: Any, q: Sequence[int], p: Parameters) -> Row:
    """int_exp_shift and IntSoftmax with exact halves."""
    x0, t, octaves, e = -p["octave"], [], [], []
    for code in q:
        x = code - max(q)
        x = max(x + math.floor(Fraction(x, 2)) - math.floor(Fraction(x, 16)), unit.halvings * x0)
        z = math.floor(Fraction(x, x0))
        r = x - x0 * z
        t.append(x)
        octaves.append(z)
        e.append(math.floor((Fraction(r, 2) - x0) * 2 ** (unit.halvings - z)))
    full = 2**unit.sum_bits - 1
    total = min(sum(e), full)
    factor = full // total
    output = [math.floor(Fraction(x * factor, 2 ** (unit.sum_bits - unit.output_bits + 1))) for x in e]
    return {
        "maximum": max(q), "times_log2e": t, "octaves": octaves, "exponential": e, "sum": total,
        "reciprocal": factor, "output": output,
    }  # fmt: skip


def ita(unit: Any, q: Sequence[int], p: Parameters) -> Row:
    """The streaming softmax of ITA; distances round half up to whole octaves."""

    def octaves(distance: int) -> int:
        return math.floor(Fraction(distance, 2**unit.octave_shift) + Fraction(1, 2))

    maximum, total = -math.inf, 0
    for start in range(0, len(q), unit.group_width):
        group = q[start : start + unit.group_width]
        rises = max(group) > maximum and start > 0
        if rises:
            total //= 2 ** octaves(max(group) - int(maximum))
        maximum = max(maximum, *group)
        total += sum(2**unit.exponential_bits // 2 ** octaves(int(maximum) - x) for x in group)
    inverse = (2**unit.output_bits - 1) * 2**unit.exponential_bits // total
    output = [inverse // 2 ** octaves(int(maximum) - x) for x in q]
    return {"maximum": int(maximum), "sum": total, "reciprocal": inverse, "output": output}


PLAIN: dict[str, Callable[..., Row]] = {
    "table": table, "unnormalised": unnormalised,
    "gemmlowp": gemmlowp, "ibert": ibert, "ivit": ivit, "log_int": log2, "ita": ita, "hyq": log2,
}  # fmt: skip
"""`statement(unit, logits of a row, parameters)` by kind; the table's parameter is its list of entries."""
