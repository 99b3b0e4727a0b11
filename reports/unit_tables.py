"""Errors of units as Markdown tables, for a page that keeps them between markers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction

from bittrue.reports import page_tables
from bittrue.reports.page_tables import markdown
from bittrue.reports.unit_data import ErrorRow, UnitErrors

COMMAND = "bittrue bench units"


def begin(table: str) -> str:
    """The line in front of a table."""
    return page_tables.begin(COMMAND, table)


def check_markers(text: str, where: str) -> None:
    """Refuse a page without the markers of every table, each with its own end."""
    page_tables.check_markers(text, COMMAND, TABLES, where)


def with_tables(text: str, errors: UnitErrors) -> str:
    """The page with what stands between its markers replaced."""
    return page_tables.with_tables(text, COMMAND, {table: made(errors) for table, made in TABLES.items()})


def numbers(row: ErrorRow) -> tuple[str, ...]:
    """Maximum, the same in steps, mean, and where: input, found, exact."""
    size = (row.max_error, row.max_steps, row.mean_error, row.at)
    return (*map(number, size), f"{row.found:.6g}", f"{row.exact:.6g}")


def number(value: float) -> str:
    """Three significant digits."""
    return f"{float(f'{value:.3g}'):,.0f}" if 1000 <= abs(value) < 1e6 else f"{value:.3g}"


def _lines(unit: str) -> Callable[[UnitErrors], str]:
    """One line for each kind and its inputs."""

    def made(errors: UnitErrors) -> str:
        columns = ("kind", "inputs", "max", "in steps", "mean", "at", "found", "exact")
        return markdown(columns, [(row.kind, row.case, *numbers(row)) for row in errors.of(unit)])

    return made


def _by_case(unit: str, chosen: Callable[[Sequence[str]], bool]) -> Callable[[UnitErrors], str]:
    """A line for each kind, a column for each of the chosen inputs; `chosen` sees the parts of a case's name."""

    def made(errors: UnitErrors) -> str:
        rows = [row for row in errors.of(unit) if chosen(row.case.split(", "))]
        cases = sorted(dict.fromkeys(row.case for row in rows), key=_scale, reverse=True)
        common = set.intersection(*(set(case.split(", ")) for case in cases))
        heads = {case: ", ".join(part for part in case.split(", ") if part not in common) for case in cases}
        lines = []
        for kind in dict.fromkeys(row.kind for row in rows):
            known = {row.case: row for row in rows if row.kind == kind}
            if len(known) == 1 < len(cases):
                continue  # a unit with one scale of its own
            worst = max(known.values(), key=lambda row: float(f"{row.max_error:.9g}"))
            place = f"{heads[worst.case]}: {worst.found:.6g} for {worst.exact:.6g} at {number(worst.at)}"
            cells = [f"{number(known[case].max_error)} ({number(known[case].mean_error)})" for case in cases]
            lines.append((kind, number(worst.step), *cells, number(worst.max_steps), place))
        return markdown(("kind", "step", *heads.values(), "worst in steps", "where"), lines)

    return made


def _scale(case: str) -> Fraction:
    """The scale that a case names; 0 where it names none."""
    return max((Fraction(part[6:]) for part in case.split(", ") if part.startswith("scale ")), default=Fraction(0))


TABLES: dict[str, Callable[[UnitErrors], str]] = {
    "softmax": _by_case("softmax", lambda parts: "scale 1/16" in parts),
    "softmax by scale": _by_case("softmax", lambda parts: {"n 64", "deviation 1"} <= {*parts}),
    "norm": _by_case("norm", lambda parts: "16 bits out" not in parts),
    "norm, 16 bits out": _by_case("norm", lambda parts: "16 bits out" in parts),
    "silu": _lines("silu"),
    "gelu": _lines("gelu"),
    "exp": _lines("exp"),
    "rsqrt": _lines("rsqrt"),
}
"""By the name in the markers."""
