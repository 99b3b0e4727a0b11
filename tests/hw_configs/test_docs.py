"""docs/hardware.md keeps up with the machine."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

from pydantic import BaseModel

from bittrue.spec.machine import Machine

PAGE = Path(__file__).parents[2] / "docs" / "hardware.md"


def _keys(model: type[BaseModel]) -> set[str]:
    found = set()
    for key, field in model.model_fields.items():
        inner = [part for part in (field.annotation, *get_args(field.annotation)) if isinstance(part, type)]
        models = [part for part in inner if issubclass(part, BaseModel)]
        found |= {name for part in models for name in _keys(part)} | {key}
    return found - {"source"}


def test_every_key_of_a_machine_is_explained() -> None:
    """Each key stands in the page, in backticks or as a section's head."""
    text = PAGE.read_text(encoding="utf-8")
    assert len(_keys(Machine)) > 40
    assert [key for key in sorted(_keys(Machine)) if f"`{key}`" not in text and f"{key}]`" not in text] == []
