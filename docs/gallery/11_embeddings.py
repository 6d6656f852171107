"""
Embeddings into t-SNE and clusters
==================================

``featurize`` gives the vectors; scikit-learn does the rest. Here t-SNE lays them out in the plane and
k-means looks for as many clusters as there are classes.
"""

import numpy as np
from sklearn.cluster import KMeans
from sklearn.decomposition import PCA
from sklearn.manifold import TSNE
from sklearn.metrics import adjusted_rand_score
from sklearn.preprocessing import StandardScaler

import mueca

faces, vectors = mueca.featurize("synthetic(n_per_class=40)", "own-small")
X = PCA(30, random_state=0).fit_transform(StandardScaler().fit_transform(np.asarray(vectors.X)))
points = TSNE(random_state=0, perplexity=20).fit_transform(X)
clusters = KMeans(len(faces.classes), n_init=5, random_state=0).fit_predict(X)
print("adjusted Rand index of clusters and classes:", round(adjusted_rand_score(faces.labels, clusters), 2))

# %%
# Left by class, right by cluster.

import matplotlib.pyplot as plt

figure, (left, right) = plt.subplots(1, 2, figsize=(9, 4))
for k, name in enumerate(faces.classes):
    left.scatter(*points[faces.labels == k].T, s=10, label=name)
left.legend(fontsize=7, loc="upper center", bbox_to_anchor=(0.5, 0), ncols=4)
left.set_title("classes")
right.scatter(*points.T, s=10, c=clusters, cmap="tab10")
right.set_title("clusters of k-means")
for ax in (left, right):
    ax.set_xticks([])
    ax.set_yticks([])
plt.tight_layout()
plt.show()
