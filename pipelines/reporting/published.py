"""What the reference systems published, from ``reference.csv``; figures are theirs, on their machines."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from pipelines.reporting.load import Cell, read_csv


@dataclass(frozen=True)
class Published:
    """One published figure.

    Attributes
    ----------
    system : str
        R1 to R5.
    dataset, extractor, mirror, head : str
        What it was measured with; `mirror` is "yes", "no" or "any".
    accuracy : float
        On the test split.
    extract_s, fit_s, ms, mb : float or None
        Seconds to embed and to fit, milliseconds a photo, megabytes of extractor and head, where stated.
    note : str
    """

    system: str
    dataset: str
    extractor: str
    mirror: str
    head: str
    accuracy: float
    extract_s: float | None
    fit_s: float | None
    ms: float | None
    mb: float | None
    note: str

    @property
    def title(self) -> str:
        """The cell as a chart names it."""
        return f"{self.system}: {self.extractor}{' [mirror]' if self.mirror == 'yes' else ''} + {self.head}"


def published() -> list[Published]:
    """Return every published figure."""
    return [_figure(record) for record in read_csv(Path(__file__).with_name("reference.csv"))]


def _figure(record: dict[str, str]) -> Published:
    return Published(
        system=record["system"],
        dataset=record["dataset"],
        extractor=record["extractor"],
        mirror=record["mirror"],
        head=record["head"],
        accuracy=float(record["accuracy"]),
        extract_s=_number(record["extract_s"]),
        fit_s=_number(record["fit_s"]),
        ms=_number(record["ms"]),
        mb=_number(record["mb"]),
        note=record["note"],
    )


def _number(text: str) -> float | None:
    return float(text) if text else None


def published_of(cell: Cell) -> Published | None:
    """Return the published figure of the same extractor and head on the same data, None where there is none.

    Layers and other parameters of the extractor may differ; whether mirrored copies were added may not.
    """
    name, _, rest = cell.test.extractor.partition(" ")
    if "+" in re.sub(r"\(.*?\)", "", name):
        return None
    mirror = "yes" if "[mirror]" in rest else "no"
    for figure in published():
        same = (figure.dataset, figure.extractor, figure.head)
        if same == (cell.test.dataset, name.partition("(")[0], cell.test.head) and figure.mirror in (
            mirror,
            "any",
        ):
            return figure
    return None
