"""activation: kernel, judge and Python integers agree for every unit; the contract's refusals; work by hand."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, cast

import numpy as np
import pytest
from activation_cases import activation_case
from activation_plain import plain as plain_unit
from activation_units import EXAMPLES
from op_agreement import Array, agree, finished
from op_changes import Change, constant, output, per_channel, refused, source
from op_datapaths import IOT_NPU, REQUANTIZERS, WIDE, datapath
from op_parts import Case, build, tensor

from bittrue.spec.errors import IllFormed, Unsupported
from bittrue.spec.op import Call, Work
from bittrue.spec.ops import Activation
from bittrue.spec.ops.activation import formats, unit_of
from bittrue.spec.units.activation import IGelu, ItaGelu, Relu

ELEMENTWISE = sorted(name for name, example in EXAMPLES.items() if example.unit.elementwise)
REQUANTIZED = sorted(name for name in ELEMENTWISE if EXAMPLES[name].unit.requantizes)


def plain(call: Call, operands: tuple[Array, ...]) -> dict[str, Any]:
    """Each channel by the unit's own formulas, then the requantizer where it follows."""
    op, codes = cast(Activation, call.op), operands[0].astype(np.int64)
    unit = unit_of(call.datapath, op.function)
    found = {name: np.zeros(codes.shape, np.int64) for name in (*call.op.stages_on(call.datapath), "output")}
    for channel in range(1 if op.axis is None else codes.shape[op.axis]):
        here = tuple(slice(None) if axis != op.axis else channel for axis in range(codes.ndim))
        read = {name: values[channel if values.size > 1 else 0] for name, values in formats(call).items()}
        constants = {port.name: call.constants[port.name][channel] for port in unit.parameters}
        stages = plain_unit(unit, {"codes": codes[here], **read, **constants})
        if unit.requantizes:
            stages["accumulator"] = stages.pop("output")
            ends = [finished(call, value, channel) for value in stages["accumulator"].reshape(-1).tolist()]
            shape = stages["accumulator"].shape
            stages["rounded"] = np.array([before for before, _ in ends]).reshape(shape)
            stages["output"] = np.array([code for _, code in ends]).reshape(shape)
        for name, values in stages.items():
            found[name][here] = values
    return found


@pytest.mark.parametrize("example", sorted(EXAMPLES))
def test_every_unit(example: str) -> None:
    """Few codes, which the kernel computes one by one, and more than there are values, which it reads from a table."""
    for seed in range(3):
        agree(activation_case(np.random.default_rng(seed), example=example), plain)
    if EXAMPLES[example].source.bits <= 8:
        agree(activation_case(np.random.default_rng(9), example=example, shape=(1, 4, 10, 16)), plain)


@pytest.mark.parametrize("axis", [0, 1, 2, 3])
@pytest.mark.parametrize("example", [name for name in ELEMENTWISE if name not in REQUANTIZED])
def test_constants_a_channel(example: str, axis: int) -> None:
    """A set of constants and a zero point for each index of any axis, few codes or many."""
    agree(activation_case(np.random.default_rng(1), example=example, shape=(2, 3, 2, 4), axis=axis), plain)
    if EXAMPLES[example].source.bits <= 8:
        shape = tuple(3 if index == axis else 7 for index in range(4))
        agree(activation_case(np.random.default_rng(2), example=example, shape=shape, axis=axis))


@pytest.mark.parametrize("example", REQUANTIZED)
def test_constants_a_channel_in_front_of_the_requantizer(example: str) -> None:
    """The requantizer's constants and zero points go with the unit's, few codes or many."""
    for shape, axis in (((1, 3, 2, 4), 1), ((3, 5), 0), ((1, 1, 4), 2)):
        agree(activation_case(np.random.default_rng(3), example=example, shape=shape, axis=axis), plain)
    agree(activation_case(np.random.default_rng(4), example=example, shape=(1, 2, 20, 16), axis=1))


