"""bittrue calibrate."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bittrue.calibration.options import METHOD_NAMES, CalibrationOptions
from bittrue.cli.options import ImageSource, Json, Seed, names, whole_number
from bittrue.cli.output import print_json, print_rows, progress_bars


def register(app: typer.Typer) -> None:
    """Add the verb."""

    @app.command()
    def calibrate(
        model: Annotated[str, typer.Argument(metavar="MODEL", help="A timm model, such as mobilevit_xxs.")],
        images: ImageSource,
        out: Annotated[Path, typer.Option("--out", help="The plan to write (.safetensors).")],
        weights: Annotated[
            str, typer.Option("--weights", help='A .safetensors or .pth file, or "pretrained".')
        ] = "pretrained",
        side: Annotated[
            int | None, typer.Option("--side", help="Image side in pixels that the model takes; default its own.")
        ] = None,
        limit: Annotated[int, typer.Option("--limit", min=1, help="Calibration images at most.")] = 32,
        method: Annotated[str, typer.Option("--method", help=", ".join(METHOD_NAMES) + ".")] = "minmax",
        activation_bits: Annotated[int, typer.Option("--activation-bits", help="2..16")] = 8,
        weight_bits: Annotated[int, typer.Option("--weight-bits", help="2..16")] = 8,
        output_bits: Annotated[int, typer.Option("--output-bits", help="Bits of the logits, 2..16.")] = 16,
        preactivation_bits: Annotated[
            int | None,
            typer.Option("--preactivation-bits", help="Of what only an activation function reads; default as others."),
        ] = None,
        residual_bits: Annotated[
            int | None,
            typer.Option("--residual-bits", help="Of what only additions, norms and means read; default as others."),
        ] = None,
        score_bits: Annotated[
            int | None, typer.Option("--score-bits", help="Of what a softmax reads; default as others.")
        ] = None,
        weight_budget: Annotated[
            float | None,
            typer.Option("--weight-budget", help="Mean bits of all weights: layers get --mixed-bits by sensitivity."),
        ] = None,
        activation_budget: Annotated[
            float | None,
            typer.Option("--activation-budget", help="Mean bits of all that multipliers read, in the same way."),
        ] = None,
        mixed_bits: Annotated[
            str, typer.Option("--mixed-bits", help="Widths to choose from under a budget, 2..8 each.")
        ] = "2,3,4,5,6,7,8",
        activation_granularity: Annotated[
            str, typer.Option("--activation-granularity", help="tensor or channel")
        ] = "tensor",
        weight_granularity: Annotated[str, typer.Option("--weight-granularity", help="tensor or channel")] = "channel",
        activation_scheme: Annotated[
            str, typer.Option("--activation-scheme", help="symmetric or asymmetric")
        ] = "asymmetric",
        bridge: Annotated[
            bool, typer.Option("--bridge/--no-bridge", help="Judge layers of a bridge block at its end (q-hyvit).")
        ] = True,
        mixed_granularity: Annotated[
            bool,
            typer.Option("--mixed-granularity/--no-mixed-granularity", help="Search the granularity (q-hyvit)."),
        ] = True,
        mixed_scheme: Annotated[
            bool, typer.Option("--mixed-scheme/--no-mixed-scheme", help="Search the scheme (q-hyvit).")
        ] = True,
        bridge_scheme: Annotated[
            str,
            typer.Option("--bridge-scheme", help="Of what bridge blocks read: searched, symmetric or asymmetric."),
        ] = "searched",
        seed: Seed = 0,
        json: Json = False,
    ) -> None:
        """Choose scales for a trained model on unlabelled images: float model -> plan."""
        from bittrue import workflow

        options = CalibrationOptions(
            method=method,
            activation_bits=activation_bits,
            weight_bits=weight_bits,
            output_bits=output_bits,
            preactivation_bits=preactivation_bits,
            residual_bits=residual_bits,
            score_bits=score_bits,
            weight_budget=weight_budget,
            activation_budget=activation_budget,
            mixed_bits=tuple(whole_number("--mixed-bits", bits) for bits in names(mixed_bits)),
            activation_granularity=activation_granularity,  # type: ignore[arg-type]
            weight_granularity=weight_granularity,  # type: ignore[arg-type]
            activation_scheme=activation_scheme,  # type: ignore[arg-type]
            bridge=bridge,
            mixed_granularity=mixed_granularity,
            mixed_scheme=mixed_scheme,
            bridge_scheme=bridge_scheme,  # type: ignore[arg-type]
            seed=seed,
        )
        with progress_bars(quiet=json) as progress:
            plan = workflow.calibrate(
                model,
                weights=weights,
                images=images,
                out=out,
                options=options,
                side=side,
                limit=limit,
                progress=progress,
            )
        facts = {
            "plan": str(out),
            "digest": plan.digest(),
            "nodes": len(plan.graph.nodes),
            "tensors": len(plan.tensors),
            "weights": len(plan.weights),
            **plan.provenance,
        }
        if json:
            print_json(facts)
        else:
            print_rows(f"plan of {model}", [(key, str(value)) for key, value in facts.items()])
