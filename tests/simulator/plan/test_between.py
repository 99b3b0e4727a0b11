"""Runs from one cut of a program to another: the bits of a run that is not interrupted."""

from __future__ import annotations

import itertools
from functools import cache

import numpy as np
import pytest
from hand_program import PROGRAM
from hypothesis import given, settings
from hypothesis import strategies as st
from small_models import pictures, small_plan

from bittrue.golden.reference import Reference
from bittrue.simulator.engine import Simulator
from bittrue.spec.cuts import Cut, cuts
from bittrue.spec.errors import BadInput, OutOfDomain
from bittrue.workflow import lower


@cache
def small() -> Simulator:
    """A residual block and an attention, some steps of which are views and some tables that are taken along."""
    return Simulator(lower(small_plan()))


@pytest.fixture
def machine() -> Simulator:
    """The same one for all tests: what earlier runs have left in it is part of the test."""
    return small()


def test_the_cuts_of_a_program() -> None:
    """What is live between the steps of a chain is one tensor; the first is the image, the last the output."""
    found = cuts(PROGRAM)
    names = ("image", *(step.name for step in PROGRAM.steps))
    assert found == tuple(Cut(index, (name,)) for index, name in enumerate(names))


def test_live_tensors_decide_the_rest(machine: Simulator) -> None:
    """To any cut and from it on, in any order of cuts, the tensors are the judge's: what other runs have left in the
    buffers plays no part."""
    judge = Reference(machine.program)
    whole = {index: judge.run(picture[None]).tensors for index, picture in enumerate(pictures(2, seed=7))}
    assert len(machine.cuts) > 20 and any(len(cut.tensors) >= 3 for cut in machine.cuts)
    assert len(machine.cuts) < len(machine.program.steps) + 1, "no table is taken along: a case less"
    end, output = machine.cuts[-1], machine.program.output
    for index, tensors in whole.items():
        for cut in reversed(machine.cuts):
            given = {each: tensors[each] for each in cut.tensors}
            assert np.array_equal(machine.between(given, cut, end)[output], tensors[output]), (index, cut)
            reached = machine.between({machine.program.input: tensors[machine.program.input]}, machine.cuts[0], cut)
            assert all(np.array_equal(reached[each], tensors[each]) for each in cut.tensors), (index, cut)


@settings(max_examples=40, deadline=None, derandomize=True)
@given(st.sets(st.integers(1, 10_000), max_size=4))
def test_any_way_through_the_cuts(picked: set[int]) -> None:
    """Stopped as often as one likes, and images taken in turns."""
    machine = small()
    way = sorted({index % len(machine.cuts) for index in picked} | {0, len(machine.cuts) - 1})
    images = pictures(2, seed=11)
    here = [{machine.program.input: image[None]} for image in images]
    for begin, stop in itertools.pairwise(way):
        here = [machine.between(given, machine.cuts[begin], machine.cuts[stop]) for given in here]
    wanted = machine.outputs(images)
    assert np.array_equal(np.concatenate([found[machine.program.output] for found in here]), wanted)


def test_a_run_keeps_what_an_earlier_one_gave(machine: Simulator) -> None:
    """Tensors that were read are copies, whatever their width: the next image changes none of them."""
    first, second = pictures(2, seed=13)
    output = machine.program.output
    found = machine.run(first[None], keep="output").tensors[output]
    before = found.copy()
    assert not np.array_equal(machine.run(second[None], keep="output").tensors[output], before)
    assert np.array_equal(found, before)


def test_refusals(machine: Simulator) -> None:
    """Other names, codes out of range, backwards, and a cut that is none of the machine's."""
    start, end = machine.cuts[0], machine.cuts[-1]
    image = {machine.program.input: pictures(1)}
    with pytest.raises(BadInput, match="not the cut's tensors"):
        machine.between({"picture": pictures(1)}, start, end)
    with pytest.raises(OutOfDomain):
        machine.between({machine.program.input: pictures(1).astype(np.int64) + 1000}, start, end)
    for begin, stop in ((end, start), (start, Cut(3, ("nothing",)))):
        with pytest.raises(BadInput, match="from one cut"):
            machine.between(image, begin, stop)
