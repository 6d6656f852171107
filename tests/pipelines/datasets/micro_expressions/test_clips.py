"""Loaders of clips, on trees of the published shapes that the test draws; bad input is named and not used."""

from __future__ import annotations

import logging
import pickle
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.datasets import registry
from pipelines.datasets.micro_expressions.clip_records import ClipRecord
from pipelines.datasets.micro_expressions.clips import ClipError, chosen_frames
from pipelines.datasets.micro_expressions.coding_sheet import read_sheet
from pipelines.datasets.micro_expressions.labels import LabelMap
from pipelines.datasets.micro_expressions.videos import read_video
from pipelines.datasets.synthetic.clips import envelope


def frames(folder: Path, numbers, pattern: str = "img{:d}.png", size: int = 12, mark: str = "") -> Path:
    """Write frames whose grey level is their number, so that a test sees which were taken.

    Their last corner is the clip's own, or that of `mark`: no two clips are alike.
    """
    folder.mkdir(parents=True, exist_ok=True)
    own = zlib.crc32((mark or "/".join(folder.parts[-2:])).encode()) % 200
    for n in numbers:
        picture = np.full((size, size), n % 256, np.uint8)
        picture[8:, 8:] = own
        cv2.imwrite(str(folder / pattern.format(n)), picture)
    return folder


def levels(clip: np.ndarray) -> list[int]:
    return clip[:, 0, 0].tolist()


@pytest.fixture
def generic(tmp_path: Path) -> Path:
    root = tmp_path / "my clips ñ"
    for subject, clip in (("ana", "c1"), ("ana", "c2"), ("bo", "c1")):
        frames(root / subject / clip, range(1, 21))
    (root / "sheet.csv").write_text(
        "subject,clip,onset,apex,offset,label\nana,c1,3,9,15,joy\nana,c2,,,,anger\nbo,c1,2,/,18,joy\n"
    )
    return root


def test_generic_tree(generic):
    data = registry.load("clips", path=generic)
    assert data.kind == "clip"
    assert data.classes == ("anger", "joy")
    assert data.ids.tolist() == ["ana/c1", "ana/c2", "bo/c1"]
    assert data.groups.tolist() == ["ana", "ana", "bo"]
    assert [data.classes[y] for y in data.labels] == ["joy", "anger", "joy"]
    assert levels(data.samples[0]) == list(range(3, 16))
    assert levels(data.samples[1]) == list(range(1, 21))
    assert levels(data.samples[2]) == list(range(2, 19))
    assert not data.faults
    assert np.array_equal(pickle.loads(pickle.dumps(data.samples))[2], data.samples[2])


def test_onset_to_apex_comes_from_the_sheet_or_from_motion(generic):
    frames(generic / "bo" / "c1", range(10, 21))
    cv2.imwrite(str(generic / "bo" / "c1" / "img14.png"), np.full((12, 12), 250, np.uint8))
    data = registry.load("clips", path=generic, span="onset-apex")
    assert levels(data.samples[0]) == list(range(3, 10))
    assert levels(data.samples[2])[-1] == 250
    whole = registry.load("clips", path=generic, span="whole")
    assert levels(whole.samples[0]) == list(range(1, 21))
    assert data.fingerprint != whole.fingerprint


def _remove(root: Path) -> None:
    (root / "ana" / "c1" / "img7.png").unlink()


def _corrupt(root: Path) -> None:
    path = root / "ana" / "c1" / "img7.png"
    path.write_bytes(path.read_bytes()[:40])


def _small(root: Path) -> None:
    frames(root / "ana" / "c1", [7], size=10)


def _sheet(old: str, new: str):
    def change(root: Path) -> None:
        path = root / "sheet.csv"
        path.write_text(path.read_text().replace(old, new))

    return change


def _extra_clip(root: Path) -> None:
    frames(root / "ana" / "c1", [8], "copy of img{:d}.png")


def _dead_link(root: Path) -> None:
    _remove(root)
    (root / "ana" / "c1" / "img7.png").symlink_to("/nowhere/img7.png")


def _not_fetched(root: Path) -> None:
    text = "version https://git-lfs.github.com/spec/v1\noid sha256:1\nsize 14321\n"
    (root / "ana" / "c1" / "img7.png").write_text(text)


