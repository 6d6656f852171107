"""The same figures from other processes, whatever becomes of one of them."""

from __future__ import annotations

import os
import signal
import socket
import threading
import time
from contextlib import contextmanager
from dataclasses import asdict, replace

import numpy as np
import pytest

import cli
from featurize.store import Store
from pipelines.embedding import shards
from pipelines.embedding.embed import embed
from pipelines.evaluation import remote
from pipelines.evaluation.compare import compare
from pipelines.evaluation.recipe import recipe_from
from pipelines.results.predictions import load_predictions
from pipelines.utils.cluster import ClusterError, connect
from pipelines.utils.progress import Progress

RECIPE = {
    "name": "spread",
    "data": {"name": "synthetic", "options": {"n_per_class": 20, "n_identities": 10}},
    "protocols": [{"protocol": "holdout", "validation": 0.25}],
    "extractors": [{"extractor": "hog+pixels", "mirror": True}, "lbp"],
    "heads": [
        {"head": "svm", "grid": {"C": [1.0, 10.0]}},
        {"head": "forest", "params": {"n_estimators": 10}},
        {"head": "knn", "params": {"n_neighbors": 5000}},  # fails
    ],
}
#: What depends on the clock.
TIMES = {"extract_s": 0, "fit_s": 0, "predict_ms_per_sample": 0}


@pytest.fixture(scope="module")
def cluster():
    """Two worker processes."""
    with connect(workers=2) as found:
        yield found


@pytest.fixture(scope="module")
def here(tmp_path_factory):
    """What the recipe gives without a cluster: the folder and its rows."""
    folder = tmp_path_factory.mktemp("here")
    return folder, compare(recipe_from(RECIPE), folder, store=Store(folder / "cache")).rows


def same_rows(ours, theirs, folder, other):
    for a, b in zip(ours, theirs, strict=True):
        a, b = asdict(replace(a, **TIMES)), asdict(replace(b, **TIMES))
        # A pickle writes an object once however often it stands in it; one that travelled may stand twice.
        assert abs(a.pop("model_bytes") - b.pop("model_bytes")) < 200
        # As words: an undefined score equals itself then.
        assert {k: (a[k], b[k]) for k in a if str(a[k]) != str(b[k])} == {}
    for row in (r for r in ours if r.split == "test" and r.status == "ok"):
        a, b = (load_predictions(f / "predictions" / f"{row.run}.npz") for f in (folder, other))
        np.testing.assert_array_equal(a.predicted, b.predicted)
        np.testing.assert_allclose(a.scores, b.scores, atol=1e-4)


class Killer(Progress):
    """Ends a worker with SIGKILL when the first shard, and again when the first run, is done."""

    def __init__(self, cluster):
        self.cluster, self.killed = cluster, []

    @contextmanager
    def task(self, label, total=None):
        def advance(_done):
            kind = label.split()[0]
            if kind not in self.killed and kind in ("pixels", "comparing"):
                self.killed.append(kind)
                pids = self.cluster.client.run(os.getpid)
                os.kill(next(iter(pids.values())), signal.SIGKILL)

        yield advance


def test_a_worker_killed_in_the_middle_costs_no_row(cluster, here, tmp_path, monkeypatch):
    monkeypatch.setattr("featurize.shards.SHARD_ROWS", 16)
    killer = Killer(cluster)
    store = Store(tmp_path / "cache")
    found = compare(recipe_from(RECIPE), tmp_path, store=store, progress=killer, cluster=cluster)
    assert killer.killed == ["pixels", "comparing"]
    assert (found.computed, found.failed) == (4, 2)
    same_rows(found.rows, here[1], tmp_path, here[0])


def test_workers_without_our_files_are_sent_pictures_and_vectors(cluster, here, tmp_path, monkeypatch):
    """Their answer is None, and what they lack is sent."""
    whole, asked = cluster.submit, []

    def submit(function, *args):
        asked.append(function.__name__)
        if function is shards.shard and args[2] is not None:
            args = (args[0], args[1], np.array(["0" * 64] * len(args[1])), *args[3:])  # stale copies there
        if function is remote.evaluated:
            where = [replace(at, root=str(tmp_path / "elsewhere")) for at in args[3]]
            args = (*args[:3], where, *args[4:])
        return whole(function, *args)

    monkeypatch.setattr(cluster, "submit", submit)
    store = Store(tmp_path / "cache")
    recipe = recipe_from(RECIPE | {"extractors": ["lbp"], "heads": RECIPE["heads"][:1]})
    found = compare(recipe, tmp_path, store=store, cluster=cluster)
    assert asked.count("shard") == 2 and asked.count("evaluated") == 2
    same_rows(found.rows, [r for r in here[1] if r.run == found.rows[0].run], tmp_path, here[0])


