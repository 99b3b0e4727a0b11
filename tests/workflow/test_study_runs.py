"""The studies on the small model: what they measure, that they resume, and what they keep."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from study_parts import small_inputs, write_photos

from bittrue.reports.study import FOUND, StudyReport
from bittrue.spec.errors import BadInput
from bittrue.workflow.studies import block_terms, perturbation
from bittrue.workflow.studies.calibration_set import calibration_set
from bittrue.workflow.studies.request import CalibrationSetRequest, PerturbationRequest, StudyRequest, SynergyRequest
from bittrue.workflow.studies.synergy import synergy

Study = Callable[..., StudyReport]
SETS = CalibrationSetRequest(counts=(4, 2), seeds=2, methods=("minmax",), limit=6)
ERRORS = PerturbationRequest(factors=(1.0, 0.5), limit=6, calibration_images=4)
GAINS = SynergyRequest(method="minmax", limit=6, calibration_images=4, block_images=6)
"""minmax passes over all three options, so that every combination is the same network."""


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of five classes, as many as the small model has."""
    return write_photos(tmp_path_factory.mktemp("photos"), 11, 5)


def never(*_: object, **__: object) -> None:
    raise AssertionError("done a second time")


def untimed(report: StudyReport) -> list[object]:
    """Everything but seconds and memory."""
    times = ("calibration_s", "evaluation_s", "peak_memory_bytes")
    return [
        {key: value for key, value in record.items() if key not in times}
        for records in report.records.values()
        for record in records
    ]


def test_calibration_sets_differ_in_nothing_but_the_images(photos: Path, tmp_path: Path) -> None:
    """Every number with every seed, the fewer first; a report of all."""
    found = calibration_set(small_inputs(SETS, photos, tmp_path), SETS)
    rows = found.records["calibration_set"]
    assert [(row["seed"], row["calibration_images"]) for row in rows] == [(0, 2), (0, 4), (1, 2), (1, 4)]
    assert len({row["sqnr_db"] for row in rows}) == 4 and {row["images"] for row in rows} == {6}
    (line,) = found.tables["steps"].lines
    assert line[:4] == ("small", "W8A8", "minmax", "2 to 4") and len(found.found) == 1
    assert found.tables["sqnr"].lines[0][2:] == ("2", found.tables["sqnr"].lines[0][3], "2", "6")


def test_every_tensor_is_perturbed_by_every_factor(photos: Path, tmp_path: Path) -> None:
    """Factors in order; estimates grow with their square, and the truth does almost so."""
    found = perturbation.perturbation(small_inputs(ERRORS, photos, tmp_path), ERRORS)
    rows = found.records["perturbation"]
    half, whole = rows[0::2], rows[1::2]
    assert [row["tensor"] for row in half] == [row["tensor"] for row in whole]
    assert {row["factor"] for row in half} == {0.5} and {row["factor"] for row in whole} == {1.0}
    for a, b in zip(half, whole, strict=True):
        assert b["squared_diagonal"] == pytest.approx(4 * a["squared_diagonal"])
        assert b["squared_true"] == pytest.approx(4 * a["squared_true"], rel=0.2), a["tensor"]
        # The image has 256 values and as many codes.
        assert a["images"] == 6 and a["squared_above_rounding"] is (a["tensor"] != "input")
    assert set(found.page_parts()) == {FOUND, *found.tables}


def test_options_that_a_method_passes_over_bring_nothing(photos: Path, tmp_path: Path) -> None:
    """All effects are 0, and so is what all options take away of the block error; the parts add up to all together."""
    found = synergy(small_inputs(GAINS, photos, tmp_path), GAINS)
    assert len(found.records["synergy"]) == 8
    assert len({row["key"] for row in found.records["synergy"]}) == 8, "each has a plan of its own"
    assert [record["difference"] for record in found.records["synergy_effects"]] == pytest.approx([0.0] * 3 * 17)
    gains = {record["part"]: record for record in found.records["synergy_gains"]}
    assert gains["together"]["error_none"] == gains["together"]["error_all"] == pytest.approx(100.0)
    parts = sum(float(gains[part]["error_none"]) for part in ("alone", "cross", "beyond"))  # type: ignore[arg-type]
    assert parts == pytest.approx(100.0)
    assert gains["together"]["excess_difference"] == pytest.approx(0.0)
    blocks = found.records["synergy_blocks"]
    assert len(blocks) == 8 and all(block["images"] == 6 for block in blocks)
    pairs = [pair for pair in found.records["synergy_pairs"] if pair["options"] == "none"]
    assert math.isclose(sum(pair["value"] for pair in pairs), blocks[0]["cross"], rel_tol=1e-9)  # type: ignore[misc]


