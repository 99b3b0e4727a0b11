"""Descriptions that inherit: a file names another one and changes some of its keys.

    inherits = "iot_npu"        # a packaged name, or a path that counts from this file

Tables are merged key by key; anything else replaces what was inherited. A number that a machine file changes
without a source of its own gets one that says who set it: the inherited source would no longer be true.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from bittrue.spec.errors import BadInput

INHERITS = "inherits"
SOURCE = "source"
DEPTH_MAX = 8
"""Files in a line of inheritance; a circle is longer than any."""

Read = Callable[[str, str], tuple[str, dict[str, Any]]]
"""From the file that inherits and the name it gives: the inherited file's place and contents."""


def inherited(table: Mapping[str, Any], place: str, read: Read) -> dict[str, Any]:
    """The whole description: `table`, read at `place`, over what it inherits."""
    lines = [(place, dict(table))]
    while INHERITS in lines[-1][1]:
        here, child = lines[-1]
        parent = child.pop(INHERITS)
        if not isinstance(parent, str):
            raise BadInput("this value is refused", where=f"{here}: {INHERITS}", got=repr(parent), expected="a name")
        if len(lines) == DEPTH_MAX:
            raise BadInput("these files inherit from each other", where=here, got=parent, expected="no circle")
        lines.append(read(here, parent))
    whole: dict[str, Any] = {}
    for index, (here, layer) in enumerate(reversed(lines)):
        whole = _over(whole, layer, f"assumption: set in {_short(here)}") if index else layer
    return whole


def _over(base: Mapping[str, Any], change: Mapping[str, Any], unsourced: str) -> dict[str, Any]:
    """`change` over `base`, table by table."""
    merged = dict(base)
    sources = dict(base.get(SOURCE, {})) if isinstance(base.get(SOURCE), dict) else {}
    told = change.get(SOURCE, {}) if isinstance(change.get(SOURCE, {}), dict) else {}
    for key, value in change.items():
        if key == SOURCE:
            continue
        if isinstance(value, dict) and isinstance(base.get(key), dict):
            merged[key] = _over(base[key], value, unsourced)
            continue
        merged[key] = value
        sources.pop(key, None)
        # Only machines have sources; their parent has them in every table with numbers.
        if type(value) in (int, float) and SOURCE in base and key not in told:
            sources[key] = unsourced
    if sources or told:
        merged[SOURCE] = {**sources, **told}
    elif SOURCE in change:
        merged[SOURCE] = change[SOURCE]
    return merged


def _short(place: str) -> str:
    return place.replace("\\", "/").rsplit("/", 1)[-1]
