"""Words, tables, JSON and progress bars, the same for every verb."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    # Importing any part of workflow imports every verb; --help must not wait for that.
    from bittrue.workflow.progress import Progress


@contextmanager
def progress_bars(*, quiet: bool) -> Iterator[Progress]:
    """A Progress that draws one bar for each thing done, on standard error; silent where `quiet`."""
    if quiet:
        yield lambda what, done, total: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TaskID, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bars

    columns = (TextColumn("{task.description:<10}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    bars = Bars(*columns, console=Console(stderr=True))
    tasks: dict[str, TaskID] = {}

    def show(what: str, done: int, total: int) -> None:
        bars.start()  # on the first call only: an error before any work leaves no empty line
        # Another total, or a finished bar that starts again, is another run of the same thing.
        bar = bars.tasks[tasks[what]] if what in tasks else None
        if bar is None or bar.total != total or (bar.finished and done < total):
            tasks[what] = bars.add_task(what, total=total)
        bars.update(tasks[what], completed=done)

    try:
        yield show
    finally:
        if tasks:
            bars.stop()


def print_json(document: object) -> None:
    """One JSON document on standard output."""
    from bittrue.spec.files import plain_json

    json.dump(plain_json(document), sys.stdout, indent=1, sort_keys=True, allow_nan=False)
    sys.stdout.write("\n")


def print_rows(title: str, rows: Sequence[tuple[str, str]]) -> None:
    """A table of two columns: what, and what it is."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text  # as it stands: file names and "[image 1]" are no markup

    table = Table(title=Text(title), show_header=False, title_justify="left", box=None, padding=(0, 2))
    table.add_column(style="bold")
    table.add_column(overflow="fold")
    for name, value in rows:
        table.add_row(Text(name), Text(value))
    Console().print(table)


def print_table(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """A table whose first column is text and whose others are numbers."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(title=Text(title), title_justify="left")
    for index, column in enumerate(columns):
        table.add_column(column, justify="left" if index == 0 else "right", overflow="fold", no_wrap=index > 0)
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    # A pipe has no width of its own: 80 columns would fold every name.
    console = Console()
    (console if console.is_terminal else Console(width=160)).print(table)


def decibel(value: float | None) -> str:
    """A ratio in dB for people."""
    return "-" if value is None else f"{value:.2f} dB"


def percent(value: float | None) -> str:
    """A share for people."""
    return "-" if value is None else f"{100 * value:.2f} %"
