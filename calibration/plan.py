"""QuantPlan: the calibrated float graph, complete enough to lower for any datapath without the model.

On disk one safetensors file: the float parameters as tensors, everything else as JSON in its metadata.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bittrue.calibration.graph import KINDS, FloatGraph, Node
from bittrue.spec.documents import Arrays, FileKind

FILE = FileKind("quantization plan", 2, "calibrate again: bittrue calibrate MODEL --images DIR --out PLAN")

LEARNED = "learned:"
"""In front of the names of learned arrays, in a file."""


@dataclass(frozen=True)
class TensorPlan:
    """How one activation tensor is quantized: real = scale * (code - zero_point), codes signed."""

    bits: int
    scale: tuple[float, ...]
    zero_point: tuple[int, ...]
    axis: int | None
    """Axis along which scale and zero_point vary; None for one of each."""
    scheme: str
    """"symmetric" (zero point 0) or "asymmetric"."""
    low: tuple[float, ...]
    """Observed minimum, one per scale."""
    high: tuple[float, ...]
    region_shift: int = 0
    """PTQ4ViT's twin uniform codes: those of positive values are multiples of 2**region_shift. `bits` is the width that
    a multiplier takes; bits - region_shift say the code. 0 for any other tensor."""


@dataclass(frozen=True)
class WeightPlan:
    """How the weight of one conv2d or linear node is quantized: symmetric, codes in +/-(2**(bits-1) - 1)."""

    bits: int
    scale: tuple[float, ...]
    """One, or one per output channel."""


@dataclass(frozen=True)
class Preprocessing:
    """timm's evaluation transform: what turns a photograph into the program's uint8 input."""

    side: int
    """Height and width in pixels."""
    interpolation: str
    crop_pct: float
    crop_mode: str


@dataclass(frozen=True)
class QuantPlan:
    """See the module docstring. Layout nodes and softmax outputs have no TensorPlan: theirs follow."""

    graph: FloatGraph
    tensors: Mapping[str, TensorPlan]
    weights: Mapping[str, WeightPlan]
    preprocessing: Preprocessing
    provenance: Mapping[str, str]
    learned: Mapping[str, NDArray[np.generic]] = field(default_factory=dict)
    """What calibration learned beyond scales, keyed as parameters are. "NODE/weight": the codes themselves, int8 or
    int16, of the weight with its input's channel scales folded in, where rounding to nearest is not what was chosen.
    "NODE/bias": float32, instead of the graph's. The graph keeps the float model's own, for comparison."""

    def digest(self) -> str:
        """SHA-256 over the graph, its parameters and every chosen scale; provenance stands outside."""
        found = hashlib.sha256(json.dumps(_document(self, provenance=False), sort_keys=True).encode())
        for name in sorted(self.graph.parameters):
            found.update(f"{name} {self.graph.parameters[name].shape}".encode())
            found.update(np.ascontiguousarray(self.graph.parameters[name], dtype="<f4").tobytes())
        for name, array in sorted(self.learned.items()):
            found.update(f"{LEARNED}{name} {array.dtype.str} {array.shape}".encode())
            found.update(np.ascontiguousarray(array).tobytes())
        return found.hexdigest()


def save_plan(plan: QuantPlan, path: Path) -> None:
    """Write a plan; equal plans give equal bytes."""
    learned = {LEARNED + name: array for name, array in plan.learned.items()}
    FILE.write(path, {**plan.graph.parameters, **learned}, _document(plan, provenance=True), plan.digest())


def load_plan(path: Path) -> QuantPlan:
    """Read a plan. Raises BadInput for a foreign, truncated or edited file."""
    return FILE.read(path, _from_document, QuantPlan.digest)


def _document(plan: QuantPlan, *, provenance: bool) -> dict[str, Any]:
    graph = plan.graph
    document: dict[str, Any] = {
        "model": graph.model,
        "input": graph.input,
        "input_shape": graph.input_shape,
        "nodes": [{**dataclasses.asdict(node), "attributes": dict(node.attributes)} for node in graph.nodes],
        "tensors": {name: dataclasses.asdict(tensor) for name, tensor in plan.tensors.items()},
        "weights": {name: dataclasses.asdict(weight) for name, weight in plan.weights.items()},
        "preprocessing": dataclasses.asdict(plan.preprocessing),
    }
    return {**document, "provenance": dict(plan.provenance)} if provenance else document


def _from_document(document: Mapping[str, Any], arrays: Arrays) -> QuantPlan:
    nodes = tuple(
        Node(
            **{key: value if key == "attributes" else _tuples(value) for key, value in entry.items()}
            | {"attributes": {key: _tuples(value) for key, value in entry["attributes"].items()}}
        )
        for entry in document["nodes"]
    )
    unknown = sorted({node.kind for node in nodes} - set(KINDS))
    if unknown:
        raise ValueError(f"unknown node kinds {unknown}")
    graph = FloatGraph(
        document["model"],
        document["input"],
        tuple(document["input_shape"]),
        nodes,
        {name: array.astype(np.float32, copy=False) for name, array in arrays.items() if not name.startswith(LEARNED)},
    )
    provenance = document["provenance"]
    if not all(isinstance(text, str) for text in (*provenance.keys(), *provenance.values())):
        raise ValueError("provenance is texts")
    return QuantPlan(
        graph=graph,
        tensors={
            name: TensorPlan(**{k: _tuples(v) for k, v in entry.items()}) for name, entry in document["tensors"].items()
        },
        weights={
            name: WeightPlan(**{k: _tuples(v) for k, v in entry.items()}) for name, entry in document["weights"].items()
        },
        preprocessing=Preprocessing(**document["preprocessing"]),
        provenance=document["provenance"],
        learned={name.removeprefix(LEARNED): array for name, array in arrays.items() if name.startswith(LEARNED)},
    )


def _tuples(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value
