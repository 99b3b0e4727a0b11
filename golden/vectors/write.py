"""Write a vector package of chosen steps of a Program, over one or more images.

For workflow, which knows the Program, and for the RTL team, which gets the folder (docs/vectors.md).
The same Program, images and steps give the same payload bytes on any machine: there is no time stamp,
machine name or float in them. Steps come one after the other, so that one need not hold them all.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import numpy as np

from bittrue.golden.vectors.extras import PLAIN, Extras
from bittrue.golden.vectors.finish import Provenance, Written, check_name, finish
from bittrue.golden.vectors.folder import PackageFolder, folder_written_whole
from bittrue.golden.vectors.manifest import (
    Attribute,
    Image,
    Manifest,
    StepVectors,
    TosaTest,
)
from bittrue.golden.vectors.tosa import write_tosa
from bittrue.golden.vectors.values import Value
from bittrue.golden.vectors.widths import constant_width, stage_width
from bittrue.golden.vectors.write_value import Codes, Named, write_value
from bittrue.spec.errors import BadInput
from bittrue.spec.op import Call
from bittrue.spec.program import Program, Step, attributes
from bittrue.spec.tensors import TensorSpec
from bittrue.spec.trace import Trace
from bittrue.spec.units.section import Width


@dataclass(frozen=True)
class StepArrays:
    """What a step reads and makes, over all images: axis 0 counts them."""

    step: Step
    inputs: tuple[Codes, ...]
    stages: Mapping[str, Codes]
    """In the order of the op's stages; empty where none are wanted."""
    output: Codes


def write_package(
    program: Program,
    traces: Sequence[Trace],
    steps: Sequence[str],
    out: Path,
    *,
    seed: int,
    command: str,
    image_names: Sequence[str],
    extras: Extras = PLAIN,
) -> Manifest:
    """Write inputs, constants, stages and outputs of `steps` to the folder `out`, whole or not at all.

    traces: one an image, of this program, all with the stages of a step or none. steps: names, in any
    order; the package has the program's. image_names: where each image came from, one a trace.
    seed, command: recorded, so that a reader knows how to get the same package again.
    Raises BadInput for a folder that is not empty, a step whose name cannot be a folder's and traces
    of another program; IllFormed for an unknown step; OutOfDomain for a code outside its width.
    """
    _check_arguments(program, traces, image_names)
    check_steps(program, steps)
    image = program.tensors[program.input]
    images = [image_of(image, _codes(trace, image), name) for trace, name in zip(traces, image_names, strict=True)]
    provenance = Provenance(command, seed, ", ".join(sorted({trace.producer for trace in traces})))
    return write_steps(program, _arrays(program, traces, steps), images, out, provenance, extras=extras)


def write_steps(
    program: Program,
    parts: Iterable[StepArrays],
    images: Sequence[Image],
    out: Path | None,
    provenance: Provenance,
    *,
    extras: Extras = PLAIN,
    written: Written = lambda label, size: None,
) -> Manifest:
    """Write steps as they come, in the program's order. Without `out` nothing is written: the manifest says what
    would have been. Raises as write_package does."""
    place = {step.name: index for index, step in enumerate(program.steps)}
    with folder_written_whole(out) as folder:
        steps = []
        for part in parts:
            steps.append(_write_step(folder, program, part, place[part.step.name], extras))
            written(part.step.name, folder.bytes_written)
        return finish(folder, program.datapath, provenance, extras, program=program, images=images, steps=steps)


def image_of(spec: TensorSpec, codes: Codes, source: str) -> Image:
    """An image as the manifest names it; raises OutOfDomain for codes that are none of the program's input."""
    spec.check_codes(codes)
    digest = hashlib.sha256(np.ascontiguousarray(codes, dtype=np.uint8).tobytes()).hexdigest()
    return Image(source=source, sha256=digest, shape=codes.shape)


