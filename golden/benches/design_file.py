"""designs.toml: which module a bench instantiates for a unit or a set, and how its ports differ from the convention.

    [requantize]
    module = "my_requant"
    parameters = { ACC_BITS = 32 }
    stages = ["rounded"]                      # it shows these besides the output; all where the key is missing
    streams = ["accumulator", "multiplier", "shift"]
    constants = []                            # by cfg_sel
    defaults = { zero_point = 0 }             # for arrays that a set does not bring
    words = { in_accumulator = "s32", out_rounded = "s63" }

A table is named by a unit or by a set (`["requantize.corners"]`). The fields are those of design.py.
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from bittrue.golden.benches.design import Design
from bittrue.golden.benches.sets import Word
from bittrue.spec.errors import BadInput


class _Entry(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    module: str
    parameters: dict[str, int] = {}
    stages: list[str] | None = None
    streams: list[str] | None = None
    constants: list[str] | None = None
    words: dict[str, Annotated[str, Field(pattern=r"^[su]([1-9]|[1-5][0-9]|6[0-4])$")]] = {}
    """"s32": 32 bits, two's complement; "u6": 6 bits, unsigned."""
    defaults: dict[str, int] = {}
    lanes: Annotated[int, Field(ge=1)] = 16
    columns: Annotated[int, Field(ge=1)] = 16


def load_designs(path: Path) -> dict[str, Design]:
    """By unit or set. Raises BadInput for a file that cannot be read, an unknown key and an impossible value."""
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise BadInput("the file of designs cannot be read", where=str(path), got=str(error)) from error
    return {name: _design(path, name, table) for name, table in tables.items()}


def _design(path: Path, name: str, table: object) -> Design:
    try:
        entry = _Entry.model_validate(table)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False)[0]
        raise BadInput(
            "not a design",
            where=f"{path}: {'.'.join([name, *(str(part) for part in first['loc'])])}",
            got=str(first["input"])[:80],
            expected=first["msg"],
            next_step=f"keys are {', '.join(_Entry.model_fields)}",
        ) from None
    return Design(
        entry.module,
        entry.parameters,
        stages=_tuple(entry.stages),
        streams=_tuple(entry.streams),
        constants=_tuple(entry.constants),
        words={port: Word(int(text[1:]), text[0] == "s") for port, text in entry.words.items()},
        defaults=entry.defaults,
        lanes=entry.lanes,
        columns=entry.columns,
    )


def _tuple(names: list[str] | None) -> tuple[str, ...] | None:
    return None if names is None else tuple(names)
