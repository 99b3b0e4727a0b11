"""Integer arrays as .npy bytes: NumPy reads what is written, and what NumPy writes is read."""

from __future__ import annotations

import io

import numpy as np
import pytest

from bittrue.golden.vectors.npy import from_npy, storage_dtype, to_npy

DTYPES = ("i1", "u1", "<i2", ">u2", "<i4", ">i4", "<u8", ">i8")


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(), (1,), (5,), (2, 3), (1, 2, 3, 4)])
def test_round_trips(dtype: str, shape: tuple[int, ...]) -> None:
    """Values, shape and dtype survive, in either memory order, through either writer and reader."""
    array = np.random.default_rng(1).integers(0, 100, shape).astype(dtype)
    assert np.array_equal(np.load(io.BytesIO(to_npy(array)), allow_pickle=False), array)
    for given in (array, np.asarray(array, order="F")):
        stream = io.BytesIO()
        np.save(stream, given, allow_pickle=False)
        back = from_npy(stream.getvalue(), "t")
        assert back.dtype == array.dtype and back.shape == array.shape and np.array_equal(back, array)


def test_version_2_is_read() -> None:
    """The longer header that NumPy knows is read as well."""
    stream = io.BytesIO()
    np.lib.format.write_array(stream, np.arange(3), version=(2, 0))
    assert from_npy(stream.getvalue(), "t").tolist() == [0, 1, 2]


def test_bytes_do_not_depend_on_the_machine() -> None:
    """Byte order and memory order of the array in memory do not show."""
    array = np.arange(6, dtype="<i4").reshape(2, 3)
    assert to_npy(array) == to_npy(array.astype(">i4")) == to_npy(np.asfortranarray(array))
    assert to_npy(array).startswith(b"\x93NUMPY\x01\x00")


def test_storage_is_the_narrowest_integer() -> None:
    """1..64 bits are stored in 1, 2, 4 or 8 bytes."""
    sizes = {bits: storage_dtype(bits, True).itemsize for bits in (1, 8, 9, 16, 17, 32, 33, 64)}
    assert sizes == {1: 1, 8: 1, 9: 2, 16: 2, 17: 4, 32: 4, 33: 8, 64: 8}
    assert storage_dtype(6, False) == np.uint8