@pytest.mark.parametrize("path", [*WIDE.values(), *REQUANTIZERS.values()], ids=[*WIDE, *REQUANTIZERS])
def test_every_requantizer(path: Any) -> None:
    """The requantizer behind a unit is the datapath's."""
    for example in ("relu", "hardswish", "shift_silu", "ita_gelu", "sigmoid_product"):
        agree(activation_case(np.random.default_rng(5), path, example=example), plain)


def test_by_hand() -> None:
    """relu6 with 6 = 12 steps: codes -3, 4, 9 around zero point 2 are -5, 2, 7; 0, 2, 7; halved and -1: -1, 0, 3."""
    path = IOT_NPU.model_copy(update={"activation": {"relu6": Relu(kind="relu", input_bits_max=8)}})
    constants = {"upper": np.array([12]), "multiplier": np.array([1 << 30]), "shift": np.array([31])}
    specs = tensor("x", (4,), zero_point=[2]), tensor("y", (4,), zero_point=[-1])
    call = build(Activation("relu6"), [specs[0]], specs[1], constants, path)
    found = agree(Case(call, (np.array([-3, 4, 9, 99], np.int8),)), plain)
    assert found.stages["accumulator"].tolist() == [0, 2, 7, 12]
    assert found.stages["rounded"].tolist() == [0, 1, 4, 6]
    assert found.output.tolist() == [-1, 0, 3, 5]


