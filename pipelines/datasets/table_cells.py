"""What the cells of a table of images hold: numbers, boxes, nothing, or what is no file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pipelines.datasets.scan import Box

#: What programs write into a cell that holds nothing.
_NOTHING = frozenset({"nan", "<na>", "n/a"})


def is_missing(text: str) -> bool:
    """Return whether a cell holds nothing, or what programs write for nothing: nan, <NA>."""
    return not text or text.casefold() in _NOTHING


def check_address(text: str) -> None:
    """Refuse the address of a page in the place of a file."""
    if "://" in text:
        raise ValueError("an address, and no file; download the image, and name the file")


def in_doubt(name: str, text: str) -> bool:
    """Return whether a cell like a date may be what was typed: a file or a person may be so called."""
    return name in ("file", "subject") and bool(text) and not text.startswith("#")


def number_of(text: str, what: str) -> float:
    """Return a number from 0 on, also with a decimal comma."""
    try:
        value = float(text.replace(",", ".") if text.count(",") == 1 and "." not in text else text)
    except ValueError:
        value = float("nan")
    if not 0 <= value < float("inf"):
        raise ValueError(f"{what}: {text[:20]!r} is no number from 0 on")
    return value


def box_of(row: Mapping[str, str]) -> Box | None:
    """Return the box of a row, None where it names none."""
    ends = ("width", "height") if "width" in row and "height" in row else ("right", "bottom")
    names = ("left", "top", *ends)
    cells: Sequence[str] = [row.get(name, "") for name in names]
    if not all(name in row for name in names) or not any(cells):
        return None
    left, top, a, b = (_whole(text, name) for text, name in zip(cells, names, strict=True))
    width, height = (a, b) if ends[0] == "width" else (a - left, b - top)
    if width < 1 or height < 1:
        raise ValueError(f"the box {left},{top},{width},{height} has no area")
    return left, top, width, height


def _whole(text: str, name: str) -> int:
    try:
        return round(float(text))
    except (ValueError, OverflowError):
        raise ValueError(f"{name}: {text[:20]!r} is no number of pixels") from None
