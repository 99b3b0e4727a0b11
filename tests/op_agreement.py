"""Run a case through the kernel and the judge, and state rules a third time on Python integers.

For the tests of the ops. `agree` is the rule of the house: kernel and judge give the same integers, in the
output and in every stage, both give what the plain statement of the test gives, where it has one, and the fast
machine gives the kernel's output.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numba
import numpy as np
import torch
from numpy.random import Generator
from numpy.typing import NDArray
from op_parts import Case
from plain_units import finished_sum, leaving, register_code, requantized, row_tiles
from plan_agreement import planned, planned_with_table

from bittrue.golden.ops import JUDGES
from bittrue.simulator.kernels import KERNELS
from bittrue.spec.datapath import Mac
from bittrue.spec.op import Call

Array = NDArray[np.integer]
Plain = Callable[[Call, tuple[Array, ...]], Mapping[str, Any]]
"""States an op on Python integers: nested lists or object arrays by stage name, the codes under "output"."""


@dataclass(frozen=True)
class Result:
    """What both statements said."""

    output: Array
    stages: Mapping[str, Array]


def agree(case: Case, plain: Plain | None = None) -> Result:
    """Run both statements, with stages and without; refuse any difference in values, shapes or dtypes."""
    call, kernel, judge = case.call, KERNELS[case.call.op.name], JUDGES[case.call.op.name]
    found: dict[str, np.ndarray] = {}
    wanted: dict[str, torch.Tensor] = {}
    output = kernel(call, case.operands, found)
    judged = judge(call, [torch.from_numpy(codes.astype(np.int64)) for codes in case.operands], wanted)
    assert (output.dtype, output.shape) == (call.output.dtype, call.output.shape)
    call.output.check_codes(output)
    same(call, "output", output, judged.numpy())
    assert list(found) == list(wanted) == list(call.op.stages_on(call.datapath))
    for name, stage in found.items():
        assert (stage.dtype, wanted[name].dtype) == (np.int64, torch.int64), name
        same(call, name, stage, wanted[name].numpy())
    same(call, "output without stages", kernel(call, case.operands, None), output)
    if not numba.config.DISABLE_JIT:  # type: ignore[attr-defined]  # 65,536 pairs take long in plain Python
        agree_planned(case, output)
    if plain is not None:
        for name, values in plain(call, case.operands).items():
            actual = output if name == "output" else found[name]
            same(
                call, f"{name} against Python integers", actual, np.array(values, dtype=np.int64).reshape(actual.shape)
            )
    return Result(output, found)


def agree_planned(case: Case, output: Array) -> None:
    """Refuse any difference between the kernel's output and the fast machine's, alone and with a table behind."""
    for keep_all in (False, True):
        found, _ = planned(case, keep_all=keep_all)
        assert found.dtype == output.dtype
        same(case.call, "output of the plan", found, output)
    spec = case.call.output
    if spec.axis is None and spec.bits <= 8:
        low, high = spec.code_range
        table = np.random.default_rng(0).integers(-128, 128, high - low + 1)
        found, _ = planned_with_table(case, table)
        same(case.call, "table behind the plan's output", found, table[output.astype(np.int64) - low])


def same(call: Call, what: str, a: Array, b: Array) -> None:
    """Equal shapes and integers, or an error that names the first difference."""
    assert a.shape == b.shape, f"{call.op.name} {what}: shape {a.shape} is not {b.shape}"
    different = np.argwhere(a.astype(np.int64) != b.astype(np.int64))
    if len(different):
        index = tuple(different[0])
        raise AssertionError(
            f"{call.op} {what}{[int(i) for i in index]}: {a[index]} is not {b[index]} ({len(different)} differ)"
        )


def with_operands(case: Case, *operands: Array) -> Case:
    """The case with other codes; scalars fill a tensor."""
    return replace(
        case,
        operands=tuple(
            np.ascontiguousarray(np.broadcast_to(codes, spec.shape).astype(spec.dtype))
            for codes, spec in zip(operands, case.call.inputs, strict=True)
        ),
    )


def extremes(case: Case, rng: Generator) -> Iterator[Case]:
    """The case with every operand at one end of its range, at the other, and at a random mixture of both."""
    ends = [spec.code_range for spec in case.call.inputs]
    for choice in range(1 << len(ends)):
        yield with_operands(case, *(np.array(end[choice >> index & 1]) for index, end in enumerate(ends)))
    yield with_operands(case, *(rng.choice(end, spec.shape) for end, spec in zip(ends, case.call.inputs, strict=True)))


def accumulated(mac: Mac, terms: Iterable[int], bias: int = 0) -> int:
    """The accumulator of a one-dimensional reduction on Python integers."""
    return leaving(mac, finished_sum(mac, row_tiles(mac, [int(term) for term in terms]), bias))


def factors(call: Call, operands: tuple[Array, ...]) -> tuple[Array, ...]:
    """What the multiplier of matmul and weighted_sum reads of its operands, as Python integers."""
    centred = (codes.astype(object) - spec.zero_point[0] for codes, spec in zip(operands, call.inputs, strict=True))
    return tuple(
        np.vectorize(lambda code, bits=spec.bits: register_code(call.datapath.mac, code, bits), otypes=[object])(codes)
        for codes, spec in zip(centred, call.inputs, strict=True)
    )


def element(values: Any, channel: int) -> int:
    """The one value, or that of the channel."""
    return int(values[channel if len(values) > 1 else 0])


def finished(call: Call, accumulator: int, channel: int = 0) -> tuple[int, int]:
    """The value in front of the zero point and the output code of one accumulator on Python integers."""
    unit, constants = call.requantizer, call.constants
    ends = (element(call.output.zero_point, channel), *call.output.code_range)
    if unit.kind == "thresholds":
        row = constants["thresholds"][channel if len(constants["thresholds"]) > 1 else 0].tolist()
        found = requantized(unit, accumulator, 1, 0, *ends, thresholds=row)
    else:
        multiplier, shift = (element(constants[role], channel) for role in ("multiplier", "shift"))
        found = requantized(unit, accumulator, multiplier, shift, *ends)
    return found.get("limited", found["rounded"]), found["output"]
