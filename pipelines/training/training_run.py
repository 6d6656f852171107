"""A recipe on a data set: who learns, who chooses, what the card says."""

from __future__ import annotations

import contextlib
import functools
import logging
import operator
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from featurize import parse, with_params
from featurize.atomic import AtomicFile, save_array
from featurize.backbones import weightfile
from featurize.backbones.extractor import NetworkExtractor
from featurize.backbones.frame import keras
from featurize.images import Preprocess
from featurize.store import key_of
from pipelines.datasets.base import Dataset
from pipelines.datasets.splits import Indices, Split, divided, split
from pipelines.embedding.leakage import check_unseen, refuse_seen
from pipelines.embedding.leakage_cures import for_training
from pipelines.embedding.provenance import Weighted, learned_from, trained_on
from pipelines.training import distillation
from pipelines.training.annotators import annotators, label_probabilities
from pipelines.training.augment import changes
from pipelines.training.batches import Epochs, TrainingSamples, in_order
from pipelines.training.checkpoint import Folder, State
from pipelines.training.distillation import teachers
from pipelines.training.initial_weights import InitialWeights, start
from pipelines.training.recipe import TrainRecipe, network_of
from pipelines.training.tensorboard import write_board
from pipelines.training.trainer import Settings, Trainer
from pipelines.utils.progress import Progress
from pipelines.utils.provenance import git_sha, library_versions, machine

log = logging.getLogger(__name__)
_LIMITS = (
    "Learned from small web faces whose labels people often disagree on; it names the expression shown, not "
    "what a person feels, and was not checked across groups of people."
)


