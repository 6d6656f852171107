"""``mueca data``."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from pipelines.commands.data_options import reads_data
from pipelines.commands.options import DetectorOption, JsonOption, StrictOption, report_faults

if TYPE_CHECKING:
    from pipelines.utils.progress import Progress

group = typer.Typer(help="Data sets: add, list, audit, crop, split.", no_args_is_help=True)


@group.command(
    "add", epilog="Examples: mueca data add fer2013 archive.zip; mueca data add raf-db path/to/basic"
)
def data_add(
    name: Annotated[str, typer.Argument(help="Which set; see: mueca data list.")],
    path: Annotated[Path, typer.Argument(help="Its folder, archive (.zip .tar .tar.xz) or .csv.")],
    strict: StrictOption = False,
    force: Annotated[
        bool,
        typer.Option("--force", help="Put a set that is not as published in the place of one that is there."),
    ] = False,
    json: JsonOption = False,
) -> None:
    """Import a published data set; its counts are checked."""
    from pipelines.datasets import registry
    from pipelines.utils import console

    report = registry.add(name, path, progress=console.ConsoleProgress(), strict=strict, force=force)
    if json:
        console.as_json(report.as_dict())
    else:
        print(report.text())
    report_faults(report.faults)


@group.command("list")
def data_list(json: JsonOption = False) -> None:
    """List the data sets that can be used by name."""
    from pipelines.datasets import registry
    from pipelines.utils import console

    found = listing(registry.list_datasets())
    if json:
        console.as_json(found)
    else:
        console.table(["name", "state", "ask_at", "licence"], found)


def listing(states: Mapping[str, str]) -> list[dict[str, Any]]:
    """Return one record a data set: its state, where to ask for it, and what its loader was run on."""
    from pipelines.datasets import registry

    empty = {"title": "", "ask_at": "", "licence": "", "counts": {}, "tried": ""}
    return [
        {"name": name, "state": state, **(vars(about) if (about := registry.about(name)) else empty)}
        for name, state in states.items()
    ]


@group.command("index", epilog="Examples: mueca data index faces/; then: --data faces/index.parquet")
@reads_data
def data_index(
    data: Annotated[str, typer.Argument(help="A folder or a table of images, or a folder of .tar shards.")],
    out: Annotated[
        Path | None, typer.Option(help="File to write; default: index.parquet beside the images.")
    ] = None,
    strict: StrictOption = False,
) -> None:
    """Read every image once and write the set's index: name, label, split, subject and hash."""
    from pipelines.datasets.indexing import write_index
    from pipelines.utils import console

    path, dataset = write_index(data, out, strict=strict, progress=console.ConsoleProgress())
    print(f"written to {path}: {len(dataset):,} samples of {len(dataset.classes)} classes")
    report_faults(dataset.faults)


@group.command("audit", epilog="Example: mueca data audit fer2013 --out audit/")
@reads_data
def data_audit(
    data: Annotated[str, typer.Argument(help="As --data of mueca fit: a name, a folder, a table.")],
    out: Annotated[Path | None, typer.Option(help="Folder for summary.csv and findings.csv.")] = None,
    threshold: Annotated[
        int | None, typer.Option(min=0, max=32, help="Bits of 64 that near duplicates differ in.")
    ] = None,
    near_copies: Annotated[
        bool,
        typer.Option(
            "--near-copies", help="Look for near copies across splits too (test-distinct); takes long."
        ),
    ] = False,
    json: JsonOption = False,
) -> None:
    """Find unreadable, blank and constant images, and duplicates within and across splits."""
    from pipelines.utils import console

    audit, written = audit_of(data, threshold, out, console.ConsoleProgress(), near_copies)
    if json:
        console.as_json(audit.as_dict())
    else:
        print(audit.text())
        for path in written:
            print(f"written to {path}")


def audit_of(
    data: str, threshold: int | None, out: Path | None, progress: Progress, near_copies: bool = False
) -> tuple[Any, list[Path]]:
    """Audit a data set by name or path; return the audit and the files written."""
    from featurize.overwriting import check_overwrites
    from featurize.store import Store
    from pipelines.datasets import registry
    from pipelines.datasets.audit import audit as run_audit
    from pipelines.datasets.audit import audit_files

    if out is not None:
        check_overwrites("--out", audit_files(out), registry.paths_read(data))
    dataset = registry.load(data, cache=Store().root, progress=progress)
    options = {} if threshold is None else {"near_threshold": threshold}
    found = run_audit(dataset, progress=progress, **options)
    if near_copies:
        from pipelines.embedding import near_copies as copies

        found = copies.audited(found, dataset, copies.near_copies(dataset, progress=progress))
    return found, list(found.write_csv(out)) if out else []


@group.command("crop", epilog="Example: mueca data crop photos/ --out faces/")
def data_crop(
    photos: Annotated[Path, typer.Argument(help="Photos in a folder a class, as --data of mueca fit.")],
    out: Annotated[Path, typer.Option(help="A new or empty folder; class folders are kept.")],
    detector: DetectorOption = "auto",
    min_face: Annotated[int, typer.Option(min=16, help="Side in pixels of the smallest face.")] = 32,
    json: JsonOption = False,
) -> None:
    """Cut the largest face out of every photo, as training faces are; what was left out is named."""
    from pipelines.datasets.cropping import crop_folder
    from pipelines.utils import console

    made = crop_folder(photos, out, detector, min_face, console.ConsoleProgress())
    if json:
        console.as_json({"written": made.written, "left_out": [vars(fault) for fault in made.faults]})
    else:
        print(f"{len(made.written)} faces written to {out}/")
    report_faults(made.faults)


@group.command(
    "split", epilog='Example: mueca data split faces/ --by subject --subject "p[0-9]+" --out faces.csv'
)
@reads_data
def data_split(
    data: Annotated[str, typer.Argument(help="As --data of mueca fit: a folder or a table of files.")],
    out: Annotated[Path, typer.Option(help="A .csv that --data reads.")],
    by: Annotated[
        Literal["subject", "class"], typer.Option(help="Keep each person on one side, or draw by class.")
    ] = "subject",
    test: Annotated[float, typer.Option(min=0.01, max=0.9, help="Share that tests.")] = 0.2,
    validation: Annotated[float, typer.Option(min=0, max=0.9, help="Share of the rest; 0: none.")] = 0.1,
    seed: int = 0,
) -> None:
    """Divide a set of image files into train, validation and test, and write that as a table."""
    from pipelines.datasets import registry
    from pipelines.datasets.cropping import write_split

    if out.suffix.lower() != ".csv":
        raise ValueError(f"--out {out}: give a name that ends in .csv")
    found = registry.load(data)
    counts = write_split(found, out, by, test, validation, seed)
    print(", ".join(f"{name} {n}" for name, n in counts.items()) + f", written to {out}")
    report_faults(list(found.faults))
