"""The table as Markdown, on the terminal and between the markers of a page."""

from __future__ import annotations

from collections.abc import Iterable

from benchmarks.machine import MachineDescription
from benchmarks.verdicts import Result

BEGIN, END = "<!-- table: make bench -->\n", "<!-- end of table -->\n"
HEADER = "| what | goal | measured | ms an image | met |\n|---|---|---|---|---|\n"


def line(result: Result) -> str:
    """One row; a ratio is printed with its median and its quartiles over rounds."""
    goal = result.goal or "reported"
    if result.value is None:
        return f"| {result.what} | {goal} | not measured: {_one_line(result.missing)} | | |\n"
    value = result.value
    measured = f"**{number(value.median)}** [{number(value.low)} .. {number(value.high)}]"
    met = {None: "", True: "yes", False: "**no**"}[result.met]
    return f"| {result.what} | {goal} | {measured} | {_times(result)} | {met} |\n"


def table(results: Iterable[Result], machine: MachineDescription, rounds: int, disturbed: float) -> str:
    """All rows, and below them what they were measured on.

    disturbed: share of the measurements during which other processes used the cores.
    """
    how = f"Median [quartiles] over {rounds} interleaved rounds, {disturbed:.0%} of the measurements disturbed"
    return HEADER + "".join(line(result) for result in results) + f"\n{how}. {machine.sentence()}\n"


def inserted(text: str, made: str, where: str) -> str:
    """The page with the table between its markers; leaves with a message where they are missing."""
    before, _, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not end:
        raise SystemExit(f"{where} lacks the lines {BEGIN.strip()} and {END.strip()}")
    return before + BEGIN + made + END + after


def number(value: float) -> str:
    """Three significant digits, no exponent."""
    digits = f"{value:.3g}"
    return f"{float(digits):,.0f}" if "e" in digits or abs(value) >= 100 else digits


def _times(result: Result) -> str:
    """Milliseconds in the order of the ratio, with the batch where a best one was chosen."""
    if result.of_ms is None or result.measure == "gigabytes":
        return ""
    if result.to_ms is None:
        return f"{result.of_ms:,.0f}"
    chosen = f" ({result.of})" if result.best_of > 1 else ""
    return f"{_ms(result.of_ms)} / {_ms(result.to_ms)}{chosen}"


def _ms(value: float) -> str:
    return f"{value:,.0f}" if value >= 1000 else f"{value:.1f}"


def _one_line(text: str) -> str:
    return " ".join(text.split()).replace("|", "/")
