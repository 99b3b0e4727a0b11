"""Write vectors of bare units into a package: one folder a set, with every array, stage and coverage tag."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from bittrue.golden.vectors.extras import PLAIN, Extras
from bittrue.golden.vectors.finish import Provenance, Written, check_name, finish
from bittrue.golden.vectors.folder import PackageFolder, folder_written_whole
from bittrue.golden.vectors.manifest import Image, KillRate, Manifest, UnitSet
from bittrue.golden.vectors.tags import reached, tags_text
from bittrue.golden.vectors.tosa import write_tosa
from bittrue.golden.vectors.unit_widths import unit_widths
from bittrue.golden.vectors.values import Role, Value
from bittrue.golden.vectors.write_value import Codes, Named, write_value
from bittrue.spec.datapath import Datapath
from bittrue.spec.errors import BadInput, BittrueError
from bittrue.spec.program import Program
from bittrue.spec.units.catalog import unit_arrays, unit_form
from bittrue.spec.units.section import Width
from bittrue.spec.vectors import UnitVectors


@dataclass(frozen=True)
class SetToWrite:
    """One set, and of which operator its requantizer is."""

    vectors: UnitVectors
    op: str | None = None
    """None: the datapath's default requantizer (docs/units.md, --op)."""


def write_unit_package(
    datapath: Datapath,
    sets: Iterable[SetToWrite | UnitVectors],
    out: Path | None,
    provenance: Provenance,
    *,
    program: Program | None = None,
    images: Sequence[Image] = (),
    extras: Extras = PLAIN,
    mutation: Callable[[], Sequence[KillRate]] = tuple,
    written: Written = lambda label, size: None,
) -> Manifest:
    """Write sets of vectors of bare units to the folder `out`, whole or not at all; without `out` only the manifest
    is made.

    sets: in any order; two of one unit need different names. mutation: asked once all sets are written. program,
    images: what stimuli of kind "real" came from. Raises BadInput for names that cannot be a folder's and for results
    without an output or of another number of vectors, OutOfDomain for a code that its width does not hold.
    """
    with folder_written_whole(out) as folder:
        units: list[UnitSet] = []
        for index, entry in enumerate(sets):
            one = entry if isinstance(entry, SetToWrite) else SetToWrite(entry)
            label = f"{one.vectors.stimuli.unit}.{one.vectors.stimuli.name}"
            if label in {unit.label for unit in units}:
                raise BadInput("two sets have one name", where=label, next_step="name one of them otherwise")
            units.append(write_set(folder, datapath, one, index, extras))
            written(units[-1].label, folder.bytes_written)
        return finish(
            folder, datapath, provenance, extras, program=program, images=images, units=units, mutation=mutation()
        )


def write_set(folder: PackageFolder, datapath: Datapath, one: SetToWrite, index: int, extras: Extras) -> UnitSet:
    """Write one set as units/NNN_UNIT.SET; NNN is `index`."""
    stimuli, results = one.vectors.stimuli, one.vectors.results
    check_name(stimuli.name, "set", "name the set otherwise")
    own = datapath.for_op(one.op)
    form = unit_form(own, stimuli.unit)
    label, place = f"{stimuli.unit}.{stimuli.name}", f"units/{index:03d}_{stimuli.unit}.{stimuli.name}"
    if not results or list(results)[-1] != "output" or any(len(made) != stimuli.vectors for made in results.values()):
        raise BadInput(
            "the results are not those of the stimuli",
            where=label,
            got=", ".join(f"{name} {list(made.shape)}" for name, made in results.items()),
            expected=f"stages, then output, each of {stimuli.vectors} vectors",
        )
    try:
        arrays = unit_arrays(form, stimuli.arrays)
        widths = unit_widths(own, stimuli.unit, arrays, results)
        held: list[tuple[Value, Codes]] = []

        def add(role: Role, name: str, stem: str, codes: Codes, width: Width) -> None:
            named = Named(role, name, f"{label} {name}", None if role == "constant" else "vectors")
            held.append((write_value(folder, f"{place}/{stem}", codes, width, named, extras), codes))

        for name in stimuli.driven:  # a float32 scale is its bits from here on
            add("driven", name, driven_stem(name, results), arrays[name], widths.ports[name])
        for name in stimuli.constants:
            add("constant", name, f"const_{name}", arrays[name], widths.ports[name])
        for name, made in results.items():
            add("output" if name == "output" else "stage", name, name, made, widths.results[name])
    except BittrueError as error:
        raise error.at(f"set {label}") from None
    tags = folder.write(f"{place}/tags.csv", [tags_text(one.vectors.hits).encode()])
    return UnitSet(
        name=stimuli.name,
        folder=place,
        values=tuple(value for value, _ in held),
        tosa=write_tosa(folder, place, label, stimuli.unit, held, None) if extras.tosa else (),
        unit=stimuli.unit,
        kind=form.kind,
        op=one.op,
        stimulus=stimuli.kind,
        vectors=stimuli.vectors,
        tags=tags,
        coverage=reached(one.vectors.hits),
    )


def driven_stem(port: str, results: Iterable[str]) -> str:
    """The file name of a driven array: the port's, behind "in_" where a result bears the same."""
    return f"in_{port}" if port in results or port == "tags" else port
