"""The 2^3 design: terms, factorial effects and what the whole has beyond its parts."""

from __future__ import annotations

import math

import numpy as np
import pytest

from bittrue.reports.study_synergy_data import COMBINATIONS, NONE, OPTIONS, WHOLE, Combination, named
from bittrue.workflow.accuracy.bootstrap import Paired
from bittrue.workflow.accuracy.measure import PerImage
from bittrue.workflow.studies.factorial import effects, excess, term

IMAGES = 40
B, G, S = (frozenset([name]) for name in OPTIONS)


def network(noise: np.ndarray, agreed: np.ndarray | None = None) -> PerImage:
    """Images of signal 1."""
    zeros = np.zeros(len(noise))
    found = np.zeros(len(noise), np.int64) if agreed is None else 1 - agreed
    return PerImage(np.ones(len(noise)), noise, zeros, np.zeros(len(noise), np.int64), found, zeros)


def response(bridge: float, granularity: float, scheme: float, pair: float, triple: float) -> dict[Combination, float]:
    """A response of known terms: each option's own, one of bridge with granularity, one of all three."""
    own = dict(zip((B, G, S), (bridge, granularity, scheme), strict=True))
    found = {}
    for key in COMBINATIONS:
        interactions = pair * key.issuperset(B | G) + triple * (key == WHOLE)
        found[key] = 7.0 + interactions + sum(value for each, value in own.items() if each <= key)
    return found


def test_terms_are_those_that_were_put_in() -> None:
    """Own terms, interaction of two, of three, and none where there is none; the excess is all interactions."""
    y = {key: np.array([value]) for key, value in response(3.0, 2.0, -1.0, 0.5, 0.25).items()}
    wanted = {B: 3.0, G: 2.0, S: -1.0, B | G: 0.5, B | S: 0.0, G | S: 0.0, WHOLE: 0.25}
    for key, value in wanted.items():
        assert term(y, key) == pytest.approx(value), named(key)
    assert excess(y) == pytest.approx(0.75)


def noises(seed: int = 1) -> dict[Combination, np.ndarray]:
    """Noise of every image that falls by the same multiple of its own unit for an option, whatever else is on."""
    unit = np.random.default_rng(seed).gamma(2.0, size=IMAGES)
    fall = {"bridge": 10.0, "granularity": 20.0, "scheme": 30.0}
    return {key: unit * (100.0 - sum(fall[name] for name in key)) for key in COMBINATIONS}


def test_noise_that_adds_has_no_excess_as_noise_and_has_one_in_decibels() -> None:
    """100, 90, 80, 70 alone and 40 together: 60 % are 60 %, while 10 log10 of 2.5 exceeds the three logarithms."""
    found = {each.response: each for each in effects("m", "W8A8", {k: [network(v)] for k, v in noises().items()})}
    noise, decibel = found["noise"], found["sqnr"]
    assert (noise.whole.difference, noise.parts.difference) == pytest.approx((60.0, 60.0))
    assert abs(noise.excess.low) < 1e-9 > abs(noise.excess.high)
    alone = 10 * math.log10(100 / 90 * 100 / 80 * 100 / 70)
    assert decibel.excess.difference == pytest.approx(10 * math.log10(100 / 40) - alone)
    assert decibel.excess.sign == 1 and noise.images == IMAGES and noise.seeds == 1


def test_terms_add_up_to_the_whole() -> None:
    """On any numbers, in every response."""
    random = np.random.default_rng(2)
    networks = {
        key: [network(random.gamma(2.0, size=IMAGES), random.integers(0, 2, IMAGES)) for _ in range(2)]
        for key in COMBINATIONS
    }
    for each in effects("m", "W8A8", networks):
        assert sum(found.difference for found in each.terms.values()) == pytest.approx(each.whole.difference)
        rest = [found.difference for key, found in each.terms.items() if len(key) > 1]
        assert sum(rest) == pytest.approx(each.excess.difference)
        assert each.seeds == 2


def test_a_factorial_effect_is_the_mean_over_the_settings_of_the_others() -> None:
    """Of scheme: four differences of agreement, with and without it; of a pair half the difference of two effects."""
    share = {key: 1 + index for index, key in enumerate(COMBINATIONS)}
    agreed = {key: (np.arange(IMAGES) < 4 * share[key]).astype(np.int64) for key in COMBINATIONS}
    found = effects("m", "W8A8", {key: [network(np.ones(IMAGES), agreed[key])] for key in COMBINATIONS})[-1]
    assert found.response == "agreement"
    points = {key: 10.0 * share[key] for key in COMBINATIONS}
    scheme = [points[key | S] - points[key] for key in (NONE, B, G, B | G)]
    assert found.factorial[S].difference == pytest.approx(np.mean(scheme))
    with_bridge, without = (scheme[1] + scheme[3]) / 2, (scheme[0] + scheme[2]) / 2
    assert found.factorial[B | S].difference == pytest.approx((with_bridge - without) / 2)


def test_intervals_are_those_of_the_paired_bootstrap() -> None:
    """The gain of one option alone is the difference of two networks, which bench accuracy's orderings judge."""
    random = np.random.default_rng(3)
    networks = {key: network(random.gamma(2.0, size=IMAGES)) for key in COMBINATIONS}
    found = effects("m", "W8A8", {key: [each] for key, each in networks.items()})[0]
    judged = Paired({"on": networks[G], "off": networks[NONE]}).sqnr_db("on", "off")
    got = found.terms[G]
    assert (got.difference, got.low, got.high) == pytest.approx((judged.difference, judged.low, judged.high))
