"""YAML as it is taken from a disk: bounded in size, depth and repetition before anything of it is built."""

from __future__ import annotations

import re
import stat
from pathlib import Path
from typing import Any

#: Bytes of a recipe, levels of brackets or indentation, values with every alias written out.
LARGEST, DEEPEST, MOST_VALUES = 2**20, 40, 100_000
_ENDLESS = re.compile(r"[-+]?(0[xXoObB])?[0-9a-fA-F_]{100,}")


def read_yaml(path: Path) -> Any:
    """Return what a YAML file holds.

    Raises
    ------
    OSError
        If the system does not give it.
    ValueError
        One line that names the file.
    """
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # where PyYAML brings it: ten times as fast
    text = _text(path)
    try:
        if what := _unbounded(yaml, text, loader):
            raise ValueError(f"{path} is no recipe: {what}")
        return yaml.load(text, _once(yaml, loader, path))  # noqa: S506  both are safe loaders
    except yaml.YAMLError as error:
        raise ValueError(f"{path} is no YAML{_place(error)}") from None
    except ValueError as error:
        if str(error).startswith(f"{path} is no recipe"):
            raise
        raise ValueError(_odd(path)) from None
    except Exception:  # of a value that is marked as a date and is none it says what comes to its mind
        raise ValueError(_odd(path)) from None


def _once(yaml: Any, loader: Any, path: Path) -> Any:
    """Return a loader that refuses a key that is there twice: YAML lets the last one win without a word."""

    class Once(loader):
        def construct_mapping(self, node: Any, deep: bool = False) -> Any:
            there: set[str] = set()
            for key in (key for key, _ in node.value if isinstance(key, yaml.ScalarNode)):
                if key.value in there:
                    line = key.start_mark.line + 1
                    raise ValueError(
                        f"{path} is no recipe: {key.value:.80} is there twice, again in line {line}"
                    )
                there.add(key.value)
            return super().construct_mapping(node, deep)

    return Once


def _odd(path: Path) -> str:
    return f"{path} is no YAML: it holds a number or a date that is none"


def _text(path: Path) -> str:
    if not stat.S_ISREG(path.stat().st_mode):
        raise ValueError(f"{path} is no regular file; give a recipe as a file")
    with path.open("rb") as file:
        data = file.read(LARGEST + 1)
    if len(data) > LARGEST:
        raise ValueError(f"{path} is no recipe: more than {LARGEST >> 20} MB")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ValueError(f"{path} is no YAML: it is not UTF-8") from None


def _unbounded(yaml: Any, text: str, loader: Any) -> str:
    """Return what is nested too deep, or grows without bound where aliases are written out; "" if nothing."""
    sizes: dict[str, int] = {}
    open_, total = [], 0
    for event in yaml.parse(text, loader):
        size = 0
        if isinstance(event, yaml.AliasEvent):
            if event.anchor not in sizes:
                return f"*{event.anchor} stands for nothing that is whole"
            size = sizes[event.anchor]
        elif isinstance(event, yaml.ScalarEvent):
            size = 1
            if _ENDLESS.fullmatch(event.value):
                return "it holds a number of more digits than any has"
            if event.anchor:
                sizes[event.anchor] = 1
        elif isinstance(event, yaml.CollectionStartEvent):
            open_.append((event.anchor, total))
            total += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            anchor, before = open_.pop()
            if anchor:
                sizes[anchor] = total - before
        total += size
        if len(open_) > DEEPEST or total > MOST_VALUES:
            return f"nested deeper than {DEEPEST} levels" if len(open_) > DEEPEST else "too many values"
    return ""


def _place(error: Any) -> str:
    mark = getattr(error, "problem_mark", None)
    return "" if mark is None else f": see line {mark.line + 1}, column {mark.column + 1}"
