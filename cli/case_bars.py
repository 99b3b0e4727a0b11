"""Progress of many cases: a bar for all with an estimate, one for what is being done, a line for each that is done."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bittrue.workflow.progress import Progress

Say = Callable[[str], None]
"""Print one line above the bars."""


@contextmanager
def case_bars(*, quiet: bool) -> Iterator[tuple[Progress, Say]]:
    """A Progress whose "cases" have a bar of their own, and a Say, both on standard error; silent where `quiet`."""
    if quiet:
        yield (lambda what, done, total: None), (lambda line: None)
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
    from rich.progress import Progress as Bars
    from rich.text import Text

    columns = (TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn())
    bars = Bars(*columns, TimeElapsedColumn(), TimeRemainingColumn(), console=Console(stderr=True))
    names: dict[bool, str] = {}
    tasks = {each: bars.add_task("", total=None, visible=False) for each in (True, False)}

    def show(what: str, done: int, total: int) -> None:
        bars.start()
        whole = what == "cases"
        if names.get(whole) != what:
            names[whole] = what
            bars.reset(tasks[whole], description=what, total=total, visible=True)
        bars.update(tasks[whole], completed=done, total=total)

    def say(line: str) -> None:
        bars.console.print(Text(line), soft_wrap=True)

    try:
        yield show, say
    finally:
        if names:
            bars.stop()
