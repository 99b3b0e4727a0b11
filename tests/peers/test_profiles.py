"""Profiles say what the runtimes and the RTL say that they are named after: `make profiles` at a smaller size."""

from __future__ import annotations

import pytest
from peers.cases import comparisons
from peers.comparison import Comparison
from peers.ours import By
from peers.table import BEGIN, END
from shared_data import ROOT

from bittrue.hw_configs.load import names

TRIALS: dict[By, int] = {"simulator": 8, "reference": 1}
LINES = comparisons()
CASES = [pytest.param(by, line, id=f"{by}-{line.name}") for by in TRIALS for line in comparisons(by) if not line.cause]
DOCUMENT = ROOT / "docs" / "profiles.md"


@pytest.mark.parametrize("by, line", CASES)
def test_no_element_differs(by: By, line: Comparison) -> None:
    """Every element of every trial, where no cause is documented, by the simulator and by the reference."""
    count = line.count(min(line.trials, TRIALS[by]))
    assert count.elements > 0
    assert count.mismatches == 0, count


def test_lines_have_names_of_their_own() -> None:
    """Cases are drawn from the name: two lines of one name would be one test."""
    found = [(line.profile, line.op, line.peer) for line in LINES]
    assert len(set(found)) == len(found)


def test_the_document_holds_every_line() -> None:
    """docs/profiles.md was made with the lines that are compared now; `make profiles` makes it again."""
    table = DOCUMENT.read_text().partition(BEGIN)[2].partition(END)[0]
    rows = [tuple(cell.strip() for cell in row.split("|")[1:-1]) for row in table.splitlines()[2:]]
    assert [(row[0], row[1], row[4]) for row in rows] == [(f"`{line.profile}`", line.op, line.peer) for line in LINES]
    for row, line in zip(rows, LINES, strict=True):
        assert (row[3] == "0") == (not line.cause), row


def test_the_document_speaks_of_every_profile() -> None:
    """A profile stands in the table, or among those whose formulas alone are the contract."""
    text = DOCUMENT.read_text()
    assert [name for name in names("datapaths") if f"`{name}`" not in text] == []
