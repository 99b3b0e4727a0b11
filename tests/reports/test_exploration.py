"""Reports of a study: Pareto set, sensitivities, sentences, schedule and page, on rows written by hand."""

from __future__ import annotations

import dataclasses
import itertools
import re
from collections.abc import Mapping

import pytest

from bittrue.exploration.sweep import FigureSection, FindingSection
from bittrue.reports.exploration_data import KnobAxis, PointRow, Session, StudyData
from bittrue.reports.exploration_figures import study_figure
from bittrue.reports.exploration_findings import findings
from bittrue.reports.exploration_page import study_page
from bittrue.reports.exploration_sensitivity import sensitivities
from bittrue.reports.exploration_tables import csv_text, makespan_s, records, ruled_out_table

BITS = KnobAxis("datapath.mac.accumulator_bits", (16, 20, 24), True, 4)
RULE = KnobAxis("datapath.mac.overflow", ("wrap", "saturate"), False, None)
AGREEMENT = {(16, "wrap"): 0.1, (20, "wrap"): 0.7, (24, "wrap"): 1.0}
AGREEMENT |= {(16, "saturate"): 0.2, (20, "saturate"): 0.995, (24, "saturate"): 1.0}


def row(bits: int, rule: str, **changes: object) -> PointRow:
    """Energy is 10 uJ a bit."""
    figures = {"agreement": AGREEMENT[bits, rule], "energy_uj": 10.0 * bits}
    found = PointRow(
        f"{bits}{rule}" * 3,
        {BITS.name: bits, RULE.name: rule},
        "done",
        figures,
        "",
        {"price": 1.0, "simulate": 2.0},
        "",
    )
    return dataclasses.replace(found, **changes)  # type: ignore[arg-type]


def study(rows: tuple[PointRow, ...] | None = None, **changes: object) -> StudyData:
    """All six points."""
    if rows is None:
        rows = tuple(row(bits, rule) for bits, rule in itertools.product((16, 20, 24), ("wrap", "saturate")))
    found = StudyData(
        name="small", title="How <wide>?", command="bittrue explore 'a b.toml'", axes=(BITS, RULE),
        objectives={"agreement": "max", "energy_uj": "min"}, constraints={}, rows=rows, images=200, subject="small",
        sessions=(Session("2026-01-01T00:00:00+00:00", 2, 6, 36.0),), base={BITS.name: 24, RULE.name: "wrap"}, total=6,
    )  # fmt: skip
    return dataclasses.replace(found, **changes)  # type: ignore[arg-type]


def designs(rows: tuple[PointRow, ...]) -> list[tuple[object, ...]]:
    return [tuple(each.knobs.values()) for each in rows]


def test_pareto_set_by_hand() -> None:
    """Wrap at 16 and 20 bits is beaten by saturation at the same energy; of two equal points the first stands."""
    assert designs(study().pareto()) == [(24, "wrap"), (20, "saturate"), (16, "saturate")]


def test_pareto_set_agrees_with_the_definition() -> None:
    """A row is in the set if and only if no other is at least as good in both figures and better in one."""
    figures = list(itertools.product((1.0, 2.0, 3.0), repeat=2))
    for chosen in itertools.combinations(figures, 4):
        rows = tuple(
            row(16, "wrap", digest=str(index), figures={"agreement": a, "energy_uj": e})
            for index, (a, e) in enumerate(chosen)
        )
        beaten = {
            first.digest
            for first, second in itertools.permutations(rows, 2)
            if second.figures["agreement"] >= first.figures["agreement"]
            and second.figures["energy_uj"] <= first.figures["energy_uj"]
        }
        assert {each.digest for each in study(rows).pareto()} == {each.digest for each in rows} - beaten


def test_constraints_and_refusals_leave_the_set() -> None:
    """What breaks a constraint, what was ruled out and what raised is in no Pareto set."""
    limited = study(constraints={"energy_uj": (None, 210.0)})
    assert designs(limited.pareto()) == [(20, "saturate"), (16, "saturate")]
    broken = study((row(24, "wrap", state="error"), row(20, "saturate", state="ruled_out"), row(16, "wrap")))
    assert designs(broken.pareto()) == [(16, "wrap")]


def test_sensitivity_by_hand() -> None:
    """24 to 20 bits: wrap loses 0.3, saturation 0.005, in the mean 0.1525 over two pairs; 40 uJ saved."""
    found = {(each.before, each.after, each.figure): each for each in sensitivities(study())}
    step = found[24, 20, "agreement"]
    assert (round(step.change, 6), round(step.least, 6), round(step.most, 6), step.pairs) == (-0.1525, -0.3, -0.005, 2)
    assert found[24, 20, "energy_uj"].change == -40.0
    assert found["wrap", "saturate", "energy_uj"].change == 0.0


def test_without_pairs_a_line_is_fitted() -> None:
    """Energy 10 uJ a bit, whatever the rule: the fitted step from 24 to 23 bits saves 10, and says so."""
    axis = KnobAxis(BITS.name, tuple(range(16, 25)), True, 1)
    rows = tuple(
        row(16, "wrap", knobs={BITS.name: bits, RULE.name: rule}, figures={"agreement": 1.0, "energy_uj": 10.0 * bits})
        for bits, rule in ((16, "wrap"), (18, "saturate"), (20, "wrap"), (22, "saturate"), (24, "wrap"), (17, "wrap"))
    )
    apart = tuple(each for each in rows if each.knobs[BITS.name] != 17)
    found = sensitivities(study((*apart, rows[0]), axes=(axis, RULE)))
    energy = next(each for each in found if each.figure == "energy_uj" and each.knob == BITS.name)
    assert (energy.before, energy.after, energy.pairs) == (24, 23, 0)
    assert abs(energy.change + 10.0) < 1e-6


