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

from bittrue.hw_configs.units import unit_of
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


def _named(question: str, key: str, known: list[str]) -> str:
    """The question, and the unit of the key that it names."""
    near = difflib.get_close_matches(key, known, n=1, cutoff=0.5)
    unit = unit_of(near[0]) if near else ""
    return f"{question} It is in {unit}." if unit else question


def _with_unit(expected: str, key: str) -> str:
    unit = unit_of(key)
    return f"{expected}, in {unit}" if unit else expected


def _one(detail: ErrorDetails, model: type[BaseModel], path: Path) -> BadInput:
    keys, parent = _place(model, [str(part) for part in detail["loc"]])
    where = f"{path}: {'.'.join(keys) or 'the file'}"
    known = sorted(parent.model_fields) if parent else []
    if detail["type"] == "extra_forbidden":
        return BadInput(
            "this key does not exist",
            where=where,
            got=keys[-1],
            expected=f"one of {', '.join(known)}",
            next_step=_named(nearest(keys[-1], known), keys[-1], known),
        )
    if detail["type"] == "missing":
        field = parent.model_fields[keys[-1]] if parent else None
        return BadInput(
            "this key is missing",
            where=where,
            got="nothing",
            expected=_with_unit(_words(field.annotation) if field else "a value", keys[-1]),
            next_step=f"add {keys[-1]}",
        )
    if detail["type"] in ("union_tag_not_found", "union_tag_invalid"):
        kinds = _kinds(parent, keys)
        got = detail.get("ctx", {}).get("tag")
        return BadInput(
            "this unit needs a kind" if got is None else "there is no such kind of this unit",
            where=f"{where}.kind",
            got="nothing" if got is None else repr(got),
            expected=", ".join(map(repr, kinds)),
            next_step="" if got is None else nearest(str(got), kinds),
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
    message = _with_unit(detail["msg"].removeprefix("Value error, "), keys[-1] if keys else "")
    return BadInput("this value is refused", where=where, got=got, expected=message)


def _place(model: type[BaseModel], keys: list[str]) -> tuple[list[str], type[BaseModel] | None]:
    """The dotted path as the file has it (pydantic adds the kind of a unit), and the model of its last table.

    None where the path leaves the models.
    """
    shown: list[str] = []
    parent: type[BaseModel] | None = model
    choices: list[type[BaseModel]] = []
    free = False  # the next key is the user's own, in a table of tables
    for index, key in enumerate(keys):
        if free:
            shown.append(key)
            free = False
            continue
        kinds = {tag: choice for choice in choices for tag in _tags(choice)}
        if key in kinds:  # no key of the file
            parent, choices = kinds[key], []
            continue
        if len(choices) == 1:
            parent, choices = choices[0], []
        elif choices:
            parent, choices = None, []
        shown.append(key)
        field = parent.model_fields.get(key) if parent else None
        if field is None or index == len(keys) - 1:
            continue
        choices = _models(field.annotation)
        free = typing.get_origin(field.annotation) is dict
    return shown, parent


def _tags(model: type[BaseModel]) -> tuple[str, ...]:
    field = model.model_fields.get("kind")
    return typing.get_args(field.annotation) if field else ()


def _models(annotation: object) -> list[type[BaseModel]]:
    """Every model that an annotation names, at any depth."""
    if isinstance(annotation, type) and not isinstance(annotation, types.GenericAlias):
        return [annotation] if issubclass(annotation, BaseModel) else []
    return [model for part in typing.get_args(annotation) for model in _models(part)]


def _kinds(parent: type[BaseModel] | None, keys: list[str]) -> list[str]:
    """The kinds of the unit at a path whose last table `parent` is; the last key may be the user's own."""
    fields = [parent.model_fields[key] for key in keys[-2:] if parent and key in parent.model_fields]
    return [tag for field in fields for model in _models(field.annotation) for tag in _tags(model)]


def _literals(parent: type[BaseModel] | None, key: str) -> list[str]:
    field = parent.model_fields.get(key) if parent else None
    return [str(choice) for choice in typing.get_args(field.annotation)] if field else []


def _words(annotation: object) -> str:
    if _models(annotation):
        return "a table"
    choices = [repr(choice) for choice in typing.get_args(annotation) if isinstance(choice, str | int)]
    if choices:
        return " or ".join(choices)
    return getattr(annotation, "__name__", "a value")
