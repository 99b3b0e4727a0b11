"""How many bits an array of a bare unit has in a vector file.

For write_units.py. A width that the datapath states is taken; codes get the narrowest of 8, 12, 16 and 32 bits that
holds all of a set's, signed where it can be (`register_of`), the same for an output and its limits; other operands the
least standard width, signed. A stage whose width the datapath does not state gets a container of 64 bits, signed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import get_args

import numpy as np

from bittrue.golden.vectors.widths import CONTAINER, least_width
from bittrue.spec.arithmetic import code_range
from bittrue.spec.datapath import Datapath
from bittrue.spec.ops.add import unit_of as add_of
from bittrue.spec.units.activation import Function
from bittrue.spec.units.catalog import register_of, unit_form
from bittrue.spec.units.mac import Mac
from bittrue.spec.units.requantization import RequantizationUnit
from bittrue.spec.units.section import Arrays, Integers, Width

Widths = dict[str, Width]
FLOAT32 = Width(32, False)


@dataclass(frozen=True)
class UnitWidths:
    """Widths by port and by result; a port and a stage may bear one name."""

    ports: Mapping[str, Width]
    results: Mapping[str, Width]


def unit_widths(datapath: Datapath, unit: str, arrays: Arrays, results: Arrays) -> UnitWidths:
    """The width of every array that the unit read and of everything that it made.

    arrays: all that the unit reads, defaults filled in. results: every stage, and "output".
    """
    stated_ports, stated_results = _STATED[unit](datapath, arrays, results)
    kinds = {port.name: port.kind for port in unit_form(datapath, unit).ports}
    ports = {
        name: FLOAT32 if kinds.get(name) == "float32" and int(array.min()) >= 0 else least_width(array)
        for name, array in arrays.items()
    }
    return UnitWidths(
        {name: stated_ports.get(name, width) for name, width in ports.items()},
        {name: stated_results.get(name, CONTAINER) for name in results},
    )


def _requantize(datapath: Datapath, arrays: Arrays, results: Arrays) -> tuple[Widths, Widths]:
    ports, stages = _requantizer(datapath.requantization, arrays, results)
    return {"accumulator": accumulator_width(datapath.mac, leaving=True), **ports}, stages


def _requantizer(unit: RequantizationUnit, arrays: Arrays, results: Arrays) -> tuple[Widths, Widths]:
    """Of the requantizer wherever it stands."""
    ports = _placed(arrays, results)
    stages = {"output": ports["high"]}
    if unit.kind == "integer":
        ports["multiplier"] = Width(unit.multiplier_bits + unit.multiplier_signed, unit.multiplier_signed)
    if unit.kind != "float32":
        ports["shift"] = Width(unit.shift_max.bit_length(), False)
    ports["unsigned"] = Width(1, False)
    # Read as unsigned, the register's codes need a sign bit more.
    entered = None if unit.input_bits is None else unit.input_bits + 1
    product = unit.product_bits
    if unit.bias == "after_multiply" and product is not None and "bias" in arrays:
        product = None if unit.bias_sum_bits is None else unit.bias_sum_bits
    stated = {
        "entered": entered,
        "lifted": unit.lifted_bits,
        "product": product,
        "high": unit.high_bits,
        "limited": unit.shifted_bits,
        "placed": unit.placed_bits,
    }
    return ports, stages | {name: Width(bits, True) for name, bits in stated.items() if bits is not None}


def _accumulate(datapath: Datapath, arrays: Arrays, results: Arrays) -> tuple[Widths, Widths]:
    mac, register = datapath.mac, accumulator_width(datapath.mac)
    ports = {"bias": Width(mac.bias_bits, True), "initial": register, "pre_shift": Width(5, False)}
    if mac.adder_bits is not None:
        ports["addends"] = Width(mac.adder_bits, True)
    return ports, {"register": register, "output": accumulator_width(mac, leaving=True)}


def _mac(datapath: Datapath, arrays: Arrays, results: Arrays) -> tuple[Widths, Widths]:
    ports = {
        f"{name}s": _operand(int(arrays[f"{name}_bits"].max()), arrays[f"{name}s"]) for name in ("activation", "weight")
    }
    ports["bias"] = Width(datapath.mac.bias_bits, True)
    register = accumulator_width(datapath.mac)
    return ports, {"register": register, "output": accumulator_width(datapath.mac, leaving=True)}


def _add(datapath: Datapath, arrays: Arrays, results: Arrays) -> tuple[Widths, Widths]:
    unit, placed = add_of(datapath), _placed(arrays, results)
    ports = {**unit.parameter_widths, **_operands(arrays), **placed}
    return ports, {**unit.stage_widths, "output": placed["high"]}


def _mul(datapath: Datapath, arrays: Arrays, results: Arrays) -> tuple[Widths, Widths]:
    ports, stages = _requantizer(datapath.requantizer("mul"), arrays, results)
    return {**_operands(arrays), **ports}, stages


def _mean(datapath: Datapath, arrays: Arrays, results: Arrays) -> tuple[Widths, Widths]:
    if datapath.mean.kind == "folded":
        ports, stages = _requantizer(datapath.requantizer("mean"), arrays, results)
    else:
        ports = _placed(arrays, results)
        stages = {"output": ports["high"]}
    ports["codes"] = register_of(arrays["codes"])
    return ports, {"accumulator": accumulator_width(datapath.mac, leaving=True), **stages}


def _table(datapath: Datapath, arrays: Arrays, results: Arrays) -> tuple[Widths, Widths]:
    low, entries = int(arrays["input_low"].max()), arrays["table"].size
    output = register_of(arrays["table"])
    codes = Width(max((entries - 1).bit_length(), 1), low < 0)
    least, most = code_range(codes.bits, codes.signed)
    if low < least or low + entries - 1 > most:
        codes = register_of(np.array([low, low + entries - 1]))
    return {"codes": codes, "input_low": codes, "table": output}, {"output": output}


def _softmax(datapath: Datapath, arrays: Arrays, results: Arrays) -> tuple[Widths, Widths]:
    unit = datapath.required(datapath.softmax, "softmax")
    logits, n = register_of(arrays["logits"]), arrays["logits"].shape[-1]
    form = unit.output(n)
    stages = {**unit.stage_widths(logits, n), "output": Width(form.bits, form.signed)}
    return {"logits": logits, **unit.parameter_widths}, stages


def _norm(datapath: Datapath, arrays: Arrays, results: Arrays) -> tuple[Widths, Widths]:
    unit, placed = datapath.required(datapath.norm, "norm"), _placed(arrays, results)
    codes, n = register_of(arrays["codes"]), arrays["codes"].shape[-1]
    stages = {**unit.stage_widths(codes, n), "output": placed["high"]}
    return {"codes": codes, **unit.parameter_widths, **placed}, stages


def _activation(function: Function) -> Callable[[Datapath, Arrays, Arrays], tuple[Widths, Widths]]:
    def stated(datapath: Datapath, arrays: Arrays, results: Arrays) -> tuple[Widths, Widths]:
        unit = datapath.required(datapath.activation.get(function), f"activation.{function}")
        source, output = register_of(arrays["codes"]), unit.output_alone(Width(unit.input_bits_max, True))
        if "low" in arrays and int(arrays["low"].min()) >= 0:
            output = Width(output.bits, False)
        made = unit.stage_widths(source, output).get("accumulator", CONTAINER) if unit.requantizes else output
        if not unit.requantizes:
            made = _holding(made, results["output"])
        stages = {**unit.stage_widths(source, output), "output": made}
        limits = {name: made for name in ("low", "high") if name in arrays and not unit.requantizes}
        return {"codes": source, **unit.parameter_widths(source, output), **limits}, stages

    return stated


def accumulator_width(mac: Mac, *, leaving: bool = False) -> Width:
    """The width of the MAC's register; or that at which it leaves the unit."""
    if leaving and mac.output_bits is not None:
        return Width(mac.output_bits, True)
    return CONTAINER if mac.overflow == "exact" else Width(mac.accumulator_bits, True)


