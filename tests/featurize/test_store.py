"""The cache: found again, resumed, shared, checked."""

import errno
import json
import multiprocessing as mp
import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from featurize.hashes import canonical_json, key_of
from featurize.store import CacheError, Store

N, DIM = 1500, 7  # three shards
FIELDS = {"dataset": "abc", "extractor": {"name": "test", "version": 1}}
ROOT = Path(__file__).resolve().parents[2]


def expected(start=0, stop=N):
    rows = np.arange(start, stop, dtype=np.float32)[:, None]
    return rows + np.arange(DIM, dtype=np.float32) / 10


class Counting:
    """Computes spans and remembers which."""

    def __init__(self, stop_after=None):
        self.spans = []
        self.stop_after = stop_after

    def __call__(self, spans):
        for a, b in spans:
            if self.stop_after is not None and len(self.spans) == self.stop_after:
                raise KeyboardInterrupt
            self.spans.append((a, b))
            yield expected(a, b)


def test_second_time_comes_from_the_cache(tmp_path):
    compute = Counting()
    first = Store(tmp_path).get(FIELDS, N, DIM, compute)
    second = Store(tmp_path).get(FIELDS, N, DIM, compute)
    assert len(compute.spans) == 3
    assert not first.reused
    assert second.reused
    np.testing.assert_array_equal(second.X, expected())
    assert second.X.dtype == np.float32
    assert not second.X.flags.writeable


def test_interrupted_run_goes_on_where_it_stopped(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        Store(tmp_path).get(FIELDS, N, DIM, Counting(stop_after=2))
    rest = Counting()
    entry = Store(tmp_path).get(FIELDS, N, DIM, rest)
    assert rest.spans == [(1024, 1500)]
    np.testing.assert_array_equal(entry.X, expected())
    assert [p.name for p in (tmp_path / "embeddings" / entry.key).iterdir()].count("X.npy") == 1


CHILD = textwrap.dedent("""
    import sys, time
    sys.path[:0] = {paths!r}
    from test_store import FIELDS, N, DIM, expected
    from featurize.store import Store
    from pathlib import Path
    def slow(spans):
        for a, b in spans:
            yield expected(a, b)
            print("shard", flush=True)
            time.sleep({pause})
    Store(Path({root!r})).get(FIELDS, N, DIM, slow)
""")


def child(root, pause):
    code = CHILD.format(paths=[str(ROOT), str(Path(__file__).parent)], root=str(root), pause=pause)
    return subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)


def test_killed_run_goes_on(tmp_path):
    process = child(tmp_path, pause=60)
    assert process.stdout.readline() == "shard\n"
    wait_for(lambda: list((tmp_path / "embeddings").glob("*.partial/0-512-*.npy")))
    # The generator prints before the store has taken the block; the shard file is what we wait for.
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    rest = Counting()
    entry = Store(tmp_path).get(FIELDS, N, DIM, rest)
    assert (0, 512) not in rest.spans
    np.testing.assert_array_equal(entry.X, expected())


def wait_for(condition, seconds=300):
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "waited too long"
        time.sleep(0.02)


def _write(root, done):
    compute = Counting()
    entry = Store(root).get(FIELDS, N, DIM, compute)
    done.put((len(compute.spans), bool(np.array_equal(entry.X, expected()))))


def test_two_writers_compute_once(tmp_path):
    context = mp.get_context("spawn")
    done = context.Queue()
    writers = [context.Process(target=_write, args=(tmp_path, done)) for _ in range(2)]
    for writer in writers:
        writer.start()
    results = [done.get(timeout=300) for _ in writers]
    for writer in writers:
        writer.join()
    assert sorted(count for count, _ in results) == [0, 3]
    assert all(equal for _, equal in results)


