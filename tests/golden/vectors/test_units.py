"""Packages of bare units: what they hold, that they are whole, and what is refused of them."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest

from bittrue.golden.vectors.check import check_package, compare_design
from bittrue.golden.vectors.finish import Provenance
from bittrue.golden.vectors.manifest import Manifest, manifest_digest, manifest_text, payload_digest, sealed
from bittrue.golden.vectors.tags import read_tags, tags_text
from bittrue.golden.vectors.write_units import SetToWrite, write_unit_package
from bittrue.spec.datapath import Datapath
from bittrue.spec.errors import BadInput, BittrueError, OutOfDomain
from bittrue.spec.vectors import Stimuli, UnitVectors

BY = Provenance("bittrue vectors --unit softmax", 5, "reference")
SOFTMAX = "units/000_softmax.rows"


def softmax_set() -> UnitVectors:
    """Three rows of four logits with made-up answers: these tests are about files."""
    rng = np.random.default_rng(2)
    table = np.append(65535, np.sort(rng.integers(0, 65536, 255))[::-1])
    stimuli = Stimuli("softmax", "rows", "directed", {"logits": rng.integers(-128, 128, (3, 4))}, {"table": table})
    results = {
        "maximum": stimuli.driven["logits"].max(axis=1, keepdims=True),
        "exponential": rng.integers(0, 65536, (3, 4)),
        "sum": rng.integers(0, 1 << 20, (3, 1)),
        "reciprocal": rng.integers(0, 1 << 40, (3, 1)),
        "output": rng.integers(0, 65536, (3, 4)),
    }
    hits = {"row/equal": np.array([True, False, True]), "row/one_hot": np.zeros(3, bool), "row/any": np.ones(3, bool)}
    return UnitVectors(stimuli, results, hits)


def table_set() -> UnitVectors:
    """Codes through a table of unsigned entries."""
    codes, table = np.array([-128, 0, 127]), np.arange(255, -1, -1)
    stimuli = Stimuli("table", "ends", "uniform", {"codes": codes}, {"table": table, "input_low": np.array(-128)})
    return UnitVectors(stimuli, {"output": table[codes + 128]})


def write(datapath: Datapath, out: Path, *sets: UnitVectors) -> Manifest:
    """A package of these sets, or of both above."""
    return write_unit_package(datapath, sets or (softmax_set(), table_set()), out, BY)


def test_folders_roles_and_widths(datapath: Datapath, tmp_path: Path) -> None:
    """A set is a folder UNIT.SET; files have the names of ports and stages, widths are the datapath's."""
    manifest = write(datapath, tmp_path / "p")
    assert check_package(tmp_path / "p") == manifest
    assert (manifest.program, manifest.images, manifest.steps) == (None, (), ())
    softmax, table = manifest.units
    assert (softmax.folder, table.folder) == (SOFTMAX, "units/001_table.ends")
    assert (softmax.kind, softmax.stimulus, softmax.vectors, softmax.label) == ("table", "directed", 3, "softmax.rows")
    assert [(v.role, v.name, v.bits, v.signed, v.counted) for v in softmax.values] == [
        ("driven", "logits", 8, True, "vectors"),
        ("constant", "table", 16, False, None),
        ("stage", "maximum", 8, True, "vectors"),
        ("stage", "exponential", 16, False, "vectors"),
        ("stage", "sum", 64, True, "vectors"),
        ("stage", "reciprocal", 64, True, "vectors"),
        ("output", "output", 16, False, "vectors"),
    ]
    names = {path.removeprefix(f"{SOFTMAX}/") for path in manifest.files if path.startswith(SOFTMAX)}
    stems = ("logits", "const_table", "maximum", "exponential", "sum", "reciprocal", "output")
    assert names == {f"{stem}{suffix}" for stem in stems for suffix in (".npy", ".mem")} | {"tags.csv"}
    assert [(v.name, v.bits, v.signed) for v in table.values] == [
        ("codes", 8, True),
        ("table", 8, False),
        ("input_low", 8, True),
        ("output", 8, False),
    ]


def test_files_hold_the_vectors(datapath: Datapath, tmp_path: Path) -> None:
    """Every .npy is the array that was given, constants of no axis included."""
    given = table_set()
    manifest = write(datapath, tmp_path / "p", given)
    for value in manifest.units[0].values:
        source = given.results if value.role in ("stage", "output") else given.stimuli.arrays
        stored = np.load(tmp_path / "p" / value.npy)
        assert np.array_equal(stored, source[value.name]) and stored.shape == source[value.name].shape


def test_tags_and_coverage(datapath: Datapath, tmp_path: Path) -> None:
    """tags.csv has a line a vector and bin that it reaches; the manifest counts every declared bin."""
    manifest = write(datapath, tmp_path / "p")
    assert (tmp_path / "p" / SOFTMAX / "tags.csv").read_text() == (
        "vector,bin\n0,row/equal\n0,row/any\n1,row/any\n2,row/equal\n2,row/any\n"
    )
    assert manifest.units[0].coverage == {"row/equal": 2, "row/one_hot": 0, "row/any": 3}
    assert manifest.units[1].coverage == {}


