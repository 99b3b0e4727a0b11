"""Tables, sentences and figures of the studies, from rows made by hand."""

from __future__ import annotations

import math
from dataclasses import replace
from xml.etree import ElementTree

import numpy as np
import pytest
from scipy import stats
from shared_data import ROOT

from bittrue.reports.accuracy_data import AccuracyRow, Figures, Interval
from bittrue.reports.page_tables import check_markers
from bittrue.reports.study import FOUND, StudyReport, interval, spread
from bittrue.reports.study_calibration_set import calibration_set_report
from bittrue.reports.study_perturbation import perturbation_report
from bittrue.reports.study_perturbation_data import BRIDGE, Estimated, PerturbationRow
from bittrue.reports.study_statistics import median, spearman
from bittrue.reports.study_synergy import synergy_report
from bittrue.reports.study_synergy_data import (
    COMBINATIONS,
    NONE,
    PARTS,
    RESPONSES,
    WHOLE,
    BlockGain,
    BlockTerms,
    Effects,
    Pair,
    Synergy,
    named,
)
from bittrue.workflow.bench_study import STUDIES, sections


def test_rank_correlation_is_scipys() -> None:
    """With ties, and NaN where one list is constant."""
    random = np.random.default_rng(1)
    x, y = random.integers(0, 6, 50), random.normal(size=50)
    assert spearman(x, y) == pytest.approx(stats.spearmanr(x, y).statistic)
    assert spearman([1, 2, 3], [10, 20, 40]) == pytest.approx(1.0)
    assert math.isnan(spearman([1, 1], [1, 2]))
    assert median([1.0, math.inf, 3.0]) == 2.0 and math.isnan(median([]))


def test_words() -> None:
    """Mean ± sample deviation, an interval; a missing value makes no mean."""
    assert spread([1.0, 3.0], 2) == "2.00 ± 1.41"
    assert (spread([1.0], 1), spread([1.0, None], 1), spread([], 1)) == ("1.0", "-", "-")
    assert interval(Interval(1.0, -0.5, 2.25)) == "+1.00 [-0.50, +2.25]"


def figures_are_svg(report: StudyReport, *words: str) -> None:
    """Each is well formed and says some words."""
    for text in report.figures.values():
        ElementTree.fromstring(text)
        assert all(word in text for word in words), words


# ------------------------------------------------------------------------------------------------------ calibration set


def calibrated(count: int, seed: int, sqnr_db: float, method: str = "mse") -> AccuracyRow:
    """One network."""
    found = Figures(100, sqnr_db, 0.9, 0.01, 0.8, 0.78, 1.0, None, 1.0)
    return AccuracyRow("", "integer", "x", method, "", 8, 8, False, 8, seed, count, 100, "iot_npu", "k", "m", found, "")


def test_more_calibration_images_are_judged_seed_by_seed() -> None:
    """Differences 2, 3, 4 dB: mean 3, standard error 1 / sqrt(3); 0, 0.1, -0.1 after that are unclear."""
    sqnr = {8: (20.0, 21.0, 22.0), 32: (22.0, 24.0, 26.0), 64: (22.0, 24.1, 25.9)}
    rows = [calibrated(count, seed, values[seed]) for count, values in sqnr.items() for seed in range(3)]
    report = calibration_set_report(rows)
    assert report.tables["steps"].lines == (
        ("x", "W8A8", "mse", "8 to 32", "+3.00", f"{1 / math.sqrt(3):.2f}", "better"),
        ("x", "W8A8", "mse", "32 to 64", "+0.00", f"{0.1 / math.sqrt(3):.2f}", "unclear"),
    )
    assert report.tables["sqnr"].lines[0] == ("W8A8", "mse", "8", "21.00 ± 1.00", "3", "100")
    (said,) = report.found
    assert "from 8 to 64" in said and "32 images are the fewest" in said and "from 1.00 to 1.95 dB" in said
    figures_are_svg(report, "W8A8 mse", "calibration images")


def test_one_seed_says_nothing_of_its_spread() -> None:
    """No standard error, and no claim; refused networks stand in the CSV alone."""
    rows = [calibrated(8, 0, 20.0), calibrated(32, 0, 25.0), replace(calibrated(64, 0, 0.0), figures=None)]
    report = calibration_set_report(rows)
    assert report.tables["steps"].lines[0][-2:] == ("nan", "one seed")
    assert "nothing can be said of its spread" in report.found[0]
    assert len(report.tables["sqnr"].lines) == 2 and len(report.records["calibration_set"]) == 3


# --------------------------------------------------------------------------------------------------------- perturbation


def perturbed(name: str, factor: float, diagonal: float, full: float, true: float, *kinds: str) -> PerturbationRow:
    """One tensor; its cross entropy falls by ten times the estimate."""
    found = Estimated(diagonal, full, true, 0.5, above_rounding=true > 1e-9)
    return PerturbationRow("x", "W8A8", name, kinds, factor, 4, found, found, 2 * diagonal, -10 * diagonal)


