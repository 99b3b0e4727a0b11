"""Which bench plays which sets: sets that look alike at the ports of one design share a bench, so one build.

Here the shapes of a set become what a bench counts: rows, columns, and how an index follows from them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from bittrue.golden.benches.design import Design, design_of
from bittrue.golden.benches.sets import IDENTIFIER, BenchArray, BenchSet, Word, check_name, of_name
from bittrue.spec.errors import BadInput, Unsupported

Form = Literal["elements", "rows", "mac"]
FORMS: Mapping[str, Form] = {"mac": "mac", **dict.fromkeys(("softmax", "norm", "mean", "accumulate"), "rows")}
"""How a unit's beats are made (docs/adr/0005-unit-vectors.md); a unit that is not here takes elements."""


@dataclass(frozen=True)
class Signal:
    """One array at the design."""

    name: str
    port: str
    """`in_NAME` or `out_NAME`; `cfg_NAME` of a constant, which has no port of its own."""
    word: Word
    """Of the port; of a constant's cfg_data."""


@dataclass(frozen=True)
class Memory:
    """One array of a set in its file, and which of its words belongs to (row, column)."""

    port: str
    word: Word
    """In the package."""
    mem: str
    """Empty where there is no file but one word, `fixed`."""
    fixed: int
    words: int
    row_step: int
    column_step: int
    """The word's index is row * row_step + column * column_step."""
    shown: bool = True
    """Whether that word says something about a mismatch there; False for tables and weights."""
    writes: int = 0
    """Of a constant: how many words are written to the design, at addresses from 0 on without a gap."""
    group: int = 1
    stride: int = 1
    """Of `stride` words written one after the other, the first `group` are the array's, over and over; then zeros."""


@dataclass(frozen=True)
class Play:
    """One set as a bench plays it."""

    name: str
    folder: str
    rows: int
    """Vectors."""
    columns_in: int
    """Words that a vector brings, on one or several beats: 1, n of a row, K of a MAC."""
    columns_out: int
    """Words that come back for it: 1, n of a row, the columns of a MAC."""
    memories: tuple[Memory, ...]
    """Of every array in the bench's order: streams, stages, constants."""


@dataclass(frozen=True)
class Bench:
    """One top module, and the sets that it plays one after the other."""

    name: str
    unit: str
    form: Form
    design: Design
    streams: tuple[Signal, ...]
    stages: tuple[Signal, ...]
    constants: tuple[Signal, ...]
    plays: tuple[Play, ...]

    @property
    def signals(self) -> tuple[Signal, ...]:
        """Everything that is read from files, in the order of `Play.memories`."""
        return (*self.streams, *self.stages, *self.constants)


def benches_of(sets: Sequence[BenchSet], modules: Mapping[str, Design]) -> tuple[Bench, ...]:
    """The benches that play all sets, in the order of their first sets.

    modules: the design by unit or, for one set, by the set's name. Raises BadInput or Unsupported for sets that
    do not fit the form of their unit or the design.
    """
    groups: dict[str, list[Bench]] = {}
    for one in sets:
        alone = _alone(one, design_of(modules, one.unit, one.name))
        alike = groups.setdefault(one.unit, [])
        same = next((k for k, bench in enumerate(alike) if _ports(bench) == _ports(alone)), None)
        if same is None:
            alike.append(alone)
        else:
            alike[same] = _replaced(alike[same], alike[same].name, (*alike[same].plays, *alone.plays))
    unused = sorted(set(modules) - {one.unit for one in sets} - {one.name for one in sets})
    if unused or len({one.folder for one in sets}) != len(sets) or not sets:
        raise BadInput(
            "a bench needs sets in folders of their own, and designs for units or sets that there are",
            got=f"{len(sets)} sets in {len({one.folder for one in sets})} folders, designs for nothing: {unused}",
        )
    return tuple(
        _replaced(bench, bench.name if k == 0 else f"{bench.name}_{k + 1}", bench.plays)
        for alike in groups.values()
        for k, bench in enumerate(alike)
    )


def _replaced(bench: Bench, name: str, plays: tuple[Play, ...]) -> Bench:
    return Bench(
        name, bench.unit, bench.form, bench.design, bench.streams, bench.stages, bench.constants, plays
    )  # fmt: skip


def _ports(bench: Bench) -> tuple[object, ...]:
    return bench.design, bench.streams, bench.stages, bench.constants