@pytest.mark.parametrize(
    ("damage", "where", "why"),
    [
        (_remove, "ana/c1", "frames are missing between 6 and 8"),
        (_corrupt, "ana/c1", "img7.png"),
        (_dead_link, "ana/c1", "img7.png: a dead link"),
        (_not_fetched, "ana/c1", "a Git LFS pointer"),
        (_small, "ana/c1", "frame img7.png is 10x10, the first 12x12"),
        (_extra_clip, "ana/c1", "two files have the number 8"),
        (_sheet("3,9,15", "9,3,15"), "ana/c1", "onset 9 lies after apex 3"),
        (_sheet("3,9,15", "3,19,15"), "ana/c1", "apex 19 lies after offset 15"),
        (_sheet("3,9,15", "15,,3"), "ana/c1", "onset 15 lies after offset 3"),
        (_sheet("3,9,15", "3,9,99"), "ana/c1", "frame, 99, is not among the files"),
        (_sheet("3,9,15", "0,9,15"), "ana/c1", "frame, 0, is not among the files"),
        (_sheet("3,9,15", "3,3,3"), "ana/c1", "at least two frames, this one has 1"),
        (_sheet("3,9,15", "three,9,15"), "sheet.csv, row 2", "onset 'three' is no frame number"),
        (_sheet("3,9,15", "3.5,9,15"), "sheet.csv, row 2", "onset '3.5' is no frame number"),
        (_sheet("ana,c1", "ana,c7"), "sheet.csv, row 2", "no folder of frames for ana/c7"),
        (_sheet("ana,c2,,,,anger", "ana,c1,,,,anger"), "sheet.csv, row 2", "more than once"),
    ],
)
def test_a_bad_clip_is_named_and_left_out_or_refused(generic, damage, where, why, caplog):
    frames(generic / "bo" / "c2", range(1, 5))
    _sheet("bo,c1", "bo,c2,,,,anger\nbo,c1")(generic)
    damage(generic)
    with caplog.at_level(logging.WARNING):
        data = registry.load("clips", path=generic)
    assert any(where in f.path and why in f.reason for f in data.faults)
    assert not any(i == "ana/c1" for i in data.ids)
    assert where in caplog.text
    with pytest.raises(ValueError, match=r"ana/c1|sheet\.csv") as error:
        registry.load("clips", path=generic, strict=True)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("who,what,mood\nana,c1,joy\n", "no column for subject, clip, label"),
        ("Subject,Filename,Notes\nana,c1,joy\n", "no column for label"),
        ("", "no column for subject"),
    ],
)
def test_a_sheet_with_other_columns_is_refused_with_what_it_has(generic, text, why):
    (generic / "sheet.csv").write_text(text)
    with pytest.raises(ValueError, match=why) as error:
        registry.load("clips", path=generic)
    assert "sheet.csv" in str(error.value)


def _same_clip(root: Path, subject: str, label: str) -> None:
    frames(root / subject / "c9", range(1, 21), mark="ana/c1")
    with (root / "sheet.csv").open("a") as sheet:
        sheet.write(f"{subject},c9,3,9,15,{label}\n")


def test_the_same_frames_under_two_labels_are_left_out_altogether(generic):
    _same_clip(generic, "ana", "anger")
    data = registry.load("clips", path=generic)
    assert data.ids.tolist() == ["ana/c2", "bo/c1"]
    assert {Path(f.path).name for f in data.faults} == {"c1", "c9"}
    assert "the same frames are 'joy' here and 'anger' in" in data.faults[0].reason
    with pytest.raises(ValueError, match="the same frames are"):
        registry.load("clips", path=generic, strict=True)


def test_the_same_frames_under_two_subjects_are_kept_once(generic):
    """Else a copy is trained on while its twin is tested."""
    _same_clip(generic, "bo", "joy")
    data = registry.load("clips", path=generic)
    assert data.ids.tolist() == ["ana/c1", "ana/c2", "bo/c1"]
    assert "of another subject" in data.faults[0].reason
    frames(generic / "ana" / "c10", range(1, 21), mark="ana/c1")
    with (generic / "sheet.csv").open("a") as sheet:
        sheet.write("ana,c10,3,9,15,joy\n")
    assert "ana/c10" in registry.load("clips", path=generic).ids.tolist()  # no other subject's


@pytest.mark.parametrize(
    ("row", "why"),
    [(",c7,1,,9,joy\n", "the row names no subject"), ("bo,,1,,9,joy\n", "the row names no clip")],
)
def test_a_row_that_lacks_a_name_is_a_fault_and_no_note(generic, row, why):
    with (generic / "sheet.csv").open("a") as sheet:
        sheet.write(row + "made by hand,,,,,\n,,,,,\n")
    data = registry.load("clips", path=generic)
    assert len(data) == 3
    (fault,) = data.faults
    assert fault.path.endswith("sheet.csv, row 5")
    assert why in fault.reason


