"""bittrue bench mutation."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, get_args

import typer

from bittrue.cli.case_bars import case_bars
from bittrue.cli.options import Json
from bittrue.cli.output import print_json, print_table


def register(bench: typer.Typer) -> None:
    """Add the benchmark."""

    @bench.command()
    def mutation(
        out: Annotated[Path, typer.Option("--out", help="Folder for tables and lists.")],
        unit: Annotated[list[str], typer.Option("--unit", help="A unit; repeat the option. Default all.")] = [],  # noqa: B006
        datapath: Annotated[
            str, typer.Option("--datapath", help="Name of hw_configs/datapaths, or a TOML file.")
        ] = "iot_npu",
        stimuli: Annotated[str, typer.Option("--stimuli", help="Kinds of stimuli.")] = "directed,uniform,shaped",
        vectors: Annotated[
            int | None,
            typer.Option("--vectors", min=1, help="Vectors of each random kind and unit; directed sets are whole."),
        ] = None,
        gates: Annotated[int, typer.Option("--gates", help="Gate mutants of a unit, at most.")] = 400,
        seconds: Annotated[float, typer.Option("--seconds", help="For each question to the solver.")] = 5.0,
        repeat: Annotated[int, typer.Option("--repeat", help="Proofs of each unit that yosys repeats.")] = 0,
        seed: Annotated[int, typer.Option("--seed", help="Of the stimuli.")] = 0,
        witnesses: Annotated[
            Path | None,
            typer.Option("--witnesses", help="An .npz file for vectors that notice what some kind overlooks."),
        ] = None,
        page: Annotated[Path | None, typer.Option("--page", help="Markdown file whose sections are replaced.")] = None,
        json: Json = False,
    ) -> None:
        """How many faults of each unit its vectors notice, by its output and by any stage."""
        from bittrue import workflow
        from bittrue.reports.mutation_tables import tables_of
        from bittrue.spec.errors import BadInput
        from bittrue.spec.vectors import StimulusKind
        from bittrue.workflow.mutation import MutationRequest, document_of

        named = [name.strip() for name in stimuli.split(",") if name.strip()]
        known: tuple[StimulusKind, ...] = get_args(StimulusKind)
        if unknown := [name for name in named if name not in known]:
            what = "there are no stimuli of this kind"
            raise BadInput(what, where="--stimuli", got=", ".join(unknown), expected=", ".join(known))
        kinds = tuple(kind for kind in known if kind in named)
        request = MutationRequest(
            units=tuple(unit),
            datapath=datapath,
            stimuli=kinds,
            vectors=vectors,
            gates=gates,
            seconds=seconds,
            repeat=repeat,
            seed=seed,
        )
        with case_bars(quiet=json) as (progress, say):
            found = workflow.bench_mutation(
                request, out=out, page=page, witnesses=witnesses, progress=progress, tell=say
            )
        if json:
            print_json(document_of(found))
            return
        for table in tables_of(found):
            print_table(table.title, table.columns, table.lines)
