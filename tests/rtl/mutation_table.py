"""Scores of the designs' mutants as text, as a file of each unit, and as the table of docs/mutation.md."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from rtl.mutant_match import HANDSHAKE, Score

from bittrue.reports.page_tables import markdown
from bittrue.spec.files import write_text

COMMAND = "make rtl-mutation"
"""In the markers of a page."""
COLUMNS = (
    "design", "stimuli", "vectors", "mutants", "killed", "of them by handshake", "proved equivalent", "survived",
    "score, %",
)  # fmt: skip


@dataclass(frozen=True)
class Row:
    """What a table says of one unit and one kind of stimuli."""

    unit: str
    stimuli: str
    vectors: int
    killed: Mapping[str, int]
    """By the first stage that differs, or HANDSHAKE: how many."""
    equivalent: Sequence[str]
    """Places."""
    survived: Mapping[str, str]
    """By number and place: what the proof found."""

    @property
    def kills(self) -> int:
        """All of them."""
        return sum(self.killed.values())

    @property
    def mutants(self) -> int:
        """All of them."""
        return self.kills + len(self.equivalent) + len(self.survived)

    @property
    def share(self) -> float:
        """Killed, of those not proved equivalent."""
        return self.kills / max(self.kills + len(self.survived), 1)


def row_of(found: Score, stimuli: str) -> Row:
    """Of a score."""
    stages = list(found.killed.values())
    killed = {stage: stages.count(stage) for stage in sorted(set(stages), key=stages.count, reverse=True)}
    survived = {f"{mutant.number} {mutant.place}": str(verdict) for mutant, verdict in found.survived.items()}
    return Row(found.unit, stimuli, found.vectors, killed, [mutant.place for mutant in found.equivalent], survived)


def write_row(folder: Path, row: Row) -> None:
    """To FOLDER/UNIT.STIMULI.json."""
    write_text(folder / f"{row.unit}.{row.stimuli}.json", json.dumps(asdict(row), indent=1) + "\n")


def read_rows(folder: Path, units: Sequence[str]) -> list[Row]:
    """Every row of a folder, in the order of the units."""
    found = [Row(**json.loads(path.read_text(encoding="utf-8"))) for path in sorted(folder.glob("*.json"))]
    return sorted(found, key=lambda row: (units.index(row.unit), row.stimuli != "directed", row.stimuli))


def report(row: Row) -> str:
    """Text: one line of numbers, where mutants were killed, and each survivor."""
    stages = ", ".join(f"{stage} {count}" for stage, count in row.killed.items())
    lines = [
        f"{row.unit}: {row.mutants} mutants, {row.vectors} vectors: {row.kills} killed, {len(row.equivalent)} "
        f"proved equivalent, {len(row.survived)} survived; {100 * row.share:.1f} % of those that may differ",
        f"killed at: {stages}",
        *(f"survived: {place} ({verdict})" for place, verdict in row.survived.items()),
    ]
    return "\n".join(lines)


def section(rows: Sequence[Row]) -> str:
    """The table, and beneath it what survived directed stimuli."""
    lines = [
        (
            f"`bt_{row.unit}`", row.stimuli, f"{row.vectors:,}", str(row.mutants), str(row.kills),
            str(row.killed.get(HANDSHAKE, 0)), str(len(row.equivalent)), str(len(row.survived)),
            f"{100 * row.share:.2f}",
        )
        for row in rows
    ]  # fmt: skip
    left = [
        f"- `bt_{row.unit}` {place}: {verdict}\n"
        for row in rows
        if row.stimuli == "directed"
        for place, verdict in row.survived.items()
    ]
    return (
        markdown(COLUMNS, lines)
        + "\nSurvivors of the directed stimuli"
        + (":\n\n" + "".join(left) if left else ": none.\n")
    )
