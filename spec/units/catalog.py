"""Units that can run alone, by the names of `bittrue unit`: what each reads and makes on a datapath.

The names of arrays are the same for every datapath; which of them a unit reads follows from its kind.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import get_args

import numpy as np

from bittrue.spec.arithmetic import INT64_LIMIT
from bittrue.spec.datapath import Datapath
from bittrue.spec.errors import BadInput, OutOfDomain, Unsupported
from bittrue.spec.units.activation import Function
from bittrue.spec.units.core import (
    ACCUMULATE_PORTS,
    ACCUMULATE_STAGES,
    MAC_PORTS,
    MAC_STAGES,
    check_accumulate,
    check_mac,
    check_placed,
    check_requantize,
    reach,
    requantize_ports,
    requantize_stages,
    within,
)
from bittrue.spec.units.mean import check_mean, mean_ports, mean_stages
from bittrue.spec.units.mul import check_mul, mul_ports, mul_stages
from bittrue.spec.units.norm.unit import CODE_ZERO_POINT, NormUnit
from bittrue.spec.units.section import Arrays, Integers, Port, Width


@dataclass(frozen=True)
class UnitForm:
    """How one unit of one datapath runs alone."""

    kind: str
    """Which algorithm the datapath has."""
    ports: tuple[Port, ...]
    stages: tuple[str, ...]
    check: Callable[[Arrays], None]
    """Refuses arrays that the unit cannot hold; shapes and types are checked before."""


@dataclass(frozen=True)
class UnitEntry:
    """One line of the catalog."""

    summary: str
    form: Callable[[Datapath], UnitForm | None]
    """None where the datapath has no such unit."""


def unit_form(datapath: Datapath, unit: str) -> UnitForm:
    """How a unit runs on a datapath; raises BadInput for an unknown unit, Unsupported for one that it lacks."""
    if unit not in UNITS:
        raise BadInput("there is no unit of this name", got=unit, expected=", ".join(UNITS))
    form = UNITS[unit].form(datapath)
    if form is None:
        raise Unsupported(
            f"the datapath has no {unit} unit",
            where=f"datapath {datapath.name}",
            expected=f"one of {', '.join(name for name, entry in UNITS.items() if entry.form(datapath))}",
            next_step="bittrue unit --list shows which datapath has which unit",
        )
    return form


def unit_arrays(form: UnitForm, given: Mapping[str, np.ndarray]) -> dict[str, Integers]:
    """The arrays of a run as int64, defaults filled in; refuses missing, unknown and non-integer ones."""
    known = {port.name for port in form.ports}
    needed = [port.name for port in form.ports if port.default is None and not port.optional]
    missing = [name for name in needed if name not in given]
    unknown = sorted(set(given) - known)
    if missing or unknown:
        what = "lacks arrays that the unit reads" if missing else "holds arrays that the unit does not read"
        raise BadInput(
            f"the input {what}", got=", ".join(missing or unknown), expected=", ".join(port.name for port in form.ports)
        )
    read = [port for port in form.ports if port.name in given or port.default is not None]
    arrays = {port.name: _integers(port, given) for port in read}
    form.check(arrays)
    return arrays


def _integers(port: Port, given: Mapping[str, np.ndarray]) -> Integers:
    if port.name not in given:
        return np.array(port.default, np.int64)
    array = given[port.name]
    if port.kind == "float32" and array.dtype == np.float32:
        array = np.ascontiguousarray(array).view(np.int32)
    if not np.issubdtype(array.dtype, np.integer) or (array.dtype == np.uint64 and (array >> np.uint64(63)).any()):
        raise BadInput(
            "an array holds no integers that fit int64",
            where=f"array {port.name}",
            got=array.dtype,
            expected="float32, or its bits as int32" if port.kind == "float32" else "an integer type",
        )
    return array.astype(np.int64)


def _requantize(datapath: Datapath) -> UnitForm:
    unit = datapath.requantization
    twice = "" if unit.second is None else f", then {unit.second}"
    rule = "" if unit.kind == "thresholds" else f", {unit.rounding}{twice}"
    return UnitForm(unit.kind + rule, requantize_ports(unit), requantize_stages(unit), partial(check_requantize, unit))


def _accumulate(datapath: Datapath) -> UnitForm:
    return UnitForm(
        f"{datapath.mac.accumulator_bits} bits, {datapath.mac.overflow}",
        ACCUMULATE_PORTS,
        ACCUMULATE_STAGES,
        partial(check_accumulate, datapath.mac),
    )


def _mac(datapath: Datapath) -> UnitForm:
    mac = datapath.mac
    kind = f"{mac.products} {mac.activation_bits_max}x{mac.weight_bits_max}"
    return UnitForm(kind, MAC_PORTS, MAC_STAGES, partial(check_mac, mac))


def _softmax(datapath: Datapath) -> UnitForm | None:
    unit = datapath.softmax
    if unit is None:
        return None

    def check(arrays: Arrays) -> None:
        logits = _rows(arrays["logits"], "logits")
        unit.check("logits", register_of(logits), logits.shape[-1], _named(arrays, unit.parameters))

    return UnitForm(unit.kind, unit.ports, unit.stages, check)


def _norm(datapath: Datapath) -> UnitForm | None:
    unit = datapath.norm
    if unit is None:
        return None
    own = (*unit.parameters, CODE_ZERO_POINT) if unit.reads_zero_point else unit.parameters

    def check(arrays: Arrays) -> None:
        codes = _rows(arrays["codes"], "codes")
        width, n, constants = register_of(codes), codes.shape[-1], _named(arrays, own)
        unit.check("codes", width, n, constants)
        check_placed(arrays)
        if unit.has_affine:
            check_affine(unit, unit.normalized_max(width, n, constants), arrays)

    return UnitForm(unit.kind, unit.ports, unit.stages, check)


def check_affine(unit: NormUnit, largest: int, arrays: Arrays) -> None:
    """Refuse gamma, beta and shift that the unit has no registers for, and products past 63 bits."""
    within(arrays, "multiplier", -(1 << unit.multiplier_bits) + 1, (1 << unit.multiplier_bits) - 1)
    within(arrays, "shift", 1, unit.shift_max)
    total = largest * reach(arrays["multiplier"]) + reach(arrays["bias"]) + (1 << (unit.shift_max - 1))
    if total >= INT64_LIMIT:
        raise OutOfDomain(
            "gamma and beta may not fit 63 bits and a sign",
            where="arrays multiplier and bias",
            got=f"magnitude up to 2**{total.bit_length()}",
            expected="below 2**63",
        )


def _table(datapath: Datapath) -> UnitForm | None:
    unit = datapath.table
    if not _executes(datapath, "table"):
        return None

    def check(arrays: Arrays) -> None:
        low, entries = int(arrays["input_low"].max()), arrays["table"].size
        within(arrays, "codes", low, low + entries - 1)
        if arrays["table"].ndim != 1 or entries > 1 << unit.input_bits_max:
            raise OutOfDomain(
                "the table has the wrong shape",
                where="array table",
                got=arrays["table"].shape,
                expected=f"at most {1 << unit.input_bits_max} entries",
            )

    return UnitForm("direct", unit.ports, unit.stages, check)


def _activation(function: Function) -> Callable[[Datapath], UnitForm | None]:
    def form(datapath: Datapath) -> UnitForm | None:
        unit = datapath.activation.get(function)
        if unit is None:
            return None
        check = partial(unit.check_alone, function)
        return UnitForm(unit.kind, unit.ports, unit.stages, check)

    return form


def _add(datapath: Datapath) -> UnitForm | None:
    unit = datapath.add
    if unit is None:
        return None

    def check(arrays: Arrays) -> None:
        check_placed(arrays)
        for name in ("a", "b", "zero_point_a", "zero_point_b"):
            within(arrays, name, -(1 << 31), (1 << 31) - 1)
        unit.check_codes("arrays of add", arrays)
        reaches = tuple(reach(arrays[name] - arrays[f"zero_point_{name}"]) for name in ("a", "b"))
        unit.check("arrays a and b", (reaches[0], reaches[1]), _named(arrays, unit.parameters))

    return UnitForm(unit.kind, unit.ports, unit.stages, check)


def _mul(datapath: Datapath) -> UnitForm | None:
    if not _executes(datapath, "mul"):
        return None
    unit = datapath.requantizer("mul")
    return UnitForm(unit.kind, mul_ports(unit), mul_stages(unit), partial(check_mul, unit))


def _mean(datapath: Datapath) -> UnitForm | None:
    if not _executes(datapath, "mean"):
        return None
    mean, unit = datapath.mean, datapath.requantizer("mean")
    return UnitForm(mean.kind, mean_ports(mean, unit), mean_stages(mean, unit), partial(check_mean, mean, unit))


def _executes(datapath: Datapath, op: str) -> bool:
    return datapath.ops is None or op in datapath.ops


def _rows(array: Integers, name: str) -> Integers:
    if array.ndim != 2 or not array.size:
        raise OutOfDomain("the unit reads rows", where=f"array {name}", got=array.shape, expected="[rows, n]")
    return array


def _named(arrays: Arrays, ports: tuple[Port, ...]) -> dict[str, Integers]:
    return {port.name: np.atleast_1d(arrays[port.name]) for port in ports}


def register_of(codes: Integers) -> Width:
    """The narrowest standard register (8, 12, 16, 32 bits) that holds all codes, signed where it can be."""
    low, high = int(codes.min()), int(codes.max())
    for bits in (8, 12, 16, 32):
        if -(1 << (bits - 1)) <= low and high < 1 << (bits - 1):
            return Width(bits, True)
        if low >= 0 and high < 1 << bits:
            return Width(bits, False)
    raise OutOfDomain("codes are too wide for any unit", got=f"{low}..{high}", expected="at most 32 bits")


UNITS: dict[str, UnitEntry] = {
    "mac": UnitEntry("matrix product through every register of the MAC", _mac),
    "accumulate": UnitEntry("the accumulator register behind the adders", _accumulate),
    "requantize": UnitEntry("accumulator -> code", _requantize),
    "add": UnitEntry("two activations of different scales -> their sum", _add),
    "mul": UnitEntry("two activations -> their product", _mul),
    "mean": UnitEntry("rows of codes -> their averages", _mean),
    "table": UnitEntry("code -> code by one read-only memory", _table),
    **{
        name: UnitEntry(f"{name} by a unit of its own, without a direct table", _activation(name))
        for name in get_args(Function)
    },
    "softmax": UnitEntry("rows of logits -> probability codes", _softmax),
    "norm": UnitEntry("rows of codes -> normalized, gamma and beta applied", _norm),
}
"""In the order in which data meets them."""
