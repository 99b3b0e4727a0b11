"""explore --point: one point measured again from nothing, and compared with its row."""

from __future__ import annotations

import dataclasses
import tempfile
from dataclasses import dataclass
from pathlib import Path

from bittrue.exploration.design import Design
from bittrue.exploration.point import digest_of, first_excess
from bittrue.exploration.rows import Finished, Rows
from bittrue.exploration.study import Request, Study, prepared
from bittrue.exploration.trials import Trials, Values
from bittrue.spec.errors import BadInput


@dataclass(frozen=True)
class Reproduced:
    """A point's row beside what was measured now."""

    digest: str
    knobs: Values
    row: Finished
    again: Finished

    @property
    def equal(self) -> bool:
        """Whether state and every figure are the same."""
        return (self.row.state, dict(self.row.figures)) == (self.again.state, dict(self.again.figures))


def reproduce(file: Path, request: Request, point: str) -> Reproduced:
    """Measure a finished point again. point: its digest, or the beginning of it.

    Nothing that the study keeps is used: the plan is calibrated, the float model run and the images simulated anew.
    """
    from bittrue.exploration.cluster import client

    study = prepared(file, request)
    rows = Rows(study.url)
    try:
        digest, knobs, row = _find(study, rows, point)
    finally:
        rows.close()
    try:
        design = study.designs.design(knobs)
    except Exception as error:
        return Reproduced(digest, knobs, row, Finished("ruled_out", {}, str(error), {}))
    assert digest == digest_of({"design": design.identity(), "subject": study.subject.identity(design.model)})
    with tempfile.TemporaryDirectory() as folder, client(1, None) as found:
        again = found.submit(_measured, study, design, folder, pure=False).result()
    return Reproduced(digest, knobs, row, again)


def _find(study: Study, rows: Rows, point: str) -> tuple[str, Values, Finished]:
    known = Trials(study.sweep, study.knobs, study.url, study.designs.base()).known()
    matching = [(digest, knobs) for digest, knobs in known if digest.startswith(point)]
    finished = rows.all(digest for digest, _ in matching)
    if len(finished) != 1:
        raise BadInput(
            "no finished point of this study has that digest" if not finished else "several points begin like that",
            where="--point",
            got=point,
            expected="a digest of points.csv, or enough of its beginning",
        )
    (digest, row), knobs = next(iter(finished.items())), dict(matching)
    return digest, knobs[digest], row


def _measured(study: Study, design: Design, store: str) -> Finished:
    """In a worker, as the study itself would."""
    from bittrue.exploration import tasks

    subject = dataclasses.replace(study.subject, store=store).document()
    document = design.document()
    priced = tasks.price(subject, document, tasks.calibrate(subject, document))
    if "refused" in priced:
        return Finished("ruled_out", {}, priced["refused"], {})
    figures = dict(priced["figures"])
    excess = first_excess(study.sweep.constraints, figures)
    if excess is not None:
        return Finished("ruled_out", figures, excess, {})
    if study.accurate:
        floats = tasks.float_logits(subject, design.model)
        figures |= tasks.simulate(subject, document, priced["arithmetic"], floats)["figures"]
    return Finished("done", figures, "", {})
