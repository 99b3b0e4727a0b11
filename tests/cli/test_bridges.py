"""bittrue bench bridges: a small run of a real model from end to end, and what it refuses before any work."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from cli_runs import Run, refuse
from PIL import Image
from shared_data import EXAMPLE_WEIGHTS
from small_models import pictures

from bittrue.reports.bridge_tables import COMMAND, SECTIONS
from bittrue.reports.page_tables import begin


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ten classes, as many as the example's weights have."""
    folder = tmp_path_factory.mktemp("photos")
    for index, picture in enumerate(pictures(10, seed=4)):
        (folder / str(index)).mkdir(exist_ok=True)
        Image.fromarray(picture.transpose(1, 2, 0)).save(folder / str(index) / "0.png")
    return folder


@pytest.fixture
def arguments(photos: Path, tmp_path: Path) -> tuple[object, ...]:
    """A run on two images of 64 pixels."""
    return (
        "bench", "bridges", "--images", photos, "--calibration", photos, "--weights", EXAMPLE_WEIGHTS.parent,
        "--models", "mobilevit_xxs", "--method", "minmax", "--seeds", 1, "--limit", 2, "--activation-images", 1,
        "--calibration-images", 2, "--side", 64, "--out", tmp_path / "out",
    )  # fmt: skip


def test_a_small_run(run: Run, arguments: tuple[object, ...], tmp_path: Path) -> None:
    """Tables, CSV, figures, a page; a second run measures no network again and replaces its own sections alone."""
    page = tmp_path / "page.md"
    page.write_text("top\n" + "".join(f"{begin(COMMAND, name)}OLD\n<!-- end of table -->\n" for name in SECTIONS))
    code, out, err = run(*arguments, "--page", page, "--figures", tmp_path / "figures")
    assert code == 0, err
    assert "mobilevit_xxs: ranges of bridge activations" in out and "Scheme of bridge activations" in out
    names = "activations channels zero_points zero_point_orderings schemes scheme_orderings schemes_chosen"
    files = {"bridges.md", "bridges.json", *(f"bridge_{name}.csv" for name in names.split())}
    assert {path.name for path in (tmp_path / "out").iterdir() if path.is_file()} == files
    assert (tmp_path / "figures" / "bridges_ranges_mobilevit_xxs.svg").is_file()
    text = page.read_text()
    assert text.startswith("top\n") and "OLD" not in text and "](figures/bridges_schemes_sqnr.svg)" in text
    document = json.loads((tmp_path / "out" / "bridges.json").read_text())
    assert len(document["activations"]) == 30 and len(document["zero_points"]) == 3 * 2 + 2
    assert [row["step"] for row in document["schemes"]] == ["symmetric", "asymmetric"]
    assert all(row["refused"] == "" for row in document["zero_points"] + document["schemes"])
    kept = {path: path.stat().st_mtime_ns for path in (tmp_path / "out" / "cases").iterdir()}
    page.write_text(text.replace("ranges of bridge activations", "OLD"))
    extra = ("--parts", "schemes,zero-points", "--page", page, "--figures", tmp_path / "figures", "--json")
    code, again, err = run(*arguments, *extra)
    assert code == 0, err
    assert json.loads(again)["schemes"] == document["schemes"]
    assert json.loads(again)["zero_points"] == document["zero_points"]
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "out" / "cases").iterdir()} == kept
    assert "OLD" in page.read_text(), "a section of a part that did not run was replaced"
    assert (tmp_path / "out" / "bridge_channels.csv").stat().st_size > 0


def test_nothing_is_shown_that_is_not_finished(run: Run, arguments: tuple[object, ...]) -> None:
    """--finished measures no network."""
    code, out, err = run(*arguments, "--json", "--finished", "--parts", "schemes,zero-points")
    assert code == 0, err
    assert not any(json.loads(out).values())


def test_requests_that_cannot_be_met_are_refused(run: Run, arguments: tuple[object, ...], tmp_path: Path) -> None:
    """Before anything is measured or written; the last value of an option counts."""
    page = tmp_path / "page.md"
    page.write_text("no markers\n")
    for option, value, said in (
        ("--parts", "magic", "no such choice"),
        ("--method", "repq", "no such choice"),
        ("--bits", "8", "no such bits"),
        ("--clamped", "iot_npu", "does not clamp"),
        ("--datapath", "magic", "magic"),
        ("--models", "mobilevit_xxl", "no weights of a model"),
        ("--calibration-images", 11, "--calibration-images"),
        ("--activation-images", 0, "--activation-images"),
        ("--limit", 0, "--limit"),
        ("--seeds", 0, "--seeds"),
        ("--page", page, "markers"),
        ("--out", page, "no folder"),
    ):
        refuse(run, *arguments, option, value, said=said)
    assert not (tmp_path / "out").exists()
    assert page.read_text() == "no markers\n"
