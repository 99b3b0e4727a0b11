"""The TOSA reference model, one operator at a time, in an environment of its own: tosa-tools needs another numpy.

`make .venv-tosa/installed` makes the environment. One worker process serves the whole session.
"""

from __future__ import annotations

import atexit
import json
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Literal

import numpy as np
from peers.layers import Array
from shared_data import ROOT

INTERPRETER = ROOT / ".venv-tosa" / "bin" / "python"
WORKER = Path(__file__).with_name("tosa_worker.py")
DType = Literal["INT8", "INT16", "INT32", "INT48"]
_NUMPY: dict[DType, type[np.signedinteger]] = {"INT8": np.int8, "INT16": np.int16, "INT32": np.int32, "INT48": np.int64}


@dataclass(frozen=True)
class Operand:
    """An input of an operator."""

    values: Array
    dtype: DType
    constant: bool = False


@dataclass(frozen=True)
class Operator:
    """One operator with its attributes, by the worker's names."""

    name: str
    inputs: Sequence[Operand]
    output_shape: tuple[int, ...]
    output_type: DType
    attributes: dict[str, object] = field(default_factory=dict)


def scalar(value: int, dtype: DType) -> Operand:
    """A zero point or a shift."""
    return Operand(np.array([value]), dtype, constant=True)


def run(operator: Operator) -> Array:
    """The operator's output."""
    return _worker().run(operator)


class Worker:
    """The process and the folder through which its arrays go."""

    def __init__(self) -> None:
        if not INTERPRETER.exists():
            raise FileNotFoundError(f"{INTERPRETER} is missing: run `make .venv-tosa/installed`")
        self._folder = tempfile.TemporaryDirectory()
        self._log = Path(self._folder.name) / "log"
        with self._log.open("w") as log:
            self._process = subprocess.Popen(
                [INTERPRETER, WORKER],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                cwd=self._folder.name,
            )

    def run(self, operator: Operator) -> Array:
        """Write the job, wait for the answer, read the output."""
        assert self._process.stdin is not None and self._process.stdout is not None
        source, target = (Path(self._folder.name) / name for name in ("job.npz", "output.npz"))
        names = [f"input_{index}" for index in range(len(operator.inputs))]
        inputs = [[name, operand.dtype, operand.constant] for name, operand in zip(names, operator.inputs, strict=True)]
        job = {
            "op": operator.name,
            "attributes": operator.attributes,
            "inputs": inputs,
            "output_type": operator.output_type,
        }
        arrays = {
            name: operand.values.astype(_NUMPY[operand.dtype])
            for name, operand in zip(names, operator.inputs, strict=True)
        }
        np.savez(source, job=np.array(json.dumps(job)), output_shape=np.array(operator.output_shape), **arrays)
        self._process.stdin.write(f"{source} {target}\n")
        self._process.stdin.flush()
        if self._process.stdout.readline().strip() != "done":
            raise RuntimeError(f"the TOSA reference model refused {operator.name}: {self._log.read_text()[-2000:]}")
        with np.load(target, allow_pickle=False) as found:
            output: Array = found["output"].reshape(operator.output_shape)
        return output

    def close(self) -> None:
        """End the process and remove the folder."""
        self._process.communicate()
        self._folder.cleanup()


@cache
def _worker() -> Worker:
    worker = Worker()
    atexit.register(worker.close)
    return worker
