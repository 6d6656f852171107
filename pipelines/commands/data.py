"""``mueca data``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipelines.commands.options import JsonOption, StrictOption, report_faults

if TYPE_CHECKING:
    from pipelines.utils.progress import Progress

group = typer.Typer(help="Data sets: add, list, audit.", no_args_is_help=True)


@group.command("add", epilog="Example: mueca data add fer2013 archive.zip")
def data_add(
    name: Annotated[str, typer.Argument(help="Which set: fer2013.")],
    path: Annotated[Path, typer.Argument(help="Its folder, archive (.zip .tar .tar.xz) or .csv.")],
    strict: StrictOption = False,
    json: JsonOption = False,
) -> None:
    """Import a published data set; its counts are checked."""
    from pipelines.datasets import registry
    from pipelines.utils import console

    report = registry.add(name, path, progress=console.ConsoleProgress(), strict=strict)
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

    found = [{"name": name, "state": state} for name, state in registry.list_datasets().items()]
    if json:
        console.as_json(found)
    else:
        console.table(["name", "state"], found)


@group.command("audit", epilog="Example: mueca data audit fer2013 --out audit/")
def data_audit(
    data: Annotated[str, typer.Argument(help="Name (fer2013, synthetic) or a folder of class/*.jpg.")],
    out: Annotated[Path | None, typer.Option(help="Folder for summary.csv and findings.csv.")] = None,
    threshold: Annotated[
        int | None, typer.Option(min=0, max=32, help="Bits of 64 that near duplicates differ in.")
    ] = None,
    json: JsonOption = False,
) -> None:
    """Find unreadable, blank and constant pictures, and duplicates within and across splits."""
    from pipelines.utils import console

    audit, written = audit_of(data, threshold, out, console.ConsoleProgress())
    if json:
        console.as_json(audit.as_dict())
    else:
        print(audit.text())
        for path in written:
            print(f"written to {path}")


def audit_of(
    data: str, threshold: int | None, out: Path | None, progress: Progress
) -> tuple[Any, list[Path]]:
    """Audit a data set by name or path; return the audit and the files written."""
    from featurize.store import Store
    from pipelines.datasets import registry
    from pipelines.datasets.audit import audit as run_audit

    dataset = registry.load(data, cache=Store().root, progress=progress)
    options = {} if threshold is None else {"near_threshold": threshold}
    found = run_audit(dataset, progress=progress, **options)
    return found, list(found.write_csv(out)) if out else []
