"""What commands share: options and their old names, how words are read, what is said of what was left out."""

from __future__ import annotations

import sys
from collections.abc import Collection, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer
from typer.core import TyperGroup

if TYPE_CHECKING:
    from pipelines.datasets.base import Fault
    from pipelines.utils.cluster import Cluster

DataOption = Annotated[
    str,
    typer.Option(
        "--data",
        help="Name (fer2013, synthetic), a folder of class/*.jpg, or a table of files and labels.",
    ),
]
BackboneOption = Annotated[
    str, typer.Option("--backbone", help="Extractor, such as hog or hog(cell=6)+lbp; see: mueca list.")
]
LayerOption = Annotated[
    str | None, typer.Option(help="Of a network: fc1, fc2, flatten, pool, ...; default: its first.")
]
Precision = Literal["auto", "f32", "bf16", "int8"]
EngineOption = Annotated[
    Literal["auto", "keras", "openvino"] | None, typer.Option(help="What runs a network; see: mueca doctor.")
]
PrecisionOption = Annotated[Precision | None, typer.Option(help="What a network computes in.")]
EqualizeOption = Annotated[
    Literal["none", "hist", "clahe"], typer.Option(help="Histogram equalisation first.")
]
TileOption = Annotated[int, typer.Option(help="CLAHE: tiles a side.")]
ClipOption = Annotated[float, typer.Option(help="CLAHE: clip limit.")]
StorageOption = Annotated[
    Literal["float32", "float16"],
    typer.Option(help="Type of the numbers in the cache; float16 takes half of the disk."),
]
StrictOption = Annotated[bool, typer.Option("--strict", help="An unreadable image is an error.")]
JobsOption = Annotated[
    int | None, typer.Option("--jobs", min=1, help="Workers for extraction; default: all cores.")
]
MemoryOption = Annotated[
    str | None,
    typer.Option(help="What kernels may take, such as 4GB; default: 8GB, or half of this machine's memory."),
]
SchedulerOption = Annotated[
    str | None,
    typer.Option(help="Work on the workers of a dask scheduler, tcp://HOST:PORT; see docs/distributed.md."),
]
WorkersOption = Annotated[int | None, typer.Option(help="Work in so many processes of this machine.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]
DetectorOption = Annotated[
    str,
    typer.Option(help="auto, blazeface, haar, dlib-hog, dlib-cnn, or none: every image is one face already."),
]
MinFaceOption = Annotated[
    int | None,
    typer.Option(
        min=16, help="Smallest face that is classified, in pixels; default: 32, without a detector 16."
    ),
]
EveryOption = Annotated[
    int, typer.Option(min=1, help="Detect faces every so many frames; they are tracked in between.")
]
SmoothOption = Annotated[float, typer.Option(min=0, help="Smooth a face's numbers over so many seconds.")]
ModelOption = Annotated[
    Path | None,
    typer.Option(help="What mueca fit --out wrote, or a model that ships, by name; see: mueca list."),
]
TrustOption = Annotated[
    list[str] | None,
    typer.Option(
        "--trust", help="A class from outside that the model's head holds, PACKAGE.MODULE.CLASS; imports it."
    ),
]


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
        values = [read_value(part) for part in text.split(",")]
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


def read_value(text: str) -> Any:
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
    from pipelines.utils.console import echo, printable

    for fault in () if named else faults[:NAMED]:
        echo(f"mueca: {what} {printable(fault.path)}: {fault.reason}")
    if len(faults) > NAMED and not named:
        echo(f"mueca: and {len(faults) - NAMED} more; mueca data audit --out FOLDER lists them all")
    if faults:
        raise typer.Exit(PARTLY)


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
            _say_renamed(args[0], COMMANDS[args[0]])
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
            _say_renamed(old, new)
            word = new + equals + value
        found.append(word)
    return [*found, *words[end:]]


def _say_renamed(old: str, new: str) -> None:
    print(f"mueca: {old} is now {new}; the old name works for one version", file=sys.stderr)


def cluster_of(scheduler: str | None, workers: int | None) -> AbstractContextManager[Cluster | None]:
    """Return the workers asked for, which end with the block; none, and nothing of dask, if none are."""
    if scheduler is None and workers is None:
        return nullcontext()
    from pipelines.utils.cluster import connect

    return connect(scheduler, workers)
