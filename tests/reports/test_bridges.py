"""Tables, sentences, figures and page sections of bridge activations from values made by hand."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
from shared_data import ROOT

from bittrue.reports.accuracy_data import AccuracyRow, Figures, Interval, Ordering
from bittrue.reports.accuracy_tables import csv_text
from bittrue.reports.bridge_data import (
    PARTS,
    QUANTIZERS,
    Activation,
    Bridges,
    Channel,
    ChosenScheme,
    Fit,
    Histogram,
    Overflow,
    ZeroPointRow,
)
from bittrue.reports.bridge_figures import all_figures, figures_of
from bittrue.reports.bridge_findings import findings
from bittrue.reports.bridge_page import sections
from bittrue.reports.bridge_tables import COMMAND, SECTIONS, TOPICS, document, tables_of
from bittrue.reports.page_tables import check_markers


def fits(*, clamped: float = 30.0) -> dict[str, Fit]:
    """26 dB layer-wise, 34.31 channel-wise: the paper's example."""
    values = {"layer": 26.0, "channel": 34.31, "channel clamped": clamped}
    return {name: Fit(values.get(name, 25.0), 0.01 if name == "channel clamped" else 0.0) for name in QUANTIZERS}


def channel(index: int, low: float, high: float, zero_point: int) -> Channel:
    """One channel."""
    return Channel(index, low, low + 0.1, low + 0.2, low + 0.3, high, zero_point, fits(), fits())


ACTIVATION = Activation(
    "m", "stages.2.1.qkv", "in", "stages.2.1.norm", "layer_norm", False, True, -1.0, 5.55, -89,
    fits(clamped=12.5), fits(), (channel(0, -1.0, 1.55, -28), channel(1, 3.0, 5.55, -428)),
)  # fmt: skip
HISTOGRAMS = (
    Histogram("m", "stages.2.1.norm", None, np.linspace(-1, 6, 4), np.array([3, 2, 1]), {
        "layer": np.array([2, 3, 1]), "channel": np.array([3, 2, 1])}),
    Histogram("m", "stages.2.1.norm", 1, np.linspace(2, 6, 4), np.array([0, 2, 1]), {
        "layer": np.array([0, 3, 0]), "channel": np.array([0, 2, 1])}),
)  # fmt: skip
CLAMPED = replace(HISTOGRAMS[1], quantized={"channel": np.array([0, 2, 1]), "channel clamped": np.array([3, 0, 0])})


def row(table: str, step: str, sqnr_db: float, *, seed: int = 0) -> AccuracyRow:
    """One network."""
    found = Figures(100, sqnr_db, 0.9, 0.01, 0.8, 0.78, 12.0, None, 3.0)
    return AccuracyRow(
        table, "integer", "m", "minmax", step, 8, 8, False, 8, seed, 32, 100, "d", f"{step}{seed}", "x", found, ""
    )


def pair(table: str, first: str, second: str, db: float, *, seed: int = 0) -> Ordering:
    """A judgement."""
    sqnr, agreement = Interval(db, db - 0.5, db + 0.5), Interval(0.0, -1.0, 1.0)
    return Ordering(table, "integer", "m", "W8A8", 8, seed, 100, f"minmax {first}", f"minmax {second}", sqnr, agreement)


PAST = Overflow({"a": 2, "b": 3, "c": 4}, ("b", "c"))
FOUND = Bridges(
    PARTS,
    32,
    64,
    activations=(ACTIVATION,),
    granularity=HISTOGRAMS,
    overflow=(CLAMPED,),
    zero_points=(
        ZeroPointRow(
            "minmax, a scale a channel",
            "wide",
            PAST,
            row("zero points", "wide", 30.0),
        ),
        ZeroPointRow(
            "minmax, a scale a channel",
            "clamped",
            PAST,
            row("zero points", "clamped", 20.0),
        ),
    ),
    zero_point_orderings=(pair("minmax, a scale a channel", "clamped", "wide", -10.0),),
    schemes=tuple(row("bridge scheme", s, d, seed=n) for n in (0, 1) for s, d in (("symmetric", 25), ("searched", 28))),
    scheme_orderings=tuple(pair("bridge scheme", "searched", "symmetric", 3.0 * n, seed=n) for n in (0, 1)),
    chosen=(ChosenScheme("m", "W8A8", "stages.2.1.norm", ("symmetric", "asymmetric"), (True, True)),),
)


def test_a_channel_overflows_where_its_zero_point_is_no_code() -> None:
    """-428 is past -128; -128 and 127 are codes."""
    assert [each.overflows for each in ACTIVATION.channels] == [False, True] and not ACTIVATION.overflows
    ends = [channel(0, 0.0, 1.0, zero).overflows for zero in (-129, -128, 127, 128)]
    assert ends == [True, False, False, True]


