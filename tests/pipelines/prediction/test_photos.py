"""Photos in, records out; what cannot be read is named."""

import csv
import io
import json
import tracemalloc

import cv2
import numpy as np
import pytest
from PIL import Image
from skimage import data as pictures

import cli
from pipelines.prediction.files import find_files
from pipelines.prediction.photos import predict_photos
from pipelines.prediction.predictor import Predictor


@pytest.fixture(scope="module")
def shipped():
    return Predictor.load()


@pytest.fixture(scope="module")
def judge(model_folder):
    """Return a predictor that needs no network."""
    return Predictor.load(model_folder())


@pytest.fixture
def folder(tmp_path):
    """Return a folder with a face, no face, an empty file, a text and a video's name."""
    root = tmp_path / "fotos ñ <b>"
    (root / "a").mkdir(parents=True)
    Image.fromarray(pictures.astronaut()).save(root / "a" / "face.png")
    Image.fromarray(np.full((90, 120), 128, np.uint8)).save(root / "face.jpg")
    (root / "empty.jpg").touch()
    (root / "words.png").write_text("no image")
    return root


def test_one_line_a_photo(shipped, folder, tmp_path):
    to = io.StringIO()
    tally = predict_photos(find_files([folder]).images, shipped, to, drawn=tmp_path / "marked")
    face, grey = sorted(map(json.loads, to.getvalue().splitlines()), key=lambda r: -len(r["faces"]))
    assert (face["width"], face["height"]) == (512, 512)
    assert sum(face["faces"][0]["probabilities"].values()) == pytest.approx(1, abs=1e-3)
    assert grey["faces"] == grey["skipped"] == []
    assert (tally.photos, tally.faces) == (2, 1)
    assert sorted(fault.path.rpartition("/")[2] for fault in tally.faults) == ["empty.jpg", "words.png"]
    copies = [Image.open(p).size for p in sorted((tmp_path / "marked").iterdir())]
    assert sorted(copies) == [(120, 90), (512, 512)], "two photos of one name must not overwrite each other"


def test_one_row_a_face(shipped, folder):
    to = io.StringIO()
    predict_photos([folder / "a" / "face.png", folder / "face.jpg"], shipped, to, form="csv")
    (row,) = csv.DictReader(io.StringIO(to.getvalue()))
    assert row["label"] == max(shipped.classes, key=lambda name: float(row[name]))
    assert int(row["right"]) > int(row["left"])


def test_a_picture_of_text_has_no_face(shipped):
    assert shipped.faces(pictures.page()) == []


