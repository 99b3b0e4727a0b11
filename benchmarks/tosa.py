"""The TOSA reference model on a .tflite file: a converter makes the flatbuffer, then one process loads and runs it.

.tflite -> TOSA MLIR by tosa-converter-for-tflite (extra `bench`), MLIR -> flatbuffer by tosa-opt and the model itself
by tosa_reference_model (both of tosa-tools, in .venv-tosa).
"""

from __future__ import annotations

import importlib.util
import subprocess
from pathlib import Path

import numpy as np

from benchmarks.networks import Network
from benchmarks.subjects import pixels_for
from benchmarks.workspace import TOSA_BIN, cache_folder
from bittrue.spec.files import written_whole


def missing() -> str:
    """Why it cannot run here; empty where it can."""
    if not (TOSA_BIN / "tosa_reference_model").is_file():
        return f"{TOSA_BIN} has no tosa_reference_model: make .venv-tosa/installed"
    if importlib.util.find_spec("tosa_converter_for_tflite") is None:
        return "tosa_converter_for_tflite is not installed: pip install '.[bench]'"
    return ""


def prepare(model: Path, network: Network) -> None:
    """Convert the model, and write the first image as its int8 input.

    Raises CalledProcessError or RuntimeError where a tool refuses the model.
    """
    flatbuffer, source = _flatbuffer(model), _input()
    if flatbuffer.is_file() and source.is_file():
        return
    from tosa_converter_for_tflite import tflite_flatbuffer_to_tosa_mlir

    bytecode = flatbuffer.with_suffix(".mlirbc")
    tflite_flatbuffer_to_tosa_mlir(str(model), str(bytecode))
    np.save(source, pixels_for(np.load(network.first_image, allow_pickle=False), np.dtype(np.int8)))
    with written_whole(flatbuffer) as part:
        subprocess.run(
            [TOSA_BIN / "tosa-opt", bytecode, "--tosa-serialize", f"--tosa-flatbuffer-filename={part}"],
            stdout=subprocess.DEVNULL,
            check=True,
        )


def command(model: Path) -> tuple[str, ...]:
    """Load the flatbuffer, run one image, write the output."""
    return (
        str(TOSA_BIN / "tosa_reference_model"),
        f"--tosa_file={_flatbuffer(model).name}",
        f"--flatbuffer_dir={cache_folder()}",
        f"--output_dir={cache_folder()}",
        "--ifm_name=TosaInput_0",
        f"--ifm_file={_input().name}",
        "--ofm_name=TosaOutput_0",
        "--ofm_file=tosa_output.npy",
    )


def _flatbuffer(model: Path) -> Path:
    return cache_folder() / f"{model.stem}.tosa"


def _input() -> Path:
    return cache_folder() / "tosa_input.npy"
