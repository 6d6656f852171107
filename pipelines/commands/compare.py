"""``mueca compare``, and what it and ``mueca cross-validate`` show."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from pipelines.commands.options import (
    PARTLY,
    JobsOption,
    JsonOption,
    MemoryOption,
    SchedulerOption,
    StrictOption,
    WorkersOption,
)
from pipelines.utils.console import table

group = typer.Typer()


@group.command(epilog="Examples: mueca compare demo; mueca compare my-recipe.yaml --out results/mine")
def compare(
    recipe: Annotated[
        Path, typer.Argument(help="YAML file, or the name of a recipe that ships, such as demo.")
    ],
    out: Annotated[
        Path | None, typer.Option(help="Folder for results; default: results/NAME of the recipe.")
    ] = None,
    strict: StrictOption = False,
    jobs: JobsOption = None,
    kernel_memory: MemoryOption = None,
    scheduler: SchedulerOption = None,
    workers: WorkersOption = None,
    json: JsonOption = False,
) -> None:
    """Run every system of a recipe under every protocol; what is there already is not computed again."""
    from featurize.overwriting import check_overwrites
    from pipelines.evaluation.recipe import load_recipe
    from pipelines.results.folder import files_of

    plan = load_recipe(recipe)
    check_overwrites("--out", files_of(out or Path("results") / plan.name), [recipe])
    run_recipe(
        plan, out or Path("results") / plan.name, strict=strict, jobs=jobs, memory=kernel_memory,
        scheduler=scheduler, workers=workers, json=json,
    )  # fmt: skip


def run_recipe(
    recipe: Any,
    folder: Path,
    *,
    strict: bool = False,
    jobs: int | None = None,
    memory: str | None = None,
    scheduler: str | None = None,
    workers: int | None = None,
    json: bool = False,
) -> None:
    """Run a recipe and show what came out; end with `PARTLY` if a run failed or a sample was left out."""
    from pipelines.evaluation.compare import compare
    from pipelines.utils import console
    from pipelines.utils.cluster import connect

    with connect(scheduler, workers) as cluster:
        found = compare(
            recipe, folder, n_jobs=jobs, strict=strict, progress=console.ConsoleProgress(), memory=memory,
            cluster=cluster,
        )  # fmt: skip
    if json:
        console.as_json(as_record(found))
    else:
        print_comparison(recipe, found)
    if found.failed or found.faults:
        console.echo(f"mueca: {found.failed} runs failed, {found.faults} unreadable images were left out")
        raise typer.Exit(PARTLY)


def as_record(found: Any) -> dict[str, Any]:
    """Return a comparison as ``--json`` prints it: `cells` under a holdout, `rows` of folds."""
    from pipelines.cross_validation.table import records
    from pipelines.evaluation.summary import summarize

    rows = [{**r, "words": p.words} for r, p in zip(records(found.pooled), found.pooled, strict=True)]
    about = {"left_out": found.faults, "not_looked_at": found.ignored, "notes": found.notes}
    return {"folder": str(found.folder), "cells": summarize(found), "rows": rows, **about}


def print_comparison(recipe: Any, found: Any) -> None:
    """Show the tables of a comparison: of the holdout, and of the protocols of folds."""
    title = f"{recipe.name} on {recipe.data.title}" + (f": {recipe.question}" if recipe.question else "")
    files = ["rows.csv", "predictions/"]
    if any(protocol.by_holdout for protocol in recipe.protocols):
        files.insert(1, "summary.csv")
        _print_holdout(title, found)
    if found.pooled:
        files.insert(1, "cross-validation.csv")
        _print_folds(title, found.pooled)
    print(f"{found.computed} runs computed, {found.reused} taken from {found.folder}, {found.failed} failed")
    print(f"written to {found.folder}/ ({', '.join(files)})")


def _print_holdout(title: str, found: Any) -> None:
    """Show the summary; the run that validation chooses in bold, those it may not choose by marked."""
    from pipelines.evaluation.summary import SUMMARY, summarize
    from pipelines.results.rows import SEEN_VALIDATION

    records, folds = summarize(found), {row.run for row in found.pooled}
    rows = [row for row in found.rows if row.run not in folds]
    hidden = {"params", "data", "warnings"}
    hidden |= {name for name in ("error", "marks") if not any(r[name] for r in records)}
    seldom = ("test_distinct", "ece_votes")  # where near copies were looked for; where there are votes
    hidden |= {name for name in seldom if all(r[name] != r[name] for r in records)}
    columns = [c for c in SUMMARY if c not in hidden]
    table(columns, records, title, bold=[bool(r["chosen"]) for r in records])
    for words in dict.fromkeys(row.protocol for row in rows):
        print(f"protocol: {words}")
    if any(row.seen_validation for row in rows):
        print(f"{SEEN_VALIDATION}: its network has learned from validation samples; they do not choose it")


def _print_folds(title: str, pooled: Sequence[Any]) -> None:
    """Show each system under each protocol of folds; unmarked figures of the whole set in bold."""
    from pipelines.cross_validation.table import records

    found = records(pooled)
    columns = [c for c in found[0] if c != "seconds"]
    table(columns, found, title, bold=[not r.marks and r.part == "all" for r in pooled])
    for line in dict.fromkeys(f"{r.protocol}: {r.words}" for r in pooled if not r.error):
        print(line)
    print("intervals: 95 %, bootstrap by subject")
