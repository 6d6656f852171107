"""Reports of comparisons in a folder: found anew for each request; nothing else of the folder is served."""

from __future__ import annotations

import base64
import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

#: The one script that may run in a report: this version's own.
_SCRIPT = Path(__file__).parents[1] / "reporting" / "templates" / "page.js"
#: How deep below the folder results are looked for.
_DEPTH = 4
#: Results looked at: bounds the time of a request if the folder given is a whole disk.
_MOST_FOLDERS = 5_000


@dataclass(frozen=True)
class Results:
    """A folder of results.

    Attributes
    ----------
    name : str
        Its path below the folder that is served, with slashes; "." for that folder itself.
    page : Path or None
        Its report; None if none was written yet.
    """

    name: str
    page: Path | None

    @property
    def made(self) -> str:
        """When the report was written, UTC."""
        if self.page is None:
            return ""
        return f"{datetime.fromtimestamp(self.page.stat().st_mtime, UTC):%Y-%m-%d %H:%M}"


def find_results(folder: Path | None) -> list[Results]:
    """Return the results below a folder that ``mueca compare`` or ``fit`` wrote, by name.

    Parameters
    ----------
    folder : Path or None
        Links are not followed out of it.
    """
    if folder is None or not folder.is_dir():
        return []
    found = []
    for place in _folders(folder):
        if place.name == "report" and (place.parent / "rows.csv").is_file():
            continue  # named after the results it belongs to
        page = _page(place, folder)
        if page is not None or (place / "rows.csv").is_file():
            found.append(Results(place.relative_to(folder).as_posix(), page))
    return sorted(found, key=lambda r: r.name)


def _page(place: Path, folder: Path) -> Path | None:
    for page in (place / "report" / "report.html", place / "report.html"):
        if page.is_file() and page.resolve().is_relative_to(folder.resolve()):
            return page
    return None


def _folders(folder: Path) -> Iterator[Path]:
    for here, below, _ in islice(os.walk(folder), _MOST_FOLDERS):
        place = Path(here)
        deep = len(place.relative_to(folder).parts)
        below[:] = [] if deep == _DEPTH else sorted(n for n in below if not n.startswith("."))
        yield place


def report_policy() -> str:
    """Return the policy a report is served under: its own charts and its own script, in a sandbox.

    In a sandbox the page has no origin: whatever a file in that folder holds, it can neither ask this server
    for anything nor see its cookie. The script is known by its hash.
    """
    digest = base64.b64encode(hashlib.sha256(_SCRIPT.read_bytes()).digest()).decode()
    return (
        f"sandbox allow-scripts; default-src 'none'; style-src 'unsafe-inline'; img-src data:; "
        f"script-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