def test_equal_sets_give_equal_bytes(datapath: Datapath, tmp_path: Path) -> None:
    """Two writes agree in every byte; a changed vector, tag or order of sets changes the payload."""
    first = write(datapath, tmp_path / "a")
    assert write(datapath, tmp_path / "b") == first
    assert (tmp_path / "a" / "manifest.json").read_bytes() == (tmp_path / "b" / "manifest.json").read_bytes()
    assert write_unit_package(datapath, (softmax_set(), table_set()), None, BY) == first  # without writing a file
    other = softmax_set()
    other.results["sum"][0] += 1
    assert write(datapath, tmp_path / "c", other, table_set()).payload_digest != first.payload_digest
    tagged = replace(softmax_set(), hits={})
    assert write(datapath, tmp_path / "d", tagged, table_set()).payload_digest != first.payload_digest
    units = first.model_copy(update={"units": first.units[:1]})
    assert manifest_digest(units) != first.manifest_digest


def test_what_cannot_be_written_is_refused(datapath: Datapath, tmp_path: Path) -> None:
    """Names that leave the folder, results of other vectors, two sets of one name, codes past their width."""
    one = softmax_set()
    wide = {**one.results, "exponential": one.results["exponential"] + 65536}
    short = {name: array[:2] for name, array in one.results.items()}
    unordered = {"output": one.results["output"], "sum": one.results["sum"]}
    refusals: list[tuple[type[BittrueError], str, tuple[UnitVectors, ...]]] = [
        (BadInput, "cannot be a folder's name", (replace(one, stimuli=replace(one.stimuli, name="../rows")),)),
        (BadInput, "not those of the stimuli", (replace(one, results=short),)),
        (BadInput, "not those of the stimuli", (replace(one, results=unordered),)),
        (OutOfDomain, "does not fit its width", (replace(one, results=wide),)),
        (BadInput, "coverage bin cannot stand", (replace(one, hits={"a,b": np.ones(3, bool)}),)),
        (BadInput, "one name", (one, one)),
    ]
    for kind, text, sets in refusals:
        with pytest.raises(kind, match=text):
            write(datapath, tmp_path / "p", *sets)
    assert list(tmp_path.iterdir()) == []


def test_a_port_and_a_stage_of_one_name(datapath: Datapath, tmp_path: Path) -> None:
    """A driven array that bears a stage's name stands behind in_; its width is its own."""
    twice = {**datapath.requantization.model_dump(), "second_rounding": "half_away", "high_bits": 32}
    path = Datapath.model_validate({**datapath.model_dump(), "requantization": twice})
    driven = {"accumulator": [5, -9], "multiplier": [3, 4], "shift": [33, 34], "high": [127, 100]}
    stimuli = Stimuli("requantize", "two", "directed", {name: np.array(array) for name, array in driven.items()})
    names = ("lifted", "product", "high", "rounded", "placed", "output")
    results = {name: np.array([-1, 70]) for name in names}
    manifest = write(path, tmp_path / "p", UnitVectors(stimuli, results))
    found = {(v.role, v.name): (v.npy.rsplit("/", 1)[-1], v.bits) for v in manifest.units[0].values}
    assert found["driven", "high"] == ("in_high.npy", 8) and found["stage", "high"] == ("high.npy", 32)
    check_package(tmp_path / "p")


def test_a_set_of_an_operators_requantizer(datapath: Datapath, tmp_path: Path) -> None:
    """Widths follow the operator whose requantizer the set drove, and the manifest names it."""
    requantization = {**datapath.requantization.model_dump(), "of": {"linear": {"multiplier_bits": 8}}}
    path = Datapath.model_validate({**datapath.model_dump(), "requantization": requantization})
    driven = {name: np.array([1]) for name in ("accumulator", "multiplier", "shift")}
    results = {name: np.array([0]) for name in ("product", "rounded", "placed", "output")}
    vectors = UnitVectors(Stimuli("requantize", "one", "real", driven), results)
    manifest = write_unit_package(path, (SetToWrite(vectors, "linear"),), tmp_path / "p", BY)
    assert manifest.units[0].op == "linear" and manifest.units[0].values[1].bits == 8


@pytest.fixture
def package(datapath: Datapath, tmp_path: Path) -> Path:
    """A package of both sets."""
    write(datapath, tmp_path / "package")
    return tmp_path / "package"


