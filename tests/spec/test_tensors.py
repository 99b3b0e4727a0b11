"""TensorSpec: what it refuses and what follows from it."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from bittrue.spec.errors import IllFormed, OutOfDomain
from bittrue.spec.tensors import TensorSpec

IMAGE = TensorSpec("x", (1, 3, 2, 2), 8, True, (0.5,), (-3,))


@pytest.mark.parametrize(
    "change",
    [
        {"bits": 1},
        {"bits": 33},
        {"shape": (1, 0, 2, 2)},
        {"shape": ()},
        {"scale": (0.0,)},
        {"scale": (-1.0,)},
        {"scale": (float("nan"),)},
        {"scale": (float("inf"),)},
        {"scale": (1.0, 1.0)},
        {"zero_point": ()},
        {"axis": 1},
        {"axis": 1, "scale": (1.0, 1.0, 1.0), "zero_point": (0, 0)},
        {"axis": 4, "scale": (1.0,), "zero_point": (0,)},
        {"axis": -4, "scale": (1.0,), "zero_point": (0,)},
        {"zero_point": (1 << 30,)},
        {"zero_point": (-(1 << 30) - 1,)},
        {"zero_point": (0.0,)},
        {"bits": 8.0},
        {"shape": (1, 3, 2.0, 2)},
        {"row_sum_max": 1.5},
    ],
    ids=str,
)
def test_refuses(change: dict[str, object]) -> None:
    """Widths, empty axes, scales and per-axis counts that no tensor can have are refused."""
    with pytest.raises(IllFormed, match="tensor x"):
        dataclasses.replace(IMAGE, **change)


@pytest.mark.parametrize(
    ("bits", "signed", "low", "high", "dtype"),
    [
        (2, True, -2, 1, "int8"),
        (8, True, -128, 127, "int8"),
        (8, False, 0, 255, "uint8"),
        (9, True, -256, 255, "int16"),
        (16, False, 0, 65535, "uint16"),
        (17, True, -65536, 65535, "int32"),
        (32, False, 0, (1 << 32) - 1, "uint32"),
    ],
)
def test_codes(bits: int, signed: bool, low: int, high: int, dtype: str) -> None:
    """The code range follows from width and sign; the dtype is the narrowest that stores it."""
    spec = dataclasses.replace(IMAGE, bits=bits, signed=signed)
    assert spec.code_range == (low, high)
    assert spec.dtype == np.dtype(dtype)


def test_dequantize_per_channel() -> None:
    """Real = scale * (code - zero_point), with the scale and zero point of the element's channel."""
    spec = TensorSpec("x", (1, 2, 1, 2), 8, True, (0.5, 2.0), (1, -1), axis=1)
    codes = np.array([[[[1, 3]], [[-1, -128]]]], dtype=np.int8)
    assert spec.dequantize(codes).tolist() == [[[[0.0, 1.0]], [[0.0, -254.0]]]]
    assert spec.line == (1, 2, 1, 1)
    assert spec.magnitude_max == 129
    assert spec.size == 4


def test_check_codes_accepts_the_ends() -> None:
    """The lowest and the highest code are codes."""
    spec = dataclasses.replace(IMAGE, bits=4)
    spec.check_codes(np.array([-8, 7] * 6, dtype=np.int8).reshape(spec.shape))


@pytest.mark.parametrize(
    ("codes", "words"),
    [
        (np.zeros((1, 3, 2, 2), dtype=np.float32), "must be integers"),
        (np.zeros((3, 2, 2), dtype=np.int8), "wrong shape"),
        (np.full((1, 3, 2, 2), 8, dtype=np.int8), r"tensor x\[0, 0, 0, 0\](.|\n)*-8..7 \(s4\)"),
        (np.full((1, 3, 2, 2), -9, dtype=np.int8), "-9"),
    ],
)
def test_check_codes_refuses(codes: np.ndarray, words: str) -> None:
    """Data that is not of the tensor is OutOfDomain, with the first wrong coordinate named."""
    with pytest.raises(OutOfDomain, match=words):
        dataclasses.replace(IMAGE, bits=4).check_codes(codes)
