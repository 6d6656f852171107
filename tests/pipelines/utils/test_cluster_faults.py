"""A scheduler that goes away and workers of another version: one line, and what is done is kept."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from concurrent.futures import CancelledError
from contextlib import contextmanager
from types import SimpleNamespace

import numpy as np
import pytest
from distributed.comm import CommClosedError

from featurize.store import Store
from pipelines.datasets import registry
from pipelines.embedding import embed as module
from pipelines.embedding.embed import embed
from pipelines.utils import provenance
from pipelines.utils.cluster import Cluster, ClusterError, connect
from pipelines.utils.progress import Progress


@contextmanager
def started(*words):
    """Run one of dask's commands as a process of its own."""
    process = subprocess.Popen(
        [sys.executable, "-m", "dask", *words], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


@pytest.fixture
def served():
    """A scheduler with one worker, each a process: the scheduler's process and address."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    address = f"tcp://127.0.0.1:{port}"
    with started("scheduler", "--host", "127.0.0.1", "--port", str(port), "--no-dashboard") as scheduler:
        wait_for(lambda: answers(port))
        worker = ("worker", address, "--nthreads", "1", "--memory-limit", "0", "--no-dashboard", "--no-nanny")
        with started(*worker):
            yield scheduler, address


def answers(port):
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


def wait_for(condition, seconds=120):
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "waited too long"
        time.sleep(0.1)


def workers_of(address):
    """Connect; a worker that has not joined yet is waited for."""

    def joined():
        try:
            with connect(address):
                return True
        except ClusterError as error:
            assert "has no workers" in str(error)
            return False

    wait_for(joined)


class Ends(Progress):
    """Ends a process with SIGKILL when the first shard is done."""

    def __init__(self, process):
        self.process = process

    @contextmanager
    def task(self, label, total=None):
        yield lambda _done: os.kill(self.process.pid, signal.SIGKILL)


def test_a_scheduler_that_goes_away_is_one_line_and_the_rest_is_computed(served, tmp_path, monkeypatch):
    monkeypatch.setattr("featurize.shards.SHARD_ROWS", 16)
    scheduler, address = served
    faces, store = registry.load("synthetic", n_per_class=40), Store(tmp_path)
    workers_of(address)
    with connect(address) as cluster, pytest.raises(ClusterError) as caught:
        embed(faces, "hog", store=store, progress=Ends(scheduler), cluster=cluster)
    assert scheduler.wait() == -signal.SIGKILL
    words = str(caught.value)
    assert words.startswith(f"scheduler {address} was lost; run the same command again") and "\n" not in words
    again, whole = [], module._vectors
    monkeypatch.setattr(module, "_vectors", lambda *task: again.append(len(task[3])) or whole(*task))
    found = embed(faces, "hog", store=store, n_jobs=1)
    assert 0 < sum(again) < len(faces)  # the shards that had come are not computed again
    np.testing.assert_array_equal(found.X, embed(faces, "hog", store=Store(tmp_path / "alone")).X)


@pytest.mark.parametrize("raised", [CancelledError, CommClosedError])
def test_however_dask_says_it(raised):
    """The loss is met while it waits, or while the answer is on its way."""

    def result(timeout):
        raise raised("in <TCP (closed) ConnectionPool.gather>: Connection reset by peer")

    with pytest.raises(ClusterError, match=r"^scheduler tcp://there:1 was lost; run the same command again"):
        Cluster(None, "tcp://there:1").result(SimpleNamespace(result=result))


def test_a_worker_of_another_version_is_refused(served, monkeypatch):
    _, address = served
    workers_of(address)
    true = provenance.library_versions()
    monkeypatch.setattr(provenance, "library_versions", lambda: true | {"mueca": "9.9"})
    with pytest.raises(ClusterError) as caught, connect(address):
        pytest.fail("it would compute something else")
    words = str(caught.value)
    assert "\n" not in words and words.startswith("worker tcp://127.0.0.1:")
    python = true["python"]
    assert words.endswith(f"has mueca {true['mueca']}, python {python}; here it is 9.9, {python}")


def test_a_worker_of_another_library_is_a_warning(served, monkeypatch, caplog):
    _, address = served
    workers_of(address)
    true = provenance.library_versions()
    monkeypatch.setattr(provenance, "library_versions", lambda: true | {"numpy": "1.0"})
    with connect(address):
        pass
    assert "has another version of numpy: its figures may differ" in caplog.text