def test_no_sheet_or_two_sheets(generic):
    (generic / "other.csv").write_text("x")
    with pytest.raises(ValueError, match=r"found other\.csv, sheet\.csv"):
        registry.load("clips", path=generic)
    assert len(registry.load("clips", path=generic, sheet="sheet.csv")) == 3
    with pytest.raises(FileNotFoundError, match="no such coding sheet"):
        registry.load("clips", path=generic, sheet="missing.csv")


def test_no_such_folder(tmp_path):
    with pytest.raises(FileNotFoundError, match="casme2: no folder"):
        registry.load("casme2", path=tmp_path / "nowhere")
    with pytest.raises(FileNotFoundError, match="samm"):
        registry.load("samm", root=tmp_path)
    assert "absent" in registry.list_datasets(tmp_path)["smic"]


CASME2 = """Subject,Filename,,OnsetFrame,ApexFrame,OffsetFrame,,Action Units,Estimated Emotion
1,EP02_01f,,46,59,86,,12,happiness
1,EP19_05f,,10,12,20,,4,disgust
17,EP03_02,,1,/,9,,R1,surprise
17,EP03_09,,1,3,9,,,others
"""


@pytest.fixture
def casme2(tmp_path: Path) -> Path:
    root = tmp_path / "CASME2"
    frames(root / "Cropped" / "sub01" / "EP02_01f", range(46, 87), "reg_img{:d}.jpg")
    frames(root / "Cropped" / "sub01" / "EP19_05f", range(10, 21), "reg_img{:d}.jpg")
    frames(root / "Cropped" / "sub17" / "EP03_02", range(1, 10), "reg_img{:d}.jpg")
    frames(root / "Cropped" / "sub17" / "EP03_09", range(1, 10), "reg_img{:d}.jpg")
    (root / "CASME2-coding-20140508.csv").write_text(CASME2)
    return root


def test_casme2_own_classes(casme2):
    data = registry.load("casme2", path=casme2)
    assert data.classes == ("happiness", "disgust", "surprise", "others")
    assert data.groups.tolist() == ["sub01", "sub01", "sub17", "sub17"]
    assert data.ids[0] == "Cropped/sub01/EP02_01f"
    assert len(data.samples[0]) == 41


def test_casme2_classes_of_megc2019(casme2):
    data = registry.load("casme2", path=casme2, labels="megc2019")
    assert data.classes == ("negative", "positive", "surprise")
    assert [data.classes[y] for y in data.labels] == ["positive", "negative", "surprise"]
    assert not data.faults


def test_casme2_raw_tree_and_workbook(casme2, tmp_path):
    from openpyxl import Workbook

    book = Workbook()
    for line in CASME2.splitlines():
        book.active.append([int(c) if c.isdigit() else c or None for c in line.split(",")])
    book.save(casme2 / "coding.xlsx")
    (casme2 / "CASME2-coding-20140508.csv").unlink()
    (casme2 / "Cropped").rename(casme2 / "CASME2-RAW")
    data = registry.load("casme2", path=casme2)
    assert len(data) == 4
    assert len(data.samples[0]) == 41


def test_casme2_from_its_cropped_folder_with_the_sheet_beside_it(casme2):
    data = registry.load("casme2", path=casme2 / "Cropped", sheet=casme2 / "CASME2-coding-20140508.csv")
    assert len(data) == 4


def test_an_emotion_that_the_set_does_not_have_is_not_guessed(casme2):
    sheet = casme2 / "CASME2-coding-20140508.csv"
    sheet.write_text(CASME2.replace("12,happiness", "12,hapiness"))
    data = registry.load("casme2", path=casme2)
    assert len(data) == 3
    assert "unknown emotion 'hapiness'; known: happiness" in data.faults[0].reason


def test_a_broken_workbook(casme2):
    sheet = casme2 / "coding.xlsx"
    sheet.write_bytes(b"PK\x03\x04 not really")
    with pytest.raises(ValueError, match=r"coding\.xlsx: no \.xlsx workbook"):
        registry.load("casme2", path=casme2, sheet=sheet)


