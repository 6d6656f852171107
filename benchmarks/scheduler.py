"""What dask's scheduler hands out: workers that sleep as long as a shard would take, and give back as much.

    python benchmarks/scheduler.py                       # 64 workers, shards of 5, 50 and 500 ms
    python benchmarks/scheduler.py --workers 8 --tasks 200 --ms 50

All workers are threads of this process, each with a connection of its own to a real scheduler; a sleeping one
takes no processor, so that the time beyond the sleep is the scheduler's and the client's. The faces a second
are those of tasks of 512 faces.
"""

from __future__ import annotations

import argparse
import time

import numpy as np
from _fer import heading

FACES = 512


def slept(seconds: float, numbers: int) -> np.ndarray:
    """Stand for a shard."""
    time.sleep(seconds)
    return np.zeros(numbers, np.float32)


def measure(workers: int, tasks: int, seconds: float, numbers: int) -> tuple[float, float]:
    """Return the seconds of all tasks, and of the same if handing out cost nothing."""
    from distributed import Client, LocalCluster

    from pipelines.utils.cluster import Cluster, _settings

    _settings()
    with (
        LocalCluster(
            n_workers=workers,
            threads_per_worker=1,
            processes=False,
            protocol="tcp://",
            host="127.0.0.1",
            dashboard_address=None,
            memory_limit=0,
        ) as local,
        Client(local, set_as_default=False) as client,
    ):
        client.wait_for_workers(workers)
        cluster = Cluster(client, local.scheduler_address)
        list(cluster.in_order(slept, ((0.0, 1) for _ in range(2 * workers))))  # warm
        started = time.perf_counter()
        for _ in cluster.in_order(slept, ((seconds, numbers) for _ in range(tasks))):
            pass
        return time.perf_counter() - started, seconds * -(-tasks // workers)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--workers", type=int, default=64)
    parser.add_argument("--tasks", type=int, default=2000)
    parser.add_argument("--ms", type=float, nargs="+", default=[5.0, 50.0, 500.0])
    parser.add_argument("--dims", type=int, default=1, help="numbers of a face that travel")
    options = parser.parse_args()
    heading(f"{options.workers} sleeping workers")
    print(f"{'ms a task':>10}{'tasks':>8}{'s':>8}{'ideal s':>9}{'tasks/s':>9}{'faces/s':>10}{'busy':>7}")
    for ms in options.ms:
        tasks = min(options.tasks, int(30_000 * options.workers / max(ms, 1)))
        took, ideal = measure(options.workers, tasks, ms / 1000, FACES * options.dims)
        print(
            f"{ms:>10g}{tasks:>8}{took:>8.1f}{ideal:>9.1f}{tasks / took:>9.0f}{FACES * tasks / took:>10.0f}"
            f"{ideal / took:>7.0%}",
            flush=True,
        )


if __name__ == "__main__":
    main()
