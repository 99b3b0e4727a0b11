"""profile: every step once, with the work and the bytes of what it computes in passing."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import numba
import numpy as np
import pytest
from small_models import pictures, small_plan
from tiny_programs import iot_npu, tiny_cnn

from bittrue import workflow
from bittrue.hw_configs.load import load_datapath
from bittrue.reports.profile_data import Profile, StepTime
from bittrue.simulator.engine import Simulator
from bittrue.simulator.plan.compiler import Plan
from bittrue.spec.builder import Builder
from bittrue.spec.errors import BadInput, Unsupported
from bittrue.spec.ops.conv2d import Conv2d
from bittrue.spec.ops.linear import Linear
from bittrue.spec.ops.permute import Permute
from bittrue.spec.ops.reshape import Reshape
from bittrue.spec.ops.softmax import Softmax
from bittrue.spec.ops.table import Table
from bittrue.spec.program import Program
from bittrue.workflow import machine_limit
from bittrue.workflow.machine_limit import measured_limit

SCALED = {"multiplier": np.array([1 << 30]), "shift": np.array([34])}
"""Requantizer constants that divide by 16, as fast kernels take them."""


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("images") / "images.npy"
    np.save(path, pictures(2))
    return path


@pytest.fixture(scope="module")
def small() -> Program:
    return workflow.lower(small_plan())


@pytest.fixture(scope="module")
def timed(small: Program, images: Path) -> Profile:
    return workflow.profile(small, images=images, repeats=3)


def chain(*, twice: bool = False) -> Program:
    """Image -> table -> conv2d -> table -> views -> linear; `twice`: the convolution itself is read once more."""
    draft = Builder("chain", load_datapath("iot_npu"))
    image = draft.input("image", (1, 3, 8, 8), signed=False)
    codes = np.arange(256) - 128
    x = draft.step("x", Table("quantize"), [image], constants={"table": codes[None].astype(np.int8)})
    y = draft.step(
        "conv",
        Conv2d(4, (1, 1), (1, 1), (0, 0)),
        [x],
        constants={"weight": np.ones((4, 3, 1, 1), np.int8), "bias": np.zeros(4, np.int32), **SCALED},
    )
    z = draft.step("act", Table("relu"), [y], constants={"table": np.maximum(codes, 0)[None].astype(np.int8)})
    rows = draft.step("rows", Reshape((1, 4, 64)), [y if twice else z])
    tokens = draft.step("tokens", Permute((0, 2, 1)), [rows])
    return draft.build(
        output=draft.step(
            "out",
            Linear(2),
            [tokens],
            constants={"weight": np.ones((2, 4), np.int8), "bias": np.zeros(2, np.int32), **SCALED},
        )
        if not twice
        else z
    )


def profile_of(program: Program, folder: Path) -> Profile:
    np.save(folder / "one.npy", np.zeros(program.tensors[program.input].shape, np.uint8))
    return workflow.profile(program, images=folder / "one.npy", repeats=2)


def named(found: Profile, step: str) -> StepTime:
    return next(each for each in found.steps if each.step == step)


def test_every_step_is_timed_or_computed_in_passing_or_a_view(small: Program, timed: Profile) -> None:
    """None is lost and none is counted twice."""
    names = [name for step in timed.steps for name in (step.step, *step.fused)]
    assert sorted([*names, *timed.views]) == sorted(step.name for step in small.steps)
    assert timed.views and any(step.fused for step in timed.steps)


def test_work_is_what_the_contracts_count(small: Program, timed: Profile) -> None:
    """Sums over the profile are sums over all steps but the views."""
    works = [call.op.work(call) for call in small.calls if call.step not in timed.views]
    assert sum(step.macs for step in timed.steps) == sum(work.gemm.macs for work in works if work.gemm is not None)
    assert sum(step.vector_operations for step in timed.steps) == sum(sum(work.vector.values()) for work in works)


def test_what_stays_inside_a_step_moves_no_bytes(tmp_path: Path) -> None:
    """A table behind a convolution: its bytes are written, those of the convolution are not."""
    found = profile_of(chain(), tmp_path)
    fused = named(found, "conv")
    assert (fused.op, fused.fused) == ("conv2d + table", ("act",))
    assert fused.macs == 64 * 3 * 4
    assert fused.vector_operations == 2 * 64 * 4
    assert (fused.operand_bytes, fused.result_bytes) == (3 * 64, 4 * 64)
    assert fused.constant_bytes == sum(
        array.nbytes for name, array in chain().constants.items() if name.startswith(("conv/", "act/"))
    )
    assert found.views == ("rows", "tokens")
    assert named(found, "out").operand_bytes == 4 * 64


def test_a_result_that_somebody_else_reads_is_written(tmp_path: Path) -> None:
    """The convolution feeds a view as well, so its table is a step of its own."""
    program = chain(twice=True)
    found = profile_of(program, tmp_path)
    assert not any(step.fused for step in found.steps)
    assert named(found, "conv").result_bytes == 4 * 64
    assert named(found, "act").result_bytes == 4 * 64


def test_steps_of_plain_kernels_say_so(tmp_path: Path) -> None:
    """What no fast kernel is proved for."""
    unproved = tiny_cnn(iot_npu({"mac": {"overflow": "saturate", "accumulator_bits": 14, "k_tile": 4}}))
    found = profile_of(unproved, tmp_path)
    plain = Simulator(unproved).plan().plain
    assert plain and {step.step for step in found.steps if step.plain} == set(plain)
    assert not any(step.plain for step in profile_of(tiny_cnn(), tmp_path).steps)


def test_wide_tensors_count_all_their_bytes(small: Program, timed: Profile) -> None:
    """Softmax probabilities of 16 bits are two bytes each."""
    call = next(call for call in small.calls if isinstance(call.op, Softmax))
    assert call.output.bits == 16
    assert named(timed, call.step).result_bytes == 2 * call.output.size


def test_totals_are_sums(timed: Profile) -> None:
    """By op and in all, with shares of one whole."""
    totals = timed.by_op()
    assert sum(total.steps for total in totals) == len(timed.steps)
    assert sum(total.minimum_us for total in totals) == pytest.approx(timed.steps_us)
    assert sum(timed.share(step.minimum_us) for step in timed.steps) == pytest.approx(1)
    assert [total.minimum_us for total in totals] == sorted((total.minimum_us for total in totals), reverse=True)
    assert "depthwise conv2d + table" in {total.op for total in totals}


def test_rates_follow_from_times() -> None:
    """Operations and bytes over the shortest time, not over the median."""
    step = StepTime("s", "linear", (), False, 6_000, 2_000, 100, 200, 100, 2.0, 4.0, 0.5)
    assert (step.gmac_s, step.gop_s, step.gb_s) == (3.0, 4.0, 0.2)
    assert (step.intensity, step.of_limit) == (20.0, 0.25)


def test_files_are_written_whole_and_strict(small: Program, images: Path, tmp_path: Path) -> None:
    """JSON with every step, and a picture."""
    found = workflow.profile(small, images=images, out=tmp_path / "p.json", plot=tmp_path / "p.png", repeats=2)
    document = json.loads((tmp_path / "p.json").read_text(), parse_constant=lambda text: pytest.fail(text))
    assert [step["step"] for step in document["steps"]] == [step.step for step in found.steps]
    assert document["program_sha256"] == small.digest
    assert (tmp_path / "p.png").read_bytes().startswith(b"\x89PNG")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["p.json", "p.png"]


def test_a_plot_without_matplotlib_is_refused_first(
    small: Program, images: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before any time is spent, with the extra that brings it."""
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "matplotlib" else find(name))
    monkeypatch.setattr(Plan, "run", lambda *_: pytest.fail("ran"))
    with pytest.raises(Unsupported, match=r"bittrue\[report\]"):
        workflow.profile(small, images=images, plot=tmp_path / "p.png")


def test_uncompiled_code_is_not_timed(small: Program, images: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Times of plain Python would be read as the machine's."""
    monkeypatch.setattr(numba.config, "DISABLE_JIT", 1)
    with pytest.raises(Unsupported, match="NUMBA_DISABLE_JIT"):
        workflow.profile(small, images=images)


def test_no_output_replaces_an_input(small: Program, images: Path) -> None:
    """The images stay."""
    for outputs in ({"out": images}, {"plot": images}):
        with pytest.raises(BadInput, match="would replace an input"):
            workflow.profile(small, images=images, **outputs)


def test_the_limit_is_that_of_a_fast_step() -> None:
    """The peak is measured on a product that the fast machine binds, whatever the profiled program is."""
    assert Plan(machine_limit._product(8), keep_all=False).plain == []
    limit = measured_limit()
    assert min(limit.gmac_s, limit.cache_gb_s, limit.memory_gb_s) > 0
    assert limit.threads == numba.config.NUMBA_NUM_THREADS
