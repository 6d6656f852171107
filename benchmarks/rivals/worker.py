"""Ask one package, in its own environment: python worker.py ADAPTER VARIANT JOB.json OUT.json.

Needs NumPy and what the adapter imports; nothing of this toolkit. The job names files of raw bytes: faces,
(n, side, side) uint8, and images, (h, w, 3) RGB uint8. With "repeats" in it, times are taken and no answers.
"""

import importlib.util
import json
import sys
import time
from pathlib import Path


def adapter(path):
    """Import a file under a name that hides no package."""
    spec = importlib.util.spec_from_file_location(f"adapter_{path.stem}", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def raw(file, *shape):
    """Return an array of a file of bytes."""
    import numpy as np

    return np.fromfile(file, np.uint8).reshape(shape)


def answers(rival, faces, images):
    """Return the numbers of every face, and boxes with numbers of every image (None without a detector)."""
    found = None
    if rival.search is not None:
        found = [[[list(box), list(row)] for box, row in rival.search(image)] for image in images]
    return {"scores": rival.classify(faces).tolist(), "images": found}


def times(rival, faces, images, repeats):
    """Return the seconds of each repeat over all faces, and over all images."""
    rival.classify(faces[:8])
    found = {"faces": [timed(lambda: rival.classify(faces)) for _ in range(repeats)], "images": None}
    if rival.search is not None:
        list(rival.search(images[0]))
        found["images"] = [timed(lambda: [list(rival.search(i)) for i in images]) for _ in range(repeats)]
    return found


def timed(call):
    """Return how long a call takes, and how much of the processor, over all threads."""
    started, worked = time.perf_counter(), time.process_time()
    call()
    return time.perf_counter() - started, time.process_time() - worked


def main(file, variant, job, out):
    given = json.loads(Path(job).read_text())
    faces = list(raw(given["faces"], -1, given["side"], given["side"]))
    images = [raw(i["file"], i["height"], i["width"], 3) for i in given["images"]]
    rival = adapter(Path(file)).Rival(variant)
    about = {
        "version": rival.version,
        "labels": list(rival.labels),
        "bytes": sum(len(file.read_bytes()) for file in rival.weights),
    }
    if given.get("repeats"):
        said = times(rival, faces, images, given["repeats"])
    else:
        said = answers(rival, faces, images)
    Path(out).write_text(json.dumps({**about, **said}))


if __name__ == "__main__":
    sys.path.pop(0)  # this folder: its files have the names of the packages they ask
    main(*sys.argv[1:])
