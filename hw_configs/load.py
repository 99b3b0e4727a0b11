"""Read hardware descriptions: a packaged one by its name, or a TOML file by its path.

Refused with BadInput: unknown names, unreadable files, and every key or value that spec/datapath.py or
spec/machine.py does not know; with IllFormed: a datapath and a machine that do not fit together.
"""

from __future__ import annotations

import tomllib
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from bittrue.hw_configs.inherit import INHERITS, inherited
from bittrue.hw_configs.refusal import nearest, refusal
from bittrue.spec.datapath import Datapath
from bittrue.spec.errors import BadInput, BittrueError
from bittrue.spec.machine import HwConfig, Machine

Kind = Literal["datapaths", "machines", "configs"]
Model = TypeVar("Model", bound=BaseModel)


class _Pair(BaseModel):
    """configs/*.toml: which datapath and which machine; names, or paths beside the file."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    format_version: Literal[1]
    name: str
    datapath: str
    machine: str


def names(kind: Kind) -> tuple[str, ...]:
    """Names of the packaged descriptions of one kind, in alphabetical order."""
    found = [entry.name for entry in _folder(kind).iterdir() if entry.name.endswith(".toml")]
    return tuple(sorted(name.removesuffix(".toml") for name in found))


def load_datapath(name_or_path: str | Path) -> Datapath:
    """The datapath of a packaged name ("iot_npu") or of a TOML file ("my/npu.toml")."""
    return _load("datapaths", name_or_path, Datapath)


def load_machine(name_or_path: str | Path) -> Machine:
    """The machine of a packaged name or of a TOML file."""
    return _load("machines", name_or_path, Machine)


def load_config(name_or_path: str | Path) -> HwConfig:
    """The datapath and the machine of a packaged config's name or of a TOML file.

    In a file of your own, `datapath` and `machine` are packaged names or paths relative to that file.
    """
    pair, path = _load("configs", name_or_path, _Pair), _file_of("configs", name_or_path)
    try:
        datapath = load_datapath(_beside(path, pair.datapath))
        machine = load_machine(_beside(path, pair.machine))
        return HwConfig(pair.name, datapath, machine)
    except BittrueError as error:
        raise error.at(str(path)) from None


def whole_description(kind: Kind, name_or_path: str | Path) -> dict[str, Any]:
    """The keys of a description as TOML has them, what it inherits included; unchecked."""
    path = _file_of(kind, name_or_path)
    return inherited(_toml(path, kind), str(path), lambda here, name: _parent(kind, here, name))


def kind_of(path: Path) -> Kind:
    """What a file describes, by its keys or by what it inherits."""
    table = _toml(path, "machines")
    if "datapath" in table and "machine" in table:
        return "configs"
    if "mac" in table:
        return "datapaths"
    parent = table.get(INHERITS)
    if isinstance(parent, str):
        beside = _beside(path, parent)
        if isinstance(beside, Path):
            return kind_of(beside)
        if parent in names("datapaths") and parent not in names("machines"):
            return "datapaths"
    return "machines"


def _load(kind: Kind, name_or_path: str | Path, model: type[Model]) -> Model:
    shown = Path(str(_file_of(kind, name_or_path)))
    table = whole_description(kind, name_or_path)
    try:
        return model.model_validate(table)
    except ValidationError as error:
        raise refusal(error, model, shown) from None


def _parent(kind: Kind, here: str, name: str) -> tuple[str, dict[str, Any]]:
    """The file that the one at `here` inherits from."""
    try:
        found = _file_of(kind, _beside(Path(here), name))
    except BadInput as error:
        raise error.at(f"{here}: {INHERITS}") from None
    return str(found), _toml(found, kind)


def _file_of(kind: Kind, name_or_path: str | Path) -> Traversable:
    """A Path, or a name that ends in .toml or has a folder in it, is a file; any other is a packaged name."""
    text = str(name_or_path)
    if isinstance(name_or_path, Path) or text.endswith(".toml") or "/" in text or "\\" in text:
        return Path(text)
    known = names(kind)
    if text not in known:
        raise BadInput(
            f"there is no packaged description of this name in {kind}",
            got=text,
            expected=f"one of {', '.join(known)}, or the path of a .toml file",
            next_step=nearest(text, known),
        )
    return _folder(kind).joinpath(f"{text}.toml")


def _folder(kind: Kind) -> Traversable:
    return files("bittrue.hw_configs").joinpath(kind)


def _beside(config: Traversable | Path, text: str) -> str | Path:
    """A path inside a user's file counts from that file's folder."""
    is_path = text.endswith(".toml") or "/" in text
    return Path(str(config)).parent / text if is_path else text


def _toml(path: Traversable, kind: Kind) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_bytes().decode())
    except OSError as error:
        raise BadInput(
            "this file cannot be read",
            where=str(path),
            got=error.strerror,
            expected=f"a TOML file, or a packaged name: {', '.join(names(kind))}",
        ) from None
    except (ValueError, RecursionError) as error:  # not UTF-8, not TOML, or an integer past what Python parses
        raise BadInput("this is no TOML file", where=str(path), got=str(error), expected="TOML 1.0 in UTF-8") from None
