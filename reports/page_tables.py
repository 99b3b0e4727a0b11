"""Tables of a Markdown page that a command replaces: each stands between two marker lines."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from bittrue.spec.errors import BadInput

END = "<!-- end of table -->\n"


def begin(command: str, table: str) -> str:
    """The line in front of a table, whose name is empty where a command makes only one."""
    return f"<!-- table: {command}, {table} -->\n" if table else f"<!-- table: {command} -->\n"


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


def read_page(page: Path, command: str, tables: Iterable[str]) -> str:
    """A page that has the markers of every table."""
    try:
        text = page.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput("the page cannot be read", where=str(page), next_step="choose another --page") from error
    check_markers(text, command, tables, str(page))
    return text


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
