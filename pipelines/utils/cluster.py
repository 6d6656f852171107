"""Other processes and machines, through dask.distributed (the extra `dask`).

What crosses between them, and whom that trusts, is in docs/distributed.md.
"""

from __future__ import annotations

import contextlib
import logging
import os
import re
import socket
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

log = logging.getLogger(__name__)

#: Seconds that a scheduler has to answer.
ANSWER_S = 5.0
#: Seconds without any worker after which a run gives up; what it finished is kept.
PATIENCE_S = 120.0
#: The variable by which joblib, and our heads, are told how many cores there are.
THREADS = "LOKY_MAX_CPU_COUNT"
_ADDRESS = re.compile(r"(tcp|tls)://(\[[0-9a-fA-F:]+\]|[^\s:/\[\]]+):(\d{1,5})/?")


class ClusterError(OSError):
    """Workers cannot be had, or were lost; the message says what to do."""


class Cluster:
    """Workers to give work to. Made by `connect`.

    Work that a dying worker had is given to another; what it computes must depend on its arguments alone.

    Parameters
    ----------
    client : distributed.Client
    address : str
        The scheduler, for messages.
    """

    def __init__(self, client: Any, address: str) -> None:
        self.client = client
        self.address = address

    def workers(self) -> dict[str, Any]:
        """Return what the scheduler says of each worker now, by address."""
        return dict(self.client.scheduler_info(n_workers=-1)["workers"])

    @property
    def n_threads(self) -> int:
        """Tasks that can run at once."""
        return max(1, sum(w["nthreads"] for w in self.workers().values()))

    def on_each_host(self) -> dict[str, int]:
        """Return how many tasks can run at once on each host: they share its cores."""
        counts: dict[str, int] = {}
        for worker in self.workers().values():
            counts[worker["host"]] = counts.get(worker["host"], 0) + worker["nthreads"]
        return counts

    def submit(self, function: Callable[..., Any], *args: Any) -> Any:
        """Return the future of a call on some worker; futures among `args` become their results there."""
        return self.client.submit(function, *args, pure=False)

    def result(self, future: Any) -> Any:
        """Return the result of a future, when it is there.

        Raises
        ------
        ClusterError
            If the scheduler is gone, if there was no worker for `PATIENCE_S`, or if the work killed one
            worker after the other.
        Exception
            What the function raised.
        """
        from distributed import TimeoutError as NotYet

        alone_since = None
        while True:
            try:
                return self._result(future)
            except NotYet:
                alone_since = self._check(alone_since)

    def _result(self, future: Any) -> Any:
        from concurrent.futures import CancelledError

        from distributed.comm import CommClosedError
        from distributed.scheduler import KilledWorker

        try:
            return future.result(timeout=2)
        except KilledWorker:
            raise ClusterError(
                "the same work ended one worker after the other (out of memory?); "
                "take fewer workers, or less memory with --kernel-memory"
            ) from None
        except (CancelledError, CommClosedError):  # the second: an answer was on its way
            raise self._lost("was lost") from None

    def _check(self, alone_since: float | None) -> float | None:
        """Return since when there has been no worker, None if there are some."""
        if self.client.status != "running":
            raise self._lost("was lost")
        if self.workers():
            return None
        if alone_since is None:
            log.warning("%s has no workers; waiting for one", self.address)
            return time.monotonic()
        if time.monotonic() - alone_since > PATIENCE_S:
            raise self._lost(f"has had no workers for {PATIENCE_S:.0f} s")
        return alone_since

    def _lost(self, what: str) -> ClusterError:
        return ClusterError(
            f"scheduler {self.address} {what}; run the same command again: it goes on from here"
        )

    def in_order(self, function: Callable[..., Any], calls: Iterable[tuple[Any, ...]]) -> Iterator[Any]:
        """Yield ``function(*call)`` for each of `calls`, in order, so many ahead as keep all workers busy."""
        ahead, waiting = 2 * self.n_threads + 1, deque[Any]()
        for call in calls:
            waiting.append(self.submit(function, *call))
            if len(waiting) > ahead:
                yield self.result(waiting.popleft())
        while waiting:
            yield self.result(waiting.popleft())


@contextmanager
def connect(scheduler: str | None = None, workers: int | None = None) -> Iterator[Cluster | None]:
    """Yield the workers of a scheduler, or of a cluster on this machine that ends with the block.

    Parameters
    ----------
    scheduler : str, optional
        ``tcp://host:port``, or ``tls://`` with dask's own settings for certificates.
    workers : int, optional
        Start so many processes here; they listen on the loopback interface only.

    Yields
    ------
    Cluster, or None if neither is given

    Raises
    ------
    ValueError
        If both are given, or one cannot be read.
    ClusterError
        If dask is not installed, the scheduler does not answer, or its workers have no mueca of this version.
    """
    if scheduler is None and workers is None:
        yield None
        return
    if scheduler is not None and workers is not None:
        raise ValueError("give --scheduler or --workers, not both")
    _settings()
    with contextlib.ExitStack() as stack:
        address = _checked(scheduler) if scheduler is not None else stack.enter_context(_local(workers or 0))
        client = _client(address)
        stack.callback(client.close)
        _same_versions(client, address)
        yield Cluster(client, address)


