"""What a person sees: progress bars, tables, one line an error."""

from __future__ import annotations

import json
import logging
import os
import sys
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from pipelines.utils.progress import Advance, Progress


def quiet_libraries() -> None:
    """Keep banners and warnings of libraries off the screen, here and in worker processes."""
    os.environ.setdefault("PYTHONWARNINGS", "ignore")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("OPENCV_LOG_LEVEL", "ERROR")
    os.environ.setdefault("SKLEARNEX_VERBOSE", "ERROR")
    warnings.simplefilter("ignore")
    # It names a temporary folder where it cannot keep its list of fonts: no business of ours.
    logging.getLogger("matplotlib").setLevel(logging.CRITICAL)
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_OneLine("mueca: %(message)s"))
    for name in ("featurize", "classifiers", "pipelines"):
        logger = logging.getLogger(name)
        logger.handlers, logger.propagate = [handler], False
        logger.setLevel(logging.INFO if os.environ.get("MUECA_VERBOSE") else logging.WARNING)


class _OneLine(logging.Formatter):
    """A record in one line, whatever it holds."""

    def format(self, record: logging.LogRecord) -> str:
        return " ".join(super().format(record).split())


def echo(text: str) -> None:
    """Print a line for the person, on the error stream, so that the output stays for programs."""
    print(text, file=sys.stderr)


def printable(text: str) -> str:
    """Return a file's name without what a terminal would act on, or a line break."""
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text)


class ConsoleProgress(Progress):
    """Progress bars on the error stream, with the rate; on a pipe, nothing."""

    def __init__(self) -> None:
        self._live: Any = None

    @contextmanager
    def task(self, label: str, total: int | None = None) -> Iterator[Advance]:
        """Draw a bar for one task; tasks inside tasks share the screen."""
        if not sys.stderr.isatty():
            yield lambda _done: None
            return
        outermost = self._live is None
        if outermost:
            self._live = _bars()
            self._live.start()
        task = self._live.add_task(label, total=total)
        try:
            yield lambda done: self._live.advance(task, done)
        finally:
            self._live.remove_task(task)
            if outermost:
                self._live.stop()
                self._live = None


def _bars() -> Any:
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        ProgressColumn,
        SpinnerColumn,
        Task,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )
    from rich.progress import Progress as RichProgress
    from rich.text import Text

    class Rate(ProgressColumn):
        """How many a second."""

        def render(self, task: Task) -> Text:
            return Text(f"{task.speed:,.0f}/s" if task.speed and task.speed >= 1 else "")

    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        Rate(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    return RichProgress(*columns, console=Console(stderr=True), transient=True)


def table(
    columns: Sequence[str],
    records: Iterable[Mapping[str, Any]],
    title: str = "",
    bold: Sequence[bool] = (),
    right: Sequence[str] = (),
) -> None:
    """Print records as a table; numbers to the right, and the columns named in `right`."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    found = list(records)
    drawn = Table(title=title or None, title_justify="left", box=None, pad_edge=False, header_style="bold")
    for name in columns:
        numeric = name in right or any(isinstance(r.get(name), int | float) for r in found)
        drawn.add_column(name.replace("_", " "), justify="right" if numeric else "left")
    for i, record in enumerate(found):
        style = "bold" if i < len(bold) and bold[i] else ""
        drawn.add_row(*(Text(shown(record.get(name, "")), style=style) for name in columns))
    wide = {} if sys.stdout.isatty() else {"width": 200}
    Console(**wide, highlight=False).print(drawn)  # type: ignore[arg-type]


def shown(value: Any) -> str:
    """Return a value as a table shows it: four digits for a score, nothing for NaN."""
    if not isinstance(value, float):
        return str(value)
    if value != value:
        return ""
    return f"{value:.4f}" if abs(value) < 10 else f"{value:,.1f}"


def as_json(value: Any) -> None:
    """Print a value as JSON that every reader takes: NaN becomes null."""
    print(json.dumps(_without_nan(value), indent=1, ensure_ascii=False, default=str))


def _without_nan(value: Any) -> Any:
    if isinstance(value, float):
        return value if value == value and abs(value) != float("inf") else None
    if isinstance(value, Mapping):
        return {str(k): _without_nan(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_without_nan(v) for v in value]
    return value.item() if hasattr(value, "item") and not hasattr(value, "__len__") else value


def format_error(error: BaseException) -> str:
    """Return an error as one line without a traceback."""
    from featurize.suggest import error_words

    words = error_words(error)
    if isinstance(error, ValueError | OSError):
        return words
    if isinstance(error, ModuleNotFoundError):
        from featurize.extras import EXTRAS, needed

        if (name := (error.name or "").partition(".")[0]) in EXTRAS:
            return needed(name)
    if isinstance(error, MemoryError):
        return "not enough memory; use fewer samples or a smaller extractor"
    return (
        f"unexpected {type(error).__name__}: {words} (this is a defect: run again with --debug and report it)"
    )
