"""One HTML page, charts and tables from a folder of results; nothing is fitted.

The page stands by itself: it needs no other file and asks nothing of a network.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from featurize.atomic import write_text
from featurize.store import Store
from pipelines.reporting import content
from pipelines.reporting.names import file_names, slug
from pipelines.reporting.page import MatrixPart, Page, Table, render
from pipelines.reporting.plots.example_faces import Sheet, sheets
from pipelines.reporting.plots.learning_curves import draw_candidates, draw_history, histories
from pipelines.reporting.plots.occlusion import draw_looked, look
from pipelines.reporting.plots.overview import draw_matrix, draw_overview
from pipelines.reporting.plots.per_run import draw_cell, draw_confusion
from pipelines.reporting.plots.projection import How, draw_embedding
from pipelines.reporting.source_data import open_source, vectors_of_test
from pipelines.reporting.tables.changes import CHANGES, Change, compare_folders
from pipelines.reporting.tables.significance import families, headline
from pipelines.reporting.tables.write import write_tables
from pipelines.results.load import Cell, Results, load_results
from pipelines.utils.figures import ENDINGS, Figure, FigureWriter
from pipelines.utils.paths import as_path
from pipelines.utils.progress import SILENT, Progress

#: The page until it is whole; shows that the folder is a report's.
_UNFINISHED = ".report.html.tmp"
#: Runs that get charts of their own if none are named: the best on validation.
DRAWN = 3


@dataclass(frozen=True)
class Options:
    """What a report is asked to hold beside what every report holds.

    Attributes
    ----------
    cells : sequence of str
        Runs or titles of the runs that get charts; the `DRAWN` best on validation by default.
    faces : bool
        Show faces: the most confident mistakes, the most uncertain.
    embedding : {"pca", "tsne", "none"}
        How the chosen extractor's vectors are laid out in the plane.
    model : path, optional
        Folder of ``mueca fit --out`` to ask where it looks.
    against : path, optional
        Another folder of results to compare with.
    data : str, optional
        Name or folder of the data set, where it is no longer under the name it had.
    test_pairs : sequence of (str, str)
        Runs or titles to test against each other, beside the pairs that are tested in every report.
    """

    cells: Sequence[str] = ()
    faces: bool = False
    embedding: How = "pca"
    model: Path | str | None = None
    against: Path | str | None = None
    data: str | None = None
    test_pairs: Sequence[tuple[str, str]] = ()


@dataclass(frozen=True)
class Report:
    """What was written.

    Attributes
    ----------
    page : Path
    figures, tables : int
        Charts (each as SVG, PDF and PNG), and files of tables.
    seconds : float
    page_bytes : int
    notes : tuple of str
        What could not be shown, and why.
    """

    page: Path
    figures: int
    tables: int
    seconds: float
    page_bytes: int
    notes: tuple[str, ...]


def write_report(
    folder: Path | str,
    out: Path | str | None = None,
    options: Options | None = None,
    *,
    store: Store | Path | str | None = None,
    progress: Progress = SILENT,
) -> Report:
    """Write ``report.html``, ``figures/`` and ``tables/`` from a folder of results.

    Parameters
    ----------
    folder : path
        What ``mueca compare --out`` or ``mueca fit --out`` wrote.
    out : path, optional
        Where to write; ``FOLDER/report`` by default. Older charts and tables of a report there are replaced.
    options : Options, optional
    store : Store or path, optional
        The embedding cache, for the vectors in the plane; the user's by default.
    progress : Progress

    Returns
    -------
    Report

    Raises
    ------
    ValueError, OSError
        One line: there are no results, a file cannot be read, or what was asked for cannot be had.
    """
    started = time.perf_counter()
    options, store = options or Options(), Store.of(store)
    results = load_results(folder)
    target = as_path(out, "out") if out is not None else results.folder / "report"
    _claim(target)
    maker = _Maker(results, options, FigureWriter(target / "figures", _stamp(results)), store, progress)
    page = maker.page()
    for old in (target / "figures", target / "tables"):
        _clear(old, keep={f"{f.name}{end}" for f in maker.album.figures for end in ENDINGS})
    tables = write_tables(target / "tables", results, maker.found, maker.drawn, maker.change)
    text = render(page)
    write_text(target / "report.html", text)
    (target / _UNFINISHED).unlink(missing_ok=True)
    seconds = time.perf_counter() - started
    return Report(
        target / "report.html",
        len(maker.album.figures),
        tables,
        seconds,
        len(text.encode()),
        tuple(maker.notes),
    )


def _stamp(results: Results) -> str:
    return "synthetic data" if results.synthetic else ""


def _claim(target: Path) -> None:
    """Refuse a folder that holds something other than a report; mark it as one that is being written."""
    if target.is_file():
        raise NotADirectoryError(f"{target} is a file; give a folder for --out")
    there = {path.name for path in target.iterdir()} if target.is_dir() else set()
    ours = {"report.html", _UNFINISHED}
    foreign = there - ours - {"figures", "tables"} if there & ours else there
    if foreign:
        raise ValueError(f"{target} holds {min(foreign)}, which is of no report; give another --out folder")
    target.mkdir(parents=True, exist_ok=True)
    (target / _UNFINISHED).touch()


def _clear(folder: Path, keep: set[str]) -> None:
    """Remove what an older report left in a folder of charts or tables."""
    if folder.is_dir():
        for path in folder.iterdir():
            if path.name not in keep and path.is_file():
                path.unlink()


@dataclass(frozen=True)
class _Drawn:
    """The charts of a report, by their part of the page; `charts` by run."""

    matrix: MatrixPart | None
    overview: list[Figure]
    charts: dict[str, list[Figure]]
    confusions: list[Figure]
    learning: list[Figure]
    embedding: list[Figure]
    looked: list[Figure]
    faces: list[Sheet]


class _Maker:
    """Makes the parts of one report; what cannot be had becomes a note."""

    def __init__(
        self, results: Results, options: Options, album: FigureWriter, store: Store | None, progress: Progress
    ) -> None:
        self.results, self.options, self.album, self.store, self.progress = (
            results,
            options,
            album,
            store,
            progress,
        )
        self.notes: list[str] = []
        self.found = families(results, options.test_pairs)
        self.names = file_names(results.cells)
        self.drawn = [results.find(words) for words in options.cells] or _with_predictions(results)[:DRAWN]
        self.change = _change(results, options)

    def page(self) -> Page:
        """Return the page, all charts drawn."""
        r = self.results
        audit = content.audit_table(r)
        drawn = self._draw_all()
        units, unit_words = content.units_table(r)
        return Page(
            title=content.title(r),
            question=r.question,
            headline=headline(r, self.found),
            synthetic=r.synthetic,
            protocols=list(dict.fromkeys(c.test.protocol for c in r.cells)),
            facts=content.facts(r, datetime.now(UTC)),
            versions=content.versions(r),
            counts=content.counts_table(r),
            data_words=content.data_words(r, audit),
            audit=audit,
            comparison=content.comparison_table(r),
            matrix=drawn.matrix,
            families=content.family_tables(self.found, r),
            cells=[content.cell_part(c, r, drawn.charts.get(c.run, ())) for c in self._in_order()],
            failed=content.failed_records(r),
            units=units,
            units_words=unit_words,
            overview=drawn.overview,
            learning=drawn.learning,
            embedding=drawn.embedding,
            looked=drawn.looked,
            sheets=drawn.faces,
            change=self.change,
            change_table=Table(CHANGES, self.change.records) if self.change else None,
            notes=self.notes + content.standing_notes(r),
        )

    def _draw_all(self) -> _Drawn:
        with self.progress.task("drawing", 8) as advance:

            def done(made: Any) -> Any:
                advance(1)
                return made

            return _Drawn(
                matrix=done(self._matrix()),
                overview=done(self._figures(lambda: draw_overview(self.album, self.results))),
                charts=done({cell.run: self._cell_figures(cell) for cell in self.drawn}),
                confusions=done(self._figures(self._confusions)),
                learning=done(self._figures(self._learning)),
                embedding=done(self._figures(self._embedding)),
                looked=done(self._figures(self._looked)),
                faces=done(self._faces()),
            )

    def _matrix(self) -> MatrixPart | None:
        found = draw_matrix(self.album, self.results)
        return content.matrix_part(found, self.album.figures[-1], self.results) if found else None

    def _confusions(self) -> None:
        """Write the confusion matrix of each run without charts of its own; the page has it as a table."""
        for cell in self.results.cells:
            if cell not in self.drawn and cell.confusion is not None:
                name = f"confusion-{self.names[cell.run]}"
                draw_confusion(self.album, name, cell.confusion, list(self.results.classes))

    def _in_order(self) -> list[Cell]:
        """Return the runs with predictions, those with charts first, the others as validation has them."""
        rest = [c for c in _with_predictions(self.results) if c not in self.drawn]
        return [*(c for c in self.drawn if c.predictions is not None), *rest]

    def _figures(self, draw: Callable[[], None]) -> list[Figure]:
        before = len(self.album.figures)
        draw()
        return self.album.figures[before:]

    def _cell_figures(self, cell: Cell) -> list[Figure]:
        p, confusion = cell.predictions, cell.confusion
        if p is None or confusion is None:
            self.notes.append(
                f"{cell.title}: its predictions are not in the folder, so that it has no charts."
            )
            return []

        def draw() -> None:
            draw_cell(self.album, self.names[cell.run], p, confusion)
            draw_candidates(self.album, f"candidates-{self.names[cell.run]}", cell)

        return self._figures(draw)

    def _learning(self) -> None:
        specs = [cell.test.spec or cell.test.extractor for cell in self.results.cells]
        for i, (name, path) in enumerate(histories(self.results.folder, specs).items(), 1):
            draw_history(self.album, f"learning-{i}-{slug(name)}", name, path)

    def _embedding(self) -> None:
        chosen = self.results.chosen
        if self.options.embedding == "none" or chosen.predictions is None:
            return
        try:
            source = open_source(self.results, self.options.data, self.store)
            X = vectors_of_test(chosen, source, self.store)
        except (ValueError, OSError) as error:
            self.notes.append(f"The vectors in two dimensions are not shown: {error}.")
            return
        draw_embedding(self.album, X, chosen.predictions, chosen.test.extractor, self.options.embedding)

    def _looked(self) -> None:
        if self.options.model is None:
            return
        from pipelines.models.model import load_model

        model = load_model(self.options.model)
        source = open_source(self.results, self.options.data, self.store)
        found = look(model, source.dataset, progress=self.progress, tested=source.rows)
        draw_looked(self.album, found, model.card["title"])

    def _faces(self) -> list[Sheet]:
        p = self.results.chosen.predictions
        if not self.options.faces or p is None:
            return []
        return sheets(p, open_source(self.results, self.options.data, self.store))


def _with_predictions(results: Results) -> list[Cell]:
    return [cell for cell in results.by_validation if cell.predictions is not None]


def _change(results: Results, options: Options) -> Change | None:
    return None if options.against is None else compare_folders(results, load_results(options.against))
