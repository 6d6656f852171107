"""Names of runs: short ones for charts and printed tables, and those of their files."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence

from pipelines.results.load import Cell

#: Characters of a file's name that say what it shows.
LONGEST = 60


def short_extractors(expressions: Iterable[str]) -> dict[str, str]:
    """Return each extractor's expression without its parameters, where that still tells it apart.

    ``own-small(weights="models/a/weights.npz") [mirror]`` is ``own-small [mirror]``; of two that would have
    the same name, both keep their parameters.
    """
    wanted = list(dict.fromkeys(expressions))
    bare = {expression: _without_parameters(expression) for expression in wanted}
    times = list(bare.values())
    return {whole: short if times.count(short) == 1 else whole for whole, short in bare.items()}


def _without_parameters(expression: str) -> str:
    """Return the text outside parentheses; those inside quotes count as text of the parameters."""
    kept, depth, quote = [], 0, ""
    for char in expression:
        if quote:
            quote = "" if char == quote else quote
        elif depth and char in "\"'":
            quote = char
        elif char in "()":
            depth += 1 if char == "(" else -1
        elif not depth:
            kept.append(char)
    return re.sub(r" +", " ", "".join(kept)).strip()


def short_titles(cells: Sequence[Cell]) -> dict[str, str]:
    """Return run -> short title; a title that would be another run's too stays whole."""
    names = short_extractors(cell.test.extractor for cell in cells)
    short = {
        cell.run: cell.title.replace(cell.test.extractor, names[cell.test.extractor], 1) for cell in cells
    }
    times = list(short.values())
    return {cell.run: short[cell.run] if times.count(short[cell.run]) == 1 else cell.title for cell in cells}


def file_names(cells: Sequence[Cell]) -> dict[str, str]:
    """Return run -> what its files are called: ``hog-mirror-svm``, with the run where two are the same."""
    titles = short_titles(cells)
    names = {cell.run: slug(titles[cell.run]) for cell in cells}
    times = list(names.values())
    return {run: name if times.count(name) == 1 else f"{name}-{run[-6:]}" for run, name in names.items()}


def slug(text: str) -> str:
    """Return a text as part of a file's name: letters, digits and hyphens, in lower case."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:LONGEST].rstrip("-") or "run"
