"""Tables as LaTeX that fit the text of an A4 page, by the widths of the letters they will be set in."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from pipelines.reporting.tables.columns import Column

#: Points: the width of the text in LaTeX's ``article`` at 10 pt on A4, the narrowest of its classes.
TEXT_WIDTH = 345.0
#: Points: the height of that text, and what a table takes beside its lines, for rules and space.
TEXT_HEIGHT = 598.0
_BESIDE = 36.0
#: Points from a line of the caption to the next.
_CAPTION_LINE = 12.0
#: Sizes of print to try, each with the space on either side of a column, in points.
_SIZES = ((10.0, 6.0), (9.0, 5.0), (8.0, 4.0), (8.0, 3.0), (7.0, 3.0), (7.0, 2.0))
#: Small letters of Computer Modern are wider than ten-point ones made smaller; bold ones are, too.
_WIDER = {10.0: 1.0, 9.0: 1.028, 8.0: 1.063, 7.0: 1.139}
_BOLD = 1.17
#: Points: text up to the first is never broken into lines, text beyond the last always is; with less room
#: than the one between for a name, columns go on in a second table.
_LEAST, _READ, _MOST = 60.0, 90.0, 150.0

_LATEX = {
    "\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}",
    "<": r"\textless{}", ">": r"\textgreater{}", "–": "--", "±": r"$\pm$", "†": r"$^\dagger$", "\n": " ",
    **{char: "\\" + char for char in "&%$#_{}"},
}  # fmt: skip
#: Characters after which a long name may go on in the next line.
_BREAKS = frozenset("+(,=/_")


def latex_text(text: str, breaks: bool = False) -> str:
    """Return a text with every character LaTeX reads otherwise escaped.

    Parameters
    ----------
    text : str
    breaks : bool
        Whether a line may end after a sign inside a name.
    """
    if not breaks:
        return "".join(_LATEX.get(char, char) for char in text)
    allowed = {char: _LATEX.get(char, char) + r"\allowbreak{}" for char in _BREAKS}
    return "".join(allowed.get(char, _LATEX.get(char, char)) for char in text)


def text_width(text: str, size: float = 10.0, bold: bool = False) -> float:
    """Return the width of a text in Computer Modern Roman, in points, without kerning."""
    units = sum(map(_advance, text)) * size / 10
    return units * _WIDER.get(size, 1.0) * (_BOLD if bold else 1.0)


#: Signs that LaTeX takes from another font or another place than their code says.
_SIGNS = {" ": 3.33, "–": 5.0, "±": 7.78, "†": 4.0, "<": 7.78, ">": 7.78, "_": 5.0, "{": 5.0, "}": 5.0,
          "\\": 5.0, "|": 2.78, '"': 5.0, "~": 5.0, "^": 5.0}  # fmt: skip


@cache
def _advance(char: str) -> float:
    """Return the advance of a letter at ten points; a letter that the font lacks is as wide as an m."""
    font = _font()
    if char in _SIGNS or not font.get_char_index(ord(char)):
        return _SIGNS.get(char, 8.33)
    return float(font.load_char(ord(char)).linearHoriAdvance) / 65536


@cache
def _font() -> Any:
    from pathlib import Path

    import matplotlib as mpl
    from matplotlib.ft2font import FT2Font

    font = FT2Font(str(Path(mpl.get_data_path(), "fonts", "ttf", "cmr10.ttf")))
    font.set_size(10, 72)
    return font


@dataclass(frozen=True)
class Layout:
    """How a table is set: points of its print, of the space beside a column, and of broken columns.

    `widths` holds None for a column that is as wide as what is in it.
    """

    size: float
    space: float
    widths: tuple[float | None, ...]
    total: float

    @property
    def fits(self) -> bool:
        """Whether it is no wider than the text."""
        return self.total <= TEXT_WIDTH


def layout(
    records: Sequence[Mapping[str, Any]], columns: Sequence[Column], bold: Sequence[bool] = ()
) -> Layout:
    """Return the largest print in which the columns fit; names are broken into lines where none does."""
    for size, space in _SIZES:
        wanted = _measured(records, columns, size, bold)
        found = _laid([m.natural for m in wanted], size, space, [None] * len(columns))
        if found.fits and max(m.natural for m in wanted) <= _MOST:
            return found
    for size, space in _SIZES[2:]:
        wanted = _measured(records, columns, size, bold)
        found = _laid([m.natural for m in wanted], size, space, _broken(wanted, space))
        if found.fits:
            return found
    return found


@dataclass(frozen=True)
class _Measured:
    """Points that a column takes in one line, and that its longest piece takes that cannot be broken."""

    natural: float
    least: float


def _measured(
    records: Sequence[Mapping[str, Any]], columns: Sequence[Column], size: float, bold: Sequence[bool]
) -> list[_Measured]:
    marked = [*bold, *[False] * (len(records) - len(bold))]
    return [
        _measure(c, [(c.shown(r), b) for r, b in zip(records, marked, strict=True)], size) for c in columns
    ]


def _measure(column: Column, texts: Sequence[tuple[str, bool]], size: float) -> _Measured:
    title = max(text_width(word, size) for word in column.title.split() or [""])
    natural = max([text_width(text, size, b) for text, b in texts] + [title])
    if column.numeric or natural <= _LEAST:
        return _Measured(natural, natural)
    pieces = [text_width(piece.rstrip(), size, b) for text, b in texts for piece in _pieces(text)]
    return _Measured(natural, max([*pieces, title]))


def _pieces(text: str) -> list[str]:
    """Return the parts of a text between which a line may end."""
    parts = [""]
    for char in text:
        parts[-1] += char
        if char in _BREAKS or char in " -":
            parts.append("")
    return parts


def _lines(text: str, width: float, size: float, bold: bool = False) -> int:
    """Return in how many lines a text is set, broken where it may be."""
    lines, used = 1, 0.0
    for piece in _pieces(text):
        if used and used + text_width(piece.rstrip(), size, bold) > width:
            lines, used = lines + 1, 0.0
        used += text_width(piece, size, bold)
    return lines


def height(
    records: Sequence[Mapping[str, Any]], columns: Sequence[Column], caption: str, bold: Sequence[bool] = ()
) -> float:
    """Return the points of the tallest of the tables that `latex` makes of short ones, with its caption."""
    panels = list(_panels(records, _used(records, columns), bold, long=False))
    return max(_height(records, panel, bold) for panel in panels) + _caption_height(caption, len(panels))


def _caption_height(caption: str, parts: int) -> float:
    text = f"Table 10: {caption}{' (part 1 of 2)' if parts > 1 else ''}"
    return _CAPTION_LINE * _lines(text, 0.97 * TEXT_WIDTH, 10.0)


def _height(records: Sequence[Mapping[str, Any]], columns: Sequence[Column], bold: Sequence[bool]) -> float:
    how = layout(records, columns, bold)
    marked = [*bold, *[False] * (len(records) - len(bold))]
    title = max(len(c.title.split()) for c in columns)
    lines = title + sum(_row_lines(r, columns, how, b) for r, b in zip(records, marked, strict=True))
    return _BESIDE + 1.2 * how.size * lines


def _row_lines(record: Mapping[str, Any], columns: Sequence[Column], how: Layout, bold: bool) -> int:
    return max(
        1 if w is None else _lines(c.shown(record), w, how.size, bold)
        for c, w in zip(columns, how.widths, strict=True)
    )


def _laid(natural: Sequence[float], size: float, space: float, widths: list[float | None]) -> Layout:
    total = sum(n if w is None else w for n, w in zip(natural, widths, strict=True))
    return Layout(size, space, tuple(widths), total + 2 * space * (len(natural) - 1))


def _broken(wanted: Sequence[_Measured], space: float) -> list[float | None]:
    """Return widths for columns of text: their longest piece, and a share of what all columns leave."""
    left = TEXT_WIDTH - 1 - 2 * space * (len(wanted) - 1) - sum(m.least for m in wanted)
    missing = sum(m.natural - m.least for m in wanted)
    share = min(1.0, max(0.0, left / missing)) if missing else 1.0
    widths = [m.least + share * (min(m.natural, 2 * _MOST) - m.least) for m in wanted]
    return [None if w >= m.natural else math.ceil(10 * w) / 10 for w, m in zip(widths, wanted, strict=True)]


def latex(
    records: Sequence[Mapping[str, Any]],
    columns: Sequence[Column],
    caption: str,
    label: str,
    bold: Sequence[bool] = (),
    *,
    long: bool = False,
) -> str:
    r"""Return booktabs tables no wider than the text of an A4 page; empty columns are left out.

    Columns that do not fit side by side go on in a second table, under the same first columns. A table that
    is taller than the page is set as a long one.

    Parameters
    ----------
    records, columns
        As shown in the page.
    caption, label : str
        Plain text, and the name behind ``tab:``.
    bold : sequence of bool
        Which records stand in bold.
    long : bool
        Whether the table may go on over the page's end; a short one floats.

    Returns
    -------
    str
        Needs ``\usepackage{booktabs}``, and ``longtable`` where it is long.
    """
    used = _used(records, columns)
    long = long or height(records, used, caption, bold) > TEXT_HEIGHT
    parts = list(_panels(records, used, bold, long))
    made = []
    for number, part in enumerate(parts, 1):
        of = f" (part {number} of {len(parts)})" if len(parts) > 1 else ""
        name = f"{label}-{number}" if number > 1 else label
        body = _tabular(records, part, layout(records, part, bold), bold)
        make = _long if long else _float
        made.append(make(body, _caption(caption) + of, name))
    return "\n".join(made)


def _used(records: Sequence[Mapping[str, Any]], columns: Sequence[Column]) -> list[Column]:
    return [c for c in columns if any(c.text(r) for r in records)] or list(columns)


def _panels(
    records: Sequence[Mapping[str, Any]], columns: Sequence[Column], bold: Sequence[bool], long: bool
) -> Iterator[list[Column]]:
    """Yield columns that fit side by side; each panel begins with the names of its rows.

    A short table takes the smallest print before it takes a second panel.
    """
    size, space = _SIZES[2 if long else -1]
    keys = [
        c for c in columns[:2] if not c.numeric and c.key in ("extractor", "head", "class", "true", "a", "b")
    ]
    rest, panel = [c for c in columns if c not in keys], list(keys)
    for column in rest:
        wanted = _measured(records, [*panel, column], size, bold)
        if len(panel) > len(keys) and not _side_by_side(wanted, space):
            yield panel
            panel = list(keys)
        panel.append(column)
    yield panel


def _side_by_side(wanted: Sequence[_Measured], space: float) -> bool:
    """Return whether columns fit without breaking a name more than a reader bears."""
    total = sum(max(m.least, min(m.natural, _READ)) for m in wanted)
    return total + 2 * space * (len(wanted) - 1) <= TEXT_WIDTH


@dataclass(frozen=True)
class _Body:
    """The parts of a tabular that a float and a long table put together in their own way."""

    spec: str
    size: str
    head: str
    rows: list[str]


def _tabular(
    records: Sequence[Mapping[str, Any]], columns: Sequence[Column], how: Layout, bold: Sequence[bool]
) -> _Body:
    spec = "".join(
        ("r" if c.numeric else "l") if w is None else f"p{{{w:.1f}pt}}"
        for c, w in zip(columns, how.widths, strict=True)
    )
    wanted = _measured(records, columns, how.size, bold)
    across = [m.natural if w is None else w for m, w in zip(wanted, how.widths, strict=True)]
    head = " & ".join(_title(c, how.size, w) for c, w in zip(columns, across, strict=True)) + r" \\"
    rows = []
    for i, record in enumerate(records):
        cells = [_cell(c.shown(record), w) for c, w in zip(columns, how.widths, strict=True)]
        if i < len(bold) and bold[i]:
            cells = [_bold(cell, w) for cell, w in zip(cells, how.widths, strict=True)]
        rows.append(" & ".join(cells) + r" \\")
    size = rf"\fontsize{{{how.size:g}}}{{{1.2 * how.size:g}}}\selectfont"
    space = rf"\setlength{{\tabcolsep}}{{{how.space:g}pt}}"
    return _Body(f"@{{}}{spec}@{{}}", size + space, head, rows)


def _cell(text: str, width: float | None) -> str:
    r"""Return a text as a cell holds it; ragged right in a broken column, where ``\\`` still ends the row."""
    if width is None:
        return latex_text(text)
    return rf"\raggedright\let\\\tabularnewline\hspace{{0pt}}{latex_text(text, breaks=True)}"


def _bold(cell: str, width: float | None) -> str:
    """Return a cell in bold; no braces around a broken one, which would end its paragraph's form too soon."""
    if not cell:
        return ""
    return rf"{{\bfseries {cell}}}" if width is None else rf"\bfseries{cell}"


