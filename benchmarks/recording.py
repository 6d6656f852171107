"""Keep what a benchmark prints in docs/results/, under the command, machine, date, commit and versions."""

from __future__ import annotations

import contextlib
import io
import os
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from pipelines.utils.provenance import git_sha, library_versions, machine

RESULTS = Path(__file__).resolve().parents[1] / "docs" / "results"


class _Tee(io.TextIOBase):
    """Write to the screen and remember."""

    def __init__(self) -> None:
        self.kept = io.StringIO()

    def write(self, text: str) -> int:
        sys.__stdout__.write(text)  # type: ignore[union-attr]
        sys.__stdout__.flush()  # type: ignore[union-attr]
        return self.kept.write(text)


@contextlib.contextmanager
def recording(name: str) -> Iterator[None]:
    """Write what is printed inside to ``docs/results/NAME.txt`` when the block ends without an error."""
    # A folder of this machine says nothing to a reader: its name is enough.
    given = [Path(word).name if Path(word).is_absolute() else word for word in sys.argv[1:]]
    words = " ".join([f"benchmarks/{Path(sys.argv[0]).name}", *given])
    tee = _Tee()
    with contextlib.redirect_stdout(tee):
        print(f"command: python {words}")
        print(f"machine: {machine()}")
        print(f"date: {datetime.now(UTC):%Y-%m-%d %H:%M} UTC")
        print(f"commit: {git_sha()}")
        print("versions: " + ", ".join(f"{k} {v}" for k, v in library_versions().items()) + "\n")
        yield
    RESULTS.mkdir(parents=True, exist_ok=True)
    (RESULTS / f"{name}.txt").write_text(_named(tee.kept.getvalue()), "utf-8")


def _named(text: str) -> str:
    """Return a record in which this machine's folders, as given on the command line, are names alone."""
    for word in filter(os.path.isabs, sys.argv[1:]):
        text = text.replace(word.rstrip("/"), Path(word).name)
    return text
