"""The table of finished points, beside Optuna's own in one database: SQLite, PostgreSQL, whatever SQLAlchemy knows.

A point is finished when its row is committed. Its digest is the primary key: the database itself refuses to count one
twice. Rows are shared by all studies of the database: a point that one study has measured, another finds.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Column, Float, Integer, MetaData, String, Table, Text, create_engine, delete, insert, select
from sqlalchemy.exc import ArgumentError, IntegrityError, SQLAlchemyError

from bittrue.reports.exploration_data import PointRow, Session, State
from bittrue.spec.errors import BadInput

_META = MetaData()
POINTS = Table(
    "bittrue_points",
    _META,
    Column("digest", String(64), primary_key=True),
    Column("state", String(16), nullable=False),
    Column("design", Text, nullable=False),
    Column("figures", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("seconds", Text, nullable=False),
    Column("finished_at", String(32), nullable=False),
)
SESSIONS = Table(
    "bittrue_sessions",
    _META,
    Column("id", Integer, primary_key=True),
    Column("study", String(128), nullable=False),
    Column("started_at", String(32), nullable=False),
    Column("workers", Integer, nullable=False),
    Column("points", Integer, nullable=False),
    Column("seconds", Float, nullable=False),
)


@dataclass(frozen=True)
class Finished:
    """What is known of a point, whatever study asked for it."""

    state: State
    figures: Mapping[str, float]
    reason: str
    seconds: Mapping[str, float]
    finished_at: str = ""


class Rows:
    """The table in one database."""

    def __init__(self, url: str) -> None:
        try:
            self._engine = create_engine(url)
            _META.create_all(self._engine)
        except (SQLAlchemyError, ArgumentError, ImportError) as error:
            raise BadInput(
                "the study's database cannot be opened",
                where="--storage",
                got=str(error).splitlines()[0],
                expected="sqlite:///FILE, or postgresql://HOST/NAME with its driver installed (psycopg)",
            ) from error

    def found(self, digest: str) -> Finished | None:
        """A finished point."""
        with self._engine.connect() as connection:
            row = connection.execute(select(POINTS).where(POINTS.c.digest == digest)).one_or_none()
        return None if row is None else _finished(row)

    def all(self, digests: Iterable[str]) -> dict[str, Finished]:
        """Those of the points that are finished, by digest."""
        wanted = set(digests)
        with self._engine.connect() as connection:
            return {row.digest: _finished(row) for row in connection.execute(select(POINTS)) if row.digest in wanted}

    def commit(self, digest: str, design: Mapping[str, Any], point: Finished) -> bool:
        """Commit a finished point; False where another driver has committed it before."""
        values = {
            "digest": digest,
            "state": point.state,
            "design": json.dumps(design, sort_keys=True),
            "figures": json.dumps(dict(point.figures), sort_keys=True),
            "reason": point.reason,
            "seconds": json.dumps(dict(point.seconds), sort_keys=True),
            "finished_at": datetime.now(UTC).isoformat(timespec="seconds"),
        }
        try:
            with self._engine.begin() as connection:
                connection.execute(insert(POINTS).values(**values))
        except IntegrityError:
            return False
        return True

    def forget(self, digest: str) -> None:
        """Take a row away, so that its point is started again: what ruled it out no longer does."""
        with self._engine.begin() as connection:
            connection.execute(delete(POINTS).where(POINTS.c.digest == digest))

    def add_session(self, study: str, session: Session) -> None:
        """Remember how long one start of a study took, and for how many points."""
        values = {"study": study, "started_at": session.started_at, "workers": session.workers}
        with self._engine.begin() as connection:
            connection.execute(insert(SESSIONS).values(**values, points=session.points, seconds=session.seconds))

    def sessions(self, study: str) -> tuple[Session, ...]:
        """Every start of a study that has finished a point."""
        chosen = select(SESSIONS).where(SESSIONS.c.study == study).order_by(SESSIONS.c.id)
        with self._engine.connect() as connection:
            return tuple(
                Session(row.started_at, row.workers, row.points, row.seconds) for row in connection.execute(chosen)
            )

    def close(self) -> None:
        """Let go of every connection."""
        self._engine.dispose()


def _finished(row: Any) -> Finished:
    return Finished(row.state, json.loads(row.figures), row.reason, json.loads(row.seconds), row.finished_at)


def point_row(digest: str, knobs: Mapping[str, Any], point: Finished) -> PointRow:
    """A finished point as a study shows it."""
    return PointRow(digest, knobs, point.state, point.figures, point.reason, point.seconds, point.finished_at)
