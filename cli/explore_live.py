"""A study while it runs: a bar with an estimate and the Pareto set so far, on standard error."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import RenderableType

    from bittrue.exploration.point import Status
    from bittrue.reports.exploration_data import PointRow, StudyData

FRONT_SHOWN = 12
Watch = Callable[["Status"], None]
Told = Callable[["StudyData", "PointRow"], None]


@contextmanager
def live(*, quiet: bool) -> Iterator[tuple[Watch, Told]]:
    """What `explore` tells its progress to. Where standard error is no terminal: a line for each new point."""
    if quiet:
        yield (lambda status: None), (lambda study, row: None)
        return
    from rich.console import Console
    from rich.live import Live

    console = Console(stderr=True)
    seen = _Seen()
    if not console.is_terminal:
        yield seen.watch, seen.told
        return
    with Live(console=console, refresh_per_second=4, get_renderable=seen.drawn):
        yield seen.watch, seen.told


class _Seen:
    """The last status and the points so far."""

    def __init__(self) -> None:
        self.status: Status | None = None
        self.study: StudyData | None = None
        self.rows: list[PointRow] = []

    def watch(self, status: Status) -> None:
        """Take in how far the study is."""
        self.status = status

    def told(self, study: StudyData, row: PointRow) -> None:
        """Take in a finished point."""
        self.study = study
        self.rows.append(row)

    def drawn(self) -> RenderableType:
        """A bar, an estimate, the best points."""
        from rich.console import Group
        from rich.progress_bar import ProgressBar
        from rich.table import Table
        from rich.text import Text

        from bittrue.exploration.explore import with_rows
        from bittrue.reports.exploration_tables import pareto_table

        status = self.status
        if status is None:
            return Text("starting the workers")
        left = "" if status.left_s is None else f", about {_duration(status.left_s)} left"
        words = f"{status.finished} of {status.total} points, {status.running} running, {status.errors} failed{left}"
        parts: list[RenderableType] = [ProgressBar(status.total, status.finished, width=60), Text(words)]
        if self.study is not None:
            found = pareto_table(with_rows(self.study, tuple(self.rows)), FRONT_SHOWN, compact=True)
            table = Table(title="Pareto set so far", title_justify="left", box=None, padding=(0, 2))
            for column in found.columns:
                table.add_column(column)
            for line in found.lines:
                table.add_row(*map(Text, line))
            parts.append(table)
        return Group(*parts)


def _duration(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s" if minutes else f"{rest} s"
