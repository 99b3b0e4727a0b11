"""Constants of add, mul, mean and concat, against the arithmetic of the runtimes in NumPy's and Python's own floats."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any, cast

import numpy as np
import pytest
from op_datapaths import IOT_NPU, datapath
from op_parts import tensor
from plain_add import UNITS

from bittrue.calibration.graph import Node
from bittrue.calibration.lowering.context import Lowering
from bittrue.calibration.lowering.lower import LOWERINGS
from bittrue.spec.datapath import Datapath
from bittrue.spec.errors import IllFormed, Unsupported
from bittrue.spec.tensors import TensorSpec

SEEDS = range(40)
F = np.float32


@dataclass(frozen=True)
class Bare:
    """What these lowerings read of a node."""

    name: str
    kind: str
    inputs: tuple[str, ...]
    attributes: dict[str, Any]

    def integer(self, key: str) -> int:
        """One attribute."""
        return int(self.attributes[key])

    def integers(self, key: str) -> tuple[int, ...]:
        """Several."""
        return tuple(self.attributes[key])


def spec(
    name: str, scale: float, *, bits: int = 8, zero_point: int = 0, shape: tuple[int, ...] = (1, 2, 3, 5)
) -> TensorSpec:
    """A tensor with that scale."""
    return TensorSpec(name, shape, bits, True, (scale,), (zero_point,))


def lowered(
    kind: str, path: Datapath, inputs: list[TensorSpec], output: TensorSpec, **attributes: Any
) -> dict[str, Any]:
    """The constants of one step as plain integers."""
    node = Bare(output.name, kind, tuple(each.name for each in inputs), attributes)
    lowering = Lowering(cast(Any, None), path, {each.name: each for each in (*inputs, output)})
    _, constants = LOWERINGS[kind](lowering, cast(Node, node))
    return {role: array.tolist()[0] if array.size == 1 else array.tolist() for role, array in constants.items()}


def scales(seed: int, count: int) -> list[float]:
    """float32 scales, every third set powers of two."""
    rng = np.random.default_rng(seed)
    real = (
        2.0 ** rng.integers(-9, -2, count) if seed % 3 == 0 else np.exp(rng.uniform(np.log(1e-3), np.log(0.3), count))
    )
    return [float(F(value)) for value in real]


def quantized(real: float) -> tuple[int, int]:
    """TFLite's QuantizeMultiplier by frexp: multiplier and right shift."""
    significand, exponent = math.frexp(real)
    multiplier = math.floor(significand * 2**31 + 0.5)
    return (1 << 30, 30 - exponent) if multiplier == 1 << 31 else (multiplier, 31 - exponent)


def with_add(name: str) -> Datapath:
    """The default datapath with another add unit."""
    return datapath({"add": UNITS[name].model_dump(mode="json", exclude_none=True)})


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("bits", [8, 16])
def test_tflite_add(seed: int, bits: int) -> None:
    """add.cc's order of operations in double; 20 fraction bits, 15 for 16-bit operands."""
    a, b, y = scales(seed, 3)
    y, lift = max(a, b) * float(F(0.05 + seed / 8)), 20 if bits == 8 else 15
    y = float(F(y))
    found = lowered(
        "add", with_add("tflite"), [spec("a", a, bits=bits), spec("b", b, bits=bits)], spec("y", y, bits=bits)
    )
    twice = 2 * max(a, b)
    wanted = {"left_shift": lift}
    for name, real in (("_a", a / twice), ("_b", b / twice), ("", twice / ((1 << lift) * y))):
        wanted[f"multiplier{name}"], wanted[f"shift{name}"] = quantized(real)
    assert found == wanted


@pytest.mark.parametrize("seed", SEEDS)
def test_tosa_single_add(seed: int) -> None:
    """The left shift is part of the operands' multipliers."""
    a, b, y = scales(seed, 3)
    found = lowered("add", with_add("tosa single"), [spec("a", a), spec("b", b)], spec("y", y))
    assert found["left_shift"] == 0
    assert (found["multiplier_a"], found["shift_a"]) == quantized(a / (2 * max(a, b)) * 2**20)
    assert (found["multiplier_b"], found["shift_b"]) == quantized(b / (2 * max(a, b)) * 2**20)


@pytest.mark.parametrize("seed", SEEDS)
def test_xnnpack_add(seed: int) -> None:
    """float32 ratios, the larger at 2**20 or above, both rounded half to even."""
    a, b, y = scales(seed, 3)
    found = lowered("add", with_add("xnnpack"), [spec("a", a), spec("b", b)], spec("y", y))
    ratio_a, ratio_b = F(a) / F(y), F(b) / F(y)
    shift = 20 - (math.frexp(float(max(ratio_a, ratio_b)))[1] - 1)
    wanted = [int(np.rint(float(ratio) * 2.0**shift)) for ratio in (ratio_a, ratio_b)]
    assert [found["multiplier_a"], found["multiplier_b"], found["shift"]] == [*wanted, shift]


