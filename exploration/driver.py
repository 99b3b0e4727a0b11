"""The loop of a study: ask for points, hand their stages to the workers, commit what comes back.

    propose -> finished? -> calibrate (once a plan) -> price -> ruled out? -> simulate (once an arithmetic) -> commit

A simulation goes on from the deepest cut that an earlier one has left on disk, and leaves one itself where a point that
was priced before it begins alike (prefixes.py).

A point is finished when its row is committed, and not before: whatever is killed, the next start looks at the rows and
starts only what has none. Optuna is told afterwards; a trial that nobody finished is told or failed at the next start.
"""

from __future__ import annotations

import json
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from distributed import Client, Future, as_completed
from optuna.trial import Trial

from bittrue.exploration import tasks
from bittrue.exploration.design import Design, Designs
from bittrue.exploration.point import Status, digest_of, first_excess, reason_of
from bittrue.exploration.prefixes import Candidate, chosen
from bittrue.exploration.rows import Finished, Rows
from bittrue.exploration.subject import Subject
from bittrue.exploration.sweep import Limit
from bittrue.exploration.trials import DIGEST, Trials, Values
from bittrue.spec.errors import BadInput, BittrueError

REPEATS_MAX = 100
"""Proposals in a row that are no new point: then the sampler has seen what it will see."""


@dataclass
class _Point:
    """One that runs."""

    design: Design
    knobs: Values
    trials: list[Trial]
    plan: Future[Any] | None = None
    arithmetic: str | None = None
    """Known when the point is priced."""
    keep: int | None = None
    """Steps in front of the cut that its simulation leaves for others."""
    figures: dict[str, float] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)


