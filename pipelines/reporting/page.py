"""Lay a report out as one HTML file that needs nothing beside it and asks for nothing."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from pipelines.reporting.plots.example_faces import Sheet
from pipelines.reporting.tables.changes import Change
from pipelines.reporting.tables.columns import Column, Record
from pipelines.reporting.tables.significance import Family
from pipelines.utils.figures import Figure

_TEMPLATES = Path(__file__).with_name("templates")


@dataclass(frozen=True)
class Table:
    """Records under columns; columns in which all are empty are left out.

    `first` are the keys of the columns that are shown before the others are asked for; all by default.
    """

    columns: Sequence[Column]
    records: Sequence[Record]
    first: Sequence[str] = ()

    @property
    def used(self) -> list[Column]:
        """The columns that hold anything."""
        return [c for c in self.columns if any(c.text(r) for r in self.records)]

    @property
    def more(self) -> list[str]:
        """Keys of the used columns that are shown on demand; none where all are shown."""
        return [c.key for c in self.used if self.first and c.key not in self.first]


@dataclass(frozen=True)
class MatrixPart:
    """Extractors by heads: the chart, and the table whose numbers lead to their runs."""

    figure: Figure
    heads: Sequence[str]
    #: Extractor, and for each head the run, the text and the share of the way from the worst to the best.
    rows: Sequence[tuple[str, Sequence[tuple[str, str, float]]]]
    seeds: Table


@dataclass(frozen=True)
class CellPart:
    """What the page says of one run."""

    run: str
    title: str
    summary: str
    classes: Sequence[str]
    confusion: Sequence[Sequence[tuple[int, float]]]
    table: Table
    grid: Table
    figures: Sequence[Figure] = ()


@dataclass
class Page:
    """All that stands on the page, ready to be laid out."""

    title: str
    question: str
    headline: str
    synthetic: bool
    protocols: Sequence[str]
    facts: Mapping[str, str]
    versions: Mapping[str, str]
    counts: Table
    data_words: Sequence[str]
    audit: Table
    comparison: Table
    overview: Sequence[Figure]
    families: Sequence[tuple[Family, Table]]
    cells: Sequence[CellPart]
    matrix: MatrixPart | None = None
    failed: Sequence[Record] = ()
    units: Table | None = None
    units_words: str = ""
    learning: Sequence[Figure] = ()
    embedding: Sequence[Figure] = ()
    looked: Sequence[Figure] = ()
    sheets: Sequence[Sheet] = ()
    change: Change | None = None
    change_table: Table | None = None
    notes: Sequence[str] = field(default_factory=list)


def render(page: Page) -> str:
    """Return the page as HTML. Every text is escaped; only our own charts go in as they are."""
    script = (_TEMPLATES / "page.js").read_text("utf-8")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return _template().render(
        page=page,
        style=(_TEMPLATES / "page.css").read_text("utf-8"),
        script=script,
        script_hash=f"sha256-{digest}",
    )


@cache
def _template() -> Any:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("page.html.jinja2")
