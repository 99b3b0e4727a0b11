"""Digests of tensors: equal ones mean equal bits, and everything that decides a bit is in one."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

import numpy as np
import pytest
import torch
from hand_program import PROGRAM
from hypothesis import given, settings
from hypothesis import strategies as st
from op_cases import BUILDERS
from op_datapaths import EVERY, IOT_NPU, datapath
from op_kinds import DIVISIONS, NORMS, SOFTMAXES, any_softmax_case, divided_matmul_case, divided_weighted_sum_case
from op_parts import Case
from plan_agreement import planned

from bittrue.golden.ops import JUDGES
from bittrue.simulator.kernels import KERNELS
from bittrue.spec.datapath import Datapath
from bittrue.spec.ops import OPS
from bittrue.spec.program import Program, with_bound
from bittrue.spec.tensor_digests import DECIDING, REFUSING, tensor_digests
from bittrue.spec.units.mac import Mac

READ: set[str] = set()
"""Sections of a watched datapath, and fields of its MAC, that were looked at."""


class WatchedMac(Mac):
    """Notes each field that is read."""

    def __getattribute__(self, name: str) -> Any:
        if name in Mac.model_fields:
            READ.add(f"mac.{name}")
        return super().__getattribute__(name)


class Watched(Datapath):
    """Notes each section that is read."""

    def __getattribute__(self, name: str) -> Any:
        if name in Datapath.model_fields:
            READ.add(name)
        return super().__getattribute__(name)


def watched(path: Datapath) -> Watched:
    """The same datapath, observed."""
    sections = {name: getattr(path, name) for name in Datapath.model_fields}
    sections["mac"] = WatchedMac.model_construct(**{name: getattr(path.mac, name) for name in Mac.model_fields})
    return Watched.model_construct(**sections)


def read_by(case: Case) -> set[str]:
    """What kernel, fast machine and judge of a case read of its datapath."""
    call = replace(case.call, datapath=watched(case.call.datapath))
    found = Case(call, case.operands)
    READ.clear()
    KERNELS[call.op.name](call, found.operands, {})
    JUDGES[call.op.name](call, [torch.from_numpy(codes.astype(np.int64)) for codes in found.operands], {})
    planned(found, keep_all=False)
    return set(READ)


CASES = {
    **{f"{op} {path}": (BUILDERS[op], path) for op in OPS for path in list(EVERY.values())[::5]},
    **{f"softmax {name}": (any_softmax_case, path) for name, path in SOFTMAXES.items()},
    **{f"norm {name}": (BUILDERS["group_norm"], path) for name, path in NORMS.items() if "fq_vit" not in name},
    **{
        f"divided {name}": (lambda rng, path: divided_matmul_case(rng, path, transpose_b=False), path)
        for name, path in DIVISIONS.items()
    },
    **{f"divided sum {name}": (divided_weighted_sum_case, path) for name, path in DIVISIONS.items()},
}


def test_no_statement_reads_what_its_digest_does_not_cover() -> None:
    """Kernel, fast machine and judge of every op look at the sections of DECIDING and at no other, and at no field that
    is said to refuse alone; a product looks at the softmax only where it divides."""
    rng = np.random.default_rng(0)
    seen: set[str] = set()
    for name, (build, path) in CASES.items():
        case = build(rng, path)
        read = read_by(case)
        allowed = (
            {"mac", *DECIDING[case.call.op.name]} if case.call.bound is not None else {*DECIDING[case.call.op.name]}
        )
        if not getattr(case.call.op, "divide_by_row_sum", case.call.op.name == "softmax"):
            allowed.discard("softmax")
        sections = {each for each in read if "." not in each} - {"name", "ops"}
        assert sections <= allowed, f"{name} reads {sections - allowed}"
        assert not {f"mac.{field}" for field in REFUSING} & read, name
        seen |= sections
    assert set(DECIDING) == set(OPS)
    assert seen == {section for sections in DECIDING.values() for section in sections}


def proved(program: Program) -> Program:
    """With its bounds proved anew."""
    return replace(program, steps=tuple(with_bound(program, step) for step in program.steps))


def behind(name: str) -> set[str]:
    """A tensor of the hand-made program and all that follow from it; it is a chain."""
    names = [*PROGRAM.inputs, *(step.name for step in PROGRAM.steps)]
    return set(names[names.index(name) :])


def changed(program: Program) -> set[str]:
    """Tensors whose digests are others than those of the hand-made program."""
    before, after = tensor_digests(PROGRAM), tensor_digests(program)
    return {name for name in before if before[name] != after[name]}


@settings(max_examples=150, deadline=None, derandomize=True)
@given(st.data())
def test_a_constant_decides_its_step_and_what_follows(data: st.DataObject) -> None:
    """Adding 1 to any element changes the digests from there on, and none before."""
    key = data.draw(st.sampled_from(sorted(PROGRAM.constants)))
    array = PROGRAM.constants[key].astype(np.int64)
    array.reshape(-1)[data.draw(st.integers(0, array.size - 1))] += 1
    program = proved(replace(PROGRAM, constants={**PROGRAM.constants, key: array}))
    assert changed(program) == behind(key.partition("/")[0])


@pytest.mark.parametrize("name", sorted(PROGRAM.tensors))
@pytest.mark.parametrize("field", ["shape", "bits", "signed", "zero_point"])
def test_a_format_decides_its_tensor_and_what_follows(name: str, field: str) -> None:
    """Shape, width, sign and zero point; scales decide nothing."""
    spec = PROGRAM.tensors[name]
    other: dict[str, Any] = {
        "shape": (*spec.shape, 1),
        "bits": spec.bits - 1,
        "signed": not spec.signed,
        "zero_point": tuple(zero + 1 for zero in spec.zero_point),
    }
    given_bounds = replace(PROGRAM, tensors={**PROGRAM.tensors, name: replace(spec, **{field: other[field]})})
    assert changed(given_bounds) == behind(name)
    rescaled = replace(spec, scale=tuple(2 * scale for scale in spec.scale), origin="elsewhere")
    assert not changed(replace(PROGRAM, tensors={**PROGRAM.tensors, name: rescaled}))


@pytest.mark.parametrize(
    ("change", "first"),
    [
        ({"requantization.rounding": "floor"}, "conv"),
        ({"requantization.of": {"linear": {"rounding": "floor"}}}, "logits"),
        ({"requantization.of": {"mean": {"shift_max": 50}}}, "pooled"),
        ({"mac.weight_bits_max": 9}, "conv"),
        ({"mac.output_bits": 20}, "conv"),
        ({"mac.accumulator_bits": 8, "mac.overflow": "wrap"}, "conv"),
        ({"mean": {"kind": "folded", "reciprocal": "truncated"}}, "pooled"),
        ({"mac.accumulator_bits": 40}, None),
        ({"mac.overflow": "wrap"}, None),
        ({"mac.probability_bits_max": 9}, None),
        ({"add.rounding": "floor"}, None),
        ({"softmax.rounding": "floor"}, None),
        ({"table.input_bits_max": 9}, None),
        ({"name": "other", "source": "elsewhere"}, None),
    ],
    ids=str,
)
def test_a_datapath_decides_the_steps_that_use_it(change: dict[str, object], first: str | None) -> None:
    """From the first step on that uses the key; an accumulator that is proved to hold every sum decides nothing."""
    program = proved(replace(PROGRAM, datapath=datapath(change)))
    assert changed(program) == (behind(first) if first is not None else set())


def test_an_accumulator_that_is_not_proved_decides() -> None:
    """Two widths and two rules, all too narrow: four digests, and the same up to the first product."""
    found = []
    for bits in (8, 9):
        for overflow in ("wrap", "saturate"):
            path = datapath({"mac.accumulator_bits": bits, "mac.overflow": overflow})
            found.append(tensor_digests(proved(replace(PROGRAM, datapath=path))))
    assert len({each["conv"] for each in found}) == 4
    assert len({each["quantized"] for each in found}) == 1


def test_attributes_decide() -> None:
    """Any other attribute of any step is another tensor."""
    base = tensor_digests(PROGRAM)
    for index, step in enumerate(PROGRAM.steps):
        for field in fields(step.op):
            value = getattr(step.op, field.name)
            other = {int: lambda v: v + 1, str: lambda v: v + "x", tuple: lambda v: (*v, 1)}.get(type(value))
            if other is None:
                continue
            op = replace(step.op, **{field.name: other(value)})
            steps = (*PROGRAM.steps[:index], replace(step, op=op), *PROGRAM.steps[index + 1 :])
            assert tensor_digests(replace(PROGRAM, steps=steps))[step.name] != base[step.name], (step.name, field.name)


def test_names_decide_nothing() -> None:
    """Another name for every tensor, and the same digests in the same order."""
    new = {name: f"other_{name}" for name in PROGRAM.tensors}
    tensors = {new[name]: replace(spec, name=new[name]) for name, spec in PROGRAM.tensors.items()}
    steps = tuple(
        replace(step, name=new[step.name], inputs=tuple(new[name] for name in step.inputs)) for step in PROGRAM.steps
    )
    constants = {f"{new[key.partition('/')[0]]}/{key.partition('/')[2]}": a for key, a in PROGRAM.constants.items()}
    renamed = replace(
        PROGRAM, tensors=tensors, steps=steps, constants=constants, inputs=(new["image"],), output=new["logits"]
    )
    assert list(tensor_digests(renamed).values()) == list(tensor_digests(PROGRAM).values())
    assert PROGRAM.datapath == IOT_NPU
