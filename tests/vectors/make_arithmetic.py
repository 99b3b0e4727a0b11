"""Write arithmetic.json: cases of spec/arithmetic.py that bind its three statements.

For those who change an integer rule or build one in hardware. Run `python tests/vectors/make_arithmetic.py`
after a deliberate change of the contract; the file is the same bytes on every machine. Every result comes
from `bittrue.spec.arithmetic` on Python integers, which have no width.

One case a line. A line of `round_shift` or `requantize` ends with one result for each rounding mode.
Integers reach 63 bits: read the file with a parser that does not turn them into doubles.
"""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from fractions import Fraction
from pathlib import Path

from bittrue.spec.arithmetic import Rounding, integer_root, multiplier_and_shift, requantize, round_shift, wrap
from bittrue.spec.files import write_text

TARGET = Path(__file__).with_name("arithmetic.json")
FORMAT_VERSION = 1
SEED = 20240607
MODES = tuple(Rounding)
COLUMNS = {
    "round_shift": ["value", "shift", *MODES],
    "requantize": ["accumulator", "multiplier", "shift", "zero_point", "low", "high", *MODES],
    "wrap": ["value", "bits", "result"],
    "integer_root": ["value", "result"],
    "multiplier_and_shift": ["numerator", "denominator", "multiplier_bits", "shift_max", "multiplier", "shift"],
}
"""Sections of the file and what stands in a line of each."""

LIMIT = 1 << 63
SHIFTS = (1, 2, 3, 7, 8, 15, 16, 23, 30, 31, 32, 33, 40, 46, 47, 48, 55, 60, 61, 62)
MULTIPLIERS = (
    1 << 30,
    (1 << 31) - 1,
    1431655765,
    128,
    255,
    1 << 13,
    (1 << 14) - 1,
    40503,
    -(1 << 30),
    1 - (1 << 31),
    1,
    0,
)
CODES = ((-128, 127), (0, 255), (-8, 7), (0, 15), (-2048, 2047), (-32768, 32767), (0, 65535))
ZERO_POINTS = (-128, 0, 127, -3, 255, -1000, 40000)
WIDTHS = (2, 8, 12, 16, 20, 24, 31, 32, 33, 40, 48, 61, 62)

Case = list[int]


def round_shift_inputs(rng: random.Random) -> Iterator[Case]:
    """Around every tie, at exact quotients, at both ends of the domain, and anywhere."""
    for shift in SHIFTS:
        half = 1 << (shift - 1)
        quotients = (0, 1, 2, 3, -1, -2, -3, -4, rng.randrange(4, 1 << 14), -rng.randrange(5, 1 << 14))
        values = [q * (1 << shift) + offset for q in quotients for offset in (0, half - 1, half, half + 1)]
        values += [-1, LIMIT - 1 - half, half + 1 - LIMIT]
        values += [rng.randrange(half + 1 - LIMIT, LIMIT - half) >> rng.randrange(62) for _ in range(4)]
        yield from ([value, shift] for value in dict.fromkeys(values) if abs(value) + half < LIMIT)


def requantize_inputs(rng: random.Random) -> Iterator[Case]:
    """Both saturation edges from both sides, ties on the scaled accumulator, and anywhere."""
    for multiplier in MULTIPLIERS:
        width = max(abs(multiplier).bit_length(), 1)
        for low, high in CODES:
            zero_point = rng.choice(ZERO_POINTS)
            shift = rng.randrange(width + 1, min(44, width + 18))
            for wanted in (low - 1, low, low + 1, high - 1, high, high + 1):
                yield [_reaching(wanted - zero_point, multiplier, shift), multiplier, shift, zero_point, low, high]
        for zero_point in ZERO_POINTS:
            # An odd multiple of half of 2**shift times an odd multiplier is again a tie.
            low, high = rng.choice(CODES)
            for shift in (1, 2, rng.randrange(3, 17)):
                odd = 2 * rng.randrange(-200, 200) + 1
                yield [odd << (shift - 1), multiplier, shift, zero_point, low, high]
            yield [rng.randrange(-(1 << 31), 1 << 31), multiplier, rng.randrange(20, 63), zero_point, low, high]
        for odd in (-5, -3, -1, 1, 3, 5):
            yield [odd, 1 << 30, 31, rng.choice(ZERO_POINTS), -128, 127]
        for shift in (1, 62):
            yield from (
                [acc, multiplier, shift, rng.choice(ZERO_POINTS), *rng.choice(CODES)] for acc in (-7, -1, 0, 1, 9)
            )
    yield from ([acc, m, 62, 0, -128, 127] for acc in (-(1 << 31), (1 << 31) - 1) for m in MULTIPLIERS)


