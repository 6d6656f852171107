"""Weights that a training starts from, instead of random ones."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from featurize import weights as store
from featurize.backbones import weightfile
from featurize.backbones.extractor import SHIPPED, weight_path
from featurize.backbones.network import Network
from featurize.backbones.weightfile import TrainingProvenance, WeightsError
from featurize.store import file_sha256

#: Word of a recipe for the weights that others publish for a network.
PUBLISHED = "published"


@dataclass(frozen=True)
class InitialWeights:
    """What a network knows before it is trained.

    Attributes
    ----------
    tensors : mapping of str to float32 array
        By ``layer/variable``.
    fresh : tuple of str
        Layers that start at random all the same: other classes, or none published.
    seen : TrainingProvenance
        Marks of the samples these weights learned from; the trained ones have seen them too.
    path : Path
    sha256 : str
    card : mapping
        What a weight file of ours says of itself; empty for published weights.
    """

    tensors: Mapping[str, NDArray[np.float32]]
    fresh: tuple[str, ...]
    seen: TrainingProvenance
    path: Path
    sha256: str
    card: Mapping[str, Any] = field(default_factory=dict)

    def give(self, model: Any) -> None:
        """Assign the tensors.

        Raises
        ------
        WeightsError
            If one is missing, left over, or of another shape; then none is assigned.
        """
        own = {n: v for n, v in weightfile.values_of(model).items() if _layer(n) in self.fresh}
        known = {n: t for n, t in self.tensors.items() if _layer(n) not in self.fresh}
        weightfile.assign(model, known | own, str(self.path))

    def needs_warm_up(self, network: Network) -> bool:
        """Say whether layers start at first values that samples must give; see `Network.warm_up`."""
        return network.warm_up is not None and bool(set(self.fresh) & set(network.fresh))


def start(network: Network, given: str, classes: int) -> InitialWeights:
    """Read the weights that a recipe names.

    Parameters
    ----------
    network : Network
    given : str
        "published" (see ``mueca weights list``; our copy where it ships), the path of a weight file that
        ``mueca train`` wrote for this network, or the name of one that ships.
    classes : int
        Of the training to come; with another number the last layer starts at random.

    Raises
    ------
    WeightsError
        If the file is not there, damaged, or another network's.
    ValueError
        If nothing is published for the network.
    """
    path = start_path(network, given)
    if given == PUBLISHED and network.read is not None:
        return InitialWeights(
            network.read(path), network.fresh, TrainingProvenance.of((), ()), path, file_sha256(path)
        )
    found = weightfile.load(path)
    same = len(found.card.get("classes", ())) == classes
    fresh = () if same else ("scores", *_lacking(network, found.tensors))
    return InitialWeights(found.tensors, fresh, found.seen, path, file_sha256(path), found.card)


def _lacking(network: Network, tensors: Mapping[str, NDArray[np.float32]]) -> tuple[str, ...]:
    there = {_layer(name) for name in tensors}
    return tuple(name for name in network.fresh if name not in there and name != "scores")


def start_path(network: Network, given: str) -> Path:
    """Return the file that a recipe names, once it is known to be there; parameters and errors as `start`."""
    if given == PUBLISHED:
        if (ours := SHIPPED / f"{network.name}.npz").is_file() and "published" in weightfile.load_card(ours):
            return ours
        if network.read is None:
            raise ValueError(
                f"nothing is published to start {network.name} from; give a weight file of yours"
            )
        return store.path_of(network.name)
    path = weight_path(given)
    if (found := weightfile.load_card(path).get("network")) != network.name:
        raise WeightsError(f"{path} holds weights of {found}, not of {network.name}")
    return path


def _layer(name: str) -> str:
    return name.rpartition("/")[0]
