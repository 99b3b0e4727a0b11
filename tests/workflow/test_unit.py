"""One unit at a time: files in and out, names, refusals, and that both statements say the same."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bittrue import workflow
from bittrue.hw_configs.load import load_datapath, names
from bittrue.spec.errors import BadInput, BittrueError, OutOfDomain, Unsupported
from bittrue.spec.units.catalog import UNITS, unit_form
from bittrue.workflow.unit import read_npz, write_npz

ROWS = 40


def requantizer_arrays(datapath: str, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Random operands for whatever the datapath's requantizer reads, extremes among them."""
    unit = load_datapath(datapath).requantization
    form = unit_form(load_datapath(datapath), "requantize")
    reach = 1 << ((unit.input_bits or 32) - 1)
    accumulator = rng.integers(-reach, reach, (ROWS, 8))
    accumulator[0, :4] = -reach, reach - 1, 0, -1
    made = {
        "accumulator": accumulator,
        "multiplier": rng.integers(1, 1 << unit.multiplier_bits, (1, 8)),
        "shift": rng.integers(max(unit.shift_min, 1), unit.shift_max + 1, (ROWS, 1)),
        "bias": rng.integers(-(1 << 20), 1 << 20, (8,)),
        "offset": rng.integers(-(1 << 20), 1 << 20, (8,)),
        "unsigned": rng.integers(0, 2, (ROWS, 1)),
        "zero_point": rng.integers(-128, 128, (1, 8)),
        "low": np.array(-100),
        "high": np.array(90),
    }
    if unit.kind == "float32":
        made["multiplier"] = np.float32(rng.random((1, 8)) * 1e-6)
    return {port.name: made[port.name] for port in form.ports}


@pytest.mark.parametrize("datapath", names("datapaths"))
def test_simulator_and_reference_agree_on_every_requantizer(datapath: str) -> None:
    """Every stage, with parameters per tensor, per channel, per row and per element."""
    for seed in range(5):
        arrays = requantizer_arrays(datapath, np.random.default_rng(seed))
        fast = workflow.unit("requantize", datapath=datapath, inputs=arrays, stages=True)
        judge = workflow.unit("requantize", datapath=datapath, inputs=arrays, stages=True, by="reference")
        assert list(fast) == list(judge) == [*unit_form(load_datapath(datapath), "requantize").stages, "output"]
        for name, values in fast.items():
            assert np.array_equal(values, judge[name]), (name, seed)


def test_files_in_and_out(tmp_path: Path) -> None:
    """What a file gives is what arrays give; without stages only the output is written, and equal bytes again."""
    arrays = requantizer_arrays("ita", np.random.default_rng(1))
    write_npz(tmp_path / "in.npz", arrays)
    found = workflow.unit("requantize", datapath="ita", inputs=tmp_path / "in.npz", out=tmp_path / "out.npz")
    assert list(found) == ["output"]
    assert np.array_equal(read_npz(tmp_path / "out.npz")["output"], found["output"])
    first = (tmp_path / "out.npz").read_bytes()
    workflow.unit("requantize", datapath="ita", inputs=tmp_path / "in.npz", out=tmp_path / "out.npz")
    assert (tmp_path / "out.npz").read_bytes() == first
    workflow.unit("requantize", datapath="ita", inputs=arrays, out=tmp_path / "all.npz", stages=True)
    assert set(read_npz(tmp_path / "all.npz")) == {"entered", "product", "rounded", "limited", "placed", "output"}


def test_one_operator_may_have_another_requantizer() -> None:
    """TensorFlow Lite's fully connected layer rounds once, half away; its convolution twice."""
    arrays = {"accumulator": np.array([-3, 3]), "multiplier": np.array(1 << 30), "shift": np.array(31)}
    by_op = {
        op: workflow.unit("requantize", datapath="tflite_reference", inputs=arrays, op=op)["output"].tolist()
        for op in ("conv2d", "linear")
    }
    assert by_op == {"conv2d": [-1, 2], "linear": [-2, 2]}


def test_a_float32_scale_may_come_as_bits() -> None:
    """The scale as float32 and as its bits give the same codes."""
    scale = np.array([1e-5, 3e-4], np.float32)
    arrays = {"accumulator": np.arange(-5000, 5000).reshape(-1, 2), "multiplier": scale}
    codes = workflow.unit("requantize", datapath="onnxruntime", inputs=arrays)["output"]
    arrays["multiplier"] = scale.view(np.int32)
    assert np.array_equal(workflow.unit("requantize", datapath="onnxruntime", inputs=arrays)["output"], codes)
    assert np.array_equal(codes, np.clip(np.rint(arrays["accumulator"].astype(np.float32) * scale), -128, 127))


def test_a_saturating_accumulator_keeps_the_order() -> None:
    """NVDLA's register: 34 bits, saturated after each addend, then shifted half away and saturated to 32 bits."""
    top = (1 << 33) - 1
    found = workflow.unit(
        "accumulate",
        datapath="nvdla_small",
        inputs={
            "addends": np.array([[5, -5], [-5, 5], [-3, 0]]),
            "initial": np.array([top, top, 0]),
            "pre_shift": np.array([3, 3, 1]),
        },
        stages=True,
    )
    assert found["register"].tolist() == [top - 5, top, -3]
    assert found["output"].tolist() == [(top - 5 + 4) >> 3, (top + 4) >> 3, -2]


