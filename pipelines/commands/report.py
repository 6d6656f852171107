"""``mueca report``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from pipelines.commands.options import JsonOption

group = typer.Typer()


@group.command(
    epilog="Example: mueca report results/demo --open. Nothing is fitted; what it needs beside rows and "
    "predictions (--faces, --model, the plane of vectors) it takes from the data set and the cache."
)
def report(
    folder: Annotated[Path, typer.Argument(help="What mueca compare --out or mueca fit --out wrote.")],
    out: Annotated[
        Path | None, typer.Option(help="Folder for page, figures/ and tables/; default: report/ in it.")
    ] = None,
    run: Annotated[
        list[str] | None,
        typer.Option(help="A run to draw, such as 'hog + svm'; may be given again. Default: the 3 best."),
    ] = None,
    test_pairs: Annotated[
        list[str] | None,
        typer.Option(
            "--test-pairs",
            metavar="'A vs B'",
            help="Two runs to test against each other; may be given again.",
        ),
    ] = None,
    faces: Annotated[
        bool, typer.Option("--faces", help="Show faces: worst mistakes, most uncertain.")
    ] = False,
    projection: Annotated[
        Literal["pca", "tsne", "none"], typer.Option(help="How vectors are laid out in the plane.")
    ] = "pca",
    model: Annotated[Path | None, typer.Option(help="A fitted model, to show where it looks.")] = None,
    against: Annotated[Path | None, typer.Option(help="Other results, to show what changed.")] = None,
    data: Annotated[str | None, typer.Option("--data", help="The data set, if it moved.")] = None,
    open_: Annotated[bool, typer.Option("--open", help="Open the page in the browser.")] = False,
    json: JsonOption = False,
) -> None:
    """Write a page from results: report.html, its charts (SVG, PDF, PNG), its tables (CSV, LaTeX), BibTeX."""
    from pipelines.reporting.report import Options, write_report
    from pipelines.utils import console

    pairs = [_pair(text) for text in test_pairs or ()]
    options = Options(tuple(run or ()), faces, projection, model, against, data, pairs)
    made = write_report(folder, out, options, progress=console.ConsoleProgress())
    if json:
        console.as_json(vars(made))
    else:
        print_report(made)
    if open_:
        typer.launch(made.page.resolve().as_uri())


def _pair(text: str) -> tuple[str, str]:
    first, _, second = (part.strip() for part in text.partition(" vs "))
    if not first or not second:
        raise ValueError(
            f"--test-pairs {text!r}: write two runs with vs between them, 'hog + svm vs lbp + knn'"
        )
    return first, second


def print_report(made: Any) -> None:
    """Show what a report wrote, and what it could not show."""
    for note in made.notes:
        print(note)
    print(
        f"{made.figures} charts, {made.tables} tables, a page of {made.page_bytes / 1e6:.1f} MB "
        f"in {made.seconds:.1f} s\nwritten to {made.page}"
    )
