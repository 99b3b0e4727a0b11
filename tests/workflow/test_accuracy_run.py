"""bench accuracy: figures recomputed by other means, runs that end early and go on, what decides a case's key."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from small_models import PREPROCESSING, pictures, small_graph

from bittrue.calibration.float_run import FloatRunner
from bittrue.calibration.images import find_images
from bittrue.calibration.options import CalibrationOptions
from bittrue.golden.fidelity import Fidelity
from bittrue.hw_configs.load import load_datapath
from bittrue.reports.accuracy_data import AccuracyRow, Figures
from bittrue.simulator.engine import Simulator
from bittrue.spec.datapath import Datapath
from bittrue.workflow import lower
from bittrue.workflow.accuracy import plans, sources
from bittrue.workflow.accuracy.cases import Case
from bittrue.workflow.accuracy.chunks import CHUNK
from bittrue.workflow.accuracy.measure import compared, figures
from bittrue.workflow.accuracy.memory import PeakMemory
from bittrue.workflow.accuracy.orderings import orderings
from bittrue.workflow.accuracy.run import CaseRunner, run_cases
from bittrue.workflow.accuracy.sources import EvaluationImages, FloatModel
from bittrue.workflow.accuracy.store import Store

COUNT = CHUNK + 6
CASES = tuple(
    Case(table, arithmetic, "small", "", CalibrationOptions(method=method), 4, images)
    for table, arithmetic, method, images in (
        ("1", "partial", "minmax", 10),
        ("2", "integer", "minmax", COUNT),
        ("2", "integer", "mse", COUNT),
    )
)


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of five classes, as many as the small model has."""
    folder = tmp_path_factory.mktemp("photos")
    for index, picture in enumerate(pictures(COUNT, seed=4)):
        (folder / str(index % 5)).mkdir(exist_ok=True)
        Image.fromarray(picture.transpose(1, 2, 0)).save(folder / str(index % 5) / f"{index:03d}.png")
    return folder


def runner(
    photos: Path,
    out: Path,
    *,
    digest: str = "w",
    calibration: Path | None = None,
    datapath: Datapath | None = None,
    progress: Callable[[str, int, int], None] = lambda what, done, total: None,
) -> CaseRunner:
    """For the small model."""
    found = find_images(photos)
    return CaseRunner(
        FloatModel("small", "small", digest, PREPROCESSING, small_graph),
        calibration=find_images(calibration or photos),
        evaluation=EvaluationImages.of(found),
        datapath=datapath or load_datapath("iot_npu"),
        store=Store(out),
        progress=progress,
    )


@pytest.fixture(scope="module")
def measured(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, tuple[AccuracyRow, ...]]:
    """The folder and the rows of a whole run."""
    out = tmp_path_factory.mktemp("whole")
    return out, run_cases(CASES, [runner(photos, out)])


def untimed(rows: tuple[AccuracyRow, ...]) -> list[AccuracyRow]:
    """Rows without what differs from run to run."""
    return [
        dataclasses.replace(
            row,
            figures=dataclasses.replace(row.figures, calibration_s=0.0, evaluation_s=0.0, peak_memory_bytes=None),
        )
        for row in rows
        if row.figures is not None
    ]


# -------------------------------------------------------------------------------------------------------------- figures


def test_figures_are_those_of_compare(photos: Path, measured: tuple[Path, tuple[AccuracyRow, ...]]) -> None:
    """golden/fidelity.py on the same plan and images, one at a time, gives the same SQNR, agreement and top-1."""
    out, rows = measured
    at_work = runner(photos, out)
    plan = at_work.store.plan(at_work.plan_key(CASES[1]))
    assert plan is not None
    program = lower(plan)
    machine, floats, judge = Simulator(program), FloatRunner(plan.graph), Fidelity(program)
    images = at_work.evaluation.images
    pixels = np.concatenate([at_work.evaluation.decoded[index] for index in range(2)])
    for codes, label in zip(pixels, images.labels or (), strict=True):
        tensors = {name: tensor.numpy() for name, tensor in floats.tensors(codes[None])}
        judge.add(machine.run(codes[None]), tensors, label=label)
    found = rows[1].figures
    assert found is not None and judge.top1.images == COUNT == found.images
    assert math.isclose(found.sqnr_db, judge.rows[-1].sqnr_db, rel_tol=1e-6)
    assert found.agreement == judge.top1.agreement
    assert (found.float_top1, found.top1) == (judge.top1.float_accuracy, judge.top1.integer_accuracy)


