"""
Your own head
=============

Any classifier of scikit-learn is a head: an estimator, a Pipeline, a class that you register under a name.
"""

from sklearn.decomposition import PCA
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.pipeline import make_pipeline

import mueca

pipe = make_pipeline(PCA(60), LinearDiscriminantAnalysis())
model, result = mueca.fit(
    "synthetic(n_per_class=40)", backbone="hog", head=pipe, pca__n_components=[20, 40, 60]
)
print(result.test.params, result.test.accuracy)

mueca.register_head("lda-example", LinearDiscriminantAnalysis, grid={"shrinkage": [0.1, 0.5]})
_, other = mueca.fit(
    "synthetic(n_per_class=40)", backbone="hog", head="lda-example", solver="lsqr", grid="default"
)
print(other.test.params, other.test.accuracy)

# %%
# Where the chosen Pipeline is wrong.

import matplotlib.pyplot as plt

mueca.plot_confusion(result)
plt.tight_layout()
plt.show()
