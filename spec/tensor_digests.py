"""Digests of a program's tensors: each covers everything that decides the bits of one tensor. For sharing results.

A tensor's digest is made from its step (op, attributes, constants, the output's format), from what of the datapath
decides a bit of that step, and from the digests of its inputs, and so of all before: two programs with a tensor of
the same digest give that tensor the same bits on the same inputs. Names, scales and steps that the tensor does not
follow from stand outside. Where a proof shows that an accumulator holds every sum, its width and its overflow rule
stand outside as well, because neither can matter (`Call.accumulator_proved`).

DECIDING is the contract of what each op reads of its datapath; tests/spec/test_tensor_digests.py holds kernels and
judges to it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any, cast

import numpy as np

from bittrue.spec.op import Call
from bittrue.spec.ops.activation import Activation, unit_of
from bittrue.spec.ops.matmul import MatMul
from bittrue.spec.ops.weighted_sum import WeightedSum
from bittrue.spec.program import FORMAT_VERSION, Program, attributes
from bittrue.spec.tensors import TensorSpec

DECIDING: Mapping[str, tuple[str, ...]] = {
    "activation": ("activation", "requantization"),
    "add": ("add",),
    "avg_pool2d": ("avg_pool2d", "mac", "requantization"),
    "concat": ("concat", "requantization"),
    "constant": (),
    "conv2d": ("mac", "requantization"),
    "group_norm": ("norm",),
    "layer_norm": ("norm",),
    "linear": ("mac", "requantization"),
    "matmul": ("mac", "requantization", "softmax"),
    "mean": ("mac", "mean", "requantization"),
    "mul": ("requantization",),
    "permute": (),
    "reshape": (),
    "slice": (),
    "softmax": ("softmax",),
    "sub": ("add",),
    "table": (),
    "weighted_sum": ("mac", "requantization", "softmax"),
}
"""Sections of the datapath that may decide a bit of a step's output, by op. Of `activation` it is the unit of the
step's function, of `requantization` the unit as the op has it, and `softmax` matters to a product only where it divides
by row sums."""
REFUSING = ("activation_bits_max", "bias_bits", "bias_overflow", "probability_bits_max")
"""Fields of `mac` that decide which programs there are (their constants, and what is refused), and no bit of one."""
WIDEST = 48
"""Bits; what a proof lets every accumulator stand for."""


def tensor_digests(program: Program) -> dict[str, str]:
    """SHA-256 by tensor name, inputs first, then in order of production."""
    found = {name: _sha({"input": index, "format": _format(program.tensors[name])})
             for index, name in enumerate(program.inputs)}  # fmt: skip
    for call in program.calls:
        document = {
            "format_version": FORMAT_VERSION,
            "op": [call.op.name, attributes(call.op)],
            "inputs": [found[spec.name] for spec in call.inputs],
            "output": _format(call.output),
            "datapath": _deciding(call),
        }
        found[call.output.name] = _sha(document, call.constants)
    return found


def _deciding(call: Call) -> dict[str, Any]:
    """What of the datapath may decide a bit of a step, as JSON."""
    found: dict[str, Any] = {}
    for section in DECIDING[call.op.name]:
        if section == "mac":
            found["mac"] = _mac(call)
        elif section == "requantization":
            found["requantization"] = call.requantizer.model_dump(mode="json")
        elif section == "activation":
            unit = unit_of(call.datapath, cast(Activation, call.op).function)
            found["activation"] = unit.model_dump(mode="json")
        elif section != "softmax" or not isinstance(call.op, MatMul | WeightedSum) or call.op.divide_by_row_sum:
            unit = getattr(call.datapath, section)
            found[section] = None if unit is None else unit.model_dump(mode="json")
    return found


def _mac(call: Call) -> dict[str, Any]:
    mac = call.datapath.mac.model_dump(mode="json", exclude=set(REFUSING))
    return mac | {"accumulator_bits": WIDEST, "overflow": "exact"} if call.accumulator_proved else mac


def _format(spec: TensorSpec) -> list[object]:
    return [spec.shape, spec.bits, spec.signed, spec.zero_point, spec.axis, spec.row_sum_max]


def _sha(document: Mapping[str, object], constants: Mapping[str, np.ndarray] | None = None) -> str:
    digest = hashlib.sha256(json.dumps(document, sort_keys=True, separators=(",", ":")).encode())
    for role, array in sorted((constants or {}).items()):
        digest.update(f"{role} {array.shape}".encode())
        digest.update(np.ascontiguousarray(array, dtype="<i8").tobytes())
    return digest.hexdigest()