SHAPE = (1, 3, 2, 4)
REFUSALS: dict[str, tuple[str, Change, str]] = {
    "codes too wide": ("relu", source(tensor("x", SHAPE, bits=9)), "too wide for the activation unit"),
    "axis past the last": ("relu", lambda call: replace(call, op=Activation("relu6", 4)), "axis does not exist"),
    "axis but one set": ("relu", lambda call: replace(call, op=Activation("relu6", 1)), "'upper' has the wrong shape"),
    "a set a channel but no axis": ("relu", constant("upper", [1, 2, 3]), "'upper' has the wrong shape"),
    "a matrix": ("relu", constant("upper", [[1]]), "'upper' has the wrong shape"),
    "input per channel, one set": ("relu", per_channel(0, 1), "needs a set of constants a channel"),
    "output per channel, one set": (
        "relu",
        output(tensor("y", SHAPE, zero_point=(1, 2, 3), axis=1)),
        "needs a set of constants a channel",
    ),
    "multiplier too small": ("relu", constant("multiplier", [1]), "multiplier"),
    "shift 63": ("relu", constant("shift", [63]), "shift"),
    "upper end below 0": ("relu", constant("upper", [-1]), "'upper' does not fit"),
    "clamp between formats": ("clamp", output(tensor("y", SHAPE, zero_point=[1000])), "one format on both sides"),
    "clamp to another width": ("clamp", output(tensor("y", SHAPE, bits=7)), "one format on both sides"),
    "clamp ends swapped": (
        "clamp",
        lambda call: replace(call, constants={"lower": np.array([5]), "upper": np.array([4])}),
        "lies above the upper",
    ),
    "clamp past the codes": ("clamp", constant("upper", [128]), "'upper' does not fit"),
    "three past 2**30": ("hardswish", constant("three", [1 << 30]), "'three' does not fit"),
    "six below 0": ("hardswish", constant("six", [-1]), "'six' does not fit"),
    "16-bit TFLite hardswish": (
        "tflite_hardswish",
        source(tensor("x", SHAPE, zero_point=[-200])),
        "does not fit 16 bits",
    ),
    "gate past 15": ("tflite_hardswish", constant("gate_exponent", [16]), "'gate_exponent' does not fit"),
    "multiplier past 15 bits": (
        "tflite_hardswish",
        constant("output_multiplier", [1 << 15]),
        "'output_multiplier' does not fit",
    ),
    "gate multiplier negative": ("tflite_hardswish", constant("gate_multiplier", [-1]), "'gate_multiplier' does not"),
    "output shift past 15": ("tflite_hardswish", constant("output_shift", [16]), "'output_shift' does not fit"),
    "output shift negative": ("tflite_hardswish", constant("output_shift", [-1]), "'output_shift' does not fit"),
    "logistic zero point": (
        "tflite_logistic",
        source(tensor("x", SHAPE, bits=16, zero_point=[1])),
        "takes and gives zero point 0",
    ),
    "logistic to 8 bits": ("tflite_logistic", output(tensor("y", SHAPE)), "gives int16"),
    "logistic multiplier": ("tflite_logistic", constant("multiplier", [1 << 15]), "'multiplier' does not fit"),
    "logistic shift": ("tflite_logistic", constant("shift", [32]), "'shift' does not fit"),
    "table of 512 nodes": (
        "interpolated as TFLite",
        constant("table", np.zeros((1, 512), int)),
        "wrong number of nodes",
    ),
    "node past the codes": (
        "interpolated as TFLite",
        constant("table", np.full((1, 513), 1 << 15)),
        "'table' does not fit",
    ),
    "TFLite table to 8 bits": ("interpolated as TFLite", output(tensor("y", SHAPE)), "a width that the interpolated"),
    "wide output": ("interpolated, 16 to 8 bits", output(tensor("y", SHAPE, bits=17)), "a width that the interpolated"),
    "codes below the index": ("interpolated, 16 to 8 bits", source(tensor("x", SHAPE, bits=5)), "too narrow"),
    "piecewise output": ("piecewise, half_up", output(tensor("y", SHAPE, bits=9)), "wider than the activation unit"),
    "lines": ("piecewise, half_up", constant("slope", np.zeros((1, 33), int)), "'slope' has the wrong number"),
    "breakpoints fall": (
        "piecewise, half_up",
        constant("breakpoints", -np.arange(33).reshape(1, 33)),
        "breakpoints must ascend",
    ),
    "slope": ("piecewise, half_up", constant("slope", np.full((1, 34), 1 << 11)), "'slope' does not fit"),
    "offset": ("piecewise, half_up", constant("offset", np.full((1, 34), 1 << 27)), "'offset' does not fit"),
    "line shift": ("piecewise, half_up", constant("shift", [25]), "'shift' does not fit"),
    "line shift 0": ("piecewise, half_up", constant("shift", [0]), "'shift' does not fit"),
    "input too fine for 23 bits": ("shift_silu", constant("one", [256]), "'one' does not fit"),
    "no steps in 1": ("shift_silu", constant("one", [0]), "'one' does not fit"),
    "row too negative": ("shift_silu by rows", constant("one", [1]), "exponential may not fit 63 bits"),
    "sigmoid past 1": (
        "sigmoid_product",
        constant("table", np.full((1, 256), 256)),
        "'table' does not fit",
    ),
    "sigmoid table short": ("sigmoid_product", constant("table", np.zeros((1, 255), int)), "'table' has the wrong"),
    "b positive": ("igelu", constant("b", [1]), "'b' does not fit"),
    "c positive": ("igelu", constant("c", [1]), "'c' does not fit"),
    "one positive": ("igelu", constant("one", [1]), "'one' does not fit"),
    "erf past 63 bits": ("igelu", constant("c", [-(1 << 60)]), "may not fit 63 bits"),
    "ITA with a zero point": ("ita_gelu", source(tensor("x", SHAPE, zero_point=[3])), "int8 codes with zero point 0"),
    "ITA on u8": ("ita_gelu", source(tensor("x", SHAPE, signed=False)), "int8 codes with zero point 0"),
    "ITA's b": ("ita_gelu", constant("b", [-32768]), "'b' does not fit"),
    "ITA's c": ("ita_gelu", constant("c", [1]), "'c' does not fit"),
}


@pytest.mark.parametrize(("example", "change", "words"), REFUSALS.values(), ids=REFUSALS)
def test_refusals(example: str, change: Change, words: str) -> None:
    """Widths, axes, shapes and constants that the contract excludes."""
    refused(activation_case(np.random.default_rng(2), example=example).call, change, words)


