"""``mueca export``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from pipelines.commands.options import JsonOption, TrustOption

group = typer.Typer()


@group.command("export", epilog="Example: mueca export models/hog-svm --out exported/hog-svm")
def export_(
    model: Annotated[
        str, typer.Argument(help="What mueca fit --out wrote, or a model that ships, by name: default.")
    ],
    out: Annotated[Path, typer.Option(help="A new or empty folder, or an older export.")],
    format_: Annotated[
        Literal["onnx", "openvino", "both"], typer.Option("--format", help="Which files.")
    ] = "both",
    trust: TrustOption = None,
    json: JsonOption = False,
) -> None:
    """Write a model as ONNX and OpenVINO files that run without mueca, checked as written."""
    from pipelines.exporting.export import FORMATS, export
    from pipelines.utils import console

    made = export(model, out, FORMATS if format_ == "both" else (format_,), trust or ())
    if json:
        console.as_json(vars(made))
        return
    for form, found in made.check.items():
        apart, same = found["scores_differ_by"], found["same_label"]
        print(f"{form}: scores differ from mueca's by at most {apart:.1e}, labels equal on {same:.1%}")
    if not made.whole:
        print(f"the head only: its vectors must come from mueca ({made.extractor})")
    print(f"written to {made.folder}/ ({', '.join(made.files)})")
