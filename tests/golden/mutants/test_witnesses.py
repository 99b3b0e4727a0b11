"""Witnesses on disk: sets of one shape and one load are one set, nothing is lost, and bytes are reproducible."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from bittrue.golden.mutants.witnesses import merged, read_witnesses, write_witnesses
from bittrue.spec.vectors import Stimuli


def softmax(rows: list[list[int]], first: int) -> Stimuli:
    return Stimuli("softmax", "any", "uniform", {"logits": np.array(rows)}, {"table": np.array([first, 1])})


def test_sets_that_fit_together_are_merged(tmp_path: Path) -> None:
    """Another table or another length of row is another set; order is kept."""
    sets = merged([softmax([[1, 2]], 9), softmax([[5, 6, 7]], 9), softmax([[3, 4], [1, 2]], 9), softmax([[8, 8]], 7)])
    assert [each.driven["logits"].tolist() for each in sets] == [[[1, 2], [3, 4], [1, 2]], [[5, 6, 7]], [[8, 8]]]
    assert [each.constants["table"].tolist() for each in sets] == [[9, 1], [9, 1], [7, 1]]
    for name in ("one", "two"):
        write_witnesses(tmp_path / name, sets)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()
    again = read_witnesses(tmp_path / "one")
    assert [(each.name, each.unit, each.kind) for each in again] == [
        (f"found_{i}", "softmax", "directed") for i in range(3)
    ]
    for one, other in zip(sets, again, strict=True):
        assert {k: v.tolist() for k, v in one.arrays.items()} == {k: v.tolist() for k, v in other.arrays.items()}
