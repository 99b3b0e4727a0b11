"""Prefixes: programs that begin alike run their beginning once on the same images, and no figure changes by it."""

from __future__ import annotations

import io
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from op_datapaths import datapath
from small_models import pictures, small_plan
from study_files import client_here, photographs, written

from bittrue.calibration.lowering.lower import lower_plan
from bittrue.calibration.plan import QuantPlan
from bittrue.exploration import cluster
from bittrue.exploration.explore import explore
from bittrue.exploration.prefix_store import PrefixStore
from bittrue.exploration.prefixed_run import PrefixedRun
from bittrue.exploration.prefixes import Candidate, candidates, chosen
from bittrue.exploration.study import Request
from bittrue.golden.reference import Reference
from bittrue.reports.exploration_data import StudyData
from bittrue.simulator.engine import Simulator
from bittrue.spec.cuts import Cut
from bittrue.spec.program import Program
from bittrue.spec.tensor_digests import tensor_digests
from bittrue.workflow import lower

STUDY = """
format_version = 1
name = "small"
[model]
plan = "plan.safetensors"
[images]
count = 4
[knobs]
"datapath.requantization.of" = [{}, { conv2d = { rounding = "floor" } }]
"datapath.softmax" = ["@iot_npu", "@tflite_reference", "@ita"]
"datapath.mac.accumulator_bits" = [20, 32]
[design]
datapath.mac.overflow = "wrap"
[objectives]
sqnr_db = "max"
agreement = "max"
"""
"""What changes in all convolutions, in the softmax, or where an accumulator is too narrow."""
KEYS: dict[str, tuple[object, ...]] = {
    "requantization.rounding": ("half_up", "floor"),
    "requantization.of": ({}, {"linear": {"rounding": "half_even"}}, {"conv2d": {"multiplier_bits": 9}}),
    "mac.accumulator_bits": (14, 18, 32),
    "mac.overflow": ("wrap", "saturate"),
    "mac.bias": ("first", "last"),
    "add.rounding": ("half_up", "floor"),
    "norm.rounding": ("half_up", "floor"),
    "norm.fraction_bits": (16, 8),
    "softmax.rounding": ("half_up", "floor"),
    "tensors.zero_points": ("wide", "clamped"),
}


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return photographs(tmp_path_factory.mktemp("images") / "photos")


@pytest.fixture(scope="module")
def plan() -> QuantPlan:
    return small_plan()


@pytest.fixture
def steps(monkeypatch: pytest.MonkeyPatch) -> Callable[[], int]:
    """How many steps have run through the simulator."""
    monkeypatch.setattr(cluster, "client", client_here)
    ran = [0]
    between = Simulator.between

    def counted(self: Simulator, tensors: dict[str, np.ndarray], first: Cut, last: Cut) -> dict[str, np.ndarray]:
        ran[0] += last.steps - first.steps
        return between(self, tensors, first, last)

    monkeypatch.setattr(Simulator, "between", counted)
    return lambda: ran[0]


def cut_of(program: Program) -> int:
    """Steps in front of a cut of several tensors between which the machine stops."""
    return next(cut.steps for cut in reversed(Simulator(program).cuts) if len(cut.tensors) == 2)


def figures(study: StudyData) -> dict[str, object]:
    """All figures of every point, by its digest."""
    return {row.digest: (row.state, dict(row.figures)) for row in study.rows}


def test_a_study_with_prefixes_is_the_study_without(tmp_path: Path, images: Path, steps: Callable[[], int]) -> None:
    """Exactly, in every figure of every point; with a fifth of the steps less, or more, and nothing kept where the
    space is 0."""
    file = written(tmp_path, STUDY)
    plain = explore(file, Request(tmp_path / "plain", images=images, prefix_gib=0), workers=1)
    alone = steps()
    shared = explore(file, Request(tmp_path / "shared", images=images), workers=1)
    assert len(plain.done()) == 12 and figures(plain) == figures(shared)
    assert len({row.figures["sqnr_db"] for row in plain.done()}) > 5, "the knobs change nothing"
    assert steps() - alone < 0.8 * alone
    assert not (tmp_path / "plain" / "store" / "prefixes").exists()
    assert list((tmp_path / "shared" / "store" / "prefixes").glob("*/*.npy"))