def check_steps(program: Program, steps: Sequence[str]) -> None:
    """Refuse no steps, unknown ones, one twice, and names that cannot be a folder's."""
    if not steps or len(set(steps)) != len(steps):
        raise BadInput(
            "a package needs steps, each once",
            got=f"{len(steps)} names, {len(set(steps))} different",
            expected="at least one step of the program",
            next_step="name steps of the program",
        )
    for name in steps:
        program.step(name)  # refuses unknown ones, with the nearest names
        check_name(name, "step", "rename the step in the plan, or leave it out")


def _check_arguments(program: Program, traces: Sequence[Trace], image_names: Sequence[str]) -> None:
    if not traces or len(traces) != len(image_names):
        raise BadInput(
            "a package needs one trace and one name an image",
            got=f"{len(traces)} traces, {len(image_names)} names",
            expected="as many of each, at least one",
        )
    for trace in traces:
        if trace.program_digest != program.digest:
            raise BadInput(
                "a trace belongs to another program",
                got=f"digest {trace.program_digest}",
                expected=f"digest {program.digest}",
                next_step="simulate this program",
            )


def _arrays(program: Program, traces: Sequence[Trace], steps: Sequence[str]) -> Iterator[StepArrays]:
    """The chosen steps of traces, in the program's order."""
    for step in program.steps:
        if step.name in set(steps):
            call = program.call(step)
            yield StepArrays(
                step,
                tuple(np.stack([_codes(trace, spec) for trace in traces]) for spec in call.inputs),
                _stages(call, traces),
                np.stack([_codes(trace, call.output) for trace in traces]),
            )


def _stages(call: Call, traces: Sequence[Trace]) -> dict[str, Codes]:
    """The step's stages in the op's order, [images, ...]; none when no trace has any."""
    held = [trace.stages.get(call.step, {}) for trace in traces]
    return stacked_stages(call, held) if any(held) else {}


def stacked_stages(call: Call, held: Sequence[Mapping[str, Codes]]) -> dict[str, Codes]:
    """The stages of one step of several images: by stage, in the op's order, [images, ...]."""
    found: dict[str, Codes] = {}
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
        found[stage] = np.stack([stages[stage] for stages in held])
    return found


def _write_step(folder: PackageFolder, program: Program, part: StepArrays, index: int, extras: Extras) -> StepVectors:
    step, call = part.step, program.call(part.step)
    place = f"steps/{index:03d}_{step.name}"
    values = []
    for k, (spec, codes) in enumerate(zip(call.inputs, part.inputs, strict=True)):
        named = Named("input", f"input_{k}", f"input_{k} {spec.name}", "images", spec)
        values.append(write_value(folder, f"{place}/input_{k}", codes, Width(spec.bits, spec.signed), named, extras))
    for role in step.op.roles_on(program.datapath):
        named = Named("constant", role, f"{call.step} constant {role}", None)
        width = constant_width(call, role)
        values.append(write_value(folder, f"{place}/const_{role}", call.constants[role], width, named, extras))
    for stage, codes in part.stages.items():
        named = Named("stage", stage, f"{call.step} {stage}", "images")
        values.append(write_value(folder, f"{place}/{stage}", codes, stage_width(call, stage), named, extras))
    named = Named("output", "output", f"output {call.output.name}", "images", call.output)
    width = Width(call.output.bits, call.output.signed)
    values.append(write_value(folder, f"{place}/output", part.output, width, named, extras))
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
        tosa=_tosa(folder, place, call, values, part) if extras.tosa else (),
    )


def _tosa(
    folder: PackageFolder, place: str, call: Call, values: Sequence[Value], part: StepArrays
) -> tuple[TosaTest, ...]:
    constants = [call.constants[role] for role in call.op.roles_on(call.datapath)]
    held = list(zip(values, [*part.inputs, *constants, *part.stages.values(), part.output], strict=True))
    return write_tosa(folder, place, call.step, call.op.name, held, images=len(part.output))


def _codes(trace: Trace, spec: TensorSpec) -> Codes:
    if spec.name not in trace.tensors:
        raise BadInput("a trace lacks a tensor", got=f"{len(trace.tensors)} tensors", expected=spec.name)
    codes = trace.tensors[spec.name]
    spec.check_codes(codes)
    return codes
