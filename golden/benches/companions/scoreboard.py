"""The verdict on beats: every stage of each against the set's words, in order, whatever the clock says.

Knows no simulator: a stream hands over the bits of each port as text, most significant first, x and z digits and all.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from xml.etree import ElementTree

from .index import Bench, Memory, Set, Word

SHORT = {"accumulator": "acc", "multiplier": "mult", "zero_point": "zp"}
"""How a mismatch names these operands; as the SystemVerilog bench does."""


ENDINGS = {
    "STUCK": "stuck: no beat moved until the watchdog",
    "TOO_MANY": "more beats came back than were asked for",
    "UNKNOWN_HANDSHAKE": "in_ready or out_valid is x or z",
}
"""What can be wrong with a handshake."""


@dataclass
class Check:
    """One stage so far."""

    name: str
    total: int
    words: int = 0
    errors: int = 0
    first: str = ""
    first_index: int = 0
    """The first mismatch: both words, and where."""
    made: list[str] = field(default_factory=list)
    """Hex words of the design, in order."""


class Scoreboard:
    """Compares the beats of one set."""

    def __init__(
        self, bench: Bench, played: Set, *, stop_after: int, emit: Callable[[str], None], earlier: int = 0
    ) -> None:
        """stop_after: how many errors end the run, 0 for none; earlier: errors of the sets before."""
        self.bench, self.played, self.emit = bench, played, emit
        self.stop_after, self.errors, self.earlier = stop_after, 0, earlier
        self.beats, self.row, self.column = 0, 0, 0
        self.broken = ""
        """One of ENDINGS; empty while all is well."""
        self.checks = [Check(memory.signal.name, len(memory.values)) for memory in played.stages]
        if bench.form == "rows":
            self.checks.append(Check("out_last", self.beats_to_take))
        self._wrong: dict[str, str | None] = {}

    @property
    def beats_to_take(self) -> int:
        """Beats that the design must answer."""
        return self.played.rows * (1 if self.bench.form == "mac" else self.played.columns_out)

    @property
    def stage_checks(self) -> list[Check]:
        """Those of stages, in the order of the set's."""
        return self.checks[: len(self.played.stages)]

    @property
    def stopped(self) -> bool:
        """Whether there were as many errors as the run is for."""
        return 0 < self.stop_after <= self.errors + self.earlier

    @property
    def complete(self) -> bool:
        """Whether every word was compared."""
        return all(check.words == check.total for check in self.checks)

    def beat(self, bits: Mapping[str, str], last: str = "", *, time: str = "") -> None:
        """Compare one beat: the bits of every stage's port, by stage, and of out_last."""
        columns = range(self.played.columns_out) if self.bench.form == "mac" else (self.column,)
        for column in columns:
            for memory, check in zip(self.played.stages, self.stage_checks, strict=True):
                self._word(memory, check, column, _lane(bits[check.name], memory, self.bench, column), time)
        if self.bench.form == "rows" and not self.stopped:
            self._last(last, time)
        self.beats += 1
        self.column += 1
        if self.bench.form == "mac" or self.column == self.played.columns_out:
            self.row, self.column = self.row + 1, 0

    def _word(self, memory: Memory, check: Check, column: int, bits: str, time: str) -> None:
        port = memory.signal.word
        index = memory.index(self.row, column)
        expected = memory.values[index]
        known = set(bits) <= {"0", "1"}
        # A word of a whole row stands at each of the row's beats and is counted once.
        if memory.column_step or column == 0:
            check.words += not self.stopped
            self._wrong[check.name] = None
        same = known and port.value(int(bits, 2)) == expected
        if not same and self._wrong[check.name] is None and not self.stopped:
            self._wrong[check.name] = bits
            shown = f"0x{_hex(f'{port.pattern(expected):0{port.bits}b}')}({expected})"
            self._mismatch(check, index, column, shown, _shown(bits, port), time)
        if memory.column_step or column == self.played.columns_out - 1:
            check.made.append(_hex(_narrowed(self._wrong[check.name] or bits, port, memory.word)))

    def breaks(self, ending: str, where: str) -> None:
        """The handshake went wrong: one of ENDINGS, and the state of the ports."""
        self.broken = ending
        self.errors += 1
        self.emit(f"{ending} layer={self.played.name} {where}")

    def _last(self, last: str, time: str) -> None:
        check, expected = self.checks[-1], str(int(self.column == self.played.columns_out - 1))
        check.words += 1
        if last != expected:
            one = Word(1, False)
            self._mismatch(check, self.beats, self.column, _shown(expected, one), _shown(last, one), time)

    def _mismatch(self, check: Check, index: int, column: int, expected: str, actual: str, time: str) -> None:
        check.errors += 1
        self.errors += 1
        if check.errors == 1:
            check.first, check.first_index = f"exp={expected} act={actual}", index
        head = f"MISMATCH layer={self.played.name} stage={check.name} idx={index} row={self.row} col={column}"
        self.emit(f"{head} exp={expected} act={actual}{self._operands(column)} beat={self.beats} time={time}")

    def _operands(self, column: int) -> str:
        streams = () if self.bench.form == "mac" else self.played.streams
        texts = []
        for k, memory in enumerate((*streams, *self.played.constants)):
            if memory.shown:
                word, value = memory.signal.word, memory.at(self.row, column)
                name = SHORT.get(memory.signal.name, memory.signal.name)
                hexadecimal = f"0x{_hex(f'{word.pattern(value):0{word.bits}b}')}({value})"
                texts.append(f" {name}={value if k else hexadecimal}")
        return "".join(texts) + (f" k={self.played.columns_in}" if self.bench.form == "mac" else "")

    def name_first(self) -> None:
        """Say which stage, in the order in which they arise, is the first that differs anywhere."""
        check = next((check for check in self.checks if check.errors), None)
        if check:
            differ = f"differ={check.errors}/{check.words}"
            self.emit(f"FIRST layer={self.played.name} stage={check.name} idx={check.first_index} {differ}")

    def dump(self, folder: Path) -> None:
        """Write what the design made, STAGE.mem each; `bittrue check --dut` reads the folder above."""
        folder.mkdir(parents=True, exist_ok=True)
        for check in self.stage_checks:
            (folder / f"{check.name}.mem").write_text("".join(f"{word}\n" for word in check.made), encoding="ascii")

    def suite(self) -> ElementTree.Element:
        """JUnit: a testcase a stage, and one for the handshake. What was not compared to its end is skipped."""
        name = f"{self.bench.name}.{self.played.name}"
        suite = ElementTree.Element("testsuite", name=name, tests=str(len(self.checks) + 1))
        for check in self.checks:
            case = ElementTree.SubElement(suite, "testcase", classname=name, name=check.name)
            if check.errors:
                text = f"{check.errors} of {check.words} words differ; first idx={check.first_index} {check.first}"
                ElementTree.SubElement(case, "failure", message=text)
            elif check.words != check.total:
                ElementTree.SubElement(case, "skipped", message=f"{check.words} of {check.total} words compared")
        case = ElementTree.SubElement(suite, "testcase", classname=name, name="handshake")
        if self.broken:
            ElementTree.SubElement(case, "error", message=ENDINGS[self.broken])
        elif not self.complete:
            ElementTree.SubElement(case, "skipped", message="not played to its end")
        for kind, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
            suite.set(kind, str(len(suite.findall(f"./testcase/{tag}"))))
        return suite


