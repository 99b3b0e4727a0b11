"""bittrue unit at the command line."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from cli_runs import Run, refuse


def test_a_run_writes_what_was_asked_for(run: Run, tmp_path: Path) -> None:
    """Arrays in, every stage out, exit code 0; the words name the arrays."""
    np.savez(tmp_path / "in.npz", accumulator=np.array([3, -3]), multiplier=np.array(1 << 30), shift=np.array(31))
    code, out, err = run(
        "unit", "requantize", "--inputs", tmp_path / "in.npz", "--out", tmp_path / "out.npz", "--stages"
    )
    assert code == 0, err
    assert "product" in out and "output" in out
    with np.load(tmp_path / "out.npz") as written:
        assert written["output"].tolist() == [2, -1] and written["product"].tolist() == [3 << 30, -3 << 30]


def test_the_list_and_the_description(run: Run) -> None:
    """--list names units x datapaths; a unit without inputs says what it reads and makes."""
    listed = json.loads(run("unit", "--list", "--json")[1])
    assert listed["ita"]["softmax"] == "ita" and listed["vta"]["softmax"] == "-"
    assert "gemmlowp" in run("unit", "--list")[1]
    described = json.loads(run("unit", "requantize", "--datapath", "ne16", "--json")[1])
    assert [port["name"] for port in described["reads"]][:4] == ["accumulator", "multiplier", "shift", "bias"]
    assert "accumulator" in run("unit", "requantize", "--datapath", "ne16")[1]


def test_refusals_leave_with_2_and_write_nothing(run: Run, tmp_path: Path) -> None:
    """No unit, an unknown one, one that the hardware lacks, a missing array."""
    np.savez(tmp_path / "in.npz", accumulator=np.array([3, -3]))
    inputs = ("--inputs", tmp_path / "in.npz", "--out", tmp_path / "out.npz")
    refuse(run, "unit", said="which unit")
    refuse(run, "unit", "soft", *inputs, said="softmax")
    refuse(run, "unit", "softmax", "--datapath", "gemmini", *inputs, said="no softmax unit")
    refuse(run, "unit", "requantize", *inputs, said="multiplier")
    assert not (tmp_path / "out.npz").exists()