@pytest.mark.parametrize("seed", SEEDS)
def test_float32_add(seed: int) -> None:
    """Two float32 quotients."""
    a, b, y = scales(seed, 3)
    found = lowered("add", with_add("float32"), [spec("a", a), spec("b", b)], spec("y", y))
    assert found == {"ratio_a": (F(a) / F(y)).view(np.int32), "ratio_b": (F(b) / F(y)).view(np.int32)}


@pytest.mark.parametrize(
    ("exponents", "wanted"), [((-5, -3, -4), (0, 2, 1)), ((-7, -7, -2), (0, 0, 5)), ((-2, -3, -6), (4, 3, 0))]
)
def test_power_of_two_add(exponents: tuple[int, int, int], wanted: tuple[int, int, int]) -> None:
    """Both operands and the output relative to the finest of the three."""
    a, b, y = (2.0**exponent for exponent in exponents)
    found = lowered("add", with_add("power of two"), [spec("a", a), spec("b", b)], spec("y", y))
    assert (found["shift_a"], found["shift_b"], found["shift"]) == wanted


def test_a_scale_that_is_no_power_of_two() -> None:
    """Named, with the setting that helps."""
    with pytest.raises(IllFormed, match="power of two") as refusal:
        lowered("add", with_add("power of two"), [spec("a", 0.25), spec("odd", 0.3)], spec("y", 0.5))
    assert "tensor odd" in refusal.value.where


RATIOS: dict[str, Callable[[float, float, float], float]] = {
    "float32": lambda a, b, y: float(F(a) * F(b) / F(y)),
    "float64": lambda a, b, y: a * b / y,
    "exact": lambda a, b, y: float(Fraction(a) * Fraction(b) / Fraction(y)),
}


