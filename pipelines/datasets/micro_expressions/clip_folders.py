"""Which folder a row of a coding sheet means: zeros, case, spaces, a prefix and the depth may differ."""

from __future__ import annotations

import logging
import os
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache
from pathlib import Path

from pipelines.utils.cells import clean

log = logging.getLogger(__name__)

#: Folders looked through for the one that holds the subjects, counted from the one given.
DEPTH = 2
_ENDINGS = re.compile(r"\.(avi|mp4|mov|mkv|wmv|mpe?g)$", re.IGNORECASE)
_POINT_ZERO = re.compile(r"^(\d+)[.,]0+$", re.ASCII)
_LEADING_ZEROS = re.compile(r"(?<![\d.,])0+(?=\d)", re.ASCII)
_BETWEEN = re.compile(r"[\s_-]+")
_NUMBERED = re.compile(r"([^\W\d_]*)[\s_-]*0*(\d+)")


class NoFolderError(ValueError):
    """A row for which there is no folder, or more than one; `str()` says which were tried."""


@lru_cache(4096)
def alike(name: str) -> str:
    """Return what names share that differ in case, spaces, zeros before a number, or 6.0 for 6."""
    text = _ENDINGS.sub("", _plain(name))
    text = _POINT_ZERO.sub(r"\1", text)
    return _LEADING_ZEROS.sub("", _BETWEEN.sub("_", text))


@lru_cache(4096)
def _plain(name: str) -> str:
    return clean(unicodedata.normalize("NFC", name)).casefold()


def _same_number(a: str, b: str) -> bool:
    """Return whether two ids are one number under prefixes of which one begins the other: 1, s1, sub01."""
    one, two = (_NUMBERED.fullmatch(alike(name)) for name in (a, b))
    if not one or not two or one.group(2) != two.group(2):
        return False
    short, long = sorted((one.group(1), two.group(1)), key=len)
    return long.startswith(short)


#: From the strictest to the loosest; the first that any folder passes decides.
_TESTS: tuple[Callable[[str, str], bool], ...] = (
    lambda a, b: a == b,
    lambda a, b: _plain(a) == _plain(b),
    lambda a, b: alike(a) == alike(b),
    _same_number,
)


def parts_of(text: str) -> tuple[str, ...]:
    """Return the parts of a path with slashes of either kind, without those that lead nowhere."""
    return tuple(part for part in re.split(r"[\\/]+", text) if part.strip() not in ("", "."))


class _Tree:
    """Looks ids up among folders, each listed once."""

    def __init__(self) -> None:
        self._listed: dict[Path, tuple[str, ...]] = {}
        self._fits: dict[tuple[Path, str], list[list[str]]] = {}

    def folders(self, folder: Path) -> tuple[str, ...]:
        """Return the names of the folders in a folder, hidden ones left out."""
        if folder not in self._listed:
            self._listed[folder] = _subfolders(folder)
        return self._listed[folder]

    def fitting(self, folder: Path, name: str) -> list[list[str]]:
        """Return the folders in a folder that fit a name, those of the strictest test first, each once."""
        key = (folder, name)
        if key not in self._fits:
            self._fits[key] = list(_by_test(self.folders(folder), name))
        return self._fits[key]

    def find(self, base: Path, subject: str, clip: str) -> tuple[str, Path] | None:
        """Return the subject's folder and the clip's, None if there is none.

        Raises
        ------
        NoFolderError
            If two fit equally well.
        """
        parts = _below(subject, clip)
        if not parts or ".." in parts:
            return None
        for names in self.fitting(base, _last(subject)):
            found = [(name, path) for name in names if (path := self._descend(base / name, parts))]
            if len(found) > 1:
                raise NoFolderError(_both(f"{subject}/{clip}", found[0][1], found[1][1]))
            if found:
                return found[0]
        return None

    def _descend(self, folder: Path, parts: Sequence[str]) -> Path | None:
        """Return the folder that a path leads to from `folder`, or that its last parts do."""
        for start in range(len(parts)):
            at: Path | None = folder
            for part in parts[start:]:
                at = self._only(at, part) if at else None
            if at:
                return at
        return None

    def _only(self, folder: Path, name: str) -> Path | None:
        found = next(iter(self.fitting(folder, name)), [])
        if len(found) > 1:
            raise NoFolderError(_both(name, folder / found[0], folder / found[1]))
        return folder / found[0] if found else None


