"""How every chart looks, and how it becomes SVG for the page; SVG, PDF and PNG for a paper."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from featurize.atomic import write_bytes, write_text
from featurize.extras import require
from pipelines.utils import palette
from pipelines.utils.palette import hex_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Drawing

INK, RULE = hex_of(palette.INK), hex_of(palette.RULE)
COLOURS = tuple(map(hex_of, palette.LINES))
DASHES: tuple[Any, ...] = ("-", (0, (5, 1.5)), (0, (1.5, 1.2)), (0, (6, 1.5, 1.5, 1.5)))
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*", "<", ">", "p", "h")
#: Inches: a column and a text width of A4 with usual margins.
NARROW, WIDE = 3.5, 6.9
PNG_DPI = 200
#: Endings of the files of a chart.
ENDINGS = (".svg", ".pdf", ".png")

_LOOK: dict[Any, Any] = {
    "font.family": "DejaVu Sans",
    "font.size": 8,
    "axes.titlesize": 8.5,
    "axes.titlelocation": "left",
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "axes.linewidth": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.facecolor": "none",
    "figure.facecolor": "none",
    "grid.color": RULE,
    "grid.linewidth": 0.5,
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "legend.frameon": False,
    "legend.fontsize": 7,
    "lines.linewidth": 1.3,
    "lines.markersize": 4,
    "svg.fonttype": "none",
    "pdf.fonttype": 42,
    "figure.constrained_layout.use": True,
}


@dataclass(frozen=True)
class Figure:
    """A finished chart.

    Attributes
    ----------
    name : str
        Of its files.
    title : str
        Above it in the page.
    sentence : str
        What it shows, computed from the data.
    svg : str
        For the page: no outside reference, coloured by the page.
    inches : float
        Width in print.
    """

    name: str
    title: str
    sentence: str
    svg: str
    inches: float

    @property
    def width(self) -> int:
        """Pixels of the page that it fills at most: a fifth more than in print."""
        return round(self.inches * 115)

    @property
    def wide(self) -> bool:
        """Whether it takes a line of the page for itself."""
        return self.inches > 5


class FigureWriter:
    """Draws charts, keeps them for the page and writes each as SVG, PDF and PNG into a folder.

    Parameters
    ----------
    folder : Path
    stamp : str
        What every chart says in its corner, such as "synthetic data"; a chart leaves its page.
    endings : tuple of str
        Which files a chart becomes.
    """

    def __init__(self, folder: Path, stamp: str = "", endings: tuple[str, ...] = ENDINGS) -> None:
        self.folder = folder
        self.stamp = stamp
        self.endings = endings
        self.figures: list[Figure] = []

    @contextmanager
    def drawing(
        self, name: str, title: str, size: tuple[float, float], rows: int = 1, columns: int = 1
    ) -> Iterator[tuple[Drawing, Any, list[str]]]:
        """Give a drawing, its axes (one, or an array), and a list for its sentences.

        The chart is written and kept when the block ends; it must have said what it shows.
        """
        mpl = require("matplotlib")
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure as Canvas

        with mpl.rc_context({**_LOOK, "svg.hashsalt": name}):
            drawing = Canvas(figsize=size)
            FigureCanvasAgg(drawing)
            said: list[str] = []
            yield drawing, drawing.subplots(rows, columns), said
            assert said, name  # noqa: S101  no chart without a sentence
            if self.stamp:
                drawing.supxlabel(self.stamp, x=0.995, ha="right", fontsize=5.5)
            self.figures.append(self._keep(drawing, name, title, " ".join(said)))

    def _keep(self, drawing: Drawing, name: str, title: str, sentence: str) -> Figure:
        text = io.StringIO()
        drawing.savefig(text, format="svg", metadata={"Date": None})
        drawing.set_layout_engine("none")  # laid out once; the other files are the same
        for ending in self.endings:
            self._write(drawing, self.folder / f"{name}{ending}", text.getvalue())
        return Figure(
            name,
            title,
            sentence,
            for_page(text.getvalue(), name, f"{title}. {sentence}"),
            drawing.get_figwidth(),
        )

    def _write(self, drawing: Drawing, path: Path, svg: str) -> None:
        if path.suffix == ".svg":
            write_text(path, _on_white(svg))
            return
        # No date and no version: the same results give the same file.
        nothing = {"CreationDate": None} if path.suffix == ".pdf" else {"Software": None}
        data = io.BytesIO()
        kind = path.suffix.removeprefix(".")
        drawing.savefig(data, format=kind, dpi=PNG_DPI, facecolor="white", metadata=nothing)
        write_bytes(path, data.getvalue())

    def __getitem__(self, name: str) -> Figure:
        return next(figure for figure in self.figures if figure.name == name)


def _on_white(svg: str) -> str:
    """Lay a white sheet under a chart, so that it reads in any viewer."""
    return re.sub(r"(<svg\b[^>]*>)", r'\1<rect width="100%" height="100%" fill="#ffffff"/>', svg, count=1)


def for_page(svg: str, name: str, words: str) -> str:
    """Return an SVG as a page takes it in: no prologue, no outside name, own identifiers, the page's ink."""
    from html import escape

    body = svg[svg.index("<svg") :]
    body = re.sub(r"<metadata>.*?</metadata>", "", body, flags=re.DOTALL)
    body = re.sub(r'\s(xmlns(:\w+)?|version)="[^"]*"', "", body)
    body = re.sub(r'\bid="', f'id="{name}-', body)
    body = re.sub(r'(xlink:href="#|url\(#)', rf"\g<1>{name}-", body)
    body = re.sub(INK, "currentColor", body, flags=re.IGNORECASE)
    body = re.sub(RULE, "var(--rule)", body, flags=re.IGNORECASE)
    body = re.sub(r'\s(width|height)="([\d.]+)pt"', r' data-\1="\2"', body, count=2)
    return body.replace("<svg", f'<svg role="img" aria-label="{escape(words)}"', 1)


