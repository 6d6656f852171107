"""The same frames from a process of its own; whatever becomes of that one is one line here."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal

import numpy as np
import pytest

from featurize import confined
from featurize.confined import confine
from pipelines.datasets.micro_expressions.videos import VideoSamples
from pipelines.media import limited
from pipelines.media import video_file as video_file_module
from pipelines.media.camera import FileSource
from pipelines.media.limited import LimitedVideo, TookTooLong
from pipelines.media.video_file import DECODERS, UnreadableVideo, VideoFile
from tests.helpers.rooms import ROOT


def test_the_same_frames_and_the_same_of_the_file(video_file):
    path = video_file()
    with VideoFile(path) as here, LimitedVideo(path) as there:
        said = [(v.width, v.height, v.rate, v.seconds, v.total, v.left_out) for v in (here, there)]
        assert said[0] == said[1]
        for one, other in zip(here, there, strict=True):
            assert (one.index, one.seconds) == (other.index, other.seconds)
            np.testing.assert_array_equal(one.image, other.image)
            assert other.image.flags.writeable
        assert (here.count, here.fault) == (there.count, there.fault)


def test_the_same_errors(video_file, tmp_path):
    with pytest.raises(FileNotFoundError, match="no video"):
        LimitedVideo(tmp_path / "none.mp4")
    (tmp_path / "text.mp4").write_text("no video at all")
    (tmp_path / "half.mp4").write_bytes(video_file().read_bytes()[:5000])
    for name in ("text.mp4", "half.mp4"):
        with pytest.raises(UnreadableVideo) as here:
            list(VideoFile(tmp_path / name))
        with pytest.raises(UnreadableVideo) as there:
            list(LimitedVideo(tmp_path / name))
        assert str(here.value) == str(there.value)
    with pytest.raises(UnreadableVideo, match="more than 1,000 pixels"):
        LimitedVideo(video_file(), max_pixels=1000)


@pytest.mark.parametrize("number", [signal.SIGSEGV, signal.SIGKILL])
def test_a_decoder_that_dies_is_one_line(video_file, number):
    with LimitedVideo(video_file(60)) as video:
        frames = iter(video)
        next(frames)
        os.kill(video.process.pid, number)
        with pytest.raises(UnreadableVideo, match="decoder gave up"):
            for _ in frames:
                pass


HEAD = json.dumps({"width": 320, "height": 240, "rate": 25, "seconds": 1, "total": 25, "left_out": ""})


@pytest.mark.parametrize(
    "said",
    [
        "",
        "nonsense",
        '{"width": [' + "[" * 3000,
        '{"width": "wide"}',
        f'{HEAD}\n{{"height": 99999, "width": 99999}}',
        f'{HEAD}\n{{"height": -5, "width": -5}}',
        f'{HEAD}\n{{"height": 10, "width": 10, "count": 1}}\nxx',
        f'{HEAD}\n{{"fault": ""}}',
        HEAD,
        "x" * 100_000,
        f'{HEAD}\n{{"height": "tall", "width": 5, "index": 0, "seconds": 0, "count": 1}}',
        f'{HEAD}\n{{"height": 1e999, "width": 5, "index": 0, "seconds": 0, "count": 1}}',
        HEAD.replace('"seconds": 1', '"seconds": "long"'),
    ],
    ids=range(13),
)
def test_nothing_it_says_is_believed(video_file, none_idle, monkeypatch, tmp_path, said):
    """Whatever a process that was taken over sends, it is refused."""
    (tmp_path / "said").write_text(said)
    program = tmp_path / "say"
    program.write_text(f"#!/bin/sh\ncat {tmp_path / 'said'}\n")
    program.chmod(0o755)
    monkeypatch.setattr(confined.sys, "executable", str(program))
    with (
        pytest.raises(UnreadableVideo, match="decoder gave up"),
        LimitedVideo(video_file(), reuse=True) as video,
    ):
        list(video)
    assert not limited.IDLE


@pytest.fixture
def none_idle():
    """Let no decoder of another test wait."""
    limited.end_idle()
    yield
    limited.end_idle()


def test_the_videos_of_a_set_share_a_process(video_file, none_idle, tmp_path):
    samples = VideoSamples([video_file(), video_file(20)])
    clips = [samples[0], samples[1], samples[0]]
    assert len(limited.IDLE) == 1
    (kept,) = limited.IDLE
    (tmp_path / "text.mp4").write_text("no video at all")
    with pytest.raises(ValueError, match="cannot be opened as a video"):
        VideoSamples([tmp_path / "text.mp4"])[0]
    np.testing.assert_array_equal(samples[0], clips[2])
    assert list(limited.IDLE) == [kept]
    os.kill(kept.pid, signal.SIGKILL)  # one that has died while it waited is noticed
    kept.wait()
    np.testing.assert_array_equal(samples[1], clips[1])
    assert list(limited.IDLE) != [kept]


def test_one_that_was_left_in_the_middle_is_not_used_again(video_file, none_idle):
    with LimitedVideo(video_file(60), reuse=True) as video:
        next(iter(video))
    assert not limited.IDLE
    assert video.process.poll() is not None


def test_predictions_share_none(video_file, none_idle):
    with LimitedVideo(video_file()) as video:
        list(video)
    assert not limited.IDLE
    assert video.process.poll() is not None


def test_a_video_that_takes_too_long_is_given_up(video_file):
    with (
        pytest.raises(TookTooLong, match=r"more than 0\.05 s"),
        LimitedVideo(video_file(), work=0.05) as video,
    ):
        list(video)


def test_a_file_in_a_cameras_place_is_read_there_too(video_file):
    source = FileSource(video_file(), paced=False)
    assert len(list(source)) == 25 and isinstance(source.video, LimitedVideo)
    source.close()
    assert source.video.process.poll() is not None


def test_nothing_else_reads_a_video():
    """One module decodes, and one starts the process that does."""
    texts = {
        path: path.read_text("utf-8")
        for name in ("pipelines", "featurize")
        for path in (ROOT / name).rglob("*.py")
    }
    uses = {
        path.relative_to(ROOT).as_posix() for path, text in texts.items() if re.search(r"\bVideoFile\(", text)
    }
    assert uses == {"pipelines/media/limited.py", "pipelines/media/video_file.py"}
    opens = {path.name for path, text in texts.items() if re.search(r"\bav\.open\(|\bVideoCapture\(", text)}
    assert opens == {"video_file.py", "camera.py"}


def test_only_decoders_of_video_are_on_the_list():
    """No sound is decoded, and nothing by hardware: SECURITY.md says so."""
    import av

    there = DECODERS & set(av.codecs_available)
    kinds = {name: av.codec.Codec(name, "r").type for name in there if _decodes(name)}
    assert len(kinds) > 20 and set(kinds.values()) == {"video"}
    assert not any(
        re.search("vaapi|cuvid|nvdec|qsv|v4l2|vulkan|hap|vvc|apac|bitpacked|magicyuv", n) for n in DECODERS
    )


def _decodes(name):
    import av

    try:
        return av.codec.Codec(name, "r").is_decoder
    except ValueError:
        return False


def test_it_may_write_no_file_and_take_no_more_memory_than_allowed(tmp_path):
    if os.fork() == 0:
        try:
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            confine(8 * 2**30)
            with pytest.raises(OSError):
                (tmp_path / "file").write_bytes(b"x")
            os._exit(0)
        finally:
            os._exit(1)
    assert os.wait()[1] == 0


def test_a_decoder_that_is_not_on_the_list_is_not_run(video_file, monkeypatch, tmp_path):
    assert not any("vvc" in name or "266" in name for name in DECODERS)
    monkeypatch.setattr(video_file_module, "DECODERS", DECODERS - {"h264", "mpeg4"})
    copy = shutil.copyfile(video_file(), tmp_path / "v.mp4")
    with pytest.raises(UnreadableVideo, match="v.mp4: (holds (h264|mpeg4), which is not read|cannot be)"):
        list(VideoFile(copy))
