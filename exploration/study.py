"""A study made ready: its file read, every name and value of it checked, its paths found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bittrue.exploration.design import Designs, check_values
from bittrue.exploration.key_paths import check_path, flattened
from bittrue.exploration.knobs import Knob, knobs_of
from bittrue.exploration.metrics import ACCURACY, check_metric
from bittrue.exploration.prefix_store import GIB
from bittrue.exploration.subject import PRETRAINED, Subject
from bittrue.exploration.sweep import Sweep, load_sweep
from bittrue.hw_configs.refusal import nearest
from bittrue.reports.exploration_data import KnobAxis
from bittrue.spec.errors import BadInput
from bittrue.spec.files import check_target

MODEL = "model"
PREFIX_GIB = 4.0


@dataclass(frozen=True)
class Request:
    """What the command line says beside the file."""

    out: Path
    """Results, and the database unless `storage` names another."""
    images: Path | None = None
    calibration: Path | None = None
    weights: str | None = None
    store: Path | None = None
    """Plans, float logits, measured networks; may be the --out of `bittrue bench accuracy`. Default: below `out`."""
    storage: str | None = None
    """A database URL of SQLAlchemy."""
    limit: int | None = None
    """Evaluation images, in place of the file's."""
    points: int | None = None
    """How many points the sampler takes, in place of the file's."""
    prefix_gib: float = PREFIX_GIB
    """Space for what programs that begin alike have in common (prefix_store.py); 0 shares nothing."""


@dataclass(frozen=True)
class Study:
    """Everything that does not change while a study runs."""

    file: Path
    sweep: Sweep
    designs: Designs
    subject: Subject
    out: Path
    url: str

    @property
    def knobs(self) -> tuple[Knob, ...]:
        """What is varied."""
        return self.designs.knobs

    @property
    def axes(self) -> tuple[KnobAxis, ...]:
        """The knobs as reports need them."""
        return tuple(KnobAxis(knob.name, knob.labels, knob.numeric, knob.step) for knob in self.knobs)

    @property
    def accurate(self) -> bool:
        """Whether images run."""
        return self.subject.images is not None

    @property
    def what(self) -> str:
        """The subject in words."""
        network = Path(self.subject.plan).name if self.subject.plan else ", ".join(self.subject.models)
        return f"{network}, {self.subject.count} images" if self.accurate else f"{network}, costs only"


def prepared(file: Path, request: Request) -> Study:
    """Read and check a study. Raises BadInput before anything is measured."""
    sweep = _asked(load_sweep(file), request)
    for name in (*sweep.objectives, *sweep.constraints):
        check_metric(name, f"{file}: {'objectives' if name in sweep.objectives else 'constraints'}")
    knobs = knobs_of(sweep.knobs, file)
    shared = _shared(sweep, file)
    _check_mentions(sweep, knobs, file)
    designs = Designs(shared, knobs, file.parent, sweep.name)
    _check_overlaps(knobs, file)
    check_values(designs, file)
    subject = _subject(sweep, designs, file, request)
    if request.out.exists() and not request.out.is_dir():
        raise BadInput("the output is no folder", where=str(request.out), next_step="choose another --out")
    check_target(request.out / "study.db")
    url = request.storage or f"sqlite:///{(request.out / 'study.db').resolve()}"
    return Study(file, sweep, designs, subject, request.out, url)


def _asked(sweep: Sweep, request: Request) -> Sweep:
    """The file with the numbers of the command line in it."""
    images, sampler = sweep.images, sweep.sampler
    if request.limit is not None:
        images = images.model_copy(update={"count": request.limit})
    if request.points is not None:
        sampler = sampler.model_copy(update={"points": request.points})
    return sweep.model_copy(update={"images": images, "sampler": sampler})


def _shared(sweep: Sweep, file: Path) -> dict[str, Any]:
    found = flattened(sweep.design, is_value=lambda value: False)
    for path in found:
        try:
            check_path(path)
        except BadInput as error:
            raise error.at(f"{file}: design") from None
    return {MODEL: sweep.model.name or sweep.model.plan or "", **found}


