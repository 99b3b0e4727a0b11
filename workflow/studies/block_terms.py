"""The cross terms of Eq. 6 at the bridge blocks of one model, under the plans of all combinations."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from bittrue.calibration.bridge import Bridge, find_bridges
from bittrue.calibration.plan import QuantPlan
from bittrue.reports.study_synergy_data import COMBINATIONS, NONE, PARTS, WHOLE, BlockGain, BlockTerms, Pair
from bittrue.workflow.accuracy.cases import Case
from bittrue.workflow.accuracy.chunks import Chunks
from bittrue.workflow.accuracy.run import CaseRunner
from bittrue.workflow.accuracy.store import digest
from bittrue.workflow.studies.block_errors import DRAWS, block_errors, block_sources, width_of
from bittrue.workflow.studies.factorial import excess, interval_of, sums_by_draw
from bittrue.workflow.studies.inputs import Inputs, evaluation_pixels
from bittrue.workflow.studies.request import SynergyRequest

IMAGES_AT_ONCE = 4
"""In memory with the values and gradients of all their tensors; the images of one file."""
Numbers = NDArray[np.float64]


def block_terms(
    inputs: Inputs, request: SynergyRequest, runner: CaseRunner, bits: str, cases: Sequence[Case]
) -> tuple[list[BlockTerms], list[BlockGain]]:
    """Every bridge block under every plan, and all blocks together; nothing where plans or measurements are missing.

    bits: as tables name them. cases: those of COMBINATIONS, in their order.
    """
    keys = [runner.plan_key(case) for case in cases]
    plans = [plan for plan in map(inputs.store.plan, keys) if plan is not None]
    bridges = find_bridges(runner.model.graph)
    if len(plans) < len(cases) or not bridges:
        return [], []
    kept = _chunks(inputs, runner, keys, plans, bridges)
    if not inputs.measure and kept.missing(request.block_images):
        return [], []
    parts = []
    for index in range(-(-request.block_images // IMAGES_AT_ONCE)):
        inputs.progress(f"bridge blocks of {runner.model.name}", index * IMAGES_AT_ONCE, request.block_images)
        parts.append(np.array(kept[index]))
    inputs.progress(f"bridge blocks of {runner.model.name}", request.block_images, request.block_images)
    found = np.concatenate(parts)[: request.block_images]
    model = runner.model.name
    blocks = list(_terms(model, bits, plans, bridges, found))
    inputs.tell(f"{model} {bits}: {len(bridges)} bridge blocks, {len(found)} images")
    return blocks, list(_gains(model, bits, plans[0], bridges, found))


def _chunks(
    inputs: Inputs, runner: CaseRunner, keys: Sequence[str], plans: Sequence[QuantPlan], bridges: Sequence[Bridge]
) -> Chunks[np.float64]:
    """What `block_errors` says of every image, kept on disk."""
    evaluation = runner.evaluation
    key = digest({"plans": list(keys), "evaluation": evaluation.images.digest, "draws": DRAWS})

    def make(rows: slice) -> Numbers:
        return block_errors(plans, bridges, evaluation_pixels(evaluation, rows), rows.start)

    # Whole files of all images there are, so that a longer study has those of a shorter one.
    return Chunks(inputs.store.folder("blocks", key), len(evaluation.images.paths), make, size=IMAGES_AT_ONCE)


def _split(plan: QuantPlan, bridges: Sequence[Bridge], numbers: Numbers) -> Iterator[tuple[Numbers, Numbers]]:
    """Of every block the products [images, sources, sources] and the error of all together [images]."""
    at = 0
    for bridge in bridges:
        width, count = width_of(plan, bridge), len(block_sources(plan, bridge))
        yield numbers[:, at : at + width - 1].reshape(-1, count, count), numbers[:, at + width - 1]
        at += width


def _columns(products: Numbers, together: Numbers) -> Numbers:
    """alone, cross, beyond and together of every image, [images, 4]."""
    alone = np.trace(products, axis1=1, axis2=2)
    cross = products.sum(axis=(1, 2)) - alone
    return np.stack([alone, cross, together - alone - cross, together], axis=1)


def _terms(
    model: str, bits: str, plans: Sequence[QuantPlan], bridges: Sequence[Bridge], found: Numbers
) -> Iterator[BlockTerms]:
    for index, (combination, plan) in enumerate(zip(COMBINATIONS, plans, strict=True)):
        for bridge, (products, together) in zip(bridges, _split(plan, bridges, found[:, index]), strict=True):
            columns = _columns(products, together)
            sums = sums_by_draw(columns)
            means = columns.mean(axis=0)
            yield BlockTerms(
                *(model, bits, combination, bridge.name, bridge.way, len(found)),
                alone=float(means[0]),
                cross=float(means[1]),
                together=float(means[3]),
                cross_share=interval_of(100 * sums[:, 1] / sums[:, 0]),
                pairs=_pairs(block_sources(plan, bridge), products.mean(axis=0)),
            )


def _pairs(sources: Sequence[str], products: Numbers) -> tuple[Pair, ...]:
    found = [Pair(sources[i], sources[j], 2 * float(products[i, j])) for i, j in combinations(range(len(sources)), 2)]
    return tuple(sorted(found, key=lambda pair: -abs(pair.value)))


def _gains(model: str, bits: str, plan: QuantPlan, bridges: Sequence[Bridge], found: Numbers) -> Iterator[BlockGain]:
    """All blocks of the model added, in percent of what they have together with no option on."""
    columns = [
        sum(_columns(*block) for block in _split(plan, bridges, found[:, index])) for index in range(len(COMBINATIONS))
    ]
    sums = sums_by_draw(np.concatenate(columns, axis=1)).reshape(-1, len(COMBINATIONS), len(PARTS) + 1)
    shares = 100 * sums / sums[:, :1, -1:]
    for at, part in enumerate((*PARTS, "together")):
        # What options take away is a gain.
        gained: Mapping[frozenset[str], Numbers] = {key: -shares[:, i, at] for i, key in enumerate(COMBINATIONS)}
        yield BlockGain(
            *(model, bits, part),
            errors={key: float(shares[0, i, at]) for i, key in enumerate(COMBINATIONS)},
            whole=interval_of(gained[WHOLE] - gained[NONE]),
            excess=interval_of(excess(gained)),
        )
