"""Videos from the command line: time lines, charts, copies; clips of a model of clips."""

import csv
import json
import pickle

import numpy as np
import pytest
from PIL import Image

import cli
from featurize.faces import Box
from pipelines.media.video_file import VideoFile
from pipelines.prediction.chart import Chart
from pipelines.prediction.clips import WindowPredictor, predict_windows
from pipelines.prediction.faces import FrameResult, TrackedFace
from pipelines.prediction.files import find_files
from pipelines.prediction.predictor import ClipPredictor, Predictor, load_predictor
from tests.helpers.videofiles import index_first, moving_face, write


@pytest.fixture(scope="module")
def face_video(video_file):
    return video_file(40)


@pytest.fixture(scope="module")
def models(model_folder):
    """Return the folders of a model of images and of one of clips."""
    return {
        "picture": model_folder(),
        "clip": model_folder("lbp-top(grid=2)", data="synthetic-clips", C=1),
    }


def test_a_time_line_a_chart_and_a_copy(face_video, models, tmp_path, run_cli):
    code, out, said = run_cli(
        "predict", face_video, "--model", models["picture"], "--format", "csv", "--out", tmp_path / "t.csv",
         "--chart", tmp_path / "charts", "--draw", tmp_path / "marked",
    )  # fmt: skip
    assert (code, out) == (0, "")
    assert "1 track in 40 frames of 1 video" in said
    rows = list(csv.DictReader((tmp_path / "t.csv").open(newline="", encoding="utf-8")))
    assert [int(row["frame"]) for row in rows] == list(range(40))
    assert float(rows[10]["seconds"]) == pytest.approx(0.4, abs=1e-3)
    assert {row["track"] for row in rows} == {"1"}
    svg = (tmp_path / "charts" / f"{face_video.stem}.svg").read_text("utf-8")
    assert "<b>" not in svg
    assert Image.open(tmp_path / "charts" / f"{face_video.stem}.png").width > 500
    with VideoFile(face_video) as old, VideoFile(tmp_path / "marked" / face_video.name) as new:
        pairs = list(zip(old, new, strict=True))
    assert len(pairs) == 40
    assert np.abs(pairs[5][0].image.astype(int) - pairs[5][1].image).max() > 100  # a box


