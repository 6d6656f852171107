"""
Compare extractors and heads
============================

Three extractors with three heads: nine runs. Each extractor computes its vectors once, all heads share
them. Validation chooses, the test split is read once.
"""

import tempfile

import mueca

recipe = mueca.recipe_from(
    {
        "name": "example",
        "data": "synthetic(n_per_class=40)",
        "extractors": ["pixels", "lbp", "hog"],
        "heads": ["softmax", "svm", "knn"],
    }
)
folder = tempfile.mkdtemp()
mueca.compare(recipe, folder)
results = mueca.load_results(folder)
print("validation chooses", results.chosen.title)

# %%
# Every accuracy on the test split, a row for each extractor.

import matplotlib.pyplot as plt

table = {(c.test.extractor, c.test.head): 100 * c.test.accuracy for c in results.cells}
extractors, heads = ("pixels", "lbp", "hog"), ("softmax", "svm", "knn")
values = [[table[e, h] for h in heads] for e in extractors]
plt.figure(figsize=(5, 4))
plt.imshow(values, cmap="Blues")
for i, row in enumerate(values):
    for j, value in enumerate(row):
        colour = "white" if value > 50 else "black"
        plt.text(j, i, f"{value:.1f}", ha="center", va="center", color=colour)
plt.xticks(range(3), heads)
plt.yticks(range(3), extractors)
plt.title("test accuracy, %")
plt.tight_layout()
plt.show()
