"""How standalone figures look: on white, thin rules, colours that the colour-blind tell apart."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import matplotlib
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#7a5195", "#555555", "#8c564b")
INK, RULE = "#24292f", "#c8ccd0"
_STYLE: dict[Any, Any] = {
    "axes.axisbelow": True,
    "axes.edgecolor": RULE,
    "axes.labelcolor": INK,
    "axes.linewidth": 0.6,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlesize": 8.0,
    "figure.facecolor": "white",
    "font.family": "DejaVu Sans",
    "font.size": 8.0,
    "grid.color": RULE,
    "grid.linewidth": 0.4,
    "legend.frameon": False,
    "svg.fonttype": "none",
    "svg.hashsalt": "bittrue",
    "text.color": INK,
    "text.parse_math": False,
    "xtick.color": INK,
    "ytick.color": INK,
}


@contextmanager
def plot_style() -> Iterator[None]:
    """Draw and save figures inside this block."""
    with matplotlib.rc_context(_STYLE):
        yield


def svg_text(figure: Figure) -> str:
    """Standalone, on white; coordinates to a tenth of a point keep it small, and equal data give equal bytes.

    Words between the tags are left as they are.
    """
    FigureCanvasSVG(figure)
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", metadata=dict.fromkeys(("Date", "Creator", "Format", "Type")))
    short = re.sub(r"<[^>]+>", lambda tag: re.sub(r"(\d\.\d)\d+", r"\1", tag[0]), buffer.getvalue())
    return re.sub(r"\n +", "\n", short)
