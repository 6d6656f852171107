"""Coding sheets as they come: saved by spreadsheets, with several expressions in one recording."""

from __future__ import annotations

import csv
import datetime
import io
import logging
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest
from openpyxl import Workbook

from pipelines.datasets import registry

HEAD = ["subject", "clip", "onset", "apex", "offset", "label"]


def frames(folder: Path, n: int = 30) -> None:
    """Write frames whose grey level is their number; their corner is the clip's own."""
    folder.mkdir(parents=True, exist_ok=True)
    own = np.frombuffer(zlib.crc32("/".join(folder.parts[-2:]).encode()).to_bytes(4, "big"), np.uint8)
    for k in range(1, n + 1):
        image = np.full((12, 12), k, np.uint8)
        image[8:, 8:] = own[:, None]
        cv2.imwrite(str(folder / f"img{k}.png"), image)


def levels(clip: np.ndarray) -> list[int]:
    return clip[:, 0, 0].tolist()


def write(path: Path, rows, delimiter=",", encoding="utf-8") -> None:
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=delimiter).writerows([HEAD, *rows])
    path.write_bytes(text.getvalue().encode(encoding))


def workbook(path: Path, rows, *, head=HEAD, before=()) -> None:
    book = Workbook()
    for name in before:
        book.create_sheet(name, 0).append(["read me"])
    for row in [head, *rows]:
        book.worksheets[-1].append(list(row))
    book.save(path)


@pytest.fixture
def recordings(tmp_path: Path) -> Path:
    root = tmp_path / "c"
    for subject in "ab":
        for k in (1, 2):
            frames(root / subject / f"v{k}")
    return root


TWO_EACH = [
    ["a", "v1", 2, 5, 9, "joy"],
    ["a", "v1", 15, 18, 25, "anger"],
    ["a", "v2", 3, 6, 12, "joy"],
    ["b", "v1", 2, 5, 9, "joy"],
    ["b", "v2", 3, 6, 12, "anger"],
]


def test_rows_with_other_onsets_are_clips_of_their_own(recordings):
    write(recordings / "sheet.csv", TWO_EACH)
    data = registry.load("clips", path=recordings)
    assert data.ids.tolist() == ["a/v1@2", "a/v1@15", "a/v2", "b/v1", "b/v2"]
    assert [data.classes[y] for y in data.labels] == ["joy", "anger", "joy", "joy", "anger"]
    assert [levels(data.samples[i]) for i in (0, 1)] == [list(range(2, 10)), list(range(15, 26))]
    assert data.groups.tolist() == ["a", "a", "a", "b", "b"]
    assert not data.faults
    to_apex = registry.load("clips", path=recordings, span="onset-apex")
    assert levels(to_apex.samples[1]) == list(range(15, 19))


def test_whole_recordings_with_several_expressions_are_refused_one_by_one(recordings):
    write(recordings / "sheet.csv", TWO_EACH)
    data = registry.load("clips", path=recordings, span="whole")
    assert data.ids.tolist() == ["a/v2", "b/v1", "b/v2"]
    assert len(data.faults) == 2
    assert "span='whole' cannot part them" in data.faults[0].reason


@pytest.mark.parametrize(
    ("row", "kept", "why"),
    [
        ("a,v2,3.0,6,12,Joy ", "v1@2 v1@15 v2", "row 7|this row more than once; the first is row 4"),
        ("a,v1,2,5,9,joy", "v1@2 v1@15 v2", "row 7|this row more than once; the first is row 2"),
        ("a,v1,2,5,9,anger", "v1@15 v2", "row 2|more than once with onset 2 (rows 2, 7), and they differ"),
        ("a,v2,,,,joy", "v1@2 v1@15", "row 4|more than once (rows 4, 7), without onset in row 7"),
        ("a,v2,20,22,25,joy", "v1@2 v1@15 v2@3 v2@20", ""),
        ("a,v2,1,2,,joy", "v1@2 v1@15 v2@3", "row 7|names no offset, and another expression begins at 3"),
        ("a,v2,20,22,,joy", "v1@2 v1@15 v2@3 v2@20", ""),
        ("a,v2,25,26,20,joy", "v1@2 v1@15 v2@3", "a/v2, onset 25|lies after offset 20"),
        ("a,v2,25,26,99,joy", "v1@2 v1@15 v2@3", "a/v2, onset 25|frame, 99, is not among"),
    ],
)
def test_rows_of_one_recording_are_told_apart_or_named_once(recordings, row, kept, why, caplog):
    write(recordings / "sheet.csv", [*TWO_EACH, row.split(",")])
    data = registry.load("clips", path=recordings)
    assert [i for i in data.ids.tolist() if i[0] == "a"] == [f"a/{name}" for name in kept.split()]
    if not why:
        assert not data.faults
        return
    (fault,) = data.faults
    place, reason = why.split("|")
    assert fault.path.endswith(place)
    assert reason in fault.reason
    assert caplog.text.count(fault.reason) == 1


