"""What mismatches have in common: the hints that an engineer reads off a waveform first."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from bittrue.golden.diagnosis.observed import Flags, Integers, Made, Observed
from bittrue.spec.units.section import Width

MOST = 0.999
"""Share of the mismatches that a hint must cover: one word of noise does not hide a pattern."""


def hints(observed: Observed, stage: str) -> tuple[str, ...]:
    """Sentences about the mismatches of one stage, the most telling first."""
    expected, made = observed.vectors.results[stage], observed.made[stage]
    wrong = observed.wrong(stage)
    if not wrong.any():
        return ()
    return (*_values(expected, made, wrong, observed.widths[stage]), *_places(wrong), *_order(expected, made))


def _values(expected: Integers, made: Made, wrong: Flags, width: Width) -> Iterator[str]:
    unknown = int((~made.known).sum())
    if unknown:
        yield f"{unknown:,} words are unknown (x, z, too wide or missing)"
    at = wrong & made.known
    if not at.any():
        return
    e, a = expected[at], made.values[at]
    difference = a - e
    if _most(np.abs(difference) == 1):
        sign = "one too high" if (difference > 0).all() else "one too low" if (difference < 0).all() else "off by one"
        yield f"every mismatch is {sign}"
    elif (difference == difference[0]).all():
        yield f"every mismatch is {int(difference[0]):+} away"
    if _most(a == -e) and (e != 0).any():
        yield "actual is expected with the other sign"
    mask = (1 << width.bits) - 1 if width.bits < 64 else -1
    differing = (e ^ a) & mask
    single = int(np.bitwise_or.reduce(differing))
    if single and single & (single - 1) == 0:
        bit = single.bit_length() - 1
        ones = ((a >> bit) & 1).astype(np.bool_)
        stuck = " (stuck at 1)" if ones.all() else " (stuck at 0)" if not ones.any() else ""
        yield f"only bit {bit} differs{stuck}"
    if width.bits > 8 and _most((a & mask) == _swapped_bytes(e, width.bits)):
        yield "bytes are swapped"
    if width.signed and (e < 0).any() and _most(e < 0) and (expected[~wrong] >= 0).all():
        yield "all negative values differ and no other: a sign is lost"
    elif width.signed and _most(e < 0):
        yield "only negative values differ"
    elif width.signed and _most(e > 0) and (expected < 0).any():
        yield "only positive values differ"
    if _most(a == 0):
        yield "actual is 0 wherever it differs"
    elif (a == a[0]).all() and a.size > 1:
        yield f"actual is {int(a[0])} wherever it differs"


def _places(wrong: Flags) -> Iterator[str]:
    count = len(wrong)
    vectors = np.asarray(wrong.reshape(count, -1).any(axis=1), np.bool_)
    if vectors.all() and count > 1:
        yield "every vector differs"
    elif count > 1 and vectors[0] and not vectors[1:].any():
        yield "only the first vector differs"
    elif count > 2 and not vectors[0] and vectors[1:].all():
        yield "only the first vector is right: something is stale or late"
    if wrong.ndim > 1 and wrong.shape[-1] > 1:
        lanes = wrong.reshape(-1, wrong.shape[-1])
        hit = np.flatnonzero(lanes.any(axis=0))
        if len(hit) == 1:
            yield f"only index {int(hit[0])} of the last axis differs"
        elif len(hit) < lanes.shape[1]:
            yield from _subset(hit, lanes.shape[1])


def _subset(hit: NDArray[np.intp], size: int) -> Iterator[str]:
    """What the differing indices of the last axis have in common."""
    for period in (2, 4, 8, 16, 32):
        if size > period and len(set(hit % period)) == 1 and len(hit) >= size // period:
            yield f"only indices {int(hit[0] % period)} modulo {period} of the last axis differ: one lane"
            return
    if hit[-1] == size - 1 and len(hit) == size - hit[0]:
        yield f"only indices from {int(hit[0])} on differ: a last, partial tile"
    elif hit[0] == 0 and hit[-1] == len(hit) - 1:
        yield f"only indices up to {int(hit[-1])} differ: a first tile"


def _order(expected: Integers, made: Made) -> Iterator[str]:
    """Whether the right words stand at other places."""
    if not made.known.all() or expected.size < 4:
        return
    a = made.values
    if (a.reshape(-1)[1:] == expected.reshape(-1)[:-1]).all():
        yield "actual is expected one word late"
    elif (a.reshape(-1)[:-1] == expected.reshape(-1)[1:]).all():
        yield "actual is expected one word early"
    if expected.ndim > 1 and expected.shape[-1] > 1:
        if (a == expected[..., ::-1]).all():
            yield "the last axis is reversed"
        rows, columns = expected.reshape(-1, expected.shape[-1]).shape
        if rows > 1 and (a.reshape(-1) == expected.reshape(rows, columns).T.reshape(-1)).all():
            yield "rows and columns are exchanged (transposed)"
    if np.array_equal(np.sort(a, axis=None), np.sort(expected, axis=None)):
        yield "the same words in another order"


def _most(flags: Flags) -> bool:
    return bool(flags.mean() >= MOST)


def _swapped_bytes(values: Integers, bits: int) -> Integers:
    size = -(-bits // 8)
    masked = values & ((1 << bits) - 1 if bits < 64 else -1)
    found = np.zeros_like(masked)
    for byte in range(size):
        found |= ((masked >> (8 * byte)) & 255) << (8 * (size - 1 - byte))
    return found
