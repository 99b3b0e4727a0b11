"""bittrue bench mutation: a small run from end to end, its page, its witnesses, and what it refuses."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
from cli_runs import Run, refuse
from shared_data import ROOT

from bittrue.golden.mutants.operators import mutants_of
from bittrue.golden.mutants.score import outcomes
from bittrue.golden.mutants.units import words_of
from bittrue.golden.mutants.witnesses import read_witnesses
from bittrue.hw_configs.load import load_datapath

BASE = ("bench", "mutation", "--unit", "table", "--stimuli", "uniform,directed", "--seconds", 0.2)


def test_a_small_run(run: Run, tmp_path: Path) -> None:
    """Counts add up; every survivor's witness notices a mutant; the page is filled and nothing else of it changes."""
    page = tmp_path / "mutation.md"
    page.write_bytes((ROOT / "docs" / "mutation.md").read_bytes())
    line = (*BASE, "--out", tmp_path / "out", "--page", page, "--witnesses", tmp_path / "found.npz")
    code, out, err = run(*line, "--vectors", 50)
    assert code == 0, err
    assert "mutation score" in out and "table uniform" in err
    found = json.loads((tmp_path / "out" / "mutation.json").read_text())
    for row in found["scores"]:
        assert row["killed"] + row["equivalent"] + row["survived"] == row["mutants"] >= 200 <= 2 * row["gates"]
        assert row["killed_by_output"] <= row["killed"]
    assert {row["stimuli"]: row["vectors"] for row in found["scores"]}["uniform"] == 50
    with (tmp_path / "out" / "mutation_survivors.csv").open(newline="") as file:
        assert len(list(csv.DictReader(file))) == len(found["survivors"])
    assert f"| table | uniform | 50 | {found['scores'][0]['mutants']} |" in page.read_text()
    lines = [line for line in page.read_text().splitlines() if line.startswith(("| unit |", "| table |"))]
    assert {line.count(" | ") for line in lines if "directed" in line or "vectors" in line} == {11}
    witnesses = read_witnesses(tmp_path / "found.npz")
    words = words_of(load_datapath("iot_npu"), "table")
    noticed = outcomes(words, mutants_of(words), witnesses)
    left = {(m["operator"], m["wire"], m["detail"]) for m in found["survivors"] if m["witness"]}
    seen = {(o.mutant.operator, o.mutant.wire, o.mutant.detail) for o in noticed if o.by_stage is not None}
    assert left and left <= seen
    assert all(set(each.driven) == {"codes"} and each.driven["codes"].dtype == np.int64 for each in witnesses)


def test_refusals(run: Run, tmp_path: Path) -> None:
    """Before any work: unknown stimuli, unknown units, units without a graph, a page without markers."""
    plain = tmp_path / "page.md"
    plain.write_text("nothing\n")
    out = ("--out", tmp_path / "out")
    refuse(run, "bench", "mutation", *out, "--stimuli", "guessed", said="no stimuli of this kind")
    refuse(run, "bench", "mutation", *out, "--unit", "guessed", said="no unit of this name")
    refuse(
        run, "bench", "mutation", *out, "--unit", "requantize", "--datapath", "nvdla_small", said="no graph of words"
    )
    refuse(run, *BASE, *out, "--page", plain, said="markers")
    assert not (tmp_path / "out").exists()
