"""Tables of a Markdown page that a command replaces: each stands between two marker lines."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from bittrue.spec.errors import BadInput

END = "<!-- end of table -->\n"


def begin(command: str, table: str) -> str:
    """The line in front of a table."""
    return f"<!-- table: {command}, {table} -->\n"


def check_markers(text: str, command: str, tables: Iterable[str], where: str) -> None:
    """Refuse a page without the markers of every table, each with its own end."""
    for table in tables:
        _, _, rest = text.partition(begin(command, table))
        inside, end, _ = rest.partition(END)
        if not end or "<!-- table:" in inside:
            raise BadInput(
                "the page lacks the markers of a table",
                where=where,
                expected=f"{begin(command, table).strip()} .. {END.strip()}",
            )


def with_tables(text: str, command: str, made: Mapping[str, str]) -> str:
    """The page with what stands between the markers of the tables replaced; markers were checked."""
    for table, content in made.items():
        before, marker, rest = text.partition(begin(command, table))
        _, end, after = rest.partition(END)
        text = before + marker + content + end + after
    return text


def markdown(columns: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    """A table with one line for each sequence of cells."""
    rule = ["---"] * len(columns)
    return "".join(f"| {' | '.join(line)} |\n" for line in (columns, rule, *lines))
