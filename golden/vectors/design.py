"""A design's dumps against a package: which files there are, and where each first differs.

For the RTL engineer. Equality is exact; a word with x or z digits, one that is too wide and a missing
one are mismatches.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bittrue.golden.vectors.dumps import read_dump
from bittrue.golden.vectors.layout import positions_of
from bittrue.golden.vectors.manifest import SUFFIXES, Group, Manifest, UnitSet
from bittrue.golden.vectors.memory import Words, digits_of, from_patterns, to_patterns
from bittrue.golden.vectors.package import load_value
from bittrue.golden.vectors.packing import Patterns
from bittrue.golden.vectors.values import Value
from bittrue.spec.errors import BadInput


@dataclass(frozen=True)
class Mismatch:
    """The first word, in row-major order, in which a file differs."""

    step: str
    """The step's name, or UNIT.SET of a unit set."""
    stage: str
    coordinate: tuple[int, ...]
    """The index of the image or vector, then the index within the tensor."""
    counted: str
    """What the first index counts: "image" or "vector"."""
    beat: int | None
    """The word of the value's stream in which the element passes, and its lane; None where the stream is plain."""
    lane: int | None
    expected: int
    expected_hex: str
    actual: int | None
    """None for a word that is no number of this width."""
    actual_hex: str
    """As many digits as the width has; else the word as it stands in the file, or "missing"."""
    xor_hex: str | None

    def __str__(self) -> str:
        """One line: where, expected, actual, in hex and decimal, and the differing bits."""
        actual = self.actual_hex if self.actual is None else f"{self.actual_hex} ({self.actual})"
        xor = "" if self.xor_hex is None else f", xor {self.xor_hex}"
        first, *index = self.coordinate
        passing = "" if self.beat is None else f" beat {self.beat} lane {self.lane}"
        place = f"{self.step} {self.stage}[{self.counted} {first}]{index or ''}{passing}"
        return f"{place}: expected {self.expected_hex} ({self.expected}), actual {actual}{xor}"


@dataclass(frozen=True)
class FileVerdict:
    """One file of the design against one stage or output."""

    path: str
    """Within the design's folder."""
    step: str
    """The step's name, or UNIT.SET of a unit set."""
    stage: str
    elements: int
    mismatches: int
    first: Mismatch | None
    complaint: str
    """Text about a wrong number of words or a wrong shape; empty when both are right."""

    @property
    def agreed(self) -> bool:
        """Whether the file holds exactly the expected words."""
        return self.mismatches == 0 and not self.complaint


@dataclass(frozen=True)
class DesignVerdict:
    """All files of a design against a package."""

    payload_digest: str
    files: tuple[FileVerdict, ...]
    """In the order in which the values arise, so the first that differs is the first divergent stage."""
    not_compared: tuple[str, ...]
    """"STEP/STAGE" of every stage and output that the design did not dump."""

    @property
    def agreed(self) -> bool:
        """Whether every file that the design dumped is equal."""
        return all(file.agreed for file in self.files)

    @property
    def words(self) -> int:
        """Words compared over all files."""
        return sum(file.elements for file in self.files)

    @property
    def first_difference(self) -> FileVerdict | None:
        """The file of the first divergent stage."""
        return next((file for file in self.files if not file.agreed), None)


def judge_design(package: Path, manifest: Manifest, dut: Path) -> DesignVerdict:
    """Compare every dump in `dut` with a package that has been checked; see check.compare_design."""
    if not dut.is_dir():
        raise BadInput(
            "no such folder of a design's output", where=str(dut), next_step="give the folder with STEP/STAGE files"
        )
    dumps = find_dumps(manifest, dut)
    verdicts: list[FileVerdict] = []
    missing: list[str] = []
    for group in manifest.groups:
        for value in group.judged:
            found = dumps.get((group.label, value.name), [])
            if found:
                expected = load_value(package, manifest, value)
                verdicts.extend(_judge_file(dut, path, group, value, expected) for path in found)
            else:
                missing.append(f"{group.label}/{value.name}")
    return DesignVerdict(manifest.payload_digest, tuple(verdicts), tuple(missing))


