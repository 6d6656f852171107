"""The same frames from a process of its own; whatever becomes of that one is one line here."""

from __future__ import annotations

import os
import shutil
import signal

import numpy as np
import pytest

from featurize import confined
from featurize.confined import confine
from pipelines.media import video_file as video_file_module
from pipelines.media.limited import LimitedVideo
from pipelines.media.video_file import DECODERS, UnreadableVideo, VideoFile


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


def test_one_that_says_nonsense_is_one_line(video_file, monkeypatch, tmp_path):
    for text in ("nonsense", '{"width": 1}'.replace("1", "[" * 3000), ""):
        program = tmp_path / "say"
        program.write_text(f"#!/bin/sh\necho '{text}'\n")
        program.chmod(0o755)
        monkeypatch.setattr(confined.sys, "executable", str(program))
        with pytest.raises(UnreadableVideo, match="decoder gave up"):
            LimitedVideo(video_file())


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
