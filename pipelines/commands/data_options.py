"""Options that say how a table or a folder is read: of every command that takes ``--data``."""

from __future__ import annotations

from collections.abc import Sequence

#: Option -> the parameter of `pipelines.datasets.registry.load` that it is.
OPTIONS = {
    "--columns": "columns",
    "--labels": "labels",
    "--splits": "splits",
    "--root": "root",
    "--pattern": "pattern",
    "--subject": "subject",
}
#: The same of options without a value.
FLAGS = {"--allow-leaks": "allow_leaks"}
_DATA = "--data"


def folded(words: Sequence[str]) -> list[str]:
    """Return the words of a command with these options written into the data set that they belong to.

    ``--data faces.csv --columns label=emotion`` becomes ``--data "faces.csv(columns='label=emotion')"``,
    which recipes take as well. Words without such an option, or without a data set, stay as they are.

    Raises
    ------
    ValueError
        If an option has no value, or is given twice.
    """
    given: dict[str, str | bool] = {}
    rest: list[str] = []
    ahead = list(words)
    while ahead:
        word = ahead.pop(0)
        name, equals, value = word.partition("=")
        if name not in OPTIONS and word not in FLAGS:
            rest.append(word)
            continue
        if name in OPTIONS and not equals:
            if not ahead:
                raise ValueError(f"{name} needs a value")
            value = ahead.pop(0)
        if (key := OPTIONS.get(name) or FLAGS[word]) in given:
            raise ValueError(f"{name} is given twice; several go with commas: {name} a=b,c=d")
        given[key] = value if name in OPTIONS else True
    place = _place(rest)
    if not given or place is None:
        return list(words)
    at, prefix = place
    rest[at] = prefix + _with(rest[at].removeprefix(prefix), given)
    return rest


def _place(words: Sequence[str]) -> tuple[int, str] | None:
    """Return where the data set stands, and what stands before it in that word."""
    for at, word in enumerate(words):
        if word == _DATA and at + 1 < len(words):
            return at + 1, ""
        if word.startswith(f"{_DATA}="):
            return at, f"{_DATA}="
    return (2, "") if words[:2] == ["data", "audit"] and len(words) > 2 else None


def _with(data: str, given: dict[str, str | bool]) -> str:
    from pipelines.datasets.registry import with_options

    name, options = with_options(data)
    if twice := [key for key in given if key in options]:
        raise ValueError(f"{twice[0]} is given twice, in {data} and as an option; give it once")
    return f"{name}({', '.join(f'{key}={value!r}' for key, value in (options | given).items())})"
