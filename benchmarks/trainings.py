"""Train what a recipe lists, as a user would, and keep its table beside what was published.

Run: python benchmarks/trainings.py configs/train-ucm-f.yaml results/train-ucm-f
What follows goes to mueca train, such as --runs 1.
What the folder already holds is not trained again.
"""

import csv
import json
import subprocess
import sys
from pathlib import Path

from recording import recording

from pipelines.reporting.tables.published import published


def main(recipe, out, *more):
    done = subprocess.run(
        [sys.executable, "-m", "cli", "train", "--recipe", recipe, "--out", out, *more],
        stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    print(done.stdout)
    if done.returncode:
        sys.exit(done.returncode)
    cards = sorted(Path(out).glob("*/run-*/card.json"))
    for path in cards:
        show(path)
    print("\npublished (own classifier; what it was measured on in brackets):")
    names = {json.loads(path.read_text())["network"] for path in cards}
    for figure in published():
        if figure.extractor in names and figure.head in ("softmax", "network-softmax"):
            print(f"  {figure.title}, {figure.accuracy:.2%} ({figure.of}) {figure.note}")


def show(path):
    """Print where a training stopped, how it got there, and how fast it was."""
    card = json.loads(path.read_text())
    with path.with_name("history.csv").open() as file:
        rows = list(csv.DictReader(file))
    speeds = sorted(float(row["images_per_second"]) for row in rows)
    kept = f"epoch {card['epoch']} of {card['epochs']} kept"
    name = "/".join(path.parts[-3:-1])
    print(f"\n{name}: {kept}, batch {card['batch']}, seed {card['seed']}, "
          f"{card['recipe']['precision']}, {speeds[len(speeds) // 2]:.0f} images a second (median epoch), "
          f"{sum(float(row['seconds']) for row in rows) / 60:.0f} minutes")  # fmt: skip
    told = ", ".join(f"{split} {right:.2%}" for split, right in card["accuracy"].items())
    print(f"  {told} (fitted on {card['data']['fit_on']}, commit {card['git_sha'][:12]})")
    for column in ("accuracy", "val_accuracy"):
        if rows and column in rows[0]:
            print(f"  {column} by epoch: {' '.join(f'{float(row[column]):.3f}' for row in rows)}")


if __name__ == "__main__":
    with recording(f"trainings-{Path(sys.argv[1]).stem}"):
        main(*sys.argv[1:])
