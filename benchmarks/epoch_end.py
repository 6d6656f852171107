"""What passes after an epoch's last step, of batches from a plain generator and as mueca gives them to Keras.

Needs nothing but time: faces and labels are drawn. Run: python benchmarks/epoch_end.py [NETWORK]
"""

import sys
import time

from recording import recording
from training import batches, built

from featurize.backbones.frame import keras
from pipelines.training.batches import prefetched

#: Epochs of each kind, in turns.
ROUNDS = 8


class Last:
    """When the last epoch's last step ended."""

    def __init__(self):
        self.at = 0.0
        self.callback = keras().callbacks.LambdaCallback(on_epoch_end=self._ended)

    def _ended(self, *_):
        self.at = time.perf_counter()


def timed(model, given, steps):
    """Return the seconds of one epoch, and those of them after its last step."""
    last, started = Last(), time.perf_counter()
    model.fit(given, steps_per_epoch=steps, verbose=0, shuffle=False, callbacks=[last.callback])
    ended = time.perf_counter()
    return ended - started, ended - last.at


def main(name):
    model, epochs = built(name, "bf16", "mueca"), batches("none")
    ways = {"a generator": iter, "mueca": lambda given: prefetched(given, epochs.pictures)}
    timed(model, ways["mueca"](epochs.epoch(0)), epochs.steps)  # compiles
    found = {way: [] for way in ways}
    for number in range(1, ROUNDS + 1):
        for way, form in ways.items():
            found[way].append(timed(model, form(epochs.epoch(number)), epochs.steps))
    for way, times in found.items():
        whole, after = map(sum, zip(*times, strict=True))
        rate = ROUNDS * epochs.steps * epochs.batch / whole
        longest = max(waited for _, waited in times)
        print(f"{name}, {ROUNDS} epochs of {epochs.steps} steps from {way:<12}{rate:>6.0f} images/s, "
              f"{after / whole:.0%} of the time after the last step (at most {longest:.2f} s)")  # fmt: skip


if __name__ == "__main__":
    with recording("epoch-end"):
        main(sys.argv[1] if len(sys.argv) > 1 else "huamanga")
