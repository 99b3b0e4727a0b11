"""bittrue vectors and check at the command line: units, formats, replays, and mixtures that are refused."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from cli_runs import Run, refuse

ROWS = ("vectors", "--unit", "softmax", "--inputs")


@pytest.fixture
def arrays(tmp_path: Path) -> Path:
    """Rows of logits and a table of exponentials."""
    table = np.round(65535 * np.exp(-np.arange(256) / 20)).astype(int)
    np.savez(tmp_path / "rows.npz", logits=np.random.default_rng(0).integers(-128, 128, (3, 5)), table=table)
    return tmp_path / "rows.npz"


def test_a_unit_package_is_written_checked_replayed_and_answered(run: Run, arrays: Path, tmp_path: Path) -> None:
    """From an .npz to a verdict: 0 while all agrees, 1 with the vector, beat and lane named when a bit differs."""
    code, out, err = run(
        *ROWS,
        arrays,
        "--out",
        tmp_path / "p",
        "--format",
        "hex,map,tosa",
        "--layout",
        "tiles2x2",
        "--lanes",
        4,
        "--json",
    )
    assert code == 0, err
    facts = json.loads(out)
    assert (facts["unit_sets"], facts["vectors"], facts["steps"]) == (1, 3, 0)
    checked = json.loads(run("check", tmp_path / "p", "--replay", "--json")[1])
    assert checked["agreed"] and checked["replay"] == {"files": facts["files"], "differing": []}
    assert "1 unit sets of 3 vectors" in run("check", tmp_path / "p", "--replay")[1]
    (tmp_path / "d" / "softmax.rows").mkdir(parents=True)
    lines = (tmp_path / "p/units/000_softmax.rows/output.hex").read_text().splitlines()
    (tmp_path / "d" / "softmax.rows" / "output.hex").write_text("\n".join(lines))
    assert run("check", tmp_path / "p", "--dut", tmp_path / "d")[0] == 0
    lines[3] = lines[3][:-1] + ("0" if lines[3][-1] != "0" else "1")
    (tmp_path / "d" / "softmax.rows" / "output.hex").write_text("\n".join(lines))
    code, out, _ = run("check", tmp_path / "p", "--dut", tmp_path / "d")
    assert code == 1 and "[vector 0][0] beat 0 lane 0" in " ".join(out.split())


def test_steps_in_other_formats(run: Run, made: Path, tmp_path: Path) -> None:
    """A package of steps has the files that were asked for and is replayed from its program and images."""
    program, images = made / "program.safetensors", made / "images.npy"
    given = ("vectors", program, "--images", images, "--step", "qkv", "--out", tmp_path / "p", "--format", "bin,coe")
    assert run(*given, "--lanes", 3)[0] == 0
    assert list((tmp_path / "p").rglob("output.coe")) and list((tmp_path / "p").rglob("output.bin"))
    code, out, err = run("check", tmp_path / "p", "--replay", "--program", program, "--images", images)
    assert code == 0 and "equal in every byte" in " ".join(out.split()), err


def test_real_stimuli_of_a_network(run: Run, made: Path, tmp_path: Path) -> None:
    """PROGRAM and --images drive the units of the chosen steps."""
    given = (made / "program.safetensors", "--images", made / "images.npy", "--step", "qkv", "--vector-limit", 7)
    code, out, err = run(
        "vectors",
        "--unit",
        "mac",
        "--unit",
        "requantize",
        "--stimuli",
        "real",
        *given,
        "--out",
        tmp_path / "p",
        "--json",
    )
    assert code == 0, err
    assert json.loads(out)["unit_sets"] == 2 and json.loads(run("check", tmp_path / "p", "--json")[1])["intact"]


def test_mixtures_that_say_nothing_clear_are_refused(run: Run, made: Path, arrays: Path, tmp_path: Path) -> None:
    """With what is wrong, exit code 2 and no folder."""
    program, images, out = made / "program.safetensors", made / "images.npy", ("--out", tmp_path / "v")
    steps = (program, "--images", images, "--step", "qkv")
    refuse(run, "vectors", *out, said="PROGRAM")
    refuse(run, "vectors", program, "--images", images, *out, said="--step")
    refuse(run, "vectors", *steps, said="--out")
    refuse(run, "vectors", *steps, "--datapath", "ita", *out, said="without a unit")
    refuse(run, "vectors", *steps, "--stimuli", "real", *out, said="without a unit")
    refuse(run, "vectors", "--unit", "softmax", *out, said="--stimuli KIND or from --inputs")
    refuse(run, "vectors", "--unit", "softmax", "--stimuli", "wild", *out, said="directed")
    refuse(run, "vectors", "--unit", "softmax", "--stimuli", "real", *out, said="program and images")
    refuse(run, "vectors", "--unit", "softmax", "--stimuli", "real", program, *out, said="PROGRAM --images DIR")
    refuse(run, "vectors", "--unit", "softmax", "--step", "qkv", "--stimuli", "real", *out, said="PROGRAM --images DIR")
    refuse(run, *ROWS, arrays, "--stimuli", "directed", *out, said="not made as well")
    refuse(run, *ROWS, arrays, "--unit", "norm", *out, said="of one unit")
    refuse(run, *ROWS, arrays, "--format", "zip", *out, said="unknown format")
    refuse(run, *ROWS, arrays, "--layout", "spiral", *out, said="unknown layout")
    refuse(run, *ROWS, arrays, "--first-lane", "middle", *out, said="--first-lane")
    assert not (tmp_path / "v").exists()
    assert run(*ROWS, arrays, "--out", tmp_path / "p")[0] == 0
    refuse(run, "check", tmp_path / "p", "--program", program, said="--replay")
    refuse(run, "check", tmp_path / "p", "--replay", "--program", program, said="no steps to replay")
