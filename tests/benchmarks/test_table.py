"""The Markdown table and its place in a page."""

from __future__ import annotations

import dataclasses

import pytest
from benchmark_parts import MACHINE

from benchmarks.spread import Spread
from benchmarks.table import BEGIN, END, inserted, line, number, table
from benchmarks.verdicts import Result

RATIO = Result(
    "k", "ours / peer", "<= 0.5", "ratio", Spread(0.4567, 0.4, 0.5, 3), of_ms=10.04, to_ms=22.0, of="ours", to="peer",
    met=True,
)  # fmt: skip


def test_a_ratio_shows_median_quartiles_times_and_verdict() -> None:
    """In this order."""
    assert line(RATIO) == "| ours / peer | <= 0.5 | **0.457** [0.4 .. 0.5] | 10.0 / 22.0 | yes |\n"
    assert line(dataclasses.replace(RATIO, met=False)).endswith("| **no** |\n")
    chosen = dataclasses.replace(RATIO, goal="", met=None, best_of=2)
    assert line(chosen) == "| ours / peer | reported | **0.457** [0.4 .. 0.5] | 10.0 / 22.0 (ours) |  |\n"


def test_what_was_not_measured_says_why_in_one_cell() -> None:
    """Line ends and strokes would break the table."""
    missing = Result("k", "w", ">= 2", "ratio", None, missing="no peer:\n  a | b")
    assert line(missing) == "| w | >= 2 | not measured: no peer: a / b | | |\n"


def test_memory_has_no_time() -> None:
    """A time of one run would read as a result."""
    memory = dataclasses.replace(RATIO, measure="gigabytes", to_ms=None)
    assert line(memory).split("|")[4].strip() == ""


@pytest.mark.parametrize(
    "value, text",
    [(0.01234, "0.0123"), (1.0, "1"), (9.999, "10"), (25.04, "25"), (512.4, "512"), (7512.0, "7,510"), (1e-5, "0")],
)
def test_numbers_have_three_digits_and_no_exponent(value: float, text: str) -> None:
    """Thousands are grouped."""
    assert number(value) == text


def test_the_table_names_machine_rounds_and_disturbance() -> None:
    """Below the rows."""
    made = table([RATIO], MACHINE, 7, 0.25)
    assert "over 7 interleaved rounds, 25% of the measurements disturbed. a processor, 2 cores, avx2, 16 GB" in made
    assert made.count("\n| ours") == 1


def test_only_what_stands_between_the_markers_is_replaced() -> None:
    """Twice is the same as once."""
    page = f"before\n{BEGIN}old\n{END}after\n"
    once = inserted(page, "new\n", "page")
    assert once == f"before\n{BEGIN}new\n{END}after\n"
    assert inserted(once, "new\n", "page") == once


@pytest.mark.parametrize("page", ["", BEGIN, f"{END}{BEGIN}"])
def test_a_page_without_markers_is_refused(page: str) -> None:
    """By name."""
    with pytest.raises(SystemExit, match=r"README\.md lacks the lines"):
        inserted(page, "new\n", "README.md")
