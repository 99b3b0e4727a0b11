"""`bittrue explore`: what it writes, what it lists, and a point measured again."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text
from study_files import COSTS, client_here, photographs, written

from bittrue.cli.main import main
from bittrue.exploration import cluster

SHORT = COSTS.replace("[16, 26]", "[25, 26]").replace('cycles = "min"', 'agreement = "max"') + "[images]\ncount = 2\n"
FINDING = '[[findings]]\nkind = "cheapest"\ncost = "energy_uj"\n'
PAGE = "".join(
    f"<!-- table: bittrue explore small, {name} -->\n<!-- end of table -->\n"
    for name in ("found", "figures", "pareto", "throughput")
)


@pytest.fixture(autouse=True)
def _here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster, "client", client_here)


def run(monkeypatch: pytest.MonkeyPatch, *arguments: object) -> int:
    monkeypatch.setattr(sys, "argv", ["bittrue", "explore", *map(str, arguments)])
    with pytest.raises(SystemExit) as left:
        main()
    return int(left.value.code or 0)


def test_a_study_and_its_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Results, sentences in a page between their markers, a figure; a point measured again is equal, one whose row was
    changed is different (exit 1), one that does not exist is refused (exit 2)."""
    file, out, page = written(tmp_path, SHORT + FINDING), tmp_path / "out", tmp_path / "page.md"
    page.write_text(PAGE)
    options = ("--images", photographs(tmp_path / "photos"), "--out", out)
    assert run(monkeypatch, file, *options, "--workers", 1, "--page", page, "--figures", tmp_path, "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert found["points"] == 4 and found["pareto"] and found["found"][0] in page.read_text()
    assert (tmp_path / "explore_small.svg").exists() and "](explore_small.svg)" in page.read_text()
    assert (out / "page.html").exists()
    digest = found["pareto"][0]["digest"]
    assert run(monkeypatch, file, *options, "--point", digest[:10]) == 0
    engine = create_engine(f"sqlite:///{out / 'study.db'}")
    with engine.begin() as connection:
        connection.execute(
            text("update bittrue_points set figures = replace(figures, 'agreement\": ', 'agreement\": 2')")
        )
    engine.dispose()
    assert run(monkeypatch, file, *options, "--point", digest[:10]) == 1
    assert "different" in capsys.readouterr().out
    assert run(monkeypatch, file, *options, "--point", "nothing") == 2


def test_a_page_without_markers_is_refused_before_any_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit 2, and no folder of results."""
    page = tmp_path / "page.md"
    page.write_text("nothing")
    assert run(monkeypatch, written(tmp_path), "--out", tmp_path / "out", "--page", page) == 2
    assert "markers" in capsys.readouterr().err and not (tmp_path / "out").exists()


def test_the_list_names_every_knob_and_figure(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Keys that hardware has are found by themselves; a folder's studies by their titles."""
    assert run(monkeypatch, "--list", "--json") == 0
    found = json.loads(capsys.readouterr().out)
    for path in (
        "datapath.mac.accumulator_bits",
        "machine.array.rows",
        "calibration.weight_bits",
        "datapath.softmax.kind",
    ):
        assert path in found["knobs"]
    assert {"agreement", "sqnr_db", "top1", "cycles", "energy_uj", "weight_kib"} <= set(found["figures"])
    assert run(monkeypatch, Path(__file__).parents[2] / "examples" / "studies", "--list", "--json") == 0
    names = {study["name"] for study in json.loads(capsys.readouterr().out)}
    assert names == {"accumulator", "multiplier", "units", "layer_bits", "array"}
