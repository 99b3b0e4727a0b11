"""Matplotlib figures as inline SVG: equal data give equal bytes, and colours follow the page's theme."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import matplotlib
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.font_manager import fontManager

# Matplotlib knows no CSS variables. Each colour is drawn as a hexadecimal that nothing else uses, and
# replaced by a variable of page.html in the finished text.
INK, MUTED, RULE, ACCENT, WARN = "#010101", "#010102", "#010103", "#010104", "#010105"
BOUND_COLOURS = {"compute": "#010111", "vector": "#010112", "buffer": "#010113", "memory": "#010114"}
_VARIABLES = {
    INK: "--ink",
    MUTED: "--muted",
    RULE: "--rule",
    ACCENT: "--accent",
    WARN: "--warn",
    **{colour: f"--{bound}" for bound, colour in BOUND_COLOURS.items()},
}

_STYLE: dict[Any, Any] = {
    "axes.edgecolor": RULE,
    "axes.labelcolor": MUTED,
    "axes.linewidth": 0.6,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.axisbelow": True,
    "font.family": fontManager.defaultFamily["ttf"],
    "font.size": 8.0,
    "grid.color": RULE,
    "grid.linewidth": 0.5,
    "svg.fonttype": "none",
    "svg.hashsalt": "bittrue",
    "text.color": INK,
    "text.parse_math": False,
    "xtick.color": RULE,
    "xtick.labelcolor": MUTED,
    "ytick.color": RULE,
    "ytick.labelcolor": MUTED,
}


@contextmanager
def page_style() -> Iterator[None]:
    """Draw and save figures for the page inside this block."""
    with matplotlib.rc_context(_STYLE):
        yield


def to_svg(figure: Figure, *, name: str, label: str) -> str:
    """The figure as one <svg> element. `name` is unique on the page, `label` is for screen readers."""
    FigureCanvasSVG(figure)
    buffer = io.StringIO()
    nothing = dict.fromkeys(("Date", "Creator", "Format", "Type"))
    figure.savefig(buffer, format="svg", transparent=True, metadata=nothing)
    text = buffer.getvalue()
    text = text[text.index("<svg ") :]
    for colour, variable in _VARIABLES.items():
        text = text.replace(colour, f"var({variable})")
    # Several figures share a page, and ids are a page's.
    text = re.sub(r'(<[^<>]*? id=")', rf"\g<1>{name}-", text)
    text = re.sub(r'((?:xlink:)?href="#|url\(#)', rf"\g<1>{name}-", text)
    return text.replace("<svg ", f'<svg role="img" aria-label="{label}" ', 1)
