"""What a study gives: tables, sentences, figures and records; and the few words that all studies share."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bittrue.reports.accuracy_data import Interval
from bittrue.reports.accuracy_tables import Table, page_text

FOUND = "found"
"""In the markers of a page: the sentences that the measurement itself says."""


@dataclass(frozen=True)
class StudyReport:
    """Everything that is printed and written of one study."""

    tables: Mapping[str, Table]
    """By their name in a page's markers."""
    found: tuple[str, ...]
    """Sentences with the numbers that they rest on."""
    figures: Mapping[str, str]
    """SVG text by file name."""
    records: Mapping[str, Sequence[Mapping[str, object]]]
    """Flat records by the name of their CSV file."""

    def page_parts(self) -> dict[str, str]:
        """Markdown by the name in a page's markers."""
        return {FOUND: _as_list(self.found), **{name: page_text(table) for name, table in self.tables.items()}}

    def document(self, title: str) -> str:
        """All of it as one Markdown file."""
        tables = [f"## {table.title}\n\n{page_text(table)}" for table in self.tables.values()]
        return f"# {title}\n\n{_as_list(self.found)}\n" + "\n".join(tables)


def _as_list(sentences: Sequence[str]) -> str:
    return "".join(f"- {sentence}\n" for sentence in sentences) or "Nothing is finished.\n"


def spread(values: Sequence[float | None], digits: int) -> str:
    """Mean ± sample standard deviation; a dash where a value is missing."""
    known = [value for value in values if value is not None]
    if not known or len(known) < len(values):
        return "-"
    if len(known) == 1 or not all(map(math.isfinite, known)):
        return f"{statistics.fmean(known):.{digits}f}"
    return f"{statistics.fmean(known):.{digits}f} ± {statistics.stdev(known):.{digits}f}"


def interval(found: Interval, digits: int = 2) -> str:
    """A difference with its ends."""
    return f"{found.difference:+.{digits}f} [{found.low:+.{digits}f}, {found.high:+.{digits}f}]"