def test_tables_by_topic() -> None:
    """A table a model, in the order of the page."""
    found = tables_of(FOUND)
    assert list(found) == list(TOPICS)
    (ranges,), (granularity,), (zero_points,), (networks,) = (found[topic] for topic in list(TOPICS)[:4])
    assert ranges.lines == (("stages.2.1.norm", "in", "layer_norm", "2", "-1", "5.55", "2.55", "1.0"),)
    assert granularity.lines[0][:8] == ("stages.2.1.norm", "yes", *("26.00", "34.31", "+8.31") * 2)
    expected = ("no", "-89", "26.00", "25.00", "1 of 2", "-428", "34.31", "12.50", "25.00", "0.00 %", "1.00 %")
    assert zero_points.lines[0][1:] == expected
    assert networks.lines[0] == (
        "minmax, a scale a channel", "wide", "3 (2)", "9 (7)", "30.00", "-", "-", "90.00",
    )  # fmt: skip
    assert networks.lines[1][4:] == ("20.00", "-10.00 [-10.50, -9.50]", "behind", "90.00")
    assert found["schemes"][0].lines[0][2:4] == ("minmax symmetric", "25.00 ± 0.00")
    assert found["schemes"][-2].lines[1][5:8] == ("searched - symmetric", "+3.00 [+2.50, +3.50]", "ahead")
    assert found["schemes"][-1].lines == (("m", "W8A8", "stages.2.1.norm", "1 of 2", "2 of 2"),)
    assert "## m: ranges of bridge activations\n" in document(FOUND)
    assert not any(tables_of(Bridges(PARTS, 32, 64)).values())


def test_sentences_say_the_tables_numbers() -> None:
    """Of each topic; and that nothing was measured where nothing was."""
    found = {topic: " ".join(text) for topic, text in findings(FOUND).items()}
    assert "1.0 times" in found["ranges"] and "1 of them have channels" in found["ranges"]
    assert "+8.31 dB" in found["granularity"] and "26.00 to 34.31 dB" in found["granularity"]
    for part in ("none of 1 bridge", "1 of 2 channels", "-428", "34.31 to 12.50 dB", "1.00 % of the values"):
        assert part in found["zero points"]
    assert "9 zero points are no codes, 7 of them of bridge activations (`a`, `b`, `c`)" in found["end to end"]
    assert "30.00 dB (100 images); clamped -10.00 [-10.50, -9.50] dB (behind)" in found["end to end"]
    assert "symmetric 25.00 dB and 90.00 % agreement, searched 28.00 dB" in found["schemes"]
    assert "searched is +1.50 dB from symmetric: ahead in 1, unclear in 1." in found["schemes"]
    assert "1 of 2 bridge activations symmetric" in found["schemes"]
    assert set(findings(Bridges(PARTS, 32, 64)).values()) == {("Not measured.",)}


def test_figures_are_valid_and_equal_for_equal_values() -> None:
    """One file a figure, each linked from the page; words of the data stand in them."""
    made = all_figures(FOUND)
    linked = [name for names in figures_of(FOUND).values() for name in names]
    assert list(made) == linked and len(made) == 8
    for text in made.values():
        ElementTree.fromstring(text)
    words = {word.strip() for word in ElementTree.fromstring(made["bridges_overflow_m.svg"]).itertext()}
    assert "stages.2.1.norm, channel 1: channel-wise, clamped zero point" in words
    assert all_figures(FOUND) == made
    other = replace(FOUND, activations=(replace(ACTIVATION, channels=ACTIVATION.channels[:1]),))
    assert all_figures(other)["bridges_ranges_m.svg"] != made["bridges_ranges_m.svg"]
    assert not all_figures(Bridges(PARTS, 32, 64))


def test_sections_are_those_of_the_parts_that_ran() -> None:
    """Figures, findings and tables of each topic; figures are linked from where the page stands."""
    made = sections(FOUND, Path("docs/figures"), Path("docs"))
    assert set(made) == set(SECTIONS)
    assert "](figures/bridges_ranges_m.svg)\n" in made["ranges, figures"]
    assert made["granularity, tables"].startswith("m: SQNR of 8-bit bridge activations, dB:\n\n| activation |")
    only = sections(replace(FOUND, parts=("schemes",)), Path("docs/figures"), Path("docs"))
    assert set(only) == {f"schemes, {part}" for part in ("figures", "findings", "tables")}


def test_csv_has_a_line_a_channel() -> None:
    """With every quantizer on seen and on new images."""
    rows = list(csv.DictReader(io.StringIO(csv_text(ACTIVATION.channel_records()))))
    assert [(each["index"], each["zero_point"], each["overflows"]) for each in rows] == [
        ("0", "-28", "False"), ("1", "-428", "True"),
    ]  # fmt: skip
    assert (rows[1]["channel_clamped_sqnr_db"], rows[1]["seen_layer_sqnr_db"]) == ("30.0", "26.0")
    record = ACTIVATION.record()
    assert (record["channels"], record["overflowing"], record["channel_clamped_sqnr_db"]) == (2, 1, 12.5)
    assert FOUND.zero_points[0].record()["overflowing_bridge_zero_points"] == 7


def test_the_documentation_has_a_place_for_every_section() -> None:
    """docs/bridges.md can be filled by the command."""
    check_markers((ROOT / "docs" / "bridges.md").read_text(encoding="utf-8"), COMMAND, SECTIONS, "docs/bridges.md")