def _operands(arrays: Arrays) -> Widths:
    width = register_of(np.array([end for name in ("a", "b") for end in _ends(arrays[name])]))
    return {"a": width, "b": width}


def _placed(arrays: Arrays, results: Arrays) -> Widths:
    """Of an output code and its limits."""
    made = [end for name in ("low", "high") if name in arrays for end in _ends(arrays[name])]
    width = _codes([*made, *_ends(results["output"])])
    return {"low": width, "high": width}


def _codes(ends: list[int]) -> Width:
    """A register of codes; wider than `register_of` where limits are no codes (an activation without a limit)."""
    held = np.array(ends, np.int64)
    return register_of(held) if held.min() >= -(1 << 31) and held.max() < 1 << 32 else least_width(held)


def _holding(width: Width, codes: Integers) -> Width:
    low, high = code_range(width.bits, width.signed)
    return width if low <= int(codes.min()) and int(codes.max()) <= high else _codes(list(_ends(codes)))


def _operand(bits: int, codes: Integers) -> Width:
    """A multiplier's operand: its bits are stated, its sign shows."""
    return Width(bits, int(codes.max()) < 1 << (bits - 1))


def _ends(array: Integers) -> tuple[int, int]:
    return int(array.min()), int(array.max())


_STATED: Mapping[str, Callable[[Datapath, Arrays, Arrays], tuple[Widths, Widths]]] = {
    "mac": _mac,
    "accumulate": _accumulate,
    "requantize": _requantize,
    "add": _add,
    "mul": _mul,
    "mean": _mean,
    "table": _table,
    **{name: _activation(name) for name in get_args(Function)},
    "softmax": _softmax,
    "norm": _norm,
}
"""What the datapath states of each unit's ports and results."""
