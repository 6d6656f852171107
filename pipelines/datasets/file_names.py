"""Which file a cell of a table means: slashes, case, a missing ending and lost zeros may differ."""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Callable
from pathlib import Path

from featurize.file_kinds import IMAGE_ENDINGS, ending_of
from featurize.walk import is_hidden
from pipelines.utils.cells import clean

_SLASHES = re.compile(r"[\\/]+")
_ZEROS = re.compile(r"(?<!\d)0+(?=\d)", re.ASCII)
_POINT_ZERO = re.compile(r"(?<=\d)\.0+$", re.ASCII)


def _plain(name: str) -> str:
    return clean(unicodedata.normalize("NFC", name)).casefold()


def _stem(name: str) -> str:
    plain, ending = _plain(name), ending_of(name)
    return plain[: -len(ending)] if ending in IMAGE_ENDINGS else plain


def _unpadded(name: str) -> str:
    return _ZEROS.sub("", _POINT_ZERO.sub("", _stem(name)))


#: What two names may share, from the strictest to the loosest.
_KEYS: tuple[Callable[[str], str], ...] = (_plain, _stem, _unpadded)


class FileNames:
    """Finds files below a folder, each folder listed once.

    Parameters
    ----------
    root : Path
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self._listed: dict[str, dict[str, None]] = {}
        self._known: dict[tuple[str, int], dict[str, list[str]]] = {}

    def find(self, text: str) -> str:
        """Return the path below the root that is meant, with forward slashes; as written if there is none.

        Parameters
        ----------
        text : str
            A path below the root, or an absolute one, with slashes of either kind. Where no file is called
            so, case does not matter; else the ending may be missing; else zeros before a number.

        Raises
        ------
        ValueError
            If two files fit equally well.
        """
        path = _SLASHES.sub("/", str(text)).removeprefix("./")
        folder, _, name = path.rpartition("/")
        folder = folder or "/" * path.startswith("/")
        if name in self._names(folder):
            return path
        for strictness, key in enumerate(_KEYS):
            fits = self._by_key(folder, strictness).get(key(name), [])
            if len(fits) > 1:
                raise ValueError(f"{text} fits both {fits[0]} and {fits[1]}; write the name as it is")
            if fits:
                return f"{folder.rstrip('/')}/{fits[0]}" if folder else fits[0]
        return path

    def _names(self, folder: str) -> dict[str, None]:
        if folder not in self._listed:
            try:
                with os.scandir(self.root / folder) as entries:
                    names = sorted(e.name for e in entries if not is_hidden(e.name) and not e.is_dir())
            except OSError:
                names = []
            self._listed[folder] = dict.fromkeys(names)
        return self._listed[folder]

    def _by_key(self, folder: str, strictness: int) -> dict[str, list[str]]:
        """Return key -> names of the images in a folder that share it."""
        if (folder, strictness) not in self._known:
            found: dict[str, list[str]] = {}
            for name in self._names(folder):
                if strictness == 0 or ending_of(name) in IMAGE_ENDINGS:
                    found.setdefault(_KEYS[strictness](name), []).append(name)
            self._known[folder, strictness] = found
        return self._known[folder, strictness]

    def images(self) -> list[str]:
        """Return the images in the folders that were looked into, by their paths, in order."""
        return [
            f"{folder.rstrip('/')}/{name}" if folder else name
            for folder, names in self._listed.items()
            for name in names
            if ending_of(name) in IMAGE_ENDINGS
        ]