def test_estimates_by_kind_and_factor() -> None:
    """A weight whose off-diagonal terms hold nine tenths of the truth; what float32 alone does is left out."""
    rows = [
        perturbed(name, factor, share * true * factor**2, true * factor**2, true * factor**2, *kinds)
        for factor in (0.25, 1.0)
        for name, share, true, kinds in (
            ("a", 1.0, 1.0, ("conv input", BRIDGE)),
            ("b", 1.0, 2.0, ("matmul",)),
            ("c/weight", 0.1, 3.0, ("conv weight",)),
            ("d", 5.0, 1e-12, ("residual",)),
        )
    ]
    report = perturbation_report(rows)
    ratios = {line[2]: line[3:] for line in report.tables["kl, ratio"].lines}
    assert ratios["conv weight"] == ("1", "0.10 (1.00)", "0.10 (1.00)")
    assert ratios["all"] == ("3", "1.00 (1.00)", "1.00 (1.00)")
    assert set(ratios) == {"all", "conv input", "conv weight", "matmul", BRIDGE}
    ranks = {line[2]: line[5] for line in report.tables["kl, correlation"].lines}
    assert ranks["all"] == f"{stats.spearmanr([1.0, 2.0, 0.3], [1, 2, 3]).statistic:.2f}" and ranks["matmul"] == "-"
    assert report.tables["cross entropy"].lines[0][5] == "10 (100)"
    assert report.tables["drawn labels"].lines == (("x", "W8A8", "all", "3", "2.00", *["-0.50"] * 2),)
    said = report.found[0]
    assert "0.10 for weights and 1.00 for tensors" in said and "most wrong for conv weight (0.10)" in said
    assert "with off-diagonal terms it is 1.00 times at 1x, near 1 throughout" in said
    figures_are_svg(report, "conv weight", "KL divergence")
    assert ">0.25x<" in report.figures["study_perturbation_ratio.svg"], "coordinates are shortened, words are not"


def test_an_estimate_that_leaves_the_truth_is_named_by_its_factors() -> None:
    """A loss that saturates: the estimate is fourfold at 2x."""
    rows = [perturbed(str(i), f, f**2 * i, f**2 * i, i, "matmul") for f in (1.0, 2.0) for i in (1.0, 2.0, 3.0)]
    assert "off by more than 1.25 times at 2x" in perturbation_report(rows).found[0]


# -------------------------------------------------------------------------------------------------------------- synergy


def blocks() -> list[BlockTerms]:
    """One block under every plan: cross terms of a tenth of what is alone."""
    share = Interval(10.0, 8.0, 12.0)
    pairs = (Pair("a", "b/weight", 0.3), Pair("a", "c", -0.1))
    return [BlockTerms("x", "W8A8", c, "block", "in", 4, 2.0, 0.2, 2.3, share, pairs) for c in COMBINATIONS]


def synergy_of(excess: Interval) -> Synergy:
    """Of one model."""
    none = Interval(0.0, -1.0, 1.0)
    terms = {key: replace(none, difference=float(len(key))) for key in COMBINATIONS[1:]}
    effects = tuple(
        Effects("x", "W8A8", response, 1, 100, terms, terms, whole=none, parts=none, excess=excess)
        for response in RESPONSES
    )
    gains = tuple(
        BlockGain("x", "W8A8", part, dict.fromkeys(COMBINATIONS, 25.0), none, replace(none, difference=float(at)))
        for at, part in enumerate((*PARTS, "together"))
    )
    rows = tuple((c, replace(calibrated(8, 0, 20.0, "q-hyvit"), step=named(c))) for c in COMBINATIONS)
    return Synergy(rows, effects, tuple(blocks()), gains)


def test_the_eight_combinations_have_a_line_each() -> None:
    """From none to all, with their options' names."""
    report = synergy_report(synergy_of(Interval(0.0, -1.0, 1.0)))
    names = [line[1] for line in report.tables["sqnr"].lines]
    assert len(names) == 8 and names[0] == "none" and names[4] == "bridge + granularity" and names[-1] == "all"
    effects = report.tables["effects, sqnr"].lines
    assert [line[2] for line in effects][-4:] == [
        "bridge x granularity x scheme", "whole gain", "sum of the three alone", "whole less sum",
    ]  # fmt: skip
    figures_are_svg(report)


@pytest.mark.parametrize(
    ("excess", "said"),
    [
        (Interval(1.0, 0.5, 2.0), "the whole exceeds the sum of its parts"),
        (Interval(-1.0, -2.0, -0.5), "the whole falls short of the sum of its parts"),
        (Interval(1.0, -0.5, 2.0), "the whole cannot be told from the sum of its parts"),
    ],
)
def test_the_sentence_says_what_the_interval_allows(excess: Interval, said: str) -> None:
    """And names the largest interaction."""
    found = synergy_report(synergy_of(excess)).found[0]
    assert said in found and "largest interaction is bridge x granularity x scheme" in found


def test_blocks_name_the_term_that_is_responsible() -> None:
    """Percent of the sum of each alone; the pair of largest product; the part that has most of the excess."""
    report = synergy_report(synergy_of(Interval(0.0, -1.0, 1.0)))
    lines = report.tables["blocks"].lines
    assert [line[2] for line in lines] == [named(NONE), named(WHOLE)]
    assert lines[0][5:] == ("2.3", "+15.0", "+10.0 [+8.0, +12.0]", "+5.0", "a with b/weight", "+15.0")
    assert 'the part "beyond" has +2.0' in report.found[-1] and "a with b/weight" in report.found[-1]
    assert report.records["synergy_pairs"][0]["percent_of_alone"] == pytest.approx(15.0)


# ----------------------------------------------------------------------------------------------------------------- page


@pytest.mark.parametrize("request_", STUDIES)
def test_the_page_has_a_place_for_everything(request_: type) -> None:
    """docs/studies.md can be filled by every study; and nothing is measured that no section shows."""
    text = (ROOT / "docs" / "studies.md").read_text(encoding="utf-8")
    check_markers(text, f"bittrue bench study {STUDIES[request_]}", sections(request_()), "docs/studies.md")


def test_sections_are_those_of_the_reports() -> None:
    """Also where nothing is finished."""
    empty = (calibration_set_report([]), perturbation_report([]), synergy_report(Synergy((), (), (), ())))
    for request_, report in zip(STUDIES, empty, strict=True):
        assert set(sections(request_())) == {FOUND, *report.tables} == set(report.page_parts())
        assert "Nothing is finished" in report.document("T")
        figures_are_svg(report)
