"""``mueca featurize``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipelines.commands.data_options import reads_data
from pipelines.commands.options import (
    BackboneOption,
    ClipOption,
    DataOption,
    EngineOption,
    EqualizeOption,
    JobsOption,
    JsonOption,
    LayerOption,
    PrecisionOption,
    SchedulerOption,
    StorageOption,
    StrictOption,
    TileOption,
    WorkersOption,
    report_faults,
    with_network,
)

if TYPE_CHECKING:
    from pipelines.datasets.base import Dataset
    from pipelines.embedding.embed import Embedding

group = typer.Typer()


@group.command(
    epilog="Examples: mueca featurize --data fer2013 --backbone hog+lbp --out vectors.npz; "
    "mueca featurize --data fer2013 --backbone ucm-f --layer fc2"
)
@reads_data
def featurize(
    data: DataOption,
    backbone: BackboneOption,
    out: Annotated[Path | None, typer.Option(help="Also write a .npz, .npy, .csv or .parquet file.")] = None,
    layer: LayerOption = None,
    weights: Annotated[
        str | None, typer.Option(help="Of a network: a file, a name that ships, or random, to time it.")
    ] = None,
    engine: EngineOption = None,
    precision: PrecisionOption = None,
    equalize: EqualizeOption = "none",
    clahe_tile: TileOption = 4,
    clahe_clip: ClipOption = 4.0,
    pca: Annotated[
        int | None,
        typer.Option(min=1, help="Keep so many principal components, learned from the split train alone."),
    ] = None,
    storage: StorageOption = "float32",
    strict: StrictOption = False,
    jobs: JobsOption = None,
    scheduler: SchedulerOption = None,
    workers: WorkersOption = None,
    json: JsonOption = False,
) -> None:
    """Turn every image of a data set into a vector, once: it is kept in the cache."""
    from featurize.store import Store
    from pipelines import api
    from pipelines.utils import console

    network = {"layer": layer, "weights": weights, "engine": engine, "precision": precision}
    backbone = with_network(backbone, network)  # what is wrong with it is said before workers start
    with api.connect(scheduler, workers) as cluster:
        dataset, found = api.featurize(
            data,
            backbone,
            out=out,
            equalize=equalize,
            tile=clahe_tile,
            clip=clahe_clip,
            strict=strict,
            n_jobs=jobs,
            progress=console.ConsoleProgress(),
            cluster=cluster,
            pca=pca,
            store=Store(storage=storage),
        )
    if json:
        console.as_json(_record(dataset, found, out))
    else:
        _print(dataset, found, out)
    report_faults(dataset.faults, named=dataset.kind != "image")


def _record(dataset: Dataset, found: Embedding, out: Path | None) -> dict[str, Any]:
    return {
        "data": dataset.name, "extractor": found.spec, "samples": len(found.X), "dim": int(found.X.shape[1]),
        "seconds": round(found.seconds, 3), "from_cache": found.reused, "fallbacks": found.fallbacks,
        "left_out": len(dataset.faults), "notes": dataset.notes, "not_looked_at": dataset.ignored,
        "keys": found.keys, "out": out,
    }  # fmt: skip


def _print(dataset: Dataset, found: Embedding, out: Path | None) -> None:
    how = "from the cache" if found.reused else f"{found.seconds:.1f} s"
    print(f"{dataset.name}: {len(found.X):,} vectors of {found.X.shape[1]:,} ({found.spec}), {how}")
    for name, count in found.fallbacks.items():
        print(f"{name}: {count:,} samples have its stated fallback")
    if out:
        print(f"written to {out}")
