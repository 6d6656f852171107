"""What a spreadsheet makes of a cell is undone, or named."""

from __future__ import annotations

import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.utils.cells import SpoiltCell, clean, heading_key, problem_of, text_of, whole_number


@given(st.integers(-(10**14), 10**14))
def test_a_whole_number_is_read_in_every_form(number):
    forms = [str(number), f"{number}.0", f"{number}.", f"{number},0", f"\u00a0{number} ", f"{number:+d}"]
    assert [whole_number(form) for form in forms] == [number] * len(forms)
    assert whole_number(text_of(float(number))) == number


@given(st.integers(0, 999), st.integers(0, 9))
def test_zeros_before_and_exponents(number, exponent):
    assert whole_number(f"{number:06d}") == number
    assert whole_number(f"{number}e{exponent}") == number * 10**exponent
    assert whole_number(f"{number}.00E+{exponent:02d}") == number * 10**exponent


@pytest.mark.parametrize(
    "text",
    ["", " ", "three", "3.5", "3,5", "1,000", "1.000,0", "1_000", "1 000", "٣", "0x10", "nan", "inf", "1e999",
     "1e-1", "--1", "9" * 16, "9" * 5000, "1e99999999999", "5-Jan"],
)  # fmt: skip
def test_what_is_no_whole_number_is_refused(text):
    with pytest.raises(ValueError, match="no whole number") as caught:
        whole_number(text)
    assert len(str(caught.value)) < 60


@given(st.text())
def test_any_text_is_a_whole_number_or_refused_in_words(text):
    try:
        assert isinstance(whole_number(text), int)
    except ValueError as error:
        assert "no whole number" in str(error)


@given(st.text())
def test_clean_text_stays_clean(text):
    assert clean(clean(text)) == clean(text)
    assert clean(f"\ufeff\u00a0{text}\u2003\u200b") == clean(text)


@pytest.mark.parametrize(
    "heading",
    [
        "Onset Frame",
        "onset_frame",
        " ONSET\u00a0FRAME ",
        "OnsetFrame",
        "Onset\nFrame",
        "onset (frame)",
        "\ufeffonset-frame",
    ],
)
def test_one_heading(heading):
    assert heading_key(heading) == "onsetframe"


def test_letters_with_marks_are_other_letters():
    assert heading_key("Émotion") != heading_key("Emotion")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, ""),
        (46.0, "46"),
        (46, "46"),
        (4.5, "4.5"),
        (True, "True"),
        ("006", "006"),
        (-1.0, "-1"),
        (1e300, None),
    ],
)
def test_values_of_a_workbook(value, text):
    assert text_of(value) == (str(int(1e300)) if text is None else text)
    assert not problem_of(text_of(value))


@pytest.mark.parametrize(
    "value",
    [
        datetime.datetime(2024, 1, 2),
        datetime.date(2024, 1, 2),
        datetime.time(1, 2),
        datetime.timedelta(hours=30),
    ],
)
def test_a_date_is_said_to_be_one(value):
    text = clean(text_of(value))
    assert isinstance(text, SpoiltCell)
    assert "holds a date" in problem_of(text)
    assert not text.endswith("00:00:00") or not isinstance(value, datetime.datetime)


@pytest.mark.parametrize(
    "text", ["#N/A", "#REF!", "#value!", "#NAME?", "#DIV/0!", "####", "2-Jan", "Jan-02", "02-Mar"]
)
def test_what_a_spreadsheet_spoilt(text):
    assert any(word in problem_of(text) for word in ("repair the formula", "looks like a date"))


@pytest.mark.parametrize("text", ["", "joy", "#1", "EP02_01f", "1-2", "march-on", "s-10", "006_1_2"])
def test_what_it_did_not(text):
    assert problem_of(text) == ""
