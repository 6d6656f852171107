"""How long a table of many images takes to be read and fingerprinted, and how much memory.

Run: python benchmarks/tables.py [ROWS] [IMAGES], by default 100,000 rows over as many 48x48 JPEGs, which are
drawn first. Each table is read in a process of its own: once with nothing remembered, and once again. To
stay below: 60 s and 1 GB. Beside the clock stand the seconds of the processor and the load average: on a
busy machine the clock says how busy it was.
"""

import csv
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image
from recording import recording

CLASSES = ("angry", "happy", "neutral", "sad")
MOST_SECONDS, MOST_BYTES = 60, 1e9


def drawn(folder, images):
    """Write noise as JPEGs, a thousand a folder."""
    rng = np.random.default_rng(0)
    for i in range(images):
        path = folder / f"{i // 1000:03d}" / f"{i:06d}.jpg"
        path.parent.mkdir(exist_ok=True)
        Image.fromarray(rng.integers(0, 256, (48, 48), np.uint8)).save(path, quality=80)


def records(rows, images):
    """Yield file, label, split and subject of each row."""
    for i in range(rows):
        at = i % images
        split = "test" if i % 10 == 9 else "train"
        yield f"{at // 1000:03d}/{at:06d}.jpg", CLASSES[at % 4], split, f"{split}{at % 500}"


def written(folder, rows, images):
    """Write the table in three forms; return their paths."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    head = ("file", "label", "split", "subject")
    all_rows = list(records(rows, images))
    with (folder / "faces.csv").open("w", newline="") as file:
        csv.writer(file).writerows([head, *all_rows])
    columns = zip(*all_rows, strict=True)
    pq.write_table(pa.table(dict(zip(head, map(list, columns), strict=True))), folder / "faces.parquet")
    return [folder / "faces.csv", folder / "faces.parquet"]


def read(path, cache):
    """Load a table, print seconds and megabytes."""
    from pipelines.datasets import registry

    started, worked = time.perf_counter(), time.process_time()
    data = registry.load(path, cache=cache)
    fingerprint = data.fingerprint
    seconds = time.perf_counter() - started
    worked = time.process_time() - worked
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    mark = "" if seconds <= MOST_SECONDS and peak <= MOST_BYTES else "  too much"
    times = f"{seconds:8.1f} s ({worked:.1f} s of processor)"
    load = f"load average {os.getloadavg()[0]:.1f}"
    print(f"{times}{peak / 1e6:8.0f} MB  {len(data):,} rows, {fingerprint[:12]}, {load}{mark}")


def main(rows, images):
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        drawn(root, images)
        for path in written(root, rows, images):
            for when in ("first", "again"):
                print(f"{path.suffix:<9}{when:<6}", end="", flush=True)
                cache = root / f"cache{path.suffix}"
                call = [sys.executable, __file__, "--read", path, cache]
                print(subprocess.run(call, check=True, stdout=subprocess.PIPE, text=True).stdout, end="")  # noqa: S603


if __name__ == "__main__":
    if sys.argv[1:2] == ["--read"]:
        read(Path(sys.argv[2]), Path(sys.argv[3]))
    else:
        with recording("tables"):
            main(*(int(word) for word in [*sys.argv[1:3], *("100000", "100000")[len(sys.argv) - 1 :]]))
