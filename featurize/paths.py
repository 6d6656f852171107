"""Paths as people write them: ``~`` for the home folder, and what is no path at all."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

#: A web address, as written and as `Path` writes it (one slash); two letters, so that no drive is one.
_ADDRESS = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+):(//?)(?=[^/\\]|/)")


def expanded(path: Path | str) -> Path:
    """Return a path with ``~`` and ``~name`` replaced by the home folder, where there is one.

    Parameters
    ----------
    path : path

    Raises
    ------
    ValueError
        If it is a web address: nothing is downloaded.
    """
    refuse_address(path)
    return Path(os.path.expanduser(path))  # noqa: PTH111 - pathlib raises where there is no such home


def as_path(given: Any, what: str = "path") -> Path:
    """Return a path from text or a path object, ``~`` expanded.

    Parameters
    ----------
    given : str or path
    what : str
        The parameter, for the message.

    Raises
    ------
    TypeError
        If it is neither.
    ValueError
        If it is empty, or a web address.
    """
    if not isinstance(given, str | os.PathLike) or isinstance(os.fspath(given), bytes):
        raise TypeError(f"{what}={given!r:.60}: give a path, as text or pathlib.Path")
    if not os.fspath(given):
        raise ValueError(f"{what} is empty; give a path ('.' is the current folder)")
    return expanded(Path(given))


def refuse_address(given: Path | str) -> None:
    """Refuse a web address where a file or folder is asked for.

    Raises
    ------
    ValueError
        One line that says what to do.
    """
    found = _ADDRESS.match(text := str(given))
    if found is None:
        return
    scheme, rest = found[1].lower(), text[found.end() :].lstrip("/")
    if scheme == "file":
        raise ValueError(f"file:///{rest}: give the path alone: /{rest}")
    raise ValueError(f"{scheme}://{rest}: a web address; download it first, and give the file or folder")


def expanded_word(word: str) -> str:
    """Return a word of a command line with ``~`` expanded, also after ``--option=``, as no shell does."""
    option, equals, value = word.partition("=")
    if equals and option.startswith("--") and value.startswith("~"):
        return f"{option}={os.path.expanduser(value)}"  # noqa: PTH111
    return os.path.expanduser(word) if word.startswith("~") else word  # noqa: PTH111
