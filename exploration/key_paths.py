"""Key paths: one dotted name for everything of a design that a study may set.

    model                          timm's name
    datapath, machine, supply      a packaged name, or a TOML file beside the sweep file
    calibration.KEY                a field of CalibrationOptions, or `images`: how many calibrate
    calibration.layers.PATTERN.weight_bits, .activation_bits
    datapath.KEY.KEY, machine.KEY.KEY
                                   a key of that TOML file; a table replaces a whole section, "@NAME" takes the
                                   section of the packaged NAME, "@none" leaves it out

Hardware is changed as a document and read again by the models of spec/, so that keys which they gain are known here.
"""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal, TypeVar, get_args, get_origin

from pydantic import BaseModel, ValidationError

from bittrue.calibration.options import CalibrationOptions
from bittrue.hw_configs.load import load_datapath, load_machine
from bittrue.hw_configs.refusal import nearest, refusal
from bittrue.spec.datapath import Datapath
from bittrue.spec.errors import BadInput
from bittrue.spec.machine import Machine

Hardware = Literal["datapath", "machine"]
MODELS: Mapping[str, type[BaseModel]] = {"datapath": Datapath, "machine": Machine}
WHOLE = ("model", "datapath", "machine", "supply")
LAYERS = "calibration.layers."
LAYER_KEYS = ("weight_bits", "activation_bits")
IMAGES = "calibration.images"
FROM, NOTHING = "@", "@none"

Model = TypeVar("Model", bound=BaseModel)


def flattened(table: Mapping[str, Any], *, is_value: Any) -> dict[str, Any]:
    """A table whose bare tables became dotted keys, as TOML's own dotted keys make them; is_value: tells a table that
    is a value from one that is part of a path."""
    found: dict[str, Any] = {}
    for key, value in table.items():
        if isinstance(value, dict) and "." not in key and not is_value(value):
            found |= {f"{key}.{inner}": each for inner, each in flattened(value, is_value=is_value).items()}
        else:
            found[key] = value
    return found


def layer_of(path: str) -> tuple[str, str] | None:
    """Pattern and key of a path about layers; None for any other. A pattern may have dots."""
    if not path.startswith(LAYERS):
        return None
    pattern, _, key = path.removeprefix(LAYERS).rpartition(".")
    if not pattern or key not in LAYER_KEYS:
        raise BadInput(
            "no such key of a layer",
            where=path,
            got=key,
            expected=f"{LAYERS}PATTERN.weight_bits or .activation_bits",
            next_step=nearest(key, LAYER_KEYS),
        )
    return pattern, key


def check_path(path: str) -> None:
    """Refuse a path whose first part is unknown, and a calibration key that does not exist."""
    first, _, rest = path.partition(".")
    if path in WHOLE or (first in MODELS and rest) or layer_of(path):
        return
    known = [f"calibration.{field.name}" for field in dataclasses.fields(CalibrationOptions)] + [IMAGES]
    if path in known:
        return
    raise BadInput(
        "this knob does not exist",
        where="knobs",
        got=path,
        expected=f"{', '.join(WHOLE)}, or a key path: calibration.KEY, datapath.KEY, machine.KEY",
        next_step=nearest(path, [*WHOLE, *known, *(name for name, _ in known_paths())]),
    )


def changed(document: dict[str, Any], path: str, value: object, why: str) -> None:
    """Set one key of a hardware document, the path without its first part. A number of a machine gets `why` for its
    source, where it had another."""
    *parents, last = path.split(".")
    place = document
    for part in parents:
        inner = place.get(part)
        if inner is None:
            inner = place[part] = {}
        if not isinstance(inner, dict):
            raise BadInput("this key is no table", where=path, got=part)
        place = inner
    if value == NOTHING:
        place.pop(last, None)
        return
    place[last] = copy.deepcopy(value)
    if isinstance(place.get("source"), dict) and type(value) in (int, float):
        place["source"][last] = why


def section_of(kind: Hardware, path: str, reference: str) -> object:
    """The section of another packaged description that "@NAME" means."""
    name = reference.removeprefix(FROM)
    loaded: BaseModel = load_datapath(name) if kind == "datapath" else load_machine(name)
    found: Any = loaded.model_dump(mode="json")
    for part in path.split("."):
        found = found.get(part) if isinstance(found, dict) else None
    if found is None:
        raise BadInput("that description has no such section", where=f"{kind}.{path}", got=reference)
    return found


def read_again(kind: Hardware, model: type[Model], document: Mapping[str, Any]) -> Model:
    """A changed document as the model reads it. Raises BadInput as for a file."""
    try:
        return model.model_validate(document)
    except ValidationError as error:
        raise refusal(error, model, Path(kind)) from None


def known_paths() -> Iterator[tuple[str, str]]:
    """Every key path of hardware and calibration, with its type in words; a unit's keys stand behind its kind."""
    for kind, model in MODELS.items():
        for path, words in _keys(model):
            yield f"{kind}.{path}", words
    for field in dataclasses.fields(CalibrationOptions):
        yield f"calibration.{field.name}", str(field.type)
    yield IMAGES, "int"
    for key in LAYER_KEYS:
        yield f"{LAYERS}PATTERN.{key}", "int"


def _keys(model: type[BaseModel]) -> Iterator[tuple[str, str]]:
    for name, field in model.model_fields.items():
        if name in ("format_version", "source", "name", "description"):
            continue
        inner = _models(field.annotation)
        if not inner:
            yield name, _words(field.annotation)
            continue
        middle = f"{name}.*" if get_origin(field.annotation) is dict else name
        seen: set[str] = set()
        for each in inner:
            for path, words in _keys(each):
                if path not in seen:
                    seen.add(path)
                    yield f"{middle}.{path}", words


def _models(annotation: object) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and get_origin(annotation) is None:
        return [annotation] if issubclass(annotation, BaseModel) else []
    return [model for part in get_args(annotation) for model in _models(part)]


def _words(annotation: object) -> str:
    if get_origin(annotation) is Literal:
        return " | ".join(map(repr, get_args(annotation)))
    arguments = [argument for argument in get_args(annotation) if argument is not type(None)]
    if arguments and get_origin(annotation) is not tuple:
        return " | ".join(dict.fromkeys(_words(part) for part in arguments if not hasattr(part, "metadata")))
    return getattr(annotation, "__name__", str(annotation))
