"""Photos and trainings on workers: the same records, the same runs; and how large their tasks are."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from featurize.store import Store
from pipelines.embedding import shards
from pipelines.embedding.embed import embed
from pipelines.evaluation import remote
from pipelines.prediction import files
from pipelines.prediction import remote as predicting
from pipelines.training.recipe import recipe as training_recipe
from pipelines.training.train import run as train_one
from pipelines.training.train import train_runs
from pipelines.utils.cluster import ClusterError, connect


@pytest.fixture(scope="module")
def cluster():
    """One worker process."""
    with connect(workers=1) as found:
        yield found


@pytest.fixture
def photos(tiny, tmp_path):
    """Twelve photos, and a file that is none."""
    folder = tmp_path / "photos"
    folder.mkdir()
    for i in range(12):
        Image.fromarray(tiny.samples[i * 10]).resize((96, 96)).save(folder / f"{i:02d}.png")
    (folder / "none.png").write_text("no image")
    return folder


@pytest.mark.parametrize("sent", [False, True])
def test_photos_are_classified_by_workers_alike(cluster, photos, model_folder, tmp_path, monkeypatch, sent):
    monkeypatch.setattr(predicting, "PHOTOS", 5)
    whole, asked = cluster.submit, []

    def submit(function, names, data, *rest):
        asked.append(data is not None)
        if sent and data is None:  # a worker that does not see the files
            names = [f"/elsewhere/{name}" for name in names]
        return whole(function, names, data, *rest)

    monkeypatch.setattr(cluster, "submit", submit)
    given = {"model": model_folder("hog", "softmax"), "detector": "none"}
    for name, more in (("here", {}), ("there", {"cluster": cluster})):
        tally = files.run([photos], out=tmp_path / f"{name}.jsonl", **given, **more)
        assert (tally.photos, len(tally.faults)) == (12, 1)
    assert (tmp_path / "here.jsonl").read_text() == (tmp_path / "there.jsonl").read_text()
    assert asked.count(True) == (3 if sent else 0)


def test_copies_are_drawn_here(cluster, photos, model_folder, tmp_path):
    options = files.Options(drawn=tmp_path / "drawn")
    model = model_folder("hog", "softmax")
    files.run([photos], options, model=model, detector="none", out=tmp_path / "o.jsonl", cluster=cluster)
    assert len(list((tmp_path / "drawn").glob("*.jpg"))) == 12


def test_a_worker_with_another_model_is_refused(cluster, photos, model_folder, tmp_path, monkeypatch):
    monkeypatch.setattr(predicting, "key_of", lambda _card: "another")
    with pytest.raises(ClusterError, match="a worker has another model"):
        files.run(
            [photos], model=model_folder("hog", "softmax"), detector="none", out=tmp_path / "o.jsonl",
            cluster=cluster,
        )  # fmt: skip


def test_boxes_take_no_workers(cluster, photos, tmp_path):
    table = tmp_path / "boxes.csv"
    table.write_text("file,left,top,width,height\nphotos/00.png,1,1,50,50\n")
    with pytest.raises(ValueError, match="are for photos without --boxes"):
        files.run([photos / "00.png"], out=tmp_path / "o.jsonl", boxes=table, cluster=cluster)


@pytest.mark.slow
def test_runs_are_trained_by_workers(cluster, tiny, tmp_path):
    plan = training_recipe(backbone="ucm-a", epochs=1, batch_size=32)
    there = train_runs(tiny, plan, tmp_path, 2, cluster=cluster)
    assert there["runs"] == 2
    for name in ("run-01", "run-02"):
        assert (tmp_path / name / "weights.npz").is_file()
    assert train_runs(tiny, plan, tmp_path, 2) == there  # nothing is trained again


def test_one_training_takes_no_workers(cluster, tmp_path):
    with pytest.raises(ValueError, match="are for several runs; give --runs"):
        train_one("synthetic", {"backbone": "ucm-a", "epochs": 1}, tmp_path, cluster=cluster)


def test_tasks_are_as_long_as_the_extractor_is_slow():
    spans = [(a, a + 512) for a in range(0, 512 * 200, 512)]
    tasks = shards.TaskSizes(spans, 3600)
    given = iter(tasks)
    first = next(given)
    assert len(first) == 1
    tasks.took(first, 0.02)  # fast: as many as may return
    assert len(next(given)) == 32_000_000 // (512 * 3600)
    tasks.took(first, 30.0)  # slow: one
    assert len(next(given)) == 1
    rest = [span for group in given for span in group]
    assert rest[-1] == spans[-1]
    assert sum(map(len, tasks.sent)) == 200


def test_vectors_are_opened_once_a_worker(tmp_path, tiny, monkeypatch):
    store = Store(tmp_path)
    at = remote.address(embed(tiny, "hog", store=store), store)
    monkeypatch.setattr(remote, "HERE", {})
    first = remote.fetched(at, None)
    monkeypatch.setattr(Store, "open", lambda *_: pytest.fail("opened again"))
    assert remote.fetched(at, None).X is first.X
    for i in range(5):
        remote.fetched(replace(at, keys=(str(i),)), [np.zeros((2, 3), np.float32)])
    assert len(remote.HERE) <= 3