def test_json_lines_and_a_cut_off_video(face_video, models, tmp_path, run_cli):
    whole = index_first(face_video).read_bytes()
    (tmp_path / "cut.mp4").write_bytes(whole[: len(whole) // 2])
    code, out, said = run_cli("predict", tmp_path / "cut.mp4", "--model", models["picture"])
    records = [json.loads(line) for line in out.splitlines()]
    assert code == cli.PARTLY
    assert [r["frame"] for r in records] == list(range(len(records)))
    assert f"ends at frame {len(records)} of 40" in said
    assert said.count("\n") == 2


def test_one_video_that_is_none_does_not_stop_the_others(face_video, models, tmp_path, run_cli):
    (tmp_path / "a.mp4").write_bytes(b"nothing\0" * 99)
    (tmp_path / "b.mp4").write_bytes(face_video.read_bytes())
    code, out, said = run_cli("predict", tmp_path, "--model", models["picture"])
    assert code == cli.PARTLY
    assert len(out.splitlines()) == 40
    assert "a.mp4: cannot be opened as a video" in said


def test_a_copy_never_writes_over_the_video(face_video, models, tmp_path, run_cli):
    source = tmp_path / "v.mp4"
    source.write_bytes(face_video.read_bytes())
    code, _, said = run_cli("predict", source, "--model", models["picture"], "--draw", tmp_path)
    assert code == 1
    assert "would write over" in said
    assert source.read_bytes() == face_video.read_bytes()


def test_names_cannot_leave_the_folder(face_video, models, tmp_path, run_cli):
    """Copies are named after the file alone, whatever stands before it; a name cannot act on the terminal."""
    (tmp_path / "in").mkdir()
    name = "..\\..\n\x1b[31m<script>.mp4"
    (tmp_path / "in" / name).write_bytes(b"nothing")
    (tmp_path / "in" / "b.mp4").write_bytes(face_video.read_bytes())
    inside = tmp_path / "in" / ".." / "in"
    code, _, said = run_cli(
        "predict",
        inside / name,
        inside / "b.mp4",
        "--model",
        models["picture"],
        "--draw",
        tmp_path / "out",
    )
    assert code == cli.PARTLY
    assert "\x1b" not in said
    assert [p.name for p in (tmp_path / "out").iterdir()] == ["b.mp4"]
    assert sorted(p.name for p in tmp_path.iterdir()) == ["in", "out"]


def test_folders(tmp_path):
    for name in ("a/x.mp4", "a/y.MOV", "b/x.jpg", "b/x.mp4", "c/x.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    assert [p.name for p in find_files([tmp_path / "a"]).videos] == ["x.mp4", "y.MOV"]
    found = find_files([tmp_path / "b"])
    assert [p.name for p in found.images] == ["x.jpg"]
    assert not found.videos
    assert found.ignored == {".mp4 (video)": 1}
    with pytest.raises(ValueError, match=r"no images or videos in .*; there is only: 1 \.txt"):
        find_files([tmp_path / "c"])


def test_a_window_of_each_face(face_video, models):
    predictor = load_predictor(models["clip"])
    assert isinstance(predictor, ClipPredictor)
    with predict_windows(face_video, predictor) as timeline:
        rows = list(timeline)
    assert [row.frames for row in rows] == [(0, 17), (9, 26), (18, 35)]
    assert rows[1].seconds == pytest.approx((9 / 25, 26 / 25), abs=1e-3)
    for row in rows:
        (face,) = row.faces
        assert face.track == 1
        assert sum(face.probabilities.values()) == pytest.approx(1)


def test_windows_from_the_command_line(face_video, models, tmp_path, run_cli):
    words = ["predict", face_video, "--model", models["clip"], "--window", "10", "--stride", "15"]
    code, out, _ = run_cli(*words, "--draw", tmp_path)
    assert code == 0
    assert [json.loads(line)["frames"] for line in out.splitlines()] == [[0, 9], [15, 24], [30, 39]]
    assert (tmp_path / face_video.name).is_file()
    code, out, _ = run_cli(*words, "--format", "csv")
    assert [row["last_frame"] for row in csv.DictReader(out.splitlines())] == ["9", "24", "39"]


def test_a_face_that_comes_later_waits_for_a_whole_window(models, tmp_path):
    frames = moving_face(40)
    frames[:12] = 90
    path = write(tmp_path / "later.mp4", frames)
    with predict_windows(path, load_predictor(models["clip"]), every=1) as timeline:
        assert [len(row.faces) for row in timeline] == [0, 0, 1]


def test_a_video_shorter_than_a_window(models, tmp_path):
    path = write(tmp_path / "short.mp4", moving_face(5))
    with predict_windows(path, load_predictor(models["clip"])) as timeline:
        assert not list(timeline)


def test_one_box_for_the_whole_clip(models):
    """A box that trembles must not look like motion."""
    predictor = load_predictor(models["clip"])
    frame = np.random.default_rng(0).integers(0, 255, (120, 120), np.uint8)
    boxes = [Box(20 + i % 3, 20, 80 + i % 3, 80, True) for i in range(9)]
    clip = predictor.clip([frame] * 9, boxes)
    assert clip.shape == (9, 128, 128)
    assert (clip == clip[0]).all()


@pytest.mark.parametrize(
    ("given", "said"),
    [({"window": 1}, "window=1"), ({"window": 999}, "window=999"), ({"stride": 0}, "stride=0")],
)
def test_wrong_windows(models, given, said):
    with pytest.raises(ValueError, match=said):
        WindowPredictor(load_predictor(models["clip"]), **given)


def test_the_wrong_kind_of_model(models, tmp_path, run_cli):
    with pytest.raises(ValueError, match="classifies images, not clips"):
        ClipPredictor.load(models["picture"])
    with pytest.raises(ValueError, match="classifies clips, not single images"):
        Predictor.load(models["clip"])
    Image.new("RGB", (60, 60)).save(tmp_path / "x.png")
    code, _, said = run_cli("predict", tmp_path / "x.png", "--model", models["clip"])
    assert (code, "clips of a face, not photos" in said) == (1, True)


def moment(seconds, tracks, label="a"):
    box = Box(0, 0, 50, 50, True)
    numbers = {"a": 0.75, "b": 0.25} if label == "a" else {"a": 0.25, "b": 0.75}
    faces = [TrackedFace(box, 1.0, label, numbers, "probability", track=t) for t in tracks]
    return FrameResult(round(seconds * 25), seconds, faces, [])


def test_a_chart_takes_no_more_memory_for_a_long_video(tmp_path):
    chart, sizes = Chart(["a", "b"]), []
    for i in range(4000):
        chart.add(moment(i * 0.9, [1, 2 + i // 4]))  # an hour, a new passer-by every few frames
        sizes.append(len(pickle.dumps(chart)) if i in (1999, 3999) else 0)
    assert chart.longest()[0] == 1
    assert sizes[3999] < 1.2 * sizes[1999]
    seconds, rows = chart.series(1)
    assert seconds[-1] == pytest.approx(3600, rel=0.01)
    np.testing.assert_allclose(rows, np.tile([0.75, 0.25], (len(rows), 1)))
    assert [p.name for p in chart.save(tmp_path, "an hour $x$")] == ["an hour $x$.svg", "an hour $x$.png"]


def test_a_gap_in_view_is_a_gap_in_the_line():
    chart = Chart(["a", "b"])
    for seconds in (0, 0.1, 5.0, 5.1):
        chart.add(moment(seconds, [1]))
    _, rows = chart.series(1)
    assert np.isnan(rows).any(axis=1).tolist() == [False, False, True, False, False]


def test_no_chart_of_nobody(tmp_path):
    assert Chart(["a"]).save(tmp_path / "charts", "x") == []
    assert not (tmp_path / "charts").exists()
