"""Folders that are written whole or not at all."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pipelines.utils.paths import as_path, check_parents


def check_target(folder: Path | str, card: str = "card.json", what: str = "model") -> None:
    """Refuse a folder that cannot be written or holds something else, before anything is computed.

    Parameters
    ----------
    folder : path
    card : str
        The file by which an older one is known, which may be replaced.
    what : str
        What it is, for the message.

    Raises
    ------
    ValueError
        If it holds something else.
    OSError
        If it cannot be made.
    """
    folder = as_path(folder, "out")
    if folder.is_file() or (folder.is_dir() and any(folder.iterdir()) and not (folder / card).is_file()):
        raise ValueError(f"{folder} holds something that is no {what}; give an empty or a new --out folder")
    check_parents(folder)


@contextmanager
def replacing(folder: Path) -> Iterator[Path]:
    """Give an empty folder beside `folder`, and put it in its place if the block ends without an error.

    Raises
    ------
    OSError
        If it cannot be written; what stood there is then left as it was.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    temporary = folder.with_name(f".{folder.name}.{os.getpid()}.tmp")
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir()
    try:
        yield temporary
        shutil.rmtree(folder, ignore_errors=True)
        temporary.replace(folder)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
