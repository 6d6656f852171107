"""Options that say how a table or a folder is read: of every command that takes ``--data``."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, TypeVar

import typer

Command = TypeVar("Command", bound=Callable[..., Any])

#: Parameter of `pipelines.datasets.registry.load` -> what the option's help says.
HELP = {
    "columns": "Of a table: what its columns are called, such as label=emotion,file=image.",
    "labels": "Of a table or a folder: classes of its labels, such as 1=surprise,2=fear.",
    "splits": "Of a table or a pattern: what its splits are called, such as old=train,new=test.",
    "root": "Of a table: the folder that its files are named below.",
    "pattern": "Of a folder: what names of files are made of, such as {subject:2}.{label:2}{_}.tiff.",
    "subject": "Of a folder: a regular expression for the person in names of files.",
}
_LEAKS = "Go on where a person is in two splits; figures are then marked."


def _options() -> list[inspect.Parameter]:
    texts = {
        name: (Annotated[str | None, typer.Option(f"--{name}", help=words)], None)
        for name, words in HELP.items()
    }
    flag = (Annotated[bool, typer.Option("--allow-leaks", help=_LEAKS)], False)
    both: dict[str, tuple[Any, Any]] = {**texts, "allow_leaks": flag}
    kind = inspect.Parameter.KEYWORD_ONLY
    return [
        inspect.Parameter(name, kind, default=default, annotation=annotation)
        for name, (annotation, default) in both.items()
    ]


def reads_data(command: Command) -> Command:
    """Give a command these options; it gets them written into its `data`, as a recipe would have them.

    ``--data faces.csv --columns label=emotion`` becomes ``faces.csv(columns='label=emotion')``.
    """

    @functools.wraps(command)
    def wrapped(*args: Any, **values: Any) -> Any:
        given = {name: value for name in (*HELP, "allow_leaks") if (value := values.pop(name, None))}
        if isinstance(values.get("data"), str) and not values["data"].strip():
            raise ValueError("--data is empty; give a data set by name, a folder of class/*.jpg or a table")
        context = values.get("context")
        data = values.get("data")
        if isinstance(data, list):
            values["data"] = with_data(data[0], given) if len(data) == 1 else joined_data(data, given)
        elif given and data:
            values["data"] = with_data(data, given)
        if context is not None:
            for name in (*HELP, "allow_leaks"):
                context.params.pop(name, None)
            context.params["data"] = values.get("data")
        return command(*args, **values)

    own = list(inspect.signature(command, eval_str=True).parameters.values())
    split = next((i for i, one in enumerate(own) if one.kind is inspect.Parameter.KEYWORD_ONLY), len(own))
    both = [*own[:split], *_options(), *own[split:]]
    wrapped.__signature__ = inspect.Signature(both)  # type: ignore[attr-defined]
    return wrapped  # type: ignore[return-value]


def with_data(data: str, given: Mapping[str, str | bool]) -> str:
    """Return a data set with options written behind it, in brackets.

    Raises
    ------
    ValueError
        If an option is there already.
    """
    from pipelines.datasets.registry import with_options

    if not given:
        return data
    name, options = with_options(data)
    if twice := [key for key in given if key in options]:
        raise ValueError(f"{twice[0]} is given twice, in {data} and as an option; give it once")
    return f"{name}({', '.join(f'{key}={value!r}' for key, value in (options | dict(given)).items())})"


def joined_data(sets: Sequence[str], given: Mapping[str, str | bool]) -> dict[str, Any]:
    """Return several data sets as a recipe has them; `labels` and `allow_leaks` are of all of them.

    Raises
    ------
    ValueError
        If another option is given, which may be of one of them only.
    """
    if other := [name for name in given if name not in ("labels", "allow_leaks")]:
        raise ValueError(
            f"--{other[0]} is of one data set; with several write it behind each: "
            f"{sets[0]}({other[0]}={str(given[other[0]])!r})"
        )
    return {"name": "joined", "options": {"sets": list(sets), **given}}
