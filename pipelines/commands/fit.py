"""``mueca fit``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from pipelines.commands.data_options import reads_data
from pipelines.commands.options import (
    PARTLY,
    BackboneOption,
    ClipOption,
    DataOption,
    EngineOption,
    EqualizeOption,
    JobsOption,
    JsonOption,
    LayerOption,
    MemoryOption,
    PrecisionOption,
    StorageOption,
    StrictOption,
    TileOption,
    head_params,
    share_or_name,
    with_network,
)
from pipelines.utils.console import table

group = typer.Typer()

#: The scores that are shown of each split.
SHOWN = ("split", "n_test", "accuracy", "ci_low", "ci_high", "balanced_accuracy", "f1_macro", "auc_ovr")


@group.command(
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True},
    epilog="The head's parameters go by their scikit-learn names, several values with commas make a grid to "
    "choose from on validation. Examples: mueca fit --data fer2013 --backbone hog --head svm --C 1,10,100; "
    "mueca fit --data synthetic --backbone lbp --head knn --n_neighbors 5 --weights distance; "
    "mueca fit --data fer2013 --backbone ucm-f --layer fc2 --head forest. "
    "--pca 512 puts principal components before any head. What each head takes: mueca list.",
)
@reads_data
def fit(
    context: typer.Context,
    data: DataOption,
    backbone: BackboneOption,
    head: Annotated[str, typer.Option(help="Head, such as svm; see: mueca list.")],
    out: Annotated[Path | None, typer.Option(help="Folder for head, card, rows and predictions.")] = None,
    grid: Annotated[Literal["default"] | None, typer.Option(help="Choose from the head's own grid.")] = None,
    layer: LayerOption = None,
    engine: EngineOption = None,
    precision: PrecisionOption = None,
    equalize: EqualizeOption = "none",
    clahe_tile: TileOption = 4,
    clahe_clip: ClipOption = 4.0,
    mirror: Annotated[
        bool, typer.Option("--mirror", help="Add mirrored copies of the training samples.")
    ] = False,
    validation: Annotated[
        str, typer.Option(help="Share of train held out to choose on, or a split.")
    ] = "0.1",
    test: Annotated[
        str,
        typer.Option(
            help="Split that tests, or a share held out of train: 0.2 where there is no test split."
        ),
    ] = "test",
    refit: Annotated[bool, typer.Option(help="Fit again on train + validation before the test.")] = True,
    scoring: Annotated[str, typer.Option(help="Score that validation is chosen by.")] = "accuracy",
    folds: Annotated[
        int | None, typer.Option(help="Choose by so many folds of train, by class and by subject.")
    ] = None,
    halving: Annotated[
        int | None, typer.Option(help="Choose by successive halving: 1 in so many goes on to more samples.")
    ] = None,
    hold_out: Annotated[
        Literal["subject", "sample"],
        typer.Option(help="What shares hold out whole; sample is wrong where persons are known, and marked."),
    ] = "subject",
    targets: Annotated[
        Literal["labels", "votes"],
        typer.Option(help="Of a set with votes: its labels, or each face once a class, weighted by votes."),
    ] = "labels",
    balanced_sampling: Annotated[
        bool,
        typer.Option("--balanced-sampling", help="Draw training samples so that each class comes as often."),
    ] = False,
    seed: Annotated[int, typer.Option(min=0)] = 0,
    storage: StorageOption = "float32",
    strict: StrictOption = False,
    jobs: JobsOption = None,
    kernel_memory: MemoryOption = None,
    estimate: Annotated[
        bool, typer.Option("--estimate", help="Only say rows, dimensions, memory and time; fit nothing.")
    ] = False,
    json: JsonOption = False,
) -> None:
    """Fit a head: choose on validation, fit again on train + validation, test once."""
    from featurize.store import Store
    from pipelines import api
    from pipelines.utils import console

    params, free = head_params(context.args)
    if free and grid:
        raise ValueError(f"give --grid default or several values for {', '.join(free)}, not both")
    network = {"layer": layer, "engine": engine, "precision": precision}
    settings: dict[str, Any] = {
        "grid": grid or free, "scoring": scoring, "folds": folds, "halving": halving, "refit": refit,
        "equalize": equalize, "tile": clahe_tile, "clip": clahe_clip, "mirror": mirror,
        "validation": share_or_name(validation), "test": share_or_name(test), "hold_out": hold_out,
        "targets": targets, "balanced_sampling": balanced_sampling, "seed": seed, "strict": strict,
        "n_jobs": jobs, "progress": console.ConsoleProgress(), "memory": kernel_memory,
        "store": Store(storage=storage),
    }  # fmt: skip
    backbone = with_network(backbone, network, head, params)
    if estimate:
        print_cost(api.estimate(data, backbone, head, **settings, **params), json)
        return
    model, outcome = api.fit(data, backbone, head, out=out, head_params=params, **settings)
    console.as_json(model.card) if json else print_fit(model, outcome, out)
    if left_out := model.card["data"]["left_out"]:
        console.echo(f"mueca: {left_out} unreadable images were left out; see: mueca data audit {data}")
        raise typer.Exit(PARTLY)


def print_cost(cost: Any, json: bool) -> None:
    """Show what a fit is expected to take."""
    from dataclasses import asdict

    from pipelines.utils import console

    if json:
        console.as_json(asdict(cost))
        return
    print(cost)
    if cost.advice:
        print(cost.advice)


def print_fit(model: Any, outcome: Any, out: Path | None) -> None:
    """Show what was fitted, how it was chosen, and its scores."""
    card = model.card
    print(f"{card['title']}\nprotocol: {card['protocol']}")
    shown: tuple[str, ...] = (
        "split",
        "n_test",
        "accuracy",
        "ci_low",
        "ci_high",
        "balanced_accuracy",
        "f1_macro",
        "auc_ovr",
    )
    last = outcome.rows[-1]
    if last.status != "timing":  # the title says why there are no scores
        if len(card["chosen_from"]) > 1:
            table(*_choice_table(card["chosen_from"], card["head"]["params"]))
        if any(row.ece_votes == row.ece_votes for row in outcome.rows):
            shown = (*shown, "ece_votes")
        table([*shown, *_noted(outcome.rows)], [_score_record(row, shown) for row in outcome.rows])
    for warning in card["warnings"]:
        print(f"warning: {warning}")
    print(f"fitted in {last.fit_s:.2f} s, {last.predict_ms_per_sample:.3f} ms a face to predict")
    if out:
        print(f"written to {out}/ (head, card.json, rows.csv, predictions.npz)")


def _noted(rows: Sequence[Any]) -> list[str]:
    """Return the column that says what makes a figure too good, where a row has one."""
    return ["marks"] if any(row.marks for row in rows) else []


def _score_record(row: Any, shown: Sequence[str]) -> dict[str, Any]:
    """Return the scores of one split; what its network has learned from is marked, the others are not."""
    from pipelines.results.rows import SEEN_VALIDATION

    marks = row.marks.split()
    marked = " ".join(m for m in marks if m != SEEN_VALIDATION or row.split == "validation")
    return {name: getattr(row, name) for name in shown} | {"marks": marked}


def _choice_table(
    tried: list[dict[str, Any]], chosen: dict[str, Any]
) -> tuple[list[str], list[dict[str, Any]]]:
    """Return columns and records of what was tried: of the parameters, those that differ."""
    varied = [name for name in chosen if len({str(c[name]) for c in tried}) > 1]
    marked = [{**c, "": "chosen" if _is_chosen(c, chosen) else ""} for c in tried]
    return [*varied, "validation", "fit_s", ""], marked


def _is_chosen(candidate: dict[str, Any], params: dict[str, Any]) -> bool:
    return all(candidate[name] == value for name, value in params.items())
