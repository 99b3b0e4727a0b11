"""write_package: what a package holds, that it is the same every time, and what it refuses."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from bittrue.golden.vectors.manifest import Manifest
from bittrue.golden.vectors.write import write_package
from bittrue.spec.errors import BadInput, BittrueError, IllFormed, OutOfDomain
from bittrue.spec.program import Program, Step
from bittrue.spec.trace import Trace

Traces = tuple[Trace, ...]
STEPS = ("stem.0.conv", "stem.0.act", "head.norm")
NAMES = ("cat.png", "dog.png")


def write(program: Program, traces: Traces, out: Path, *, steps: tuple[str, ...] = STEPS, seed: int = 3) -> Manifest:
    """Write a package of the tiny program."""
    return write_package(program, traces, steps, out, seed=seed, command="c", image_names=NAMES[: len(traces)])


def contents(package: Path) -> dict[str, bytes]:
    """Every file of a package by relative path."""
    return {p.relative_to(package).as_posix(): p.read_bytes() for p in package.rglob("*") if p.is_file()}


def test_layout_and_order(program: Program, traces: Traces, tmp_path: Path) -> None:
    """Steps stand in program order whatever was asked, values in the order in which they arise."""
    manifest = write(program, traces, tmp_path / "p", steps=("head.norm", "stem.0.conv"))
    assert [step.folder for step in manifest.steps] == ["steps/000_stem.0.conv", "steps/002_head.norm"]
    conv = [(value.role, value.name) for value in manifest.steps[0].values]
    assert conv == [
        ("input", "input_0"),
        ("constant", "weight"),
        ("constant", "bias"),
        ("constant", "multiplier"),
        ("constant", "shift"),
        ("stage", "accumulator"),
        ("stage", "rounded"),
        ("output", "output"),
    ]
    stems = [
        "input_0",
        "const_weight",
        "const_bias",
        "const_multiplier",
        "const_shift",
        "accumulator",
        "rounded",
        "output",
    ]
    listed = {f"steps/000_stem.0.conv/{stem}{suffix}" for stem in stems for suffix in (".npy", ".mem")}
    assert {path for path in manifest.files if "conv" in path} == listed
    assert set(contents(tmp_path / "p")) == {*manifest.files, "manifest.json"}


def test_truth_is_the_trace(program: Program, traces: Traces, tmp_path: Path) -> None:
    """Every .npy is the traces' array, stacked along a leading image axis; constants are not stacked."""
    manifest = write(program, traces, tmp_path / "p")
    for step in manifest.steps:
        for value in step.values:
            if value.role == "constant":
                expected = program.constants[f"{step.name}/{value.name}"]
            elif value.role == "stage":
                expected = np.stack([trace.stages[step.name][value.name] for trace in traces])
            else:
                assert value.tensor is not None
                expected = np.stack([trace.tensors[value.tensor] for trace in traces])
            stored = np.load(tmp_path / "p" / value.npy, allow_pickle=False)
            assert np.array_equal(stored, expected) and stored.shape == value.shape
            assert value.stream is None and value.counted == (None if value.role == "constant" else "images")


def test_widths_are_the_datapaths(program: Program, traces: Traces, tmp_path: Path) -> None:
    """A width is the one that the contract proves; stages without one have 64 bits, signed."""
    manifest = write(program, traces, tmp_path / "p")
    widths = {(s.name, v.name): (v.bits, v.signed) for s in manifest.steps for v in s.values}
    assert widths == {
        ("stem.0.conv", "input_0"): (8, False),
        ("stem.0.conv", "weight"): (5, True),
        ("stem.0.conv", "bias"): (18, True),
        ("stem.0.conv", "multiplier"): (15, False),
        ("stem.0.conv", "shift"): (6, False),
        ("stem.0.conv", "accumulator"): (21, True),
        ("stem.0.conv", "rounded"): (64, True),
        ("stem.0.conv", "output"): (6, True),
        ("stem.0.act", "input_0"): (6, True),
        ("stem.0.act", "table"): (8, False),
        ("stem.0.act", "output"): (8, False),
        ("head.norm", "input_0"): (8, False),
        ("head.norm", "epsilon"): (60, False),
        ("head.norm", "pre_shift"): (4, False),
        ("head.norm", "root_shift"): (5, False),
        ("head.norm", "reciprocal_bits"): (6, False),
        ("head.norm", "multiplier"): (16, True),
        ("head.norm", "bias"): (32, True),
        ("head.norm", "shift"): (6, False),
        ("head.norm", "sum"): (20, True),
        ("head.norm", "sum_of_squares"): (30, True),
        ("head.norm", "variance"): (60, False),
        ("head.norm", "root"): (64, True),
        ("head.norm", "reciprocal"): (64, True),
        ("head.norm", "normalized"): (64, True),
        ("head.norm", "output"): (8, True),
    }


