"""Accuracy tables and figures from rows made by hand."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from xml.etree import ElementTree

import pytest
from shared_data import ROOT

from bittrue.reports.accuracy_data import Accuracy, AccuracyRow, Arithmetic, Figures, Interval, Ordering
from bittrue.reports.accuracy_figures import accuracy_figure, figure_name
from bittrue.reports.accuracy_tables import (
    COMMAND,
    METRICS,
    all_tables,
    csv_text,
    document,
    grid,
    page_text,
    table_names,
)
from bittrue.reports.page_tables import begin, check_markers, with_tables
from bittrue.spec.errors import BadInput


def row(
    model: str,
    method: str,
    sqnr_db: float | None,
    *,
    seed: int = 0,
    bits: int = 8,
    images: int = 100,
    table: str = "2",
    arithmetic: Arithmetic = "integer",
    step: str = "",
) -> AccuracyRow:
    """One case; refused where it has no SQNR."""
    found = None if sqnr_db is None else Figures(images, sqnr_db, 0.9, 0.01, 0.8, 0.78, 12.0, 2_000_000_000, 3.0)
    refused = "" if found else "step a: too | wide"
    return AccuracyRow(
        table,
        arithmetic,
        model,
        method,
        step,
        bits,
        bits,
        False,
        8,
        seed,
        32,
        images,
        "iot_npu",
        "k",
        "m",
        found,
        refused,
    )


ROWS = (
    row("x", "mse", 20.0, images=50),
    row("x", "best", 30.0),
    row("y", "mse", None, images=50),
    row("y", "best", 40.0),
    row("x", "best", 32.0, seed=1),
    row("y", "best", 44.0, seed=1),
    row("x", "best", 11.5, bits=6),
)
PAIR = Ordering(
    "2", "integer", "x", "W8A8", 8, 0, 50, "best", "mse", Interval(10.0, 9.5, 10.5), Interval(-1.0, -2.0, 1.0)
)
ACCURACY = Accuracy(ROWS, (PAIR,))


def test_a_grid_has_a_line_a_method_and_a_column_a_model() -> None:
    """Mean and sample deviation over seeds; a refused case says so, a missing one is a dash, and neither has a mean."""
    found = grid(ROWS, "sqnr", "T")
    assert found.columns == ("bits", "residual", "method", "x", "y", "mean", "seeds", "images")
    assert found.lines == (
        ("W8A8", "8", "mse", "20.00", "refused", "-", "1", "50"),
        # Seeds: (30 + 40) / 2 and (32 + 44) / 2.
        ("W8A8", "8", "best", "31.00 ± 1.41", "42.00 ± 2.83", "36.50 ± 2.12", "2", "100"),
        ("W6A6", "8", "best", "11.50", "-", "-", "1", "100"),
    )
    assert found.title == "T: SQNR of the logits, dB"


def test_other_metrics() -> None:
    """Shares become percent, drops points; top-1 has the float model's line in front."""
    rows = (row("x", "mse", 20.0),)
    cells = {name: grid(rows, name, "T").lines[-1][3] for name in METRICS}
    assert cells == {
        "agreement": "90.00",
        "sqnr": "20.00",
        "kl": "0.01",
        "top1": "78.00",
        "drop": "2.00",
        "calibration": "12.0",
        "memory": "2.00",
    }
    assert grid(rows, "top1", "T").lines[0] == ("float", "-", "-", "80.00", "-", "100")


def test_a_partially_quantized_line_says_so() -> None:
    """In the title of its table, and it has no residual bits."""
    accuracy = Accuracy((row("x", "mse", 20.0, table="1", arithmetic="partial"),), ())
    found = all_tables(accuracy)["table 1, sqnr"]
    assert "partially quantized" in found.title
    assert found.lines[0][1] == "float"


def test_an_ablation_names_its_steps() -> None:
    """And its two ways of measuring are two tables."""
    rows = tuple(
        row("x", "q-hyvit", 20.0, table="3", arithmetic=arithmetic, step=step)
        for step in ("none", "+bridge")
        for arithmetic in ("partial", "integer")
    )
    found = all_tables(Accuracy(rows, ()))
    for name in ("table 3 partially quantized, sqnr", "table 3 integers, sqnr"):
        assert [line[2] for line in found[name].lines] == ["q-hyvit none", "q-hyvit +bridge"]
    pair = replace(PAIR, table="3", first="q-hyvit +bridge", second="q-hyvit none")
    (line,) = all_tables(Accuracy(rows, (pair,)))["table 3 integers, orderings"].lines
    assert line[5] == "+bridge - none"


