"""Data sets: one form for all, whatever they come from."""

from __future__ import annotations

import os
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from featurize.paths import expanded
from featurize.suggest import hint
from pipelines.utils.paths import as_path
from pipelines.utils.progress import SILENT, Progress

if TYPE_CHECKING:
    from pipelines.datasets.base import Dataset
    from pipelines.datasets.fer2013.dataset import ImportReport

__all__ = ["add", "data_root", "list_datasets", "load"]

#: name -> module; a module is imported when its set is asked for. It has ``load(**options)``; a set that
#: must be imported first has ``load(root)`` and ``add(path, root, progress)`` and stands in `IMPORTED` too.
DATASETS: dict[str, str] = {
    "fer2013": "pipelines.datasets.fer2013.dataset",
    "synthetic": "pipelines.datasets.synthetic.faces",
    "synthetic-clips": "pipelines.datasets.synthetic.clips",
    "clips": "pipelines.datasets.micro_expressions.clips",
    "videos": "pipelines.datasets.micro_expressions.videos",
    "casme2": "pipelines.datasets.micro_expressions.casme2",
    "smic": "pipelines.datasets.micro_expressions.smic",
    "samm": "pipelines.datasets.micro_expressions.samm",
    "megc2019": "pipelines.datasets.micro_expressions.megc2019",
}
#: Sets that are read where they lie: ``load(path)``, by default the folder of that name in `data_root`.
IN_PLACE = frozenset({"clips", "videos", "casme2", "smic", "samm", "megc2019"})
IMPORTED = frozenset({"fer2013"})


def data_root() -> Path:
    """Return the folder of imported sets: ``MUECA_DATA``, else the platform's data folder for this user."""
    if given := os.environ.get("MUECA_DATA"):
        return expanded(given)
    import platformdirs

    return Path(platformdirs.user_data_dir("mueca", appauthor=False))


def _root(given: Path | str | None) -> Path:
    return data_root() if given is None else as_path(given, "root")


def _name(given: str | Path) -> str:
    """Return the name or path of a set as text."""
    if isinstance(given, str | os.PathLike) and os.fspath(given):
        return os.fspath(given)
    raise TypeError(f"data={given!r:.60}: give the name of a data set or a folder of class/*.jpg")


def list_datasets(root: Path | str | None = None) -> dict[str, str]:
    """Return name -> state: "built in", "present", or "absent" with what to do about it."""
    at = _root(root)
    return {name: _state(name, at) for name in sorted(DATASETS)}


def _state(name: str, root: Path) -> str:
    if name in IN_PLACE:
        at = _place(root, name)
        return f"present in {at}" if at.exists() else f"absent; give its path, or put it in {root / name}"
    if name not in IMPORTED:
        return "built in"
    if (root / name / "manifest.json").is_file():
        return f"present in {root / name}"
    return f"absent; mueca data add {name} PATH"


def load(
    name_or_path: str | Path,
    *,
    strict: bool = False,
    root: Path | str | None = None,
    cache: Path | str | None = None,
    progress: Progress = SILENT,
    **options: Any,
) -> Dataset:
    """Load a data set.

    Parameters
    ----------
    name_or_path : str or Path
        One of `list_datasets()`, or a folder of ``class/*.jpg`` (`pipelines.datasets.registry.folder`). A
        name wins over a folder of that name; write ``./fer2013`` for the folder. Options may follow a name:
        ``casme2(labels="megc2019")``.
    strict : bool
        Raise if a sample is unreadable, instead of leaving it out and listing it in ``faults``.
    root : Path, optional
        Folder of imported sets; `data_root()` by default.
    cache : Path, optional
        Folder that remembers what was read of a folder of pictures; by default that of the embeddings,
        `featurize.store.default_root()`.
    progress : Progress
    **options
        Of the set's own loader, such as ``n_per_class`` and ``seed`` of "synthetic".

    Returns
    -------
    Dataset

    Raises
    ------
    ValueError
        If the name is unknown (the message suggests the nearest), an option is, or the set is not usable.
    OSError
        If there is no such folder, or the set has not been imported.
    """
    name, given = _with_options(_name(name_or_path))
    options = given | options
    if name not in DATASETS:
        return _load_folder(name, strict, cache, progress, options)
    loader: Callable[..., Dataset] = import_module(DATASETS[name]).load
    if name in IMPORTED:
        options["root"] = _root(root)
    if name in IN_PLACE:
        options.setdefault("path", _place(_root(root), name))
    dataset = _called(loader, name, options)
    if strict and dataset.faults:
        first = dataset.faults[0]
        raise ValueError(f"{name}: {len(dataset.faults)} unreadable; the first: {first.path}: {first.reason}")
    return dataset


