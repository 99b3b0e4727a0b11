"""Medians, quartiles, ratios round by round, and goals."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.spread import Spread, at_least, at_most, ratios


def test_quartiles_are_linear_between_neighbours() -> None:
    """As NumPy's default percentiles."""
    assert Spread.of([4.0, 1.0, 3.0, 2.0]) == Spread(2.5, 1.75, 3.25, 4)
    assert Spread.of([5.0]) == Spread(5.0, 5.0, 5.0, 1)


@given(st.lists(st.floats(0.001, 1e6), min_size=1, max_size=20))
def test_the_median_lies_between_the_quartiles(values: list[float]) -> None:
    """And all three among the values."""
    found = Spread.of(values)
    assert min(values) <= found.low <= found.median <= found.high <= max(values)


def test_ratios_are_taken_within_a_round() -> None:
    """A round in which both sides were slow says the same as one in which both were fast."""
    assert ratios([[2.0, 20.0]], [[1.0, 10.0]]) == [2.0, 2.0]


def test_each_side_counts_with_its_fastest_of_the_round() -> None:
    """The best batch may change from round to round."""
    assert ratios([[4.0, 1.0], [2.0, 9.0]], [[1.0, 1.0], [8.0, 0.5]]) == [2.0, 2.0]


def test_contestants_with_unequal_rounds_are_refused() -> None:
    """A ratio needs both sides of the same round."""
    with pytest.raises(ValueError, match="shorter"):
        ratios([[1.0, 2.0]], [[1.0]])


def test_a_goal_is_met_at_its_limit_and_not_beyond() -> None:
    """Judged on the unrounded value."""
    assert at_most(0.5).met(0.5) and not at_most(0.5).met(0.5001)
    assert at_least(25).met(25.0) and not at_least(25).met(24.999)
    assert (str(at_most(0.5)), str(at_least(500))) == ("<= 0.5", ">= 500")