def _alone(one: BenchSet, design: Design) -> Bench:
    """The bench of a single set."""
    check_name(IDENTIFIER, one.unit, where=f"set {one.name}")
    form = FORMS.get(one.unit, "elements")
    streams = _streams(one, design)
    held = tuple(array for array in one.constants if array not in streams)
    constants = held if design.constants is None else _named(one, held, design.constants, design)
    stages = one.stages if design.stages is None else (*_named(one, one.stages, design.stages, design), one.stages[-1])
    columns_in = max(_width(array, one) for array in one.driven)
    columns_out = _width(one.stages[-1], one)
    if form == "mac":
        _check_mac(one, streams, columns_out, design)
    alike = columns_in == columns_out
    memories = [
        *(_memory(one, array, f"in_{array.name}", columns_in, form, shown=alike) for array in streams),
        *(_memory(one, array, f"out_{array.name}", columns_out, form) for array in stages),
        *(_constant(array, columns_out, one.unit, design) for array in constants),
    ]
    return Bench(
        f"tb_{one.unit}",
        one.unit,
        form,
        design,
        tuple(_signal(array, "in", design) for array in streams),
        tuple(_signal(array, "out", design) for array in stages),
        tuple(Signal(array.name, f"cfg_{array.name}", Word(64, True)) for array in constants),
        (Play(one.name, one.folder, one.vectors, columns_in, columns_out, tuple(memories)),),
    )


def _signal(array: BenchArray, way: str, design: Design) -> Signal:
    port = f"{way}_{array.name}"
    return Signal(array.name, port, design.words.get(port, array.word))


def _streams(one: BenchSet, design: Design) -> tuple[BenchArray, ...]:
    if design.streams is None:
        return one.driven
    lost = [array.name for array in one.driven if array.name not in design.streams]
    if lost:
        raise Unsupported(
            "the set drives what the design takes as a constant, or not at all",
            where=f"set {one.name}, design {design.module}",
            got=", ".join(lost),
            expected=", ".join(design.streams),
        )
    return _named(one, (*one.driven, *one.constants), design.streams, design)


def _named(one: BenchSet, arrays: Sequence[BenchArray], names: Sequence[str], design: Design) -> tuple[BenchArray, ...]:
    """The arrays of these names; the design's default where the set brings none."""
    found = []
    for name in names:
        array = of_name(arrays, name)
        if array is None and name in design.defaults:
            array = BenchArray(name, Word(64, True), (1,), "", design.defaults[name])
        if array is None:
            raise BadInput(
                f"the design reads or shows {name}, and the set does not bring it",
                where=f"set {one.name}, design {design.module}",
                got=", ".join(array.name for array in arrays),
                next_step="state a default for it, or leave it out of the design's streams, constants or stages",
            )
        found.append(array)
    return tuple(found)


def _width(array: BenchArray, one: BenchSet) -> int:
    return array.words // one.vectors


def _memory(one: BenchSet, array: BenchArray, port: str, columns: int, form: Form, *, shown: bool = True) -> Memory:
    """A stream's or stage's words: one an element, one a row, one a column (of a constant), or one in all.

    shown: whether a mismatch at a column is about the word of that column.
    """
    held = array not in (*one.driven, *one.stages)
    steps = {columns: (0, 1), 1: (0, 0)} if held else {1: (1, 0), columns: (columns, 1)}
    width = array.words if held else _width(array, one)
    if width not in steps or (form == "elements" and not held and width != columns):
        raise Unsupported(
            "an array has neither one word an element nor one a row",
            where=f"set {one.name}, array {array.name}",
            got=f"shape {list(array.shape)}",
            expected=f"{columns} words a vector" + ("" if form == "elements" else ", or one"),
        )
    row_step, column_step = steps[width]
    visible = shown or column_step == 0
    return Memory(port, array.word, array.mem, array.fixed, array.words, row_step, column_step, visible)


def _constant(array: BenchArray, columns: int, unit: str, design: Design) -> Memory:
    """A constant's words; one a column is known by its length, where the unit has such constants.

    A MAC takes weights by k * (its columns) + column and a bias for each column; columns that a set lacks are zero.
    """
    channels = array.words == columns > 1 and len(array.shape) == 1 and unit in ("mac", "norm")
    a_column = channels and array.name != "table"
    writes, group, stride = array.words, array.words, array.words
    if unit == "mac" and array.name in ("weights", "bias"):
        group, stride = columns, design.columns
        writes = stride * (array.words // columns if array.name == "weights" else 1)
    shown, step = array.words == 1 or a_column, int(a_column)
    return Memory(
        f"cfg_{array.name}", array.word, array.mem, array.fixed, array.words, 0, step, shown, writes, group, stride
    )  # fmt: skip


def _check_mac(one: BenchSet, streams: Sequence[BenchArray], columns: int, design: Design) -> None:
    alike = {_width(stage, one) for stage in one.stages} == {columns}
    if [array.name for array in streams] != ["activations"] or columns > design.columns or not alike:
        raise Unsupported(
            "a MAC array streams rows of activations and answers with as many columns as it has, or fewer",
            where=f"set {one.name}, design {design.module}",
            got=f"streams {', '.join(array.name for array in streams)}; {columns} columns in every stage: {alike}",
            expected=f"streams activations; at most {design.columns} columns",
            next_step="split the set by columns, or state the design's columns",
        )
