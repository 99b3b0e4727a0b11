"""Options that several verbs share, so that they read the same everywhere."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bittrue.spec.errors import BadInput

ProgramFile = Annotated[Path, typer.Argument(metavar="PROGRAM", help="A program written by `bittrue lower`.")]
PlanFile = Annotated[Path, typer.Argument(metavar="PLAN", help="A plan written by `bittrue calibrate`.")]
ImageSource = Annotated[
    Path, typer.Option("--images", help="ImageFolder, flat folder, image file, or a .npy of uint8 [N, 3, H, W].")
]
Limit = Annotated[int | None, typer.Option("--limit", min=1, help="How many images, drawn with --seed; default all.")]
Seed = Annotated[int, typer.Option("--seed", min=0, help="Draws images and samples.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document instead of words.")]
MachineName = Annotated[str, typer.Option("--machine", help="Name of hw_configs/machines, or a TOML file.")]


def names(text: str) -> tuple[str, ...]:
    """A list with commas."""
    return tuple(part.strip() for part in text.split(",") if part.strip())


def whole_number(option: str, text: str) -> int:
    """A number of an option that takes more than numbers."""
    if not text.isdecimal():
        raise BadInput("not a number", where=option, got=text, expected="a whole number")
    return int(text)
