"""Requantizers that are nearly right: roundings, widths, signs, zero points and shifts taken otherwise."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from bittrue.golden.diagnosis.rule import (
    Integers,
    Results,
    Rule,
    field,
    fields,
    lower_bits,
    port,
    stale,
    with_arrays,
    without_bits,
)
from bittrue.spec.arithmetic import Rounding
from bittrue.spec.datapath import Datapath
from bittrue.spec.vectors import Stimuli

SECTION = "requantization"
ROUNDED = {
    Rounding.HALF_UP: "rounds ties toward +infinity",
    Rounding.HALF_AWAY: "rounds ties away from zero",
    Rounding.HALF_EVEN: "rounds ties to even",
    Rounding.FLOOR: "shifts without rounding",
    Rounding.TOWARD_ZERO: "truncates toward zero",
    Rounding.TOSA_DOUBLE: "rounds as TOSA's DOUBLE_ROUND",
}
MULTIPLIER_BITS = (7, 8, 15, 16, 24, 30)
ACCUMULATOR_BITS = (16, 20, 24, 26, 28, 30, 31)
PRODUCT_BITS = (32, 34, 40, 48, 56, 60, 61)
SHIFTED_BITS = (8, 9, 16, 17, 32)
WIDE = 1 << 40
"""Beyond every value that is placed."""


def rules(datapath: Datapath, stimuli: Stimuli) -> list[Rule]:
    """What else a requantizer of kind "integer" might do; the likelier first."""
    unit = datapath.requantization
    if unit.kind != "integer":
        return []
    bits = code_bits(stimuli)
    return [
        *roundings(SECTION, unit.rounding),
        *_second_roundings(),
        *zero_points(),
        field(SECTION, "zero_point", "after_saturation", "saturates before the zero point is added, and again behind"),
        _bias("before_multiply", 1, "adds the zero point to the accumulator"),
        _bias("after_multiply", 1, "adds the zero point to the product, in front of the shift"),
        *_early_zero_points(),
        *saturations(bits),
        *shifts("shift", least=0),
        *_multipliers(unit.multiplier_bits),
        *_registers(),
        *(rule for name in stimuli.driven for rule in stale(name)),
    ]


def roundings(section: str, own: Rounding) -> list[Rule]:
    """Every other rounding of a section."""
    return [field(section, "rounding", rule.value, says) for rule, says in ROUNDED.items() if rule is not own]


def zero_points(name: str = "zero_point") -> list[Rule]:
    """A zero point that is missing, negated, or off by one."""
    return [
        port(name, np.zeros_like, f"{name}=0", f"{name} is not applied"),
        port(name, np.negative, f"-{name}", f"{name} is applied with the wrong sign"),
        port(name, lambda value: 2 * value, f"2*{name}", f"{name} is applied twice"),
        port(name, lambda value: value & 255, f"{name}&255", f"{name} is read as an unsigned byte"),
    ]


def saturations(bits: int) -> list[Rule]:
    """Limits that wrap, are off by one, are missing on one side, or belong to the other signedness."""
    half = 1 << (bits - 1)
    return [
        *(
            _unlimited(
                f"output wraps in {width} bits",
                f"the output keeps its low {width} bits where it should saturate",
                lambda value, low, high, width=width: np.clip(_low_bits(value, width), low, high),  # type: ignore[misc]
            )
            for width in sorted({8, 16, bits})
        ),
        _limits("high+1", "the upper limit is one too high", 0, 1, bits),
        _limits("high-1", "the upper limit is one too low", 0, -1, bits),
        _unlimited(
            "high-1",
            "the upper limit is one too low",
            lambda value, low, high: np.maximum(np.minimum(value, high - 1), low),
        ),
        _limits("low+1", "the lower limit is one too high", 1, 0, bits),
        port("low", lambda low: np.maximum(low, 0), "low=0", "negative codes become 0, as behind a ReLU"),
        port(
            "low", lambda low: np.full_like(low, -half), f"low={-half}", "the activation's lower limit is not applied"
        ),
        port(
            "high",
            lambda high: np.full_like(high, half - 1),
            f"high={half - 1}",
            "the activation's upper limit is not applied",
        ),
        _unlimited(
            "unsigned limits",
            f"saturates to 0..{2 * half - 1}, the range of an unsigned code",
            lambda value, low, high: _low_bits(np.clip(value, 0, 2 * half - 1), bits),
        ),
    ]


def shifts(name: str, least: int = 1) -> list[Rule]:
    """Shifts that are off by one; `least` is the shortest that the unit takes."""
    return [
        port(name, lambda shift: np.minimum(shift + 1, 63), f"{name}+1", f"{name} is one too far"),
        port(name, lambda shift: np.maximum(shift - 1, least), f"{name}-1", f"{name} is one too short"),
        port(name, lambda shift: np.maximum(shift & 31, least), f"{name}&31", f"only five bits of {name} are read"),
        port(name, lambda shift: np.maximum(shift & 15, least), f"{name}&15", f"only four bits of {name} are read"),
    ]


def _second_roundings() -> list[Rule]:
    return [
        fields(
            SECTION,
            {"second_rounding": second, "rounding": first, "first_shift": 31, "lifted_bits": 32, "high_bits": 32},
            f"rounds twice, {first} behind a shift of 31 and then {second}",
        )
        for first in ("half_up", "half_away")
        for second in ("half_away", "half_up", "floor")
    ]


def _bias(place: str, sign: int, says: str) -> Rule:
    def moved(stimuli: Stimuli) -> Stimuli:
        zero_point = stimuli.arrays.get("zero_point", np.zeros(1, np.int64))
        return with_arrays(stimuli, {"bias": sign * zero_point, "zero_point": np.zeros_like(zero_point)})

    rule = field(SECTION, "bias", place, says)
    return Rule(f"zero_point {place}", says, datapath=rule.datapath, stimuli=moved)


def _early_zero_points() -> list[Rule]:
    """The zero point joins behind the multiplier, in a register that is not the one that shows the product."""
    early = _bias("after_multiply", 1, "")

    def results(found: Results, stimuli: Stimuli) -> Results:
        accumulator = found.get("accumulator", stimuli.arrays.get("accumulator"))
        return {**found, "product": np.asarray(accumulator, np.int64) * stimuli.arrays["multiplier"]}

    return [
        replace(
            early,
            says="adds the zero point to the product, in front of the shift, and shows the product without it",
            results=results,
        )
    ]


def _limits(name: str, says: str, low: int, high: int, bits: int) -> Rule:
    half = 1 << (bits - 1)

    def moved(stimuli: Stimuli) -> Stimuli:
        arrays = stimuli.arrays
        lows = arrays.get("low", np.array(-half, np.int64))
        highs = arrays.get("high", np.array(half - 1, np.int64))
        return with_arrays(stimuli, {"low": lows + low, "high": highs + high})

    return Rule(name, says, stimuli=moved)


def _multipliers(bits: int) -> Sequence[Rule]:
    narrower = [
        without_bits("multiplier", bits - kept, f"only the upper {kept} bits of the multiplier count")
        for kept in MULTIPLIER_BITS
        if kept < bits
    ]
    low_bits = [
        lower_bits("multiplier", kept, f"only the lower {kept} bits of the multiplier are wired")
        for kept in (bits - 1, 16)
    ]
    signed = Rule(
        f"multiplier signed at {bits} bits",
        "the multiplier's top bit is read as a sign",
        datapath=field(SECTION, "multiplier_signed", True, "").datapath,
        stimuli=port("multiplier", lambda m: m - ((m >> (bits - 1)) << bits), "", "").stimuli,
    )
    return [*narrower, *low_bits, signed]


def _registers() -> list[Rule]:
    found = [
        fields(SECTION, {"input_bits": bits}, f"the accumulator wraps to {bits} bits in front of the multiplier")
        for bits in ACCUMULATOR_BITS
    ]
    for bits in (32, *ACCUMULATOR_BITS):
        entered = fields(SECTION, {"input_bits": bits}, "")
        found.append(
            Rule(
                f"unsigned accumulator of {bits} bits",
                f"the {bits}-bit accumulator is read as unsigned in front of the multiplier",
                datapath=entered.datapath,
                stimuli=lambda stimuli: with_arrays(stimuli, {"unsigned": np.ones(1, np.int64)}),
            )
        )
    found += [field(SECTION, "product_bits", bits, f"the product wraps to {bits} bits") for bits in PRODUCT_BITS]
    found += [
        field(SECTION, "shift_zero_from", bits, f"a shift of {bits} and more gives 0") for bits in (16, 31, 32, 48, 63)
    ]
    found += [
        field(SECTION, "placed_bits", bits, f"the sum with the zero point wraps in {bits} bits")
        for bits in (8, 9, 16, 17)
    ]
    for bits in SHIFTED_BITS:
        for overflow in ("saturate", "wrap"):
            says = f"the shifted value {overflow}s to {bits} bits in front of the zero point"
            limited = fields(SECTION, {"shifted_bits": bits, "shifted_overflow": overflow}, says)
            found += [limited, replace(limited, results=_limited_early)]
    return found


def _limited_early(found: Results, stimuli: Stimuli) -> Results:
    """A design that has one register for the rounded and the limited value shows the limited one."""
    return {**found, "rounded": found["limited"]}


def _unlimited(name: str, says: str, limit: Callable[[Integers, Integers, Integers], Integers]) -> Rule:
    """A rule about the last register: the unit runs without limits, and `limit` takes their place."""

    def wide(stimuli: Stimuli) -> Stimuli:
        return with_arrays(stimuli, {"low": np.array(-WIDE, np.int64), "high": np.array(WIDE, np.int64)})

    def results(found: Results, stimuli: Stimuli) -> Results:
        arrays = stimuli.arrays
        low, high = arrays.get("low", np.array(-128, np.int64)), arrays.get("high", np.array(127, np.int64))
        return {**found, "output": limit(found["output"], low, high)}

    return Rule(name, says, stimuli=wide, results=results)


def _low_bits(value: Integers, bits: int) -> Integers:
    """The low bits, read as two's complement."""
    half = 1 << (bits - 1)
    return ((value + half) & ((1 << bits) - 1)) - half


def code_bits(stimuli: Stimuli) -> int:
    """Of the output: the bits that its limits need."""
    arrays = stimuli.arrays
    low, high = arrays.get("low"), arrays.get("high")
    if low is None or high is None:
        return 8
    return max(2, (int(high.max()) - int(low.min())).bit_length())
