"""synergy as tables and sentences: the eight combinations, their effects, and the cross terms at bridge blocks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bittrue.reports.accuracy_data import Interval
from bittrue.reports.accuracy_tables import METRICS, Table
from bittrue.reports.study import StudyReport, interval, spread
from bittrue.reports.study_synergy_data import (
    COMBINATIONS,
    NONE,
    PARTS,
    RESPONSES,
    WHOLE,
    BlockGain,
    BlockTerms,
    Combination,
    Effects,
    Synergy,
    named,
    term_name,
)
from bittrue.reports.study_synergy_figures import blocks_figure, effects_figure

SHOWN = {"sqnr": 2, "agreement": 2, "drop": 2}
"""Metrics that have a table of the eight combinations, and their decimals."""
TABLES = (*SHOWN, *(f"effects, {response}" for response in RESPONSES), "blocks", "blocks by combination")


def synergy_report(synergy: Synergy) -> StudyReport:
    """Rows without figures are refusals, and stand in the CSV alone."""
    tables = {metric: _networks(synergy, metric) for metric in SHOWN}
    for response in RESPONSES:
        tables[f"effects, {response}"] = _effects([e for e in synergy.effects if e.response == response], response)
    tables["blocks"] = _blocks(synergy.blocks)
    tables["blocks by combination"] = _gains(synergy.gains)
    return StudyReport(
        tables=tables,
        found=(*map(_said_of_effects, synergy.effects), *_said_of_blocks(synergy)),
        figures={
            "study_synergy_effects.svg": effects_figure(synergy.effects),
            "study_synergy_blocks.svg": blocks_figure(synergy.blocks),
        },
        records={
            "synergy": [row.record() for _, row in synergy.rows],
            "synergy_effects": [record for each in synergy.effects for record in each.records()],
            "synergy_blocks": [block.record() for block in synergy.blocks],
            "synergy_pairs": [record for block in synergy.blocks for record in block.pair_records()],
            "synergy_gains": [gain.record() for gain in synergy.gains],
        },
    )


def _networks(synergy: Synergy, metric: str) -> Table:
    """A line for each bits and combination, a column for each model."""
    known = [(combination, row) for combination, row in synergy.rows if row.figures is not None]
    models = tuple(dict.fromkeys(row.model for _, row in known))
    lines = []
    for bits, combination in dict.fromkeys((row.bits, combination) for combination, row in known):
        some = [row for held, row in known if (row.bits, held) == (bits, combination)]
        cells = [
            spread([METRICS[metric].value(r.figures) for r in some if r.model == m and r.figures], SHOWN[metric])
            for m in models
        ]
        lines.append((bits, named(combination), *cells, str(len({row.seed for row in some})), f"{some[0].images:,}"))
    return Table(f"Synergy: {METRICS[metric].title}", ("bits", "options", *models, "seeds", "images"), tuple(lines))


def _effects(effects: Sequence[Effects], response: str) -> Table:
    """A line for each term, whole, sum and excess; as gained from none, and as factorial effect."""
    lines = []
    for each in effects:
        place = (each.model, each.bits)
        for key in COMBINATIONS[1:]:
            lines.append((*place, term_name(key), interval(each.terms[key]), interval(each.factorial[key])))
        for name, found in (
            ("whole gain", each.whole),
            ("sum of the three alone", each.parts),
            ("whole less sum", each.excess),
        ):
            lines.append((*place, name, interval(found), ""))
    columns = ("model", "bits", "term", "gain", "factorial effect")
    return Table(f"Synergy: gains in {RESPONSES[response]}, 95 % intervals", columns, tuple(lines))


def _blocks(blocks: Sequence[BlockTerms]) -> Table:
    """Every block with no option and with all."""
    lines = []
    for block in blocks:
        if block.combination in (NONE, WHOLE):
            pair = block.pairs[0]
            lines.append(
                (
                    *(block.model, block.bits, named(block.combination), block.way, block.block),
                    f"{block.together:.3g}",
                    f"{100 * block.together / block.alone - 100:+.1f}",
                    interval(block.cross_share, 1),
                    f"{100 * block.beyond / block.alone:+.1f}",
                    f"{pair.first} with {pair.second}",
                    f"{100 * pair.value / block.alone:+.1f}",
                )
            )
    columns = (
        "model", "bits", "options", "way", "block", "error together", "together less alone, %", "cross terms, %",
        "beyond, %", "largest cross term", "its share, %",
    )  # fmt: skip
    return Table("Synergy: errors at bridge blocks, percent of the sum of each alone", columns, tuple(lines))


def _gains(gains: Sequence[BlockGain]) -> Table:
    lines = tuple(
        (
            *(gain.model, gain.bits, gain.part),
            *(f"{gain.errors[key]:.1f}" for key in COMBINATIONS),
            interval(gain.whole, 1),
            interval(gain.excess, 1),
        )
        for gain in gains
    )
    columns = ("model", "bits", "part", *map(named, COMBINATIONS), "whole gain", "whole less sum")
    return Table("Synergy: errors of all bridge blocks, percent of those with no option", columns, lines)


def _said_of_effects(each: Effects) -> str:
    said = {
        1: "exceeds the sum of its parts",
        -1: "falls short of the sum of its parts",
        0: "cannot be told from the sum of its parts",
    }
    largest = _largest({key: found for key, found in each.terms.items() if len(key) > 1})
    return (
        f"{each.model}, {each.bits}, {RESPONSES[each.response]} ({each.images:,} images, seeds: {each.seeds}): all "
        f"three bring {interval(each.whole)}, alone they add up to {interval(each.parts)}; the whole "
        f"{said[each.excess.sign]} ({interval(each.excess)}), and the largest interaction is {term_name(largest)} "
        f"({interval(each.terms[largest])})."
    )


def _largest(terms: Mapping[Combination, Interval]) -> Combination:
    return max(terms, key=lambda key: abs(terms[key].difference))


def _said_of_blocks(synergy: Synergy) -> list[str]:
    """For every model and bits: how large the cross terms are, whose, and what they have of the excess."""
    sentences = []
    for model, bits in dict.fromkeys((gain.model, gain.bits) for gain in synergy.gains):
        gains = {gain.part: gain for gain in synergy.gains if (gain.model, gain.bits) == (model, bits)}
        plain = [b for b in synergy.blocks if (b.model, b.bits, b.combination) == (model, bits, NONE)]
        far = max(plain, key=lambda block: abs(block.cross_share.difference))
        first = max(PARTS, key=lambda part: abs(gains[part].excess.difference))
        pair, together = far.pairs[0], gains["together"]
        sentences.append(
            f"{model}, {bits}, bridge blocks ({far.images:,} images): of the error with no option, "
            f"{_parts_of(gains, NONE)}; with all options, {_parts_of(gains, WHOLE)}. The cross terms weigh most in "
            f"{far.block} (way {far.way}: {interval(far.cross_share, 1)} % of the sum of each alone), there "
            f"{pair.first} with {pair.second}. All options take away {interval(together.whole, 1)} points of the block "
            f"error, which less the sum of what each takes away alone is {interval(together.excess, 1)}; the part "
            f'"{first}" has {interval(gains[first].excess, 1)} of that.'
        )
    return sentences


def _parts_of(gains: Mapping[str, BlockGain], combination: Combination) -> str:
    alone, cross, beyond = (gains[part].errors[combination] for part in PARTS)
    return f"{alone:.1f} % is of each source alone, {cross:+.1f} % of cross terms and {beyond:+.1f} % beyond them"