def test_orderings_say_what_their_intervals_allow() -> None:
    """Ahead where the interval lies above 0, unclear where it holds 0."""
    (line,) = all_tables(ACCURACY)["table 2, orderings"].lines
    assert line[-5:] == (
        "best - mse", "+10.00 [+9.50, +10.50]", "ahead", "-1.00 [-2.00, +1.00]", "unclear",
    )  # fmt: skip


def test_refusals_are_listed_once() -> None:
    """With their reason, whose bars do not end a cell of Markdown."""
    found = all_tables(ACCURACY)["refused"]
    assert [line[-1] for line in found.lines] == ["step a: too | wide"]
    assert "too \\| wide |" in page_text(found)
    assert page_text(all_tables(Accuracy(ROWS[:2], ()))["refused"]) == "None.\n"


def test_a_page_gets_the_tables_between_its_markers() -> None:
    """Each in its place, the rest as it was; a page that lacks one is refused."""
    made = {name: page_text(table) for name, table in all_tables(ACCURACY).items()}
    names = table_names({("2", "integer")})
    assert set(names) == set(made)
    page = "top\n" + "".join(f"{begin(COMMAND, name)}OUTDATED\n<!-- end of table -->\nafter {name}\n" for name in names)
    check_markers(page, COMMAND, names, "page")
    text = with_tables(page, COMMAND, made)
    assert text.startswith("top\n") and "OUTDATED" not in text and text.count("after ") == len(names)
    inside = text.partition(begin(COMMAND, "table 2, sqnr"))[2].partition("<!-- end")[0]
    assert inside == made["table 2, sqnr"] and "| 31.00 ± 1.41 |" in inside
    assert with_tables(text, COMMAND, made) == text
    with pytest.raises(BadInput, match="markers") as missing:
        check_markers(page.replace("table 2, kl", "table 2, k"), COMMAND, names, "page")
    assert "table 2, kl" in str(missing.value)


def test_the_file_has_every_table() -> None:
    """With its title as a heading."""
    text = document(ACCURACY)
    assert all(f"## {table.title}\n" in text for table in all_tables(ACCURACY).values())


def test_csv_has_a_line_a_case() -> None:
    """Figures and refusals in the same columns; of an ordering both intervals."""
    rows = list(csv.DictReader(io.StringIO(csv_text([each.record() for each in ROWS]))))
    assert len(rows) == len(ROWS)
    assert (rows[0]["bits"], rows[0]["sqnr_db"], rows[0]["images"], rows[0]["refused"]) == ("W8A8", "20.0", "50", "")
    assert (rows[2]["sqnr_db"], rows[2]["refused"], rows[2]["images"]) == ("", "step a: too | wide", "50")
    (pair,) = csv.DictReader(io.StringIO(csv_text([PAIR.record()])))
    assert (pair["sqnr_db_low"], pair["agreement_points_high"]) == ("9.5", "1.0")
    assert csv_text([]) == ""


@pytest.mark.parametrize("metric", ["sqnr", "agreement"])
def test_a_figure_has_a_panel_a_model_and_a_name_a_method(metric: str) -> None:
    """Valid SVG, equal for equal rows; refused and missing cases leave a gap; a table of refusals is still a figure."""
    text = accuracy_figure(ACCURACY, "2", "integer", metric)
    ElementTree.fromstring(text)
    words = ElementTree.fromstring(text).itertext()
    assert {"x", "y", "mse", "best", "W8A8", "W6A6"} <= {word.strip() for word in words}
    assert accuracy_figure(ACCURACY, "2", "integer", metric) == text
    other = Accuracy((*ROWS[:1], row("x", "best", 31.0), *ROWS[2:]), ())
    assert metric == "agreement" or accuracy_figure(other, "2", "integer", metric) != text
    ElementTree.fromstring(accuracy_figure(Accuracy((ROWS[2],), ()), "2", "integer", metric))
    assert figure_name("3", "partial", metric) != figure_name("3", "integer", metric)


def test_the_documentation_has_a_place_for_every_table() -> None:
    """docs/accuracy.md can be filled by the command, whatever it measures."""
    names = table_names({("1", "partial"), ("2", "integer"), ("3", "partial"), ("3", "integer")})
    check_markers((ROOT / "docs" / "accuracy.md").read_text(encoding="utf-8"), COMMAND, names, "docs/accuracy.md")