def _settings() -> None:
    """Keep dask's own words off the screen, here and in its worker processes."""
    try:
        import dask
        import distributed  # noqa: F401
    except ImportError:
        raise ClusterError(
            "dask is not installed: pip install 'mueca[dask]' (here and on every worker)"
        ) from None
    # Large arguments are vectors, sent once; a link to a dashboard is no use without one.
    dask.config.set(
        {"logging": {"distributed": "critical"}, "distributed.admin.large-graph-warning-threshold": "1TB"}
    )
    named = [n for n in logging.root.manager.loggerDict if n.startswith("distributed.")]
    for name in ("distributed", "tornado", "asyncio", *named):
        logging.getLogger(name).setLevel(logging.CRITICAL)


@contextmanager
def _local(workers: int) -> Iterator[str]:
    """Start worker processes on this machine; yield their scheduler's address."""
    if workers < 1:
        raise ValueError(f"--workers {workers}: give 1 or more")
    from distributed import LocalCluster

    # No limit of memory: pausing at four fifths of it, a worker would wait for ever.
    cluster = LocalCluster(
        n_workers=workers,
        threads_per_worker=1,
        host="127.0.0.1",
        dashboard_address=None,
        memory_limit=0,
        silence_logs=logging.CRITICAL,
    )
    try:
        yield cluster.scheduler_address
    finally:
        cluster.close()


def _checked(address: str) -> str:
    """Return an address that something answers at."""
    found = _ADDRESS.fullmatch(address.strip())
    if found is None or not 0 < int(found[3]) < 65536:
        raise ValueError(f"--scheduler {address}: give tcp://HOST:PORT (dask's own port is 8786)")
    try:
        socket.create_connection((found[2].strip("[]"), int(found[3])), timeout=ANSWER_S).close()
    except OSError as error:
        reason = error.strerror or str(error)
        raise ClusterError(
            f"no scheduler answers at {address} ({reason.lower()}); start one with: dask scheduler"
        ) from None
    return address.strip().rstrip("/")


def _client(address: str) -> Any:
    from distributed import Client

    client = Client.__new__(Client)  # by hand, so that one that fails half-way can be laid to rest
    try:
        client.__init__(address, timeout=ANSWER_S, set_as_default=False)  # type: ignore[misc]
    except Exception as error:  # whatever a foreign server answers
        client.status = "closed"
        words = (str(error) or type(error).__name__).splitlines()[0]
        raise ClusterError(f"no dask scheduler of a fitting version answers at {address} ({words})") from None
    return client


def _same_versions(client: Any, address: str) -> None:
    """Refuse workers that would compute something else."""
    from distributed import TimeoutError as NotYet

    from pipelines.utils.provenance import library_versions

    try:
        client.wait_for_workers(1, timeout=ANSWER_S)
    except NotYet:
        raise ClusterError(f"{address} has no workers; start some with: dask worker {address}") from None
    try:
        theirs = client.run(_versions)
    except Exception as error:  # a worker without mueca cannot even read the call
        words = (str(error) or type(error).__name__).splitlines()[0]
        raise ClusterError(f"a worker of {address} cannot run mueca ({words}); install it there") from None
    ours = library_versions()
    for worker, versions in theirs.items():
        apart = sorted(k for k in {*ours, *versions} if ours.get(k) != versions.get(k))
        if {"mueca", "python"} & set(apart):
            have = ", ".join(f"{k} {versions.get(k)}" for k in ("mueca", "python"))
            raise ClusterError(
                f"worker {worker} has {have}; here it is {ours.get('mueca')}, {ours['python']}"
            )
        if apart:
            log.warning(
                "worker %s has another version of %s: its figures may differ", worker, ", ".join(apart)
            )


def _versions() -> dict[str, str]:
    from pipelines.utils.provenance import library_versions

    return library_versions()


def share_of_host(on_each_host: dict[str, int]) -> int:
    """Return how many tasks run at once on the host of the worker that this is called on."""
    from distributed import get_worker

    host = get_worker().address.rpartition(":")[0].rpartition("/")[2].strip("[]")
    return max(1, on_each_host.get(host, 1))


def as_worker(on_each_host: dict[str, int]) -> Any:
    """Return a context in which a task takes its share of the cores of the worker's host.

    Parameters
    ----------
    on_each_host : dict
        How many tasks run at once on each host (`Cluster.on_each_host`).
    """
    from threadpoolctl import threadpool_limits

    from classifiers._base import cores
    from pipelines.utils.console import quiet_libraries

    quiet_libraries()
    os.environ.pop(THREADS, None)
    threads = max(1, cores(-1) // share_of_host(on_each_host))
    os.environ[THREADS] = str(threads)
    return threadpool_limits(threads)  # dask starts its workers with one thread for linear algebra