def _check_mentions(sweep: Sweep, knobs: tuple[Knob, ...], file: Path) -> None:
    """Refuse a finding or a figure about what the study does not have."""
    names = [knob.name for knob in knobs]
    for index, finding in enumerate(sweep.findings):
        for metric in filter(None, (finding.figure, finding.cost)):
            check_metric(metric, f"{file}: findings[{index}]")
        for name in filter(None, (finding.knob, finding.by)):
            _check_knob(name, names, f"{file}: findings[{index}]")
    for index, figure in enumerate(sweep.figures):
        for name in (figure.x, figure.y):
            if name not in names:
                check_metric(name, f"{file}: figures[{index}]")
        for name in filter(None, (figure.colour, figure.panel)):
            _check_knob(name, names, f"{file}: figures[{index}]")


def _check_knob(name: str, names: list[str], where: str) -> None:
    if name not in names:
        raise BadInput(
            "no such knob in this study",
            where=where,
            got=name,
            expected=", ".join(names),
            next_step=nearest(name, names),
        )


def _check_overlaps(knobs: tuple[Knob, ...], file: Path) -> None:
    """Refuse two knobs that set the same key: the second would undo the first."""
    owner: dict[str, str] = {}
    for knob in knobs:
        for path in {path for setting in knob.settings for path in setting}:
            if path in owner:
                raise BadInput(
                    "two knobs set the same key",
                    where=f"{file}: knobs",
                    got=f"{owner[path]}, {knob.name}",
                    expected=path,
                )
            owner[path] = knob.name


def _subject(sweep: Sweep, designs: Designs, file: Path, request: Request) -> Subject:
    wanted = {*sweep.objectives, *sweep.constraints}
    accurate = bool(wanted & set(ACCURACY))
    section, images = sweep.model, sweep.images
    if section.plan is not None:
        _check_without_calibration(designs, file)
    models = {str(setting[MODEL]) for knob in designs.knobs for setting in knob.settings if MODEL in setting}
    subject = Subject(
        models=() if section.plan else tuple(sorted(models or {str(designs.shared[MODEL])})),
        weights=_path(request.weights or section.weights, file, given=request.weights is not None),
        side=section.side,
        plan=None if section.plan is None else _path(section.plan, file, given=False),
        images=_folder(request.images, images.evaluation, file) if accurate else None,
        count=images.count,
        calibration=None if section.plan else _folder(request.calibration, images.calibration, file),
        store=str((request.store or request.out / "store").resolve()),
        prefix_bytes=round(max(request.prefix_gib, 0.0) * GIB),
    )
    subject.check(accurate=accurate)
    return subject


def _check_without_calibration(designs: Designs, file: Path) -> None:
    paths = {path for knob in designs.knobs for setting in knob.settings for path in setting} | set(designs.shared)
    wrong = sorted(path for path in paths if path.startswith("calibration."))
    if wrong:
        raise BadInput(
            "a study of one plan cannot calibrate another",
            where=str(file),
            got=", ".join(wrong),
            next_step="give model.name instead of model.plan",
        )


def _folder(given: Path | None, written: str | None, file: Path) -> str | None:
    if given is not None:
        return str(given.resolve())
    return None if written is None else _path(written, file, given=False)


def _path(text: str, file: Path, *, given: bool) -> str:
    """What a file says counts from its folder, what the command line says from where it runs."""
    if text == PRETRAINED:
        return text
    return str((Path(text) if given else file.parent / text).resolve())


def command(study: Study, request: Request) -> str:
    """The words that start this study again, as a shell reads them."""
    import shlex

    options: Mapping[str, object] = {
        "--images": request.images,
        "--calibration": request.calibration,
        "--weights": request.weights,
        "--store": request.store,
        "--limit": request.limit,
        "--points": request.points,
        "--out": request.out,
    }
    words = ["bittrue", "explore", str(study.file)]
    for name, value in options.items():
        words += [name, str(value)] if value is not None else []
    return shlex.join(words)
