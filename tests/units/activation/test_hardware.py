"""Activation units equal the hardware and the software that they are named after."""

from __future__ import annotations

import numpy as np
import pytest
from activation_units import RTL_SWISH, Arrays
from shared_data import SHARED, need

from bittrue.simulator.units.activation import KINDS
from bittrue.simulator.units.table import run as look_up
from bittrue.spec.units.activation import Hardswish, IGelu, ItaGelu, Relu, ShiftSilu, TfliteLogistic
from bittrue.spec.units.activation.tflite_logistic import logistic_table
from bittrue.spec.units.table import Table

ITA_GELU = ItaGelu(kind="ita_gelu", input_bits_max=8)


def test_ita_gelu() -> None:
    """All 6,816 outputs of ita_gelu.sv: codes of both signs at and past -b, and outputs of both signs."""
    vectors = np.load(need(SHARED / "vectors" / "ita_gelu.npz"), allow_pickle=False)
    arrays: Arrays = {"codes": vectors["x"], "b": vectors["b"], "c": vectors["c"], "input_zero_point": np.zeros(1, int)}
    ITA_GELU.check_alone("ita_gelu", arrays)
    found = KINDS["ita_gelu"](ITA_GELU, arrays)
    assert (found["output"] == vectors["out"]).all()
    reach = np.abs(vectors["x"].astype(int)) + vectors["b"]
    counts = [int(((reach > 0) & sign).sum()) for sign in (vectors["x"] > 0, vectors["x"] < 0)]
    counts += [int((reach == 0).sum()), int((reach < 0).sum()), *((vectors["out"] * s > 0).sum() for s in (1, -1))]
    assert min(counts) > 0, counts


def test_ita_feed_forward() -> None:
    """The block's first linear layer, gelu and the activation requantizer: 4,096 of 4,096 codes of the RTL."""
    layer = np.load(need(SHARED / "vectors" / "ita_layer_S64_E64_P64_F64_gelu.npz"), allow_pickle=False)

    def requantized(value: np.ndarray, multiplier: int, shift: int) -> np.ndarray:
        return np.clip((value * multiplier + (1 << (shift - 1))) >> shift, -128, 127)

    accumulator = layer["FF"].astype(np.int64) @ layer["Wff"].astype(np.int64) + layer["Bff"]
    codes = requantized(accumulator, int(layer["ffn_mult"][0]), int(layer["ffn_shift"][0]))
    arrays = {"codes": codes, "b": layer["gelu_b"], "c": layer["gelu_c"], "input_zero_point": np.zeros(1, int)}
    gelu = KINDS["ita_gelu"](ITA_GELU, arrays)["output"]
    assert (requantized(gelu, int(layer["act_mult"]), int(layer["act_shift"])) == layer["rtl_FF1_act"]).all()


def test_swish_sv_on_all_65536_inputs() -> None:
    """The published formula in NumPy's int16 and int32, whose wraps are the machine's own."""
    x = np.arange(-32768, 32768).astype(np.int16)
    with np.errstate(over="ignore"):
        shifted = x + np.int16(768)
    product = x.astype(np.int32) * np.clip(shifted, 0, 1536).astype(np.int32)
    wanted = (sum(product >> shift for shift in (3, 5, 7, 9, 11, 13)) >> 8).astype(np.int16)
    parameters = {"input_zero_point": np.zeros(1, int), "three": np.array(768), "six": np.array(1536)}
    found = KINDS["hardswish"](RTL_SWISH, {"codes": x, **parameters})["output"]
    assert (found == wanted).all()
    assert (shifted < x).sum() == 768  # x + 3 wraps
    exact = RTL_SWISH.model_copy(update={"sum_bits": None, "output_bits": None})
    assert (KINDS["hardswish"](exact, {"codes": x, **parameters})["output"] != wanted).sum() > 700


@pytest.mark.parametrize(("multiplier", "shift"), [(3, 0), (24576, 11), (17001, 13)])
def test_tflite_logistic_mirrors_its_ties(multiplier: int, shift: int) -> None:
    """All 65,536 codes by the definition in fractions of 2**-10; below 0 a tie goes down, and ties occur there."""
    table = logistic_table()
    q = np.arange(-32768, 32768)
    v = (q * multiplier + ((1 << shift) >> 1)) >> shift
    index, rest = np.divmod(np.abs(v), 512)
    steps = np.append(np.diff(table), 0)[np.minimum(index, 255)]
    w = np.where(index < 255, table[np.minimum(index, 255)] * 512 + rest * steps, 32767 << 10)
    half_up, half_down = (w + 512) // 1024, -((512 - w) // 1024)
    wanted = np.where(v >= 0, half_up, 32768 - half_up)
    arrays = {"codes": q, "multiplier": np.array(multiplier), "shift": np.array(shift)}
    found = KINDS["tflite_logistic"](TfliteLogistic(kind="tflite_logistic", input_bits_max=16), arrays)["output"]
    assert (found == wanted).all()
    assert ((half_up != half_down) & (v < 0)).any()