def test_codes_have_a_meaning(program: Program, traces: Traces, tmp_path: Path) -> None:
    """Zero points and scales stand beside the axis of the stored array along which they vary."""
    manifest = write(program, traces, tmp_path / "p")
    output = manifest.steps[0].values[-1]
    assert (output.zero_point, output.scale, output.axis) == ((-3, 4), (0.1, 0.2), 2)
    assert output.shape == (2, 1, 2, 3, 4)
    assert manifest.steps[0].values[0].axis is None and manifest.steps[0].values[1].zero_point == ()


def test_provenance(program: Program, traces: Traces, tmp_path: Path) -> None:
    """The manifest says what was run, on what, by whom, for which hardware, and how to get it again."""
    manifest = write(program, traces, tmp_path / "p", seed=99)
    assert manifest.program.digest == program.digest and manifest.program.model == "tiny"
    assert manifest.datapath == program.datapath and manifest.program.provenance == {"method": "by hand"}
    assert (manifest.seed, manifest.command, manifest.producer.trace) == (99, "c", "reference")
    assert manifest.producer.numpy == np.__version__
    assert [image.source for image in manifest.images] == list(NAMES)
    assert manifest.images[1].sha256 == hashlib.sha256(traces[1].tensors["image"].tobytes()).hexdigest()
    bound = program.steps[0].bound
    assert bound is not None and manifest.steps[0].accumulator_bound == (bound.low, bound.high)
    assert manifest.steps[0].attributes["kernel"] == (2, 1)
    assert Manifest.model_validate_json((tmp_path / "p" / "manifest.json").read_bytes()) == manifest


def test_same_bytes_every_time(program: Program, traces: Traces, tmp_path: Path) -> None:
    """Two writes give the same bytes; the payload digest ignores provenance and sees every code."""
    first, second = write(program, traces, tmp_path / "a"), write(program, traces, tmp_path / "b")
    assert contents(tmp_path / "a") == contents(tmp_path / "b") and first == second
    other = write(program, traces, tmp_path / "c", seed=4)
    assert other.payload_digest == first.payload_digest and other.manifest_digest != first.manifest_digest
    changed = traces[0].tensors["head.norm"].copy()
    changed[0, 0, 0, 0] ^= 1
    edited = (replace(traces[0], tensors={**traces[0].tensors, "head.norm": changed}), traces[1])
    assert write(program, edited, tmp_path / "d").payload_digest != first.payload_digest


def test_byte_order_and_memory_order_do_not_matter(program: Program, traces: Traces, tmp_path: Path) -> None:
    """Big-endian or column-major arrays in a trace give the same files."""
    stages = traces[0].stages
    turned = {step: {n: np.asfortranarray(a).astype(">i8") for n, a in held.items()} for step, held in stages.items()}
    first = write(program, traces, tmp_path / "a")
    second = write(program, (replace(traces[0], stages=turned), traces[1]), tmp_path / "b")
    assert first.files == second.files


def test_traces_without_stages(program: Program, traces: Traces, tmp_path: Path) -> None:
    """Without stages a package holds inputs, constants and outputs only."""
    bare = tuple(replace(trace, stages={}) for trace in traces)
    manifest = write(program, bare, tmp_path / "p")
    assert {value.role for step in manifest.steps for value in step.values} == {"input", "constant", "output"}


def test_empty_folder_is_taken(program: Program, traces: Traces, tmp_path: Path) -> None:
    """An empty folder becomes the package, and nothing stays beside it."""
    (tmp_path / "p").mkdir()
    write(program, traces, tmp_path / "p")
    assert [path.name for path in tmp_path.iterdir()] == ["p"] and (tmp_path / "p" / "manifest.json").is_file()


