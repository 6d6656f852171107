"""``mueca weights``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pipelines.commands.options import JsonOption

group = typer.Typer(help="Published weight files: get, add, list.", no_args_is_help=True)


@group.command("list")
def weights_list(json: JsonOption = False) -> None:
    """List the published weight files: which are here, with what hash and licence."""
    from featurize import weights
    from pipelines.utils import console

    found = weights.listing()
    if json:
        console.as_json(found)
    else:
        console.table(["name", "state", "mb", "sha256", "licence"], found)


@group.command("add", epilog="Example: mueca weights add vggface2 rcmalli_vggface_tf_notop_resnet50.h5")
def weights_add(
    name: Annotated[str, typer.Argument(help="Which: see mueca weights list.")],
    path: Annotated[Path, typer.Argument(help="The file, or a folder or .tgz with the files; it is copied.")],
) -> None:
    """Check a weight file you have and put it in place."""
    from featurize import weights

    print(f"{weights.published(name).licence}\nin place: {weights.add(name, path)}")


@group.command("get", epilog="Example: mueca weights get vggface2")
def weights_get(
    name: Annotated[str, typer.Argument(help="Which: see mueca weights list.")],
    url: Annotated[str | None, typer.Option(help="A mirror; default: the publisher.")] = None,
) -> None:
    """Download a weight file, check it and put it in place; goes on from where it was interrupted."""
    from featurize import weights

    print(weights.published(name).licence)
    print(f"in place: {downloaded(name, url)}")


def downloaded(name: str, url: str | None) -> Path:
    """Download a weight file with a progress bar; return where it is."""
    from featurize import weights
    from pipelines.utils.console import ConsoleProgress

    with ConsoleProgress().task(f"{name}: bytes") as advance:
        before = 0

        def report(done: int, _total: int | None) -> None:
            nonlocal before
            advance(done - before)
            before = done

        return weights.get(name, url, report)
