"""diagnose: why a design's dumps differ from a package, set by set and step by step."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from bittrue.golden.diagnosis.diagnose import Diagnosis, diagnose, of_all_parts
from bittrue.golden.diagnosis.from_package import Dumps, arrays_of, differing_groups, made_of, observed_set, widths_of
from bittrue.golden.diagnosis.mismatches import Place
from bittrue.golden.diagnosis.observed import Made, Observed
from bittrue.golden.diagnosis.step import call_of, observed_units
from bittrue.golden.vectors.design import DesignVerdict
from bittrue.golden.vectors.layout import positions_of
from bittrue.golden.vectors.manifest import Group, Manifest, StepVectors, UnitSet
from bittrue.golden.vectors.package import load_value
from bittrue.spec.vectors import Stimuli, UnitVectors
from bittrue.workflow.progress import Progress, silent
from bittrue.workflow.unit_rules import run_unchecked


def diagnosed(
    package: Path, manifest: Manifest, dut: Path, verdict: DesignVerdict, *, progress: Progress = silent
) -> tuple[Diagnosis, ...]:
    """A diagnosis for each step and set that differs, in the order of the package.

    package, manifest: checked before. verdict: what `judge_design` said of `dut`.
    """
    names = tuple(dict.fromkeys(file.step for file in verdict.files if not file.agreed))
    found = []
    for done, (group, dumps) in enumerate(differing_groups(manifest, dut, names)):
        progress("diagnose", done, len(names))
        one = (
            _set(package, manifest, group, dumps)
            if isinstance(group, UnitSet)
            else _step(package, manifest, group, dumps)
            if isinstance(group, StepVectors)
            else None
        )
        if one is not None:
            found.append(one)
    progress("diagnose", len(names), len(names))
    return tuple(found)


def _set(package: Path, manifest: Manifest, group: UnitSet, dumps: Dumps) -> Diagnosis | None:
    return diagnose(
        observed_set(package, manifest, group, dumps),
        datapath=manifest.datapath.for_op(group.op),
        run=run_unchecked,
        package=manifest.payload_digest,
        set_name=group.label,
        place=_place(group),
    )


def _step(package: Path, manifest: Manifest, group: StepVectors, dumps: Dumps) -> Diagnosis | None:
    """A step: its own stages, and the rules of the unit that first goes wrong on the first image that does."""
    expected = {value.name: load_value(package, manifest, value).astype(np.int64) for value in group.judged}
    made = {
        value.name: made_of(value, dumps[group.label, value.name][0])
        for value in group.judged
        if (group.label, value.name) in dumps
    }
    stimuli = Stimuli(group.op, group.name, "real", arrays_of(package, manifest, group, "input"))
    whole = Observed(UnitVectors(stimuli, expected), made, widths_of(group))
    found = diagnose(
        whole,
        datapath=manifest.datapath,
        run=run_unchecked,
        package=manifest.payload_digest,
        set_name=group.label,
        place=_place(group),
        rules=False,
    )
    if found is None:
        return None
    image = int(np.flatnonzero(whole.wrong_vectors(found.stage))[0])
    units = list(_units(package, manifest, group, whole, image))
    if not units:
        return found
    # The units' expected words are the step's, so what they say of rules holds for the step.
    first, parts = units[0], [each for each in units if each.unit == units[0].unit]
    return dataclasses.replace(
        found, unit=first.unit, explanations=of_all_parts(parts), first=first.first or found.first
    )


def _units(package: Path, manifest: Manifest, group: StepVectors, whole: Observed, image: int) -> Iterator[Diagnosis]:
    """Diagnoses of the step's units on one image, those that differ."""
    constants = arrays_of(package, manifest, group, "constant")
    call = call_of(manifest, group, constants)
    arrays = arrays_of(package, manifest, group, "input")
    inputs = {spec.name: arrays[f"input_{index}"][image] for index, spec in enumerate(call.inputs)}
    one_image = {name: array[image] for name, array in whole.vectors.results.items()}
    made = {name: Made(one.values[image], one.known[image]) for name, one in whole.made.items()}
    for view, observed in observed_units(call, inputs, one_image, made, whole.widths, run_unchecked):
        found = diagnose(
            observed,
            datapath=manifest.datapath.for_op(view.op),
            run=run_unchecked,
            package=manifest.payload_digest,
            set_name=f"{group.label} as {view.stimuli.unit}",
        )
        if found is not None:
            yield found


def _place(group: Group) -> Place:
    """Beat and lane of a word, where a value's stream has a layout."""
    streams = {value.name: value for value in group.values}

    def place(stage: str, index: int) -> str:
        value = streams[stage]
        if value.stream is None:
            return ""
        beat, lane = divmod(int(positions_of(value.stream.layout, value.shape)[index]), value.stream.packing.lanes)
        return f"beat {beat} lane {lane}"

    return place