def test_equal_digests_mean_equal_bits(plan: QuantPlan) -> None:
    """Whatever knobs are turned, alone or together: by the judge, over all tensors of all programs; and each key is
    turned where it changes some bits and leaves others, so that a digest that forgets it is found."""
    rng, image = np.random.default_rng(3), pictures(1, seed=5)
    base = {key: values[0] for key, values in KEYS.items()}
    turned = [{**base, key: value} for key, values in KEYS.items() for value in values]
    turned += [{key: values[rng.integers(len(values))] for key, values in KEYS.items()} for _ in range(6)]
    bits: dict[str, np.ndarray] = {}
    tensors = 0
    for changes in turned:
        program = lower_plan(plan, datapath(changes), {})
        found, digests = Reference(program).run(image).tensors, tensor_digests(program)
        for name, digest in digests.items():
            assert np.array_equal(bits.setdefault(digest, found[name]), found[name]), (name, changes)
        tensors += len(digests)
    assert 100 < len(bits) < 2 * tensors / 3


def test_a_prefix_is_taken_up_where_programs_part(tmp_path: Path, plan: QuantPlan) -> None:
    """The second program leaves what the third takes; the logits are those of the program alone; images in the middle
    of a chunk and more images than were kept are served as well."""
    images = np.random.default_rng(0).integers(0, 256, (6, 3, 64, 64)).astype(np.uint8)
    program = lower(plan)
    alone = PrefixedRun(program, PrefixStore(tmp_path / "none", "images", 0), None)
    wanted = alone(images, 0)
    assert alone.taken == 0
    keep = cut_of(program)
    store = PrefixStore(tmp_path / "prefixes", "images", 1 << 30)
    first = PrefixedRun(program, store, keep)
    assert np.array_equal(first(images[:4], 0), wanted[:4]) and first.taken == 0
    second = PrefixedRun(program, store, keep)
    assert np.array_equal(second(images[2:4], 2), wanted[2:4]) and second.taken == 2 * keep
    more = PrefixedRun(program, store, keep)
    assert np.array_equal(more(images, 0), wanted) and more.taken == 0, "four images are not six"
    again = PrefixedRun(program, store, None)
    assert np.array_equal(again(images, 0), wanted) and again.taken == 6 * keep
    other = PrefixedRun(program, PrefixStore(tmp_path / "prefixes", "other images", 1 << 30), None)
    assert np.array_equal(other(images, 0), wanted) and other.taken == 0
    off = PrefixedRun(program, PrefixStore(tmp_path / "prefixes", "images", 0), None)
    assert np.array_equal(off(images, 0), wanted) and off.taken == 0


