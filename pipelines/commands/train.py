"""``mueca train``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from pipelines.commands.data_options import reads_data
from pipelines.commands.options import JsonOption, SchedulerOption, StrictOption, WorkersOption
from pipelines.commands.recipe_options import given, options_of, with_options
from pipelines.training.fields import TrainFields
from pipelines.utils.console import table

group = typer.Typer()


@group.command(
    epilog="What is not given is as the network's source did it. Interrupted, the same command goes on from "
    "the last epoch. Examples: mueca train --backbone ucm-f --data fer2013 --mirror --schedule cosine; "
    "mueca train --recipe configs/train-ucm-networks.yaml --runs 1"
)
@reads_data
@with_options(options_of(TrainFields))
def train(
    context: typer.Context,
    data: Annotated[
        str | None, typer.Option("--data", help="Name, folder of class/*.jpg, or table of files and labels.")
    ] = None,
    recipe: Annotated[
        Path | None, typer.Option(help="YAML of several trainings; see configs/train-*.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Folder for weights, card, history; default: results/train-BACKBONE.")
    ] = None,
    *,
    runs: Annotated[
        int | None,
        typer.Option(min=1, help="Train so often, from seed, seed + 1, ...; default: 1, or the recipe's."),
    ] = None,
    strict: StrictOption = False,
    scheduler: SchedulerOption = None,
    workers: WorkersOption = None,
    json: JsonOption = False,
    **_fields: Any,
) -> None:
    """Train a network; what comes out is used as --backbone 'NAME(weights="PATH")'."""
    from pipelines.training.train import run
    from pipelines.utils import console
    from pipelines.utils.cluster import connect

    asked = training(context, recipe)
    with connect(scheduler, workers) as cluster:
        found = run(
            data, asked, out, recipe=recipe, runs=runs, strict=strict, progress=console.ConsoleProgress(),
            cluster=cluster,
        )  # fmt: skip
    if json:
        console.as_json(found)
    else:
        print_training(found)


def training(context: Any, recipe: Path | None) -> dict[str, Any]:
    """Return the fields of a recipe that ``mueca train`` was given; none where it was given a file.

    Raises
    ------
    ValueError
        If neither a recipe nor a network is given, or both.
    """
    fields = given(TrainFields, context.params)
    if recipe is not None:
        said = [n for n in (*fields, "data") if context.get_parameter_source(n).name == "COMMANDLINE"]
        if said:
            raise ValueError(f"--recipe says it all; leave out --{said[0].replace('_', '-')}, or the recipe")
        return {}
    if not context.params["data"] or not context.params["backbone"]:
        raise ValueError("give --backbone and --data, or --recipe; see: mueca train --help")
    return fields


def print_training(found: dict[str, Any]) -> None:
    """Show what a training reached: one card, the statistics of several runs, or a table of trainings."""
    if "trainings" in found:
        print(f"{found['name']}: {found['question']}")
        table(("training", "runs", "split", "mean", "max", "min", "var"), found["trainings"])
    elif "runs" in found:
        print(f"{found['backbone']}, {found['runs']} runs, accuracy in per cent")
        splits = [{"split": k, **v} for k, v in found.items() if isinstance(v, dict)]
        table(("split", "mean", "max", "min", "var"), splits)
    else:
        print(f"{found['network']}: epoch {found['epoch']} of {found['epochs']}; {found['protocol']}")
        recalls = found.get("uar", {})
        shown = [{"split": k, "accuracy": v, "uar": recalls.get(k)} for k, v in found["accuracy"].items()]
        table(("split", "accuracy", "uar"), shown)
        print(f"weights: {found['path']}")