@pytest.mark.parametrize("ratio", RATIOS)
@pytest.mark.parametrize("seed", SEEDS)
def test_mul(ratio: str, seed: int) -> None:
    """One rounding of each operation, in the arithmetic that the datapath names."""
    a, b, y = scales(seed, 3)
    y = float(F(a * b * (1 + seed)))
    found = lowered("mul", datapath({"mul": {"ratio": ratio}}), [spec("a", a), spec("b", b)], spec("y", y))
    multiplier, shift = quantized(RATIOS[ratio](a, b, y))
    assert abs(found["multiplier"] - multiplier) <= (ratio == "exact")  # float64 may differ in the last bit
    assert found["shift"] == shift


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("size", [(1, 1), (3, 5), (7, 7), (16, 16)])
def test_tflite_mean(seed: int, size: tuple[int, int]) -> None:
    """The multiplier lifted by floor(log2 n), divided by n, truncated."""
    x, y = scales(seed, 2)
    path = datapath({"mean": {"kind": "folded", "reciprocal": "truncated"}, "requantization.of.mean.normalized": False})
    found = lowered("mean", path, [spec("x", x, shape=(1, 4, *size))], spec("y", y, shape=(1, 4, 1, 1)))
    multiplier, shift = quantized(x / y)
    extra = int(math.log2(size[0] * size[1]))
    assert found == {"multiplier": (multiplier << extra) // (size[0] * size[1]), "shift": shift + extra}


@pytest.mark.parametrize("seed", SEEDS)
def test_float32_means(seed: int) -> None:
    """XNNPACK multiplies by F(1/n); ONNX Runtime divides by F(scale_y * n)."""
    x, y = scales(seed, 2)
    inputs, output = [spec("x", x, shape=(1, 4, 3, 7))], spec("y", y, shape=(1, 4, 1, 1))
    found = lowered("mean", datapath({"mean": {"kind": "float32"}}), inputs, output)
    assert found == {"scale": ((F(x) / F(y)) * (F(1) / F(21))).view(np.int32)}
    path = datapath({"mean": {"kind": "folded", "reciprocal": "float32"}, "requantization.kind": "float32"})
    assert lowered("mean", path, inputs, output)["multiplier"] == (F(x) / (F(y) * F(21))).view(np.int32)


def test_a_truncated_mean_needs_a_multiplier() -> None:
    """A float32 requantizer has none to truncate."""
    path = datapath({"mean": {"kind": "folded", "reciprocal": "truncated"}, "requantization.kind": "float32"})
    with pytest.raises(Unsupported, match="truncated"):
        lowered("mean", path, [spec("x", 0.5)], spec("y", 0.25, shape=(1, 2, 1, 1)))


@pytest.mark.parametrize("seed", SEEDS)
def test_concat_tables(seed: int) -> None:
    """Entries by float32 operations; an input of the output's format passes unchanged."""
    a, y = scales(seed, 2)
    z_a, z_y = (int(value) for value in np.random.default_rng(seed).integers(-128, 128, 2))
    inputs, output = (
        [spec("a", a, zero_point=z_a), spec("same", y, zero_point=z_y)],
        spec("y", y, zero_point=z_y, shape=(1, 4, 3, 5)),
    )
    table, same = lowered("concat", datapath({"concat": {"kind": "table"}}), inputs, output, axis=1)["table"]
    assert same == list(range(-128, 128))
    wanted = [min(max(round(float(F(a) * F(q - z_a) / F(y))) + z_y, -128), 127) for q in range(-128, 128)]
    assert table == wanted


@pytest.mark.parametrize(
    ("kind", "path", "attributes"),
    [
        ("concat", {"concat": {"kind": "copy"}}, {"axis": 1}),
        (
            "avg_pool2d",
            {"avg_pool2d": {"kind": "reciprocal"}},
            {"kernel": (2, 2), "stride": (1, 1), "padding": (1, 1), "count_include_pad": False},
        ),
    ],
)
def test_other_scales_are_refused_by_name(kind: str, path: dict[str, object], attributes: dict[str, Any]) -> None:
    """A unit without a multiplier needs one scale on both sides."""
    assert lowered(kind, datapath(path), [spec("x", 0.5)], spec("y", 0.5), **attributes) == {}
    with pytest.raises(IllFormed, match="another scale") as refusal:
        lowered(kind, datapath(path), [spec("x", 0.25)], spec("y", 0.5), **attributes)
    assert "tensor x" in refusal.value.where


def test_padding_that_the_model_counts_is_refused() -> None:
    """The model divides by the whole window, the unit by the taps inside."""
    path, attributes = (
        datapath({"avg_pool2d": {"kind": "divide", "rounding": "half_away"}}),
        {"kernel": (3, 3), "stride": (1, 1)},
    )
    with pytest.raises(IllFormed, match="taps inside the image"):
        lowered(
            "avg_pool2d", path, [spec("x", 0.5)], spec("y", 0.5), padding=(1, 1), count_include_pad=True, **attributes
        )


def test_a_requantizer_for_each_number_of_taps() -> None:
    """Padding that does not count: scale_x / scale_y / n for n = 1 .. 6, in the default datapath's 31 bits."""
    attributes = {"kernel": (3, 2), "stride": (1, 1), "padding": (1, 1)}
    found = lowered("avg_pool2d", IOT_NPU, [spec("x", 0.3)], spec("y", 0.7), count_include_pad=False, **attributes)
    for count, multiplier, shift in zip(range(1, 7), found["multiplier"], found["shift"], strict=True):
        wanted = Fraction(0.3) / Fraction(0.7) / count
        assert 1 << 30 <= multiplier < 1 << 31
        assert abs(Fraction(multiplier) - wanted * 2**shift) <= Fraction(1, 2)
    whole = lowered("avg_pool2d", IOT_NPU, [spec("x", 0.3)], spec("y", 0.7), count_include_pad=True, **attributes)
    assert (whole["multiplier"], whole["shift"]) == (found["multiplier"][-1], found["shift"][-1])


@pytest.mark.parametrize("name", ["two multipliers", "power of two"])
def test_sub_has_the_constants_of_add(name: str) -> None:
    """It is the operand that changes its sign."""
    tensors = [spec("a", 0.25, zero_point=3), spec("b", 0.5, zero_point=-7)]
    assert lowered("sub", with_add(name), tensors, spec("y", 0.5)) == lowered(
        "add", with_add(name), tensors, spec("y", 0.5)
    )


def test_a_scale_a_channel_is_refused() -> None:
    """All of these need one scale a tensor."""
    per_channel = tensor("x", (1, 2, 3, 5), zero_point=[0, 0], axis=1)
    for kind, inputs in (("mul", 2), ("mean", 1)):
        with pytest.raises(IllFormed, match="one scale"):
            lowered(kind, IOT_NPU, [per_channel] * inputs, spec("y", 0.5))
    varying = replace(per_channel, scale=(1.0, 2.0))
    with pytest.raises(IllFormed, match="one ratio of scales"):
        lowered("add", IOT_NPU, [varying, varying], spec("y", 0.5))
