"""bittrue hw."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from bittrue.cli.options import Json
from bittrue.cli.output import print_json, print_rows, print_table
from bittrue.spec.errors import BadInput

if TYPE_CHECKING:
    from bittrue.hw_configs.load import Kind

KindName = Annotated[str | None, typer.Option("--kind", help="machines, datapaths or configs.")]


def register(app: typer.Typer) -> None:
    """Add the verb with its four commands."""
    hw = typer.Typer(help="Hardware descriptions: what there is, what it says, whether a file is sound.")
    app.add_typer(hw, name="hw", no_args_is_help=True)

    @hw.command("list")
    def list_(kind: KindName = None, json: Json = False) -> None:
        """The packaged machines, datapaths and configs."""
        from bittrue import workflow

        found = workflow.hw_list(_kind(kind))
        if json:
            print_json({"hardware": [{"kind": e.kind, "name": e.name, "description": e.description} for e in found]})
            return
        print_table("hardware", ("kind", "name", "what"), [(e.kind, e.name, e.description) for e in found])

    @hw.command()
    def show(
        name: Annotated[str, typer.Argument(metavar="NAME", help="A packaged name, or a TOML file.")],
        kind: KindName = None,
        json: Json = False,
    ) -> None:
        """Every key with its value, its unit and its source, what is inherited included."""
        from bittrue import workflow

        keys = workflow.hw_show(name, _kind(kind))
        if json:
            print_json({key.path: {"value": key.value, "unit": key.unit, "source": key.source} for key in keys})
            return
        for key in keys:
            typer.echo("  ".join(part for part in (f"{key.path} = {key.value}", key.unit, _source(key.source)) if part))

    @hw.command()
    def check(
        file: Annotated[Path, typer.Argument(metavar="FILE", help="A TOML file of your own.")],
        kind: KindName = None,
        json: Json = False,
    ) -> None:
        """Whether a file is sound: exit code 0, or 2 with the key, its unit and the nearest known name."""
        from bittrue import workflow

        facts = workflow.hw_check(file, _kind(kind))
        if json:
            print_json(facts)
            return
        print_rows(f"{file} is sound", list(facts.items()))

    @hw.command()
    def schema(kind: KindName = None) -> None:
        """The JSON schema of machine files (or of --kind datapaths), for editors."""
        from bittrue import workflow

        print_json(workflow.hw_schema(_kind(kind) or "machines"))


def _source(text: str) -> str:
    return f"# {text}" if text else ""


def _kind(text: str | None) -> Kind | None:
    if text is None or text in ("machines", "datapaths", "configs"):
        return cast("Kind | None", text)
    raise BadInput("there is no such kind", where="--kind", got=text, expected="machines, datapaths or configs")
