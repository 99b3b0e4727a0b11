"""The table of planted faults, bugs.toml, and the datapath that a rule stands for. For tests and the diagnosis."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache

from rtl.design import FOLDER

from bittrue.hw_configs.load import load_datapath
from bittrue.spec.datapath import Datapath

BASE = "iot_npu"


@dataclass(frozen=True)
class Bug:
    """One planted fault; the head of bugs.toml says what its fields mean."""

    unit: str
    number: int
    cause: str
    stage: str
    rule: Mapping[str, int | str] = field(default_factory=dict)
    set: Mapping[str, int] = field(default_factory=dict)
    within: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    on: Mapping[str, int | str] = field(default_factory=dict)

    @property
    def expressed(self) -> bool:
        """Whether a datapath, or another value of an operand, says the same as the fault."""
        return bool(self.rule or self.set)

    @property
    def built_for(self) -> Datapath:
        """The datapath that the design should compute."""
        return datapath_with(self.on)

    @property
    def faulty(self) -> Datapath:
        """The datapath that the design computes instead."""
        return datapath_with(self.rule or self.on)

    def __str__(self) -> str:
        return f"{self.unit}-{self.number}"


@cache
def bugs() -> tuple[Bug, ...]:
    """All planted faults, by unit and number."""
    table = tomllib.loads((FOLDER / "bugs.toml").read_text())
    return tuple(Bug(unit, **entry) for unit, entries in table.items() for entry in entries)


def datapath_with(changes: Mapping[str, int | str]) -> Datapath:
    """iot_npu with some keys ("mac.accumulator_bits") changed; a combination that no chip can have is refused."""
    values = load_datapath(BASE).model_dump(mode="json", exclude_unset=True)
    for key, value in changes.items():
        section, name = key.split(".")
        values[section][name] = value
    return Datapath.model_validate(values)
