"""Print the best hand-crafted result beside its target, from the folders that comparison.py filled.

Run: python benchmarks/best_handcrafted.py FOLDER [FOLDER ...]
The combination is chosen by validation over all folders; only then is its test row read.
"""

import sys
from pathlib import Path

from recording import recording

from pipelines.results.rows import read_rows

TARGETS = {"hog + svm C=10": 0.595, "best, chosen on validation": 0.623, "aim": 0.6748}


def shown(title, rows, run, target):
    print(f"\n{title} (target {target:.4f})")
    for row in (r for r in rows if r.run == run):
        interval = f"[{row.ci_low:.4f}, {row.ci_high:.4f}]"
        cell = f"{row.extractor}, {row.head} {row.params}"
        print(f"  {row.split:<11}{row.accuracy:.4f} {interval}  n={row.n_test}  {cell}")


def main(folders):
    rows = [row for folder in folders for row in read_rows(Path(folder) / "rows.csv") if row.status == "ok"]
    chosen = sorted((r for r in rows if r.split == "validation"), key=lambda r: -r.accuracy)
    print(f"{len(chosen)} combinations; the five that validation likes best:")
    for row in chosen[:5]:
        print(f"  {row.accuracy:.4f}  {row.extractor}, {row.head}")
    shown("best, chosen on validation", rows, chosen[0].run, TARGETS["best, chosen on validation"])
    plain = next(r for r in chosen if (r.extractor, r.head) == ("hog", "svm"))
    shown("hog + svm", rows, plain.run, TARGETS["hog + svm C=10"])
    print(f"\naim: {TARGETS['aim']:.4f} (dense SIFT words and local learning, Ionescu and others 2013)")


if __name__ == "__main__":
    with recording("best-handcrafted"):
        main(sys.argv[1:])
