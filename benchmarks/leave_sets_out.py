"""Leave one data set out, on the motion maps of MEGC 2019's three sets, beside leaving one subject out.

Run: python benchmarks/leave_sets_out.py PATH, megc2019_flow.tar.xz or the folder of its index.csv. Each
system is chosen inside: for "loso" by ten inner folds of other subjects, for "lodo" by ten inner folds of
subjects of the two other sets. UF1 and UAR of each set, with 95 % intervals by bootstrap over subjects.
"""

import sys
import tempfile

from recording import recording

import mueca
from pipelines.evaluation.recipe import recipe_from

SYSTEMS = ("linear SVM", "invariant ridge")


def main(path):
    data = {"name": "megc2019", "options": {"path": path}}
    recipe = recipe_from(
        {"name": "lodo", "data": data, "protocols": ["loso", "lodo"], "systems": list(SYSTEMS)}
    )
    with tempfile.TemporaryDirectory() as out:
        rows = mueca.compare(recipe, out, strict=True).pooled
    print(f"{'system':<18}{'protocol':<10}{'set':<8}{'n':>5}{'UF1':>8}{'':>18}{'UAR':>8}{'':>18}{'s':>8}")
    for row in rows:
        uf1, uar = (f"[{low:.3f}, {high:.3f}]" for low, high in (row.uf1_interval, row.uar_interval))
        print(f"{row.system:<18}{row.protocol:<10}{row.part:<8}{row.n:>5}{row.uf1:8.4f}{uf1:>18}"
              f"{row.uar:8.4f}{uar:>18}{row.seconds:8.1f}")  # fmt: skip
    print("\nprotocols:")
    for words in dict.fromkeys(f"{row.protocol}, {row.system}: {row.words}" for row in rows):
        print("  " + words)


if __name__ == "__main__":
    with recording("leave-sets-out"):
        main(sys.argv[1])