def relisted(package: Path, path: str, data: bytes) -> None:
    """Other bytes in a file, with size, hash and digests that fit."""
    manifest = Manifest.model_validate_json((package / "manifest.json").read_bytes())
    (package / path).write_bytes(data)
    entry = manifest.files[path].model_copy(update={"bytes": len(data), "sha256": sha256(data).hexdigest()})
    files = {**manifest.files, path: entry}
    changed = manifest.model_copy(update={"files": files, "payload_digest": payload_digest(files)})
    (package / "manifest.json").write_text(manifest_text(sealed(changed)))


def test_tags_that_do_not_fit_are_refused(package: Path) -> None:
    """Tags of vectors that are not there, twice, of other counts than stated, and text that is none."""
    path = f"{SOFTMAX}/tags.csv"
    right = (package / path).read_text()
    for text, said in (
        (right.replace("2,row/any", "3,row/any"), "not a tag"),
        (right.replace("2,row/any", "2,row/equal"), "twice"),
        (right.replace("2,row/any\n", ""), "not the coverage"),
        (right.replace("2,row/any", "2,row/new"), "not the coverage"),
        (right.replace("vector,bin", "bin,vector"), "not a file of tags"),
        (right.rstrip("\n"), "not a file of tags"),
        (right.replace("0,row/any", "-0,row/any"), "not a tag"),
        ("", "not a file of tags"),
    ):
        relisted(package, path, text.encode())
        with pytest.raises(BadInput, match=said):
            check_package(package)
    relisted(package, path, right.encode())
    check_package(package)


def edit(package: Path, change: Callable[[dict[str, object]], None]) -> None:
    """Edit the first set in the manifest's JSON."""
    document = json.loads((package / "manifest.json").read_bytes())
    change(document["units"][0])
    (package / "manifest.json").write_text(json.dumps(document))


@pytest.mark.parametrize(
    "change",
    [
        {"vectors": 4},
        {"vectors": 0},
        {"unit": "soft max"},
        {"name": "../rows"},
        {"stimulus": "made up"},
        {"tags": f"{SOFTMAX}/sum.npy"},
        {"tags": "units/nowhere.csv"},
        {"folder": "units/001_table.ends"},
        {"unit": "table", "name": "ends"},
        {"coverage": {"row/any": -1}},
        {"surprise": 1},
    ],
)
def test_sets_that_contradict_themselves_are_refused(package: Path, change: dict[str, object]) -> None:
    """Other counts, names, folders and files than the set has make the manifest invalid."""
    edit(package, lambda one: one.update(change))
    with pytest.raises(BadInput, match="not valid"):
        check_package(package)


RATE = {
    "unit": "softmax", "op": None, "vectors": 3, "mutants": 9, "killed": 6, "killed_by_output": 5, "equivalent": 2,
    "survived": 1,
}  # fmt: skip


def test_kill_rates_count_every_mutant_of_a_unit_of_the_package(package: Path) -> None:
    """6 + 2 + 1 of 9; other sums, units that are not there, and two counts of one unit make the manifest invalid."""
    document = json.loads((package / "manifest.json").read_bytes())
    rate = Manifest.model_validate_json(json.dumps({**document, "mutation": [RATE]})).mutation[0]
    assert rate.score == 6 / 7
    for rates in (
        [{**RATE, "killed": 7}], [{**RATE, "killed_by_output": 7}], [{**RATE, "unit": "norm"}],
        [{**RATE, "op": "conv2d"}], [RATE, RATE], [{**RATE, "mutants": 0}],
    ):  # fmt: skip
        (package / "manifest.json").write_text(json.dumps({**document, "mutation": rates}))
        with pytest.raises(BadInput, match="not valid"):
            check_package(package)


@pytest.mark.parametrize("folder", ["softmax.rows", "000_softmax.rows"])
def test_a_design_answers_sets(package: Path, tmp_path: Path, folder: str) -> None:
    """A dump below UNIT.SET or its folder is compared; a mismatch names the vector."""
    (tmp_path / "d" / folder).mkdir(parents=True)
    truth = np.load(package / SOFTMAX / "exponential.npy")
    truth[2, 1] ^= 4
    np.save(tmp_path / "d" / folder / "exponential.npy", truth)
    verdict = compare_design(package, tmp_path / "d")
    found = verdict.first_difference
    assert found is not None and (found.step, found.stage, found.mismatches) == ("softmax.rows", "exponential", 1)
    assert str(found.first).startswith("softmax.rows exponential[vector 2][1]: expected 0x")
    assert verdict.not_compared == (
        "softmax.rows/maximum", "softmax.rows/sum", "softmax.rows/reciprocal", "softmax.rows/output",
        "table.ends/output",
    )  # fmt: skip


def test_tags_round_trip() -> None:
    """What is written is read, bins that no vector reaches left out."""
    hits = {"b": np.array([False, True]), "a": np.array([True, True]), "none": np.zeros(2, bool)}
    found = read_tags(tags_text(hits), 2, "t")
    assert {name: mask.tolist() for name, mask in found.items()} == {"a": [True, True], "b": [False, True]}