class TrainingRun:
    """A recipe on a data set."""

    def __init__(self, dataset: Dataset, plan: TrainRecipe, out: Path, parts: Split | None = None) -> None:
        self.plan, self.out = plan, out
        self.network = network_of(plan.backbone)
        if dataset.kind != self.network.kind:
            raise ValueError(
                f"{plan.backbone} takes {self.network.kind}s; {dataset.name} holds {dataset.kind}s"
            )
        if parts is None:
            dataset = divided(dataset, plan.test, plan.split_seed)
            parts = split(dataset, plan.validation, plan.test, plan.split_seed, refit=plan.fit_on != "train")
        if plan.targets != "labels" and dataset.votes is None:
            raise ValueError(f"{dataset.name} has no votes, which targets={plan.targets} needs")
        self.dataset = dataset
        both = np.sort(np.concatenate([parts.train, parts.validation]))
        self.train = parts.train if plan.fit_on == "train" else both
        self.validation = parts.validation if plan.fit_on == "train" else parts.validation[:0]
        self.test = parts.test
        self.start = (
            start(self.network, plan.init_weights, len(dataset.classes)) if plan.init_weights else None
        )
        self.teachers = teachers(plan.teacher) if plan.teacher else ()
        self.voted = annotators(plan.votes_from) if plan.votes_from else None
        check_unseen(self.teachers, dataset, self.validation, self.test, for_training)
        if self.start:
            self._check_start(self.start)

    def _check_start(self, begun: InitialWeights) -> None:
        """Refuse weights to begin with that know the test; warn if they know what chooses the epoch."""
        name, dataset = f"the start {begun.path.name}", self.dataset
        refuse_seen(name, begun.seen, dataset, self.test, lambda: for_training([begun], dataset))
        if count := learned_from(begun, dataset, self.validation):
            log.warning("%s learned from %d of the %d validation samples: what they choose is optimistic",
                        name, count, len(self.validation))  # fmt: skip

    @property
    def _learned_before(self) -> dict[str, int]:
        """How many validation samples a teacher or the start had learned from; nothing where none did."""
        before: list[Weighted] = [*self.teachers, *([self.start] if self.start else [])]
        most = max((learned_from(one, self.dataset, self.validation) for one in before), default=0)
        return {"validation_learned_before": most} if most else {}

    @property
    def seen(self) -> weightfile.TrainingProvenance:
        """Marks of the samples that decided the weights: learned from, or the epoch was chosen by."""
        used = np.concatenate([self.train, self.validation])
        seen = weightfile.TrainingProvenance.of(
            self.dataset.digests[used].tolist(), self.dataset.ids[used].tolist()
        )
        before = [teacher.seen for teacher in self.teachers] + ([self.start.seen] if self.start else [])
        return functools.reduce(operator.or_, before, seen)

    @property
    def preprocess(self) -> Preprocess:
        """What is done to an image first."""
        return Preprocess(equalize=self.plan.equalize, tile=self.plan.clahe_tile, clip=self.plan.clahe_clip)

    def samples(
        self, indices: Indices, said: NDArray[np.float32] | None = None, learned: bool = False
    ) -> TrainingSamples:
        """Return some samples with targets of 0 and 1, or -1 and +1 for the hinge.

        Parameters
        ----------
        indices : (n,) int
        said : (n, classes) float32, optional
            Probabilities by the teachers, mixed into the targets.
        learned : bool
            Whether they are learned from: then targets may be votes. Labels judge.
        """
        targets = np.eye(len(self.dataset.classes), dtype=np.float32)[self.dataset.labels[indices]]
        if learned:
            targets = self._learned(indices, targets)
        if said is not None:
            targets += np.float32(self.plan.distill_weight) * (said - targets)
        if self.plan.loss == "squared_hinge":
            targets = 2 * targets - 1
        if learned and self.plan.class_weight:
            targets *= self._weights(indices)[:, None]
        net, d = self.network, self.dataset
        return TrainingSamples(
            d.samples, indices, targets, net.form, self.preprocess, self.plan.sampling, d.ids
        )

    def _learned(self, indices: Indices, labels: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the targets of training samples: the share of each class where votes are asked for."""
        return labels if self.plan.targets == "labels" else self.dataset.distribution[indices].copy()

    def _weights(self, indices: Indices) -> NDArray[np.float32]:
        """Return what each training sample counts, so that classes count alike and the mean is 1."""
        labels = self.dataset.labels[indices]
        counts = np.bincount(labels)
        return np.asarray(len(labels) / (np.count_nonzero(counts) * counts[labels]), np.float32)

    def _to_learn(self, progress: Progress) -> TrainingSamples:
        return self.samples(self.train, self.soft_targets(progress), learned=True)

    def soft_targets(self, progress: Progress) -> NDArray[np.float32] | None:
        """Return the soft targets of the training samples; teachers and annotators have a half each.

        Returns
        -------
        (n, classes) float32 or None
            Probabilities; None where the recipe names neither.
        """
        given = []
        if self.teachers:
            given.append(
                distillation.soft_targets(self.teachers, self.dataset, self.train, self.preprocess, progress)
            )
        if self.voted is not None:
            given.append(label_probabilities(self.voted, self.dataset, self.train))
        return np.mean(given, axis=0, dtype=np.float32) if given else None

    @property
    def _votes(self) -> dict[str, str]:
        """The votes that are learned from, for identity and card; empty without any."""
        return {} if self.voted is None else {"votes": self.voted.fingerprint}

    def identity(self) -> str:
        """Return the hash of what is trained, on what, and how."""
        ids = self.dataset.ids
        return key_of({
            "plan": self.plan.deciding(), "network": self.network.version,
            "dataset": self.dataset.fingerprint,
            "train": key_of({"ids": ids[self.train].tolist()}),
            "validation": key_of({"ids": ids[self.validation].tolist()}),
            **learned_before(self.start, self.teachers),
            **self._votes,
        })  # fmt: skip

    def answer(self, epoch: int) -> Path:
        """Return the file of what the network said of the test samples after an epoch: (n, classes)."""
        return self.out / f"answer-{epoch}.npy"

    def _asked(self, model: Any, epoch: int) -> None:
        samples = self.samples(self.test)
        said = [model.predict_on_batch(x) for x, _ in in_order(samples, 64)]
        with AtomicFile(self.answer(epoch)) as temporary:
            save_array(temporary, np.concatenate(said).astype(np.float32))

    def loop(
        self, batch: int, progress: Progress, forget_batch: bool = False, ask: bool = False
    ) -> State:  # fmt: skip
        """Train to the end with batches of so many images; `ask` as in `run_job`."""
        plan, folder = self.plan, Folder(self.out)
        epochs = Epochs(self._to_learn(progress), batch, plan.mirror, changes(str(plan.augment)), plan.seed,
                        plan.label_smoothing or 0.0, plan.mixup or 0.0, plan.targets == "drawn",
                        plan.balanced_sampling)  # fmt: skip
        settings = Settings(
            epochs=plan.epochs or 1, loss=str(plan.loss), optimizer=str(plan.optimizer),
            learning_rate=plan.learning_rate or 0.0, schedule=str(plan.schedule), precision=plan.precision,
            patience=plan.patience, seed=plan.seed, momentum=plan.momentum or 0.0,
            decay_rate=plan.decay_rate or 1.0, decay_steps=plan.decay_steps or 1, every=plan.validate_every,
            nesterov=bool(plan.nesterov), weight_decay=plan.weight_decay or 0.0, average=plan.swa_epochs or 1,
            frozen_epochs=plan.frozen_epochs or 0,
        )  # fmt: skip
        if forget_batch:
            folder.forget_batch(batch)
        validation = self.samples(self.validation) if len(self.validation) else None
        with on_device(plan.device):
            loop = Trainer(
                self.network,
                len(self.dataset.classes),
                epochs,
                validation,
                settings,
                folder,
                self.identity(),
                self.start,
            )
            total = loop.images * settings.epochs
            with (
                progress.task(f"{plan.backbone}: training", total) as advance,
                write_board(self.out) as board,
            ):
                advance(loop.images * loop.state.epoch)
                return loop.run(advance, board, self._asked if ask else None)

    def card(self, state: State) -> dict[str, Any]:
        """Return the card, but for the accuracies."""
        plan, best = self.plan, state.best or {}
        chosen = (
            "the epoch with the best accuracy on validation" if len(self.validation) else "the last epoch"
        )
        if "averaged" in best:
            chosen = f"the average of the last {best['averaged']} epochs"
        return {
            "network": self.network.name,
            "size": self.network.size,
            "version": self.network.version,
            "classes": list(self.dataset.classes),
            "trained_on": trained_on(self.dataset, self.train),
            "data": {
                "name": self.dataset.name,
                "samples": len(self.train),
                "validation": len(self.validation),
                "fit_on": plan.fit_on,
                "synthetic": self.dataset.synthetic,
                "notes": list(self.dataset.notes),
                **self._learned_before,
            },
            "protocol": f"trained on {plan.fit_on}, kept {chosen}; the test split was read once, afterwards"
            + (f"; {self.dataset.held_out}" if self.dataset.held_out else ""),
            "start": {"file": self.start.path.name, "sha256": self.start.sha256} if self.start else None,
            "teachers": [{"network": t.name, "sha256": t.weights_sha256} for t in self.teachers],
            **self._votes,
            "recipe": plan.model_dump(), "batch": state.batch, "seed": plan.seed,
            "epochs": state.epoch, "epoch": best.get("epoch"),
            "licence": self.network.licence, "source": self.network.source,
            "limits": _LIMITS,
            "versions": library_versions(), "git_sha": git_sha(), "machine": machine(),
        }  # fmt: skip

    def tested(self, path: Path, state: State) -> dict[str, dict[str, float]]:
        """Return the accuracy and the UAR of the saved weights on each part of the test split, in f32.

        Of a set with votes also the expected calibration error against them.
        """
        from pipelines.datasets.audit import clean_test

        d, test = self.dataset, self.test
        scores = own_scores(path, self.plan.backbone, d, test, self.preprocess)
        right = scores.argmax(1) == d.labels[test]
        parts = {"test": np.ones(len(test), bool), "test-clean": clean_test(d)[test]}
        names = np.unique(d.split[test])
        parts |= {str(n): d.split[test] == n for n in names} if len(names) > 1 else {}
        parts = {name: mask for name, mask in parts.items() if mask.any()}
        found = {n: round(float(right[m].mean()), 5) for n, m in parts.items()}
        best = (state.best or {}).get("val_accuracy")
        measures = {
            "accuracy": found | ({"validation": round(best, 5)} if best is not None else {}),
            "uar": {n: round(mean_recall(d.labels[test][m], right[m]), 5) for n, m in parts.items()},
        }
        return measures | self._calibrated(scores, parts)

    def _calibrated(
        self, scores: NDArray[np.float32], parts: dict[str, NDArray[np.bool_]]
    ) -> dict[str, dict[str, float]]:
        """Return the calibration error against the votes on each part, where there are votes."""
        from pipelines.metrics.calibration import error_against

        if self.dataset.votes is None:
            return {}
        shares = self.dataset.distribution[self.test]
        found = {name: error_against(scores[mask], shares[mask]) for name, mask in parts.items()}
        return {"calibration_error": {n: round(e, 5) for n, e in found.items() if not np.isnan(e)}}


def mean_recall(labels: NDArray[np.int64], right: NDArray[np.bool_]) -> float:
    """Return the unweighted average recall: the mean over the classes of the share that is right."""
    counts = np.bincount(labels)
    return float((np.bincount(labels, weights=right)[counts > 0] / counts[counts > 0]).mean())


def learned_before(start: InitialWeights | None, teachers: Sequence[NetworkExtractor]) -> dict[str, Any]:
    """Return what of a training's result is decided by weights that were there before; empty without any."""
    started = {"start": start.sha256} if start else {}
    return started | ({"teacher": [t.spec.identity() for t in teachers]} if teachers else {})


def on_device(device: str) -> Any:
    """Return a context in which Keras places what it makes on `device`."""
    return contextlib.nullcontext() if device == "auto" else keras().device(f"{device}:0")


def own_scores(weights: Path, backbone: str, dataset: Dataset, indices: Indices,
               preprocess: Preprocess) -> NDArray[np.float32]:  # fmt: skip
    """Return (n, classes) scores of the network itself, in f32, by its own classifier."""
    text = with_params(backbone, layer="scores", weights=str(weights), engine="keras", precision="f32")
    (net,) = parse(text)
    blocks = [
        net.transform(preprocess.apply(dataset.samples[int(i)], dataset.kind) for i in indices[a : a + 512])
        for a in range(0, len(indices), 512)
    ]
    return np.concatenate(blocks)