def _caption(text: str) -> str:
    """Return a text as a caption holds it: only a word that is longer than others may be broken."""
    return " ".join(latex_text(word, breaks=text_width(word) > _READ) for word in text.split(" "))


def _title(column: Column, size: float, width: float) -> str:
    """Return a title in as many lines as the column's width asks for."""
    lines: list[str] = []
    for word in column.title.split():
        if lines and text_width(f"{lines[-1]} {word}", size) <= width:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    if len(lines) < 2:
        return latex_text(column.title)
    side = "r" if column.numeric else "l"
    return (
        rf"\begin{{tabular}}[b]{{@{{}}{side}@{{}}}}" + r"\\ ".join(map(latex_text, lines)) + r"\end{tabular}"
    )


def _float(body: _Body, caption: str, label: str) -> str:
    lines = [
        r"\begin{table}",
        r"  \centering",
        rf"  \caption{{{caption}}}",
        rf"  \label{{tab:{label}}}",
        f"  {body.size}",
        rf"  \begin{{tabular}}{{{body.spec}}}",
        r"    \toprule",
        f"    {body.head}",
        r"    \midrule",
        *(f"    {row}" for row in body.rows),
        r"    \bottomrule",
        r"  \end{tabular}",
        r"\end{table}",
        "",
    ]
    return "\n".join(lines)


def _long(body: _Body, caption: str, label: str) -> str:
    lines = [
        rf"{{{body.size}",
        rf"\begin{{longtable}}{{{body.spec}}}",
        rf"  \caption{{{caption}}}\label{{tab:{label}}}\\",
        rf"  \toprule {body.head} \midrule \endfirsthead",
        rf"  \toprule {body.head} \midrule \endhead",
        r"  \bottomrule \endfoot",
        *(f"  {row}" for row in body.rows),
        r"\end{longtable}}",
        "",
    ]
    return "\n".join(lines)
