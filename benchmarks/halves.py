"""FER2013's two test halves apart, where a recipe was tested on both: PublicTest may have chosen something.

Run: python benchmarks/halves.py results/vggface2-mobilenet
The folder is that of a finished ``mueca compare``; nothing is computed anew.
"""

import sys
from pathlib import Path

import numpy as np
from recording import recording

from pipelines.results.predictions import load_predictions
from pipelines.results.rows import read_rows

HALVES = ("PublicTest", "PrivateTest")


def main(folder):
    print("right in %                     PublicTest  PrivateTest  PrivateTest, test-clean")
    for row in read_rows(folder / "rows.csv"):
        if row.split == "test" and row.status == "ok":
            kept = load_predictions(folder / "predictions" / f"{row.run}.npz")
            right = kept.predicted == kept.true
            public, private = (np.array([half in name for name in kept.ids]) for half in HALVES)
            print(f"{row.head} on {row.extractor}, {row.params}\n"
                  f"{percent(right[public]):>41}{percent(right[private]):>13}"
                  f"{percent(right[private & kept.clean]):>25}")  # fmt: skip


def percent(right):
    return f"{100 * right.mean():.2f}"


if __name__ == "__main__":
    given = Path(sys.argv[1])
    with recording(f"halves-{given.name}"):
        main(given)