@pytest.mark.parametrize("below", ["", "HS", "SMIC_all_raw/HS"])
def test_smic(tmp_path, below):
    for subject, label, clip in (
        ("s1", "negative", "ne_01"),
        ("s2", "positive", "po_01"),
        ("s2", "surprise", "sur_01"),
    ):
        name = f"{subject}_{clip}"
        frames(tmp_path / below / subject / "micro" / label / name, range(5, 19), "image{:06d}.bmp")
    data = registry.load("smic", path=tmp_path)
    assert data.classes == ("negative", "positive", "surprise")
    assert data.groups.tolist() == ["s1", "s2", "s2"]
    assert levels(data.samples[0]) == list(range(5, 19))


def test_smic_of_another_shape(tmp_path):
    frames(tmp_path / "s1" / "negative", range(3))
    with pytest.raises(ValueError, match="no sNN/micro/<class>/<clip>/ folders"):
        registry.load("smic", path=tmp_path)


def test_samm(tmp_path):
    frames(tmp_path / "006" / "006_1_2", range(5562, 5575), "006_{:05d}.jpg")
    frames(tmp_path / "011" / "011_1_1", range(1, 9), "011_{:05d}.jpg")
    notes = "SAMM Micro-FACS codes,,,\n,,,\nNotes: apex -1 is unknown,,,\n"
    head = "Subject,Filename,Inducement Code,Onset Frame,Apex Frame,Offset Frame,Estimated Emotion\n"
    rows = "6,006_1_2,1,5562,5568,5574,Anger\n11,011_1_1,1,1,4,8,Happiness\n"
    (tmp_path / "SAMM_Micro_FACS_Codes_v2.csv").write_text(notes + head + rows)
    data = registry.load("samm", path=tmp_path)
    assert data.classes == ("anger", "happiness")
    assert data.groups.tolist() == ["006", "011"]
    assert [len(data.samples[i]) for i in (0, 1)] == [13, 8]
    mapped = registry.load("samm", path=tmp_path, labels="megc2019")
    assert mapped.classes == ("negative", "positive")


def test_unknown_options_are_refused(generic):
    with pytest.raises(ValueError, match="span='half'"):
        registry.load("clips", path=generic, span="half")
    with pytest.raises(ValueError, match="labels='other'"):
        registry.load("clips", path=generic, labels="other")
    with pytest.raises(ValueError, match="did you mean 'labels'"):
        registry.load("clips", path=generic, label="own")


def test_one_class_only(generic):
    _sheet("anger", "joy")(generic)
    with pytest.raises(ValueError, match="all clips .* are 'joy'"):
        registry.load("clips", path=generic)


def test_labels_of_megc2019():
    mapping = LabelMap("samm", "megc2019")
    negative = {"anger", "contempt", "disgust", "fear", "sadness", "repression"}
    assert {mapping.of(e) for e in negative} == {"negative"}
    assert mapping.of(" Happiness ") == "positive"
    assert mapping.of("Other") is None


@given(
    st.lists(st.integers(0, 40), min_size=2, max_size=12, unique=True), st.integers(0, 40), st.integers(0, 40)
)
def test_chosen_frames_are_always_a_whole_run_from_onset_to_offset(numbers, onset, offset):
    found = tuple((n, Path(f"{n}.png")) for n in sorted(numbers))
    record = ClipRecord("s", Path("s/c"), "x", found, onset=onset, offset=offset)
    whole = set(range(onset, offset + 1)) <= set(numbers) and onset < offset
    try:
        files, to_apex = chosen_frames(record, "onset-offset")
    except ClipError:
        assert not whole
    else:
        assert whole
        assert [int(f.stem) for f in files] == list(range(onset, offset + 1))
        assert not to_apex


def test_sheet_in_other_dialects(tmp_path):
    path = tmp_path / "s.csv"
    path.write_bytes(
        "Sub;Video;On-set;Émotion;Emotion\n1;a;4;x;joy\n;;;;\nnote below the table\n".encode("cp1252")
    )
    rows = read_sheet(path)
    assert [(r.subject, r.clip, r.label, r.onset, r.line) for r in rows] == [("1", "a", "joy", 4, 2)]


def video(path: Path, n: int, size: tuple[int, int] = (64, 48)) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"MJPG"), 25, size)
    for k in range(n):
        writer.write(np.full((size[1], size[0], 3), k % 250, np.uint8))
    writer.release()
    return path


def test_folder_of_videos(tmp_path):
    for label, subject in (("joy", "a"), ("joy", "b"), ("anger", "a")):
        video(tmp_path / label / subject / "v.avi", 6)
    data = registry.load("videos", path=tmp_path)
    assert data.classes == ("anger", "joy")
    assert data.groups.tolist() == ["a", "a", "b"]
    assert data.samples[0].shape == (6, 48, 64)
    assert np.abs(np.array(levels(data.samples[0])) - np.arange(6)).max() <= 2


