"""A design: everything that a point is made of, put together from what the study shares and what its knobs say.

Values by key path are applied from the whole to the part: the packaged description first, then sections, then single
keys; so that a knob over `datapath.softmax` and one over a key of it meet in the order that one expects.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from bittrue.calibration.options import METHOD_NAMES, CalibrationOptions
from bittrue.exploration.key_paths import FROM, IMAGES, NOTHING, changed, layer_of, read_again, section_of
from bittrue.exploration.knobs import Knob, Label
from bittrue.hw_configs.load import load_datapath, load_machine
from bittrue.spec.datapath import Datapath
from bittrue.spec.errors import BadInput, BittrueError
from bittrue.spec.machine import HwConfig, Machine

DEFAULTS: Mapping[str, Any] = {"datapath": "iot_npu", "machine": "iot_npu", IMAGES: 32}
UNNAMED = ("name", "description", "source")
"""What a description says of itself decides nothing."""
PROBABILITIES = "datapath.mac.probability_bits_max"
_OPTIONS = TypeAdapter(CalibrationOptions)


@dataclass(frozen=True)
class LayerWidth:
    """Bits of the layers of one pattern: calibration/layer_bits.py, without what it imports."""

    pattern: str
    weight_bits: int | None = None
    activation_bits: int | None = None


@dataclass(frozen=True)
class Calibration:
    """How a plan is made."""

    options: CalibrationOptions
    images: int
    layers: tuple[LayerWidth, ...]


@dataclass(frozen=True)
class Design:
    """One point, complete."""

    model: str
    """timm's name; of a study of one plan the plan's."""
    calibration: Calibration
    datapath: Datapath
    machine: Machine

    def document(self) -> dict[str, Any]:
        """As JSON: what travels to a worker."""
        return {
            "model": self.model,
            "calibration": dataclasses.asdict(self.calibration),
            "datapath": self.datapath.model_dump(mode="json"),
            # Keys that the machine leaves out stay out: every number that is given needs a source.
            "machine": self.machine.model_dump(mode="json", exclude_unset=True),
        }

    def identity(self) -> dict[str, Any]:
        """What decides a figure: two designs that are equal here are one point, however they were reached."""
        whole = {**self.document(), "machine": self.machine.model_dump(mode="json")}
        plain: dict[str, Any] = _without(whole, UNNAMED)
        return plain

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> Design:
        """Read what `document` wrote."""
        given = document["calibration"]
        calibration = Calibration(
            _OPTIONS.validate_python(given["options"]),
            given["images"],
            tuple(LayerWidth(**each) for each in given["layers"]),
        )
        return cls(
            document["model"],
            calibration,
            Datapath.model_validate(document["datapath"]),
            Machine.model_validate(document["machine"]),
        )


@dataclass(frozen=True)
class Designs:
    """Makes designs from values of knobs."""

    shared: Mapping[str, Any]
    """By key path, the model's name included."""
    knobs: tuple[Knob, ...]
    folder: Path
    """Hardware files count from here."""
    study: str

    def design(self, chosen: Mapping[str, Label]) -> Design:
        """The design of one value for each knob. Raises BittrueError for a combination that cannot be."""
        values = {**DEFAULTS, **self.shared}
        for knob in self.knobs:
            values |= knob.setting(chosen[knob.name])
        datapath, machine = self._datapath(values), self._machine(values)
        HwConfig(name=self.study, datapath=datapath, machine=machine)  # refuses a misfit
        return Design(str(values["model"]), _calibration(values), datapath, machine)

    def base(self) -> dict[str, Label]:
        """The shared design's own value of each knob, where the knob has it; else the knob's first."""
        values = {**DEFAULTS, **self.shared}
        for kind, document in (
            ("calibration", dataclasses.asdict(_calibration(values).options)),
            ("datapath", self._datapath(values).model_dump(mode="json")),
            ("machine", self._machine(values).model_dump(mode="json")),
        ):
            values = {**{f"{kind}.{path}": value for path, value in _leaves(document)}, **values}
        return {knob.name: knob.base(values) for knob in self.knobs}

    def _datapath(self, values: Mapping[str, Any]) -> Datapath:
        datapath = load_datapath(self._place(values["datapath"]))
        if "supply" in values:
            datapath = datapath.supplied_by(load_datapath(self._place(values["supply"])))
        set_here = _below("datapath", values)
        if not set_here:
            return datapath
        document = datapath.model_dump(mode="json")
        for path, value in set_here:
            given = _given("datapath", path, value)
            changed(document, path, given, self._why)
            if path == "softmax" and str(value).startswith(FROM) and value != NOTHING and PROBABILITIES not in values:
                other = load_datapath(str(value).removeprefix(FROM)).mac.probability_bits_max
                document["mac"]["probability_bits_max"] = max(document["mac"]["probability_bits_max"], other)
        return read_again("datapath", Datapath, document)

    def _machine(self, values: Mapping[str, Any]) -> Machine:
        machine = load_machine(self._place(values["machine"]))
        set_here = _below("machine", values)
        if not set_here:
            return machine
        document = machine.model_dump(mode="json", exclude_unset=True)
        for path, value in set_here:
            changed(document, path, _given("machine", path, value), self._why)
        return read_again("machine", Machine, document)

    def _place(self, text: object) -> str | Path:
        """A packaged name, or a file that counts from the sweep's folder."""
        name = str(text)
        return self.folder / name if name.endswith(".toml") or "/" in name else name

    @property
    def _why(self) -> str:
        return f"assumption: a knob of study {self.study}"