@dataclass
class Driver:
    """Runs one study to its end."""

    subject: Subject
    designs: Designs
    constraints: Mapping[str, Limit]
    accurate: bool
    """Whether images run; without, a point is finished when it is priced."""
    trials: Trials
    rows: Rows
    client: Callable[[], Client]
    """Starts the workers when they are first needed."""
    width: Callable[[], int]
    """How many points run at once."""
    watch: Callable[[Status], None] = lambda status: None
    told: Callable[[str, Values, Finished], None] = lambda digest, knobs, point: None
    """Gets each finished point of the study, those of earlier starts included."""

    _running: dict[str, _Point] = field(default_factory=dict)
    _finished: dict[str, str] = field(default_factory=dict)
    """State by digest."""
    _futures: dict[str, Future[Any]] = field(default_factory=dict)
    """By key; what is common stays until the study ends."""
    _waiting: dict[str, list[str]] = field(default_factory=dict)
    """Digests that wait for a future, by its key."""
    _first: dict[str, str] = field(default_factory=dict)
    """The arithmetic that first had a cut, by the cut's name."""
    fresh: int = 0
    """Points committed since this start."""
    _started: float = 0.0
    _total: int = 0
    _arrivals: as_completed | None = None

    def run(self) -> int:
        """Every point that has no row yet; the number of points committed."""
        self._started = time.monotonic()
        self._total = self.trials.total()
        proposals = self._proposals(self._recover())
        more = True
        while True:
            while more and len(self._running) < self.width():
                more = self._start_next(proposals)
                self._show()
            if not self._running:
                return self.fresh
            assert self._arrivals is not None
            self._advance(next(self._arrivals))
            self._show()

    # ------------------------------------------------------------------------------------------------------- proposals

    def _recover(self) -> deque[Values]:
        """Tell Optuna what an earlier start left open; the points of this study that have no row, to start again."""
        rows = self.rows.all(digest for digest, _ in self.trials.known())
        for trial, digest in self.trials.abandoned():
            row = rows.get(digest or "")
            self.trials.tell(trial, row.figures if row is not None and row.state == "done" else None)
        left: deque[Values] = deque()
        for digest, knobs in self.trials.known():
            row = rows.get(digest)
            if row is None or self._may_now_run(row):
                if row is not None:
                    self.rows.forget(digest)
                left.append(knobs)
            else:
                self._count(digest, knobs, row)
        return left

    def _may_now_run(self, row: Finished) -> bool:
        """Whether a constraint ruled the point out that has been changed since."""
        return row.state == "ruled_out" and bool(row.figures) and self._excess(row.figures) is None

    def _proposals(self, left: deque[Values]) -> Iterator[Values | None]:
        """Values of points to look at; None where a trial waits already, or where the sampler is to choose."""
        for _ in range(self.trials.waiting()):
            yield None
        while left:
            yield left.popleft()
        seen = {json.dumps(knobs, sort_keys=True) for _, knobs in self.trials.known()}
        for values in self.trials.planned():
            if json.dumps(values, sort_keys=True) not in seen:
                yield values
        if self.trials.sweep.sampler.kind == "grid":
            return
        while True:
            yield None

    def _start_next(self, proposals: Iterator[Values | None]) -> bool:
        """Start one point that neither runs nor is finished; False where there is none left."""
        repeats = 0
        while repeats < REPEATS_MAX and len(self._finished) + len(self._running) < self._total:
            known = len(self._finished)
            try:
                proposed = next(proposals)
            except StopIteration:
                return False
            if self._start(*self.trials.ask(proposed)):
                return True
            repeats = repeats + 1 if len(self._finished) == known else 0
        return False

    def _start(self, trial: Trial, knobs: Values) -> bool:
        """Hand a point's first stages to the workers; False where it needs none."""
        try:
            design = self.designs.design(knobs)
            identity = {"design": design.identity(), "subject": self.subject.identity(design.model)}
        except BittrueError as error:
            digest = digest_of({"refused": {**self.designs.shared, **self._settings(knobs)}})
            trial.set_user_attr(DIGEST, digest)
            self._refuse(digest, knobs, trial, tasks.one_line(error))
            return False
        digest = digest_of(identity)
        trial.set_user_attr(DIGEST, digest)
        row = self.rows.found(digest)
        if row is not None and self._may_now_run(row):
            self.rows.forget(digest)
            row = None
        if row is not None:
            self.trials.tell(trial, row.figures if row.state == "done" else None)
            if digest not in self._finished:
                self._count(digest, knobs, row)
            return False
        if digest in self._running:
            self._running[digest].trials.append(trial)
            return False
        self._running[digest] = _Point(design, knobs, [trial])
        self._price(digest)
        return True

    def _settings(self, knobs: Values) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for knob in self.designs.knobs:
            found |= knob.setting(knobs[knob.name])
        return found

    # ---------------------------------------------------------------------------------------------------------- stages

    def _price(self, digest: str) -> None:
        point = self._running[digest]
        subject, document = self.subject.document(), point.design.document()
        # A plan does not depend on hardware.
        needed = {"model": document["model"], "calibration": document["calibration"]}
        key = f"plan-{digest_of(needed)}"
        if key not in self._futures:
            point.plan = self._submit(key, tasks.calibrate, subject, document)
        plan = self._futures[key]
        self._wait(self._submit(f"price-{digest}", tasks.price, subject, document, plan), digest)

    def _simulate(self, digest: str, arithmetic: str) -> None:
        point = self._running[digest]
        subject, model = self.subject.document(), point.design.model
        floats = self._submit(f"float-{model}", tasks.float_logits, subject, model)
        key = f"simulate-{model}-{arithmetic}"
        document = point.design.document()
        self._wait(self._submit(key, tasks.simulate, subject, document, arithmetic, floats, point.keep), digest)

    def _shared(self, point: _Point, cuts: Iterable[Sequence[Any]]) -> int | None:
        """Steps in front of the cut that is worth keeping because a point of another arithmetic has it as well."""
        assert point.arithmetic is not None
        every = (Candidate(*cut) for cut in cuts)
        common = [cut for cut in every if self._first.setdefault(cut.name, point.arithmetic) != point.arithmetic]
        found = chosen(common)
        return None if found is None else found.steps

    def _submit(self, key: str, function: Callable[..., object], *arguments: object) -> Future[Any]:
        """One task a key: whoever asks again gets the same future."""
        if key not in self._futures:
            self._futures[key] = self.client().submit(function, *arguments, key=key, pure=False)
        return self._futures[key]

    def _wait(self, future: Future[Any], digest: str) -> None:
        waiting = self._waiting.setdefault(str(future.key), [])
        if not waiting:
            if self._arrivals is None:
                self._arrivals = as_completed()
            self._arrivals.add(future)
        waiting.append(digest)

    def _advance(self, future: Future[Any]) -> None:
        """What a finished task means for the points that wait for it."""
        key = str(future.key)
        waiting = self._waiting.pop(key)
        if future.status in ("cancelled", "lost"):
            self._again(future, waiting)
            return
        if future.status == "error":
            reason = reason_of(future.exception())
            for digest in waiting:
                self._commit(digest, "error", reason)
            return
        result = future.result()
        if key.startswith("price-"):
            self._priced(waiting[0], result)
            del self._futures[key]
            return
        for place, digest in enumerate(waiting):
            point = self._running[digest]
            point.figures |= result["figures"]
            # Who comes second gets the first one's figures, and waits for them only.
            point.seconds["simulate"] = 0.0 if place else result["seconds"]
            self._commit(digest, "done", "")

    def _again(self, future: Future[Any], waiting: list[str]) -> None:
        """Submit anew what was lost with its worker after it had ended; without a scheduler there is no going on."""
        if self.client().status != "running":
            raise BadInput(
                "the scheduler has gone away", where="--scheduler", next_step="start the same command again: it goes on"
            )
        del self._futures[str(future.key)]
        for digest in waiting:
            arithmetic = self._running[digest].arithmetic
            if arithmetic is None:
                self._price(digest)
            else:
                self._simulate(digest, arithmetic)

    def _priced(self, digest: str, result: Mapping[str, Any]) -> None:
        point = self._running[digest]
        # Calibration counts for the point that asked for the plan first.
        point.seconds["calibrate"] = point.plan.result()["seconds"] if point.plan is not None else 0.0
        point.seconds["price"] = result["seconds"]
        if "refused" in result:
            self._commit(digest, "ruled_out", result["refused"])
            return
        point.figures |= result["figures"]
        excess = self._excess(point.figures)
        if excess is not None:
            self._commit(digest, "ruled_out", excess)
        elif self.accurate:
            point.arithmetic = result["arithmetic"]
            point.keep = self._shared(point, result["cuts"])
            self._simulate(digest, result["arithmetic"])
        else:
            self._commit(digest, "done", "")

    def _excess(self, figures: Mapping[str, float]) -> str | None:
        return first_excess(self.constraints, figures)

    # ---------------------------------------------------------------------------------------------------------- ending

    def _commit(self, digest: str, state: Any, reason: str) -> None:
        point = self._running[digest]
        row = Finished(state, point.figures, reason, point.seconds)
        self.rows.commit(digest, point.design.document(), row)
        for trial in point.trials:
            self.trials.tell(trial, row.figures if state == "done" else None)
        del self._running[digest]
        self.fresh += 1
        self._count(digest, point.knobs, row)

    def _refuse(self, digest: str, knobs: Values, trial: Trial, reason: str) -> None:
        """A point whose description cannot be: no worker sees it."""
        row = Finished("ruled_out", {}, reason, {})
        if digest not in self._finished:
            self.rows.commit(digest, {"knobs": dict(knobs)}, row)
            self.fresh += 1
            self._count(digest, knobs, row)
        self.trials.tell(trial, None)

    def _count(self, digest: str, knobs: Values, row: Finished) -> None:
        self._finished[digest] = row.state
        self.told(digest, knobs, row)

    def _show(self) -> None:
        errors = sum(state == "error" for state in self._finished.values())
        elapsed = time.monotonic() - self._started
        self.watch(Status(self._total, len(self._finished), self.fresh, errors, len(self._running), elapsed))
