"""JSON schemas of the description files, for editors that complete and check TOML.

A file that inherits needs no key but `inherits`; any other needs all that have no default. Numbers need sources, which
no schema can say: `bittrue hw check` does.
"""

from __future__ import annotations

import copy
from typing import Any

from pydantic import BaseModel

from bittrue.hw_configs.inherit import INHERITS
from bittrue.hw_configs.units import unit_of

DIALECT = "https://json-schema.org/draft/2020-12/schema"
PARTIAL = "Partial"


def json_schema(model: type[BaseModel]) -> dict[str, Any]:
    """The schema of a file, whole or inheriting."""
    whole = model.model_json_schema()
    definitions: dict[str, Any] = whole.pop("$defs", {})
    for table in (whole, *definitions.values()):
        _name_units(table)
    partial = _renamed(_optional(whole), definitions)
    partial["properties"][INHERITS] = {
        "type": "string",
        "description": "a packaged name, or a path that counts from this file",
    }
    some = {f"{PARTIAL}{name}": _renamed(_optional(table), definitions) for name, table in definitions.items()}
    return {
        "$schema": DIALECT,
        "title": model.__name__,
        "if": {"required": [INHERITS]},
        "then": partial,
        "else": whole,
        "$defs": {**definitions, **some},
    }


def _name_units(table: dict[str, Any]) -> None:
    """Each number says its unit."""
    for key, field in table.get("properties", {}).items():
        unit = unit_of(key)
        if unit:
            field["description"] = unit


def _optional(table: dict[str, Any]) -> dict[str, Any]:
    changed = copy.deepcopy(table)
    changed.pop("required", None)
    return changed


def _renamed(value: Any, definitions: dict[str, Any]) -> Any:
    """The same with every reference to a definition turned to its partial twin."""
    if isinstance(value, dict):
        return {key: _renamed(item, definitions) for key, item in value.items()}
    if isinstance(value, list):
        return [_renamed(item, definitions) for item in value]
    head = "#/$defs/"
    if isinstance(value, str) and value.startswith(head) and value.removeprefix(head) in definitions:
        return f"{head}{PARTIAL}{value.removeprefix(head)}"
    return value