@pytest.mark.parametrize("one", [1, 9, 20, 255])
def test_ivit_in_floats(one: int) -> None:
    """I-ViT's steps as its code takes them, in float64, which holds every value here: sigmoid and product of a row."""
    unit = ShiftSilu(kind="shift_silu", input_bits_max=8, fraction_bits=23, sigmoid_bits=8, maximum="row")
    x = np.random.default_rng(one).integers(-128, 128, (40, 24)).astype(np.float64)
    x[0], x[1] = 0, np.abs(x[1])

    def exponential(value: np.ndarray) -> np.ndarray:
        power = np.maximum(value + np.floor(value / 2) - np.floor(value / 16), -23.0 * one)
        octaves = np.floor(power / -one)
        return np.maximum(np.floor(((power + one * octaves) / 2 + one) * 2.0 ** (23 - octaves)), 0)

    largest = x.max(axis=-1, keepdims=True)
    e = exponential(x - largest)
    total = np.minimum(e + exponential(-largest), 2.0**31 - 1)
    sigmoid = np.floor(e * np.floor((2.0**31 - 1) / total) / 2.0**24)
    arrays = {"codes": x.astype(np.int64), "input_zero_point": np.zeros(1, int), "one": np.array(one)}
    found = KINDS["shift_silu"](unit, arrays)
    assert (found["exponential"] == e).all()
    assert (found["sigmoid"] == sigmoid).all()
    assert (found["output"] == x * sigmoid).all()


def test_element_and_row_maximum_differ() -> None:
    """A row's largest element moves the others' sigmoids: the choice is visible."""
    arrays = {"codes": np.array([[-3, 100, 5, 60]]), "input_zero_point": np.zeros(1, int), "one": np.array(4)}
    rows = ShiftSilu(kind="shift_silu", input_bits_max=8, fraction_bits=8, sigmoid_bits=8, maximum="row")
    elements = rows.model_copy(update={"maximum": "element"})
    by_row, alone = (KINDS["shift_silu"](unit, arrays)["sigmoid"] for unit in (rows, elements))
    assert by_row[0, 1] == alone[0, 1]
    assert (by_row != alone).any()


def test_ibert_by_hand() -> None:
    """b = -51, c = one = -2771: x = 0, 10, -10, 60: clipped 0, 10, 10, 51; erf 0, 41^2 + c = -1090, 1090, c."""
    unit = IGelu(kind="igelu", input_bits_max=8, erf_shift=0)
    parameters = {
        "b": np.array(-51),
        "c": np.array(-2771),
        "one": np.array(-2771),
        "input_zero_point": np.zeros(1, int),
    }
    found = KINDS["igelu"](unit, {"codes": np.array([0, 10, -10, 60]), **parameters})
    assert found["clipped"].tolist() == [0, 10, 10, 51]
    assert found["erf"].tolist() == [0, -1090, 1090, -2771]
    assert found["output"].tolist() == [0, 38610, -16810, 332520]


def test_hardswish_by_hand() -> None:
    """Steps of 1/2, zero point 1: codes -9, -4, 1, 3, 20 are x -10, -5, 0, 2, 19; gates 0, 1, 6, 8, 12."""
    parameters = {"input_zero_point": np.array([1]), "three": np.array(6), "six": np.array(12)}
    unit = Hardswish(kind="hardswish", input_bits_max=8)
    found = KINDS["hardswish"](unit, {"codes": np.array([-9, -4, 1, 3, 20]), **parameters})
    assert found["gate"].tolist() == [0, 1, 6, 8, 12]
    assert found["output"].tolist() == [0, -5, 0, 16, 228]


def test_relu_by_hand() -> None:
    """Zero point 3, upper end 10."""
    arrays = {"codes": np.array([-128, 3, 4, 20]), "input_zero_point": np.array([3]), "upper": np.array([10])}
    assert KINDS["relu"](Relu(kind="relu", input_bits_max=8), arrays)["output"].tolist() == [0, 0, 1, 10]


def test_table_alone() -> None:
    """Every code reads its own entry, from the lowest."""
    entries = np.random.default_rng(0).integers(-128, 128, 256)
    unit = Table(input_bits_max=8, output_bits_max=8)
    assert [port.default for port in unit.ports] == [None, -128, None]
    arrays = {"codes": np.arange(-128, 128).reshape(2, 128), "input_low": np.array(-128), "table": entries}
    assert look_up(unit, arrays)["output"].reshape(-1).tolist() == entries.tolist()