def _with_options(text: str) -> tuple[str, dict[str, Any]]:
    """Split ``casme2(labels="megc2019")`` into the name and its options; leave every other word whole."""
    name, bracket, _ = text.partition("(")
    if not bracket or name not in DATASETS or not text.endswith(")"):
        return text, {}
    from featurize.registry import keywords

    return name, keywords(text[len(name) + 1 : -1], text)


def _place(root: Path, name: str) -> Path:
    """Return where a set that is read in place lies by default: a folder, or an archive, of its name."""
    archives = (root / f"{name}{ending}" for ending in (".tar.xz", ".tar.gz", ".tar", ".zip"))
    found = next((path for path in archives if path.is_file()), root / name)
    return root / name if (root / name).is_dir() else found


def _called(loader: Callable[..., Dataset], name: str, options: dict[str, Any]) -> Dataset:
    import inspect

    known = inspect.signature(loader).parameters
    for option in options:
        if option not in known:
            raise ValueError(
                f"data set {name}: no option {option!r}; {hint(option, known, 'see mueca list')}"
            )
    return loader(**options)


def _load_folder(
    name: str, strict: bool, cache: Path | str | None, progress: Progress, options: dict[str, Any]
) -> Dataset:
    from featurize.store import default_root
    from pipelines.datasets import folder
    from pipelines.datasets.whole_photos import with_notes

    path = expanded(name)
    if not path.exists():
        raise _unknown(name)
    if path.is_file():
        raise NotADirectoryError(
            f"{name}: a file; give a folder of class/*.jpg, or mueca data add fer2013 {name}"
        )
    if options:
        raise ValueError(f"{name}: a folder takes no option {next(iter(options))!r}")
    at = as_path(cache or default_root(), "cache")
    return with_notes(folder.load(path, strict=strict, cache=at, progress=progress))


def _unknown(name: str) -> ValueError | FileNotFoundError:
    folder, bracket, options = name.partition("(")
    if bracket and Path(folder).expanduser().is_dir():
        from pipelines.datasets.unlabelled import SUBJECTS_TODAY

        about_subjects = f"; {SUBJECTS_TODAY}" if "subject" in options or "group" in options else ""
        return ValueError(f"{folder}: a folder takes no options ({options.rstrip(')')}){about_subjects}")
    if Path(name).name != name:  # written as a path
        return FileNotFoundError(f"{name}: no such folder")
    return ValueError(f"no data set or folder {name!r}; {hint(name.lower(), DATASETS)}")


def add(
    name: str,
    path: Path | str,
    *,
    root: Path | str | None = None,
    progress: Progress = SILENT,
    strict: bool = False,
) -> ImportReport:
    """Import a published set from where it was downloaded to.

    Parameters
    ----------
    name : str
        A set that can be imported: "fer2013".
    path : Path or str
        Folder, archive or CSV, see `pipelines.datasets.fer2013.dataset.add`.
    root : Path, optional
        Where to; `data_root()` by default.
    progress : Progress
    strict : bool
        Refuse a source with an unreadable picture.

    Returns
    -------
    ImportReport

    Raises
    ------
    ValueError, OSError
        One line that says what to do.
    """
    if name not in IMPORTED:
        raise ValueError(
            f"no data set {name!r} to import; {hint(name.lower(), IMPORTED)}; "
            "a folder of class/*.jpg is used by its path"
        )
    report: ImportReport = import_module(DATASETS[name]).add(
        as_path(path), _root(root), progress, strict=strict
    )
    return report
