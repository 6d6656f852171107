"""How long ``mueca featurize`` takes for a whole data set, as a user runs it, start and writing included.

    python benchmarks/featurize_time.py --data fer2013 --backbone fisher

The vectors are kept in the cache (MUECA_CACHE); where they are there already nothing can be timed.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time

from recording import recording


def asked() -> argparse.Namespace:
    """Return the options."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--data", default="fer2013")
    parser.add_argument("--backbone", default="fisher")
    return parser.parse_args()


def main(options: argparse.Namespace) -> None:
    words = ["featurize", "--data", options.data, "--backbone", options.backbone, "--json"]
    started = time.perf_counter()
    command = [sys.executable, "-m", "cli", *words]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    took = time.perf_counter() - started
    found = json.loads(done.stdout)
    if found["from_cache"]:
        raise SystemExit("the vectors were in the cache; give another MUECA_CACHE")
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    print(f"mueca {' '.join(words[:-1])}: {found['samples']:,} vectors of {found['dim']:,}")
    print(f"{took / 60:.1f} minutes ({took:.0f} s), {found['samples'] / took:.0f} faces a second")
    print(f"peak memory of the largest process {used.ru_maxrss * 1024 / 1e9:.2f} GB")


if __name__ == "__main__":
    given = asked()
    with recording(f"featurize-{given.backbone}"):
        main(given)
