"""From measurements to lines: values, best contestants, goals, and what is said where nothing was measured."""

from __future__ import annotations

import pytest
from benchmark_parts import contestant, rounds, row

from benchmarks.spread import Spread, at_least, at_most
from benchmarks.tasks import Measurement
from benchmarks.verdicts import judged

OURS, PEER = contestant("ours"), contestant("peer")


def test_a_ratio_is_judged_by_its_median_over_rounds() -> None:
    """0.4, 0.5 and 3.0: the round that was disturbed changes the spread and not the verdict."""
    found = judged(row([OURS], [PEER], at_most(0.5)), rounds({"ours": [4, 5, 30], "peer": [10, 10, 10]}))
    assert found.value == Spread(0.5, 0.45, 1.75, 3)
    assert (found.met, found.of, found.to, found.of_ms, found.to_ms) == (True, "ours", "peer", 5000, 10000)
    assert judged(row([OURS], [PEER], at_least(0.6)), rounds({"ours": [5], "peer": [10]})).met is False
    assert judged(row([OURS], [PEER]), rounds({"ours": [5], "peer": [10]})).met is None


def test_batches_count_by_the_image() -> None:
    """32 images in 32 s against 4 in 8 s and 1 in 3 s."""
    few, many = contestant("few", 1), contestant("many", 4)
    ours = contestant("ours", 32)
    found = judged(row([few, many], [ours]), rounds({"few": [3], "many": [8], "ours": [32]}))
    assert found.value == Spread(2.0, 2.0, 2.0, 1)
    assert (found.of, found.best_of, found.of_ms, found.to_ms) == ("many", 2, 2000, 1000)


def test_a_missing_alternative_leaves_the_others() -> None:
    """An eager batch that found no memory does not end the row."""
    few, many = contestant("few", 1), contestant("many", 4)
    measured = rounds({"few": [3], "ours": [1]})
    measured.failed["many"] = "exit code -9"
    assert judged(row([few, many], [OURS]), measured).of == "few"


def test_a_row_without_one_side_says_why() -> None:
    """The reason of the contestant that is missing, no number and no verdict."""
    measured = rounds({"ours": [1.0]})
    measured.failed["peer"] = "it is not installed"
    found = judged(row([PEER], [OURS], at_least(1)), measured)
    assert (found.value, found.met, found.missing) == (None, None, "it is not installed")
    assert judged(row([PEER], [OURS]), rounds({})).missing == "no round was run"


@pytest.mark.parametrize("answer, missing", [("same", ""), ("other", "the integers differ between ours and peer")])
def test_a_time_of_other_integers_is_no_result(answer: str, missing: str) -> None:
    """Where both compute the same program."""
    measured = rounds({"ours": [1.0], "peer": [2.0]}, {"ours": "same", "peer": answer})
    found = judged(row([OURS], [PEER], same_answer=True), measured)
    assert found.missing == missing
    assert (found.value is None) == bool(missing)


def test_absolute_rows_take_wall_time_or_peak_memory() -> None:
    """Seconds of a run of the whole batch; GB of 10**9 bytes."""
    measured = rounds({})
    measured.measured["ours"] = [Measurement((1.0, 3.0, 2.0), peak_bytes=600_000_000)]
    assert judged(row([OURS], goal=at_most(2.5), measure="seconds"), measured).value == Spread(2.0, 2.0, 2.0, 1)
    memory = judged(row([OURS], goal=at_most(0.6), measure="gigabytes"), measured)
    assert memory.value == Spread(0.6, 0.6, 0.6, 1) and memory.met
