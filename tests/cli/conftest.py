"""What the tests of the command line share: running it, and a folder with one of every kind of file."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from cli_runs import Run
from PIL import Image
from small_models import pictures, small_plan

from bittrue.calibration.plan import save_plan
from bittrue.cli.main import main
from bittrue.workflow import lower, vectors


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run the command in this process: (exit code, standard output, standard error)."""

    def call(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["bittrue", *map(str, arguments)])
        with pytest.raises(SystemExit) as left:
            main()
        captured = capsys.readouterr()
        return int(left.value.code or 0), captured.out, captured.err

    return call


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a plan, a program, images and a package; tests copy what they damage."""
    folder = tmp_path_factory.mktemp("made")
    plan = small_plan()
    save_plan(plan, folder / "plan.safetensors")
    program = lower(plan, out=folder / "program.safetensors")
    np.save(folder / "images.npy", pictures(2, seed=3))
    vectors(program, images=folder / "images.npy", steps=["qkv", "softmax"], out=folder / "package")
    (folder / "photos").mkdir()
    for index, picture in enumerate(pictures(2, seed=4)):
        Image.fromarray(picture.transpose(1, 2, 0)).save(folder / "photos" / f"{index}.png")
    return folder