def test_products_of_unsigned_registers(tmp_path: Path) -> None:
    """A block that multiplies int8 as unsigned: -1 counts as 255."""
    text = (Path(__file__).parents[2] / "hw_configs" / "datapaths" / "iot_npu.toml").read_text(encoding="utf-8")
    (tmp_path / "npu.toml").write_text(text.replace("[mac]\n", '[mac]\nproducts = "unsigned"\n'), encoding="utf-8")
    arrays = {"activations": np.array([[-1, 2]]), "weights": np.array([[3], [-1]])}
    found = workflow.unit("mac", datapath=tmp_path / "npu.toml", inputs=arrays)
    assert found["output"].tolist() == [[255 * 3 + 2 * 255]]
    assert workflow.unit("mac", datapath="iot_npu", inputs=arrays)["output"].tolist() == [[-5]]


def test_the_list_has_every_unit_of_every_datapath() -> None:
    """Units x datapaths, with the kind, or a dash where the hardware has none."""
    lines = workflow.unit_list()
    assert len(lines) == len(names("datapaths")) * len(UNITS)
    kinds = {(line.datapath, line.unit): line.kind for line in lines}
    assert kinds["ita", "softmax"] == "ita" and kinds["ita", "gelu"] == "ita_gelu"
    assert kinds["gemmini", "softmax"] == kinds["vta", "mul"] == "-"


GOOD = {"accumulator": np.arange(4), "multiplier": np.array(1 << 30), "shift": np.array(40)}


@pytest.mark.parametrize(
    ("unit", "datapath", "change", "error", "words"),
    [
        ("requantise", "iot_npu", {}, BadInput, "requantize"),
        ("softmax", "gemmini", {}, Unsupported, "no softmax unit"),
        ("requantize", "iot_npux", {}, BadInput, "iot_npu"),
        ("requantize", "iot_npu", {"shift": None}, BadInput, "shift"),
        ("requantize", "iot_npu", {"offset": np.array(1)}, BadInput, "offset"),
        ("requantize", "iot_npu", {"accumulator": np.arange(4) / 2}, BadInput, "array accumulator"),
        ("requantize", "iot_npu", {"multiplier": np.array(1 << 31)}, OutOfDomain, "array multiplier"),
        ("requantize", "iot_npu", {"multiplier": np.array(-1)}, OutOfDomain, "array multiplier"),
        ("requantize", "iot_npu", {"shift": np.array(63)}, OutOfDomain, "array shift"),
        ("requantize", "iot_npu", {"multiplier": np.full(3, 1 << 30)}, BadInput, "shapes"),
        ("requantize", "iot_npu", {"accumulator": np.array(1 << 50)}, OutOfDomain, "63 bits"),
        (
            "requantize",
            "ita",
            {"multiplier": np.array(7), "shift": np.array(3), "unsigned": np.array(2)},
            OutOfDomain,
            "array unsigned",
        ),
    ],
)
def test_refusals(
    unit: str, datapath: str, change: dict[str, np.ndarray | None], error: type[BittrueError], words: str
) -> None:
    """Unknown and missing units, arrays, types, widths and shapes: one error that says which."""
    arrays = {name: array for name, array in {**GOOD, **change}.items() if array is not None}
    with pytest.raises(error, match=words) as found:
        workflow.unit(unit, datapath=datapath, inputs=arrays)
    assert words in str(found.value)


@pytest.mark.parametrize("name", ["a", "b", "zero_point_a", "zero_point_b", "zero_point"])
def test_a_float32_add_takes_8_bits(name: str) -> None:
    """Past 8 bits nothing is proved of the float32 sums: codes and zero points there are refused by name."""
    ratio = np.array([0.5], np.float32)
    arrays = {"a": np.array([3, 255]), "b": np.array([-4, -255]), "ratio_a": ratio, "ratio_b": ratio}
    assert workflow.unit("add", datapath="onnxruntime", inputs=arrays)["output"].tolist() == [0, 0]
    with pytest.raises(BittrueError, match=f"'{name}'"):
        workflow.unit("add", datapath="onnxruntime", inputs={**arrays, name: np.array([256, 0])})


def test_files_that_are_none(tmp_path: Path) -> None:
    """A missing file, a text, a single array, a pickle and the input as output are refused; nothing is written."""
    (tmp_path / "text.npz").write_text("no arrays")
    np.save(tmp_path / "one.npy", np.arange(3))
    np.savez(tmp_path / "pickle.npz", accumulator=np.array([{}], dtype=object))
    for name in ("none.npz", "text.npz", "one.npy", "pickle.npz"):
        with pytest.raises(BadInput, match=name):
            workflow.unit("requantize", datapath="iot_npu", inputs=tmp_path / name, out=tmp_path / "out.npz")
    write_npz(tmp_path / "in.npz", GOOD)
    with pytest.raises(BadInput, match="replace an input"):
        workflow.unit("requantize", datapath="iot_npu", inputs=tmp_path / "in.npz", out=tmp_path / "in.npz")
    assert not (tmp_path / "out.npz").exists()