def test_figures_by_hand() -> None:
    """Two images of two classes: sums are pooled before the logarithm, KL is averaged, ties go to the lower class."""
    exact, found = np.array([[2.0, 0.0], [0.0, 4.0]]), np.array([[1.0, 0.0], [3.0, 3.0]])
    images = compared(exact, found, seconds=6.0)
    got = figures(images, np.array([0, 1]), calibration_s=1.0, peak_memory_bytes=None)
    assert math.isclose(got.sqnr_db, 10 * math.log10(20 / 11))
    assert (got.agreement, got.float_top1, got.top1, got.drop_points, got.evaluation_s) == (0.5, 1.0, 0.5, 50.0, 6.0)
    kl = [
        sum(p * math.log(p / q) for p, q in zip(*(softmax(row) for row in rows), strict=True))
        for rows in zip(exact.tolist(), found.tolist(), strict=True)
    ]
    assert math.isclose(got.kl_nats, sum(kl) / 2)
    assert figures(images, None, calibration_s=1.0, peak_memory_bytes=None).drop_points is None


def softmax(row: list[float]) -> list[float]:
    return [math.exp(value) / sum(map(math.exp, row)) for value in row]


def test_partial_networks_are_measured_and_not_lowered(measured: tuple[Path, tuple[AccuracyRow, ...]]) -> None:
    """Their row has no datapath; fewer roundings leave them nearer to the float model."""
    partial, integer, _ = measured[1]
    assert partial.figures is not None and integer.figures is not None
    assert (partial.datapath, integer.datapath) == ("", "iot_npu")
    assert partial.figures.images == 10 and partial.figures.sqnr_db > integer.figures.sqnr_db


def test_evaluation_order_is_that_of_a_drawn_subset(photos: Path) -> None:
    """The first n are the images that ImageSet.choose draws: a longer evaluation contains a shorter one."""
    found = find_images(photos)
    images = EvaluationImages.of(found)
    assert set(images.paths[:9]) == set(found.choose(9, sources.EVALUATION_SEED).paths)
    labels = images.labels_for(5, 9)
    assert labels is not None and labels.tolist() == [int(path.parent.name) for path in images.paths[:9]]
    assert images.labels_for(1000, 9) is None


def test_orderings_pair_what_differs_in_the_method(
    photos: Path, measured: tuple[Path, tuple[AccuracyRow, ...]]
) -> None:
    """mse against minmax in table 2; the one line of table 1 has nothing to be compared with."""
    out, rows = measured
    (found,) = orderings(rows, runner(photos, out).per_image)
    assert (found.table, found.first, found.second, found.images) == ("2", "mse", "minmax", COUNT)
    first, second = rows[2].figures, rows[1].figures
    assert first is not None and second is not None
    assert math.isclose(found.sqnr_db.difference, first.sqnr_db - second.sqnr_db, rel_tol=1e-9)
    assert found.sqnr_db.low <= found.sqnr_db.difference <= found.sqnr_db.high


def test_orderings_look_at_the_images_of_both(photos: Path, tmp_path: Path) -> None:
    """A method on five images and one on nine are compared on the five."""
    cases = [dataclasses.replace(case, images=count) for case, count in zip(CASES[1:], (5, 9), strict=True)]
    at_work = runner(photos, tmp_path)
    rows = run_cases(cases, [at_work])
    (found,) = orderings(rows, at_work.per_image)
    assert found.images == 5
    first, second = (at_work.per_image(row).first(5).noise.sum() for row in (rows[1], rows[0]))
    assert math.isclose(found.sqnr_db.difference, 10 * math.log10(second / first))


# ------------------------------------------------------------------------------------------------------------- resuming


def never(*_: object, **__: object) -> None:
    raise AssertionError("done a second time")


