"""FER+: hand-crafted and learned vectors with a support vector machine, eight classes, majority labels.

Run: python benchmarks/ferplus.py [OUT], with fer2013 and ferplus added (mueca data add). Each is chosen on
the public test (FER+'s validation) and tested once on the private test, its published splits; nothing is
fitted again on both. Beside them stands VGG13 of the set's authors, with their probability target: 84.99 %.
"""

import json
import sys
from pathlib import Path

from recording import recording

import mueca
from pipelines.evaluation.recipe import recipe_from
from pipelines.evaluation.summary import summarize

#: Of Barsoum et al. 2016, Table 1, the probability target.
PUBLISHED = 84.99
EXTRACTORS = ("hog", "fisher", "own-small", "vggface2-mobilenet")
RECIPE = {
    "name": "ferplus",
    "question": "How far do hand-crafted and small networks' vectors get on FER+?",
    "data": {"name": "ferplus", "options": {"target": "majority", "classes": 8}},
    "validation": "public",
    "test": "private",
    "refit": False,
    "extractors": list(EXTRACTORS),
    "heads": [{"head": "svm", "grid": {"C": [1, 4, 10]}}],
}


def main(out):
    data = mueca.load_dataset("ferplus")
    sizes = ", ".join(f"{split} {len(data.where(split)):,}" for split in ("train", "public", "private"))
    print(f"{len(data):,} faces with a majority ({sizes})")
    found = mueca.compare(recipe_from(RECIPE), out)
    print(f"{'vectors':<22}{'C':>6}{'validation':>12}{'test':>8}{'UAR':>8}{'UF1':>8}{'95 % interval':>18}")
    for record in summarize(found):
        if record["error"]:
            print(f"{record['extractor']:<22}{record['error']}")
            continue
        numbers = [100 * record[name] for name in ("validation", "test", "uar", "uf1")]
        interval = f"{100 * record['ci_low']:.2f} to {100 * record['ci_high']:.2f}"
        shown = "".join(f"{value:{width}.2f}" for value, width in zip(numbers, (12, 8, 8, 8), strict=True))
        chosen = json.loads(record["params"])["C"]
        print(f"{record['extractor']:<22}{chosen:>6g}{shown}{interval:>18}")
    print(f"{'VGG13, published':<22}{'':>18}{PUBLISHED:8.2f}")


if __name__ == "__main__":
    with recording("ferplus"):
        main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path("results/ferplus"))
