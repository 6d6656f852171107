"""A cluster whose one worker is this process: what crosses is computed at once."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest


@dataclass(frozen=True, eq=False)
class Done:
    """The future of a call that has returned."""

    value: Any

    def done(self) -> bool:
        return True


class NearCluster:
    """What `pipelines.utils.cluster.Cluster` offers to those who give it work."""

    address, n_threads = "here", 1

    def on_each_host(self) -> dict[str, int]:
        return {"here": 1}

    def submit(self, function: Callable[..., Any], *args: Any) -> Done:
        return Done(function(*(arg.value if isinstance(arg, Done) else arg for arg in args)))

    def result(self, future: Done) -> Any:
        return future.value

    def in_order(self, function: Callable[..., Any], calls: Any) -> Iterator[Any]:
        return (self.result(self.submit(function, *call)) for call in calls)


def near_cluster(patch: pytest.MonkeyPatch) -> NearCluster:
    """Return such a cluster; a task takes this process's cores as they are."""
    for module in ("pipelines.evaluation.remote", "pipelines.embedding.shards"):
        patch.setattr(f"{module}.as_worker", lambda hosts: contextlib.nullcontext())
    patch.setattr("pipelines.evaluation.remote.share_of_host", lambda hosts: 1)
    return NearCluster()
