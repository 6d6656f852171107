"""What a command says of the files it left out, and the exit code that says so."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from pipelines.datasets.base import Fault

#: Exit code: done, but something was left out: an image that cannot be read, a run that failed.
PARTLY = 3
#: Files that are named, one line each.
NAMED = 20


def report_faults(faults: Sequence[Fault], what: str = "left out", named: bool = False) -> None:
    """Name what was left out, one line each, and leave with the code that says so.

    `named` says that it was named already: the loaders of clips do so, for every command.

    Raises
    ------
    typer.Exit
        With code 3, where anything was left out.
    """
    from pipelines.utils.console import printable, say

    for fault in () if named else faults[:NAMED]:
        say(f"mueca: {what} {printable(fault.path)}: {fault.reason}")
    if len(faults) > NAMED and not named:
        say(f"mueca: and {len(faults) - NAMED} more; mueca data audit --out FOLDER lists them all")
    if faults:
        raise typer.Exit(PARTLY)
