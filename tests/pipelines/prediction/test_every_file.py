"""`mueca predict` on a folder as people have it: one line accounts for every file of it."""

import json
import re

import numpy as np
import pytest
from PIL import Image
from skimage import data as pictures

import cli
from pipelines.prediction.files import find_files
from tests.helpers.videofiles import moving_face

HEIC = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(500)
LFS = b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"1" * 64 + b"\nsize 14321\n"
COMPANION = b"\0\x05\x16\x07\0\x02\0\0Mac OS X        "


@pytest.fixture(scope="module")
def model(model_folder):
    return model_folder()


@pytest.fixture(scope="module")
def video(video_file):
    return video_file(12).read_bytes()


@pytest.fixture
def holiday(tmp_path, video):
    """Return a folder with one of each."""
    root = tmp_path / "d"
    for name in ("", ".thumbnails", "@eaDir", "__MACOSX", "thumbnails"):
        (root / name).mkdir(parents=True)
    face = Image.fromarray(pictures.astronaut()[:300, 100:400])
    face.save(root / "plain.jpg")
    face.save(root / "UPPER.JPG")
    face.save(root / "no ending", "JPEG")
    face.save(root / "b.jfif", "JPEG")
    face.save(root / "c.webp")
    grey = np.asarray(face.convert("L")).astype(np.uint16) * 257
    Image.fromarray(grey).save(root / "sixteen.png")
    (root / "d.HEIC").write_bytes(HEIC)
    (root / "e.MOV").write_bytes(video)
    (root / "gone.jpg").symlink_to("/nowhere/gone.jpg")
    (root / "pointer.jpg").write_bytes(LFS)
    (root / "._plain.jpg").write_bytes(COMPANION)
    for name in (".thumbnails", "@eaDir", "thumbnails"):
        face.save(root / name / "plain.jpg")
    (root / "__MACOSX" / "._plain.jpg").write_bytes(COMPANION)
    (root / "Thumbs.db").write_bytes(b"\xd0\xcf\x11\xe0")
    (root / "empty.jpg").touch()
    (root / "notes.TXT").write_text("Malaga, 2019")
    return root


def test_one_line_accounts_for_every_file(holiday, model, tmp_path, run_cli):
    out = tmp_path / "o.csv"
    words = ["predict", holiday, "--model", model, "--format", "csv", "--out", out, "--json"]
    code, printed, said = run_cli(*words)
    assert code == cli.PARTLY
    (line,) = [line for line in said.splitlines() if " files: " in line]
    assert line == (
        "mueca: 18 files: 6 read, 4 not read (1 Git LFS pointer, 1 HEIC, 1 dead link, 1 empty file), "
        "8 not looked at (1 .mov (video), 1 .txt, 2 hidden, 1 in .thumbnails/, 1 in @eaDir/, 1 in __MACOSX/, "
        "1 in thumbnails/); give the videos in a command of their own"
    )
    assert len([p for p in holiday.rglob("*") if p.is_file() or p.is_symlink()]) == 18
    record = json.loads(printed)
    assert record["files"] == 18
    assert record["photos"] == 6
    assert record["not_read"] == {"Git LFS pointer": 1, "HEIC": 1, "dead link": 1, "empty file": 1}
    assert record["not_looked_at"] == {
        ".mov (video)": 1, ".txt": 1, "hidden": 2, "in .thumbnails/": 1, "in @eaDir/": 1, "in __MACOSX/": 1,
        "in thumbnails/": 1,
    }  # fmt: skip
    assert {fault["file"].rpartition("/")[2] for fault in record["faults"]} == {
        "d.HEIC", "gone.jpg", "pointer.jpg", "empty.jpg"
    }  # fmt: skip
    read = {row.rpartition("/")[2].partition(",")[0] for row in out.read_text().splitlines()[1:]}
    assert read <= {"plain.jpg", "UPPER.JPG", "no ending", "b.jfif", "c.webp", "sixteen.png"}


def test_the_account_is_the_last_line_of_the_records(holiday, model, run_cli):
    _, out, _ = run_cli("predict", holiday, "--model", model, "--json")
    *records, last = map(json.loads, out.splitlines())
    assert {record["file"].rpartition("/")[2] for record in records} == {
        "plain.jpg", "UPPER.JPG", "no ending", "b.jfif", "c.webp", "sixteen.png"
    }  # fmt: skip
    assert last["summary"]["files"] == 18
    code, _, said = run_cli("predict", holiday, "--model", model, "--json", "--format", "csv")
    assert (code, "give --out" in said) == (1, True)


def test_nothing_is_said_where_all_was_read(holiday, model, run_cli):
    code, _, said = run_cli("predict", holiday / "plain.jpg", holiday / "c.webp", "--model", model)
    assert code == 0
    assert len(said.splitlines()) == 1


def test_the_advice_for_heic_is_one_whatever_its_name(holiday, model, tmp_path, run_cli):
    (tmp_path / "renamed.jpg").write_bytes(HEIC)
    advice = "a HEIC or AVIF image (HEIC); save it as JPEG or PNG, or pip install pillow-heif"
    for path in (holiday / "d.HEIC", tmp_path / "renamed.jpg"):
        code, _, said = run_cli("predict", path, "--model", model)
        assert code == cli.PARTLY
        assert f"{path.name}: {advice}" in said


