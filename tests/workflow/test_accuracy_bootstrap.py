"""The paired bootstrap, by hand and against scipy's."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from bittrue.reports.accuracy_data import Interval
from bittrue.workflow.accuracy.bootstrap import Paired, resampled_sums
from bittrue.workflow.accuracy.measure import PerImage


def network(noise: list[float], agreed: list[int]) -> PerImage:
    """Images of signal 1, of which some agree."""
    count = len(noise)
    zeros = np.zeros(count)
    found = 1 - np.array(agreed)
    return PerImage(np.ones(count), np.array(noise, float), zeros, np.zeros(count, np.int64), found, zeros)


def test_two_images_by_hand() -> None:
    """Of two images a draw has the first twice, each once, the second twice: 1/4, 1/2, 1/4."""
    sums = resampled_sums(np.array([[1.0], [10.0]]), 20_000, 7)[:, 0]
    values, counts = np.unique(sums, return_counts=True)
    assert values.tolist() == [2.0, 11.0, 20.0]
    assert np.abs(counts / 20_000 - [0.25, 0.5, 0.25]).max() < 0.015


def test_an_interval_by_hand() -> None:
    """Two images make three draws; the ends of the interval are the extreme ones, as each is drawn in a quarter."""
    paired = Paired({"a": network([1, 1], [1, 1]), "b": network([10, 1], [0, 1])})
    found = paired.sqnr_db("a", "b")
    assert math.isclose(found.difference, 10 * math.log10(5.5))
    assert math.isclose(found.low, 0.0, abs_tol=1e-12) and math.isclose(found.high, 10.0)
    assert paired.agreement_points("a", "b") == Interval(50.0, 0.0, 100.0)
    assert paired.agreement_points("b", "a") == Interval(-50.0, -100.0, 0.0)
    assert found.sign == 0 and Interval(1, 0.5, 2).sign == 1 and Interval(-1, -2, -0.5).sign == -1


def test_intervals_are_scipys() -> None:
    """Its percentile interval of the same statistics, drawn with another generator."""
    random = np.random.default_rng(3)
    shared = random.gamma(2.0, size=300)
    first, second = (
        network((shared * random.gamma(8.0, scale, 300)).tolist(), (random.random(300) < share).astype(int).tolist())
        for scale, share in ((0.1, 0.95), (0.13, 0.9))
    )
    paired = Paired({"a": first, "b": second})

    def sqnr(a: np.ndarray, b: np.ndarray, axis: int) -> np.ndarray:
        return 10 * np.log10(b.sum(axis=axis) / a.sum(axis=axis))

    def agreement(a: np.ndarray, b: np.ndarray, axis: int) -> np.ndarray:
        return 100 * (a.mean(axis=axis) - b.mean(axis=axis))

    for found, statistic, data in (
        (paired.sqnr_db("a", "b"), sqnr, (first.noise, second.noise)),
        (paired.agreement_points("a", "b"), agreement, (first.agreed.astype(float), second.agreed.astype(float))),
    ):
        judged = stats.bootstrap(
            data, statistic, paired=True, vectorized=True, method="percentile", n_resamples=10_000, rng=5
        ).confidence_interval
        width = judged.high - judged.low
        assert math.isclose(found.difference, float(statistic(*data, axis=-1)))
        assert abs(found.low - judged.low) < 0.05 * width and abs(found.high - judged.high) < 0.05 * width


def test_networks_without_noise() -> None:
    """Two exact networks are equal; an exact one is infinitely far ahead of another."""
    paired = Paired({"a": network([0, 0], [1, 1]), "b": network([0, 0], [1, 1]), "c": network([1, 2], [1, 1])})
    assert paired.sqnr_db("a", "b") == Interval(0.0, 0.0, 0.0)
    assert paired.sqnr_db("a", "c").low == math.inf
    assert paired.agreement_points("a", "c").sign == 0


def test_the_draws_do_not_depend_on_the_others() -> None:
    """A third network in the comparison changes no interval: the seed is fixed and the draws are shared."""
    a, b, c = (network(list(range(k, 40 + k)), [1] * 40) for k in (1, 5, 9))
    two, three = Paired({"a": a, "b": b}), Paired({"c": c, "a": a, "b": b})
    assert two.sqnr_db("a", "b").low == pytest.approx(three.sqnr_db("a", "b").low, rel=1e-12)
