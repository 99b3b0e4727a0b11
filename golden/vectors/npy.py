"""Integer arrays as .npy bytes: written the same on every machine, read without trust.

Format: NumPy enhancement proposal 1, version 1.0. No array is ever unpickled, and none is allocated
before the header has been compared with the number of bytes that are there.
"""

from __future__ import annotations

import io
import math
import re

import numpy as np
from numpy.lib import format as npy_format
from numpy.typing import NDArray

from bittrue.spec.errors import BadInput

AGAIN = "write the file again with numpy.save from an array of integers"

_LENGTH_BYTES = {b"\x93NUMPY\x01\x00": 2, b"\x93NUMPY\x02\x00": 4}
"""By magic and version: how many bytes give the length of the header."""
# Every repetition is of characters that cannot stand behind it, so that no header takes long to refuse.
_HEADER = re.compile(
    rb"\{\s*'descr':\s*(?P<descr>'[^']*'|\[[^\]]*\]),\s*'fortran_order':\s*(?P<column_major>True|False),"
    rb"\s*'shape':\s*\((?P<shape>[0-9, ]{0,640})\),?\s*\}\s*"
)


def storage_dtype(bits: int, signed: bool) -> np.dtype[np.integer]:
    """The narrowest little-endian NumPy integer that stores a code of 1..64 bits."""
    size = next(size for size in (1, 2, 4, 8) if bits <= 8 * size)
    return np.dtype(f"<{'i' if signed else 'u'}{size}")


def to_npy(array: NDArray[np.integer]) -> bytes:
    """The bytes of an integer array as .npy 1.0, little endian, row-major."""
    return b"".join(npy_parts(array))


def npy_parts(array: NDArray[np.integer]) -> tuple[bytes, memoryview]:
    """The same in two parts, header and data, without a copy of an array that is little endian and row-major."""
    ordered = np.asarray(array, dtype=array.dtype.newbyteorder("<"), order="C")
    stream = io.BytesIO()
    header = {"descr": npy_format.dtype_to_descr(ordered.dtype), "fortran_order": False, "shape": ordered.shape}
    npy_format.write_array_header_1_0(stream, header)
    return stream.getvalue(), ordered.reshape(-1).view(np.uint8).data


def from_npy(data: bytes, where: str) -> NDArray[np.integer]:
    """The integer array in .npy bytes (version 1.0 or 2.0), in its own shape and dtype.

    Raises BadInput for another format, another kind of number (objects included) and any number of
    bytes that the header does not call for.
    """
    # numpy.load would evaluate the header as a Python literal, which a hostile one can make fail in many ways.
    length_bytes = _LENGTH_BYTES.get(data[:8], 0)
    start = 8 + length_bytes
    end = start + int.from_bytes(data[8:start], "little")
    header = _HEADER.fullmatch(data[start:end]) if length_bytes else None
    if header is None:
        raise BadInput(
            "not a readable .npy file",
            where=where,
            got=f"{len(data)} bytes that begin with {data[:8]!r}",
            expected="an .npy file of integers, format 1.0",
            next_step=AGAIN,
        )
    descr = header["descr"].decode("ascii", errors="replace")
    if not re.fullmatch(r"'[<>|][iu][1248]'", descr):
        raise BadInput(
            "an .npy file does not hold integers",
            where=where,
            got=f"dtype {descr[:40]}",
            expected="an integer dtype",
            next_step=AGAIN,
        )
    dtype = np.dtype(descr.strip("'"))
    shape = tuple(int(size) for size in re.findall(rb"[0-9]+", header["shape"]))
    size = math.prod(shape) * dtype.itemsize
    if len(shape) > 32 or size != len(data) - end:
        raise BadInput(
            "an .npy file is truncated or too long",
            where=where,
            got=f"{len(data) - end} bytes of data",
            expected=f"{size} bytes for shape {shape} of {dtype}",
            next_step=AGAIN,
        )
    flat: NDArray[np.integer] = np.frombuffer(data, dtype=dtype, offset=end)
    return flat.reshape(shape, order="F" if header["column_major"] == b"True" else "C")
