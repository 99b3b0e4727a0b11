"""unit: run one unit of a datapath on arrays; what an RTL engineer asks first."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from bittrue.hw_configs.load import load_datapath, names
from bittrue.simulator.units import UNITS as FAST
from bittrue.spec.datapath import Datapath
from bittrue.spec.errors import BadInput, BittrueError
from bittrue.spec.files import check_target, written_whole
from bittrue.spec.units.catalog import UNITS, UnitForm, unit_arrays, unit_form

By = Literal["simulator", "reference"]
Results = dict[str, NDArray[np.int64]]


@dataclass(frozen=True)
class UnitLine:
    """One unit of one datapath, for the list."""

    unit: str
    datapath: str
    kind: str
    """Which algorithm it has; "-" where there is no such unit."""
    form: UnitForm | None


def unit(
    name: str,
    *,
    datapath: str | Path | Datapath,
    inputs: Path | Mapping[str, np.ndarray],
    out: Path | None = None,
    stages: bool = False,
    op: str | None = None,
    by: By = "simulator",
) -> Results:
    """Run one unit on arrays and return its "output", with every stage before it on request.

    inputs: an .npz file or arrays, named as `unit_form(datapath, name).ports` says; parameters broadcast by
    NumPy's rule. op: the requantizer as one operator has it ("linear"). by: the simulator, or the PyTorch
    reference. out: an .npz file to write. Raises BadInput, OutOfDomain or Unsupported.
    """
    path = loaded(datapath).for_op(op)
    form = unit_form(path, name)
    if out is not None:
        check_target(out, *([inputs] if isinstance(inputs, Path) else []))
    given = read_npz(inputs) if isinstance(inputs, Path) else inputs
    try:
        arrays = unit_arrays(form, given)
        found = FAST[name](path, arrays) if by == "simulator" else _reference(name, path, arrays)
    except BittrueError as error:
        raise error.at(str(inputs) if isinstance(inputs, Path) else f"unit {name}") from None
    except ValueError as error:  # NumPy and torch refuse shapes that do not broadcast
        raise BadInput(
            "the arrays' shapes do not fit together",
            where=f"unit {name}",
            got=", ".join(f"{key} {list(np.shape(array))}" for key, array in given.items()),
            expected=", ".join(f"{port.name} [{', '.join(port.axes)}]" for port in form.ports),
        ) from error
    kept = found if stages else {"output": found["output"]}
    if out is not None:
        write_npz(out, kept)
    return kept


def unit_list() -> tuple[UnitLine, ...]:
    """Every unit of every packaged datapath."""
    lines = []
    for datapath in names("datapaths"):
        own = load_datapath(datapath)
        for name, entry in UNITS.items():
            form = entry.form(own)
            lines.append(UnitLine(name, datapath, form.kind if form else "-", form))
    return tuple(lines)


def read_npz(path: Path) -> dict[str, np.ndarray]:
    """The arrays of an .npz file; object arrays (pickles) are refused."""
    try:
        archive = np.load(path, allow_pickle=False)
        if not isinstance(archive, np.lib.npyio.NpzFile):
            raise ValueError("one array, not an archive of named arrays")
        with archive:
            return {name: archive[name] for name in archive.files}
    except FileNotFoundError as error:
        raise BadInput("no such file of arrays", where=str(path)) from error
    except (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile, MemoryError, AttributeError) as error:
        raise BadInput(
            "not a readable .npz file",
            where=str(path),
            got=str(error).splitlines()[0] if str(error) else type(error).__name__,
            expected="arrays of integers written by numpy.savez",
        ) from error


def write_npz(path: Path, arrays: Mapping[str, np.ndarray]) -> None:
    """Write arrays whole or not at all; equal arrays give equal bytes."""
    with written_whole(path) as part, part.open("wb") as file:
        np.savez(file, allow_pickle=False, **dict(arrays))


def loaded(datapath: str | Path | Datapath) -> Datapath:
    """A datapath by name or TOML file, or as it is."""
    return datapath if isinstance(datapath, Datapath) else load_datapath(datapath)


def _reference(name: str, datapath: Datapath, arrays: Mapping[str, NDArray[np.integer]]) -> Results:
    import torch

    from bittrue.golden.units import UNITS as JUDGES

    found = JUDGES[name](datapath, {key: torch.from_numpy(np.array(array)) for key, array in arrays.items()})
    return {key: np.ascontiguousarray(value.numpy()) for key, value in found.items()}
