"""Which point comes next: Optuna's study, asked and told.

The grid and the points of --one-at-a-time are given to Optuna as trials that wait; beyond them its sampler proposes.
Whatever is proposed is looked up by its digest before anything runs, so that a sampler may propose a point again.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import math
import warnings
from collections.abc import Iterator, Mapping, Sequence

import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.samplers import BaseSampler, NSGAIISampler, RandomSampler, TPESampler
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, Trial, TrialState

from bittrue.exploration.knobs import Knob, Label
from bittrue.exploration.sweep import Sweep
from bittrue.spec.errors import BadInput

GRID_MAX = 100_000
DIGEST, EXCESS = "digest", "excess"
Values = dict[str, Label]


class Trials:
    """One study in Optuna's storage."""

    def __init__(self, sweep: Sweep, knobs: Sequence[Knob], url: str, base: Mapping[str, Label]) -> None:
        self.sweep, self.knobs, self.base = sweep, tuple(knobs), dict(base)
        self.distributions = {knob.name: _distribution(knob) for knob in self.knobs}
        ways = sweep.objectives.values()
        directions = [StudyDirection.MAXIMIZE if way == "max" else StudyDirection.MINIMIZE for way in ways]
        self.name = f"{sweep.name}-{self._space()}"
        optuna.logging.set_verbosity(optuna.logging.ERROR)
        with _quiet():
            self.study = optuna.create_study(
                study_name=self.name, storage=url, directions=directions, load_if_exists=True
            )
            self.study.sampler = self._sampler(len(self.study.get_trials(deepcopy=False)))

    def known(self) -> list[tuple[str, Values]]:
        """Digest and values of every point that was proposed so far, each once."""
        found: dict[str, Values] = {}
        for trial in self.study.get_trials(deepcopy=False):
            if DIGEST in trial.user_attrs and set(trial.params) == set(self.distributions):
                found.setdefault(trial.user_attrs[DIGEST], dict(trial.params))
        return list(found.items())

    def abandoned(self) -> list[tuple[Trial, str | None]]:
        """Trials that a driver which is gone has left unfinished, with the digests of their points."""
        left = [trial for trial in self.study.get_trials(deepcopy=False) if trial.state == TrialState.RUNNING]
        return [(Trial(self.study, trial._trial_id), trial.user_attrs.get(DIGEST)) for trial in left]

    def waiting(self) -> int:
        """How many trials a driver which is gone has planned and not started: `ask` gives them first."""
        return sum(trial.state == TrialState.WAITING for trial in self.study.get_trials(deepcopy=False))

    def planned(self) -> Iterator[Values]:
        """Points that no sampler chooses: the base and its neighbours, then the grid, which is also what a sampler
        that is asked for the whole space comes to; each once."""
        seen = set()
        for values in itertools.chain(
            self._star() if self.sweep.sampler.one_at_a_time else (),
            self._grid() if self.sweep.sampler.kind == "grid" or self.total() == self._everything else (),
        ):
            key = json.dumps(values, sort_keys=True)
            if key not in seen:
                seen.add(key)
                yield values

    def total(self) -> int:
        """How many different points the study asks for."""
        everything = self._everything
        star = 1 + sum(len(knob.labels) - 1 for knob in self.knobs)
        wanted = self.sweep.sampler.points
        if self.sweep.sampler.kind == "grid":
            return min(everything, wanted or everything)
        assert wanted is not None
        return min(everything, max(wanted, star if self.sweep.sampler.one_at_a_time else 0))

    @property
    def _everything(self) -> int:
        return math.prod(len(knob.labels) for knob in self.knobs)

    def ask(self, values: Values | None = None) -> tuple[Trial, Values]:
        """A trial that runs: the first that waits, with these values or with those of an earlier start; without any,
        what the sampler proposes."""
        with _quiet():
            if values is not None:
                self.study.enqueue_trial(values)
            trial = self.study.ask(self.distributions)
        return trial, dict(trial.params)

    def tell(self, trial: Trial, figures: Mapping[str, float] | None) -> None:
        """End a trial: with the figures of its point, or, where it has none, as failed."""
        wanted = None if figures is None else [figures.get(name) for name in self.sweep.objectives]
        with _quiet():
            if figures is None or wanted is None or None in wanted:
                self.study.tell(trial, state=TrialState.FAIL)
                return
            excess = [limit.excess(figures[name]) for name, limit in self.sweep.constraints.items() if name in figures]
            trial.set_user_attr(EXCESS, excess)
            self.study.tell(trial, [float(value) for value in wanted if value is not None])

    def _star(self) -> Iterator[Values]:
        yield dict(self.base)
        for knob in self.knobs:
            for label in knob.labels:
                if label != self.base[knob.name]:
                    yield {**self.base, knob.name: label}

    def _grid(self) -> Iterator[Values]:
        names = [knob.name for knob in self.knobs]
        for labels in itertools.product(*(knob.labels for knob in self.knobs)):
            yield dict(zip(names, labels, strict=True))

    def _sampler(self, trials: int) -> BaseSampler:
        section = self.sweep.sampler
        # What was proposed before is not proposed again because the study was stopped.
        seed = section.seed + trials
        constraints = _excess_of if self.sweep.constraints else None
        if section.kind == "nsga2":
            return NSGAIISampler(population_size=section.population, seed=seed, constraints_func=constraints)
        if section.kind == "tpe":
            return TPESampler(seed=seed, constraints_func=constraints)
        return RandomSampler(seed=seed)

    def _space(self) -> str:
        """What Optuna does not let a study change: the knobs' values and the objectives."""
        space = {
            "knobs": {knob.name: list(knob.labels) for knob in self.knobs},
            "objectives": dict(self.sweep.objectives),
            "sampler": self.sweep.sampler.kind,
        }
        return hashlib.sha256(json.dumps(space, sort_keys=True).encode()).hexdigest()[:12]


def check_size(sweep: Sweep, knobs: Sequence[Knob]) -> None:
    """Refuse a grid that nobody waits for."""
    points = math.prod(len(knob.labels) for knob in knobs)
    if sweep.sampler.kind == "grid" and points > GRID_MAX:
        raise BadInput(
            "the grid has too many points",
            where="sampler.kind",
            got=f"{points:,}",
            expected=f"at most {GRID_MAX:,}",
            next_step='choose "random", "nsga2" or "tpe" with `points`, or fewer values',
        )


def _distribution(knob: Knob) -> BaseDistribution:
    low, high = knob.labels[0], knob.labels[-1]
    if knob.step is not None and isinstance(low, int) and isinstance(high, int) and float(knob.step).is_integer():
        return IntDistribution(low, high, step=int(knob.step))
    if knob.step is not None and isinstance(low, float) and isinstance(high, float):
        return FloatDistribution(low, high, step=knob.step)
    return CategoricalDistribution(knob.labels)


def _excess_of(trial: FrozenTrial) -> Sequence[float]:
    found: Sequence[float] = trial.user_attrs.get(EXCESS, ())
    return found


class _quiet(warnings.catch_warnings):  # noqa: N801  a context manager reads as a verb
    """Without Optuna's notices that a feature is experimental, or that a waiting trial is used as it is."""

    def __enter__(self) -> None:
        super().__enter__()
        warnings.simplefilter("ignore")
