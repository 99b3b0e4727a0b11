"""profile: where the time of one run goes, step by step, beside what the machine could do."""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from numba import config

from bittrue.reports.profile_data import MachineLimit, Profile, StepTime
from bittrue.simulator.engine import Simulator
from bittrue.simulator.plan.compiler import Bound, Plan
from bittrue.spec.errors import Unsupported
from bittrue.spec.files import check_target, write_text, written_whole
from bittrue.spec.layout import LayoutOp
from bittrue.spec.op import Call
from bittrue.spec.ops.conv2d import Conv2d
from bittrue.spec.program import Program
from bittrue.spec.program_file import load_program
from bittrue.spec.tensors import Codes, TensorSpec
from bittrue.workflow.extras import need
from bittrue.workflow.inputs import open_images
from bittrue.workflow.machine_limit import measured_limit
from bittrue.workflow.progress import Progress, silent

REPEATS = 50


def profile(
    program: Program | Path,
    *,
    images: Path,
    out: Path | None = None,
    plot: Path | None = None,
    repeats: int = REPEATS,
    limit: int | None = None,
    seed: int = 0,
    progress: Progress = silent,
) -> Profile:
    """Time every step of a program on one image, and measure what the machine could do at best.

    images, limit, seed: as of `simulate`, of which the first image is taken. out: all steps as JSON. plot: their
    roofline as PNG. repeats: runs, each of them once as a whole and once timed step by step, in order, so that operands
    lie where a run leaves them. Raises Unsupported for `plot` without matplotlib and where numba compiles nothing.
    """
    for path in (out, plot):
        if path is not None:
            check_target(path, images, *([program] if isinstance(program, Path) else []))
    if plot is not None:
        need("report", "matplotlib", verb="simulate --plot")
    if config.DISABLE_JIT:  # type: ignore[attr-defined]
        raise Unsupported(
            "nothing is compiled, so that times say nothing",
            where="NUMBA_DISABLE_JIT",
            next_step="unset NUMBA_DISABLE_JIT",
        )
    loaded = load_program(program) if isinstance(program, Path) else program
    image = next(iter(open_images(loaded, images, limit=limit, seed=seed, verb="simulate --profile")))
    found = _measured(loaded, image.codes, repeats, progress)
    if out is not None:
        write_text(out, json.dumps(found.document(), indent=1, allow_nan=False) + "\n")
    if plot is not None:
        from bittrue.reports.roofline import roofline_figure

        with written_whole(plot) as part:
            part.write_bytes(roofline_figure(found))
    return found


def _measured(loaded: Program, image: Codes, repeats: int, progress: Progress) -> Profile:
    plan, operands = Simulator(loaded).plan(), loaded.operands(image)
    plan.run(operands)
    machine = measured_limit()
    groups, views = grouped(plan, loaded)
    runs: list[int] = []
    times: list[list[int]] = [[] for _ in groups]
    for index in range(repeats):
        start = time.perf_counter_ns()
        plan.run(operands)
        runs.append(time.perf_counter_ns() - start)
        for group, found in zip(groups, times, strict=True):
            start = time.perf_counter_ns()
            group.bound()
            found.append(time.perf_counter_ns() - start)
        progress("profile", index + 1, repeats)
    plain = set(plan.plain)
    return Profile(
        model=loaded.model,
        datapath=loaded.datapath.name,
        program_sha256=loaded.digest,
        repeats=repeats,
        limit=machine,
        steps=tuple(
            _step_time(group, found, machine, plain=group.calls[0].step in plain)
            for group, found in zip(groups, times, strict=True)
        ),
        views=views,
        run_minimum_us=_us(min(runs)),
        run_median_us=_us(statistics.median(runs)),
    )


@dataclass
class Group:
    """A bound step with the steps that it computes in passing."""

    bound: Bound
    calls: list[Call]
    reads: list[TensorSpec] = field(default_factory=list)
    """What comes from other groups, each tensor once."""
    writes: list[TensorSpec] = field(default_factory=list)
    """What other groups, or the caller, read."""


def grouped(plan: Plan, program: Program) -> tuple[list[Group], tuple[str, ...]]:
    """Steps by what computes them, in order, and the names of those that are views.

    A step without a run of its own that is no layout step belongs to the last group that made one of its operands.
    """
    groups: list[Group] = []
    views: list[str] = []
    maker: dict[str, int] = {}
    """The group behind each tensor, through views; none behind the program's inputs and their views."""
    stored: dict[str, str] = {name: name for name in program.inputs}
    """The tensor of which each one is a view, or itself."""
    for call, bound in plan.steps:
        name = call.output.name
        made_by = [maker[spec.name] for spec in call.inputs if spec.name in maker]
        if bound is None and isinstance(call.op, LayoutOp):
            (source,) = call.inputs
            views.append(call.step)
            stored[name] = stored[source.name]
            if source.name in maker:
                maker[name] = maker[source.name]
            continue
        if bound is not None:
            groups.append(Group(bound, [call]))
            maker[name] = len(groups) - 1
        else:
            maker[name] = max(made_by)
            groups[maker[name]].calls.append(call)
        stored[name] = name
    _connect(groups, program, maker, stored)
    return groups, tuple(views)


def _connect(groups: Sequence[Group], program: Program, maker: dict[str, int], stored: dict[str, str]) -> None:
    """Fill what every group reads and writes."""
    wanted = {stored[program.output]}
    for index, group in enumerate(groups):
        read = {spec.name: spec for call in group.calls for spec in call.inputs if maker.get(spec.name) != index}
        group.reads = list(read.values())
        wanted |= {stored[name] for name in read}
    for group in groups:
        group.writes = [call.output for call in group.calls if call.output.name in wanted]


def _step_time(group: Group, times: Sequence[int], machine: MachineLimit, *, plain: bool) -> StepTime:
    first, *fused = group.calls
    work = [call.op.work(call) for call in group.calls]
    macs = sum(each.gemm.macs for each in work if each.gemm is not None)
    operands, results = _stored_bytes(group.reads), _stored_bytes(group.writes)
    constants = sum(array.nbytes for call in group.calls for array in call.constants.values())
    at_peak = macs / machine.gmac_s / 1e3
    return StepTime(
        step=first.step,
        op=" + ".join(_kind(call) for call in group.calls),
        fused=tuple(call.step for call in fused),
        plain=plain,
        macs=macs,
        vector_operations=sum(count for each in work for count in each.vector.values()),
        operand_bytes=operands,
        result_bytes=results,
        constant_bytes=constants,
        minimum_us=_us(max(min(times), 1)),
        median_us=_us(statistics.median(times)),
        limit_us=max(at_peak, (operands + results + constants) / machine.cache_gb_s / 1e3),
    )


def _kind(call: Call) -> str:
    """The op's name; convolutions of one filter a channel are another kind of work than products."""
    return "depthwise conv2d" if isinstance(call.op, Conv2d) and call.op.groups > 1 else call.op.name


def _stored_bytes(specs: Sequence[TensorSpec]) -> int:
    """As the fast machine stores them."""
    return sum(spec.size * spec.dtype.itemsize for spec in specs)


def _us(nanoseconds: float) -> float:
    return nanoseconds / 1e3
