"""Data sets: one form for all, whatever they come from."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from featurize.overwriting import check_overwrites
from featurize.paths import expanded
from featurize.regular import check_file_or_folder
from featurize.suggest import hint
from pipelines.datasets.places import place_of
from pipelines.utils.paths import as_path
from pipelines.utils.progress import SILENT, Progress

if TYPE_CHECKING:
    from pipelines.datasets.base import Dataset
    from pipelines.datasets.fer2013.dataset import ImportReport
    from pipelines.datasets.published.about import About, AddReport

__all__ = ["about", "add", "data_root", "list_datasets", "load", "paths_read"]

#: name -> module; a module is imported when its set is asked for. It has ``load(**options)``; a set that
#: must be imported first has ``load(root)`` and ``add(path, root, progress)`` and stands in `IMPORTED` too.
DATASETS: dict[str, str] = {
    "fer2013": "pipelines.datasets.fer2013.dataset",
    "ferplus": "pipelines.datasets.published.ferplus",
    "raf-db": "pipelines.datasets.published.raf_db",
    "affectnet": "pipelines.datasets.published.affectnet",
    "ckplus": "pipelines.datasets.published.ckplus",
    "jaffe": "pipelines.datasets.published.jaffe",
    "kdef": "pipelines.datasets.published.kdef",
    "expw": "pipelines.datasets.published.expw",
    "sfew": "pipelines.datasets.published.sfew",
    "joined": "pipelines.datasets.joined",
    "synthetic": "pipelines.datasets.synthetic.faces",
    "synthetic-clips": "pipelines.datasets.synthetic.clips",
    "clips": "pipelines.datasets.micro_expressions.clips",
    "videos": "pipelines.datasets.micro_expressions.videos",
    "casme2": "pipelines.datasets.micro_expressions.casme2",
    "smic": "pipelines.datasets.micro_expressions.smic",
    "samm": "pipelines.datasets.micro_expressions.samm",
    "casme3": "pipelines.datasets.micro_expressions.casme3",
    "cas(me)2": "pipelines.datasets.micro_expressions.casme_squared",
    "samm-lv": "pipelines.datasets.micro_expressions.samm_long_videos",
    "mmew": "pipelines.datasets.micro_expressions.mmew",
    "4dme": "pipelines.datasets.micro_expressions.four_dme",
    "megc2019": "pipelines.datasets.micro_expressions.megc2019",
}
BUILT_IN = frozenset({"joined", "synthetic", "synthetic-clips"})
#: Sets of a form, without a name that was published.
FORMS = frozenset({"clips", "videos"})
#: Sets that are read where they lie: ``load(path)``, by default where they were added from, or the folder of
#: that name in `data_root`.
IN_PLACE = frozenset(DATASETS) - BUILT_IN - {"fer2013", "ferplus"}
IMPORTED = frozenset({"fer2013", "ferplus"})
#: Endings of what is called a table where it is not there; `pipelines.datasets.table` reads them.
TABLES = frozenset({".csv", ".tsv", ".xlsx", ".parquet", ".jsonl"})


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
        if at.exists():
            return f"present in {at}"
        put = f"put it in {root / name}" if name in FORMS else f"mueca data add {name} PATH"
        return f"absent; {put}, or give its path: {name}(path=...)"
    if name == "joined":
        return "built in; several sets as one: joined(sets=[...])"
    if name not in IMPORTED:
        return "built in"
    if (root / name / "manifest.json").is_file():
        return f"present in {root / name}"
    return f"absent; mueca data add {name} PATH"


def load(
    name_or_path: str | Path | Dataset | list[str | Path | Dataset],
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
    name_or_path : str, Path, Dataset or list of these
        One of `list_datasets()`; a folder of ``class/*.jpg`` (`pipelines.datasets.folder`), or with a
        pattern of its files' names (`pipelines.datasets.pattern`); or a table of files and labels
        (`pipelines.datasets.table`). A name wins over a folder of that name; write ``./fer2013`` for the
        folder. Options may follow: ``casme2(labels="megc2019")``, ``faces.csv(columns="label=emotion")``. A
        data set that was made before is returned as it is. Several in a list are joined
        (`pipelines.datasets.joined`).
    strict : bool
        Raise if a sample is unreadable, instead of leaving it out and listing it in ``faults``.
    root : Path, optional
        Folder of imported sets; `data_root()` by default. Of a table the folder its files are named below.
    cache : Path, optional
        Folder that remembers what was read of a folder of images; by default that of the embeddings,
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
    if isinstance(name_or_path, list | tuple):
        name_or_path, options = "joined", {"sets": list(name_or_path)} | options
    if not isinstance(name_or_path, str | os.PathLike) and hasattr(name_or_path, "fingerprint"):
        return name_or_path
    name, given = with_options(_name(cast("str | Path", name_or_path)))
    options = given | options
    if "pattern" in options and name in IN_PLACE and expanded(name).is_dir():
        name = f"{name}/"  # a folder that is called like a set
    reading = partial(_reading, strict=strict, cache=cache, progress=progress)
    if name not in DATASETS:
        return _load_path(name, reading, options | ({} if root is None else {"root": root}))
    loader: Callable[..., Dataset] = import_module(DATASETS[name]).load
    if name in IMPORTED:
        options["root"] = _root(root)
    if name in IN_PLACE and "path" not in options:
        options["path"] = _found(_root(root), name)
    dataset = _called(loader, name, options, reading)
    if strict and dataset.faults:
        first = dataset.faults[0]
        raise ValueError(f"{name}: {len(dataset.faults)} unreadable; the first: {first.path}: {first.reason}")
    return dataset


def _reading(strict: bool, cache: Path | str | None, progress: Progress) -> Any:
    from featurize.store import default_root
    from pipelines.datasets.listing import Reading

    return Reading(strict=strict, cache=as_path(cache or default_root(), "cache"), progress=progress)


def with_options(text: str) -> tuple[str, dict[str, Any]]:
    """Split ``casme2(labels="megc2019")`` into what is named and its options; leave every other word whole.

    What is named is a set, or a folder or a table that is there. A path that is there is taken whole, also
    where it has brackets.
    """
    from featurize.registry import keywords

    if text in DATASETS or not text.endswith(")") or expanded(text).exists():
        return text, {}
    starts = [text[:at] for at, letter in enumerate(text) if letter == "("]
    known = [name for name in starts if name in DATASETS]
    known += [name for name in starts if name.strip() and expanded(name).exists()]
    return (known[0], keywords(text[len(known[0]) + 1 : -1], text)) if known else (text, {})


def paths_read(data: Any, root: Path | str | None = None) -> list[Path]:
    """Return the files and folders that loading a data set reads; none of one that was made before.

    Parameters
    ----------
    data : str, Path or Dataset
        As for `load`.
    root : path, optional
        Folder of imported sets.
    """
    if not isinstance(data, str | os.PathLike):
        return []
    name, options = with_options(os.fspath(data))
    given = [options[key] for key in ("path", "root") if isinstance(options.get(key), str)]
    place = _place(_root(root), name) if name in IN_PLACE | IMPORTED else expanded(name)
    return [path for path in (place, *map(expanded, given)) if path.exists()]


def _place(root: Path, name: str) -> Path:
    """Return where a set lies: where it was added from, or a folder or an archive of its name."""
    if (added := place_of(root, name)) is not None:
        return added
    archives = (root / f"{name}{ending}" for ending in (".tar.xz", ".tar.gz", ".tar", ".zip"))
    found = next((path for path in archives if path.is_file()), root / name)
    return root / name if (root / name).is_dir() else found


def _found(root: Path, name: str) -> Path:
    """Return where a set lies; where it is not there, a folder of its name here is pointed at."""
    place = _place(root, name)
    if not place.exists() and expanded(name).is_dir():
        raise FileNotFoundError(
            f"{name}: the set is not in {place}; of the folder here, '{name}(path=\"{name}\")' reads it as "
            f"that set, and ./{name} as class folders"
        )
    return place


def _called(
    loader: Callable[..., Dataset], name: str, options: dict[str, Any], reading: Callable[[], Any]
) -> Dataset:
    """Call a loader with options that it knows; one that takes `how` is told how images are read."""
    import inspect

    known = dict(inspect.signature(loader).parameters)
    how = {"how": reading()} if known.pop("how", None) else {}
    for option in options:
        if option not in known:
            raise ValueError(
                f"data set {name}: no option {option!r}; {hint(option, known, 'see mueca list')}"
            )
    return loader(**options, **how)


def _load_path(name: str, reading: Callable[[], Any], options: dict[str, Any]) -> Dataset:
    """Load a table, or a folder by its class folders or by the names of its files."""
    from pipelines.datasets import index, pattern, table, tar_shards
    from pipelines.datasets.whole_photos import with_notes

    path = expanded(name)
    check_file_or_folder(path, "--data")
    if not path.exists():
        raise _unknown(name)
    if path.suffix == ".parquet" and path.is_file() and index.about(path) is not None:
        return index.load(path, reading().strict)
    if not options and tar_shards.shards_below(path) and not table.is_table(path):
        return with_notes(tar_shards.load(path, reading()))
    if path.is_file() and not table.is_table(path):
        raise NotADirectoryError(
            f"{name}: a file; give a folder of class/*.jpg or a table of files and labels (.csv, .xlsx ...), "
            f"or mueca data add fer2013 {name}"
        )
    if path.is_file():
        return with_notes(_called(table.load, name, options | {"path": path}, reading))
    options.pop("root", None)  # of imported sets
    if options:
        return with_notes(_called(pattern.load, name, options | {"path": path}, reading))
    return with_notes(_class_folders(path, reading()))


def _class_folders(path: Path, how: Any) -> Dataset:
    from pipelines.datasets import folder

    return folder.load(path, strict=how.strict, cache=how.cache, progress=how.progress)


def _unknown(name: str) -> ValueError | FileNotFoundError:
    path = Path(name.partition("(")[0])
    if path.suffix.lower() in TABLES:
        return FileNotFoundError(f"{path}: no such table")
    if path.name != name and "/" in name:  # written as a path
        return FileNotFoundError(f"{path}: no such folder")
    return ValueError(f"no data set or folder {name!r}; {hint(name.lower(), DATASETS)}")


def add(
    name: str,
    path: Path | str,
    *,
    root: Path | str | None = None,
    progress: Progress = SILENT,
    strict: bool = False,
    force: bool = False,
) -> ImportReport | AddReport:
    """Import a published set from where it was downloaded to.

    Parameters
    ----------
    name : str
        A published set, see `list_datasets`.
    path : Path or str
        Folder or archive; of FER2013 also its CSV, of FER+ its table of votes, see the `add` of each.
    root : Path, optional
        Where to; `data_root()` by default.
    progress : Progress
    strict : bool
        Refuse a source with an unreadable image.
    force : bool
        Let a set whose counts differ from the published ones take the place of one that is there.

    Returns
    -------
    ImportReport or AddReport

    Raises
    ------
    ValueError, OSError
        One line that says what to do.
    """
    published = frozenset(DATASETS) - BUILT_IN - FORMS
    if name not in published:
        raise ValueError(
            f"no data set {name!r} to import; {hint(name.lower(), published)}; "
            "a folder of class/*.jpg is used by its path"
        )
    loader, place = import_module(DATASETS[name]), _root(root)
    check_file_or_folder(as_path(path), f"mueca data add {name}:")
    if (source := as_path(path)).is_file():
        check_overwrites("mueca data add", [place / name], [source])
    if name in IMPORTED:
        report: ImportReport | AddReport = loader.add(source, place, progress, strict=strict, force=force)
        return report
    from pipelines.datasets.adding import add as added

    there = _place(place, name)
    return added(name, loader, source, place, progress, strict=strict, there=there, force=force)


def about(name: str) -> About | None:
    """Return what is known of a published set: where to ask for it, its licence; None of others."""
    return getattr(import_module(DATASETS[name]), "ABOUT", None)
