"""explore: run a study to its end, or go on with it, and write everything that it found."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from bittrue.exploration.study import Request, Study, command, prepared
from bittrue.reports.exploration_data import PointRow, Session, StudyData
from bittrue.spec.errors import BadInput
from bittrue.workflow.extras import need, need_torch

if TYPE_CHECKING:
    from distributed import Client

    from bittrue.exploration.point import Status
    from bittrue.exploration.rows import Rows
    from bittrue.exploration.trials import Trials

MODULES = ("optuna", "sqlalchemy", "distributed", "cryptography", "pyarrow", "plotly", "matplotlib")
AHEAD = 2
"""Points that run at once, a worker: one that computes and one that is on its way."""


def explore(
    file: Path,
    request: Request,
    *,
    workers: int | None = None,
    scheduler: str | None = None,
    measure: bool = True,
    retry_errors: bool = False,
    watch: Callable[[Status], None] = lambda status: None,
    told: Callable[[StudyData, PointRow], None] = lambda study, row: None,
) -> StudyData:
    """Measure every point of a sweep file that no earlier run with the same database has, and write the results.

    workers: local processes of one thread, as many as there are cores where None; or, with `scheduler`, the least
    number of workers that it is taken to have. measure: where it is off, what is finished is collected and written.
    retry_errors: start points again that raised. watch: gets the status after each step. told: gets each finished
    point, earlier ones included. Raises BittrueError before any work for what cannot be.
    """
    need("explore,report", *MODULES, verb="explore")
    study = prepared(file, request)
    if study.accurate or study.subject.plan is None:
        need_torch("explore")
    from bittrue.exploration.outputs import write_outputs
    from bittrue.exploration.rows import Rows
    from bittrue.exploration.trials import Trials, check_size

    check_size(study.sweep, study.knobs)
    study.out.mkdir(parents=True, exist_ok=True)
    with _alone(study.out):
        rows = Rows(study.url)
        try:
            trials = Trials(study.sweep, study.knobs, study.url, study.designs.base())
            ended = False
            if measure:
                if retry_errors:
                    _forget_errors(trials, rows)
                empty = _data(study, request, trials.total(), (), ())
                _measure(study, trials, rows, workers, scheduler, watch, lambda row: told(empty, row))
                ended = True
            collected = _collected(study, trials, rows)
            # A sampler that found no new point any more has ended before its number.
            total = len(collected) if ended else trials.total()
            found = _data(study, request, total, collected, rows.sessions(trials.name))
        finally:
            rows.close()
    write_outputs(found, study.sweep, study.out)
    return found


def _measure(
    study: Study,
    trials: Trials,
    rows: Rows,
    workers: int | None,
    scheduler: str | None,
    watch: Callable[[Status], None],
    told: Callable[[PointRow], None],
) -> None:
    from bittrue.exploration.driver import Driver
    from bittrue.exploration.rows import point_row

    count = workers or len(os.sched_getaffinity(0))
    with ExitStack() as held:
        started = _Workers(held, count, scheduler)
        driver = Driver(
            study.subject,
            study.designs,
            study.sweep.constraints,
            study.accurate,
            trials,
            rows,
            started.client,
            started.width,
            watch,
            lambda digest, knobs, point: told(point_row(digest, knobs, point)),
        )
        at, clock = datetime.now(UTC).isoformat(timespec="seconds"), time.monotonic()
        try:
            driver.run()
        finally:
            if driver.fresh:
                seconds = time.monotonic() - clock
                rows.add_session(trials.name, Session(at, count, driver.fresh, seconds))


class _Workers:
    """Workers that start when a point first needs them: a study that is finished waits for none."""

    def __init__(self, held: ExitStack, count: int, scheduler: str | None) -> None:
        self._held, self._count, self._scheduler = held, count, scheduler
        self._client: Client | None = None

    def client(self) -> Client:
        """Start them, or give those that were started."""
        if self._client is None:
            from bittrue.exploration.cluster import client

            self._client = self._held.enter_context(client(self._count, self._scheduler))
        return self._client

    def width(self) -> int:
        """Points that run at once; a scheduler that is there may have gained workers."""
        count = self._count
        if self._scheduler is not None and self._client is not None:
            count = max(count, len(self._client.scheduler_info(-1)["workers"]))
        return AHEAD * count


def _forget_errors(trials: Trials, rows: Rows) -> None:
    for digest, row in rows.all(digest for digest, _ in trials.known()).items():
        if row.state == "error":
            rows.forget(digest)


def _collected(study: Study, trials: Trials, rows: Rows) -> tuple[PointRow, ...]:
    """The finished points of this study, in order of their knobs."""
    from bittrue.exploration.rows import point_row

    known = trials.known()
    finished = rows.all(digest for digest, _ in known)
    found = [point_row(digest, knobs, finished[digest]) for digest, knobs in known if digest in finished]
    return tuple(sorted(found, key=lambda row: [knob.labels.index(row.knobs[knob.name]) for knob in study.knobs]))


def _data(
    study: Study, request: Request, total: int, rows: tuple[PointRow, ...], sessions: tuple[Session, ...]
) -> StudyData:
    sweep = study.sweep
    constraints: Mapping[str, tuple[float | None, float | None]] = {
        name: (limit.min, limit.max) for name, limit in sweep.constraints.items()
    }
    return StudyData(
        name=sweep.name,
        title=sweep.title or sweep.name,
        command=command(study, request),
        axes=study.axes,
        objectives=sweep.objectives,
        constraints=constraints,
        rows=rows,
        images=study.subject.count if study.accurate else 0,
        subject=study.what,
        sessions=sessions,
        base=study.designs.base(),
        total=total,
    )


@contextmanager
def _alone(out: Path) -> Iterator[None]:
    """Hold the study's lock; the system lets go of it however this process ends."""
    with (out / "lock").open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise BadInput(
                "this study runs already",
                where=str(out),
                next_step="wait for it, or stop it: what it has finished is kept; --workers says how many work at once",
            ) from None
        yield


def with_rows(study: StudyData, rows: tuple[PointRow, ...]) -> StudyData:
    """The same study with other rows, such as those that are there so far."""
    return replace(study, rows=rows)


def write_page(study: StudyData | None, file: Path, page: Path, figures: Path) -> None:
    """Replace the sections of a Markdown page that a study writes; without a study only check that they are there."""
    need("explore,report", *MODULES, verb="explore")
    from bittrue.exploration.outputs import SECTIONS, write_page_sections
    from bittrue.exploration.sweep import load_sweep
    from bittrue.reports.page_tables import read_page

    sweep = load_sweep(file)
    read_page(page, f"bittrue explore {sweep.name}", SECTIONS)
    if study is not None:
        write_page_sections(study, sweep, page, figures)
