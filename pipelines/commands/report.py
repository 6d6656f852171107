"""What ``mueca report`` shows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    pass


def print_report(made: Any) -> None:
    """Show what a report wrote, and what it could not show."""
    for note in made.notes:
        print(note)
    print(
        f"{made.figures} charts, {made.tables} tables, a page of {made.page_bytes / 1e6:.1f} MB "
        f"in {made.seconds:.1f} s\nwritten to {made.page}"
    )
