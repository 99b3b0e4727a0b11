"""bittrue bench study: a small run of every study on a real model from end to end, and what they refuse."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from cli_runs import Run, refuse
from shared_data import EXAMPLE_WEIGHTS, ROOT
from study_parts import write_photos

STUDIES = {
    "calibration-set": (
        ("--methods", "minmax", "--counts", "3,2", "--seeds", 2),
        ("study_calibration_set.csv",),
        ("study_calibration_set.svg",),
    ),
    "perturbation": (
        ("--factors", "1", "--calibration-images", 2),
        ("study_perturbation.csv",),
        ("study_perturbation_ratio.svg", "study_perturbation_scatter.svg"),
    ),
    "synergy": (
        ("--method", "minmax", "--calibration-images", 2, "--block-images", 2, "--arithmetic", "partial"),
        tuple(f"study_synergy{kind}.csv" for kind in ("", "_blocks", "_effects", "_gains", "_pairs")),
        ("study_synergy_blocks.svg", "study_synergy_effects.svg"),
    ),
}
"""Options, CSV files, figures."""


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ten classes, as many as the example's weights have."""
    return write_photos(tmp_path_factory.mktemp("photos"), 12, 10)


def arguments(study: str, photos: Path, out: Path) -> tuple[object, ...]:
    """Of a run on two images of 64 pixels."""
    return (
        "bench", "study", study, "--images", photos, "--calibration", photos, "--weights", EXAMPLE_WEIGHTS.parent,
        "--models", "mobilevit_xxs", "--limit", 2, "--side", 64, "--out", out, *STUDIES[study][0],
    )  # fmt: skip


@pytest.mark.parametrize("study", STUDIES)
def test_a_small_run(study: str, run: Run, photos: Path, tmp_path: Path) -> None:
    """Tables, sentences, CSV and figures; the sections of docs/studies.md are filled, those of other studies are not;
    what is finished is shown again without measuring."""
    page = tmp_path / "studies.md"
    page.write_bytes((ROOT / "docs" / "studies.md").read_bytes())
    line = arguments(study, photos, tmp_path / "out")
    code, out, err = run(*line, "--page", page, "--figures", tmp_path / "figures")
    assert code == 0, err
    assert "mobilevit_xxs" in out and "mobilevit_xxs W8A8" in err
    stem, (_, tables, figures) = f"study_{study.replace('-', '_')}", STUDIES[study]
    files = {path.name for path in (tmp_path / "out").iterdir() if path.is_file()}
    assert files == {f"{stem}.md", f"{stem}.json", *tables}
    assert {path.name for path in (tmp_path / "figures").iterdir()} == set(figures)
    text = page.read_text(encoding="utf-8")
    for other in STUDIES:
        section = text.partition(f"<!-- table: bittrue bench study {other}, found -->\n")[2].partition("<!--")[0]
        before = (ROOT / "docs" / "studies.md").read_text(encoding="utf-8")
        assert (section in before) == (other != study), other
    document = json.loads((tmp_path / "out" / f"{stem}.json").read_text())
    code, again, err = run(*line, "--json", "--finished")
    assert code == 0, err
    shown = json.loads(again)
    assert shown.pop("found") and shown == document


def test_requests_that_cannot_be_met_are_refused(run: Run, photos: Path, tmp_path: Path) -> None:
    """Before anything is measured or written; the last value of an option counts."""
    page = tmp_path / "page.md"
    page.write_text("no markers\n")
    for study, option, value, said in (
        ("calibration-set", "--counts", "2,many", "not a number"),
        ("calibration-set", "--counts", "2,13", "--counts"),
        ("calibration-set", "--methods", "magic", "no such calibration method"),
        ("calibration-set", "--arithmetic", "float", "--arithmetic"),
        ("perturbation", "--factors", "-1,1", "--factors"),
        ("perturbation", "--method", "magic", "no such calibration method"),
        ("synergy", "--block-images", 13, "--block-images"),
        ("synergy", "--seeds", 0, "--seeds"),
        ("synergy", "--bits", "8", "no such bits"),
        ("synergy", "--limit", 13, "--limit"),
        ("synergy", "--calibration-images", 13, "--calibration-images"),
        ("synergy", "--models", "mobilevit_xxl", "no weights of a model"),
        ("synergy", "--datapath", "magic", "magic"),
        ("synergy", "--page", page, "markers"),
        ("synergy", "--page", tmp_path / "absent.md", "cannot be read"),
        ("synergy", "--out", page, "no folder"),
    ):
        refuse(run, *arguments(study, photos, tmp_path / "out"), option, value, said=said)
    assert not (tmp_path / "out").exists()
    assert page.read_text() == "no markers\n"
