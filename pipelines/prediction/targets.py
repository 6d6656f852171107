"""What a prediction writes, and that none of it is a file that it reads."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from pipelines.datasets.walk import Found
from pipelines.prediction.faces import Options
from pipelines.utils.overwriting import check_overwrites


def copy_names(paths: Sequence[Path], suffix: str) -> dict[Path, str]:
    """Return a file name for each copy; files of one name in several folders get a number."""
    names: dict[Path, str] = {}
    taken: set[str] = set()
    for path in paths:
        stem, count = path.stem, 1
        while f"{stem}{suffix}".lower() in taken:
            stem, count = f"{path.stem}-{count + 1}", count + 1
        names[path] = f"{stem}{suffix}"
        taken.add(names[path].lower())
    return names


def check_copies(files: Sequence[Path], names: Sequence[str], folder: Path, option: str = "drawn") -> None:
    """Refuse a folder whose files of these names are read, or lie beside what is read.

    Raises
    ------
    ValueError
        One line that names the file.
    """
    check_overwrites(
        option, [folder / name for name in names], files, beside=dict.fromkeys(p.parent for p in files)
    )


def check_targets(found: Found, options: Options, out: Path | None, others: Sequence[Path] = ()) -> None:
    """Refuse to write over anything that is read: photos, videos, a table of boxes, a model.

    Parameters
    ----------
    found : Found
    options : Options
    out : Path, optional
        The file of the records.
    others : sequence of Path
        What else is read: files and folders.

    Raises
    ------
    ValueError
        One line that names the option and the file.
    """
    files = [*found.images, *found.videos, *(Path(fault.path) for fault in found.faults)]
    reads = [*files, *others]
    if out is not None:
        check_overwrites("--out", [out], reads)
    for option, folder, names in _copies(found, options):
        check_overwrites(option, [folder / n for n in names], reads)
        check_copies(files, names, folder, option)


def _copies(found: Found, options: Options) -> Iterator[tuple[str, Path, list[str]]]:
    """Yield option, folder and names of what is drawn."""
    stills, films = copy_names(found.images, ".jpg"), copy_names(found.videos, ".mp4")
    if options.drawn is not None:
        yield "--draw", options.drawn, [*stills.values(), *films.values()]
    if options.chart is not None:
        stems = [Path(name).stem for name in films.values()]
        yield "--chart", options.chart, [f"{stem}{end}" for stem in stems for end in (".svg", ".png")]
