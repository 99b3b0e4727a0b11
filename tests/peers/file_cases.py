"""Models that TensorFlow's converter made, layer by layer, against the TFLite runtimes.

The files of tests/peers/models have random weights and were made for this project.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

from numpy.random import Generator
from peers import draws
from peers.comparison import Comparison
from peers.layers import Array
from peers.ours import By, Profile, profile
from peers.tflite_cases import REFERENCE, STAND_IN, Runtime
from peers.tflite_file import network

MODELS = tuple(sorted(Path(__file__).with_name("models").glob("*.tflite")))


def against(runtime: Runtime, ours: Profile, path: Path, rng: Generator) -> tuple[Array, Array]:
    """Random codes through the file's layers and through the runtime."""
    model = path.read_bytes()
    layers = network(model)
    codes = [draws.codes(rng, tensor.shape) for tensor in layers.inputs.values()]
    theirs = runtime.run(model, codes)
    return layers.run(ours, codes).reshape(theirs.shape), theirs


def comparisons(by: By = "simulator") -> list[Comparison]:
    """The reference kernels and TFLite Micro's."""
    found = []
    for name, runtime in (("tflite_reference", REFERENCE), ("cmsis_nn", STAND_IN)):
        ours = profile(name, runtime.constants, by)
        found += [
            Comparison(name, path.name, runtime.name, partial(against, runtime, ours, path), 3) for path in MODELS
        ]
    return found