def _by_test(names: Iterable[str], name: str) -> Iterator[list[str]]:
    left = list(names)
    for test in _TESTS:
        fits = [one for one in left if test(name, one)]
        if fits:
            yield fits
        left = [one for one in left if one not in fits]


def _both(name: str, one: Path, other: Path) -> str:
    return f"{name} fits both {one} and {other}; rename one, or write it in the sheet as it is"


def _subfolders(folder: Path) -> tuple[str, ...]:
    try:
        with os.scandir(folder) as entries:
            return tuple(sorted(e.name for e in entries if e.name[0] not in "._@" and e.is_dir()))
    except OSError:
        return ()


class ClipFolders:
    """The folders ``subject/clip`` below a root.

    Parameters
    ----------
    root : Path
    ids : iterable of (subject, clip)
        As the sheet writes them. They decide which folder holds the subjects: `root`, or the one up to two
        folders below it that has most of them.
    prefer : str
        Of folders below the root, those with this word in their path come first.

    Raises
    ------
    ValueError
        If two folders at the same depth hold as many of the clips.
    """

    def __init__(self, root: Path, ids: Iterable[tuple[str, str]], prefer: str = "") -> None:
        self.root, self._tree = root, _Tree()
        ids = tuple(dict.fromkeys(ids))
        self._said: set[str] = set()
        self._written = {_last(subject) for subject, _ in ids}
        self.base = self._base(ids, prefer)

    def _base(self, ids: Sequence[tuple[str, str]], prefer: str) -> Path:
        for group in self._in_order(prefer):
            counts = Counter({base: n for base in group if (n := sum(self._has(base, *one) for one in ids))})
            best = [base for base, n in counts.items() if n == max(counts.values())]
            if len(best) > 1:
                raise ValueError(
                    f"{self.root}: the clips lie in both {best[0]} and {best[1]}; give path=one of the two"
                )
            if best:
                return best[0]
        return self.root

    def _in_order(self, prefer: str) -> Iterator[list[Path]]:
        """Yield groups of folders that may hold the subjects: the root, those preferred, others by depth."""
        yield [self.root]
        levels: list[list[Path]] = [[self.root]]
        for _ in range(DEPTH):
            levels.append([folder / name for folder in levels[-1] for name in self._tree.folders(folder)])
            if not prefer:
                yield levels[-1]
        if prefer:
            named = {
                b for level in levels for b in level if prefer in str(b.relative_to(self.root)).casefold()
            }
            yield from ([b for b in level if b in named] for level in levels[1:])
            yield from ([b for b in level if b not in named] for level in levels[1:])

    def _has(self, base: Path, subject: str, clip: str) -> bool:
        try:
            return self._tree.find(base, subject, clip) is not None
        except NoFolderError:
            return True

    def of(self, subject: str, clip: str) -> tuple[str, Path]:
        """Return the name of the subject's folder, and the folder of the clip.

        Raises
        ------
        NoFolderError
            Naming the folder that was tried and what is there instead, or the two that both fit.
        """
        found = self._tree.find(self.base, subject, clip)
        if found is None:
            raise NoFolderError(f"no folder of frames for {subject}/{clip}: {self._tried(subject, clip)}")
        self._say_others(found[0])
        return found

    def _say_others(self, name: str) -> None:
        """Warn once where a folder is as the sheet writes it, and another, unnamed there, fits as well."""
        if name not in self._written or name in self._said:
            return
        self._said.add(name)
        levels = self._tree.fitting(self.base, name)
        if others := [one for level in levels[1:] for one in level if one not in self._written]:
            log.warning(
                "subject %s is %s; %s fits as well and is not read", name, self.base / name, others[0]
            )

    def _tried(self, subject: str, clip: str) -> str:
        subjects = [name for level in self._tree.fitting(self.base, _last(subject)) for name in level]
        where = self.base / subjects[0] if subjects else self.base
        parts = _below(subject, clip) if subjects else (_last(subject), *_below(subject, clip))
        return f"there is no {where.joinpath(*parts)}; {where} holds {_few(self._tree.folders(where))}"


def _few(names: Sequence[str]) -> str:
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return f"{', '.join(names[:3])}{more}" if names else "no folder"


def _last(text: str) -> str:
    return (parts_of(text) or (text,))[-1]


def _below(subject: str, clip: str) -> tuple[str, ...]:
    """Return the parts of a clip's path below its subject's folder."""
    parts = parts_of(clip)
    twice = len(parts) > 1 and any(test(parts[0], _last(subject)) for test in _TESTS)
    return parts[1:] if twice else parts
