"""
A report
========

A report is one page that opens anywhere, with figures as SVG, PDF and PNG and tables as CSV and LaTeX.
Nothing is fitted for it.
"""

import tempfile
from pathlib import Path

import mueca

folder = Path(tempfile.mkdtemp())
recipe = mueca.recipe_from(
    {
        "name": "example",
        "question": "Which vectors tell synthetic faces apart?",
        "data": "synthetic(n_per_class=40)",
        "extractors": ["pixels", "lbp", "hog"],
        "heads": ["softmax", "svm", "knn"],
    }
)
mueca.compare(recipe, folder)
made = mueca.write_report(
    folder, options=mueca.ReportOptions(embedding="none", test_pairs=[("hog + svm", "lbp + svm")])
)
print(sorted(path.name for path in (made.page.parent / "tables").glob("*.tex"))[:6])
print((made.page.parent / "tables" / "comparison.tex").read_text("utf-8"))

# %%
# The figure at the top of the page.

import matplotlib.pyplot as plt

figure = plt.imread(made.page.parent / "figures" / "accuracy-by-extractor-and-head.png")
plt.figure(figsize=(6, 6 * figure.shape[0] / figure.shape[1]))
plt.imshow(figure)
plt.axis("off")
plt.tight_layout()
plt.show()
