"""Mutation scores as tables, for the terminal and for docs/mutation.md."""

from __future__ import annotations

from collections.abc import Mapping

from bittrue.reports.accuracy_tables import Table
from bittrue.reports.mutation_data import Mutation
from bittrue.reports.page_tables import markdown

COMMAND = "bittrue bench mutation"
"""In the markers of a page."""
SECTIONS = ("scores", "directed survivors", "operators")
DIRECTED = "directed"


def score_table(found: Mutation) -> Table:
    """Unit x stimuli."""
    columns = (
        "unit", "stimuli", "vectors", "mutants", "of gates", "killed", "by output", "equivalent", "repeated",
        "survived", "score, %", "by output, %",
    )  # fmt: skip
    lines = tuple(
        (
            row.unit,
            row.stimuli,
            f"{row.vectors:,}",
            str(row.mutants),
            str(row.gates),
            str(row.killed),
            str(row.killed_by_output),
            str(row.equivalent),
            str(row.repeated),
            str(row.survived),
            f"{100 * row.score:.2f}",
            f"{100 * row.output_score:.2f}",
        )  # fmt: skip
        for row in found.rows
    )
    return Table("mutation score", columns, lines)


def survivor_table(found: Mutation, stimuli: str = DIRECTED) -> Table:
    """What one kind of stimuli overlooks."""
    lines = tuple(
        (each.unit, each.operator, each.wire, each.detail, each.witness or "none known")
        for each in found.survivors
        if each.stimuli == stimuli
    )
    return Table(f"survivors of {stimuli} stimuli", ("unit", "operator", "wire", "detail", "witness"), lines)


def operator_table(found: Mutation) -> Table:
    """Operators over all units."""
    totals: dict[tuple[str, str], list[int]] = {}
    for row in found.operators:
        total = totals.setdefault((row.family, row.operator), [0, 0])
        total[0] += row.mutants
        total[1] += row.equivalent
    kinds = list(dict.fromkeys(row.stimuli for row in found.rows))
    left: dict[tuple[str, str], int] = {}
    for each in found.survivors:
        left[each.operator, each.stimuli] = left.get((each.operator, each.stimuli), 0) + 1
    lines = tuple(
        (family, operator, str(mutants), str(equivalent), *(str(left.get((operator, kind), 0)) for kind in kinds))
        for (family, operator), (mutants, equivalent) in totals.items()
    )
    return Table("operators", ("family", "operator", "mutants", "equivalent", *(f"{k} leaves" for k in kinds)), lines)


def tables_of(found: Mutation) -> tuple[Table, ...]:
    """Everything that the terminal shows."""
    return (score_table(found), survivor_table(found), operator_table(found))


def sections(found: Mutation) -> Mapping[str, str]:
    """What stands between the markers of a page, by section."""
    made = dict(zip(SECTIONS, tables_of(found), strict=True))
    return {name: markdown(table.columns, table.lines) if table.lines else "None.\n" for name, table in made.items()}


def document(found: Mutation) -> str:
    """The tables as a Markdown file of their own."""
    return "# Mutation score\n" + "".join(f"\n## {name}\n\n{text}" for name, text in sections(found).items())
