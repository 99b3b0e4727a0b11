"""Files on disk: read without trust, written whole or not at all. Nothing is ever unpickled."""

from __future__ import annotations

import json
import math
import os
import tempfile
import tokenize
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from bittrue.spec.errors import BadInput

METADATA = "bittrue"
"""The safetensors metadata entry that holds everything else, as JSON."""


def check_target(path: Path, *inputs: Path) -> None:
    """Refuse an output path that is a folder, a device or one of the inputs; before any work, where it can be.

    inputs: files that the same command reads.
    """
    if path.exists() and not path.is_file():
        what = "a folder" if path.is_dir() else "no regular file"
        raise BadInput(
            "the output path cannot be a file", where=str(path) or "''", got=what, next_step="choose another --out"
        )
    for held in inputs:
        if path.exists() and held.exists() and path.samefile(held):
            raise BadInput("the output would replace an input", where=str(path), next_step="choose another --out")


@contextmanager
def written_whole(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`; rename it to `path` when the block ends well, else delete it.

    Raises BadInput where `path` is a folder or cannot be written, whatever the reason.
    """
    check_target(path)
    path = path.resolve()  # through a link to the file that it names
    part = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".part")
        os.close(handle)
        part = Path(name)
        # mkstemp makes the file private; what a user asked for gets the usual permissions.
        mask = os.umask(0)
        os.umask(mask)
        part.chmod(0o666 & ~mask)
        yield part
        part.replace(path)
    except OSError as error:
        raise BadInput(
            "cannot write here", where=str(path), got=error.strerror or str(error), next_step="choose another --out"
        ) from error
    finally:
        if part is not None:
            part.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write a text file whole, UTF-8 with LF line ends on every platform."""
    with written_whole(path) as part:
        part.write_bytes(text.encode())


def plain_json(value: object) -> object:
    """The same document with infinities and NaN as the strings "inf", "-inf" and "nan", which JSON lacks."""
    if isinstance(value, dict):
        return {key: plain_json(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain_json(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value


def write_safetensors(path: Path, arrays: Mapping[str, NDArray[np.generic]], metadata: Mapping[str, str]) -> None:
    """Write arrays and metadata so that equal contents give equal bytes.

    The metadata goes into one entry: safetensors writes several in an order that differs from run to run.
    """
    ordered = {name: np.ascontiguousarray(arrays[name]) for name in sorted(arrays)}
    with written_whole(path) as part:
        part.write_bytes(save(ordered, {METADATA: json.dumps(dict(metadata), sort_keys=True)}))


def read_safetensors(path: Path, kind: str) -> tuple[dict[str, NDArray[np.generic]], dict[str, str]]:
    """Read all arrays and the metadata of a safetensors file that should hold a `kind`.

    Raises BadInput for a missing, unreadable, truncated or foreign file.
    """
    if not path.is_file():
        raise BadInput(
            f"no such {kind} file", where=str(path), next_step=f"give the path of a {kind} written by bittrue"
        )
    try:
        with safe_open(path, framework="numpy") as file:
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            metadata = json.loads((file.metadata() or {}).get(METADATA, "{}"))
            if not isinstance(metadata, dict) or not all(isinstance(value, str) for value in metadata.values()):
                raise ValueError("its metadata is not a table of texts")
            return arrays, metadata
    # TypeError and AttributeError: bfloat16 and float8, which NumPy lacks. RecursionError: endlessly nested JSON.
    except (SafetensorError, OSError, ValueError, TypeError, AttributeError, RecursionError) as error:
        raise BadInput(
            f"not a readable {kind} file",
            where=str(path),
            got=str(error).splitlines()[0],
            expected="an undamaged safetensors file",
            next_step=f"write the {kind} again",
        ) from error


def read_array(path: Path, what: str) -> NDArray[np.generic]:
    """Read one .npy array; object arrays (pickles) are refused."""
    try:
        with path.open("rb") as file:
            array = np.asarray(np.lib.format.read_array(file, allow_pickle=False))
            if file.read(1):
                raise ValueError("bytes behind the data")
            return array
    except MemoryError as error:
        raise BadInput(f"the {what} file states a shape that no memory holds", where=str(path)) from error
    except FileNotFoundError as error:
        raise BadInput(f"no such {what} file", where=str(path)) from error
    except (OSError, ValueError, EOFError, SyntaxError, tokenize.TokenError) as error:
        raise BadInput(
            f"not a readable {what} file",
            where=str(path),
            got=str(error).splitlines()[0],
            expected="a .npy file of numbers",
        ) from error
