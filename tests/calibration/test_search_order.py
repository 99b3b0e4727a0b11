"""The search looks at fewer candidates, and at fewer choices twice, without choosing otherwise."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from small_models import PREPROCESSING, pictures, small_graph

from bittrue.calibration.calibrate import calibrate_graph
from bittrue.calibration.options import CalibrationOptions
from bittrue.calibration.plan import QuantPlan
from bittrue.calibration.quantize import Range, towards_widest
from bittrue.calibration.reconstruction.candidates import STEPS, lowest
from bittrue.calibration.reconstruction.search import Search
from bittrue.calibration.reconstruction.settled import Settled


def plan() -> QuantPlan:
    """Of the small model, on its pictures."""
    options = CalibrationOptions(method="q-hyvit")
    return calibrate_graph(small_graph(), pictures(6), PREPROCESSING, options, {"made": "test"})


def test_one_minimum_is_found_wherever_it_is() -> None:
    """100 rows side by side, each with its minimum elsewhere: all found, with at most 19 looks at each."""
    wanted = np.arange(STEPS)
    looks = []

    def errors(index: NDArray[np.int64]) -> NDArray[np.float64]:
        looks.append(index)
        return np.abs(index - wanted) ** 1.5

    best, tied = lowest(errors, STEPS)
    assert np.array_equal(best, wanted)
    assert not tied
    assert len(looks) == 19


def test_a_tie_of_all_candidates_is_told() -> None:
    """A layer whose output nobody's error depends on."""
    best, tied = lowest(lambda index: np.zeros(len(index)))
    assert tied
    assert best.tolist() == [STEPS - 1]


def test_what_is_settled_changes_with_what_it_was_chosen_by() -> None:
    """Nothing is settled at first; afterwards until one of its nodes changes, and each question for itself."""
    settled = Settled()
    assert not settled("scale", "x", ["a", "b"])
    settled.settle("scale", "x", ["a", "b"])
    assert settled("scale", "x", ["a", "b"])
    assert not settled("kind", "x", ["a", "b"])
    settled.change(["c"])
    assert settled("scale", "x", ["a", "b"])
    settled.change(["b"])
    assert not settled("scale", "x", ["a", "b"])


def test_settled_choices_would_be_the_same_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Asking every time gives the same plan, and takes more errors."""
    counts = {"errors": 0}
    site_error = Search.site_error

    def counting(self: Search, *args: object) -> float:
        counts["errors"] += 1
        return site_error(self, *args)  # type: ignore[arg-type]

    monkeypatch.setattr(Search, "site_error", counting)
    quick, few = plan(), counts["errors"]
    monkeypatch.setattr(Settled, "__call__", lambda self, what, name, nodes: False)
    counts["errors"] = 0
    thorough = plan()
    assert quick.tensors == thorough.tensors
    assert quick.weights == thorough.weights
    assert few < counts["errors"]


def test_granularity_between_a_layer_and_a_channel() -> None:
    """Halfway, a channel of a sixteenth of the widest span gets a quarter of it; the widest and a dead one stay."""
    ranges = [Range(-1.0, 15.0), Range(-0.25, 0.75), Range(2.0, 2.0)]
    assert towards_widest(ranges, 0.5) == [Range(-1.0, 15.0), Range(-1.0, 3.0), Range(2.0, 2.0)]
    assert towards_widest(ranges, 1.0) == ranges