def _reaching(rounded: int, multiplier: int, shift: int) -> int:
    """The accumulator whose scaled value lies nearest to `rounded`."""
    return round(Fraction(rounded << shift, multiplier)) if multiplier else rounded


def wrap_inputs(rng: random.Random) -> Iterator[Case]:
    """Both ends of each width from both sides, whole turns, and anywhere."""
    for bits in WIDTHS:
        half = 1 << (bits - 1)
        values = [end + offset for end in (-half, half) for offset in (-2, -1, 0, 1)]
        values += [0, -1, 1, 2 * half, -2 * half, 3 * half, -3 * half, 4 * half - 1, 1 - LIMIT, LIMIT - 1]
        values += [rng.randrange(1 - LIMIT, LIMIT) >> rng.randrange(40) for _ in range(6)]
        yield from ([value, bits] for value in dict.fromkeys(values) if abs(value) < LIMIT)


def integer_root_inputs(rng: random.Random) -> Iterator[Case]:
    """Perfect squares from both sides, up to the largest below 2**63; where float64 rounds up; the ends."""
    roots = [*range(6), 15, 16, 255, 65535, 65536, 94906265, 94906266, (1 << 31) - 1, 1 << 31, 3037000499]
    roots += [rng.randrange(1, 1 << bits) for bits in range(3, 32)]
    values = [root * root + offset for root in roots for offset in (-1, 0, 1)]
    values += [(1 << 53) - 1, 1 << 53, (1 << 53) + 1, (1 << 62) - 1, 1 << 62, LIMIT - 1]
    values += [rng.randrange(1 << bits) for bits in range(4, 64)]
    yield from ([value] for value in dict.fromkeys(values) if 0 <= value < LIMIT)


def multiplier_and_shift_inputs(rng: random.Random) -> Iterator[Case]:
    """Powers of two, ratios that round up to one, ties, and anywhere, at several multiplier widths."""
    for bits in (8, 14, 16, 24, 31):
        top = 1 << bits
        ratios = [(1, 1), (1, 2), (1, 3), (2, 3), (3, 1), (2 * top - 1, 4 * top), (top + 1, 2 * top), (1, 1 << 20)]
        ratios += [(rng.randrange(1, 1 << 24), rng.randrange(1 << 24, 1 << 40)) for _ in range(12)]
        yield from ([numerator, denominator, bits, 62] for numerator, denominator in ratios)


def results(section: str, case: Case) -> Case:
    """What the contract says about one case, on Python integers."""
    if section == "round_shift":
        return [round_shift(case[0], case[1], mode) for mode in MODES]
    if section == "requantize":
        accumulator, multiplier, shift, zero_point, low, high = case
        assert abs(accumulator * multiplier) + (1 << (shift - 1)) < LIMIT
        return [requantize(accumulator, multiplier, shift, zero_point, low, high, mode) for mode in MODES]
    if section == "wrap":
        return [wrap(*case)]
    if section == "integer_root":
        return [integer_root(*case)]
    return list(multiplier_and_shift(Fraction(case[0], case[1]), *case[2:]))


def sections() -> dict[str, list[Case]]:
    """All cases with their results, by section."""
    rng = random.Random(SEED)
    makers = (round_shift_inputs, requantize_inputs, wrap_inputs, integer_root_inputs, multiplier_and_shift_inputs)
    return {
        name: [case + results(name, case) for case in maker(rng)] for name, maker in zip(COLUMNS, makers, strict=True)
    }


