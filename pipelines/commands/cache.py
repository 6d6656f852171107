"""``mueca cache``."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipelines.commands.options import JsonOption

if TYPE_CHECKING:
    from featurize.store import Listing, Store

group = typer.Typer(help="The embedding cache: list, verify, prune.", no_args_is_help=True)


@group.command("list")
def cache_list(json: JsonOption = False) -> None:
    """List the cached embeddings, the most recently used first."""
    from pipelines.utils import console

    _show_entries(cache_records(_store().entries()), json, console)


@group.command("verify")
def cache_verify(json: JsonOption = False) -> None:
    """Check every embedding against its checksum; exit code 1 if one is damaged."""
    from pipelines.utils import console

    store = _store()
    found = store.verify()
    if json:
        console.as_json({"checked": len(store.entries()), "damaged": found})
    else:
        for key, problem in found.items():
            print(f"{key[:12]} {problem}")
        print(
            f"{len(store.entries())} embeddings, {len(found)} damaged"
            + ("; mueca cache prune" if found else "")
        )
    if found:
        raise typer.Exit(1)


@group.command("prune")
def cache_prune(
    everything: Annotated[bool, typer.Option("--all", help="Remove every embedding.")] = False,
    unused_days: Annotated[
        float | None, typer.Option(min=0, help="And those not used for so many days.")
    ] = None,
    json: JsonOption = False,
) -> None:
    """Remove damaged and half-written embeddings, and more if asked."""
    from pipelines.utils import console

    _show_entries(
        cache_records(_store().prune(everything=everything, unused_days=unused_days)), json, console
    )


def _show_entries(records: list[dict[str, Any]], json: bool, console: Any) -> None:
    if json:
        console.as_json(records)
    else:
        console.table(["key", "state", "extractor", "dataset", "rows", "dim", "mb", "last_used"], records)
        print(f"{len(records)} embeddings, {sum(r['mb'] for r in records):,.1f} MB")


def _store() -> Store:
    from featurize.store import Store, default_root

    return Store(default_root())


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