def test_the_command(folder, tmp_path, capsys):
    with pytest.raises(SystemExit) as left:
        cli.main(["predict", str(folder), "--out", str(tmp_path / "faces.jsonl")])
    said = capsys.readouterr().err
    assert left.value.code == cli.PARTLY
    assert "1 face in 2 photos" in said
    assert "empty.jpg" in said
    assert len((tmp_path / "faces.jsonl").read_text("utf-8").splitlines()) == 2


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["nowhere.jpg"], "no file or folder nowhere.jpg"),
        (["."], "no images or videos in"),
        (["x.png", "--model", "none"], "no model in none"),
        (["x.png", "--model", "smal"], "no model in smal; did you mean 'small'?"),
        (["x.png", "--detector", "harr"], "haar"),
        (["clip.mp4"], "cannot be opened as a video"),
        (["clip.mp4", "x.png"], "in two commands"),
        (["x.png", "--chart", "charts"], "--chart is for videos"),
        (["clip.mp4", "--window", "18"], "need a model of clips"),
        (["clip.mp4", "--smooth", "-1"], "--smooth"),
    ],
)
def test_bad_words(words, said, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    if words != ["."]:
        (tmp_path / "x.png").touch()
        (tmp_path / "clip.mp4").write_bytes(b"\0" * 40)
    with pytest.raises(SystemExit) as left:
        cli.main(["predict", *words])
    assert left.value.code in (1, 2, cli.PARTLY)
    err = capsys.readouterr().err
    assert said in err
    assert "Traceback" not in err


def saved(picture, path, **how):
    picture.save(path, **how)
    return path.read_bytes()


def test_every_fault_of_a_picture_is_one_line_and_the_others_are_judged(judge, tmp_path):
    photo = Image.fromarray(pictures.astronaut())
    root = tmp_path / "in"
    root.mkdir()
    good = saved(photo, root / "good.jpg", quality=95)
    (root / "truncated.jpg").write_bytes(good[: len(good) // 2])
    (root / "cut header.png").write_bytes(saved(photo, root / "lossless.png")[:40])
    (root / "lies.png").write_bytes(b"PK\x03\x04" + bytes(500))
    (root / "polyglot.jpg").write_bytes(b"<script>alert(1)</script>" + good)
    (root / "no bytes.bmp").touch()
    Image.new("1", (10_000, 10_000)).save(root / "huge.png")
    photo.save(root / "moves.gif", save_all=True, append_images=[photo.rotate(9)])
    (root / "folder.jpg").mkdir()
    (root / "link.jpg").symlink_to(root / "nowhere.jpg")
    photo.convert("CMYK").save(root / "cmyk.jpg")
    photo.convert("L").save(root / "grey.tif")
    photo.convert("RGBA").save(root / "transparent.webp")
    turned = Image.Exif()
    turned[0x0112] = 6
    photo.rotate(90, expand=True).save(root / "turned.jpg", exif=turned)
    to = io.StringIO()
    found = find_files([root])
    tally = predict_photos(found.images, judge, to)
    assert [fault.path for fault in found.faults] == [str(root / "link.jpg")]
    faults = {fault.path.rpartition("/")[2]: fault.reason for fault in tally.faults}
    bad = {
        "truncated.jpg",
        "cut header.png",
        "lies.png",
        "polyglot.jpg",
        "no bytes.bmp",
        "huge.png",
        "moves.gif",
    }
    assert set(faults) == bad
    assert "at most 67,108,864" in faults["huge.png"]
    assert not any("\n" in reason for reason in faults.values())
    read = {
        json.loads(line)["file"].rpartition("/")[2]: json.loads(line) for line in to.getvalue().splitlines()
    }
    assert set(read) == {"good.jpg", "lossless.png", "cmyk.jpg", "grey.tif", "transparent.webp", "turned.jpg"}
    assert all(len(record["faces"]) == 1 for record in read.values())


def test_five_hundred_faces(judge):
    """Found where they are looked for; the record of a large photo says from which size on that is."""
    face = cv2.resize(pictures.astronaut()[20:220, 120:320], (90, 90), interpolation=cv2.INTER_AREA)
    crowd = np.tile(face, (20, 25, 1))
    assert judge.look(crowd).smallest == round(25 * 90 / 28)
    sight = Predictor(judge.model, judge.find, crowd=True).look(crowd)
    assert len(sight.faces) == 500
    assert sight.smallest == 29
    assert len({face.box for face in sight.faces}) == 500


def test_a_record_holds_any_name(judge, tmp_path):
    name = '..,"\n<img src=x onerror=alert(1)>.png'.replace("/", "")
    Image.fromarray(pictures.astronaut()).save(tmp_path / name)
    for form in ("jsonl", "csv"):
        to = io.StringIO()
        predict_photos([tmp_path / name], judge, to, form=form, drawn=tmp_path / "out")
        if form == "jsonl":
            assert json.loads(to.getvalue())["file"] == str(tmp_path / name)
        else:
            (row,) = csv.DictReader(io.StringIO(to.getvalue(), newline=""))
            assert row["file"] == str(tmp_path / name)
    assert [p.parent for p in tmp_path.rglob("*.jpg")] == [tmp_path / "out"]


def test_a_thousand_photos_take_no_more_memory_than_a_few(judge, tmp_path):
    Image.fromarray(pictures.astronaut()[:128, 150:300]).save(tmp_path / "x.png")
    peaks = []
    predict_photos([tmp_path / "x.png"] * 5, judge, io.StringIO())
    for n in (20, 200):
        tracemalloc.start()
        predict_photos([tmp_path / "x.png"] * n, judge, io.StringIO())
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.2 * peaks[0] + 200_000  # 180 photos more would be 10 MB
