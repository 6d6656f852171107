"""``mueca cross-validate``: protocols over subjects."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from pipelines.commands.compare import run_by_subject
from pipelines.commands.options import (
    PARTLY,
    JobsOption,
    JsonOption,
    MemoryOption,
    StrictOption,
    head_params,
    read_value,
)
from pipelines.commands.recipe_options import options_of, with_options
from pipelines.cross_validation.fields import FoldFields
from pipelines.training.fields import TrainFields

group = typer.Typer()


@group.command(
    "cross-validate",
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True},
    epilog="A head's parameters go by their scikit-learn names; several values with commas are chosen from "
    "on other subjects. Examples: mueca cross-validate --data synthetic-clips --backbone lbp-top "
    "--head svm --C 1,10; mueca cross-validate --data 'casme2(labels=\"megc2019\")' "
    "--backbone rotation3d-casme2 --epochs 50,100,150",
)
@with_options(
    options_of(FoldFields, names={"inner": "inner_folds"}),
    options_of(TrainFields, ("mirror", "equalize")),
    options_of(TrainFields, ("batch_size", "learning_rate", "augment", "sampling"), of="Of a network: "),
)
def cross_validate(
    context: typer.Context,
    data: Annotated[str, typer.Option("--data", help="A set that names its subjects; see: mueca data list.")],
    backbone: Annotated[
        str, typer.Option("--backbone", help="Extractor, or without --head a network to train in each fold.")
    ],
    head: Annotated[str | None, typer.Option(help="Head, such as svm; see: mueca list.")] = None,
    grid: Annotated[Literal["default"] | None, typer.Option(help="Choose from the head's own grid.")] = None,
    epochs: Annotated[str | None, typer.Option(help="Of a network: one number, or several.")] = None,
    protocol: Annotated[
        Literal["loso", "grouped-kfold", "random-leaky"],
        typer.Option(help="The last is wrong on purpose: subjects on both sides."),
    ] = "loso",
    select_on_test: Annotated[
        bool, typer.Option("--select-on-test", help="Choose on the test subject, to see how that flatters.")
    ] = False,
    *,
    out: Annotated[Path | None, typer.Option(help="Folder for results; default: results/loso.")] = None,
    strict: StrictOption = False,
    jobs: JobsOption = None,
    kernel_memory: MemoryOption = None,
    json: JsonOption = False,
    **_fields: Any,
) -> None:
    """Leave each subject out in turn, everything chosen on other subjects; UF1 and UAR, pooled."""
    plan = loso_plan(context.params, context.args)
    if not run_by_subject(plan, out or Path("results/loso"), strict, jobs, kernel_memory, json):
        raise typer.Exit(PARTLY)


def loso_plan(given: dict[str, Any], extra: Sequence[str]) -> Any:
    """Return the `LosoRecipe` that ``mueca cross-validate`` was asked for.

    Raises
    ------
    ValueError
        If what goes with a head is given for a network, or the other way round.
    """
    from pipelines.cross_validation.recipe import FLATTERED, loso_recipe

    params, free = head_params(extra)
    way = given["protocol"] + FLATTERED * given["select_on_test"]
    content = {"name": "loso", "protocols": [way], "inner": given["inner_folds"]}
    content |= {k: given[k] for k in ("data", "folds", "seed")}
    training = {k: given[k] for k in ("batch_size", "learning_rate", "augment") if given[k] is not None}
    if given["head"] is None:
        if extra or given["grid"] or given["shared"]:
            raise ValueError(f"{(list(extra) or ['--grid or --shared'])[0]} goes with a head; give --head")
        fields = {k: given[k] for k in ("backbone", "mirror", "equalize", "sampling", "seed")} | training
        epochs = [read_value(e) for e in given["epochs"].split(",")] if given["epochs"] else None
        return loso_recipe(content | {"networks": [fields | {"epochs": epochs}]})
    if training or given["epochs"] or given["sampling"] != "tim":
        named = [*training, *(["epochs"] if given["epochs"] else []), "sampling"][0].replace("_", "-")
        raise ValueError(f"--{named} is for a network that is trained in each fold; leave out --head")
    if free and given["grid"]:
        raise ValueError(f"give --grid default or several values for {', '.join(free)}, not both")
    features = {"extractor": given["backbone"], "mirror": given["mirror"], "equalize": given["equalize"]}
    head = {"head": given["head"], "params": params, "grid": given["grid"] or free}
    return loso_recipe(content | {"extractors": [features], "heads": [head], "shared": given["shared"]})
