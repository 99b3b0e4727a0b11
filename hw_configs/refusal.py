"""Turn what pydantic found in a hardware description into one BadInput that a user can act on.

The message names file, dotted key path, what was got, what was expected, and the nearest known name.
"""

from __future__ import annotations

import difflib
import types
import typing
from pathlib import Path

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from bittrue.spec.errors import BadInput

# An unknown key is mostly a misspelling that also causes the "missing" beside it, so it is told first.
_FIRST = ("extra_forbidden", "missing")


def refusal(error: ValidationError, model: type[BaseModel], path: Path) -> BadInput:
    """The most telling of the errors that `model` raised for the file at `path`."""
    details = error.errors(include_url=False)
    rank = {kind: index for index, kind in enumerate(_FIRST)}
    first = min(details, key=lambda detail: rank.get(detail["type"], len(_FIRST)))
    rest = len(details) - 1
    bad = _one(first, model, path)
    if rest:
        more = f"{rest} more thing{'s are' if rest > 1 else ' is'} wrong in this file"
        bad.next_step = f"{bad.next_step}; {more}" if bad.next_step else more
    return bad


def nearest(name: str, known: typing.Iterable[str]) -> str:
    """Ask 'did you mean ...?' for the nearest known name, or say nothing."""
    near = difflib.get_close_matches(name, list(known), n=1, cutoff=0.5)
    return f"did you mean {near[0]!r}?" if near else ""


def _one(detail: ErrorDetails, model: type[BaseModel], path: Path) -> BadInput:
    keys = [str(part) for part in detail["loc"]]
    where = f"{path}: {'.'.join(keys) or 'the file'}"
    parent = _section(model, keys[:-1])
    known = sorted(parent.model_fields) if parent else []
    if detail["type"] == "extra_forbidden":
        return BadInput(
            "this key does not exist",
            where=where,
            got=keys[-1],
            expected=f"one of {', '.join(known)}",
            next_step=nearest(keys[-1], known),
        )
    if detail["type"] == "missing":
        field = parent.model_fields[keys[-1]] if parent else None
        return BadInput(
            "this key is missing",
            where=where,
            got="nothing",
            expected=_words(field.annotation) if field else "a value",
            next_step=f"add {keys[-1]}",
        )
    if detail["type"] == "literal_error":
        choices = str(detail.get("ctx", {}).get("expected", ""))
        return BadInput(
            "this value is none of the choices",
            where=where,
            got=repr(detail["input"]),
            expected=choices,
            next_step=nearest(str(detail["input"]), _literals(parent, keys[-1])),
        )
    # A section's own rule (value_error) has the whole section as input, which says nothing.
    got = None if isinstance(detail["input"], dict) else repr(detail["input"])
    message = detail["msg"].removeprefix("Value error, ")
    return BadInput("this value is refused", where=where, got=got, expected=message)


def _section(model: type[BaseModel], keys: list[str]) -> type[BaseModel] | None:
    """The model that describes the table at a dotted path; None where the path leaves the models."""
    for key in keys:
        field = model.model_fields.get(key)
        inner = _model(field.annotation) if field else None
        if inner is None:
            return None
        model = inner
    return model


def _model(annotation: object) -> type[BaseModel] | None:
    for part in (annotation, *typing.get_args(annotation)):
        if isinstance(part, type) and not isinstance(part, types.GenericAlias) and issubclass(part, BaseModel):
            return part
    return None


def _literals(parent: type[BaseModel] | None, key: str) -> list[str]:
    field = parent.model_fields.get(key) if parent else None
    return [str(choice) for choice in typing.get_args(field.annotation)] if field else []


def _words(annotation: object) -> str:
    if _model(annotation):
        return "a table"
    choices = [repr(choice) for choice in typing.get_args(annotation) if isinstance(choice, str | int)]
    if choices:
        return " or ".join(choices)
    return getattr(annotation, "__name__", "a value")
