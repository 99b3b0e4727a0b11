"""Packages of bare units from files, sources and networks, and their replay."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import hand_program
import numpy as np
import pytest

from bittrue import workflow
from bittrue.golden.mutants.operators import mutants_of
from bittrue.golden.mutants.score import outcomes
from bittrue.golden.mutants.units import words_of
from bittrue.golden.vectors.check import check_package
from bittrue.golden.vectors.extras import Extras
from bittrue.golden.vectors.manifest import Manifest, manifest_text, payload_digest, sealed
from bittrue.golden.vectors.stream import StreamChoice
from bittrue.hw_configs.load import load_datapath
from bittrue.spec.datapath import Datapath
from bittrue.spec.errors import BadInput, BittrueError, IllFormed, OutOfDomain, Unsupported
from bittrue.spec.program_file import save_program
from bittrue.spec.vectors import Integers, Stimuli, StimulusKind
from bittrue.workflow.check import check
from bittrue.workflow.replay import replay
from bittrue.workflow.stimuli import Hits, declared_coverage, given_stimuli
from bittrue.workflow.unit_vectors import Network, unit_vectors

IOT_NPU = load_datapath("iot_npu")


class Signs:
    """Coverage of two bins, so that these tests need no declared ones."""

    def hits(self, stimuli: Stimuli, results: Mapping[str, Integers]) -> Hits:
        """Whether an output is negative, and whether it is not."""
        negative = (results["output"] < 0).reshape(stimuli.vectors, -1).any(axis=1)
        return {"sign/negative": negative, "sign/other": ~negative}


def signs(datapath: Datapath, unit: str) -> Signs:
    """The bins of every unit but softmax, which has none."""
    if unit == "softmax":
        raise Unsupported("no bins", got=unit)
    return Signs()


def drawn(datapath: Datapath, unit: str, kind: StimulusKind, seed: int = 0) -> tuple[Stimuli, ...]:
    """Two small sets of a kind."""
    rng = np.random.default_rng(seed)
    driven = {
        "accumulator": rng.integers(-(1 << 31), 1 << 31, 9),
        "multiplier": rng.integers(1 << 30, 1 << 31, 9),
        "shift": rng.integers(31, 62, 9),
    }
    return tuple(Stimuli(unit, f"{kind}_{name}", kind, driven) for name in "ab")


def made(out: Path, **options: object) -> Manifest:
    """A package of requantizer sets from the sources above."""
    options = {"kinds": ("directed",), "datapath": "iot_npu", "stimuli": drawn, "coverage": signs, **options}
    return unit_vectors("requantize", out=out, **options)  # type: ignore[arg-type]


@pytest.fixture
def network(tmp_path: Path) -> Network:
    """The hand-made program with two images."""
    program = hand_program.build()
    save_program(program, tmp_path / "program.safetensors")
    np.save(tmp_path / "images.npy", np.random.default_rng(0).integers(0, 256, (2, 3, 4, 4), dtype=np.uint8))
    return Network(tmp_path / "program.safetensors", tmp_path / "images.npy", ("*",), 2, 100)


def test_answers_are_the_simulators(tmp_path: Path) -> None:
    """Every stage and output in the package is what `bittrue unit` says; bins are counted."""
    manifest = made(tmp_path / "p", kinds=("directed", "uniform"), seed=4)
    assert check_package(tmp_path / "p") == manifest
    assert [one.name for one in manifest.units] == ["directed_a", "directed_b", "uniform_a", "uniform_b"]
    one = manifest.units[0]
    arrays = {v.name: np.load(tmp_path / "p" / v.npy) for v in one.values if v.role == "driven"}
    found = workflow.unit("requantize", datapath="iot_npu", inputs=arrays, stages=True)
    for value in one.values:
        if value.role in ("stage", "output"):
            assert np.array_equal(np.load(tmp_path / "p" / value.npy), found[value.name])
    assert one.coverage["sign/negative"] == int((found["output"] < 0).sum())


def test_a_package_says_how_many_faults_its_sets_notice(tmp_path: Path) -> None:
    """Both sets together, against the mutants of `bench mutation`; a unit without mutants is refused first."""
    manifest = made(tmp_path / "p", mutants=True)
    assert check_package(tmp_path / "p") == manifest
    (rate,) = manifest.mutation
    words = words_of(IOT_NPU, "requantize")
    planted = mutants_of(words, gates_at_most=400)
    found = outcomes(words, planted, drawn(IOT_NPU, "requantize", "directed"))
    assert (rate.unit, rate.op, rate.vectors, rate.mutants) == ("requantize", None, 18, len(planted))
    assert rate.killed == sum(each.by_stage is not None for each in found)
    assert rate.killed_by_output == sum(each.by_output is not None for each in found) < rate.killed
    assert rate.equivalent > 0 and rate.survived > 0
    assert made(tmp_path / "q").mutation == ()
    with pytest.raises(Unsupported, match="graph of words"):
        made(tmp_path / "r", mutants=True, datapath="nvdla_small")
    assert not (tmp_path / "r").exists()


def test_arrays_as_bittrue_unit_takes_them(tmp_path: Path) -> None:
    """An .npz becomes one set that bears its name; operands are spread over the elements, defaults filled in."""
    given = {
        "accumulator": np.arange(-6, 6).reshape(3, 4) << 20,
        "multiplier": np.array([1 << 30, 1 << 29, 5, 7]),
        "shift": np.array([[31], [32], [33]]),
    }
    np.savez(tmp_path / "my rows.npz", **given)
    manifest = made(tmp_path / "p", kinds=(), inputs=tmp_path / "my rows.npz")
    (one,) = manifest.units
    assert (one.label, one.stimulus, one.vectors) == ("requantize.my_rows", "real", 12)
    driven = {v.name: np.load(tmp_path / "p" / v.npy) for v in one.values if v.role == "driven"}
    assert driven["multiplier"].tolist() == given["multiplier"].tolist() * 3
    assert driven["shift"].tolist() == [31] * 4 + [32] * 4 + [33] * 4 and set(driven["low"].tolist()) == {-128}
    found = workflow.unit("requantize", datapath="iot_npu", inputs=given)["output"]
    assert np.array_equal(np.load(tmp_path / "p" / one.values[-1].npy), found.reshape(-1))


def test_which_arrays_are_constant() -> None:
    """Tables, weights and what belongs to a column are loaded once; rows and what belongs to a row change."""
    mac = given_stimuli(IOT_NPU, "mac", {"activations": np.ones((3, 2), int), "weights": np.ones((2, 4), int)})
    assert set(mac.driven) == {"activations"} and mac.vectors == 3 and "weights" in mac.constants
    square = given_stimuli(IOT_NPU, "mac", {"activations": np.ones((2, 2), int), "weights": np.ones((2, 2), int)})
    assert set(square.driven) == {"activations"}
    table = given_stimuli(IOT_NPU, "table", {"codes": np.zeros((2, 3), int), "table": np.zeros(256, int)})
    assert table.driven["codes"].shape == (6,) and set(table.constants) == {"table", "input_low"}
    added = given_stimuli(IOT_NPU, "accumulate", {"addends": np.ones((5, 2), int)})
    assert set(added.driven) == {"addends", "bias", "initial", "pre_shift"} and added.driven["bias"].shape == (5,)


def test_a_network_drives_units(tmp_path: Path, network: Network) -> None:
    """Every unit of every chosen step, image by image; the manifest names program and images."""
    manifest = unit_vectors(
        ["mac", "requantize", "table"], out=tmp_path / "p", kinds=("real",), network=network, coverage=signs
    )
    assert manifest.program is not None and len(manifest.images) == 2
    labels = [one.label for one in manifest.units]
    assert labels[:5] == [
        "table.quantized.image_0", "mac.conv.image_0", "requantize.conv.image_0", "table.relu.table_0.image_0",
        "table.relu.table_1.image_0",
    ]  # fmt: skip
    assert len(labels) == 14 and all(one.stimulus == "real" for one in manifest.units)
    assert {one.op for one in manifest.units if one.unit == "requantize"} == {"conv2d", "linear"}
    check_package(tmp_path / "p")


def test_a_packages_units_are_replayed_from_themselves(tmp_path: Path, network: Network) -> None:
    """Whatever formats it has: every file comes out again, and nothing is written."""
    extras = Extras.of(("hex", "bin", "coe", "mif", "h", "map", "tosa"), StreamChoice(layout="k3", lanes=2))
    unit_vectors(
        ["mac", "requantize", "table"], out=tmp_path / "p", kinds=("real",), network=network, coverage=signs,
        extras=extras,
    )  # fmt: skip
    before = sorted(tmp_path.rglob("*"))
    manifest = check_package(tmp_path / "p")
    again = replay(tmp_path / "p", manifest, coverage=signs)
    assert again.agreed and again.files == len(manifest.files) and sorted(tmp_path.rglob("*")) == before


def relisted(package: Path, path: str, array: np.ndarray) -> None:
    """Another array in a .npy and its .mem, with digests that fit: an edit that integrity cannot find."""
    from bittrue.golden.vectors.folder import PackageFolder
    from bittrue.golden.vectors.memory import mem_parts, to_patterns
    from bittrue.golden.vectors.npy import npy_parts

    manifest = check_package(package)
    value = next(v for group in manifest.groups for v in group.values if v.npy == path)
    folder = PackageFolder(package, dict(manifest.files))
    patterns = to_patterns(array, bits=value.bits, signed=value.signed, name="t")
    folder.write(value.npy, npy_parts(array))
    folder.write(value.mem, mem_parts(patterns, array.shape, value.bits, signed=value.signed, name="t"))
    changed = manifest.model_copy(update={"files": folder.entries, "payload_digest": payload_digest(folder.entries)})
    (package / "manifest.json").write_text(manifest_text(sealed(changed)))


def test_a_replay_finds_what_integrity_cannot(tmp_path: Path) -> None:
    """A wrong answer with fitting hashes passes the check and fails the replay, which names the file."""
    made(tmp_path / "p", coverage=declared_coverage)
    path = "units/001_requantize.directed_b/rounded.npy"
    array = np.load(tmp_path / "p" / path)
    array[3] ^= 1
    relisted(tmp_path / "p", path, array)
    assert check(tmp_path / "p").agreed
    result = check(tmp_path / "p", replay=True)
    assert not result.agreed and result.replay is not None
    assert result.replay.differing == (path.replace(".npy", ".mem"), path)


def test_steps_are_replayed_from_program_and_images(tmp_path: Path, network: Network) -> None:
    """The same program and images give every file again; others are refused by name, none at all too."""
    workflow.vectors(network.program, images=network.images, steps=["conv", "relu"], out=tmp_path / "p", limit=2)
    result = check(tmp_path / "p", replay=True, program=Path(str(network.program)), images=network.images)
    assert result.agreed and result.replay is not None and result.replay.files == len(result.manifest.files)
    program = Path(str(network.program))
    np.save(tmp_path / "other.npy", np.zeros((2, 3, 4, 4), np.uint8))
    other = hand_program.build()
    constants = {**other.constants, "relu/table": other.constants["relu/table"] // 2}
    save_program(replace(other, constants=constants), tmp_path / "other.safetensors")
    for text, options in (
        ("other images", {"program": program, "images": tmp_path / "other.npy"}),
        ("another program", {"program": tmp_path / "other.safetensors", "images": network.images}),
        ("from their program and images", {"program": program}),
        ("from their program and images", {}),
    ):
        with pytest.raises(BadInput, match=text):
            check(tmp_path / "p", replay=True, **options)
    with pytest.raises(BadInput, match="for a replay"):
        check(tmp_path / "p", program=program, images=network.images)


def test_what_makes_no_sense_is_refused_before_any_work(tmp_path: Path, network: Network) -> None:
    """Contradictions say which options they are; no folder is left."""
    arrays = {"accumulator": np.array([1]), "multiplier": np.array([1]), "shift": np.array([1])}
    refusals: list[tuple[type[BittrueError], str, dict[str, object]]] = [
        (BadInput, "not made as well", {"inputs": arrays}),
        (BadInput, "come from --stimuli", {"kinds": ()}),
        (BadInput, "from a program and images", {"kinds": ("real",)}),
        (BadInput, "for --stimuli real", {"network": network, "datapath": None}),
        (BadInput, "brings its datapath", {"kinds": ("real",), "network": network}),
        (
            BadInput,
            "requantizer of their operator",
            {"kinds": ("real",), "network": network, "datapath": None, "op": "linear"},
        ),
        (BadInput, "no vectors to write", {"stimuli": lambda *request: ()}),
        (BadInput, "no step matches", {"kinds": ("real",), "datapath": None, "network": with_steps(network, "x*")}),
        (BadInput, "drives any", {"kinds": ("real",), "datapath": None, "network": with_steps(network, "relu")}),
        (OutOfDomain, "outside what", {"kinds": (), "inputs": {**arrays, "shift": np.array([99])}}),
    ]
    for kind, text, options in refusals:
        with pytest.raises(kind, match=text):
            made(tmp_path / "p", **options)
    for units, text in (
        (["requantize", "requantize"], "each unit once"),
        ([], "each unit once"),
        (["soft"], "no unit"),
    ):
        with pytest.raises(BadInput, match=text):
            unit_vectors(units, out=tmp_path / "p", kinds=("directed",), stimuli=drawn, coverage=signs)
    with pytest.raises(Unsupported, match="no softmax unit"):
        unit_vectors("softmax", out=tmp_path / "p", kinds=("directed",), datapath="gemmini", stimuli=drawn)
    with pytest.raises(IllFormed, match="count their vectors"):
        Stimuli("softmax", "none", "real", {})
    assert not (tmp_path / "p").exists()


def with_steps(network: Network, pattern: str) -> Network:
    """Other steps of the same network."""
    return Network(network.program, network.images, (pattern,))