def test_the_folder_has_the_usual_permissions(program: Program, traces: Traces, tmp_path: Path) -> None:
    """A package is as readable as a folder made by hand."""
    write(program, traces, tmp_path / "p")
    (tmp_path / "by_hand").mkdir()
    assert (tmp_path / "p").stat().st_mode == (tmp_path / "by_hand").stat().st_mode


@pytest.mark.parametrize("kind", ["full", "file", "link"])
def test_other_outputs_are_refused(program: Program, traces: Traces, tmp_path: Path, kind: str) -> None:
    """A folder with something in it, a file and a link are left alone."""
    out = tmp_path / "p"
    if kind == "full":
        out.mkdir()
        (out / "mine.txt").write_text("keep")
    elif kind == "file":
        out.write_text("keep")
    else:
        (tmp_path / "elsewhere").mkdir()
        out.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(BadInput, match="output folder is not empty") as error:
        write(program, traces, out)
    assert "--out" in error.value.next_step
    assert len(list(tmp_path.iterdir())) == (2 if kind == "link" else 1)


def test_nothing_half_written_stays(
    program: Program, traces: Traces, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A refusal or a failing disk in the middle leaves no folder behind."""
    wild = {**traces[1].stages, "stem.0.conv": {**traces[1].stages["stem.0.conv"]}}
    wild["stem.0.conv"]["accumulator"] = wild["stem.0.conv"]["accumulator"] + (1 << 20)
    with pytest.raises(OutOfDomain, match="does not fit") as error:
        write(program, (traces[0], replace(traces[1], stages=wild)), tmp_path / "p")
    assert error.value.where.startswith("stem.0.conv accumulator[1, ")

    def full_disk(path: Path, *arguments: object, **options: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "open", full_disk)
    with pytest.raises(BadInput, match="cannot write") as broken:
        write(program, traces, tmp_path / "p")
    assert broken.value.got == "No space left on device"
    assert list(tmp_path.iterdir()) == []


def test_arguments_that_do_not_fit_are_refused(program: Program, traces: Traces, tmp_path: Path) -> None:
    """Steps and traces are checked before anything is written."""
    one, two = traces
    conv = one.stages["stem.0.conv"]
    unequal = {**one.stages, "stem.0.conv": {**conv, "rounded": conv["rounded"][..., :2]}}
    refusals: list[tuple[type[BittrueError], str, Traces, tuple[str, ...]]] = [
        (BadInput, "one trace and one name", (), STEPS),
        (BadInput, "each once", traces, ()),
        (BadInput, "each once", traces, ("head.norm", "head.norm")),
        (IllFormed, "no such step", traces, ("head.nrm",)),
        (BadInput, "another program", (one, replace(two, program_digest="0" * 64)), STEPS),
        (BadInput, "lacks a tensor", (one, replace(two, tensors={"image": two.tensors["image"]})), STEPS),
        (
            OutOfDomain,
            "wrong shape",
            (one, replace(two, tensors={**two.tensors, "image": np.zeros((1, 3, 2, 2), np.uint8)})),
            STEPS,
        ),
        (BadInput, "same stages", (one, replace(two, stages={})), STEPS),
        (BadInput, "same stages", (one, replace(two, stages=unequal)), STEPS),
    ]
    for kind, text, given, steps in refusals:
        with pytest.raises(kind, match=text):
            write(program, given, tmp_path / "p", steps=steps)
    with pytest.raises(BadInput, match="one trace and one name"):
        write_package(program, traces, STEPS, tmp_path / "p", seed=0, command="", image_names=("one",))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["stem/conv", "..", ".hidden", "a b", "a\\b", "C:conv", "", "é", "a\n", "x" * 201])
def test_step_names_that_are_no_folder_names(program: Program, traces: Traces, tmp_path: Path, name: str) -> None:
    """A step whose name could leave the folder or break a file system is refused."""
    tensors = {**program.tensors, name: replace(program.tensors["head.norm"], name=name)}
    constants = {key.replace("head.norm/", f"{name}/"): value for key, value in program.constants.items()}
    last = program.steps[-1]
    odd = replace(
        program, tensors=tensors, constants=constants, steps=(*program.steps[:-1], Step(name, last.op, last.inputs))
    )
    with pytest.raises(BadInput, match="cannot be a folder's name"):
        write(odd, tuple(replace(trace, program_digest=odd.digest) for trace in traces), tmp_path / "p", steps=(name,))
