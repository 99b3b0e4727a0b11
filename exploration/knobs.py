"""Knobs: what a study varies, each with a finite list of labelled values.

    "datapath.mac.accumulator_bits" = { range = [14, 32] }            step = 1 unless given
    "datapath.mac.overflow" = ["wrap", "saturate"]
    shape = { choices = { 8x32 = { "machine.array.rows" = 8, "machine.array.cols" = 32 }, ... } }

A knob with `choices` sets several key paths at once and is named freely.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bittrue.exploration.key_paths import check_path, flattened
from bittrue.spec.errors import BadInput

Label = str | int | float | bool
KINDS = ("range", "values", "choices")
STEPS_MAX = 10_000


@dataclass(frozen=True)
class Knob:
    """One axis of a study."""

    name: str
    """A key path, or the name of a bundle."""
    labels: tuple[Label, ...]
    """What a value is called in rows and plots; of a range in ascending order."""
    settings: tuple[Mapping[str, Any], ...]
    """What each label sets, by key path."""
    step: float | None = None
    """Between the numbers of a range; None where the labels are a list."""

    @property
    def numeric(self) -> bool:
        """Whether its values are numbers, so that less of it has a meaning."""
        return all(isinstance(label, (int, float)) and not isinstance(label, bool) for label in self.labels)

    def setting(self, label: Label) -> Mapping[str, Any]:
        """What a label sets."""
        return self.settings[self.labels.index(label)]

    def base(self, design: Mapping[str, Any]) -> Label:
        """The value that the shared design has, where this knob can take it; else its first."""
        for label, setting in zip(self.labels, self.settings, strict=True):
            if all(design.get(path) == value for path, value in setting.items()):
                return label
        return self.labels[0]


def knobs_of(table: Mapping[str, Any], path: Path) -> tuple[Knob, ...]:
    """The knobs of a sweep file at `path`; raises BadInput for one that cannot be."""
    found = flattened(table, is_value=lambda value: bool(set(value) & set(KINDS)))
    return tuple(_knob(name, given, f"{path}: knobs.{name}") for name, given in found.items())


def _knob(name: str, given: object, where: str) -> Knob:
    spec: dict[str, Any] = given if isinstance(given, dict) else {"values": given}
    unknown = sorted(set(spec) - {*KINDS, "step"})
    kinds = [kind for kind in KINDS if kind in spec]
    if unknown or len(kinds) != 1 or ("step" in spec and kinds != ["range"]):
        raise BadInput(
            "a knob is a list of values, a range or a table of choices",
            where=where,
            got=", ".join(map(repr, spec)),
            expected="[...], { range = [low, high], step = 1 } or { choices = { LABEL = { PATH = value } } }",
        )
    if kinds == ["choices"]:
        return _bundle(name, spec["choices"], where)
    check_path(name)
    values = _range(spec["range"], spec.get("step", 1), where) if kinds == ["range"] else spec["values"]
    if not isinstance(values, list) or not values:
        raise BadInput("a knob needs values", where=where, got=repr(values), expected="a list that is not empty")
    labels = [_label(value) for value in values]
    if len(set(map(repr, labels))) != len(labels):
        raise BadInput("a knob has a value twice", where=where, got=repr(labels))
    step = spec.get("step", 1) if kinds == ["range"] and len(labels) > 1 else None
    return Knob(name, tuple(labels), tuple({name: value} for value in values), step)


def _label(value: object) -> Label:
    """A value as rows show it; a table by its kind."""
    if isinstance(value, dict):
        return str(value.get("kind", ", ".join(f"{key}={each}" for key, each in value.items())))
    return value if isinstance(value, (str, int, float, bool)) else repr(value)


def _range(given: object, step: object, where: str) -> list[int | float]:
    numbers: list[Any] = [*given, step] if isinstance(given, list) else []
    if len(numbers) != 3 or any(type(number) not in (int, float) for number in numbers):
        raise BadInput("a range is two numbers", where=where, got=repr(given), expected="[low, high], and a step > 0")
    low, high, by = numbers
    if not (by > 0 and low <= high and (high - low) / by < STEPS_MAX):
        raise BadInput(
            "no such range", where=where, got=f"{low}..{high} step {by}", expected=f"low <= high, < {STEPS_MAX} steps"
        )
    count = int((high - low) / by + 1e-9) + 1
    return [low + index * by for index in range(count)]


def _bundle(name: str, choices: object, where: str) -> Knob:
    if not isinstance(choices, dict) or not choices or not all(isinstance(each, dict) for each in choices.values()):
        raise BadInput("choices are a table of tables", where=where, expected="{ LABEL = { PATH = value } }")
    settings = [flattened(each, is_value=lambda value: False) for each in choices.values()]
    for setting in settings:
        for path in setting:
            check_path(path)
    return Knob(name, tuple(choices), tuple(settings))