@pytest.mark.parametrize("harm", ["flip", "truncate", "remove", "manifest", "swap"])
def test_damage_is_found_and_mended(tmp_path, harm, caplog):
    key = Store(tmp_path).get(FIELDS, N, DIM, Counting()).key
    folder = tmp_path / "embeddings" / key
    content = bytearray((folder / "X.npy").read_bytes())
    if harm == "flip":
        content[-3] ^= 1
        (folder / "X.npy").write_bytes(content)
    elif harm == "truncate":
        (folder / "X.npy").write_bytes(content[: len(content) // 2])
    elif harm == "remove":
        (folder / "X.npy").unlink()
    elif harm == "manifest":
        (folder / "manifest.json").write_text("{")
    else:
        manifest = json.loads((folder / "manifest.json").read_text())
        manifest["fields"]["dataset"] = "another"
        (folder / "manifest.json").write_text(json.dumps(manifest))
    assert key in Store(tmp_path).verify()
    again = Counting()
    entry = Store(tmp_path).get(FIELDS, N, DIM, again)
    assert len(again.spans) == 3
    np.testing.assert_array_equal(entry.X, expected())
    assert not Store(tmp_path).verify()


def test_torn_shard_is_computed_again(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        Store(tmp_path).get(FIELDS, N, DIM, Counting(stop_after=2))
    (shard,) = (tmp_path / "embeddings").glob("*.partial/0-512-*.npy")
    shard.write_bytes(shard.read_bytes()[:-10])
    rest = Counting()
    Store(tmp_path).get(FIELDS, N, DIM, rest)
    assert rest.spans == [(0, 512), (1024, 1500)]


def test_full_disk_says_so_and_keeps_what_is_done(tmp_path, monkeypatch):
    whole, written = np.save, []

    def filling(file, block, **options):
        if len(written) == 1:
            raise OSError(errno.ENOSPC, "No space left on device")
        written.append(block)
        whole(file, block, **options)

    monkeypatch.setattr(np, "save", filling)
    with pytest.raises(CacheError, match="disk full"):
        Store(tmp_path).get(FIELDS, N, DIM, Counting())
    monkeypatch.undo()
    rest = Counting()
    Store(tmp_path).get(FIELDS, N, DIM, rest)
    assert rest.spans == [(512, 1024), (1024, 1500)]


def test_cache_folder_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(CacheError, match="set MUECA_CACHE"):
        Store(tmp_path / "file").get(FIELDS, N, DIM, Counting())


def test_wrong_shape_or_type_is_refused(tmp_path):
    def wrong(spans):
        yield from (expected(a, b).astype(np.float64) for a, b in spans)

    with pytest.raises(ValueError, match="float64"):
        Store(tmp_path).get(FIELDS, N, DIM, wrong)


def test_no_rows(tmp_path):
    entry = Store(tmp_path).get(FIELDS, 0, DIM, Counting())
    assert entry.X.shape == (0, DIM)


def test_entries_and_prune(tmp_path):
    store = Store(tmp_path)
    kept = store.get(FIELDS, N, DIM, Counting()).key
    old = store.get(FIELDS | {"dataset": "old"}, 10, DIM, Counting()).key
    with pytest.raises(KeyboardInterrupt):
        store.get(FIELDS | {"dataset": "half"}, N, DIM, Counting(stop_after=1))
    assert sorted(e.state for e in store.entries()) == ["partial", "whole", "whole"]
    long_ago = time.time() - 10 * 86400
    os.utime(tmp_path / "embeddings" / old / "manifest.json", (long_ago, long_ago))
    removed = store.prune(unused_days=5)
    assert sorted(e.state for e in removed) == ["partial", "whole"]
    assert [e.key for e in store.entries()] == [kept]
    assert [e.key for e in store.prune(everything=True)] == [kept]
    assert store.entries() == []


def test_path_with_spaces_and_letters_of_other_languages(tmp_path):
    entry = Store(tmp_path / "mi caché ñandú 表情").get(FIELDS, 10, DIM, Counting())
    assert entry.X.shape == (10, DIM)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


@given(st.dictionaries(st.text(), JSON))
def test_key_does_not_depend_on_the_order_of_fields(fields):
    backwards = dict(reversed(list(fields.items())))
    assert key_of(fields) == key_of(backwards)
    assert key_of(json.loads(canonical_json(fields))) == key_of(fields)


@given(st.dictionaries(st.text(), JSON), st.text(), JSON)
def test_key_depends_on_every_field(fields, name, value):
    changed = fields | {name: value}
    same = canonical_json(changed) == canonical_json(fields)
    assert (key_of(changed) == key_of(fields)) == same


def test_key_refuses_nan():
    with pytest.raises(ValueError, match="NaN|Out of range"):
        key_of({"a": float("nan")})
