"""Programs on disk: one safetensors file, constants as tensors, the rest as JSON in its metadata."""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from bittrue.spec.datapath import Datapath
from bittrue.spec.documents import Arrays, FileKind, as_integers
from bittrue.spec.op import ADDED, AccumulatorBound, Op
from bittrue.spec.ops import OPS
from bittrue.spec.program import FORMAT_VERSION, Program, Step, attributes
from bittrue.spec.tensors import TensorSpec

FILE = FileKind("program", FORMAT_VERSION, "lower the plan again: bittrue lower PLAN --out PROGRAM")


def save_program(program: Program, path: Path) -> None:
    """Write a program; the same program gives the same bytes."""
    document = {
        "model": program.model,
        "datapath": program.datapath.model_dump(mode="json"),
        "tensors": [dataclasses.asdict(spec) for spec in program.tensors.values()],
        "steps": [
            {
                "name": step.name,
                "op": step.op.name,
                "attributes": attributes(step.op),
                "inputs": step.inputs,
                "bound": None if step.bound is None else [step.bound.low, step.bound.high],
            }
            for step in program.steps
        ],
        "inputs": program.inputs,
        "output": program.output,
        "provenance": dict(program.provenance),
    }
    FILE.write(path, program.constants, document, program.digest)


def load_program(path: Path) -> Program:
    """Read a program, prove it well formed and compare its digest with the recorded one.

    Raises BadInput for a foreign, truncated or edited file, IllFormed for a broken contract.
    """
    return FILE.read(path, _checked, lambda program: program.digest)


def _checked(document: Mapping[str, Any], arrays: Arrays) -> Program:
    program = _from_document(document, arrays)
    program.check()
    return program


def _from_document(document: Mapping[str, Any], arrays: Arrays) -> Program:
    tensors = [
        TensorSpec(**{**entry, **{key: tuple(entry[key]) for key in ("shape", "scale", "zero_point")}})
        for entry in document["tensors"]
    ]
    provenance = document["provenance"]
    texts = (document["model"], *provenance.keys(), *provenance.values())
    if not all(isinstance(text, str) for text in texts):
        raise ValueError("model and provenance are texts")
    if len({spec.name for spec in tensors}) < len(tensors):
        raise ValueError("two tensors bear one name")
    steps = tuple(
        Step(
            name=entry["name"],
            op=op_from(entry["op"], entry["attributes"]),
            inputs=tuple(entry["inputs"]),
            bound=None
            if entry["bound"] is None
            else AccumulatorBound(*_typed(entry["bound"], tuple[int, int], "bound")),
        )
        for entry in document["steps"]
    )
    return Program(
        model=document["model"],
        datapath=Datapath.model_validate(document["datapath"]),
        tensors={spec.name: spec for spec in tensors},
        steps=steps,
        constants=as_integers(arrays),
        inputs=_typed_names(document["inputs"]),
        output=document["output"],
        provenance=document["provenance"],
    )


def _typed_names(values: Any) -> tuple[str, ...]:
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        raise ValueError(f"inputs must be a list of names, got {values!r}")
    return tuple(values)


def op_from(name: str, values: Mapping[str, Any]) -> Op:
    """Build an op from JSON, refusing unknown names and values of another type."""
    if name not in OPS:
        raise ValueError(f"unknown op {name!r}; known: {', '.join(OPS)}")
    kind = OPS[name]
    hints = _hints(name)
    typed = {
        field.name: _typed(values[field.name], hints[field.name], f"{name}.{field.name}")
        for field in dataclasses.fields(kind)
        if ADDED not in field.metadata or field.name in values
    }
    if set(values) != set(typed):
        raise ValueError(f"unknown attributes of {name}: {sorted(set(values) - set(typed))}")
    return kind(**typed)


@cache
def _hints(name: str) -> dict[str, Any]:
    """Types of an op's attributes, resolved once: a program has hundreds of steps of a dozen ops."""
    return typing.get_type_hints(OPS[name])


def _typed(value: Any, hint: Any, where: str) -> Any:
    """JSON has lists where attributes have tuples; everything else must already be of its type."""
    if isinstance(hint, types.UnionType):
        if value is None:
            return None
        hint = next(part for part in typing.get_args(hint) if part is not type(None))
    if typing.get_origin(hint) is tuple:
        if not isinstance(value, list) or not all(type(item) is int for item in value):
            raise ValueError(f"{where} must be a list of integers, got {value!r}")
        return tuple(value)
    if type(value) is not hint:
        raise ValueError(f"{where} must be {hint.__name__}, got {value!r}")
    return value
