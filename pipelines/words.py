"""Between the command line and the functions: words in, tables out."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from featurize.store import Listing, Store
from pipelines.console import as_json, printable, say, table
from pipelines.progress import Progress

if TYPE_CHECKING:
    from pipelines.datasets.base import Fault
    from pipelines.photos import Tally


def head_params(words: Sequence[str]) -> tuple[dict[str, Any], dict[str, list[Any]]]:
    """Read ``--C 10 --gamma scale`` and ``--C 1,10,100``.

    Returns
    -------
    params : dict
        Parameters with one value.
    grid : dict
        Parameters with several.

    Raises
    ------
    ValueError
        If a word is no ``--name value``.
    """
    params: dict[str, Any] = {}
    grid: dict[str, list[Any]] = {}
    for name, text in _pairs(words):
        values = [_value(part) for part in text.split(",")]
        if name in params or name in grid:
            raise ValueError(f"--{name} is given twice; several values go with commas: --{name} 1,10")
        if len(values) == 1:
            params[name] = values[0]
        else:
            grid[name] = values
    return params, grid


def with_network(
    backbone: str, network: dict[str, Any], head: str | None = None, params: dict[str, Any] | None = None
) -> str:
    """Give a network's options (--layer, --weights, ...) to the backbone; None stands for "not given".

    ``--weights`` among a head's `params` is taken from there, unless the head has such a parameter (kNN).

    Raises
    ------
    ValueError
        If the backbone holds nothing that takes an option, or has it already.
    """
    from classifiers.registry import head_spec
    from featurize import with_params

    given = {name: value for name, value in network.items() if value is not None}
    if head and params and "weights" in params and "weights" not in head_spec(head).params.model_fields:
        given["weights"] = params.pop("weights")
    return with_params(backbone, **given) if given else backbone


def _pairs(words: Sequence[str]) -> list[tuple[str, str]]:
    pairs, rest = [], list(words)
    while rest:
        word = rest.pop(0)
        name, equals, text = word.removeprefix("--").partition("=")
        if not word.startswith("--") or not name:
            raise ValueError(f"cannot read {word!r}; a head's parameter is --name value, such as --C 10")
        if not equals:
            if not rest or (rest[0].startswith("--")):
                raise ValueError(f"--{name} needs a value")
            text = rest.pop(0)
        pairs.append((name.replace("-", "_"), text))
    return pairs


def _value(text: str) -> Any:
    """Read one value: number, true, false, none, or a word."""
    plain = {"true": True, "false": False, "none": None, "null": None, "": None}
    if text.strip().lower() in plain:
        return plain[text.strip().lower()]
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text.strip()


def share_or_name(text: str) -> float | str:
    """Read ``0.1`` as a share and anything else as the name of a split."""
    try:
        return float(text)
    except ValueError:
        return text


def print_fit(model: Any, outcome: Any, out: Path | None) -> None:
    """Show what was fitted, how it was chosen, and its scores."""
    card = model.card
    print(f"{card['title']}\nprotocol: {card['protocol']}")
    shown = ("split", "n_test", "accuracy", "ci_low", "ci_high", "balanced_accuracy", "f1_macro", "auc_ovr")
    last = outcome.rows[-1]
    if last.status != "timing":  # the title says why there are no scores
        if len(card["chosen_from"]) > 1:
            table(*_choice_table(card["chosen_from"], card["head"]["params"]))
        table([*shown, *_noted(outcome.rows)], [_score_record(row, shown) for row in outcome.rows])
    for warning in card["warnings"]:
        print(f"warning: {warning}")
    print(f"fitted in {last.fit_s:.2f} s, {last.predict_ms_per_sample:.3f} ms a face to predict")
    if out:
        print(f"written to {out}/ (head, card.json, rows.csv, predictions.npz)")


def _noted(rows: Sequence[Any]) -> list[str]:
    """Return the column that says what makes a figure too good, where a row has one."""
    return ["marks"] if any(row.seen_validation for row in rows) else []


def _score_record(row: Any, shown: Sequence[str]) -> dict[str, Any]:
    """Return the scores of one split; what its network has learned from is marked, the others are not."""
    marked = row.marks if row.split == "validation" else ""
    return {name: getattr(row, name) for name in shown} | {"marks": marked}


def _choice_table(
    tried: list[dict[str, Any]], chosen: dict[str, Any]
) -> tuple[list[str], list[dict[str, Any]]]:
    """Return columns and records of what was tried: of the parameters, those that differ."""
    varied = [name for name in chosen if len({str(c[name]) for c in tried}) > 1]
    marked = [{**c, "": "chosen" if _is_chosen(c, chosen) else ""} for c in tried]
    return [*varied, "validation", "fit_s", ""], marked


def training(context: Any, recipe: Path | None) -> dict[str, Any]:
    """Return the fields of a `TrainRecipe` that ``mueca train`` was given.

    Raises
    ------
    ValueError
        If neither a recipe nor a network is given, or both.
    """
    from pipelines.train import TrainRecipe

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


def downloaded(name: str, url: str | None) -> Path:
    """Download a weight file with a progress bar; return where it is."""
    from featurize import weights
    from pipelines.console import Bars

    with Bars().task(f"{name}: bytes") as advance:
        before = 0

        def report(done: int, _total: int | None) -> None:
            nonlocal before
            advance(done - before)
            before = done

        return weights.get(name, url, report)


def _is_chosen(candidate: dict[str, Any], params: dict[str, Any]) -> bool:
    return all(candidate[name] == value for name, value in params.items())


def print_comparison(recipe: Any, found: Any) -> None:
    """Show the summary of a comparison; the combination that validation chooses stands in bold.

    Rows whose network has learned from validation samples are marked.
    """
    from pipelines.compare import SUMMARY, summarize
    from pipelines.results import SEEN_VALIDATION

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


def print_report(made: Any) -> None:
    """Show what a report wrote, and what it could not show."""
    for note in made.notes:
        print(note)
    print(
        f"{made.figures} charts, {made.tables} tables, a page of {made.page_bytes / 1e6:.1f} MB "
        f"in {made.seconds:.1f} s\nwritten to {made.page}"
    )


def profile_networks(
    names: Sequence[str], classes: int | None, timed: bool, seconds: float, out: Path | None
) -> list[dict[str, Any]]:
    """Return what networks cost as records; write them to a .csv file too, if one is given."""
    from dataclasses import asdict

    from pipelines import profile
    from pipelines.console import Bars

    if out:
        profile.check_name(out)
    found = profile.profile(names, classes=classes, timed=timed, seconds=seconds, progress=Bars())
    records = [asdict(p) for p in found]
    if out:
        profile.write_csv(records, out)
    return records


def profile_layers(names: Sequence[str], classes: int | None, out: Path | None) -> list[dict[str, Any]]:
    """Return what each layer of one network costs as records.

    Raises
    ------
    ValueError
        If not exactly one network is named.
    """
    from pipelines import profile

    if len(names) != 1:
        raise ValueError("--layers shows one network; name it: mueca profile ucm-f --layers")
    if out:
        profile.check_name(out)
    records = [
        {"layer": one.name, "kind": one.kind, "output": "x".join(map(str, one.output)),
         "parameters": one.parameters, "multiply_adds": one.cost.multiply_adds, "flops": one.cost.flops,
         "other_flops": one.cost.other}
        for one in profile.layers_of(names[0], classes)
    ]  # fmt: skip
    if out:
        profile.write_csv(records, out)
    return records


def print_profile(records: list[dict[str, Any]], layers: bool, out: Path | None) -> None:
    """Show what networks, or the layers of one, cost; "-" where a time was not taken."""
    counts = ("parameters", "multiply_adds", "flops", "other_flops")
    shown = [
        {k: f"{v:,}" if k in counts else "-" if v is None else v for k, v in record.items()}
        for record in records
    ]
    if layers:
        sums = {name: f"{sum(record[name] for record in records):,}" for name in counts}
        shown.append({"layer": "all", "kind": "", "output": "", **sums})
    table(list(records[0]), shown, right=counts)
    print(
        "for one sample; flops: two for each multiply-add and one for each bias (as R2 counts); "
        "other_flops: normalisation, pooling, activations"
    )
    if not layers:
        print("ms: a sample, alone (1) and in batches of 64, with random weights; - where it was not taken")
    if out:
        print(f"written to {out}")


def loso_plan(given: dict[str, Any], extra: Sequence[str]) -> Any:
    """Return the `LosoRecipe` that ``mueca loso`` was asked for.

    Raises
    ------
    ValueError
        If what goes with a head is given for a network, or the other way round.
    """
    from pipelines.loso_recipe import FLATTERED, loso_recipe

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


def run_by_subject(recipe: Any, out: Path | None, strict: bool, jobs: int | None, json: bool) -> None:
    """Run a `GapRecipe` or a `LosoRecipe` and show what came out."""
    from pipelines import console
    from pipelines.gap_recipe import GapRecipe, run_gap
    from pipelines.loso_recipe import run_loso
    from pipelines.pooled import records

    folder = out or Path("results") / recipe.name
    bars = console.Bars()
    if isinstance(recipe, GapRecipe):
        rows = run_gap(recipe, folder, strict=strict, progress=bars)
    else:
        rows = run_loso(recipe, folder, strict=strict, n_jobs=jobs, progress=bars)
    if json:
        lines = [{**record, "words": row.words} for record, row in zip(records(rows), rows, strict=True)]
        console.as_json({"folder": str(folder), "rows": lines})
    else:
        print_by_subject(recipe, rows, folder)


def print_by_subject(recipe: Any, rows: Sequence[Any], folder: Path) -> None:
    """Show each system under each protocol; honest figures of the whole set stand in bold."""
    from pipelines.pooled import records

    title = f"{recipe.name} on {recipe.data.name}" + (f": {recipe.question}" if recipe.question else "")
    found = records(rows)
    columns = [c for c in found[0] if c != "seconds"]
    table(columns, found, title, bold=[not r.marks and r.part == "all" for r in rows])
    for line in dict.fromkeys(f"{r.way}: {r.words}" for r in rows):
        print(line)
    print(f"intervals: 95 %, bootstrap by subject; written to {folder}/ (rows.csv, predictions/, the table)")


def catalogue() -> dict[str, list[dict[str, str]]]:
    """Return every extractor, head and data set with its parameters in words."""
    import featurize.registry as extractors
    from classifiers.registry import head_spec, list_heads
    from pipelines import datasets

    described = [(name, extractors.extractor_class(name)) for name in extractors.list_extractors()]
    return {
        "extractors": [
            {"name": name, "takes": made.kind, "parameters": _fields(made.Params)} for name, made in described
        ],
        "heads": [{"name": name, "parameters": _fields(head_spec(name).params)} for name in list_heads()],
        "data": [{"name": name, "state": state} for name, state in datasets.list_datasets().items()],
    }


def _fields(params: Any) -> str:
    return ", ".join(f"{name}={field.default}" for name, field in params.model_fields.items())


def print_catalogue(found: dict[str, list[dict[str, str]]]) -> None:
    """Show the catalogue."""
    for i, (title, records) in enumerate(found.items()):
        print(("\n" if i else "") + title)
        table(list(records[0]), records)


def audit(data: str, threshold: int | None, out: Path | None, progress: Progress) -> tuple[Any, list[Path]]:
    """Audit a data set by name or path; return the audit and the files written."""
    from pipelines import datasets
    from pipelines.datasets.audit import audit as run_audit

    dataset = datasets.load(data, cache=Store().root, progress=progress)
    options = {} if threshold is None else {"near_threshold": threshold}
    found = run_audit(dataset, progress=progress, **options)
    return found, list(found.write_csv(out)) if out else []


def cache_records(entries: Sequence[Listing]) -> list[dict[str, Any]]:
    """Return cache entries as records for a table."""
    return [
        {
            "key": e.key[:12],
            "state": e.state,
            "extractor": e.extractor,
            "dataset": e.dataset,
            "rows": e.rows,
            "dim": e.dim,
            "mb": e.bytes / 1e6,
            "last_used": time.strftime("%Y-%m-%d %H:%M", time.localtime(e.last_used)),
        }
        for e in entries
    ]


def tally(done: Tally) -> str:
    """Return what ``mueca predict`` did, in one line."""
    small = f", {done.skipped} too small to judge" if done.skipped else ""
    if done.videos:
        where = f"{_count(done.frames, 'frame')} of {_count(done.videos, 'video')}"
        return f"{_count(done.faces, 'track')} in {where}{small}"
    return f"{done.faces} faces in {done.photos} photos{small}"


def print_notes(notes: Sequence[Fault], most: int = 20) -> None:
    """Say of each file what was left out of it."""
    for note in notes[:most]:
        say(f"mueca: {printable(note.path)}: left out {note.reason}")
    if len(notes) > most:
        say(f"mueca: and of {len(notes) - most} more files")


def _count(number: int, word: str) -> str:
    return f"{number:,} {word}{'' if number == 1 else 's'}"


def files_met(done: Tally) -> str:
    """Return what became of every file that was met, in one line; empty if all were read, or it was one."""
    from pipelines.utils.walk import fault_names, not_looked_at

    faults, ignored = fault_names(done.faults), done.ignored.total()
    if not ignored and (not faults or done.files == 1):
        return ""
    words = [f"{done.files:,} files: {done.files - faults.total() - ignored:,} read"]
    if faults:
        words.append(f"{faults.total():,} not read ({not_looked_at(faults)})")
    if ignored:
        words.append(f"{ignored:,} not looked at ({not_looked_at(done.ignored)})")
    videos = any(key.endswith("(video)") for key in done.ignored)
    return ", ".join(words) + "; give the videos in a command of their own" * videos


def print_tally(done: Tally, last_line: bool) -> None:
    """Print what became of every file as JSON; after records, as one more line of them, named "summary"."""
    if last_line:
        print(json.dumps({"summary": done.as_dict()}, ensure_ascii=False))
    else:
        as_json(done.as_dict())
