"""Write a vector package: chosen steps of a Program over the Traces of one or more images.

For workflow, which knows the Program, and for the RTL team, which gets the folder (docs/vectors.md).
The same Program, Traces and steps give the same payload bytes on any machine: there is no time stamp,
machine name or float in them.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import platform
import re
from collections.abc import Sequence
from pathlib import Path
from typing import cast

import numpy as np
from numpy.typing import NDArray

from bittrue.golden.vectors.folder import CodeFiles, PackageFolder, folder_written_whole
from bittrue.golden.vectors.manifest import (
    MANIFEST_NAME,
    NAME_LENGTH_MAX,
    NAME_PATTERN,
    SCHEMA_VERSION,
    UNSEALED,
    Attribute,
    Image,
    Manifest,
    Packing,
    Producer,
    ProgramIdentity,
    Role,
    StepVectors,
    Value,
    manifest_text,
    payload_digest,
    sealed,
)
from bittrue.golden.vectors.widths import Width, constant_width, stage_width
from bittrue.spec.errors import BadInput
from bittrue.spec.op import Call
from bittrue.spec.program import Program, Step, attributes
from bittrue.spec.tensors import TensorSpec
from bittrue.spec.trace import Trace


def write_package(
    program: Program,
    traces: Sequence[Trace],
    steps: Sequence[str],
    out: Path,
    *,
    seed: int,
    command: str,
    image_names: Sequence[str],
) -> Manifest:
    """Write inputs, constants, stages and outputs of `steps` to the folder `out`, whole or not at all.

    traces: one an image, of this program, all with the stages of a step or none. steps: names, in any
    order; the package has the program's. image_names: where each image came from, one a trace.
    seed, command: recorded, so that a reader knows how to get the same package again.
    Raises BadInput for a folder that is not empty, a step whose name cannot be a folder's and traces
    of another program; IllFormed for an unknown step; OutOfDomain for a code outside its width.
    """
    _check_arguments(program, traces, steps, image_names)
    chosen = [(index, step) for index, step in enumerate(program.steps) if step.name in set(steps)]
    with folder_written_whole(out) as folder:
        written = tuple(_write_step(folder, program, traces, index, step) for index, step in chosen)
        manifest = sealed(
            Manifest(
                schema_version=SCHEMA_VERSION,
                producer=_producer(traces),
                command=command,
                seed=seed,
                program=_identity(program),
                datapath=program.datapath,
                images=tuple(_image(program, trace, name) for trace, name in zip(traces, image_names, strict=True)),
                steps=written,
                files=folder.entries,
                payload_digest=payload_digest(folder.entries),
                manifest_digest=UNSEALED,
            )
        )
        (folder.path / MANIFEST_NAME).write_bytes(manifest_text(manifest).encode())
    return manifest


def _check_arguments(
    program: Program, traces: Sequence[Trace], steps: Sequence[str], image_names: Sequence[str]
) -> None:
    if not traces or len(traces) != len(image_names):
        raise BadInput(
            "a package needs one trace and one name an image",
            got=f"{len(traces)} traces, {len(image_names)} names",
            expected="as many of each, at least one",
        )
    if not steps or len(set(steps)) != len(steps):
        raise BadInput(
            "a package needs steps, each once",
            got=f"{len(steps)} names, {len(set(steps))} different",
            expected="at least one step of the program",
            next_step="name steps of the program",
        )
    for trace in traces:
        if trace.program_digest != program.digest:
            raise BadInput(
                "a trace belongs to another program",
                got=f"digest {trace.program_digest}",
                expected=f"digest {program.digest}",
                next_step="simulate this program",
            )
    for name in steps:
        program.step(name)  # refuses unknown ones, with the nearest names
        if not re.fullmatch(NAME_PATTERN, name) or len(name) > NAME_LENGTH_MAX:
            raise BadInput(
                "a step's name cannot be a folder's name",
                got=repr(name),
                expected=f"at most {NAME_LENGTH_MAX} letters, digits, '_', '.' and '-'",
                next_step="rename the step in the plan, or leave it out",
            )


def _write_step(
    folder: PackageFolder, program: Program, traces: Sequence[Trace], index: int, step: Step
) -> StepVectors:
    call, place = program.call(step), f"steps/{index:03d}_{step.name}"
    values = [_tensor(folder, place, "input", f"input_{k}", traces, spec) for k, spec in enumerate(call.inputs)]
    values += [_constant(folder, place, call, role) for role in step.op.roles_on(program.datapath)]
    values += _stages(folder, place, call, traces)
    values.append(_tensor(folder, place, "output", "output", traces, call.output))
    return StepVectors(
        index=index,
        name=step.name,
        op=step.op.name,
        attributes=cast("dict[str, Attribute]", attributes(step.op)),  # the model validates them
        inputs=step.inputs,
        accumulator_bound=None if step.bound is None else (step.bound.low, step.bound.high),
        stimulus="images",
        folder=place,
        values=tuple(values),
    )


def _tensor(
    folder: PackageFolder, place: str, role: Role, name: str, traces: Sequence[Trace], spec: TensorSpec
) -> Value:
    """An input or output: one array [images, ...] over all traces."""
    codes = np.stack([_codes(trace, spec) for trace in traces])
    files = folder.add(f"{place}/{name}", codes, Width(spec.bits, spec.signed), f"{name} {spec.name}")
    return Value(
        role=role,
        name=name,
        tensor=spec.name,
        shape=codes.shape,
        per_image=True,
        bits=spec.bits,
        signed=spec.signed,
        zero_point=spec.zero_point,
        scale=spec.scale,
        axis=None if spec.axis is None else spec.axis % len(spec.shape) + 1,  # the image axis stands in front
        npy=files.npy,
        mem=files.mem,
        packing=Packing.of(spec.bits, spec.signed),
    )


def _constant(folder: PackageFolder, place: str, call: Call, role: str) -> Value:
    codes, width = call.constants[role], constant_width(call, role)
    files = folder.add(f"{place}/const_{role}", codes, width, f"{call.step} constant {role}")
    return _plain("constant", role, codes, width, files)


def _stages(folder: PackageFolder, place: str, call: Call, traces: Sequence[Trace]) -> list[Value]:
    """The step's stages in the op's order, [images, ...]; none when no trace has any."""
    held = [trace.stages.get(call.step, {}) for trace in traces]
    if not any(held):
        return []
    values = []
    for stage in call.op.stages_on(call.datapath):
        shapes = {stages[stage].shape if stage in stages else None for stages in held}
        if len(shapes) > 1 or None in shapes:
            raise BadInput(
                "the traces do not hold the same stages",
                where=call.step,
                got=f"stage {stage} with shapes {shapes}",
                expected="every stage of the op, in one shape, in every trace",
                next_step="simulate every image with stages",
            )
        codes, width = np.stack([stages[stage] for stages in held]), stage_width(call, stage)
        files = folder.add(f"{place}/{stage}", codes, width, f"{call.step} {stage}")
        values.append(_plain("stage", stage, codes, width, files))
    return values


def _plain(role: Role, name: str, codes: NDArray[np.integer], width: Width, files: CodeFiles) -> Value:
    """A value that is no tensor of the Program: its codes are plain integers."""
    return Value(
        role=role,
        name=name,
        tensor=None,
        shape=codes.shape,
        per_image=role == "stage",
        bits=width.bits,
        signed=width.signed,
        zero_point=(),
        scale=(),
        axis=None,
        npy=files.npy,
        mem=files.mem,
        packing=Packing.of(width.bits, width.signed),
    )


def _codes(trace: Trace, spec: TensorSpec) -> NDArray[np.integer]:
    if spec.name not in trace.tensors:
        raise BadInput("a trace lacks a tensor", got=f"{len(trace.tensors)} tensors", expected=spec.name)
    codes = trace.tensors[spec.name]
    spec.check_codes(codes)
    return codes


def _image(program: Program, trace: Trace, source: str) -> Image:
    codes = _codes(trace, program.tensors[program.input])
    digest = hashlib.sha256(np.ascontiguousarray(codes, dtype=np.uint8).tobytes()).hexdigest()
    return Image(source=source, sha256=digest, shape=codes.shape)


def _identity(program: Program) -> ProgramIdentity:
    return ProgramIdentity(digest=program.digest, model=program.model, provenance=dict(program.provenance))


def _producer(traces: Sequence[Trace]) -> Producer:
    return Producer(
        bittrue=importlib.metadata.version("bittrue"),
        numpy=np.__version__,
        python=platform.python_version(),
        trace=", ".join(sorted({trace.producer for trace in traces})),
    )