def _lane(bits: str, memory: Memory, bench: Bench, column: int) -> str:
    """A port's word: the whole port, or one column of a MAC's, column 0 in the lowest bits."""
    if bench.form != "mac":
        return bits
    width = memory.signal.word.bits
    return bits[len(bits) - (column + 1) * width : len(bits) - column * width]


def _narrowed(bits: str, port: Word, word: Word) -> str:
    """A port's bits at the width of the package, where that loses nothing; else as they are, which no word equals."""
    wide = bits.rjust(word.bits, bits[0] if port.signed else "0")
    low = wide[len(wide) - word.bits :]
    return low if low.rjust(len(wide), low[0] if word.signed else "0") == wide else bits


def _hex(bits: str) -> str:
    digits = -(-len(bits) // 4)
    padded = bits.rjust(4 * digits, "0")
    return "".join(_digit(padded[4 * k : 4 * k + 4]) for k in range(digits))


def _digit(nibble: str) -> str:
    if set(nibble) <= {"0", "1"}:
        return f"{int(nibble, 2):x}"
    return "z" if set(nibble) <= {"z", "Z"} else "x"


def _shown(bits: str, word: Word) -> str:
    known = set(bits) <= {"0", "1"}
    return f"0x{_hex(bits)}({word.value(int(bits, 2)) if known else 'x'})"
