"""``mueca train``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from pipelines.commands.options import (
    ClipOption,
    EqualizeOption,
    JsonOption,
    Precision,
    StrictOption,
    TileOption,
    share_or_name,
)
from pipelines.utils.console import table

group = typer.Typer()


@group.command(
    epilog="What is not given is as the network's source did it. Interrupted, the same command goes on from "
    "the last epoch. Examples: mueca train --backbone ucm-f --data fer2013 --mirror --schedule cosine; "
    "mueca train --recipe configs/train-ucm-networks.yaml --runs 1"
)
def train(
    context: typer.Context,
    data: Annotated[str | None, typer.Option("--data", help="Name or folder of class/*.jpg.")] = None,
    backbone: Annotated[str | None, typer.Option("--backbone", help="Network; see: mueca list.")] = None,
    recipe: Annotated[
        Path | None, typer.Option(help="YAML of several trainings; see configs/train-*.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Folder for weights, card, history; default: results/train-BACKBONE.")
    ] = None,
    start: Annotated[
        str | None, typer.Option(help="Start from weights: published, a file, a name that ships.")
    ] = None,
    epochs: Annotated[int | None, typer.Option(help="At most so many.")] = None,
    batch: Annotated[int | None, typer.Option(help="Pictures a step.")] = None,
    learning_rate: Annotated[float | None, typer.Option()] = None,
    loss: Annotated[Literal["categorical_crossentropy", "squared_hinge"] | None, typer.Option()] = None,
    optimizer: Annotated[Literal["adam", "sgd"] | None, typer.Option()] = None,
    momentum: Annotated[float | None, typer.Option(help="Of SGD.")] = None,
    schedule: Annotated[
        Literal["constant", "cosine", "exponential"] | None, typer.Option(help="Of the rate.")
    ] = None,
    decay_rate: Annotated[float | None, typer.Option(help="Of the exponential schedule.")] = None,
    decay_steps: Annotated[int | None, typer.Option(help="After so many steps each time.")] = None,
    nesterov: Annotated[bool | None, typer.Option("--nesterov/--no-nesterov", help="Of SGD.")] = None,
    weight_decay: Annotated[float | None, typer.Option(help="A step's share of the weights.")] = None,
    label_smoothing: Annotated[float | None, typer.Option(help="Share of targets for all classes.")] = None,
    mixup: Annotated[float | None, typer.Option(help="Mix pairs by a share from Beta(x, x).")] = None,
    average: Annotated[int | None, typer.Option(help="Average the weights of so many last epochs.")] = None,
    teacher: Annotated[
        str | None, typer.Option(help="Trained networks whose answers are mixed into the labels; NAME+NAME.")
    ] = None,
    teacher_share: Annotated[float, typer.Option(min=0, max=1, help="Its share of the targets.")] = 0.5,
    mirror: Annotated[bool, typer.Option("--mirror", help="Add mirrored training samples.")] = False,
    augment: Annotated[
        str | None,
        typer.Option(help="none, strong, ipn, or of flip,shift,rotation,zoom,erasing,crop,blur,angles."),
    ] = None,
    sampling: Annotated[
        Literal["tim", "uniform", "first"], typer.Option(help="How a clip is brought to the frames.")
    ] = "tim",
    every: Annotated[int, typer.Option(min=1, help="Epochs between two looks at validation.")] = 1,
    equalize: EqualizeOption = "none",
    tile: TileOption = 4,
    clip: ClipOption = 4.0,
    fit_on: Annotated[
        Literal["train", "train+validation"], typer.Option(help="With the second, the last epoch is kept.")
    ] = "train",
    validation: Annotated[
        str, typer.Option(help="Share of train to choose the epoch on, or a split.")
    ] = "0.1",
    test: Annotated[
        str,
        typer.Option(
            help="Split that tests, or a share held out of train: 0.2 where there is no test split."
        ),
    ] = "test",
    patience: Annotated[
        int, typer.Option(min=0, help="Stop after so many epochs without gain; 0: never.")
    ] = 10,
    precision: Annotated[Precision, typer.Option()] = "auto",
    device: Annotated[Literal["auto", "cpu", "gpu"], typer.Option()] = "auto",
    seed: Annotated[int, typer.Option(min=0)] = 0,
    runs: Annotated[
        int | None,
        typer.Option(min=1, help="Train so often, from seed, seed + 1, ...; default: 1, or the recipe's."),
    ] = None,
    strict: StrictOption = False,
    json: JsonOption = False,
) -> None:
    """Train a network; what comes out is used as --backbone 'NAME(weights="PATH")'."""
    from pipelines.training.train import run
    from pipelines.utils import console

    fields = training(context, recipe)
    found = run(
        data, fields, out, recipe=recipe, runs=runs, strict=strict, progress=console.ConsoleProgress()
    )
    if json:
        console.as_json(found)
    else:
        print_training(found)


def training(context: Any, recipe: Path | None) -> dict[str, Any]:
    """Return the fields of a `TrainRecipe` that ``mueca train`` was given.

    Raises
    ------
    ValueError
        If neither a recipe nor a network is given, or both.
    """
    from pipelines.training.recipe import TrainRecipe

    given = {k: v for k, v in context.params.items() if k in TrainRecipe.model_fields and v is not None}
    if recipe is not None:
        said = [n for n in (*given, "data") if context.get_parameter_source(n).name == "COMMANDLINE"]
        if said:
            raise ValueError(f"--recipe says it all; leave out --{said[0].replace('_', '-')}, or the recipe")
        return {}
    if not context.params["data"] or not context.params["backbone"]:
        raise ValueError("give --backbone and --data, or --recipe; see: mueca train --help")
    patience = given["patience"] or None
    shares = {name: share_or_name(given[name]) for name in ("validation", "test")}
    return given | shares | {"patience": patience}


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
        table(("split", "accuracy"), [{"split": k, "accuracy": v} for k, v in found["accuracy"].items()])
        print(f"weights: {found['path']}")
