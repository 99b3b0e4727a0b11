"""A study's tables: flat records for CSV and Parquet, the Pareto set and the sensitivities for people."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping, Sequence

from bittrue.reports.accuracy_tables import Table
from bittrue.reports.exploration_data import PointRow, Session, StudyData, shown
from bittrue.reports.exploration_findings import differences
from bittrue.reports.exploration_sensitivity import Sensitivity

FITTED = "fitted"


def records(study: StudyData) -> list[dict[str, object]]:
    """One flat record a point, all with the same keys: knobs as they are called, figures, seconds of each stage."""
    front = {row.digest for row in study.pareto()}
    figures = _keys(row.figures for row in study.rows)
    stages = _keys(row.seconds for row in study.rows)
    return [
        {
            "digest": row.digest,
            "state": row.state,
            "pareto": row.digest in front,
            "keeps_constraints": study.keeps(row.figures),
            **{axis.name: row.knobs[axis.name] for axis in study.axes},
            **{name: row.figures.get(name) for name in figures},
            **{f"{stage}_s": row.seconds.get(stage) for stage in stages},
            "reason": row.reason,
            "finished_at": row.finished_at,
        }
        for row in study.rows
    ]


def csv_text(found: Sequence[Mapping[str, object]]) -> str:
    """CSV with a header; empty where there is nothing."""
    if not found:
        return ""
    text = io.StringIO()
    writer = csv.DictWriter(text, list(found[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(found)
    return text.getvalue()


COMPACT_FROM = 5
"""Knobs; so many columns fit no terminal."""


def pareto_table(study: StudyData, limit: int | None = None, *, compact: bool = False) -> Table:
    """The Pareto set, the best in the first objective first.

    compact: a design of many knobs is told by what sets it apart from the base.
    """
    rows = study.pareto()[:limit]
    if compact and len(study.axes) >= COMPACT_FROM:
        lines = tuple(
            (row.name, *(shown(float(row.figures[name])) for name in study.objectives), differences(study, row))
            for row in rows
        )
        return Table("Pareto set", ("point", *study.objectives, "design"), lines)
    columns = ("point", *(axis.short for axis in study.axes), *study.objectives)
    return Table("Pareto set", columns, tuple(_line(study, row) for row in rows))


def _line(study: StudyData, row: PointRow) -> tuple[str, ...]:
    knobs = (shown(row.knobs[axis.name]) for axis in study.axes)
    return (row.name, *knobs, *(shown(float(row.figures[name])) for name in study.objectives))


def sensitivity_table(study: StudyData, found: Sequence[Sensitivity]) -> Table:
    """A line for each step of each knob: the mean change of every objective, and over how many pairs."""
    steps: dict[tuple[object, ...], dict[str, Sensitivity]] = {}
    for each in found:
        steps.setdefault((each.knob, each.before, each.after), {})[each.figure] = each
    lines = []
    for (name, before, after), changes in steps.items():
        axis = study.axis(str(name))
        pairs = next(iter(changes.values())).pairs
        lines.append(
            (
                axis.short if axis else str(name),
                f"{shown(before)} to {shown(after)}",  # type: ignore[arg-type]
                *(f"{changes[figure].change:+.4g}" for figure in study.objectives),
                str(pairs) if pairs else FITTED,
            )
        )
    return Table("Sensitivity", ("knob", "step", *study.objectives, "pairs"), tuple(lines))


def ruled_out_table(study: StudyData) -> Table:
    """Points without figures, by reason."""
    reasons: dict[tuple[str, str], int] = {}
    for row in study.rows:
        if row.state != "done":
            # Points that break one constraint differ in the value only.
            key = (row.state.replace("_", " "), re.sub(r"^(constraint: \w+) is [^,]+,", r"\1", row.reason))
            reasons[key] = reasons.get(key, 0) + 1
    ordered = sorted(reasons.items(), key=lambda item: -item[1])
    return Table("Not simulated", ("state", "reason", "points"), tuple((*key, str(count)) for key, count in ordered))


def throughput_table(study: StudyData, workers: Sequence[int] = (1, 2, 4, 8, 16, 32)) -> Table:
    """Points an hour: measured for each start of the study, calculated for other numbers of workers."""
    lines = [_measured(session) for session in study.sessions]
    jobs = [sum(row.seconds.values()) for row in study.rows if row.seconds]
    if jobs and sum(jobs):
        for count in workers:
            hours = makespan_s(jobs, count) / 3600
            lines.append((str(count), str(len(jobs)), f"{len(jobs) / hours:,.0f}", "calculated from the stages' times"))
    return Table("Throughput", ("workers", "points", "points an hour", "source"), tuple(lines))


def _measured(session: Session) -> tuple[str, ...]:
    rate = 3600 * session.points / session.seconds if session.seconds else 0.0
    return str(session.workers), str(session.points), f"{rate:,.0f}", f"measured, {session.started_at}"


def makespan_s(jobs: Sequence[float], workers: int) -> float:
    """Seconds until all jobs are done where each goes to the worker that is free first, in order: a calculation that
    knows no start of processes, no network and no shared memory bandwidth."""
    free = [0.0] * workers
    for seconds in jobs:
        first = min(range(workers), key=free.__getitem__)
        free[first] += seconds
    return max(free)


def _keys(tables: object) -> list[str]:
    found: dict[str, None] = {}
    for table in tables:  # type: ignore[attr-defined]
        found |= dict.fromkeys(table)
    return list(found)
