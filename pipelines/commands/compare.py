"""What ``mueca compare`` and ``mueca loso`` take and show."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelines.utils.console import table

if TYPE_CHECKING:
    pass
from pipelines.commands.options import _value, head_params


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


def loso_plan(given: dict[str, Any], extra: Sequence[str]) -> Any:
    """Return the `LosoRecipe` that ``mueca loso`` was asked for.

    Raises
    ------
    ValueError
        If what goes with a head is given for a network, or the other way round.
    """
    from pipelines.cross_validation.recipe import FLATTERED, loso_recipe

    params, free = head_params(extra)
    way = given["protocol"] + FLATTERED * given["select_on_test"]
    content = {"name": "loso", "protocols": [way]} | {k: given[k] for k in ("data", "folds", "inner", "seed")}
    training = {k: given[k] for k in ("batch", "learning_rate", "augment") if given[k] is not None}
    if given["head"] is None:
        if extra or given["grid"] or given["shared"]:
            raise ValueError(f"{(list(extra) or ['--grid or --shared'])[0]} goes with a head; give --head")
        fields = {k: given[k] for k in ("backbone", "mirror", "equalize", "sampling", "seed")} | training
        epochs = [_value(e) for e in given["epochs"].split(",")] if given["epochs"] else None
        return loso_recipe(content | {"networks": [fields | {"epochs": epochs}]})
    if training or given["epochs"] or given["sampling"] != "tim":
        named = [*training, *(["epochs"] if given["epochs"] else []), "sampling"][0].replace("_", "-")
        raise ValueError(f"--{named} is for a network that is trained in each fold; leave out --head")
    if free and given["grid"]:
        raise ValueError(f"give --grid default or several values for {', '.join(free)}, not both")
    features = {"extractor": given["backbone"], "mirror": given["mirror"], "equalize": given["equalize"]}
    head = {"head": given["head"], "params": params, "grid": given["grid"] or free}
    return loso_recipe(content | {"extractors": [features], "heads": [head], "shared": given["shared"]})


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
