"""What ``mueca train`` takes and shows."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelines.utils.console import table

if TYPE_CHECKING:
    pass
from pipelines.commands.options import share_or_name


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
