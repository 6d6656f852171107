"""Options and commands that have new names: the old ones work for one version, with a line that says so."""

from __future__ import annotations

import sys
from collections.abc import Collection, Sequence
from typing import Any

from typer.core import TyperGroup

#: Old name of an option -> its new names; a command takes the one that it has.
OPTIONS: dict[str, tuple[str, ...]] = {
    "--average": ("--swa-epochs",),
    "--batch": ("--batch-size",),
    "--cell": ("--run",),
    "--clip": ("--clahe-clip",),
    "--crowd": ("--small-faces",),
    "--embedding": ("--projection",),
    "--every": ("--detect-every", "--validate-every"),
    "--inner": ("--inner-folds",),
    "--memory": ("--kernel-memory",),
    "--pictures": ("--save-dir",),
    "--start": ("--init-weights",),
    "--teacher-share": ("--distill-weight",),
    "--tile": ("--clahe-tile",),
    "--views": ("--tta",),
}

#: Old name of a command -> its new name.
COMMANDS: dict[str, str] = {"loso": "cross-validate"}


class RenamingGroup(TyperGroup):
    """A group of commands that reads old names as the new ones."""

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:
        """Return name, command and words, all with new names."""
        if args and args[0] in COMMANDS and args[0] not in self.commands:
            _say(args[0], COMMANDS[args[0]])
            args = [COMMANDS[args[0]], *args[1:]]
        name, command, rest = super().resolve_command(ctx, args)
        options = {option for one in getattr(command, "params", ()) for option in one.opts}
        return name, command, with_new_options(rest, options)


def with_new_options(words: Sequence[str], options: Collection[str]) -> list[str]:
    """Return a command's words with old names of options as the new ones; what stands behind ``--`` stays.

    Parameters
    ----------
    words : sequence of str
    options : collection of str
        What the command takes, such as ``--detect-every``. An old name among them is no old name here.
    """
    end = words.index("--") if "--" in words else len(words)
    found = []
    for word in words[:end]:
        old, equals, value = word.partition("=")
        new = next((name for name in OPTIONS.get(old, ()) if name in options), None)
        if new is not None and old not in options:
            _say(old, new)
            word = new + equals + value
        found.append(word)
    return [*found, *words[end:]]


def _say(old: str, new: str) -> None:
    print(f"mueca: {old} is now {new}; the old name works for one version", file=sys.stderr)
