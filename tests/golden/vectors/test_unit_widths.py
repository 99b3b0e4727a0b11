"""Widths of bare units' arrays: every value that a unit reads or makes fits, and stated widths are the datapath's."""

from __future__ import annotations

import numpy as np
import pytest
from op_cases import BUILDERS
from op_datapaths import IOT_NPU, NARROW, datapath
from softmax_parameters import softmax_parameters

from bittrue.golden.stimuli.views import VIEWS, unit_views
from bittrue.golden.vectors.finish import Provenance
from bittrue.golden.vectors.unit_widths import UnitWidths, unit_widths
from bittrue.golden.vectors.write_units import SetToWrite, write_unit_package
from bittrue.hw_configs.load import load_datapath, names
from bittrue.simulator.kernels import KERNELS
from bittrue.simulator.units import UNITS
from bittrue.spec.datapath import Datapath
from bittrue.spec.errors import IllFormed, OutOfDomain, Unsupported
from bittrue.spec.trace import Trace
from bittrue.spec.units.catalog import unit_arrays, unit_form
from bittrue.spec.units.section import Width
from bittrue.spec.units.softmax import SoftmaxUnit
from bittrue.spec.vectors import Stimuli, UnitVectors

BY = Provenance("", 0, "simulator")
CONTAINER = Width(64, True)


def widths_of(path: Datapath, unit: str, **arrays: object) -> UnitWidths:
    """The widths of a run of the simulator on these arrays."""
    given = unit_arrays(unit_form(path, unit), {name: np.array(array) for name, array in arrays.items()})
    return unit_widths(path, unit, given, UNITS[unit](path, given))


def sets_of(path: Datapath, op: str) -> list[SetToWrite]:
    """The views of a random step on a datapath, with answers; none where it lacks the unit."""
    if {"add": path.add, "layer_norm": path.norm, "group_norm": path.norm}.get(op, path) is None:
        return []
    if op == "softmax":
        return [] if path.softmax is None else [SetToWrite(softmax_vectors(path, path.softmax))]
    try:
        case = BUILDERS[op](np.random.default_rng(7), path)
    except (Unsupported, IllFormed):
        return []
    stages: dict[str, np.ndarray] = {}
    KERNELS[op](case.call, list(case.operands), stages)
    tensors = {spec.name: codes for spec, codes in zip(case.call.inputs, case.operands, strict=True)}
    found = []
    try:
        views = unit_views(case.call, Trace("", "simulator", tensors, {case.call.step: stages}))
    except Unsupported:  # thresholds
        return []
    for view in views:
        own = case.call.datapath.for_op(view.op)
        arrays = unit_arrays(unit_form(own, view.stimuli.unit), view.stimuli.arrays)
        found.append(SetToWrite(UnitVectors(view.stimuli, UNITS[view.stimuli.unit](own, arrays)), view.op))
    return found


def softmax_vectors(path: Datapath, unit: SoftmaxUnit) -> UnitVectors:
    """Rows of eight 8-bit logits through any kind of softmax."""
    rng = np.random.default_rng(3)
    logits = np.append(rng.integers(-128, 128, (4, 8)), [[-128] * 7 + [127]], axis=0)
    stimuli = Stimuli("softmax", "rows", "uniform", {"logits": logits}, softmax_parameters(rng, unit, 8, 8))
    return UnitVectors(stimuli, UNITS["softmax"](path, unit_arrays(unit_form(path, "softmax"), stimuli.arrays)))


def requantizer_sets(path: Datapath) -> list[UnitVectors]:
    """Accumulators over the whole register with random operands of whatever the requantizer reads."""
    unit, rng = path.requantization, np.random.default_rng(5)
    if unit.kind == "thresholds":
        return []
    reach = 1 << (min(unit.input_bits or 32, path.mac.accumulator_bits) - 1)
    top = 1 << unit.multiplier_bits
    made = {
        "accumulator": np.append(rng.integers(-reach, reach, 38), [-reach, reach - 1]),
        "multiplier": rng.integers(-top if unit.multiplier_signed else 0, top, 40),
        "shift": rng.integers(max(unit.shift_min, 1), unit.shift_max + 1, 40),
        "unsigned": rng.integers(0, 2, 40),
        **{name: rng.integers(-(1 << 20), 1 << 20, 40) for name in ("bias", "offset")},
        "zero_point": rng.integers(-128, 128, 40),
        "low": np.full(40, -100),
        "high": np.full(40, 90),
    }
    if unit.kind == "float32":
        made["multiplier"] = np.float32(rng.random(40) * 1e-6)
    form = unit_form(path, "requantize")
    arrays = unit_arrays(form, {port.name: made[port.name] for port in form.ports})
    return [UnitVectors(Stimuli("requantize", "any", "uniform", arrays), UNITS["requantize"](path, arrays))]


