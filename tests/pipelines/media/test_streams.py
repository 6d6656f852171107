"""Which stream of a file is its video."""

import io
import logging

import pytest
from PIL import Image

import cli
from pipelines.datasets import registry
from pipelines.datasets.micro_expressions.videos import read_video
from pipelines.media.camera import FileSource
from pipelines.media.video_file import UnreadableVideo, VideoFile
from tests.helpers.videofiles import moving_face, with_cover, with_streams, write


def jpeg(width=300, height=400):
    file = io.BytesIO()
    Image.new("RGB", (width, height), "red").save(file, "JPEG")
    return file.getvalue()


@pytest.fixture(scope="module")
def covered(tmp_path_factory):
    """Return a video of 12 frames with a cover as its first stream."""
    return with_cover(write(tmp_path_factory.mktemp("covers") / "talk.mp4", moving_face(12)), jpeg())


def shape(path):
    with VideoFile(path) as video:
        return video.width, video.height, sum(1 for _ in video), video.left_out, video.fault


def test_a_cover_is_not_the_video(covered):
    import av

    with av.open(str(covered)) as file:
        assert file.streams.video[0].codec_context.name == "mjpeg"  # what is first
    assert shape(covered) == (320, 240, 12, "a cover image (mjpeg, 300 x 400)", "")


@pytest.mark.parametrize("ending", ["mp4", "mov", "mkv", "avi"])
def test_a_still_that_nobody_marked_is_a_cover(tmp_path, ending):
    path = with_streams(tmp_path / f"a.{ending}", [("mjpeg", 64, 64, 1), ("mpeg4", 128, 96, 20)])
    assert shape(path) == (128, 96, 20, "a cover image (mjpeg, 64 x 64)", "")


@pytest.mark.parametrize("ending", ["mp4", "mov", "mkv", "avi"])
def test_the_stream_with_most_frames_is_the_video(tmp_path, ending):
    path = with_streams(
        tmp_path / f"a.{ending}", [("mpeg4", 256, 192, 5), ("mpeg4", 64, 64, 20), ("mpeg4", 128, 96, 20)]
    )
    width, height, frames, left_out, fault = shape(path)
    assert (width, height, frames, fault) == (128, 96, 20, "")  # of two as long, the larger
    assert left_out.count("another video stream") == 2
    assert "256 x 192" in left_out and "64 x 64" in left_out


def test_a_longer_stream_beside_it_does_not_cut_it_off(tmp_path):
    path = with_streams(tmp_path / "a.mkv", [("mpeg4", 128, 96, 8)], sound=True)  # the sound is longer
    assert shape(path)[2:] == (8, "", "")


@pytest.mark.parametrize("ending", ["mp4", "mkv"])
def test_only_a_cover_is_no_video(tmp_path, ending):
    path = with_streams(tmp_path / f"song.{ending}", [("mjpeg", 64, 64, 1)], sound=True)
    with pytest.raises(UnreadableVideo, match="only a cover image") as caught:
        VideoFile(path)
    assert "\n" not in str(caught.value)


def test_clips_and_cameras_take_the_same_stream(covered, caplog):
    assert read_video(covered).shape == (12, 192, 256)
    with caplog.at_level(logging.WARNING):
        played = FileSource(covered, paced=False)
        assert sum(1 for _ in played) == 12
        played.close()
    assert len(caplog.messages) == 1 and "left out a cover image" in caplog.text


def test_a_set_of_videos_says_it_once_a_file(covered, tmp_path, caplog):
    for name in ("happy", "sad"):
        (tmp_path / name).mkdir()
        for i in range(2):
            write(tmp_path / name / f"{i}.mp4", moving_face(4 + i, step=3 if name == "sad" else 1))
    (tmp_path / "sad" / "talk.mp4").write_bytes(covered.read_bytes())
    with caplog.at_level(logging.WARNING):
        data = registry.load("videos", path=tmp_path)
        assert data.samples[4].shape == (12, 192, 256)
    assert len(data) == 5 and not data.faults
    assert len(caplog.messages) == 1 and "talk.mp4: left out a cover image" in caplog.text


def test_what_was_left_out_is_said_once(covered, tmp_path, capsys):
    with pytest.raises(SystemExit) as left:
        cli.main(["predict", str(covered), "--out", str(tmp_path / "t.csv")])
    said = capsys.readouterr().err
    assert left.value.code == 0
    assert said.count("left out a cover image (mjpeg, 300 x 400)") == 1
    assert "1 track in 12 frames of 1 video" in said
