"""The cache: found again, resumed, shared, checked."""

import errno
import hashlib
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
from pipelines.utils.console import format_error

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


def odd_manifests():
    """Return what a manifest may hold that is none."""
    whole = {"format": 1, "key": "k", "fields": {}, "shape": [1500, 7], "seconds": 0.1, "sha256": "0" * 64}
    odd = [
        b"[]",
        b'"x"',
        b"1",
        b"null",
        b"\xff\xfe",
        b"",
        b"[" * 100_000,
        b'{"format": ' + b"9" * 5000 + b"}",
    ]
    parts = [
        {"fields": []}, {"fields": 1}, {"fields": {"extractor": 3}}, {"shape": 7}, {"shape": ["a", "b"]},
        {"shape": [1]}, {"shape": None}, {"shape": [-1, 7]}, {"shape": [True, 7]}, {"format": "1"},
        {"seconds": "many"}, {"seconds": None}, {"key": None}, {"sha256": 5},
    ]  # fmt: skip
    return [*odd, *(json.dumps(whole | part).encode() for part in parts)]


@pytest.mark.parametrize("content", odd_manifests(), ids=lambda c: c[:40].decode("latin-1"))
def test_a_manifest_that_is_none_is_a_damaged_entry(tmp_path, content):
    store = Store(tmp_path)
    good, odd = store.get(FIELDS, N, DIM, Counting()).key, store.get({"a": 1}, N, DIM, Counting()).key
    (store.folder / odd / "manifest.json").write_bytes(content)
    states = {entry.key: entry.state for entry in store.entries()}
    assert states[good] == "whole"
    assert list(store.verify()) == [odd]
    assert not store.get({"a": 1}, N, DIM, Counting()).reused
    (store.folder / odd / "manifest.json").write_bytes(content)
    assert [entry.key for entry in store.prune()] == [odd]
    assert [entry.key for entry in store.prune(everything=True)] == [good]


def test_an_entry_of_folders_links_and_pipes_is_damaged(tmp_path):
    store = Store(tmp_path)
    folder = store.folder / ("a" * 64)
    (folder / "manifest.json").mkdir(parents=True)
    (folder / "X.npy").symlink_to("nowhere")
    (folder / "inside").mkdir()
    (store.folder / "notes").mkdir()
    assert [(e.key, e.state) for e in store.entries()] == [("a" * 64, "damaged")]
    assert list(store.verify()) == ["a" * 64]
    store.prune()
    assert [p.name for p in store.folder.iterdir()] == ["notes"]  # no entry: somebody's own


def test_vectors_of_another_shape_with_their_sum(tmp_path):
    store = Store(tmp_path)
    key = store.get(FIELDS, N, DIM, Counting()).key
    for X in (np.zeros((N, DIM + 1), np.float32), np.zeros((N, DIM)), np.zeros((N - 1, DIM), np.float32)):
        np.save(store.folder / key / "X.npy", X)
        manifest = json.loads((store.folder / key / "manifest.json").read_text())
        manifest["sha256"] = hashlib.sha256((store.folder / key / "X.npy").read_bytes()).hexdigest()
        (store.folder / key / "manifest.json").write_text(json.dumps(manifest))
        assert "should hold float32 (1500, 7)" in store.verify()[key]
        np.testing.assert_array_equal(store.get(FIELDS, N, DIM, Counting()).X, expected())


def test_odd_times_of_a_partial_entry_stop_nothing(tmp_path):
    store = Store(tmp_path)
    with pytest.raises(KeyboardInterrupt):
        store.get(FIELDS, N, DIM, Counting(stop_after=1))
    (partial,) = store.folder.glob("*.partial")
    (partial / "seconds.txt").write_bytes(b"0.5\nmany\nnan inf -3 \xff\n0.25\n")
    entry = store.get(FIELDS, N, DIM, Counting())
    assert 0.75 <= entry.manifest["seconds"] < 60


def test_the_vectors_are_written_as_numpy_writes_them(tmp_path):
    store = Store(tmp_path)
    key = store.get(FIELDS, N, DIM, Counting()).key
    np.save(tmp_path / "its.npy", expected())
    assert (store.folder / key / "X.npy").read_bytes() == (tmp_path / "its.npy").read_bytes()


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EFBIG])
@pytest.mark.parametrize("step", ["posix_fallocate", "fsync"])
def test_an_error_of_the_disk_is_one_line_with_a_file_and_no_circle_of_causes(
    tmp_path, monkeypatch, number, step
):
    def full(*_):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, step, full)
    with pytest.raises(OSError) as caught:
        Store(tmp_path).get(FIELDS, N, DIM, Counting())
    monkeypatch.undo()
    line, error, causes = format_error(caught.value), caught.value, []
    assert str(tmp_path) in line and "\n" not in line and "Errno" not in line
    while error is not None:
        assert error not in causes
        causes.append(error)
        error = error.__cause__ or error.__context__
    np.testing.assert_array_equal(Store(tmp_path).get(FIELDS, N, DIM, Counting()).X, expected())


def test_a_full_disk_is_no_signal(tmp_path):
    """A limit on the size of files is what a full disk is to a file that is mapped."""
    program = """
        import resource, signal, sys
        import numpy as np
        from featurize.store import Store
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (60_000, 60_000))
        compute = lambda spans: (np.zeros((b - a, 20), np.float32) for a, b in spans)
        try:
            Store(sys.argv[1]).get({"a": 1}, 1500, 20, compute)
        except OSError as error:
            print(type(error).__name__, error.errno, error.filename or error)
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program), str(tmp_path)], cwd=ROOT, capture_output=True,
        text=True, check=True,
    )  # fmt: skip
    assert done.stdout.startswith(f"OSError {errno.EFBIG} {tmp_path}"), done.stdout
