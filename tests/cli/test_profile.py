"""bittrue simulate --profile."""

from __future__ import annotations

import json
from pathlib import Path

from cli_runs import Run, refuse


def test_the_profile_stands_behind_the_result(run: Run, made: Path, tmp_path: Path) -> None:
    """Totals by op, the longest steps, and files with all of them."""
    code, out, _ = run(
        "simulate",
        made / "program.safetensors",
        "--images",
        made / "images.npy",
        "--profile",
        "--profile-out",
        tmp_path / "p.json",
        "--plot",
        tmp_path / "p.png",
    )
    assert code == 0
    steps = json.loads((tmp_path / "p.json").read_text())["steps"]
    longest = f"the longest {min(15, len(steps))} of {len(steps)} steps"
    for words in ("class", "by op", longest, "GMAC/s at the peak of the tile", "layer_norm"):
        assert words in out, words
    assert str(tmp_path / "p.png") in "".join(out.split())
    assert (tmp_path / "p.png").is_file()


def test_machines_get_every_step_and_the_same_logits(run: Run, made: Path) -> None:
    """One document; timing changes no integer."""
    command = ("simulate", made / "program.safetensors", "--images", made / "photos", "--json")
    plain, timed = (json.loads(run(*command, *more)[1]) for more in ((), ("--profile",)))
    assert "profile" not in plain
    steps = timed.pop("profile")["steps"]
    assert all(step["minimum_us"] <= step["median_us"] for step in steps)
    assert timed == plain


def test_profile_outputs_are_refused_first(run: Run, made: Path, tmp_path: Path) -> None:
    """Without a profile, over an input, or both at one path."""
    program, images = made / "program.safetensors", made / "images.npy"
    before = images.read_bytes()
    refuse(run, "simulate", program, "--images", images, "--plot", tmp_path / "p.png", said="add --profile")
    refuse(run, "simulate", program, "--images", images, "--profile-out", tmp_path / "p", said="add --profile")
    refuse(run, "simulate", program, "--images", images, "--profile", "--plot", images, said="would replace an input")
    refuse(
        run,
        "simulate",
        program,
        "--images",
        images,
        "--profile",
        "--plot",
        tmp_path / "same",
        "--out",
        tmp_path / "same",
        said="two outputs have one path",
    )
    assert images.read_bytes() == before
    assert not list(tmp_path.iterdir())
