"""The sweep file: which network, which images, which knobs, what for. One TOML file a study; docs/exploration.md.

Refused with BadInput, naming file, key, what was got, what was expected and the nearest known name: everything that
this file says and bittrue does not know. What a knob's values do to hardware is checked in knobs.py.
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from bittrue.hw_configs.refusal import refusal
from bittrue.spec.errors import BadInput

Count = Annotated[int, Field(ge=1)]
Direction = Literal["min", "max"]
SAMPLERS = ("grid", "random", "nsga2", "tpe")


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


class ModelSection(_Section):
    """The network: a timm model that every plan is calibrated from, or one plan that is there already."""

    name: str | None = None
    """timm's name; a knob `model` may change it."""
    weights: str = "pretrained"
    """A .safetensors file, a folder with NAME_*.safetensors, or "pretrained". --weights takes its place."""
    side: Count | None = None
    """Image side in pixels; the model's own where absent."""
    plan: str | None = None
    """A plan written by `bittrue calibrate`; then no knob may be about calibration."""

    @model_validator(mode="after")
    def _one_of_them(self) -> Self:
        if (self.name is None) == (self.plan is None):
            raise ValueError("the model needs a `name` or a `plan`, one of them")
        return self


class ImagesSection(_Section):
    """Image folders; --images and --calibration take their place."""

    evaluation: str | None = None
    count: Count = 32
    """The first of the evaluation order, as in `bittrue bench accuracy`."""
    calibration: str | None = None


class Limit(_Section):
    """What a figure must keep to."""

    min: float | None = None
    max: float | None = None

    @model_validator(mode="after")
    def _limits_something(self) -> Self:
        if self.min is None and self.max is None:
            raise ValueError("a constraint needs `min` or `max`")
        return self

    def excess(self, value: float) -> float:
        """By how much a value is outside; 0 or less where it is inside."""
        below = -float("inf") if self.min is None else self.min - value
        above = -float("inf") if self.max is None else value - self.max
        return max(below, above)


class SamplerSection(_Section):
    """How points are chosen."""

    kind: Literal["grid", "random", "nsga2", "tpe"] = "grid"
    points: Count | None = None
    """How many different points; needed by all but the grid, which has as many as it has."""
    seed: Annotated[int, Field(ge=0)] = 0
    population: Count = 24
    """Of NSGA-II."""
    one_at_a_time: bool = False
    """Whether the base design comes first, and then every knob changed alone: what the sensitivity table compares."""

    @model_validator(mode="after")
    def _knows_its_end(self) -> Self:
        if self.kind != "grid" and self.points is None:
            raise ValueError("a sampler other than the grid needs `points`: it knows no end")
        return self


class FindingSection(_Section):
    """One sentence that the measured rows say.

    "narrowest": the least value of `knob` that, like every one above it, loses at most `within` of `figure` against the
    largest. "cheapest": the point
    with the best `cost` among those whose `figure` is within `within` of the best; without a figure, of all. "budget":
    for each of `shares` the point with the best `figure` that costs at most that share of what the base design costs.
    """

    kind: Literal["narrowest", "cheapest", "budget"]
    figure: str | None = None
    within: Annotated[float, Field(ge=0)] = 0.0
    knob: str | None = None
    cost: str | None = None
    shares: tuple[Annotated[float, Field(gt=0)], ...] = ()
    by: str | None = None
    """Another knob: one sentence for each of its values."""

    @model_validator(mode="after")
    def _has_what_it_needs(self) -> Self:
        if self.kind == "narrowest" and (self.knob is None or self.figure is None):
            raise ValueError('a finding of kind "narrowest" needs `knob` and `figure`')
        if self.kind == "cheapest" and self.cost is None:
            raise ValueError('a finding of kind "cheapest" needs `cost`')
        if self.kind == "budget" and (self.cost is None or self.figure is None or not self.shares):
            raise ValueError('a finding of kind "budget" needs `cost`, `figure` and `shares`')
        return self


class FigureSection(_Section):
    """One figure for documents: y against x, each a knob or a figure."""

    x: str
    y: str
    colour: str | None = None
    """A knob."""
    panel: str | None = None
    """A knob: one panel for each of its values."""


class Sweep(_Section):
    """A whole sweep file."""

    format_version: Literal[1]
    name: Annotated[str, Field(pattern=r"^[a-z0-9_]+$")]
    title: str = ""
    """The question, as one line."""
    model: ModelSection
    images: ImagesSection = ImagesSection()
    design: dict[str, Any] = Field(default_factory=dict)
    """What all points share, by key path."""
    knobs: dict[str, Any]
    """By key path or name."""
    objectives: dict[str, Direction]
    constraints: dict[str, Limit] = Field(default_factory=dict)
    sampler: SamplerSection = SamplerSection()
    findings: tuple[FindingSection, ...] = ()
    figures: tuple[FigureSection, ...] = ()

    @model_validator(mode="before")
    @classmethod
    def _lists_are_tuples(cls, found: Any) -> Any:
        """TOML has arrays only, and strict mode takes no list for a tuple."""
        if not isinstance(found, dict):
            return found
        return {key: _tuples(value) if key in ("findings", "figures") else value for key, value in found.items()}

    @model_validator(mode="after")
    def _asks_something(self) -> Self:
        if not self.objectives:
            raise ValueError('a study needs an objective, such as agreement = "max"')
        if not self.knobs:
            raise ValueError("a study needs a knob")
        return self


def _tuples(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _tuples(inner) for key, inner in value.items()}
    return tuple(_tuples(inner) for inner in value) if isinstance(value, list) else value


def load_sweep(path: Path) -> Sweep:
    """Read a sweep file."""
    try:
        document = tomllib.loads(path.read_bytes().decode())
    except OSError as error:
        raise BadInput(
            "the sweep file cannot be read", where=str(path), got=error.strerror, expected="a file"
        ) from None
    except (ValueError, RecursionError) as error:
        raise BadInput("this is no TOML file", where=str(path), got=str(error), expected="TOML 1.0 in UTF-8") from None
    try:
        return Sweep.model_validate(document)
    except ValidationError as error:
        raise refusal(error, Sweep, path) from None
