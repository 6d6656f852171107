"""A table of files and labels is a data set, however it was saved; what is wrong with it is named."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from openpyxl import Workbook
from PIL import Image

from pipelines.datasets import registry
from pipelines.datasets.synthetic.faces import load as draw

HEAD = ("file", "label", "split", "subject")
LABELS = ("angry", "happy", "sad")


@pytest.fixture(scope="module")
def drawn():
    """Return 18 synthetic faces."""
    return draw(n_per_class=3, seed=4).samples


@pytest.fixture
def faces(tmp_path, drawn):
    """Return a folder of 12 images, and rows that list them: four persons, three of them in train."""
    (tmp_path / "images").mkdir()
    rows = []
    for i in range(12):
        name = f"images/{i:03d}.png"
        Image.fromarray(drawn[i]).save(tmp_path / name)
        rows.append((name, LABELS[i % 3], "test" if i >= 9 else "train", f"s{i // 3}"))
    return tmp_path, rows


def text(rows, head=HEAD, delimiter=",") -> str:
    out = io.StringIO(newline="")
    csv.writer(out, delimiter=delimiter).writerows([head, *rows])
    return out.getvalue()


def as_csv(path: Path, rows, head=HEAD):
    path.write_text(text(rows, head), newline="")


def as_tsv(path: Path, rows, head=HEAD):
    path.write_text(text(rows, head, "\t"), newline="")


def as_xlsx(path: Path, rows, head=HEAD):
    book = Workbook()
    book.active.append(["version 2 of the labels"])
    sheet = book.create_sheet("labels")
    for row in (head, *rows):
        sheet.append(row)
    book.save(path)


def as_parquet(path: Path, rows, head=HEAD):
    pq.write_table(pa.table({name: [row[i] for row in rows] for i, name in enumerate(head)}), path)


def as_jsonl(path: Path, rows, head=HEAD):
    path.write_text("".join(json.dumps(dict(zip(head, row, strict=True))) + "\n" for row in rows))


FORMS = {".csv": as_csv, ".tsv": as_tsv, ".xlsx": as_xlsx, ".parquet": as_parquet, ".jsonl": as_jsonl}


def loaded(path, **options):
    return registry.load(path, cache=path.parent / "cache", **options)


def refused(path, *words, **options):
    with pytest.raises((ValueError, OSError)) as caught:
        loaded(path, **options)
    line = str(caught.value)
    assert "\n" not in line
    assert all(word in line for word in words), line


@pytest.mark.parametrize("ending", FORMS)
def test_a_table_in_every_form_is_the_same_set(ending, faces, drawn):
    root, rows = faces
    FORMS[ending](root / f"faces{ending}", rows)
    data = loaded(root / f"faces{ending}")
    assert data.name == "faces"
    assert data.classes == LABELS
    assert data.ids.tolist() == [row[0] for row in rows]
    assert [data.classes[y] for y in data.labels] == [row[1] for row in rows]
    assert data.split.tolist() == [row[2] for row in rows]
    assert data.groups.tolist() == [row[3] for row in rows]
    assert not data.faults
    assert all(np.array_equal(data.samples[i], drawn[i]) for i in range(12))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_dialects_and_empty_rows_at_the_end(encoding, delimiter, faces):
    root, rows = faces
    end = (delimiter * 3 + "\r\n") * 4
    content = (
        text([(f, word.replace("angry", "ängry"), *more) for f, word, *more in rows], HEAD, delimiter) + end
    )
    (root / "faces.csv").write_bytes(content.encode(encoding))
    data = loaded(root / "faces.csv")
    assert (len(data), data.classes) == (12, ("happy", "sad", "ängry"))


def test_other_names_of_columns(faces):
    root, rows = faces
    as_csv(root / "a.csv", rows, ("Datei", "Gefühl", "Usage", "who"))
    refused(root / "a.csv", "no column for file, label", "Datei, Gefühl")
    data = loaded(root / "a.csv", columns="file=Datei,label=gefühl,subject=who")
    assert data.split.tolist().count("test") == 3
    assert data.groups is not None
    refused(root / "a.csv", "unknown name 'labels'", "did you mean 'label'", columns="labels=Gefühl")
    refused(root / "a.csv", "no column for label", "emotio", columns="file=Datei,label=emotion")
    refused(root / "a.csv", "cannot read 'file'", columns="file")


def test_a_column_that_is_there_twice(faces):
    root, rows = faces
    as_csv(root / "a.csv", rows, ("file", "label", "label", "subject"))
    refused(root / "a.csv", "two columns are called 'label'")


def test_numbers_are_labels_whatever_a_spreadsheet_made_of_them(faces):
    root, rows = faces
    as_csv(root / "a.csv", [(f, ("0.0", "1", "02")[i % 3], *more) for i, (f, _, *more) in enumerate(rows)])
    assert loaded(root / "a.csv").classes == ("0", "1", "2")
    data = loaded(root / "a.csv", labels="0=angry,1=happy,2=sad")
    assert [data.classes[y] for y in data.labels] == [row[1] for row in rows]


def test_case_and_spaces_of_labels_do_not_matter(faces):
    root, rows = faces
    words = {"angry": (" Angry", "angry", "ANGRY "), "happy": ("Happy\u00a0", "happy", "happy")}
    as_csv(
        root / "a.csv",
        [(f, words.get(word, (word,) * 3)[i // 3 % 3], *m) for i, (f, word, *m) in enumerate(rows)],
    )
    assert loaded(root / "a.csv").classes == LABELS


def test_a_map_that_misses_a_label_names_it_with_its_count(faces):
    root, rows = faces
    as_csv(root / "a.csv", rows)
    refused(root / "a.csv", "the map of labels misses 'sad' (4)", "sad=CLASS", labels="angry=a,happy=h")
    refused(root / "a.csv", "labels: 'Angry' is there twice", labels="angry=a,Angry=h")
    data = loaded(root / "a.csv", labels="angry=a,happy=h,sad=")
    assert (len(data), data.classes) == (8, ("a", "h"))
    assert data.ignored["images labelled sad (left out by the map)"] == 4
    assert loaded(root / "a.csv", labels={"angry": "low", "happy": "high", "sad": "low"}).classes == (
        "high",
        "low",
    )


@pytest.mark.parametrize(
    "written",
    ["images\\{:03d}.png", ".\\images\\{:03d}.png", "images/{:03d}.PNG", "images/{:03d}", "images/{}.png",
     "images/{}"],
)  # fmt: skip
def test_files_as_people_write_them(written, faces):
    root, rows = faces
    as_csv(root / "a.csv", [(written.format(i), *rows[i][1:]) for i in range(12)])
    assert loaded(root / "a.csv").ids.tolist() == [row[0] for row in rows]


def test_a_name_that_fits_two_files(faces, drawn):
    root, rows = faces
    Image.fromarray(drawn[0]).save(root / "images" / "0003.png")
    as_csv(root / "a.csv", [("images/3", *rows[3][1:]), *rows[:3], *rows[4:]])
    (fault,) = loaded(root / "a.csv").faults
    assert "fits both 0003.png and 003.png" in fault.reason


def test_paths_below_a_root(faces, tmp_path_factory):
    root, rows = faces
    place = tmp_path_factory.mktemp("labels") / "a.csv"
    as_csv(place, [(Path(f).name, *more) for f, *more in rows])
    assert len(loaded(place, root=root / "images")) == 12
    refused(place, "no such file", "12 cannot be used")
    refused(place, "no such folder; --root", root=root / "nowhere")
    as_csv(place, [(str(root / f), *more) for f, *more in rows])
    assert len(loaded(place)) == 12


def test_a_row_without_a_file_and_a_file_without_a_row(faces, drawn, caplog):
    root, rows = faces
    Image.fromarray(drawn[13]).save(root / "images" / "extra.png")
    as_csv(root / "a.csv", [*rows, ("images/gone.png", "happy", "train", "s0"), ("", "sad", "train", "s1")])
    data = loaded(root / "a.csv")
    assert len(data) == 12
    gone = {fault.path: fault.reason for fault in data.faults}
    assert gone[f"{root}/images/gone.png (row 14)"] == "no such file"
    assert gone[f"{root}/a.csv, row 15"] == "the row names no file"
    assert data.ignored["images without a row"] == 1
    assert "the first is images/extra.png" in caplog.text
    refused(root / "a.csv", "row 15: the row names no file", strict=True)


def test_a_file_that_is_listed_twice(faces):
    root, rows = faces
    as_csv(root / "a.csv", [*rows, rows[0], (rows[1][0], "sad", *rows[1][2:])])
    data = loaded(root / "a.csv")
    assert rows[0][0] in data.ids
    assert rows[1][0] not in data.ids  # nobody knows which of its labels is right
    assert sorted(f.reason for f in data.faults) == [
        "listed more than once; the first is row 2",
        "listed with two labels, 'happy' (row 3) and 'sad' (row 15); keep one row",
    ]


def test_cells_that_a_spreadsheet_spoilt(faces):
    root, rows = faces
    as_csv(
        root / "a.csv", [*rows[:10], (rows[10][0], "#N/A", *rows[10][2:]), (rows[11][0], "", *rows[11][2:])]
    )
    reasons = [fault.reason for fault in loaded(root / "a.csv").faults]
    assert any("repair the formula" in reason for reason in reasons)
    assert any("the row names no label" in reason for reason in reasons)
    book = Workbook()
    book.active.append(HEAD)
    for row in rows[:11]:
        book.active.append(row)
    book.active.append((rows[11][0], "=B2", *rows[11][2:]))
    book.save(root / "b.xlsx")
    (fault,) = loaded(root / "b.xlsx").faults
    assert "row 13" in fault.path
    assert "a formula whose value was not stored" in fault.reason


def test_rows_without_a_subject_stay_together_where_others_have_one(faces, caplog):
    """Not to know a person is no licence to have others on both sides."""
    root, rows = faces
    as_csv(
        root / "a.csv",
        [(f, label, "train", "" if i in (3, 8) else s) for i, (f, label, _, s) in enumerate(rows)],
    )
    data = loaded(root / "a.csv")
    assert data.groups.tolist().count("unknown") == 2
    assert len(set(data.groups.tolist())) == 5
    assert data.notes == ("2 rows name no subject; they stay together, as one person called unknown",)
    assert "one person called unknown" in caplog.text
    as_csv(root / "b.csv", [(*row[:3], "") for row in rows])
    assert loaded(root / "b.csv").groups is None
    as_csv(root / "c.csv", [(*row[:3], "" if i in (0, 11) else row[3]) for i, row in enumerate(rows)])
    refused(root / "c.csv", "subject unknown is in")


def test_what_programs_write_for_nothing(faces):
    root, rows = faces
    bad = ((rows[9][0], "nan", *rows[9][2:]), (rows[10][0], "<NA>", *rows[10][2:]), ("NaN", *rows[11][1:]))
    as_csv(root / "a.csv", [*rows[:9], *bad])
    data = loaded(root / "a.csv")
    assert data.classes == LABELS
    assert [fault.reason for fault in data.faults] == ["the row names no label"] * 2 + [
        "the row names no file"
    ]
    votes = [(f, "NaN", 3, 1, 0) for f, *_ in rows]
    as_csv(root / "b.csv", votes, ("file", "label", *VOTES))
    assert set(loaded(root / "b.csv").labels.tolist()) == {0}


def test_bytes_of_nothing_in_cells_are_dropped(faces):
    root, rows = faces
    (root / "a.csv").write_text(text([(f, f"{label}\0", *more) for f, label, *more in rows]))
    assert loaded(root / "a.csv").classes == LABELS


def test_an_address_is_no_file(faces):
    root, rows = faces
    as_csv(root / "a.csv", [*rows[:11], ("https://example.org/face.jpg", *rows[11][1:])])
    (fault,) = loaded(root / "a.csv").faults
    assert "an address, and no file; download the image" in fault.reason


def test_labels_of_tied_votes_are_counted(faces, caplog):
    root, rows = faces
    as_csv(root / "a.csv", [(f, 2, 2 if i < 5 else 1, 0) for i, (f, *_) in enumerate(rows)], ("file", *VOTES))
    data = loaded(root / "a.csv", labels="angry=angry,happy=happy,sad=sad")
    assert set(data.labels.tolist()) == {0}
    (note,) = data.notes
    assert note == "5 of 12 labels are one of several classes with equally many votes"
    assert note in caplog.text


def test_splits_as_people_write_them(faces):
    root, rows = faces
    words = ["Training"] * 6 + ["PublicTest"] * 3 + ["PrivateTest"] * 3
    as_csv(root / "a.csv", [(f, word, w) for (f, word, *_), w in zip(rows, words, strict=True)], HEAD[:3])
    data = loaded(root / "a.csv")
    assert data.test_splits == {"test": ("public", "private"), "public": ("public",), "private": ("private",)}
    assert len(data.where("test")) == 6
    as_csv(root / "b.csv", [(f, word, "fold 7") for f, word, *_ in rows], HEAD[:3])
    refused(root / "b.csv", "split 'fold 7' (12 rows)", "splits='fold 7=test'")
    assert set(loaded(root / "b.csv", splits="fold 7=train").split) == {"train"}


def test_a_person_in_two_splits_is_refused_or_marked(faces):
    root, rows = faces
    as_csv(root / "a.csv", [*rows[:11], (*rows[11][:3], "S0")])
    refused(root / "a.csv", "subject s0 is in train and test (1 subjects", "--allow-leaks")
    data = loaded(root / "a.csv", allow_leaks=True)
    assert data.marks == ("leaky",)
    assert "subject s0 is in train and test" in data.notes[0]


def test_one_person_whose_zeros_were_lost(faces):
    root, rows = faces
    as_csv(
        root / "a.csv",
        [(f, word, "train", ("007", "7", "10")[i % 3]) for i, (f, word, *_) in enumerate(rows)],
    )
    assert set(loaded(root / "a.csv").groups) == {"007", "10"}


def test_boxes(faces, drawn):
    root, rows = faces
    size = drawn[0].shape[0]
    boxed = [(f, word, 2, 4, size // 2, size // 3) for f, word, *_ in rows]
    boxed += [(rows[0][0], "happy", 5, 5, 20, 20)]  # a second face on the same image
    as_csv(root / "a.csv", boxed, ("file", "label", "left", "top", "width", "height"))
    data = loaded(root / "a.csv")
    assert len(data) == 13
    assert data.ids[12] == f"{rows[0][0]}@5,5,20,20"
    assert np.array_equal(data.samples[1], drawn[1][4 : 4 + size // 3, 2 : 2 + size // 2])
    again = loaded(root / "a.csv")  # from the memory
    assert again.fingerprint == data.fingerprint
    as_csv(root / "b.csv", [(*row[:4], row[2] + row[4], row[3] + row[5]) for row in boxed],
           ("file", "label", "x1", "y1", "x2", "y2"))  # fmt: skip
    assert loaded(root / "b.csv").fingerprint == data.fingerprint


@pytest.mark.parametrize(("box", "why"), [
    ((900, 4, 9, 9), "lies outside of the image"), ((1, 1, 0, 5), "has no area"),
    (("a", 1, 2, 3), "is no number of pixels"), ((1, 1, "", 3), "is no number of pixels"),
])  # fmt: skip
def test_boxes_that_cannot_be(box, why, faces):
    root, rows = faces
    good = [(f, word, 1, 1, 20, 20) for f, word, *_ in rows[:11]]
    as_csv(
        root / "a.csv", [*good, (*rows[11][:2], *box)], ("file", "label", "left", "top", "width", "height")
    )
    (fault,) = loaded(root / "a.csv").faults
    assert why in fault.reason


VOTES = ("votes.angry", "votes.happy", "votes.sad")


def test_votes(faces):
    root, rows = faces
    given = [(f, 7 if i % 3 == 0 else 1, 2 if i % 3 == 1 else 0, 3 if i % 3 == 2 else 1)
             for i, (f, *_) in enumerate(rows)]  # fmt: skip
    as_csv(root / "a.csv", given, ("file", *VOTES))
    data = loaded(root / "a.csv")
    assert data.classes == LABELS
    assert np.array_equal(data.votes, [row[1:] for row in given])
    assert data.labels.tolist() == [0, 1, 2] * 4
    assert np.allclose(data.distribution[0], [7 / 8, 0, 1 / 8])
    as_jsonl(root / "b.jsonl", [(f, dict(zip(LABELS, votes, strict=True))) for f, *votes in given],
             ("file", "votes"))  # fmt: skip
    assert loaded(root / "b.jsonl").fingerprint == data.fingerprint
    as_csv(root / "c.csv", given, ("file", "Angry", "Happy", "Sad"))
    named = loaded(root / "c.csv", columns="votes=angry|happy|sad")
    assert np.array_equal(named.votes, data.votes)
    refused(root / "c.csv", "no column for label")
    refused(root / "c.csv", "no column for votes.fear", columns="votes=angry|fear")


def test_votes_beside_labels_and_mapped(faces):
    root, rows = faces
    given = [(f, word, 1, 2, 5) for f, word, *_ in rows]
    as_csv(root / "a.csv", given, ("file", "label", *VOTES))
    data = loaded(root / "a.csv")
    assert [data.classes[y] for y in data.labels] == [row[1] for row in rows]  # the label is believed
    joined = loaded(root / "a.csv", labels="angry=low,happy=high,sad=low")
    assert joined.classes == ("low", "high")
    assert np.array_equal(joined.votes[0], [6, 2])


def test_votes_that_cannot_be(faces):
    root, rows = faces
    good = [(f, 3, 1, 2) for f, *_ in rows[:9]]
    bad = [(rows[9][0], 0, 0, 0), (rows[10][0], "x", 1, 1), (rows[11][0], -1, 3, 3)]
    as_csv(root / "a.csv", [*good, *bad], ("file", *VOTES))
    reasons = [fault.reason for fault in loaded(root / "a.csv", labels="angry=a,happy=h,sad=s").faults]
    assert reasons[0] == "the votes sum to nothing"
    assert all("is no number from 0 on" in reason for reason in reasons[1:])


def test_one_class_only_and_no_rows(faces):
    root, rows = faces
    as_csv(root / "a.csv", [(f, "happy", *more) for f, _, *more in rows])
    refused(root / "a.csv", "one class only (happy)")
    as_csv(root / "a.csv", [])
    refused(root / "a.csv", "no rows below its header")
    (root / "a.csv").write_bytes(b"")
    refused(root / "a.csv", "no column for file, label")


def test_files_that_are_no_such_table(faces):
    root, rows = faces
    (root / "a.jsonl").write_text('{"file": "x"}\nnonsense\n')
    refused(root / "a.jsonl", "line 2 is no JSON")
    (root / "a.jsonl").write_text('{"file": "x"}\n3\n')
    refused(root / "a.jsonl", "line 2 holds something other than objects")
    (root / "a.parquet").write_bytes(b"PAR1" + b"\0" * 40)
    refused(root / "a.parquet", "a damaged Parquet file")
    refused(root / "nowhere.csv", "no such table")
    (root / "a.xls").write_bytes(bytes.fromhex("d0cf11e0a1b11ae1") + b"\0" * 600)
    refused(root / "a.xls", "save it as .xlsx or .csv")


def test_options_in_brackets_and_on_the_command_line(faces, capsys):
    import cli

    root, rows = faces
    as_csv(root / "a.csv", [(f, f"{LABELS.index(word)}.0", *more) for f, word, *more in rows],
           ("image", "code", "split", "subject"))  # fmt: skip
    data = registry.load(f"{root}/a.csv(columns='label=code', labels='0=angry,1=happy,2=sad')")
    assert data.classes == LABELS
    words = ["featurize", "--data", str(root / "a.csv"), "--backbone", "hog", "--columns", "label=code",
             "--labels=0=angry,1=happy,2=sad", "--out", str(root / "v.csv")]  # fmt: skip
    with pytest.raises(SystemExit) as left:
        cli.main(words)
    assert left.value.code == 0
    written = (root / "v.csv").read_text().splitlines()
    assert [line.split(",")[1] for line in written[1:]] == [row[1] for row in rows]


def test_a_model_of_a_leaky_table_says_so(faces, capsys):
    import mueca

    root, rows = faces
    as_csv(root / "a.csv", [(f, word, s, "s0") for f, word, s, _ in rows])
    data = f"{root}/a.csv(allow_leaks=True)"
    model, outcome = mueca.fit(data, "hog", "knn", n_neighbors=1, validation="train", store=root / "cache")
    assert {row.marks for row in outcome.rows} == {"leaky"}
    assert model.card["marks"] == ["leaky"]
