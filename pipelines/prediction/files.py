"""What ``mueca predict`` does: photos, folders of photos, and videos, each as it is to be classified."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from featurize.backbones.views import Views
from featurize.engine import Precision
from featurize.file_kinds import VIDEO_ENDINGS, ending_of, examine
from featurize.overwriting import check_overwrites
from featurize.paths import expanded
from featurize.walk import Fault, Found, not_looked_at, walk
from pipelines.prediction import photos
from pipelines.prediction.faces import Options, Summary
from pipelines.prediction.outputs import (
    RecordFile,
    Stream,
    check_copies,
    check_folder,
    check_out,
    copy_names,
    record_format,
)
from pipelines.prediction.predictor import ClipPredictor, Predictor, load_predictor
from pipelines.utils.progress import SILENT, Progress

if TYPE_CHECKING:
    from pipelines.prediction.boxes import Boxes
    from pipelines.utils.cluster import Cluster


def find_files(paths: Sequence[Path]) -> Found:
    """Return the images, or else the videos, that `paths` name: files, and all below folders.

    Parameters
    ----------
    paths : sequence of Path
        What a file is, its first bytes say. A file that is given by its name is always tried.

    Returns
    -------
    Found
        Either `images` or `videos` is empty: their records are not alike. The videos of folders that have
        images too are counted in `ignored`.

    Raises
    ------
    FileNotFoundError
        If a path is not there.
    ValueError
        If nothing was found, or images and videos are named together.
    """
    named, below = Found(), Found()
    for path in paths:
        if path.is_dir():
            below += walk(path)
        else:
            named += _named(path)
    if named.videos and (named.images or below.images):
        raise ValueError("photos and videos together; give them in two commands")
    found = named + below
    if found.images and found.videos:
        found.ignored.update(f"{ending_of(p.name)} (video)" for p in found.videos)
        found.videos = []
    if not found.images and not found.videos and not found.faults:
        there = f"; there is only: {words}" if (words := not_looked_at(found.ignored)) else ""
        raise ValueError(f"no images or videos in {', '.join(map(str, paths))}{there}")
    return found


def _named(path: Path) -> Found:
    """Return a file that is given by its name, as what it is tried."""
    kind = examine(path)
    if not path.exists() and kind.group != "dead link":
        raise FileNotFoundError(f"no file or folder {path}")
    if kind.group in ("dead link", "special", "closed"):
        return Found(faults=[Fault(str(path), kind.reason())])
    by_ending = kind.group != "image" and ending_of(path.name) in VIDEO_ENDINGS
    return Found(videos=[path]) if kind.group == "video" or by_ending else Found(images=[path])


def run(
    paths: Sequence[Path],
    options: Options | None = None,
    *,
    model: Path | str | None = None,
    detector: str = "auto",
    min_face: int | None = None,
    crowd: bool = False,
    precision: Precision | None = None,
    views: Views | None = None,
    out: Path | None = None,
    boxes: Path | None = None,
    trusted: Iterable[str] = (),
    progress: Progress = SILENT,
    cluster: Cluster | None = None,
) -> Summary:
    """Predict on photos, folders and videos: what ``mueca predict`` does.

    Parameters
    ----------
    paths : sequence of Path
        Photos and folders of such, or videos.
    options : Options
    model : Path, optional
        What ``mueca fit --out`` wrote; by default the model that ships.
    detector : str
        "auto" or one of `featurize.detect.DETECTORS`.
    min_face : int, optional
        Side in pixels of the smallest face that is classified.
    crowd : bool
        See `Predictor`.
    precision, views, trusted
        See `Predictor.load`.
    out : Path, optional
        File for the records; by default the output stream. Its ending is the format; its folder is made.
    boxes : Path, optional
        A table of the photos' faces, see `pipelines.prediction.boxes.read_boxes`: nothing is searched.
    progress : Progress
    cluster : Cluster, optional
        Where photos are classified (`pipelines.utils.cluster.connect`); records are written here.

    Raises
    ------
    ValueError, OSError
        One line: nothing found, no such model or detector, a file that cannot be written.
    """
    chosen, out = _checked(options or Options(), out)
    found = find_files([expanded(path) for path in paths])
    check_targets(found, chosen, out, [expanded(given) for given in (boxes, model) if given is not None])
    known = _known_boxes(boxes, found, cluster)
    predictor = load_predictor(
        model, detector, min_face, crowd=crowd, precision=precision, views=views, trusted=trusted
    )
    _check_words(chosen, predictor, bool(found.videos))
    with ExitStack() as stack:
        to: Stream = sys.stdout if out is None else stack.enter_context(RecordFile(out))
        looked = None
        if cluster is not None:
            from pipelines.prediction.remote import Settings, classified_on

            settings = Settings(str(model) if model else None, detector, min_face, crowd, precision, views)
            looked = classified_on(cluster, found.images, settings, predictor)
        tally = _predict(found, predictor, to, chosen, known, progress, looked)
    tally.timing = dict(predictor.watch.seconds)
    tally.faults[:0] = found.faults
    tally.ignored = found.ignored
    tally.files = len(found.images) + len(found.videos) + len(found.faults) + found.ignored.total()
    return tally


def _known_boxes(table: Path | None, found: Found, cluster: Cluster | None) -> Boxes | None:
    """Return the faces of a table, None without one; it must be of the photos that were found."""
    if cluster is not None and (found.videos or table):
        raise ValueError("--scheduler and --workers are for photos without --boxes; leave them out")
    if table is None:
        return None
    if found.videos:
        raise ValueError("--boxes is for photos; leave it out for videos")
    from pipelines.prediction.boxes import read_boxes  # the readers of tables

    boxes = read_boxes(expanded(table))
    boxes.check(found.images)
    return boxes


def _predict(
    found: Found,
    predictor: Predictor,
    to: Stream,
    options: Options,
    boxes: Boxes | None,
    progress: Progress,
    looked: Iterable[photos.Looked] | None = None,
) -> Summary:
    if not found.videos:
        return photos.predict_photos(
            found.images, predictor, to, form=options.form or "jsonl", drawn=options.drawn, boxes=boxes,
            progress=progress, looked=looked,
        )  # fmt: skip
    from pipelines.prediction.video_files import predict_videos  # FFmpeg, the tracker, the chart

    return predict_videos(found.videos, predictor, to, options, progress)


def _checked(options: Options, out: Path | None) -> tuple[Options, Path | None]:
    """Return options and file with their paths written out, after checking what is to be written."""
    out = None if out is None else expanded(out)
    form = record_format(out, options.form)
    if out is not None:
        check_out(out)
    drawn, chart = (None if f is None else expanded(f) for f in (options.drawn, options.chart))
    for name, folder in (("--draw", drawn), ("--chart", chart)):
        if folder is not None:
            check_folder(folder, name)
    return replace(options, form=form, drawn=drawn, chart=chart), out


def _check_words(options: Options, predictor: Predictor, videos: bool) -> None:
    clips = isinstance(predictor, ClipPredictor)
    if not videos and clips:
        raise ValueError("this model classifies clips of a face, not photos; give a video")
    if options.identify and (not videos or clips):
        raise ValueError("--identify is for videos and models of single images; leave it out")
    if not videos and options.chart:
        raise ValueError("--chart is for videos; leave it out for photos")
    if not clips and (options.window, options.stride) != (None, None):
        raise ValueError("--window and --stride need a model of clips; give --model")


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
