"""check: a vector package's integrity, its replay, and a design's outputs against it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from bittrue.golden.diagnosis.causes import Cause, causes
from bittrue.golden.diagnosis.diagnose import Diagnosis
from bittrue.golden.diagnosis.text import cause_line
from bittrue.golden.vectors.check import check_package
from bittrue.golden.vectors.design import DesignVerdict, judge_design
from bittrue.golden.vectors.manifest import Manifest
from bittrue.spec.errors import BadInput
from bittrue.spec.files import check_target
from bittrue.workflow.diagnose import diagnosed
from bittrue.workflow.extras import need
from bittrue.workflow.progress import Progress, silent
from bittrue.workflow.replay import Replay
from bittrue.workflow.replay import replay as replayed


@dataclass(frozen=True)
class CheckResult:
    """A package that is whole; what came of making it again, and what the design said, where they were asked for."""

    manifest: Manifest
    design: DesignVerdict | None
    replay: Replay | None = None
    diagnoses: tuple[Diagnosis, ...] = ()
    """Of each step and set that differs, in the order of the package; none where no diagnosis was asked for."""

    @property
    def causes(self) -> tuple[Cause, ...]:
        """The rules that explain most of what differs, by unit."""
        return causes(self.diagnoses)

    @property
    def agreed(self) -> bool:
        """Whether nothing differs."""
        return all(verdict is None or verdict.agreed for verdict in (self.design, self.replay))


def check(
    package: Path,
    *,
    dut: Path | None = None,
    replay: bool = False,
    program: Path | None = None,
    images: Path | None = None,
    diagnose: bool = True,
    page: Path | None = None,
    progress: Progress = silent,
) -> CheckResult:
    """Verify a package from a stranger, make it again, and compare a design's outputs with it, exactly.

    dut: a folder with STEP/STAGE or UNIT.SET/STAGE files, .npy, .mem, .hex or .bin. replay: make every file again, from
    the package's own stimuli and datapath for unit sets, from `program` and `images` for steps. Raises BadInput for a
    package that cannot be trusted or a design folder that cannot be judged; differences are not errors:
    look at `agreed`. diagnose: whether causes of differences are looked for. page: an HTML file for what is found.
    """
    if page is not None:
        check_target(page)
        need("report", "jinja2", verb="check --page")
    if not replay and (program is not None or images is not None):
        raise BadInput("a program and images are for a replay", where="--program and --images", expected="--replay")
    done = 0

    def count(label: str, size: int, groups: int) -> None:
        nonlocal done
        done += 1
        progress("check", done, groups)

    manifest = check_package(package, read=count)
    again = None
    if replay:
        again = replayed(package, manifest, program=program, images=images, progress=progress)
    if dut is None:
        return CheckResult(manifest, None, again)
    verdict = judge_design(package, manifest, dut)
    found = diagnosed(package, manifest, dut, verdict, progress=progress) if diagnose and not verdict.agreed else ()
    if page is not None:
        _write_page(found, verdict, page)
    return CheckResult(manifest, verdict, again, found)


def _write_page(found: tuple[Diagnosis, ...], verdict: DesignVerdict, page: Path) -> None:
    from bittrue.reports.diagnosis_page import write_diagnosis_page

    wrong = sum(file.mismatches for file in verdict.files)
    write_diagnosis_page(
        found,
        page,
        title="Why the design differs" if found else "The design is equal in every word",
        summary=f"{wrong:,} of {verdict.words:,} words differ, in {len(found)} steps or sets",
        causes=[cause_line(cause) for cause in causes(found)],
    )