FINDINGS: Mapping[str, tuple[dict[str, object], str]] = {
    "narrowest": (
        {"knob": BITS.name, "figure": "agreement", "within": 0.01, "by": RULE.name},
        "mac.overflow saturate: mac.accumulator_bits 20 is the least that loses at most 1 points of agreement "
        "against 24 (99.5 % against 100.0 % on 200 images); 16 gives 20.0 %.",
    ),
    "cheapest": (
        {"cost": "energy_uj", "figure": "agreement", "within": 0.01},
        "of 3 designs within 1 points of the best agreement (100.0 % on 200 images), mac.accumulator_bits 20, "
        "mac.overflow saturate has the best energy_uj: 200 uJ, agreement 99.5 %; the design that the study starts from "
        "has 240 uJ (-16.7 % from there) and agreement 100.0 %.",
    ),
    "budget": (
        {"cost": "energy_uj", "figure": "agreement", "shares": (0.9,)},
        "with 90 % of the energy_uj of the base design (240 uJ) the best agreement is 99.5 % on 200 images against "
        "100.0 %: mac.accumulator_bits 20, mac.overflow saturate.",
    ),
}


@pytest.mark.parametrize("kind", FINDINGS)
def test_sentences_say_the_rows(kind: str) -> None:
    """Word for word; and nothing before every point is there."""
    fields, sentence = FINDINGS[kind]
    asked = FindingSection.model_validate({"kind": kind, **fields})
    assert sentence in findings(study(), [asked])
    assert findings(study(study().rows[:5]), [asked]) == ()


def test_a_group_without_designs_says_why() -> None:
    """By the reason that most of its points give."""
    rows = tuple(
        row(bits, rule, state="ruled_out", figures={}, reason="step x: no such unit")
        if rule == "saturate"
        else row(bits, rule)
        for bits, rule in itertools.product((16, 20, 24), ("wrap", "saturate"))
    )
    asked = FindingSection(kind="cheapest", cost="agreement", by=RULE.name)
    said = findings(study(rows), [asked])
    assert said[1] == "mac.overflow saturate: none of 3 designs is possible: step x: no such unit."


def test_a_width_below_a_failing_one_is_not_enough() -> None:
    """20 bits fall short, 16 by chance do not: 24 is the least."""
    figures = {"agreement": 1.0, "energy_uj": 1.0}
    lucky = tuple(row(16, each.knobs[RULE.name], figures=figures) if each.knobs[BITS.name] == 16 else each  # type: ignore[arg-type]
                  for each in study().rows)  # fmt: skip
    asked = FindingSection(kind="narrowest", knob=BITS.name, figure="agreement", within=0.01, by=RULE.name)
    assert "accumulator_bits 24 is the least" in findings(study(lucky), [asked])[0]


def test_schedule_by_hand() -> None:
    """Jobs of 3, 1, 1, 1 s: one worker takes 6 s, two take 3, more cannot take less than the longest."""
    assert [makespan_s([3.0, 1.0, 1.0, 1.0], workers) for workers in (1, 2, 8)] == [6.0, 3.0, 3.0]


def test_records_have_one_shape() -> None:
    """Points without figures have the same columns, empty."""
    found = records(study((row(16, "wrap"), row(20, "wrap", state="error", figures={}, reason="x, y"))))
    assert found[0].keys() == found[1].keys() and found[1]["energy_uj"] is None
    assert csv_text(found).splitlines()[0].startswith("digest,state,pareto")


def test_reasons_are_counted_together() -> None:
    """Points that break one constraint by different values are one line."""
    rows = tuple(
        row(bits, "wrap", state="ruled_out", reason=f"constraint: energy_uj is {bits}, allowed at most 5")
        for bits in (16, 20)
    )
    assert ruled_out_table(study(rows)).lines == (("ruled out", "constraint: energy_uj allowed at most 5", "2"),)


def test_the_page_stands_alone() -> None:
    """No address is loaded from, the title is escaped, a click has a command, equal data give equal bytes."""
    data = study()
    page = study_page(data, ("So it is.",), sensitivities(data))
    assert page == study_page(data, ("So it is.",), sensitivities(data))
    outside = [
        tag for tag in re.findall(r"<(?:script|link|img|iframe)\b[^>]*>", page) if re.search(r"\b(src|href)\s*=", tag)
    ]
    assert not outside
    assert "How &lt;wide&gt;?" in page and "How <wide>" not in page
    assert "plotly_click" in page and "explore 'a b.toml'" in page and '--point "' in page
    assert "16wrap16wrap16wrap" in page and "So it is." in page


def test_figures_draw_knobs_and_figures() -> None:
    """Lines by colour and panel, equal bytes for equal data."""
    asked = FigureSection(x=BITS.name, y="agreement", colour=RULE.name)
    text = study_figure(study(), asked)
    assert text == study_figure(study(), asked) and "mac.overflow saturate" in text and text.count("<svg") == 1
    assert "energy_uj" in study_figure(study(), FigureSection(x="energy_uj", y="agreement", panel=RULE.name))
