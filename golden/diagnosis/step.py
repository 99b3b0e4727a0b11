"""A step of a program as a unit that was driven by a network, so that rules can be tried on it.

A package has a step's tensors, constants and stages. The units of the step are read from what the contract expects, and
the step's stages take the place of a unit's wherever both hold the same words in the same order; of a step in parts
(groups of channels, heads, tables) the first parts that differ are looked at, each as a unit of its own. A unit that no
view serves has no rules to try.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bittrue.golden.diagnosis.observed import Made, Observed
from bittrue.golden.diagnosis.rule import Run
from bittrue.golden.stimuli.ran_step import UnitView
from bittrue.golden.stimuli.views import parts_of, unit_views
from bittrue.golden.vectors.manifest import Manifest, StepVectors
from bittrue.golden.vectors.values import Value
from bittrue.spec.op import AccumulatorBound, Call
from bittrue.spec.ops.table import Table
from bittrue.spec.program_file import op_from
from bittrue.spec.tensors import TensorSpec
from bittrue.spec.trace import Trace
from bittrue.spec.units.section import Width
from bittrue.spec.vectors import UnitVectors

Arrays = Mapping[str, NDArray[np.int64]]
Words = NDArray[Any]
Layout = Callable[[Words], Words]
"""How a stage of a step is laid out as the unit has it."""
EVERY = 1 << 40
"""Vectors of a view: all that there are."""
PARTS_MAX = 4
"""Parts of a step that rules are tried on: one rule has to explain them all."""


def call_of(manifest: Manifest, step: StepVectors, constants: Arrays) -> Call:
    """The step as the contract knows it, from what the manifest says of it."""
    bound = step.accumulator_bound
    return Call(
        step=step.name,
        op=op_from(step.op, {name: _as_json(value) for name, value in step.attributes.items()}),
        inputs=tuple(_spec(value) for value in step.values if value.role == "input"),
        output=next(_spec(value) for value in step.values if value.role == "output"),
        constants=constants,
        datapath=manifest.datapath,
        bound=None if bound is None else AccumulatorBound(*bound),
    )


def observed_units(
    call: Call, inputs: Arrays, expected: Arrays, made: Mapping[str, Made], widths: Mapping[str, Width], run: Run
) -> Iterator[tuple[UnitView, Observed]]:
    """The units of one step on one image, in the order in which data meets them, that hold the step's words.

    inputs: by the names of the call's inputs. expected, made: the step's stages and output. run: the unit under its
    own rules: a view is used only where it gives the package's words.
    """
    stages = {name: array for name, array in expected.items() if name != "output"}
    trace = Trace("", "package", {spec.name: inputs[spec.name] for spec in call.inputs}, {call.step: stages})
    for view in unit_views(call, trace, limit=EVERY, parts=_differing_parts(call, expected, made)):
        results, names = run(call.datapath.for_op(view.op), view.stimuli), _names(view, expected)
        part = _whole if view.part is None else _part(call, view.part)
        found = {
            stage: placed for stage, name in names.items() if (placed := _place(results[stage], expected[name], part))
        }
        if not found or len(found) < len(names):
            continue
        dumped = {
            stage: Made(found[stage](made[name].values), found[stage](made[name].known))
            for stage, name in names.items()
            if name in made
        }
        if dumped:
            held = {stage: results[stage] for stage in results if stage in found}
            yield (
                view,
                Observed(
                    UnitVectors(view.stimuli, held),
                    dumped,
                    {stage: widths[name] for stage, name in names.items()},
                ),
            )


def _differing_parts(call: Call, expected: Arrays, made: Mapping[str, Made]) -> tuple[int, ...]:
    """The first parts of the step with a wrong word in any stage."""
    wrong = np.zeros(parts_of(call), np.bool_)
    for name, one in made.items():
        differs = ~one.known | (one.values != expected[name])
        if differs.size % wrong.size == 0:
            wrong |= np.array([_part(call, index)(differs).any() for index in range(wrong.size)])
    return tuple(int(index) for index in np.flatnonzero(wrong)[:PARTS_MAX])


def _whole(array: Words) -> Words:
    return array


def _part(call: Call, index: int) -> Layout:
    """The words of one part of a stage: tables lie along their axis, everything else along the first that is not 1."""
    axis = call.op.axis if isinstance(call.op, Table) and call.op.axis is not None else 0
    count = parts_of(call)

    def words(array: Words) -> Words:
        found: Words = np.moveaxis(array, axis, 0).reshape(count, -1)[index]
        return found

    return words


def _names(view: UnitView, expected: Arrays) -> dict[str, str]:
    """By stage of the unit: the step's name for it."""
    if view.stimuli.unit == "mac":
        return {"output": "accumulator"} if "accumulator" in expected else {}
    unit_stages = ("rounded", "output") if view.stimuli.unit == "requantize" else tuple(expected)
    return {name: name for name in unit_stages if name in expected}


def _place(unit: NDArray[np.int64], step: NDArray[np.int64], part: Layout) -> Layout | None:
    """How a stage of the step, or a part of it, is laid out as the unit has it; None where it does not hold the same
    words."""
    if part(step).size != unit.size:
        return None

    def straight(array: Words) -> Words:
        return part(array).reshape(unit.shape)

    def channels_first(array: Words) -> Words:
        return part(array).reshape(unit.shape[::-1]).T

    candidates: list[Layout] = [straight, channels_first] if unit.ndim == 2 else [straight]
    return next((candidate for candidate in candidates if np.array_equal(candidate(step), unit)), None)


def _spec(value: Value) -> TensorSpec:
    return TensorSpec(
        name=value.tensor or value.name,
        shape=value.shape[1:],
        bits=value.bits,
        signed=value.signed,
        scale=value.scale,
        zero_point=value.zero_point,
        axis=None if value.axis is None else value.axis - 1,
    )


def _as_json(value: object) -> object:
    return [_as_json(item) for item in value] if isinstance(value, tuple) else value