def test_a_video_cut_off_half_way_is_named(tmp_path):
    for label in ("joy", "anger"):
        video(tmp_path / label / "v.avi", 8)
    cut = video(tmp_path / "joy" / "cut.avi", 60, (320, 240))
    cut.write_bytes(cut.read_bytes()[: cut.stat().st_size // 2])
    (tmp_path / "anger" / "not.mp4").write_bytes(b"no video")
    data = registry.load("videos", path=tmp_path)
    assert len(data) == 2
    assert data.groups is None
    reasons = {Path(f.path).name: f.reason for f in data.faults}
    assert set(reasons) == {"cut.avi", "not.mp4"}
    assert "cut off; copy the file again" in reasons["cut.avi"]
    assert reasons["not.mp4"] == "cannot be opened as a video: text, not a video"
    with pytest.raises(ValueError, match=r"not\.mp4|cut\.avi"):
        registry.load("videos", path=tmp_path, strict=True)


def test_a_video_of_one_frame_is_no_clip(tmp_path):
    with pytest.raises(ClipError, match="at least two frames, this one has 1"):
        read_video(video(tmp_path / "one.avi", 1))


def test_a_long_video_is_thinned_evenly_in_constant_memory(tmp_path):
    path = video(tmp_path / "long.avi", 150)
    clip = read_video(path, max_frames=32, max_side=32)
    assert clip.shape == (19, 24, 32)
    assert np.abs(np.array(levels(clip)) - np.arange(0, 150, 8)).max() <= 2


def test_videos_at_two_depths(tmp_path):
    video(tmp_path / "joy" / "v.avi", 3)
    video(tmp_path / "joy" / "s" / "v.avi", 3)
    with pytest.raises(ValueError, match="all in class/subject/"):
        registry.load("videos", path=tmp_path)


def test_synthetic_clips():
    data = registry.load("synthetic-clips", n_subjects=4, clips_per_subject=3, seed=2)
    assert data.synthetic
    assert data.kind == "clip"
    assert sorted(set(data.groups)) == ["s00", "s01", "s02", "s03"]
    assert np.bincount(data.labels).tolist() == [4, 4, 4]
    clip = data.samples[0]
    assert clip.dtype == np.uint8
    assert clip.shape[1:] == (64, 64)
    assert 12 <= len(clip) <= 28
    again = registry.load("synthetic-clips", n_subjects=4, clips_per_subject=3, seed=2)
    other = registry.load("synthetic-clips", n_subjects=4, clips_per_subject=3, seed=3)
    assert data.fingerprint == again.fingerprint
    assert not set(data.digests) & set(other.digests)


def test_synthetic_motion_is_subtle_and_peaks_inside_the_clip():
    data = registry.load("synthetic-clips", n_subjects=6, clips_per_subject=3)
    for clip in data.samples:
        soft = np.stack([cv2.GaussianBlur(f, (0, 0), 2).astype(float) for f in clip])
        moved = np.abs(soft - soft[0]).mean(axis=(1, 2))
        assert moved.max() < 4
    assert envelope(21, 0.4).argmax() == 8
    assert envelope(21, 0.4)[[0, -1]].tolist() == [0, 0]


@pytest.mark.parametrize("wrong", [{"n_subjects": 1}, {"clips_per_subject": 0}, {"seed": -1}])
def test_synthetic_clips_refuse_what_makes_no_set(wrong):
    with pytest.raises(ValueError, match="synthetic-clips: need"):
        registry.load("synthetic-clips", **wrong)


def test_videos_by_their_first_bytes_and_what_is_beside_them(tmp_path, caplog):
    for label in ("joy", "anger"):
        video(tmp_path / label / "v.avi", 8).rename(tmp_path / label / "no ending")
    (tmp_path / "joy" / "._v.avi").write_bytes(b"\0\5\26\7")
    (tmp_path / "joy" / "notes.txt").write_text("x")
    (tmp_path / "joy" / "gone.mp4").symlink_to("/nowhere/gone.mp4")
    data = registry.load("videos", path=tmp_path)
    assert len(data) == 2
    assert data.ignored == {"hidden": 1, ".txt": 1}
    assert "not looked at: 1 .txt, 1 hidden" in caplog.text
    assert [Path(fault.path).name for fault in data.faults] == ["gone.mp4"]
    with pytest.raises(ValueError, match=r"gone\.mp4: a dead link"):
        registry.load("videos", path=tmp_path, strict=True)
