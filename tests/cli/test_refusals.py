"""Bad input at the command line: one clear error, exit 2, no half-written file."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import timm
import torch
from cli_runs import Run, refuse
from safetensors.torch import save_file
from shared_data import EXAMPLE_WEIGHTS

from bittrue.spec.files import read_safetensors, write_safetensors


def test_outputs_that_would_destroy_something_are_refused(run: Run, made: Path, tmp_path: Path) -> None:
    """A folder, a device, an input of the same command; a link is written through."""
    plan = tmp_path / "plan"
    plan.write_bytes((made / "plan.safetensors").read_bytes())
    refuse(run, "lower", plan, "--out", plan, said="replace an input")
    program = made / "program.safetensors"
    compare = ("compare", program, "--images", made / "images.npy", "--plan", plan, "--out", plan)
    refuse(run, *compare, said="replace an input")
    weights = tmp_path / "weights.pth"
    weights.write_bytes(b"x")
    calibrate = ("calibrate", "mobilevit_xxs", "--weights", weights, "--images", made / "photos", "--out", weights)
    refuse(run, *calibrate, said="replace an input")
    refuse(run, "lower", plan, "--out", tmp_path, said="a folder")
    refuse(run, "lower", plan, "--out", "/dev/null", said="no regular file")
    refuse(run, "lower", plan, "--out", plan / "x", said="cannot write")
    assert plan.read_bytes() == (made / "plan.safetensors").read_bytes()
    (tmp_path / "target").write_text("old")
    (tmp_path / "link").symlink_to(tmp_path / "target")
    assert run("lower", plan, "--out", tmp_path / "link")[0] == 0
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "target").read_bytes() == (made / "program.safetensors").read_bytes()


def test_edited_provenance_is_refused(run: Run, made: Path, tmp_path: Path) -> None:
    """Preprocessing decides the bytes that photographs become: it stands outside the digest, not outside the check."""
    arrays, metadata = read_safetensors(made / "program.safetensors", "program")
    document = json.loads(metadata["document"])
    document["provenance"]["preprocessing"] = document["provenance"]["preprocessing"].replace("0.9", "0.2")
    write_safetensors(tmp_path / "edited", arrays, {**metadata, "document": json.dumps(document, sort_keys=True)})
    refuse(run, "simulate", tmp_path / "edited", "--images", made / "photos", said="edited")


def test_edited_comparisons_are_refused(run: Run, made: Path, tmp_path: Path) -> None:
    """Wrong types, impossible counts and endless nesting get one clear error."""
    path = tmp_path / "c.json"
    arguments = ("--plan", made / "plan.safetensors", "--out", path)
    assert run("compare", made / "program.safetensors", "--images", made / "images.npy", *arguments)[0] == 0
    whole = json.loads(path.read_text())
    edits: list[dict[str, object]] = [
        {"tensors": []},
        {"images": -1},
        {"top1": {}},
        {"program_sha256": 5},
        {"verdict": 7},
    ]
    for edit in edits:
        path.write_text(json.dumps({**whole, **edit}))
        refuse(
            run,
            "report",
            made / "program.safetensors",
            "--comparison",
            path,
            "--out",
            tmp_path / "r",
            said="not a comparison",
        )
    path.write_text('{"a":' * 30000)
    refuse(
        run,
        "report",
        made / "program.safetensors",
        "--comparison",
        path,
        "--out",
        tmp_path / "r",
        said="not a comparison",
    )
    assert not (tmp_path / "r").exists()


def damaged(made: Path, folder: Path, name: str, change: Callable[[bytes], bytes]) -> Path:
    path = folder / name
    path.write_bytes(change((made / name).read_bytes()))
    return path


def test_damaged_files_are_refused(run: Run, made: Path, tmp_path: Path) -> None:
    """Truncated and edited plans and programs, a missing one, one of another kind."""

    def cut(data: bytes) -> bytes:
        return data[: len(data) // 2]

    def edit(data: bytes) -> bytes:
        return data[:-5] + bytes([data[-5] ^ 1]) + data[-4:]

    out = tmp_path / "out"
    for change in (cut, edit):
        plan = damaged(made, tmp_path, "plan.safetensors", change)
        program = damaged(made, tmp_path, "program.safetensors", change)
        refuse(run, "lower", plan, "--out", out, said="plan")
        refuse(run, "simulate", program, "--images", made / "images.npy", "--out", out, said="program")
    refuse(run, "lower", made / "program.safetensors", "--out", out, said="not a quantization plan")
    refuse(run, "cost", made / "plan.safetensors", said="not a program")
    refuse(run, "cost", tmp_path / "absent", said="no such program")
    assert not out.exists()


def test_bad_images_are_refused(run: Run, made: Path, tmp_path: Path) -> None:
    """Missing, empty, unreadable, too few, wrong shape, wrong type, not numbers."""
    program = made / "program.safetensors"
    (tmp_path / "empty").mkdir()
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "x.png").write_text("no picture")
    np.save(tmp_path / "floats.npy", np.zeros((1, 3, 64, 64)))
    np.save(tmp_path / "small.npy", np.zeros((1, 3, 32, 32), np.uint8))
    np.save(tmp_path / "objects.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True)
    (tmp_path / "text.npy").write_text("hello")
    for source, said in (
        ("absent", "no such image folder"),
        ("empty", "holds no images"),
        ("bad", "not a readable image"),
        ("floats.npy", "holds no images for this program"),
        ("small.npy", "uint8 [N, 3, 64, 64]"),
        ("objects.npy", "not a readable"),
        ("text.npy", "not a readable"),
        ("absent.npy", "no such"),
    ):
        refuse(run, "simulate", program, "--images", tmp_path / source, "--out", tmp_path / "out", said=said)
    refuse(run, "simulate", program, "--images", made / "images.npy", "--limit", 3, said="not that many images")
    refuse(run, "simulate", program, "--images", made / "photos", "--limit", 3, said="not that many images")
    assert not (tmp_path / "out").exists()


def test_bad_hardware_is_refused(run: Run, made: Path, tmp_path: Path) -> None:
    """An unknown name, an unknown key, an impossible value, a missing unit, no TOML."""
    import bittrue.hw_configs

    folder = Path(bittrue.hw_configs.__file__).parent
    datapath, machine = (
        (folder / "datapaths" / "iot_npu.toml").read_text(),
        (folder / "machines" / "iot_npu.toml").read_text(),
    )
    cases = {
        "unknown_key.toml": (datapath.replace("shift_max", "shift_maximum"), "shift_max"),
        "impossible.toml": (datapath.replace("accumulator_bits = 32", "accumulator_bits = 99"), "accumulator_bits"),
        "no_toml.toml": ("= =", "no_toml.toml"),
    }
    for name, (text, said) in cases.items():
        (tmp_path / name).write_text(text)
        refuse(
            run, "lower", made / "plan.safetensors", "--out", tmp_path / "out", "--datapath", tmp_path / name, said=said
        )
    refuse(run, "lower", made / "plan.safetensors", "--out", tmp_path / "out", "--datapath", "iot_npv", said="iot_npu")
    (tmp_path / "no_unit.toml").write_text(machine.replace("clock_mhz", "clock"))
    refuse(run, "cost", made / "program.safetensors", "--machine", tmp_path / "no_unit.toml", said="clock_mhz")
    assert not (tmp_path / "out").exists()


def test_bad_vectors_requests_are_refused(run: Run, made: Path, tmp_path: Path) -> None:
    """An unknown step with the nearest names, a pattern that matches nothing, a folder in use, a broken package."""
    program, images = made / "program.safetensors", made / "images.npy"
    refuse(run, "vectors", program, "--images", images, "--step", "qkw", "--out", tmp_path / "v", said="qkv")
    refuse(run, "vectors", program, "--images", images, "--step", "x*", "--out", tmp_path / "v", said="no step matches")
    assert not (tmp_path / "v").exists()
    (tmp_path / "used").mkdir()
    (tmp_path / "used" / "mine.txt").write_text("mine")
    refuse(run, "vectors", program, "--images", images, "--step", "qkv", "--out", tmp_path / "used", said="empty")
    assert [path.name for path in (tmp_path / "used").iterdir()] == ["mine.txt"]
    shutil.copytree(made / "package", tmp_path / "package")
    (tmp_path / "package" / "manifest.json").write_text("{}")
    refuse(run, "check", tmp_path / "package", said="manifest")
    refuse(run, "check", made / "package", "--dut", tmp_path / "absent", said="design")


def test_bad_models_and_weights_are_refused(run: Run, made: Path, tmp_path: Path) -> None:
    """An unknown model, weights of another model, no weights, a pickle, an odd side."""
    images, out = made / "photos", tmp_path / "out"
    torch.manual_seed(0)
    save_file(timm.create_model("mobilevitv2_050", num_classes=10).state_dict(), tmp_path / "v2.safetensors")

    class Evil:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return (Path.touch, (Path(tmp_path / "pwned"),))  # type: ignore[return-value]

    torch.save({"x": Evil()}, tmp_path / "evil.pth")
    for arguments, said in (
        (["mobilevit_xxl", "--weights", tmp_path / "v2.safetensors"], "no such model"),
        (["mobilevit_xxs", "--weights", tmp_path / "v2.safetensors"], "not the weights of mobilevit_xxs"),
        (["mobilevit_xxs", "--weights", tmp_path / "absent.safetensors"], "no such weights file"),
        (["mobilevit_xxs", "--weights", made / "images.npy"], "weights file"),
        (["mobilevit_xxs", "--weights", tmp_path / "evil.pth"], "more than tensors"),
        (["mobilevit_xxs", "--weights", EXAMPLE_WEIGHTS, "--side", 100], "multiple of 64"),
        (["mobilevit_xxs", "--weights", EXAMPLE_WEIGHTS, "--side", 0], "out of range"),
        (["mobilevit_xxs", "--weights", EXAMPLE_WEIGHTS, "--side", 10**9 // 64 * 64], "out of range"),
        (["mobilevit_xxs", "--weights", EXAMPLE_WEIGHTS, "--method", "magic"], "minmax"),
        (["mobilevit_xxs", "--weights", EXAMPLE_WEIGHTS, "--weight-bits", 40], "--weight-bits"),
    ):
        refuse(run, "calibrate", *arguments, "--images", images, "--out", out, said=said)
    assert not (tmp_path / "pwned").exists()
    assert not out.exists()
