"""``mueca predict`` and ``mueca live``."""

from __future__ import annotations

import json as json_module
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from pipelines.commands.options import (
    DetectorOption,
    EveryOption,
    MinFaceOption,
    ModelOption,
    Precision,
    SchedulerOption,
    SmoothOption,
    TrustOption,
    WorkersOption,
    cluster_of,
    report_faults,
)
from pipelines.utils.console import as_json, echo, printable

if TYPE_CHECKING:
    from featurize.walk import Fault
    from pipelines.prediction.faces import Summary

group = typer.Typer()


@group.command(
    epilog="One JSON line a photo or frame, or with --out NAME.csv one row a face. Examples: mueca predict "
    "photo.jpg; mueca predict holiday/ --out faces.csv --draw marked/; mueca predict talk.mp4 "
    "--out talk.csv --chart charts/ --draw marked/"
)
def predict(
    paths: Annotated[list[Path], typer.Argument(help="Photos, folders of photos, or videos.")],
    model: ModelOption = None,
    detector: DetectorOption = "auto",
    min_face: MinFaceOption = None,
    small_faces: Annotated[
        bool, typer.Option("--small-faces", help="Detect small faces in large images too; takes long.")
    ] = False,
    precision: Annotated[
        Precision | None,
        typer.Option(help="Of networks; default: as fitted. auto: the faster on this machine."),
    ] = None,
    tta: Annotated[
        Literal["one", "flip", "six", "ten"] | None,
        typer.Option(help="Test-time augmentation of a network: better, and as many times the work."),
    ] = None,
    form: Annotated[
        Literal["jsonl", "csv", "parquet"] | None,
        typer.Option("--format", help="Of the records; default: as --out ends, or jsonl."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="A .jsonl, .csv or .parquet file; default: jsonl on the screen.")
    ] = None,
    draw: Annotated[Path | None, typer.Option(help="A folder for copies with boxes and labels.")] = None,
    chart: Annotated[
        Path | None, typer.Option(help="Videos: a folder for charts of the time line, .svg and .png.")
    ] = None,
    detect_every: EveryOption = 10,
    smooth: SmoothOption = 0.5,
    window: Annotated[
        int | None, typer.Option(min=2, help="Videos, with a model of clips: frames classified at once; 18.")
    ] = None,
    stride: Annotated[
        int | None, typer.Option(min=1, help="Videos, with a model of clips: frames between two; 9.")
    ] = None,
    identify: Annotated[
        bool, typer.Option("--identify", help="Videos: a person who comes back keeps the track's number.")
    ] = False,
    boxes: Annotated[
        Path | None,
        typer.Option(help="Photos: a .csv of faces (file, left, top, width, height), used as they are."),
    ] = None,
    trust: TrustOption = None,
    timing: Annotated[bool, typer.Option("--timing", help="Say where the time went.")] = False,
    scheduler: SchedulerOption = None,
    workers: WorkersOption = None,
    json: Annotated[
        bool, typer.Option("--json", help="Print what became of every file; without --out as the last line.")
    ] = False,
) -> None:
    """Find every face of photos and videos and say which expression it shows."""
    from featurize.extras import hidden
    from pipelines.utils import console

    with hidden("pandas"):  # as many modules as the rest together, and no record is made by it
        from pipelines.prediction import files

    if json and out is None and form == "csv":
        raise ValueError("--json and --format csv would share the output; give --out for the records")
    options = files.Options(form, draw, chart, detect_every, smooth, window, stride, identify)
    with cluster_of(scheduler, workers) as cluster:
        tally = files.run(
            paths, options, model=model, detector=detector, min_face=min_face, crowd=small_faces,
            precision=precision, views=tta, out=out, boxes=boxes, trusted=trust or (),
            progress=console.ConsoleProgress(), cluster=cluster,
        )  # fmt: skip
    console.echo(summary_line(tally))
    if timing:
        console.echo(f"mueca: {timing_line(tally)}")
    print_notes(tally.notes)
    if met := files_met(tally):
        console.echo(f"mueca: {met}")
    if json:
        print_tally(tally, last_line=out is None)
    report_faults(tally.faults, "not classified" if not tally.videos else "not all classified")


@group.command(epilog="Examples: mueca live; mueca live --source talk.mp4 --detector haar")
def live(
    source: Annotated[str, typer.Option(help="Number of a camera, or a video in its place.")] = "0",
    model: ModelOption = None,
    detector: DetectorOption = "auto",
    min_face: MinFaceOption = None,
    confidence: Annotated[
        float | None, typer.Option(help="Smallest score of the detector that is believed; its own scale.")
    ] = None,
    detect_every: EveryOption = 10,
    smooth: SmoothOption = 0.5,
    save_dir: Annotated[Path, typer.Option(help="Folder of the images that Space saves.")] = Path(),
    trust: TrustOption = None,
) -> None:
    """Show a camera with the expression of each face; Space saves an image, q or Esc ends."""
    from pipelines.prediction.live import run
    from pipelines.utils import console

    done = run(
        source, model=model, detector=detector, min_face=min_face, confidence=confidence, every=detect_every,
        smooth=smooth, save_dir=save_dir, trusted=trust or (),
    )  # fmt: skip
    for path in done.saved:
        print(path)
    console.echo(f"{done.frames:,} frames shown, at last {done.rate:.0f} a second")


def summary_line(done: Summary) -> str:
    """Return what ``mueca predict`` did, in one line."""
    small = f", {done.skipped} too small to classify" if done.skipped else ""
    if done.videos:
        where = f"{_count(done.frames, 'frame')} of {_count(done.videos, 'video')}"
        return f"{_count(done.faces, 'track')} in {where}{small}"
    return f"{_count(done.faces, 'face')} in {_count(done.photos, 'photo')}{small}"


def timing_line(done: Summary) -> str:
    """Return where the time went, in one line: seconds of all threads together, the most first."""
    stages = sorted(done.timing.items(), key=lambda stage: -stage[1])
    whole = max(sum(done.timing.values()), 1e-9)
    parts = [f"{name} {seconds:.2f} s ({seconds / whole:.0%})" for name, seconds in stages]
    return f"time of all threads: {', '.join(parts) or 'none'}"


def print_notes(notes: Sequence[Fault], most: int = 20) -> None:
    """Say of each file what was left out of it."""
    for note in notes[:most]:
        echo(f"mueca: {printable(note.path)}: left out {note.reason}")
    if len(notes) > most:
        echo(f"mueca: and of {len(notes) - most} more files")


def _count(number: int, word: str) -> str:
    return f"{number:,} {word}{'' if number == 1 else 's'}"


def files_met(done: Summary) -> str:
    """Return what became of every file that was met, in one line; empty if all were read, or it was one."""
    from featurize.walk import fault_names, not_looked_at

    faults, ignored = fault_names(done.faults), done.ignored.total()
    if not ignored and (not faults or done.files == 1):
        return ""
    words = [f"{done.files:,} files: {done.files - faults.total() - ignored:,} read"]
    if faults:
        words.append(f"{faults.total():,} not read ({not_looked_at(faults)})")
    if ignored:
        words.append(f"{ignored:,} not looked at ({not_looked_at(done.ignored)})")
    videos = any(key.endswith("(video)") for key in done.ignored)
    return ", ".join(words) + "; give the videos in a command of their own" * videos


def print_tally(done: Summary, last_line: bool) -> None:
    """Print what became of every file as JSON; after records, as one more line of them, named "summary"."""
    if last_line:
        print(json_module.dumps({"summary": done.as_dict()}, ensure_ascii=False))
    else:
        as_json(done.as_dict())
