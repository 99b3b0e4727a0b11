"""The loop that closes coverage, and the smallest set that keeps it closed."""

from __future__ import annotations

import numpy as np
import pytest

from bittrue.golden.stimuli import closure, stimuli_of
from bittrue.golden.stimuli.closure import close, likeness, mutants
from bittrue.golden.stimuli.draw import generator
from bittrue.golden.stimuli.minimise import cover, minimise
from bittrue.hw_configs.load import load_datapath
from bittrue.spec.coverage import coverage_of
from bittrue.workflow.coverage import runner

IOT = load_datapath("iot_npu")
RUN = runner(IOT)


def open_bins(unit: str, sets: tuple) -> set[str]:
    """Reachable bins that no vector of the sets reaches."""
    coverage = coverage_of(IOT, unit)
    hits = [coverage.hits(found, RUN(found)) for found in sets]
    return {bin_.name for bin_ in coverage.bins if bin_.reachable and not any(h[bin_.name].any() for h in hits)}


def test_search_alone_finds_what_was_taken_away(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without other seeds, mutants of near vectors reach bins whose vectors were all removed."""
    monkeypatch.setattr(closure, "SEEDS", 0)
    (corners, wide) = stimuli_of(IOT, "requantize", "directed")
    coverage = coverage_of(IOT, "requantize")
    hits = coverage.hits(corners, RUN(corners))
    lost = ("zero_point_edge/0.low-1", "zero_point_edge/1.high+1")
    kept = corners.take(np.flatnonzero(~np.logical_or.reduce([hits[name] for name in lost])))
    assert set(lost) <= open_bins("requantize", (kept, wide))
    found = close(IOT, "requantize", RUN, start=(kept, wide))
    assert found.left_open == {} and len(found.sets) > 2
    assert open_bins("requantize", found.sets) == set()


def test_what_search_does_not_find_is_left_open_with_what_was_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    """No row of 3 can become a row of another length: those bins stay open, and the reason counts the vectors."""
    monkeypatch.setattr(closure, "SEEDS", 0)
    rows = next(found for found in stimuli_of(IOT, "softmax", "directed") if found.name == "three")
    found = close(IOT, "softmax", RUN, start=(rows,), rounds=1)
    assert "length/17" in found.left_open and str(found.tried) in found.left_open["length/17"]
    assert set(found.left_open) == open_bins("softmax", found.sets)


def test_other_seeds_close_a_poor_start() -> None:
    """From uniform vectors alone the loop ends closed, with a small part of the directed vectors."""
    found = close(IOT, "add", RUN, start=stimuli_of(IOT, "add", "uniform"))
    assert found.left_open == {}


def test_mutants_stay_within_the_words_of_the_set() -> None:
    """They differ from their parents and hold no word that the unit might refuse."""
    (corners, _) = stimuli_of(IOT, "requantize", "directed")
    made = mutants(corners, np.arange(4), generator(1, "test"))
    assert made.vectors == 4 * closure.CHILDREN
    for name, words in made.driven.items():
        assert words.min() >= corners.driven[name].min() and words.max() <= corners.driven[name].max()
    assert (made.driven["accumulator"] != np.repeat(corners.driven["accumulator"][:4], closure.CHILDREN)).any()


def test_likeness_counts_shared_members() -> None:
    """Bins of one group are the nearer the more of their cross they share."""
    assert likeness("rounding/tie.negative.low", "rounding/tie.negative.high") == 3
    assert likeness("rounding/tie.negative.low", "rounding/exact.positive.high") == 1
    assert likeness("rounding/tie.negative.low", "shift/3") == 0


def test_cover_by_hand() -> None:
    """The row that reaches most comes first, and goes again when the others make it superfluous."""
    matrix = np.array([[1, 1, 1, 0, 0], [1, 1, 0, 1, 0], [0, 0, 1, 0, 1], [0, 0, 0, 0, 0]], bool)
    assert cover(matrix).tolist() == [False, True, True, False]


@pytest.mark.parametrize("unit", ["requantize", "add", "table", "softmax", "norm", "mac", "accumulate"])
def test_a_minimised_set_still_closes(unit: str) -> None:
    """Every bin that was closed is; of the vectors a small part is left; bins about two rows in a row keep both."""
    sets = stimuli_of(IOT, unit, "directed")
    few = minimise(coverage_of(IOT, unit), sets, RUN)
    assert open_bins(unit, few) == set()
    assert sum(found.vectors for found in few) < 0.6 * sum(found.vectors for found in sets)
    assert {found.name for found in few} <= {found.name for found in sets}
