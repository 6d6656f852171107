"""Warnings that are logged while something runs, kept so that they can stand beside its result."""

from __future__ import annotations

import json
import logging
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from typing import Protocol

#: The loggers whose warnings count: those of our own packages.
_LOGGERS = ("featurize", "classifiers", "pipelines")
#: What a row keeps at most: so many warnings, each of so many characters.
MOST, LONGEST = 20, 300


class _Keeper(logging.Handler):
    def __init__(self, kept: list[str]) -> None:
        super().__init__(logging.WARNING)
        self.kept = kept

    def emit(self, record: logging.LogRecord) -> None:
        """Keep the record's message in one line."""
        self.kept.append(" ".join(record.getMessage().split()))


@contextmanager
def kept_warnings() -> Iterator[list[str]]:
    """Give a list that warnings of our packages are added to, in every thread; they are printed as ever."""
    kept: list[str] = []
    keeper = _Keeper(kept)
    loggers = [logging.getLogger(name) for name in _LOGGERS]
    for logger in loggers:
        logger.addHandler(keeper)
    try:
        yield kept
    finally:
        for logger in loggers:
            logger.removeHandler(keeper)


def as_text(warnings: Iterable[str]) -> str:
    """Return warnings as the JSON list that a row keeps, each once; the empty text for none.

    Of more than `MOST` the first ones are kept, and how many more there were.
    """
    each = [_short(one) for one in dict.fromkeys(warnings)]
    more = len(each) - MOST
    kept = [*each[:MOST], f"and {more} more warnings"] if more > 0 else each
    return json.dumps(kept, ensure_ascii=False) if kept else ""


def _short(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 3]}..."


def from_text(text: str) -> list[str]:
    """Return the warnings of a row's text; a text that is no JSON list is one warning."""
    if not text:
        return []
    try:
        found = json.loads(text)
    except ValueError:
        return [text]
    return [str(one) for one in found] if isinstance(found, list) else [text]


class Warned(Protocol):
    """A row, as far as its warnings go: `pipelines.results.rows.Row`."""

    @property
    def extractor(self) -> str:
        """What it is of."""

    @property
    def head(self) -> str:
        """With what."""

    @property
    def warnings(self) -> str:
        """As `as_text` gives them."""


def say_again(log: logging.Logger, rows: Iterable[Warned], known: Collection[str] = ()) -> None:
    """Log the warnings that rows kept, each once with the runs that it is of.

    Parameters
    ----------
    log : Logger
    rows : iterable of Row
        One a run.
    known : collection of str
        Warnings that were said already.
    """
    whose: dict[str, list[str]] = {}
    for row in rows:
        for one in from_text(row.warnings):
            whose.setdefault(one, []).append(f"{row.extractor} with {row.head}")
    for one, titles in whose.items():
        if one not in known:
            more = f" and {len(titles) - 1} more" if len(titles) > 1 else ""
            log.warning("%s (kept from %s%s)", one, titles[0], more)
