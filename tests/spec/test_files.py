"""Files are written whole or not at all, and nothing is unpickled."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from bittrue.spec.errors import BadInput
from bittrue.spec.files import read_array, read_safetensors, write_safetensors, write_text, written_whole


def test_written_whole(tmp_path: Path) -> None:
    """A block that ends well leaves the file and nothing else, missing folders made, usual permissions."""
    path = tmp_path / "a" / "b" / "file.bin"
    with written_whole(path) as part:
        part.write_bytes(b"whole")
        assert not path.exists()
    assert [entry.name for entry in path.parent.iterdir()] == ["file.bin"]
    assert path.read_bytes() == b"whole"
    mask = os.umask(0)
    os.umask(mask)
    assert path.stat().st_mode & 0o777 == 0o666 & ~mask


def fail_midway(path: Path) -> None:
    """Write half of a file."""
    with written_whole(path) as part:
        part.write_bytes(b"half")
        raise RuntimeError("midway")


def test_an_exception_leaves_nothing(tmp_path: Path) -> None:
    """A block that fails leaves no file, not even a part."""
    with pytest.raises(RuntimeError, match="midway"):
        fail_midway(tmp_path / "file")
    assert list(tmp_path.iterdir()) == []


def test_an_exception_keeps_the_old_file(tmp_path: Path) -> None:
    """A block that fails leaves the file that stood there before as it was."""
    path = tmp_path / "file"
    write_text(path, "old\n")
    with pytest.raises(RuntimeError, match="midway"):
        fail_midway(path)
    assert path.read_bytes() == b"old\n"
    assert list(tmp_path.iterdir()) == [path]


def test_a_place_that_cannot_be_written(tmp_path: Path) -> None:
    """A folder that is a file is refused with the path named."""
    (tmp_path / "file").write_text("")
    with pytest.raises(BadInput, match="cannot write here"), written_whole(tmp_path / "file" / "below"):
        pass


def test_safetensors_round_trip_is_deterministic(tmp_path: Path) -> None:
    """Equal contents give equal bytes in whatever order they come; reading gives them back."""
    arrays = {"b": np.arange(6, dtype=np.int8).reshape(2, 3), "a": np.array([1 << 40])}
    write_safetensors(tmp_path / "1", arrays, {"kind": "test"})
    write_safetensors(tmp_path / "2", dict(reversed(arrays.items())), {"kind": "test"})
    assert (tmp_path / "1").read_bytes() == (tmp_path / "2").read_bytes()
    loaded, metadata = read_safetensors(tmp_path / "1", "test")
    assert metadata == {"kind": "test"}
    assert {name: (array.dtype, array.tolist()) for name, array in loaded.items()} == {
        name: (array.dtype, array.tolist()) for name, array in arrays.items()
    }


def test_safetensors_of_a_strided_array(tmp_path: Path) -> None:
    """A transposed array is written in its own order, not in its memory's."""
    array = np.arange(6, dtype=np.int16).reshape(2, 3).T
    write_safetensors(tmp_path / "1", {"a": array}, {})
    assert read_safetensors(tmp_path / "1", "test")[0]["a"].tolist() == array.tolist()


@pytest.mark.parametrize("content", [None, b"", b"not a safetensors file at all", b"\x08\0\0\0\0\0\0\0{}"])
def test_unreadable_safetensors(tmp_path: Path, content: bytes | None) -> None:
    """A missing, empty, foreign or truncated file is BadInput with its path."""
    path = tmp_path / "file"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(BadInput, match="program file") as refusal:
        read_safetensors(path, "program")
    assert str(path) in str(refusal.value)


def test_read_array(tmp_path: Path) -> None:
    """An array of numbers comes back as it was saved."""
    np.save(tmp_path / "a.npy", np.arange(4, dtype=np.uint16))
    array = read_array(tmp_path / "a.npy", "input")
    assert (array.dtype, array.tolist()) == (np.dtype("uint16"), [0, 1, 2, 3])


class Trap:
    """Leaves a file behind when somebody unpickles it."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        return Path.touch, (self.path,)


def test_object_arrays_are_refused(tmp_path: Path) -> None:
    """A .npy file that holds a pickle is refused, and what it holds never runs."""
    trace = tmp_path / "it_ran"
    np.save(tmp_path / "a.npy", np.array([Trap(trace)], dtype=object), allow_pickle=True)
    with pytest.raises(BadInput, match="not a readable input file"):
        read_array(tmp_path / "a.npy", "input")
    assert not trace.exists()
    np.load(tmp_path / "a.npy", allow_pickle=True)
    assert trace.exists(), "the trap is a trap"


@pytest.mark.parametrize("content", [None, b"", b"\x93NUMPY\x01\x00", b"PK\x03\x04", b"cos\nsystem\n(S'true'\ntR."])
def test_unreadable_arrays(tmp_path: Path, content: bytes | None) -> None:
    """A missing, empty, truncated, foreign or bare pickle file is BadInput."""
    path = tmp_path / "a.npy"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(BadInput, match="input file"):
        read_array(path, "input")


def test_an_archive_is_not_an_array(tmp_path: Path) -> None:
    """A .npz under the name of a .npy is refused, not read as an object array of names."""
    with (tmp_path / "a.npy").open("wb") as file:
        np.savez(file, np.arange(3), np.arange(4))
    with pytest.raises(BadInput, match="not a readable input file"):
        read_array(tmp_path / "a.npy", "input")
