"""The gap on MEGC 2019's motion maps, as ``mueca compare configs/megc2019-gap.yaml`` measures it.

What the results folder holds already is not computed again. Run:
python benchmarks/gap.py PATH [RESULTS]
PATH is megc2019_flow.tar.xz, or the folder of its index.csv; RESULTS is results/megc2019-gap by default.
"""

import sys
from pathlib import Path

from recording import recording

from pipelines.gap_recipe import gap_recipe, load_gap_recipe, run_gap
from pipelines.pooled import records

CONFIG = Path(__file__).resolve().parents[1] / "configs" / "megc2019-gap.yaml"


def main():
    if len(sys.argv) < 2:
        raise SystemExit(__doc__)
    given = load_gap_recipe(CONFIG).model_dump()
    recipe = gap_recipe(given | {"data": {"name": "megc2019", "options": {"path": sys.argv[1]}}})
    folder = Path(sys.argv[2] if len(sys.argv) > 2 else "results/megc2019-gap")
    rows = run_gap(recipe, folder, strict=True)
    print(f"{recipe.question}\n442 clips, 68 subjects; intervals: 95 %, bootstrap by subject\n")
    print(
        f"{'system':<20}{'protocol':<16}{'set':<8}{'n':>4}{'UF1':>8}{'':16}{'UAR':>8}{'':16}{'acc':>8}{'s':>8}"
    )
    for r in records(rows):
        uf1, uar = (f"{r[k]:>8.4f} [{r[f'{k}_low']:.3f}, {r[f'{k}_high']:.3f}]" for k in ("uf1", "uar"))
        left = f"{r['system']:<20}{r['protocol']:<16}{r['set']:<8}{r['n']:>4}"
        print(f"{left}{uf1}{uar}{r['accuracy']:>8.4f}{r['seconds']:>8.1f}  {r['marks']}")
    print("\nprotocols:")
    for words in dict.fromkeys(f"{r.way}: {r.words}" for r in rows):
        print("  " + words)


if __name__ == "__main__":
    with recording("megc2019-gap"):
        main()
