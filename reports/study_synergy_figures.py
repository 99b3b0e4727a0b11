"""synergy as figures: the terms of the 2^3 design with their intervals, and the errors at bridge blocks by part."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bittrue.reports.plot_style import COLOURS, INK, plot_style, svg_text
from bittrue.reports.study_synergy_data import (
    COMBINATIONS,
    NONE,
    PARTS,
    RESPONSES,
    WHOLE,
    BlockTerms,
    Effects,
    named,
    term_name,
)


def effects_figure(effects: Sequence[Effects]) -> str:
    """SVG text: a column a response, a row a model and bits; gains with their intervals, and whole against sum."""
    places = list(dict.fromkeys((each.model, each.bits) for each in effects)) or [("", "")]
    with plot_style():
        figure = Figure(figsize=(10.0, 0.6 + 2.4 * len(places)), layout="constrained")
        panels = figure.subplots(len(places), len(RESPONSES), sharey="row", squeeze=False)
        for line, place in zip(panels, places, strict=True):
            for axes, (response, label) in zip(line, RESPONSES.items(), strict=True):
                found = [e for e in effects if (e.model, e.bits) == place and e.response == response]
                for each in found:
                    _draw_effects(axes, each)
                axes.set_title(" ".join(place), loc="left")
                axes.set_xlabel(label)
                axes.grid(axis="x")
        return svg_text(figure)


def _draw_effects(axes: Axes, each: Effects) -> None:
    lines = [(term_name(key), each.terms[key], COLOURS[min(len(key), 3) - 1]) for key in COMBINATIONS[1:]]
    lines += [
        ("whole gain", each.whole, INK),
        ("sum of the three alone", each.parts, INK),
        ("whole less sum", each.excess, COLOURS[3]),
    ]
    for place, (_, found, colour) in enumerate(lines):
        axes.plot([found.low, found.high], [place, place], color=colour, linewidth=1.2)
        axes.plot([found.difference], [place], marker="o", markersize=4, color=colour)
    axes.axvline(0.0, color=INK, linewidth=0.6)
    axes.set_yticks(range(len(lines)), [name for name, _, _ in lines])
    axes.set_ylim(len(lines) - 0.5, -0.5)


def blocks_figure(blocks: Sequence[BlockTerms]) -> str:
    """SVG text: a panel a model and bits; of each block the parts of its error with no option and with all."""
    places = list(dict.fromkeys((block.model, block.bits) for block in blocks)) or [("", "")]
    with plot_style():
        figure = Figure(figsize=(9.6, 0.8 + 2.8 * len(places)), layout="constrained")
        panels = figure.subplots(len(places), 1, squeeze=False).reshape(-1)
        for axes, place in zip(panels, places, strict=True):
            _draw_blocks(axes, [block for block in blocks if (block.model, block.bits) == place])
            axes.set_title(" ".join(place), loc="left")
        figure.supylabel("error, % of each alone with no option", fontsize=8)
        handles, labels = panels[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=6, fontsize=7)
        return svg_text(figure)


def _draw_blocks(axes: Axes, blocks: Sequence[BlockTerms]) -> None:
    """Parts above 0 are stacked upwards, parts below 0 downwards; a mark shows the error of all together."""
    names = list(dict.fromkeys((block.block, block.way) for block in blocks))
    for index, name in enumerate(names):
        held = {block.combination: block for block in blocks if (block.block, block.way) == name}
        for side, combination in ((-0.2, NONE), (0.2, WHOLE)):
            block = held[combination]
            up = down = 0.0
            for place, part in enumerate(PARTS):
                height = 100 * getattr(block, part) / held[NONE].alone
                bottom = up if height > 0 else down
                label = f"{part}, {named(combination)}" if not index else None
                axes.bar(
                    index + side, height, width=0.36, bottom=bottom, color=COLOURS[place], label=label,
                    alpha=0.55 if combination == NONE else 1.0,
                )  # fmt: skip
                up, down = up + max(height, 0.0), down + min(height, 0.0)
            whole = 100 * block.together / held[NONE].alone
            axes.plot([index + side], [whole], marker="D", markersize=3, color=INK)
    axes.axhline(0.0, color=INK, linewidth=0.6)
    labels = [f"{name.removeprefix('stages.').replace('.transformer.0.attn', '')}\n({way})" for name, way in names]
    axes.set_xticks(range(len(names)), labels, fontsize=7)
    axes.grid(axis="y")
