"""bittrue explore."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bittrue.cli.options import Json
from bittrue.cli.output import print_json, print_rows, print_table

if TYPE_CHECKING:
    from bittrue.exploration.study import Request
    from bittrue.reports.accuracy_tables import Table
    from bittrue.reports.exploration_data import StudyData

PARETO_SHOWN = 20
OUT = Path("out/explore")
"""Below it a folder for each study."""

SweepFile = Annotated[Path | None, typer.Argument(metavar="SWEEP.TOML", help="A sweep file: docs/exploration.md.")]
Out = Annotated[Path | None, typer.Option("--out", help=f"Folder for results; default {OUT}/NAME.")]
Images = Annotated[Path | None, typer.Option("--images", help="Evaluation images, in place of the file's.")]
Calibration = Annotated[Path | None, typer.Option("--calibration", help="Calibration images, in place of the file's.")]
Weights = Annotated[str | None, typer.Option("--weights", help="Checkpoint or folder, in place of the file's.")]
Store = Annotated[
    Path | None, typer.Option("--store", help="Plans and measured networks; may be bench accuracy's --out.")
]
Storage = Annotated[
    str | None, typer.Option("--storage", envvar="BITTRUE_STORAGE", help="Database URL; default SQLite in --out.")
]
Limit = Annotated[int | None, typer.Option("--limit", min=1, help="Evaluation images, in place of the file's.")]
Points = Annotated[int | None, typer.Option("--points", min=1, help="Points to take, in place of the file's.")]
PrefixGib = Annotated[
    float, typer.Option("--prefix-gib", min=0, help="Space in --store for shared beginnings of networks; 0: none.")
]
Workers = Annotated[int | None, typer.Option("--workers", min=1, help="One-thread processes; default one a core.")]
Scheduler = Annotated[str | None, typer.Option("--scheduler", help="A dask scheduler: tls://HOST:PORT, tcp://...")]
Page = Annotated[Path | None, typer.Option("--page", help="Markdown file whose sections are replaced.")]
Figures = Annotated[Path, typer.Option("--figures", help="Folder for the figures of --page.")]
Finished = Annotated[bool, typer.Option("--finished", help="Write what is finished; measure nothing.")]
Retry = Annotated[bool, typer.Option("--retry-errors", help="Start points again that raised.")]
Point = Annotated[str | None, typer.Option("--point", help="Measure this point again, and compare.")]
List = Annotated[bool, typer.Option("--list", help="Every knob and figure; with a folder, its studies.")]


def register(app: typer.Typer) -> None:
    """Add the verb."""

    @app.command()
    def explore(
        sweep: SweepFile = None,
        out: Out = None,
        images: Images = None,
        calibration: Calibration = None,
        weights: Weights = None,
        store: Store = None,
        storage: Storage = None,
        limit: Limit = None,
        points: Points = None,
        prefix_gib: PrefixGib = 4.0,
        workers: Workers = None,
        scheduler: Scheduler = None,
        page: Page = None,
        figures: Figures = Path("docs/figures"),
        finished: Finished = False,
        retry_errors: Retry = False,
        point: Point = None,
        list_: List = False,
        json: Json = False,
    ) -> None:
        """Run a study over designs, or go on with it: accuracy, cycles and energy, and what is worth its silicon."""
        from bittrue.exploration.study import Request
        from bittrue.spec.errors import BadInput

        if list_:
            _list(sweep, json=json)
            return
        if sweep is None:
            raise BadInput(
                "a study needs a sweep file", next_step="bittrue explore SWEEP.TOML; --list names every knob"
            )
        folder = out or OUT / sweep.stem
        request = Request(folder, images, calibration, weights, store, storage, limit, points, prefix_gib)
        if point is not None:
            raise typer.Exit(_reproduce(sweep, request, point, json=json))
        from bittrue.cli.explore_live import live
        from bittrue.exploration.explore import explore as run
        from bittrue.exploration.explore import write_page

        if page is not None:
            write_page(None, sweep, page, figures)  # refuses before any work
        with live(quiet=json) as (watch, told):
            found = run(
                sweep,
                request,
                workers=workers,
                scheduler=scheduler,
                measure=not finished,
                retry_errors=retry_errors,
                watch=watch,
                told=told,
            )
        if page is not None:
            write_page(found, sweep, page, figures)
        _show(found, sweep, request, json=json)


def _show(study: StudyData, sweep: Path, request: Request, *, json: bool) -> None:
    from bittrue.exploration.sweep import load_sweep
    from bittrue.reports.exploration_findings import findings
    from bittrue.reports.exploration_tables import pareto_table, records, ruled_out_table

    sentences = findings(study, load_sweep(sweep).findings)
    if json:
        front = [record for record in records(study) if record["pareto"]]
        print_json({"study": study.name, "points": len(study.rows), "found": list(sentences), "pareto": front})
        return
    table, out = pareto_table(study, PARETO_SHOWN, compact=True), ruled_out_table(study)
    if table.lines:
        _print_folded(f"{study.title}: Pareto set", table)
    if out.lines:
        print_table(out.title, out.columns, out.lines)
    for sentence in sentences:
        print(sentence)
    print_rows(
        study.name, [("points", f"{len(study.rows)} of {study.total}"), ("page", str(request.out / "page.html"))]
    )


def _print_folded(title: str, table: Table) -> None:
    """A table whose last column may be long."""
    from rich.console import Console
    from rich.table import Table as Lines
    from rich.text import Text

    found = Lines(title=Text(title), title_justify="left")
    for index, column in enumerate(table.columns):
        found.add_column(column, overflow="fold", no_wrap=index < len(table.columns) - 1)
    for line in table.lines:
        found.add_row(*map(Text, line))
    console = Console()
    (console if console.is_terminal else Console(width=160)).print(found)


def _reproduce(sweep: Path, request: Request, point: str, *, json: bool) -> int:
    from bittrue.exploration.explore import MODULES
    from bittrue.exploration.reproduce import reproduce
    from bittrue.reports.exploration_data import shown
    from bittrue.workflow.extras import need

    need("explore,report", *MODULES, verb="explore")
    found = reproduce(sweep, request, point)
    if json:
        print_json(
            {
                "digest": found.digest,
                "knobs": found.knobs,
                "equal": found.equal,
                "recorded": dict(found.row.figures),
                "measured": dict(found.again.figures),
            }
        )
        return 0 if found.equal else 1
    names = [*found.row.figures, *(name for name in found.again.figures if name not in found.row.figures)]
    print_rows(found.digest[:10], [(name, shown(label)) for name, label in found.knobs.items()])
    print_table(
        "the row, and measured again",
        ("figure", "row", "again"),
        [
            (name, *(repr(side.figures.get(name)) for side in (found.row, found.again)))
            for name in names
        ],
    )  # fmt: skip
    state = found.again.reason or found.again.state
    print("equal" if found.equal else f"different: {found.row.reason or found.row.state} / {state}")
    return 0 if found.equal else 1


def _list(folder: Path | None, *, json: bool) -> None:
    """Of a folder its studies; else everything that a sweep file may name."""
    from bittrue.exploration.key_paths import known_paths
    from bittrue.exploration.metrics import known_metrics
    from bittrue.exploration.sweep import SAMPLERS, load_sweep

    if folder is not None:
        files = sorted(folder.glob("*.toml")) if folder.is_dir() else [folder]
        studies = [(str(file), load_sweep(file)) for file in files]
        if json:
            print_json([{"file": file, "name": study.name, "title": study.title} for file, study in studies])
            return
        print_rows(str(folder), [(file, study.title or study.name) for file, study in studies])
        return
    knobs = [("model", "timm's name"), ("datapath", "name or file"), ("machine", "name or file"), *known_paths()]
    if json:
        print_json({"knobs": dict(knobs), "figures": known_metrics(), "samplers": SAMPLERS})
        return
    print_rows("knobs", knobs)
    print_rows("figures: objectives and constraints", list(known_metrics().items()))
    print_rows("samplers", [(name, "") for name in SAMPLERS])
