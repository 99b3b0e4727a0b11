"""A tiny program (conv2d, table, layer_norm over two images) with its trace, and a package of it.

The trace comes from a few lines of NumPy, not from the simulator: these tests are about files.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from bittrue.golden.vectors.manifest import Manifest, manifest_text, payload_digest, sealed
from bittrue.golden.vectors.write import write_package
from bittrue.spec.datapath import Datapath
from bittrue.spec.ops import Conv2d, LayerNorm, Table
from bittrue.spec.program import Program, Step, with_bound
from bittrue.spec.tensors import TensorSpec
from bittrue.spec.trace import Trace
from bittrue.spec.units.norm import ExactNorm
from bittrue.spec.units.section import Width

IMAGES = ("cat.png", "dog.png")
STEPS = ("stem.0.conv", "stem.0.act", "head.norm")
Dumps = Callable[[], Path]


@pytest.fixture(scope="session")
def datapath() -> Datapath:
    """A datapath whose widths are no multiples of a byte."""
    return Datapath.model_validate(
        {
            "format_version": 2,
            "name": "tiny",
            "source": "these tests",
            "mac": {
                "activation_bits_max": 8,
                "weight_bits_max": 5,
                "probability_bits_max": 16,
                "accumulator_bits": 21,
                "overflow": "refuse",
                "order": ("ky", "kx", "c"),
                "bias": "first",
                "bias_bits": 18,
            },
            "requantization": {"multiplier_bits": 15, "shift_max": 40, "rounding": "half_up"},
            "add": {"kind": "two_multipliers", "multiplier_bits": 15, "shift_max": 40, "rounding": "half_up"},
            "softmax": {
                "kind": "table",
                "rounding": "half_up",
                "logit_bits_max": 8,
                "exponential_bits": 16,
                "reciprocal_bits": 40,
                "probability_bits": 16,
                "row_max": 64,
            },
            "norm": {
                "kind": "exact",
                "rounding": "half_up",
                "sum_bits": 20,
                "sum_of_squares_bits": 30,
                "variance_bits": 60,
                "fraction_bits": 14,
                "multiplier_bits": 15,
            },
            "table": {"input_bits_max": 8, "output_bits_max": 8},
        }
    )


@pytest.fixture(scope="session")
def program(datapath: Datapath) -> Program:
    """conv2d [1, 3, 4, 4] -> [1, 2, 3, 4], a table, layer_norm over the last axis; checked."""
    rng = np.random.default_rng(7)
    image = TensorSpec("image", (1, 3, 4, 4), 8, False, (1 / 255,), (0,))
    conv = TensorSpec("stem.0.conv", (1, 2, 3, 4), 6, True, (0.1, 0.2), (-3, 4), axis=1)
    act = TensorSpec("stem.0.act", (1, 2, 3, 4), 8, False, (0.05,), (12,))
    norm = TensorSpec("head.norm", (1, 2, 3, 4), 8, True, (0.03,), (1,))
    assert isinstance(datapath.norm, ExactNorm)
    root_shift, reciprocal_bits = datapath.norm.root_shift_and_reciprocal_bits(Width(act.bits, act.signed), 4, 9)
    draft = Program(
        model="tiny",
        datapath=datapath,
        tensors={spec.name: spec for spec in (image, conv, act, norm)},
        steps=(
            Step("stem.0.conv", Conv2d(out_channels=2, kernel=(2, 1)), ("image",)),
            Step("stem.0.act", Table(function="silu", axis=1), ("stem.0.conv",)),
            Step("head.norm", LayerNorm(), ("stem.0.act",)),
        ),
        constants={
            "stem.0.conv/weight": rng.integers(-16, 16, (2, 3, 2, 1)),
            "stem.0.conv/bias": np.array([-1000, 77]),
            "stem.0.conv/multiplier": np.array([20000, 16384]),
            "stem.0.conv/shift": np.array([22, 23]),
            "stem.0.act/table": rng.integers(0, 256, (2, 64)),
            "head.norm/epsilon": np.array([9]),
            "head.norm/pre_shift": np.array([0]),
            "head.norm/root_shift": np.array([root_shift]),
            "head.norm/reciprocal_bits": np.array([reciprocal_bits]),
            "head.norm/multiplier": np.array([-12000, 300, 4000, 32767]),
            "head.norm/bias": np.array([-200000, 0, 5, 100000]),
            "head.norm/shift": np.array([24]),
        },
        inputs=("image",),
        output="head.norm",
        provenance={"method": "by hand"},
    )
    draft.constants["stem.0.act/table"][:, ::3] = 0  # zeros among the outputs: a zero is not a missing word
    program = replace(draft, steps=tuple(with_bound(draft, step) for step in draft.steps))
    program.check()
    return program


@pytest.fixture(scope="session")
def traces(program: Program) -> tuple[Trace, ...]:
    """What the program computes for two random images, stages included."""
    rng = np.random.default_rng(11)
    return tuple(_run(program, rng.integers(0, 256, (1, 3, 4, 4), dtype=np.uint8)) for _ in IMAGES)


def _run(program: Program, image: np.ndarray) -> Trace:
    """The three steps, written out with the formulas of their contracts."""
    constants = {key: value.astype(np.int64) for key, value in program.constants.items()}

    def half_up(value: np.ndarray, shift: np.ndarray | int) -> np.ndarray:
        return (value + (1 << (np.asarray(shift) - 1))) >> shift

    pixels, weight = image.astype(np.int64), constants["stem.0.conv/weight"]
    taps = [np.einsum("ncyx,oc->noyx", pixels[:, :, ky : ky + 3], weight[:, :, ky, 0]) for ky in (0, 1)]
    bias, multiplier, shift = (constants[f"stem.0.conv/{r}"].reshape(-1, 1, 1) for r in ("bias", "multiplier", "shift"))
    accumulator = taps[0] + taps[1] + bias
    rounded = half_up(accumulator * multiplier, shift)
    conv = np.clip(rounded + np.array([-3, 4]).reshape(2, 1, 1), -32, 31)
    act = constants["stem.0.act/table"][np.array([0, 1]).reshape(2, 1, 1), conv + 32]

    n, root_shift, reciprocal_bits = (
        4,
        *(int(constants[f"head.norm/{r}"][0]) for r in ("root_shift", "reciprocal_bits")),
    )
    total, squares = act.sum(axis=-1), (act * act).sum(axis=-1)
    variance = n * squares - total * total + 9
    root = np.vectorize(math.isqrt, otypes=[np.int64])(variance << (2 * root_shift))
    reciprocal = (1 << reciprocal_bits) // root
    down = reciprocal_bits - root_shift - program.datapath.norm.fraction_bits
    normalized = half_up((n * act - total[..., None]) * reciprocal[..., None], down)
    scaled = half_up(normalized * constants["head.norm/multiplier"] + constants["head.norm/bias"], 24)
    norm = np.clip(scaled + 1, -128, 127)
    return Trace(
        program_digest=program.digest,
        producer="reference",
        tensors={
            "image": image,
            "stem.0.conv": conv.astype(np.int8),
            "stem.0.act": act.astype(np.uint8),
            "head.norm": norm.astype(np.int8),
        },
        stages={
            "stem.0.conv": {"accumulator": accumulator, "rounded": rounded},
            "head.norm": {
                "sum": total,
                "sum_of_squares": squares,
                "variance": variance,
                "root": root,
                "reciprocal": reciprocal,
                "normalized": normalized,
            },
        },
    )


@pytest.fixture
def package(program: Program, traces: tuple[Trace, ...], tmp_path: Path) -> Path:
    """A package of all three steps."""
    out = tmp_path / "package"
    write_package(program, traces, STEPS, out, seed=3, command="bittrue vectors tiny", image_names=IMAGES)
    return out


@pytest.fixture
def relist(package: Path) -> Callable[[Manifest], None]:
    """Write a changed manifest with digests that fit it, as a careful stranger would."""

    def write(manifest: Manifest) -> None:
        digest = payload_digest(manifest.files)
        changed = sealed(manifest.model_copy(update={"payload_digest": digest}))
        (package / "manifest.json").write_text(manifest_text(changed))

    return write


@pytest.fixture
def dut(package: Path, tmp_path: Path) -> Dumps:
    """A function that makes a design's folder with every stage and output of the package as .mem."""

    def make() -> Path:
        folder = tmp_path / "dut"
        for step in Manifest.model_validate_json((package / "manifest.json").read_bytes()).steps:
            for value in step.values:
                if value.role in ("stage", "output"):
                    file = folder / step.name / f"{value.name}.mem"
                    file.parent.mkdir(parents=True, exist_ok=True)
                    file.write_bytes((package / value.mem).read_bytes())
        return folder

    return make