def colour(index: int) -> str:
    """Return the colour of a class or a series."""
    return COLOURS[index % len(COLOURS)]


def marker(index: int) -> str:
    """Return the marker of a class or a series."""
    return MARKERS[index % len(MARKERS)]


def legend_outside(axes: Axes, title: str = "", **options: Any) -> None:
    """Draw the legend to the right of the axes, where no data can be."""
    given = {"loc": "center left", "bbox_to_anchor": (1.01, 0.5), "borderaxespad": 0, **options}
    axes.legend(title=title or None, title_fontsize=7, **given)


def dash(index: int) -> Any:
    """Return the line style of a class or a series, so that it is told apart without colour."""
    return DASHES[index % len(DASHES)]


def heat(
    axes: Axes, values: Any, texts: Any, rows: Sequence[str], columns: Sequence[str], low: float, high: float
) -> None:
    """Draw a table of coloured cells with their texts; from light (`low`) to dark blue (`high`)."""
    mpl = require("matplotlib")
    shades = mpl.colormaps["Blues"]
    axes.pcolormesh(values, cmap=shades, vmin=low, vmax=high, edgecolors="white", linewidth=0.6)
    axes.set(xlim=(0, len(columns)), ylim=(len(rows), 0))
    axes.set_xticks(
        [i + 0.5 for i in range(len(columns))], [plain(c) for c in columns], rotation=30, ha="right"
    )
    axes.set_yticks([i + 0.5 for i in range(len(rows))], [plain(r) for r in rows])
    axes.tick_params(length=0)
    axes.grid(visible=False)
    for spine in axes.spines.values():
        spine.set_visible(False)
    for i in range(len(rows)):
        for j in range(len(columns)):
            dark = (values[i][j] - low) > 0.55 * (high - low)
            axes.text(j + 0.5, i + 0.5, texts[i][j], ha="center", va="center", fontsize=7,
                      color="#ffffff" if dark else "#000000")  # fmt: skip


def plain(text: str) -> str:
    """Return a text that is not taken for mathematics, and is no longer than a chart bears."""
    short = text if len(text) <= 40 else text[:37] + "..."
    return short.replace("$", r"\$")