@pytest.mark.parametrize("name", names("datapaths"))
def test_every_value_fits_its_width(name: str) -> None:
    """On every packaged datapath, whatever a step drives into its units and they answer can be written."""
    path = load_datapath(name)
    written = len(write_unit_package(path, requantizer_sets(path), None, BY).units)
    for op in sorted(set(VIEWS) - {"activation"}):
        sets = sets_of(path, op)
        if sets:
            written += len(write_unit_package(path, sets, None, BY).units)
    assert written > 0


def test_every_kind_of_activation_fits() -> None:
    """The same for the activation units, each on a datapath of its own."""
    written = 0
    for seed in range(24):
        case = BUILDERS["activation"](np.random.default_rng(seed), IOT_NPU)
        tensors = {case.call.inputs[0].name: case.operands[0]}
        for view in unit_views(case.call, Trace("", "simulator", tensors, {})):
            path = case.call.datapath
            results = UNITS[view.stimuli.unit](
                path, unit_arrays(unit_form(path, view.stimuli.unit), view.stimuli.arrays)
            )
            write_unit_package(path, (UnitVectors(view.stimuli, results),), None, BY)
            written += 1
    assert written == 24


def test_the_default_requantizer() -> None:
    """Accumulator, multiplier and shift have the datapath's registers; codes share one; the rest are containers."""
    found = widths_of(IOT_NPU, "requantize", accumulator=[-5, 7], multiplier=[1 << 30, 3], shift=[31, 1])
    assert found.ports == {
        "accumulator": Width(32, True),
        "multiplier": Width(31, False),
        "shift": Width(6, False),
        "zero_point": Width(8, True),
        "low": Width(8, True),
        "high": Width(8, True),
    }
    assert found.results == {**dict.fromkeys(("product", "rounded", "placed"), CONTAINER), "output": Width(8, True)}


@pytest.mark.parametrize(
    ("low", "high", "width"),
    [
        (0, 255, Width(8, False)),
        (-128, 255, Width(12, True)),
        (0, 127, Width(8, True)),
        (-32768, 32767, Width(16, True)),
    ],
)
def test_codes_and_their_limits_share_a_register(low: int, high: int, width: Width) -> None:
    """The narrowest of 8, 12, 16 and 32 bits that holds both limits, signed where it can be."""
    found = widths_of(IOT_NPU, "requantize", accumulator=[9], multiplier=[1], shift=[1], low=[low], high=[high])
    assert found.ports["low"] == found.ports["high"] == found.results["output"] == width


def test_registers_of_a_narrow_accumulator() -> None:
    """A MAC of 12 bits has accumulators of 12 bits wherever they stand; an exact one has none of its own."""
    narrow = NARROW["wrap12"]
    assert widths_of(narrow, "requantize", accumulator=[9], multiplier=[1], shift=[1]).ports["accumulator"].bits == 12
    mac = widths_of(narrow, "mac", activations=[[1, 2]], weights=[[3], [4]])
    assert mac.results == dict.fromkeys(("register", "output"), Width(12, True))
    assert (mac.ports["activations"], mac.ports["weights"], mac.ports["bias"]) == (
        Width(8, True), Width(8, True), Width(32, True),
    )  # fmt: skip
    assert widths_of(narrow, "accumulate", addends=[[1, 2]]).results["register"] == Width(12, True)
    exact = datapath({"mac.overflow": "exact"})
    assert widths_of(exact, "mac", activations=[[1]], weights=[[3]]).results["register"] == CONTAINER


def test_unsigned_operands_show() -> None:
    """Codes past the signed range make a register unsigned: probabilities of 16 bits, a uint8 image."""
    found = widths_of(IOT_NPU, "mac", activations=[[65535, 0]], weights=[[3], [4]], activation_bits=16, weight_bits=8)
    assert found.ports["activations"] == Width(16, False)


def test_stages_of_a_requantizer_with_registers() -> None:
    """NVDLA's: the offset's stage is a container, the shifted value has 17 bits, the multiplier a sign."""
    nvdla = load_datapath("nvdla_small")
    found = widths_of(nvdla, "requantize", accumulator=[9], multiplier=[-7], shift=[1])
    assert found.results["limited"] == Width(17, True) and found.ports["multiplier"] == Width(16, True)
    assert found.results["centred"] == CONTAINER


def test_a_value_past_a_stated_width_is_refused_by_name() -> None:
    """An accumulator of 40 bits cannot be driven into a port of 32."""
    driven = {"accumulator": np.array([1 << 40]), "multiplier": np.array([1]), "shift": np.array([20])}
    stimuli = Stimuli("requantize", "wide", "directed", driven)
    arrays = unit_arrays(unit_form(IOT_NPU, "requantize"), driven)
    with pytest.raises(OutOfDomain, match="does not fit") as error:
        write_unit_package(IOT_NPU, (UnitVectors(stimuli, UNITS["requantize"](IOT_NPU, arrays)),), None, BY)
    assert error.value.where == "set requantize.wide: requantize.wide accumulator[0]"
