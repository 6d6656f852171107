"""``mueca quantize``."""

from __future__ import annotations

from typing import Annotated

import typer

from pipelines.commands.data_options import reads_data
from pipelines.commands.options import BackboneOption, DataOption, JsonOption

group = typer.Typer()


@group.command(epilog="Example: mueca quantize --backbone vggface2 --data fer2013 --test public")
@reads_data
def quantize(
    data: DataOption,
    backbone: BackboneOption,
    head: Annotated[str, typer.Option(help="Head that is fitted in both precisions.")] = "softmax",
    test: Annotated[str, typer.Option(help="Split on which both are compared.")] = "test",
    seed: Annotated[int, typer.Option(min=0, help="Of the faces that calibrate.")] = 0,
    json: JsonOption = False,
) -> None:
    """Make a network's int8 form, calibrated on training faces, and say what it loses."""
    from pipelines.exporting.quantize import quantize as made
    from pipelines.utils import console

    found = made(backbone, data, head=head, test=test, seed=seed, progress=console.ConsoleProgress())
    if json:
        console.as_json(found.as_dict())
        return
    print(f"{found.network} in int8, calibrated on {found.faces} training faces")
    print(f"accuracy: {found.before:.2f} % before, {found.int8:.2f} % in int8, {found.lost:+.2f} points lost")
    taken = "takes" if found.used_by_auto else "does not take"
    print(f"--precision auto {taken} it; --precision int8 does")
