"""``mueca serve``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pipelines.commands.options import DetectorOption, MinFaceOption, ModelOption, TrustOption

group = typer.Typer()


@group.command(
    epilog="The page is at http://127.0.0.1:8000, its endpoint for programs at /predict, described at /docs. "
    "Examples: mueca serve --open; mueca serve --reports results/ --model models/hog-svm; "
    "mueca serve --host 0.0.0.0"
)
def serve(
    host: Annotated[
        str, typer.Option(help="Where to listen. Any but this machine's own address needs a token.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0: a free one.")] = 8000,
    model: ModelOption = None,
    detector: DetectorOption = "auto",
    min_face: MinFaceOption = None,
    reports: Annotated[
        Path | None, typer.Option(help="Folder of results whose reports are shown; default: results.")
    ] = None,
    token: Annotated[
        str | None,
        typer.Option(envvar="MUECA_TOKEN", help="Asked of everybody; default: made where one is needed."),
    ] = None,
    allow_host: Annotated[
        list[str] | None, typer.Option(help="One more name by which browsers reach it; may be given again.")
    ] = None,
    max_mb: Annotated[int | None, typer.Option(min=1, help="Of a request; default: 256.")] = None,
    max_pixels: Annotated[int | None, typer.Option(min=64, help="Of a photo; default: 50000000.")] = None,
    max_seconds: Annotated[float | None, typer.Option(min=0.1, help="Of a video; default: 120.")] = None,
    allow_origin: Annotated[
        list[str] | None,
        typer.Option(help="A site whose pages may use it, https://app.example; may be given again."),
    ] = None,
    accept_json: Annotated[
        bool, typer.Option("--accept-json", help="Take JSON with base64 too; it is held in memory.")
    ] = False,
    trust: TrustOption = None,
    open_: Annotated[bool, typer.Option("--open", help="Open the page in the browser.")] = False,
) -> None:
    """Serve a page: photos, videos, the camera, reports; uploads are classified here and deleted."""
    from pipelines.utils import console
    from pipelines.web import server

    options = server.options(
        {"host": host, "port": port, "model": model, "detector": detector, "min_face": min_face,
         "reports": reports, "token": token, "allowed": tuple(allow_host or ()),
         "trusted": tuple(trust or ()), "origins": tuple(allow_origin or ()), "accept_json": accept_json},
        {"size": max_mb and max_mb * 2**20, "pixels": max_pixels, "seconds": max_seconds},
    )  # fmt: skip
    server.run(options, console.echo, typer.launch if open_ else None)