def coverage(cases: dict[str, list[Case]]) -> dict[str, int]:
    """Count the situations that the cases hold. Keys say section, then rounding mode, then situation."""
    found: Counter[str] = Counter()
    for value, shift, *_ in cases["round_shift"]:
        found.update(f"round_shift {mode} {mark}" for mode in MODES for mark in _marks_of_rounding(value, shift))
    for accumulator, multiplier, shift, zero_point, low, high, *_ in cases["requantize"]:
        scaled = accumulator * multiplier
        marks = [*_marks_of_rounding(scaled, shift), *_marks_of_operands(multiplier, zero_point, low, high)]
        for mode in MODES:
            before = round_shift(scaled, shift, mode) + zero_point
            marks_of_mode = marks + [
                f"{end}{before - edge:+d}" for end, edge in (("low", low), ("high", high)) if abs(before - edge) < 2
            ]
            found.update(f"requantize {mode} {mark}" for mark in marks_of_mode)
    for value, bits, _ in cases["wrap"]:
        found.update(f"wrap {bits} {mark}" for mark in _marks_of_width(value, bits))
    for value, root in cases["integer_root"]:
        found.update(f"integer_root {mark}" for mark in _marks_of_root(value, root))
    for *_, bits, _, _, _ in cases["multiplier_and_shift"]:
        found[f"multiplier_and_shift {bits} bits"] += 1
    return dict(sorted(found.items()))


def _marks_of_rounding(value: int, shift: int) -> Iterator[str]:
    """Ties and their neighbours by sign, exact quotients, the two ends of the shifter."""
    past_tie = value % (1 << shift) - (1 << (shift - 1))
    sign = "positive" if value > 0 else "negative"
    if past_tie == 0:
        yield f"tie {sign} {'odd' if value >> shift & 1 else 'even'}"
    if abs(past_tie) == 1 and shift > 1:
        yield f"tie{past_tie:+d} {sign}"
    if value % (1 << shift) == 0 and value:
        yield f"exact {sign}"
    if shift in (1, 62):
        yield f"shift {shift}"


def _marks_of_operands(multiplier: int, zero_point: int, low: int, high: int) -> Iterator[str]:
    """Multipliers and zero points that a design must not forget."""
    if multiplier in (1 << 30, (1 << 31) - 1, 0):
        yield f"multiplier {multiplier}"
    elif abs(multiplier).bit_length() != 31:
        yield "multiplier of another width"
    if multiplier < 0:
        yield "multiplier negative"
    if zero_point in (-128, 0, 127):
        yield f"zero point {zero_point}"
    if not low <= zero_point <= high:
        yield "zero point wide"
    if (low, high) != (-128, 127):
        yield "codes other than s8"


def _marks_of_width(value: int, bits: int) -> Iterator[str]:
    """Either end of a register, from inside and from outside."""
    half = 1 << (bits - 1)
    names = {-half: "low", -half - 1: "low-1", half - 1: "high", half: "high+1", 2 * half: "whole turn"}
    if value in names:
        yield names[value]
    elif not -half <= value < half:
        yield "far outside"


def _marks_of_root(value: int, root: int) -> Iterator[str]:
    """Perfect squares and their neighbours; operands that float64 cannot hold."""
    if value and root * root == value:
        yield "perfect square"
    if root and root * root == value - 1:
        yield "perfect square+1"
    if (root + 1) ** 2 == value + 1:
        yield "perfect square-1"
    if value > 1 << 53:
        yield "above 2**53"
    if value >= 1 << 62:
        yield "from 2**62"


def text() -> str:
    """The whole file."""
    cases = sections()
    header = {
        "what": "cases of bittrue.spec.arithmetic; docs/arithmetic.md says what they mean",
        "generator": "tests/vectors/make_arithmetic.py",
        "format_version": FORMAT_VERSION,
        "seed": SEED,
        "columns": COLUMNS,
        "cases": {name: len(lines) for name, lines in cases.items()},
        "coverage": coverage(cases),
    }
    parts = [f'"header": {_object(header)}']
    parts += [f'"{name}": [\n{_lines(map(json.dumps, lines))}\n]' for name, lines in cases.items()]
    return "{\n" + ",\n".join(parts) + "\n}\n"


def _object(values: Mapping[str, object]) -> str:
    """A JSON object with one line for each plain value, so that a changed count is a changed line."""
    lines = (
        f"{json.dumps(key)}: {_object(value) if isinstance(value, dict) else json.dumps(value)}"
        for key, value in values.items()
    )
    return f"{{\n{_lines(lines)}\n}}"


def _lines(items: Iterable[str]) -> str:
    return ",\n".join(items)


if __name__ == "__main__":
    write_text(TARGET, text())
