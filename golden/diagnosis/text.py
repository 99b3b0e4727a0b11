"""A diagnosis as lines of text, for a terminal or a log."""

from __future__ import annotations

from collections.abc import Iterator

from bittrue.golden.diagnosis.causes import Cause
from bittrue.golden.diagnosis.diagnose import Diagnosis
from bittrue.golden.diagnosis.mismatches import MismatchDetail


def mismatch_line(set_name: str, found: MismatchDetail) -> str:
    """One line, as the benches print it: set, stage, index, expected, actual, then the operands."""
    actual = found.actual.hex if found.actual.decimal is None else f"{found.actual.hex}({found.actual.decimal})"
    operands = " ".join(f"{name}={value}" for name, value in found.operands.items() if name != found.stage)
    return (
        f"MISMATCH layer={set_name} stage={found.stage} idx={found.index} at={list(found.coordinate)} "
        f"exp={found.expected.hex}({found.expected.decimal}) act={actual} {operands}"
    )


def cause_line(cause: Cause) -> str:
    """A cause in one sentence."""
    share = f"all {cause.of_sets}" if cause.whole else f"{cause.sets} of {cause.of_sets}"
    return f"{cause.unit}: {cause.says} [{cause.rule}]; explains every word of {share} that differ"


def lines(diagnosis: Diagnosis) -> Iterator[str]:
    """The whole diagnosis, the verdict first."""
    yield f"package {diagnosis.package}"
    yield f"set {diagnosis.set_name}, unit {diagnosis.unit}"
    before = (
        f"all earlier ones matched: {', '.join(diagnosis.equal_stages)}" if diagnosis.equal_stages else "none before it"
    )
    yield f"first divergent stage: {diagnosis.stage} ({before})"
    if diagnosis.not_dumped:
        yield f"not dumped: {', '.join(diagnosis.not_dumped)}"
    for stage, count in diagnosis.differing.items():
        yield f"  {stage}: {count:,} of {diagnosis.words[stage]:,} words differ"
    yield from (f"hint: {hint}" for hint in diagnosis.hints)
    if diagnosis.only_bins:
        yield f"exactly the vectors of these bins differ: {', '.join(diagnosis.only_bins)}"
    for what, table in diagnosis.by.items():
        if table:
            yield f"by {what}: " + ", ".join(f"{name} {count:,}" for name, count in table.items() if count)
    for found in diagnosis.first:
        yield mismatch_line(diagnosis.set_name, found)
        if found.difference is not None:
            yield f"  difference {found.difference:+}, xor {found.xor}" + (f"; {found.place}" if found.place else "")
        if found.rounded_from:
            yield f"  rounded from {found.rounded_from}" + (f"; at its {found.limited} limit" if found.limited else "")
    complete = [found for found in diagnosis.explanations if found.complete]
    if complete:
        yield "every word that the design made comes out if"
        yield from (f"  {found.says}   [{found.rule}]" for found in complete)
    elif diagnosis.explanations:
        yield "no rule explains every word; nearest:"
        yield from (
            f"  {found.says}   [{found.rule}]: {found.mismatches:,} of {found.of_mismatches:,} mismatches explained, "
            f"{found.of_words - found.words:,} words differ from it"
            for found in diagnosis.explanations
        )
    else:
        yield "no rule that was tried explains the mismatches"
