"""bittrue bench accuracy: a small run of a real model from end to end, and what it refuses before any work."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from cli_runs import Run, refuse
from PIL import Image
from shared_data import EXAMPLE_WEIGHTS
from small_models import pictures

FILES = {"accuracy.csv", "accuracy.json", "accuracy.md", "orderings.csv"}


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ten classes, as many as the example's weights have."""
    folder = tmp_path_factory.mktemp("photos")
    for index, picture in enumerate(pictures(20, seed=4)):
        (folder / str(index % 10)).mkdir(exist_ok=True)
        Image.fromarray(picture.transpose(1, 2, 0)).save(folder / str(index % 10) / f"{index}.png")
    return folder


@pytest.fixture
def arguments(photos: Path, tmp_path: Path) -> tuple[object, ...]:
    """A run of two methods on three images of 64 pixels."""
    return (
        "bench", "accuracy", "--images", photos, "--calibration", photos, "--weights", EXAMPLE_WEIGHTS.parent,
        "--models", "mobilevit_xxs", "--methods", "minmax,mse", "--bits", "W8A8", "--tables", "1,2", "--limit", 3,
        "--calibration-images", "2,mse=3", "--side", 64, "--datapath", "iot_npu", "--preactivation-bits", 8,
        "--seeds", 2, "--out", tmp_path / "out",
    )  # fmt: skip


def test_a_small_run(run: Run, arguments: tuple[object, ...], tmp_path: Path) -> None:
    """Tables, CSV, figures, a page; the second run, and one that shows what is finished, give the same rows."""
    page = tmp_path / "page.md"
    parts = ("agreement", "sqnr", "kl", "top1", "drop", "calibration", "memory", "orderings")
    names = [f"table {table}, {part}" for table in (1, 2) for part in parts] + ["refused"]
    markers = (f"<!-- table: bittrue bench accuracy, {name} -->\n<!-- end of table -->\n" for name in names)
    page.write_text("top\n" + "".join(markers))
    code, out, err = run(*arguments, "--page", page, "--figures", tmp_path / "figures")
    assert code == 0, err
    assert "Table 1: partially quantized" in out and "Table 2: fully quantized" in out
    assert err.count(" of 3 images as in float") == 4
    assert {path.name for path in (tmp_path / "out").iterdir() if path.is_file()} == FILES
    figures = {f"accuracy_table{table}_{metric}.svg" for table in (1, 2) for metric in ("sqnr", "agreement")}
    assert {path.name for path in (tmp_path / "figures").iterdir()} == figures
    document = json.loads((tmp_path / "out" / "accuracy.json").read_text())
    places = [(row["table"], row["method"], row["seed"], row["calibration_images"]) for row in document["rows"]]
    assert places == [("1", "minmax", 0, 2), ("1", "mse", 0, 3), ("2", "minmax", 0, 2), ("2", "mse", 0, 3)]
    assert all(row["top1"] is not None and row["refused"] == "" for row in document["rows"])
    assert page.read_text().startswith("top\n") and page.read_text().count("| W8A8 | float | minmax |") == 7
    for extra in ((), ("--finished",)):
        code, again, _ = run(*arguments, "--json", *extra)
        assert code == 0 and json.loads(again) == document


def test_nothing_is_shown_that_is_not_finished(run: Run, arguments: tuple[object, ...]) -> None:
    """--finished measures nothing."""
    code, out, err = run(*arguments, "--json", "--finished")
    assert (code, json.loads(out)) == (0, {"orderings": [], "rows": []}), err


def test_requests_that_cannot_be_met_are_refused(run: Run, arguments: tuple[object, ...], tmp_path: Path) -> None:
    """Before anything is measured or written; the last value of an option counts."""
    page = tmp_path / "page.md"
    page.write_text("no markers\n")
    for option, value, said in (
        ("--methods", "minmax,magic", "no such calibration method"),
        ("--bits", "8", "no such bits"),
        ("--tables", "4", "no such table"),
        ("--models", "mobilevit_xxl", "no weights of a model"),
        ("--weights", tmp_path / "absent", "no such weights file"),
        ("--residual-bits", "wide", "not a number"),
        ("--residual-bits", "17", "--residual-bits"),
        ("--calibration-images", "2,magic=3", "no such calibration method"),
        ("--calibration-images", "21", "--calibration-images"),
        ("--limit", 21, "--limit"),
        ("--seeds", 0, "--seeds"),
        ("--datapath", "magic", "magic"),
        ("--images", tmp_path / "absent", "no such image folder"),
        ("--page", page, "markers"),
        ("--out", page, "no folder"),
    ):
        refuse(run, *arguments, option, value, said=said)
    assert not (tmp_path / "out").exists()
    assert page.read_text() == "no markers\n"
