"""Seconds that ``mueca --help`` and other small commands take, as whole processes.

Run: python benchmarks/start_up.py
"""

import statistics
import subprocess
import sys
import time

from recording import recording

COMMANDS = [["--help"], ["fit", "--help"], ["list"], ["cache", "list"]]


def seconds(words):
    started = time.perf_counter()
    subprocess.run([sys.executable, "-m", "cli", *words], check=True, capture_output=True)
    return time.perf_counter() - started


def main():
    print(f"{'command':<20}{'median s':>10}{'max s':>8}   of 7 runs; target for --help: 0.5 s")
    for words in COMMANDS:
        taken = [seconds(words) for _ in range(7)]
        print(f"mueca {' '.join(words):<14}{statistics.median(taken):>10.3f}{max(taken):>8.3f}")


if __name__ == "__main__":
    with recording("start-up"):
        main()