STUDIES: tuple[tuple[Study, StudyRequest], ...] = (
    (calibration_set, SETS),
    (perturbation.perturbation, ERRORS),
    (synergy, GAINS),
)


@pytest.mark.parametrize(("study", "request_"), STUDIES, ids=["calibration-set", "perturbation", "synergy"])
def test_a_second_run_computes_nothing(
    study: Study, request_: StudyRequest, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And one that may not measure shows all of it; before there is anything, it shows nothing."""
    before = study(small_inputs(request_, photos, tmp_path, measure=False), request_)
    assert not any(before.records.values()) and before.found == ()
    first = study(small_inputs(request_, photos, tmp_path), request_)
    for place in (
        "accuracy.plans.calibrate_graph",
        "studies.perturbation.injected",
        "studies.block_terms.block_errors",
    ):
        monkeypatch.setattr(f"bittrue.workflow.{place}", never)
    for measure in (True, False):
        again = study(small_inputs(request_, photos, tmp_path, measure=measure), request_)
        assert untimed(again) == untimed(first) and again.found == first.found


def test_an_interrupted_study_keeps_whole_files(photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stopped in the second file of images: the first is not measured again, and the rest gives what a run without a
    stop gives. More images measure new files only."""
    whole = perturbation.perturbation(small_inputs(ERRORS, photos, tmp_path / "whole"), ERRORS)

    def stop(what: str, done: int, total: int) -> None:
        if what.startswith("perturb small images 4"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        perturbation.perturbation(small_inputs(ERRORS, photos, tmp_path, progress=stop), ERRORS)
    assert not list(tmp_path.rglob("*.part"))
    seeds: list[int] = []

    def counted(*arguments: object, **options: object) -> np.ndarray:
        seeds.append(arguments[4])  # type: ignore[arg-type]
        return original(*arguments, **options)  # type: ignore[arg-type]

    original = perturbation.injected
    monkeypatch.setattr(perturbation, "injected", counted)
    again = perturbation.perturbation(small_inputs(ERRORS, photos, tmp_path), ERRORS)
    assert seeds == [4] and untimed(again) == untimed(whole)
    more = PerturbationRequest(factors=ERRORS.factors, limit=9, calibration_images=4)
    longer = perturbation.perturbation(small_inputs(more, photos, tmp_path), more)
    assert seeds == [4, 8] and longer.records["perturbation"][0]["images"] == 9


def test_a_longer_block_study_has_the_images_of_a_shorter_one(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Six images are two files of four; five are found there."""
    synergy(small_inputs(GAINS, photos, tmp_path), GAINS)
    monkeypatch.setattr(block_terms, "block_errors", never)
    fewer = SynergyRequest(method="minmax", limit=6, calibration_images=4, block_images=5)
    found = synergy(small_inputs(fewer, photos, tmp_path), fewer)
    assert {block["images"] for block in found.records["synergy_blocks"]} == {5}


@pytest.mark.parametrize(
    ("study", "request_", "said"),
    [
        (calibration_set, CalibrationSetRequest(counts=(2, 40), limit=6), "--counts"),
        (calibration_set, CalibrationSetRequest(counts=(), limit=6), "--counts"),
        (calibration_set, CalibrationSetRequest(counts=(2,), seeds=0, limit=6), "--seeds"),
        (calibration_set, CalibrationSetRequest(counts=(2,), methods=("magic",), limit=6), "magic"),
        (calibration_set, CalibrationSetRequest(counts=(2,), methods=(), limit=6), "--methods"),
        (calibration_set, CalibrationSetRequest(counts=(2,), arithmetic="float", limit=6), "--arithmetic"),
        (perturbation.perturbation, PerturbationRequest(factors=(0.0, 1.0), limit=6), "--factors"),
        (perturbation.perturbation, PerturbationRequest(method="magic", limit=6), "magic"),
        (perturbation.perturbation, PerturbationRequest(calibration_images=12, limit=6), "--calibration-images"),
        (synergy, SynergyRequest(calibration_images=12, block_images=6, limit=6), "--calibration-images"),
        (synergy, SynergyRequest(block_images=12, limit=6), "--block-images"),
        (synergy, SynergyRequest(seeds=0, limit=6), "--seeds"),
    ],
)
def test_requests_that_cannot_be_met_are_refused(
    study: Study, request_: StudyRequest, said: str, photos: Path, tmp_path: Path
) -> None:
    """Before anything is measured."""
    with pytest.raises(BadInput) as refused:
        study(small_inputs(request_, photos, tmp_path / "out"), request_)
    assert said in str(refused.value)
    assert not (tmp_path / "out").exists()
