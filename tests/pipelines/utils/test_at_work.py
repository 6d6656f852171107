"""One run at a time; the second is told who works there."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import pytest

from pipelines.utils.at_work import at_work, lock_of
from tests.helpers.rooms import ROOT


def test_the_second_is_told_who_works_there(tmp_path):
    place = lock_of(tmp_path / "out")
    with at_work(place, "mueca fit", tmp_path / "out"):
        words = rf"mueca fit \(process {os.getpid()} on .*since .*wait for it"
        with pytest.raises(ValueError, match=words), at_work(place, "mueca fit", tmp_path / "out"):
            pass
        assert place.exists()
    assert not place.exists()
    with at_work(place, "mueca fit", tmp_path / "out"):
        pass
    assert list(tmp_path.iterdir()) == []


def test_an_error_of_the_block_frees_it(tmp_path):
    with pytest.raises(ZeroDivisionError), at_work(tmp_path / "a.lock", "x", tmp_path):
        raise ZeroDivisionError
    with at_work(tmp_path / "a.lock", "x", tmp_path):
        pass


def test_what_a_killed_run_has_left_is_taken_over(tmp_path):
    program = (
        "import sys, time; from pathlib import Path; from pipelines.utils.at_work import at_work\n"
        "with at_work(Path(sys.argv[1]), 'x', Path('y')):\n print('here', flush=True); time.sleep(60)"
    )
    running = subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path / "a.lock")], cwd=ROOT, stdout=subprocess.PIPE
    )
    assert running.stdout is not None and running.stdout.readline() == b"here\n"
    words = f"process {running.pid}"
    with pytest.raises(ValueError, match=words), at_work(tmp_path / "a.lock", "x", tmp_path):
        pass
    running.send_signal(signal.SIGKILL)
    running.wait()
    with at_work(tmp_path / "a.lock", "x", tmp_path):
        pass
    assert list(tmp_path.iterdir()) == []


def test_of_many_at_once_one_works_at_a_time(tmp_path):
    program = (
        "import os, sys, time; from pathlib import Path; from pipelines.utils.at_work import at_work\n"
        "place, mark, done = Path(sys.argv[1]) / 'a.lock', Path(sys.argv[1]) / 'mark', 0\n"
        "while done < 20:\n"
        "  try:\n"
        "    with at_work(place, 'x', place):\n"
        "      os.close(os.open(mark, os.O_CREAT | os.O_EXCL)); mark.unlink(); done += 1\n"
        "  except ValueError: time.sleep(0.001)\n"
    )
    running = [subprocess.Popen([sys.executable, "-c", program, str(tmp_path)], cwd=ROOT) for _ in range(3)]
    assert [process.wait(120) for process in running] == [0, 0, 0]
    assert time.monotonic() and list(tmp_path.iterdir()) == []
