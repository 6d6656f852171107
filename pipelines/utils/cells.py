"""Cells of tables that people made: text, headings and whole numbers, whatever a spreadsheet did to them."""

from __future__ import annotations

import datetime
import math
import re
import unicodedata
from typing import Any

_INVISIBLE = re.compile("[\x00-\x08\x7f\u00ad\u200b-\u200f\u2060\ufeff]")
_WHOLE = re.compile(r"([+-]?\d{1,15})(?:\.0*|,00?)?", re.ASCII)
_SCIENTIFIC = re.compile(r"[+-]?\d{1,15}(?:\.\d*)?[eE][+-]?\d{1,2}", re.ASCII)
#: What a spreadsheet shows for a formula that failed, and for a column that was too narrow when it was saved.
_FAILED = re.compile(r"#(?:N/A|REF!|VALUE!|NAME\?|DIV/0!|NUM!|NULL!|SPILL!|CALC!)|#{3,}", re.IGNORECASE)
_MONTH = "jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec"
_DATE = re.compile(rf"\d{{1,4}}[-. ](?:{_MONTH})[a-z]*|(?:{_MONTH})[a-z]*[-. ]\d{{1,4}}", re.IGNORECASE)


class SpoiltCell(str):
    """The text of a cell that is not what was typed into it; `problem` says why, and what to do."""

    problem: str

    def __new__(cls, text: str, problem: str) -> SpoiltCell:
        """Make the text with its problem."""
        cell = super().__new__(cls, text)
        cell.problem = problem
        return cell


def problem_of(text: str) -> str:
    """Return why a cell is not what was typed into it; empty if nothing speaks against it."""
    if isinstance(text, SpoiltCell):
        return text.problem
    if _FAILED.fullmatch(text):
        return f"the spreadsheet wrote {text} there; repair the formula, or type the value"
    if _DATE.fullmatch(text):
        return f"{text!r} looks like a date that a spreadsheet made; format the column as text, type it again"
    return ""


def clean(text: str) -> str:
    """Return the text with one plain space for each run of any spaces, none at its ends.

    Non-breaking spaces are spaces; marks without width are dropped. A `SpoiltCell` stays one.
    """
    cleaned = " ".join(_INVISIBLE.sub("", text).split())
    return SpoiltCell(cleaned, text.problem) if isinstance(text, SpoiltCell) else cleaned


def heading_key(text: str) -> str:
    """Return what two spellings of one heading share: lower case, letters and digits only."""
    return "".join(c for c in unicodedata.normalize("NFKC", text).casefold() if c.isalnum())


def whole_number(text: str) -> int:
    """Return the whole number that a cell holds: 6, 06, 6.0, "6,0" or 6e0.

    Thousands separators are refused: 1,000 is one thousand to some spreadsheets and one to others.

    Raises
    ------
    ValueError
        If it is no such number, or has more than 15 digits.
    """
    text = clean(text)
    if whole := _WHOLE.fullmatch(text):
        return int(whole.group(1))
    value = float(text) if _SCIENTIFIC.fullmatch(text) else math.nan
    if not value.is_integer() or abs(value) >= 1e15:
        raise ValueError(f"{text[:20]!r} is no whole number")
    return int(value)


def text_of(value: Any) -> str:
    """Return a workbook's value as text: whole numbers without a point, as Excel keeps 46 as 46.0."""
    if value is None:
        return ""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, datetime.datetime | datetime.date | datetime.time | datetime.timedelta):
        text = str(value).removesuffix(" 00:00:00")
        return SpoiltCell(
            text, f"the workbook holds a date there ({text}); format the column as text, type it again"
        )
    return str(value)
