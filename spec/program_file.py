"""Programs on disk: one safetensors file, constants as tensors, the rest as JSON in its metadata."""

from __future__ import annotations

import dataclasses
import json
import types
import typing
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import ValidationError

from bittrue.spec.datapath import Datapath
from bittrue.spec.errors import BadInput, BittrueError
from bittrue.spec.files import read_safetensors, write_safetensors
from bittrue.spec.op import AccumulatorBound, Op
from bittrue.spec.ops import OPS
from bittrue.spec.program import FORMAT_VERSION, Program, Step, attributes
from bittrue.spec.tensors import TensorSpec

KIND = "program"


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
        "input": program.input,
        "output": program.output,
        "provenance": dict(program.provenance),
    }
    metadata = {
        "bittrue": KIND,
        "format_version": str(FORMAT_VERSION),
        "digest": program.digest,
        "program": json.dumps(document, sort_keys=True),
    }
    write_safetensors(path, program.constants, metadata)


def load_program(path: Path) -> Program:
    """Read a program, prove it well formed and compare its digest with the recorded one.

    Raises BadInput for a foreign, truncated or edited file, IllFormed for a broken contract.
    """
    arrays, metadata = read_safetensors(path, KIND)
    if metadata.get("bittrue") != KIND:
        raise BadInput(
            "this is not a program",
            where=str(path),
            got=metadata.get("bittrue", "a file of another tool"),
            expected="a file written by `bittrue lower`",
            next_step="lower a plan: bittrue lower PLAN --out PROGRAM",
        )
    if metadata.get("format_version") != str(FORMAT_VERSION):
        raise BadInput(
            "this program has another format version",
            where=str(path),
            got=metadata.get("format_version"),
            expected=FORMAT_VERSION,
            next_step="lower the plan again with this version of bittrue",
        )
    try:
        program = _from_document(json.loads(metadata["program"]), arrays)
        program.check()
    except (KeyError, TypeError, ValueError, ValidationError) as error:
        raise BadInput(
            "this program is damaged",
            where=str(path),
            got=f"{type(error).__name__}: {error}",
            next_step="lower the plan again",
        ) from error
    except BittrueError as error:
        raise error.at(str(path)) from None
    if program.digest != metadata.get("digest"):
        raise BadInput(
            "this program was edited after it was written",
            where=str(path),
            got=f"digest {program.digest[:16]}",
            expected=f"digest {str(metadata.get('digest'))[:16]}",
            next_step="lower the plan again",
        )
    return program


def _from_document(document: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> Program:
    tensors = [
        TensorSpec(**{**entry, **{key: tuple(entry[key]) for key in ("shape", "scale", "zero_point")}})
        for entry in document["tensors"]
    ]
    steps = tuple(
        Step(
            name=entry["name"],
            op=_op(entry["op"], entry["attributes"]),
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
        constants=dict(arrays),
        input=document["input"],
        output=document["output"],
        provenance=document["provenance"],
    )


def _op(name: str, values: Mapping[str, Any]) -> Op:
    """Build an op from JSON, refusing unknown names and values of another type."""
    if name not in OPS:
        raise ValueError(f"unknown op {name!r}; known: {', '.join(OPS)}")
    kind = OPS[name]
    hints = typing.get_type_hints(kind)
    typed = {
        field.name: _typed(values[field.name], hints[field.name], f"{name}.{field.name}")
        for field in dataclasses.fields(kind)
    }
    if set(values) != set(typed):
        raise ValueError(f"unknown attributes of {name}: {sorted(set(values) - set(typed))}")
    return kind(**typed)


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
