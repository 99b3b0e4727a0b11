"""A tiny machine with round numbers and calls by hand, so that every cost can be computed on paper."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from bittrue.hw_configs.load import load_datapath
from bittrue.spec.datapath import Datapath
from bittrue.spec.machine import Machine
from bittrue.spec.op import Call
from bittrue.spec.ops import OPS
from bittrue.spec.tensors import TensorSpec

KINDS = ("requantize", "table", "add", "multiply", "compare", "divide", "root", "move")

TINY: dict[str, Any] = {
    "format_version": 1,
    "name": "tiny",
    "description": "numbers that are easy to compute with",
    "clock_mhz": 100,
    "weights_in": "dram",
    "array": {"rows": 4, "cols": 4, "dataflow": "weight_stationary", "operand_bits": 8, "operand_bits_max": 16},
    "vector_unit": {
        "lanes": 4,
        "iterative_units": 1,
        "overlaps_array": True,
        "cycles_per_element": {kind: 10 if kind in ("divide", "root") else 1 for kind in KINDS},
    },
    "buffers": {"activation_kib": 1, "weight_kib": 1, "activation_bytes_per_cycle": 4, "weight_bytes_per_cycle": 4},
    "dma": {"bytes_per_cycle": 4},
    "dram": {
        "bandwidth_mb_per_s": 100,
        "burst_bytes": 8,
        "latency_cycles": 10,
        "outstanding_bursts": 2,
        "energy_pj_per_byte": 100.0,
    },
    "flash": {
        "bandwidth_mb_per_s": 50,
        "burst_bytes": 8,
        "latency_cycles": 20,
        "outstanding_bursts": 4,
        "energy_pj_per_byte": 200.0,
    },
    "energy": {
        "multiply_8x8_pj": 0.5,
        "accumulate_pj_per_bit": 0.25,
        "sram_read_pj_per_byte": 2.0,
        "sram_write_pj_per_byte": 3.0,
        "leakage_mw": 4.0,
        "vector": {f"{kind}_pj": 5.0 for kind in KINDS},
    },
}


def _with_sources(table: Mapping[str, Any], changes: Mapping[str, Any], path: str = "") -> dict[str, Any]:
    result: dict[str, Any] = {"source": {}}
    # Optional keys that only a change gives.
    given = {key.removeprefix(path): changes[key] for key in changes if key.startswith(path)}
    extra = {key: value for key, value in given.items() if "." not in key and key not in table}
    for key, value in {**table, **extra}.items():
        here = f"{path}{key}"
        value = changes.get(here, value)
        result[key] = _with_sources(value, changes, f"{here}.") if isinstance(value, dict) else value
        if type(value) in (int, float) and key != "format_version":
            result["source"][key] = "assumption: a test"
    return result


@pytest.fixture(scope="session")
def machine() -> Callable[..., Machine]:
    """Build the tiny machine, with values replaced by dotted key."""

    def build(changes: Mapping[str, Any] | None = None) -> Machine:
        return Machine.model_validate(_with_sources(TINY, changes or {}))

    return build


@dataclass(frozen=True)
class Calls:
    """Calls with made-up constants; tensors are told apart by name."""

    datapath: Datapath

    def tensor(self, name: str, *shape: int, bits: int = 8) -> TensorSpec:
        """A signed tensor."""
        return TensorSpec(name, shape, bits, True, (1.0,), (0,))

    def linear(self, step: str, source: TensorSpec, out_features: int) -> Call:
        """Constants: I*O bytes of weight, 2*O of bias, 4 of multiplier, 1 of shift."""
        constants = {
            "weight": np.full((out_features, source.shape[-1]), -100),
            "bias": np.full(out_features, -1000),
            "multiplier": np.array([1 << 30]),
            "shift": np.array([31]),
        }
        output = self.tensor(step, *source.shape[:-1], out_features)
        return Call(step, OPS["linear"](out_features), (source,), output, constants, self.datapath)

    def matmul(self, step: str, a: TensorSpec, b: TensorSpec) -> Call:
        """Constants: 4 bytes of multiplier, 1 of shift."""
        output = self.tensor(step, *a.shape[:-1], b.shape[-1])
        constants = {"multiplier": np.array([1 << 30]), "shift": np.array([31])}
        return Call(step, OPS["matmul"](), (a, b), output, constants, self.datapath)

    def add(self, step: str, a: TensorSpec, b: TensorSpec) -> Call:
        """Constants: 9 bytes."""
        constants = {"multiplier_a": np.array([1 << 30]), "multiplier_b": np.array([1 << 30]), "shift": np.array([31])}
        return Call(step, OPS["add"](), (a, b), self.tensor(step, *a.shape), constants, self.datapath)

    def softmax(self, step: str, source: TensorSpec) -> Call:
        """No constants that matter."""
        return Call(step, OPS["softmax"](), (source,), self.tensor(step, *source.shape), {}, self.datapath)

    def table(self, step: str, source: TensorSpec) -> Call:
        """256 bytes of table."""
        output = self.tensor(step, *source.shape)
        return Call(step, OPS["table"]("relu"), (source,), output, {"table": np.arange(-128, 128)}, self.datapath)

    def permute(self, step: str, source: TensorSpec) -> Call:
        """Last axis first; no constants."""
        axes = (len(source.shape) - 1, *range(len(source.shape) - 1))
        output = self.tensor(step, *(source.shape[axis] for axis in axes), bits=source.bits)
        return Call(step, OPS["permute"](axes), (source,), output, {}, self.datapath)

    def reshape(self, step: str, source: TensorSpec, *shape: int) -> Call:
        """The same bytes under another shape."""
        output = self.tensor(step, *shape, bits=source.bits)
        return Call(step, OPS["reshape"](shape), (source,), output, {}, self.datapath)


@pytest.fixture(scope="session")
def calls() -> Calls:
    """Calls on the default datapath, whose accumulator has 32 bits."""
    return Calls(load_datapath("iot_npu"))