def find_dumps(manifest: Manifest, dut: Path) -> dict[tuple[str, str], list[Path]]:
    """The files to compare by (step or set, stage); refuses those that belong to none."""
    groups = {Path(group.folder).name: group for group in manifest.groups}
    groups |= {group.label: group for group in manifest.groups}
    dumps: dict[tuple[str, str], list[Path]] = {}
    for path in sorted(dut.rglob("*")):
        if path.suffix.lower() not in SUFFIXES or not path.is_file():
            continue
        if len(path.relative_to(dut).parts) > 2:
            if path.parent.name in groups:  # a dump; what lies deep elsewhere is a simulator's own
                raise BadInput(
                    "a dump lies too deep to be compared",
                    where=str(path),
                    got=path.relative_to(dut).as_posix(),
                    expected=f"{path.parent.name}/{path.name}",
                    next_step=f"give --dut {path.parent.parent}",
                )
            continue
        group = groups.get(path.parent.name) if path.parent != dut else None
        if group is None:
            got = path.name if path.parent == dut else path.parent.name
            raise BadInput(
                "a file belongs to no step of the package"
                if manifest.steps
                else "a file belongs to no set of the package",
                where=str(path),
                got=got,
                expected=("STEP/STAGE" if manifest.steps else "UNIT.SET/STAGE") + path.suffix,
                next_step=_nearest(got, list(groups)),
            )
        stages = [value.name for value in group.judged]
        if path.stem in stages:
            dumps.setdefault((group.label, path.stem), []).append(path)
        elif path.stem not in {Path(value.npy).stem for value in group.values}:  # a bench may copy what it reads
            raise BadInput(
                "a file belongs to no stage of its step",
                where=str(path),
                got=path.stem,
                expected=", ".join(stages),
                next_step=_nearest(path.stem, stages),
            )
    if not dumps:
        raise BadInput(
            "the design's folder holds nothing to compare",
            where=str(dut),
            got="no STEP/STAGE.npy, .mem, .hex or .bin",
            expected=f"for example {manifest.groups[0].label}/output.mem",
            next_step="dump a stage with $writememh",
        )
    return dumps


def _nearest(name: str, known: list[str]) -> str:
    near = difflib.get_close_matches(name, known, n=3, cutoff=0.3)
    return f"nearest names: {', '.join(near)}" if near else "name folders and files as the package does"


def _judge_file(dut: Path, path: Path, group: Group, value: Value, expected: NDArray[np.integer]) -> FileVerdict:
    patterns = to_patterns(expected, bits=value.bits, signed=value.signed, name=value.name)
    words = read_dump(path, value)
    wrong = ~words.known | (words.patterns != patterns)
    count = int(wrong.sum())
    first = _mismatch(group, value, patterns, words, int(wrong.argmax())) if count else None
    shown = path.relative_to(dut).as_posix()
    return FileVerdict(shown, group.label, value.name, patterns.size, count, first, words.complaint)


def _mismatch(group: Group, value: Value, patterns: Patterns, words: Words, at: int) -> Mismatch:
    def decimal(word: np.uint64) -> int:
        return int(from_patterns(np.asarray([word], dtype=np.uint64), bits=value.bits, signed=value.signed)[0])

    def shown(word: int) -> str:
        return f"0x{word:0{digits_of(value.bits)}x}"

    expected, actual = patterns[at], words.patterns[at]
    known = bool(words.known[at])
    beat, lane = None, None
    if value.stream is not None:
        beat, lane = divmod(int(positions_of(value.stream.layout, value.shape)[at]), value.stream.packing.lanes)
    return Mismatch(
        step=group.label,
        stage=value.name,
        coordinate=tuple(int(i) for i in np.unravel_index(at, value.shape)),
        counted="vector" if isinstance(group, UnitSet) else "image",
        beat=beat,
        lane=lane,
        expected=decimal(expected),
        expected_hex=shown(int(expected)),
        actual=decimal(actual) if known else None,
        # The first mismatch that is unknown is the first unknown word: every unknown word mismatches.
        actual_hex=shown(int(actual)) if known else words.spelling,
        xor_hex=shown(int(expected ^ actual)) if known else None,
    )
