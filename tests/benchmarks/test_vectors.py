"""The table of `make bench-vectors`: rates, goals, and its place in the page."""

from __future__ import annotations

from benchmarks.vectors import BEGIN, END, PAGE, Measured


def test_a_row_shows_rate_spread_time_and_verdict() -> None:
    """Median first, then the slowest and the fastest round; the goal is 20 MB/s."""
    fast = Measured("`bittrue check`", (10.0, 5.0, 20.0), (9.0, 4.0, 8.0), 123.4)
    assert fast.line(400.0) == "| `bittrue check` | >= 20 | **40** [20 .. 80] | 10.0 | 8.0 | 123 | yes |\n"
    assert fast.line(100.0).endswith("| **no** |\n")


def test_the_page_has_a_place_for_the_table() -> None:
    """docs/vectors.md has both markers, once each and in order."""
    text = PAGE.read_text()
    assert text.count(BEGIN) == text.count(END) == 1 and text.index(BEGIN) < text.index(END)
