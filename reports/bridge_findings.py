"""What was found at bridge blocks, in sentences made from the numbers: a text cannot be older than its tables."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Mapping, Sequence

from bittrue.reports.accuracy_data import AccuracyRow, Ordering
from bittrue.reports.accuracy_tables import interval_text, said
from bittrue.reports.bridge_data import CODE_HIGH, CODE_LOW, Activation, Bridges, Fit, ZeroPointRow
from bittrue.reports.bridge_tables import decibel, percent

NOTHING = ("Not measured.",)
NAMED = 6
"""Tensors that a sentence lists."""


def findings(found: Bridges) -> dict[str, tuple[str, ...]]:
    """Sentences by topic, one a paragraph."""
    made = {
        "ranges": (_ranges(found, model) for model in found.models),
        "granularity": (_granularity(found, model) for model in found.models),
        "zero points": (_zero_points(found, model) for model in found.models),
        "end to end": _end_to_end(found),
        "schemes": _schemes(found),
    }
    return {topic: tuple(sentences) or NOTHING for topic, sentences in made.items()}


def _ranges(found: Bridges, model: str) -> str:
    """How much wider the widest channel is."""
    known = [each for each in found.of(model) if len(each.channels) > 1 and math.isfinite(each.spread)]
    if not known:
        return f"{model}: no bridge activation has channels."
    most = max(known, key=lambda each: each.spread)
    one_sided = [each for each in known if each.overflowing]
    return (
        f"{model}, {found.calibration_images} calibration images: the widest channel of a bridge activation is "
        f"{statistics.median(each.spread for each in known):.1f} times as wide as the median one in the middle of its "
        f"{len(known)} activations, and {most.spread:.1f} times in `{most.tensor}`. "
        f"{len(one_sided) or 'None'} of them have channels so far on one side of 0 that the zero point is no code."
    )


def _granularity(found: Bridges, model: str) -> str:
    """What a scale a channel is worth, on the images of the ranges and on new ones."""
    known = [each for each in found.of(model) if len(each.channels) > 1]
    if not known:
        return f"{model}: no bridge activation has channels."
    seen, new = ([_gain(each, seen=seen) for each in known] for seen in (True, False))
    most = max(known, key=lambda each: _gain(each, seen=True))
    least = min(known, key=lambda each: _gain(each, seen=False))
    return (
        f"{model}: on the {found.calibration_images} images of the ranges a scale a channel is worth "
        f"{statistics.median(seen):+.2f} dB in the middle of {len(known)} activations, the most in `{most.tensor}` "
        f"({_from_to(most.seen, 'layer', 'channel')}). On {found.images} new images it is worth "
        f"{statistics.median(new):+.2f} dB; {sum(gain < 0 for gain in new)} activations are worse off with it, most so "
        f"`{least.tensor}` ({_from_to(least.fits, 'layer', 'channel')}; of its values "
        f"{percent(least.fits['channel'].clipped)} clip instead of {percent(least.fits['layer'].clipped)}). It is free "
        f"at run time in {sum(each.free for each in known)} of them."
    )


def _gain(each: Activation, *, seen: bool) -> float:
    return each.gain_db("channel", "layer", seen=seen)


def _from_to(fits: Mapping[str, Fit], first: str, second: str) -> str:
    return f"{decibel(fits[first].sqnr_db)} to {decibel(fits[second].sqnr_db)} dB"


def _zero_points(found: Bridges, model: str) -> str:
    """Which zero points are no codes, and what clamping them costs each tensor."""
    known = found.of(model)
    whole = [each.tensor for each in known if each.overflows]
    channels = [channel for each in known for channel in each.overflowing]
    text = (
        f"{model}: with one range a tensor, {len(whole) or 'none'} of {len(known)} bridge activations want a zero "
        f"point outside {CODE_LOW}..{CODE_HIGH}{_listed(whole)}. With a range a channel, {len(channels) or 'none'} of "
        f"{sum(len(each.channels) for each in known)} channels do"
    )
    hit = [each for each in known if each.overflowing]
    if not hit:
        return f"{text}."
    farthest = max((channel.zero_point for channel in channels), key=abs)
    worst = max(hit, key=lambda each: each.gain_db("channel", "channel clamped"))
    return (
        f"{text}, in {len(hit)} activations{_listed([each.tensor for each in hit])}, as far out as {farthest}. Clamped "
        f"to 8 bits they cost most in `{worst.tensor}`: {len(worst.overflowing)} of {len(worst.channels)} channels, "
        f"{_from_to(worst.fits, 'channel', 'channel clamped')}, {percent(worst.fits['channel clamped'].clipped)} of "
        f"the values clipped instead of {percent(worst.fits['channel'].clipped)}. Ranges that are widened to hold 0 "
        f"leave {decibel(worst.fits['channel widened'].sqnr_db)} dB there."
    )


def _listed(names: Sequence[str]) -> str:
    return f" ({', '.join(f'`{name}`' for name in names)})" if names else ""


def _end_to_end(found: Bridges) -> Iterable[str]:
    """What clamping costs the logits."""
    for row in found.zero_points:
        if row.zero_points != "wide" or row.accuracy.figures is None:
            continue
        pairs = [
            each for each in found.zero_point_orderings if (each.model, each.table) == (row.accuracy.model, row.plan)
        ]
        costs = "; ".join(
            f"{each.first.split(' ', 1)[1]} {interval_text(each.sqnr_db)} dB ({said(each.sqnr_db)})" for each in pairs
        )
        yield (
            f"{row.accuracy.model}, {row.plan}: {_past(row)}. Wide zero points leave "
            f"{row.accuracy.figures.sqnr_db:.2f} dB ({row.accuracy.images:,} images); "
            f"{costs or 'nothing to compare them with'}."
        )


def _past(row: ZeroPointRow) -> str:
    """How many zero points are no codes, and where."""
    if row.overflow is None:
        return "the plan is not kept"
    if not row.overflow.counts:
        return "every zero point is a code"
    names = list(row.overflow.counts)
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return (
        f"{row.overflow.zero_points} zero points are no codes, {row.overflow.bridge_zero_points} of them of bridge "
        f"activations ({', '.join(f'`{name}`' for name in names[:NAMED])}{more})"
    )


def _schemes(found: Bridges) -> Iterable[str]:
    """Means over seeds, and how often one scheme is ahead of another."""
    places = dict.fromkeys((row.model, row.bits) for row in found.schemes)
    for model, bits in places:
        rows = [row for row in found.schemes if (row.model, row.bits) == (model, bits)]
        pairs = [each for each in found.scheme_orderings if (each.model, each.bits) == (model, bits)]
        seeds = len({row.seed for row in rows})
        text = f"{model}, {bits}, {rows[0].method}, {seeds} seed{'s' if seeds > 1 else ''}: "
        text += ", ".join(_mean(rows, scheme) for scheme in dict.fromkeys(row.step for row in rows)) + "."
        for first, second in dict.fromkeys((each.first, each.second) for each in pairs):
            text += " " + _judged([each for each in pairs if (each.first, each.second) == (first, second)])
        yield text + _searched(found, model, bits)


def _mean(rows: Sequence[AccuracyRow], scheme: str) -> str:
    known = [row.figures for row in rows if row.step == scheme and row.figures is not None]
    if not known:
        return f"{scheme} refused"
    sqnr, agreement = (statistics.fmean(getattr(f, name) for f in known) for name in ("sqnr_db", "agreement"))
    return f"{scheme} {sqnr:.2f} dB and {percent(agreement)} agreement"


def _judged(pairs: Sequence[Ordering]) -> str:
    names = [name.split(" ", 1)[1] for name in (pairs[0].first, pairs[0].second)]
    signs = [said(each.sqnr_db) for each in pairs]
    counted = ", ".join(f"{word} in {signs.count(word)}" for word in ("ahead", "behind", "unclear") if word in signs)
    mean = statistics.fmean(each.sqnr_db.difference for each in pairs)
    return f"By SQNR {names[0]} is {mean:+.2f} dB from {names[1]}: {counted}."


def _searched(found: Bridges, model: str, bits: str) -> str:
    choices = [scheme for each in found.chosen if (each.model, each.bits) == (model, bits) for scheme in each.schemes]
    if not choices:
        return ""
    return f" The search made {choices.count('symmetric')} of {len(choices)} bridge activations symmetric."