def check_values(designs: Designs, where: Path) -> None:
    """Refuse a knob with a value that no design can have, before anything is measured.

    A value that one description refuses may be fine beside another value of another knob (a key of a softmax that only
    one kind has): each value is tried in the base design, and, where that refuses, beside every value of the knobs
    that set a whole description or section around it. What only a combination refuses is a point that says so.
    """
    base = designs.base()
    for knob in designs.knobs:
        around = [other for other in designs.knobs if other is not knob and _encloses(other, knob)]
        for label in knob.labels:
            refused = _first_refusal(designs, {**base, knob.name: label}, around)
            if refused is not None:
                raise refused.at(f"{where}: knobs.{knob.name} = {label}")


def _first_refusal(designs: Designs, chosen: Mapping[str, Label], around: Sequence[Knob]) -> BittrueError | None:
    tries = [chosen, *({**chosen, other.name: label} for other in around for label in other.labels)]
    first: BittrueError | None = None
    for each in tries:
        try:
            designs.design(each)
            return None
        except BittrueError as error:
            first = first or error
    return first


def _encloses(outer: Knob, inner: Knob) -> bool:
    paths = {path for setting in outer.settings for path in setting}
    below = {path for setting in inner.settings for path in setting}
    return any(path.startswith(f"{around}.") for path in below for around in paths) or any(
        around.partition(".")[0] == path.partition(".")[0] for path in below for around in paths
    )


def _below(kind: str, values: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """Values by the rest of their paths, sections before what is in them."""
    found = [(path.partition(".")[2], value) for path, value in values.items() if path.startswith(f"{kind}.")]
    return sorted(found, key=lambda item: (item[0].count("."), item[0]))


def _leaves(document: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for key, value in document.items():
        if isinstance(value, dict):
            yield from ((f"{key}.{path}", inner) for path, inner in _leaves(value))
        else:
            yield key, value


def _given(kind: Any, path: str, value: object) -> object:
    if isinstance(value, str) and value.startswith(FROM) and value != NOTHING:
        return section_of(kind, path, value)
    return value


def _calibration(values: Mapping[str, Any]) -> Calibration:
    layers: dict[str, dict[str, Any]] = {}
    options: dict[str, Any] = {}
    for path, value in values.items():
        layer = layer_of(path)
        if layer is not None:
            layers.setdefault(layer[0], {})[layer[1]] = value
        elif path.startswith("calibration.") and path != IMAGES:
            options[path.removeprefix("calibration.")] = value
    try:
        found = _OPTIONS.validate_python(options)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(["calibration", *map(str, first["loc"])])
        raise BadInput(first["msg"], where=where, got=repr(first["input"])) from None
    found.check(METHOD_NAMES)
    for pattern, widths in layers.items():
        for key, bits in widths.items():
            if type(bits) is not int or not 2 <= bits <= 16:
                raise BadInput("a width is out of range", where=f"layers {pattern}: {key}", got=bits, expected="2..16")
    count = values[IMAGES]
    if type(count) is not int or count < 1:
        raise BadInput("not a number of images", where=IMAGES, got=count, expected="1 or more")
    return Calibration(found, count, tuple(LayerWidth(pattern, **widths) for pattern, widths in layers.items()))


def _without(value: Any, keys: Sequence[str]) -> Any:
    if isinstance(value, dict):
        return {key: _without(inner, keys) for key, inner in value.items() if key not in keys}
    if isinstance(value, list | tuple):
        return [_without(inner, keys) for inner in value]
    return value
