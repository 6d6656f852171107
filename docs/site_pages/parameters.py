"""What parameters do that have the same name everywhere, where their own docstrings say nothing of them."""

from __future__ import annotations

#: Name of a parameter, an option or a key -> what it does.
MEANINGS: dict[str, str] = {
    # heads
    "C": "Inverse of the regularisation: larger fits the training samples more closely.",
    "algorithm": "How neighbours are searched for.",
    "bootstrap": "Draw the samples of each member with replacement.",
    "break_ties": "Settle equal votes by the decision function.",
    "cache_size": "Megabytes for rows of the kernel.",
    "class_weight": "Weight of each class; `balanced` makes rare classes count as much as frequent ones.",
    "coef0": "Constant of the polynomial kernel.",
    "criterion": "What a split of a tree improves.",
    "decision_function_shape": "Scores by class (`ovr`) or by pair of classes (`ovo`).",
    "degree": "Degree of the polynomial kernel.",
    "gamma": "Width of the RBF kernel: larger is narrower. `scale` takes it from the vectors.",
    "kernel": "What compares two vectors.",
    "max_depth": "Levels of a tree at most.",
    "max_features": "Dimensions that each split chooses from.",
    "max_iter": "Iterations at most; -1 is without limit.",
    "max_samples": "Samples of each member: a share, or a number.",
    "metric": "Distance between two vectors.",
    "min_samples_leaf": "Samples that a leaf has at least.",
    "min_samples_split": "Samples that a node has at least to be split.",
    "n_components": "Dimensions of the approximated kernel.",
    "n_estimators": "Members: trees of a forest, SVMs of a bag.",
    "n_jobs": "Processes or threads; -1 is one for each core.",
    "n_neighbors": "Nearest training samples that count.",
    "probability": "Also fit probabilities, by Platt's method.",
    "random_state": "Seed of all that is random.",
    "scale": "What is done to the vectors first: `standard` gives each dimension mean 0 and deviation 1.",
    "tol": "Change at which the solver stops.",
    # extractors
    "clip": "CLAHE: limit of the contrast.",
    "engine": "What computes the network.",
    "equalize": "Histogram equalisation before the extractor.",
    "layer": "Layer whose output is the vector; `auto` is the network's own choice.",
    "norm": "What the vector is divided by.",
    "precision": "Type that the network computes in.",
    "tile": "CLAHE: tiles a side.",
    "views": "Versions of a face that are averaged: test-time augmentation.",
    # recipes
    "balanced_sampling": "Fit on as many samples of each class.",
    "combine": "How the runs are combined.",
    "data": "The data set, by name or path.",
    "extractor": "An extractor by name, with its parameters in brackets.",
    "extractors": "Extractors, each by name; of a head or an ensemble, those that it is for.",
    "grid": "Values to choose from on validation, by parameter; `default` is the head's own grid.",
    "head": "A head by name.",
    "heads": "Heads, each by name; of an ensemble, those that it takes.",
    "mirror": "Also fit on the mirrored copy of every training sample.",
    "name": "Name of it, for titles and folders.",
    "options": "Options of the data set's loader.",
    "params": "Fixed parameters of the head.",
    "question": "What the comparison asks; the report begins with it.",
    "targets": "Learn from labels, or from the votes of annotators.",
    "trainings": "The trainings, one entry each.",
    # commands
    "seed": "Seed of all that is random.",
}  # fmt: skip
#: The same where a name means something else: (page, name).
ELSEWHERE: dict[tuple[str, str], str] = {
    ("data", "name"): "Name of the data set, or a path.",
    (
        "extractor",
        "weights",
    ): "A file, or the name of weights that ship; `auto` takes those, `random` is for timing.",
    ("head", "weights"): "Weight of a neighbour: all the same, or by distance.",
}


def meaning(page: str, name: str, said: str) -> str:
    """Return what a parameter does: what its own docstring says, else what its name means everywhere."""
    return said or ELSEWHERE.get((page, name)) or MEANINGS.get(name, "")
