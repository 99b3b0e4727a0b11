"""Rules that hold for every op: what a result may not depend on."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from op_agreement import agree
from op_cases import BUILDERS
from op_datapaths import EVERY, IOT_NPU
from op_parts import Case

from bittrue.simulator.kernels import KERNELS
from bittrue.spec.ops import OPS

OP_NAMES = sorted(OPS)


@settings(max_examples=300, deadline=None, derandomize=True)
@given(st.sampled_from(OP_NAMES), st.sampled_from(sorted(EVERY)), st.integers(0, 2**32 - 1))
def test_kernel_and_judge_agree(name: str, path: str, seed: int) -> None:
    """Any op through any datapath, default shapes, any seed."""
    agree(BUILDERS[name](np.random.default_rng(seed), EVERY[path]))


def test_every_op_has_a_builder() -> None:
    """No op escapes the tests of this file."""
    assert sorted(BUILDERS) == OP_NAMES


@pytest.mark.parametrize("name", OP_NAMES)
def test_constants_of_any_integer_dtype(name: str) -> None:
    """A program's digest does not see the dtype of a constant, so no result may depend on it."""
    case = BUILDERS[name](np.random.default_rng(1), IOT_NPU)
    wanted = agree(case)
    for dtypes in (("int8", "int16", "int32", "int64"), ("int64",), ("uint8", "uint16", "uint32", "int64")):
        constants = {}
        for role, array in case.call.constants.items():
            fitting = [
                dtype for dtype in dtypes if np.iinfo(dtype).min <= array.min() and array.max() <= np.iinfo(dtype).max
            ]
            constants[role] = array.astype(fitting[0])
        found = agree(Case(replace(case.call, constants=constants), case.operands))
        assert (found.output == wanted.output).all()
        assert all((found.stages[stage] == wanted.stages[stage]).all() for stage in wanted.stages)


@pytest.mark.parametrize("name", OP_NAMES)
def test_operands_of_any_memory_layout(name: str) -> None:
    """Strided, Fortran-ordered and read-only operands are the same operands."""
    case = BUILDERS[name](np.random.default_rng(2), IOT_NPU)
    wanted = agree(case).output
    fortran = tuple(np.asfortranarray(codes) for codes in case.operands)
    strided = tuple(np.repeat(codes, 2, axis=-1)[..., ::2] for codes in case.operands)
    frozen = tuple(codes.copy() for codes in case.operands)
    for codes in frozen:
        codes.setflags(write=False)
    for operands in (fortran, strided, frozen):
        found = KERNELS[name](case.call, operands, {})
        assert (found == wanted).all()
        assert found.flags.c_contiguous


@pytest.mark.parametrize("name", OP_NAMES)
def test_operands_and_constants_stay_as_they_are(name: str) -> None:
    """A kernel writes into its result only, and its result shares no memory with a stage."""
    case = BUILDERS[name](np.random.default_rng(3), IOT_NPU)
    operands = [codes.copy() for codes in case.operands]
    constants = {role: array.copy() for role, array in case.call.constants.items()}
    stages: dict[str, np.ndarray] = {}
    output = KERNELS[name](case.call, case.operands, stages)
    output_before = output.copy()
    for stage in stages.values():
        if stage.flags.writeable:
            stage[...] = 0
    assert (output == output_before).all()
    assert all((before == now).all() for before, now in zip(operands, case.operands, strict=True))
    assert all((before == case.call.constants[role]).all() for role, before in constants.items())


@pytest.mark.parametrize("name", [name for name in OP_NAMES if OPS[name].roles])
def test_frozen_constants(name: str) -> None:
    """Constants that nobody may write to are read all the same."""
    case = BUILDERS[name](np.random.default_rng(4), IOT_NPU)
    for array in case.call.constants.values():
        array.setflags(write=False)
    agree(case)
