"""Figures of README and docs are those of ``docs/results``; another is an error of the build.

A figure is a number with a decimal point in a sentence or a table. What stands between backticks, in a block,
or in the name of a file is none. Where a section names files of results, its figures must be in those files,
else in any.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

_NUMBER = re.compile(r"(?<![\w.,-])-?\d*\.\d+(?![\w.]*\w)")
_CODE = re.compile(r"```.*?```|`[^`]*`|\]\([^)]*\)|https?://\S+|^(?: {4}|\t).*$", re.DOTALL | re.MULTILINE)
_FILE = re.compile(r"results/([\w.-]+?\.(?:txt|md))")

#: Page -> figures that are no result, and why.
NO_RESULT: dict[str, tuple[str, ...]] = {
    # Pooled scores seen on the way to a design: kept in words only, and said to be no result.
    "docs/clips.md": (".758", ".771", ".743", ".748", ".752", ".783", ".775", ".770", ".718", ".761"),
    # Arithmetic from a rate, said to be that.
    "docs/distributed.md": ("8.6", "2.5", "1.4", "0.4", "4.6", "6.8", "3.4"),
    # Megabytes of two files in the package.
    # and the bound of a p value.
    "docs/predict.md": ("3.5", ".001"),
    # By the clock of a busy machine, beside the figure by processor seconds.
    "docs/search.md": ("1.27",),
}


@dataclass(frozen=True)
class Figure:
    """A number on a page."""

    page: str
    line: int
    text: str
    files: tuple[str, ...]

    def __str__(self) -> str:
        where = f" (the section names {', '.join(self.files)})" if self.files else ""
        return f"{self.page}:{self.line}: {self.text} is in no file of docs/results{where}"


def figures_of(page: str, text: str) -> Iterator[Figure]:
    """Yield the figures of a page, each with the files that its section names."""
    line = 1
    for section in re.split(r"(?m)^(?=#+ )", text):
        files = tuple(dict.fromkeys(_FILE.findall(section)))
        plain = _CODE.sub(lambda found: re.sub(r"[^\n]", " ", found[0]), section)
        for found in _NUMBER.finditer(plain):
            yield Figure(page, line + plain.count("\n", 0, found.start()), found[0], files)
        line += section.count("\n")


@cache
def _numbers(path: Path) -> frozenset[float]:
    return frozenset(float(n) for n in re.findall(r"-?\d*\.\d+|\d+", path.read_text("utf-8")))


@cache
def _everywhere(root: Path) -> frozenset[float]:
    """Return what any section may name: what others published, and the card of the model that ships."""
    card = _numbers(root / "pipelines" / "models" / "default" / "card.json")
    return _of_systems(root) | card | _numbers(root / "docs" / "results" / "published.txt")


def _of_systems(root: Path) -> frozenset[float]:
    with (root / "pipelines" / "reporting" / "reference.csv").open(newline="", encoding="utf-8") as file:
        texts = [value for record in csv.DictReader(file) for value in record.values() if value]
    return frozenset(float(n) for text in texts for n in re.findall(r"\d*\.\d+|\d+", text))


def is_known(figure: Figure, root: Path) -> bool:
    """Return whether a figure is in the results: as it is, rounded, or as a percentage of a share."""
    if figure.text in NO_RESULT.get(figure.page, ()):
        return True
    folder = root / "docs" / "results"
    paths = [folder / name for name in figure.files if (folder / name).is_file()] or sorted(folder.iterdir())
    numbers = frozenset().union(*(_numbers(path) for path in paths), _everywhere(root))
    digits, value = len(figure.text.partition(".")[2]), abs(float(figure.text))
    return any(_same(abs(n), value, digits) or _same(100 * abs(n), value, digits) for n in numbers)


def _same(number: float, value: float, digits: int) -> bool:
    return abs(number - value) <= 0.5 * 10**-digits + 1e-9


def wrong_figures(root: Path) -> list[str]:
    """Return a line for each figure of README and docs that no result holds."""
    pages = [*sorted(root.glob("README*.md")), *sorted((root / "docs").rglob("*.md"))]
    found = []
    for path in pages:
        name = path.relative_to(root).as_posix()
        if not name.startswith("docs/results/"):
            found += [f for f in figures_of(name, path.read_text("utf-8")) if not is_known(f, root)]
    return [str(figure) for figure in found]
