"""Seconds that ``mueca --help`` and other small commands take, as whole processes.

Run: python benchmarks/start_up.py
"""

import os
import statistics
import subprocess
import sys
import time

from recording import recording

COMMANDS = [["--help"], ["fit", "--help"], ["list"], ["cache", "list"]]


def seconds(words):
    # As for a user from the second call on: Python keeps the bytecode of what it has imported.
    env = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    started = time.perf_counter()
    subprocess.run([sys.executable, "-m", "cli", *words], check=True, capture_output=True, env=env)
    return time.perf_counter() - started


def main():
    print(f"{'command':<20}{'median s':>10}{'max s':>8}   of 7, after one; target (--help, list): 0.5 s")
    for words in COMMANDS:
        seconds(words)
        taken = [seconds(words) for _ in range(7)]
        print(f"mueca {' '.join(words):<14}{statistics.median(taken):>10.3f}{max(taken):>8.3f}")


if __name__ == "__main__":
    with recording("start-up"):
        main()
