"""``mueca compare``."""

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


@group.command(epilog="Example: mueca compare configs/demo.yaml --out results/demo")
def compare(
    recipe: Annotated[Path, typer.Argument(help="YAML file; see configs/.")],
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
    """Compare every extractor with every head of a recipe; what is there already is not computed again."""
    from pipelines import api
    from pipelines.cross_validation.gap import load_gap_recipe
    from pipelines.cross_validation.recipe import load_loso_recipe
    from pipelines.evaluation.summary import summarize
    from pipelines.utils import console

    by_subject = load_gap_recipe(recipe) or load_loso_recipe(recipe)
    if by_subject is not None:
        if scheduler or workers is not None:
            raise ValueError(f"{recipe} runs on this machine; leave out --scheduler and --workers")
        if not run_by_subject(by_subject, out, strict, jobs, kernel_memory, json):
            raise typer.Exit(PARTLY)
        return
    plan = api.load_recipe(recipe)
    folder = out or Path("results") / plan.name
    with api.connect(scheduler, workers) as cluster:
        found = api.compare(
            plan,
            folder,
            n_jobs=jobs,
            strict=strict,
            progress=console.ConsoleProgress(),
            memory=kernel_memory,
            cluster=cluster,
        )
    if json:
        record = {"left_out": found.faults, "not_looked_at": found.ignored, "notes": found.notes}
        console.as_json({"folder": str(folder), "cells": summarize(found), **record})
    else:
        print_comparison(plan, found)
    if found.failed or found.faults:
        console.say(f"mueca: {found.failed} cells failed, {found.faults} unreadable pictures were left out")
        raise typer.Exit(PARTLY)


def print_comparison(recipe: Any, found: Any) -> None:
    """Show the summary of a comparison; the combination that validation chooses stands in bold.

    Rows whose network has learned from validation samples are marked.
    """
    from pipelines.evaluation.summary import SUMMARY, summarize
    from pipelines.results.rows import SEEN_VALIDATION

    records = summarize(found)
    title = f"{recipe.name} on {recipe.data.name}" + (f": {recipe.question}" if recipe.question else "")
    hidden = {"params", "data", "warnings"}
    hidden |= {name for name in ("error", "marks") if not any(r[name] for r in records)}
    columns = [c for c in SUMMARY if c not in hidden]
    table(columns, records, title, bold=[bool(r["chosen"]) for r in records])
    if found.rows:
        print(f"protocol: {found.rows[0].protocol}")
    if any(row.seen_validation for row in found.rows):
        print(f"{SEEN_VALIDATION}: its network has learned from validation samples; they do not choose it")
    print(f"{found.computed} cells computed, {found.reused} taken from {found.folder}, {found.failed} failed")
    print(f"written to {found.folder}/ (rows.csv, summary.csv, predictions/)")


def run_by_subject(
    recipe: Any, out: Path | None, strict: bool, jobs: int | None, memory: str | None, json: bool
) -> bool:
    """Run a `GapRecipe` or a `LosoRecipe` and show what came out; return whether all was done."""
    from pipelines.cross_validation.gap import GapRecipe, run_gap
    from pipelines.cross_validation.run import run_loso
    from pipelines.cross_validation.table import records
    from pipelines.utils import console

    folder = out or Path("results") / recipe.name
    bars = console.ConsoleProgress()
    if isinstance(recipe, GapRecipe):
        rows = run_gap(recipe, folder, strict=strict, n_jobs=jobs, progress=bars)
    else:
        rows = run_loso(recipe, folder, strict=strict, n_jobs=jobs, memory=memory, progress=bars)
    if json:
        lines = [{**record, "words": row.words} for record, row in zip(records(rows), rows, strict=True)]
        console.as_json({"folder": str(folder), "rows": lines})
    else:
        print_by_subject(recipe, rows, folder)
    return not any(row.error or row.left_out for row in rows)


def print_by_subject(recipe: Any, rows: Sequence[Any], folder: Path) -> None:
    """Show each system under each protocol; honest figures of the whole set stand in bold."""
    from pipelines.cross_validation.table import records

    title = f"{recipe.name} on {recipe.data.name}" + (f": {recipe.question}" if recipe.question else "")
    found = records(rows)
    columns = [c for c in found[0] if c != "seconds"]
    table(columns, found, title, bold=[not r.marks and r.part == "all" for r in rows])
    for line in dict.fromkeys(f"{r.way}: {r.words}" for r in rows):
        print(line)
    print(f"intervals: 95 %, bootstrap by subject; written to {folder}/ (rows.csv, predictions/, the table)")