def test_folds_are_computed_by_workers_too(cluster, tmp_path, monkeypatch):
    """A run that fails on a worker is a row; the others are those of a run without a cluster."""
    recipe = recipe_from({
        "name": "folds",
        "data": {"name": "synthetic-clips", "options": {"n_subjects": 4, "clips_per_subject": 6}},
        "protocols": [{"protocol": "loso", "inner_folds": 2}, "kfold"],
        "extractors": ["pooled(of='pixels', side=16)"],
        "heads": [{"head": "knn", "grid": {"n_neighbors": [1, 3]}}],
    })  # fmt: skip
    alone = compare(recipe, tmp_path / "alone", store=Store(tmp_path / "cache"))
    monkeypatch.setattr("pipelines.cross_validation.run.cross_validate", None)  # none of it here
    spread = compare(recipe, tmp_path / "spread", store=Store(tmp_path / "cache"), cluster=cluster)
    assert (spread.computed, spread.failed) == (1, 1)
    assert "kfold would have subjects on both sides" in spread.pooled[1].error
    rows = [[r for r in found.rows if r.status == "ok"] for found in (alone, spread)]
    same_rows(*rows, tmp_path / "alone", tmp_path / "spread")


def test_featurize_through_a_scheduler(cluster, tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("MUECA_CACHE", str(tmp_path))
    words = ["featurize", "--data", "synthetic", "--backbone", "hog", "--scheduler", cluster.address]
    with pytest.raises(SystemExit) as left:
        cli.main(words)
    out, err = capsys.readouterr()
    assert (left.value.code, err) == (0, "") and "vectors of 900" in out
    (entry,) = Store().entries()
    from pipelines.datasets import registry

    alone = embed(registry.load("synthetic"), "hog", store=Store(tmp_path / "alone"))
    np.testing.assert_array_equal(alone.X, Store().open(entry.key).X)


@contextmanager
def server(answer):
    """Listen on a free port and give everyone the same answer."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve():
            while True:
                try:
                    connection, _ = listening.accept()
                    connection.sendall(answer)
                    connection.close()
                except OSError:
                    return

        threading.Thread(target=serve, daemon=True).start()
        yield listening.getsockname()[1]


@pytest.mark.parametrize("answer", [b"", b"HTTP/1.1 400 Bad Request\r\n\r\n"])
def test_a_server_that_is_no_scheduler(answer):
    started = time.monotonic()
    with server(answer) as port, pytest.raises(ClusterError, match="no dask scheduler") as seen:  # noqa: SIM117
        with connect(f"tcp://127.0.0.1:{port}"):
            pass
    assert time.monotonic() - started < 20 and "\n" not in str(seen.value)


def test_a_scheduler_that_does_not_answer():
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    started = time.monotonic()
    words = "no scheduler answers .*refused.* dask scheduler"
    with pytest.raises(ClusterError, match=words), connect(f"tcp://127.0.0.1:{port}"):
        pass
    assert time.monotonic() - started < 10


@pytest.mark.parametrize(
    "address",
    ["", "localhost", "8786", "http://localhost:1", "tcp://", "tcp://h", "tcp://h:0", "tcp://h:99999"],
)
def test_an_address_that_cannot_be_read(address):
    with pytest.raises(ValueError, match="give tcp://HOST:PORT"), connect(address):
        pass


def test_workers_that_make_no_sense():
    with pytest.raises(ValueError, match="give 1 or more"), connect(workers=0):
        pass
    with pytest.raises(ValueError, match="not both"), connect("tcp://h:1", 2):
        pass


def test_without_workers_a_run_says_so_and_ends(monkeypatch, caplog):
    from distributed import TimeoutError as NotYet

    from pipelines.utils import cluster as module

    class Client:
        status = "running"

        def scheduler_info(self, n_workers):
            return {"workers": {}}

    class Future:
        def result(self, timeout):
            raise NotYet

    monkeypatch.setattr(module, "PATIENCE_S", 0.0)
    lonely = module.Cluster(Client(), "tcp://h:1")
    with pytest.raises(ClusterError, match="no workers for .*goes on from here"):
        lonely.result(Future())
    assert caplog.messages == ["tcp://h:1 has no workers; waiting for one"]
    Client.status = "closed"
    with pytest.raises(ClusterError, match="was lost"):
        lonely.result(Future())


def test_a_scheduler_without_workers_is_one_line(monkeypatch):
    from distributed import LocalCluster

    monkeypatch.setattr("pipelines.utils.cluster.ANSWER_S", 1.0)
    with LocalCluster(n_workers=0, host="127.0.0.1", dashboard_address=None) as empty:
        address = empty.scheduler_address
        with pytest.raises(ClusterError) as caught, connect(address):
            pytest.fail("nothing can be computed there")
    assert str(caught.value) == f"{address} has no workers; start some with: dask worker {address}"
