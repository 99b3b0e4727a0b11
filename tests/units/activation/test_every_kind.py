"""Every activation unit equals its formulas on Python integers, for every 8-bit code and many of 16 bits."""

from __future__ import annotations

import typing

import numpy as np
import pytest
from activation_plain import PLAIN, plain
from activation_units import EXAMPLES, Example, every_array, some_codes
from hypothesis import given, settings
from hypothesis import strategies as st

from bittrue.calibration.lowering.activation import KINDS as LOWERINGS
from bittrue.simulator.units.activation import KINDS
from bittrue.spec.arithmetic import code_range
from bittrue.spec.errors import BittrueError, OutOfDomain
from bittrue.spec.units.activation import AnyActivation, Function


def agree(example: Example, arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The unit's stages and output have their names, order, type and shape, and are those of the plain statement."""
    found, wanted = KINDS[example.unit.kind](example.unit, arrays), plain(example.unit, arrays)
    assert list(found) == list(wanted) == [*example.unit.stages, "output"]
    for name, values in found.items():
        assert (values.dtype, values.shape) == (np.int64, arrays["codes"].shape), name
        different = np.argwhere(values != wanted[name])
        assert not len(different), f"{name}{different[0]}: {values[tuple(different[0])]} ({len(different)} differ)"
    return found


@settings(max_examples=180, deadline=None, derandomize=True)
@given(st.sampled_from(sorted(EXAMPLES)), st.integers(0, 2**32 - 1))
def test_every_configuration(name: str, seed: int) -> None:
    """Random formats and constants; every code of 8 bits or fewer, 256 of 16 bits, ends included."""
    rng, example = np.random.default_rng(seed), EXAMPLES[name]
    codes = some_codes(rng, example)
    agree(example, every_array(rng, example, codes.reshape(4, 2, -1) if codes.size % 8 == 0 else codes))


@pytest.mark.parametrize("name", sorted(EXAMPLES))
def test_codes_of_any_type_and_layout(name: str) -> None:
    """int8 or int16 codes, strided, read-only and of shape (), give the same integers; nothing is written to."""
    rng, example = np.random.default_rng(1), EXAMPLES[name]
    codes = some_codes(rng, example)[:32].reshape(4, 8)
    arrays = every_array(rng, example, codes)
    wanted = agree(example, arrays)
    narrow = codes.astype(f"{'int' if example.source.signed else 'uint'}{8 if example.source.bits <= 8 else 16}")
    frozen = {key: values.copy() for key, values in arrays.items()}
    for values in frozen.values():
        values.setflags(write=False)
    for other in (narrow, np.asfortranarray(codes), np.repeat(codes, 2, axis=1)[:, ::2]):
        found = KINDS[example.unit.kind](example.unit, {**frozen, "codes": other})
        assert all((found[key] == wanted[key]).all() for key in wanted)
    if example.unit.elementwise:
        alone = KINDS[example.unit.kind](example.unit, {**frozen, "codes": codes[1, 3]})
        assert {key: int(values) for key, values in alone.items()} == {k: v[1, 3] for k, v in wanted.items()}


@pytest.mark.parametrize("name", [name for name, example in EXAMPLES.items() if example.unit.elementwise])
def test_parameters_along_the_last_axis_and_for_each_element(name: str) -> None:
    """A parameter may differ along the last axis, or between elements: each element goes by its own."""
    example = EXAMPLES[name]
    scalar = [port.name for port in (*example.unit.formats, *example.unit.parameters) if port.axes == ("any",)]
    codes = some_codes(np.random.default_rng(2), example)[:24].reshape(2, 4, 3)
    sets = [every_array(np.random.default_rng(seed), example, codes) for seed in range(24)]
    shared = {key: values for key, values in sets[0].items() if key not in scalar}
    for shape in ((3,), (2, 4, 3), (4, 1)):
        count = int(np.prod(shape))
        own = {key: np.array([int(np.ravel(part[key])[0]) for part in sets[:count]]).reshape(shape) for key in scalar}
        agree(example, {**shared, **own})


def test_every_kind_has_a_statement_an_example_and_a_lowering() -> None:
    """The registries name the kinds of the contract, and every function has a unit."""
    union = typing.get_args(typing.get_args(AnyActivation)[0])
    kinds = {typing.get_args(kind.model_fields["kind"].annotation)[0] for kind in union}
    assert kinds == set(KINDS) == set(PLAIN) == set(LOWERINGS) == {example.unit.kind for example in EXAMPLES.values()}
    assert all(example.unit.serves(example.function) for example in EXAMPLES.values())
    assert {function for kind in union for function in kind.functions} == set(typing.get_args(Function))


@pytest.mark.parametrize("name", sorted(EXAMPLES))
def test_ports_say_what_a_unit_reads(name: str) -> None:
    """A unit runs on exactly the arrays that its ports name, and its own check accepts them without a program."""
    example = EXAMPLES[name]
    rng = np.random.default_rng(3)
    arrays = every_array(rng, example, some_codes(rng, example))
    assert list(arrays) == [port.name for port in example.unit.ports]
    example.unit.check_alone("unit", arrays)
    for port in example.unit.ports:
        if port.default is None and port.name not in ("low", "high"):
            with pytest.raises(KeyError):
                KINDS[example.unit.kind](example.unit, {k: v for k, v in arrays.items() if k != port.name})


@pytest.mark.parametrize("name", sorted(EXAMPLES))
def test_codes_outside_the_width_are_refused(name: str) -> None:
    """One past either end of the unit's input width."""
    example = EXAMPLES[name]
    arrays = every_array(np.random.default_rng(4), example, np.zeros(3, np.int64))
    for outside in (1 << 17, -(1 << 17)):
        with pytest.raises(OutOfDomain, match="outside the unit's input width"):
            example.unit.check_alone("unit", {**arrays, "codes": np.array([0, outside])})


@pytest.mark.parametrize("name", sorted(EXAMPLES))
def test_codes_that_are_too_wide_are_refused(name: str) -> None:
    """A tensor one bit wider than the unit takes."""
    example = EXAMPLES[name]
    arrays = every_array(np.random.default_rng(4), example, np.zeros(3, np.int64))
    source = type(example.source)(example.unit.input_bits_max + 1, example.source.signed)
    with pytest.raises(BittrueError, match="too wide for the activation unit"):
        example.unit.check("unit", source, example.output, arrays)


@settings(max_examples=120, deadline=None, derandomize=True)
@given(st.sampled_from(sorted(EXAMPLES)), st.integers(0, 2**32 - 1))
def test_stated_widths_hold(name: str, seed: int) -> None:
    """No parameter and no stage leaves the register that the unit states for it."""
    rng, example = np.random.default_rng(seed), EXAMPLES[name]
    arrays = every_array(rng, example, some_codes(rng, example))
    found = KINDS[example.unit.kind](example.unit, arrays)
    stated = {
        **example.unit.parameter_widths(example.source, example.output),
        **example.unit.stage_widths(example.source, example.output),
    }
    known = {**arrays, **found, "accumulator": found["output"]}
    assert set(stated) <= set(known)
    for role, width in stated.items():
        low, high = code_range(width.bits, width.signed)
        assert low <= known[role].min(), role
        assert known[role].max() <= high, role


@pytest.mark.parametrize("name", sorted(name for name, example in EXAMPLES.items() if example.unit.requantizes))
def test_reach_holds_every_output(name: str) -> None:
    """What a unit states as its largest magnitude is not exceeded, and some constants come within a factor of 4."""
    example, closest = EXAMPLES[name], 0.0
    for seed in range(12):
        rng = np.random.default_rng(seed)
        arrays = every_array(rng, example, some_codes(rng, example))
        largest = int(np.abs(KINDS[example.unit.kind](example.unit, arrays)["output"]).max())
        reach = example.unit.reach(example.source, {key: np.atleast_1d(values) for key, values in arrays.items()})
        assert largest <= reach
        closest = max(closest, largest / reach)
    assert closest > 0.25
