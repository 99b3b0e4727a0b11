"""The second command: which points there are, and the plot."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import scaling
from benchmarks.scaling_plot import Point, plot
from benchmarks.spread import Spread


def test_each_point_is_measured_once() -> None:
    """A model at 256 with batch 1 belongs to both panels."""
    every = scaling.contestants(["mobilevit_xxs", "mobilevit_s"], [128, 256], [1, 64])
    found = sorted((each.network.model, each.network.side, each.batch) for each in every)
    places = ((128, 1), (256, 1), (256, 64))
    assert found == [(model, *place) for model in ("mobilevit_s", "mobilevit_xxs") for place in places]
    assert len({each.name for each in every}) == len(every)


@pytest.mark.parametrize("arguments", [["--sides", "100"], ["--batches", "65"], ["--models", "resnet18"]])
def test_points_that_do_not_exist_are_refused(arguments: list[str]) -> None:
    """Before anything is prepared."""
    with pytest.raises(SystemExit, match="2"):
        scaling.main(arguments)


def test_the_plot_is_a_png(tmp_path: Path) -> None:
    """Of whatever points there are, a single one too."""
    points = [
        Point("mobilevit_xxs", side, batch, side * 1000, Spread(10.0 * side, 9.0 * side, 12.0 * side, 3))
        for side, batch in ((128, 1), (256, 1), (256, 64))
    ]
    for some in (points, points[:1]):
        path = tmp_path / f"{len(some)}.png"
        plot(some, "a machine", path, side=256, batch=1)
        assert path.read_bytes().startswith(b"\x89PNG")
