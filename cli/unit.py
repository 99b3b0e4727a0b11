"""bittrue unit."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bittrue.cli.options import Json
from bittrue.cli.output import print_json, print_rows, print_table

if TYPE_CHECKING:
    from bittrue.workflow.unit import By, UnitLine


def register(app: typer.Typer) -> None:
    """Add the verb."""

    @app.command()
    def unit(
        name: Annotated[str | None, typer.Argument(metavar="[UNIT]", help="mac, requantize, softmax, ... ")] = None,
        datapath: Annotated[
            str, typer.Option("--datapath", help="Name of hw_configs/datapaths, or a TOML file.")
        ] = "iot_npu",
        inputs: Annotated[Path | None, typer.Option("--inputs", help="Arrays by name (.npz).")] = None,
        out: Annotated[Path | None, typer.Option("--out", help="Where to write the results (.npz).")] = None,
        stages: Annotated[bool, typer.Option("--stages", help="Write every intermediate value, too.")] = False,
        op: Annotated[
            str | None, typer.Option("--op", help="Take the requantizer as this operator has it (linear, mul, ...).")
        ] = None,
        reference: Annotated[bool, typer.Option("--reference", help="Run the PyTorch reference instead.")] = False,
        list_units: Annotated[bool, typer.Option("--list", help="Show which datapath has which unit.")] = False,
        json: Json = False,
    ) -> None:
        """Run one unit of a datapath on arrays: what should my requantizer say for these inputs?"""
        from bittrue import workflow
        from bittrue.spec.errors import BadInput

        if list_units:
            _list(workflow.unit_list(), json=json)
            return
        if name is None:
            raise BadInput("which unit?", expected="a UNIT, or --list", next_step="bittrue unit --list")
        if inputs is None:
            _describe(name, datapath, op, json=json)
            return
        by: By = "reference" if reference else "simulator"
        found = workflow.unit(name, datapath=datapath, inputs=inputs, out=out, stages=stages, op=op, by=by)
        facts = {key: list(array.shape) for key, array in found.items()}
        if json:
            print_json({"unit": name, "datapath": datapath, "by": by, "out": out and str(out), "arrays": facts})
        else:
            print_rows(f"{name} of {datapath}", [(key, f"int64 {shape}") for key, shape in facts.items()])


def _list(lines: tuple[UnitLine, ...], *, json: bool) -> None:
    datapaths = list(dict.fromkeys(line.datapath for line in lines))
    units = list(dict.fromkeys(line.unit for line in lines))
    kinds = {(line.datapath, line.unit): line.kind for line in lines}
    if json:
        print_json({path: {unit: kinds[path, unit] for unit in units} for path in datapaths})
        return
    there = {
        path: [f"{unit} ({kinds[path, unit]})" for unit in units if kinds[path, unit] != "-"] for path in datapaths
    }
    print_rows("units of each datapath", [(path, ", ".join(found)) for path, found in there.items()])


def _describe(name: str, datapath: str, op: str | None, *, json: bool) -> None:
    """What the unit reads and makes."""
    from bittrue.hw_configs.load import load_datapath
    from bittrue.spec.units.catalog import unit_form

    form = unit_form(load_datapath(datapath).for_op(op), name)
    if json:
        ports = [
            {"name": port.name, "axes": port.axes, "default": port.default, "meaning": port.meaning}
            for port in form.ports
        ]
        print_json({"unit": name, "datapath": datapath, "kind": form.kind, "reads": ports, "stages": form.stages})
        return
    print_table(
        f"{name} of {datapath}: {form.kind}",
        ("array", "axes", "default", "meaning"),
        [
            (
                port.name,
                f"[{', '.join(port.axes)}]",
                "none" if port.optional else "required" if port.default is None else str(port.default),
                port.meaning,
            )
            for port in form.ports
        ],
    )
    print_rows("makes", [("stages", ", ".join(form.stages) or "none"), ("output", "int64")])
