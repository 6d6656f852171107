"""``mueca cross-validate``: a recipe of one system under one protocol of folds, made from options."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from pipelines.commands.compare import run_recipe
from pipelines.commands.data_options import reads_data
from pipelines.commands.options import (
    JobsOption,
    JsonOption,
    MemoryOption,
    SchedulerOption,
    StrictOption,
    WorkersOption,
    head_params,
    read_value,
)
from pipelines.commands.recipe_options import options_of, with_options
from pipelines.cross_validation.protocol import Protocol
from pipelines.training.fields import TrainFields

group = typer.Typer()


@group.command(
    "cross-validate",
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True},
    epilog="A head's parameters go by their scikit-learn names; several values with commas are chosen from "
    "on other subjects. Examples: mueca cross-validate --data synthetic-clips --backbone lbp-top "
    "--head svm --C 1,10; mueca cross-validate --data 'casme2(labels=\"megc2019\")' "
    "--backbone rotation3d-casme2 --epochs 50,100,150; "
    "mueca cross-validate --data a.csv --data b.csv --protocol lodo --backbone hog --head svm --C 1,10",
)
@reads_data
@with_options(
    options_of(Protocol, ("folds", "inner_folds", "shared")),
    options_of(TrainFields, ("mirror", "equalize")),
    options_of(TrainFields, ("targets", "class_weight", "balanced_sampling")),
    options_of(TrainFields, ("batch_size", "learning_rate", "augment", "sampling"), of="Of a network: "),
)
def cross_validate(
    context: typer.Context,
    data: Annotated[
        list[str],
        typer.Option(
            "--data", help="A set that names its subjects; several, for lodo, are given one by one."
        ),
    ],
    backbone: Annotated[
        str, typer.Option("--backbone", help="Extractor, or without --head a network to train in each fold.")
    ],
    head: Annotated[str | None, typer.Option(help="Head, such as svm; see: mueca list.")] = None,
    grid: Annotated[Literal["default"] | None, typer.Option(help="Choose from the head's own grid.")] = None,
    epochs: Annotated[str | None, typer.Option(help="Of a network: one number, or several.")] = None,
    protocol: Annotated[
        Literal["kfold", "grouped-kfold", "loso", "lodo", "random-leaky"],
        typer.Option(help="The last is wrong on purpose: subjects on both sides."),
    ] = "loso",
    select_on_test: Annotated[
        bool, typer.Option("--select-on-test", help="Select on what tests, to measure the optimism.")
    ] = False,
    *,
    seed: Annotated[int, typer.Option(min=0, help="Of the folds, and of a network's training.")] = 0,
    out: Annotated[
        Path | None, typer.Option(help="Folder for results; default: results/cross-validation.")
    ] = None,
    strict: StrictOption = False,
    jobs: JobsOption = None,
    kernel_memory: MemoryOption = None,
    scheduler: SchedulerOption = None,
    workers: WorkersOption = None,
    json: JsonOption = False,
    **_fields: Any,
) -> None:
    """Leave each subject out in turn, everything selected on other subjects; UF1 and UAR, pooled."""
    run_recipe(
        plan(context.params, context.args), out or Path("results/cross-validation"), strict=strict, jobs=jobs,
        memory=kernel_memory, scheduler=scheduler, workers=workers, json=json,
    )  # fmt: skip


def plan(given: Mapping[str, Any], extra: Sequence[str]) -> Any:
    """Return the recipe that ``mueca cross-validate`` was asked for.

    Parameters
    ----------
    given : mapping
        The options.
    extra : sequence of str
        Parameters of the head, as on the command line.

    Raises
    ------
    ValueError
        If what goes with a head is given for a network, or the other way round.
    """
    from pipelines.evaluation.recipe import recipe_from

    protocol = {name: given[name] for name in ("protocol", "folds", "inner_folds", "shared")}
    protocol["selection"] = "on-test" if given["select_on_test"] else "nested"
    content = {"name": "cross-validation", "protocols": [protocol], "data": given["data"]}
    systems = _network(given, extra) if given["head"] is None else _head(given, extra)
    return recipe_from(content | systems | {"seed": given["seed"]}, "options")


#: How training samples are drawn and weighed: of heads and of networks.
_OF_BOTH = ("targets", "class_weight", "balanced_sampling")


def _network(given: Mapping[str, Any], extra: Sequence[str]) -> dict[str, Any]:
    if extra or given["grid"] or given["shared"]:
        raise ValueError(f"{(list(extra) or ['--grid or --shared'])[0]} goes with a head; give --head")
    own = ("backbone", "mirror", "equalize", "sampling", "seed", *_OF_BOTH)
    fields = {k: given[k] for k in own} | _training(given)
    epochs = [read_value(e) for e in given["epochs"].split(",")] if given["epochs"] else None
    return {"networks": [fields | {"epochs": epochs}]}


def _training(given: Mapping[str, Any]) -> dict[str, Any]:
    return {k: given[k] for k in ("batch_size", "learning_rate", "augment") if given[k] is not None}


def _head(given: Mapping[str, Any], extra: Sequence[str]) -> dict[str, Any]:
    params, free = head_params(extra)
    training = _training(given)
    if training or given["epochs"] or given["sampling"] != "tim":
        named = [*training, *(["epochs"] if given["epochs"] else []), "sampling"][0].replace("_", "-")
        raise ValueError(f"--{named} is for a network that is trained in each fold; leave out --head")
    if free and given["grid"]:
        raise ValueError(f"give --grid default or several values for {', '.join(free)}, not both")
    features = {"extractor": given["backbone"], "mirror": given["mirror"], "equalize": given["equalize"]}
    if given["class_weight"]:
        params["class_weight"] = given["class_weight"]
    head = {"head": given["head"], "params": params, "grid": given["grid"] or free}
    head |= {name: given[name] for name in ("targets", "balanced_sampling")}
    return {"extractors": [features], "heads": [head]}