@pytest.mark.parametrize("span", ["onset-offset", "onset-apex"])
def test_an_apex_at_the_onset_is_searched_and_said(recordings, span, caplog):
    rows = [row[:3] + [row[2] if row[1] == "v2" else row[3], *row[4:]] for row in TWO_EACH]
    write(recordings / "sheet.csv", rows)
    data = registry.load("clips", path=recordings, span=span)
    assert not data.faults
    assert "sheet.csv, row 4, 6: the apex is the onset" in caplog.text
    assert "the frame that differs most from the onset is used instead" in caplog.text
    at = data.ids.tolist().index("a/v2")
    assert levels(data.samples[at]) == list(range(3, 13))  # the grey level grows to the last frame


@pytest.mark.parametrize(
    ("row", "why"),
    [
        (["b", "v1", 9, 2, 20, "joy"], "onset 9 lies after apex 2; correct the row, or empty"),
        (["b", "v1", 2, 25, 20, "joy"], "after offset 20; correct the row, or empty the cell of the apex"),
        (["b", "v1", 15, "", 0, "joy"], "after offset 0; correct the row, or empty the cell of the offset"),
        (["b", "v1", 2, 5, 9, ""], "the row names no label"),
        (["b", "v1", 2, 5, 9, "#N/A"], "label: the spreadsheet wrote #N/A there"),
        (["b", "v1", "2-Jan", 5, 9, "joy"], "onset is no frame number: '2-Jan' looks like a date"),
        (["b", "v1", "1_0", 5, 9, "joy"], "onset '1_0' is no frame number"),
        (["b", "v1", "1,000", 5, 9, "joy"], "onset '1,000' is no frame number"),
        (["b", "2-Jan", 2, 5, 9, "joy"], "b holds v1, v2; '2-Jan' looks like a date that a spreadsheet made"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_with_what_to_do_instead(recordings, row, why):
    write(recordings / "sheet.csv", [*(r for r in TWO_EACH if r[:2] != ["b", "v1"]), row])
    (fault,) = registry.load("clips", path=recordings).faults
    assert why in fault.reason


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "cp1252"])
def test_every_dialect_is_the_same_set(recordings, delimiter, encoding):
    write(recordings / "sheet.csv", TWO_EACH)
    expected = registry.load("clips", path=recordings)
    spoilt = [
        [s.upper() + "\u00a0", c, f"{a}.0", b, f"{z:03d}", f" {label.title()} "]
        for s, c, a, b, z, label in TWO_EACH
    ]
    write(recordings / "sheet.csv", spoilt + [[""] * 6] * 3, delimiter, encoding)
    data = registry.load("clips", path=recordings)
    assert data.fingerprint == expected.fingerprint
    assert data.ids.tolist() == expected.ids.tolist()
    assert data.groups.tolist() == expected.groups.tolist()
    assert data.classes == expected.classes


def test_a_date_that_excel_made_of_an_id(recordings):
    rows = [*TWO_EACH, [datetime.date(2024, 1, 2), "v1", 2, 5, 9, "joy"]]
    workbook(recordings / "sheet.xlsx", rows)
    (fault,) = registry.load("clips", path=recordings).faults
    assert "the workbook holds a date there (2024-01-02); format the column as text" in fault.reason
    frames(recordings / "2024-01-02" / "v1")  # unless a folder is called so
    data = registry.load("clips", path=recordings)
    assert not data.faults
    assert "2024-01-02" in data.groups


def test_a_formula_without_a_stored_value(recordings):
    workbook(recordings / "sheet.xlsx", [*TWO_EACH[:4], ["b", "v2", 3, 6, "=C6+9", "anger"]])
    (fault,) = registry.load("clips", path=recordings).faults
    assert "offset is no frame number: =C6+9 is a formula whose value was not stored" in fault.reason


CASME2 = ["Subject", "Filename", "OnsetFrame", "ApexFrame", "OffsetFrame", "Estimated Emotion"]


@pytest.mark.parametrize("subject", ["sub{:02d}", "sub{}", "{}", "S{:02d}"])
@pytest.mark.parametrize("inside", ["", "Cropped", "Cropped-updated/Cropped"])
def test_casme2_as_it_is_unpacked(tmp_path, subject, inside):
    rows = []
    for number in (1, 2, 10):
        for k, emotion in enumerate(("happiness", "Disgust ")):
            frames(tmp_path / inside / subject.format(number) / f"EP0{k}_01f", 10)
            rows.append([number, f"EP0{k}_01f", 2, 5, 9, emotion])
    workbook(tmp_path / "CASME2-coding.xlsx", rows, head=CASME2, before=["about"])
    data = registry.load("casme2", path=tmp_path)
    assert data.classes == ("happiness", "disgust")
    assert sorted(set(data.groups.tolist())) == sorted(subject.format(n) for n in (1, 2, 10))
    assert not data.faults


def test_samm_one_folder_deeper_with_zeros_lost(tmp_path):
    rows = []
    for subject in ("006", "011"):
        for k, emotion in enumerate(("Anger", "Happiness"), start=1):
            frames(tmp_path / "SAMM" / subject / f"{subject}_{k}_1", 10)
            rows.append([int(subject), f"{int(subject)}_{k}_1", 2, 5, 9, emotion])
    workbook(tmp_path / "SAMM.xlsx", rows, head=CASME2)
    data = registry.load("samm", path=tmp_path)
    assert data.groups.tolist() == ["006", "006", "011", "011"]
    assert data.ids[0] == "SAMM/006/006_1_1"


def test_smic_in_other_case(tmp_path):
    for subject, label in (("S01", "Negative"), ("S02", "POSITIVE")):
        frames(tmp_path / "HS" / subject / "Micro" / label / "x1", 6)
    assert registry.load("smic", path=tmp_path).classes == ("negative", "positive")


def test_the_sheet_may_lie_a_folder_below_and_other_tables_get_advice(recordings):
    (recordings / "codes").mkdir()
    write(recordings / "codes" / "sheet.csv", TWO_EACH)
    (recordings / "codes" / "~$sheet.xlsx").write_bytes(b"")
    assert len(registry.load("clips", path=recordings)) == 5
    (recordings / "sheet.xls").write_bytes(bytes.fromhex("d0cf11e0a1b11ae1"))
    with pytest.raises(ValueError, match=r"sheet\.xls: an old workbook \(\.xls\); save it as"):
        registry.load("clips", path=recordings)


def test_many_faults_are_counted_and_none_is_named_twice(recordings, caplog):
    write(recordings / "sheet.csv", TWO_EACH + [["a", f"z{k}", 1, 2, 3, "joy"] for k in range(30)])
    with caplog.at_level(logging.WARNING):
        assert len(registry.load("clips", path=recordings).faults) == 30
    assert caplog.text.count("left out ") == 20
    assert "and 10 more; mueca data audit --out FOLDER lists them all" in caplog.text


def test_the_command_names_each_fault_once(recordings, capfd):
    import cli

    write(recordings / "sheet.csv", [*TWO_EACH, ["a", "v9", 1, 2, 3, "joy"]])
    with pytest.raises(SystemExit) as left:
        cli.main(["featurize", "--data", f'clips(path="{recordings}")', "--backbone", "pooled(of='hog')"])
    assert left.value.code == cli.PARTLY
    assert capfd.readouterr().err.count("no folder of frames for a/v9") == 1
