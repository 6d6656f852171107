"""
Honest against leaky protocols
==============================

The same clips and the same head under three protocols. Only the first is honest: no person and no choice of
the test is in training.
"""

import tempfile

import mueca

recipe = mueca.recipe_from(
    {
        "name": "protocols",
        "data": "synthetic-clips(n_subjects=8, clips_per_subject=6)",
        "protocols": [
            "loso",
            {"protocol": "loso", "selection": "on-test"},
            {"protocol": "random-leaky", "folds": 5},
        ],
        "extractors": ["lbp-top"],
        "heads": [{"head": "knn", "grid": {"n_neighbors": [1, 3, 5]}}],
    }
)
pooled = mueca.compare(recipe, tempfile.mkdtemp()).pooled
for row in pooled:
    print(row.protocol, round(row.uf1, 3))

# %%
# UF1 by protocol. What the leaky ones add is no skill.

import matplotlib.pyplot as plt

plt.figure(figsize=(6, 2.5))
plt.barh(
    [row.protocol for row in pooled], [row.uf1 for row in pooled], color=["tab:blue", "tab:red", "tab:red"]
)
plt.gca().invert_yaxis()
plt.xlabel("UF1")
plt.tight_layout()
plt.show()