def test_rows_have_one_set_of_constants() -> None:
    """A row maximum and constants a channel exclude each other."""
    call = activation_case(np.random.default_rng(2), example="shift_silu by rows").call
    refused(call, lambda given: replace(given, op=Activation("gelu", 1)), "one set of constants")


def test_requantizer_with_channels_behind_another_axis() -> None:
    """Channels on an axis with another in front of it cannot be planes of the requantizer."""
    with pytest.raises(IllFormed, match="first axis that is not 1"):
        activation_case(np.random.default_rng(2), example="relu", shape=(2, 3, 4), axis=1)


def test_no_unit_for_the_function() -> None:
    """The default datapath has no activation units; the refusal says what to add."""
    call = activation_case(np.random.default_rng(0), example="relu").call
    with pytest.raises(Unsupported, match="no activation unit") as refusal:
        call.op.check(replace(call, datapath=IOT_NPU))
    assert "[activation.relu6]" in refusal.value.next_step


@pytest.mark.parametrize(
    ("function", "section", "words"),
    [
        ("silu", {"kind": "relu", "input_bits_max": 8}, '"relu" as configured does not compute silu'),
        ("hardsigmoid", {"kind": "hardswish", "input_bits_max": 8}, "does not compute hardsigmoid"),
        ("sigmoid", {"kind": "shift_silu", "input_bits_max": 8, "fraction_bits": 9, "sigmoid_bits": 8}, "sigmoid"),
        ("tanh", {"kind": "relu", "input_bits_max": 8}, "tanh"),
        ("relu", {"kind": "lookup", "input_bits_max": 8}, "lookup"),
        ("relu", {"kind": "relu", "input_bits_max": 17}, "16"),
        ("relu", {"kind": "relu", "input_bits_max": 8, "limit": 6}, "limit"),
        ("hardswish", {"kind": "hardswish", "input_bits_max": 8, "output_shift": 2}, "need sixth_shifts"),
        (
            "silu",
            {
                "kind": "interpolated", "input_bits_max": 16, "output_bits_max": 16, "index_bits": 9,
                "rounding": "half_up", "wrap_bits": 16, "fraction_bits": 1,
            },
            "exclude each other",
        ),
    ],
)  # fmt: skip
def test_sections_refused(function: str, section: dict[str, object], words: str) -> None:
    """A unit of [activation.FUNCTION] must exist, have its own keys only, and compute the function."""
    with pytest.raises(ValueError, match=words):
        datapath({f"activation.{function}": section})


def test_a_section_survives_a_file() -> None:
    """A datapath with every kind of unit is the same behind JSON."""
    units = {example.function: example.unit for example in EXAMPLES.values()}
    path = IOT_NPU.model_copy(update={"activation": units})
    assert type(path).model_validate(path.model_dump(mode="json")) == path


def test_work() -> None:
    """24 codes: ITA's gelu clips, adds thrice and multiplies twice, then requantizes; lines requantize themselves."""
    call = activation_case(np.random.default_rng(0), example="ita_gelu").call
    assert call.op.work(call) == Work(None, {"compare": 24, "add": 72, "multiply": 48, "requantize": 24})
    call = activation_case(np.random.default_rng(0), example="piecewise, half_up").call
    assert call.op.work(call) == Work(None, {"compare": 144, "multiply": 24, "add": 24, "requantize": 24})


def test_roles_and_stages_follow_the_unit() -> None:
    """The unit's parameters and stages, then the requantizer's."""
    path = IOT_NPU.model_copy(update={"activation": {"gelu": ItaGelu(kind="ita_gelu", input_bits_max=8)}})
    assert Activation("gelu").roles_on(path) == ("b", "c", "multiplier", "shift")
    assert Activation("gelu").stages_on(path) == ("clipped", "erf", "accumulator", "rounded")
    other = IOT_NPU.model_copy(update={"activation": {"gelu": IGelu(kind="igelu", input_bits_max=8, erf_shift=0)}})
    assert Activation("gelu").roles_on(other) == ("b", "c", "one", "multiplier", "shift")