def test_what_is_kept_is_what_is_read(tmp_path: Path, plan: QuantPlan) -> None:
    """Other codes in a kept tensor give other logits; a file that is cut short, or holds another shape, is not used."""
    images = np.random.default_rng(1).integers(0, 256, (3, 3, 64, 64)).astype(np.uint8)
    program = lower(plan)
    store = PrefixStore(tmp_path, "images", 1 << 30)
    wanted = PrefixedRun(program, store, cut_of(program))(images, 0)
    for file in tmp_path.glob("*/*.npy"):
        codes = np.load(file)
        np.save(file, np.roll(codes, 1, axis=0))
    assert np.array_equal(PrefixedRun(program, store, None)(images, 0), np.roll(wanted, 1, axis=0))
    whole = {file: file.read_bytes() for file in tmp_path.glob("*/*.npy")}
    for damage in (lambda old: old[: len(old) // 2], lambda old: b"", lambda old: old[:40], in_another_shape):
        for file, old in whole.items():
            file.write_bytes(damage(old))
        run = PrefixedRun(program, store, None)
        assert np.array_equal(run(images, 0), wanted) and run.taken == 0


def in_another_shape(npy: bytes) -> bytes:
    """The same codes under an axis more."""
    file = io.BytesIO()
    np.save(file, np.load(io.BytesIO(npy))[:, None])
    return file.getvalue()


def test_the_oldest_goes_first(tmp_path: Path) -> None:
    """The folder keeps to its size; what was read lately stays, and so does what another process is writing."""
    store = PrefixStore(tmp_path, "images", 4000)
    spec = lower(small_plan()).tensors["fc"]
    for key in "abc":
        store.keep(key, 0, np.zeros((100, *spec.shape), spec.dtype))
    for age, key in enumerate("abc"):
        os.utime(store._path(key, 0), (1e9 - age, 1e9 - age))
    part = store._path("a", 0).with_name(".00000.npy.x.part")
    part.write_bytes(b"half")
    assert store.read({"c": spec}, 0, slice(0, 100)) is not None
    store.keep("d", 0, np.zeros((100, *spec.shape), spec.dtype))
    there = {key for key in "abcd" if store.read({key: spec}, 0, slice(0, 100)) is not None}
    assert there == {"a", "c", "d"} and part.exists()
    assert sum(path.stat().st_size for path in tmp_path.glob("*/*.npy")) <= 4000
    os.utime(part, (1e9, 1e9))
    store.keep("e", 0, np.zeros((100, *spec.shape), spec.dtype))
    assert not part.exists()


def test_writers_and_readers_at_once(tmp_path: Path) -> None:
    """Whoever reads a tensor that several write at the same time has a whole one, and all of its bytes."""
    store = PrefixStore(tmp_path, "images", 1 << 30)
    spec = lower(small_plan()).tensors["fc"]
    codes = np.random.default_rng(2).integers(-9, 9, (2000, *spec.shape)).astype(spec.dtype)
    store.keep("a", 0, codes)

    def work(index: int) -> bool:
        if index % 2:
            store.keep("a", 0, codes)
        found = store.read({"a": spec}, 0, slice(0, 2000))
        return found is not None and np.array_equal(found["a"], codes)

    with ThreadPoolExecutor(6) as pool:
        assert all(pool.map(work, range(120)))
    assert [path.name for path in tmp_path.glob("*/*")] == ["00000.npy"]


def test_a_folder_that_cannot_be_written_keeps_nothing(tmp_path: Path) -> None:
    """A full or read-only disk costs the prefix and not the point."""
    (tmp_path / "prefixes").write_text("a file stands where the folder should")
    store = PrefixStore(tmp_path / "prefixes", "images", 4000)
    store.keep("a", 0, np.zeros((1, 5), np.int8))
    assert (tmp_path / "prefixes").is_file()


def test_the_cut_of_the_fewest_bytes_that_spares_nearly_as_much() -> None:
    """Of common cuts; none where nothing is common, and none larger than it may be."""
    cuts = [Candidate("a", 10, 100, 0.2), Candidate("b", 20, 30, 0.5), Candidate("c", 30, 90, 0.55)]
    assert chosen(cuts) == cuts[1] and chosen(cuts[:1]) == cuts[0] and chosen([]) is None
    assert chosen([*cuts, Candidate("d", 40, 200, 0.8)]) == Candidate("d", 40, 200, 0.8)
    program = lower(small_plan())
    digests = tensor_digests(program)
    found = candidates(program, digests, 1e9)
    assert [cut.steps for cut in found] == sorted({cut.steps for cut in found}) and 4 < len(found) <= 31
    half = sorted(cut.image_bytes for cut in found)[len(found) // 2]
    assert {cut.image_bytes for cut in candidates(program, digests, half)} <= {*range(half + 1)}
