"""What a package holds besides .npy and .mem: which derived formats, and in which order and packing."""

from __future__ import annotations

from typing import get_args

from pydantic import Field

from bittrue.golden.vectors.layout import layout_of
from bittrue.golden.vectors.stream import StreamChoice
from bittrue.golden.vectors.values import Format, Model
from bittrue.spec.errors import BadInput

FORMATS: tuple[str, ...] = ("mem", *get_args(Format), "tosa")
"""What `--format` takes; .mem is always there."""


class Extras(Model):
    """See the module docstring. As it was asked for; each value says what it has."""

    formats: tuple[Format, ...] = ()
    tosa: bool = False
    stream: StreamChoice = Field(default_factory=StreamChoice)

    @classmethod
    def of(cls, formats: tuple[str, ...], stream: StreamChoice | None = None) -> Extras:
        """From names; raises BadInput for an unknown format or layout."""
        unknown = [name for name in formats if name not in FORMATS]
        if unknown:
            raise BadInput("unknown format", where="--format", got=unknown[0], expected=", ".join(FORMATS))
        chosen = stream or StreamChoice()
        layout_of(chosen.layout, (1,))  # refuses an unknown one before any work
        return cls(
            formats=tuple(name for name in get_args(Format) if name in formats), tosa="tosa" in formats, stream=chosen
        )


PLAIN = Extras()
