"""bittrue coverage."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast, get_args

import typer

from bittrue.cli.options import Json, Seed, names
from bittrue.cli.output import print_json, print_rows, print_table

if TYPE_CHECKING:
    from bittrue.spec.vectors import StimulusKind
    from bittrue.workflow.coverage import UnitCoverage


def register(app: typer.Typer) -> None:
    """Add the verb."""

    @app.command()
    def coverage(
        package: Annotated[
            Path | None, typer.Argument(metavar="[PACKAGE]", help="A folder written by `bittrue vectors --unit`.")
        ] = None,
        unit: Annotated[
            str | None,
            typer.Option("--unit", help="Instead of a package: a unit, with the stimuli that are made for it."),
        ] = None,
        datapath: Annotated[
            str, typer.Option("--datapath", help="Of --unit: name of hw_configs/datapaths, or a TOML file.")
        ] = "iot_npu",
        stimuli: Annotated[
            str, typer.Option("--stimuli", help="Of --unit: directed, uniform, shaped; several with commas.")
        ] = "directed",
        op: Annotated[
            str | None, typer.Option("--op", help="Of --unit: the requantizer as this operator has it.")
        ] = None,
        seed: Seed = 0,
        close: Annotated[
            bool, typer.Option("--close", help="Of --unit: search for vectors that reach open bins.")
        ] = False,
        minimise: Annotated[
            bool, typer.Option("--minimise", help="Of --unit: keep the fewest vectors that reach the same bins.")
        ] = False,
        json: Json = False,
    ) -> None:
        """Show which corners of a unit the vectors of a package reach; exit 1 if one that can be reached is not."""
        from bittrue import workflow
        from bittrue.spec.errors import BadInput

        if (package is None) == (unit is None):
            raise BadInput("coverage of a package or of a unit?", expected="PACKAGE, or --unit UNIT")
        if package is not None:
            found = workflow.coverage(package)
        else:
            kinds = _kinds(stimuli)
            found = (
                workflow.unit_coverage(
                    unit or "", datapath=datapath, kinds=kinds, op=op, seed=seed, close=close, minimise=minimise
                ),
            )
        if json:
            print_json([_document(one) for one in found])
        else:
            for one in found:
                _print(one)
        if any(one.open for one in found):
            raise typer.Exit(1)


def _kinds(text: str) -> tuple[StimulusKind, ...]:
    from bittrue.spec.errors import BadInput
    from bittrue.spec.vectors import StimulusKind

    kinds = names(text)
    known = [kind for kind in get_args(StimulusKind) if kind != "real"]
    if unknown := [kind for kind in kinds if kind not in known]:
        raise BadInput("no such kind of stimuli", where="--stimuli", got=unknown[0], expected=", ".join(known))
    return cast("tuple[StimulusKind, ...]", kinds)


def _document(one: UnitCoverage) -> dict[str, object]:
    return {
        "unit": one.unit,
        "op": one.op,
        "datapath": one.datapath,
        "sets": one.sets,
        "vectors": one.vectors,
        "closed": len(one.closed),
        "open": [
            {"bin": bin_.name, "meaning": bin_.meaning, "reason": one.reasons.get(bin_.name)} for bin_ in one.open
        ],
        "unreachable": [{"bin": bin_.name, "meaning": bin_.meaning, "why": bin_.why_not} for bin_ in one.unreachable],
        "reached": one.reached,
    }


def _print(one: UnitCoverage) -> None:
    """Totals, groups, the cross of rounding, and every bin that is open or cannot be reached."""
    name = one.unit if one.op is None else f"{one.unit} of {one.op}"
    reachable = len(one.bins) - len(one.unreachable)
    print_rows(
        f"coverage of {name}, {one.datapath}",
        [
            ("vectors", f"{one.vectors:,} in {one.sets} sets"),
            ("closed", f"{len(one.closed)} of {reachable} bins that can be reached"),
            ("open", str(len(one.open))),
            ("cannot be reached", str(len(one.unreachable))),
        ],
    )
    groups = dict.fromkeys(bin_.group for bin_ in one.bins)
    kinds = (one.bins, one.closed, one.open, one.unreachable)
    print_table(
        "by group",
        ("group", "bins", "closed", "open", "cannot be reached"),
        [(group, *(str(sum(bin_.group == group for bin_ in some)) for some in kinds)) for group in groups],
    )
    _print_cross(one)
    for title, rows in (
        ("open", [(b.name, one.reasons.get(b.name, b.meaning)) for b in one.open]),
        ("cannot be reached", [(b.name, b.why_not) for b in one.unreachable]),
    ):
        if rows:
            print_rows(title, rows)


def _print_cross(one: UnitCoverage) -> None:
    """Vectors by rounding case and sign (lines) and edge (columns), where the unit has that cross."""
    cells = {
        tuple(bin_.name.partition("/")[2].split(".")): one.reached[bin_.name]
        for bin_ in one.bins
        if bin_.group == "rounding"
    }
    if not cells or any(len(cell) != 3 for cell in cells):
        return
    lines = dict.fromkeys(cell[:2] for cell in cells)
    edges = dict.fromkeys(cell[2] for cell in cells)
    print_table(
        "rounding case and sign by where the result stands to the limits, vectors",
        ("", *edges),
        [(" ".join(line), *(str(cells[*line, edge]) for edge in edges)) for line in lines],
    )
