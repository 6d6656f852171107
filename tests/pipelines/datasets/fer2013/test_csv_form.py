"""The CSV parser: every row is read as written, or named."""

import csv
import io
import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from pipelines.datasets.fer2013.csv_form import NUMBERS, USAGES, parse_pixels, read_rows
from pipelines.utils.table_text import open_text

GOOD = " ".join(["7"] * 2304)
PIXELS = arrays(np.uint8, (48, 48))
HEADERS = {
    "plain": "emotion,pixels,Usage",
    "icml": "emotion, Usage, pixels",
    "other": ' USAGE ,"Emotion",Pixels,x',
}


def line(form, emotion, usage, pixels):
    cells = {
        "plain": [emotion, pixels, usage],
        "icml": [emotion, usage, pixels],
        "other": [usage, emotion, pixels, "?"],
    }
    return ",".join(cells[form]) + "\n"


def one(text, form="plain"):
    return list(read_rows([HEADERS[form] + "\n", text], "fer2013.csv"))


@settings(deadline=None)
@given(
    rows=st.lists(
        st.tuples(st.integers(0, 6), st.sampled_from(["Training", "PublicTest", "PrivateTest"]), PIXELS),
        max_size=4,
    ),
    form=st.sampled_from(list(HEADERS)),
    newline=st.sampled_from(["\n", "\r\n"]),
)
def test_round_trip(rows, form, newline):
    lines = [HEADERS[form] + newline]
    for number, usage, picture in rows:
        lines.append(line(form, str(number), usage, " ".join(map(str, picture.ravel()))).strip() + newline)
    found = list(read_rows(lines, "x"))
    assert [n for n, *_ in found] == list(range(1, len(rows) + 1))
    for (_, split, emotion, image), (number, usage, picture) in zip(found, rows, strict=True):
        assert (split, emotion) == (USAGES[usage.lower()], NUMBERS[number])
        np.testing.assert_array_equal(image, picture)


def test_numbers_are_the_sets_own():
    found = [one(line("plain", str(k), "Training", GOOD))[0][2] for k in range(7)]
    assert found == ["angry", "disgust", "fear", "happy", "sad", "surprise", "neutral"]


@settings(deadline=None)
@given(st.text(max_size=40) | st.binary(max_size=40).map(lambda b: b.decode("latin-1")))
def test_pixels_are_read_or_refused(text):
    with pytest.raises(ValueError, match="pixels"):
        parse_pixels(text)


@settings(deadline=None)
@given(arrays(np.int64, 2304, elements=st.integers(0, 300)), st.sampled_from([" ", "  "]))
def test_pixels_in_range(values, between):
    text = between.join(map(str, values))
    if values.max() > 255:
        with pytest.raises(ValueError, match="above 255"):
            parse_pixels(text)
    else:
        np.testing.assert_array_equal(parse_pixels(text).ravel(), values)


@pytest.mark.parametrize(
    ("text", "what"),
    [
        (f"0,{GOOD}", "only 2 columns"),
        ("0", "only 1 column"),
        (f"0,{GOOD[:-2]},Training", "2,303 pixels"),
        (f"0,{GOOD} 7,Training", "2,305 pixels"),
        ("0,,Training", "0 pixels"),
        (f"7,{GOOD},Training", "emotion '7'"),
        (f"-1,{GOOD},Training", "emotion '-1'"),
        (f"angry,{GOOD},Training", "emotion 'angry'"),
        (f"0,{GOOD},Testing", "Usage 'Testing'"),
        (f"0,{GOOD.replace('7', '256', 1)},Training", "above 255"),
        (f"0,{GOOD.replace('7', '-7', 1)},Training", "something other"),
        (f"0,{GOOD.replace('7', '7.5', 1)},Training", "something other"),
        (f"0,{GOOD.replace('7', '٧', 1)},Training", "something other"),
        (f"0,{GOOD.replace('7', '9' * 30, 1)},Training", "above 255"),
        (f"0,{GOOD.replace('7', '', 1)},Training", "2,303 pixels"),
        (f'0,"{GOOD},Training', "columns"),
        (f"0,{'7 ' * 70_000},Training", "a cell has no end; save it again"),
    ],
)
def test_a_bad_row_is_named(text, what):
    good = line("plain", "0", "Training", GOOD)
    with pytest.raises(ValueError, match=what) as caught:
        list(read_rows(["emotion,pixels,Usage\n", good, "\n", text + "\n"], "fer2013.csv"))
    assert str(caught.value).startswith("fer2013.csv, line 4: ")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
@pytest.mark.parametrize("quoting", [csv.QUOTE_MINIMAL, csv.QUOTE_ALL])
def test_every_dialect_is_the_same_set(delimiter, encoding, quoting):
    text = io.StringIO(newline="")
    write = csv.writer(text, delimiter=delimiter, quoting=quoting)
    write.writerow(["", " Emotion\u00a0", "Pixels", "USAGE", "note"])
    for k in range(7):
        write.writerow([k, f"{k}.0", GOOD, " Public Test", ""])
        write.writerows([[], ["", "", "", "", ""], ["", " ", "", "\u00a0", ""]])
    lines = open_text(io.BytesIO(text.getvalue().encode(encoding)))
    found = list(read_rows(lines, "x.csv"))
    assert [(n, split, emotion) for n, split, emotion, _ in found] == [
        (k + 1, "public", NUMBERS[k]) for k in range(7)
    ]
    assert all((image == 7).all() for *_, image in found)


def test_a_table_is_streamed():
    """No more of the file is held than the rows in which the header is looked for."""
    taken = itertools.count()
    rows = (line("plain", "0", "Training", GOOD) for _ in zip(range(10_000), taken, strict=False))
    reader = read_rows(itertools.chain([HEADERS["plain"] + "\n"], rows), "x.csv")
    assert [next(reader)[0] for _ in range(100)] == list(range(1, 101))
    assert next(taken) < 150


@pytest.mark.parametrize(
    "text",
    [
        GOOD.replace(" ", "\u00a0"),
        GOOD.replace(" ", "\t"),
        GOOD.replace(" ", "\n"),
        GOOD.replace("7", "7.0"),
        f" {GOOD} ",
    ],
)
def test_pixels_that_went_through_a_spreadsheet_or_a_data_frame(text):
    assert (parse_pixels(text) == 7).all()


@pytest.mark.parametrize(
    "emotion", ["", "1,5", "0.5", "1e1", "-0.1", "True", "٣", "0_1", "nan", "00000000000000000"]
)
def test_an_emotion_that_is_none(emotion):
    with pytest.raises(ValueError, match=r"line 2: emotion .* is not a number from 0 to 6; correct it"):
        one(f'"{emotion}",{GOOD},Training')


@pytest.mark.parametrize(
    ("header", "column"),
    [("", "emotion"), ("emotion,pixels", "usage"), ("pixels", "emotion"), ("0,7 7 7,Training", "emotion")],
)
def test_a_missing_column_is_named(header, column):
    with pytest.raises(KeyError, match=column):
        list(read_rows([header], "x"))


def test_no_text(tmp_path):
    path = tmp_path / "x.csv"
    path.write_bytes(b"emotion,pixels,Usage\n\xff\xfe\x00")
    with path.open(encoding="utf-8") as lines, pytest.raises(ValueError, match="not a text file"):
        list(read_rows(lines, "x.csv"))
