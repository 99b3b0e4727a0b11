"""The command: exit codes, words and JSON."""

from __future__ import annotations

import dataclasses
import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from cli_runs import Run, refuse

from bittrue import workflow
from bittrue.calibration.options import CalibrationOptions
from bittrue.spec.errors import BadInput

VERBS = ["calibrate", "lower", "simulate", "compare", "vectors", "check", "bounds", "cost", "report", "demo"]


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_has_help_and_json(run: Run, verb: str) -> None:
    """--help succeeds and every verb can speak to machines."""
    code, out, _ = run(verb, "--help")
    assert code == 0
    assert "--json" in out


def test_help_imports_nothing_heavy() -> None:
    """The half second of --help is Python and typer; numpy, numba and torch wait for a verb to run."""
    script = (
        "import sys; sys.argv = ['bittrue', '--help']\n"
        "from bittrue.cli.main import main\n"
        "try:\n    main()\nexcept SystemExit as left:\n    assert not left.code\n"
        "heavy = {'numpy', 'numba', 'torch', 'timm', 'pydantic', 'matplotlib'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", script], check=True, capture_output=True)


def test_every_option_of_calibration_reaches_it(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each flag sets its own field of CalibrationOptions, and every field has one."""
    given: list[CalibrationOptions] = []

    def calibrate(model: str, *, options: CalibrationOptions, **_: object) -> None:
        given.append(options)
        raise BadInput("seen")

    monkeypatch.setattr(workflow, "calibrate", calibrate)
    flags = {
        "method": "repq", "activation_bits": 6, "weight_bits": 5, "output_bits": 12, "preactivation_bits": 16,
        "residual_bits": 14, "score_bits": 10, "activation_granularity": "channel", "weight_granularity": "tensor",
        "activation_scheme": "symmetric", "bridge": False, "mixed_granularity": False, "mixed_scheme": False, "seed": 3,
        "weight_budget": 5.5, "activation_budget": 6.5, "mixed_bits": (4, 6), "bridge_scheme": "asymmetric",
    }  # fmt: skip
    assert set(flags) == {field.name for field in dataclasses.fields(CalibrationOptions)}
    words: list[object] = ["mobilevit_xxs", "--images", "x", "--out", "y"]
    for name, value in flags.items():
        flag = name.replace("_", "-")
        said = ",".join(map(str, value)) if isinstance(value, tuple) else value
        words += [f"--no-{flag}"] if value is False else [f"--{flag}", said]
    refuse(run, "calibrate", *words, said="seen")
    refuse(run, "calibrate", "mobilevit_xxs", "--images", "x", "--out", "y", said="seen")
    assert given == [CalibrationOptions(**flags), CalibrationOptions()]  # type: ignore[arg-type]


def test_the_walk(run: Run, made: Path, tmp_path: Path) -> None:
    """lower, simulate, compare, vectors, check, cost and report succeed and speak JSON."""
    program, images = tmp_path / "p.safetensors", made / "images.npy"
    assert json.loads(run("lower", made / "plan.safetensors", "--out", program, "--json")[1])["accumulators_proved"] > 0
    simulated = json.loads(
        run("simulate", program, "--images", images, "--json", "--out", tmp_path / "s", "--trace")[1]
    )
    assert len(simulated["logits"]) == 2
    compared = json.loads(
        run(
            "compare",
            program,
            "--images",
            images,
            "--plan",
            made / "plan.safetensors",
            "--out",
            tmp_path / "c.json",
            "--json",
        )[1]
    )
    assert compared["agreed"] and compared["mismatches"] == 0
    assert run("vectors", program, "--images", images, "--step", "f*", "--out", tmp_path / "v")[0] == 0
    assert json.loads(run("check", tmp_path / "v", "--json")[1])["intact"]
    assert json.loads(run("cost", program, "--machine", "iot_npu_small", "--json")[1])["cycles"] > 0
    code, _, _ = run(
        "report",
        program,
        "--comparison",
        tmp_path / "c.json",
        "--vectors",
        tmp_path / "v",
        "--out",
        tmp_path / "r.html",
    )
    assert code == 0
    assert "0" in (tmp_path / "r.html").read_text()
    for verb in (
        ["compare", program, "--images", images],
        ["bounds", program, "--accumulator-bits", 16],
        ["cost", program, "--top", "3"],
        ["check", tmp_path / "v"],
        ["simulate", program, "--images", images],
        ["simulate", program, "--images", made / "photos"],
    ):
        assert run(*verb)[0] == 0


def test_a_difference_is_exit_1(run: Run, made: Path, tmp_path: Path) -> None:
    """A design that is one bit off: exit 1, and the first mismatch in words."""
    shutil.copytree(made / "package", tmp_path / "package")
    folder = next((tmp_path / "package" / "steps").glob("*_qkv"))
    wrong = np.load(folder / "output.npy")
    wrong.flat[5] ^= 4
    (tmp_path / "dut" / "qkv").mkdir(parents=True)
    np.save(tmp_path / "dut" / "qkv" / "output.npy", wrong)
    code, out, _ = run("check", tmp_path / "package", "--dut", tmp_path / "dut")
    assert code == 1
    assert "DIFFERENT" in out
    assert "0x" in out
    assert "[image 0]" in " ".join(out.split())
    (tmp_path / "dut" / "qkv" / "output.bin").write_bytes(wrong.astype("int8").tobytes()[:-3])
    code, out, _ = run("check", tmp_path / "package", "--dut", tmp_path / "dut")
    words = " ".join(out.split())
    assert code == 1
    assert "design files 2" in words
    found = json.loads(run("check", tmp_path / "package", "--dut", tmp_path / "dut", "--json")[1])["design"]
    assert f"{len(found['not_compared'])} of {len(found['not_compared']) + 1} stages" in words


def test_names_are_printed_as_they_are(run: Run, made: Path, tmp_path: Path) -> None:
    """What looks like markup is a file name."""
    folder = tmp_path / "a[bold]b"
    folder.mkdir()
    code, out, _ = run("lower", made / "plan.safetensors", "--out", folder / "p[red]q")
    assert code == 0
    assert "a[bold]b/p[red]q" in "".join(out.split())
    assert (folder / "p[red]q").is_file()


def test_a_closed_pipe_is_no_difference(made: Path) -> None:
    """Whoever stops reading must not see exit code 1, which means that a bit differed."""
    script = "import sys; sys.argv = sys.argv[1:]; from bittrue.cli.main import main; main()"
    command = [sys.executable, "-c", script, "bittrue", "cost", str(made / "program.safetensors"), "--json"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout is not None and process.stderr is not None
    process.stdout.close()
    process.stderr.read()
    assert process.wait() not in (0, 1)
    process.stderr.close()


def test_wrong_usage_is_exit_2(run: Run, made: Path) -> None:
    """Unknown verbs and options, and a trace without a file."""
    assert run("frobnicate")[0] == 2
    assert run("cost", made / "program.safetensors", "--colour")[0] == 2
    assert run("lower")[0] == 2
    refuse(run, "simulate", made / "program.safetensors", "--images", made / "images.npy", "--trace", said="--out")


def test_an_internal_error_is_exit_3(run: Run, made: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A fault of bittrue is told apart from bad input."""
    monkeypatch.setattr("bittrue.simulator.engine.Simulator.run", lambda *_, **__: 1 / 0)
    code, _, err = run("simulate", made / "program.safetensors", "--images", made / "images.npy")
    assert code == 3
    assert "internal error" in err