def test_a_second_run_computes_nothing(
    photos: Path, measured: tuple[Path, tuple[AccuracyRow, ...]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither calibration nor lowering nor decoding, and the rows are equal, times included."""
    out, rows = measured
    for place in ("plans.calibrate_graph", "plans.load_images", "sources.load_images", "run.lower_plan"):
        monkeypatch.setattr(f"bittrue.workflow.accuracy.{place}", never)
    assert run_cases(CASES, [runner(photos, out)]) == rows
    assert run_cases(CASES, [runner(photos, out)], measure=False) == rows


def test_an_interrupted_run_goes_on(
    photos: Path, measured: tuple[Path, tuple[AccuracyRow, ...]], tmp_path: Path
) -> None:
    """Stopped behind the first chunk of the second case: no half-written file, the chunk and the plan are kept, the
    rows of finished cases can be seen, and the rest gives the rows of a run that was never stopped."""

    def stop(what: str, done: int, total: int) -> None:
        if what.startswith("evaluate") and total == COUNT:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_cases(CASES, [runner(photos, tmp_path, progress=stop)])
    assert not [path for path in tmp_path.rglob("*") if path.name.endswith(".part")]
    assert len(run_cases(CASES, [runner(photos, tmp_path)], measure=False)) == 1
    lengths = sorted(len(Store(tmp_path).per_image(path.stem)) for path in (tmp_path / "per_image").iterdir())
    assert lengths == [10, CHUNK]
    seen: list[tuple[str, int]] = []
    again = runner(photos, tmp_path, progress=lambda what, done, total: seen.append((what, done)))
    assert untimed(run_cases(CASES, [again])) == untimed(measured[1])
    evaluated = [done for what, done in seen if what.startswith("evaluate small W8A8 minmax")]
    assert evaluated == [COUNT], "the first chunk was measured again"


def test_a_longer_evaluation_keeps_plan_and_images(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Three images and then five are five; nothing is calibrated for them."""
    short, long = (dataclasses.replace(CASES[1], images=count) for count in (3, 5))
    run_cases([short], [runner(photos, tmp_path)])
    monkeypatch.setattr(plans, "calibrate_graph", never)
    (longer,) = run_cases([long], [runner(photos, tmp_path)])
    (whole,) = run_cases([short], [runner(photos, tmp_path)])
    assert longer.figures is not None and longer.figures.images == 5
    assert whole.figures is not None and whole.figures.images == 3
    assert longer.measurement == whole.measurement and longer.key != whole.key
    at_once = runner(photos, tmp_path / "at_once")
    monkeypatch.undo()
    assert untimed(run_cases([long], [at_once])) == untimed((longer,))


def test_damaged_files_are_made_again(photos: Path, tmp_path: Path) -> None:
    """Figures, single images and decoded images that cannot be read are as good as absent."""
    case = dataclasses.replace(CASES[1], images=4)
    rows = run_cases([case], [runner(photos, tmp_path)])
    for kind in ("cases", "per_image", "images", "float_logits"):
        for path in (tmp_path / kind).rglob("*.*"):
            path.write_bytes(path.read_bytes()[:40])
    assert untimed(run_cases([case], [runner(photos, tmp_path)])) == untimed(rows)
    for path in (tmp_path / "cases").iterdir():
        path.unlink()
    (tmp_path / "per_image" / f"{rows[0].measurement}.npz").unlink()
    for path in (tmp_path / "float_logits").rglob("*.npy"):
        np.save(path, np.load(path)[:2])  # a chunk of fewer images than it should have
    assert untimed(run_cases([case], [runner(photos, tmp_path)])) == untimed(rows)


def test_a_refusal_is_a_row(photos: Path, tmp_path: Path) -> None:
    """A datapath that cannot hold the plan stops its case alone; it is tried again by the next run."""
    refused = dataclasses.replace(CASES[1], options=CalibrationOptions(activation_bits=12), images=4)
    cases = (refused, dataclasses.replace(CASES[1], images=4))
    told: list[AccuracyRow] = []
    for _ in range(2):
        first, second = run_cases(cases, [runner(photos, tmp_path)], tell=told.append)
        assert first.figures is None and "12 bits" in first.refused and "\n" not in first.refused
        assert isinstance(second.figures, Figures)
    assert len(told) == 4
    assert orderings((first, second), never) == ()


# ----------------------------------------------------------------------------------------------------------------- keys


def test_everything_that_decides_a_case_is_in_its_key(photos: Path, tmp_path: Path) -> None:
    """Weights, options, seed, calibration images, datapath, number of images and arithmetic; the table is not."""
    other = photos.parent / "fewer"
    other.mkdir()
    for path in list(photos.rglob("*.png"))[: COUNT - 1]:
        (other / path.parent.name).mkdir(exist_ok=True)
        (other / path.parent.name / path.name).write_bytes(path.read_bytes())
    case, base = CASES[1], runner(photos, tmp_path)
    options = case.options
    bound = load_datapath("iot_npu")
    mac = bound.mac.model_copy(update={"accumulator_bits": 30})
    found = [
        base.keys(changed)[1]
        for changed in (
            case,
            dataclasses.replace(case, options=dataclasses.replace(options, seed=1)),
            dataclasses.replace(case, options=dataclasses.replace(options, weight_bits=7)),
            dataclasses.replace(case, calibration_images=5),
            dataclasses.replace(case, images=5),
            dataclasses.replace(case, arithmetic="partial"),
        )
    ]
    found += [
        changed.keys(case)[1]
        for changed in (
            runner(photos, tmp_path, digest="v"),
            runner(other, tmp_path, calibration=photos),
            runner(photos, tmp_path, calibration=other),
            runner(photos, tmp_path, datapath=bound.model_copy(update={"mac": mac})),
        )
    ]
    assert len(set(found)) == len(found) == 10
    assert base.keys(dataclasses.replace(case, table="3"))[1] == found[0]


def test_peak_memory_starts_anew() -> None:
    """A block of 80 MB is seen while it is held, and not by a measurement that starts behind it."""
    first = PeakMemory()
    block = np.ones(10_000_000)
    seen = first.bytes()
    del block
    after = PeakMemory().bytes()
    assert (seen is None and after is None) or (seen is not None and after is not None and seen - after > 60_000_000)
