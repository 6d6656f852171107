"""``mueca profile``, ``mueca doctor`` and ``mueca list``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from pipelines.commands.options import JsonOption
from pipelines.utils.console import table

group = typer.Typer()


@group.command(
    epilog="FLOPs are two for each multiply-add and one for each bias, as R2 counts; normalisation, pooling "
    "and activations stand apart. Times are with random weights. Examples: mueca profile --out networks.csv; "
    "mueca profile ucm-f --layers"
)
def profile(
    networks: Annotated[list[str] | None, typer.Argument(help="Networks; default: every one.")] = None,
    layers: Annotated[bool, typer.Option("--layers", help="Each layer of one network, untimed.")] = False,
    classes: Annotated[int | None, typer.Option(min=1, help="Default: 7 for faces, 3 for clips.")] = None,
    timed: Annotated[bool, typer.Option("--time/--no-time", help="Take times, or count alone.")] = True,
    seconds: Annotated[float, typer.Option(help="How long each time is taken, at least.")] = 0.5,
    out: Annotated[Path | None, typer.Option(help="Also write a .csv file.")] = None,
    json: JsonOption = False,
) -> None:
    """Say what networks cost: parameters, FLOPs, milliseconds a sample on processor and GPU."""
    from pipelines.utils import console

    if layers:
        found = profile_layers(networks or [], classes, out)
    else:
        found = profile_networks(networks or [], classes, timed, seconds, out)
    if json:
        console.as_json(found)
    else:
        print_profile(found, layers, out)


@group.command()
def doctor(json: JsonOption = False) -> None:
    """Say what this machine can do, what is chosen on it and why, and how to get what is missing."""
    from pipelines.diagnostics.doctor import as_records, examine
    from pipelines.utils import console

    records = as_records(examine())
    if json:
        console.as_json(records)
    else:
        console.table(["topic", "name", "state", "advice"], records)


@group.command("list")
def list_(json: JsonOption = False) -> None:
    """List extractors, heads and data sets, and the models that ship."""
    from pipelines.utils import console

    found = catalogue()
    if json:
        console.as_json(found)
    else:
        print_catalogue(found)


def profile_networks(
    names: Sequence[str], classes: int | None, timed: bool, seconds: float, out: Path | None
) -> list[dict[str, Any]]:
    """Return what networks cost as records; write them to a .csv file too, if one is given."""
    from dataclasses import asdict

    from pipelines.diagnostics import profile
    from pipelines.utils.console import ConsoleProgress

    if out:
        profile.check_name(out)
    found = profile.profile(names, classes=classes, timed=timed, seconds=seconds, progress=ConsoleProgress())
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
    from pipelines.diagnostics import profile

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


def catalogue() -> dict[str, list[dict[str, str]]]:
    """Return every extractor, head, data set and model that ships, in words."""
    import featurize.registry as extractors
    from classifiers.registry import head_spec, list_heads
    from pipelines.datasets import registry
    from pipelines.models.catalogue import described as models

    described = [(name, extractors.extractor_class(name)) for name in extractors.list_extractors()]
    return {
        "extractors": [
            {"name": name, "takes": made.kind, "parameters": _fields(made.Params)} for name, made in described
        ],
        "heads": [{"name": name, "parameters": _fields(head_spec(name).params)} for name in list_heads()],
        "data": [{"name": name, "state": state} for name, state in registry.list_datasets().items()],
        "models": models(),
    }


def _fields(params: Any) -> str:
    return ", ".join(f"{name}={field.default}" for name, field in params.model_fields.items())


def print_catalogue(found: dict[str, list[dict[str, str]]]) -> None:
    """Show the catalogue."""
    for i, (title, records) in enumerate(found.items()):
        print(("\n" if i else "") + title)
        table(list(records[0]), records)
