"""hw: list, show and check hardware descriptions, and their JSON schemas for editors."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

from bittrue.hw_configs.load import Kind, kind_of, load_config, load_datapath, load_machine, names, whole_description
from bittrue.hw_configs.schema import json_schema
from bittrue.hw_configs.units import unit_of
from bittrue.simulator.cost.area import area
from bittrue.spec.datapath import Datapath
from bittrue.spec.errors import BadInput
from bittrue.spec.machine import HwConfig, Machine

KINDS: tuple[Kind, ...] = get_args(Kind)


@dataclass(frozen=True)
class HardwareName:
    """One packaged description."""

    kind: Kind
    name: str
    description: str


@dataclass(frozen=True)
class HardwareKey:
    """One key of a description."""

    path: str
    value: str
    unit: str
    source: str


def hw_list(kind: Kind | None = None) -> tuple[HardwareName, ...]:
    """The packaged descriptions, of one kind or of all."""
    found = []
    for each in KINDS if kind is None else (kind,):
        for name in names(each):
            found.append(HardwareName(each, name, _description(each, name)))
    return tuple(found)


def hw_show(name: str, kind: Kind | None = None) -> tuple[HardwareKey, ...]:
    """Every key of a packaged description or of a file, what it inherits included; first found of config, machine,
    datapath where `kind` is not given."""
    chosen = kind or _kind(name)
    table = whole_description(chosen, name)
    return tuple(_keys(table, ""))


def hw_check(path: Path, kind: Kind | None = None) -> dict[str, str]:
    """Facts of a sound file; raises BittrueError that names file, key, unit and the nearest known name."""
    chosen = kind or kind_of(path)
    if chosen == "datapaths":
        datapath = load_datapath(path)
        return {"kind": "datapath", "name": datapath.name, "accumulator": f"{datapath.mac.accumulator_bits} bits"}
    if chosen == "machines":
        return {"kind": "machine", "name": load_machine(path).name, **_facts(load_machine(path), 32)}
    config = load_config(path)
    facts = _facts(config.machine, config.datapath.mac.accumulator_bits)
    return {"kind": "config", "name": config.name, "datapath": config.datapath.name, **facts}


def hw_schema(kind: Kind = "machines") -> dict[str, Any]:
    """The JSON schema of one kind of file, with `inherits`."""
    if kind == "configs":
        raise BadInput("a config has four keys and no schema", got=kind, expected="machines or datapaths")
    return json_schema(Datapath if kind == "datapaths" else Machine)


def _facts(machine: Machine, accumulator_bits: int) -> dict[str, str]:
    macs = machine.array.rows * machine.array.cols
    return {
        "multipliers": f"{macs:,} of {machine.array.operand_bits} x {machine.array.second_port_bits} bits",
        "peak": f"{macs * machine.clock_mhz / 1000:,.1f} GMAC/s at {machine.clock_mhz} MHz",
        "on chip": f"{machine.buffers.activation_kib} KiB of activations, {machine.buffers.weight_kib} KiB of weights",
        "area proxy": f"{area(machine, accumulator_bits).total_mm2:.2f} mm2 in 45 nm",
    }


def _kind(name: str) -> Kind:
    if name.endswith(".toml"):
        return kind_of(Path(name))
    for kind in ("configs", "machines", "datapaths"):
        if name in names(kind):
            return kind
    load_machine(name)  # refuses with the nearest known name
    raise BadInput("there is no such description", got=name)


def _description(kind: Kind, name: str) -> str:
    if kind == "machines":
        return load_machine(name).description
    if kind == "datapaths":
        return load_datapath(name).source
    config: HwConfig = load_config(name)
    return f"datapath {config.datapath.name}, machine {config.machine.name}"


def _keys(table: dict[str, Any], path: str) -> list[HardwareKey]:
    sources = table.get("source")
    known = sources if isinstance(sources, dict) else {}
    found = []
    for key, value in table.items():
        if key == "source" and isinstance(value, dict):
            continue
        here = f"{path}{key}"
        if isinstance(value, dict):
            found += _keys(value, f"{here}.")
        elif isinstance(value, list) and value and isinstance(value[0], dict):
            for index, item in enumerate(value):
                found += _keys(item, f"{here}[{index}].")
        else:
            found.append(HardwareKey(here, str(value), unit_of(key), str(known.get(key, ""))))
    return found
