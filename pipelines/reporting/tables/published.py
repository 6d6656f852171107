"""What the reference systems published, from ``reference.csv``; figures are theirs, on their machines."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from pipelines.results.load import Cell, read_csv

#: What a paper calls the network's softmax is its own classifier.
_OWN = {"softmax": ("network-softmax",)}


@dataclass(frozen=True)
class Published:
    """One published figure.

    Attributes
    ----------
    system : str
        R1 to R5.
    dataset, extractor, mirror, head : str
        What it was measured with; `mirror` is "yes", "no", "any", or "network" where the copies were added
        when the network was trained, which a row of ours does not tell; `dataset` is "any" for one of their
        own.
    accuracy : float
    of : str
        What it was measured on: "test", or in words what else.
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
    of: str
    extract_s: float | None
    fit_s: float | None
    ms: float | None
    mb: float | None
    note: str

    @property
    def by(self) -> str:
        """The system, with what it measured on where that is not the test split."""
        return self.system if self.of == "test" else f"{self.system} ({self.of})"

    @property
    def title(self) -> str:
        """The run as a chart names it."""
        copies = " [mirror]" if self.mirror in ("yes", "network") else ""
        return f"{self.system}: {self.extractor}{copies} + {self.head}"


def published() -> list[Published]:
    """Return every published figure."""
    return [_figure(record) for record in read_csv(Path(__file__).parents[1] / "reference.csv")]


def _figure(record: dict[str, str]) -> Published:
    return Published(
        system=record["system"],
        dataset=record["dataset"],
        extractor=record["extractor"],
        mirror=record["mirror"],
        head=record["head"],
        accuracy=float(record["accuracy"]),
        of=record["of"],
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

    Layers and other parameters of the extractor may differ; whether mirrored copies were added may not, but
    for a network's own answer, which a comparison always asks without copies, and where the copies were added
    to what the network was trained on.
    """
    name, _, rest = cell.test.extractor.partition(" [")
    if "+" in re.sub(r"\(.*?\)", "", name):
        return None
    mirror = "yes" if "mirror]" in rest else "no"
    for figure in published():
        if (
            figure.dataset in (cell.test.dataset, "any")
            and figure.extractor == name.partition("(")[0]
            and cell.test.head in (figure.head, *_OWN.get(figure.head, ()))
            and (figure.mirror in (mirror, "any", "network") or cell.test.head == "network-softmax")
        ):
            return figure
    return None
