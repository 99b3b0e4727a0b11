"""Running a study: rows, what is computed once, what is ruled out without simulation, what raises."""

from __future__ import annotations

import csv
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import study_files
from small_models import small_plan
from study_files import COSTS, client_here, photographs, written

from bittrue.exploration import cluster, tasks
from bittrue.exploration.explore import explore
from bittrue.exploration.metrics import cost_figures, cost_names
from bittrue.exploration.study import Request, prepared
from bittrue.exploration.trials import Trials
from bittrue.reports.exploration_data import StudyData
from bittrue.workflow import cost, lower

ACCURATE = (
    COSTS.replace('cycles = "min"', 'sqnr_db = "max"').replace("[16, 26]", "[22, 26]") + "\n[images]\ncount = 4\n"
)


@pytest.fixture(autouse=True)
def _here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster, "client", client_here)


@pytest.fixture
def done(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the tasks that ran."""
    for function in (study_files.calibrate, study_files.float_logits, study_files.simulate):
        monkeypatch.setattr(tasks, function.__name__, function)
    study_files.DONE.clear()
    return study_files.DONE


def run(file: Path, request: Request) -> StudyData:
    return explore(file, request, workers=1)


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return photographs(tmp_path_factory.mktemp("images") / "photos")


def test_costs_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every point has a row, no image is needed, `refuse` rules out by its bound; CSV and Parquet hold the same."""
    monkeypatch.setattr(tasks, "simulate", None)
    found = run(written(tmp_path), Request(tmp_path / "out"))
    assert len(found.rows) == found.total == 22
    out = [row for row in found.rows if row.state == "ruled_out"]
    assert out and all("overflow" in row.reason and not row.figures for row in out)
    assert {row.knobs["datapath.mac.overflow"] for row in out} == {"refuse"}
    energies = [row.figures["energy_uj"] for row in found.rows if row.knobs["datapath.mac.overflow"] == "wrap"]
    assert energies == sorted(energies) and energies[0] < energies[-1]
    with (tmp_path / "out" / "points.csv").open() as file:
        lines = list(csv.DictReader(file))
    table = pq.read_table(tmp_path / "out" / "points.parquet").to_pylist()
    assert [line["digest"] for line in lines] == [row["digest"] for row in table] == [row.digest for row in found.rows]
    assert [float(line["energy_uj"] or 0) for line in lines] == [row["energy_uj"] or 0 for row in table]


def test_what_is_common_is_computed_once(tmp_path: Path, images: Path, done: list[str]) -> None:
    """Of 22 to 26 bits the two that hold every sum are one simulation, float logits are one task, and points of equal
    arithmetic have equal figures; a second study of the same database starts nothing."""
    file, request = written(tmp_path, ACCURATE), Request(tmp_path / "out", images=images)
    found = run(file, request)
    rows = {(row.knobs["datapath.mac.accumulator_bits"], row.knobs["datapath.mac.overflow"]): row for row in found.rows}
    proved = {key for key, row in rows.items() if row.state == "done" and not row.figures["unproved_steps"]}
    assert len(proved) >= 3, "nothing to share"
    others = [key for key, row in rows.items() if row.state == "done" and key not in proved]
    assert others, "everything is shared"
    assert len({rows[key].figures["sqnr_db"] for key in proved}) == 1
    assert done.count("simulate") == 1 + len(others)
    assert (done.count("calibrate"), done.count("float_logits")) == (1, 1)
    done.clear()
    renamed = file.with_name("again.toml")
    renamed.write_text(ACCURATE.replace('"small"', '"again"'))
    assert [row.digest for row in run(renamed, request).rows] == [row.digest for row in found.rows]
    assert not done


def test_shared_figures_are_true(tmp_path: Path, images: Path) -> None:
    """A point of 26 bits that was not simulated has the figures of a study where it alone is."""
    shared = run(written(tmp_path, ACCURATE), Request(tmp_path / "out", images=images))
    alone = run(written(tmp_path, ACCURATE.replace("[22, 26]", "[26, 26]")), Request(tmp_path / "alone", images=images))
    wide = {row.digest: row.figures for row in shared.rows}
    assert alone.done() and all(wide[row.digest] == row.figures for row in alone.rows)


def test_a_constraint_on_cost_comes_before_simulation(tmp_path: Path, images: Path, done: list[str]) -> None:
    """Such a point is not simulated and says so; with a wider limit it is started, and the others are not."""
    energies = [row.figures["energy_uj"] for row in run(written(tmp_path), Request(tmp_path / "costs")).done()]
    limited = ACCURATE + f"[constraints]\nenergy_uj = {{ max = {sorted(energies)[0] / 2} }}\n"
    request = Request(tmp_path / "out", images=images)
    first = run(written(tmp_path, limited), request)
    assert "simulate" not in done and not first.done()
    assert any(row.reason.startswith("constraint: energy_uj is") and row.figures for row in first.rows)
    second = run(written(tmp_path, ACCURATE), request)
    assert second.done() and "simulate" in done


def test_a_point_that_raises_is_a_row(tmp_path: Path) -> None:
    """Its error is recorded, the study goes on, and only --retry-errors starts it again."""
    clocks = (
        f"clock.choices = {{ sound = {{ machine.clock_mhz = 500 }}, endless = {{ machine.clock_mhz = {10**400} }} }}"
    )
    text = COSTS.replace('datapath.mac.overflow = ["wrap", "refuse"]', clocks)
    text = text.replace("[knobs]", '[design]\ndatapath.mac.overflow = "wrap"\n[knobs]')
    file, request = written(tmp_path, text), Request(tmp_path / "out")
    found = run(file, request)
    assert [row.state for row in found.rows].count("error") == 11 == len(found.done())
    assert all("OverflowError" in row.reason for row in found.rows if row.state == "error")
    kept = {row.digest: row.finished_at for row in found.rows}
    assert {row.digest: row.finished_at for row in run(file, request).rows} == kept
    assert len(explore(file, request, workers=1, retry_errors=True).sessions) == 2


@pytest.mark.parametrize("sampler", ["random", "nsga2", "tpe"])
def test_samplers_take_as_many_points_as_they_are_asked(tmp_path: Path, sampler: str) -> None:
    """Each counted once, and the base with its neighbours first; then the whole space, where no more is left."""
    text = COSTS + f'[sampler]\nkind = "{sampler}"\npoints = 14\none_at_a_time = true\npopulation = 4\n'
    file, request = written(tmp_path, text), Request(tmp_path / "out")
    found = run(file, request)
    assert len(found.rows) == len({row.digest for row in found.rows}) == 14
    star = [row for row in found.rows if sum(row.knobs[name] != label for name, label in found.base.items()) <= 1]
    assert len(star) == 1 + 10 + 1
    more = explore(file, Request(tmp_path / "out", points=100), workers=1)
    assert len(more.rows) <= 22 and {row.digest for row in found.rows} <= {row.digest for row in more.rows}


def test_what_a_killed_driver_left_open_is_taken_up(tmp_path: Path) -> None:
    """One trial that was planned and never started, one that was started and never told: no point is missing, no trial
    of Optuna's stays open."""
    file, request = written(tmp_path), Request(tmp_path / "out")
    study = prepared(file, request)
    (tmp_path / "out").mkdir()
    left = Trials(study.sweep, study.knobs, study.url, study.designs.base())
    first, second, *_ = left.planned()
    left.ask(first)
    left.study.enqueue_trial(second)
    assert (len(left.abandoned()), left.waiting()) == (1, 1)
    found = run(file, request)
    assert len(found.rows) == found.total == 22
    after = Trials(study.sweep, study.knobs, study.url, study.designs.base())
    assert (len(after.abandoned()), after.waiting()) == (0, 0)


def test_figures_of_the_cost_report_are_found_by_themselves() -> None:
    """Its numbers by their names, the totals of its parts by theirs; no input of the report is a figure."""
    program = lower(small_plan())
    report = cost(program)
    figures = cost_figures(report)
    assert (figures["cycles"], figures["energy_uj"]) == (report.cycles, report.energy_uj)
    assert figures["energy_pj"] == report.energy_pj.total
    assert set(figures) == set(cost_names()) and not {"model", "machine", "steps", "accumulator_bits"} & set(figures)
