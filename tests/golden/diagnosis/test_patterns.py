"""Hints say what the mismatches have in common, and only then."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from bittrue.golden.diagnosis.observed import Made, Observed
from bittrue.golden.diagnosis.patterns import hints
from bittrue.golden.diagnosis.rounding_note import RoundingNote
from bittrue.spec.units.section import Width
from bittrue.spec.vectors import Stimuli, UnitVectors

EXPECTED = np.array([[3, -7, 200, 1], [-300, 5, 0x1234, -2], [90, -90, 17, 64], [8, 9, -10, 11]], np.int64)


def said(made: NDArray[np.int64], known: NDArray[np.bool_] | None = None) -> str:
    """All hints about a design that made this where EXPECTED was due, in 16 bits."""
    stimuli = Stimuli("requantize", "s", "uniform", {"accumulator": np.zeros(4, np.int64)})
    known = np.ones(made.shape, np.bool_) if known is None else known
    vectors = UnitVectors(stimuli, {"output": EXPECTED})
    return "; ".join(hints(Observed(vectors, {"output": Made(made, known)}, {"output": Width(16, True)}), "output"))


def changed(at: NDArray[np.bool_], to: NDArray[np.int64]) -> NDArray[np.int64]:
    """EXPECTED with other words at some places."""
    return np.where(at, to, EXPECTED)


@pytest.mark.parametrize(
    ("made", "hint"),
    [
        (changed(EXPECTED < 0, EXPECTED + 1), "every mismatch is one too high"),
        (changed(EXPECTED > 100, EXPECTED - 5), "every mismatch is -5 away"),
        (changed(EXPECTED < 0, EXPECTED & 0x7FFF), "a sign is lost"),
        (changed(EXPECTED > 0, -EXPECTED), "the other sign"),
        (EXPECTED | 32, "only bit 5 differs (stuck at 1)"),
        (EXPECTED & ~np.int64(1), "only bit 0 differs (stuck at 0)"),
        (np.array([[0x0300] * 4] * 4) * 0 + ((EXPECTED & 255) << 8 | (EXPECTED >> 8) & 255), "bytes are swapped"),
        (changed(np.arange(4) == np.full((4, 4), 2), EXPECTED + 3), "only index 2 of the last axis differs"),
        (changed(np.arange(4) >= np.full((4, 4), 2), EXPECTED + 3), "only indices from 2 on differ"),
        (EXPECTED.T.copy(), "transposed"),
        (EXPECTED[:, ::-1].copy(), "the last axis is reversed"),
        (np.roll(EXPECTED.reshape(-1), 1).reshape(4, 4), "one word late"),
        (EXPECTED * 0, "actual is 0 wherever it differs"),
    ],
)  # fmt: skip
def test_a_pattern_is_seen(made: NDArray[np.int64], hint: str) -> None:
    """Each planted pattern is put into words."""
    wrapped = ((made + 32768) & 65535) - 32768
    assert hint in said(wrapped)


def test_unknown_words_are_counted_apart() -> None:
    """x digits are said to be x digits; they are no zeros."""
    known = np.ones((4, 4), np.bool_)
    known[1, 1] = False
    assert said(changed(~known, EXPECTED * 0), known).startswith("1 words are unknown")


def test_noise_has_no_pattern() -> None:
    """Random words give no hint but that all differ."""
    random = np.random.default_rng(5).integers(-30000, 30000, (4, 4))
    assert said(random) == "every vector differs"


def test_a_tie_is_called_a_tie() -> None:
    """-5 / 2 is -3 and a remainder of 1, which is half of 2."""
    note = RoundingNote(-5, 1)
    assert (note.remainder, note.tie) == (1, True)
    assert str(note) == "-5 = -3 * 2**1 + 0x1 (a tie)"
    assert "1 below the tie" in str(RoundingNote(7, 4))