@pytest.mark.parametrize("name", ["a.MTS", "a.m2ts", "a.flv", "a.3gp", "talk", "photo.jpg"])
def test_a_video_is_one_by_its_first_bytes(name, tmp_path, video):
    (tmp_path / name).write_bytes(video)
    for given in (tmp_path, tmp_path / name):
        found = find_files([given])
        assert [p.name for p in found.videos] == [name]
        assert not found.images


@pytest.mark.parametrize("container", ["mpegts", "flv", "matroska", "avi", "asf", "3gp", "mpeg"])
def test_every_container_is_read_without_an_ending(container, tmp_path):
    import av

    from featurize.file_kinds import examine
    from pipelines.media.video_file import VideoFile

    path = tmp_path / "talk"
    codec = {"mpeg": "mpeg1video", "asf": "msmpeg4v2", "flv": "flv"}.get(container, "mpeg4")
    with av.open(str(path), "w", format=container) as out:
        stream = out.add_stream(codec, rate=25)
        stream.width, stream.height, stream.pix_fmt = 320, 240, "yuv420p"
        for frame in moving_face(8):
            out.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        out.mux(stream.encode())
    assert examine(path).group == "video"
    with VideoFile(path) as video:
        assert len(list(video)) == 8


@pytest.mark.parametrize(
    ("data", "why"),
    [(LFS, "a Git LFS pointer: its content was not fetched; run: git lfs"), (b"", "empty file (0 bytes)"),
     (b"hello", "text, not a video")],
)  # fmt: skip
def test_what_is_no_video_is_named(data, why, model, tmp_path, run_cli):
    (tmp_path / "a.mp4").write_bytes(data)
    code, _, said = run_cli("predict", tmp_path / "a.mp4", "--model", model)
    assert (code, why in said) == (cli.PARTLY, True), said


def test_a_pipe_is_never_opened(tmp_path, model, run_cli):
    import os

    os.mkfifo(tmp_path / "a.jpg")
    code, _, said = run_cli("predict", tmp_path / "a.jpg", "--model", model)
    assert code == cli.PARTLY
    assert "a pipe (FIFO), not an image" in said
    with pytest.raises(ValueError, match=r"no images or videos in .*: 1 pipe \(FIFO\)"):
        find_files([tmp_path])


def test_a_camera_folder_without_its_raw_files_and_source_text(tmp_path):
    Image.new("RGB", (40, 40)).save(tmp_path / "a.jpg")
    Image.new("RGB", (16, 12)).save(tmp_path / "a.NEF", "TIFF")  # as it begins: a thumbnail
    (tmp_path / "app.ts").write_text("export const a = 1\n" * 200)
    (tmp_path / "elsewhere").symlink_to(tmp_path)
    found = find_files([tmp_path])
    assert [p.name for p in found.images] == ["a.jpg"]
    assert found.ignored == {".nef": 1, ".ts": 1, "link to a folder": 1}
    assert not found.faults


def test_dvc_and_icloud_stand_ins(tmp_path):
    Image.new("RGB", (40, 40)).save(tmp_path / "a.jpg")
    text = "outs:\n- md5: 0123\n  path: {}\n"
    for name in ("a.jpg", "b.jpg", "happy", "labels.csv"):
        (tmp_path / f"{name}.dvc").write_text(text.format(name))
    (tmp_path / ".c.jpg.icloud").write_bytes(b"bplist00")
    found = find_files([tmp_path])
    reasons = {fault.path.rpartition("/")[2]: fault.reason for fault in found.faults}
    assert set(reasons) == {"b.jpg.dvc", "happy.dvc", "c.jpg"}
    assert "run: dvc pull" in reasons["b.jpg.dvc"]
    assert "iCloud" in reasons["c.jpg"]
    assert found.ignored == {".dvc": 2}


def test_a_folder_that_cannot_be_opened_is_a_fault(tmp_path, monkeypatch):
    from featurize import walk

    (tmp_path / "closed").mkdir()
    Image.new("RGB", (40, 40)).save(tmp_path / "a.jpg")
    scandir = walk.os.scandir

    def refuse(folder):
        if str(folder).endswith("closed"):
            raise PermissionError(13, "Permission denied")
        return scandir(folder)

    monkeypatch.setattr(walk.os, "scandir", refuse)
    (fault,) = find_files([tmp_path]).faults
    assert fault.reason == "the folder cannot be opened (permission denied)"


def test_a_name_cannot_act_on_the_terminal(tmp_path, model, run_cli):
    Image.new("RGB", (40, 40)).save(tmp_path / "a.jpg")
    (tmp_path / "x.\x1b[31m\n").write_text("x")
    (tmp_path / "dead.jpg").symlink_to("/no\x1b[31m\nwhere")
    _, _, said = run_cli("predict", tmp_path, "--model", model)
    assert "\x1b" not in said
    assert len(said.splitlines()) == 3
    assert re.search(r"3 files: 1 read, 1 not read \(1 dead link\), 1 not looked at", said)
