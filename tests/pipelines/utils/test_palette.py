"""Colours are defined once, and told apart."""

import re

import pytest

from pipelines.utils import figures, palette
from tests.helpers.rooms import ROOT


def luminance(colour):
    """Return the relative luminance of WCAG 2."""
    parts = [c / 255 for c in colour]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return sum(weight * c for weight, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def contrast(a, b):
    low, high = sorted((luminance(a), luminance(b)))
    return (high + 0.05) / (low + 0.05)


def test_charts_are_drawn_in_the_palette():
    assert figures.COLOURS == ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#1f2328",
                               "#7f7f7f", "#8c564b", "#764ec8", "#8c8c00", "#005f5f")  # fmt: skip
    assert len(set(palette.LINES)) == len(palette.LINES) and len(set(palette.BOXES)) == len(palette.BOXES)


@pytest.mark.parametrize("colour", palette.LINES)
def test_lines_are_seen_on_white(colour):
    assert contrast(colour, (255, 255, 255)) > 2


@pytest.mark.parametrize("colour", [c for c in palette.LINES if c != palette.INK])
def test_lines_are_seen_on_the_dark_page(colour):
    assert contrast(colour, (20, 23, 26)) > 2


@pytest.mark.parametrize("colour", palette.BOXES)
def test_black_text_is_read_on_boxes(colour):
    assert contrast(colour, (0, 0, 0)) > 3.5


def test_no_other_file_of_code_has_colours_of_its_own():
    written = re.compile(r"#[0-9a-fA-F]{6}\b")
    for path in (ROOT / "pipelines").rglob("*.py"):
        assert set(written.findall(path.read_text("utf-8"))) <= {"#ffffff", "#000000"}, path
